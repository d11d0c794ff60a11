"""What terms would have issued: counted order by order and member by member, for the terms of now and for others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from heapq import heappush, heappushpop
from itertools import accumulate

from commerce.ids import CustomerId

BANDS = (0, 1, 100, 500)
"""Where each band of points begins; the last has no end."""
EXAMPLES = 10


def band_of(points: int) -> int:
    """The place of the band in which so many points lie."""
    return sum(points >= least for least in BANDS) - 1


@dataclass(slots=True)
class Tally:
    """What one set of terms issued: points by month (its first day), orders that earned, members by band."""

    months: Counter[date] = field(default_factory=Counter)
    orders: int = 0
    bands: Counter[int] = field(default_factory=Counter)

    def add(self, month: date, points: int) -> None:
        if points:
            self.orders += 1
            self.months[month] += points

    @property
    def points(self) -> int:
        return self.months.total()

    def curve(self, months: list[date]) -> list[tuple[date, int, int]]:
        """Each month, the points issued in it, and all that were issued up to its end."""
        issued = [self.months[month] for month in months]
        return list(zip(months, issued, accumulate(issued), strict=True))


@dataclass(slots=True)
class Extremes:
    """The members for whom most changes, up and down: bounded, however many are looked at."""

    _up: list[tuple[int, int, CustomerId, int]] = field(default_factory=list)
    _down: list[tuple[int, int, CustomerId, int]] = field(default_factory=list)

    def add(self, customer_id: CustomerId, before: int, after: int) -> None:
        change = after - before
        if change:
            # Of equal changes the member whom we met first stays.
            kept, entry = (self._up if change > 0 else self._down), (abs(change), -customer_id, customer_id, before)
            if len(kept) < EXAMPLES:
                heappush(kept, entry)
            else:
                heappushpop(kept, entry)

    @property
    def gains(self) -> list[tuple[CustomerId, int, int]]:
        """Member, points before, points after: the greatest gain first."""
        return [(who, before, before + much) for much, _, who, before in sorted(self._up, reverse=True)]

    @property
    def losses(self) -> list[tuple[CustomerId, int, int]]:
        """Member, points before, points after: the greatest loss first."""
        return [(who, before, before - much) for much, _, who, before in sorted(self._down, reverse=True)]
