"""Reconciliations as rows: what comparing a shop with its store found. Rounds that found nothing leave none, but for
the deep one of each night, which says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from engine.work import UnitOfWork

KEPT_FOR = timedelta(days=90)

_COLUMNS = "deep, since, started_at, finished_at, compared, orders_healed, customers_healed, orders_gone"
_RECORD = text(f"""
    INSERT INTO reconciliations (shop_id, {_COLUMNS})
    VALUES (:shop_id, :deep, :since, :started_at, :finished_at, :compared, :orders_healed, :customers_healed,
            :orders_gone)
""")
_PURGE = text("DELETE FROM reconciliations WHERE shop_id = :shop_id AND started_at < :before")
_LATEST_DEEP = text(f"""
    SELECT {_COLUMNS} FROM reconciliations WHERE shop_id = :shop_id AND deep ORDER BY started_at DESC LIMIT 1
""")
_PAGE = text(f"""
    SELECT reconciliation_id, {_COLUMNS} FROM reconciliations
    WHERE shop_id = :shop_id AND reconciliation_id < :before ORDER BY reconciliation_id DESC LIMIT :limit
""")
_HEALED = text("""
    SELECT coalesce(sum(orders_healed + customers_healed + orders_gone), 0) AS gaps FROM reconciliations
    WHERE shop_id = :shop_id AND started_at >= :since
""")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What one comparison found, and healed."""

    deep: bool
    since: datetime
    started_at: datetime
    finished_at: datetime
    compared: int
    orders_healed: int
    customers_healed: int
    orders_gone: int
    """Orders that the store had deleted without our hearing of it."""

    @property
    def gaps(self) -> int:
        return self.orders_healed + self.customers_healed + self.orders_gone


@dataclass(frozen=True, slots=True)
class Kept:
    """A comparison as it is kept: its number, and what was found."""

    number: int
    found: Reconciliation


def record(work: UnitOfWork, found: Reconciliation) -> None:
    if found.deep or found.gaps:
        names = _COLUMNS.split(", ")
        work.run(_RECORD, **{name: getattr(found, name) for name in names})
        work.run(_PURGE, before=work.now - KEPT_FOR)


def latest_deep(work: UnitOfWork) -> Reconciliation | None:
    row = work.row(_LATEST_DEEP)
    return Reconciliation(*row) if row else None


def page(work: UnitOfWork, limit: int, before: int | None = None) -> Sequence[Kept]:
    """The newest comparisons first, those with numbers below `before`."""
    rows = work.rows(_PAGE, limit=limit, before=before if before is not None else 2**62)
    return [Kept(row[0], Reconciliation(*row[1:])) for row in rows]


def healed_since(work: UnitOfWork, since: datetime) -> int:
    """Gaps that comparing found and healed since then."""
    return int(work.rows(_HEALED, since=since)[0].gaps)
