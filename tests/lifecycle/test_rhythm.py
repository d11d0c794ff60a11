"""A customer's own rhythm, patience with who came back, orders that came back, and who was won back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.rules import Happening, Silence, Stage, Standing, Terms, Walk, next_step, silence_of, walk
from tests.ground import START
from tests.lifecycle.test_rules import KNOWN, NEW, on_day, orders, told

OLD = Terms(version=1)
NOW = Terms.proposed()


def walked(*days: float, at: float, terms: Terms = NOW, returned: tuple[float, ...] = ()) -> Walk:
    happened = [*orders(*days), *(Happening(on_day(day), returned=True) for day in returned)]
    return walk(NEW, happened, terms, on_day(at))


@pytest.mark.parametrize(
    "gaps, silence",
    [
        ((), Silence(90, 180)),
        ((34,), Silence(90, 180)),
        ((34, 34), Silence(90, 180)),
        ((34, 34, 34), Silence(68, 136, 34)),
        # One long holiday moves a middle by nothing, but is waited for again.
        ((34, 34, 100, 34), Silence(110, 136, 34, 100)),
        ((34, 100, 34, 34, 34), Silence(68, 136, 34)),
        ((2, 2, 2), Silence(30, 60, 2)),
        ((300, 300, 300), Silence(365, 730, 300)),
        # An even number has two middles: the longer one is the more patient.
        ((20, 20, 40, 40), Silence(80, 160, 40)),
        ((85,), Silence(94, 180, 0, 85)),
        # Whoever stayed away for so long had lapsed: that is no silence to wait for.
        ((180,), Silence(90, 180)),
        # The whole time at risk was waited through once: there is none left.
        ((179,), Silence(180, 180, 0, 179)),
    ],
)
def test_a_silence_is_measured_against_the_customer_s_own_gaps(gaps: tuple[int, ...], silence: Silence) -> None:
    assert silence_of(gaps, NOW) == silence


@given(st.lists(st.integers(1, 4000), max_size=7).map(tuple))
def test_terms_that_are_older_than_rhythm_know_none(gaps: tuple[int, ...]) -> None:
    assert silence_of(gaps, OLD) == Silence(90, 180)


RULES = st.builds(
    lambda at_risk, more, personal, first, then, least, patience: Terms(
        1, 4, 1, at_risk, at_risk + more, personal, first, first + then, least, least + 300, patience, 0
    ),
    st.integers(1, 300), st.integers(1, 300), st.sampled_from((0, 3, 5, 8)), st.integers(100, 400),
    st.integers(1, 400), st.integers(1, 100), st.integers(101, 300),
)  # fmt: skip


@given(st.lists(st.integers(1, 4000), max_size=7).map(tuple), RULES)
def test_nobody_lapses_before_they_are_at_risk(gaps: tuple[int, ...], terms: Terms) -> None:
    silence = silence_of(gaps, terms)
    assert 1 <= silence.at_risk_days <= silence.lapsed_days


@given(RULES, st.integers(1, 400), st.integers(2, 30), st.integers(0, 86_399))
def test_a_steady_customer_is_at_risk_at_most_once_until_their_rhythm_is_known(
    terms: Terms, gap: int, count: int, seconds: int
) -> None:
    """Whoever orders every so many days does not flap, however close that is to the days of the shop."""
    terms = replace(terms, personal_from_orders=0)
    steady = [Happening(START + number * timedelta(days=gap, seconds=seconds)) for number in range(count)]
    at_risk = [c for c in walk(NEW, steady, terms, steady[-1].at).changes if c.to_stage is Stage.AT_RISK]
    lapses = gap >= terms.lapsed_after_days
    assert lapses or len(at_risk) <= 1


def test_the_reason_names_the_usual_gap() -> None:
    late = walked(0, 34, 68, 102, at=102 + 70)
    assert told(late)[-1] == (
        on_day(170),
        Stage.RETAINED,
        Stage.AT_RISK,
        "usually orders every 34 days; 68 days have passed",
    )
    assert late.silent[-1].facts == {"code": "silent", "days": 68, "usual_days": 34}
    assert late.next_review_at == on_day(102 + 136)
    assert next_step(late.standing, NOW, on_day(172)) == (on_day(238), Stage.LAPSED, ("silent", 136, 0, 34, 0))


def test_orders_of_one_day_are_no_gap() -> None:
    assert walked(0, 0.2, 0.9, 40, 40.5, at=41).standing.gaps == (39,)


def test_the_last_seven_gaps_are_kept() -> None:
    assert walked(*range(0, 200, 10), at=191).standing.gaps == (10,) * 7
    assert walked(0, *range(300, 370, 10), at=361).standing.gaps == (300, 10, 10, 10, 10, 10, 10)


def test_who_had_lapsed_and_orders_is_won_back() -> None:
    back = walked(0, 200, at=201)
    won = back.changes[-1]
    assert (won.from_stage, won.to_stage, won.won_back) == (Stage.LAPSED, Stage.DEVELOPING, True)
    assert won.reason == "won back: placed order number 2 after 200 days of silence"
    assert won.facts == {"code": "won_back", "days": 200, "number": 2}
    assert back.standing.won_back_at == on_day(200)
    assert walked(0, 100, at=101).standing.won_back_at is None
    assert walked(0, 200, 250, at=251).standing.won_back_at == on_day(200)


def test_an_order_that_came_back_keeps_its_place_for_a_while() -> None:
    kept = walked(0, 10, 20, at=40, returned=(30,))
    assert told(kept)[-1] == (
        on_day(30),
        Stage.DEVELOPING,
        Stage.RETAINED,
        "placed order number 4, which came back later",
    )
    assert kept.next_review_at == on_day(60)
    over = walked(0, 10, 20, at=50, returned=(30,), terms=replace(NOW, stay_days=15))
    assert told(over)[-1] == (
        on_day(45), Stage.RETAINED, Stage.DEVELOPING, "an order came back, and no other took its place in 15 days",
    )  # fmt: skip


def test_a_refund_and_a_new_order_do_not_make_a_customer_fall_and_rise() -> None:
    anew = walked(0, 10, 20, 45, at=60, returned=(30,))
    assert [change.to_stage for change in anew.changes[-2:]] == [Stage.DEVELOPING, Stage.RETAINED]
    assert (anew.stage, anew.since) == (Stage.RETAINED, on_day(30))


def test_orders_that_all_came_back_make_nobody_more_than_a_lead() -> None:
    only = walked(at=400, returned=(0, 10, 20, 30))
    assert (only.stage, only.since, only.next_review_at) == (Stage.LEAD, KNOWN, None)


def test_an_order_of_the_future_counts_when_it_is_near() -> None:
    early = walked(0, 50, at=10)
    assert (early.stage, early.standing.orders, early.awaited_at) == (Stage.ACQUIRED, 1, on_day(48))
    assert early.next_review_at == on_day(48)
    assert walked(0, 50, at=48).stage is Stage.DEVELOPING
    assert walked(0, 2_900_000, at=10).stage is Stage.ACQUIRED


@pytest.mark.parametrize("terms", [OLD, NOW])
def test_fifty_thousand_orders_of_one_customer_are_walked_at_once(terms: Terms) -> None:
    many = [Happening(START + timedelta(hours=hour)) for hour in range(50_000)]
    done = walk(Standing.new(KNOWN), many, terms, START + timedelta(hours=50_000))
    assert (done.stage, done.standing.orders, len(done.changes)) == (Stage.RETAINED, 50_000, 4)
