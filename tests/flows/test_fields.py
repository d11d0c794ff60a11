"""What a customer's fields in the store say after a story: the newest state, in few calls, and nothing in a circle."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import lifecycle
import loyalty
import referral
from commerce.store import PutSegment, SetFields
from connectors.shopify.manifest import FIELDS
from engine import outbox, segments, terms
from engine.work import Database
from loyalty import openings
from plugin.storefront import look
from plugin.storefront.telling import tell_look
from sandbox.adminapi import segments as merchant
from sandbox.customers import Customer
from sandbox.ids import gid
from sandbox.metafields import OWN_NAMESPACE
from tests.flows.conftest import Loop, open_loop
from tests.ground import FIRST_TERMS, Clock, Superuser


def tell_points(loop: Loop) -> int:
    with loop.database.work(loop.shop.shop_id) as work:
        return loyalty.tell_points(work)


def shown(loop: Loop, customer: Customer) -> dict[str, str]:
    fields = loop.world.shop().metafields.of(gid("Customer", customer.id), OWN_NAMESPACE)
    return {field.key: field.value for field in fields}


def effects(loop: Loop, above: Superuser, state: str) -> list[tuple[str, str, str | None]]:
    return above.run(
        f"SELECT kind, key, reason FROM effects WHERE shop_id = %s AND {state} ORDER BY kind, key", loop.shop.shop_id
    )


@pytest.fixture
def anna(loop: Loop) -> Customer:
    return loop.world.add_customer("anna@example.com", "Anna", "Vos")


def test_stage_points_and_link_are_shown_and_follow_what_happens(loop: Loop, anna: Customer) -> None:
    order = loop.world.place_order([("MUG", 3)], customer=anna)
    loop.come_to_rest()
    assert shown(loop, anna) == {"stage": "acquired"}
    tell_points(loop)
    with loop.database.work(loop.shop.shop_id) as work:
        code = referral.code_of(work, loop.customer_id(anna.id))
        assert referral.code_of(work, loop.customer_id(anna.id)) == code
    loop.come_to_rest()
    points = loop.points(anna.id).points
    assert points > 0
    assert shown(loop, anna) == {
        "stage": "acquired",
        "points": str(points),
        "referral_link": f"https://demo-store.myshopify.com/apps/perennial/r/{code}?ref={code}",
    }
    assert set(shown(loop, anna)) <= set(FIELDS)
    loop.world.refund(order)
    loop.come_to_rest()
    assert tell_points(loop) == 1
    loop.come_to_rest()
    assert shown(loop, anna)["points"] == "0"


def test_five_orders_within_a_minute_are_told_of_once_and_then_nothing_is_asked(
    loop: Loop, anna: Customer, above: Superuser
) -> None:
    for _ in range(5):
        loop.world.place_order([("MUG", 1)], customer=anna)
    loop.deliver()
    loop.settle()
    assert tell_points(loop) == 1
    before = loop.world.mutations["metafieldsSet"]
    loop.come_to_rest()
    assert shown(loop, anna) == {"stage": "retained", "points": str(loop.points(anna.id).points)}
    assert loop.world.mutations["metafieldsSet"] - before == 1
    calls = loop.world.stats["platform_calls"]
    assert tell_points(loop) == 0
    loop.come_to_rest()
    assert loop.world.stats["platform_calls"] == calls
    assert effects(loop, above, "pushed_at IS NULL") == []


def test_a_customer_without_points_is_not_told_of(loop: Loop, anna: Customer) -> None:
    loop.come_to_rest()
    loop.points(anna.id)
    assert tell_points(loop) == 0


def test_a_customer_who_is_gone_from_the_store_is_set_aside_with_the_reason(
    loop: Loop, anna: Customer, above: Superuser
) -> None:
    loop.come_to_rest()
    with loop.database.work(loop.shop.shop_id) as work:
        outbox.put(
            work, [SetFields("404404", "loyalty", {"points": "3"}), SetFields(str(anna.id), "x", {"tier": "gold"})]
        )
    loop.come_to_rest()
    (parked,) = effects(loop, above, "parked_at IS NOT NULL")
    assert parked == (
        "fields",
        "loyalty:404404",
        "the store refused: INVALID at metafields.0.ownerId (the customer is not in the store: deleted, or merged)",
    )
    assert shown(loop, anna)["tier"] == "gold"
    calls = loop.world.stats["platform_calls"]
    loop.come_to_rest()
    assert loop.world.stats["platform_calls"] == calls


def test_segments_that_a_merchant_broke_are_mended_by_the_daily_look(loop: Loop) -> None:
    there = loop.world.shop().segments
    wanted = sorted((segment.name, segment.query) for segment in there)
    assert len(wanted) == len(lifecycle.STAGES)
    first, second, *_ = list(there)
    ids = {segment.id for segment in there} - {first.id}
    merchant.remove(loop.world.shop(), first)
    merchant.edit(loop.world.shop(), second, "Something of mine", "number_of_orders > 1")
    with loop.database.work(loop.shop.shop_id) as work:
        segments.look_again(work)
    loop.come_to_rest()
    assert sorted((segment.name, segment.query) for segment in there) == wanted
    assert ids < {segment.id for segment in there}
    with loop.database.work(loop.shop.shop_id) as work:
        lifecycle.publish_segments(work, active=False)
    loop.come_to_rest()
    assert list(there) == []


def test_the_name_that_a_segment_had_to_take_is_remembered_between_processes(loop: Loop, above: Superuser) -> None:
    merchant.add(loop.world.shop(), "Perennial: gold", "number_of_orders > 9")
    for _ in range(2):
        with loop.database.work(loop.shop.shop_id) as work:
            outbox.put(work, [PutSegment("Perennial: gold", "tier:gold")])
            outbox.due_again(work, "segment", ["tier:gold"])
        loop.come_to_rest()
    assert [segment.name for segment in loop.world.shop().segments if "gold" in segment.name] == [
        "Perennial: gold",
        "Perennial: gold (2)",
    ]
    assert above.run(
        "SELECT tag, name FROM store_segments WHERE shop_id = %s AND tag = 'tier:gold'", loop.shop.shop_id
    ) == [("tier:gold", "Perennial: gold (2)")]


def test_a_look_at_segments_that_are_as_they_should_be_is_one_question(loop: Loop) -> None:
    calls, written = loop.world.stats["platform_calls"], dict(loop.world.mutations)
    with loop.database.work(loop.shop.shop_id) as work:
        segments.look_again(work)
    loop.come_to_rest()
    assert loop.world.stats["platform_calls"] - calls == 1
    assert loop.world.mutations == written


def outline(loop: Loop, key: str = "program") -> dict[str, Any] | None:
    """What the blocks in the theme read of the shop's program, or of its look."""
    owner = gid("AppInstallation", loop.world.shop().shop_id)
    field = loop.world.shop().metafields.get(owner, "perennial", key)
    return None if field is None else dict(json.loads(field.value))


def test_the_theme_is_told_the_program_whenever_it_is_published(loop: Loop, above: Superuser) -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        loyalty.change(work, points=2, per_minor=150)
    loop.come_to_rest()
    told = outline(loop)
    assert told is not None
    assert (told["points"], told["per"], told["currency"], told["unit"]) == (2, 150, "USD", 100)
    assert told["rewards"] == [{"title": "5.00 USD off", "points": 100}]
    calls = loop.world.mutations["metafieldsSet"]
    with loop.database.work(loop.shop.shop_id) as work:
        loyalty.tell_program(work)
        loyalty.change(work, margin=40)
    loop.come_to_rest()
    assert loop.world.mutations["metafieldsSet"] == calls, "nothing that the theme shows has changed"
    assert effects(loop, above, "pushed_at IS NULL") == []


def test_a_program_that_was_published_before_is_told_by_the_clock(loop: Loop) -> None:
    assert outline(loop) is None
    with loop.database.work(loop.shop.shop_id) as work:
        loyalty.tell_program(work)
    loop.come_to_rest()
    assert outline(loop) is not None


def test_a_program_that_nobody_has_published_is_told_to_no_theme(database: Database, clock: Clock) -> None:
    asleep = {**FIRST_TERMS, loyalty.DOMAIN: openings.sleeping_terms}
    with open_loop(database, clock, first_terms=asleep) as loop:
        loop.install()
        with loop.database.work(loop.shop.shop_id) as work:
            loyalty.tell_program(work)
        loop.come_to_rest()
        assert outline(loop) is None


def test_who_installs_again_is_told_the_program_again(database: Database, clock: Clock) -> None:
    clock.forward(hours=-1)
    with open_loop(database, clock) as loop:
        loop.install_long_ago()
        with loop.database.work(loop.shop.shop_id) as work:
            loyalty.tell_program(work)
        loop.come_to_rest()
        told = outline(loop)
        assert told is not None
        loop.world.uninstall()
        assert outline(loop) is None, "what belongs to an installation goes with it"
        loop.deliver()
        loop.settle()
        clock.now = datetime.now(UTC).replace(microsecond=0)
        loop.install()
        loop.come_to_rest()
        assert outline(loop) == told


def test_the_theme_is_told_how_the_program_is_to_look(loop: Loop) -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        tell_look(work)
    loop.come_to_rest()
    assert outline(loop, "look") is None, "nobody has said anything"
    with loop.database.work(loop.shop.shop_id) as work:
        terms.publish(work, look.DOMAIN, look.Look(accent="#1a5f4a", radius=8, off=frozenset({"cart"})).body())
        tell_look(work)
    loop.come_to_rest()
    assert outline(loop, "look") == {
        "style": "--perennial-accent:#1a5f4a;--perennial-on-accent:#ffffff;--perennial-radius:8px", "off": ["cart"],
    }  # fmt: skip
