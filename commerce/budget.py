"""What a store lets us ask, in points: a bucket that refills by so many a second, and everybody who asks draws from it.

The store tells after each answer how full its bucket is, but only to the process that asked. So that several
processes do not each believe the whole of it to be theirs, they draw from one `Meter` before they ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Level:
    """A store's bucket at this moment: points `available` of at most `most`; `rate` flow in each second."""

    available: float
    most: float
    rate: float


@dataclass(frozen=True, slots=True)
class Grant:
    """What a draw brought. `points` are the caller's, to be spent in `wait_s` seconds and not before; none of them when
    the line is so long already that the caller should come back after `wait_s`.
    """

    points: float
    wait_s: float


class Meter(Protocol):
    """One store's bucket, shared by all who ask that store."""

    def draw(self, points: float, *, unspent: float = 0.0, told: Level | None = None) -> Grant:
        """Take `points` out of the bucket, or more while it is more than half full.

        `unspent` gives back what an earlier draw left over (below zero: what was spent beyond it). `told` is what the
        store said of its bucket last, brought to this moment.
        """
        ...


# While the bucket is more than half full, a draw takes this share of what is above the half, so that the next calls
# need no draw of their own.
EXTRA_SHARE = 0.25
FULL_ENOUGH = 0.5
