"""What brought a shopper's points, page by page: movements as people read them, each with the receipt of its entry.

The receipt is what the ledger kept with the entry when it was written; days that time may still change are reckoned
anew, from what is left of those points.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row

import loyalty
from commerce.ids import CustomerId
from engine.work import UnitOfWork

# Above every number of an entry.
NEWEST = 2**62


@dataclass(frozen=True, slots=True)
class Movement:
    """Points that came or went at one instant for one reason. `kind`, `order_name` and `receipt` are the entry's, and
    `version` that of the terms by which it was reckoned.
    """

    at: datetime
    sentence: str
    points: int
    kind: str = ""
    order_name: str | None = None
    version: int = 0
    receipt: Mapping[str, Any] = field(default_factory=dict)
    available_at: datetime | None = None
    """When what came can be spent."""
    left: Sequence[tuple[datetime | None, int]] = ()
    """What is left of what came, by the instant at which it expires; None: never."""


@dataclass(frozen=True, slots=True)
class Page:
    """Movements, newest first; `older` is the number before which the next page begins, None on the last."""

    movements: Sequence[Movement] = ()
    older: int | None = None


def page(work: UnitOfWork, customer_id: CustomerId, lots: Sequence[Any], most: int, before: int | None = None) -> Page:
    """The movements of the newest `most` entries with numbers below `before`. `lots`: what the customer has left.

    A movement is on one page: what would be cut in two stands on the next one as a whole.
    """
    entries = loyalty.entries(work, customer_id, before or NEWEST, most + 1)
    if len(entries) <= most:
        return Page(movements(entries, lots))
    whole = [entry for entry in entries[:most] if _reason(entry) != _reason(entries[most])] or entries[:most]
    return Page(movements(whole, lots), whole[-1].entry_id)


def movements(entries: Sequence[Row[Any]], lots: Sequence[Any] = ()) -> list[Movement]:
    """Entries as a shopper reads them: those of one instant and one sentence are one movement, and what comes to
    nothing is left out.

    The ledger draws a reward from several lots, or lets new points repay old ones; a shopper bought once, or earned
    once.
    """
    of_lot = {lot.lot_id: lot for lot in lots}
    summed = [_movement(list(same), of_lot) for _, same in groupby(entries, key=_reason)]
    return [movement for movement in summed if movement.points]


def _reason(entry: Row[Any]) -> tuple[datetime, str]:
    return entry.recorded_at, entry.sentence


def _movement(same: Sequence[Row[Any]], lots: Mapping[int, Any]) -> Movement:
    first, points = same[-1], sum(entry.points for entry in same)
    left = defaultdict[datetime | None, int](int)
    # What goes names the lots that it is drawn from; what is left of those belongs to what brought them.
    for lot_id in {entry.lot_id for entry in same if entry.points > 0} if points > 0 else ():
        if lot_id in lots and lots[lot_id].remaining:
            left[lots[lot_id].expires_at] += lots[lot_id].remaining
    return Movement(
        first.recorded_at, first.sentence, points, first.kind, first.order_name, first.terms_version,
        first.receipt or {}, first.available_at,
        sorted(left.items(), key=lambda found: (found[0] is None, found[0] or first.recorded_at)),
    )  # fmt: skip
