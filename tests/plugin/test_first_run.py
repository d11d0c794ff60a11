"""The proposed program of a Persian shop, in tomans: large round numbers, and digits as its merchant types them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

import loyalty
from commerce.lines import is_line
from engine import terms
from engine.shops import Shop
from loyalty import openings
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import mistakes


@pytest.fixture
def tomans(house: House, shop: Shop) -> Shop:
    """A shop of half a year, just installed: orders of about 850,000 tomans."""
    with house.database.work(shop.shop_id) as work:
        terms.publish(work, loyalty.DOMAIN, openings.sleeping_terms("IRT"))
    now = house.clock.now
    bought = [
        order(number, person(str(number % 20), now), now - timedelta(days=3 * number), 850_000, currency="IRT")
        for number in range(1, 61)
    ]
    house.settle(shop, *bought)
    return shop


def value(page: str, name: str) -> str:
    found = re.search(rf'<input name="{name}"[^>]*? value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def test_a_shop_in_tomans_is_proposed_round_large_numbers(merchant: Merchant, tomans: Shop) -> None:
    page = merchant.open("/welcome?now=1&lang=fa").text
    assert mistakes(page) == []
    assert [value(page, name) for name in ("points", "per", "points1", "off1", "friend", "from")] == [
        "1", "10000", "200", "50000", "100000", "600000",
    ]  # fmt: skip
    assert "تومان" in page
    assert "۲٫۵٪" in page


@pytest.mark.parametrize("typed", ["۵۰٬۰۰۰", "50,000", "50.000", "٥٠٠٠٠", "50 000", "50000"])
def test_amounts_are_taken_as_people_write_them(house: House, merchant: Merchant, tomans: Shop, typed: str) -> None:
    page = merchant.open("/welcome?now=1").text
    form = {name: value(page, name) for name in ("points", "per", "points1", "friend", "from", "advocate")}  # fmt: skip
    form["beside"] = re.search(r'name="beside" value="(\d+)"', page)[1]  # type: ignore[index]
    assert merchant.fetch("/welcome", "POST", **form, off1=typed, do="publish").status_code == 303
    with house.database.work(tomans.shop_id) as work:
        now = loyalty.current_terms(work)
    assert (now.asleep, now.rewards[0].amount_minor, now.currency) == (False, 50_000, "IRT")
    assert is_line(now.rewards[0].title)


def test_who_opens_it_later_reads_that_the_program_has_begun(merchant: Merchant, shop: Shop) -> None:
    page = merchant.open("/welcome").text
    assert mistakes(page) == []
    assert "Your program has begun" in page
