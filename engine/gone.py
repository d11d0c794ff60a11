"""Who and what the store no longer has: customers who were merged or deleted, and orders that were deleted.

Their rows stay, marked: books that name them stay whole, and a late word of them finds the mark instead of raising
them again. A merged customer's row points at the one who was kept, always at the last of a chain, so that whoever
looks a customer up needs one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from commerce.customers import Customer, Merge
from commerce.events import CustomerDeleted, CustomersMerged, OrderDeleted
from commerce.identity import GUEST
from commerce.store import SetFields, SetTags
from engine.work import UnitOfWork, as_json

_MEET = text("""
    INSERT INTO customers (shop_id, external_id, observed_at)
    SELECT :shop_id, g.external_id, g.at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(external_id text, at timestamptz)
    ORDER BY g.external_id ON CONFLICT DO NOTHING
""")
# Not the key: a page that sells a reward holds the balance and checks that its customer exists; that must not wait.
_LOCK = text("""
    SELECT c.customer_id, c.external_id, c.merged_into, k.external_id AS kept_external_id
    FROM customers c LEFT JOIN customers k ON k.shop_id = c.shop_id AND k.customer_id = c.merged_into
    WHERE c.shop_id = :shop_id AND c.external_id = ANY(:external_ids) ORDER BY c.customer_id FOR NO KEY UPDATE OF c
""")
_PAIRS = "json_to_recordset(CAST(:rows AS json)) AS g(gone_id bigint, kept_id bigint)"
# Whoever was merged into the one who is gone now has moved on with them.
_POINT = text(f"""
    UPDATE customers c
    SET merged_into = g.kept_id, gone_at = coalesce(c.gone_at, :now), email = NULL, first_name = NULL, last_name = NULL
    FROM {_PAIRS} WHERE c.shop_id = :shop_id AND (c.customer_id = g.gone_id OR c.merged_into = g.gone_id)
""")
_MOVE_ORDERS = text(f"""
    UPDATE orders o SET customer_id = g.kept_id, version = o.version + 1
    FROM {_PAIRS} WHERE o.shop_id = :shop_id AND o.customer_id = g.gone_id RETURNING o.order_id
""")
_MOVE_CHECKOUTS = text(f"""
    UPDATE checkouts c SET customer_id = g.kept_id FROM {_PAIRS}
    WHERE c.shop_id = :shop_id AND c.customer_id = g.gone_id
""")
# Facts do not move: a consent is one address's, and of the one who was kept the store tells by itself.
_FORGET_FACTS = text(
    "DELETE FROM customer_facts WHERE shop_id = :shop_id AND customer_external_id = ANY(:external_ids)"
)
# Whoever waits to be erased waits on as the one who was kept, unless that one waits already.
_WAITS = """
    p.shop_id = :shop_id AND p.kind = 'customer_erasure' AND p.by_shopper AND p.done_at IS NULL
    AND p.withdrawn_at IS NULL
"""
_MOVE_WISHES = text(f"""
    UPDATE privacy_requests r SET customer_external_id = f.kept
    FROM (SELECT DISTINCT ON (g.kept) g.kept, p.request_id FROM privacy_requests p
          JOIN json_to_recordset(CAST(:rows AS json)) AS g(gone text, kept text) ON p.customer_external_id = g.gone
          WHERE {_WAITS} AND NOT EXISTS (
              SELECT FROM privacy_requests p WHERE {_WAITS} AND p.customer_external_id = g.kept)
          ORDER BY g.kept, p.asked_at) f
    WHERE r.shop_id = :shop_id AND r.kind = 'customer_erasure' AND r.request_id = f.request_id
""")
_END_WISHES = text(f"""
    UPDATE privacy_requests p SET withdrawn_at = :now WHERE {_WAITS} AND p.customer_external_id = ANY(:external_ids)
""")
_FORGET_CHECKOUTS = text("DELETE FROM checkouts WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)")
_DELETE_CUSTOMERS = text("""
    INSERT INTO customers (shop_id, external_id, observed_at, gone_at)
    SELECT :shop_id, g.external_id, g.at, g.at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(external_id text, at timestamptz)
    ORDER BY g.external_id
    ON CONFLICT (shop_id, external_id) DO UPDATE
        SET gone_at = excluded.gone_at, email = NULL, first_name = NULL, last_name = NULL
        WHERE customers.gone_at IS NULL
    RETURNING customer_id, external_id
""")
# Guests of whom no order tells any more ...
_LAST_SEEN = text("""
    SELECT g.customer_id, g.external_id FROM customers g
    WHERE g.shop_id = :shop_id AND g.customer_id = ANY(:customer_ids) AND starts_with(g.external_id, :guest)
      AND NOT EXISTS (SELECT FROM orders o WHERE o.shop_id = :shop_id AND o.customer_id = g.customer_id
                      AND NOT o.buyer_erased)
""")
# ... and guests that these customers were.
_WERE_GUESTS = text("""
    SELECT g.customer_id, g.external_id FROM customers c JOIN customers g
        ON g.shop_id = c.shop_id AND (g.merged_into = c.customer_id OR g.email_key = c.email_key)
    WHERE c.shop_id = :shop_id AND c.external_id = ANY(:external_ids) AND starts_with(g.external_id, :guest)
""")
# Who it was, and the key by which they would be known again; the row stays for the books.
_FORGET_GUESTS = text("""
    UPDATE customers
    SET external_id = 'erased:' || customer_id, email = NULL, first_name = NULL, last_name = NULL,
        redacted_at = coalesce(redacted_at, :now)
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
""")
_FORGET_WISHES = text("""
    DELETE FROM effects WHERE shop_id = :shop_id AND kind = ANY(:kinds)
        AND body ->> 'customer_external_id' = ANY(:external_ids)
""")
# An order that we never saw leaves a mark too, or a late word of it would raise it again.
_DELETE_ORDERS = text("""
    INSERT INTO orders (shop_id, external_id, name, currency, placed_at, updated_at, observed_at, paid, cancelled_at,
                        test, goods_minor, total_minor, discount_codes, lines_digest, deleted_at)
    SELECT :shop_id, g.external_id, '', s.currency, g.at, g.at, g.at, false, g.at, false, 0, 0, '{}', 0, g.at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(external_id text, at timestamptz)
    JOIN shops s ON s.shop_id = :shop_id
    ORDER BY g.external_id
    ON CONFLICT (shop_id, external_id) DO UPDATE
        SET deleted_at = excluded.deleted_at, cancelled_at = coalesce(orders.cancelled_at, excluded.cancelled_at),
            version = orders.version + 1
        WHERE orders.deleted_at IS NULL
    RETURNING order_id
""")


def merge(work: UnitOfWork, events: Sequence[CustomersMerged]) -> tuple[list[Merge], set[int]]:
    """Merge customers, whether we have met them or not: who went into whom, and the orders that moved with them.

    A merge that is known already says nothing. In any order of arrival, and with chains, everybody ends at the last
    one kept.
    """
    if not events:
        return [], set()
    named = {e: event.at for event in events for e in (event.kept_external_id, event.gone_external_id)}
    work.run(_MEET, rows=as_json([{"external_id": name, "at": at} for name, at in named.items()]))
    rows = work.rows(_LOCK, external_ids=sorted(named))
    names = {row.customer_id: row.external_id for row in rows}
    names |= {row.merged_into: row.kept_external_id for row in rows if row.merged_into is not None}
    pairs = _pairs(events, rows)
    if not pairs:
        return [], set()
    given = as_json([{"gone_id": gone, "kept_id": kept} for gone, kept in pairs.items()])
    work.run(_POINT, rows=given, now=work.now)
    moved = {row.order_id for row in work.rows(_MOVE_ORDERS, rows=given)}
    work.run(_MOVE_CHECKOUTS, rows=given)
    work.run(_FORGET_FACTS, external_ids=[names[gone] for gone in pairs])
    work.run(_MOVE_WISHES, rows=as_json([{"gone": names[gone], "kept": names[kept]} for gone, kept in pairs.items()]))
    work.run(_END_WISHES, external_ids=[names[gone] for gone in pairs], now=work.now)
    return [Merge(Customer(kept, names[kept]), Customer(gone, names[gone])) for gone, kept in pairs.items()], moved


def _pairs(events: Sequence[CustomersMerged], rows: Sequence[Any]) -> Mapping[Any, Any]:
    """By our ids, everybody who is gone by these events, and the one in whom they end."""
    ids = {row.external_id: row.customer_id for row in rows}
    into = {row.customer_id: row.merged_into for row in rows if row.merged_into is not None}

    def end_of(customer_id: int) -> int:
        while customer_id in into:
            customer_id = into[customer_id]
        return customer_id

    fresh = list[int]()
    for event in sorted(events, key=lambda e: e.at):
        kept, gone = end_of(ids[event.kept_external_id]), ids[event.gone_external_id]
        if gone not in into and kept != gone:
            into[gone] = kept
            fresh.append(gone)
    return {gone: end_of(gone) for gone in fresh}


def delete_customers(work: UnitOfWork, events: Sequence[CustomerDeleted]) -> list[Customer]:
    """Mark customers as gone and forget their names; answers with those who were not known to be."""
    if not events:
        return []
    at = {event.customer_external_id: event.at for event in events}
    forget_guests_of(work, list(at))
    rows = work.rows(_DELETE_CUSTOMERS, rows=as_json([{"external_id": name, "at": at[name]} for name in at]))
    if rows:
        work.run(_FORGET_FACTS, external_ids=[row.external_id for row in rows])
        work.run(_FORGET_CHECKOUTS, customer_ids=[row.customer_id for row in rows])
    return [Customer(*row) for row in rows]


def forget_guests(work: UnitOfWork, customer_ids: Sequence[int]) -> None:
    """Forget those of these guests of whom no order tells any more: the store has erased who bought."""
    _forget(work, work.rows(_LAST_SEEN, customer_ids=list(customer_ids), guest=GUEST))


def forget_guests_of(work: UnitOfWork, external_ids: Sequence[str]) -> None:
    """Whoever these customers were as guests, under the same e-mail or before they were joined, is forgotten with
    them.
    """
    _forget(work, work.rows(_WERE_GUESTS, external_ids=list(external_ids), guest=GUEST))


def _forget(work: UnitOfWork, guests: Sequence[Any]) -> None:
    if guests:
        # What was to be written beside them in the store bears the key too; nothing ever came of it.
        kinds = [SetTags.kind, SetFields.kind]
        work.run(_FORGET_WISHES, kinds=kinds, external_ids=[row.external_id for row in guests])
        work.run(_FORGET_GUESTS, customer_ids=[row.customer_id for row in guests], now=work.now)


def delete_orders(work: UnitOfWork, events: Sequence[OrderDeleted]) -> set[int]:
    """Mark orders as deleted, which counts as cancelled from now on; answers with our ids of those that changed."""
    if not events:
        return set()
    at = {event.order_external_id: event.at for event in events}
    rows = work.rows(_DELETE_ORDERS, rows=as_json([{"external_id": name, "at": at[name]} for name in at]))
    return {row.order_id for row in rows}
