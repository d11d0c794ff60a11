"""Stages for any history: the order in which it becomes known changes nothing; silence comes when foretold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.rules import STAGES, Change, Happening, Stage, Standing, Terms, Walk, walk
from lifecycle.rules import stages as rules
from tests.ground import START

TERMS = Terms(version=1)
KNOWN = START - timedelta(days=1)
NEW = Standing.new(KNOWN)
TICK = timedelta(microseconds=1)
HAPPENINGS = st.lists(
    st.builds(
        lambda days, seconds, kind: Happening(START + timedelta(days=days, seconds=seconds), kind == 1, kind == 2),
        st.integers(0, 900), st.integers(0, 86_399), st.sampled_from((0, 0, 0, 1, 2)),
    ),
    max_size=12,
)  # fmt: skip
AT = st.integers(0, 2000).map(lambda days: START + timedelta(days=days))
RULES = st.builds(
    lambda retained, advocate, at_risk, more, personal, patience, stay: Terms(
        1, retained, advocate, at_risk, at_risk + more, personal, personal_least_days=5, patience_percent=patience,
        stay_days=stay,
    ),
    st.integers(2, 6), st.integers(1, 3), st.integers(1, 200), st.integers(1, 200),
    st.sampled_from((0, 3, 4)), st.sampled_from((0, 101, 110, 150)), st.sampled_from((0, 10, 30, 300)),
)  # fmt: skip


def until(happenings: Sequence[Happening], at: datetime) -> list[Happening]:
    return [happening for happening in happenings if happening.at <= at]


def orders(*days: float) -> list[Happening]:
    return [Happening(START + timedelta(days=day)) for day in days]


def on_day(day: float) -> datetime:
    return START + timedelta(days=day)


def told(walked: Walk) -> list[tuple[datetime, Stage | None, Stage, str]]:
    return [(c.effective_at, c.from_stage, c.to_stage, c.reason) for c in (*walked.changes, *walked.silent)]


@pytest.mark.parametrize(
    "happened, day, stage",
    [
        ([], 0, Stage.LEAD),
        ([], 999, Stage.LEAD),
        (orders(0), 0, Stage.ACQUIRED),
        (orders(0), 89, Stage.ACQUIRED),
        (orders(0), 90, Stage.AT_RISK),
        (orders(0), 179, Stage.AT_RISK),
        (orders(0), 180, Stage.LAPSED),
        (orders(0, 1), 1, Stage.DEVELOPING),
        (orders(0, 1, 2), 2, Stage.DEVELOPING),
        (orders(0, 1, 2, 3), 3, Stage.RETAINED),
        (orders(0, 200), 200, Stage.DEVELOPING),
        ([*orders(0), Happening(on_day(1), True)], 1, Stage.ADVOCATE),
        ([*orders(0), Happening(on_day(1), True)], 90, Stage.AT_RISK),
        ([*orders(0), Happening(on_day(100), True)], 100, Stage.AT_RISK),
        ([Happening(on_day(0), True)], 1, Stage.LEAD),
    ],
)
def test_a_customer_stands_where_orders_friends_and_silence_put_them(
    happened: list[Happening], day: float, stage: Stage
) -> None:
    assert walk(NEW, happened, TERMS, on_day(day)).stage is stage


def test_the_history_says_when_and_why() -> None:
    walked = walk(NEW, [*orders(0, 100), Happening(on_day(101), True)], TERMS, on_day(300))
    assert told(walked) == [
        (KNOWN, None, Stage.LEAD, "became known to the shop"),
        (on_day(0), Stage.LEAD, Stage.ACQUIRED, "placed a first order"),
        (on_day(90), Stage.ACQUIRED, Stage.AT_RISK, "90 days without an order"),
        (on_day(100), Stage.AT_RISK, Stage.DEVELOPING, "placed order number 2"),
        (on_day(101), Stage.DEVELOPING, Stage.ADVOCATE, "a friend they referred placed a first order"),
        (on_day(190), Stage.ADVOCATE, Stage.AT_RISK, "90 days without an order"),
        (on_day(280), Stage.AT_RISK, Stage.LAPSED, "180 days without an order"),
    ]
    assert (walked.stage, walked.since, walked.next_review_at) == (Stage.LAPSED, on_day(280), None)


@given(HAPPENINGS, RULES, AT, st.randoms(use_true_random=False))
def test_a_shuffled_history_walks_as_the_ordered_one(
    happened: list[Happening], terms: Terms, at: datetime, shuffler: random.Random
) -> None:
    shuffled = list(happened)
    shuffler.shuffle(shuffled)
    assert walk(NEW, shuffled, terms, at) == walk(NEW, sorted(happened, key=lambda h: (h.at, h.referral)), terms, at)


@given(HAPPENINGS, RULES, AT, st.lists(st.integers(1, 5), max_size=12))
def test_a_walk_in_steps_is_the_whole_walk(
    happened: list[Happening], terms: Terms, at: datetime, steps: list[int]
) -> None:
    known = sorted(until(happened, at), key=lambda h: (h.at, h.referral))
    whole, standing, changes = walk(NEW, known, terms, at), NEW, list[Change]()
    for start, end in zip([0, *accumulate(steps)], [*accumulate(steps), len(known)], strict=True):
        part = known[start:end]
        if part:
            step = walk(standing, part, terms, part[-1].at)
            standing, changes = step.standing, [*changes, *step.changes]
    last = walk(standing, [], terms, at)
    if known:
        assert (standing, changes) == (whole.standing, list(whole.changes))
    assert (last.silent, last.stage, last.next_review_at) == (whole.silent, whole.stage, whole.next_review_at)


@given(HAPPENINGS, RULES, AT)
def test_the_next_review_is_the_first_instant_at_which_time_alone_changes_the_stage(
    happened: list[Happening], terms: Terms, at: datetime
) -> None:
    walked = walk(NEW, until(happened, at), terms, at)
    due = walked.next_review_at
    standing = walked.standing
    if due is None:
        assert rules.stage_at(standing, terms, at + timedelta(days=4000)) is walked.stage
        return
    assert due > at
    assert rules.stage_at(standing, terms, due - TICK) is walked.stage
    assert rules.stage_at(standing, terms, due) is not walked.stage


@given(HAPPENINGS, RULES, AT)
def test_the_history_is_a_chain_without_gaps_that_ends_at_the_stage(
    happened: list[Happening], terms: Terms, at: datetime
) -> None:
    walked = walk(NEW, until(happened, at), terms, at)
    chain = [*walked.changes, *walked.silent]
    if not until(happened, at):
        assert told(walked) == [(KNOWN, None, Stage.LEAD, "became known to the shop")]
    for before, after in pairwise(chain):
        assert before.to_stage is after.from_stage
        assert before.effective_at <= after.effective_at
    assert chain[0].from_stage is None
    assert chain[-1].to_stage is walked.stage
    assert chain[-1].effective_at == walked.since
    assert all(change.from_stage is not change.to_stage for change in chain)
    assert walked.stage in STAGES


@pytest.mark.parametrize(
    "wrong",
    [
        {"retained_from_orders": 1},
        {"retained_from_orders": 1001},
        {"at_risk_after_days": 0},
        {"at_risk_after_days": 180},
        {"lapsed_after_days": 3651},
        {"advocate_from_referrals": 0},
    ],
)
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"customer|advocate"):
        replace(TERMS, **wrong)
