"""What decides about an order beside itself: what was frozen when it first earned, which of its buyer's orders it is,
what their orders of the same period have earned, and what the store says of them.

Each question is asked for a whole batch, and only where some rule needs its answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork

# A batch that counted an order by other terms froze new grounds, or said (null) that it is to be asked anew.
_FROZEN = text("""
    SELECT order_id, frozen FROM (
        SELECT DISTINCT ON (order_id) order_id, receipt -> 'frozen' AS frozen FROM entries
        WHERE shop_id = :shop_id AND order_id = ANY(:order_ids) AND kind IN ('earn', 'batch')
          AND receipt -> 'frozen' IS NOT NULL
        ORDER BY order_id, kind, CASE kind WHEN 'batch' THEN -entry_id ELSE entry_id END) f
    WHERE json_typeof(frozen) <> 'null'
""")
# Orders of one instant are told apart by our id, so that each has a number of its own.
_NUMBERS = text("""
    SELECT o.order_id, (SELECT count(*) FROM orders b
        WHERE b.shop_id = :shop_id AND b.customer_id = o.customer_id AND b.paid AND b.cancelled_at IS NULL
          AND NOT b.test AND (b.placed_at, b.order_id) < (o.placed_at, o.order_id)) + 1 AS number
    FROM orders o WHERE o.shop_id = :shop_id AND o.order_id = ANY(:order_ids)
""")
# Only the first booking of each order counts. By the orders' customers, and not the entries': orders move when two
# customers turn out to be one.
_EARNED_SINCE = text("""
    SELECT o.customer_id, o.placed_at, e.points FROM orders o
    JOIN entries e ON e.shop_id = :shop_id AND e.order_id = o.order_id AND e.kind = 'earn'
        AND e.receipt -> 'first' IS NOT NULL
    WHERE o.shop_id = :shop_id AND o.customer_id = ANY(:customer_ids) AND o.placed_at >= :since
""")
# Orders of one instant are numbered as they came; one that is not placed yet comes after all of them.
_NEXT_NUMBER = text("""
    SELECT count(*) + 1 AS number FROM orders b
    WHERE b.shop_id = :shop_id AND b.customer_id = :customer_id AND b.paid AND b.cancelled_at IS NULL
      AND NOT b.test AND b.placed_at <= :at
""")
_HAD = text("""
    SELECT o.customer_id, p.key, count(*) AS orders FROM orders o
    JOIN entries e ON e.shop_id = :shop_id AND e.order_id = o.order_id AND e.kind = 'earn'
        AND e.receipt -> 'first' IS NOT NULL
    CROSS JOIN LATERAL json_array_elements_text(e.receipt -> 'promotions') AS p(key)
    WHERE o.shop_id = :shop_id AND o.customer_id = ANY(:customer_ids) AND p.key = ANY(:keys)
    GROUP BY 1, 2
""")
_FACTS = text("""
    SELECT c.customer_id, c.external_id, f.fact, f.value, f.said_at FROM customers c
    LEFT JOIN customer_facts f ON f.shop_id = :shop_id AND f.customer_external_id = c.external_id
        AND (f.fact = ANY(:facts) OR f.fact LIKE :prefix)
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids)
""")
_ORDERS_OF = text("""
    SELECT o.order_id FROM orders o JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = o.customer_id
    WHERE o.shop_id = :shop_id AND c.external_id = ANY(:external_ids) ORDER BY o.order_id LIMIT :limit
""")


def frozen(work: UnitOfWork, order_ids: Sequence[OrderId]) -> dict[OrderId, Mapping[str, Any]]:
    """What each order froze when it first earned; orders that never did are left out."""
    return {row.order_id: row.frozen for row in work.rows(_FROZEN, order_ids=list(order_ids))} if order_ids else {}


def numbers(work: UnitOfWork, order_ids: Sequence[OrderId]) -> dict[OrderId, int]:
    """The number of each order among its buyer's, by the instants at which they were placed."""
    return {row.order_id: row.number for row in work.rows(_NUMBERS, order_ids=list(order_ids))}


def next_number(work: UnitOfWork, customer_id: CustomerId, at: datetime) -> int:
    """The number that an order of this customer would have that is placed at `at`."""
    row = work.row(_NEXT_NUMBER, customer_id=customer_id, at=at)
    assert row is not None
    return int(row.number)


def earned_since(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], since: datetime
) -> list[tuple[CustomerId, datetime, int]]:
    """Customer, instant and points of each order placed from `since` on, as it was booked first."""
    rows = work.rows(_EARNED_SINCE, customer_ids=list(customer_ids), since=since)
    return [(row.customer_id, row.placed_at, int(row.points)) for row in rows]


def had(work: UnitOfWork, customer_ids: Sequence[CustomerId], keys: Sequence[str]) -> dict[CustomerId, dict[str, int]]:
    """How many orders of each customer have had each of these promotions."""
    found = dict[CustomerId, dict[str, int]]()
    for row in work.rows(_HAD, customer_ids=list(customer_ids), keys=list(keys)):
        found.setdefault(row.customer_id, {})[row.key] = row.orders
    return found


def buyer_facts(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], names: Sequence[str], prefix: str
) -> Sequence[Any]:
    """Customer, external id, fact, value and instant: a row for each such fact, and one without for who has none."""
    return work.rows(_FACTS, customer_ids=list(customer_ids), facts=list(names), prefix=f"{prefix}%")


def orders_of(work: UnitOfWork, external_ids: Sequence[str], limit: int) -> list[OrderId]:
    """Orders of these customers, by the store's numbers of them."""
    return [row.order_id for row in work.rows(_ORDERS_OF, external_ids=list(external_ids), limit=limit)]
