"""Backfills as rows: how far each shop's history has been read in, by which plan, and who is reading it now.

A row moves on in the very transaction that settles what it counts, and only for the reader that holds its lease. So a
reader that was killed is followed by another that goes on where it was, and two never settle the same part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, text

from commerce.history import Export, Extent, Subject
from commerce.ids import ShopId
from engine.work import UnitOfWork

Plan = Literal["export", "pages"]

# Renewed with each batch. One batch needs a second; asking the store about its refunds, a minute at the worst.
LEASE = timedelta(minutes=3)

_COLUMNS = """
    backfill_id, asked_at, started_at, finished_at, subject, plan, plan_reason, recent_only, orders_total,
    customers_total, orders_read, orders_settled, customers_read, customers_settled, left_out, export,
    export_written, export_grew_at, subject_read, position, trouble, tries, look_at, eased_until
"""
_LATEST = text(f"SELECT {_COLUMNS} FROM backfills WHERE shop_id = :shop_id ORDER BY backfill_id DESC LIMIT 1")
_ASK = text("""
    INSERT INTO backfills (shop_id, asked_at, look_at) SELECT :shop_id, :now, :now
    WHERE :again OR NOT EXISTS (SELECT FROM backfills b WHERE b.shop_id = :shop_id)
    ON CONFLICT (shop_id) WHERE finished_at IS NULL DO NOTHING RETURNING backfill_id
""")
_WAITING = text("""
    SELECT b.shop_id FROM backfills b JOIN shops s USING (shop_id)
    WHERE b.finished_at IS NULL AND b.look_at <= :now AND (b.leased_until IS NULL OR b.leased_until <= :now)
      AND s.uninstalled_at IS NULL
    ORDER BY b.look_at
""")
_CLAIM = text(f"""
    UPDATE backfills SET lease = :lease, leased_until = :until, started_at = coalesce(started_at, :now)
    WHERE shop_id = :shop_id AND finished_at IS NULL AND (leased_until IS NULL OR leased_until <= :now)
    RETURNING {_COLUMNS}
""")
_RELEASE = text("""
    UPDATE backfills SET lease = NULL, leased_until = NULL WHERE shop_id = :shop_id AND lease = :lease
""")
_HINT = text("""
    UPDATE backfills SET look_at = :now
    WHERE shop_id = :shop_id AND finished_at IS NULL AND export = ANY(:references) AND look_at > :now
    RETURNING backfill_id
""")
_WAKE = text("SELECT pg_notify('perennial_backfill', CAST(CAST(:shop_id AS bigint) AS text))")

# What a reader may write of its backfill; each holds the lease and renews it.
_MAY_CHANGE = frozenset({
    "subject", "plan", "plan_reason", "recent_only", "orders_total", "customers_total", "export", "export_written",
    "export_grew_at", "subject_read", "position", "trouble", "tries", "look_at", "finished_at", "orders_read",
    "customers_read", "eased_until",
})  # fmt: skip
_MAY_GROW = frozenset({
    "orders_read", "orders_settled", "customers_read", "customers_settled", "left_out", "subject_read"
})  # fmt: skip


class LeaseLost(Exception):
    """Another reader has taken this backfill over: whatever this one was about to write is rolled back."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """How far a shop's history has been read in. `total`s are what the store told beforehand."""

    backfill_id: int
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    subject: Subject
    plan: Plan | None
    plan_reason: str | None
    recent_only: bool | None
    orders_total: int | None
    customers_total: int | None
    orders_read: int
    orders_settled: int
    customers_read: int
    customers_settled: int
    left_out: int
    export: str | None
    export_written: int | None
    export_grew_at: datetime | None
    subject_read: int
    position: str | None
    trouble: str | None
    tries: int
    look_at: datetime
    eased_until: datetime | None = None
    """Until then the store is read at half speed."""

    @property
    def running(self) -> bool:
        return self.finished_at is None

    @property
    def read(self) -> int:
        return self.orders_read + self.customers_read

    @property
    def total(self) -> int | None:
        """Orders and customers to read; None while the store has not told. Never less than what was read."""
        if self.orders_total is None or self.customers_total is None:
            return None
        return max(self.orders_total, self.orders_read) + max(self.customers_total, self.customers_read)

    def seconds(self, now: datetime) -> float:
        """How long it has taken so far, or took."""
        return ((self.finished_at or now) - self.started_at).total_seconds() if self.started_at else 0.0


def ask(work: UnitOfWork, *, again: bool = False) -> bool:
    """Have the shop's history read in, once; `again`: once more. False where it was asked for already."""
    if work.row(_ASK, now=work.now, again=again) is None:
        return False
    work.run(_WAKE)
    return True


def ask_for_the_rest(work: UnitOfWork) -> bool:
    """The store shows us all orders: where it showed the last 60 days when its history was read in, read it again."""
    last = latest(work)
    return last is not None and last.recent_only is True and ask(work, again=True)


def latest(work: UnitOfWork) -> Backfill | None:
    """The shop's backfill, running or done; None where nobody has asked for one."""
    row = work.row(_LATEST)
    return Backfill(*row) if row else None


def hint(work: UnitOfWork, references: Sequence[str]) -> bool:
    """The store says that these operations of its have ended: look at once, if one is our export."""
    if not references or work.row(_HINT, references=list(references), now=work.now) is None:
        return False
    work.run(_WAKE)
    return True


def waiting(connection: Connection, now: datetime) -> Sequence[ShopId]:
    """Shops whose backfill is due and which nobody reads just now."""
    return [ShopId(row.shop_id) for row in connection.execute(_WAITING, {"now": now})]


def claim(work: UnitOfWork, lease: str) -> Backfill | None:
    """Take the shop's unfinished backfill under `lease`; None where another reader holds it, or there is none."""
    row = work.row(_CLAIM, lease=lease, until=work.now + LEASE, now=work.now)
    return Backfill(*row) if row else None


def release(work: UnitOfWork, lease: str) -> None:
    work.run(_RELEASE, lease=lease)


def move(work: UnitOfWork, lease: str, /, grow: dict[str, int] | None = None, **change: Any) -> Backfill:
    """Write how far it is, in the transaction of what it counts. Raises `LeaseLost`, which must roll that back."""
    grow = grow or {}
    assert change.keys() <= _MAY_CHANGE, change.keys() - _MAY_CHANGE
    assert grow.keys() <= _MAY_GROW, grow.keys() - _MAY_GROW
    parts = [f"{name} = :{name}" for name in change] + [f"{name} = {name} + :{name}" for name in grow]
    statement = text(f"""
        UPDATE backfills SET {", ".join([*parts, "leased_until = :until"])}
        WHERE shop_id = :shop_id AND lease = :lease AND finished_at IS NULL RETURNING {_COLUMNS}
    """)
    row = work.row(statement, lease=lease, until=work.now + LEASE, **change, **grow)
    if row is None:
        raise LeaseLost
    return Backfill(*row)


def planned(extent: Extent) -> dict[str, Any]:
    """What the store's answer about its history changes in the row: the first plan is an export."""
    return {
        "plan": "export",
        "plan_reason": None,
        "recent_only": extent.recent_only,
        "orders_total": extent.orders,
        "customers_total": extent.customers,
    }


def exported(export: Export, before: Backfill, now: datetime) -> dict[str, Any]:
    """What the state of an export changes in the row: whether it has grown since we looked last."""
    if before.export_written is not None and export.written <= before.export_written:
        return {}
    return {"export_written": export.written, "export_grew_at": now}
