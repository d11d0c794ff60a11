"""Days, months and instants as the reader's calendar has them: the Persian one for Persian, the Gregorian for the rest.

Instants are shown in the shop's own zone and carried in UTC. What is carried, and what is typed into a form, is
Gregorian whatever the reader sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup

from plugin.amounts import NO_BREAK, digits
from plugin.languages import current

# Whose months are not Gregorian.
PERSIAN = "fa"
PERSIAN_MONTHS = (
    "فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند",
)  # fmt: skip


@cache
def zone(name: str) -> ZoneInfo:
    """The zone that a store names; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def month_names() -> tuple[str, ...]:
    """The twelve Gregorian months, short, in the reader's language: for what is reckoned by them."""
    return tuple(current().locale.months["stand-alone"]["abbreviated"][number] for number in range(1, 13))


def date_text(on: date) -> str:
    """``22 Nov 2026``, ``۱ آذر ۱۴۰۵``."""
    if current().code == PERSIAN:
        there = _persian(on)
        return digits(f"{there.day}{NO_BREAK}{PERSIAN_MONTHS[there.month - 1]}{NO_BREAK}{there.year}")
    return digits(f"{on.day}{NO_BREAK}{_month(on.month)}{NO_BREAK}{on.year}")


def month_text(first: date) -> str:
    """The month of a day: ``Nov 2026``. A Gregorian month is named by the Persian one that most of it lies in, so that
    twelve in a row are twelve.
    """
    if current().code == PERSIAN:
        middle = _persian(first.replace(day=15))
        return digits(f"{PERSIAN_MONTHS[middle.month - 1]}{NO_BREAK}{middle.year}")
    return digits(f"{_month(first.month)}{NO_BREAK}{first.year}")


def _persian(on: date) -> Any:
    import jdatetime  # for Persian readers alone

    return jdatetime.date.fromgregorian(date=on)


def _month(number: int) -> str:
    return str(current().locale.months["format"]["abbreviated"][number])


def day_text(at: datetime, there: ZoneInfo) -> str:
    return date_text(at.astimezone(there).date())


def day(there: ZoneInfo, at: datetime) -> Markup:
    """The day on which an instant falls in the shop, as a ``<time>``."""
    return _time(at, day_text(at, there))


def instant(there: ZoneInfo, at: datetime, *, seconds: bool = False) -> Markup:
    """An instant on the shop's own clock, as a ``<time>``."""
    clock = digits(at.astimezone(there).strftime("%H:%M:%S" if seconds else "%H:%M"))
    comma = "،" if current().direction == "rtl" else ","
    return _time(at, f"{day_text(at, there)}{comma} {clock}")


def _time(at: datetime, text: str) -> Markup:
    utc = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(utc, text)


def by_day(there: ZoneInfo, amounts: Sequence[tuple[datetime, int]]) -> list[tuple[Markup, int]]:
    """Amounts that come at instants, in order, as amounts that come on days."""
    together = groupby(amounts, key=lambda amount: amount[0].astimezone(there).date())
    days = [list(same) for _, same in together]
    return [(day(there, same[0][0]), sum(amount for _, amount in same)) for same in days]


def month(there: ZoneInfo, at: datetime) -> str:
    """The month of an instant in the shop: ``Mar 2026``."""
    return month_text(at.astimezone(there).date())


def month_key(there: ZoneInfo, at: datetime) -> str:
    """The month of an instant in the shop, such as ``2026-03``."""
    return at.astimezone(there).strftime("%Y-%m")


def end_of_day(typed: str, timezone: str) -> datetime | None:
    """The last instant of a day, such as ``2026-03-14``, in that zone; None for what is no day."""
    try:
        following = date.fromisoformat(typed) + timedelta(days=1)
        start = datetime.combine(following, datetime.min.time(), zone(timezone))
        return start.astimezone(UTC) - timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def last_day(there: ZoneInfo, ends_at: datetime) -> Markup:
    """The last day of what ends at an instant, which is when the next day begins."""
    return day(there, ends_at - timedelta(microseconds=1))
