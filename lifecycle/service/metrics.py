"""Metrics as they are read and kept: recounts when they are worth their cost, and reports over periods of the shop's
calendar.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from commerce.arrivals import Arrival
from commerce.sayings import say
from commerce.touchpoints import Touchpoint
from engine import shops
from engine.work import UnitOfWork
from lifecycle.records import marketing, metrics, visits
from lifecycle.rules.marketing import Cohort, cohorts
from lifecycle.rules.metrics import SECOND_ORDER_DAYS, Period, Reading, Span, Tally, read, shifted
from lifecycle.service.stages import stage_counts

# A count that took a second is not made again for eight minutes: a shop costs a five-hundredth of a core at most.
PACE = 500
# Without any news from the store, silence still moves people.
AT_LEAST_EVERY = timedelta(hours=1)
GROWTH = ("new", "returning", "resurrecting", "dormant")
UNKNOWN = "unknown"

_SUMMED = ("flow", "orders", "new_customers", "brought", "revenue")
_FIRST, _LAST = date(1, 1, 1), date(9999, 12, 31)

TOUCHPOINTS = (
    Touchpoint(
        "subscribed", say("Newsletter"), say("Has agreed to letters or text messages, and not taken it back."),
        "SELECT DISTINCT c.customer_id FROM customer_facts f JOIN customers c ON c.shop_id = f.shop_id "
        "AND c.external_id = f.customer_external_id WHERE f.shop_id = :shop_id "
        "AND f.fact IN ('consent' || ':' || 'email', 'consent' || ':' || 'sms') "
        "AND f.value #>> '{}' = 'subscribed'",
    ),
    Touchpoint(
        "checkout", say("Checkout begun"), say("Has begun a checkout that is kept, finished or left."),
        "SELECT DISTINCT customer_id FROM checkouts WHERE shop_id = :shop_id",
    ),
    Touchpoint(
        "ordered", say("Order"), say("Has placed an order that counts."),
        "SELECT DISTINCT customer_id FROM happenings WHERE shop_id = :shop_id AND kind = 'order'",
    ),
    Touchpoint(
        "returned", say("Return"), say("Has sent goods of an order back, all or some."),
        "SELECT DISTINCT customer_id FROM orders WHERE shop_id = :shop_id AND refund_count > 0 "
        "AND customer_id IS NOT NULL",
    ),
    Touchpoint(
        "brought", say("Friend brought"), say("Has brought a friend whose order counts."),
        "SELECT DISTINCT customer_id FROM happenings WHERE shop_id = :shop_id AND kind = 'referral'",
    ),
)  # fmt: skip
"""What lifecycle itself knows customers to have met."""


@dataclass(frozen=True, slots=True)
class Counted:
    """When the past was last counted; `odd_orders` bear a date before 1995 or after now, and are in no metric."""

    at: datetime
    odd_orders: int


@dataclass(frozen=True, slots=True)
class Growth:
    """Customers who ordered in a period, by whether they had before; and those who had just before, and did not."""

    start: date
    new: int
    returning: int
    resurrecting: int
    dormant: int

    @property
    def active(self) -> int:
        return self.new + self.returning + self.resurrecting


@dataclass(frozen=True, slots=True)
class Report:
    """Every metric of a period; `counted` is None where nothing was counted yet."""

    period: Period
    readings: Sequence[Reading]
    counted: Counted | None
    today: date

    @property
    def under_way(self) -> bool:
        return self.period.end > self.today


def calendar(work: UnitOfWork) -> tuple[str, date]:
    """The shop's zone, UTC where this machine does not know it, and its day now."""
    name = shops.current(work).timezone
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        name, zone = "UTC", ZoneInfo("UTC")
    return name, work.now.astimezone(zone).date()


def recount(work: UnitOfWork, touchpoints: Sequence[Touchpoint] = ()) -> int:
    """Count the past anew; answers how many rows differed. `touchpoints` are those of the other domains.

    While somebody else counts, nothing is done: theirs is as good.
    """
    began = time.monotonic()
    zone, today = calendar(work)
    written = metrics.recount(work, zone, today, (*TOUCHPOINTS, *touchpoints))
    if written is None:
        return 0
    metrics.note(work, round((time.monotonic() - began) * 1000), zone)
    return written


def recount_due(work: UnitOfWork, touchpoints: Sequence[Touchpoint] = ()) -> bool:
    """Count anew if something has happened, or a day has passed, and the last count is old enough for what it cost."""
    last = metrics.counted(work)
    if last is not None:
        zone, today = calendar(work)
        if work.now - last.counted_at < timedelta(milliseconds=last.took_ms * PACE):
            return False
        same_day = zone == last.zone and last.counted_at.astimezone(ZoneInfo(zone)).date() == today
        quiet = same_day and work.now - last.counted_at < AT_LEAST_EVERY
        if quiet and not metrics.news(work, last.counted_at):
            return False
    recount(work, touchpoints)
    return True


def last_count(work: UnitOfWork) -> Counted | None:
    """When the past was last counted; None before the first time."""
    last = metrics.counted(work)
    return None if last is None else Counted(last.counted_at, last.odd_orders)


def report(work: UnitOfWork, span: Span = Span.MONTH, start: date | None = None) -> Report:
    """Every metric of the period in which `start` lies, beside the one before; the last whole one, if none is named."""
    _, today = calendar(work)
    period = Period.of(span, start) if start else Period.of(span, today).before
    now = {str(stage): many for stage, many in stage_counts(work).items()}
    readings = read(
        _tally(work, period, now, today), _tally(work, period.before, now, today), marketing.benchmarks(work)
    )
    return Report(period, readings, last_count(work), today)


def _tally(work: UnitOfWork, period: Period, now: Mapping[str, int], today: date) -> Tally:
    found = dict(metrics.sums(work, _SUMMED, period.start, period.end))
    ever = metrics.sums(work, ("new_customers", "second_orders"), _FIRST, period.end)
    seen = visits.sums(work, period.start, period.end)
    found |= {
        ("ever_first", ""): sum(many for (key, _), many in ever.items() if key == "new_customers"),
        ("ever_second", ""): sum(many for (key, _), many in ever.items() if key == "second_orders"),
        ("returning", ""): _grown(work, period)["returning"],
        ("before", ""): sum(_grown(work, period.before)[kind] for kind in GROWTH if kind != "dormant"),
        ("visits", ""): seen.visits,
        ("views", ""): seen.views,
    }
    at_end = _undone(now, metrics.sums(work, ("flow",), period.end, _LAST))
    at_start = _undone(at_end, {name: many for name, many in found.items() if name[0] == "flow"})
    since, until = (day - timedelta(days=SECOND_ORDER_DAYS) for day in (period.start, min(period.end, today)))
    matured = metrics.sums(work, ("new_customers", "second_gap"), since, until) if until > since else {}
    gaps = {int(gap): many for (key, gap), many in matured.items() if key == "second_gap"}
    firsts = sum(many for (key, _), many in matured.items() if key == "new_customers")
    return Tally(found, at_start, at_end, gaps, firsts)


def _undone(stood: Mapping[str, int], flows: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """How many stood in each stage before these moves."""
    found = defaultdict[str, int](int, stood)
    for (_, move), many in flows.items():
        source, _, target = move.partition(">")
        found[target] -= many
        if source:
            found[source] += many
    return dict(found)


def _grown(work: UnitOfWork, period: Period) -> dict[str, int]:
    rows = metrics.sums(work, (f"growth_{period.span}",), period.start, period.end)
    return {kind: rows.get((f"growth_{period.span}", kind), 0) for kind in GROWTH}


def growth(work: UnitOfWork, span: Span = Span.MONTH, since: date | None = None) -> list[Growth]:
    """New, returning, resurrecting and dormant customers of each period since then, oldest first."""
    key = f"growth_{span}"
    found = defaultdict[date, dict[str, int]](dict)
    for row in metrics.rows(work, (key,), since or _FIRST, _LAST):
        found[row.day][row.dimension] = row.value
    return [Growth(day, *(found[day].get(kind, 0) for kind in GROWTH)) for day in sorted(found)]


def days(work: UnitOfWork, key: str, start: date, end: date) -> dict[tuple[date, str], int]:
    """What was counted of one key, by day and dimension, from `start` to before `end`."""
    return {(row.day, row.dimension): row.value for row in metrics.rows(work, (key,), start, end)}


def cohort_table(work: UnitOfWork, since: date | None = None, arrival: str | None = None) -> list[Cohort]:
    """Cohorts by the month of the first order, oldest first: of all customers, or of those who came by one channel."""
    _, today = calendar(work)
    by_arrival = cohorts_by_arrival(work, since or _FIRST)
    if arrival is not None:
        return cohorts(by_arrival.get(arrival, {}), today)
    together = defaultdict[tuple[date, int], tuple[int, int]](lambda: (0, 0))
    for cells in by_arrival.values():
        for place, (active, minor) in cells.items():
            before = together[place]
            together[place] = before[0] + active, before[1] + minor
    return cohorts(together, today)


def cohorts_by_arrival(work: UnitOfWork, since: date) -> dict[str, dict[tuple[date, int], tuple[int, int]]]:
    """For each channel, by month of the first order and months since: who ordered, and the minor units they kept."""
    found = defaultdict[str, dict[tuple[date, int], tuple[int, int]]](dict)
    for row in metrics.rows(work, ("cohort_active", "cohort_minor"), since, _LAST):
        arrival, _, later = row.dimension.rpartition(":")
        place = row.day, int(later)
        active, minor = found[arrival].get(place, (0, 0))
        found[arrival][place] = (row.value, minor) if row.key == "cohort_active" else (active, row.value)
    return dict(found)


@dataclass(frozen=True, slots=True)
class Journey:
    """What the customers of each stage have met: `met` by stage and touchpoint, `came` by stage and channel."""

    touchpoints: Sequence[Touchpoint]
    met: Mapping[tuple[str, str], int]
    came: Mapping[tuple[str, str], int]
    pages: Sequence[Any]
    """Visits of the last days: page, arrival, visits, views."""
    counted: Counted | None


def journey(work: UnitOfWork, touchpoints: Sequence[Touchpoint] = (), visit_days: int = 30) -> Journey:
    """Which touchpoints and channels the customers of each stage have met, as it was last counted."""
    _, today = calendar(work)
    sums = metrics.sums(work, ("touch", "came"), metrics.NOW, metrics.NOW + timedelta(days=1))
    split: dict[str, dict[tuple[str, str], int]] = {"touch": {}, "came": {}}
    for (key, dimension), many in sums.items():
        stage, _, what = dimension.partition(":")
        split[key][stage, what] = many
    pages = visits.by_page(work, today - timedelta(days=visit_days - 1), today + timedelta(days=1))
    return Journey((*TOUCHPOINTS, *touchpoints), split["touch"], split["came"], pages, last_count(work))


def note_visits(work: UnitOfWork, many: Mapping[tuple[str, str], tuple[int, int]]) -> None:
    """So many visits and views of today, by kind of page and channel."""
    known = {place: counts for place, counts in many.items() if place[1] in set(Arrival) | {UNKNOWN}}
    if known:
        visits.count(work, calendar(work)[1], known)


def today(work: UnitOfWork) -> date:
    """The shop's day now."""
    return calendar(work)[1]


def months_back(today: date, months: int) -> date:
    """The first of the month so many months before this one."""
    return shifted(today.replace(day=1), -months)
