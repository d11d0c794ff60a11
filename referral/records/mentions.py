"""Mentions as they are remembered: every word of who brought an order, and the touches that some of them come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text

from commerce.ids import OrderId
from engine.work import UnitOfWork, as_json
from referral.records.codes import PAIRS, STANDS
from referral.rules import Mention, Source

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
_PURGE_TOUCHES = text("DELETE FROM touches WHERE shop_id = :shop_id AND seen_at < :before")
_MOVE_TOUCHES = text(f"""
    UPDATE touches t SET advocate_id = g.kept_id FROM {PAIRS} WHERE t.shop_id = :shop_id AND t.advocate_id = g.gone_id
""")
# What came with an order was said when it was placed. The words of a claim and of a touch have times of their own.
_GATHER = text(f"""
    WITH given AS (
        SELECT g.order_id, decode(g.digest, 'hex') AS digest, o.placed_at, o.customer_id, o.discount_codes,
               o.referral_code, o.landing_code, o.checkout_token
        FROM json_to_recordset(CAST(:rows AS json)) AS g(order_id bigint, digest text)
        JOIN orders o ON o.shop_id = :shop_id AND o.order_id = g.order_id
    ), coded AS (
        SELECT order_id, '{Source.CODE}' AS source, unnest(discount_codes) AS code, placed_at FROM given
        UNION ALL
        SELECT order_id, '{Source.ATTRIBUTE}', referral_code, placed_at FROM given
        WHERE referral_code IS NOT NULL AND referral_code IS DISTINCT FROM landing_code
        UNION ALL
        SELECT order_id, '{Source.LANDING}', landing_code, placed_at FROM given WHERE landing_code IS NOT NULL
    ), found AS (
        SELECT g.order_id, '{Source.FRIEND_CODE}' AS source, k.advocate_id, k.claim_id, k.claimed_at AS at
        FROM given g CROSS JOIN LATERAL unnest(g.discount_codes) AS d(code)
        JOIN claims k ON k.shop_id = :shop_id AND k.code = d.code
        UNION ALL
        SELECT n.order_id, n.source, r.customer_id, NULL, n.placed_at
        FROM coded n JOIN referral_codes r ON r.shop_id = :shop_id AND r.code = n.code
        UNION ALL
        SELECT g.order_id, CASE k.way WHEN 'name' THEN '{Source.NAME}' ELSE '{Source.PERSON}' END, k.advocate_id,
               k.claim_id, k.claimed_at
        FROM given g
        JOIN claims k ON k.shop_id = :shop_id AND k.friend_digest = g.digest AND k.claimed_at <= g.placed_at
        UNION ALL
        SELECT g.order_id, CASE k.way WHEN 'name' THEN '{Source.NAME}' ELSE '{Source.PERSON}' END, k.advocate_id,
               k.claim_id, k.claimed_at
        FROM given g
        JOIN claims k ON k.shop_id = :shop_id AND k.friend_id = g.customer_id AND k.claimed_at <= g.placed_at
        UNION ALL
        SELECT g.order_id, '{Source.TOUCH}', t.advocate_id, NULL, t.seen_at
        FROM given g JOIN touches t ON t.shop_id = :shop_id AND t.checkout_token = g.checkout_token
            AND t.seen_at BETWEEN g.placed_at - :apart AND g.placed_at + :apart
    )
    INSERT INTO mentions (shop_id, order_id, source, advocate_id, claim_id, at)
    SELECT DISTINCT ON (f.order_id, f.source, c.customer_id) :shop_id, f.order_id, f.source, c.customer_id, f.claim_id,
           f.at
    FROM found f JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = f.advocate_id AND {STANDS}
    ORDER BY f.order_id, f.source, c.customer_id, f.at
    ON CONFLICT DO NOTHING
""")
# Whoever was merged since is named as the one who was kept.
_MENTIONS = text("""
    SELECT m.order_id, m.source, coalesce(c.merged_into, m.advocate_id) AS advocate_id, m.at, m.claim_id
    FROM mentions m JOIN customers c ON c.shop_id = m.shop_id AND c.customer_id = m.advocate_id
    WHERE m.shop_id = :shop_id AND m.order_id = ANY(:order_ids)
    ORDER BY m.order_id, m.at, m.source, m.advocate_id
""")


def touch(work: UnitOfWork, code: str, checkout_token: str, since: datetime, most: int) -> bool:
    """Note the first touch of a checkout; False where there is no such code, a touch already, or too many of late."""
    given = {"code": code, "checkout_token": checkout_token, "since": since, "most": most}
    return work.row(_TOUCH, now=work.now, **given) is not None


def touched_order(work: UnitOfWork, checkout_token: str, order_external_id: str) -> OrderId | None:
    row = work.row(_TOUCHED_ORDER, checkout_token=checkout_token, order_external_id=order_external_id)
    return row.order_id if row else None


def purge_touches(work: UnitOfWork, before: datetime) -> None:
    work.run(_PURGE_TOUCHES, before=before)


def move_touches(work: UnitOfWork, rows: str) -> None:
    work.run(_MOVE_TOUCHES, rows=rows)


def gather(work: UnitOfWork, orders: Sequence[tuple[OrderId, str | None]], apart: timedelta) -> None:
    """Write down every mention of these orders that is not there yet: each order with the digest of its buyer's
    address, in hexadecimal, or None.

    A touch belongs to an order that was placed at most `apart` from it.
    """
    rows = [{"order_id": order_id, "digest": digest} for order_id, digest in orders]
    work.run(_GATHER, rows=as_json(rows), apart=apart)


def mentions(work: UnitOfWork, order_ids: Sequence[OrderId]) -> dict[OrderId, list[Mention]]:
    """All mentions of those of the orders that have any."""
    found = defaultdict[OrderId, list[Mention]](list)
    if order_ids:
        for row in work.rows(_MENTIONS, order_ids=list(order_ids)):
            found[row.order_id].append(Mention(Source(row.source), row.advocate_id, row.at, row.claim_id))
    return dict(found)
