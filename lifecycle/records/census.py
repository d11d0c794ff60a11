"""What a look at everybody reads: standings by the page, gaps between orders, changes of stage, who waits where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork
from lifecycle.rules import Standing

PAGE = 5_000

_COUNT = text("SELECT count(*) AS customers FROM standings WHERE shop_id = :shop_id AND stage IS NOT NULL")
_STANDINGS = text("""
    SELECT customer_id, known_since, last_since, orders, referrals, first_order_at, last_order_at, last_at, gaps,
           returned_at, won_back_at, upset_at
    FROM standings
    WHERE shop_id = :shop_id AND customer_id > :after AND customer_id % :every = 0 AND stage IS NOT NULL
    ORDER BY customer_id LIMIT :limit
""")
# Orders of one day are one purchase. Both ends of a percentile are gaps that there were.
_GAPS = text("""
    SELECT count(*) AS gaps, percentile_disc(ARRAY[0.5, 0.8, 0.9]) WITHIN GROUP (ORDER BY days) AS days
    FROM (SELECT floor(extract(epoch FROM at - lag(at) OVER (PARTITION BY customer_id ORDER BY at)) / 86400)::integer
              AS days
          FROM happenings
          WHERE shop_id = :shop_id AND kind = 'order' AND customer_id % :every = 0 AND at > :earliest AND at <= :now
         ) g
    WHERE days > 0
""")
_CHANGES = text("""
    SELECT from_stage, to_stage, count(*) AS changes, count(*) FILTER (WHERE facts ->> 'code' = 'won_back') AS won_back
    FROM stage_changes WHERE shop_id = :shop_id AND effective_at > :since AND effective_at <= :now GROUP BY 1, 2
""")
_DEPTHS = text("""
    SELECT least(orders, :most) AS orders, count(*) AS customers FROM standings
    WHERE shop_id = :shop_id AND stage IS NOT NULL AND orders > 0 GROUP BY 1
""")
_STAGES = text("""
    SELECT stage, count(*) AS customers,
           CAST(percentile_disc(0.5) WITHIN GROUP (
               ORDER BY greatest(0, floor(extract(epoch FROM :now - since) / 86400))) AS bigint) AS median_days,
           count(*) FILTER (WHERE won_back_at IS NOT NULL) AS won_back
    FROM standings WHERE shop_id = :shop_id AND stage IS NOT NULL GROUP BY stage
""")


def count(work: UnitOfWork) -> int:
    """How many customers stand somewhere."""
    return int(work.run(_COUNT).scalar_one())


def standings(work: UnitOfWork, every: int = 1) -> Iterator[Sequence[tuple[CustomerId, Standing, bool]]]:
    """Everybody's standing, of one customer in `every`, by the page and in the order of ids; the last says whether the
    gaps between their orders are known.
    """
    after = CustomerId(0)
    while rows := work.rows(_STANDINGS, after=after, every=every, limit=PAGE):
        after = rows[-1][0]
        yield [(row[0], _standing(row), row[8] is not None) for row in rows]


def gaps(work: UnitOfWork, earliest: datetime, every: int = 1) -> Any:
    """How many gaps there are between orders (gaps), and the days that 50, 80 and 90 of 100 are at most (days)."""
    return work.row(_GAPS, earliest=earliest, now=work.now, every=every)


def changes(work: UnitOfWork, since: datetime) -> Sequence[Any]:
    """Changes of stage since an instant: from_stage, to_stage, changes, won_back."""
    return work.rows(_CHANGES, since=since, now=work.now)


def stages(work: UnitOfWork) -> Sequence[Any]:
    """Of each stage that anybody is in: stage, customers, median_days, won_back."""
    return work.rows(_STAGES, now=work.now)


def _standing(row: Any) -> Standing:
    # By position: this runs for everybody.
    _, known_since, since, orders, referrals, first, last, last_at, gaps, returned_at, won_back_at, upset_at = row
    return Standing(
        known_since,
        since,
        orders,
        referrals,
        first,
        last,
        last_at,
        tuple(gaps or ()),
        returned_at,
        won_back_at,
        upset_at,
    )


def depths(work: UnitOfWork, most: int) -> Sequence[Any]:
    """Of each number of orders up to `most`, which stands for more as well: orders, customers."""
    return work.rows(_DEPTHS, most=most)
