"""Legal requests that the platforms pass on: hand out what we hold of a customer, erase it, or erase a whole shop.

Personal data lives in the mirror's `customers`, their facts and checkouts, and the bodies of deliveries. The domains'
tables hold our ids and amounts, so the books stay whole when a person is erased. Bodies are dropped by `purge_bodies`
after 30 days, which is the legal limit for an erasure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import text

from commerce.events import PrivacyAsked
from engine import bulk, checkouts, gone, mail, shops
from engine.work import UnitOfWork

BODY_DAYS = 30

_ASK = text("""
    INSERT INTO privacy_requests (shop_id, kind, request_id, customer_external_id, asked_at)
    VALUES (:shop_id, :kind, :request_id, :customer, :at) ON CONFLICT DO NOTHING RETURNING request_id
""")
_DONE = text("""
    UPDATE privacy_requests SET done_at = :now, outcome = CAST(:outcome AS jsonb)
    WHERE shop_id = :shop_id AND kind = :kind AND request_id = :request_id
""")
_EXPORT = text("""
    SELECT (to_jsonb(c) - ARRAY['email_key', 'name_key', 'last_name_key']) || jsonb_build_object('orders', coalesce((
        SELECT jsonb_agg(to_jsonb(o) ORDER BY o.placed_at) FROM orders o WHERE o.shop_id = :shop_id
            AND o.customer_id = c.customer_id), '[]'),
        'facts', coalesce((SELECT jsonb_object_agg(f.fact, f.value) FROM customer_facts f
            WHERE f.shop_id = :shop_id AND f.customer_external_id = c.external_id), '{}'),
        'checkouts', coalesce((SELECT jsonb_agg(to_jsonb(k) ORDER BY k.started_at) FROM checkouts k
            WHERE k.shop_id = :shop_id AND k.customer_id = c.customer_id), '[]'))
    FROM customers c WHERE c.shop_id = :shop_id AND c.external_id = :customer
""")
_ERASE = text("""
    UPDATE customers SET email = NULL, first_name = NULL, last_name = NULL, redacted_at = :now
    WHERE shop_id = :shop_id AND external_id = :customer
""")
_ERASE_FACTS = text("DELETE FROM customer_facts WHERE shop_id = :shop_id AND customer_external_id = :customer")
_ERASE_CHECKOUTS = text("""
    DELETE FROM checkouts k USING customers c
    WHERE k.shop_id = :shop_id AND c.shop_id = :shop_id AND c.external_id = :customer
      AND k.customer_id = c.customer_id
""")
# Somebody may be here more than once: with an account, and as the guest of an order. Nobody is a hundred times.
_BY_EMAIL = text("""
    SELECT external_id FROM customers WHERE shop_id = :shop_id AND email_key COLLATE "C" = lower(:email)
    ORDER BY customer_id LIMIT 100
""")
_PURGE = text("""
    UPDATE deliveries SET body = '' WHERE shop_id = :shop_id AND received_at < :before
        AND settled_at IS NOT NULL AND body <> ''
""")


def ask(work: UnitOfWork, request: PrivacyAsked) -> None:
    """Record the request and carry it out.

    An export waits in `privacy_requests` for the merchant; the platform may ask twice.
    """
    known = work.row(
        _ASK, kind=request.kind, request_id=request.request_id, customer=request.customer_external_id, at=request.at
    )
    if known is None:
        return
    if request.kind == "shop_erasure":
        _erase_shop(work)
        return
    outcome: object = None
    if request.kind == "customer_export":
        outcome = export(work, request.customer_external_id)
    elif request.kind == "customer_erasure":
        mail.withdraw_of(work, request.customer_external_id, "whoever it was for was erased")
        gone.forget_guests_of(work, [request.customer_external_id or ""])
        for statement in (_ERASE_FACTS, _ERASE_CHECKOUTS):
            work.run(statement, customer=request.customer_external_id)
        work.run(_ERASE, customer=request.customer_external_id, now=work.now)
    work.run(
        _DONE, kind=request.kind, request_id=request.request_id, outcome=orjson.dumps(outcome).decode(), now=work.now
    )


def export(work: UnitOfWork, customer_external_id: str | None) -> Mapping[str, Any]:
    """What the mirror holds of a customer, with `orders`, `facts` and `checkouts`; nothing of whom it does not know."""
    row = work.row(_EXPORT, customer=customer_external_id)
    return dict(row[0]) if row else {}


def known_by(work: UnitOfWork, email: str) -> Sequence[str]:
    """The store's numbers of the customers with that address, account or guest."""
    return [row.external_id for row in work.rows(_BY_EMAIL, email=email)] if email.isprintable() else []


def _erase_shop(work: UnitOfWork) -> None:
    """Only a shop that is gone is erased: the request may come after the merchant has installed the app again."""
    if not shops.current(work).installed:
        shops.erase(work)


def purge_bodies(work: UnitOfWork) -> None:
    """Drop the bodies of settled deliveries older than `BODY_DAYS`, and checkouts that nobody comes back to.

    The deliveries' headers stay, so a late duplicate is still known.
    """
    before = work.now - timedelta(days=BODY_DAYS)
    work.run(_PURGE, before=before)
    checkouts.purge(work)
    bulk.purge(work, before)
