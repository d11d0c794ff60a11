"""What a shop sold in the last year: what its first program is chosen by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork

# Orders that count as such everywhere: real, paid, standing, of the shop's money, with goods kept.
_PAST = text("""
    WITH sold AS MATERIALIZED (
        SELECT customer_id, goods_minor - refunded_minor AS kept, placed_at FROM orders
        WHERE shop_id = :shop_id AND placed_at >= :since AND paid AND cancelled_at IS NULL AND NOT test
          AND currency = :currency AND goods_minor > refunded_minor
    ), members AS MATERIALIZED (
        SELECT customer_id, sum(kept) AS spent, count(*) AS orders FROM sold WHERE customer_id IS NOT NULL GROUP BY 1
    )
    SELECT s.orders, s.goods_minor, s.median_minor, s.first_at, m.members, m.repeat, m.spends
    FROM (SELECT count(*) AS orders, CAST(coalesce(sum(kept), 0) AS bigint) AS goods_minor,
                 percentile_disc(0.5) WITHIN GROUP (ORDER BY kept) AS median_minor, min(placed_at) AS first_at
          FROM sold) s,
         (SELECT count(*) AS members, count(*) FILTER (WHERE orders > 1) AS repeat,
                 percentile_disc(ARRAY(SELECT n / 100.0 FROM generate_series(1, 99) n))
                     WITHIN GROUP (ORDER BY CAST(spent AS bigint)) AS spends
          FROM members) m
""")


def past(work: UnitOfWork, currency: str, since: datetime) -> Any:
    """One row: orders, goods_minor, median_minor (None without orders), first_at, members, repeat, spends."""
    found = work.row(_PAST, currency=currency, since=since)
    assert found is not None
    return found
