"""The landing page for a crowd: the gate in front answers what the pages would, and to nobody else's request."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from a2wsgi import ASGIMiddleware, WSGIMiddleware
from sqlalchemy import text
from werkzeug.test import Client

import referral
from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine.shops import Shop
from plugin.storefront.claims import Claims
from plugin.storefront.gathering import Gathering
from plugin.storefront.landing import LandingDoor
from plugin.storefront.remembering import SECONDS, Remembered
from tests.plugin.conftest import House, Shopper, order, person

_CLICKS = text("SELECT channel, many FROM invitation_counts WHERE shop_id = :shop_id AND what = 'click'")


@pytest.fixture
def crowd(house: House, shop: Shop) -> Shopper:
    """A stranger before the gate."""
    behind = WSGIMiddleware(house.app)  # type: ignore[arg-type]  # its environ is a TypedDict
    gate = LandingDoor(behind, house.installer.shopify.proxied, Claims(house.app))
    return Shopper(Client(ASGIMiddleware(gate)), shop)  # type: ignore[arg-type]


def test_the_gate_answers_as_the_pages_do_whatever_the_code(crowd: Shopper, stranger: Shopper) -> None:
    for code in ("ANNA-K7K7", "the", "for", "a" * 32, "perennial", "X_x-9"):
        before, behind = crowd.get(f"/r/{code}"), stranger.get(f"/r/{code}")
        assert (before.status_code, before.text) == (200, behind.text)
        assert before.headers["Content-Security-Policy"] == behind.headers["Content-Security-Policy"]
        assert before.mimetype == "application/liquid"


def test_each_reads_the_language_that_they_ask_for_whoever_came_before(crowd: Shopper, stranger: Shopper) -> None:
    for accepted, code in (("fa-IR,fa;q=0.9", "fa"), ("en", "en"), ("xx, ro;q=0.3", "ro"), ("fa", "fa"), ("", "en")):
        headers = {"Accept-Language": accepted, "Cookie": "perennial_language=ar"}
        page = crowd.client.get(f"/proxy/r/ANNA-K7K7?{crowd.query()}", headers=headers).text
        assert f'<div class="perennial" lang="{code}"' in page
    said = crowd.client.get(f"/proxy/r/ANNA-K7K7?{crowd.query(lang='ar')}", headers={"Accept-Language": "fa"}).text
    assert said == stranger.get("/r/ANNA-K7K7", lang="ar").text
    assert 'lang="ar" dir="rtl"' in said


def test_whoever_is_logged_in_or_not_vouched_for_is_passed_on(house: House, shop: Shop, crowd: Shopper) -> None:
    crowd.get("/r/ANNA-K7K7")
    now = house.clock.now
    house.settle(shop, order(1, person("7", now), now))
    assert Shopper(crowd.client, shop, "7").get("/r/ANNA-K7K7").status_code == 200
    assert crowd.client.get("/proxy/r/ANNA-K7K7").status_code == 401
    assert crowd.client.get(f"/proxy/r/ANNA-K7K7?{crowd.query()}x").status_code == 401
    assert crowd.get("/r/%3Cscript%3E").status_code == 409
    assert "Log in to see your points" in crowd.get().text


def test_a_shop_without_the_app_is_passed_on(house: House, crowd: Shopper) -> None:
    nowhere = Shopper(crowd.client, Shop(**{**_fields(crowd.shop), "domain": "nobody.myshopify.com"}))
    assert nowhere.get("/r/ANNA-K7K7").status_code == 404


def _fields(shop: Shop) -> dict[str, Any]:
    return {name: getattr(shop, name) for name in shop.__dataclass_fields__}


@pytest.fixture
def codes(house: House, shop: Shop) -> list[str]:
    """The codes of three advocates."""
    now, found = house.clock.now, []
    for number in (1, 2, 3):
        house.settle(shop, order(number, person(str(number), now, first_name="Anna"), now))
        with house.database.work(shop.shop_id) as work:
            found.append(referral.code_of(work, house.customer_id(shop, str(number))))  # type: ignore[arg-type]
    return found


def test_the_gate_takes_a_claim_as_the_pages_do(crowd: Shopper, stranger: Shopper, codes: list[str]) -> None:
    for number, code in enumerate(codes):
        address = f"friend-{number}@example.com"
        before, behind = crowd.post(f"/r/{code}", contact=address), stranger.post(f"/r/{code}", contact=address)
        assert (before.status_code, before.text) == (200, behind.text)
        assert f"%2F%3Fref%3D{code}" in before.text
        assert {n.lower(): v for n, v in before.headers} == {n.lower(): v for n, v in behind.headers}


def test_a_claim_is_answered_in_the_language_of_each_who_makes_one(
    crowd: Shopper, stranger: Shopper, codes: list[str]
) -> None:
    spoken: list[tuple[str, dict[str, str]]] = [
        ("fa", {}), ("ro", {}), ("", {}), ("", {"lang": "ar"}), ("fa", {"locale": "ro"}),
    ]  # fmt: skip
    for number, (accepted, said) in enumerate(spoken):
        pages = list[str]()
        for who in (crowd, stranger):
            address, headers = f"/proxy/r/{codes[0]}?{who.query(**said)}", {"Accept-Language": accepted}
            for contact in ("none", f"friend-{number}@example.com"):
                pages.append(who.client.post(address, data={"contact": contact}, headers=headers).text)
        assert (pages[0], pages[1]) == (pages[2], pages[3])
        assert f'lang="{said.get("lang") or said.get("locale") or accepted or "en"}"' in pages[1]


def test_an_address_and_a_form_with_many_fields_are_answered_as_the_pages_do(
    crowd: Shopper, stranger: Shopper, codes: list[str]
) -> None:
    many = {f"utm_{number:02}": "x" for number in range(60)}
    assert crowd.get(f"/r/{codes[0]}", **many).text == stranger.get(f"/r/{codes[0]}").text
    claimed = crowd.post(f"/r/{codes[0]}", contact="bo@example.com", **many)
    assert (claimed.status_code, "Here is your code" in claimed.text) == (200, True)


def test_the_gate_refuses_a_claim_as_the_pages_do(crowd: Shopper, stranger: Shopper, codes: list[str]) -> None:
    for contact in ("", "no address", "ada1@example.com", "x" * 3000, '"><script>', "\u202e@\u202e", "%"):
        before, behind = crowd.post(f"/r/{codes[0]}", contact=contact), stranger.post(f"/r/{codes[0]}", contact=contact)
        assert (before.status_code, before.text) == (409, behind.text)


def test_the_gate_asks_whoever_guesses_to_wait(crowd: Shopper) -> None:
    for number in range(30):
        assert crowd.post(f"/r/NOBODY-{number}", contact="bo@example.com").status_code == 409
    stopped = crowd.post("/r/NOBODY-30", contact="bo@example.com")
    assert (stopped.status_code, stopped.headers["Retry-After"]) == (429, "3600")
    assert "Please wait an hour, and try again" in stopped.text


def test_forms_that_are_none_are_passed_on(crowd: Shopper, codes: list[str]) -> None:
    address = f"/proxy/r/{codes[0]}?{crowd.query()}"
    assert crowd.client.post(address, json={"contact": "bo@example.com"}).status_code == 409
    assert crowd.client.post(address, data={"contact": "x" * 9000}).status_code == 409
    assert crowd.client.post(f"/proxy/r/{codes[0]}", data={"contact": "bo@example.com"}).status_code == 401
    nowhere = Shopper(crowd.client, Shop(**{**_fields(crowd.shop), "domain": "nobody.myshopify.com"}))
    assert nowhere.post(f"/r/{codes[0]}", contact="bo@example.com").status_code == 404


def test_somebody_who_is_logged_in_claims_as_who_they_are(crowd: Shopper, shop: Shop, codes: list[str]) -> None:
    anna = Shopper(crowd.client, shop, "1")
    (ticket,) = re.findall(r'name="ticket" value="([^"]+)"', anna.get(f"/r/{codes[0]}").text)
    assert "your own invitation" in anna.post(f"/r/{codes[0]}", contact="new@example.com", ticket=ticket).text
    assert "open for a long time" in anna.post(f"/r/{codes[0]}", contact="new@example.com").text


def test_two_shops_have_two_pages(house: House, shop: Shop, next_door: Shop, crowd: Shopper) -> None:
    with house.database.work(next_door.shop_id) as work:
        referral.publish(work, {**referral.as_stored(referral.current_terms(work)), "friend_amount_minor": 700})
    for _ in range(2):
        assert "5.00 USD off" in crowd.get("/r/ANNA-K7K7").text.replace("\u00a0", " ")
        assert "7.00 USD off" in Shopper(crowd.client, next_door).get("/r/ANNA-K7K7").text.replace("\u00a0", " ")


def test_what_is_remembered_is_looked_up_again_after_some_seconds() -> None:
    now, looks = [100.0], list[int]()
    known = Remembered(lambda: now[0])

    def look() -> int | None:
        looks.append(1)
        return len(looks) if len(looks) > 1 else None

    assert [known.get("a", look) for _ in range(4)] == [None, 2, 2, 2]
    now[0] += SECONDS
    assert known.get("a", look) == 3
    assert known.get("b", lambda: "other") == "other"


# --- claims that come at once

OFFER = referral.Offer("5.00 USD off", 0, "USD", "FRIEND-1")


def test_claims_that_come_while_one_is_taken_are_taken_together_each_with_its_own_answer() -> None:
    begun, go, groups = threading.Event(), threading.Event(), list[int]()

    def take_up(_shop: ShopId, tries: Sequence[referral.Try]) -> Sequence[referral.Offer | Refusal]:
        groups.append(len(tries))
        begun.set()
        assert go.wait(60)
        return [referral.Offer(each.typed, 0, "USD") for each in tries]

    gathering, shop_id = Gathering(take_up), ShopId(1)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(gathering.ask, shop_id, referral.Try("0", ""))
        assert begun.wait(60)
        rest = [pool.submit(gathering.ask, shop_id, referral.Try(str(n), "")) for n in range(1, 9)]
        while len(gathering._waiting[shop_id]) < 8:
            threading.Event().wait(0.01)
        go.set()
        answers = [each.result(60) for each in (first, *rest)]
    assert [answer.title for answer in answers if isinstance(answer, referral.Offer)] == [str(n) for n in range(9)]
    assert groups == [1, 8]
    assert gathering._waiting == {}


def test_one_that_breaks_breaks_for_itself_alone() -> None:
    begun, go = threading.Event(), threading.Event()

    def take_up(_shop: ShopId, tries: Sequence[referral.Try]) -> Sequence[referral.Offer | Refusal]:
        begun.set()
        assert go.wait(60)
        if any(each.typed == "bad" for each in tries):
            raise RuntimeError("the database is gone")
        return [OFFER for _ in tries]

    gathering, shop_id = Gathering(take_up), ShopId(1)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(gathering.ask, shop_id, referral.Try("good", ""))
        assert begun.wait(60)
        bad = pool.submit(gathering.ask, shop_id, referral.Try("bad", ""))
        good = pool.submit(gathering.ask, shop_id, referral.Try("good", ""))
        while len(gathering._waiting[shop_id]) < 2:
            threading.Event().wait(0.01)
        go.set()
        assert (first.result(60), good.result(60)) == (OFFER, OFFER)
        with pytest.raises(RuntimeError, match="gone"):
            bad.result(60)
    assert gathering._waiting == {}


def test_each_visitor_s_form_carries_the_site_and_the_channel_they_came_by(crowd: Shopper, house: House) -> None:
    def opened(via: str, referrer: str) -> dict[str, str]:
        address = f"/proxy/r/ANNA-K7K7?{crowd.query(via=via)}"
        page = crowd.client.get(address, headers={"Referer": referrer} if referrer else {}).text
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))

    visits = (("sms", "https://a.example/x?y=1"), ("sms", ""), ("whatsapp", "https://b.example/"), ("sms", '"><b>'))
    sites = ("https://a.example/", "", "https://b.example/", "")
    for (via, referrer), site in zip(visits, sites, strict=True):
        assert opened(via, referrer) == {"channel": via, "came_from": site, "device": ""}
    # Counted a moment later by the gate.
    assert _counted(house, crowd, {"sms": 3, "whatsapp": 1}) == {"sms": 3, "whatsapp": 1}


def _counted(house: House, crowd: Shopper, until: dict[str, int]) -> dict[str, int]:
    counted, patience = dict[str, int](), time.monotonic() + 60
    while counted != until and time.monotonic() < patience:
        with house.database.work(crowd.shop.shop_id) as work:
            counted = {row.channel: row.many for row in work.rows(_CLICKS)}
    return counted


def test_clicks_are_counted_for_their_advocates_and_programs_have_opened_nothing(
    house: House, crowd: Shopper, codes: list[str]
) -> None:
    def opened(code: str, **headers: str) -> None:
        address = f"/proxy/r/{code}?{crowd.query(via='telegram')}"
        given = {name.replace("_", "-"): said for name, said in headers.items()}
        assert crowd.client.get(address, headers=given).status_code == 200

    opened(codes[0], User_Agent="TelegramBot (like TwitterBot)")
    opened(codes[0], User_Agent="WhatsApp/2.23.20.0 A")
    opened(codes[0], User_Agent="Mozilla/5.0", Sec_Purpose="prefetch;prerender")
    opened(codes[0], User_Agent="Mozilla/5.0", Purpose="prefetch")
    for code in (codes[0].lower(), codes[0], codes[1], "NOBODY-X9"):
        opened(code, User_Agent="Mozilla/5.0 (iPhone) Mobile/15E148")
    assert _counted(house, crowd, {"telegram": 4}) == {"telegram": 4}
    with house.database.work(crowd.shop.shop_id) as work:
        advocates = {row.external_id: (row.shares, row.clicks) for row in referral.figures(work).advocates}
    assert advocates == {"1": (0, 2), "2": (0, 1)}
