"""A POST is from the store, and of the shop whose path it came on, or nothing of it is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.events import BadDelivery, BadSignature
from connectors.signature import check_signature
from connectors.woocommerce.address import BadAddress, StoreAddress, store_address
from connectors.woocommerce.envelope import is_ping, open_envelope

SAMPLES = Path(__file__).parents[4] / "shared" / "reference" / "woocommerce" / "payloads"
SECRET = b"s3cret-of-this-shop"
SHOP = store_address("https://shop.example/fa")
BODY = b'{"id":117}'


def sign(body: bytes, secret: bytes = SECRET) -> str:
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()


def headers(body: bytes = BODY, **changed: str | None) -> Callable[[str], str | None]:
    sent = {
        "X-WC-Webhook-Source": "https://shop.example/fa/",
        "X-WC-Webhook-Topic": "order.updated",
        "X-WC-Webhook-Resource": "order",
        "X-WC-Webhook-Event": "updated",
        "X-WC-Webhook-Signature": sign(body),
        "X-WC-Webhook-ID": "2",
        "X-WC-Webhook-Delivery-ID": "9dede2e33020c5b045567962a0f3196c",
    }
    return (sent | {f"X-WC-Webhook-{name.replace('_', '-')}": value for name, value in changed.items()}).get


def key(body: bytes = BODY, **changed: str | None) -> str:
    return open_envelope(headers(body, **changed), body, [SECRET], SHOP).dedupe_key


def test_a_signed_post_says_whose_it_is_and_what_about() -> None:
    envelope = open_envelope(headers(), BODY, [SECRET], SHOP)
    assert (envelope.shop_domain, envelope.topic, envelope.triggered_at) == ("shop.example/fa", "order.updated", None)


def test_a_secret_that_is_being_replaced_still_counts() -> None:
    assert open_envelope(headers(), BODY, [b"the new one", SECRET], SHOP).topic == "order.updated"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="WHAT THE STORE SENT IS ABSENT: its signatures were not checked")
def test_the_signatures_of_a_real_store_are_true() -> None:
    checked = 0
    for path in SAMPLES.glob("webhook-*.json"):
        sent = json.loads(path.read_text("utf-8"))
        signature = sent["headers"].get("X-WC-Webhook-Signature")
        if signature is not None:
            check_signature(signature, sent["body_raw"].encode(), [b"whsec-lab-1"])
            checked += 1
    assert checked == 15


@pytest.mark.parametrize(
    "signature",
    [None, "", "nonsense", "é", sign(BODY, b"another"), sign(b"other"), sign(BODY) + "\n", sign(BODY).rstrip("=")],
)
def test_a_post_that_is_not_signed_with_the_secret_of_its_path_is_nobody_s(signature: str | None) -> None:
    with pytest.raises(BadSignature):
        open_envelope(headers(Signature=signature), BODY, [SECRET], SHOP)


def test_a_path_without_a_secret_takes_nothing() -> None:
    with pytest.raises(BadSignature):
        open_envelope(headers(), BODY, [], SHOP)


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=40))
def test_any_bytes_are_checked_as_they_are(body: bytes, secret: bytes) -> None:
    check_signature(sign(body, secret), body, [secret])
    with pytest.raises(BadSignature):
        check_signature(sign(body, secret), body + b" ", [secret])


@pytest.mark.parametrize("topic", [None, "", "order", "Order.updated", "order.updated\n", "../x", "o" * 30 + ".x"])
def test_a_signed_post_without_a_topic_is_refused(topic: str | None) -> None:
    with pytest.raises(BadDelivery, match="topic"):
        open_envelope(headers(Topic=topic), BODY, [SECRET], SHOP)


@pytest.mark.parametrize(
    "source", ["https://shop.example/fa", "http://www.shop.example/fa/", "https://SHOP.example:443/fa", None]
)
def test_tls_and_www_do_not_make_another_shop(source: str | None) -> None:
    assert open_envelope(headers(Source=source), BODY, [SECRET], SHOP).shop_domain == "shop.example/fa"


@pytest.mark.parametrize(
    "source", ["https://staging.shop.example/fa/", "https://shop.example/", "https://shop.example:8443/fa/", "x y"]
)
def test_a_copy_of_the_shop_that_took_our_secret_along_is_refused(source: str) -> None:
    with pytest.raises(BadDelivery, match=r"Source|another address"):
        open_envelope(headers(Source=source), BODY, [SECRET], SHOP)


def test_two_orders_of_one_second_are_two_deliveries_though_they_share_an_id() -> None:
    first = json.dumps({"id": 1, "date_modified_gmt": "2026-11-22T02:53:11"}).encode()
    second = json.dumps({"id": 2, "date_modified_gmt": "2026-11-22T02:53:11"}).encode()
    assert key(first, Delivery_ID="same") != key(second, Delivery_ID="same")


def test_the_same_bytes_caught_and_sent_again_are_the_same_delivery() -> None:
    assert key(Delivery_ID="one") == key(Delivery_ID="two")
    assert key() != key(Topic="order.created")


def test_a_second_deletion_of_the_same_order_is_another_delivery() -> None:
    assert key(Topic="order.deleted", Delivery_ID="one") != key(Topic="order.deleted", Delivery_ID="two")
    assert key(Topic="order.deleted", Delivery_ID="one") == key(Topic="order.deleted", Delivery_ID="one")


@pytest.mark.parametrize("delivery_id", [None, "", "a b", "é", "x" * 65])
def test_a_deletion_without_an_id_of_its_own_is_refused(delivery_id: str | None) -> None:
    with pytest.raises(BadDelivery, match="Delivery-ID"):
        key(Topic="order.deleted", Delivery_ID=delivery_id)


def test_the_ping_is_known_by_its_form() -> None:
    def ping(name: str) -> str | None:
        return {"Content-Type": "application/x-www-form-urlencoded"}.get(name)

    assert is_ping(ping, b"webhook_id=1")
    assert not is_ping(ping, b"webhook_id=1&x=2")
    assert not is_ping(ping, b'{"id":1}')
    assert not is_ping(headers(b"webhook_id=1"), b"webhook_id=1")


@pytest.mark.parametrize(
    "typed, url, domain",
    [
        ("shop.example", "https://shop.example", "shop.example"),
        (" https://Shop.Example/ ", "https://shop.example", "shop.example"),
        ("http://shop.example:80/fa/", "http://shop.example/fa", "shop.example/fa"),
        ("https://shop.example:8443", "https://shop.example:8443", "shop.example:8443"),
        ("https://shop.example/fa/wp-admin/plugins.php?x=1", "https://shop.example/fa", "shop.example/fa"),
        ("https://shop.example/wp-json/wc/v3/", "https://shop.example", "shop.example"),
        ("https://فروشگاه.example", "https://xn--mgbtj4c7ad63e.example", "xn--mgbtj4c7ad63e.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080"),
    ],
)
def test_an_address_is_kept_in_one_form(typed: str, url: str, domain: str) -> None:
    found = store_address(typed)
    assert (found.url, found.domain) == (url, domain)
    assert store_address(found.url) == found


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "ftp://shop.example",
        "file:///etc/passwd",
        "https://",
        "https://user:pass@shop.example",
        "https://user@shop.example",
        "https://shop.example:99999",
        "https://shop.example/../x",
        "https://sh op.example",
        "https://shop.example/a b",
        "https://shop.example\r\nX: y",
        "https://[::1",
        "https://-bad-.example",
        "https://" + "a" * 64 + ".example",
        "https://" + "a." * 200 + "example",
    ],
)
def test_what_is_no_address_of_a_shop_is_refused(typed: str) -> None:
    with pytest.raises(BadAddress, match="such as https"):
        store_address(typed)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = store_address(text)
    except BadAddress:
        return
    assert isinstance(found, StoreAddress)
    assert store_address(found.url) == found
