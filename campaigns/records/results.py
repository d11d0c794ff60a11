"""What came of a run: counted anew each time from the mirror's orders, so refunds and late orders are in it.

Everybody counts once, by their first time in the run, in the arm that they had then. An order counts that was placed
in their window and is paid, not cancelled, no test, with goods kept; money only in the shop's own currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork

_COUNTED = """
    WITH first AS (
        SELECT DISTINCT ON (customer_id) customer_id, arm, enrolled_at, until FROM enrolments
        WHERE shop_id = :shop_id AND play = :play AND run = :run ORDER BY customer_id, enrolled_at, enrolment_id
    ), each AS (
        SELECT f.customer_id, f.arm, f.until <= :now AS over, count(o.order_id) AS orders,
               coalesce(sum(o.goods_minor - o.refunded_minor) FILTER (WHERE o.currency = s.currency), 0) AS kept
        FROM first f JOIN shops s ON s.shop_id = :shop_id
        LEFT JOIN orders o ON o.shop_id = :shop_id AND o.customer_id = f.customer_id AND f.until <= :now
            AND o.placed_at > f.enrolled_at AND o.placed_at <= f.until
            AND o.paid AND o.cancelled_at IS NULL AND NOT o.test AND o.goods_minor > o.refunded_minor
        GROUP BY f.customer_id, f.arm, f.until
    )
    SELECT arm, count(*) AS people, count(*) FILTER (WHERE over) AS measured,
           count(*) FILTER (WHERE orders > 0) AS ordered, sum(kept) AS spent, sum(kept * kept) AS squares
    FROM each GROUP BY arm
"""
_LIVE = text(_COUNTED)
_KEEP = text(f"""
    INSERT INTO play_results (shop_id, play, run, arm, people, measured, ordered, spent, squares)
    SELECT :shop_id, :play, :run, arm, people, measured, ordered, spent, squares FROM ({_COUNTED}) c
    ON CONFLICT (shop_id, play, run, arm) DO UPDATE SET people = excluded.people, measured = excluded.measured,
        ordered = excluded.ordered, spent = excluded.spent, squares = excluded.squares
""")
_KEPT = text("""
    SELECT arm, people, measured, ordered, spent, squares FROM play_results
    WHERE shop_id = :shop_id AND play = :play AND run = :run
""")


def live(work: UnitOfWork, play: str, run: int, at: datetime) -> Sequence[Any]:
    """Counted now, by arm: people, measured (those whose window is over), ordered, spent, squares."""
    return work.rows(_LIVE, play=play, run=run, now=at)


def keep(work: UnitOfWork, play: str, run: int) -> None:
    """Count, and keep what was counted."""
    work.run(_KEEP, play=play, run=run, now=work.now)


def kept(work: UnitOfWork, play: str, run: int) -> Sequence[Any]:
    """What was counted last, as `live` answers."""
    return work.rows(_KEPT, play=play, run=run)
