"""Contests as they are remembered: what was promised, the tickets, and who won what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork, as_json
from loyalty.rules.contests import Contest, Ticket, commitment

# The seed leaves the database only where a contest is decided, or after it.
_COLUMNS = """
    contest_id, kind, title, opens_at, closes_at, minimum_minor, most_per_customer, prizes, terms_version, commitment,
    tickets, digest, drawn_at, CASE WHEN drawn_at IS NOT NULL THEN encode(seed, 'hex') END AS seed_shown
"""
_INSERT = text("""
    INSERT INTO contests (shop_id, kind, title, opens_at, closes_at, minimum_minor, most_per_customer, prizes,
                          terms_version, seed, commitment)
    VALUES (:shop_id, :kind, :title, :opens_at, :closes_at, :minimum_minor, :most_per_customer,
            CAST(:prizes AS jsonb), :terms_version, :seed, :commitment)
    RETURNING contest_id
""")
_LATEST = text(f"SELECT {_COLUMNS} FROM contests WHERE shop_id = :shop_id ORDER BY contest_id DESC LIMIT :limit")
# Those that orders of now may be tickets of, late ones included.
_TAKING = text(f"""
    SELECT {_COLUMNS} FROM contests WHERE shop_id = :shop_id AND drawn_at IS NULL AND opens_at <= :now
    ORDER BY contest_id FOR UPDATE
""")
_ENDED = text(f"""
    SELECT {_COLUMNS}, seed FROM contests WHERE shop_id = :shop_id AND drawn_at IS NULL AND closes_at <= :before
    ORDER BY contest_id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_LOCK = text(f"SELECT {_COLUMNS}, seed FROM contests WHERE shop_id = :shop_id AND contest_id = :contest_id FOR UPDATE")
_COUNTS = """
    o.paid AND o.cancelled_at IS NULL AND NOT o.test AND o.goods_minor > o.refunded_minor
    AND o.goods_minor - o.refunded_minor >= :minimum_minor
"""
# Of these orders, those that are a ticket and have none yet, numbered on from the last; what a customer has beyond
# what each may have is passed over.
_NEW_TICKETS = text(f"""
    WITH fresh AS (
        SELECT o.order_id, o.customer_id, o.placed_at,
               row_number() OVER (PARTITION BY o.customer_id ORDER BY o.placed_at, o.order_id)
               + (SELECT count(*) FROM tickets t WHERE t.shop_id = :shop_id AND t.contest_id = :contest_id
                  AND t.customer_id = o.customer_id) AS which
        FROM orders o
        WHERE o.shop_id = :shop_id AND o.order_id = ANY(:order_ids) AND o.customer_id IS NOT NULL
          AND o.placed_at >= :opens_at AND o.placed_at < :closes_at AND {_COUNTS}
          AND NOT EXISTS (SELECT FROM tickets t WHERE t.shop_id = :shop_id AND t.contest_id = :contest_id
                          AND t.order_id = o.order_id)
    )
    INSERT INTO tickets (shop_id, contest_id, number, customer_id, order_id)
    SELECT :shop_id, :contest_id, :last + row_number() OVER (ORDER BY placed_at, order_id), customer_id, order_id
    FROM fresh WHERE which <= :most
    RETURNING number
""")
_COUNT = text("UPDATE contests SET tickets = :tickets WHERE shop_id = :shop_id AND contest_id = :contest_id")
# An order is as it stands at the draw: one that was cancelled meanwhile is no ticket any more.
_TICKETS = text(f"""
    SELECT t.number, t.customer_id FROM tickets t
    JOIN orders o ON o.shop_id = t.shop_id AND o.order_id = t.order_id
    WHERE t.shop_id = :shop_id AND t.contest_id = :contest_id AND {_COUNTS} ORDER BY t.number
""")
_WON = text("""
    UPDATE tickets t SET prize = g.prize, shown_at = coalesce(t.shown_at, :now)
    FROM json_to_recordset(CAST(:rows AS json)) AS g(number integer, prize integer)
    WHERE t.shop_id = :shop_id AND t.contest_id = :contest_id AND t.number = g.number
    RETURNING t.number, t.customer_id, t.prize,
        (SELECT c.external_id FROM customers c WHERE c.shop_id = :shop_id AND c.customer_id = t.customer_id)
            AS external_id
""")
_DRAWN = text("""
    UPDATE contests SET drawn_at = :now, digest = :digest WHERE shop_id = :shop_id AND contest_id = :contest_id
""")
_MINE = text("""
    SELECT t.contest_id, t.number, t.shown_at, t.prize, k.kind, k.title, k.closes_at, k.drawn_at, k.prizes
    FROM tickets t JOIN contests k ON k.shop_id = t.shop_id AND k.contest_id = t.contest_id
    WHERE t.shop_id = :shop_id AND t.customer_id = :customer_id
    ORDER BY t.contest_id DESC, t.number LIMIT :limit
""")
_LOCK_TICKET = text(f"""
    SELECT t.number, t.shown_at, {_COUNTS} AS stands FROM tickets t
    JOIN orders o ON o.shop_id = t.shop_id AND o.order_id = t.order_id
    WHERE t.shop_id = :shop_id AND t.contest_id = :contest_id AND t.number = :number AND t.customer_id = :customer_id
    FOR UPDATE OF t
""")
_SHOW = text("""
    UPDATE tickets SET shown_at = :now, prize = :prize
    WHERE shop_id = :shop_id AND contest_id = :contest_id AND number = :number
""")
_PRIZES = text("""
    SELECT number, customer_id, prize FROM tickets
    WHERE shop_id = :shop_id AND contest_id = :contest_id AND prize IS NOT NULL ORDER BY number
""")


def insert_contest(work: UnitOfWork, contest: Contest, seed: bytes, terms_version: int) -> int:
    row = work.row(
        _INSERT, kind=contest.kind.value, title=contest.title, opens_at=contest.opens_at, closes_at=contest.closes_at,
        minimum_minor=contest.minimum_minor, most_per_customer=contest.most_per_customer,
        prizes=as_json(contest.prizes), terms_version=terms_version, seed=seed, commitment=commitment(seed),
    )  # fmt: skip
    assert row is not None
    return int(row.contest_id)


def latest_contests(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """Contests, newest first. `seed_shown` is the seed in hexadecimal, once the contest is over."""
    return work.rows(_LATEST, limit=limit)


def lock_taking(work: UnitOfWork) -> Sequence[Any]:
    """Contests that take tickets, locked in the order of their ids."""
    return work.rows(_TAKING, now=work.now)


def lock_ended(work: UnitOfWork, before: Any) -> Any:
    """One contest that closed by `before` and is not drawn, seed included, unless another process is at it; or None."""
    return work.row(_ENDED, before=before)


def lock_contest(work: UnitOfWork, contest_id: int) -> Any:
    """One contest, seed included, or None."""
    return work.row(_LOCK, contest_id=contest_id)


def make_tickets(work: UnitOfWork, contest: Any, order_ids: Sequence[OrderId]) -> None:
    """Give those of the orders that are tickets, and have none, their numbers. The contest is locked."""
    fresh = work.rows(
        _NEW_TICKETS, contest_id=contest.contest_id, opens_at=contest.opens_at, closes_at=contest.closes_at,
        minimum_minor=contest.minimum_minor, most=contest.most_per_customer, last=contest.tickets,
        order_ids=list(order_ids),
    )  # fmt: skip
    if fresh:
        work.run(_COUNT, contest_id=contest.contest_id, tickets=contest.tickets + len(fresh))


def tickets_that_count(work: UnitOfWork, contest: Any) -> list[Ticket]:
    """The tickets whose orders stand, by number."""
    rows = work.rows(_TICKETS, contest_id=contest.contest_id, minimum_minor=contest.minimum_minor)
    return [Ticket(row.number, row.customer_id) for row in rows]


def mark_won(work: UnitOfWork, contest_id: int, won: Mapping[int, int]) -> Sequence[Any]:
    """Note who won what: number, customer_id, prize, external_id of each winner."""
    rows = [{"number": number, "prize": prize} for number, prize in won.items()]
    return work.rows(_WON, contest_id=contest_id, rows=as_json(rows), now=work.now)


def mark_drawn(work: UnitOfWork, contest_id: int, digest: str) -> None:
    work.run(_DRAWN, contest_id=contest_id, digest=digest, now=work.now)


def tickets_of_customer(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    """The customer's tickets, each with its contest; newest contest first."""
    return work.rows(_MINE, customer_id=customer_id, limit=limit)


def lock_ticket(work: UnitOfWork, contest: Any, number: int, customer_id: CustomerId) -> Any:
    """The customer's ticket of that number, and whether its order `stands`; or None."""
    return work.row(
        _LOCK_TICKET, contest_id=contest.contest_id, number=number, customer_id=customer_id,
        minimum_minor=contest.minimum_minor,
    )  # fmt: skip


def show_ticket(work: UnitOfWork, contest_id: int, number: int, prize: int | None) -> None:
    work.run(_SHOW, contest_id=contest_id, number=number, prize=prize, now=work.now)


def prizes_won(work: UnitOfWork, contest_id: int) -> Sequence[Any]:
    """The winning tickets as they were noted: number, customer_id, prize."""
    return work.rows(_PRIZES, contest_id=contest_id)
