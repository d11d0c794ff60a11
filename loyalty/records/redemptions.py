"""Redemptions as they are remembered: what was bought, with which code, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json
from loyalty.rules import Kind, Redemption, Reward

_INSERT_REDEMPTION = text("""
    INSERT INTO redemptions (shop_id, customer_id, request_key, reward, points, code, created_at, expires_at,
                             terms_version)
    VALUES (:shop_id, :customer_id, :request_key, CAST(:reward AS jsonb), :points, :code, :now, :expires_at,
            :terms_version)
    RETURNING redemption_id
""")
_REDEMPTION_COLUMNS = """
    r.redemption_id, r.customer_id, r.reward, r.points, r.code, r.created_at, r.expires_at, r.issued_at, r.refused_at,
    r.refusal, r.outcome, r.terms_version, r.taken_back_at, r.ended_at
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
    (SELECT o.goods_minor {_ORDERS_WITH_CODE} AND o.cancelled_at IS NULL ORDER BY o.order_id LIMIT 1) AS goods_minor,
    (SELECT o.refunded_minor {_ORDERS_WITH_CODE} AND o.cancelled_at IS NULL ORDER BY o.order_id LIMIT 1)
        AS refunded_minor,
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
      AND coalesce(r.reward ->> 'kind', 'amount') NOT IN ('gift_card', 'store_credit', 'custom')
    ORDER BY r.redemption_id LIMIT :limit FOR UPDATE OF r SKIP LOCKED
""")
_BY_ID = text(f"""
    SELECT {_REDEMPTION_COLUMNS}, {_FACTS} FROM redemptions r
    WHERE r.shop_id = :shop_id AND r.redemption_id = :redemption_id FOR UPDATE OF r
""")
# What a customer bought and kept: what was released counts for no limit.
_BOUGHT = text("""
    SELECT reward ->> 'key' AS key, created_at FROM redemptions
    WHERE shop_id = :shop_id AND customer_id = :customer_id AND reward ->> 'key' = ANY(:keys)
      AND (outcome IS NULL OR outcome = 'used')
    ORDER BY redemption_id DESC LIMIT :limit
""")
# How many of a reward were sold to anybody and not given back. Whoever sells one more holds the reward's lock.
_LOCK_STOCK = text("SELECT pg_advisory_xact_lock(hashtext(:key), CAST(:shop_id % 2147483647 AS integer))")
_SOLD = text("""
    SELECT reward ->> 'key' AS key, count(*) AS sold FROM redemptions
    WHERE shop_id = :shop_id AND reward ->> 'key' = ANY(:keys) AND (outcome IS NULL OR outcome = 'used') GROUP BY 1
""")
_TO_HAND_OVER = text(f"""
    SELECT {_REDEMPTION_COLUMNS}, c.external_id, c.first_name, c.last_name, c.email, c.redacted_at
    FROM redemptions r JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = r.customer_id
    WHERE r.shop_id = :shop_id AND r.outcome IS NULL AND r.reward ->> 'kind' = 'custom'
    ORDER BY r.redemption_id LIMIT :limit
""")
_CREDIT_ENDS = text("""
    SELECT expires_at FROM redemptions
    WHERE shop_id = :shop_id AND customer_id = :customer_id AND reward ->> 'kind' = 'store_credit'
      AND expires_at >= :since
    ORDER BY expires_at
""")
_TAKEN_BACK = text("""
    UPDATE redemptions SET taken_back_at = coalesce(taken_back_at, :now), refusal = NULL
    WHERE shop_id = :shop_id AND code = :code
""")
_KEPT = text("UPDATE redemptions SET refusal = :reason WHERE shop_id = :shop_id AND code = :code")
_ISSUED = text("UPDATE redemptions SET issued_at = coalesce(issued_at, :now) WHERE shop_id = :shop_id AND code = :code")
_REFUSED = text("UPDATE redemptions SET refused_at = :now, refusal = :reason WHERE shop_id = :shop_id AND code = :code")
# Only before its time: a code that ends by itself waits a day for late orders, as it always does.
_ENDED = text("""
    UPDATE redemptions SET ended_at = :now
    WHERE shop_id = :shop_id AND code = ANY(:codes) AND ended_at IS NULL AND outcome IS NULL AND expires_at > :now
    RETURNING code
""")
_OUTCOME = text("UPDATE redemptions SET outcome = :outcome WHERE shop_id = :shop_id AND redemption_id = :redemption_id")
_REDEMPTION_BOOKED = text("""
    SELECT account, lot_id, sum(points) AS points, count(*) AS entries FROM entries
    WHERE shop_id = :shop_id AND redemption_id = :redemption_id GROUP BY account, lot_id
""")
_REDEMPTIONS_OF = text(f"""
    SELECT {_REDEMPTION_COLUMNS} FROM redemptions r
    WHERE r.shop_id = :shop_id AND r.customer_id = :customer_id ORDER BY r.redemption_id DESC LIMIT :limit
""")


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


def lock_redemption(work: UnitOfWork, redemption_id: int) -> Any:
    return work.row(_BY_ID, redemption_id=redemption_id)


def bought(work: UnitOfWork, customer_id: CustomerId, rewards: Sequence[Reward]) -> dict[str, list[datetime]]:
    """When the customer bought those of the rewards that have a limit, newest first, as far as a limit can tell."""
    limited = {reward.key: reward.limit for reward in rewards if reward.limit}
    found = dict[str, list[datetime]]()
    if limited:
        most = sum(limited.values())
        for row in work.rows(_BOUGHT, customer_id=customer_id, keys=list(limited), limit=most * len(limited)):
            found.setdefault(row.key, []).append(row.created_at)
    return found


def sold(work: UnitOfWork, rewards: Sequence[Reward]) -> dict[str, int]:
    """How many of those rewards that have a stock are sold."""
    keys = [reward.key for reward in rewards if reward.stock]
    return {row.key: int(row.sold) for row in work.rows(_SOLD, keys=keys)} if keys else {}


def lock_stock(work: UnitOfWork, reward: Reward) -> int:
    """How many of a reward are sold, held still until the end of the unit of work. After the balances are locked."""
    work.run(_LOCK_STOCK, key=f"stock:{reward.key}")
    return sold(work, [reward]).get(reward.key, 0)


def to_hand_over(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """Custom rewards that were bought and wait for the shop, oldest first, each with its customer's names."""
    return work.rows(_TO_HAND_OVER, limit=limit)


def credit_ends(work: UnitOfWork, customer_id: CustomerId, since: datetime) -> set[datetime]:
    """The instants at which credits of the customer end, from `since` on."""
    return {row.expires_at for row in work.rows(_CREDIT_ENDS, customer_id=customer_id, since=since)}


def lock_unused(work: UnitOfWork, before: datetime, limit: int) -> Sequence[Any]:
    return work.rows(_LOCK_UNUSED, before=before, limit=limit)


def as_redemption(row: Any) -> Redemption:
    reward = Reward.read(row.reward)
    return Redemption(
        row.redemption_id,
        row.customer_id,
        row.points,
        row.code,
        row.expires_at,
        row.refused_at is not None,
        row.used_by,
        row.returned,
        money=reward.handed_over,
        issued=row.issued_at is not None,
        taken_back=row.taken_back_at is not None,
        ended=row.ended_at is not None,
        by_hand=reward.kind == Kind.CUSTOM,
        goods_minor=row.goods_minor or 0,
        refunded_minor=row.refunded_minor or 0,
    )


def redemption_booked(work: UnitOfWork, redemption_id: int) -> Sequence[Any]:
    """What the ledger says of a redemption, by account and lot: points and how many entries."""
    return work.rows(_REDEMPTION_BOOKED, redemption_id=redemption_id)


def mark_issued(work: UnitOfWork, code: str) -> None:
    work.run(_ISSUED, code=code, now=work.now)


def mark_refused(work: UnitOfWork, code: str, reason: str) -> None:
    work.run(_REFUSED, code=code, now=work.now, reason=reason)


def mark_ended(work: UnitOfWork, codes: Sequence[str]) -> list[str]:
    """Note that the merchant ended these codes; answers with those that could still have been used."""
    return [row.code for row in work.rows(_ENDED, codes=list(codes), now=work.now)]


def mark_taken_back(work: UnitOfWork, code: str) -> None:
    work.run(_TAKEN_BACK, code=code, now=work.now)


def mark_kept(work: UnitOfWork, code: str, reason: str) -> None:
    """The store would not give it back: say why."""
    work.run(_KEPT, code=code, reason=reason)


def mark_outcome(work: UnitOfWork, redemption_id: int, outcome: str | None) -> None:
    work.run(_OUTCOME, redemption_id=redemption_id, outcome=outcome)
