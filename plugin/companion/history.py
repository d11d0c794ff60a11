"""What brought a shopper's points and what took them, page by page, for a store's companion: each movement with its
receipt in words, the order it is of, and when its points end.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import loyalty
from commerce.ids import CustomerId
from engine.work import UnitOfWork
from plugin.companion.amounts import utc
from plugin.sentences import told

PAGE = 20
# A movement may be several entries: a reward is drawn from several lots.
ENTRIES = 100
NEWEST = 2**62


def history_facts(work: UnitOfWork, customer_id: CustomerId, before: int) -> dict[str, Any]:
    """``{"movements": [...], "next": 0}``: the movements below `before`, newest first; `next` is where the page behind
    them begins, 0 for none.
    """
    rows = loyalty.entries(work, customer_id, before or NEWEST, ENTRIES)
    together = [list(same) for _, same in groupby(rows, key=lambda row: (row.recorded_at, row.sentence))]
    # The last of a full page may go on behind it: it is told whole, on the next.
    whole = together if len(rows) < ENTRIES or len(together) == 1 else together[:-1]
    shown, more = whole[:PAGE], len(whole) > PAGE or len(rows) == ENTRIES
    return {
        "movements": [_movement(rows) for rows in shown if sum(row.points for row in rows)],
        "next": shown[-1][-1].entry_id if shown and more else 0,
    }


def _movement(rows: Sequence[Any]) -> dict[str, Any]:
    """Entries of one instant and one sentence: whoever bought once, or earned once, did it once."""
    first, points = rows[0], sum(row.points for row in rows)
    ends = [row.expires_at for row in rows if row.expires_at is not None and row.points > 0]
    later = first.available_at is not None and points > 0 and first.available_at > first.recorded_at
    return {
        "at": utc(first.recorded_at),
        "sentence": told(first.sentence),
        "points": points,
        "order": first.order_name or "",
        "from": utc(first.available_at) if later else "",
        "until": utc(min(ends)) if ends else "",
    }
