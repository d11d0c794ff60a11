"""The merchant's pages of the lifecycle: the pipeline, the rules, and what the page of a customer says about both."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

import lifecycle
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

RULES = {name: str(value) for name, value in lifecycle.first_terms().items()}


def said(page: str) -> str:
    return flat(re.sub(r"<[^>]*>", " ", page)).replace("\u00a0", " ")


def version(house: House, shop: Shop) -> int:
    with house.database.work(shop.shop_id) as work:
        return lifecycle.current_terms(work).version


def review(house: House, shop: Shop) -> None:
    with house.database.work(shop.shop_id) as work:
        while lifecycle.review_due(work):
            pass


@pytest.fixture
def seller(house: House, shop: Shop) -> Shop:
    """The shop, with one who ordered 40 days ago, and one who had lapsed and is back."""
    now = house.clock.now
    ann, bo = person("7", now - timedelta(days=400)), person("8", now - timedelta(days=400))
    house.settle(shop, order(1, ann, now - timedelta(days=40)), order(2, bo, now - timedelta(days=300)))
    review(house, shop)
    house.settle(shop, order(3, bo, now - timedelta(days=2)))
    review(house, shop)
    return shop


def test_the_pipeline_shows_stages_changes_and_who_was_won_back(seller: Shop, merchant: Merchant) -> None:
    page = merchant.open("/lifecycle?days=90")
    assert (page.status_code, mistakes(page.text)) == (200, [])
    words = said(page.text)
    assert "Acquired one order 1 50 %" in words
    assert "Developing two orders or more; 1 of them won back 1 50 %" in words
    assert "Won back 1" in words
    assert "Lapsed Developing 1 1" in words
    assert page.text.count('<svg class="bands"') == 1
    week = said(merchant.open("/lifecycle?days=7").text)
    assert "Changes of the last 7 days" in week
    assert "Lapsed Developing 1 1" in week
    assert "Changes of the last 30 days" in said(merchant.open("/lifecycle?days=nonsense").text)


def test_a_shop_that_knows_nobody_is_told_so(merchant: Merchant) -> None:
    page = merchant.open("/lifecycle")
    assert (page.status_code, mistakes(page.text)) == (200, [])
    assert "Nobody is known yet" in said(page.text)
    tried = merchant.fetch("/lifecycle/rules", "POST", **RULES, seen="1", do="try")
    assert (tried.status_code, mistakes(tried.text)) == (200, [])
    assert "Nobody is known yet, so nobody would move." in said(tried.text)
    assert "too few to suggest days from" in said(merchant.open("/lifecycle/rules?suggest=yes").text)


def test_rules_are_tried_then_published(house: House, seller: Shop, merchant: Merchant) -> None:
    assert mistakes(merchant.open("/lifecycle/rules").text) == []
    sooner = RULES | {"at_risk_after_days": "30"}
    tried = merchant.fetch("/lifecycle/rules", "POST", **sooner, seen="1", do="try")
    assert (tried.status_code, mistakes(tried.text)) == (200, [])
    words = said(tried.text)
    assert "1 customer of 2 would stand elsewhere today. Nothing is published yet." in words
    assert "1 customer from “Acquired” to “At risk” Ada Lovelace" in words
    assert "At risk after so many days without an order now 90" in words
    assert version(house, seller) == 1
    done = merchant.fetch("/lifecycle/rules", "POST", **sooner, seen="1")
    assert done.status_code == 303
    assert version(house, seller) == 2
    assert "Within a minute all customers begin to be looked at again." in said(merchant.open("/lifecycle/rules").text)
    with house.database.work(seller.shop_id) as work:
        lifecycle.walk_again(work)
    assert "Within a minute" not in said(merchant.open("/lifecycle").text)


def test_a_form_that_is_older_than_the_rules_overwrites_nothing(house: House, seller: Shop, merchant: Merchant) -> None:
    assert merchant.fetch("/lifecycle/rules", "POST", **RULES, seen="1").status_code == 303
    late = merchant.fetch("/lifecycle/rules", "POST", **(RULES | {"stay_days": "7"}), seen="1")
    assert late.status_code == 409
    assert "Somebody else has published other rules in the meantime." in said(late.text)
    assert 'name="stay_days" inputmode="numeric" required value="7"' in late.text
    assert version(house, seller) == 2


@pytest.mark.parametrize(
    "field, typed, words",
    [
        ("at_risk_after_days", "ninety", "At risk after so many days without an order: a whole number such as 90"),
        ("at_risk_after_days", "200", "A customer must be at risk before lapsing, and both within ten years."),
        ("lapsed_percent", "100", "A customer lapses after more of the usual gap than at risk"),
        ("stay_days", "999999999", "a whole number such as 90 is expected"),
        ("personal_from_orders", "³", "a whole number such as 90 is expected"),
    ],
)
@pytest.mark.parametrize("do", ["try", ""])
def test_what_is_refused_stays_in_the_form_with_its_field_named(
    house: House, seller: Shop, merchant: Merchant, field: str, typed: str, words: str, do: str
) -> None:
    refused = merchant.fetch("/lifecycle/rules", "POST", **(RULES | {field: typed}), seen="1", do=do)
    assert (refused.status_code, mistakes(refused.text)) == (409, [])
    assert words in said(refused.text)
    assert f'name="{field}" inputmode="numeric" required value="{typed}" aria-invalid="true"' in refused.text
    assert version(house, seller) == 1


def test_a_customer_s_page_says_why_and_what_comes_next(house: House, seller: Shop, merchant: Merchant) -> None:
    ann, bo = (house.customer_id(seller, number) for number in ("7", "8"))
    page = said(merchant.open(f"/customers/{ann}").text)
    assert re.search(r"Acquired since .*: placed a first order\. If nothing happens, this becomes At risk on", page)
    page = said(merchant.open(f"/customers/{bo}").text)
    assert "Won back" in page
    assert "won back: placed order number 2 after 298 days of silence" in page
