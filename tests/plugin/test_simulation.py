"""The merchant's page that tries rules on the shop's history before they are published."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

import loyalty
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes
from tests.plugin.test_earning import RULES, current

# Two points instead of one; each other rule as the shop has it.
DOUBLE = {
    "points": "2", "per": "1.00", "hold_days": "14", "tax": "as_priced", "pos": "1", "draft": "1", "rounding": "down",
    "trigger": "paid", "members": "all", "debt": "allow", "returns": "proportion",
}  # fmt: skip


@pytest.fixture
def seller(house: House, shop: Shop) -> Shop:
    """The shop, with an order of last month."""
    at = house.clock.now - timedelta(days=30)
    house.settle(shop, order(1001, person("7", at), at))
    return shop


def said(page: str) -> str:
    return flat(re.sub(r"<[^>]*>", " ", page)).replace("\u00a0", " ")


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the page, which its button sends."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in found}


def test_rules_are_tried_then_published_as_they_were_seen(house: House, seller: Shop, merchant: Merchant) -> None:
    looked = merchant.fetch("/earning", "POST", **DOUBLE, do="try")
    assert (looked.status_code, mistakes(looked.text)) == (200, [])
    words = said(looked.text)
    with house.database.work(seller.shop_id) as work:
        once = loyalty.simulate(work, loyalty.draft(work, lambda body: body)).now.points
    assert once > 0
    assert f"for goods kept: what came back is taken off {once} {2 * once}" in words
    assert "Looked at: 1 order of 1 member." in words
    assert "Nothing is published yet." in words
    assert looked.text.count('<svg class="columns"') == 2
    assert current(house, seller).version == 1
    sent = fields(looked.text)
    assert sent.keys() >= DOUBLE.keys()
    done = merchant.fetch("/earning", "POST", **sent)
    assert done.status_code == 303
    assert (current(house, seller).version, current(house, seller).points) == (2, 2)


def test_what_was_changed_after_the_look_is_looked_at_again(house: House, seller: Shop, merchant: Merchant) -> None:
    sent = fields(merchant.fetch("/earning", "POST", **DOUBLE, do="try").text)
    other = merchant.fetch("/earning", "POST", **(sent | {"points": "3"}))
    assert (other.status_code, "look again" in said(other.text), mistakes(other.text)) == (200, True, [])
    assert current(house, seller).version == 1


def test_rules_that_another_published_meanwhile_are_looked_at_beside(
    house: House, seller: Shop, merchant: Merchant
) -> None:
    sent = fields(merchant.fetch("/earning", "POST", **DOUBLE, do="try").text)
    with house.database.work(seller.shop_id) as work:
        loyalty.change(work, points=5)
    other = merchant.fetch("/earning", "POST", **sent)
    assert "look again" in said(other.text)
    assert "the rules of now (version 2)" in said(other.text)
    assert current(house, seller).points == 5
    assert merchant.fetch("/earning", "POST", **fields(other.text)).status_code == 303
    assert current(house, seller).points == 2


def test_every_field_of_the_form_comes_through_and_goes_back(house: House, seller: Shop, merchant: Merchant) -> None:
    looked = merchant.fetch("/earning", "POST", **RULES, do="try")
    assert mistakes(looked.text) == []
    back = merchant.fetch("/earning", "POST", **fields(looked.text), do="change")
    assert (back.status_code, mistakes(back.text)) == (200, [])
    assert "vendor Leaf &amp; Kettle = 0 %" in back.text
    assert 'name="points" inputmode="numeric" value="2"' in back.text
    assert merchant.fetch("/earning", "POST", **fields(looked.text)).status_code == 303
    assert current(house, seller).earning.goods[1].goods.vendors == ("Leaf & Kettle",)


def test_rules_that_cannot_be_are_not_tried(house: House, seller: Shop, merchant: Merchant) -> None:
    for wanted in ("try", "publish"):
        answer = merchant.fetch("/earning", "POST", **(DOUBLE | {"points": "2000", "seen": "x", "do": wanted}))
        assert (answer.status_code, mistakes(answer.text)) == (409, [])
        assert "For each 1 USD there are at most 1,000 points" in said(answer.text)
    assert current(house, seller).version == 1


TIERS = {
    "measure": "spend", "window": "lifetime", "months": "12", "grace_days": "0", "downgrade": "one_step",
    "name_0": "Gold", "enter_0": "10.00", "keep_0": "", "key_0": "",
}  # fmt: skip


def test_tiers_are_tried_published_changed_or_kept(house: House, seller: Shop, merchant: Merchant) -> None:
    looked = merchant.fetch("/tiers", "POST", **TIERS, do="try")
    assert (looked.status_code, mistakes(looked.text)) == (200, [])
    assert "1 member would stand elsewhere." in said(looked.text)
    assert "Gold – 1" in said(looked.text)
    sent = fields(looked.text)
    back = merchant.fetch("/tiers", "POST", **sent, do="change")
    assert ('value="Gold"' in back.text, mistakes(back.text)) == (True, [])
    assert merchant.fetch("/tiers", "POST", **sent, do="publish").status_code == 303
    assert [level.name for level in current(house, seller).tiers.levels] == ["Gold"]


def test_an_expiry_is_tried_and_what_cannot_be_is_refused(house: House, seller: Shop, merchant: Merchant) -> None:
    form = {"policy": "lot", "months": "1", "round_up": "day", "activity": "earning_and_redeeming", "month": "1",
            "day": "1"}  # fmt: skip
    looked = merchant.fetch("/expiry", "POST", **form, do="try")
    assert (looked.status_code, mistakes(looked.text)) == (200, [])
    assert "Publish these rules" in looked.text
    wrong = merchant.fetch("/expiry", "POST", **(form | {"months": "many"}), do="try")
    assert (wrong.status_code, mistakes(wrong.text)) == (409, [])
    assert 'value="many"' in wrong.text
    assert current(house, seller).version == 1


def test_the_share_of_margin_is_said_or_asked_for(seller: Shop, merchant: Merchant) -> None:
    assert "state your gross margin" in said(merchant.fetch("/earning", "POST", **DOUBLE, do="try").text)
    words = said(merchant.fetch("/earning", "POST", **DOUBLE, margin="50", do="try").text)
    assert "as a part of your gross margin: 50 % of sales, as you have stated it 10 % 20 %" in words


def test_what_was_tried_is_kept_tried_again_and_published_later(house: House, seller: Shop, merchant: Merchant) -> None:
    empty = merchant.fetch("/drafts")
    assert ("No draft yet" in empty.text, mistakes(empty.text)) == (True, [])
    sent = fields(merchant.fetch("/earning", "POST", **DOUBLE, do="try").text)
    nameless = merchant.fetch("/earning", "POST", **sent, do="keep")
    assert (nameless.status_code, "Give the draft a name" in said(nameless.text)) == (409, True)
    kept = merchant.fetch("/earning", "POST", **sent, do="keep", draft_name="Autumn & more")
    page = merchant.fetch(kept.location)
    assert ("Autumn &amp; more" in page.text, mistakes(page.text)) == (True, [])
    address = re.search(r'action="(/drafts/\d+)', page.text)
    assert address is not None
    looked = merchant.fetch(address[1], "POST", do="try")
    assert ("Publish this draft" in looked.text, mistakes(looked.text)) == (True, [])
    with house.database.work(seller.shop_id) as work:
        loyalty.change(work, hold_days=5)
    stale = merchant.fetch(address[1], "POST", do="publish")
    assert (stale.status_code, mistakes(stale.text)) == (409, [])
    assert "it changed: the days until points can be spent" in said(stale.text)
    laid = merchant.fetch(address[1], "POST", do="lay")
    assert "The draft lies over the rules of now." in said(laid.text)
    assert merchant.fetch(address[1], "POST", do="publish").status_code == 303
    now = current(house, seller)
    assert (now.version, now.points, now.hold_days) == (3, 2, 5)
    assert merchant.fetch(address[1], "POST", do="publish").status_code == 409
