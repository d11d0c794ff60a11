"""What is kept of the past for metrics: sums by the shop's own days, counted anew from orders and stage changes.

A summary is never brought up to date by adding to it. It is the answer of one statement over all of the shop's history,
and only rows that differ are written; so it cannot drift, and a refund, a merge or another time zone needs no rule of
its own. How often that is worth its cost is the service's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text

from commerce.touchpoints import Touchpoint
from engine.work import UnitOfWork
from lifecycle.rules.metrics import SECOND_ORDER_DAYS

# No shop sold anything on the web before; whatever says so was dated by mistake.
EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
# What is so now, and belongs to no day, is kept under this one.
NOW = date(2000, 1, 1)
# Later second orders are no answer to the question how soon they come.
LONGEST_GAP_DAYS = SECOND_ORDER_DAYS

# Only for this transaction: a history may take its time; hash joins, because nobody knows beforehand how many rows the
# parts of so long a statement have. And one at a time: two would wait for each other's rows.
_HURRY_NOT = text("""
    SELECT set_config('statement_timeout', '300s', true), set_config('enable_nestloop', 'off', true),
           set_config('work_mem', '16MB', true),
           pg_try_advisory_xact_lock(hashtext('metrics'), CAST(:shop_id % 2147483647 AS integer)) AS mine
""")
_FIRST_OF_MONTH = "make_date(({0}) / 12, ({0}) % 12 + 1, 1)"
_COUNTS_AND = """o.shop_id = :shop_id AND o.paid AND o.cancelled_at IS NULL AND NOT o.test
      AND o.goods_minor > o.refunded_minor"""
# Each order that counts, with its place in its customer's line, and the way by which that customer first came. Weeks
# and months are numbers, which are cheap to compare: weeks since a Monday, months since the year nought.
_ORDERS = f"""
kept AS MATERIALIZED (
    SELECT p.*, (p.day - DATE '1900-01-01') / 7 AS week,
           CAST(12 * date_part('year', p.day) + date_part('month', p.day) AS integer) - 1 AS month
    FROM (SELECT o.order_id, o.customer_id, o.placed_at, CAST(o.placed_at AT TIME ZONE :zone AS date) AS day,
                 o.goods_minor - o.refunded_minor AS kept_minor, r.order_id IS NOT NULL AS brought,
                 CASE WHEN r.order_id IS NOT NULL THEN 'invitation' ELSE coalesce(o.arrival, 'unknown') END AS arrival
          FROM orders o LEFT JOIN happenings r
              ON r.shop_id = :shop_id AND r.kind = 'referral' AND r.order_id = o.order_id
          WHERE {_COUNTS_AND} AND o.placed_at >= :earliest AND o.placed_at <= :now) p
), numbered AS MATERIALIZED (
    SELECT k.*, row_number() OVER line AS n, first_value(k.day) OVER line AS first_day,
           first_value(k.placed_at) OVER line AS first_at, first_value(k.arrival) OVER line AS first_arrival,
           first_value(k.month) OVER line AS first_month, lag(k.week) OVER line AS week_before,
           lead(k.week) OVER line AS week_after, lag(k.month) OVER line AS month_before,
           lead(k.month) OVER line AS month_after
    FROM kept k WHERE k.customer_id IS NOT NULL
    WINDOW line AS (PARTITION BY k.customer_id ORDER BY k.placed_at, k.order_id)
), stays AS (
    SELECT customer_id, effective_at, to_stage,
           lead(effective_at) OVER (PARTITION BY customer_id ORDER BY effective_at, step) AS until
    FROM stage_changes WHERE shop_id = :shop_id
)"""
_FLOWS = """
    SELECT 'flow' AS key, CAST(c.effective_at AT TIME ZONE :zone AS date) AS day,
           coalesce(c.from_stage, '') || '>' || c.to_stage AS dimension, count(*) AS value
    FROM stage_changes c JOIN standings s ON s.shop_id = :shop_id AND s.customer_id = c.customer_id
    WHERE c.shop_id = :shop_id GROUP BY 2, 3
"""
_DAYS = f"""
    SELECT 'orders', day, '', count(*) FROM kept GROUP BY 2
    UNION ALL SELECT 'new_customers', day, arrival, count(*) FROM numbered WHERE n = 1 GROUP BY 2, 3
    UNION ALL SELECT 'brought', day, '', count(*) FROM numbered WHERE n = 1 AND brought GROUP BY 2
    UNION ALL SELECT 'second_orders', day, '', count(*) FROM numbered WHERE n = 2 GROUP BY 2
    UNION ALL
    SELECT 'second_gap', first_day, CAST(CAST(floor(date_part('epoch', placed_at - first_at) / 86400) AS integer) AS text),
           count(*)
    FROM numbered WHERE n = 2 AND placed_at < first_at + make_interval(days => {LONGEST_GAP_DAYS + 1}) GROUP BY 2, 3
    UNION ALL SELECT 'revenue', day, 'guest', CAST(sum(kept_minor) AS bigint) FROM kept WHERE customer_id IS NULL GROUP BY 2
    UNION ALL SELECT 'revenue', day, 'lead', CAST(sum(kept_minor) AS bigint) FROM numbered WHERE n = 1 GROUP BY 2
    UNION ALL
    SELECT 'revenue', o.day, coalesce(s.to_stage, 'unknown'), CAST(sum(o.kept_minor) AS bigint)
    FROM numbered o LEFT JOIN stays s ON s.customer_id = o.customer_id AND s.effective_at < o.placed_at
        AND (s.until IS NULL OR s.until >= o.placed_at)
    WHERE o.n > 1 GROUP BY 2, 3
"""  # noqa: E501
_COHORTS = f"""
    SELECT what, {_FIRST_OF_MONTH.format("first_month")}, first_arrival || ':' || CAST(later AS text), value
    FROM (SELECT first_month, first_arrival, month - first_month AS later,
                 count(*) FILTER (WHERE month_before IS DISTINCT FROM month) AS active,
                 CAST(sum(kept_minor) AS bigint) AS minor
          FROM numbered GROUP BY 1, 2, 3) m
    CROSS JOIN LATERAL (VALUES ('cohort_active', m.active), ('cohort_minor', m.minor)) AS v(what, value)
"""
# The first order of a period says whether its customer is new in it, came on from the period before, or came back; the
# last one, whether they stay away in the period after, if that has begun.
_GROWTH = """
    SELECT 'growth_{span}', {first}, dimension, many
    FROM (SELECT {at} AS period, CASE WHEN {before} IS NULL THEN 'new' WHEN {before} = {at} - 1 THEN 'returning'
                                      ELSE 'resurrecting' END AS dimension, count(*) AS many
          FROM numbered WHERE {before} IS DISTINCT FROM {at} GROUP BY 1, 2
          UNION ALL
          SELECT {at} + 1, 'dormant', count(*) FROM numbered
          WHERE {after} IS NULL OR {after} > {at} + 1 GROUP BY 1) g
    WHERE {first} <= CAST(:today AS date)
"""
_SPANS = (
    {"span": "week", "at": "week", "before": "week_before", "after": "week_after",
     "first": "DATE '1900-01-01' + 7 * period"},
    {"span": "month", "at": "month", "before": "month_before", "after": "month_after",
     "first": _FIRST_OF_MONTH.format("period")},
    {"span": "quarter", "at": "month / 3", "before": "month_before / 3", "after": "month_after / 3",
     "first": _FIRST_OF_MONTH.format("3 * period")},
)  # fmt: skip
_MET = """
    SELECT 'touch', CAST('{now}' AS date), s.stage || ':' || '{key}', count(*)
    FROM standings s JOIN ({customers}) t ON t.customer_id = s.customer_id
    WHERE s.shop_id = :shop_id AND s.stage IS NOT NULL GROUP BY s.stage
"""
_CAME = f"""
    SELECT 'came', CAST('{NOW}' AS date), s.stage || ':' || o.arrival, count(*)
    FROM numbered o JOIN standings s ON s.shop_id = :shop_id AND s.customer_id = o.customer_id
    WHERE o.n = 1 AND s.stage IS NOT NULL GROUP BY s.stage, o.arrival
"""
_WRITE = """
, gone AS (
    DELETE FROM metrics_daily m
    WHERE m.shop_id = :shop_id AND NOT EXISTS (
        SELECT FROM fresh f WHERE f.key = m.key AND f.day = m.day AND f.dimension = m.dimension)
), written AS (
    INSERT INTO metrics_daily (shop_id, key, day, dimension, value)
    SELECT :shop_id, f.key, f.day, f.dimension, f.value FROM fresh f
    WHERE NOT EXISTS (
        SELECT FROM metrics_daily m WHERE m.shop_id = :shop_id AND m.key = f.key AND m.day = f.day
            AND m.dimension = f.dimension AND m.value = f.value)
    ON CONFLICT (shop_id, key, day, dimension) DO UPDATE SET value = excluded.value RETURNING 1
)
SELECT count(*) AS written FROM written
"""
_ODD = text(f"""
    SELECT count(*) AS odd FROM orders o WHERE {_COUNTS_AND} AND (o.placed_at < :earliest OR o.placed_at > :now)
""")
_NOTE = text("""
    INSERT INTO metrics_counts (shop_id, counted_at, took_ms, zone, odd_orders)
    VALUES (:shop_id, :now, :took_ms, :zone, :odd)
    ON CONFLICT (shop_id) DO UPDATE SET counted_at = excluded.counted_at, took_ms = excluded.took_ms,
        zone = excluded.zone, odd_orders = excluded.odd_orders
""")
_COUNTED = text("SELECT counted_at, took_ms, zone, odd_orders FROM metrics_counts WHERE shop_id = :shop_id")
_NEWS = text("""
    SELECT EXISTS (SELECT FROM deliveries WHERE shop_id = :shop_id AND received_at > :since)
        OR EXISTS (SELECT FROM backfills WHERE shop_id = :shop_id AND (finished_at IS NULL OR finished_at > :since))
        OR EXISTS (SELECT FROM reconciliations WHERE shop_id = :shop_id AND finished_at > :since
                     AND orders_healed + customers_healed + orders_gone > 0) AS news
""")
_SUMS = text("""
    SELECT key, dimension, CAST(sum(value) AS bigint) AS value FROM metrics_daily
    WHERE shop_id = :shop_id AND key = ANY(:keys) AND day >= :start AND day < :end GROUP BY key, dimension
""")
_ROWS = text("""
    SELECT key, day, dimension, value FROM metrics_daily
    WHERE shop_id = :shop_id AND key = ANY(:keys) AND day >= :start AND day < :end ORDER BY key, day, dimension
""")


@cache
def _recount(touchpoints: tuple[Touchpoint, ...]) -> TextClause:
    """The one statement: what there is to keep, and of it what differs from what is kept."""
    parts = [_FLOWS, _DAYS, _COHORTS, _CAME]
    parts += [_GROWTH.format(**span) for span in _SPANS]
    parts += [_MET.format(now=NOW, key=each.key, customers=each.customers) for each in touchpoints]
    return text(f"WITH {_ORDERS}, fresh AS MATERIALIZED ({' UNION ALL '.join(parts)}) {_WRITE}")


def recount(work: UnitOfWork, zone: str, today: date, touchpoints: Sequence[Touchpoint]) -> int | None:
    """Bring what is kept to what the history says, by the days of `zone`; answers how many rows were written, or None
    while somebody else is at it.
    """
    if not work.row(_HURRY_NOT).mine:
        return None
    row = work.row(_recount(tuple(touchpoints)), zone=zone, today=today, now=work.now, earliest=EARLIEST)
    return int(row.written)


def note(work: UnitOfWork, took_ms: int, zone: str) -> None:
    """Write down that it was counted, and how many orders bear a date that cannot be."""
    odd = work.row(_ODD, earliest=EARLIEST, now=work.now).odd
    work.run(_NOTE, now=work.now, took_ms=took_ms, zone=zone, odd=odd)


def counted(work: UnitOfWork) -> Any:
    """The last count: counted_at, took_ms, zone, odd_orders; None before the first."""
    return work.row(_COUNTED)


def news(work: UnitOfWork, since: datetime) -> bool:
    """Whether the store has told anything since, or is read."""
    return bool(work.row(_NEWS, since=since).news)


def sums(work: UnitOfWork, keys: Sequence[str], start: date, end: date) -> Mapping[tuple[str, str], int]:
    """The sums of the days from `start` to before `end`, by key and dimension."""
    rows = work.rows(_SUMS, keys=list(keys), start=start, end=end)
    return {(row.key, row.dimension): row.value for row in rows}


def rows(work: UnitOfWork, keys: Sequence[str], start: date, end: date) -> Sequence[Any]:
    """key, day, dimension, value, by key and day."""
    return work.rows(_ROWS, keys=list(keys), start=start, end=end)
