"""The pages of campaigns: a play from off to a result, forms that keep what was typed, and the customer's page."""

from __future__ import annotations

from typing import Any

import pytest

import campaigns
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

FORM = {
    "name": "", "audience": "stage:acquired", "after_days": "0", "until_days": "14", "points": "50",
    "reason": "Welcome", "reward": "", "cooldown_days": "365", "most_points": "50000", "holdout_percent": "50",
    "window_days": "10", "seen": "0",
}  # fmt: skip


def buyers(house: House, shop: Shop, many: int, first: int = 1, **changed: Any) -> None:
    at = house.clock.now
    people = {n: person(str(n), at, email=f"a{n}@example.com", **changed) for n in range(first, first + many)}
    house.settle(shop, *(order(n, who, at) for n, who in people.items()))


def enrol(house: House, shop: Shop) -> None:
    with house.database.work(shop.shop_id) as work:
        while campaigns.enrol_due(work):
            pass


def arms(house: House, shop: Shop) -> dict[int, str]:
    """The arm of everybody in the newest run of the first play, by the number of their first order."""
    with house.database.work(shop.shop_id) as work:
        run = campaigns.last_run(work, "welcome")
        return {int(row.external_id): row.arm for row in campaigns.people_of(work, run)}


def test_every_play_is_off_at_first_and_says_whom_it_would_reach(house: House, merchant: Merchant, shop: Shop) -> None:
    buyers(house, shop, 3)
    page = merchant.open("/campaigns")
    assert page.status_code == 200
    assert mistakes(page.text) == []
    text = flat(page.text)
    assert text.count(">Off</span>") == 5
    assert ">On</span>" not in text
    assert "<dt>Would reach now</dt><dd>3 customers</dd>" in text


def test_a_play_from_off_to_a_result(house: House, merchant: Merchant, shop: Shop) -> None:
    buyers(house, shop, 50)
    tried = merchant.fetch("/campaigns/welcome", "POST", **FORM, do="try")
    assert tried.status_code == 200
    assert mistakes(tried.text) == []
    text = flat(tried.text)
    assert "It would reach 50 customers now, about 25 of them held out." in text
    assert "It would give at most 1,250 points this month." in text
    assert "Nothing is saved yet." in text
    asked = merchant.fetch("/campaigns/welcome", "POST", **FORM, do="on")
    assert asked.status_code == 200
    assert mistakes(asked.text) == []
    question = flat(asked.text)
    assert "Switch on “Welcome a new customer”?" in question
    assert "It would give at most 1,250 points this month." in question
    assert ">On</span>" not in merchant.open("/campaigns").text, "nothing is done before somebody has read it"
    assert merchant.fetch("/campaigns/welcome", "POST", **FORM, do="on", sure="yes").status_code == 303
    enrol(house, shop)
    early = flat(merchant.open("/campaigns/welcome").text)
    assert "Too early to say: of 0 who took part and 0 held out the outcome is known, and it takes 30 of each." in early
    buyers(house, shop, 100, first=51)
    house.clock.forward(minutes=6)
    enrol(house, shop)
    drawn = arms(house, shop)
    house.clock.forward(days=1)
    at, again = house.clock.now, [n for n, arm in drawn.items() if arm == "play"]
    house.settle(shop, *(order(1000 + n, person(str(n), at), at, 2000) for n in again))
    house.clock.forward(days=10)
    page = merchant.open("/campaigns/welcome")
    assert mistakes(page.text) == []
    text = flat(page.text)
    assert "It works: of 100 customers" in text
    assert "Each customer spent" in text
    assert "This is an interim reading." in text
    assert '<svg class="whiskers"' in page.text
    assert merchant.fetch("/campaigns/welcome", "POST", **FORM | {"seen": "1"}, do="off").status_code == 303
    text = flat(merchant.open("/campaigns/welcome").text)
    assert "This result is final" in text
    assert "It works" in flat(merchant.open("/campaigns").text)
    shown = flat(merchant.open(f"/customers/{house.customer_id(shop, str(again[0]))}").text)
    assert "Welcome a new customer" in shown


def test_the_customer_s_page_says_that_somebody_is_held_out(house: House, merchant: Merchant, shop: Shop) -> None:
    assert merchant.fetch("/campaigns/welcome", "POST", **FORM, do="on", sure="yes").status_code == 303
    buyers(house, shop, 12)
    enrol(house, shop)
    drawn = arms(house, shop)
    held = next(n for n, arm in drawn.items() if arm == "holdout")
    done = next(n for n, arm in drawn.items() if arm == "play")
    page = merchant.open(f"/customers/{house.customer_id(shop, str(held))}").text
    assert mistakes(page) == []
    assert "Held out: nothing" in page
    assert "50\u00a0points" in merchant.open(f"/customers/{house.customer_id(shop, str(done))}").text


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"points": "many <b>"}, "A whole number such as 30 is expected."),
        ({"points": ""}, "A whole number such as 30 is expected."),
        ({"points": "9" * 11}, "Points are a whole number from 0 to 100000."),
        ({"points": "9" * 200}, "A whole number such as 30 is expected."),
        ({"cooldown_days": "9"}, "Nobody is reached again before their outcome is known"),
        ({"audience": "stage:nowhere"}, "Choose one of the stages."),
        ({"audience": "segment:12"}, "This segment is not there any more."),
        ({"reward": "no-such"}, "The program has no such reward any more."),
        ({"reason": ""}, "Points need a reason"),
    ],
)
def test_what_is_refused_stays_in_the_form_and_names_the_field(
    merchant: Merchant, wrong: dict[str, str], said: str
) -> None:
    answer = merchant.fetch("/campaigns/welcome", "POST", **FORM | {"most_points": "777"} | wrong, do="on")
    assert answer.status_code == 409
    assert mistakes(answer.text) == []
    assert said in answer.text
    assert 'value="777"' in answer.text, "what was typed stays"
    assert answer.text.count('aria-invalid="true" aria-describedby="refused"') == 1
    assert "<b>" not in answer.text
    assert ">On</span>" not in merchant.open("/campaigns").text


def test_digits_may_be_those_of_whoever_types(house: House, merchant: Merchant, shop: Shop) -> None:
    assert merchant.fetch("/campaigns/welcome", "POST", **FORM | {"points": "۱۲٠"}, do="save").status_code == 303
    with house.database.work(shop.shop_id) as work:
        assert campaigns.find(work, "welcome").play.points == 120


def test_a_stale_form_overwrites_nothing_and_shows_both(house: House, merchant: Merchant, shop: Shop) -> None:
    assert merchant.fetch("/campaigns/welcome", "POST", **FORM | {"points": "60"}, do="save").status_code == 303
    late = merchant.fetch("/campaigns/welcome", "POST", **FORM | {"points": "70"}, do="save")
    assert late.status_code == 409
    text = flat(late.text)
    assert "Somebody else has changed this play in the meantime." in text
    assert 'name="points" inputmode="numeric" autocomplete="off" required value="70"' in text
    assert "now: 60" in text
    assert 'name="seen" value="1"' in text
    with house.database.work(shop.shop_id) as work:
        assert campaigns.find(work, "welcome").play.points == 60


def test_a_play_of_one_s_own_has_a_name_that_may_hold_anything(merchant: Merchant) -> None:
    fresh = merchant.open("/campaigns/new")
    assert mistakes(fresh.text) == []
    assert 'action="/campaigns/own-1' in fresh.text
    assert merchant.fetch("/campaigns/own-1", "POST", **FORM, do="save").status_code == 409
    name = "\u202e<i>Loyal</i> 🎉"
    assert merchant.fetch("/campaigns/own-1", "POST", **FORM | {"name": name}, do="save").status_code == 303
    page = merchant.open("/campaigns").text
    assert mistakes(page) == []
    assert "&lt;i&gt;Loyal&lt;/i&gt;" in page
    assert (
        merchant.fetch("/campaigns/own-1", "POST", **FORM | {"name": "x" * 61, "seen": "1"}, do="save").status_code
        == 409
    )
    assert 'action="/campaigns/own-2' in merchant.open("/campaigns/new").text


def test_a_play_that_does_nothing_is_not_switched_on(merchant: Merchant) -> None:
    answer = merchant.fetch("/campaigns/welcome", "POST", **FORM | {"points": "0"}, do="on")
    assert answer.status_code == 409
    assert "A play has to do something" in answer.text


@pytest.mark.parametrize("key", ["no-such", "own-", "own-100", "own-0", "Welcome", "%00"])
def test_there_is_no_play_of_another_name(merchant: Merchant, key: str) -> None:
    assert merchant.open(f"/campaigns/{key}").status_code == 404
    assert merchant.fetch(f"/campaigns/{key}", "POST", **FORM, do="on").status_code == 404


def test_the_shop_next_door_has_plays_of_its_own(house: House, merchant: Merchant, next_door: Shop) -> None:
    assert merchant.fetch("/campaigns/welcome", "POST", **FORM, do="on", sure="yes").status_code == 303
    other = Merchant(house.app.test_client(), next_door)
    assert ">On</span>" not in other.open("/campaigns").text
