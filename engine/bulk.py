"""Bulk operations that the store has told us to have ended: whoever started one looks here instead of asking the store.

What became of it, and where its result lies, the store still has to be asked: the word is only that it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from commerce.events import BulkOperationFinished
from engine.work import UnitOfWork, as_json

_RECORD = text("""
    INSERT INTO bulk_finishes (shop_id, external_id, kind, status, error_code, finished_at, heard_at)
    SELECT :shop_id, g.external_id, g.kind, g.status, g.error_code, g.at, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        external_id text, kind text, status text, error_code text, at timestamptz)
    ORDER BY g.external_id ON CONFLICT DO NOTHING
""")
_ONE = text("""
    SELECT external_id, kind, status, error_code, finished_at AS at FROM bulk_finishes
    WHERE shop_id = :shop_id AND external_id = :external_id
""")
_PURGE = text("DELETE FROM bulk_finishes WHERE shop_id = :shop_id AND heard_at < :before")


def record(work: UnitOfWork, finishes: Sequence[BulkOperationFinished]) -> None:
    if finishes:
        work.run(_RECORD, rows=as_json(finishes), now=work.now)


def finished(work: UnitOfWork, external_id: str) -> BulkOperationFinished | None:
    """What the store said when the operation ended; None while it has said nothing."""
    row = work.row(_ONE, external_id=external_id)
    return BulkOperationFinished(**row._mapping) if row else None


def purge(work: UnitOfWork, before: datetime) -> None:
    work.run(_PURGE, before=before)
