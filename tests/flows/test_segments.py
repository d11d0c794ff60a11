"""Segments of the merchant's own in a store: members are tagged, echoes end, and nothing is left behind."""

from __future__ import annotations

from typing import Any

import lifecycle
from plugin.traits import BOOK, keep_segments
from tests.flows.conftest import Loop

TWICE = {"form": 1, "match": "all", "parts": [{"trait": "orders", "op": "at_least", "values": [2]}]}


def make(loop: Loop, name: str = "Twice") -> int:
    with loop.database.work(loop.shop.shop_id) as work:
        segment_id = lifecycle.segments.save(work, BOOK, name, TWICE)
        lifecycle.segments.want(work, segment_id, wanted=True)
    rest(loop)
    return segment_id


def rest(loop: Loop) -> None:
    """What the clock does each minute, and the rest of the house."""
    loop.come_to_rest()
    keep_segments(loop.database, loop.shop)
    loop.come_to_rest()


def ours(customer: Any) -> list[str]:
    return [tag for tag in customer.tags if tag.startswith("segment:")]


def in_store(loop: Loop) -> list[tuple[str, str]]:
    return [(s.name, s.query) for s in loop.world.shop().segments if "Twice" in s.name]


def test_members_bear_the_tag_in_the_store_and_a_segment_holds_them(loop: Loop) -> None:
    anna, bo = (loop.world.add_customer(f"{name}@example.com", name, "Vos") for name in ("anna", "bo"))
    for _ in range(2):
        loop.world.place_order([("MUG", 1)], customer=anna)
    loop.world.place_order([("MUG", 1)], customer=bo)
    loop.world.shop().tag_customer(anna, ["VIP"], [])
    loop.come_to_rest()
    segment_id = make(loop)
    assert (ours(anna), ours(bo)) == (["segment:twice"], [])
    assert in_store(loop) == [("Perennial: Twice", "customer_tags CONTAINS 'segment:twice'")]
    # Our own tag came back as deliveries, and nothing followed from it.
    written = dict(loop.world.mutations)
    rest(loop)
    assert dict(loop.world.mutations) == written
    # Somebody takes it off by hand: it comes back. The merchant's own tag is left alone.
    loop.world.shop().tag_customer(anna, [], ["segment:twice"])
    rest(loop)
    assert ours(anna) == ["segment:twice"]
    assert "VIP" in anna.tags
    sold = loop.world.place_order([("MUG", 1)], customer=bo)
    rest(loop)
    assert ours(bo) == ["segment:twice"]
    loop.world.cancel(sold)
    rest(loop)
    assert ours(bo) == []
    with loop.database.work(loop.shop.shop_id) as work:
        lifecycle.segments.want(work, segment_id, wanted=False)
    rest(loop)
    assert (ours(anna), in_store(loop)) == ([], [])
    assert "VIP" in anna.tags


def test_a_renamed_segment_is_renamed_in_the_store_and_keeps_its_tag(loop: Loop) -> None:
    segment_id = make(loop)
    with loop.database.work(loop.shop.shop_id) as work:
        lifecycle.segments.save(work, BOOK, "Twice or more", TWICE, segment_id=segment_id, version=1)
    rest(loop)
    assert in_store(loop) == [("Perennial: Twice or more", "customer_tags CONTAINS 'segment:twice'")]
