"""Statements page by page: a customer's movements of points, and their orders that never earned any. Pages go on behind
a number, so that what comes meanwhile moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork

_ENTRIES = text("""
    SELECT e.entry_id, e.kind, e.points, e.sentence, e.available_at, e.expires_at, e.recorded_at, e.terms_version,
           e.lot_id, e.receipt, o.name AS order_name, o.external_id AS order_external_id
    FROM entries e LEFT JOIN orders o ON o.shop_id = e.shop_id AND o.order_id = e.order_id
    WHERE e.shop_id = :shop_id AND e.customer_id = :customer_id AND e.account = 'points' AND e.entry_id < :before
    ORDER BY e.entry_id DESC LIMIT :limit
""")
_UNEARNED = text("""
    SELECT o.order_id FROM orders o
    WHERE o.shop_id = :shop_id AND o.customer_id = :customer_id AND o.order_id < :before
      AND NOT EXISTS (SELECT FROM entries e WHERE e.shop_id = :shop_id AND e.order_id = o.order_id AND e.kind = 'earn')
    ORDER BY o.order_id DESC LIMIT :limit
""")

# What is adjusted by hand is one of the few entries of its customer that bear such a name.
_ADJUSTED = text("""
    SELECT 1 AS found FROM entries WHERE shop_id = :shop_id AND customer_id = :customer_id AND kind = 'batch'
      AND receipt ->> 'adjustment' = :named LIMIT 1
""")


def is_adjusted(work: UnitOfWork, customer_id: CustomerId, named: str) -> bool:
    """Whether the customer's points were adjusted under that name before."""
    return work.row(_ADJUSTED, customer_id=customer_id, named=named) is not None


def entries_before(work: UnitOfWork, customer_id: CustomerId, before: int, limit: int) -> Sequence[Any]:
    """The customer's movements with numbers below `before`, newest first."""
    return work.rows(_ENTRIES, customer_id=customer_id, before=before, limit=limit)


def unearned_before(work: UnitOfWork, customer_id: CustomerId, before: int, limit: int) -> list[OrderId]:
    """Of the customer's orders below `before` those that never earned anything, newest first."""
    rows = work.rows(_UNEARNED, customer_id=customer_id, before=before, limit=limit)
    return [OrderId(row.order_id) for row in rows]
