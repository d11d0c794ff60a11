"""Months, as people count them: from day to day in the shop's own zone, never in hours.

A month after 31 January is the last day of February. A day ends when the next one begins on the shop's clock, whatever
clocks do in between; where midnight itself is skipped, at the first instant after it.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Ten years: longer promises are made by no program, and stay far inside the calendar.
MOST_MONTHS = 120


class Round(StrEnum):
    """To whose last day a date is put off."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_MONTHS_OF = {Round.MONTH: 1, Round.QUARTER: 3, Round.YEAR: 12}


@cache
def zone_of(name: str) -> ZoneInfo:
    """The zone that a store names; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day on which an instant falls in the shop."""
    return at.astimezone(zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day in the shop, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant after a day in the shop, in UTC."""
    return start_of(day + timedelta(days=1), zone)


def add_months(day: date, months: int) -> date:
    """So many months later (or earlier); on the last day of a month that has no such day."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def rounded_up(day: date, to: Round) -> date:
    """The last day of the month, quarter or year that `day` lies in; the day itself where nothing is rounded."""
    months = _MONTHS_OF.get(to)
    if months is None:
        return day
    last = (day.month - 1) // months * months + months
    return date(day.year, last, monthrange(day.year, last)[1])


def next_yearly(day: date, month: int, of_month: int) -> date:
    """The first such day of a year on or after `day`; 29 February is the 28th where there is none."""
    this_year = _in_year(day.year, month, of_month)
    return this_year if this_year >= day else _in_year(day.year + 1, month, of_month)


def _in_year(year: int, month: int, of_month: int) -> date:
    return date(year, month, min(of_month, monthrange(year, month)[1]))
