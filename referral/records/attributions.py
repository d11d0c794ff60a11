"""What referral remembers:

each advocate's code, the claims made on it, and one attribution for each order that carries either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork, as_json
from referral.rules import Verdict

_CODE_OF = text("SELECT code FROM referral_codes WHERE shop_id = :shop_id AND customer_id = :customer_id")
_GIVE_CODE = text("""
    INSERT INTO referral_codes (shop_id, customer_id, code, created_at) VALUES (:shop_id, :customer_id, :code, :now)
    ON CONFLICT DO NOTHING
    RETURNING (SELECT external_id FROM customers WHERE shop_id = :shop_id AND customer_id = :customer_id) AS external_id
""")
# A code stays with whom it was given to, also when they are merged into another: links that are out in the world go on
# working, and lead to the one who was kept.
_ADVOCATE = text("""
    SELECT coalesce(c.merged_into, c.customer_id) AS customer_id
    FROM referral_codes r JOIN customers c ON c.shop_id = r.shop_id AND c.customer_id = r.customer_id
    WHERE r.shop_id = :shop_id AND r.code = :code
""")
_CLAIM = text("""
    INSERT INTO claims (shop_id, advocate_id, friend_digest, code, claimed_at, ends_at, terms_version)
    VALUES (:shop_id, :advocate_id, :friend_digest, :code, :now, :ends_at, :terms_version)
    ON CONFLICT (shop_id, friend_digest) DO UPDATE SET friend_digest = excluded.friend_digest
    RETURNING claim_id, advocate_id, code, ends_at, (xmax = 0) AS made
""")
# An order is linked by the friend's own discount code before a bare referral code: typing a code is the stronger word.
_LINK = text("""
    SELECT g.order_id, coalesce(c.advocate_id, k.merged_into, r.customer_id) AS advocate_id, c.claim_id
    FROM json_to_recordset(CAST(:rows AS json)) AS g(order_id bigint, referral_code text, discount_codes text[])
    LEFT JOIN LATERAL (SELECT claim_id, advocate_id FROM claims
                       WHERE shop_id = :shop_id AND code = ANY(g.discount_codes) ORDER BY claim_id LIMIT 1) c ON true
    LEFT JOIN referral_codes r ON r.shop_id = :shop_id AND r.code = g.referral_code
    LEFT JOIN customers k ON k.shop_id = :shop_id AND k.customer_id = r.customer_id
    WHERE coalesce(c.advocate_id, r.customer_id) IS NOT NULL
""")
# Whoever knows a checkout's token was in that checkout. A flood of made-up ones is cut off.
_TOUCH = text("""
    INSERT INTO touches (shop_id, checkout_token, advocate_id, seen_at)
    SELECT :shop_id, :checkout_token, r.customer_id, :now FROM referral_codes r
    WHERE r.shop_id = :shop_id AND r.code = :code
      AND (SELECT count(*) FROM (SELECT FROM touches t WHERE t.shop_id = :shop_id AND t.seen_at > :since LIMIT :most) n)
          < :most
    ON CONFLICT DO NOTHING RETURNING advocate_id
""")
_TOUCHED_ORDER = text("""
    SELECT order_id FROM orders
    WHERE shop_id = :shop_id AND external_id = :order_external_id AND checkout_token = :checkout_token
""")
_BY_TOUCH = text("""
    SELECT o.order_id, t.advocate_id, CAST(NULL AS bigint) AS claim_id FROM orders o
    JOIN touches t ON t.shop_id = :shop_id AND t.checkout_token = o.checkout_token
    WHERE o.shop_id = :shop_id AND o.order_id = ANY(:order_ids)
      AND t.seen_at BETWEEN o.placed_at - :apart AND o.placed_at + :apart
""")
_PURGE_TOUCHES = text("DELETE FROM touches WHERE shop_id = :shop_id AND seen_at < :before")
_OF_FRIENDS = text("""
    SELECT order_id, advocate_id, claim_id FROM attributions
    WHERE shop_id = :shop_id AND friend_id = ANY(:customer_ids)
""")
_DECIDE = text("""
    INSERT INTO attributions (shop_id, order_id, advocate_id, friend_id, claim_id, verdict, terms_version, decided_at)
    SELECT :shop_id, g.order_id, g.advocate_id, g.friend_id, g.claim_id, g.verdict, :terms_version, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        order_id bigint, advocate_id bigint, friend_id bigint, claim_id bigint, verdict text)
    ORDER BY g.order_id
    ON CONFLICT (shop_id, order_id) DO UPDATE
        SET friend_id = excluded.friend_id, verdict = excluded.verdict, decided_at = excluded.decided_at
        WHERE (attributions.friend_id, attributions.verdict) IS DISTINCT FROM (excluded.friend_id, excluded.verdict)
""")
_PAIRS = "json_to_recordset(CAST(:rows AS json)) AS g(gone_id bigint, kept_id bigint)"
# The kept customer keeps the code that they have; without one, they take over the oldest of those who are gone.
_MOVE_CODES = text(f"""
    UPDATE referral_codes r SET customer_id = m.kept_id
    FROM (SELECT DISTINCT ON (g.kept_id) g.kept_id, o.code FROM {_PAIRS}
          JOIN referral_codes o ON o.shop_id = :shop_id AND o.customer_id = g.gone_id
          WHERE NOT EXISTS (SELECT FROM referral_codes k WHERE k.shop_id = :shop_id AND k.customer_id = g.kept_id)
          ORDER BY g.kept_id, o.created_at, o.code) m
    WHERE r.shop_id = :shop_id AND r.code = m.code
""")
_MOVE_CLAIMS = text(f"""
    UPDATE claims c SET advocate_id = g.kept_id FROM {_PAIRS} WHERE c.shop_id = :shop_id AND c.advocate_id = g.gone_id
""")
_MOVE_ADVOCATES = text(f"""
    UPDATE attributions a SET advocate_id = g.kept_id FROM {_PAIRS}
    WHERE a.shop_id = :shop_id AND a.advocate_id = g.gone_id
""")
_MOVE_FRIENDS = text(f"""
    UPDATE attributions a SET friend_id = g.kept_id FROM {_PAIRS} WHERE a.shop_id = :shop_id AND a.friend_id = g.gone_id
""")
_MOVE_TOUCHES = text(f"""
    UPDATE touches t SET advocate_id = g.kept_id FROM {_PAIRS} WHERE t.shop_id = :shop_id AND t.advocate_id = g.gone_id
""")
_REFERRALS = text("""
    SELECT a.verdict, a.decided_at, o.name AS order_name, o.placed_at FROM attributions a
    JOIN orders o ON o.shop_id = a.shop_id AND o.order_id = a.order_id
    WHERE a.shop_id = :shop_id AND a.advocate_id = :customer_id ORDER BY o.placed_at DESC LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Link:
    """An order and the advocate whose code or claim it carries."""

    order_id: OrderId
    advocate_id: CustomerId
    claim_id: int | None


@dataclass(frozen=True, slots=True)
class Attribution:
    """The decision on one order."""

    order_id: OrderId
    advocate_id: CustomerId
    friend_id: CustomerId | None
    claim_id: int | None
    verdict: Verdict


def code_of(work: UnitOfWork, customer_id: CustomerId) -> str | None:
    row = work.row(_CODE_OF, customer_id=customer_id)
    return row.code if row else None


def give_code(work: UnitOfWork, customer_id: CustomerId, code: str) -> str | None:
    """Give `code`, unless the customer has one or somebody else has this one: then the caller looks again.

    Answers with the external id of the customer to whom it was given.
    """
    row = work.row(_GIVE_CODE, customer_id=customer_id, code=code, now=work.now)
    return row.external_id if row else None


def advocate(work: UnitOfWork, code: str) -> CustomerId | None:
    row = work.row(_ADVOCATE, code=code)
    return row.customer_id if row else None


def put_claim(
    work: UnitOfWork, advocate_id: CustomerId, friend_digest: bytes, code: str, ends_at: datetime, terms_version: int
) -> Any:
    """The friend's claim: the first they made, for whichever advocate. `made` says whether it is this one."""
    row = work.row(
        _CLAIM,
        advocate_id=advocate_id,
        friend_digest=friend_digest,
        code=code,
        now=work.now,
        ends_at=ends_at,
        terms_version=terms_version,
    )
    assert row is not None
    return row


def links(work: UnitOfWork, carriers: Sequence[dict[str, object]]) -> list[Link]:
    """Of the orders given (order_id, referral_code, discount_codes), those that carry an advocate's code or a
    friend's.
    """
    return [Link(*row) for row in work.rows(_LINK, rows=as_json(carriers))] if carriers else []


def touch(work: UnitOfWork, code: str, checkout_token: str, since: datetime, most: int) -> bool:
    """Note the first touch of a checkout; False where there is no such code, a touch already, or too many of late."""
    given = {"code": code, "checkout_token": checkout_token, "since": since, "most": most}
    return work.row(_TOUCH, now=work.now, **given) is not None


def touched_order(work: UnitOfWork, checkout_token: str, order_external_id: str) -> OrderId | None:
    row = work.row(_TOUCHED_ORDER, checkout_token=checkout_token, order_external_id=order_external_id)
    return row.order_id if row else None


def links_by_touch(work: UnitOfWork, order_ids: Sequence[OrderId], apart: timedelta) -> list[Link]:
    """Of these orders, those whose checkout was touched at about the time at which they were placed."""
    return [Link(*row) for row in work.rows(_BY_TOUCH, order_ids=list(order_ids), apart=apart)] if order_ids else []


def purge_touches(work: UnitOfWork, before: datetime) -> None:
    work.run(_PURGE_TOUCHES, before=before)


def links_of_friends(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> list[Link]:
    """Orders already attributed whose friend is among these customers:

    what they bought since may change the verdict.
    """
    return [Link(*row) for row in work.rows(_OF_FRIENDS, customer_ids=list(customer_ids))] if customer_ids else []


def move(work: UnitOfWork, owners: Mapping[CustomerId, CustomerId]) -> None:
    """Codes, claims and attributions of each key become those of its value."""
    rows = as_json([{"gone_id": gone, "kept_id": kept} for gone, kept in owners.items()])
    for statement in (_MOVE_CODES, _MOVE_CLAIMS, _MOVE_ADVOCATES, _MOVE_FRIENDS, _MOVE_TOUCHES):
        work.run(statement, rows=rows)


def decide(work: UnitOfWork, attributions: Sequence[Attribution], terms_version: int) -> None:
    work.run(_DECIDE, rows=as_json(attributions), terms_version=terms_version, now=work.now)


def referrals_of(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_REFERRALS, customer_id=customer_id, limit=limit)
