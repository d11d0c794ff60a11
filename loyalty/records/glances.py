"""Whom a glance is at: many of a shop's customers by the store's numbers, each with what they owe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork

# One look by the store's number, and one by ours for each who was found. Whoever was merged is the one who was kept:
# settled first and apart, because behind row-level security no index is asked for what `coalesce` says.
_MET = text("""
    WITH met AS MATERIALIZED (
        SELECT external_id, coalesce(merged_into, customer_id) AS customer_id FROM customers
        WHERE shop_id = :shop_id AND external_id = ANY(:external_ids))
    SELECT external_id, customer_id,
           coalesce((SELECT b.debt FROM balances b
                     WHERE b.shop_id = :shop_id AND b.customer_id = m.customer_id), 0) AS debt
    FROM met m
""")


def met(work: UnitOfWork, external_ids: Sequence[str]) -> Sequence[Any]:
    """Of the customers whom the store names so, those whom we have met: external_id, customer_id, debt."""
    return work.rows(_MET, external_ids=list(external_ids))
