"""Notes: what we did in a shop's store without being asked, one sentence each, for the merchant to read under Activity.

A store's webhooks that somebody switched off and that we made anew; a store that was connected again. Never a name, an
address of a person or a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from engine.work import UnitOfWork

KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Note:
    note_id: int
    noted_at: datetime
    said: str


_NOTE = text("INSERT INTO notes (shop_id, noted_at, said) VALUES (:shop_id, :now, :said)")
_PAGE = text("""
    SELECT note_id, noted_at, said FROM notes WHERE shop_id = :shop_id AND note_id < :before
    ORDER BY note_id DESC LIMIT :limit
""")
_PURGE = text("DELETE FROM notes WHERE shop_id = :shop_id AND noted_at < :before")


def note(work: UnitOfWork, said: str) -> None:
    work.run(_NOTE, now=work.now, said=said)


def latest(work: UnitOfWork, limit: int, before: int | None = None) -> Sequence[Note]:
    """The newest first."""
    rows = work.rows(_PAGE, limit=limit, before=before if before is not None else 2**62)
    return [Note(**row._mapping) for row in rows]


def purge(work: UnitOfWork) -> None:
    work.run(_PURGE, before=work.now - KEPT_FOR)
