"""What has happened to members of late, as it stands in the books: read behind whoever wrote it, stretch by stretch.

The links of a shop's chain are numbered in the order of their commits, so whoever has read up to one of them has missed
nothing before it. Nothing here is asked while an order is settled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json

_END = text("SELECT seq FROM ledger_heads WHERE shop_id = :shop_id")
_LINKS = text("""
    SELECT seq, batch_id, entries, first_entry_id, last_entry_id FROM ledger_links
    WHERE shop_id = :shop_id AND seq > :after ORDER BY seq LIMIT :limit
""")
_SPAN = "e.shop_id = :shop_id AND e.entry_id BETWEEN :first AND :last AND e.batch_id = ANY(:batches)"
# When it was: an order when it was placed, or with the shopper where that is what earns; anything else when it was
# done, whenever we came to know of it.
_WHEN = """
    coalesce(greatest(o.placed_at, CASE WHEN :when_fulfilled THEN o.fulfilled_at END),
             least(e.available_at, e.recorded_at))
"""
_GAINS = text(f"""
    SELECT e.customer_id, min(e.entry_id) AS entry_id, max({_WHEN}) AS at,
           array_agg(DISTINCT e.available_at) FILTER (WHERE e.available_at > :now) AS opens_at
    FROM entries e LEFT JOIN orders o ON o.shop_id = e.shop_id AND o.order_id = e.order_id
    WHERE {_SPAN} AND e.account = 'points' AND e.kind IN ('earn', 'award', 'action') AND e.points > 0
      AND {_WHEN} > :fresh
    GROUP BY e.customer_id ORDER BY e.customer_id
""")
_FIRST_EVER = text("""
    SELECT g.customer_id FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, entry_id bigint)
    WHERE NOT EXISTS (SELECT FROM entries e WHERE e.shop_id = :shop_id AND e.customer_id = g.customer_id
                      AND e.entry_id < g.entry_id)
    ORDER BY g.customer_id
""")
_JOINED = text("""
    SELECT c.customer_id, f.said_at AS at FROM customer_facts f
    JOIN customers c ON c.shop_id = :shop_id AND c.external_id = f.customer_external_id
    WHERE f.shop_id = :shop_id AND f.fact = 'program' AND f.value = '"joined"' AND f.said_at > :since
    ORDER BY f.said_at
""")
_KEPT_DAYS = text(f"""
    SELECT DISTINCT d.customer_id, d.action, d.deed_key, d.done_at, d.points FROM entries e
    JOIN deeds d ON d.shop_id = :shop_id AND d.customer_id = e.customer_id AND d.action = ANY(:actions)
    WHERE {_SPAN} AND e.kind = 'action' AND e.points > 0
      AND d.points > 0 AND d.withdrawn_at IS NULL AND d.done_at > :fresh
    ORDER BY d.customer_id
""")
# How what could be spent before has moved since, by everything that was written after that link; lots that opened
# meanwhile are counted whole by whoever asks.
_MOVED = text("""
    SELECT e.customer_id, sum(e.points) AS moved
    FROM entries e
    JOIN ledger_links k ON k.shop_id = e.shop_id AND k.batch_id = e.batch_id AND k.seq > :after
    LEFT JOIN lots l ON l.shop_id = e.shop_id AND l.lot_id = e.lot_id
    WHERE e.shop_id = :shop_id AND e.customer_id = ANY(:customer_ids) AND e.account = 'points'
      AND e.entry_id >= (SELECT min(f.first_entry_id) FROM ledger_links f
                         WHERE f.shop_id = :shop_id AND f.seq > :after)
      AND (l.lot_id IS NULL OR l.available_at <= :since)
    GROUP BY e.customer_id
""")
_DEBTS = text("""
    SELECT customer_id, points, debt FROM balances WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
""")
_EARNED = text("""
    SELECT g.customer_id, coalesce(sum(e.points), 0) AS points
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, entry_id bigint)
    JOIN entries e ON e.shop_id = :shop_id AND e.customer_id = g.customer_id AND e.entry_id >= g.entry_id
     AND e.account = 'points' AND e.kind IN ('earn', 'clawback', 'award', 'award_back', 'action', 'action_back')
    GROUP BY g.customer_id
""")
# A move that dates from the very instant at which it was written puts our books right: the tiers are new, or something
# became known late. It is nothing that the member has just done, unless the shop has said so.
_MOVES = text("""
    SELECT change_id, customer_id, effective_at, from_tier, to_tier, cause,
           effective_at > :fresh AND cause <> 'new_tiers'
           AND (effective_at < recorded_at OR cause IN ('chosen', 'choice_ended')) AS told
    FROM tier_changes WHERE shop_id = :shop_id AND change_id > :after ORDER BY change_id LIMIT :limit
""")
_LAST_MOVE = text("SELECT coalesce(max(change_id), 0) AS change_id FROM tier_changes WHERE shop_id = :shop_id")


def end(work: UnitOfWork) -> int:
    """The number of the newest link; 0 where nothing was written yet."""
    row = work.row(_END)
    return int(row.seq) if row else 0


def links(work: UnitOfWork, after: int, limit: int) -> Sequence[Any]:
    """The links after one of them: seq, batch_id, entries, first_entry_id, last_entry_id."""
    return work.rows(_LINKS, after=after, limit=limit)


def gains(work: UnitOfWork, span: Mapping[str, Any], fresh: datetime, *, when_fulfilled: bool) -> Sequence[Any]:
    """Who earned in this stretch by what happened after `fresh`: entry_id of the first, at, opens_at (or None).
    `when_fulfilled`: orders earn once they are with the shopper.
    """
    return work.rows(_GAINS, fresh=fresh, now=work.now, when_fulfilled=when_fulfilled, **span)


def first_ever(work: UnitOfWork, gained: Sequence[Any]) -> set[CustomerId]:
    """Of those who gained, those who never had an entry before."""
    rows = [{"customer_id": row.customer_id, "entry_id": row.entry_id} for row in gained]
    return {row.customer_id for row in work.rows(_FIRST_EVER, rows=as_json(rows))} if rows else set()


def joined(work: UnitOfWork, since: datetime) -> Sequence[Any]:
    """Who joined by their own word after `since`: customer_id, at."""
    return work.rows(_JOINED, since=since)


def kept_days(work: UnitOfWork, span: Mapping[str, Any], actions: Sequence[str], fresh: datetime) -> Sequence[Any]:
    """Deeds of the calendar that brought points in this stretch: customer_id, action, deed_key, done_at, points."""
    return work.rows(_KEPT_DAYS, actions=list(actions), fresh=fresh, **span) if actions else []


def moved(work: UnitOfWork, after: int, customer_ids: Sequence[CustomerId], since: datetime) -> dict[CustomerId, int]:
    """By how much points moved after that link that could be spent at `since`, or are owed."""
    rows = work.rows(_MOVED, customer_ids=list(customer_ids), since=since, after=after)
    return {row.customer_id: int(row.moved) for row in rows}


def debts(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, Any]:
    """Balances, for showing: points, debt. Nothing is locked."""
    return {row.customer_id: row for row in work.rows(_DEBTS, customer_ids=list(customer_ids))}


def earned_from(work: UnitOfWork, first: Mapping[CustomerId, int]) -> dict[CustomerId, int]:
    """What each of these customers earned from that entry of theirs on, less what was taken back."""
    rows = [{"customer_id": who, "entry_id": entry_id} for who, entry_id in first.items()]
    return {row.customer_id: int(row.points) for row in work.rows(_EARNED, rows=as_json(rows))} if rows else {}


def moves(work: UnitOfWork, after: int, limit: int, fresh: datetime) -> Sequence[Any]:
    """Moves between tiers after number `after`; `told`: whether it is news of the member's own."""
    return work.rows(_MOVES, after=after, limit=limit, fresh=fresh)


def last_move(work: UnitOfWork) -> int:
    row = work.row(_LAST_MOVE)
    return int(row.change_id) if row else 0
