"""Lift: the published examples of each formula, and what intervals do with made truths."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import Arm, Measured, Verdict, arm, lift, share
from campaigns.rules.lift import freedom, of_means, of_rates, quantile_t

# R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10: both shares, and the interval.
NEWCOMBE = (
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0)),
    ((10, 10), (0, 10), (0.6075, 1.0)),
)
# R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), 857-872,
# table I, method 3 (Wilson's).
WILSON = (
    ((81, 263), (0.2553, 0.3662)),
    ((15, 148), (0.0624, 0.1605)),
    ((0, 20), (0.0, 0.1611)),
    ((1, 29), (0.0061, 0.1718)),
)
# Student's t, 0.975, as any table has it (for one, NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2).
STUDENT = ((10, 2.228), (20, 2.086), (30, 2.042), (60, 2.000), (100, 1.984))


def of_people(people: int, ordered: int, mean: float = 0, deviation: float = 0) -> Measured:
    return Measured(people, ordered, people * mean, (people - 1) * deviation**2 + people * mean**2)


@pytest.mark.parametrize("one, other, bounds", NEWCOMBE)
def test_the_difference_of_two_shares_is_newcombe_s(
    one: tuple[int, int], other: tuple[int, int], bounds: tuple[float, float]
) -> None:
    found = of_rates(of_people(one[1], one[0]), of_people(other[1], other[0]))
    assert (round(found.low, 4), round(found.high, 4)) == bounds


@pytest.mark.parametrize("part, bounds", WILSON)
def test_a_share_s_interval_is_wilson_s(part: tuple[int, int], bounds: tuple[float, float]) -> None:
    found = share(*part)
    assert (round(found.low, 4), round(found.high, 4)) == bounds


@pytest.mark.parametrize("nu, t", STUDENT)
def test_the_quantile_of_t_is_that_of_the_tables(nu: float, t: float) -> None:
    assert round(quantile_t(0.975, nu), 3) == t


def test_the_difference_of_two_means_is_welch_s() -> None:
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.3, miles per gallon of American and Japanese cars: without
    # equal variances T = -12.94627 with 136.8750 degrees of freedom.
    cars = of_people(249, 0, 20.14458, 6.41470), of_people(79, 0, 30.48101, 6.10771)
    found = of_means(*cars)
    assert freedom(*cars) == pytest.approx(136.8750, abs=5e-4)
    error = (found.high - found.value) / quantile_t(0.975, 136.8750)
    assert found.value / error == pytest.approx(-12.94627, abs=5e-5)


def test_nothing_is_said_of_few_and_nothing_without_anybody_held_out() -> None:
    many, few = of_people(1000, 100), of_people(29, 0)
    assert lift(many, few, holdout_percent=10).verdict is Verdict.TOO_EARLY
    assert lift(few, many, holdout_percent=10).verdict is Verdict.TOO_EARLY
    assert lift(few, many, holdout_percent=10).rate is None
    assert lift(many, Measured(), holdout_percent=0).verdict is Verdict.NO_HOLDOUT
    assert lift(many, of_people(30, 0), holdout_percent=10).verdict is not Verdict.TOO_EARLY


def test_the_verdict_follows_the_interval() -> None:
    assert lift(of_people(900, 180), of_people(100, 5), holdout_percent=10).verdict is Verdict.MORE
    assert lift(of_people(900, 45), of_people(100, 20), holdout_percent=10).verdict is Verdict.FEWER
    assert lift(of_people(900, 90), of_people(100, 10), holdout_percent=10).verdict is Verdict.UNCLEAR


def test_where_everybody_spent_the_same_the_interval_is_a_point() -> None:
    found = of_means(of_people(40, 40, 5), of_people(40, 40, 3))
    assert (found.value, found.low, found.high) == (2, 2, 2)


@given(
    st.integers(30, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    st.integers(30, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
)
def test_intervals_hold_their_estimate_and_change_sides_with_the_arms(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    a, b = of_people(*one), of_people(*other)
    found, turned = of_rates(a, b), of_rates(b, a)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


# --- made truths


SEEDS = 200
PEOPLE, HELD = 3000, 20


def played(seed: int, effect: float) -> tuple[Measured, Measured]:
    """A play of 3,000 customers, a fifth of them held out: ten in a hundred order, and `effect` more who take part. Who
    orders spends something that differs much from one to the other.
    """
    draw = random.Random(seed)
    spent: dict[Arm, list[float]] = {Arm.PLAY: [], Arm.HOLDOUT: []}
    for _ in range(PEOPLE):
        side = arm(draw.randbytes(16), HELD)
        chance = 0.10 + (effect if side is Arm.PLAY else 0)
        spent[side].append(draw.lognormvariate(3.5, 0.8) if draw.random() < chance else 0.0)
    play, holdout = (
        Measured(len(s), sum(1 for x in s if x), sum(s), sum(x * x for x in s)) for s in spent.values()
    )  # fmt: skip
    return play, holdout


@pytest.mark.slow
def test_ninety_five_of_a_hundred_intervals_hold_the_truth() -> None:
    # exp(3.5 + 0.8 squared / 2) is what one order brings on the average: five more in a hundred bring so much a head.
    effect, a_head = 0.05, 0.05 * 45.6042
    rates = heads = seen = 0
    for seed in range(SEEDS):
        found = lift(*played(seed, effect), holdout_percent=HELD)
        assert found.rate is not None
        assert found.spent is not None
        rates += found.rate.low <= effect <= found.rate.high
        heads += found.spent.low <= a_head <= found.spent.high
        seen += found.verdict is Verdict.MORE
    # Of 200, 190 are expected; three standard deviations of that count are nine.
    assert abs(rates - 190) <= 9, rates
    assert abs(heads - 190) <= 9, heads
    assert seen > 150, "and five points of a hundred are seen by most plays of this size"


@pytest.mark.slow
def test_five_of_a_hundred_plays_that_do_nothing_look_as_if_they_did() -> None:
    found = [lift(*played(1000 + seed, 0.0), holdout_percent=HELD) for seed in range(SEEDS)]
    wrong = sum(1 for each in found if each.rate and (each.rate.above or each.rate.below))
    assert abs(wrong - 10) <= 9, wrong
    assert wrong > 0, "an interval that never errs is too wide"
