"""Sweeps as rows: how far the comparison of a shop with its store has come.

A row moves on in the transaction that settles what lies before its place, so a sweep that was killed, or whose time
was over, goes on where it was. Whoever reads a sweep has read all before it: two who read the same one lose nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text

from commerce.orders import OrderStamp
from engine.work import UnitOfWork

Subject = Literal["customers", "orders", "deleted"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """One comparison under way: of what changed since `since`, begun at `started_at`, read up to `place` in the list
    of its `subject`.
    """

    deep: bool
    started_at: datetime
    since: datetime
    subject: Subject = "customers"
    place: str | None = None
    compared: int = 0
    orders_healed: int = 0
    customers_healed: int = 0


_COLUMNS = "deep, started_at, since, subject, place, compared, orders_healed, customers_healed"
_UNFINISHED = text(f"SELECT {_COLUMNS} FROM sweeps WHERE shop_id = :shop_id AND deep = :deep")
_SAVE = text(f"""
    INSERT INTO sweeps (shop_id, {_COLUMNS})
    VALUES (:shop_id, :deep, :started_at, :since, :subject, :place, :compared, :orders_healed, :customers_healed)
    ON CONFLICT (shop_id, deep) DO UPDATE
        SET started_at = excluded.started_at, since = excluded.since, subject = excluded.subject,
            place = excluded.place, compared = excluded.compared, orders_healed = excluded.orders_healed,
            customers_healed = excluded.customers_healed
        WHERE sweeps.started_at <= excluded.started_at
""")
_FINISH = text("DELETE FROM sweeps WHERE shop_id = :shop_id AND deep = :deep AND started_at = :started_at")
_LIST = text("""
    INSERT INTO listed_orders (shop_id, external_id)
    SELECT :shop_id, external_id FROM unnest(CAST(:external_ids AS text[])) l(external_id) ON CONFLICT DO NOTHING
""")
_HOW_MANY = text("SELECT count(*) AS orders FROM listed_orders WHERE shop_id = :shop_id")
_FORGET_LISTED = text("DELETE FROM listed_orders WHERE shop_id = :shop_id")
# An order of which the store says nothing, though it lists everything that changed since: as far as it shows us orders
# at all, it no longer has it.
_UNLISTED = text("""
    SELECT o.external_id FROM orders o
    WHERE o.shop_id = :shop_id AND o.updated_at >= :since AND o.updated_at < :before AND o.placed_at >= :shown_since
      AND o.deleted_at IS NULL
      AND NOT EXISTS (SELECT FROM listed_orders l WHERE l.shop_id = :shop_id AND l.external_id = o.external_id)
    ORDER BY o.external_id LIMIT :most
""")


def unfinished(work: UnitOfWork, *, deep: bool) -> Sweep | None:
    """The sweep that somebody has begun and nobody ended."""
    row = work.row(_UNFINISHED, deep=deep)
    return Sweep(*row) if row else None


def begin(work: UnitOfWork, sweep: Sweep) -> None:
    """A deep one has listed nothing yet."""
    if sweep.deep:
        work.run(_FORGET_LISTED)


def save(work: UnitOfWork, sweep: Sweep) -> None:
    """Write how far it is; a sweep that was begun later is left alone."""
    work.run(_SAVE, **{name: getattr(sweep, name) for name in _COLUMNS.split(", ")})


def finish(work: UnitOfWork, sweep: Sweep) -> None:
    work.run(_FINISH, deep=sweep.deep, started_at=sweep.started_at)
    if sweep.deep:
        work.run(_FORGET_LISTED)


def listed(work: UnitOfWork, stamps: Sequence[OrderStamp]) -> None:
    """The store named these to the deep sweep."""
    work.run(_LIST, external_ids=[stamp.external_id for stamp in stamps])


def listed_so_far(work: UnitOfWork) -> int:
    return int(work.rows(_HOW_MANY)[0].orders)


def unlisted(work: UnitOfWork, *, since: datetime, before: datetime, shown_since: datetime, most: int) -> list[str]:
    """Orders of the mirror that should be among those `listed` and are not: external ids."""
    rows = work.rows(_UNLISTED, since=since, before=before, shown_since=shown_since, most=most)
    return [row.external_id for row in rows]
