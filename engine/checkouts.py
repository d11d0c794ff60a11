"""Checkouts: who was about to buy. One that is left without an order says that somebody nearly became a customer.

Only checkouts of people whom the store names are kept, and of them only who, how much and when: no address, no basket,
no link. Carts name nobody; one that a known checkout was made from says that its owner is still about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from commerce.customers import Customer
from commerce.events import CartChanged, CheckoutChanged
from engine import mirror
from engine.work import UnitOfWork, as_json

# After two months nobody is reminded of a basket.
KEPT_DAYS = 60

_RECORD = text("""
    INSERT INTO checkouts (shop_id, token, cart_token, customer_id, currency, total_minor, started_at, updated_at,
                           active_at, completed_at)
    SELECT :shop_id, g.token, g.cart_token, coalesce(c.merged_into, c.customer_id), g.currency, g.total_minor,
           g.started_at, g.updated_at, g.updated_at, g.completed_at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        token text, cart_token text, customer_external_id text, currency text, total_minor bigint,
        started_at timestamptz, updated_at timestamptz, completed_at timestamptz)
    JOIN customers c ON c.shop_id = :shop_id AND c.external_id = g.customer_external_id
    WHERE c.redacted_at IS NULL AND (c.gone_at IS NULL OR c.merged_into IS NOT NULL)
    ORDER BY g.token
    ON CONFLICT (shop_id, token) DO UPDATE
        SET cart_token = excluded.cart_token, customer_id = excluded.customer_id, currency = excluded.currency,
            total_minor = excluded.total_minor, updated_at = excluded.updated_at,
            active_at = greatest(checkouts.active_at, excluded.active_at),
            completed_at = coalesce(excluded.completed_at, checkouts.completed_at)
        WHERE (checkouts.updated_at, checkouts.completed_at IS NOT NULL)
            < (excluded.updated_at, excluded.completed_at IS NOT NULL)
""")
_TOUCH = text("""
    UPDATE checkouts c SET active_at = g.updated_at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(token text, updated_at timestamptz)
    WHERE c.shop_id = :shop_id AND c.cart_token = g.token AND c.active_at < g.updated_at
""")
_LEFT = text("""
    SELECT token, customer_id, currency, total_minor, started_at, active_at FROM checkouts
    WHERE shop_id = :shop_id AND completed_at IS NULL AND active_at < :quiet_since ORDER BY active_at LIMIT :limit
""")
_PURGE = text("DELETE FROM checkouts WHERE shop_id = :shop_id AND active_at < :before")


def record(work: UnitOfWork, checkouts: Sequence[CheckoutChanged], carts: Sequence[CartChanged]) -> list[Customer]:
    """Take checkouts and carts in, the newest word of each; answers with the people whom we met by them."""
    newest = {c.token: c for c in sorted(checkouts, key=lambda c: (c.updated_at, c.completed_at is not None))}
    people = {c.customer.external_id: c.customer for c in newest.values() if c.customer}
    met = mirror.see(work, list(people.values()))
    if rows := [_row(c, c.customer.external_id) for c in newest.values() if c.customer]:
        work.run(_RECORD, rows=as_json(rows))
    if carts:
        last = {c.token: c for c in sorted(carts, key=lambda c: c.updated_at)}
        work.run(_TOUCH, rows=as_json(list(last.values())))
    return met


def _row(checkout: CheckoutChanged, customer_external_id: str) -> dict[str, object]:
    names = ("token", "cart_token", "currency", "total_minor", "started_at", "updated_at", "completed_at")
    return {name: getattr(checkout, name) for name in names} | {"customer_external_id": customer_external_id}


def left(work: UnitOfWork, quiet_since: datetime, limit: int = 500) -> Sequence[Any]:
    """Checkouts without an order in which nothing has happened since `quiet_since`, the longest quiet first.

    token, customer_id, currency, total_minor, started_at, active_at.
    """
    return work.rows(_LEFT, quiet_since=quiet_since, limit=limit)


def purge(work: UnitOfWork) -> None:
    work.run(_PURGE, before=work.now - timedelta(days=KEPT_DAYS))
