"""Friends' claims as they are remembered: those taken up, those refused, and who tries too often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork, as_json
from referral.records.codes import PAIRS, STANDS

# In the order of their digests: two processes that take the same friends in do not wait for each other in a circle.
_CLAIM = text("""
    INSERT INTO claims (shop_id, advocate_id, friend_digest, code, claimed_at, ends_at, terms_version, way, friend_id)
    SELECT :shop_id, g.advocate_id, decode(g.digest, 'hex'), g.code, :now, :ends_at, :terms_version, g.way, g.friend_id
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        advocate_id bigint, digest text, code text, way text, friend_id bigint)
    ORDER BY g.digest
    ON CONFLICT (shop_id, friend_digest) DO UPDATE SET friend_digest = excluded.friend_digest
    RETURNING encode(friend_digest, 'hex') AS digest, claim_id, advocate_id, code, claimed_at, ends_at,
              (xmax = 0) AS made
""")
# For each who claims: the advocate of the code, and the customer who is logged in, else who has this address. The
# address is compared as its index has it.
_LOOK_UP = text(f"""
    SELECT g.place, a.customer_id AS advocate_id, k.customer_id, k.external_id,
           EXISTS (SELECT FROM orders o WHERE o.shop_id = :shop_id AND o.customer_id = k.customer_id
                   AND o.paid AND o.cancelled_at IS NULL AND NOT o.test) AS bought
    FROM json_to_recordset(CAST(:rows AS json)) AS g(place integer, code text, email text, customer_id bigint)
    LEFT JOIN LATERAL (
        SELECT coalesce(c.merged_into, c.customer_id) AS customer_id FROM referral_codes r
        JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = r.customer_id AND {STANDS}
        WHERE r.shop_id = :shop_id AND r.code = g.code) a ON true
    LEFT JOIN LATERAL (
        (SELECT c.customer_id, c.external_id FROM customers c
         WHERE c.shop_id = :shop_id AND c.customer_id = g.customer_id)
        UNION ALL
        (SELECT c.customer_id, c.external_id FROM customers c
         WHERE g.customer_id IS NULL AND c.shop_id = :shop_id AND c.email_key COLLATE "C" = g.email
           AND c.gone_at IS NULL AND c.redacted_at IS NULL
         ORDER BY EXISTS (SELECT FROM orders o WHERE o.shop_id = :shop_id AND o.customer_id = c.customer_id) DESC,
                  c.customer_id LIMIT 1)
    ) k ON true
""")
_REFUSE = text("""
    INSERT INTO refused_claims (shop_id, advocate_id, friend_digest, reason, refused_at)
    SELECT :shop_id, g.advocate_id, decode(g.digest, 'hex'), g.reason, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS g(advocate_id bigint, digest text, reason text)
""")
_TRY = text("""
    INSERT INTO claim_tries (shop_id, whence, since, tries)
    SELECT :shop_id, decode(g.whence, 'hex'), :since, g.tries
    FROM json_to_recordset(CAST(:rows AS json)) AS g(whence text, tries integer) ORDER BY g.whence
    ON CONFLICT (shop_id, whence, since) DO UPDATE SET tries = claim_tries.tries + excluded.tries
    RETURNING encode(whence, 'hex') AS whence, tries
""")
_AFTER = text("""
    SELECT claim_id, advocate_id, claimed_at FROM claims
    WHERE shop_id = :shop_id AND claim_id > :after ORDER BY claim_id LIMIT :limit
""")
_LAST = text("SELECT coalesce(max(claim_id), 0) AS claim_id FROM claims WHERE shop_id = :shop_id")
_MISSES = text("""
    SELECT count(*) AS missed FROM (
        SELECT FROM refused_claims WHERE shop_id = :shop_id AND refused_at > :since AND reason = :reason LIMIT :most) n
""")
_HEARSAY = text("""
    SELECT EXISTS (SELECT FROM claims WHERE shop_id = :shop_id) AS claims,
           EXISTS (SELECT FROM touches WHERE shop_id = :shop_id) AS touches
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


def look_up(work: UnitOfWork, rows: Sequence[Mapping[str, object]]) -> dict[int, Any]:
    """For each row (place, code, email, customer_id), by its place: advocate_id, and of whoever claims customer_id,
    external_id and bought, as far as the store knows them.
    """
    return {row.place: row for row in work.rows(_LOOK_UP, rows=as_json(rows))} if rows else {}


def put_claims(
    work: UnitOfWork, rows: Sequence[Mapping[str, object]], ends_at: datetime, terms_version: int
) -> dict[str, Any]:
    """Friends' claims (advocate_id, digest, code, way, friend_id; no digest twice): by digest the first that each
    friend made, for whichever advocate. `made` says whether it is this one.
    """
    if not rows:
        return {}
    put = work.rows(_CLAIM, rows=as_json(rows), now=work.now, ends_at=ends_at, terms_version=terms_version)
    return {row.digest: row for row in put}


def note_refused(work: UnitOfWork, rows: Sequence[Mapping[str, object]]) -> None:
    """Refused claims: advocate_id, digest, reason."""
    if rows:
        work.run(_REFUSE, rows=as_json(rows), now=work.now)


def count_tries(work: UnitOfWork, tries: Mapping[str, int], since: datetime) -> dict[str, int]:
    """How many tries there are now from each place, with these, in this span of time."""
    rows = [{"whence": whence, "tries": many} for whence, many in tries.items()]
    return {row.whence: row.tries for row in work.rows(_TRY, rows=as_json(rows), since=since)}


def missed(work: UnitOfWork, since: datetime, reason: str, most: int) -> int:
    """How many claims were refused since then for that reason, counted up to `most`."""
    row = work.row(_MISSES, since=since, reason=reason, most=most)
    assert row is not None
    return int(row.missed)


def hearsay(work: UnitOfWork) -> Any:
    """Whether the shop has any `claims`, and any `touches`: where it has none, an order alone names an advocate."""
    return work.row(_HEARSAY)


def purge(work: UnitOfWork, tries_kept: timedelta, refusals_kept: timedelta) -> None:
    work.run(_PURGE_TRIES, before=work.now - tries_kept)
    work.run(_PURGE_REFUSED, before=work.now - refusals_kept)


def move_claims(work: UnitOfWork, rows: str) -> None:
    for statement in _MOVE:
        work.run(statement, rows=rows)


def after(work: UnitOfWork, claim_id: int, limit: int) -> Sequence[Any]:
    """Claims with greater numbers, in their order: claim_id, advocate_id, claimed_at."""
    return work.rows(_AFTER, after=claim_id, limit=limit)


def last(work: UnitOfWork) -> int:
    """The greatest number of a claim; 0 where there is none."""
    row = work.row(_LAST)
    return int(row.claim_id) if row else 0
