"""Segments in a store whose merchant has some of their own, and touches ours."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import responses

from commerce.store import KnownSegment, PutSegment, StoreError
from connectors.http import HttpSession
from connectors.shopify.graphql import Graph
from connectors.shopify.writes import LocalBook
from connectors.shopify.writes.segments import put_segments
from sandbox.adminapi import segments as merchant
from sandbox.segments import Segment
from tests.connectors.conftest import Platform

LEADS = PutSegment("Perennial: leads", "stage:lead")
ADVOCATES = PutSegment("Perennial: advocates", "stage:advocate")
RULE = "customer_tags CONTAINS 'stage:lead'"


class Desk:
    """Our side of it: a store, and the book in which its segments of ours are remembered."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.shop = platform.world.shop()
        self.book = LocalBook()
        self.store = platform.store()

    def put(self, *effects: PutSegment) -> Sequence[StoreError | None]:
        return put_segments(self.store._graph, self.book, effects)

    def there(self) -> list[tuple[str, str]]:
        return sorted((segment.name, segment.query) for segment in self.shop.segments)

    def named(self, name: str) -> Segment:
        found = self.shop.segments.by_name(name)
        assert found is not None
        return found


@pytest.fixture
def desk(platform: Platform) -> Desk:
    return Desk(platform)


def test_segments_are_made_once(desk: Desk) -> None:
    assert desk.put(LEADS, ADVOCATES) == [None, None]
    assert desk.put(LEADS, ADVOCATES) == [None, None]
    assert desk.there() == [
        ("Perennial: advocates", "customer_tags CONTAINS 'stage:advocate'"),
        ("Perennial: leads", RULE),
    ]
    assert desk.platform.world.mutations == {"segmentCreate": 2}


def test_a_segment_that_we_call_otherwise_now_is_the_same_one_renamed(desk: Desk) -> None:
    desk.put(LEADS)
    before = desk.named("Perennial: leads").id
    assert desk.put(PutSegment("Perennial: newcomers", "stage:lead")) == [None]
    assert desk.there() == [("Perennial: newcomers", RULE)]
    assert desk.named("Perennial: newcomers").id == before


def test_two_segments_may_change_names(desk: Desk) -> None:
    desk.put(LEADS, ADVOCATES)
    desk.put(PutSegment("Perennial: advocates", "stage:lead"), PutSegment("Perennial: leads", "stage:advocate"))
    # The first finds its name borne by the other still; the next look puts that right.
    desk.put(PutSegment("Perennial: advocates", "stage:lead"), PutSegment("Perennial: leads", "stage:advocate"))
    assert desk.there() == [
        ("Perennial: advocates", RULE),
        ("Perennial: leads", "customer_tags CONTAINS 'stage:advocate'"),
    ]
    assert desk.platform.world.mutations["segmentCreate"] == 2


def test_a_segment_that_the_merchant_deleted_is_made_again(desk: Desk) -> None:
    desk.put(LEADS)
    merchant.remove(desk.shop, desk.named("Perennial: leads"))
    assert desk.put(LEADS) == [None]
    assert desk.there() == [("Perennial: leads", RULE)]
    assert desk.book.known()["stage:lead"].external_id.endswith(str(desk.named("Perennial: leads").id))


def test_a_segment_that_the_merchant_edited_is_put_right(desk: Desk) -> None:
    desk.put(LEADS)
    ours = desk.named("Perennial: leads")
    merchant.edit(desk.shop, ours, "People", "number_of_orders > 3")
    assert desk.put(LEADS) == [None]
    assert (desk.there(), len(desk.shop.segments)) == ([("Perennial: leads", RULE)], 1)
    assert ours.query == RULE


def test_a_segment_of_the_merchants_own_is_never_touched(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "connectors")
    theirs = merchant.add(desk.shop, "perennial: LEADS", "number_of_orders = 0")
    assert desk.put(LEADS) == [None]
    assert desk.there() == [("Perennial: leads (2)", RULE), ("perennial: LEADS", "number_of_orders = 0")]
    assert "segment 'Perennial: leads' is called 'Perennial: leads (2)'" in caplog.text
    assert desk.book.known()["stage:lead"].name == "Perennial: leads (2)"
    assert desk.put(LEADS) == [None]
    assert desk.platform.world.mutations == {"segmentCreate": 1}
    # When theirs is gone, ours gets the name that we wanted; asked to go, it goes alone.
    merchant.edit(desk.shop, theirs, "Window shoppers", "number_of_orders = 0")
    assert desk.put(LEADS) == [None]
    assert desk.there() == [("Perennial: leads", RULE), ("Window shoppers", "number_of_orders = 0")]
    assert desk.put(PutSegment("Perennial: leads", "stage:lead", active=False)) == [None]
    assert desk.there() == [("Window shoppers", "number_of_orders = 0")]


def test_a_merchant_who_has_all_our_names_is_told(desk: Desk) -> None:
    merchant.add(desk.shop, "Perennial: leads", "number_of_orders = 0")
    for number in range(2, 10):
        merchant.add(desk.shop, f"Perennial: leads ({number})", "number_of_orders = 0")
    refused, made = desk.put(LEADS, ADVOCATES)
    assert made is None
    assert refused is not None
    assert (refused.permanent, "under all names" in str(refused)) == (True, True)


def test_a_segment_whose_answer_was_lost_is_found_again_by_its_name_and_rule(desk: Desk) -> None:
    desk.put(LEADS)
    desk.book.forget("stage:lead")
    assert desk.put(LEADS) == [None]
    assert len(desk.shop.segments) == 1
    assert desk.book.known()["stage:lead"].name == "Perennial: leads"


def test_removing_is_done_once_and_forgotten(desk: Desk) -> None:
    desk.put(LEADS, ADVOCATES)
    away = [PutSegment(wanted.name, wanted.tag, active=False) for wanted in (LEADS, ADVOCATES)]
    assert desk.put(*away) == [None, None]
    assert desk.put(*away) == [None, None]
    assert (desk.there(), desk.book.known()) == ([], {})
    assert desk.platform.world.mutations["segmentDelete"] == 2
    assert desk.put(LEADS) == [None]
    assert desk.there() == [("Perennial: leads", RULE)]


@responses.activate
def test_a_segment_deleted_between_look_and_word_is_made_again() -> None:
    told = {
        "pageInfo": {"hasNextPage": False},
        "nodes": [{"id": "gid://shopify/Segment/1", "name": "x", "query": RULE}],
    }
    made = {"id": "gid://shopify/Segment/2", "name": "Perennial: leads", "query": RULE}
    gone = {"userErrors": [{"field": ["id"], "message": "Segment does not exist"}]}
    for data in (
        {"segments": told},
        {"segmentUpdate": gone},
        {"segments": told | {"nodes": []}},
        {"segmentCreate": {"userErrors": [], "segment": made}},
    ):
        responses.add(responses.POST, "https://shop.myshopify.com/admin/api/2026-10/graphql.json", json={"data": data})
    book = LocalBook()
    book.learn("stage:lead", KnownSegment("gid://shopify/Segment/1", "x"))
    graph = Graph("shop.myshopify.com", lambda: "shpat_x", HttpSession())
    assert put_segments(graph, book, [LEADS]) == [None]
    assert book.known() == {"stage:lead": KnownSegment("gid://shopify/Segment/2", "Perennial: leads")}


def test_a_tag_that_no_rule_can_name_is_refused_alone(desk: Desk) -> None:
    odd, made = desk.put(PutSegment("odd", "it's"), LEADS)
    assert made is None
    assert odd is not None
    assert odd.permanent
