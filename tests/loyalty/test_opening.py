"""The first program that a shop's past suggests: round numbers that keep what was stated about them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loyalty import rules
from loyalty.openings import Opening, Past, Step, opening_body, propose
from loyalty.rules.opening import NOT_ROUND, roughness

CURRENCIES = st.sampled_from(["USD", "EUR", "IRT", "IRHT", "JPY", "KWD"])


def past(currency: str = "USD", median: int = 5_200, **changed: Any) -> Past:
    """A year of a middling shop: members who spent from half a usual order to eight of them."""
    given: dict[str, Any] = {
        "days": 365, "orders": 5_000, "goods_minor": 5_000 * median, "median_minor": median, "members": 2_000,
        "repeat": 700, "spends": tuple(int(median * (0.5 + n * n / 1200)) for n in range(1, 100)),
    }  # fmt: skip
    return Past(currency, **(given | changed))


def back(found: Opening, step: Step) -> Fraction:
    """What of the money spent for a reward it gives back."""
    return Fraction(step.amount_minor * found.points, step.points * found.per_minor)


@pytest.mark.parametrize(
    "currency, median, rate, first, tiers, friend",
    [
        ("USD", 5_200, (1, 100), Step(150, 400), (30_000, 40_000), (500, 4_000)),
        ("USD", 1_999, (5, 100), Step(200, 100), (10_000, 15_000), (200, 1_500)),
        ("IRT", 850_000, (1, 10_000), Step(200, 50_000), (5_000_000, 7_500_000), (100_000, 600_000)),
        ("IRT", 4_200_000, (1, 50_000), Step(200, 250_000), (25_000_000, 30_000_000), (400_000, 3_000_000)),
        ("JPY", 4_300, (1, 50), Step(200, 250), (25_000, 30_000), (500, 3_000)),
    ],
)
def test_what_a_shop_is_proposed(
    currency: str, median: int, rate: tuple[int, int], first: Step, tiers: tuple[int, int], friend: tuple[int, int]
) -> None:
    found = propose(past(currency, median))
    assert (found.points, found.per_minor) == rate
    assert found.rewards[0] == first
    assert found.tiers == tiers
    assert (found.friend_minor, found.friend_minimum_minor, found.advocate_points) == (*friend, first.points)


@given(CURRENCIES, st.integers(1, 10**9))
def test_each_number_is_round_and_keeps_what_was_stated(currency: str, median: int) -> None:
    assume(median >= 200)  # of less, no round amount of whole minor units can be given back
    found = propose(past(currency, median))
    assert 50 <= found.usual_points <= 126
    for step in found.rewards:
        assert Fraction(1, 50) <= back(found, step) <= Fraction(3, 100)
        assert roughness(step.points) < NOT_ROUND > roughness(step.amount_minor)
    assert 2 <= found.orders_to_first <= 3
    assert [step.points for step in found.rewards] == sorted({step.points for step in found.rewards})
    if len(found.rewards) == 2:
        first, second = found.rewards
        assert second.amount_minor * first.points >= first.amount_minor * second.points
    assert all(roughness(number) < NOT_ROUND for number in (found.friend_minor, found.friend_minimum_minor))


@given(CURRENCIES, st.integers(0, 10**12), st.integers(0, 100), st.integers(0, 400), st.integers(0, 500))
def test_whatever_a_shop_has_sold_its_proposal_can_be_published(
    currency: str, median: int, orders: int, days: int, repeat: int
) -> None:
    spends = tuple(median * n // 20 for n in range(1, 100)) if orders else ()
    found = propose(past(currency, median, orders=orders, days=days, repeat=repeat, members=repeat, spends=spends))
    body = opening_body(rules.proposal(currency), found, ("Silver", "Gold"), lambda worth: f"{worth} off")
    assert rules.mistakes(rules.Terms.read(1, body)) == []


def test_too_little_history_gives_usual_numbers_and_one_reward() -> None:
    for thin in (past(orders=29), past(days=29), past("IRT", 0, orders=0)):
        found = propose(thin)
        assert thin.thin
        assert found.tiers is None
        assert len(found.rewards) == 1
    assert propose(past("IRT", orders=0)).rewards[0] == Step(200, 50_000)


def test_tiers_are_for_shops_that_many_people_come_back_to() -> None:
    assert propose(past()).tiers is not None
    assert propose(past(repeat=99)).tiers is None
    assert propose(past(members=4_000)).tiers is None


def test_a_second_reward_is_for_shops_whose_members_reach_it() -> None:
    assert len(propose(past(median=1_999)).rewards) == 2
    assert len(propose(past(median=1_999, spends=(1_999,) * 99)).rewards) == 1
