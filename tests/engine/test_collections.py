"""What is kept of a store's collections: which products stand in them, since when and until when."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import text

from commerce.orders import OrderLine
from commerce.store import StoreCollection
from engine import collections, goods
from engine.collections import Known
from tests import people
from tests.ground import Clock, Desk

ORDER = text("SELECT order_id FROM orders WHERE shop_id = :shop_id AND name = :name")
SUMMER, WINTER = StoreCollection("7", "Summer"), StoreCollection("8", "Winter")


@pytest.fixture
def listed(desk: Desk) -> Desk:
    with desk.work() as work:
        collections.list_anew(work, [SUMMER, WINTER])
    return desk


def take_in(desk: Desk, collection: StoreCollection, *products: str) -> None:
    with desk.work() as work:
        collections.take_in(work, collection.external_id, products)


def summer(desk: Desk) -> Known:
    with desk.work() as work:
        return collections.some(work, ["7"])["7"]


def bought(desk: Desk, number: int, *products: str) -> None:
    """An order of these products, placed now."""
    at = desk.database.clock()
    lines = tuple(OrderLine(place, p, p, 1, 1000, False) for place, p in enumerate(products, 1))
    desk.settle(people.order(number, people.customer(1, updated_at=at), 1000 * len(lines), placed_at=at, lines=lines))


def stood(desk: Desk, number: int) -> list[tuple[str, ...]]:
    """In which of the two collections each product of an order stood."""
    with desk.work() as work:
        found = work.row(ORDER, name=f"#{number}")
        assert found is not None
        lines = goods.kept_lines(work, [found.order_id], ["7", "8"])[found.order_id]
        return [tuple(sorted(line.collections)) for line in lines]


def test_a_product_stands_in_a_collection_from_one_reading_to_another(listed: Desk, clock: Clock) -> None:
    bought(listed, 1, "mug", "tea")
    clock.forward(hours=1)
    take_in(listed, SUMMER, "mug")
    take_in(listed, WINTER, "mug", "tea")
    clock.forward(hours=1)
    bought(listed, 2, "mug", "tea")
    clock.forward(hours=1)
    take_in(listed, SUMMER, "tea")
    clock.forward(hours=1)
    bought(listed, 3, "mug", "tea")
    # What the first reading found has always stood there.
    assert stood(listed, 1) == stood(listed, 2) == [("7", "8"), ("8",)]
    assert stood(listed, 3) == [("8",), ("7", "8")]
    assert (summer(listed).products, summer(listed).read_at) == (1, clock() - timedelta(hours=1))


def test_only_the_collections_that_are_asked_about_are_told(listed: Desk, clock: Clock) -> None:
    take_in(listed, SUMMER, "mug")
    bought(listed, 1, "mug")
    with listed.work() as work:
        found = work.row(ORDER, name="#1")
        assert found is not None
        for asked, told in ((["7"], ("7",)), (["8"], ()), ([], ())):
            (line,) = goods.kept_lines(work, [found.order_id], asked)[found.order_id]
            assert line.collections == told


def test_a_collection_that_is_gone_holds_nothing_and_what_comes_back_begins_anew(listed: Desk, clock: Clock) -> None:
    take_in(listed, SUMMER, "mug")
    clock.forward(hours=1)
    with listed.work() as work:
        collections.list_anew(work, [WINTER])
    bought(listed, 1, "mug")
    assert stood(listed, 1) == [()]
    assert summer(listed).gone_at == clock()
    clock.forward(hours=1)
    with listed.work() as work:
        collections.list_anew(work, [SUMMER, WINTER])
    take_in(listed, SUMMER, "mug")
    clock.forward(hours=1)
    bought(listed, 2, "mug")
    assert stood(listed, 2) == [("7",)]
    assert stood(listed, 1) == [()]


def test_a_part_of_the_list_takes_nothing_away(listed: Desk, clock: Clock) -> None:
    with listed.work() as work:
        collections.list_anew(work, [StoreCollection("9", "Spring")], whole=False)
        assert [(one.title, one.gone_at) for one in collections.known(work)] == [
            ("Spring", None), ("Summer", None), ("Winter", None),
        ]  # fmt: skip


def test_one_title_may_be_that_of_several(listed: Desk, clock: Clock) -> None:
    with listed.work() as work:
        collections.list_anew(work, [SUMMER, WINTER, StoreCollection("9", "summer")])
        assert len(collections.titled(work, "SUMMER")) == 2
        assert collections.titled(work, "winter") == ["8"]


def test_what_was_never_read_is_named(listed: Desk, clock: Clock) -> None:
    take_in(listed, SUMMER)
    with listed.work() as work:
        assert collections.unread(work, ["7", "8", "99"]) == ["8", "99"]


@pytest.mark.parametrize("seed", range(6))
def test_each_order_finds_what_stood_there_when_it_was_placed(listed: Desk, clock: Clock, seed: int) -> None:
    """Whatever is read in, and whichever orders lie between: later readings change nothing about earlier orders."""
    chance, there = random.Random(seed), ("mug", "tea", "pot", "cup")
    held = list[set[str]]()
    for number in range(1, 13):
        products = set(chance.sample(there, chance.randint(0, 4)))
        if number > 1 and chance.random() < 0.2:
            with listed.work() as work:
                collections.list_anew(work, [WINTER])
            products = set()
        else:
            take_in(listed, SUMMER, *products)
        clock.forward(minutes=1)
        bought(listed, number, *there)
        clock.forward(minutes=1)
        held.append(products)
    found = [{one for one, inside in zip(there, stood(listed, number), strict=True) if "7" in inside}
             for number in range(1, 13)]  # fmt: skip
    assert found == held
