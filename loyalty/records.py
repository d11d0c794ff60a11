"""What loyalty remembers: entries (written once), and the lots, balances and redemptions that they add up to.

`append` is the only writer of entries. In the same statement it moves the lots and balances by what was really
inserted, so a repeated key moves nothing twice; a test proves that both always equal the sums of the entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork, as_json
from loyalty.rules import Lot, Redemption, Reward

_APPEND = text("""
    WITH given AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g(
            customer_id bigint, account text, kind text, points bigint, lot_id bigint, order_id bigint,
            redemption_id bigint, idempotency_key text, terms_version integer, sentence text,
            available_at timestamptz, expires_at timestamptz)
    ), written AS (
        INSERT INTO entries (shop_id, customer_id, account, kind, points, lot_id, order_id, redemption_id,
                             idempotency_key, terms_version, sentence, available_at, expires_at, recorded_at)
        SELECT :shop_id, customer_id, account, kind, points, lot_id, order_id, redemption_id,
               idempotency_key, terms_version, sentence, available_at, expires_at, :now
        FROM given
        ON CONFLICT (shop_id, idempotency_key) DO NOTHING
        RETURNING customer_id, account, kind, points, lot_id, order_id, available_at, expires_at
    ), by_lot AS (
        SELECT lot_id, customer_id, sum(points) AS points, bool_or(kind IN ('earn', 'award')) AS fresh,
               max(order_id) FILTER (WHERE kind IN ('earn', 'award')) AS order_id,
               max(available_at) AS available_at, max(expires_at) AS expires_at
        FROM written WHERE lot_id IS NOT NULL AND account = 'points' GROUP BY lot_id, customer_id
    ), new_lots AS (
        INSERT INTO lots (shop_id, lot_id, customer_id, order_id, remaining, available_at, expires_at)
        SELECT :shop_id, lot_id, customer_id, order_id, points, available_at, expires_at FROM by_lot WHERE fresh
    ), moved_lots AS (
        UPDATE lots l SET remaining = l.remaining + b.points FROM by_lot b
        WHERE l.shop_id = :shop_id AND l.lot_id = b.lot_id AND NOT b.fresh
    )
    UPDATE balances b SET points = b.points + w.points, held = b.held + w.held, debt = b.debt + w.debt
    FROM (SELECT customer_id, coalesce(sum(points) FILTER (WHERE account = 'points'), 0) AS points,
                 coalesce(sum(points) FILTER (WHERE account = 'held'), 0) AS held,
                 coalesce(-sum(points) FILTER (WHERE account = 'points' AND lot_id IS NULL), 0) AS debt
          FROM written GROUP BY customer_id) w
    WHERE b.shop_id = :shop_id AND b.customer_id = w.customer_id
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
_BOOKED = text("""
    SELECT order_id, kind IN ('award', 'award_back') AS award, sum(points) AS points,
           min(terms_version) AS terms_version, count(*) AS entries
    FROM entries WHERE shop_id = :shop_id AND order_id = ANY(:order_ids) AND account = 'points'
      AND kind IN ('earn', 'clawback', 'award', 'award_back')
    GROUP BY 1, 2
""")
_OPEN_LOTS = text("""
    SELECT lot_id, customer_id, order_id, remaining, available_at, expires_at FROM lots
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND remaining > 0 ORDER BY lot_id
""")
_INSERT_REDEMPTION = text("""
    INSERT INTO redemptions (shop_id, customer_id, request_key, reward, points, code, created_at, expires_at,
                             terms_version)
    VALUES (:shop_id, :customer_id, :request_key, CAST(:reward AS jsonb), :points, :code, :now, :expires_at,
            :terms_version)
    RETURNING redemption_id
""")
_REDEMPTION_COLUMNS = """
    r.redemption_id, r.customer_id, r.reward, r.points, r.code, r.created_at, r.expires_at, r.issued_at, r.refused_at,
    r.outcome, r.terms_version
"""
_BY_REQUEST = text(f"""
    SELECT {_REDEMPTION_COLUMNS} FROM redemptions r
    WHERE r.shop_id = :shop_id AND r.customer_id = :customer_id AND r.request_key = :request_key
""")
_ORDERS_WITH_CODE = """
    FROM order_codes k JOIN orders o ON o.shop_id = k.shop_id AND o.order_id = k.order_id
    WHERE k.shop_id = :shop_id AND k.code = r.code AND r.code = ANY(o.discount_codes)
"""
_FACTS = f"""
    (SELECT min(o.order_id) {_ORDERS_WITH_CODE} AND o.cancelled_at IS NULL) AS used_by,
    EXISTS (SELECT {_ORDERS_WITH_CODE} AND o.cancelled_at IS NOT NULL) AS returned,
    (SELECT c.external_id FROM customers c WHERE c.shop_id = :shop_id AND c.customer_id = r.customer_id)
        AS customer_external_id
"""
_LOCK_BY_CODE = text(f"""
    SELECT {_REDEMPTION_COLUMNS}, {_FACTS} FROM redemptions r
    WHERE r.shop_id = :shop_id AND r.code = ANY(:codes) ORDER BY r.redemption_id FOR UPDATE OF r
""")
_LOCK_UNUSED = text(f"""
    SELECT {_REDEMPTION_COLUMNS}, {_FACTS} FROM redemptions r
    WHERE r.shop_id = :shop_id AND r.outcome IS NULL AND r.expires_at <= :before
    ORDER BY r.redemption_id LIMIT :limit FOR UPDATE OF r SKIP LOCKED
""")
_ISSUED = text("UPDATE redemptions SET issued_at = coalesce(issued_at, :now) WHERE shop_id = :shop_id AND code = :code")
_REFUSED = text("UPDATE redemptions SET refused_at = :now, refusal = :reason WHERE shop_id = :shop_id AND code = :code")
_OUTCOME = text("UPDATE redemptions SET outcome = :outcome WHERE shop_id = :shop_id AND redemption_id = :redemption_id")
_REDEMPTION_BOOKED = text("""
    SELECT account, lot_id, sum(points) AS points, count(*) AS entries FROM entries
    WHERE shop_id = :shop_id AND redemption_id = :redemption_id GROUP BY account, lot_id
""")
_OUTSTANDING = text(
    "SELECT coalesce(sum(points), 0) AS points, coalesce(sum(held), 0) AS held FROM balances WHERE shop_id = :shop_id"
)
_STATEMENT = text("""
    SELECT e.entry_id, e.account, e.kind, e.points, e.sentence, e.available_at, e.recorded_at, e.terms_version,
           o.name AS order_name
    FROM entries e LEFT JOIN orders o ON o.shop_id = e.shop_id AND o.order_id = e.order_id
    WHERE e.shop_id = :shop_id AND e.customer_id = :customer_id AND e.account = 'points'
    ORDER BY e.entry_id DESC LIMIT :limit
""")
_REDEMPTIONS_OF = text(f"""
    SELECT {_REDEMPTION_COLUMNS} FROM redemptions r
    WHERE r.shop_id = :shop_id AND r.customer_id = :customer_id ORDER BY r.redemption_id DESC LIMIT :limit
""")
# Every lot and every balance, beside what the entries say that it is. A mirror image that is out of step is a mistake
# of ours.
_LOTS_OUT_OF_STEP = text("""
    SELECT coalesce(l.lot_id, e.lot_id) AS lot_id, l.remaining, coalesce(e.points, 0) AS points
    FROM (SELECT lot_id, remaining FROM lots WHERE shop_id = :shop_id) l
    FULL JOIN (SELECT lot_id, sum(points) AS points FROM entries
               WHERE shop_id = :shop_id AND account = 'points' AND lot_id IS NOT NULL GROUP BY lot_id) e USING (lot_id)
    WHERE l.remaining IS DISTINCT FROM coalesce(e.points, 0) ORDER BY 1 LIMIT :limit
""")
_BALANCES_OUT_OF_STEP = text("""
    SELECT b.customer_id, b.points, b.held, b.debt, e.points AS entry_points, e.held AS entry_held, e.debt AS entry_debt
    FROM balances b LEFT JOIN LATERAL (
        SELECT coalesce(sum(points) FILTER (WHERE account = 'points'), 0) AS points,
               coalesce(sum(points) FILTER (WHERE account = 'held'), 0) AS held,
               coalesce(-sum(points) FILTER (WHERE account = 'points' AND lot_id IS NULL), 0) AS debt
        FROM entries WHERE shop_id = :shop_id AND customer_id = b.customer_id) e ON true
    WHERE b.shop_id = :shop_id AND (b.points, b.held, b.debt) <> (e.points, e.held, e.debt) ORDER BY 1 LIMIT :limit
""")
_NEXT_ORDERS = text("""
    SELECT order_id FROM orders
    WHERE shop_id = :shop_id AND order_id > :after AND customer_id IS NOT NULL ORDER BY order_id LIMIT :limit
""")

_TELL = text("""
    WITH untold AS (SELECT customer_id FROM balances WHERE shop_id = :shop_id AND points <> told_points
                    ORDER BY customer_id LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE balances b SET told_points = b.points FROM untold u
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = u.customer_id
    WHERE b.shop_id = :shop_id AND b.customer_id = u.customer_id
    RETURNING c.external_id, b.points, c.redacted_at
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One signed movement of points. `account` is ``points`` (the customer's) or ``held`` (set aside for a code)."""

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


@dataclass(frozen=True, slots=True)
class Booked:
    """What the ledger says of an order already."""

    points: int
    terms_version: int
    entries: int


def append(work: UnitOfWork, entries: Sequence[Entry]) -> None:
    """Write entries, and move lots and balances with them;

    the balances are locked by the caller. A known key moves nothing.
    """
    if entries:
        work.run(_APPEND, rows=as_json(entries), now=work.now)


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


def booked(work: UnitOfWork, order_ids: Sequence[OrderId], *, awards: bool = False) -> dict[OrderId, Booked]:
    """Points booked for each order so far:

    those of its buyer or, with `awards`, those that others were awarded for it.
    """
    rows = work.rows(_BOOKED, order_ids=list(order_ids))
    return {
        row.order_id: Booked(int(row.points), row.terms_version, row.entries) for row in rows if row.award is awards
    }


def open_lots(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> list[Lot]:
    return [Lot(*row) for row in work.rows(_OPEN_LOTS, customer_ids=list(customer_ids))] if customer_ids else []


def insert_redemption(
    work: UnitOfWork,
    customer_id: CustomerId,
    reward: Reward,
    *,
    code: str,
    request_key: str,
    expires_at: datetime,
    terms_version: int,
) -> int:
    row = work.row(
        _INSERT_REDEMPTION, customer_id=customer_id, request_key=request_key, reward=as_json([reward])[1:-1],
        points=reward.points, code=code, now=work.now, expires_at=expires_at, terms_version=terms_version,
    )  # fmt: skip
    assert row is not None
    return int(row.redemption_id)


def redemption_of_request(work: UnitOfWork, customer_id: CustomerId, request_key: str) -> Any:
    return work.row(_BY_REQUEST, customer_id=customer_id, request_key=request_key)


def redemptions_of(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_REDEMPTIONS_OF, customer_id=customer_id, limit=limit)


def lock_redemptions(work: UnitOfWork, codes: Sequence[str]) -> Sequence[Any]:
    """The redemptions of these codes with the facts that decide them, locked in the order of their ids."""
    return work.rows(_LOCK_BY_CODE, codes=list(codes)) if codes else []


def lock_unused(work: UnitOfWork, before: datetime, limit: int) -> Sequence[Any]:
    return work.rows(_LOCK_UNUSED, before=before, limit=limit)


def as_redemption(row: Any) -> Redemption:
    return Redemption(
        row.redemption_id,
        row.customer_id,
        row.points,
        row.code,
        row.expires_at,
        row.refused_at is not None,
        row.used_by,
        row.returned,
    )


def redemption_booked(work: UnitOfWork, redemption_id: int) -> Sequence[Any]:
    """What the ledger says of a redemption, by account and lot: points and how many entries."""
    return work.rows(_REDEMPTION_BOOKED, redemption_id=redemption_id)


def mark_issued(work: UnitOfWork, code: str) -> None:
    work.run(_ISSUED, code=code, now=work.now)


def mark_refused(work: UnitOfWork, code: str, reason: str) -> None:
    work.run(_REFUSED, code=code, now=work.now, reason=reason)


def mark_outcome(work: UnitOfWork, redemption_id: int, outcome: str | None) -> None:
    work.run(_OUTCOME, redemption_id=redemption_id, outcome=outcome)


def outstanding(work: UnitOfWork) -> Any:
    row = work.row(_OUTSTANDING)
    assert row is not None
    return row


def statement(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_STATEMENT, customer_id=customer_id, limit=limit)


def lots_out_of_step(work: UnitOfWork, limit: int) -> Sequence[Any]:
    return work.rows(_LOTS_OUT_OF_STEP, limit=limit)


def balances_out_of_step(work: UnitOfWork, limit: int) -> Sequence[Any]:
    return work.rows(_BALANCES_OUT_OF_STEP, limit=limit)


def next_orders(work: UnitOfWork, after: int, limit: int) -> list[OrderId]:
    """Orders with a customer, by id: to walk through all of them in pages."""
    return [row.order_id for row in work.rows(_NEXT_ORDERS, after=after, limit=limit)]


def tell(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """Balances that differ from what the store was told last, marked as told: external_id, points, redacted_at."""
    return work.rows(_TELL, limit=limit)
