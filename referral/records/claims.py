"""Friends' claims as they are remembered: those taken up, those refused, and who tries too often."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork
from referral.records.codes import PAIRS

_CLAIM = text("""
    INSERT INTO claims (shop_id, advocate_id, friend_digest, code, claimed_at, ends_at, terms_version, way, friend_id)
    VALUES (:shop_id, :advocate_id, :friend_digest, :code, :now, :ends_at, :terms_version, :way, :friend_id)
    ON CONFLICT (shop_id, friend_digest) DO UPDATE SET friend_digest = excluded.friend_digest
    RETURNING claim_id, advocate_id, code, claimed_at, ends_at, (xmax = 0) AS made
""")
# Whoever has this address, as the store knows them: their number, and whether they have bought something that stands.
_KNOWN = text("""
    SELECT coalesce(c.merged_into, c.customer_id) AS customer_id, c.external_id,
           EXISTS (SELECT FROM orders o WHERE o.shop_id = :shop_id AND o.customer_id = c.customer_id
                   AND o.paid AND o.cancelled_at IS NULL AND NOT o.test) AS bought
    FROM customers c
    WHERE c.shop_id = :shop_id AND c.email_key = :email AND c.gone_at IS NULL AND c.redacted_at IS NULL
    ORDER BY bought DESC, c.customer_id LIMIT 1
""")
_KNOWN_BY_ID = text("""
    SELECT c.customer_id, c.external_id,
           EXISTS (SELECT FROM orders o WHERE o.shop_id = :shop_id AND o.customer_id = c.customer_id
                   AND o.paid AND o.cancelled_at IS NULL AND NOT o.test) AS bought
    FROM customers c WHERE c.shop_id = :shop_id AND c.customer_id = :customer_id
""")
_REFUSE = text("""
    INSERT INTO refused_claims (shop_id, advocate_id, friend_digest, reason, refused_at)
    VALUES (:shop_id, :advocate_id, :friend_digest, :reason, :now)
""")
_TRY = text("""
    INSERT INTO claim_tries (shop_id, whence, since, tries) VALUES (:shop_id, :whence, :since, 1)
    ON CONFLICT (shop_id, whence, since) DO UPDATE SET tries = claim_tries.tries + 1 RETURNING tries
""")
_MISSES = text("""
    SELECT count(*) AS missed FROM (
        SELECT FROM refused_claims WHERE shop_id = :shop_id AND refused_at > :since AND reason = ANY(:reasons)
        LIMIT :most) n
""")
_PURGE_TRIES = text("DELETE FROM claim_tries WHERE shop_id = :shop_id AND since < :before")
_PURGE_REFUSED = text("DELETE FROM refused_claims WHERE shop_id = :shop_id AND refused_at < :before")
_MOVE = (
    text(f"""
        UPDATE claims c SET advocate_id = g.kept_id FROM {PAIRS}
        WHERE c.shop_id = :shop_id AND c.advocate_id = g.gone_id
    """),
    text(f"""
        UPDATE claims c SET friend_id = g.kept_id FROM {PAIRS}
        WHERE c.shop_id = :shop_id AND c.friend_id = g.gone_id
    """),
    text(f"""
        UPDATE refused_claims c SET advocate_id = g.kept_id FROM {PAIRS}
        WHERE c.shop_id = :shop_id AND c.advocate_id = g.gone_id
    """),
)


def put_claim(
    work: UnitOfWork,
    advocate_id: CustomerId,
    friend_digest: bytes,
    *,
    code: str,
    ends_at: datetime,
    terms_version: int,
    way: str,
    friend_id: CustomerId | None,
) -> Any:
    """The friend's claim: the first they made, for whichever advocate. `made` says whether it is this one."""
    row = work.row(
        _CLAIM, advocate_id=advocate_id, friend_digest=friend_digest, code=code, now=work.now, ends_at=ends_at,
        terms_version=terms_version, way=way, friend_id=friend_id,
    )  # fmt: skip
    assert row is not None
    return row


def known(work: UnitOfWork, email: str | None, customer_id: CustomerId | None) -> Any:
    """The customer who is logged in, else who has this e-mail address: customer_id, external_id, bought; or None."""
    if customer_id is not None:
        return work.row(_KNOWN_BY_ID, customer_id=customer_id)
    return work.row(_KNOWN, email=email) if email is not None else None


def note_refused(work: UnitOfWork, advocate_id: CustomerId | None, friend_digest: bytes | None, reason: str) -> None:
    work.run(_REFUSE, advocate_id=advocate_id, friend_digest=friend_digest, reason=reason, now=work.now)


def count_try(work: UnitOfWork, whence: bytes, since: datetime) -> int:
    """The how manyeth try this is from there in this span of time."""
    row = work.row(_TRY, whence=whence, since=since)
    assert row is not None
    return int(row.tries)


def missed(work: UnitOfWork, since: datetime, reasons: list[str], most: int) -> int:
    """How many claims were refused since then for one of these reasons, counted up to `most`."""
    row = work.row(_MISSES, since=since, reasons=reasons, most=most)
    assert row is not None
    return int(row.missed)


def purge(work: UnitOfWork, tries_kept: timedelta, refusals_kept: timedelta) -> None:
    work.run(_PURGE_TRIES, before=work.now - tries_kept)
    work.run(_PURGE_REFUSED, before=work.now - refusals_kept)


def move_claims(work: UnitOfWork, rows: str) -> None:
    for statement in _MOVE:
        work.run(statement, rows=rows)
