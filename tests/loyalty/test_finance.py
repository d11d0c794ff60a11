"""What a program owes: months that tie to the point, whatever happens; points in money; and what is never spent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import loyalty
from loyalty import records, rules
from loyalty.rules import Age, Terms
from tests import people
from tests.ground import START, Clock, Desk, Superuser
from tests.loyalty.test_account import STEPS, Life

DOLLARS = Terms.read(1, rules.proposal("USD"))
FIVE = DOLLARS.rewards[0]


def months_of(desk: Desk, bounds: list[datetime]) -> list[loyalty.Month]:
    with desk.work() as work:
        return loyalty.roll_forward(work, bounds)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=STEPS, number=st.integers(100, 2**20),
    cuts=st.lists(st.integers(-400, 40_000), min_size=1, max_size=6, unique=True),
)  # fmt: skip
def test_the_months_of_any_history_tie_to_what_customers_have(
    desk: Desk, clock: Clock, above: Superuser, steps: list[tuple[str, int, int]], number: int, cuts: list[int]
) -> None:
    life = Life(desk, clock, number)
    for what, days, amount in steps:
        life.step(what, days, amount)
    # Any instants at quarters of an hour may be the bounds, and the last lies behind everything.
    bounds = [START + timedelta(minutes=15 * cut) for cut in sorted(cuts)] + [clock() + timedelta(days=1)]
    bounds = sorted(set(bounds))
    months = months_of(desk, bounds)
    assert all(one.closing == following.opening for one, following in pairwise(months))
    with desk.work() as work:
        owed = loyalty.liability(work)
    closing = months[-1].closing if months else 0
    assert closing == owed.points + owed.held
    for month in months:
        following = next(at for at in bounds if at > month.begins)
        found = above.run(
            "SELECT coalesce(sum(points), 0)::bigint, "
            "coalesce(sum(points) FILTER (WHERE counter = 'issued'), 0)::bigint FROM entries "
            "WHERE shop_id = %s AND recorded_at >= %s AND recorded_at < %s",
            desk.shop.shop_id, month.begins, following,
        )  # fmt: skip
        assert found == [(month.closing - month.opening, month.issued)]


def test_a_month_says_what_was_issued_spent_and_reversed(desk: Desk, clock: Clock) -> None:
    first = people.order(1, people.customer(), 30_000)
    desk.settle(first)
    clock.forward(days=40)
    desk.redeem(request_key="kept")
    desk.redeem(request_key="dies")
    code = desk.balance().redemptions[1].code
    desk.settle(people.order(2, people.customer(), 1000, placed_at=clock(), discount_codes=(code,)))
    desk.settle(people.refunded(first, people.refund(first, 1, 2000)))
    clock.forward(days=40)
    desk.release()
    bounds = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4, 5, 6)]
    assert months_of(desk, bounds) == [
        loyalty.Month(bounds[2], 0, 300, 0, 0, 0, 0),
        loyalty.Month(bounds[3], 300, 10, 100, 0, 20, 0),
        loyalty.Month(bounds[4], 190, 0, 0, 0, 0, 0),
    ]
    with desk.work() as work:
        owed = loyalty.liability(work)
    assert (owed.points, owed.held, owed.debt) == (190, 0, 0)
    assert owed.best is not None
    assert (owed.best.minor, owed.best.currency) == (950, "USD")


def test_what_customers_owe_is_taken_off_and_said(desk: Desk, clock: Clock) -> None:
    placed = people.order(1, people.customer(), 10_000)
    desk.settle(placed, people.order(2, people.customer(2), 4000))
    clock.forward(days=20)
    desk.redeem()
    desk.settle(people.later(placed, cancelled_at=START))
    with desk.work() as work:
        owed = loyalty.liability(work)
    assert (owed.points, owed.held, owed.debt) == (-60, 100, 100)


# --- money


@pytest.mark.parametrize(
    "rewards, best, average",
    [
        ([(100, 500)], Fraction(5), Fraction(5)),
        ([(100, 500), (300, 2000)], Fraction(20, 3), Fraction(25, 4)),
        ([(100, 0), (300, 2000)], Fraction(20, 3), Fraction(20, 3)),
    ],
)
def test_a_point_is_worth_what_it_buys(rewards: list[tuple[int, int]], best: Fraction, average: Fraction) -> None:
    offered = tuple(
        replace(FIVE, key=str(place), points=points, amount_minor=minor)
        for place, (points, minor) in enumerate(rewards)
    )
    found = rules.worth(replace(DOLLARS, rewards=offered))
    assert found is not None
    assert (found.best, found.average) == (best, average)


def test_without_a_reward_of_an_amount_nobody_can_say(desk: Desk) -> None:
    assert rules.worth(replace(DOLLARS, rewards=())) is None
    assert rules.worth(replace(DOLLARS, rewards=(replace(FIVE, amount_minor=0),))) is None


@pytest.mark.parametrize("points, minor", [(1, 7), (3, 20), (0, 0), (-50, 0)])
def test_a_liability_is_rounded_up_and_never_below_nothing(points: int, minor: int) -> None:
    assert rules.in_money(points, Fraction(20, 3), "USD").minor == minor


# --- what is never spent


def ages(*rows: tuple[int, int, int]) -> list[Age]:
    return [Age(month, *row) for month, row in enumerate(rows)]


def test_the_share_that_is_never_spent_follows_the_product_limit() -> None:
    """Checked by hand: of 1000, 100 are spent in each of two months; of the 500 left at risk then, 50 and 50; ..."""
    found = rules.breakage(
        ages((100, 0, 0), (100, 300, 0), (50, 0, 0), (50, 0, 0), (0, 0, 100), (0, 0, 100), (0, 0, 200)), 0, 500
    )
    assert found is not None
    after = [Fraction(1), Fraction(9, 10), Fraction(8, 10), Fraction(72, 100), Fraction(64, 100)]
    assert list(found.curve) == [*after, *[Fraction(64, 100)] * 3]
    # Whoever has come so far without being spent stays.
    assert found.share == 1
    assert found.months == 7


def test_young_points_may_still_be_spent() -> None:
    """Half of all points are spent in their first month, none later: of those that are new, half will be."""
    old = [(1000, 0, 200)] + [(0, 0, 100)] * 8
    found = rules.breakage(ages(*old), 0, 500)
    assert found is not None
    gone = Fraction(1000, 2000)
    assert found.curve[-1] == 1 - gone
    # Those of the youngest age (200) are counted before that month is over: half of them are still to be spent.
    assert found.share == (200 * (1 - gone) + 800) / 1000


def test_what_expired_was_never_spent() -> None:
    spent = [(100, 0, 0)] + [(0, 0, 10)] * 8
    few, many = rules.breakage(ages(*spent), 0, 500), rules.breakage(ages(*spent), 820, 500)
    assert few is not None
    assert many is not None
    assert few.curve[-1] == 1 - Fraction(100, 180)
    assert many.curve[-1] == 1 - Fraction(100, 1000)


@pytest.mark.parametrize(
    "rows, lots", [([], 500), ([(10, 0, 1)] * 3, 500), ([(10, 0, 10)] * 9, 99), ([(0, 0, 0)] * 9, 500)]
)
def test_a_young_program_is_not_judged(rows: list[tuple[int, int, int]], lots: int) -> None:
    assert rules.breakage(ages(*rows), 0, lots) is None


@given(
    rows=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500)), max_size=30),
    expired=st.integers(0, 1000),
)
def test_a_share_is_a_share_and_the_curve_only_falls(rows: list[tuple[int, int, int]], expired: int) -> None:
    found = rules.breakage(ages(*rows), expired, 500)
    if found:
        assert 0 <= found.share <= 1
        assert list(found.curve) == sorted(found.curve, reverse=True)


def test_points_are_counted_by_the_age_at_which_something_became_of_them(desk: Desk, clock: Clock) -> None:
    first, second = people.order(1, people.customer(), 30_000), people.order(2, people.customer(2), 4000)
    desk.settle(first, second)
    clock.forward(days=14 + 40)
    desk.redeem(request_key="in the second month")
    clock.forward(days=30)
    desk.settle(people.refunded(second, people.refund(second, 1, 1000)))
    clock.forward(days=10)
    found = ages_of(desk)
    assert found == ([Age(1, 100, 0, 0), Age(2, 0, 10, 230)], 0, 2)


def ages_of(desk: Desk) -> Any:
    with desk.work() as work:
        return records.ages(work, 100)
