"""What terms would have issued: counted order by order and member by member, for the terms of now and for others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from heapq import heappush, heappushpop
from itertools import accumulate
from zoneinfo import ZoneInfo

from commerce.ids import CustomerId
from loyalty.rules.expiry import Activity, Expiry, Life, Policy, Ruling, expires_at
from loyalty.rules.months import add_months, day_of

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
    over: Counter[date] = field(default_factory=Counter)
    """Points that expire unless they are spent, by the month (its first day) of the last day on which they could be."""
    orders: int = 0
    bands: Counter[int] = field(default_factory=Counter)
    reached: int = 0
    """Members with points enough for a reward."""

    def add(self, month: date, points: int) -> None:
        if points:
            self.orders += 1
            self.months[month] += points

    def expire(self, last: date, points: int) -> None:
        """Points that could be spent until that day, of a time that is over."""
        self.over[last.replace(day=1)] += points

    @property
    def points(self) -> int:
        return self.months.total()

    def curve(self, months: list[date]) -> list[tuple[date, int, int]]:
        """Each month, the points issued in it, and those of all until its end that are not over."""
        issued = [self.months[month] for month in months]
        left = accumulate(self.months[month] - self.over[month] for month in months)
        return list(zip(months, issued, left, strict=True))

    def expired(self, months: list[date]) -> int:
        """Points that were over by the end of the last of these months."""
        return sum(self.over[month] for month in months)


_EVER = datetime(1, 1, 2, tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)


@dataclass(slots=True)
class Ageing:
    """When points would be over by a policy that was in force all the time, if nobody spent any: member by member, each
    one's orders in the order in which they were placed.
    """

    expiry: Expiry
    zone: ZoneInfo
    tally: Tally
    today: date
    _left: int = 0
    _last: date = date.min
    _days: dict[tuple[date, date], date] = field(default_factory=dict)

    def earn(self, points: int, placed_at: datetime, available_at: datetime, joined_at: datetime) -> None:
        """An order brought so many points, to be spent from `available_at` on."""
        if self.expiry.policy is not Policy.INACTIVITY:
            self._close(self._last_day(available_at, joined_at), points)
            return
        at = placed_at if self.expiry.activity is Activity.PURCHASES else available_at
        if self._left and day_of(at, self.zone) > self._last:
            self.part()
        self._left += points
        self._last = max(self._last, add_months(day_of(max(at, available_at), self.zone), self.expiry.months))

    def part(self) -> None:
        """Nothing more of this member: what is there is over when its time is."""
        self._close(self._last, self._left)
        self._left, self._last = 0, date.min

    def _close(self, last: date, points: int) -> None:
        """What could still be spent today is not over."""
        if points and last < self.today:
            self.tally.expire(last, points)

    def _last_day(self, available_at: datetime, joined_at: datetime) -> date:
        """The policy's own answer, asked once for each day."""
        days = day_of(available_at, self.zone), day_of(joined_at, self.zone)
        if days not in self._days:
            over = expires_at([Ruling(_EVER, self.expiry)], available_at, Life(joined_at), self.zone)
            assert over is not None
            self._days[days] = day_of(over - _MOMENT, self.zone)
        return self._days[days]


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
