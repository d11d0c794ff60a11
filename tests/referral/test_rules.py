"""Verdicts: whose order an advocate is rewarded for, and for each other order why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from referral import rules
from referral.rules import Terms, Verdict
from tests.ground import START

ADVOCATE, FRIEND = CustomerId(1), CustomerId(2)
DOLLARS = Terms.read(1, rules.proposal("USD"))


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
    found = rules.judge(order(**changed), ADVOCATE, OrderId(first) if first else None)
    assert found is verdict
    assert rules.owed(found, DOLLARS) == (200 if verdict is Verdict.FRIEND else 0)


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
    verdict = rules.judge(judged, ADVOCATE, OrderId(first) if first else None)
    rewarded = verdict is Verdict.FRIEND
    assert rewarded == (judged.counts and who in (2, 3) and first == 7)
    assert verdict in rules.REASONS
