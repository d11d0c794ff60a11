"""Reading the books: the points of any instant, and for every order what it earned or why it earned nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import loyalty
from commerce.customers import CustomerSnapshot
from commerce.events import CustomersMerged
from commerce.ids import CustomerId
from commerce.orders import OrderSnapshot
from loyalty.rules import receipts
from tests import people
from tests.ground import START, Clock, Desk, Superuser

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["order", "refund", "cancel", "redeem", "use", "release", "award", "look"]),
        st.integers(0, 40),
        st.integers(0, 30_000),
    ),
    max_size=12,
)


def standing(desk: Desk, customer_id: CustomerId, at: datetime) -> loyalty.BalanceThen:
    with desk.work() as work:
        return loyalty.balance_at(work, customer_id, at)


def now(desk: Desk, number: int) -> loyalty.BalanceThen:
    found = desk.balance(number)
    return loyalty.BalanceThen(found.points, found.spendable, found.pending, found.held, found.debt)


class Life:
    """What one customer does, step by step, and the points that they had after each."""

    def __init__(self, desk: Desk, clock: Clock, number: int) -> None:
        self.desk, self.clock, self.number = desk, clock, number
        self.buyer: CustomerSnapshot = people.customer(number)
        self.orders = list[OrderSnapshot]()
        self.codes = list[str]()
        self.seen = list[tuple[datetime, loyalty.BalanceThen]]()
        self.order(0, 10_000)
        self.customer_id = desk.customer_id(number)
        self.look(0, 0)

    def step(self, what: str, days: int, amount: int) -> None:
        self.clock.forward(days=days, seconds=1)
        getattr(self, what)(days, amount)
        self.look(days, amount)

    def order(self, days: int, amount: int, **changed: Any) -> None:
        number = self.number * 100 + len(self.orders)
        placed = people.order(number, self.buyer, amount, placed_at=self.clock() - timedelta(days=days), **changed)
        self.orders.append(placed)
        self.desk.settle(placed)

    def refund(self, _days: int, amount: int) -> None:
        last = self.orders[-1]
        number = self.number * 1000 + len(self.seen)
        self.orders[-1] = people.refunded(last, people.refund(last, number, amount), seconds=len(self.seen) + 1)
        self.desk.settle(self.orders[-1])

    def cancel(self, _days: int, _amount: int) -> None:
        self.orders[0] = people.later(self.orders[0], 10_000 + len(self.seen), cancelled_at=START)
        self.desk.settle(self.orders[0])

    def redeem(self, _days: int, amount: int) -> None:
        if now(self.desk, self.number).spendable >= 100:
            self.codes.append(self.desk.redeem(self.number, f"click-{len(self.seen)}").code)

    def use(self, days: int, amount: int) -> None:
        self.order(days, amount, discount_codes=tuple(self.codes[-1:]))

    def release(self, _days: int, _amount: int) -> None:
        self.desk.release()

    def award(self, days: int, amount: int) -> None:
        with self.desk.work() as work:
            order_id = work.connection.exec_driver_sql("SELECT max(order_id) FROM orders").scalar_one()
            at = self.clock() + timedelta(days=days)
            loyalty.settle_awards(work, [loyalty.Award(self.customer_id, order_id, amount // 100, at, "a friend")])

    def look(self, _days: int, _amount: int) -> None:
        self.seen.append((self.clock(), now(self.desk, self.number)))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, number=st.integers(100, 2**20))
def test_the_points_of_any_instant_are_those_that_were_seen_then(
    desk: Desk, clock: Clock, steps: list[tuple[str, int, int]], number: int
) -> None:
    life = Life(desk, clock, number)
    for what, days, amount in steps:
        life.step(what, days, amount)
    assert [standing(desk, life.customer_id, at) for at, _ in life.seen] == [seen for _, seen in life.seen]
    before = standing(desk, life.customer_id, START - timedelta(days=9999))
    assert before == loyalty.BalanceThen(0, 0, 0, 0, 0)
    assert desk.faults() == []


def test_an_instant_between_two_entries_knows_the_first_only(desk: Desk, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(), 5000))
    clock.forward(days=20)
    desk.settle(people.order(2, people.customer(), 3000, placed_at=START))
    who = desk.customer_id()
    assert standing(desk, who, START + timedelta(days=13)) == loyalty.BalanceThen(50, 0, 50, 0, 0)
    assert standing(desk, who, START + timedelta(days=14)) == loyalty.BalanceThen(50, 50, 0, 0, 0)
    assert standing(desk, who, START + timedelta(days=20)) == loyalty.BalanceThen(80, 80, 0, 0, 0)


def test_points_of_a_merged_customer_are_each_one_s_own_at_the_time(desk: Desk, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(1), 5000), people.order(2, people.customer(2), 3000))
    one, other = desk.customer_id(1), desk.customer_id(2)
    clock.forward(days=1)
    desk.hear(CustomersMerged("1001", "1002", clock()))
    clock.forward(days=1)
    assert [standing(desk, who, START).points for who in (one, other)] == [50, 30]
    assert [standing(desk, who, clock()).points for who in (one, other)] == [80, 0]
    assert desk.faults() == []


# --- why


@pytest.mark.parametrize(
    "changed, sentence",
    [
        ({}, "50 points for 50.00 USD of goods kept, at 1 for each 1.00 USD"),
        ({"test": True}, "no points: a test order"),
        ({"cancelled_at": START}, "no points: the order was cancelled"),
        ({"paid": False}, "no points: the order is not paid"),
        ({"currency": "EUR"}, "no points: the order is in EUR and the program in USD"),
        ({"goods_minor": 0}, "no points: no goods were kept"),
        ({"goods_minor": 99}, "0 points for 0.99 USD of goods kept, at 1 for each 1.00 USD"),
        ({"buyer": None}, "no points: the order belongs to no customer account yet"),
    ],
)
def test_every_order_says_what_it_earned_or_why_it_earned_nothing(
    desk: Desk, above: Superuser, changed: dict[str, Any], sentence: str
) -> None:
    desk.settle(people.order(1, **({"buyer": people.customer()} | changed)))
    order_id = above.one("SELECT order_id FROM orders WHERE shop_id = %s", desk.shop.shop_id)
    with desk.work() as work:
        found = loyalty.explain(work, [order_id])[order_id]
    assert found.sentence == sentence
    assert (found.receipt.reason is not None) == sentence.startswith("no points: ")
    kept = above.run("SELECT receipt, sentence FROM entries WHERE shop_id = %s", desk.shop.shop_id)
    assert kept == ([(found.receipt.body() | {"version": 1}, f"#1: {sentence}")] if found.points else [])


def test_a_receipt_holds_facts_only(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer()))
    kept = above.one("SELECT receipt FROM entries WHERE shop_id = %s", desk.shop.shop_id)
    assert kept == {"basis_minor": 5000, "rate": "at 1 for each 1.00 USD", "version": 1}


def test_every_entry_of_a_long_history_has_a_receipt_and_its_sentence(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    life = Life(desk, clock, 500)
    for what in ("award", "order", "redeem", "use", "redeem", "look", "release", "cancel", "order", "refund"):
        life.step(what, 20, 30_000)
    desk.hear(CustomersMerged("1501", str(1000 + life.number), clock()))
    rows = above.run(
        "SELECT kind, receipt, sentence, coalesce(o.name || ': ', '') FROM entries e LEFT JOIN orders o "
        "USING (shop_id, order_id) WHERE e.shop_id = %s", desk.shop.shop_id,
    )  # fmt: skip
    assert {"earn", "clawback", "award", "hold", "spend", "release", "merge"} <= {row[0] for row in rows}
    for kind, receipt, sentence, order in rows:
        assert receipt["version"] == 1, kind
        if "reward" in receipt or receipt.get("merged"):
            assert sentence == order + receipts.sentence(loyalty.Receipt(**receipt)), kind
        elif "awarded" not in receipt:
            assert receipt.get("rate", receipt.get("reason", "?")) in sentence, kind
