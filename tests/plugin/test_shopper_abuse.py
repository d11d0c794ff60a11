"""What somebody may try with a shopper's pages, over the whole application: forged and late requests, another shop's
people, double clicks and two tabs, other sites' forms and frames, guesses, and a proxy that leaves things out. Each is
refused or harmless, and whoever is honest reads what to do.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

import loyalty
import referral
from commerce.ids import CustomerId
from connectors.shopify import PROXY_PATH
from engine.shops import Shop
from sandbox.signing import proxy_signature
from tests.ground import Superuser
from tests.plugin.conftest import CLIENT_SECRET, PREFIX, House, Shopper, order, person
from tests.plugin.markup import flat, mistakes

FIELDS = {
    "reward": "five-off", "action": "follow", "month": "03", "day": "14", "contest": "1", "number": "1",
    "device": "a1b2c3d4e5f60718", "who": "ada lovelace", "contact": "friend@example.com", "wanted": "no",
    "language": "fa", "as": "file", "choice": "five-off",
}  # fmt: skip

# What a form of any other site may do in a shopper's name, and why that is nothing.
HARMLESS = {
    "/share/copy/<code>": "adds one to how often links were copied, by a code that everybody has who was given a link",
}


@pytest.fixture(autouse=True)
def rich(house: House, shop: Shop, next_door: Shop) -> None:
    """Customer 7 of both shops has 150 points to spend: enough for one reward of 100."""
    now = house.clock.now
    for each in (next_door, shop):
        house.settle(each, order(1001, person("7", now - timedelta(days=60)), now - timedelta(days=30), 15000))


def signed(shop: Shop, customer: str = "7", at: datetime | None = None, **changed: str) -> str:
    """A query as the platform's proxy signs it, with what is changed signed too."""
    given = {
        "shop": shop.domain, "logged_in_customer_id": customer, "path_prefix": PREFIX,
        "timestamp": str(int((at or datetime.now(UTC)).timestamp())), **changed,
    }  # fmt: skip
    return urlencode({**given, "signature": proxy_signature(given.items(), CLIENT_SECRET)})


def tickets(page: str) -> list[str]:
    return re.findall(r'name="(?:request_key|ticket)" value="([^"]+)"', page)


def posts(house: House) -> list[str]:
    """Every address of the shopper's at which something can be posted, below the proxy."""
    rules = [r for r in house.app.url_map.iter_rules() if r.rule.startswith(f"{PROXY_PATH}/")]
    return sorted(r.rule.removeprefix(PROXY_PATH) for r in rules if "POST" in (r.methods or set()))


def rows(above: Superuser, shop: Shop) -> Mapping[str, Any]:
    return above.rows_of(shop.shop_id)


def told_what_to_do(page: str) -> bool:
    return "Go back to the shop, log in there, and open the page of your points again" in flat(page)


# --- who is asking


@pytest.mark.parametrize("seconds", [-3600, -91, 180, 3600])
def test_a_request_of_another_time_is_refused_and_its_sender_told_what_to_do(
    house: House, shop: Shop, above: Superuser, seconds: int
) -> None:
    """A platform's request that somebody kept, or a clock that is an hour off: ours or the platform's."""
    client, at = house.app.test_client(), datetime.now(UTC) + timedelta(seconds=seconds)
    before = rows(above, shop)
    for answer in (
        client.get(f"/proxy/?{signed(shop, at=at)}"),
        client.post(f"/proxy/redeem?{signed(shop, at=at)}", data=FIELDS),
        client.get(f"/proxy/r/NOSU-K7K7?{signed(shop, '', at=at)}"),
    ):
        assert (answer.status_code, mistakes(answer.text)) == (401, [])
        assert told_what_to_do(answer.text)
        assert "store's admin" not in answer.text
    assert rows(above, shop) == before


def test_a_page_s_request_can_be_fetched_again_within_ninety_seconds_and_a_press_is_done_once(
    house: House, shop: Shop
) -> None:
    """The platform's signature knows no use; what changes something is named by its ticket."""
    client = house.app.test_client()
    query = signed(shop)
    page = client.get(f"/proxy/?{query}")
    assert client.get(f"/proxy/?{query}").status_code == page.status_code == 200
    form = {"reward": "five-off", "request_key": tickets(page.text)[0]}
    answers = [client.post(f"/proxy/redeem?{query}", data=form) for _ in range(3)]
    assert {(a.status_code, a.location) for a in answers} == {(303, answers[0].location)}
    assert _bought(house, shop) == 1


@pytest.mark.parametrize(
    "forged",
    [
        lambda q: q.replace("logged_in_customer_id=7", "logged_in_customer_id=8"),
        lambda q: f"{q}&logged_in_customer_id=8",
        lambda q: f"logged_in_customer_id=8&{q}",
        lambda q: f"{q}&shop=other.myshopify.com",
        lambda q: f"{q}&timestamp=1",
        lambda q: f"{q}&signature={'0' * 64}",
        lambda q: q.replace("logged_in_customer_id=7", "xlogged_in_customer_id=7"),
        lambda q: re.sub("&signature=.*", "", q),
        lambda q: re.sub("signature=.*", f"hmac={'0' * 64}", q),
        lambda q: q.upper(),
        lambda q: f"{q}&x={'y' * 9000}",
    ],
)  # fmt: skip
def test_no_other_query_is_believed(house: House, shop: Shop, above: Superuser, forged: Any) -> None:
    client, before = house.app.test_client(), rows(above, shop)
    page = client.get(f"/proxy/?{forged(signed(shop))}")
    assert page.status_code == 401
    assert told_what_to_do(page.text)
    assert client.post(f"/proxy/redeem?{forged(signed(shop))}", data=FIELDS).status_code == 401
    assert rows(above, shop) == before


def test_an_id_of_another_shop_is_nobody_here(house: House, shop: Shop, next_door: Shop, above: Superuser) -> None:
    house.settle(next_door, order(2001, person("55", house.clock.now), house.clock.now, 90000))
    client = house.app.test_client()
    client.get(f"/proxy/?{signed(shop)}")
    assert "No orders yet" in client.get(f"/proxy/?{signed(shop, '55')}").text
    theirs = tickets(client.get(f"/proxy/?{signed(next_door)}").text)[0]
    before, beside = rows(above, shop), rows(above, next_door)
    form = {**FIELDS, "request_key": theirs, "ticket": theirs}
    for path in posts(house):
        if path not in HARMLESS:
            answer = client.post(f"/proxy{_filled(path)}?{signed(shop)}", data=form)
            assert (path, answer.status_code) == (path, 409)
    changed = {t for t, found in rows(above, shop).items() if found != before[t]}
    assert changed <= {"advocate_traces"}, "the page that answers notes the advocate's browser, as a digest"
    assert rows(above, next_door) == beside


# --- other sites


def test_no_other_site_s_form_does_anything_in_a_shopper_s_name(house: House, shop: Shop, above: Superuser) -> None:
    """The browser brings the shop's login along, wherever the form stands; it cannot bring a ticket. Every address is
    asked: a new one either wants a ticket, or is named above with its reason.
    """
    shopper = Shopper(house.app.test_client(), shop, "7")
    shopper.get()
    walked = posts(house)
    assert len(walked) >= 14
    for path in walked:
        before = rows(above, shop)
        answer = shopper.post(_filled(path), **FIELDS)
        changed = {table for table, found in rows(above, shop).items() if found != before[table]}
        if path in HARMLESS:
            assert (path, answer.status_code, changed - {"advocate_counts", "invitation_counts"}) == (path, 303, set())
            continue
        assert (path, answer.status_code, changed - {"advocate_traces"}) == (path, 409, set())
        assert "Nothing was done; please press the button again" in flat(answer.text)
        assert tickets(answer.text), f"{path} answers with a page whose form can be sent"


def test_every_harmless_address_is_still_there(house: House) -> None:
    assert set(HARMLESS) <= set(posts(house))


def test_a_form_that_somebody_else_was_given_is_worth_nothing(house: House, shop: Shop, above: Superuser) -> None:
    house.settle(shop, order(3001, person("8", house.clock.now), house.clock.now - timedelta(days=30), 50000))
    eve = Shopper(house.app.test_client(), shop, "8")
    victim = Shopper(house.app.test_client(), shop, "7")
    victim.get()
    hers, before = tickets(eve.get().text)[0], rows(above, shop)
    for path in posts(house):
        if path not in HARMLESS:
            answer = victim.post(_filled(path), **FIELDS, request_key=hers, ticket=hers)
            assert (path, answer.status_code) == (path, 409)
    changed = {t for t, found in rows(above, shop).items() if found != before[t]}
    assert changed <= {"advocate_traces"}


def test_nobody_else_s_frame_shows_a_shopper_s_page(house: House, shop: Shop, next_door: Shop) -> None:
    for who in ("7", ""):
        shopper = Shopper(house.app.test_client(), shop, who)
        for path in ("/", "/you", "/you/erase", "/r/NOSU-K7K7", "/invited"):
            policy = shopper.get(path).headers["Content-Security-Policy"]
            assert f"frame-ancestors 'self' https://{shop.domain} https://admin.shopify.com" in policy, path
            assert next_door.domain not in policy
    refused = house.app.test_client().get("/proxy/").headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in refused


# --- twice at once


def test_two_tabs_and_a_double_click_buy_once(house: House, shop: Shop) -> None:
    """Twelve presses at the same moment, of two forms: there are points for two rewards."""
    house.settle(shop, order(1002, person("7", house.clock.now), house.clock.now - timedelta(days=30), 5000))
    page = Shopper(house.app.test_client(), shop, "7").get().text
    other = Shopper(house.app.test_client(), shop, "7").get().text
    forms = [tickets(page)[0], tickets(other)[0]]
    start = threading.Barrier(12)

    def press(number: int) -> tuple[int, str | None]:
        shopper = Shopper(house.app.test_client(), shop, "7")
        start.wait(60)
        answer = shopper.post("/redeem", reward="five-off", request_key=forms[number % 2])
        return answer.status_code, answer.location

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(press, range(12)))
    assert [status for status, _ in answers] == [303] * 12
    assert len({location for _, location in answers}) == 1
    assert (_bought(house, shop), _spendable(house, shop)) == (1, 100)


def test_a_tab_from_before_buys_nothing_else_and_says_what_to_do(house: House, shop: Shop) -> None:
    """Hours later too: it knows nothing of what was bought meanwhile. A page that does buys the next reward."""
    house.settle(shop, order(1002, person("7", house.clock.now), house.clock.now - timedelta(days=30), 5000))
    with house.database.work(shop.shop_id) as work:
        reward = {"title": "5 off", "points": 100, "amount_minor": 500, "code_days": 30}
        loyalty.change(work, rewards=[{"key": key, **reward} for key in ("five-off", "other")])
    shopper = Shopper(house.app.test_client(), shop, "7")
    key = tickets(shopper.get().text)[0]
    house.clock.forward(hours=2)
    assert shopper.post("/redeem", reward="five-off", request_key=tickets(shopper.get().text)[0]).status_code == 303
    assert shopper.post("/redeem", reward="five-off", request_key=key).status_code == 303
    late = shopper.post("/redeem", reward="other", request_key=key)
    assert late.status_code == 409
    assert "press again if you want this too" in flat(late.text)
    assert (_bought(house, shop), _spendable(house, shop)) == (1, 100)
    assert shopper.post("/redeem", reward="other", request_key=tickets(late.text)[0]).status_code == 303
    assert (_bought(house, shop), _spendable(house, shop)) == (2, 0)


def test_the_moment_of_a_form_is_sealed(house: House, shop: Shop) -> None:
    shopper = Shopper(house.app.test_client(), shop, "7")
    last, _, ticket = tickets(shopper.get().text)[0].partition("-")
    assert last == "0"
    for moved in (f"1-{ticket}", f"00-{ticket}", f"-{ticket}", ticket):
        assert shopper.post("/redeem", reward="five-off", request_key=moved).status_code == 409
    assert _bought(house, shop) == 0


# --- too often


def test_whoever_presses_faster_than_anybody_can_is_asked_to_wait_and_nobody_else_is(
    house: House, shop: Shop, next_door: Shop, above: Superuser
) -> None:
    shopper = Shopper(house.app.test_client(), shop, "7")
    for _ in range(30):
        assert shopper.post("/redeem", reward="five-off", request_key="x").status_code == 409
    before = rows(above, shop)
    good = tickets(shopper.get().text)[0]
    for path in posts(house):
        if path not in HARMLESS:
            answer = shopper.post(_filled(path), **FIELDS, request_key=good, ticket=good)
            assert (path, answer.status_code, answer.headers["Retry-After"]) == (path, 429, "2")
            assert mistakes(answer.text) == []
            assert "You have pressed very often in a short time" in flat(answer.text)
            assert "Wait a minute, and try again" in flat(answer.text)
    assert rows(above, shop) == before
    assert shopper.get().status_code == 200, "reading goes on"
    neighbour = Shopper(house.app.test_client(), next_door, "7")
    ticket = tickets(neighbour.get().text)[0]
    assert neighbour.post("/redeem", reward="five-off", request_key=ticket).status_code == 303
    house.clock.forward(seconds=2)
    assert shopper.post("/redeem", reward="five-off", request_key=good).status_code == 303


def _claims(shopper: Shopper, path: str, address: str, whence: str) -> Any:
    form = {"contact": address, "who": "NOSU-K7K7"}
    query = f"/proxy{path}?{shopper.query()}"
    return shopper.client.post(query, data=form, headers={"X-Forwarded-For": whence})


@pytest.mark.parametrize("path", ["/r/{}", "/invited"])
def test_guessing_codes_from_one_place_ends_after_thirty_with_an_hour_s_wait(
    house: House, shop: Shop, next_door: Shop, path: str
) -> None:
    stranger = Shopper(house.app.test_client(), shop)
    for number in range(30):
        answer = _claims(stranger, path.format(f"ANNA-{number:04}"), f"a{number}@example.com", "203.0.113.9")
        assert answer.status_code == 409
    stopped = _claims(stranger, path.format("ANNA-9999"), "b@example.com", "203.0.113.9")
    assert (stopped.status_code, stopped.headers["Retry-After"]) == (429, "3600")
    assert mistakes(stopped.text, whole=False) == []
    assert "Please wait an hour, and try again" in flat(stopped.text)
    assert _claims(stranger, path.format("ANNA-9999"), "b@example.com", "203.0.113.10").status_code == 409
    neighbour = Shopper(house.app.test_client(), next_door)
    assert _claims(neighbour, path.format("ANNA-9999"), "b@example.com", "203.0.113.9").status_code == 409


def test_guessing_from_everywhere_ends_for_the_shop_for_a_minute(house: House, shop: Shop, next_door: Shop) -> None:
    stranger = Shopper(house.app.test_client(), shop)
    with house.database.work(shop.shop_id) as work:
        code = referral.code_of(work, CustomerId(house.customer_id(shop, "7")))
    for number in range(120):
        assert _claims(stranger, f"/r/ANNA-{number:04}", "e@example.com", f"198.51.100.{number}").status_code == 409
    for guess in ("ANNA-9999", code):
        stopped = _claims(stranger, f"/r/{guess}", "f@example.com", "198.51.100.200")
        assert stopped.status_code == 429, "a code that is known does not stand out"
    house.clock.forward(minutes=1, seconds=1)
    assert _claims(stranger, f"/r/{code}", "f@example.com", "198.51.100.201").status_code == 200


def test_a_list_of_addresses_is_not_told_who_are_customers(house: House, shop: Shop) -> None:
    """With a guessed code all addresses read the same; with a true one a customer reads what anybody reads who cannot
    take it up, thirty times an hour.
    """
    stranger = Shopper(house.app.test_client(), shop)
    known, unknown = (
        _claims(stranger, "/r/NOSU-K7K7", address, "203.0.113.1")
        for address in ("ada7@example.com", "ayda@example.com")
    )
    assert known.text.replace("ada7@", "ayda@") == unknown.text
    with house.database.work(shop.shop_id) as work:
        code = referral.code_of(work, CustomerId(house.customer_id(shop, "7")))
    customer = _claims(stranger, f"/r/{code}", "ada7@example.com", "203.0.113.1")
    assert customer.text.replace(code, "NOSU-K7K7") == known.text


def test_a_share_of_a_code_that_nobody_has_looks_like_any_other(house: House, shop: Shop, above: Superuser) -> None:
    with house.database.work(shop.shop_id) as work:
        code = referral.code_of(work, CustomerId(house.customer_id(shop, "7")))
    stranger, before = Shopper(house.app.test_client(), shop), rows(above, shop)
    made_up = stranger.get("/share/sms/NOSU-K7K7")
    changed = {t for t, found in rows(above, shop).items() if found != before[t]}
    assert changed <= {"invitation_counts"}, "how often links were passed on, and not whose"
    true = stranger.get(f"/share/sms/{code}")
    assert (true.status_code, true.location) == (made_up.status_code, made_up.location.replace("NOSU-K7K7", code))


# --- a proxy that leaves things out


class Bare:
    """A client whose requests bear no header of a browser's."""

    def __init__(self, house: House, shop: Shop) -> None:
        self._client, self._shop = house.app.test_client(), shop

    def _ask(self, method: str, path: str, customer: str, body: bytes | None, kind: str | None) -> Any:
        environ = {"HTTP_USER_AGENT": "", "REMOTE_ADDR": ""}
        query = signed(self._shop, customer)
        return self._client.open(
            f"/proxy{path}?{query}", method=method, data=body, content_type=kind, environ_overrides=environ
        )

    def get(self, path: str, customer: str = "7") -> Any:
        return self._ask("GET", path, customer, None, None)

    def post(self, path: str, fields: Mapping[str, str], kind: str | None, customer: str = "7") -> Any:
        return self._ask("POST", path, customer, urlencode(fields).encode(), kind)


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("customer", ["7", ""])
@pytest.mark.parametrize("path", ["/", "/you", "/you/erase", "/r/NOSU-K7K7", "/invited"])
def test_pages_need_none_of_a_browser_s_headers(house: House, shop: Shop, path: str, customer: str) -> None:
    page = Bare(house, shop).get(path, customer)
    assert (page.status_code, mistakes(page.text, whole=False)) == (200, [])
    assert '<div class="perennial" lang="en" dir="ltr">' in page.text


def test_an_honest_press_goes_through_without_them(house: House, shop: Shop) -> None:
    bare = Bare(house, shop)
    ticket = tickets(bare.get("/").text)[0]
    assert bare.post("/redeem", {"reward": "five-off", "request_key": ticket}, FORM).status_code == 303
    assert _bought(house, shop) == 1


@pytest.mark.parametrize("kind", [None, "text/plain", "application/json", "multipart/form-data", "x" * 300])
def test_a_form_that_lost_its_kind_does_nothing_and_says_to_press_again(
    house: House, shop: Shop, above: Superuser, kind: str | None
) -> None:
    bare = Bare(house, shop)
    ticket = tickets(bare.get("/").text)[0]
    before = rows(above, shop)
    for path in posts(house):
        if path in HARMLESS:
            continue
        answer = bare.post(_filled(path), {**FIELDS, "request_key": ticket, "ticket": ticket}, kind)
        assert (path, answer.status_code) == (path, 409)
        assert "Nothing was done" in flat(answer.text)
    changed = {t for t, found in rows(above, shop).items() if found != before[t]}
    assert changed <= {"advocate_traces"}


def test_claims_whose_origin_is_not_said_are_counted_as_of_one_place(house: House, shop: Shop) -> None:
    """Where a proxy does not say where somebody comes from, all of them share what one place may try."""
    bare = Bare(house, shop)
    for number in range(30):
        assert bare.post(f"/r/ANNA-{number:04}", {"contact": "a@example.com"}, FORM, "").status_code == 409
    stopped = bare.post("/r/ANNA-9999", {"contact": "a@example.com"}, FORM, "")
    assert (stopped.status_code, stopped.headers["Retry-After"]) == (429, "3600")


@pytest.mark.parametrize(
    "path,method,status", [("/nowhere", "GET", 404), ("/redeem", "GET", 405), ("/", "DELETE", 405)]
)
def test_whoever_is_lost_is_led_back_to_the_shop(house: House, shop: Shop, path: str, method: str, status: int) -> None:
    answer = house.app.test_client().open(f"/proxy{path}?{signed(shop)}", method=method)
    assert (answer.status_code, mistakes(answer.text)) == (status, [])
    assert told_what_to_do(answer.text)
    assert "menu above" not in answer.text


def test_a_form_that_is_too_large_is_refused_before_it_is_read(house: House, shop: Shop, above: Superuser) -> None:
    before = rows(above, shop)
    body = {"reward": "x" * 2_000_000, "request_key": "x"}
    answer = house.app.test_client().post(f"/proxy/redeem?{signed(shop)}", data=body)
    assert answer.status_code == 413
    assert rows(above, shop) == before


def _filled(path: str) -> str:
    return path.replace("<code>", "NOSU-K7K7")


def _bought(house: House, shop: Shop) -> int:
    with house.database.work(shop.shop_id) as work:
        many: int = work.row(text("SELECT count(*) AS n FROM redemptions WHERE shop_id = :shop_id")).n
        return many


def _spendable(house: House, shop: Shop) -> int:
    with house.database.work(shop.shop_id) as work:
        return loyalty.account(work, CustomerId(house.customer_id(shop, "7"))).spendable
