"""A shop's orders once more, member by member and in the order in which they were placed: for terms that are tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork


class Place(NamedTuple):
    """Where a walk through the orders stands."""

    customer_id: int = 0
    placed_at: datetime = datetime.min.replace(tzinfo=UTC)
    order_id: int = 0


START = Place()

_COUNT = text("""
    SELECT count(*) AS orders FROM orders
    WHERE shop_id = :shop_id AND customer_id IS NOT NULL AND placed_at >= :begins
""")
_WALK = text("""
    SELECT order_id, customer_id, placed_at, cancelled_at FROM orders
    WHERE shop_id = :shop_id AND placed_at >= :begins AND customer_id % :every = 0
      AND (customer_id, placed_at, order_id) > (:customer_id, :placed_at, :order_id)
    ORDER BY customer_id, placed_at, order_id LIMIT :limit
""")
_EARLIER = text("""
    SELECT customer_id, count(*) AS orders FROM orders
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND placed_at < :begins
      AND paid AND cancelled_at IS NULL AND NOT test
    GROUP BY customer_id
""")


def count_orders(work: UnitOfWork, begins: datetime) -> int:
    """How many orders with a customer were placed since then."""
    row = work.row(_COUNT, begins=begins)
    assert row is not None
    return int(row.orders)


def walk_orders(work: UnitOfWork, begins: datetime, after: Place, *, every: int, limit: int) -> Sequence[Any]:
    """The next orders of a walk through every so manieth customer: order_id, customer_id, placed_at, cancelled_at."""
    return work.rows(_WALK, begins=begins, every=every, limit=limit, **after._asdict())


def earlier_orders(work: UnitOfWork, customer_ids: Sequence[CustomerId], begins: datetime) -> dict[CustomerId, int]:
    """How many real, paid, standing orders of each customer were placed before."""
    rows = work.rows(_EARLIER, customer_ids=list(customer_ids), begins=begins) if customer_ids else ()
    return {row.customer_id: row.orders for row in rows}
