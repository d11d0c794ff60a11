"""The merchant's page of referral: its terms, the file of an order, and another policy tried."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

import referral
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

EVIL = '"><script>alert(1)</script>\u202e'
FORM = {
    "friend_gets": "percentage", "friend_percent": "15", "friend_points": "0", "friend_amount_minor": "5.00",
    "friend_minimum_minor": "30.00", "friend_code_days": "20", "advocate_points": "300", "tier_points": "gold 500",
    "advocate_reward": "five-off", "milestone_every": "3", "milestone_points": "1000", "milestone_reward": "",
    "most_a_month": "10", "hold_days": "14", "return_days": "30", "minimum_order_minor": "25.50",
    "excluded_products": "31, 32", "window_days": "60", "touch": "first", "over": "time",
}  # fmt: skip


@pytest.fixture
def brought(house: House, shop: Shop) -> str:
    """Order #20 of a friend: two advocates are named. Answers with the code that it was judged by."""
    now = house.clock.now
    codes = []
    for number, who in ((10, "7"), (11, "8")):
        house.settle(shop, order(number, person(who, now, first_name=f"Ada{who}"), now - timedelta(days=90)))
        with house.database.work(shop.shop_id) as work:
            codes.append(referral.code_of(work, house.customer_id(shop, who)))  # type: ignore[arg-type]
    house.settle(shop, order(20, person("9", now), now, referral_code=codes[0], landing_code=codes[1]))
    return codes[0]


def test_the_file_of_an_order_tells_every_word_the_policy_and_the_winner(merchant: Merchant, brought: str) -> None:
    page = merchant.fetch("/referral?order=%2320")
    assert page.status_code == 200
    assert mistakes(page.text) == []
    told = flat(page.text).replace("\u00a0", " ")
    for said in ("the cart's attribute", "the link by which the shopper came", "Ada7 Lovelace", "Ada8 Lovelace"):
        assert said in told.replace("’", "'").replace("&#39;", "'")
    assert "Policy: 90 days, the last touch, codes before links; version 1 of the terms" in told


def test_an_order_that_names_nobody_is_said_to(merchant: Merchant) -> None:
    for typed in ("#1", "%22%3E%3Cscript%3E", "x" * 3000):
        page = merchant.fetch(f"/referral?order={typed.replace('#', '%23')}")
        assert "Nobody is named" in page.text
        assert "<script>" not in page.text.split("</head>")[1]
        assert mistakes(page.text) == []


def test_another_policy_is_tried_and_changes_nothing(
    house: House, shop: Shop, merchant: Merchant, brought: str
) -> None:
    with house.database.work(shop.shop_id) as work:
        before = referral.latest(work)
    same = merchant.fetch("/referral?try=1&window_days=90&touch=last&over=code")
    assert "0 orders would be decided otherwise" in flat(same.text)
    assert mistakes(same.text) == []
    with house.database.work(shop.shop_id) as work:
        assert referral.latest(work) == before


def test_orders_that_another_policy_decides_otherwise_are_named(
    house: House, shop: Shop, merchant: Merchant, brought: str
) -> None:
    with house.database.work(shop.shop_id) as work:
        claimed = str(referral.claim(work, brought, "new@example.com", b"s" * 32).code)
        other = referral.code_of(work, house.customer_id(shop, "8"))  # type: ignore[arg-type]
    now = house.clock.forward(days=2)
    house.settle(shop, order(22, person("5", now), now, discount_codes=(claimed,), landing_code=other))
    tried = merchant.fetch("/referral?try=1&window_days=90&touch=last&over=time").text
    assert "1 order would be decided otherwise. 1 because the last touch counts" in re.sub(r"<[^>]*>", "", flat(tried))
    assert mistakes(tried) == []


@pytest.mark.parametrize("days", ["0", "-1", "many", "9999999999"])
def test_a_policy_that_makes_no_sense_is_answered_in_words(merchant: Merchant, days: str) -> None:
    answer = merchant.fetch(f"/referral?try=1&window_days={days}")
    assert answer.status_code == 409
    assert "days" in answer.text


def test_terms_are_published_as_the_form_says(house: House, shop: Shop, merchant: Merchant) -> None:
    answer = merchant.fetch("/referral", "POST", **FORM)
    assert answer.status_code == 303
    page = merchant.fetch(answer.location)
    assert mistakes(page.text) == []
    with house.database.work(shop.shop_id) as work:
        terms = referral.current_terms(work)
    assert referral.as_stored(terms) == {
        "currency": "USD", "advocate_points": 300, "friend_amount_minor": 500, "friend_minimum_minor": 3000,
        "friend_code_days": 20, "hold_days": 14, "friend_gets": "percentage", "friend_percent": 15, "friend_points": 0,
        "advocate_reward": "five-off", "tier_points": {"gold": 500}, "milestone_every": 3, "milestone_points": 1000,
        "milestone_reward": "", "most_a_month": 10, "return_days": 30, "minimum_order_minor": 2550,
        "excluded_products": ("31", "32"), "window_days": 60, "first_touch": True, "code_first": False,
        "ask_after_order": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"friend_gets": "gold"}, "Choose what the friend gets"),
        ({"friend_percent": "0"}, "from 1 to 100 percent"),
        ({"advocate_points": "-5"}, "points is a whole number"),
        ({"friend_minimum_minor": "1,5"}, "digits with at most one point"),
        ({"window_days": "0"}, "1 to 730 days"),
        ({"tier_points": EVIL}, "Points by tier are written such as"),
    ],
)
def test_terms_that_cannot_be_are_answered_in_words(
    house: House, shop: Shop, merchant: Merchant, changed: dict[str, Any], says: str
) -> None:
    answer = merchant.fetch("/referral", "POST", **(FORM | changed))
    assert answer.status_code == 409
    assert says in answer.text
    assert "<script>alert" not in answer.text
    with house.database.work(shop.shop_id) as work:
        assert referral.current_terms(work).version == 1


def test_what_people_wrote_is_shown_and_does_nothing(
    house: House, shop: Shop, merchant: Merchant, brought: str
) -> None:
    now = house.clock.now
    house.settle(shop, order(21, person("6", now, first_name=EVIL), now, referral_code=brought, name=EVIL))
    page = merchant.fetch("/referral").text
    assert "<script>alert" not in page
    assert mistakes(page) == []
