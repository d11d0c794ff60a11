"""The merchant's page for the rules of earning, and what shoppers can do beside buying."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

import loyalty
from engine.shops import Shop
from loyalty.rules import proposal
from tests.plugin.conftest import PREFIX, House, Merchant, Shopper, order, person
from tests.plugin.markup import flat, mistakes

RULES = {
    "points": "2", "per": "1.00", "hold_days": "7", "tax": "without", "shipping": "1", "pos": "1", "draft": "1",
    "rounding": "nearest", "trigger": "fulfilled", "members": "all", "debt": "clamp", "returns": "proportion",
    "per_order": "5", "minimum": "10.00", "cap_month": "500", "stacking": "best",
    "goods": "product 31, 32 = 50 %\nvendor Leaf & Kettle = 0 %", "milestones": "5 = 100\nevery 10 = 50",
    "tiers": "gold = 150 %",
}  # fmt: skip


def read(page: str) -> str:
    """What somebody reads on a page."""
    return flat(re.sub(r"<[^>]*>", " ", page).replace("\u00a0", " "))


def current(house: House, shop: Shop) -> loyalty.Terms:
    with house.database.work(shop.shop_id) as work:
        return loyalty.current_terms(work)


def offer(house: House, shop: Shop, *actions: dict[str, Any]) -> None:
    with house.database.work(shop.shop_id) as work:
        loyalty.publish(work, {**proposal("USD"), "actions": list(actions)})


def test_a_merchant_reads_the_rules_and_what_an_order_would_earn(merchant: Merchant) -> None:
    page = merchant.open("/earning").text
    assert mistakes(page) == []
    assert "An order of 100.00 USD earns 100 points." in flat(page)


def test_rules_that_are_published_read_back_as_they_were_written(house: House, shop: Shop, merchant: Merchant) -> None:
    assert merchant.fetch("/earning", "POST", **RULES).status_code == 303
    terms = current(house, shop)
    earning = terms.earning
    assert (terms.version, terms.points, terms.hold_days, terms.stacking) == (2, 2, 7, "best")
    assert (earning.tax, earning.shipping, earning.credit, earning.minimum_minor) == (False, True, False, 1000)
    assert [(rule.goods.products, rule.goods.vendors, rule.percent) for rule in earning.goods] == [
        (("31", "32"), (), 50), ((), ("Leaf & Kettle",), 0),
    ]  # fmt: skip
    assert [(m.order, m.points, m.every) for m in earning.milestones] == [(5, 100, False), (10, 50, True)]
    page = merchant.open("/earning").text
    assert mistakes(page) == []
    assert "An order of 100.00 USD earns 205 points." in flat(page)
    assert "product 31, 32 = 50 %" in page
    # Sent again as it stands there, nothing changes but the version.
    assert merchant.fetch("/earning", "POST", **RULES).status_code == 303
    assert current(house, shop).earning == earning


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"points": "many"}, "The points: a whole number such as 100 is expected."),
        ({"per": "1,5"}, "The amount is digits with at most one point, such as 12.50."),
        ({"per": "0"}, "for at least one minor unit"),
        ({"points": "2000"}, "For each 1 USD there are at most 1,000 points"),
        ({"goods": "mugs = 5"}, "A rule for goods is written as"),
        ({"goods": "product 1 = 50 %\nproduct 1 = 20 %"}, "Two rules for goods name product 1"),
        ({"milestones": "fifth = 5"}, "A milestone is written as"),
        ({"tiers": "gold: 5"}, "rate is written as"),
        ({"rounding": "sideways"}, "The terms cannot be read"),
    ],
)
def test_rules_that_cannot_be_are_refused_with_a_sentence_and_change_nothing(
    house: House, shop: Shop, merchant: Merchant, wrong: dict[str, str], sentence: str
) -> None:
    answer = merchant.fetch("/earning", "POST", **(RULES | wrong))
    assert answer.status_code == 409
    assert sentence in flat(answer.text)
    assert mistakes(answer.text) == []
    assert current(house, shop).version == 1


def test_promotions_come_and_go_and_must_not_meet_without_a_word(house: House, shop: Shop, merchant: Merchant) -> None:
    double = {"title": "Double weekend", "percent": "200", "weekdays": "Saturday, sunday", "starts_at": "2026-11-27"}
    assert merchant.fetch("/earning/promotions", "POST", **double).status_code == 303
    answer = merchant.fetch("/earning/promotions", "POST", title="Tea days", percent="300", products="31 32")
    assert answer.status_code == 409
    assert "may meet in one order" in flat(answer.text)
    answer = merchant.fetch("/earning/promotions", "POST", title="Tea", percent="300", products="31", stacking="add")
    assert answer.status_code == 303
    terms = current(house, shop)
    assert [(p.key, p.percent, p.weekdays, p.goods.products) for p in terms.promotions] == [
        ("double-weekend", 200, ("saturday", "sunday"), ()), ("tea", 300, (), ("31",)),
    ]  # fmt: skip
    page = merchant.open("/earning").text
    assert mistakes(page) == []
    assert "Double weekend : 200 %, from" in read(page)
    assert merchant.fetch("/earning/remove", "POST", what="promotions", key="double-weekend").status_code == 303
    assert [p.key for p in current(house, shop).promotions] == ["tea"]
    assert merchant.fetch("/earning/remove", "POST", what="rewards", key="five-off").status_code == 409
    assert len(current(house, shop).rewards) == 1


def test_a_merchant_offers_an_action_and_shoppers_read_it(
    house: House, shop: Shop, merchant: Merchant, shopper: Shopper
) -> None:
    house.settle(shop, order(1001, person("7", house.clock.now), house.clock.now))
    answer = merchant.fetch(
        "/earning/actions", "POST", title="Follow us", kind="follow", points="5", limit="1", link="https://i.example"
    )
    assert answer.status_code == 303
    page = shopper.get().text
    assert mistakes(page, whole=False) == []
    assert "Follow us 5 points once" in read(page)
    refused = merchant.fetch("/earning/actions", "POST", title="X", kind="share", points="5", limit="0")
    assert (refused.status_code, "nobody vouches for it" in flat(refused.text)) == (409, True)


# --- the shopper


def ticket(shopper: Shopper) -> str:
    return re.findall(r'name="request_key" value="([^"]*)"', shopper.get().text)[-1]


def test_a_shopper_says_that_they_followed_once_however_often_the_form_is_sent(
    house: House, shop: Shop, shopper: Shopper
) -> None:
    offer(house, shop, {"key": "follow", "title": "Follow us", "kind": "follow", "points": 5})
    house.settle(shop, order(1001, person("7", house.clock.now), house.clock.now))
    key = ticket(shopper)
    for _ in range(2):
        answer = shopper.post("/deeds", action="follow", request_key=key)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{PREFIX}/?told=done#earn")
    page = shopper.get(told="done").text
    assert mistakes(page, whole=False) == []
    assert "The points are booked" in page
    assert "5 points: Follow us" in page
    again = shopper.post("/deeds", action="follow", request_key=ticket(shopper))
    assert (again.status_code, "Follow us: points are given once." in again.text) == (409, True)


@pytest.mark.parametrize("action, said", [("fly", "does not earn points here"), ("review", "The shop sees this")])
def test_a_shopper_s_word_is_not_taken_for_everything(
    house: House, shop: Shop, shopper: Shopper, action: str, said: str
) -> None:
    offer(house, shop, {"key": "review", "title": "A review", "kind": "review", "points": 5},
          {"key": "follow", "title": "Follow", "kind": "follow", "points": 5})  # fmt: skip
    house.settle(shop, order(1001, person("7", house.clock.now), house.clock.now))
    answer = shopper.post("/deeds", action=action, request_key=ticket(shopper))
    assert (answer.status_code, said in answer.text) == (409, True)
    assert shopper.post("/deeds", action="follow", request_key="forged").status_code == 409


def test_a_shopper_keeps_a_birthday_and_nonsense_is_refused(house: House, shop: Shop, shopper: Shopper) -> None:
    offer(house, shop, {"key": "birthday", "title": "Birthday", "kind": "birthday", "points": 50})
    house.settle(shop, order(1001, person("7", house.clock.now), house.clock.now - timedelta(days=1)))
    assert "Tell us your birthday" in shopper.get().text
    wrong = shopper.post("/birthday", month="02", day="30", request_key=ticket(shopper))
    assert (wrong.status_code, "such as 03-14" in wrong.text) == (409, True)
    right = shopper.post("/birthday", month="2", day="29", request_key=ticket(shopper))
    assert right.status_code == 303
    page = shopper.get(told="birthday").text
    assert mistakes(page, whole=False) == []
    assert '<option value="02" selected>Feb</option>' in page
    assert '<option value="29" selected>29</option>' in page


def test_strangers_say_nothing(house: House, shop: Shop, stranger: Shopper) -> None:
    offer(house, shop, {"key": "follow", "title": "Follow us", "kind": "follow", "points": 5})
    for path in ("/deeds", "/birthday"):
        answer = stranger.post(path, action="follow", month="02", day="03", request_key="x")
        assert (answer.status_code, "Please log in" in answer.text) == (409, True)
