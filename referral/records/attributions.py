"""The decision on each order that names an advocate: who brought it, why, and what it brings them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork, as_json
from referral.records.codes import PAIRS
from referral.rules import Pay, Policy, Source, Verdict, Why

_OF_FRIENDS = text("SELECT order_id FROM attributions WHERE shop_id = :shop_id AND friend_id = ANY(:customer_ids)")
_COLUMNS = """
    a.order_id, a.advocate_id, a.friend_id, a.claim_id, a.verdict, a.pay, a.source, a.why, a.promised_points,
    a.placed_at
"""
_HELD = text(f"SELECT {_COLUMNS} FROM attributions a WHERE a.shop_id = :shop_id AND a.order_id = ANY(:order_ids)")
# What was promised to an advocate stays promised to them.
_DECIDE = text("""
    INSERT INTO attributions (shop_id, order_id, advocate_id, friend_id, claim_id, verdict, pay, source, why, policy,
                              promised_points, placed_at, terms_version, decided_at)
    SELECT :shop_id, g.order_id, g.advocate_id, g.friend_id, g.claim_id, g.verdict, g.pay, g.source, g.why, g.policy,
           g.promised_points, g.placed_at, g.terms_version, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        order_id bigint, advocate_id bigint, friend_id bigint, claim_id bigint, verdict text, pay text, source text,
        why text, policy jsonb, promised_points integer, placed_at timestamptz, terms_version integer)
    ORDER BY g.order_id
    ON CONFLICT (shop_id, order_id) DO UPDATE
        SET advocate_id = excluded.advocate_id, friend_id = excluded.friend_id, claim_id = excluded.claim_id,
            verdict = excluded.verdict, pay = excluded.pay, source = excluded.source, why = excluded.why,
            policy = excluded.policy, promised_points = excluded.promised_points, placed_at = excluded.placed_at,
            terms_version = excluded.terms_version, decided_at = excluded.decided_at
        WHERE (attributions.advocate_id, attributions.friend_id, attributions.claim_id, attributions.verdict,
               attributions.pay, attributions.source, attributions.why, attributions.policy,
               attributions.promised_points, attributions.placed_at, attributions.terms_version)
          IS DISTINCT FROM (excluded.advocate_id, excluded.friend_id, excluded.claim_id, excluded.verdict,
               excluded.pay, excluded.source, excluded.why, excluded.policy, excluded.promised_points,
               excluded.placed_at, excluded.terms_version)
""")
_SET_VERDICT = text("""
    UPDATE attributions SET verdict = :verdict, pay = :pay, decided_at = :now
    WHERE shop_id = :shop_id AND order_id = ANY(:order_ids)
""")
_SET_PAY = text("""
    UPDATE attributions a SET pay = g.pay, decided_at = :now
    FROM json_to_recordset(CAST(:rows AS json)) AS g(order_id bigint, pay text)
    WHERE a.shop_id = :shop_id AND a.order_id = g.order_id AND a.pay <> g.pay
""")
# Up from the advocates of these orders, by the one who brought each: nobody is brought twice, so it is a line. It is
# followed for a handful of steps; a ring of more people than that has paid for its goods many times over.
_UP = """
    WITH RECURSIVE up AS (
        SELECT a.order_id AS asked, a.friend_id AS buyer, a.placed_at AS before, a.advocate_id AS person,
               CAST(NULL AS bigint) AS order_id, 1 AS step
        FROM attributions a
        WHERE a.shop_id = :shop_id AND a.order_id = ANY(:order_ids) AND a.verdict IN ('friend', 'loop')
        UNION ALL
        SELECT u.asked, u.buyer, u.before, p.advocate_id, p.order_id, u.step + 1
        FROM up u JOIN attributions p ON p.shop_id = :shop_id AND p.friend_id = u.person AND p.verdict IN {verdicts}
        WHERE u.step < 16 AND u.person <> u.buyer {earlier}
    )
"""
_LOOPS = text(
    _UP.format(verdicts="('friend')", earlier="AND (p.placed_at, p.order_id) < (u.before, u.asked)")
    + "SELECT DISTINCT asked AS order_id FROM up WHERE person = buyer"
)
_ABOVE = text(
    _UP.format(verdicts="('friend', 'loop')", earlier="")
    + "SELECT DISTINCT order_id FROM up WHERE order_id IS NOT NULL AND NOT order_id = ANY(:order_ids)"
)
# Among the friends of an advocate who count: the place among all, and in the month.
_RANKED = text("""
    SELECT r.order_id, r.advocate_id, r.pay, r.rank, r.month_rank
    FROM (SELECT a.order_id, a.advocate_id, a.pay, a.placed_at,
                 row_number() OVER (PARTITION BY a.advocate_id ORDER BY a.placed_at, a.order_id) AS rank,
                 row_number() OVER (PARTITION BY a.advocate_id, date_trunc('month', a.placed_at, 'UTC')
                                    ORDER BY a.placed_at, a.order_id) AS month_rank
          FROM attributions a
          WHERE a.shop_id = :shop_id AND a.advocate_id = ANY(:advocate_ids) AND a.pay IN ('owed', 'capped')) r
    JOIN json_to_recordset(CAST(:rows AS json)) AS g(advocate_id bigint, since timestamptz)
        ON g.advocate_id = r.advocate_id AND r.placed_at >= g.since
    ORDER BY r.order_id
""")
_BROUGHT = text("""
    SELECT g.customer_id, c.external_id, coalesce(n.friends, 0) AS friends
    FROM unnest(CAST(:advocate_ids AS bigint[])) AS g(customer_id)
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = g.customer_id
        AND c.redacted_at IS NULL AND c.gone_at IS NULL
    LEFT JOIN (SELECT a.advocate_id, count(*) AS friends FROM attributions a
               WHERE a.shop_id = :shop_id AND a.advocate_id = ANY(:advocate_ids) AND a.pay IN ('owed', 'capped')
               GROUP BY 1) n ON n.advocate_id = g.customer_id
    ORDER BY g.customer_id
""")
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM attributions a WHERE a.shop_id = :shop_id AND a.order_id > :after
    ORDER BY a.order_id LIMIT :limit
""")
_REFERRALS = text("""
    SELECT a.verdict, a.pay, a.decided_at, o.name AS order_name, o.placed_at FROM attributions a
    JOIN orders o ON o.shop_id = a.shop_id AND o.order_id = a.order_id
    WHERE a.shop_id = :shop_id AND a.advocate_id = :customer_id ORDER BY o.placed_at DESC LIMIT :limit
""")
_FRIENDS_BROUGHT = text("""
    SELECT count(*) AS friends FROM attributions a
    WHERE a.shop_id = :shop_id AND a.advocate_id = :customer_id AND a.verdict = 'friend'
""")
_OF_ORDER = text(f"""
    SELECT {_COLUMNS}, a.policy, a.terms_version, a.decided_at FROM attributions a
    WHERE a.shop_id = :shop_id AND a.order_id = :order_id
""")
_FIND_ORDER = text("""
    SELECT o.order_id, o.name, o.placed_at FROM (
        SELECT order_id, name, placed_at FROM orders WHERE shop_id = :shop_id AND name COLLATE "C" = :typed
        UNION SELECT order_id, name, placed_at FROM orders WHERE shop_id = :shop_id AND external_id = :typed) o
    WHERE EXISTS (SELECT FROM attributions a WHERE a.shop_id = :shop_id AND a.order_id = o.order_id)
    ORDER BY o.order_id DESC LIMIT 1
""")
_NEWEST = text("""
    SELECT a.order_id, o.name, o.placed_at, a.verdict, a.pay, a.why, a.source FROM attributions a
    JOIN orders o ON o.shop_id = a.shop_id AND o.order_id = a.order_id
    WHERE a.shop_id = :shop_id ORDER BY a.order_id DESC LIMIT :limit
""")
# What became of each friend, as far as the advocate may know: of whom has bought, the first letter.
_FRIENDS = text("""
    SELECT k.claim_id, k.claimed_at, k.ends_at, a.order_id, a.verdict, a.pay, a.placed_at,
           left(c.first_name, 1) AS initial
    FROM claims k
    LEFT JOIN LATERAL (SELECT * FROM attributions a WHERE a.shop_id = :shop_id AND a.claim_id = k.claim_id
                       AND a.advocate_id = :customer_id
                       ORDER BY a.verdict = 'friend' DESC, a.placed_at LIMIT 1) a ON true
    LEFT JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = a.friend_id AND c.redacted_at IS NULL
    WHERE k.shop_id = :shop_id AND k.advocate_id = :customer_id
    UNION ALL
    SELECT NULL, NULL, NULL, a.order_id, a.verdict, a.pay, a.placed_at, left(c.first_name, 1)
    FROM attributions a
    LEFT JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = a.friend_id AND c.redacted_at IS NULL
    WHERE a.shop_id = :shop_id AND a.advocate_id = :customer_id AND a.claim_id IS NULL
    ORDER BY 7 DESC NULLS FIRST, 2 DESC NULLS LAST LIMIT :limit
""")
_MOVE = (
    text(f"""
        UPDATE attributions a SET advocate_id = g.kept_id FROM {PAIRS}
        WHERE a.shop_id = :shop_id AND a.advocate_id = g.gone_id
    """),
    text(f"""
        UPDATE attributions a SET friend_id = g.kept_id FROM {PAIRS}
        WHERE a.shop_id = :shop_id AND a.friend_id = g.gone_id
    """),
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """The decision on one order."""

    order_id: OrderId
    advocate_id: CustomerId
    friend_id: CustomerId | None
    claim_id: int | None
    verdict: Verdict
    pay: Pay
    source: Source
    why: Why
    policy: Policy
    promised_points: int | None
    placed_at: datetime
    terms_version: int


def orders_of_friends(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> list[OrderId]:
    """Orders already attributed whose friend is among these customers:

    what they bought since may change the verdict.
    """
    return [row.order_id for row in work.rows(_OF_FRIENDS, customer_ids=list(customer_ids))] if customer_ids else []


def held(work: UnitOfWork, order_ids: Sequence[OrderId]) -> dict[OrderId, Any]:
    """What is decided of these orders."""
    return {row.order_id: row for row in work.rows(_HELD, order_ids=list(order_ids))} if order_ids else {}


def decide(work: UnitOfWork, attributions: Sequence[Attribution]) -> None:
    work.run(_DECIDE, rows=as_json(attributions), now=work.now)


def loops(work: UnitOfWork, order_ids: Sequence[OrderId]) -> list[OrderId]:
    """Of these friends' orders, those whose buyer had brought the advocate before, directly or by others."""
    return [row.order_id for row in work.rows(_LOOPS, order_ids=list(order_ids))] if order_ids else []


def orders_above(work: UnitOfWork, order_ids: Sequence[OrderId]) -> list[OrderId]:
    """Orders by which the advocates of these were brought themselves: a ring may close there."""
    return [row.order_id for row in work.rows(_ABOVE, order_ids=list(order_ids))] if order_ids else []


def set_verdict(work: UnitOfWork, order_ids: Sequence[OrderId], verdict: Verdict, pay: Pay) -> None:
    work.run(_SET_VERDICT, order_ids=list(order_ids), verdict=verdict, pay=pay, now=work.now)


def set_pay(work: UnitOfWork, rows: Iterable[tuple[OrderId, Pay]]) -> None:
    work.run(_SET_PAY, rows=as_json([{"order_id": o, "pay": pay} for o, pay in rows]), now=work.now)


def ranked(work: UnitOfWork, since: dict[CustomerId, datetime]) -> Sequence[Any]:
    """The friends' orders of each advocate from an instant on: order_id, advocate_id, pay, rank, month_rank."""
    rows = as_json([{"advocate_id": who, "since": at} for who, at in since.items()])
    return work.rows(_RANKED, advocate_ids=sorted(since), rows=rows) if since else []


def brought(work: UnitOfWork, advocate_ids: Sequence[CustomerId]) -> Sequence[Any]:
    """How many friends count for each of these who is still there: customer_id, external_id, friends."""
    return work.rows(_BROUGHT, advocate_ids=list(advocate_ids)) if advocate_ids else []


def page(work: UnitOfWork, after: int, limit: int) -> Sequence[Any]:
    """Decisions by the order's number, after one of them."""
    return work.rows(_PAGE, after=after, limit=limit)


def of_order(work: UnitOfWork, order_id: OrderId) -> Any:
    return work.row(_OF_ORDER, order_id=order_id)


def find_order(work: UnitOfWork, typed: str) -> Any:
    """An attributed order by its name or the store's number: order_id, name, placed_at; or None."""
    return work.row(_FIND_ORDER, typed=typed)


def newest(work: UnitOfWork, limit: int) -> Sequence[Any]:
    return work.rows(_NEWEST, limit=limit)


def friends_of(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_FRIENDS, customer_id=customer_id, limit=limit)


def referrals_of(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_REFERRALS, customer_id=customer_id, limit=limit)


def friends_brought(work: UnitOfWork, customer_id: CustomerId) -> int:
    row = work.row(_FRIENDS_BROUGHT, customer_id=customer_id)
    return int(row.friends) if row else 0


def move_attributions(work: UnitOfWork, rows: str) -> None:
    for statement in _MOVE:
        work.run(statement, rows=rows)
