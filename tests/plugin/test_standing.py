"""The merchant's pages of tiers and expiry, one member's tier, and what shoppers see of both."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

import loyalty
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant, Shopper, order, person
from tests.plugin.markup import flat, mistakes

TIERS = {
    "measure": "spend", "window": "rolling", "months": "12", "grace_days": "14", "downgrade": "one_step",
    "name_0": "Gold", "enter_0": "500", "keep_0": "300", "has_free_delivery_0": "1",
    "text_free_delivery_0": "Free delivery on every order", "points_0": "100",
    "name_1": "زعفران", "enter_1": "200.00", "keep_1": "",
}  # fmt: skip
LOT = {"policy": "lot", "months": "12", "round_up": "day", "activity": "earning", "day": "31", "month": "12"}


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found is not None
    return found[1]


def publish(merchant: Merchant, path: str, form: dict[str, str]) -> None:
    """As a merchant does: look first, then publish what was seen."""
    looked = merchant.fetch(path, "POST", **form, do="preview")
    assert looked.status_code == 200, flat(looked.text)
    done = merchant.fetch(path, "POST", **form, do="publish", seen=seen(looked.text))
    assert done.status_code == 303, flat(done.text)


@pytest.fixture
def buyer(house: House, shop: Shop) -> Shop:
    """A shop in which customer 7 has bought for 600.00."""
    now = house.clock.now
    house.settle(shop, order(1001, person("7", now - timedelta(days=60)), now - timedelta(days=30), 60_000))
    return shop


def terms(house: House, shop: Shop) -> loyalty.Terms:
    with house.database.work(shop.shop_id) as work:
        return loyalty.current_terms(work)


def review(house: House, shop: Shop) -> None:
    house.clock.forward(minutes=1)
    with house.database.work(shop.shop_id) as work:
        loyalty.walk_members(work)


def test_an_empty_program_says_what_the_pages_are_for(merchant: Merchant) -> None:
    for path, words in (("/tiers", "A tier is what members have reached"), ("/expiry", "Points never expire.")):
        page = merchant.open(path)
        assert mistakes(page.text) == []
        assert words in flat(page.text)
        assert "Publish it" not in page.text, "nothing is published unseen"


def test_tiers_are_shown_before_they_are_published(house: House, buyer: Shop, merchant: Merchant) -> None:
    looked = merchant.fetch("/tiers", "POST", **TIERS, do="preview")
    assert mistakes(looked.text) == []
    said = flat(looked.text)
    assert "1 member would move if you published this now. Nothing is published yet." in said.replace("\u00a0", " ")
    assert "Ada Lovelace" in said
    assert terms(house, buyer).tiers.levels == ()
    publish(merchant, "/tiers", TIERS)
    levels = terms(house, buyer).tiers.levels
    assert [(level.key, level.name, level.enter, level.keep, level.entry_points) for level in levels] == [
        ("tier", "زعفران", 20_000, 20_000, 0), ("gold", "Gold", 50_000, 30_000, 100),
    ]  # fmt: skip
    review(house, buyer)
    page = merchant.open("/tiers?changed=yes")
    assert mistakes(page.text) == []
    said = flat(page.text).replace("\u00a0", " ")
    assert "<bdi>زعفران</bdi>" in said
    assert "Free delivery on every order" in said
    assert re.search(r"<bdi>Gold</bdi>.*?<td class=\"n\">1</td>", said)


def test_what_was_changed_after_the_look_is_looked_at_again(house: House, buyer: Shop, merchant: Merchant) -> None:
    looked = merchant.fetch("/tiers", "POST", **TIERS, do="preview")
    other = merchant.fetch("/tiers", "POST", **(TIERS | {"enter_0": "700"}), do="publish", seen=seen(looked.text))
    assert other.status_code == 200
    assert "Nothing is published yet" in other.text
    assert terms(house, buyer).version == 1


def test_a_renamed_tier_stays_the_same_tier(house: House, buyer: Shop, merchant: Merchant) -> None:
    publish(merchant, "/tiers", TIERS)
    publish(merchant, "/tiers", TIERS | {"key_0": "gold", "name_0": "Patron", "key_1": "silver"})
    assert [(level.key, level.name) for level in terms(house, buyer).tiers.levels][1] == ("gold", "Patron")
    assert terms(house, buyer).tiers.levels[0].key == "tier-2", "a key that no tier has had is not taken from a form"


@pytest.mark.parametrize(
    "path, form, sentence",
    [
        ("/tiers", TIERS | {"enter_0": "200"}, "has to ask for more than"),
        ("/tiers", TIERS | {"enter_0": "52,620"}, "What tier “Gold” asks for is digits with at most one point"),
        ("/tiers", TIERS | {"keep_0": "600"}, "Keeping tier &#39;Gold&#39; asks for no more than entering it."),
        ("/tiers", TIERS | {"months": "³"}, "The number of months is a whole number"),
        ("/tiers", TIERS | {"measure": "luck"}, "Choose what is counted."),
        ("/tiers", TIERS | {"window": "hours"}, "Window of tiers is one of"),
        ("/expiry", LOT | {"months": "0"}, "Points last from 1 to 120 months."),
        ("/expiry", LOT | {"policy": "calendar", "day": "31", "month": "2"}, "There is no day 31 in month 2"),
        ("/expiry", LOT | {"policy": "often"}, "Policy of expiry is one of"),
        ("/expiry", LOT | {"months": "1e9"}, "The number of months is a whole number"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_and_the_form_as_it_was_typed(
    house: House, buyer: Shop, merchant: Merchant, path: str, form: dict[str, str], sentence: str
) -> None:
    answer = merchant.fetch(path, "POST", **form, do="preview")
    assert answer.status_code == 409
    assert mistakes(answer.text) == []
    assert sentence in flat(answer.text)
    if path == "/tiers":
        assert 'value="Gold"' in answer.text
    assert terms(house, buyer).version == 1


def test_expiry_says_who_would_lose_what_before_it_is_published(house: House, buyer: Shop, merchant: Merchant) -> None:
    looked = merchant.fetch("/expiry", "POST", **LOT, do="preview")
    assert mistakes(looked.text) == []
    said = flat(looked.text).replace("\u00a0", " ")
    assert "Published now, 600 points of 1 member would expire within a year" in said
    assert "2 Mar 2027 (600 points of 1 member)" in said
    publish(merchant, "/expiry", LOT)
    assert terms(house, buyer).expiry == loyalty.Expiry(loyalty.Policy.LOT, 12, activity=loyalty.Activity.EARNING)
    page = flat(merchant.open("/expiry").text).replace("\u00a0", " ")
    assert "Points expire 12 months after they could first be spent." in page


def test_a_member_s_page_says_the_tier_why_and_what_comes_next(house: House, buyer: Shop, merchant: Merchant) -> None:
    publish(merchant, "/tiers", TIERS)
    publish(merchant, "/expiry", LOT)
    review(house, buyer)
    who = house.customer_id(buyer, "7")
    page = merchant.open(f"/customers/{who}")
    assert mistakes(page.text) == []
    said = flat(page.text).replace("\u00a0", " ")
    assert "<strong><bdi>Gold</bdi></strong>" in said
    assert "spent 600.00 USD of 500.00 USD in the last 12 months" in said
    assert "300.00 USD more would keep it" in said
    assert "600 points expire after <time" in said


def test_a_tier_set_by_hand_shows_with_its_reason_and_can_be_ended(
    house: House, buyer: Shop, merchant: Merchant
) -> None:
    publish(merchant, "/tiers", TIERS | {"enter_0": "5000", "keep_0": "", "enter_1": "4000"})
    who = house.customer_id(buyer, "7")
    until = (house.clock.now + timedelta(days=10)).date().isoformat()
    done = merchant.fetch(
        f"/customers/{who}/tier", "POST", tier="gold", until=until, reason="<b>A friend</b>", do="set"
    )
    assert done.status_code == 303
    page = merchant.open(f"/customers/{who}")
    assert mistakes(page.text) == []
    assert "set by the shop: &lt;b&gt;A friend&lt;/b&gt;" in page.text
    assert "by <bdi>42</bdi>" in page.text
    assert "End what was set" in page.text
    house.clock.forward(minutes=1)
    assert merchant.fetch(f"/customers/{who}/tier", "POST", reason="enough", do="end").status_code == 303
    assert "End what was set" not in merchant.open(f"/customers/{who}").text


@pytest.mark.parametrize(
    "form, words",
    [
        ({"tier": "gold", "reason": ""}, "Say why"),
        ({"tier": "diamond", "reason": "x"}, "There is no such tier"),
        ({"tier": "gold", "reason": "x", "until": "yesterday"}, "The last day is a date"),
        ({"tier": "gold", "reason": "x", "until": "2001-01-01"}, "has passed already"),
    ],
)
def test_a_word_on_a_tier_that_cannot_be_kept_is_refused(
    house: House, buyer: Shop, merchant: Merchant, form: dict[str, str], words: str
) -> None:
    publish(merchant, "/tiers", TIERS)
    who = house.customer_id(buyer, "7")
    answer = merchant.fetch(f"/customers/{who}/tier", "POST", **form, do="set")
    assert answer.status_code == 409
    assert words in answer.text


def test_nobody_of_another_shop_is_put_on_a_tier(
    house: House, buyer: Shop, next_door: Shop, merchant: Merchant
) -> None:
    publish(merchant, "/tiers", TIERS)
    house.settle(next_door, order(1, person("9", house.clock.now), house.clock.now, 100))
    theirs = house.customer_id(next_door, "9")
    for number in (theirs, 2**62, 2**63 - 1, 10**30):
        answer = merchant.fetch(f"/customers/{number}/tier", "POST", tier="gold", reason="x", do="set")
        assert answer.status_code == 404


def test_shoppers_see_their_tier_the_way_to_the_next_and_what_it_gives(
    house: House, buyer: Shop, merchant: Merchant, shopper: Shopper
) -> None:
    publish(merchant, "/tiers", TIERS | {"enter_0": "800"})
    publish(merchant, "/expiry", LOT)
    review(house, buyer)
    page = shopper.get().text
    assert mistakes(page, whole=False) == []
    said = flat(page).replace("\u00a0", " ")
    assert "<strong><bdi>زعفران</bdi></strong>" in said
    assert "200.00 USD more leads to <bdi>Gold</bdi>." in said
    assert "600.00 USD of 800.00 USD in the last 12 months" in said
    assert "What Gold gives:" in said
    assert "Free delivery on every order" in said
    assert "600 points expire after" in said


def test_a_hidden_tier_is_shown_to_no_shopper(house: House, buyer: Shop, merchant: Merchant, shopper: Shopper) -> None:
    publish(merchant, "/tiers", TIERS | {"hidden_0": "1", "hidden_1": "1"})
    review(house, buyer)
    page = shopper.get().text
    assert "Gold" not in page
    assert "Your tier" not in page
    who = house.customer_id(buyer, "7")
    assert "<bdi>Gold</bdi>" in merchant.open(f"/customers/{who}").text


def test_without_tiers_and_expiry_nobody_reads_of_them(
    buyer: Shop, merchant: Merchant, shopper: Shopper, house: House
) -> None:
    page = shopper.get().text
    assert "Your tier" not in page
    assert "expire" not in page
    assert 'id="tier"' not in merchant.open(f"/customers/{house.customer_id(buyer, '7')}").text
