"""Lots as expiry sees them: which may be over, which day they are marked with, and what became of their points.

The day beside a lot is when to look at it, no more: what is true follows from the terms and from what the member did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork, as_json
from loyalty.rules import Activity, Life, Lot

_LOT = "l.lot_id, l.customer_id, l.order_id, l.remaining, l.available_at, l.expires_at"
_DUE = text(f"""
    SELECT {_LOT} FROM lots l
    WHERE l.shop_id = :shop_id AND l.remaining > 0 AND l.expires_at <= :now ORDER BY l.expires_at, l.lot_id LIMIT :limit
""")
# Read by the instant that is marked, page by page.
_BETWEEN = text(f"""
    SELECT {_LOT} FROM lots l
    WHERE l.shop_id = :shop_id AND l.remaining > 0 AND l.expires_at IS NOT NULL AND l.expires_at <= :until
      AND (l.expires_at, l.lot_id) > (:after, :after_id)
    ORDER BY l.expires_at, l.lot_id LIMIT :limit
""")
_PAGE = text(f"""
    SELECT {_LOT} FROM lots l
    WHERE l.shop_id = :shop_id AND l.lot_id > :after_id ORDER BY l.lot_id LIMIT :limit
""")
_DATE = text("""
    UPDATE lots l SET expires_at = g.expires_at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(lot_id bigint, expires_at timestamptz)
    WHERE l.shop_id = :shop_id AND l.lot_id = g.lot_id AND l.expires_at IS DISTINCT FROM g.expires_at
""")
_CLOSE = text("""
    UPDATE lots SET closings = closings + 1 WHERE shop_id = :shop_id AND lot_id = ANY(:lot_ids)
    RETURNING lot_id, closings
""")
_JOINED = text("""
    SELECT customer_id, coalesce(created_at, observed_at) AS joined_at FROM customers
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
""")
# What a member did last, by what counts as doing something. Each is the newest row of an index, or a few rows.
_LAST_EARNED = """
    (SELECT max(e.available_at) FROM entries e
     WHERE e.shop_id = :shop_id AND e.customer_id = c.customer_id AND e.kind IN ('earn', 'award', 'action')
       AND e.points > 0)
"""
_LAST_REDEEMED = """
    (SELECT max(r.created_at) FROM redemptions r WHERE r.shop_id = :shop_id AND r.customer_id = c.customer_id)
"""
_LAST_BOUGHT = """
    (SELECT o.placed_at FROM orders o
     WHERE o.shop_id = :shop_id AND o.customer_id = c.customer_id AND o.paid AND o.cancelled_at IS NULL AND NOT o.test
     ORDER BY o.placed_at DESC LIMIT 1)
"""


def _active(what: str) -> Any:
    return text(f"""
        SELECT c.customer_id, coalesce(c.created_at, c.observed_at) AS joined_at, {what} AS active_at FROM customers c
        WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids)
    """)


_ACTIVE = {
    Activity.EARNING: _active(_LAST_EARNED),
    Activity.EARNING_AND_REDEEMING: _active(f"greatest({_LAST_EARNED}, {_LAST_REDEEMED})"),
    Activity.PURCHASES: _active(_LAST_BOUGHT),
}
_EXPIRED = text("""
    SELECT l.customer_id, e.order_id, e.lot_id, -sum(e.points) AS points
    FROM entries e JOIN lots l ON l.shop_id = e.shop_id AND l.lot_id = e.lot_id
    WHERE e.shop_id = :shop_id AND e.order_id = ANY(:order_ids) AND e.kind = 'expire'
    GROUP BY l.customer_id, e.order_id, e.lot_id HAVING sum(e.points) < 0 ORDER BY e.lot_id
""")
_HOLDERS = text("""
    SELECT b.customer_id FROM balances b
    WHERE b.shop_id = :shop_id AND b.customer_id > :after AND b.points > 0 ORDER BY b.customer_id LIMIT :limit
""")
_NAMES = text("""
    SELECT customer_id, external_id, email, first_name, last_name, redacted_at FROM customers
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
""")
_WALK = text("SELECT version, after_id, top_id, at FROM walks WHERE shop_id = :shop_id AND what = :what FOR UPDATE")
_PUT_WALK = text("""
    INSERT INTO walks (shop_id, what, version, after_id, top_id, at)
    VALUES (:shop_id, :what, :version, :after_id, :top_id, :at)
    ON CONFLICT (shop_id, what) DO UPDATE
        SET version = excluded.version, after_id = excluded.after_id, top_id = excluded.top_id, at = excluded.at
""")


def due_lots(work: UnitOfWork, limit: int) -> list[Lot]:
    """Open lots whose marked day is over, soonest first."""
    return [Lot(*row) for row in work.rows(_DUE, now=work.now, limit=limit)]


def lots_between(work: UnitOfWork, after: datetime, after_id: int, until: datetime, limit: int) -> list[Lot]:
    """Open lots marked with an instant after `after` (from there on behind lot `after_id`), up to `until`, in order."""
    return [Lot(*row) for row in work.rows(_BETWEEN, after=after, after_id=after_id, until=until, limit=limit)]


def lots_page(work: UnitOfWork, after_id: int, limit: int) -> list[Lot]:
    """Lots in the order in which they were made, empty ones too."""
    return [Lot(*row) for row in work.rows(_PAGE, after_id=after_id, limit=limit)]


def date_lots(work: UnitOfWork, dates: Mapping[int, datetime | None]) -> None:
    """Mark lots with the instant at which they are to be looked at."""
    if dates:
        work.run(_DATE, rows=as_json([{"lot_id": lot_id, "expires_at": at} for lot_id, at in dates.items()]))


def close_lots(work: UnitOfWork, lot_ids: Sequence[int]) -> dict[int, int]:
    """Count one closing more of each lot; answers with how many there were. Their owners are locked by the caller."""
    return {row.lot_id: row.closings for row in work.rows(_CLOSE, lot_ids=list(lot_ids))}


def lives(work: UnitOfWork, customer_ids: Sequence[CustomerId], activity: Activity | None) -> dict[CustomerId, Life]:
    """When these members came and, where it matters what they do, when they last did it."""
    if activity is None:
        rows = work.rows(_JOINED, customer_ids=list(customer_ids))
        return {row.customer_id: Life(row.joined_at) for row in rows}
    rows = work.rows(_ACTIVE[activity], customer_ids=list(customer_ids))
    return {row.customer_id: Life(row.joined_at, row.active_at) for row in rows}


def expired(work: UnitOfWork, order_ids: Sequence[OrderId]) -> Sequence[Any]:
    """What expired of the points that these orders earned: customer_id, order_id, lot_id, points."""
    return work.rows(_EXPIRED, order_ids=list(order_ids)) if order_ids else []


def holders(work: UnitOfWork, after: int, limit: int) -> list[CustomerId]:
    """Customers who have points, by id: to walk through all of them in pages."""
    return [row.customer_id for row in work.rows(_HOLDERS, after=after, limit=limit)]


def names(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, Any]:
    """What the merchant's pages call these customers."""
    found = work.rows(_NAMES, customer_ids=list(customer_ids)) if customer_ids else []
    return {row.customer_id: row for row in found}


def walk_of(work: UnitOfWork, what: str) -> Any:
    """Where a walk through all rows of a kind stands, held until the end of the unit of work; None before the first."""
    return work.row(_WALK, what=what)


def put_walk(work: UnitOfWork, what: str, *, version: int, after_id: int, top_id: int, at: datetime) -> None:
    work.run(_PUT_WALK, what=what, version=version, after_id=after_id, top_id=top_id, at=at)
