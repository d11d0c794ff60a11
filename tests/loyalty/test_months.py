"""Months as people count them, and the ends of days on a shop's own clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.rules.months import Round, add_months, day_of, end_of, next_yearly, rounded_up, start_of, zone_of

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))
ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Europe/Berlin", "Asia/Tehran", "Asia/Beirut", "Pacific/Apia", "Australia/Lord_Howe"]
)


@pytest.mark.parametrize(
    "day, months, then",
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 3, 15), -12, date(2025, 3, 15)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_of_a_shorter_month(day: date, months: int, then: date) -> None:
    assert add_months(day, months) == then


@given(day=DAYS, months=st.integers(-120, 120))
def test_adding_months_lands_in_that_month_and_never_past_it(day: date, months: int) -> None:
    then = add_months(day, months)
    assert then.year * 12 + then.month == day.year * 12 + day.month + months
    assert then.day == day.day or (then + timedelta(days=1)).day == 1


@given(day=DAYS, further=st.integers(0, 400), months=st.integers(0, 120))
def test_who_came_later_never_ends_sooner(day: date, further: int, months: int) -> None:
    later = day + timedelta(days=further)
    assert add_months(day, months) <= add_months(later, months)
    for to in Round:
        assert rounded_up(day, to) <= rounded_up(later, to)
        assert rounded_up(day, to) >= day


def test_dates_are_put_off_to_the_end_of_a_month_quarter_or_year() -> None:
    day = date(2028, 2, 10)
    assert [rounded_up(day, to) for to in Round] == [
        day, date(2028, 2, 29), date(2028, 3, 31), date(2028, 12, 31),
    ]  # fmt: skip


def test_a_day_of_the_year_comes_today_or_next_year_and_29_february_gives_way() -> None:
    assert next_yearly(date(2026, 12, 31), 12, 31) == date(2026, 12, 31)
    assert next_yearly(date(2027, 1, 1), 12, 31) == date(2027, 12, 31)
    assert next_yearly(date(2027, 1, 1), 2, 29) == date(2027, 2, 28)
    assert next_yearly(date(2027, 3, 1), 2, 29) == date(2028, 2, 29)


def test_a_day_of_23_or_25_hours_still_ends_when_the_next_begins() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert end_of(date(2026, 3, 29), berlin) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert end_of(date(2026, 3, 29), berlin) - start_of(date(2026, 3, 29), berlin) == timedelta(hours=23)
    assert end_of(date(2026, 10, 25), berlin) - start_of(date(2026, 10, 25), berlin) == timedelta(hours=25)


def test_a_midnight_that_is_skipped_is_the_first_instant_after_it() -> None:
    # Lebanon puts its clocks forward from 24:00 to 01:00.
    beirut = ZoneInfo("Asia/Beirut")
    assert start_of(date(2026, 3, 29), beirut) == datetime(2026, 3, 28, 22, tzinfo=UTC)
    assert day_of(start_of(date(2026, 3, 29), beirut), beirut) == date(2026, 3, 29)


@given(day=DAYS, name=ZONES)
def test_the_end_of_a_day_is_the_first_instant_that_is_not_of_it(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    ends = end_of(day, zone)
    assert day_of(ends, zone) > day
    assert day_of(ends - timedelta(microseconds=1), zone) <= day


def test_a_zone_that_nobody_knows_is_utc() -> None:
    assert zone_of("Mars/Olympus").key == "UTC"
    assert zone_of("../etc/passwd").key == "UTC"
    assert zone_of("Asia/Tehran").key == "Asia/Tehran"
