"""The mirror: the newest word of the store wins, in whatever order the words arrive."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from commerce.orders import OrderLine, OrderStamp
from engine import mirror
from tests import people
from tests.ground import START, Desk, Superuser

ORDER = (
    "SELECT name, paid, cancelled_at, goods_minor, refunded_minor, refund_count, version FROM orders WHERE shop_id = %s"
)


def order_row(desk: Desk, above: Superuser) -> tuple[Any, ...]:
    (row,) = above.run(ORDER, desk.shop.shop_id)
    return row


def accept(desk: Desk, *args: Any) -> mirror.Accepted:
    with desk.work() as work:
        return mirror.accept(work, *args)


def test_an_older_word_changes_nothing(desk: Desk, above: Superuser) -> None:
    placed = people.order(1, people.customer(), paid=False)
    assert len(accept(desk, [people.later(placed, 60, paid=True)]).orders) == 1
    assert accept(desk, [placed]).orders == []
    assert order_row(desk, above) == ("#1", True, None, 5000, 0, 0, 1)


def test_within_one_second_the_later_observation_wins(desk: Desk, above: Superuser) -> None:
    created = people.order(1, people.customer(), paid=False, observed_at=START + timedelta(milliseconds=100))
    paid = replace(created, paid=True, observed_at=START + timedelta(milliseconds=101))
    for told in itertools.permutations([created, paid, created]):
        accept(desk, [told[0]])
        accept(desk, list(told[1:]))
        assert order_row(desk, above)[1] is True
        above.run("DELETE FROM order_lines WHERE shop_id = %s", desk.shop.shop_id)
        above.run("DELETE FROM orders WHERE shop_id = %s", desk.shop.shop_id)


def test_the_same_word_twice_is_no_change(desk: Desk, above: Superuser) -> None:
    placed = people.order(1, people.customer())
    accept(desk, [placed, placed])
    assert accept(desk, [placed]).orders == []
    assert order_row(desk, above)[-1] == 1


def test_a_refund_before_its_order_waits_for_it(desk: Desk, above: Superuser) -> None:
    placed = people.order(1, people.customer())
    assert accept(desk, [], [people.refund(placed, 1, 1500)]).orders == []
    (taken,) = accept(desk, [placed]).orders
    assert (taken.goods_minor, taken.refunded_minor, taken.kept_minor) == (5000, 1500, 3500)
    assert order_row(desk, above) == ("#1", True, None, 5000, 1500, 1, 2)


def test_a_refund_told_by_itself_and_in_its_order_counts_once(desk: Desk, above: Superuser) -> None:
    placed = people.order(1, people.customer())
    refund = people.refund(placed, 1, 1500)
    accept(desk, [placed])
    assert len(accept(desk, [], [refund, refund]).orders) == 1
    accept(desk, [people.refunded(placed, refund)], [refund])
    assert accept(desk, [], [refund]).orders == []
    assert order_row(desk, above)[4:6] == (1500, 1)


def test_every_refund_counts(desk: Desk, above: Superuser) -> None:
    placed = people.order(1, people.customer())
    accept(desk, [placed], [people.refund(placed, number, 1000 * number) for number in (1, 2, 3)])
    assert order_row(desk, above)[4:6] == (6000, 3)


def test_lines_are_replaced_when_they_change_and_left_alone_when_they_do_not(desk: Desk, above: Superuser) -> None:
    lines = (
        "SELECT line_no, title, quantity, net_minor, xmin::text FROM order_lines WHERE shop_id = %s ORDER BY line_no"
    )
    placed = people.order(1, people.customer())
    accept(desk, [placed])
    ((*row, written),) = above.run(lines, desk.shop.shop_id)
    assert row == [1, "Enamel mug", 2, 5000]
    accept(desk, [people.later(placed, paid=False)])
    assert above.run(lines, desk.shop.shop_id) == [(*row, written)]
    edited = (OrderLine(1, "31", "Enamel mug", 1, 2500, False), OrderLine(2, None, "Gift card", 1, 2500, True))
    accept(desk, [people.later(placed, 120, lines=edited)])
    assert [found[:4] for found in above.run(lines, desk.shop.shop_id)] == [
        (1, "Enamel mug", 1, 2500), (2, "Gift card", 1, 2500),
    ]  # fmt: skip


def test_a_guest_s_order_is_kept_without_a_customer_and_gets_one_later(desk: Desk, above: Superuser) -> None:
    placed = people.order(1, None)
    (taken,) = accept(desk, [placed]).orders
    assert (taken.customer_id, taken.customer_external_id) == (None, None)
    (taken,) = accept(desk, [people.later(placed, customer=people.customer(3))]).orders
    assert taken.customer_external_id == "1003"


def test_a_customer_seen_in_an_order_never_overwrites_what_the_store_said_of_them(desk: Desk, above: Superuser) -> None:
    who = "SELECT email, first_name, updated_at FROM customers WHERE shop_id = %s"
    accept(desk, [people.order(1, people.customer(first_name="Hearsay"))])
    assert above.run(who, desk.shop.shop_id) == [("anna-1@example.com", "Hearsay", None)]
    accept(desk, [], [], [people.customer(first_name="Anna", updated_at=START)])
    accept(desk, [people.order(2, people.customer(first_name="Hearsay", observed_at=START + timedelta(days=1)))])
    assert above.run(who, desk.shop.shop_id) == [("anna-1@example.com", "Anna", START)]
    accept(desk, [], [], [people.customer(first_name="Old", updated_at=START - timedelta(days=1))])
    assert above.run(who, desk.shop.shop_id) == [("anna-1@example.com", "Anna", START)]


def test_codes_are_found_by_order(desk: Desk, above: Superuser) -> None:
    accept(desk, [people.order(1, people.customer(), discount_codes=("SPRING", "P-XYZ")), people.order(2, None)])
    codes = "SELECT k.code, o.name FROM order_codes k JOIN orders o USING (shop_id, order_id) WHERE k.shop_id = %s"
    assert sorted(above.run(codes, desk.shop.shop_id)) == [("P-XYZ", "#1"), ("SPRING", "#1")]


def test_a_first_order_is_the_first_that_counts(desk: Desk) -> None:
    anna = people.customer()
    days = [START + timedelta(days=day) for day in range(4)]
    orders = [
        people.order(1, anna, placed_at=days[0], paid=False),
        people.order(2, anna, placed_at=days[1], cancelled_at=days[2]),
        people.order(4, anna, placed_at=days[2]),
        people.order(3, anna, placed_at=days[2]),
        people.order(5, anna, placed_at=days[3]),
    ]
    accept(desk, orders)
    who = desk.customer_id(1)
    with desk.work() as work:
        (first,) = mirror.load(work, list(mirror.first_orders(work, [who]).values()))
    assert first.name == "#3"


def stamp(number: int, **changed: Any) -> OrderStamp:
    return replace(OrderStamp(str(5000 + number), START, True, False, 0), **changed)


@pytest.mark.parametrize(
    "changed, gap",
    [
        ({}, False),
        ({"updated_at": START - timedelta(seconds=1)}, False),
        ({"updated_at": START + timedelta(seconds=1)}, True),
        ({"paid": False}, True),
        ({"cancelled": True}, True),
        ({"refund_count": 1}, True),
    ],
)
def test_a_mirror_is_behind_when_the_store_knows_more(desk: Desk, changed: dict[str, Any], gap: bool) -> None:
    accept(desk, [people.order(1, people.customer())])
    with desk.work() as work:
        assert mirror.behind(work, [stamp(1, **changed)]) == (["5001"] if gap else [])
        assert mirror.behind(work, [stamp(99)]) == ["5099"]


def test_customers_are_behind_when_they_are_missing_or_have_other_names(desk: Desk) -> None:
    accept(desk, [], [], [people.customer(1, updated_at=START)])
    later = START + timedelta(days=1)
    listed = [
        people.customer(1, updated_at=later),
        people.customer(1, updated_at=later, email="new@example.com"),
        people.customer(2, updated_at=START),
    ]
    with desk.work() as work:
        found = [mirror.customers_behind(work, [one]) for one in listed]
    assert found == [[], [listed[1]], [listed[2]]]
