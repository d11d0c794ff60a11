"""Summaries: numbers of a whole shop that pages read, kept with the instant at which they were counted.

Each is a recount, never a running total, so it cannot drift. A shop is counted while its page is looked at for as long
as that costs next to nothing; once it does not, the clock counts and pages read what is kept, and say as of when. Which
of the two it is decides what the last count cost, so nobody has to say how large a shop is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork, as_json

# What counting may cost a page. Several are read for one page, which has 150 ms for everything.
LIVE_MS = 15
# A count that took a second is not made again for five minutes: one summary costs a three-hundredth of a core at most.
PACE = 300
# Without any news from the store, silence still moves people.
AT_LEAST_EVERY = timedelta(hours=1)
# What is left after so long is counted in the next round: other jobs of the clock wait for this one.
MOST_SECONDS = 20.0

_NEVER = datetime.min.replace(tzinfo=UTC)

# Only for this transaction: a recount reads the whole of a shop, and may take its time.
_HURRY_NOT = text("SELECT set_config('statement_timeout', '300s', true), CAST(:shop_id AS bigint)")
_READ = text("SELECT value, counted_at FROM summaries WHERE shop_id = :shop_id AND key = :key AND took_ms > :live_ms")
_KEPT = text("SELECT key, counted_at, took_ms FROM summaries WHERE shop_id = :shop_id")
_NEWS = text("""
    SELECT EXISTS (SELECT FROM deliveries WHERE shop_id = :shop_id AND received_at > :since)
        OR EXISTS (SELECT FROM backfills WHERE shop_id = :shop_id AND (finished_at IS NULL OR finished_at > :since))
        OR EXISTS (SELECT FROM reconciliations WHERE shop_id = :shop_id AND finished_at > :since
                     AND orders_healed + customers_healed + orders_gone > 0) AS news
""")
_FORGET = text("DELETE FROM summaries WHERE shop_id = :shop_id AND key = ANY(:keys)")
_WRITE = text("""
    INSERT INTO summaries (shop_id, key, value, counted_at, took_ms)
    VALUES (:shop_id, :key, CAST(:value AS jsonb), :now, :took_ms)
    ON CONFLICT (shop_id, key) DO UPDATE SET value = excluded.value, counted_at = excluded.counted_at,
        took_ms = excluded.took_ms
""")


@dataclass(frozen=True, slots=True)
class Summary:
    """Something that is counted of a whole shop. `count` answers what JSON holds: numbers, texts, lists, objects."""

    key: str
    count: Callable[[UnitOfWork], Any]
    least: timedelta = timedelta()
    """Not counted anew before it is so old, whatever it costs: what it is counted from comes that rarely."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted, and as of when."""

    value: Any
    at: datetime


def read(work: UnitOfWork, summary: Summary) -> Counted:
    """The summary as it is kept; counted now where that costs next to nothing, or where it was never counted."""
    row = work.row(_READ, key=summary.key, live_ms=LIVE_MS)
    return Counted(summary.count(work), work.now) if row is None else Counted(row.value, row.counted_at)


def count_due(work: UnitOfWork, summaries: Sequence[Summary]) -> int:
    """Count those anew whose last count is old enough for what it cost, if anything has happened since, the oldest
    first; answers how many.
    """
    kept = {row.key: row for row in work.rows(_KEPT)}
    news = dict[datetime, bool]()
    if gone := sorted(set(kept) - {summary.key for summary in summaries}):
        work.run(_FORGET, keys=gone)
    due = [summary for summary in summaries if _due(work, summary, kept.get(summary.key), news)]
    due.sort(key=lambda summary: kept[summary.key].counted_at if summary.key in kept else _NEVER)
    if due:
        work.run(_HURRY_NOT)
    began = time.monotonic()
    for done, summary in enumerate(due):
        if time.monotonic() - began > MOST_SECONDS:
            return done
        _count(work, summary)
    return len(due)


def _due(work: UnitOfWork, summary: Summary, last: Any, news: dict[datetime, bool]) -> bool:
    if last is None:
        return True
    age = work.now - last.counted_at
    if age < max(summary.least, timedelta(milliseconds=last.took_ms * PACE)):
        return False
    if last.counted_at not in news:
        news[last.counted_at] = bool(work.row(_NEWS, since=last.counted_at).news)
    return news[last.counted_at] or age >= AT_LEAST_EVERY


def _count(work: UnitOfWork, summary: Summary) -> None:
    began = time.monotonic()
    value = summary.count(work)
    took_ms = round((time.monotonic() - began) * 1000)
    work.run(_WRITE, key=summary.key, value=as_json(value), now=work.now, took_ms=took_ms)
