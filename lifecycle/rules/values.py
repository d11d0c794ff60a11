"""What is kept of a customer's worth, and by which rules it is reckoned.

A prediction of one customer is good for a digit or two: more would be noise that looks like knowledge, and every night
would write every customer anew, for whoever is silent is worth a little less each day. So expectations are kept in
steps of about a tenth, wherever they come from: the night and a single order end in the same row.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from commerce.sayings import say

# As in `prediction.histories`: an older date is a clock that had lost its time.
EARLIEST_DAY = 7305
WORTH_DAYS = 365
"""Predicted money is that of the year to come."""

# Within which bounds a shop chooses.
LIMITS: Mapping[str, tuple[int, int]] = {
    "margin_percent": (1, 100), "discount_percent": (0, 100), "horizon_days": (7, 730),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValueTerms:
    """How a shop wants its customers' worth reckoned.

    `margin_percent` of what a customer keeps is the shop's; money of a year ahead is worth `discount_percent` less
    now; a customer who buys within `horizon_days` has not left. `groups` names the preset of RFM groups. `tell`:
    whether the store is told of group and worth.
    """

    version: int = 0
    margin_percent: int = 100
    discount_percent: int = 15
    horizon_days: int = 90
    groups: str = "eleven"
    tell: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(say("%(name)s is from %(low)s to %(high)s", name=name, low=low, high=high))

    @classmethod
    def read(cls, version: int, body: Mapping[str, Any]) -> ValueTerms:
        return cls(version, **body)

    def body(self) -> dict[str, Any]:
        return {
            "margin_percent": self.margin_percent, "discount_percent": self.discount_percent,
            "horizon_days": self.horizon_days, "groups": self.groups, "tell": self.tell,
        }  # fmt: skip

    @property
    def margin(self) -> float:
        return self.margin_percent / 100

    @property
    def yearly_discount(self) -> float:
        return self.discount_percent / 100


# Two digits, a tenth apart: the preferred numbers that engineers build with (IEC 60063, E24).
STEPS = (
    10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91, 100,
)  # fmt: skip
# Twice the middle between two neighbours; above it the greater one is nearer.
MIDDLES = tuple(low + high for low, high in pairwise(STEPS))


def in_steps(amount: int) -> int:
    """An expectation as it is kept: the nearest step of about a tenth, ``1234 -> 1200``; below ten, as it is."""
    if amount < STEPS[0]:
        return max(0, amount)
    scale: int = 10 ** (len(str(amount)) - 2)
    return STEPS[bisect_right(MIDDLES, 2 * amount // scale)] * scale


def percent(chance: float) -> int:
    """A chance as it is kept: whole percent in the same steps, counted from the end that is nearer."""
    whole = round(100 * chance)
    return in_steps(whole) if whole <= 50 else 100 - in_steps(100 - whole)


def hundredths(orders: float) -> int:
    """Expected orders as they are kept, in hundredths."""
    return in_steps(round(100 * orders))


# Nights are reckoned between one and five by the shop's own clock, each shop at its own minute: all shops of a country
# sleep at the same time.
NIGHT_BEGINS = timedelta(hours=1)
NIGHT_MINUTES = 240
# What two shops that came one after the other lie apart: prime to the minutes, so that the night fills evenly.
STRIDE = 97


def last_due(shop_id: int, now: datetime, there: tzinfo) -> datetime:
    """The last instant at which the shop's night was due to be reckoned, on its own clock."""
    at = NIGHT_BEGINS + timedelta(minutes=shop_id * STRIDE % NIGHT_MINUTES)
    local = now.astimezone(there)
    for day in (local.date(), local.date() - timedelta(days=1)):
        due = (datetime.combine(day, time(), there) + at).astimezone(UTC)
        if due <= now:
            return due
    raise AssertionError("yesterday's instant is always over")


def day_of(at: datetime, there: tzinfo) -> int:
    """The shop's day on which an instant falls, in days since 1970."""
    return (at.astimezone(there).date() - date(1970, 1, 1)).days


@dataclass(frozen=True, slots=True)
class Purchases:
    """What the models need to know of one customer, in days since 1970 and minor units; see `prediction.histories`.

    Means are of them what they are in a model: expectations, not money that anybody is owed.
    """

    first_day: int
    last_day: int
    many: int
    spent: int
    first_spent: int

    @classmethod
    def of(cls, days: Sequence[tuple[int, int]]) -> Purchases:
        """From days with what was kept of them, in order."""
        kept = [each for _, each in days]
        return cls(days[0][0], days[-1][0], len(days), sum(kept), kept[0])

    @property
    def x(self) -> int:
        """Purchases after the first."""
        return self.many - 1

    @property
    def tx(self) -> float:
        """Weeks from the first to the last."""
        return (self.last_day - self.first_day) / 7

    def age(self, day: int) -> float:
        """Weeks from the first until `day`."""
        return (day - self.first_day) / 7

    @property
    def m(self) -> float:
        """What a purchase after the first brought on average; 0 without any."""
        return (self.spent - self.first_spent) / self.x if self.x else 0.0


def steps(most: int) -> list[int]:
    """Edges for a distribution of amounts up to `most`: 1, 2, 5, 10, 20 ..., the last eight that it reaches."""
    edges, scale = [1], 1
    while edges[-1] < most:
        edges += [2 * scale, 5 * scale, 10 * scale]
        scale *= 10
    return [edge for edge in edges if edge <= max(most, 1)][-8:]
