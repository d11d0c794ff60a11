"""Every way in which a store says no has a name that a merchant understands, and heals when its cause goes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commerce.store import PutDiscount, PutSegment, SetTags, StoreError
from connectors.http import HttpSession, Limits, public
from connectors.woocommerce import Home
from connectors.woocommerce.address import store_address
from connectors.woocommerce.client import WooStore
from connectors.woocommerce.rest import moved
from connectors.woocommerce.signing import Key, Mode, modes, oauth_signature, signed
from sandbox.woocommerce import ApiKey, Line
from tests.connectors.woocommerce.conftest import NOON, Shop

TAG = [SetTags("11", "stage:", ("stage:retained",), ())]


def fault(shop: Shop, scheme: str = "https", mode: Mode | None = None) -> StoreError:
    with pytest.raises(StoreError) as raised:
        shop.woo(scheme, mode).orders(["5"])
    told = str(raised.value)
    assert shop.key.consumer_key not in told
    assert shop.key.consumer_secret not in told
    assert "127.0.0.1" not in told
    return raised.value


def discount() -> PutDiscount:
    return PutDiscount("LOYAL-1", "Five off", 500, "USD", NOON, NOON + timedelta(days=9), None, 0, True)


def way(woo: WooStore) -> Mode | None:
    return woo.mode


def writing_fault(shop: Shop, scheme: str = "https") -> StoreError:
    shop.store.register("sara@example.test")
    number = next(iter(shop.store.customers))
    with pytest.raises(StoreError) as raised:
        shop.woo(scheme).set_tags([SetTags(str(number), "stage:", ("stage:retained",), ())])
    return raised.value


# --- showing the key


def test_over_tls_the_key_is_shown_in_the_header(shop: Shop) -> None:
    woo = shop.woo()
    assert way(woo) is None
    woo.orders(["5"])
    assert way(woo) is Mode.BASIC
    assert not any("consumer_key" in query or "oauth_nonce" in query for _, _, query in shop.store.asked)


def test_a_host_that_drops_the_header_gets_the_key_in_the_query(shop: Shop) -> None:
    shop.store.faults.drops_authorization = True
    woo = shop.woo()
    woo.orders(["5"])
    assert way(woo) is Mode.QUERY
    before = len(shop.store.asked)
    woo.orders(["5"])
    assert len(shop.store.asked) - before == 2


def test_a_store_whose_tls_ends_in_front_of_it_gets_signatures(shop: Shop) -> None:
    shop.store.sees_tls = False
    woo = shop.woo()
    woo.orders(["5", "6"])
    assert way(woo) is Mode.OAUTH
    number = shop.store.order([Line("Tea", "5.00")], status="completed")
    assert [order.external_id for order in woo.orders([str(number)])] == [str(number)]


def test_over_plain_http_the_secret_never_travels(shop: Shop) -> None:
    woo = shop.woo("http")
    woo.orders(["5"])
    assert way(woo) is Mode.OAUTH
    assert modes(store_address(shop.urls["http"])) == (Mode.OAUTH,)
    assert not any(shop.key.consumer_secret in str(query) for _, _, query in shop.store.asked)
    nonces = [query["oauth_nonce"] for _, _, query in shop.store.asked if "oauth_nonce" in query]
    assert len(nonces) == len(set(nonces)) == 2


def test_a_way_that_was_kept_for_plain_http_is_not_believed(shop: Shop) -> None:
    woo = shop.woo("http", Mode.BASIC)
    woo.orders(["5"])
    assert way(woo) is Mode.OAUTH


def test_a_store_that_changes_its_way_is_followed(shop: Shop) -> None:
    woo = shop.woo()
    woo.orders(["5"])
    shop.store.faults.drops_authorization = True
    woo.orders(["5"])
    assert way(woo) is Mode.QUERY
    shop.store.sees_tls = False
    woo.orders(["5"])
    assert way(woo) is Mode.OAUTH
    shop.store.sees_tls, shop.store.faults.drops_authorization = True, False
    woo.orders(["5"])
    assert way(woo) is Mode.BASIC


def test_the_signature_is_the_one_of_the_standard() -> None:
    # RFC 5849's rules by hand: sorted, encoded twice, the secret with an ampersand.
    query = [("status[0]", "any"), ("b", "1 2"), ("a", "ü&=")]
    text = (
        "GET&http%3A%2F%2Fs.example%2Fwp-json%2Fwc%2Fv3%2Forders"
        "&a%3D%25C3%25BC%2526%253D%26b%3D1%25202%26status%255B0%255D%3Dany"
    )
    expected = base64.b64encode(hmac.new(b"cs_x&", text.encode(), hashlib.sha256).digest()).decode()
    assert oauth_signature("get", "http://s.example/wp-json/wc/v3/orders", query, "cs_x") == expected


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=12)), max_size=4))
def test_no_secret_is_in_what_a_signed_question_shows_of_itself(query: list[tuple[str, str]]) -> None:
    key = Key("ck_" + "a" * 40, "cs_" + "b" * 40)
    for mode in Mode:
        asked = signed(mode, key, "GET", store_address("shop.example"), "/wc/v3/orders", query, timestamp=1, nonce="n")
        assert "cs_b" not in repr(asked) + repr(key)
        assert ("cs_b" in asked.url) is (mode is Mode.QUERY)


# --- keys


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_revoked_key_is_named_and_heals_when_it_is_back(shop: Shop, scheme: str) -> None:
    woo = shop.woo(scheme)
    woo.orders(["5"])
    keys, shop.store.keys = shop.store.keys, []
    with pytest.raises(StoreError, match="connect the store again") as raised:
        woo.orders(["5"])
    assert (raised.value.closed, raised.value.permanent) == (True, False)
    shop.store.keys = keys
    assert woo.orders(["5"]) == []


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_key_whose_secret_was_changed_is_named_without_trying_every_way(shop: Shop, scheme: str) -> None:
    shop.store.keys = [ApiKey(shop.key.consumer_key)]
    assert "the store does not take our key" in fault(shop, scheme).reason
    assert len(shop.store.asked) == (1 if scheme == "https" else 2)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_key_that_may_only_read_is_named_when_it_should_write_and_reads_on(shop: Shop, scheme: str) -> None:
    shop.key.rights = "read"
    told = writing_fault(shop, scheme)
    assert told.reason == "our key may only read: connect the store again, and allow reading and writing"
    assert told.closed
    assert shop.woo(scheme).orders(["5"]) == []
    shop.key.rights = "read_write"
    number = next(iter(shop.store.customers))
    assert shop.woo(scheme).set_tags([SetTags(str(number), "stage:", ("stage:retained",), ())]) == [None]


def test_an_account_that_lost_its_rights_is_named(shop: Shop) -> None:
    shop.key.admin = False
    told = fault(shop)
    assert told.closed
    assert "lost its rights" in told.reason


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_an_hour_off_is_made_up_for_by_the_store_s_own(shop: Shop, hours: int) -> None:
    woo = shop.woo("http")
    shop.store.clock = lambda: shop.clock() + timedelta(hours=hours)
    assert woo.orders(["5"]) == []
    asked = len(shop.store.asked)
    assert woo.orders(["5"]) == []
    # Once known, it costs no second question.
    assert len(shop.store.asked) - asked == 2
    shop.store.clock = shop.clock
    assert woo.orders(["5"]) == []


def test_a_nonce_that_was_used_is_replaced(shop: Shop) -> None:
    class Used(dict[str, int]):
        first = True

        def __contains__(self, nonce: object) -> bool:
            was, Used.first = Used.first, False
            return was

    shop.key.nonces = Used()
    assert shop.woo("http").orders(["5"]) == []


# --- what stands in front of the store


@pytest.mark.parametrize(
    "status, closed, told",
    [
        (401, True, "firewall"),
        (403, True, "firewall"),
        (404, True, "permalinks"),
        (406, True, "firewall"),
        (418, False, "something in front of the store answered"),
        (429, False, "slow down"),
        (500, False, "the store failed"),
        (502, False, "the store failed"),
        (503, False, "maintenance"),
    ],
)
def test_a_page_in_place_of_an_answer_is_named_and_passes(shop: Shop, status: int, closed: bool, told: str) -> None:
    shop.store.faults.page(status)
    found = fault(shop)
    assert (found.closed, found.permanent) == (closed, False)
    assert told in found.reason
    assert shop.woo().orders(["5"]) == []


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("given, seconds", [("7", 7.0), ("99999", 3600.0), ("soon", 60.0), ("", 60.0), ("nan", 60.0)])
def test_a_wait_that_the_store_asks_for_is_passed_on(shop: Shop, status: int, given: str, seconds: float) -> None:
    shop.store.faults.page(status, Retry_After=given)
    assert fault(shop).retry_after == seconds


def test_a_page_with_a_good_status_is_no_answer(shop: Shop) -> None:
    shop.store.faults.page(200, b"Log in")
    found = fault(shop)
    assert not found.permanent
    assert "page for people" in found.reason


@pytest.mark.parametrize(
    "body, told",
    [
        (b"", "was empty"),
        (b"[{", "cut off or garbled"),
        (b"\xff\xfe", "cut off or garbled"),
        (b"0", "lacks what was asked"),
        (b'{"id":1}', "lacks what was asked"),
        (b"[" * 100_000, "cut off or garbled"),
    ],
    ids=["empty", "cut", "bytes", "number", "object", "deep"],
)
def test_an_answer_that_cannot_be_read_is_asked_for_again_later(shop: Shop, body: bytes, told: str) -> None:
    shop.store.faults.answer(200, body)
    found = fault(shop)
    assert not found.permanent
    assert told in found.reason


def test_php_messages_before_the_answer_are_named_with_the_switch_that_ends_them(shop: Shop) -> None:
    shop.store.faults.notice = True
    assert "WP_DEBUG_DISPLAY" in fault(shop).reason
    shop.store.faults.notice = False
    assert shop.woo().orders(["5"]) == []


def test_half_an_answer_is_no_answer(shop: Shop) -> None:
    number = shop.store.order([Line("Tea", "5.00")], status="completed")
    shop.store.faults.cut = True
    with pytest.raises(StoreError, match="cut off"):
        shop.woo().orders([str(number)])


def test_a_refusal_is_told_by_its_code_and_never_in_the_store_s_words(shop: Shop) -> None:
    body = b'{"code":"rest_invalid_param","message":"sara@example.test is &quot;bad&quot;","data":{"status":400}}'
    shop.store.faults.answer(400, body)
    found = fault(shop)
    assert (found.permanent, found.reason) == (True, "the store refused: rest_invalid_param (HTTP 400)")
    shop.store.faults.answer(400, b'{"code":"<b>sara@example.test</b>","message":"","data":500}')
    assert fault(shop).reason == "the store refused: an odd code (HTTP 400)"


@pytest.mark.parametrize("status", [401, 403])
def test_a_plugin_that_closes_the_interface_is_told_from_a_revoked_key(shop: Shop, status: int) -> None:
    body = b'{"code":"rest_login_required","message":"Only for members.","data":{"status":%d}}' % status
    for _ in range(3):
        shop.store.faults.answer(status, body)
    found = fault(shop)
    assert found.closed
    assert "a plugin of the shop keeps strangers out" in found.reason


def test_a_store_without_woocommerce_is_named(shop: Shop) -> None:
    shop.store.woocommerce = False
    found = fault(shop)
    assert found.closed
    assert "switch WooCommerce on" in found.reason


# --- where the store is


def test_only_the_same_shop_is_followed_to_another_address(shop: Shop) -> None:
    """TLS and ``www.`` make no other shop, another port does."""
    shop.store.faults.answer(301, b"", {"Location": shop.urls["https"] + "/wp-json/wc/v3/orders?x=1"})
    with pytest.raises(StoreError, match="moved to"):
        shop.woo("http").orders(["5"])
    address = store_address("http://shop.example/fa")
    assert moved(address, "https://www.shop.example/fa/wp-json/wc/v3/orders?x=1") == store_address(
        "https://www.shop.example/fa"
    )
    for elsewhere in ("https://shop.example/", "https://evil.example/fa", "https://shop.example.evil.example/fa"):
        with pytest.raises(StoreError, match="moved to"):
            moved(address, elsewhere)


@pytest.mark.parametrize(
    "location, told",
    [
        ("https://new-shop.example/wp-json/wc/v3/orders?a=b", "moved to new-shop.example: connect it again"),
        ("/login", "does not say where"),
        ("", "does not say where"),
        ("javascript:alert(1)", "does not say where"),
    ],
)
def test_a_store_that_moved_is_named_and_the_key_does_not_go_there(shop: Shop, location: str, told: str) -> None:
    shop.store.faults.answer(301, b"", {"Location": location})
    found = fault(shop)
    assert found.closed
    assert told in found.reason
    assert len(shop.store.asked) == 1


def test_a_store_that_sends_us_in_a_circle_is_left(shop: Shop) -> None:
    for _ in range(2):
        shop.store.faults.answer(302, b"", {"Location": shop.urls["https"] + "/wp-json/wc/v3/orders"})
    found = fault(shop)
    assert found.closed
    assert "in a circle" in found.reason
    assert len(shop.store.asked) == 2


def test_never_back_from_tls_to_plain_http(shop: Shop) -> None:
    shop.store.faults.answer(301, b"", {"Location": shop.urls["https"].replace("https://", "http://") + "/wp-json/"})
    with pytest.raises(StoreError, match="moved to") as raised:
        shop.woo().orders(["5"])
    assert raised.value.closed
    assert len(shop.store.asked) == 1


def test_a_store_that_is_not_there_is_named(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shop.urls["https"] = f"https://127.0.0.1:{port}"
    assert "could not be reached" in fault(shop).reason


def test_a_certificate_of_nobody_is_named(shop: Shop) -> None:
    address = store_address(shop.urls["https"])
    woo = WooStore(address, Key("ck", "cs"), HttpSession(), now=shop.clock)
    with pytest.raises(StoreError, match="certificate is not valid"):
        woo.orders(["5"])
    assert shop.store.asked == []


def test_a_store_that_does_not_answer_is_given_up(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = store_address(f"http://127.0.0.1:{silent.getsockname()[1]}")
        http = HttpSession(plain=True, limits=Limits(connect_s=0.2, read_s=0.2, total_s=0.3))
        with pytest.raises(StoreError, match="did not answer in time"):
            WooStore(address, Key("ck", "cs"), http, now=shop.clock).orders(["5"])


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_nobody_sends_us_to_a_machine_of_our_own_network(shop: Shop, scheme: str) -> None:
    woo = WooStore(store_address(shop.urls[scheme]), Key("ck", "cs"), shop.http(allowed=public), now=shop.clock)
    with pytest.raises(StoreError, match="not on the public internet"):
        woo.orders(["5"])
    assert shop.store.asked == []


@pytest.mark.parametrize(
    "peer, is_public",
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.5", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
    ],
)
def test_which_machines_are_of_the_public_internet(peer: str, is_public: bool) -> None:
    assert public(peer) is is_public


def test_a_session_speaks_plain_http_only_where_it_was_told_to(shop: Shop) -> None:
    woo = WooStore(store_address(shop.urls["http"]), Key("ck", "cs"), HttpSession(), now=shop.clock)
    with pytest.raises(StoreError, match="could not be reached"):
        woo.orders(["5"])


def test_a_batch_that_asks_for_nothing_asks_nothing(shop: Shop) -> None:
    woo = shop.woo(home=Home("USD"))
    assert (woo.set_tags([]), woo.put_discounts([]), woo.put_segments([]), woo.orders([])) == ([], [], [], [])
    assert shop.store.asked == []
    assert len(woo.put_segments([PutSegment("a", "b")])) == 1


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["id", "create", "update", "error", "code", "message", "data", "status"]), inner
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=_JSON, status=st.sampled_from([200, 201, 301, 400, 401, 403, 404, 413, 500]))
def test_whatever_the_store_answers_it_is_understood_or_told_as_its_fault(
    shop: Shop, answer: object, status: int
) -> None:
    woo = shop.woo(home=Home("USD"))
    code = discount()
    questions: list[Callable[[], object]] = [
        woo.details,
        lambda: list(woo.orders_changed(NOON)),
        lambda: list(woo.customers_changed(NOON)),
        lambda: woo.orders(["5"]),
        lambda: woo.set_tags(TAG),
        lambda: woo.put_discounts([code]),
        lambda: woo.put_discounts([replace(code, active=False)]),
        lambda: woo.keep_webhooks("https://app.example/x", "secret"),
    ]
    for question in questions:
        for _ in range(6):
            shop.store.faults.answer(status, json.dumps(answer).encode(), {"Location": "https://127.0.0.1/"})
        with suppress(StoreError):
            question()
        shop.store.faults.next.clear()
