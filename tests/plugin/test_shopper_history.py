"""What brought a shopper's points, on their page: movements as people read them, their receipts, and older pages."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

import loyalty
from commerce.ids import CustomerId
from commerce.orders import RefundSnapshot
from engine.shops import Shop
from plugin.storefront import history
from plugin.storefront.account import HISTORY
from tests.plugin.conftest import House, Shopper, order, person
from tests.plugin.markup import mistakes


def lines(page: str) -> list[str]:
    """What each line of the history is about."""
    part = page.partition('<ul class="perennial-history">')[2].partition("</ul>")[0]
    return re.findall(r"<li>\s*<div><bdi>(.*?)</bdi>", part)


def receipts(page: str) -> list[dict[str, str]]:
    """Each line's receipt, as plain text."""
    found = re.findall(r'<dl class="perennial-slip">(.*?)</dl>', page, re.DOTALL)
    pairs = [re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", each) for each in found]
    return [{_plain(term): _plain(said) for term, said in each} for each in pairs]


def _plain(text: str) -> str:
    return re.sub(r"<[^>]*>", "", text).replace("\u00a0", " ")


def older(page: str) -> str | None:
    """The number behind the link to older ones."""
    found = re.search(r'href="[^"]*/\?before=(\d+)#history"', page)
    return found[1] if found else None


def test_a_receipt_says_what_counted_and_what_is_left_until_when(house: House, shop: Shop, shopper: Shopper) -> None:
    now = house.clock.now
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, expiry={"policy": "lot", "months": 12, "round_up": "month"})
    house.settle(shop, order(1001, person("7", now), now - timedelta(days=30), 25000))
    with house.database.work(shop.shop_id) as work:
        loyalty.redeem(work, CustomerId(house.customer_id(shop, "7")), "7", "five-off", "click")
    page = shopper.get().text
    assert mistakes(page, whole=False) == []
    bought, earned = receipts(page)
    assert set(bought) == {"Booked", "By the rules of then"}
    assert earned.pop("Booked")
    assert earned == {
        "Order": "#1001",
        "Counted": "250.00 USD, at 1 for each 1.00 USD",
        "Can be spent from": "14 Feb 2026",
        # Twelve months from when it was published that points expire, and to the end of that month.
        "Left of it": "150 points, good until the end of 31 Mar 2027",
        "By the rules of then": "version 1",
    }


def test_a_receipt_names_tiers_promotions_and_caps_and_nobody_of_the_shop(
    house: House, shop: Shop, shopper: Shopper
) -> None:
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, earning={"per_order": 5, "per_item": 2, "caps": [{"points": 60, "period": "day"}]})
    now = house.clock.now
    house.settle(shop, order(1001, person("7", now), now, 10_000))
    customer_id = CustomerId(house.customer_id(shop, "7"))
    with house.database.work(shop.shop_id) as work:
        loyalty.adjust(work, customer_id, 5, reason="A late parcel", made_by="Mallory of the shop", named="one")
    page = shopper.get().text
    assert "Mallory" not in page
    given, earned = receipts(page)
    assert set(given) == {"Can be spent from", "Left of it", "Booked", "By the rules of then"}
    assert lines(page)[0] == "A late parcel"
    assert (earned["the order"], earned["2 pieces"], earned["Above the cap, not paid"]) == ("+5", "+4", "49")


def test_what_is_taken_back_has_nothing_left(house: House, shop: Shop, shopper: Shopper) -> None:
    now = house.clock.now
    house.settle(shop, order(1001, person("7", now), now - timedelta(days=30), 25000))
    house.settle(shop, refunds=(RefundSnapshot("r1", "1001", now, 25000, 25000),))
    back, earned = receipts(shopper.get().text)
    assert "Left of it" not in back
    assert "Left of it" not in earned


@pytest.fixture
def long(house: House, shop: Shop) -> int:
    """Customer 7 has more orders than one page of the history holds."""
    now, many = house.clock.now, HISTORY * 2 + 7
    ada = person("7", now - timedelta(days=400))
    house.settle(shop, *(order(n, ada, now - timedelta(days=300 - n), 1000) for n in range(1, many + 1)))
    return many


def test_every_movement_stands_on_exactly_one_page(shopper: Shopper, long: int) -> None:
    seen, page = list[str](), shopper.get().text
    assert "The newest" not in page
    for _ in range(3):
        assert mistakes(page, whole=False) == []
        assert len(lines(page)) <= HISTORY
        seen += [line.partition(":")[0] for line in lines(page)]
        before = older(page)
        page = shopper.get(before=before).text if before else ""
    assert sorted(seen) == sorted(f"#{n}" for n in range(1, long + 1))
    assert page == "", "three pages hold all of them"


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("before", ["0", "1", "-1", "x", "9" * 18, "9" * 30, "٣", "1; DROP TABLE entries"])
def test_a_page_that_there_cannot_be_is_no_accident(shopper: Shopper, before: str) -> None:
    page = shopper.get(before=before).text
    assert mistakes(page, whole=False) == []
    if before in ("0", "1"):
        assert lines(page) == [] if before == "1" else lines(page)
    else:
        assert len(lines(page)) == HISTORY


def test_a_movement_of_many_entries_is_not_cut_in_two(house: House, shop: Shop, long: int) -> None:
    customer_id = CustomerId(house.customer_id(shop, "7"))
    with house.database.work(shop.shop_id) as work:
        # It draws on ten lots: ten entries.
        loyalty.redeem(work, customer_id, "7", "five-off", "click")
        for most in (4, 9, 10, 11, 15):
            newest = history.page(work, customer_id, (), most)
            following = history.page(work, customer_id, (), most, newest.older)
            whole = [*newest.movements, *following.movements]
            drawn = [movement.points for movement in whole if movement.kind == "hold"]
            assert sum(drawn) == -100 if most >= 10 else sum(drawn) >= -100
            assert len(drawn) == 1 if most >= 10 else drawn


def test_only_their_own_history_is_shown_whatever_number_is_asked_for(
    house: House, shop: Shop, next_door: Shop, shopper: Shopper
) -> None:
    now = house.clock.now
    house.settle(shop, order(1001, person("8", now), now, 5000))
    house.settle(next_door, order(1002, person("7", now), now, 5000))
    house.settle(shop, order(1003, person("7", now), now, 5000))
    everything: list[Any] = [lines(shopper.get(before=str(number)).text) for number in range(1, 40)]
    assert {line.partition(":")[0] for page in everything for line in page} <= {"#1003"}
