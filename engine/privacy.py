"""Legal requests, which the platforms pass on or shoppers make by themselves: hand out what we hold of a customer,
erase it, or erase a whole shop.

What a platform passes on is carried out at once. A shopper who asks us to be erased waits for the merchant, or for the
platform's own word, and may think better of it until then.

Personal data lives in the mirror's `customers`, their facts and checkouts, and the bodies of deliveries. The domains'
tables hold our ids and amounts, so the books stay whole when a person is erased. Bodies are dropped by `purge_bodies`
after 30 days, which is the legal limit for an erasure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text

from commerce.events import PrivacyAsked
from commerce.refusal import Refusal
from engine import bulk, checkouts, gone, mail, shops
from engine.work import UnitOfWork

BODY_DAYS = 30
# The law's time for an answer.
DUE = timedelta(days=30)
EXPORT, ERASURE = "customer_export", "customer_erasure"

# So often a shopper may fetch all that we hold of them: nobody reads it more often, and each costs as much as a page.
MOST_EXPORTS, EXPORTS_SPAN = 5, timedelta(days=1)

_ASK = text("""
    INSERT INTO privacy_requests (shop_id, kind, request_id, customer_external_id, asked_at)
    VALUES (:shop_id, :kind, :request_id, :customer, :at) ON CONFLICT DO NOTHING RETURNING request_id
""")
_DONE = text("""
    UPDATE privacy_requests SET done_at = :now, outcome = CAST(:outcome AS jsonb)
    WHERE shop_id = :shop_id AND kind = :kind AND request_id = :request_id
""")
# The law knows one erasure: whoever carries it out answers the shopper who waits for it.
_ANSWER = text("""
    UPDATE privacy_requests SET done_at = :now
    WHERE shop_id = :shop_id AND kind = 'customer_erasure' AND customer_external_id = :customer AND by_shopper
      AND done_at IS NULL AND withdrawn_at IS NULL
""")
_WAIT = text("""
    INSERT INTO privacy_requests (shop_id, kind, request_id, customer_external_id, asked_at, by_shopper)
    VALUES (:shop_id, 'customer_erasure', :request_id, :customer, :now, true) ON CONFLICT DO NOTHING
""")
_WAITING_SINCE = text("""
    SELECT asked_at FROM privacy_requests
    WHERE shop_id = :shop_id AND kind = 'customer_erasure' AND customer_external_id = :customer AND by_shopper
      AND done_at IS NULL AND withdrawn_at IS NULL
""")
_WITHDRAW = text("""
    UPDATE privacy_requests SET withdrawn_at = :now
    WHERE shop_id = :shop_id AND kind = 'customer_erasure' AND customer_external_id = :customer AND by_shopper
      AND done_at IS NULL AND withdrawn_at IS NULL RETURNING request_id
""")
_WAITING = text("""
    SELECT request_id, customer_external_id, asked_at FROM privacy_requests
    WHERE shop_id = :shop_id AND kind = 'customer_erasure' AND by_shopper AND done_at IS NULL AND withdrawn_at IS NULL
    ORDER BY asked_at LIMIT :limit
""")
_LOCK_WAITING = text("""
    SELECT customer_external_id FROM privacy_requests
    WHERE shop_id = :shop_id AND kind = 'customer_erasure' AND request_id = :request_id AND by_shopper
      AND done_at IS NULL AND withdrawn_at IS NULL FOR UPDATE
""")
_ONE_AT_A_TIME = text("""
    SELECT pg_advisory_xact_lock(hashtext('exports of ' || CAST(:shop_id AS text)), hashtext(:customer))
""")
_TAKE_OUT = text("""
    INSERT INTO privacy_requests (shop_id, kind, request_id, customer_external_id, asked_at, done_at, by_shopper)
    SELECT :shop_id, 'customer_export', :request_id, :customer, :now, :now, true
    WHERE (SELECT count(*) FROM privacy_requests WHERE shop_id = :shop_id AND kind = 'customer_export'
           AND by_shopper AND customer_external_id = :customer AND asked_at > :since) < :most
    ON CONFLICT DO NOTHING RETURNING request_id
""")
_TAKEN_OUT = text("""
    SELECT request_id FROM privacy_requests
    WHERE shop_id = :shop_id AND kind = 'customer_export' AND request_id = :request_id
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


class TakenOutOften(Refusal):
    """You have fetched your data several times today. Nothing was done; please come back tomorrow."""

    wait = EXPORTS_SPAN


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
    if request.kind == EXPORT:
        outcome = export(work, request.customer_external_id)
    elif request.kind == ERASURE:
        _erase(work, request.customer_external_id or "")
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


def wait(work: UnitOfWork, customer_external_id: str, named: str) -> None:
    """A shopper asks to be erased, by a click that is `named`. Nothing is erased by it, and asking again is nothing."""
    work.run(_WAIT, customer=customer_external_id, request_id=f"shopper:{named}", now=work.now)


def waiting_since(work: UnitOfWork, customer_external_id: str) -> datetime | None:
    """Since when that shopper waits to be erased, if they do."""
    row = work.row(_WAITING_SINCE, customer=customer_external_id)
    return row.asked_at if row else None


def withdraw(work: UnitOfWork, customer_external_id: str) -> bool:
    """The shopper does not want to be erased any more: whether they still waited for it."""
    return work.row(_WITHDRAW, customer=customer_external_id, now=work.now) is not None


def waiting(work: UnitOfWork, most: int = 1000) -> Sequence[Any]:
    """Shoppers who wait to be erased, the longest first: request_id, customer_external_id, asked_at."""
    return work.rows(_WAITING, limit=most)


def take_out(work: UnitOfWork, customer_external_id: str, named: str) -> None:
    """Note that a shopper fetches what we hold of them, by a click that is `named`: sent twice, it is one.

    Refuses with `TakenOutOften`.
    """
    work.run(_ONE_AT_A_TIME, customer=customer_external_id)
    request_id, since = f"shopper:{named}", work.now - EXPORTS_SPAN
    noted = work.row(
        _TAKE_OUT, customer=customer_external_id, request_id=request_id, now=work.now, since=since, most=MOST_EXPORTS
    )
    if noted is None and work.row(_TAKEN_OUT, request_id=request_id) is None:
        raise TakenOutOften


def carry_out(work: UnitOfWork, request_id: str) -> bool:
    """Erase a shopper who waits for it: whether they still did."""
    waits = work.row(_LOCK_WAITING, request_id=request_id)
    if waits is None:
        return False
    _erase(work, waits.customer_external_id)
    return True


def _erase(work: UnitOfWork, customer_external_id: str) -> None:
    """Take name, address, facts and checkouts of a customer away, and what is on its way to them; who waited for it
    waits no more.
    """
    mail.withdraw_of(work, customer_external_id, "whoever it was for was erased")
    gone.forget_guests_of(work, [customer_external_id])
    for statement in (_ERASE_FACTS, _ERASE_CHECKOUTS):
        work.run(statement, customer=customer_external_id)
    for statement in (_ERASE, _ANSWER):
        work.run(statement, customer=customer_external_id, now=work.now)


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
