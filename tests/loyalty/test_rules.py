"""The rules of points, by example and for any history: what is earned, what is taken back, and from which lots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from loyalty import rules
from loyalty.rules import Draw, Lot, Redemption, Terms, receipts
from tests.ground import START

DOLLARS = Terms.read(1, rules.proposal("USD"))
DAYS = st.integers(-400, 400).map(lambda days: START + timedelta(days=days))


def order(**changed: Any) -> Order:
    placed = Order(
        OrderId(1), "5001", "#1", CustomerId(1), "1001", "USD", START, True, False, False, 5000, 0, (), None, 1
    )  # fmt: skip
    return replace(placed, **changed)


def lot(number: int, remaining: int, **changed: Any) -> Lot:
    given: dict[str, Any] = {
        "customer_id": CustomerId(1),
        "order_id": OrderId(number),
        "available_at": START,
        "expires_at": None,
    }
    return Lot(number, remaining=remaining, **(given | changed))


LOTS = st.lists(
    st.builds(
        lot, st.integers(1, 10_000), st.integers(0, 500), available_at=DAYS, expires_at=st.none() | DAYS,
        order_id=st.integers(1, 5).map(OrderId),
    ),
    max_size=8, unique_by=lambda found: found.lot_id,
)  # fmt: skip


@pytest.mark.parametrize(
    "changed, points, sentence",
    [
        ({}, 50, "50 points for 50.00 USD of goods kept, at 1 for each 1.00 USD"),
        ({"goods_minor": 5099}, 50, "50 points for 50.99 USD of goods kept, at 1 for each 1.00 USD"),
        ({"goods_minor": 99}, 0, "0 points for 0.99 USD of goods kept, at 1 for each 1.00 USD"),
        ({"refunded_minor": 1}, 49, "49 points for 49.99 USD of goods kept, at 1 for each 1.00 USD"),
        ({"refunded_minor": 5000}, 0, "no points: no goods were kept"),
        ({"refunded_minor": 9999}, 0, "no points: no goods were kept"),
        ({"paid": False}, 0, "no points: the order is not paid"),
        ({"cancelled": True}, 0, "no points: the order was cancelled"),
        ({"test": True}, 0, "no points: a test order"),
        ({"currency": "EUR"}, 0, "no points: the order is in EUR and the program in USD"),
    ],
)
def test_points_are_for_goods_kept_of_a_real_order(changed: dict[str, Any], points: int, sentence: str) -> None:
    found = rules.owed(order(**changed), DOLLARS)
    assert (found.points, found.sentence) == (points, sentence)
    assert receipts.sentence(points, found.receipt) == sentence


@pytest.mark.parametrize(
    "currency, goods_minor, points", [("JPY", 4800, 4800), ("KWD", 18_125, 18), ("IRT", 250_000, 250_000)]
)
def test_points_are_for_whole_units_of_any_currency(currency: str, goods_minor: int, points: int) -> None:
    terms = Terms.read(1, rules.proposal(currency))
    assert rules.owed(order(currency=currency, goods_minor=goods_minor), terms).points == points


@given(
    goods=st.integers(0, 10**8), refunds=st.lists(st.integers(0, 10**6), max_size=12), points=st.integers(0, 50),
    per=st.integers(1, 10_000),
)  # fmt: skip
def test_any_sequence_of_partial_refunds_nets_to_the_points_of_the_goods_kept(
    goods: int, refunds: Sequence[int], points: int, per: int
) -> None:
    terms, booked, refunded = replace(DOLLARS, points=points, per_minor=per), 0, 0
    for amount in (0, *refunds):
        refunded += amount
        owed = rules.owed(order(goods_minor=goods, refunded_minor=refunded), terms).points
        assert 0 <= owed <= booked or refunded == 0
        booked += owed - booked
    assert booked == max(0, goods - sum(refunds)) * points // per


@given(LOTS, st.integers(1, 2000), DAYS)
def test_spending_takes_exactly_what_it_costs_or_is_refused(lots: list[Lot], points: int, at: datetime) -> None:
    enough = rules.spendable(lots, 0, at) >= points
    draws = rules.draw_for_reward(lots, points, at)
    assert sum(draw.points for draw in draws) == points
    assert all(draw.points > 0 for draw in draws)
    assert enough == all(draw.lot_id is not None for draw in draws)
    left = {found.lot_id: found.remaining for found in lots}
    for draw in draws:
        if draw.lot_id is not None:
            left[draw.lot_id] -= draw.points
    assert min(left.values(), default=0) >= 0


@given(LOTS, st.integers(1, 2000), DAYS)
def test_spending_draws_on_what_expires_soonest_and_on_nothing_held_or_expired(
    lots: list[Lot], points: int, at: datetime
) -> None:
    by_id = {found.lot_id: found for found in lots}
    drawn = [by_id[draw.lot_id] for draw in rules.draw_for_reward(lots, points, at) if draw.lot_id is not None]
    for found in drawn:
        assert found.available_at <= at
        assert found.expires_at is None or at < found.expires_at
    ends = [found.expires_at for found in drawn]
    ending = [end for end in ends if end is not None]
    assert ends == [*sorted(ending), *[None] * (len(ends) - len(ending))]


@given(LOTS, st.integers(1, 2000))
def test_a_clawback_takes_its_own_lots_first_then_the_soonest_then_goes_into_debt(lots: list[Lot], points: int) -> None:
    draws = rules.draw_for_clawback(lots, OrderId(3), points)
    assert sum(draw.points for draw in draws) == points
    by_id = {found.lot_id: found for found in lots}
    own = [by_id[draw.lot_id].order_id == 3 for draw in draws if draw.lot_id is not None]
    assert own == sorted(own, reverse=True)
    there = sum(found.remaining for found in lots)
    debt = [draw.points for draw in draws if draw.lot_id is None]
    assert debt == ([points - there] if points > there else [])
    assert not debt or draws[-1].lot_id is None


@given(LOTS, st.integers(0, 3000), DAYS)
def test_what_can_be_spent_is_never_negative_and_never_more_than_there_is(
    lots: list[Lot], debt: int, at: datetime
) -> None:
    spendable = rules.spendable(lots, debt, at)
    assert 0 <= spendable <= sum(found.remaining for found in lots)


def test_lots_are_drawn_in_the_order_of_their_end() -> None:
    in_days = [START + timedelta(days=days) for days in range(5)]
    lots = [
        lot(1, 10),
        lot(2, 10, expires_at=in_days[3]),
        lot(3, 10, expires_at=in_days[1]),
        lot(4, 10, available_at=in_days[2]),
    ]
    assert rules.draw_for_reward(lots, 25, START) == [Draw(3, 10), Draw(2, 10), Draw(1, 5)]
    assert rules.draw_for_reward(lots, 25, in_days[1]) == [Draw(2, 10), Draw(1, 10), Draw(None, 5)]
    assert rules.draw_for_clawback(lots, OrderId(4), 25) == [Draw(4, 10), Draw(3, 10), Draw(2, 5)]


def test_an_order_keeps_the_terms_that_were_in_force_when_it_was_placed() -> None:
    versions = [replace(DOLLARS, version=number, points=number) for number in (1, 2, 3)]
    published = [START + timedelta(days=days) for days in (0, 10, 20)]
    chosen = [
        rules.terms_for(versions, published, START + timedelta(days=days)).version
        for days in (-5, 0, 9, 10, 19, 20, 99)
    ]
    assert chosen == [1, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": -1},
        {"per_minor": 0},
        {"hold_days": -1},
        {"hold_days": 366},
        {"rewards": (replace(DOLLARS.rewards[0], points=0),)},
    ],
)
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"points|reward"):
        replace(DOLLARS, **wrong)


CODE_ENDS = START + timedelta(days=30)
JUST_BEFORE = CODE_ENDS + rules.LATE_ORDERS - timedelta(microseconds=1)


@pytest.mark.parametrize(
    "facts, at, taken, held, what",
    [
        ({}, START, 100, 100, "held"),
        ({}, JUST_BEFORE, 100, 100, "held"),
        ({}, CODE_ENDS + rules.LATE_ORDERS, 0, 0, "the code was not used"),
        ({"refused": True}, START, 0, 0, "the store refused the code"),
        ({"used_by": OrderId(7)}, START, 100, 0, "used"),
        ({"used_by": OrderId(7)}, CODE_ENDS + timedelta(days=99), 100, 0, "used"),
        ({"used_by": OrderId(7), "refused": True}, START, 100, 0, "used"),
        ({"used_by": OrderId(7), "returned": True}, START, 100, 0, "used"),
        ({"returned": True}, START, 0, 0, "the order was cancelled"),
    ],
)
def test_points_of_a_redemption_are_held_until_its_code_is_used_or_dead(
    facts: dict[str, Any], at: datetime, taken: int, held: int, what: str
) -> None:
    given = {"refused": False, "used_by": None, "returned": False} | facts
    redemption = Redemption(1, CustomerId(1), 100, "P-X", CODE_ENDS, **given)
    assert rules.target(redemption, at) == rules.Target(taken, held, what)
