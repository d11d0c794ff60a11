"""When points expire, by the policies that were in force and what a member did."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.ids import CustomerId
from loyalty.rules import (
    Activity,
    Expiry,
    Life,
    Lot,
    Policy,
    Round,
    Ruling,
    closings,
    expires_at,
    mistakes,
    proposal,
    rulings,
)
from loyalty.rules.terms import Terms

BERLIN = ZoneInfo("Europe/Berlin")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def last_day(
    expiry: Expiry, available_at: datetime, life: Life | None = None, since: datetime = LONG_AGO
) -> date | None:
    ends = expires_at([Ruling(since, expiry)], available_at, life or Life(available_at), BERLIN)
    return None if ends is None else (ends - timedelta(microseconds=1)).astimezone(BERLIN).date()


def test_without_a_policy_points_never_expire() -> None:
    assert last_day(Expiry(), noon(2026, 1, 31)) is None


def test_a_lot_lasts_its_months_to_the_end_of_the_last_day_in_the_shop_s_zone() -> None:
    lot = Expiry(Policy.LOT, 1)
    assert last_day(lot, noon(2026, 1, 31)) == date(2026, 2, 28)
    assert last_day(lot, datetime(2026, 1, 31, 23, 30, tzinfo=UTC)) == date(2026, 3, 1), "it is 1 February in Berlin"
    ends = expires_at([Ruling(LONG_AGO, lot)], noon(2026, 2, 28), Life(noon(2026, 2, 28)), BERLIN)
    assert ends == datetime(2026, 3, 28, 23, tzinfo=UTC)
    ends = expires_at([Ruling(LONG_AGO, lot)], noon(2026, 3, 1), Life(noon(2026, 3, 1)), BERLIN)
    assert ends == datetime(2026, 4, 1, 22, tzinfo=UTC), "clocks went forward in between"


@pytest.mark.parametrize(
    "to, day",
    [(Round.MONTH, date(2027, 2, 28)), (Round.QUARTER, date(2027, 3, 31)), (Round.YEAR, date(2027, 12, 31))],
)
def test_a_lot_may_last_to_the_end_of_a_month_quarter_or_year(to: Round, day: date) -> None:
    assert last_day(Expiry(Policy.LOT, 12, round_up=to), noon(2026, 2, 10)) == day


def test_a_day_of_the_year_comes_after_the_least_months() -> None:
    calendar = Expiry(Policy.CALENDAR, 6, month=12, day=31)
    assert last_day(calendar, noon(2026, 6, 30)) == date(2026, 12, 31)
    assert last_day(calendar, noon(2026, 7, 15)) == date(2027, 12, 31)


def test_everybody_has_a_day_of_their_own_by_when_they_came() -> None:
    yearly = Expiry(Policy.ANNIVERSARY, 1)
    life = Life(joined_at=noon(2024, 2, 29))
    assert last_day(yearly, noon(2026, 1, 10), life) == date(2026, 2, 28)
    assert last_day(yearly, noon(2026, 2, 10), life) == date(2027, 2, 28)
    assert last_day(yearly, noon(2027, 3, 10), life) == date(2028, 2, 29)


def test_activity_keeps_all_points_alive_and_new_ones_last_by_themselves() -> None:
    idle = Expiry(Policy.INACTIVITY, 6)
    assert last_day(idle, noon(2026, 1, 1), Life(LONG_AGO, noon(2026, 3, 1))) == date(2026, 9, 1)
    assert last_day(idle, noon(2026, 5, 1), Life(LONG_AGO, noon(2026, 3, 1))) == date(2026, 11, 1)
    assert last_day(idle, noon(2026, 5, 1), Life(LONG_AGO, None)) == date(2026, 11, 1)


def test_switched_on_a_policy_takes_nothing_for_a_whole_period() -> None:
    for expiry, day in (
        (Expiry(Policy.LOT, 12), date(2027, 3, 2)),
        (Expiry(Policy.INACTIVITY, 12), date(2027, 3, 2)),
        (Expiry(Policy.CALENDAR, 1, month=3, day=31), date(2027, 3, 31)),
    ):
        ruled = [Ruling(LONG_AGO, Expiry()), Ruling(noon(2026, 3, 2), expiry)]
        ends = expires_at(ruled, noon(2023, 5, 5), Life(LONG_AGO, noon(2023, 5, 5)), BERLIN)
        assert ends is not None
        assert (ends - timedelta(microseconds=1)).astimezone(BERLIN).date() == day


def test_a_shorter_policy_hits_nothing_sooner_than_a_period_and_keeps_an_earlier_word() -> None:
    ruled = [Ruling(LONG_AGO, Expiry(Policy.LOT, 24)), Ruling(noon(2026, 3, 2), Expiry(Policy.LOT, 12))]

    def until(at: datetime) -> date:
        ends = expires_at(ruled, at, Life(at), BERLIN)
        assert ends is not None
        return (ends - timedelta(microseconds=1)).astimezone(BERLIN).date()

    assert until(noon(2024, 6, 1)) == date(2026, 6, 1), "said to last 24 months: it lasts those"
    assert until(noon(2025, 9, 1)) == date(2027, 3, 2), "12 months from the change, not from September"
    assert until(noon(2026, 4, 1)) == date(2027, 4, 1)


def test_who_gains_by_a_longer_policy_gains_at_once_and_switching_off_saves_everything() -> None:
    ruled = [Ruling(LONG_AGO, Expiry(Policy.LOT, 12)), Ruling(noon(2026, 3, 2), Expiry(Policy.LOT, 24))]
    ends = expires_at(ruled, noon(2025, 4, 1), Life(LONG_AGO), BERLIN)
    assert ends == datetime(2027, 4, 1, 22, tzinfo=UTC)
    ruled.append(Ruling(noon(2026, 3, 3), Expiry()))
    assert expires_at(ruled, noon(2025, 4, 1), Life(LONG_AGO), BERLIN) is None


POLICIES = st.builds(
    Expiry,
    policy=st.sampled_from(Policy),
    months=st.integers(1, 36),
    month=st.integers(1, 12),
    day=st.integers(1, 28),
)


@given(
    before=st.lists(st.tuples(st.integers(0, 2000), POLICIES), max_size=3),
    proposed=POLICIES,
    age_days=st.integers(0, 3000),
)
def test_no_policy_that_is_published_now_takes_points_sooner_than_a_month_unless_they_were_lost_anyway(
    before: list[tuple[int, Expiry]], proposed: Expiry, age_days: int
) -> None:
    now = noon(2026, 3, 2)
    born = now - timedelta(days=age_days)
    told = sorted(before, key=lambda one: -one[0])
    ruled = rulings([Expiry(), *(e for _, e in told)], [LONG_AGO, *(now - timedelta(days=d + 1) for d, _ in told)])
    life = Life(born, born)
    old = expires_at(ruled, born, life, BERLIN)
    new = expires_at([*ruled, Ruling(now, proposed)] if ruled[-1].expiry != proposed else ruled, born, life, BERLIN)
    if new is not None and new < now + timedelta(days=28):
        assert old is not None
        assert new >= old


def test_terms_that_change_something_else_do_not_begin_the_period_anew() -> None:
    lot = Expiry(Policy.LOT, 12)
    instants = [noon(2026, month, 1) for month in (1, 2, 3, 4)]
    assert rulings([Expiry(), lot, lot, Expiry()], instants) == [
        Ruling(instants[0], Expiry()), Ruling(instants[1], lot), Ruling(instants[3], Expiry()),
    ]  # fmt: skip


def lot(lot_id: int, remaining: int, ends: datetime | None) -> Lot:
    return Lot(lot_id, CustomerId(1), None, remaining, LONG_AGO, ends)


def test_what_is_owed_is_paid_before_anything_expires() -> None:
    at = noon(2026, 3, 2)
    lots = [lot(1, 50, at), lot(2, 40, at - timedelta(days=1)), lot(3, 99, at + timedelta(days=1)), lot(4, 7, None)]
    assert [(c.lot.lot_id, c.repaid, c.expired) for c in closings(lots, 60, at)] == [(2, 40, 0), (1, 20, 30)]


@pytest.mark.parametrize(
    "body, said",
    [
        ({"policy": "lot", "months": 0}, "points last from 1 to 120 months"),
        ({"policy": "calendar", "month": 2, "day": 30}, "there is no day 30 in month 2"),
        ({"policy": "calendar", "month": 13}, "the day on which points expire is a day of a month"),
        ({"policy": "inactivity", "round_up": "year"}, "only points that expire lot by lot"),
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused_in_words(body: dict[str, Any], said: str) -> None:
    found = mistakes(Terms.read(1, proposal("USD") | {"expiry": body}))
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    "body", [{"policy": "weekly"}, {"months": "12"}, {"months": True}, {"day": 1.5}, {"soon": 1}, {"activity": "sleep"}]
)
def test_what_is_no_policy_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expiry"):
        Terms.read(1, proposal("USD") | {"expiry": body})


def test_terms_from_before_have_no_expiry_and_no_tiers() -> None:
    old = Terms.read(1, proposal("USD"))
    assert old.expiry == Expiry()
    assert old.expiry.activity is Activity.EARNING_AND_REDEEMING
    assert old.tiers.levels == ()
