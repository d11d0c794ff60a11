"""The segments that we keep in the merchant's store: which there are, under which names, and what each waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork
from plugin.sentences import _, told

# A shop has a segment for each stage, and some for tiers and of its own making.
MOST = 250

_SEGMENTS = text("""
    SELECT e.body ->> 'name' AS name, e.body ->> 'tag' AS tag,
           coalesce(CAST(e.body ->> 'active' AS boolean), true) AS wanted, e.pushed_at, e.parked_at, e.reason,
           s.name AS called
    FROM effects e LEFT JOIN store_segments s ON s.shop_id = e.shop_id AND s.tag = e.key
    WHERE e.shop_id = :shop_id AND e.kind = 'segment' ORDER BY e.effect_id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: the name that it bears in the store, or shall bear, and how it stands, as a sentence."""

    name: str
    tag: str
    wanted: bool
    state: str


def segments(work: UnitOfWork) -> Sequence[Segment]:
    """Those that the store has, or shall have, or shall have no more."""
    return [
        Segment(row.called or row.name, row.tag, row.wanted, _state(row)) for row in work.rows(_SEGMENTS, limit=MOST)
    ]


def _state(row: Any) -> str:
    if row.parked_at:
        if not row.reason:
            return _("The store refused, and did not say why")
        return _("The store refused: %(reason)s", reason=told(row.reason))
    if row.pushed_at is None:
        return _("Waits to be made or put right") if row.wanted else _("Waits to be removed")
    if not row.wanted:
        return _("Removed")
    if row.called and row.called != row.name:
        return _("In your store, under this name because “%(name)s” is a segment of your own", name=row.name)
    return _("In your store")
