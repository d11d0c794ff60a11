"""What referral remembers:

each advocate's code, the claims made on it, and one attribution for each order that carries either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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
_ADVOCATE = text("SELECT customer_id FROM referral_codes WHERE shop_id = :shop_id AND code = :code")
_CLAIM = text("""
    INSERT INTO claims (shop_id, advocate_id, friend_digest, code, claimed_at, ends_at, terms_version)
    VALUES (:shop_id, :advocate_id, :friend_digest, :code, :now, :ends_at, :terms_version)
    ON CONFLICT (shop_id, friend_digest) DO UPDATE SET friend_digest = excluded.friend_digest
    RETURNING advocate_id, code, ends_at, (xmax = 0) AS made
""")
# An order is linked by the friend's own discount code before a bare referral code: typing a code is the stronger word.
_LINK = text("""
    SELECT g.order_id, coalesce(c.advocate_id, r.customer_id) AS advocate_id, c.claim_id
    FROM json_to_recordset(CAST(:rows AS json)) AS g(order_id bigint, referral_code text, discount_codes text[])
    LEFT JOIN LATERAL (SELECT claim_id, advocate_id FROM claims
                       WHERE shop_id = :shop_id AND code = ANY(g.discount_codes) ORDER BY claim_id LIMIT 1) c ON true
    LEFT JOIN referral_codes r ON r.shop_id = :shop_id AND r.code = g.referral_code
    WHERE coalesce(c.advocate_id, r.customer_id) IS NOT NULL
""")
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


def links_of_friends(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> list[Link]:
    """Orders already attributed whose friend is among these customers:

    what they bought since may change the verdict.
    """
    return [Link(*row) for row in work.rows(_OF_FRIENDS, customer_ids=list(customer_ids))] if customer_ids else []


def decide(work: UnitOfWork, attributions: Sequence[Attribution], terms_version: int) -> None:
    work.run(_DECIDE, rows=as_json(attributions), terms_version=terms_version, now=work.now)


def referrals_of(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_REFERRALS, customer_id=customer_id, limit=limit)
