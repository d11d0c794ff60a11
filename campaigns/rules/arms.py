"""Who takes part in a play and who is held out, and how many of them a budget can pay for.

The arm follows from a keyed digest of play, run and customer: nobody chooses, nothing is drawn, and whoever asks again
gets the same answer. A new run is a new draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

# So much of a digest is read: a share of 1 in 100 is met to within 2 to the power of -57.
BYTES = 8


class Arm(StrEnum):
    """The two sides of a play: those for whom it is done, and those of whom nothing is done."""

    PLAY = "play"
    HOLDOUT = "holdout"


def drawn(play: str, run: int, customer_id: int) -> str:
    """What the digest is made of."""
    return f"play:{play}:{run}:{customer_id}"


def arm(digest: bytes, holdout_percent: int) -> Arm:
    """The arm of whom `digest` (at least eight bytes, evenly spread) stands for."""
    place = int.from_bytes(digest[:BYTES], "big")
    return Arm.HOLDOUT if place * 100 < holdout_percent << (8 * BYTES) else Arm.PLAY


def affordable(arms: Sequence[Arm], cost: int, room: int) -> int:
    """How many of these, from the first on, can be enrolled with `room` points left at `cost` for each who takes part.

    Whoever comes after the first who cannot be paid is left for later, those who would be held out too: the arms stay
    alike.
    """
    for place, each in enumerate(arms):
        if each is Arm.PLAY:
            room -= cost
            if room < 0:
                return place
    return len(arms)


def month_of(at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The month of the shop's calendar in which `at` lies: its beginning, and that of the next."""
    there = at.astimezone(zone)
    first = there.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return first, following
