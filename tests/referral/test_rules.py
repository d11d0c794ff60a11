"""Verdicts: whose order an advocate is rewarded for, and for each other order why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from referral import rules
from referral.rules import Band, Decision, Mention, Pay, Source, Terms, Verdict, Why
from tests.ground import START

ADVOCATE, FRIEND = CustomerId(1), CustomerId(2)
DOLLARS = Terms.read(1, rules.proposal("USD"))
BY_ADVOCATE = Decision(Mention(Source.FRIEND_CODE, ADVOCATE, START), Why.ONLY)


def order(**changed: Any) -> Order:
    placed = Order(OrderId(7), "5007", "#7", FRIEND, "1002", "USD", START, True, False, False, 5000, 0, (), None, 1)
    return replace(placed, **changed)


@pytest.mark.parametrize(
    "changed, first, verdict",
    [
        ({}, 7, Verdict.FRIEND),
        ({}, 6, Verdict.NOT_FIRST),
        ({}, None, Verdict.NOT_FIRST),
        ({"customer_id": None}, None, Verdict.GUEST),
        ({"customer_id": ADVOCATE}, 7, Verdict.OWN_CODE),
        ({"paid": False}, None, Verdict.NOT_COUNTED),
        ({"cancelled": True}, None, Verdict.NOT_COUNTED),
        ({"test": True}, None, Verdict.NOT_COUNTED),
        ({"refunded_minor": 5000}, None, Verdict.NOT_COUNTED),
        ({"refunded_minor": 4999}, 7, Verdict.FRIEND),
        ({"customer_id": ADVOCATE, "paid": False}, None, Verdict.OWN_CODE),
    ],
)
def test_only_a_friend_s_first_order_that_counts_is_rewarded(
    changed: dict[str, Any], first: int | None, verdict: Verdict
) -> None:
    assert rules.judge(order(**changed), BY_ADVOCATE, OrderId(first) if first else None, 5000, DOLLARS) is verdict
    assert rules.pay(verdict, Band.APPROVE) is (Pay.OWED if verdict is Verdict.FRIEND else Pay.NOT_OWED)


@pytest.mark.parametrize(
    "counting, least, verdict",
    [
        (5000, 5000, Verdict.FRIEND),
        (4999, 5000, Verdict.TOO_SMALL),
        (1, 0, Verdict.FRIEND),
        (0, 0, Verdict.EXCLUDED),
        (0, 5000, Verdict.EXCLUDED),
    ],
)
def test_only_goods_that_count_make_an_order_large_enough(counting: int, least: int, verdict: Verdict) -> None:
    terms = replace(DOLLARS, minimum_order_minor=least)
    assert rules.judge(order(), BY_ADVOCATE, OrderId(7), counting, terms) is verdict


def test_what_was_said_too_long_ago_is_not_rewarded() -> None:
    late = Decision(BY_ADVOCATE.winner, Why.OUT_OF_WINDOW)
    assert rules.judge(order(), late, OrderId(7), 5000, DOLLARS) is Verdict.TOO_LATE


def test_silence_never_pays() -> None:
    assert rules.pay(Verdict.FRIEND, Band.REVIEW) is Pay.REVIEW
    assert rules.pay(Verdict.FRIEND, Band.DECLINE) is Pay.DECLINED


@given(st.integers(0, 10**9), st.integers(0, 10**12), st.integers(0, 10**12))
def test_points_are_kept_in_proportion_to_the_goods(points: int, goods: int, refunded: int) -> None:
    kept = rules.kept_share(points, order(goods_minor=goods, refunded_minor=refunded))
    assert 0 <= kept <= points
    assert kept == (points * max(0, goods - refunded) // goods if goods else 0)


def test_a_reward_is_due_after_the_hold_and_the_time_of_returns() -> None:
    assert rules.due_at(START, DOLLARS) == START + timedelta(days=14)
    assert rules.due_at(START, replace(DOLLARS, return_days=30)) == START + timedelta(days=30)


def test_a_tier_has_points_of_its_own_or_those_of_everybody() -> None:
    terms = replace(DOLLARS, tier_points={"gold": 500})
    assert [rules.promised(terms, tier) for tier in (None, "gold", "silver")] == [200, 500, 200]


@pytest.mark.parametrize(
    "changed",
    [
        {"advocate_points": -1},
        {"friend_amount_minor": 0},
        {"friend_gets": "percentage", "friend_percent": 101},
        {"friend_gets": "points"},
        {"window_days": 0},
        {"most_a_month": -1},
        {"return_days": 366},
        {"no_such_thing": 1},
    ],
)
def test_terms_that_mean_nothing_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        Terms.read(1, {**rules.proposal("USD"), **changed})


def test_terms_are_read_as_they_are_stored() -> None:
    terms = Terms.read(1, {**rules.proposal("USD"), "tier_points": {"gold": 3}, "excluded_products": ["31"]})
    assert Terms.read(1, rules.as_stored(terms)) == terms


@given(
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 100),
    st.integers(0, 100),
    st.sampled_from([None, 1, 2, 3]),
    st.sampled_from([None, 6, 7]),
)
def test_whatever_the_order_a_reward_needs_a_known_other_person_and_goods_kept(
    paid: bool, cancelled: bool, test: bool, goods: int, refunded: int, who: int | None, first: int | None
) -> None:
    judged = order(
        paid=paid, cancelled=cancelled, test=test, goods_minor=goods, refunded_minor=refunded,
        customer_id=CustomerId(who) if who else None,
    )  # fmt: skip
    verdict = rules.judge(judged, BY_ADVOCATE, OrderId(first) if first else None, goods, DOLLARS)
    rewarded = verdict is Verdict.FRIEND
    assert rewarded == (judged.counts and who in (2, 3) and first == 7)
    assert verdict in rules.REASONS
