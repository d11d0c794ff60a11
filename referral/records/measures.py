"""What referral counts: clicks by day and channel, and what became of claims."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork

_COUNT = text("""
    INSERT INTO invitation_counts (shop_id, day, channel, what, many)
    SELECT :shop_id, CAST(CAST(:now AS timestamptz) AT TIME ZONE s.timezone AS date), :channel, :what, :many
    FROM shops s WHERE s.shop_id = :shop_id
    ON CONFLICT (shop_id, day, channel, what) DO UPDATE SET many = invitation_counts.many + excluded.many
""")
_CLICKS = text("""
    SELECT channel, sum(many)::bigint AS clicks
    FROM invitation_counts WHERE shop_id = :shop_id AND what = 'click'
      AND day >= CAST(:since AS date) GROUP BY channel ORDER BY channel
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
_BY_ADVOCATE = text(f"""
    SELECT f.*, c.external_id, c.email, c.first_name, c.last_name, c.redacted_at
    FROM (SELECT s.advocate_id, {_OUTCOMES} WHERE s.shop_id = :shop_id AND s.began_at >= :since
          GROUP BY s.advocate_id ORDER BY rewards DESC, claims DESC, s.advocate_id LIMIT :limit) f
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = f.advocate_id
    ORDER BY f.rewards DESC, f.claims DESC, f.advocate_id
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


def count(work: UnitOfWork, what: str, channel: str, many: int = 1) -> None:
    """So many more of today, by the shop's own calendar."""
    work.run(_COUNT, what=what, channel=channel, many=many, now=work.now)


def clicks(work: UnitOfWork, since: datetime) -> Sequence[Any]:
    """channel, clicks."""
    return work.rows(_CLICKS, since=since)


def by_channel(work: UnitOfWork, since: datetime) -> Sequence[Any]:
    """channel, claims, orders, rewards, held, kept_minor."""
    return work.rows(_BY_CHANNEL, since=since)


def by_advocate(work: UnitOfWork, since: datetime, limit: int) -> Sequence[Any]:
    """advocate_id, claims, orders, rewards, held, kept_minor, and the mirror's columns of the advocate."""
    return work.rows(_BY_ADVOCATE, since=since, limit=limit)


def values(work: UnitOfWork, since: datetime, until: datetime, span: Any) -> dict[bool, Any]:
    """For referred customers and for others: many, mean and variance of their value in minor units."""
    return {row.referred: row for row in work.rows(_VALUES, since=since, until=until, span=span)}


def people(work: UnitOfWork, since: datetime) -> Any:
    """How many bought, how many of them were referred, and how many advocates brought somebody."""
    return work.row(_REFERRERS, since=since)


def cost(work: UnitOfWork, since: datetime) -> Any:
    """What referred customers cost: points for advocates, given_minor off for friends, for so many customers."""
    return work.row(_COST, since=since)
