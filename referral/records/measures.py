"""What referral counts: shares and clicks by day, channel and advocate, and what became of claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json
from referral.records.codes import STANDS

# By the shop's own calendar; all of it for the shop, and what bears a known code for its advocate. In the order of the
# keys, so that two who count at once wait for each other and never in a circle.
_COUNT = text(f"""
    WITH told AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g(what text, channel text, code text, many bigint)
    ), today AS (
        SELECT CAST(CAST(:now AS timestamptz) AT TIME ZONE timezone AS date) AS day FROM shops WHERE shop_id = :shop_id
    ), counted AS (
        INSERT INTO invitation_counts (shop_id, day, channel, what, many)
        SELECT :shop_id, d.day, t.channel, t.what, sum(t.many) FROM told t CROSS JOIN today d
        GROUP BY d.day, t.channel, t.what ORDER BY d.day, t.channel, t.what
        ON CONFLICT (shop_id, day, channel, what) DO UPDATE SET many = invitation_counts.many + excluded.many
    )
    INSERT INTO advocate_counts (shop_id, advocate_id, day, channel, what, many)
    SELECT :shop_id, coalesce(c.merged_into, c.customer_id) AS advocate_id, d.day, t.channel, t.what, sum(t.many)
    FROM told t CROSS JOIN today d
    JOIN referral_codes r ON r.shop_id = :shop_id AND r.code = t.code
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = r.customer_id
    WHERE {STANDS}
    GROUP BY 2, d.day, t.channel, t.what ORDER BY 2, d.day, t.channel, t.what
    ON CONFLICT (shop_id, advocate_id, day, channel, what) DO UPDATE SET many = advocate_counts.many + excluded.many
""")
_STEPS = """
    coalesce(sum(many) FILTER (WHERE what = 'share'), 0)::bigint AS shares,
    coalesce(sum(many) FILTER (WHERE what = 'click'), 0)::bigint AS clicks
"""
_COUNTED = text(f"""
    SELECT channel, {_STEPS} FROM invitation_counts WHERE shop_id = :shop_id AND day >= CAST(:since AS date)
    GROUP BY channel ORDER BY channel
""")
_OUTCOMES = """
    count(s.claim_id) AS claims, count(a.order_id) FILTER (WHERE a.verdict <> 'not_counted') AS orders,
    count(a.order_id) FILTER (WHERE a.verdict = 'friend' AND s.band = 'approve') AS rewards,
    count(a.order_id) FILTER (WHERE a.verdict = 'friend' AND s.band <> 'approve') AS held,
    coalesce(sum(greatest(0, o.goods_minor - o.refunded_minor)) FILTER (WHERE a.verdict = 'friend'), 0)::bigint
        AS kept_minor
    FROM screenings s
    LEFT JOIN attributions a ON a.shop_id = :shop_id AND a.order_id = s.order_id
    LEFT JOIN orders o ON o.shop_id = :shop_id AND o.order_id = s.order_id
"""
_BY_CHANNEL = text(f"""
    SELECT s.channel, {_OUTCOMES} WHERE s.shop_id = :shop_id AND s.began_at >= :since GROUP BY s.channel
    ORDER BY s.channel
""")
# The same of one advocate, with what was counted of those who were merged into them.
_COUNTED_OF = text(f"""
    SELECT n.channel, {_STEPS} FROM advocate_counts n
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = n.advocate_id
    WHERE n.shop_id = :shop_id AND n.day >= CAST(:since AS date)
      AND (n.advocate_id = :advocate_id OR c.merged_into = :advocate_id) GROUP BY n.channel ORDER BY n.channel
""")
_BY_CHANNEL_OF = text(f"""
    SELECT s.channel, {_OUTCOMES} WHERE s.shop_id = :shop_id AND s.advocate_id = :advocate_id
      AND s.began_at >= :since GROUP BY s.channel ORDER BY s.channel
""")
# Whoever shared stands here although nobody has claimed yet. What was counted of somebody who was merged is the kept
# one's.
_BY_ADVOCATE = text(f"""
    WITH outcomes AS (
        SELECT s.advocate_id, {_OUTCOMES} WHERE s.shop_id = :shop_id AND s.began_at >= :since GROUP BY s.advocate_id
    ), steps AS (
        SELECT coalesce(c.merged_into, c.customer_id) AS advocate_id, {_STEPS} FROM advocate_counts n
        JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = n.advocate_id
        WHERE n.shop_id = :shop_id AND n.day >= CAST(:since AS date) GROUP BY 1
    ), both_of_them AS (
        SELECT coalesce(f.advocate_id, n.advocate_id) AS advocate_id, coalesce(n.shares, 0) AS shares,
               coalesce(n.clicks, 0) AS clicks, coalesce(f.claims, 0) AS claims, coalesce(f.orders, 0) AS orders,
               coalesce(f.rewards, 0) AS rewards, coalesce(f.held, 0) AS held, coalesce(f.kept_minor, 0) AS kept_minor
        FROM outcomes f FULL JOIN steps n ON n.advocate_id = f.advocate_id
        ORDER BY rewards DESC, orders DESC, claims DESC, clicks DESC, shares DESC, advocate_id LIMIT :limit
    )
    SELECT advocate_id, shares, clicks, claims, orders, rewards, held, kept_minor FROM both_of_them
    ORDER BY rewards DESC, orders DESC, claims DESC, clicks DESC, shares DESC, advocate_id
""")
_PEOPLE = text("""
    SELECT customer_id, external_id, email, first_name, last_name, redacted_at FROM customers
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
""")
# Customers whose first order that counts was in the time, by whether a friend's attribution stands on it; each one's
# whole value in so many days from then on, of those who had these days already.
_VALUES = text("""
    WITH counted AS (
        SELECT customer_id, placed_at, goods_minor - refunded_minor AS kept_minor, order_id FROM orders
        WHERE shop_id = :shop_id AND customer_id IS NOT NULL AND paid AND cancelled_at IS NULL AND NOT test
          AND goods_minor > refunded_minor
    ), firsts AS (
        SELECT DISTINCT ON (customer_id) customer_id, placed_at, order_id FROM counted
        ORDER BY customer_id, placed_at, order_id
    ), values AS (
        SELECT f.customer_id, a.order_id IS NOT NULL AS referred, sum(c.kept_minor) AS value
        FROM firsts f
        JOIN counted c ON c.customer_id = f.customer_id AND c.placed_at < f.placed_at + :span
        LEFT JOIN attributions a ON a.shop_id = :shop_id AND a.order_id = f.order_id AND a.verdict = 'friend'
        WHERE f.placed_at >= :since AND f.placed_at <= :until
        GROUP BY f.customer_id, a.order_id
    )
    SELECT referred, count(*) AS many, avg(value)::double precision AS mean,
           coalesce(var_samp(value), 0)::double precision AS variance
    FROM values GROUP BY referred
""")
_REFERRERS = text("""
    SELECT (SELECT count(DISTINCT o.customer_id) FROM orders o
            WHERE o.shop_id = :shop_id AND o.placed_at >= :since AND o.customer_id IS NOT NULL AND o.paid
              AND o.cancelled_at IS NULL AND NOT o.test) AS buyers,
           (SELECT count(DISTINCT o.customer_id) FROM orders o
            WHERE o.shop_id = :shop_id AND o.placed_at >= :since AND o.paid AND o.cancelled_at IS NULL AND NOT o.test
              AND EXISTS (SELECT FROM attributions a WHERE a.shop_id = :shop_id AND a.order_id = o.order_id
                          AND a.verdict = 'friend')) AS referred,
           (SELECT count(DISTINCT s.advocate_id) FROM screenings s
            WHERE s.shop_id = :shop_id AND s.began_at >= :since AND s.band = 'approve' AND s.order_id IS NOT NULL
              AND EXISTS (SELECT FROM attributions a WHERE a.shop_id = :shop_id AND a.order_id = s.order_id
                          AND a.verdict = 'friend')) AS advocates
""")
# What the terms promised at the time: points to advocates who were paid, money to friends who used their code.
_COST = text("""
    SELECT coalesce(sum(CAST(t.body ->> 'advocate_points' AS bigint)) FILTER (WHERE s.band = 'approve'), 0)::bigint
               AS points,
           coalesce(sum(CAST(t.body ->> 'friend_amount_minor' AS bigint)) FILTER (WHERE a.claim_id IS NOT NULL),
               0)::bigint AS given_minor,
           count(*) AS customers
    FROM attributions a
    JOIN screenings s ON s.shop_id = :shop_id AND s.order_id = a.order_id
    JOIN orders o ON o.shop_id = :shop_id AND o.order_id = a.order_id
    JOIN terms t ON t.shop_id = :shop_id AND t.domain = 'referral' AND t.version = a.terms_version
    WHERE a.shop_id = :shop_id AND a.verdict = 'friend' AND o.placed_at >= :since
""")


def count(work: UnitOfWork, rows: Sequence[Mapping[str, object]]) -> None:
    """So many more of today: what, channel, code and many of each."""
    work.run(_COUNT, rows=as_json(rows), now=work.now)


def counted(work: UnitOfWork, since: datetime, advocate_id: CustomerId | None = None) -> Sequence[Any]:
    """channel, shares, clicks; of one advocate, where one is named."""
    if advocate_id is None:
        return work.rows(_COUNTED, since=since)
    return work.rows(_COUNTED_OF, since=since, advocate_id=advocate_id)


def by_channel(work: UnitOfWork, since: datetime, advocate_id: CustomerId | None = None) -> Sequence[Any]:
    """channel, claims, orders, rewards, held, kept_minor; of one advocate, where one is named."""
    if advocate_id is None:
        return work.rows(_BY_CHANNEL, since=since)
    return work.rows(_BY_CHANNEL_OF, since=since, advocate_id=advocate_id)


def by_advocate(work: UnitOfWork, since: datetime, limit: int) -> Sequence[Any]:
    """advocate_id, shares, clicks, claims, orders, rewards, held, kept_minor; who brought most first."""
    return work.rows(_BY_ADVOCATE, since=since, limit=limit)


def mirrored(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Mapping[CustomerId, Any]:
    """What the mirror has of each of these: external_id, email, first_name, last_name, redacted_at."""
    return {row.customer_id: row for row in work.rows(_PEOPLE, customer_ids=list(customer_ids))} if customer_ids else {}


def values(work: UnitOfWork, since: datetime, until: datetime, span: Any) -> dict[bool, Any]:
    """For referred customers and for others: many, mean and variance of their value in minor units."""
    return {row.referred: row for row in work.rows(_VALUES, since=since, until=until, span=span)}


def people(work: UnitOfWork, since: datetime) -> Any:
    """How many bought, how many of them were referred, and how many advocates brought somebody."""
    return work.row(_REFERRERS, since=since)


def cost(work: UnitOfWork, since: datetime) -> Any:
    """What referred customers cost: points for advocates, given_minor off for friends, for so many customers."""
    return work.row(_COST, since=since)
