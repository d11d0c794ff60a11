"""What loyalty remembers: entries (written once), and the lots, balances and redemptions that they add up to.

An entry is a movement between two accounts: `account`, which is the customer's (``points`` or ``held``), and the other
side of it, which its kind decides (`counter`, in the table's definition). `append` is the only writer of entries. In
the same statement it moves the lots and balances by what was really inserted, so a repeated key moves nothing twice;
`loyalty.verify` proves that both always equal the sums of the entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork, as_json
from loyalty.records.chain import ACCOUNTS, Link
from loyalty.rules import Lot, chain

# The bytes of an entry, as `loyalty.rules.chain` has them.
_LEAF = """
    sha256(convert_to(format('%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s:%s%s:%s%s:%s', entry_id, customer_id, account,
        counter, kind, points, lot_id, order_id, redemption_id, terms_version,
        CAST(extract(epoch FROM available_at) * 1000000 AS bigint),
        CAST(extract(epoch FROM expires_at) * 1000000 AS bigint), CAST(:now_us AS text),
        octet_length(idempotency_key), idempotency_key, octet_length(sentence), sentence,
        coalesce(octet_length(CAST(receipt AS text)), 0), receipt), 'UTF8'))
"""
_SUMS_BY_ACCOUNT = ", ".join(
    f"coalesce(sum(points) FILTER (WHERE counter = '{name}'), 0) AS {name}" for name in ACCOUNTS
)
_APPEND = text(f"""
    WITH given AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g(
            customer_id bigint, account text, kind text, points bigint, lot_id bigint, order_id bigint,
            redemption_id bigint, idempotency_key text, terms_version integer, sentence text,
            available_at timestamptz, expires_at timestamptz, receipt json)
    ), batch AS MATERIALIZED (
        SELECT coalesce(CAST(:batch_id AS bigint), nextval('ledger_batches')) AS batch_id
    ), written AS (
        INSERT INTO entries (shop_id, customer_id, account, kind, points, lot_id, order_id, redemption_id,
                             idempotency_key, terms_version, sentence, available_at, expires_at, recorded_at, receipt,
                             batch_id)
        SELECT :shop_id, customer_id, account, kind, points, lot_id, order_id, redemption_id,
               idempotency_key, terms_version, sentence, available_at, expires_at, :now, receipt, batch_id
        FROM given, batch
        ON CONFLICT (shop_id, idempotency_key) DO NOTHING
        RETURNING entry_id, customer_id, account, counter, kind, points, lot_id, order_id, redemption_id,
                  idempotency_key, terms_version, sentence, available_at, expires_at, receipt
    ), by_lot AS (
        SELECT lot_id, customer_id, sum(points) AS points, bool_or(makes) AS fresh,
               max(order_id) FILTER (WHERE makes) AS order_id,
               max(available_at) AS available_at, max(expires_at) AS expires_at
        FROM (SELECT *, points > 0 AND available_at IS NOT NULL AND counter <> 'moved' AS makes
              FROM written) w
        WHERE lot_id IS NOT NULL AND account = 'points' GROUP BY lot_id, customer_id
    ), new_lots AS (
        INSERT INTO lots (shop_id, lot_id, customer_id, order_id, remaining, available_at, expires_at)
        SELECT :shop_id, lot_id, customer_id, order_id, points, available_at, expires_at FROM by_lot WHERE fresh
    ), moved_lots AS (
        UPDATE lots l SET remaining = l.remaining + b.points
        FROM (SELECT lot_id, sum(points) AS points FROM by_lot WHERE NOT fresh GROUP BY lot_id) b
        WHERE l.shop_id = :shop_id AND l.lot_id = b.lot_id
    ), moved_balances AS (
        UPDATE balances b SET points = b.points + w.points, held = b.held + w.held, debt = b.debt + w.debt
        FROM (SELECT customer_id, coalesce(sum(points) FILTER (WHERE account = 'points'), 0) AS points,
                     coalesce(sum(points) FILTER (WHERE account = 'held'), 0) AS held,
                     coalesce(-sum(points) FILTER (WHERE account = 'points' AND lot_id IS NULL), 0) AS debt
              FROM written GROUP BY customer_id) w
        WHERE b.shop_id = :shop_id AND b.customer_id = w.customer_id
    )
    SELECT (SELECT batch_id FROM batch) AS batch_id, count(*) AS entries, min(entry_id) AS first_entry_id,
           max(entry_id) AS last_entry_id, string_agg({_LEAF}, '' ORDER BY entry_id) AS leaves,
           coalesce(sum(points) FILTER (WHERE account = 'points'), 0) AS points,
           coalesce(sum(points) FILTER (WHERE account = 'held'), 0) AS held, {_SUMS_BY_ACCOUNT}
    FROM written
""")
_BALANCE = text("SELECT points, held, debt FROM balances WHERE shop_id = :shop_id AND customer_id = :customer_id")
_LOCK_BALANCES = text("""
    WITH met AS (
        INSERT INTO balances (shop_id, customer_id)
        SELECT :shop_id, id FROM unnest(CAST(:customer_ids AS bigint[])) AS g(id)
        WHERE NOT EXISTS (SELECT FROM balances b WHERE b.shop_id = :shop_id AND b.customer_id = g.id)
        ORDER BY id ON CONFLICT DO NOTHING)
    SELECT customer_id, points, held, debt FROM balances
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) ORDER BY customer_id FOR UPDATE
""")
# The terms of an order's first entry are its own, until a batch counts it by others.
_BOOKED = text("""
    SELECT order_id, coalesce(sum(points) FILTER (WHERE kind <> 'adjust'), 0) AS points,
           coalesce((max(ARRAY[entry_id, terms_version]) FILTER (WHERE kind = 'batch'))[2],
                    min(terms_version)) AS terms_version, count(*) AS entries,
           coalesce(sum(points) FILTER (WHERE kind = 'adjust'), 0) AS forgiven
    FROM entries WHERE shop_id = :shop_id AND order_id = ANY(:order_ids) AND account = 'points'
      AND kind IN ('earn', 'clawback', 'adjust', 'batch')
    GROUP BY 1
""")
# What one customer was awarded for an order that may be another's. Whoever was merged since counts as the one kept.
_AWARDED = text("""
    SELECT e.order_id, coalesce(c.merged_into, e.customer_id) AS customer_id, sum(e.points) AS points,
           min(e.terms_version) AS terms_version, count(*) AS entries
    FROM entries e JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = e.customer_id
    WHERE e.shop_id = :shop_id AND e.order_id = ANY(:order_ids) AND e.account = 'points'
      AND e.kind IN ('award', 'award_back')
    GROUP BY 1, 2
""")
_EARNED = text("""
    SELECT coalesce(sum(e.points), 0) AS points
    FROM orders o LEFT JOIN entries e ON e.shop_id = o.shop_id AND e.order_id = o.order_id AND e.account = 'points'
        AND e.kind IN ('earn', 'clawback', 'batch')
    WHERE o.shop_id = :shop_id AND o.external_id = :external_id AND o.customer_id = :customer_id
    GROUP BY o.order_id
""")
# Points of a lot belong to whom the entries gave them; when it can be spent stands with the lot.
_AS_OF = text("""
    SELECT e.account, e.lot_id, sum(e.points) AS points, max(l.available_at) AS available_at,
           max(l.expires_at) AS expires_at
    FROM entries e LEFT JOIN lots l ON l.shop_id = e.shop_id AND l.lot_id = e.lot_id
    WHERE e.shop_id = :shop_id AND e.customer_id = :customer_id AND e.recorded_at <= :at
    GROUP BY e.account, e.lot_id
""")
_ORDER_OF = text("""
    SELECT order_id FROM orders
    WHERE shop_id = :shop_id AND external_id = :external_id AND customer_id = :customer_id
""")
_UNEARNED = text("""
    SELECT order_id FROM (SELECT order_id FROM orders WHERE shop_id = :shop_id
                          ORDER BY order_id DESC LIMIT :among) o
    WHERE NOT EXISTS (SELECT FROM entries e WHERE e.shop_id = :shop_id AND e.order_id = o.order_id AND e.kind = 'earn')
    ORDER BY order_id DESC LIMIT :limit
""")
_OPEN_LOTS = text("""
    SELECT lot_id, customer_id, order_id, remaining, available_at, expires_at FROM lots
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND remaining > 0 ORDER BY lot_id
""")
_OUTSTANDING = text("""
    SELECT coalesce(sum(points), 0) AS points, coalesce(sum(held), 0) AS held FROM ledger_heads
    WHERE shop_id = :shop_id
""")
_STATEMENT = text("""
    SELECT e.entry_id, e.account, e.kind, e.points, e.sentence, e.available_at, e.recorded_at, e.terms_version,
           o.name AS order_name
    FROM entries e LEFT JOIN orders o ON o.shop_id = e.shop_id AND o.order_id = e.order_id
    WHERE e.shop_id = :shop_id AND e.customer_id = :customer_id AND e.account = 'points'
    ORDER BY e.entry_id DESC LIMIT :limit
""")
# What the books of somebody come to, by account and lot; and how many movements between people they have seen.
_SUMS = text("""
    SELECT customer_id, account, lot_id, sum(points) AS points,
           sum(count(*) FILTER (WHERE kind = 'merge')) OVER (PARTITION BY customer_id) AS merges
    FROM entries WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
    GROUP BY customer_id, account, lot_id ORDER BY customer_id, account, lot_id
""")
_PAIRS = "json_to_recordset(CAST(:rows AS json)) AS g(gone_id bigint, kept_id bigint)"
_MOVE_LOTS = text(f"""
    UPDATE lots l SET customer_id = g.kept_id FROM {_PAIRS} WHERE l.shop_id = :shop_id AND l.customer_id = g.gone_id
""")
# Two people may have chosen the same name for a click; the one who moves takes another.
_MOVE_REDEMPTIONS = text(f"""
    UPDATE redemptions r
    SET customer_id = g.kept_id, request_key = CAST(r.redemption_id AS text) || ':' || r.request_key
    FROM {_PAIRS} WHERE r.shop_id = :shop_id AND r.customer_id = g.gone_id
""")
# Whoever is drawn from has to stay as drawn: tickets of what was decided do not move.
_MOVE_TICKETS = text(f"""
    UPDATE tickets t SET customer_id = g.kept_id FROM {_PAIRS}, contests k
    WHERE t.shop_id = :shop_id AND t.customer_id = g.gone_id
      AND k.shop_id = :shop_id AND k.contest_id = t.contest_id AND k.drawn_at IS NULL
""")
_LOTS_OF_ORDERS = text("""
    SELECT DISTINCT order_id, CASE kind WHEN 'batch' THEN 'earn' ELSE kind END AS kind, lot_id FROM entries
    WHERE shop_id = :shop_id AND order_id = ANY(:order_ids) AND kind IN ('earn', 'award', 'batch')
      AND lot_id IS NOT NULL
""")
_TELL = text("""
    WITH untold AS MATERIALIZED (SELECT customer_id FROM balances WHERE shop_id = :shop_id AND points <> told_points
                    ORDER BY customer_id LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE balances b SET told_points = b.points FROM untold u
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = u.customer_id
    WHERE b.shop_id = :shop_id AND b.customer_id = u.customer_id
    RETURNING c.external_id, b.points, c.redacted_at IS NULL AND c.gone_at IS NULL AS there
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One signed movement of points. `account` is ``points`` (the customer's) or ``held`` (set aside for a code).

    Points that come to a customer and name an `available_at` make the lot that they name; others go into one that is
    there, or come out of it.
    """

    customer_id: CustomerId
    account: str = "points"
    kind: str
    points: int
    lot_id: int | None
    order_id: OrderId | None = None
    redemption_id: int | None = None
    idempotency_key: str
    terms_version: int
    sentence: str
    available_at: datetime | None = None
    expires_at: datetime | None = None
    receipt: Mapping[str, Any] | None = None
    """What the points were reckoned from (`loyalty.rules.Receipt.kept`)."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What the ledger says of an order already. `forgiven`: what could not be taken back, and was let go."""

    points: int
    terms_version: int
    entries: int
    forgiven: int = 0


def append(work: UnitOfWork, entries: Sequence[Entry]) -> None:
    """Write entries, and move lots and balances with them;

    the balances are locked by the caller. A known key moves nothing. What was written is linked into the chain when
    the unit of work ends.
    """
    if entries:
        link = work.closing(Link)
        values = {"batch_id": link.batch_id, "now": work.now, "now_us": chain.micros(work.now)}
        link.add(work.row(_APPEND, rows=as_json(entries), **values))


def new_lot_ids(work: UnitOfWork, count: int) -> list[int]:
    return work.new_ids("lot_ids", count)


def lock_balances(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, Any]:
    """Balances (points, held, debt), made where missing, locked in the order of their ids.

    Whoever moves a customer's points holds this.
    """
    rows = work.rows(_LOCK_BALANCES, customer_ids=sorted(customer_ids))
    if len(rows) < len(customer_ids):
        # The rows that this statement itself has made are not in its own snapshot: read once more.
        rows = work.rows(_LOCK_BALANCES, customer_ids=sorted(customer_ids))
    return {row.customer_id: row for row in rows}


def balance(work: UnitOfWork, customer_id: CustomerId) -> tuple[int, int, int]:
    """The customer's points, held and debt, for showing:

    nothing is locked, and nothing is made where there is nothing.
    """
    row = work.row(_BALANCE, customer_id=customer_id)
    return (row.points, row.held, row.debt) if row else (0, 0, 0)


def booked(work: UnitOfWork, order_ids: Sequence[OrderId]) -> dict[OrderId, Booked]:
    """Points booked for each order so far for its buyer."""
    rows = work.rows(_BOOKED, order_ids=list(order_ids))
    return {row.order_id: Booked(int(row.points), row.terms_version, row.entries, int(row.forgiven)) for row in rows}


def awarded(work: UnitOfWork, order_ids: Sequence[OrderId]) -> dict[tuple[OrderId, CustomerId], Booked]:
    """Points that customers were awarded for orders so far, by order and customer."""
    rows = work.rows(_AWARDED, order_ids=list(order_ids))
    return {(row.order_id, row.customer_id): Booked(int(row.points), row.terms_version, row.entries) for row in rows}


def earned(work: UnitOfWork, customer_id: CustomerId, order_external_id: str) -> int | None:
    """What the customer's order has earned them; None where they have no such order."""
    row = work.row(_EARNED, customer_id=customer_id, external_id=order_external_id)
    return int(row.points) if row else None


def as_of(work: UnitOfWork, customer_id: CustomerId, at: datetime) -> Sequence[Any]:
    """What the customer's entries came to at `at`, by account and lot: points, available_at, expires_at."""
    return work.rows(_AS_OF, customer_id=customer_id, at=at)


def order_of(work: UnitOfWork, customer_id: CustomerId, external_id: str) -> OrderId | None:
    """Our id of a customer's order; None where they have no such order."""
    row = work.row(_ORDER_OF, customer_id=customer_id, external_id=external_id)
    return row.order_id if row else None


def unearned(work: UnitOfWork, among: int, limit: int) -> list[OrderId]:
    """Of the newest orders those that never earned anything, newest first."""
    return [row.order_id for row in work.rows(_UNEARNED, among=among, limit=limit)]


def open_lots(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> list[Lot]:
    return [Lot(*row) for row in work.rows(_OPEN_LOTS, customer_ids=list(customer_ids))] if customer_ids else []


def sums(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Sequence[Any]:
    """What the entries of these customers come to: points for each account and lot (None: owed)."""
    return work.rows(_SUMS, customer_ids=list(customer_ids))


def move(work: UnitOfWork, owners: Mapping[CustomerId, CustomerId]) -> None:
    """Lots, redemptions and tickets of each key become those of its value; the entries say the same by themselves."""
    rows = as_json([{"gone_id": gone, "kept_id": kept} for gone, kept in owners.items()])
    work.run(_MOVE_LOTS, rows=rows)
    work.run(_MOVE_REDEMPTIONS, rows=rows)
    work.run(_MOVE_TICKETS, rows=rows)


def outstanding(work: UnitOfWork) -> Any:
    row = work.row(_OUTSTANDING)
    assert row is not None
    return row


def statement(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_STATEMENT, customer_id=customer_id, limit=limit)


def lots_of_orders(work: UnitOfWork, order_ids: Sequence[OrderId]) -> dict[tuple[OrderId, str], set[int]]:
    """The lots that each order made, by order and kind of entry: ``earn`` for its buyer, ``award`` for others."""
    found = dict[tuple[OrderId, str], set[int]]()
    for row in work.rows(_LOTS_OF_ORDERS, order_ids=list(order_ids)) if order_ids else ():
        found.setdefault((row.order_id, row.kind), set()).add(row.lot_id)
    return found


def tell(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """Balances that differ from what the store was told last, marked as told: external_id, points, redacted_at."""
    return work.rows(_TELL, limit=limit)
