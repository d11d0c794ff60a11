"""Deeds as they are remembered: what somebody did that earns points beside buying, once under each of its names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json

_DONE = text("""
    SELECT d.customer_id, d.action, d.deed_key, d.done_at, d.points, d.reason, d.withdrawn_at FROM deeds d
    WHERE d.shop_id = :shop_id AND d.customer_id = ANY(:customer_ids) AND d.action = ANY(:actions)
    ORDER BY d.customer_id, d.action, d.done_at, d.deed_key
""")
_WRITE = text("""
    INSERT INTO deeds (shop_id, customer_id, action, deed_key, done_at, points, reason)
    SELECT :shop_id, g.customer_id, g.action, g.deed_key, g.done_at, g.points, g.reason
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, action text, deed_key text,
        done_at timestamptz, points bigint, reason text)
    ORDER BY g.customer_id, g.action, g.deed_key ON CONFLICT DO NOTHING
""")
_WITHDRAW = text("""
    UPDATE deeds SET withdrawn_at = :now
    WHERE shop_id = :shop_id AND customer_id = :customer_id AND action = :action AND deed_key = :deed_key
      AND withdrawn_at IS NULL
    RETURNING points
""")
# Somebody who was merged keeps their deeds. Both may have done the same: then the one who moves keeps it by another
# name.
_MOVE = text("""
    UPDATE deeds d SET customer_id = g.kept_id,
        deed_key = CASE WHEN EXISTS (SELECT FROM deeds k WHERE k.shop_id = :shop_id AND k.action = d.action
                                     AND k.deed_key = d.deed_key AND k.customer_id <> d.customer_id
                                     AND k.customer_id = ANY(:people))
                        THEN CAST(g.gone_id AS text) || ':' || d.deed_key ELSE d.deed_key END
    FROM json_to_recordset(CAST(:rows AS json)) AS g(gone_id bigint, kept_id bigint)
    WHERE d.shop_id = :shop_id AND d.customer_id = g.gone_id
""")
_PEOPLE = text("""
    SELECT c.customer_id, c.external_id, c.created_at, f.value = '"subscribed"' AS subscribed, f.said_at
    FROM customers c LEFT JOIN customer_facts f ON f.shop_id = :shop_id AND f.customer_external_id = c.external_id
        AND f.fact = 'consent:email'
    WHERE c.shop_id = :shop_id AND (c.customer_id = ANY(:customer_ids) OR c.external_id = ANY(:external_ids))
      AND c.gone_at IS NULL AND c.redacted_at IS NULL
    ORDER BY c.customer_id
""")
_NOT_YET = """
    NOT EXISTS (SELECT FROM deeds d WHERE d.shop_id = :shop_id AND d.customer_id = c.customer_id
                AND d.action = :action AND d.deed_key = g.year)
    AND c.gone_at IS NULL AND c.redacted_at IS NULL
"""
_BIRTHDAYS = text(f"""
    SELECT c.customer_id, g.year, g.kept_at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(value jsonb, year text, kept_at timestamptz, told_by timestamptz)
    JOIN customer_facts f ON f.shop_id = :shop_id AND f.fact = 'birthday' AND f.value = g.value
        AND f.said_at < g.told_by
    JOIN customers c ON c.shop_id = :shop_id AND c.external_id = f.customer_external_id
    WHERE {_NOT_YET} ORDER BY c.customer_id LIMIT :limit
""")
_ANNIVERSARIES = text(f"""
    SELECT c.customer_id, g.year, g.kept_at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(year text, kept_at timestamptz, opened_from timestamptz,
        opened_before timestamptz)
    JOIN customers c ON c.shop_id = :shop_id AND c.created_at >= g.opened_from AND c.created_at < g.opened_before
    WHERE c.external_id NOT LIKE 'guest:%' AND {_NOT_YET} ORDER BY c.customer_id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done that may earn points. `deed_key` names it among the customer's deeds of that action: told again
    by the same name, it is the same deed.
    """

    customer_id: CustomerId
    action: str
    deed_key: str
    done_at: datetime
    points: int = 0
    reason: str = ""


def done(work: UnitOfWork, customer_ids: Sequence[CustomerId], actions: Sequence[str]) -> Sequence[Any]:
    """All deeds of these customers and actions, with what each brought."""
    return work.rows(_DONE, customer_ids=list(customer_ids), actions=list(actions))


def write_deeds(work: UnitOfWork, deeds: Sequence[Deed]) -> None:
    """Remember deeds; the customers' balances are locked by the caller."""
    if deeds:
        work.run(_WRITE, rows=as_json(list(deeds)))


def withdraw_deed(work: UnitOfWork, customer_id: CustomerId, action: str, deed_key: str) -> int | None:
    """Mark a deed as undone; answers with the points it brought, None where there is none that stands."""
    row = work.row(_WITHDRAW, customer_id=customer_id, action=action, deed_key=deed_key, now=work.now)
    return None if row is None else int(row.points)


def move_deeds(work: UnitOfWork, owners: Mapping[CustomerId, CustomerId]) -> None:
    """The deeds of each key become those of its value."""
    rows = as_json([{"gone_id": gone, "kept_id": kept} for gone, kept in owners.items()])
    work.run(_MOVE, rows=rows, people=sorted({*owners, *owners.values()}))


def people(work: UnitOfWork, customer_ids: Sequence[CustomerId], external_ids: Sequence[str]) -> Sequence[Any]:
    """These customers: when their accounts were opened, and whether and since when they take the newsletter."""
    return work.rows(_PEOPLE, customer_ids=list(customer_ids), external_ids=list(external_ids))


def birthdays(work: UnitOfWork, action: str, days: Sequence[Mapping[str, Any]], limit: int) -> Sequence[Any]:
    """Whose birthday is on one of `days` (value, year, kept_at, told_by) and was not kept that year."""
    return work.rows(_BIRTHDAYS, action=action, rows=as_json(list(days)), limit=limit)


def anniversaries(work: UnitOfWork, action: str, days: Sequence[Mapping[str, Any]], limit: int) -> Sequence[Any]:
    """Whose account was opened in one of these spans (year, kept_at, opened_from, opened_before), not kept yet."""
    return work.rows(_ANNIVERSARIES, action=action, rows=as_json(list(days)), limit=limit)
