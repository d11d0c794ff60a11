"""The books as a verifier reads them: entries and links in the order in which they were written, and what kept sums
say beside what the entries come to. Everything comes in pages, so a ledger of any length is read in the same memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from commerce.ids import OrderId
from engine.work import UnitOfWork
from loyalty.records.chain import ACCOUNTS

# Above every id that the database gives out.
NO_BOUND = 2**63 - 1

_ENTRIES = text("""
    SELECT entry_id, customer_id, account, counter, kind, points, lot_id, order_id, redemption_id, terms_version,
           available_at, expires_at, recorded_at, idempotency_key, sentence, CAST(receipt AS text) AS receipt, batch_id
    FROM entries WHERE shop_id = :shop_id AND entry_id > :after ORDER BY entry_id LIMIT :limit
""")
_LINKS_OF = text("""
    SELECT batch_id, seq, entries, first_entry_id, last_entry_id, linked_at, marks, digest FROM ledger_links
    WHERE shop_id = :shop_id AND batch_id = ANY(:batch_ids)
""")
_LINKS = text("""
    SELECT seq, batch_id, entries, first_entry_id, last_entry_id, linked_at, digest, previous, hash FROM ledger_links
    WHERE shop_id = :shop_id AND seq > :after ORDER BY seq LIMIT :limit
""")
_EMPTY_LINKS = text("""
    SELECT l.seq, l.entries, l.first_entry_id FROM ledger_links l
    WHERE l.shop_id = :shop_id AND NOT EXISTS (
        SELECT FROM entries e WHERE e.shop_id = :shop_id AND e.batch_id = l.batch_id
          AND e.entry_id BETWEEN l.first_entry_id AND l.last_entry_id)
    ORDER BY l.seq LIMIT :limit
""")
_HEAD = text("SELECT seq, hash, points, held FROM ledger_heads WHERE shop_id = :shop_id")
_FIRST_LINKED = text("SELECT first_entry_id FROM ledger_links WHERE shop_id = :shop_id ORDER BY seq LIMIT 1")
_COUNTS = text("""
    SELECT (SELECT coalesce(sum(entries), 0) FROM ledger_links WHERE shop_id = :shop_id) AS entries,
           (SELECT count(*) FROM balances WHERE shop_id = :shop_id) AS customers,
           (SELECT count(*) FROM orders WHERE shop_id = :shop_id AND customer_id IS NOT NULL) AS orders
""")
_CUSTOMERS = text("""
    SELECT max(customer_id) AS last, count(*) AS many FROM (
        SELECT customer_id FROM balances WHERE shop_id = :shop_id AND customer_id > :after
        ORDER BY customer_id LIMIT :limit) p
""")
_THEIRS = "shop_id = :shop_id AND customer_id > :after AND customer_id <= :upto"
# A lot that has changed hands comes to nothing with whoever gave it away.
_LOTS_OUT_OF_STEP = text(f"""
    SELECT lot_id, coalesce(l.remaining, 0) AS remaining, coalesce(e.points, 0) AS points
    FROM (SELECT lot_id, customer_id, remaining FROM lots WHERE {_THEIRS}) l
    FULL JOIN (SELECT lot_id, customer_id, sum(points) AS points FROM entries
               WHERE {_THEIRS} AND account = 'points' AND lot_id IS NOT NULL GROUP BY lot_id, customer_id) e
    USING (lot_id, customer_id)
    WHERE coalesce(l.remaining, 0) <> coalesce(e.points, 0) ORDER BY lot_id LIMIT :limit
""")
_BALANCES_OUT_OF_STEP = text(f"""
    SELECT customer_id, coalesce(b.points, 0) AS points, coalesce(b.held, 0) AS held, coalesce(b.debt, 0) AS debt,
           coalesce(e.points, 0) AS entry_points, coalesce(e.held, 0) AS entry_held, coalesce(e.debt, 0) AS entry_debt
    FROM (SELECT customer_id, points, held, debt FROM balances WHERE {_THEIRS}) b
    FULL JOIN (SELECT customer_id, coalesce(sum(points) FILTER (WHERE account = 'points'), 0) AS points,
               coalesce(sum(points) FILTER (WHERE account = 'held'), 0) AS held,
               coalesce(-sum(points) FILTER (WHERE account = 'points' AND lot_id IS NULL), 0) AS debt
        FROM entries WHERE {_THEIRS} GROUP BY customer_id) e USING (customer_id)
    WHERE (coalesce(b.points, 0), coalesce(b.held, 0), coalesce(b.debt, 0))
       <> (coalesce(e.points, 0), coalesce(e.held, 0), coalesce(e.debt, 0))
    ORDER BY customer_id LIMIT :limit
""")
_BY_ACCOUNT = ", ".join(f"coalesce(sum(points) FILTER (WHERE counter = '{name}'), 0) AS {name}" for name in ACCOUNTS)
_EACH, _ENTRIES_EACH = (
    ", ".join(f"coalesce(t.{n}, 0)" for n in ACCOUNTS),
    ", ".join(f"coalesce(e.{n}, 0)" for n in ACCOUNTS),
)
_TOTALS_OUT_OF_STEP = text(f"""
    SELECT slot FROM (SELECT * FROM ledger_totals WHERE shop_id = :shop_id) t
    FULL JOIN (SELECT date_bin('15 minutes', recorded_at, '2000-01-01 00:00Z') AS slot, {_BY_ACCOUNT}
               FROM entries WHERE shop_id = :shop_id GROUP BY 1) e USING (slot)
    WHERE ({_EACH}) <> ({_ENTRIES_EACH}) OR coalesce(t.moved, 0) <> 0 ORDER BY slot LIMIT :limit
""")
_NEXT_ORDERS = text("""
    SELECT order_id FROM orders
    WHERE shop_id = :shop_id AND order_id > :after AND customer_id IS NOT NULL ORDER BY order_id LIMIT :limit
""")


def entries_after(work: UnitOfWork, after: int, limit: int) -> Sequence[Any]:
    """Entries as they are, by number."""
    return work.rows(_ENTRIES, after=after, limit=limit)


def links_of(work: UnitOfWork, batch_ids: Sequence[int]) -> dict[int, Any]:
    """The links that sealed these batches, by batch."""
    return {row.batch_id: row for row in work.rows(_LINKS_OF, batch_ids=list(batch_ids))} if batch_ids else {}


def links_after(work: UnitOfWork, after: int, limit: int) -> Sequence[Any]:
    """Links in the order of the chain."""
    return work.rows(_LINKS, after=after, limit=limit)


def empty_links(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """Links of which no entry is left."""
    return work.rows(_EMPTY_LINKS, limit=limit)


def head(work: UnitOfWork) -> Any:
    """The end of the chain: how many links, the hash of the last; None where nothing was ever written."""
    return work.row(_HEAD)


def first_linked(work: UnitOfWork) -> int:
    """The number of the first entry that a link sealed: those before it are older than the chain."""
    row = work.row(_FIRST_LINKED)
    return row.first_entry_id if row else NO_BOUND


def counts(work: UnitOfWork) -> Any:
    """How much there is to verify: entries (as the links say), customers, orders."""
    return work.row(_COUNTS)


def customers_after(work: UnitOfWork, after: int, limit: int) -> tuple[int, int]:
    """The last of the next customers by id, and how many they are. The last page has no bound."""
    row = work.row(_CUSTOMERS, after=after, limit=limit)
    assert row is not None
    return (row.last if row.many == limit else NO_BOUND), row.many


def lots_out_of_step(work: UnitOfWork, after: int, upto: int, limit: int) -> Sequence[Any]:
    """Lots of these customers beside what the entries say that is left of them, where the two differ."""
    return work.rows(_LOTS_OUT_OF_STEP, after=after, upto=upto, limit=limit)


def balances_out_of_step(work: UnitOfWork, after: int, upto: int, limit: int) -> Sequence[Any]:
    """Balances of these customers beside the sums of their entries, where the two differ."""
    return work.rows(_BALANCES_OUT_OF_STEP, after=after, upto=upto, limit=limit)


def totals_out_of_step(work: UnitOfWork, limit: int) -> list[Any]:
    """Quarters of an hour whose kept totals are not the sums of their entries."""
    return [row.slot for row in work.rows(_TOTALS_OUT_OF_STEP, limit=limit)]


def next_orders(work: UnitOfWork, after: int, limit: int) -> list[OrderId]:
    """Orders with a customer, by id: to walk through all of them in pages."""
    return [row.order_id for row in work.rows(_NEXT_ORDERS, after=after, limit=limit)]
