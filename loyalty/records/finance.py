"""What the books say to an accountant: kept totals by time, how points fared by age, and the journal, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork, as_json
from loyalty.records.chain import ACCOUNTS
from loyalty.rules.liability import AGE_DAYS, Age

_SUMS = ", ".join(f"coalesce(sum(t.{name}), 0) AS {name}" for name in ACCOUNTS)
_MONTHS = text(f"""
    SELECT g.begins, m.* FROM json_to_recordset(CAST(:rows AS json)) AS g(begins timestamptz, ends timestamptz)
    CROSS JOIN LATERAL (
        SELECT {_SUMS} FROM ledger_totals t
        WHERE t.shop_id = :shop_id AND t.slot >= g.begins AND t.slot < g.ends) m
    ORDER BY g.begins
""")
_BEFORE = text("""
    SELECT coalesce(sum(issued + reversed + spent + expired + adjusted + moved), 0) AS points,
           min(slot) AS first FROM ledger_totals WHERE shop_id = :shop_id AND slot < :before
""")
_DEBT = text("SELECT coalesce(sum(debt), 0) AS debt FROM balances WHERE shop_id = :shop_id AND debt > 0")
_MEMBERS = text("SELECT count(*) AS members FROM balances WHERE shop_id = :shop_id")
# Of a sample of the customers: each lot from when it could be spent, and what became of its points at which age.
_AGES = text(f"""
    WITH people AS MATERIALIZED (
        SELECT customer_id FROM balances WHERE shop_id = :shop_id AND customer_id % :every = 0
        ORDER BY customer_id LIMIT :most
    ), moves AS MATERIALIZED (
        SELECT e.lot_id, e.counter, e.points, e.recorded_at,
               min(greatest(e.available_at, e.recorded_at)) OVER (PARTITION BY e.lot_id) AS born
        FROM people p JOIN entries e ON e.shop_id = :shop_id AND e.customer_id = p.customer_id
        WHERE e.account = 'points' AND e.lot_id IS NOT NULL AND e.recorded_at <= :now
    ), aged AS (
        SELECT greatest(0, floor(extract(epoch FROM recorded_at - born) / 86400 / {AGE_DAYS}))::integer AS month,
               CASE WHEN counter = 'spent' THEN -points ELSE 0 END AS spent,
               CASE WHEN counter IN ('reversed', 'moved') OR (counter = 'adjusted' AND points < 0) THEN -points
                    ELSE 0 END AS withdrawn, 0 AS gone, 0 AS left_over, 0 AS lots
        FROM moves WHERE counter NOT IN ('issued', 'expired')
        UNION ALL
        SELECT greatest(0, floor(extract(epoch FROM :now - min(born)) / 86400 / {AGE_DAYS}))::integer, 0, 0,
               -coalesce(sum(points) FILTER (WHERE counter = 'expired'), 0), sum(points), 1
        FROM moves WHERE born IS NOT NULL GROUP BY lot_id
    )
    SELECT month, sum(spent) AS spent, sum(withdrawn) AS withdrawn, sum(left_over) AS left_over,
           sum(gone) AS expired, sum(lots) AS lots
    FROM aged WHERE month IS NOT NULL GROUP BY month ORDER BY month
""")
_WRITTEN = text("""
    SELECT min(first_entry_id) AS first_id, max(last_entry_id) AS last_id,
           (SELECT seq FROM ledger_links WHERE shop_id = :shop_id AND linked_at < :begins LIMIT 1) AS earlier
    FROM ledger_links WHERE shop_id = :shop_id AND linked_at >= :begins AND linked_at < :ends
""")
_JOURNAL = text("""
    SELECT e.entry_id, e.recorded_at, c.external_id AS customer, e.account, e.counter, e.kind, e.points,
           o.name AS order_name, e.terms_version, e.sentence
    FROM entries e JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = e.customer_id
    LEFT JOIN orders o ON o.shop_id = :shop_id AND o.order_id = e.order_id
    WHERE e.shop_id = :shop_id AND e.entry_id > :after AND e.entry_id <= :upto
      AND e.recorded_at >= :begins AND e.recorded_at < :ends
    ORDER BY e.entry_id LIMIT :limit
""")


def months(work: UnitOfWork, bounds: Sequence[datetime]) -> Sequence[Any]:
    """Points by account between each two of these instants, signed as they moved the customers' points."""
    pairs = [{"begins": begins, "ends": ends} for begins, ends in pairwise(bounds)]
    return work.rows(_MONTHS, rows=as_json(pairs))


def before(work: UnitOfWork, at: datetime) -> tuple[int, datetime | None]:
    """What all movements before an instant came to, and when the first of them was."""
    row = work.row(_BEFORE, before=at)
    assert row is not None
    return int(row.points), row.first


def debt(work: UnitOfWork) -> int:
    """Points that customers owe: spent, and then taken back."""
    row = work.row(_DEBT)
    assert row is not None
    return int(row.debt)


def ages(work: UnitOfWork, sample: int) -> tuple[list[Age], int, int]:
    """How points of about `sample` customers fared by age, how many expired, and of how many lots they are."""
    members = work.rows(_MEMBERS)[0].members
    rows = work.rows(_AGES, every=max(1, members // sample), most=2 * sample, now=work.now)
    found = [Age(row.month, int(row.spent), int(row.withdrawn), int(row.left_over)) for row in rows]
    return found, sum(int(row.expired) for row in rows), sum(int(row.lots) for row in rows)


def written(work: UnitOfWork, begins: datetime, ends: datetime) -> tuple[int, int]:
    """Numbers of entries between which all of that time lie; the first is not one of them."""
    row = work.row(_WRITTEN, begins=begins, ends=ends)
    assert row is not None
    if row.last_id is None:
        return 0, 0
    # Without an earlier link there may be entries that are older than the chain.
    return (row.first_id - 1 if row.earlier else 0), row.last_id


def journal(work: UnitOfWork, begins: datetime, ends: datetime, *, after: int, upto: int, limit: int) -> Sequence[Any]:
    """Entries of a time, by number."""
    return work.rows(_JOURNAL, begins=begins, ends=ends, after=after, upto=upto, limit=limit)
