"""How far the walk of everybody under new terms has come: one row a shop."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork

_HOLD = text("""
    SELECT terms_version, place, finished_at FROM stage_walks WHERE shop_id = :shop_id FOR UPDATE
""")
_BEGIN = text("""
    INSERT INTO stage_walks (shop_id, terms_version, most, started_at)
    SELECT :shop_id, :terms_version, count(*), :now FROM standings
    WHERE shop_id = :shop_id AND terms_version < :terms_version
    ON CONFLICT (shop_id) DO UPDATE SET terms_version = excluded.terms_version, place = 0, walked = 0,
        most = excluded.most, started_at = excluded.started_at, finished_at = NULL
""")
_ADVANCE = text("""
    UPDATE stage_walks SET place = greatest(place, :place), walked = walked + :walked, finished_at = :finished_at
    WHERE shop_id = :shop_id
""")
_PROGRESS = text("""
    SELECT terms_version, walked, most, started_at, finished_at FROM stage_walks WHERE shop_id = :shop_id
""")


def hold(work: UnitOfWork) -> Any:
    """Where the walk stands (terms_version, place, finished_at), held until the unit ends; None before the first."""
    return work.row(_HOLD)


def begin(work: UnitOfWork, terms_version: int) -> None:
    """A new walk, from the first customer on."""
    work.run(_BEGIN, terms_version=terms_version, now=work.now)


def advance(work: UnitOfWork, place: CustomerId, walked: int, *, finished: bool) -> None:
    work.run(_ADVANCE, place=place, walked=walked, finished_at=work.now if finished else None)


def progress(work: UnitOfWork) -> Any:
    """terms_version, walked, most, started_at, finished_at; None before the first walk."""
    return work.row(_PROGRESS)
