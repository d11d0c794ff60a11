"""Tiers as they are remembered: what was counted of whom, where each member stands, how they came there, and what the
shop has set by its own word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json
from loyalty.rules import Choice, Fact, Ladder, Measure, facts_of

# More than anybody can have: where there is no ladder, only those are looked at who stood on one.
NOBODY = 2**62

_STANDING_ORDER = "o.paid AND NOT o.test AND o.currency = :currency AND o.goods_minor > 0"
# Of the customers given, those who may stand on the ladder: most never reach its lowest step, and are not looked at.
_KNOWN = """
    SELECT customer_id FROM member_tiers WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
    UNION SELECT customer_id FROM tier_choices WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
"""
_BOUGHT = f"""
    SELECT o.customer_id FROM orders o
    WHERE o.shop_id = :shop_id AND o.customer_id = ANY(:customer_ids) AND {_STANDING_ORDER} GROUP BY o.customer_id
"""
# Entries stay with whom they were written for: of a member who was merged, those of both count.
_FAMILY = """
    SELECT c.customer_id AS entry_of, coalesce(c.merged_into, c.customer_id) AS customer_id FROM customers c
    WHERE c.shop_id = :shop_id AND (c.customer_id = ANY(:customer_ids) OR c.merged_into = ANY(:customer_ids))
"""
_ENTRIES = f"FROM ({_FAMILY}) f JOIN entries e ON e.shop_id = :shop_id AND e.customer_id = f.entry_of"
# Points for entering a tier, which belong to no order, bring nobody to the next one.
_EARNED = """
    e.account = 'points'
    AND (e.available_at IS NOT NULL AND (e.kind IN ('earn', 'clawback', 'action', 'action_back')
             OR (e.kind IN ('award', 'award_back') AND e.order_id IS NOT NULL))
         OR e.kind = 'batch' AND e.order_id IS NOT NULL)
"""
_AWARDED = "e.account = 'points' AND e.kind IN ('award', 'award_back') AND e.order_id IS NOT NULL"
_REACHING = {
    Measure.SPEND: f"{_BOUGHT} HAVING sum(o.goods_minor) >= :least",
    Measure.ORDERS: f"{_BOUGHT} HAVING count(*) >= :least",
    Measure.POINTS: f"""
        SELECT f.customer_id {_ENTRIES} WHERE {_EARNED} GROUP BY f.customer_id
        HAVING sum(e.points) FILTER (WHERE e.points > 0) >= :least
    """,
    Measure.REFERRALS: f"""
        SELECT f.customer_id {_ENTRIES} WHERE {_AWARDED} GROUP BY f.customer_id
        HAVING count(DISTINCT e.order_id) >= :least
    """,
}
_CANDIDATES = {
    measure: text(f"SELECT customer_id FROM ({reaching}) g WHERE CAST(:currency AS text) IS NOT NULL UNION {_KNOWN}")
    for measure, reaching in _REACHING.items()
}
_PURCHASES = text(f"""
    SELECT o.customer_id, o.placed_at, o.goods_minor, o.cancelled_at, r.returned_at, r.returned_minor
    FROM orders o LEFT JOIN LATERAL (
        SELECT array_agg(r.refunded_at ORDER BY r.external_id) AS returned_at,
               array_agg(r.goods_minor ORDER BY r.external_id) AS returned_minor
        FROM refunds r
        WHERE o.refund_count > 0 AND r.shop_id = :shop_id AND r.order_external_id = o.external_id) r ON true
    WHERE o.shop_id = :shop_id AND o.customer_id = ANY(:customer_ids) AND {_STANDING_ORDER}
    ORDER BY o.customer_id, o.placed_at, o.order_id
""")
# Points count from when they can be spent; what is taken back, from when it was.
_POINTS = text(f"""
    SELECT f.customer_id, e.points, coalesce(e.available_at, e.recorded_at) AS available_at,
           CASE WHEN e.points > 0 THEN coalesce(e.available_at, e.recorded_at)
                ELSE greatest(e.recorded_at, e.available_at) END AS at
    {_ENTRIES} WHERE {_EARNED} ORDER BY f.customer_id, e.entry_id
""")
_REFERRALS = text(f"""
    SELECT f.customer_id, min(o.placed_at) AS at, sum(e.points) AS points, max(e.recorded_at) AS recorded_at
    {_ENTRIES} JOIN orders o ON o.shop_id = e.shop_id AND o.order_id = e.order_id
    WHERE {_AWARDED} GROUP BY f.customer_id, e.order_id ORDER BY f.customer_id, e.order_id
""")
_MEET = text("""
    INSERT INTO member_tiers (shop_id, customer_id)
    SELECT :shop_id, id FROM unnest(CAST(:customer_ids AS bigint[])) AS g(id) ORDER BY id ON CONFLICT DO NOTHING
""")
_LOCK = text("""
    SELECT m.customer_id, c.external_id, m.tier, m.since, m.next_at, m.warned_of,
           c.redacted_at IS NULL AND c.gone_at IS NULL AS there, l.effective_at, l.to_tier
    FROM member_tiers m JOIN customers c ON c.shop_id = m.shop_id AND c.customer_id = m.customer_id
    LEFT JOIN LATERAL (
        SELECT h.effective_at, h.to_tier FROM tier_changes h
        WHERE h.shop_id = :shop_id AND h.customer_id = m.customer_id
        ORDER BY h.effective_at DESC, h.change_id DESC LIMIT 1) l ON true
    WHERE m.shop_id = :shop_id AND m.customer_id = ANY(:customer_ids) ORDER BY m.customer_id FOR UPDATE OF m
""")
_DUE = text("""
    SELECT customer_id FROM member_tiers WHERE shop_id = :shop_id AND next_review_at <= :now
    ORDER BY next_review_at LIMIT :limit
""")
_WRITE = text("""
    UPDATE member_tiers m
    SET tier = g.tier, since = g.since, next_at = g.next_at, next_tier = g.next_tier,
        next_review_at = g.next_review_at, warned_of = g.warned_of
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        customer_id bigint, tier text, since timestamptz, next_at timestamptz, next_tier text,
        next_review_at timestamptz, warned_of timestamptz)
    WHERE m.shop_id = :shop_id AND m.customer_id = g.customer_id
""")
_ADD = text("""
    INSERT INTO tier_changes (shop_id, customer_id, effective_at, from_tier, to_tier, cause, reason, terms_version,
                              recorded_at)
    SELECT :shop_id, g.customer_id, g.effective_at, g.from_tier, g.to_tier, g.cause, g.reason, :terms_version, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        customer_id bigint, effective_at timestamptz, from_tier text, to_tier text, cause text, reason text)
""")
_CHOICES = text(f"""
    SELECT f.customer_id, t.made_at, t.tier, t.until, t.reason, t.ended
    FROM ({_FAMILY}) f JOIN tier_choices t ON t.shop_id = :shop_id AND t.customer_id = f.entry_of
    ORDER BY t.choice_id
""")
_CHOOSE = text("""
    INSERT INTO tier_choices (shop_id, customer_id, made_at, made_by, tier, until, reason, ended)
    VALUES (:shop_id, :customer_id, :now, :made_by, :tier, :until, :reason, :ended)
""")
_CHOICES_OF = text("""
    SELECT made_at, made_by, tier, until, reason, ended FROM tier_choices
    WHERE shop_id = :shop_id AND customer_id = :customer_id ORDER BY choice_id DESC LIMIT :limit
""")
_AT = text("""
    SELECT DISTINCT ON (g.place) g.place, h.to_tier
    FROM json_to_recordset(CAST(:rows AS json)) AS g(place integer, customer_id bigint, at timestamptz)
    JOIN tier_changes h ON h.shop_id = :shop_id AND h.customer_id = g.customer_id AND h.effective_at <= g.at
    ORDER BY g.place, h.effective_at DESC, h.change_id DESC
""")
_HISTORY = text("""
    SELECT effective_at, from_tier, to_tier, cause, reason, recorded_at FROM tier_changes
    WHERE shop_id = :shop_id AND customer_id = :customer_id ORDER BY effective_at DESC, change_id DESC LIMIT :limit
""")
_ONE = text("""
    SELECT tier, since, next_at, next_tier FROM member_tiers
    WHERE shop_id = :shop_id AND customer_id = :customer_id
""")
_COUNTS = text("""
    SELECT tier, count(*) AS members FROM member_tiers WHERE shop_id = :shop_id AND tier IS NOT NULL GROUP BY tier
""")
_FORGET = text("DELETE FROM member_tiers WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)")
_EVERYBODY = text("""
    SELECT customer_id FROM customers
    WHERE shop_id = :shop_id AND customer_id > :after AND gone_at IS NULL ORDER BY customer_id LIMIT :limit
""")
_TIERS_OF = text(
    "SELECT customer_id, tier FROM member_tiers WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)"
)
_CUSTOMER = text("""
    SELECT customer_id FROM customers WHERE shop_id = :shop_id AND customer_id = :customer_id AND gone_at IS NULL
""")
# What was given for entering tiers, and taken back: awards that belong to no order.
_GIVEN = text(f"""
    SELECT f.customer_id, e.idempotency_key, e.points, e.lot_id {_ENTRIES}
    WHERE e.account = 'points' AND e.kind IN ('award', 'award_back') AND e.order_id IS NULL
      AND e.idempotency_key LIKE 'tier:%'
    ORDER BY e.entry_id
""")


@dataclass(frozen=True, slots=True)
class Held:
    """A member's standing as it is recorded, and the last change that was written of them."""

    customer_id: CustomerId
    external_id: str
    tier: str | None
    since: datetime | None
    next_at: datetime | None
    warned_of: datetime | None
    there: bool
    changed_at: datetime | None
    changed_to: str | None


def candidates(work: UnitOfWork, customer_ids: Sequence[CustomerId], ladder: Ladder, currency: str) -> list[CustomerId]:
    """Of these customers, those who may stand on the ladder, or have stood on one."""
    if not customer_ids:
        return []
    least = ladder.levels[0].enter if ladder.levels else NOBODY
    given = sorted(set(customer_ids))
    rows = work.rows(_CANDIDATES[ladder.measure], customer_ids=given, least=least, currency=currency)
    return sorted(row.customer_id for row in rows)


def facts(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], measure: Measure, currency: str
) -> Mapping[CustomerId, list[Fact]]:
    """What is counted of these members, and when."""
    found = defaultdict[CustomerId, list[Fact]](list)
    if not customer_ids:
        return found
    given = list(customer_ids)
    if measure is Measure.POINTS:
        for row in work.rows(_POINTS, customer_ids=given):
            found[row.customer_id].append(Fact(row.at, row.points, row.available_at if row.points < 0 else None))
    elif measure is Measure.REFERRALS:
        for row in work.rows(_REFERRALS, customer_ids=given):
            back = [Fact(max(row.recorded_at, row.at), -1, row.at)] if row.points <= 0 else []
            found[row.customer_id] += [Fact(row.at, 1), *back]
    else:
        for row in work.rows(_PURCHASES, customer_ids=given, currency=currency):
            returns = zip(row.returned_at or (), row.returned_minor or (), strict=True)
            found[row.customer_id] += facts_of(measure, row.placed_at, row.goods_minor, returns, row.cancelled_at)
    return found


def lock_members(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> list[Held]:
    """The standings of these members, made where missing, locked in the order of their ids."""
    if not customer_ids:
        return []
    work.run(_MEET, customer_ids=sorted(customer_ids))
    return [Held(*row) for row in work.rows(_LOCK, customer_ids=sorted(customer_ids))]


def due_members(work: UnitOfWork, limit: int) -> list[CustomerId]:
    """Members whom time alone may have moved, or who are to be warned."""
    return [row.customer_id for row in work.rows(_DUE, now=work.now, limit=limit)]


def write_members(work: UnitOfWork, rows: Sequence[Mapping[str, object]]) -> None:
    work.run(_WRITE, rows=as_json(list(rows)))


def add_changes(work: UnitOfWork, rows: Sequence[Mapping[str, object]], terms_version: int) -> None:
    if rows:
        work.run(_ADD, rows=as_json(list(rows)), terms_version=terms_version, now=work.now)


def choices(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Mapping[CustomerId, list[Choice]]:
    """What the shop has set for these members, oldest first."""
    found = defaultdict[CustomerId, list[Choice]](list)
    for row in work.rows(_CHOICES, customer_ids=list(customer_ids)) if customer_ids else ():
        found[row.customer_id].append(Choice(row.made_at, row.tier, row.until, row.reason, row.ended))
    return found


def choose(work: UnitOfWork, customer_id: CustomerId, choice: Choice, made_by: str) -> None:
    """Write the shop's word down; its instant is the unit of work's."""
    work.run(
        _CHOOSE, customer_id=customer_id, now=work.now, made_by=made_by, tier=choice.tier, until=choice.until,
        reason=choice.reason, ended=choice.ended,
    )  # fmt: skip


def choices_of(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_CHOICES_OF, customer_id=customer_id, limit=limit)


def tiers_at(work: UnitOfWork, asked: Sequence[tuple[CustomerId, datetime]]) -> list[str | None]:
    """The tier of each member at each instant, as the changes say, in the order in which they were asked for."""
    rows = [{"place": place, "customer_id": who, "at": at} for place, (who, at) in enumerate(asked)]
    found = {row.place: row.to_tier for row in work.rows(_AT, rows=as_json(rows))} if rows else {}
    return [found.get(place) for place in range(len(asked))]


def tier_history(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_HISTORY, customer_id=customer_id, limit=limit)


def member(work: UnitOfWork, customer_id: CustomerId) -> Any:
    return work.row(_ONE, customer_id=customer_id)


def tier_counts(work: UnitOfWork) -> dict[str, int]:
    return {row.tier: row.members for row in work.rows(_COUNTS)}


def forget_members(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> None:
    """Somebody who is gone stands nowhere; how they stood stays written."""
    work.run(_FORGET, customer_ids=list(customer_ids))


def everybody(work: UnitOfWork, after: int, limit: int) -> list[CustomerId]:
    """Customers by id, to walk through all of them in pages."""
    return [row.customer_id for row in work.rows(_EVERYBODY, after=after, limit=limit)]


def tiers_of(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, str | None]:
    """The tiers that are recorded of these customers."""
    return {row.customer_id: row.tier for row in work.rows(_TIERS_OF, customer_ids=list(customer_ids))}


def given(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Sequence[Any]:
    """What these members were given for entering tiers, and what was taken back: customer_id, idempotency_key, points,
    lot_id.
    """
    return work.rows(_GIVEN, customer_ids=list(customer_ids)) if customer_ids else []


def is_customer(work: UnitOfWork, customer_id: CustomerId) -> bool:
    return work.row(_CUSTOMER, customer_id=customer_id) is not None
