"""Whom a glance is at: many of a shop's customers by the store's numbers, each with what they owe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork

# One look by the store's number, and one each by ours: whoever was merged is the one who was kept.
_MET = text("""
    SELECT c.external_id, coalesce(c.merged_into, c.customer_id) AS customer_id, coalesce(b.debt, 0) AS debt
    FROM customers c LEFT JOIN balances b
        ON b.shop_id = c.shop_id AND b.customer_id = coalesce(c.merged_into, c.customer_id)
    WHERE c.shop_id = :shop_id AND c.external_id = ANY(:external_ids)
""")


def met(work: UnitOfWork, external_ids: Sequence[str]) -> Sequence[Any]:
    """Of the customers whom the store names so, those whom we have met: external_id, customer_id, debt."""
    return work.rows(_MET, external_ids=list(external_ids))
