"""What the store shows of a tier after a story: the tag, the field and the segment, up, down and by the shop's word."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

import loyalty
import referral
from plugin import rounds
from sandbox.customers import Customer
from sandbox.ids import gid
from sandbox.metafields import OWN_NAMESPACE
from tests.flows.conftest import Loop

AWARDS = text("SELECT points FROM entries WHERE shop_id = :shop_id AND kind = 'award' AND account = 'points'")
TIERS = {
    "levels": [
        {"key": "silver", "name": "Silver", "enter": 1_000, "keep": 500},
        {"key": "gold", "name": "Gold", "enter": 20_000, "keep": 10_000},
    ]
}


@pytest.fixture
def anna(loop: Loop) -> Customer:
    with loop.database.work(loop.shop.shop_id) as work:
        loyalty.change(work, tiers=TIERS, expiry={"policy": "lot", "months": 12})
    loop.clock.forward(minutes=1)
    return loop.world.add_customer("anna@example.com", "Anna", "Vos")


def shown(loop: Loop, customer: Customer) -> tuple[list[str], str | None]:
    """The tier's tags, and the field."""
    fields = loop.world.shop().metafields.of(gid("Customer", customer.id), OWN_NAMESPACE)
    tags = sorted(tag for tag in customer.tags if tag.startswith("tier:"))
    return tags, next((field.value for field in fields if field.key == "tier"), None)


def run_jobs(loop: Loop) -> None:
    """What the clock of a worker does each minute."""
    with loop.database.work(loop.shop.shop_id) as work:
        rounds.review_tiers(work)
        rounds.expire(work)


def test_a_tier_shows_in_the_store_and_goes_with_what_led_to_it(loop: Loop, anna: Customer) -> None:
    order = loop.world.place_order([("POT", 1)], customer=anna)
    loop.come_to_rest()
    assert shown(loop, anna) == (["tier:silver"], "Silver")
    loop.clock.forward(hours=1)
    loop.world.refund(order)
    loop.come_to_rest()
    assert shown(loop, anna) == ([], None)


def test_the_shop_s_word_shows_in_the_store_until_its_day(loop: Loop, anna: Customer) -> None:
    loop.world.place_order([("POT", 1)], customer=anna)
    loop.come_to_rest()
    who, until = loop.customer_id(anna.id), loop.clock() + timedelta(minutes=30)
    with loop.database.work(loop.shop.shop_id) as work:
        loyalty.set_tier(work, who, "gold", until=until, reason="a friend of the house", made_by="7")
    loop.come_to_rest()
    assert shown(loop, anna) == (["tier:gold"], "Gold")
    loop.clock.now = until
    run_jobs(loop)
    loop.come_to_rest()
    assert shown(loop, anna) == (["tier:silver"], "Silver")


def test_the_store_has_a_segment_for_each_tier_and_none_for_one_that_is_gone(loop: Loop, anna: Customer) -> None:
    loop.come_to_rest()
    names = {segment.name for segment in loop.world.shop().segments}
    assert {"Perennial: Silver", "Perennial: Gold"} <= names
    with loop.database.work(loop.shop.shop_id) as work:
        loyalty.change(work, tiers={"levels": TIERS["levels"][1:]})
    loop.come_to_rest()
    names = {segment.name for segment in loop.world.shop().segments}
    assert "Perennial: Gold" in names
    assert "Perennial: Silver" not in names


def test_points_that_are_over_are_gone_from_the_store_s_field_too(loop: Loop, anna: Customer) -> None:
    loop.world.place_order([("POT", 1)], customer=anna)
    loop.come_to_rest()
    points = loop.points(anna.id).points
    assert points > 0
    with loop.database.work(loop.shop.shop_id) as work:
        assert loyalty.tell_points(work) == 1
    now = loop.clock()
    loop.clock.forward(days=400)
    run_jobs(loop)
    loop.clock.now = now
    with loop.database.work(loop.shop.shop_id) as work:
        assert loyalty.tell_points(work) == 1
        assert loyalty.verify(work) == []
    loop.come_to_rest()
    fields = loop.world.shop().metafields.of(gid("Customer", anna.id), OWN_NAMESPACE)
    assert {field.key: field.value for field in fields}["points"] == "0"


@pytest.mark.parametrize("tier, points", [("silver", 300), ("gold", 200)])
def test_an_advocate_is_rewarded_by_their_tier(loop: Loop, anna: Customer, tier: str, points: int) -> None:
    loop.world.place_order([("POT", 1)], customer=anna)
    loop.come_to_rest()
    assert shown(loop, anna)[1] == "Silver"
    with loop.database.work(loop.shop.shop_id) as work:
        stored = referral.as_stored(referral.current_terms(work))
        referral.publish(work, {**stored, "advocate_points": 200, "tier_points": {tier: 300}})
        code = referral.code_of(work, loop.customer_id(anna.id))
    loop.clock.forward(minutes=1)
    friend = loop.world.add_customer("bo@example.com", "Bo", "Baker")
    loop.world.place_order([("POT", 1)], customer=friend, attributes=[("perennial_ref", code)])
    loop.come_to_rest()
    with loop.database.work(loop.shop.shop_id) as work:
        assert [row.points for row in work.rows(AWARDS)] == [points]
