"""Redemptions as they are remembered: what was bought, with which code, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json
from loyalty.rules import Kind, Redemption, Reward

_REDEMPTION_COLUMNS = """
    r.redemption_id, r.customer_id, r.reward, r.points, r.code, r.created_at, r.expires_at, r.issued_at, r.refused_at,
    r.refusal, r.outcome, r.terms_version, r.taken_back_at, r.ended_at
"""
_INSERT_REDEMPTIONS = text(f"""
    INSERT INTO redemptions AS r (shop_id, customer_id, request_key, reward, points, code, created_at, expires_at,
                                  terms_version)
    SELECT :shop_id, g.customer_id, g.request_key, g.reward, g.points, g.code, :now, g.expires_at, :terms_version
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, request_key text, reward jsonb, points bigint,
        code text, expires_at timestamptz)
    RETURNING r.request_key, {_REDEMPTION_COLUMNS}
""")
_BY_REQUESTS = text(f"""
    SELECT r.request_key, {_REDEMPTION_COLUMNS}
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, request_key text)
    JOIN redemptions r ON r.shop_id = :shop_id AND r.customer_id = g.customer_id AND r.request_key = g.request_key
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
_OF_CUSTOMER = text(f"""
    SELECT {_REDEMPTION_COLUMNS} FROM redemptions r
    WHERE r.shop_id = :shop_id AND r.customer_id = :customer_id AND r.redemption_id = :redemption_id
""")
# What a customer bought and kept: what was released counts for no limit.
_BOUGHT = text("""
    SELECT customer_id, key, created_at FROM (
        SELECT customer_id, reward ->> 'key' AS key, created_at, redemption_id,
               row_number() OVER (PARTITION BY customer_id, reward ->> 'key' ORDER BY redemption_id DESC) AS nth
        FROM redemptions
        WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND reward ->> 'key' = ANY(:keys)
          AND (outcome IS NULL OR outcome = 'used')) b
    WHERE nth <= :limit ORDER BY redemption_id DESC
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
    SELECT customer_id, expires_at FROM redemptions
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND reward ->> 'kind' = 'store_credit'
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
# The newest, and before them those that can still be used: who has paid for something finds it, however long ago.
_REDEMPTIONS_SHOWN = text(f"""
    SELECT {_REDEMPTION_COLUMNS} FROM redemptions r
    WHERE r.shop_id = :shop_id AND r.customer_id = :customer_id
      AND (r.redemption_id IN (SELECT n.redemption_id FROM redemptions n
                               WHERE n.shop_id = :shop_id AND n.customer_id = :customer_id
                               ORDER BY n.redemption_id DESC LIMIT :newest)
           OR r.outcome IS NULL AND r.refused_at IS NULL AND r.expires_at > :now
           OR r.outcome = 'used' AND r.reward ->> 'kind' = 'gift_card')
    ORDER BY r.redemption_id DESC LIMIT :limit
""")


def insert_redemptions(
    work: UnitOfWork, purchases: Sequence[Mapping[str, Any]], terms_version: int
) -> dict[tuple[CustomerId, str], Any]:
    """Write what was bought (customer_id, request_key, reward, points, code, expires_at); the rows by whose click
    they are.
    """
    rows = work.rows(_INSERT_REDEMPTIONS, rows=as_json(purchases), now=work.now, terms_version=terms_version)
    return {(row.customer_id, row.request_key): row for row in rows}


def redemptions_of_requests(
    work: UnitOfWork, requests: Sequence[tuple[CustomerId, str]]
) -> dict[tuple[CustomerId, str], Any]:
    """What customers were handed over before under the keys of these requests."""
    asked = [{"customer_id": customer_id, "request_key": key} for customer_id, key in requests]
    return {(row.customer_id, row.request_key): row for row in work.rows(_BY_REQUESTS, rows=as_json(asked))}


def redemptions_of(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_REDEMPTIONS_OF, customer_id=customer_id, limit=limit)


def redemptions_shown(work: UnitOfWork, customer_id: CustomerId, newest: int, limit: int) -> Sequence[Any]:
    return work.rows(_REDEMPTIONS_SHOWN, customer_id=customer_id, newest=newest, limit=limit, now=work.now)


def redemption_of(work: UnitOfWork, customer_id: CustomerId, redemption_id: int) -> Any:
    """A redemption of this customer's; None where they have none of that number."""
    return work.row(_OF_CUSTOMER, customer_id=customer_id, redemption_id=redemption_id)


def lock_redemptions(work: UnitOfWork, codes: Sequence[str]) -> Sequence[Any]:
    """The redemptions of these codes with the facts that decide them, locked in the order of their ids."""
    return work.rows(_LOCK_BY_CODE, codes=list(codes)) if codes else []


def lock_redemption(work: UnitOfWork, redemption_id: int) -> Any:
    return work.row(_BY_ID, redemption_id=redemption_id)


def bought(work: UnitOfWork, customer_id: CustomerId, rewards: Sequence[Reward]) -> dict[str, list[datetime]]:
    """When the customer bought those of the rewards that have a limit, newest first, as far as a limit can tell."""
    return {key: times for (_, key), times in bought_by(work, [customer_id], rewards).items()}


def bought_by(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], rewards: Sequence[Reward]
) -> dict[tuple[CustomerId, str], list[datetime]]:
    """The same of many customers, by customer and reward."""
    limited = {reward.key: reward.limit for reward in rewards if reward.limit}
    found = dict[tuple[CustomerId, str], list[datetime]]()
    if limited:
        given = {"customer_ids": list(customer_ids), "keys": list(limited), "limit": max(limited.values())}
        for row in work.rows(_BOUGHT, **given):
            found.setdefault((row.customer_id, row.key), []).append(row.created_at)
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


def credit_ends(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], since: datetime
) -> dict[CustomerId, set[datetime]]:
    """The instants at which credits of each customer end, from `since` on."""
    found = dict[CustomerId, set[datetime]]()
    for row in work.rows(_CREDIT_ENDS, customer_ids=list(customer_ids), since=since):
        found.setdefault(row.customer_id, set()).add(row.expires_at)
    return found


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
