"""Closing the lots that are over: what the member owes is paid first, and the rest expires.

Nobody loses points to the calendar while a debt of theirs could have been paid with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from loyalty.rules.points import Lot


@dataclass(frozen=True, slots=True)
class Closing:
    """What becomes of a lot that is over: what the member owes is paid out of it, and the rest expires."""

    lot: Lot
    repaid: int
    expired: int


def closings(lots: Sequence[Lot], debt: int, at: datetime) -> list[Closing]:
    """How the lots of one member that are over at `at` are closed, soonest first."""
    found = list[Closing]()
    over = [lot for lot in lots if lot.expires_at is not None and lot.expires_at <= at and lot.remaining > 0]
    for lot in sorted(over, key=lambda lot: (lot.expires_at, lot.lot_id)):
        repaid = min(debt, lot.remaining)
        debt -= repaid
        found.append(Closing(lot, repaid, lot.remaining - repaid))
    return found
