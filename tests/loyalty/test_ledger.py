"""The ledger on the real database: earning, refunds, debts, awards; and the proof that the books are right."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

import loyalty
from commerce.ids import CustomerId, OrderId
from engine import terms
from loyalty import records
from loyalty.rules import proposal
from tests import people
from tests.ground import START, Clock, Desk, Superuser

ENTRIES = """
    SELECT o.name, e.account, e.kind, e.points, e.terms_version, e.sentence, e.available_at, e.recorded_at
    FROM entries e LEFT JOIN orders o USING (shop_id, order_id) WHERE e.shop_id = %s ORDER BY e.entry_id
"""
LOTS = """
    SELECT o.name, l.remaining FROM lots l JOIN orders o USING (shop_id, order_id)
    WHERE l.shop_id = %s ORDER BY o.external_id
"""


def entries(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    return above.run(ENTRIES, desk.shop.shop_id)


def movements(desk: Desk, above: Superuser) -> list[tuple[str, str, int]]:
    """Order, kind and points of each movement of the customers' own points."""
    return [(row[0], row[2], row[3]) for row in entries(desk, above) if row[1] == "points"]


def lots(desk: Desk, above: Superuser) -> list[tuple[str, int]]:
    return above.run(LOTS, desk.shop.shop_id)


def figures(desk: Desk, number: int = 1) -> tuple[int, int, int, int, int]:
    found = desk.balance(number)
    return found.points, found.spendable, found.pending, found.held, found.debt


def test_a_paid_order_is_booked_with_its_reason_and_held_for_two_weeks(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    desk.settle(people.order(1, people.customer(), 5099))
    held_to = START + timedelta(days=14)
    sentence = "#1: 50 points for 50.99 USD of goods kept, at 1 for each 1.00 USD"
    assert entries(desk, above) == [("#1", "points", "earn", 50, 1, sentence, held_to, START)]
    assert figures(desk) == (50, 0, 50, 0, 0)
    clock.forward(days=14)
    assert figures(desk) == (50, 50, 0, 0, 0)


def test_an_order_settled_again_and_again_is_booked_once(desk: Desk, above: Superuser) -> None:
    placed = people.order(1, people.customer())
    desk.settle(placed)
    desk.settle(placed)
    desk.settle(people.later(placed), people.order(2, people.customer(), 1000))
    desk.settle(people.later(placed, 120))
    assert movements(desk, above) == [("#1", "earn", 50), ("#2", "earn", 10)]


def test_guests_earn_nothing(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, None))
    assert entries(desk, above) == []
    assert desk.faults() == []


def test_a_refund_takes_back_only_what_that_order_earned(desk: Desk, above: Superuser) -> None:
    first, second = people.order(1, people.customer(), 10_000), people.order(2, people.customer(), 3000)
    desk.settle(first, second)
    desk.settle(people.refunded(first, people.refund(first, 1, 2550)))
    assert movements(desk, above) == [("#1", "earn", 100), ("#2", "earn", 30), ("#1", "clawback", -26)]
    assert lots(desk, above) == [("#1", 74), ("#2", 30)]
    desk.settle(people.refunded(first, people.refund(first, 1, 2550), people.refund(first, 2, 7450), seconds=120))
    assert movements(desk, above)[3:] == [("#1", "clawback", -74)]
    assert figures(desk) == (30, 0, 30, 0, 0)
    assert desk.faults() == []


def test_a_cancelled_order_gives_everything_back_and_earns_again_when_it_is_reopened(
    desk: Desk, above: Superuser
) -> None:
    placed = people.order(1, people.customer())
    desk.settle(placed)
    desk.settle(people.later(placed, 60, cancelled_at=START))
    desk.settle(people.later(placed, 120))
    desk.settle(people.later(placed, 180, cancelled_at=START))
    assert movements(desk, above) == [
        ("#1", "earn", 50),
        ("#1", "clawback", -50),
        ("#1", "earn", 50),
        ("#1", "clawback", -50),
    ]
    assert figures(desk) == (0, 0, 0, 0, 0)
    assert desk.faults() == []


def test_a_clawback_takes_its_own_lot_then_the_soonest_then_makes_a_debt_that_the_next_lot_repays(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    first, second = people.order(1, people.customer(), 12_000), people.order(2, people.customer(), 3000)
    desk.settle(first, second)
    clock.forward(days=20)
    assert desk.redeem().points == 100
    assert lots(desk, above) == [("#1", 20), ("#2", 30)]
    desk.settle(people.later(first, cancelled_at=START))
    assert movements(desk, above)[-3:] == [("#1", "clawback", -20), ("#1", "clawback", -30), ("#1", "clawback", -70)]
    assert lots(desk, above) == [("#1", 0), ("#2", 0)]
    assert figures(desk) == (-70, 0, 0, 100, 70)
    desk.settle(people.order(3, people.customer(), 5000, placed_at=START - timedelta(days=20)))
    assert movements(desk, above)[-3:] == [("#3", "earn", 50), ("#3", "repay", -50), ("#3", "repay", 50)]
    assert figures(desk) == (-20, 0, 0, 100, 20)
    desk.settle(people.order(4, people.customer(), 5000, placed_at=START - timedelta(days=20)))
    assert lots(desk, above) == [("#1", 0), ("#2", 0), ("#3", 0), ("#4", 30)]
    assert figures(desk) == (30, 30, 0, 100, 0)
    assert desk.faults() == []


def test_an_order_keeps_the_terms_that_paid_it(desk: Desk, above: Superuser, clock: Clock) -> None:
    placed = people.order(1, people.customer(), 10_000)
    desk.settle(placed)
    clock.forward(hours=1)
    with desk.work() as work:
        terms.publish(work, loyalty.DOMAIN, proposal("USD") | {"points": 3})
    clock.forward(hours=1)
    desk.settle(people.refunded(placed, people.refund(placed, 1, 5000)))
    desk.settle(people.order(2, people.customer(), 10_000, placed_at=clock()))
    desk.settle(people.order(3, people.customer(), 10_000, placed_at=START - timedelta(days=9)))
    booked = [(row[0], row[2], row[3], row[4]) for row in entries(desk, above)]
    assert booked == [
        ("#1", "earn", 100, 1),
        ("#1", "clawback", -50, 1),
        ("#2", "earn", 300, 2),
        ("#3", "earn", 100, 1),
    ]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_history_of_refunds_ends_in_the_points_of_the_goods_kept(desk: Desk, data: st.DataObject) -> None:
    number = data.draw(st.integers(1000, 2**31), label="order")
    goods = data.draw(st.lists(st.integers(0, 20_000), min_size=1, max_size=3), label="goods")
    buyer = people.customer(number)
    orders = [people.order(number * 10 + place, buyer, worth) for place, worth in enumerate(goods)]
    desk.settle(*orders)
    for step, (place, share) in enumerate(
        data.draw(
            st.lists(st.tuples(st.integers(0, len(goods) - 1), st.integers(0, 9000)), max_size=6), label="refunds"
        )
    ):
        orders[place] = people.refunded(orders[place], people.refund(orders[place], number * 10 + step, share))
        desk.settle(orders[place])
    kept = [max(0, o.goods_minor - sum(r.goods_minor for r in o.refunds)) // 100 for o in orders]
    found = desk.balance(number)
    assert (found.points, found.debt) == (sum(kept), 0)
    assert desk.faults() == []


# --- awards


def test_an_award_follows_what_is_owed_back_and_forth_without_drift(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1)), people.order(2, people.customer(2)))
    advocate, friends_order = (
        desk.customer_id(1),
        above.one("SELECT order_id FROM orders WHERE name = '#2' AND shop_id = %s", desk.shop.shop_id),
    )
    for points in [200, 0, 200, 200, 0, 0, 200, 150, 200]:
        with desk.work() as work:
            loyalty.settle_awards(work, [award(advocate, friends_order, points)])
    steps = [points for _, kind, points in movements(desk, above) if kind.startswith("award")]
    assert steps == [200, -200, 200, -200, 200, -50, 50]
    assert figures(desk) == (250, 0, 250, 0, 0)
    assert desk.faults() == []


def award(customer_id: CustomerId, order_id: OrderId, points: int) -> loyalty.Award:
    return loyalty.Award(customer_id, order_id, points, START + timedelta(days=14), f"{points} points for a friend")


# --- the proof, and the lock on the past


def test_a_right_ledger_has_no_faults(desk: Desk, clock: Clock) -> None:
    desk.settle(*(people.order(number, people.customer(number % 4 + 1), 9000 + number) for number in range(1, 30)))
    clock.forward(days=20)
    desk.redeem()
    assert desk.faults() == []


def test_a_planted_lot_is_found(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer()))
    lot = above.one("UPDATE lots SET remaining = remaining + 7 WHERE shop_id = %s RETURNING lot_id", desk.shop.shop_id)
    assert desk.faults() == [f"lot {lot} holds 57 points, its entries say 50"]


def test_a_planted_balance_is_found(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer()))
    who = above.one(
        "UPDATE balances SET points = 49, held = 1 WHERE shop_id = %s RETURNING customer_id", desk.shop.shop_id
    )
    assert desk.faults() == [f"customer {who} has 49 points, 1 held, 0 owed; the entries say 50, 0, 0"]


def test_an_order_that_was_never_booked_is_found(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer()))
    which = above.one("UPDATE orders SET goods_minor = 6000 WHERE shop_id = %s RETURNING order_id", desk.shop.shop_id)
    assert desk.faults() == [
        f"order {which} is 10 points short: #1: 60 points for 60.00 USD of goods kept, at 1 for each 1.00 USD"
    ]


@pytest.mark.parametrize(
    "deed", ["UPDATE entries SET points = 1 WHERE shop_id = %s", "DELETE FROM entries WHERE shop_id = %s"]
)
def test_entries_are_written_once_even_for_a_superuser(desk: Desk, above: Superuser, deed: str) -> None:
    desk.settle(people.order(1, people.customer()))
    with pytest.raises(psycopg.errors.RaiseException, match="rows of entries are written once"):
        above.run(deed, desk.shop.shop_id)
    assert figures(desk) == (50, 0, 50, 0, 0)


@pytest.mark.parametrize("deed", ["UPDATE entries SET points = 1", "DELETE FROM entries", "TRUNCATE entries"])
def test_the_app_has_no_right_to_touch_an_entry(desk: Desk, deed: str) -> None:
    desk.settle(people.order(1, people.customer()))
    with pytest.raises(DBAPIError, match="permission denied"), desk.work() as work:
        work.connection.exec_driver_sql(deed)
    assert figures(desk) == (50, 0, 50, 0, 0)


# --- both sides


KINDS = {
    "issued": ("earn", "award", "action", "import"),
    "reversed": ("clawback", "award_back", "action_back"),
    "spent": ("hold", "spend", "release", "return"),
    "expired": ("expire",),
    "adjusted": ("adjust", "batch"),
    "moved": ("repay", "merge"),
}


def test_every_kind_has_its_other_side(above: Superuser) -> None:
    rule = above.one("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'entries_kind_check'")
    allowed = {kind for kinds in KINDS.values() for kind in kinds}
    assert set(re.findall(r"'(\w+)'", rule)) == allowed
    sides = above.one(
        "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid "
        "AND a.attnum = d.adnum WHERE d.adrelid = 'entries'::regclass AND attname = 'counter'"
    )
    assert allowed <= set(re.findall(r"'(\w+)'", sides))


@pytest.mark.parametrize("counter, kind", [(counter, kind) for counter, kinds in KINDS.items() for kind in kinds])
def test_points_go_from_one_account_to_another_and_both_come_to_nothing(
    desk: Desk, above: Superuser, counter: str, kind: str
) -> None:
    """Whatever the kind: what the customer's side gains is what the other side gives, in the totals as well."""
    desk.settle(people.order(1, people.customer(), 5000))
    who, lot_id = desk.customer_id(), above.one("SELECT max(lot_id) FROM lots WHERE shop_id = %s", desk.shop.shop_id)

    def entry(points: int, way: str) -> records.Entry:
        return records.Entry(
            customer_id=who, kind=kind, points=points, lot_id=lot_id, idempotency_key=f"test:{way}", terms_version=1,
            sentence="a test",
        )  # fmt: skip

    with desk.work() as work:
        records.lock_balances(work, [who])
        records.append(work, [entry(-20, "out")] + ([entry(20, "in")] if counter == "moved" else []))
    totals = above.run(
        "SELECT issued, reversed, spent, expired, adjusted, moved FROM ledger_totals WHERE shop_id = %s",
        desk.shop.shop_id,
    )[0]
    booked = dict(zip(KINDS, (totals[0], totals[1], totals[2], totals[3], totals[4], totals[5]), strict=True))
    expected = dict.fromkeys(KINDS, 0) | {"issued": 50}
    expected[counter] += 0 if counter == "moved" else -20
    assert booked == expected
    assert sum(totals) == figures(desk)[0] == (50 if counter == "moved" else 30)
    with desk.work() as work:
        assert [fault for fault in loyalty.verify(work) if "short" not in fault] == []


def test_points_that_move_and_do_not_arrive_are_refused(desk: Desk) -> None:
    desk.settle(people.order(1, people.customer(), 5000))
    with pytest.raises(AssertionError, match="come to nothing"):
        _lose_some(desk)
    assert figures(desk) == (50, 0, 50, 0, 0)


def _lose_some(desk: Desk) -> None:
    who = desk.customer_id()
    with desk.work() as work:
        (lot,) = records.open_lots(work, [who])
        records.lock_balances(work, [who])
        records.append(work, [
            records.Entry(
                customer_id=who, kind="merge", points=-20, lot_id=lot.lot_id, idempotency_key="test", terms_version=1,
                sentence="half of a move",
            )
        ])  # fmt: skip


def test_a_correction_upwards_makes_a_lot(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(), 5000))
    who = desk.customer_id()
    with desk.work() as work:
        (lot_id,) = records.new_lot_ids(work, 1)
        records.lock_balances(work, [who])
        records.append(work, [
            records.Entry(
                customer_id=who, kind="adjust", points=7, lot_id=lot_id, idempotency_key="test", terms_version=1,
                sentence="a present", available_at=START,
            )
        ])  # fmt: skip
    assert figures(desk) == (57, 7, 50, 0, 0)
    assert desk.faults() == []
