"""What a batch of referrals has in common with its advocates, with other referrals, and with the past: counted by the
database, one statement a question for the whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork

# With the referral's own advocate.
_WITH_ADVOCATE = text("""
    SELECT DISTINCT s.screening_id, t.kind FROM screenings s
    JOIN screening_traces t ON t.shop_id = :shop_id AND t.screening_id = s.screening_id
    JOIN advocate_traces a ON a.shop_id = :shop_id AND a.customer_id = s.advocate_id AND a.kind = t.kind
        AND a.digest = t.digest
    WHERE s.shop_id = :shop_id AND s.screening_id = ANY(:ids)
""")
# With referrals of other people: some traces bind for a season, a network only for a week. More than so many are not
# counted.
_WITH_OTHERS = text("""
    SELECT t.screening_id, t.kind, max(n.many) AS many FROM screenings s
    JOIN screening_traces t ON t.shop_id = :shop_id AND t.screening_id = s.screening_id
    JOIN unnest(CAST(:kinds AS text[]), CAST(:days AS integer[])) AS k(kind, days) ON k.kind = t.kind
    CROSS JOIN LATERAL (
        SELECT count(*) AS many FROM (
            SELECT FROM screening_traces o
            JOIN screenings p ON p.shop_id = :shop_id AND p.screening_id = o.screening_id
            WHERE o.shop_id = :shop_id AND o.kind = t.kind AND o.digest = t.digest
              AND o.screening_id <> t.screening_id
              AND (p.person = s.person) IS NOT TRUE AND (p.friend_id = s.friend_id) IS NOT TRUE
              AND o.seen_at BETWEEN t.seen_at - make_interval(days => k.days)
                                AND t.seen_at + make_interval(days => k.days)
            LIMIT :most) c) n
    WHERE s.shop_id = :shop_id AND s.screening_id = ANY(:ids) AND n.many > 0
    GROUP BY t.screening_id, t.kind
""")
_PACE = text("""
    SELECT s.screening_id, d.many AS day, m.many AS month FROM screenings s
    CROSS JOIN LATERAL (SELECT count(*) AS many FROM (
        SELECT FROM screenings o WHERE o.shop_id = :shop_id AND o.advocate_id = s.advocate_id
          AND o.screening_id <> s.screening_id AND (o.friend_id = s.friend_id) IS NOT TRUE
          AND o.began_at BETWEEN s.began_at - interval '1 day' AND s.began_at + interval '1 day' LIMIT :most) c) d
    CROSS JOIN LATERAL (SELECT count(*) AS many FROM (
        SELECT FROM screenings o WHERE o.shop_id = :shop_id AND o.advocate_id = s.advocate_id
          AND o.screening_id <> s.screening_id AND (o.friend_id = s.friend_id) IS NOT TRUE
          AND o.began_at BETWEEN s.began_at - interval '30 days' AND s.began_at + interval '30 days' LIMIT :most) c) m
    WHERE s.shop_id = :shop_id AND s.screening_id = ANY(:ids)
""")
# Friends of old: who had the time to come back. Whoever returned everything never had it as a purchase.
_FRIENDS_OF_OLD = text("""
    SELECT f.advocate_id, count(*) FILTER (WHERE f.old) AS old, count(*) FILTER (WHERE f.old AND f.orders > 1) AS back,
           count(*) FILTER (WHERE f.kept = 0 AND f.orders > 0) AS returned, count(*) AS friends
    FROM (SELECT a.advocate_id, a.friend_id, min(o.placed_at) < :old AS old, count(o.order_id) AS orders,
                 coalesce(sum(greatest(0, o.goods_minor - o.refunded_minor)), 0) AS kept
          FROM (SELECT DISTINCT advocate_id, friend_id FROM attributions
                WHERE shop_id = :shop_id AND advocate_id = ANY(:advocate_ids) AND friend_id IS NOT NULL
                  AND friend_id <> advocate_id) a
          JOIN orders o ON o.shop_id = :shop_id AND o.customer_id = a.friend_id AND o.paid AND NOT o.test
          GROUP BY a.advocate_id, a.friend_id) f
    GROUP BY f.advocate_id
""")
# Whoever invited the advocate, and whoever invited them, so many steps up: is the friend among them?
_LOOPS = text("""
    WITH RECURSIVE up(screening_id, customer_id, friend_id, step) AS (
        SELECT s.screening_id, s.advocate_id, s.friend_id, 0 FROM screenings s
        WHERE s.shop_id = :shop_id AND s.screening_id = ANY(:ids) AND s.friend_id IS NOT NULL
          AND s.friend_id <> s.advocate_id
        UNION
        SELECT u.screening_id, a.advocate_id, u.friend_id, u.step + 1 FROM up u
        JOIN attributions a ON a.shop_id = :shop_id AND a.friend_id = u.customer_id AND a.verdict = 'friend'
        WHERE u.step < :steps
    )
    SELECT DISTINCT screening_id FROM up WHERE customer_id = friend_id AND step > 0
""")
_BLOCKED = text("""
    SELECT coalesce(c.merged_into, c.customer_id) AS customer_id,
           (array_agg(r.ruling ORDER BY r.ruling_id DESC))[1] AS ruling, max(r.ruling_id) AS ruling_id
    FROM rulings r JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = r.customer_id
    WHERE r.shop_id = :shop_id AND r.customer_id IS NOT NULL
    GROUP BY 1
""")
# A referral that shares a binding trace with a blocked advocate, with one of theirs, or with one that a block reached.
# What a person approved passes nothing on.
_KIN_OF_BLOCKED = text("""
    SELECT t.screening_id, min(c.ruling_id) AS ruling_id FROM screening_traces t
    CROSS JOIN LATERAL (
        SELECT coalesce(k.ruling_id, s.held_by) AS ruling_id FROM screening_traces o
        JOIN screenings s ON s.shop_id = :shop_id AND s.screening_id = o.screening_id
        LEFT JOIN unnest(CAST(:blocked AS bigint[]), CAST(:ruling_ids AS bigint[])) AS k(customer_id, ruling_id)
            ON k.customer_id = s.advocate_id
        WHERE o.shop_id = :shop_id AND o.kind = t.kind AND o.digest = t.digest AND o.screening_id <> t.screening_id
          AND s.ruling IS DISTINCT FROM 'approve'
          AND (k.ruling_id IS NOT NULL OR s.held_by = ANY(CAST(:ruling_ids AS bigint[])))
        UNION ALL
        SELECT k.ruling_id FROM advocate_traces a
        JOIN unnest(CAST(:blocked AS bigint[]), CAST(:ruling_ids AS bigint[])) AS k(customer_id, ruling_id)
            ON k.customer_id = a.customer_id
        WHERE a.shop_id = :shop_id AND a.kind = t.kind AND a.digest = t.digest
    ) c
    WHERE t.shop_id = :shop_id AND t.screening_id = ANY(:ids) AND t.kind = ANY(:kinds)
    GROUP BY t.screening_id
""")
_HOLD = text("""
    UPDATE screenings s SET held_by = g.ruling_id
    FROM unnest(CAST(:ids AS bigint[]), CAST(:ruling_ids AS bigint[])) AS g(screening_id, ruling_id)
    WHERE s.shop_id = :shop_id AND s.screening_id = g.screening_id AND s.held_by IS DISTINCT FROM g.ruling_id
""")


def with_advocate(work: UnitOfWork, ids: Sequence[int]) -> Sequence[Any]:
    """screening_id and kind of each trace that a referral shares with its own advocate."""
    return work.rows(_WITH_ADVOCATE, ids=list(ids))


def with_others(work: UnitOfWork, ids: Sequence[int], days: dict[str, int], most: int) -> Sequence[Any]:
    """screening_id, kind and many: with how many others a trace is shared, so many days before and after."""
    return work.rows(_WITH_OTHERS, ids=list(ids), kinds=list(days), days=list(days.values()), most=most)


def pace(work: UnitOfWork, ids: Sequence[int], most: int) -> Sequence[Any]:
    """screening_id, and how many others the advocate had within a day and a month."""
    return work.rows(_PACE, ids=list(ids), most=most)


def friends_of_old(work: UnitOfWork, advocate_ids: Sequence[int], old: Any) -> Sequence[Any]:
    """advocate_id; how many friends who first bought before `old`, how many of them came back; how many returned
    everything, of how many.
    """
    return work.rows(_FRIENDS_OF_OLD, advocate_ids=list(advocate_ids), old=old)


def loops(work: UnitOfWork, ids: Sequence[int], steps: int) -> set[int]:
    """Those whose friend had invited the advocate, directly or so many steps up."""
    return {row.screening_id for row in work.rows(_LOOPS, ids=list(ids), steps=steps)}


def blocks(work: UnitOfWork) -> dict[int, int]:
    """Advocates who are blocked, each with the ruling that says so. Never many: people decide them one by one."""
    return {row.customer_id: row.ruling_id for row in work.rows(_BLOCKED) if row.ruling == "block"}


def kin_of_blocked(
    work: UnitOfWork, ids: Sequence[int], blocked: dict[int, int], kinds: Sequence[str]
) -> dict[int, int]:
    """Those whom a block reaches by a binding trace, each with its ruling."""
    if not blocked:
        return {}
    given = {"blocked": list(blocked), "ruling_ids": list(blocked.values()), "kinds": list(kinds)}
    return {row.screening_id: row.ruling_id for row in work.rows(_KIN_OF_BLOCKED, ids=list(ids), **given)}


def hold(work: UnitOfWork, held: dict[int, int]) -> None:
    """Note by which ruling each of these screenings is held."""
    if held:
        work.run(_HOLD, ids=list(held), ruling_ids=list(held.values()))
