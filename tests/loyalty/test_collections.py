"""Orders whose goods stand in collections that rules name: settled, refunded and counted again, the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

import loyalty
from commerce.orders import OrderLine, OrderSnapshot, RefundedLine
from commerce.store import StoreCollection
from engine import collections
from loyalty.rules import proposal
from tests import people
from tests.ground import Clock, Desk

GOODS = ("mug", "tea", "pot")
SALE = StoreCollection("7", "Sale")


def publish(desk: Desk, **goods: Any) -> None:
    rule = {"goods": goods, "percent": 0, "title": "Sale"}
    with desk.work() as work:
        loyalty.publish(work, {**proposal("USD"), "earning": {"goods": [rule]}})


def hold(desk: Desk, *products: str) -> None:
    """What is on sale from now on."""
    with desk.work() as work:
        collections.take_in(work, SALE.external_id, products)


@pytest.fixture
def sale(desk: Desk, clock: Clock) -> Desk:
    """A shop that gives nothing for what is on sale; nothing is."""
    with desk.work() as work:
        collections.list_anew(work, [SALE])
    hold(desk)
    publish(desk, collections=["7"])
    clock.forward(minutes=1)
    return desk


def order(desk: Desk, number: int, *products: str) -> OrderSnapshot:
    """10.00 for each product, placed now."""
    at = desk.database.clock()
    lines = tuple(OrderLine(n, p, p, 1, 1000, False, line_id=str(n)) for n, p in enumerate(products, 1))
    return people.order(number, people.customer(1, updated_at=at), 1000 * len(lines), placed_at=at, lines=lines)


def earned(desk: Desk) -> int:
    with desk.work() as work:
        return sum(entry.points for entry in loyalty.statement(work, desk.customer_id(), limit=500))


@contextmanager
def asked(desk: Desk) -> Iterator[list[str]]:
    """The statements that the database is asked meanwhile."""
    found = list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(desk.database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(desk.database.engine, "before_cursor_execute", note)


def test_terms_that_name_a_collection_that_was_never_read_are_refused(desk: Desk) -> None:
    with desk.work() as work:
        collections.list_anew(work, [SALE])
    with pytest.raises(loyalty.TermsRefused, match="not known yet which goods are in collection 7"):
        publish(desk, collections=["7"])
    with desk.work() as work:
        assert loyalty.current_terms(work).version == 1


def test_an_order_that_earned_nothing_earns_nothing_when_the_sale_is_over(sale: Desk, clock: Clock) -> None:
    hold(sale, "mug")
    clock.forward(minutes=1)
    placed = order(sale, 1, "mug")
    sale.settle(placed)
    assert earned(sale) == 0
    clock.forward(days=1)
    hold(sale)
    sale.settle(people.later(placed, 90_000, fulfilled_at=clock.now))
    assert earned(sale) == 0
    assert sale.faults() == []


def test_a_line_that_is_added_later_goes_by_the_instant_of_the_order(sale: Desk, clock: Clock) -> None:
    hold(sale, "mug")
    clock.forward(minutes=1)
    placed = order(sale, 1, "tea")
    sale.settle(placed)
    clock.forward(days=1)
    hold(sale, "pot")
    more = order(sale, 1, "tea", "mug", "pot")
    sale.settle(people.later(placed, 90_000, lines=more.lines, goods_minor=3000, total_minor=3000))
    assert earned(sale) == 20  # tea and the pot; the mug was on sale on that day
    assert sale.faults() == []


def test_a_refund_of_goods_on_sale_takes_nothing_back(sale: Desk, clock: Clock) -> None:
    hold(sale, "mug")
    clock.forward(minutes=1)
    placed = order(sale, 1, "mug", "tea")
    sale.settle(placed)
    clock.forward(days=1)
    hold(sale, "tea")
    back = replace(people.refund(placed, 1, 1000, clock.now), lines=(RefundedLine("1", 1, 1000),))
    sale.settle(people.refunded(placed, back))
    assert earned(sale) == 10
    assert sale.faults() == []


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_put_in_and_taken_out_each_order_stays_with_what_it_found(
    sale: Desk, clock: Clock, seed: int
) -> None:
    chance, placed, owed = random.Random(seed), list[OrderSnapshot](), 0
    for number in range(1, 15):
        on_sale = set(chance.sample(GOODS, chance.randint(0, 3)))
        hold(sale, *on_sale)
        clock.forward(minutes=1)
        basket = chance.sample(GOODS, chance.randint(1, 3))
        placed.append(order(sale, number, *basket))
        owed += 10 * len(set(basket) - on_sale)
        sale.settle(placed[-1])
        again = chance.choice(placed)
        sale.settle(people.later(again, 60 + clock.now.timestamp() - again.updated_at.timestamp()))
        clock.forward(minutes=1)
    assert earned(sale) == owed
    assert sale.faults() == []
    # Counted again by the same rules, nothing changes.
    with sale.work() as work:
        found = loyalty.simulate(work, loyalty.draft(work, dict))
    assert found.now.points == found.then.points == owed


def test_a_rule_for_a_collection_asks_the_database_as_often_as_one_for_a_product(sale: Desk, clock: Clock) -> None:
    hold(sale, "mug")
    with asked(sale) as by_collection:
        sale.settle(*[order(sale, number, "mug", "tea") for number in range(1, 9)])
    publish(sale, products=["mug"])
    clock.forward(minutes=1)
    with asked(sale) as by_product:
        sale.settle(*[order(sale, number, "mug", "tea") for number in range(11, 19)])
    for found in (by_collection, by_product):
        assert sum("FROM order_lines l" in statement for statement in found) == 1
    assert [("FROM order_lines l" in s) for s in by_collection if "collection" in s] == [True]
    assert not any("collection" in statement for statement in by_product)
    assert earned(sale) == 160
