"""The landing page for a crowd: the gate in front answers what the pages would, and to nobody else's request."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from a2wsgi import ASGIMiddleware, WSGIMiddleware
from werkzeug.test import Client

import referral
from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine.shops import Shop
from plugin.storefront.gathering import Gathering
from plugin.storefront.landing import LandingDoor
from plugin.storefront.remembering import SECONDS, Remembered
from tests.plugin.conftest import House, Shopper, order, person


@pytest.fixture
def crowd(house: House, shop: Shop) -> Shopper:
    """A stranger before the gate."""
    gate = LandingDoor(WSGIMiddleware(house.app), house.installer.shopify.proxied)  # type: ignore[arg-type]
    return Shopper(Client(ASGIMiddleware(gate)), shop)  # type: ignore[arg-type]


def test_the_gate_answers_as_the_pages_do_whatever_the_code(crowd: Shopper, stranger: Shopper) -> None:
    for code in ("ANNA-K7K7", "the", "for", "a" * 32, "perennial", "X_x-9"):
        before, behind = crowd.get(f"/r/{code}"), stranger.get(f"/r/{code}")
        assert (before.status_code, before.text) == (200, behind.text)
        assert before.headers["Content-Security-Policy"] == behind.headers["Content-Security-Policy"]
        assert before.mimetype == "application/liquid"


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


def test_two_shops_have_two_pages(house: House, shop: Shop, next_door: Shop, crowd: Shopper) -> None:
    with house.database.work(next_door.shop_id) as work:
        referral.publish(work, {**referral.as_stored(referral.current_terms(work)), "friend_amount_minor": 700})
    for _ in range(2):
        assert "5.00 USD off" in crowd.get("/r/ANNA-K7K7").text
        assert "7.00 USD off" in Shopper(crowd.client, next_door).get("/r/ANNA-K7K7").text


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
        assert go.wait(10)
        return [referral.Offer(each.typed, 0, "USD") for each in tries]

    gathering, shop_id = Gathering(take_up), ShopId(1)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(gathering.ask, shop_id, referral.Try("0", ""))
        assert begun.wait(10)
        rest = [pool.submit(gathering.ask, shop_id, referral.Try(str(n), "")) for n in range(1, 9)]
        while len(gathering._waiting[shop_id]) < 8:
            threading.Event().wait(0.01)
        go.set()
        answers = [each.result(10) for each in (first, *rest)]
    assert [answer.title for answer in answers if isinstance(answer, referral.Offer)] == [str(n) for n in range(9)]
    assert groups == [1, 8]
    assert gathering._waiting == {}


def test_one_that_breaks_breaks_for_itself_alone() -> None:
    begun, go = threading.Event(), threading.Event()

    def take_up(_shop: ShopId, tries: Sequence[referral.Try]) -> Sequence[referral.Offer | Refusal]:
        begun.set()
        assert go.wait(10)
        if any(each.typed == "bad" for each in tries):
            raise RuntimeError("the database is gone")
        return [OFFER for _ in tries]

    gathering, shop_id = Gathering(take_up), ShopId(1)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(gathering.ask, shop_id, referral.Try("good", ""))
        assert begun.wait(10)
        bad = pool.submit(gathering.ask, shop_id, referral.Try("bad", ""))
        good = pool.submit(gathering.ask, shop_id, referral.Try("good", ""))
        while len(gathering._waiting[shop_id]) < 2:
            threading.Event().wait(0.01)
        go.set()
        assert (first.result(10), good.result(10)) == (OFFER, OFFER)
        with pytest.raises(RuntimeError, match="gone"):
            bad.result(10)
    assert gathering._waiting == {}
