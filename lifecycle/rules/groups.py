"""Recency, frequency and money as scores from 1 to 5, and the groups that scores make.

Scores come from cut points, never from ranks: equal customers get equal scores, and one customer is scored anew
without a look at the others. A cut point is a value of the shop's own customers below which a fifth, two fifths, three
fifths, four fifths of them lie; who is above it scores one more. Half of a shop's customers have bought once: they all
score alike, and some scores of frequency then have nobody, which is as it should be.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from commerce.sayings import say

SCORES = range(1, 6)


@dataclass(frozen=True, slots=True)
class Group:
    """A named set of scores: `holds` says of recency and of the mean of frequency and money whether they are in it."""

    key: str
    name: str
    meaning: str
    holds: Callable[[int, float], bool]


# The eleven groups that stores' own reports know (Shopify's `CustomerStatistics.rfmGroup`); the eleventh, prospects, is
# everybody who has not bought. "R3" is a score of recency, FM the mean of those of frequency and money.
ELEVEN = (
    Group("champions", say("Champions"), say("Bought lately (R5), often and much (FM above 3)."),
          lambda r, fm: r == 5 and fm > 3),
    Group("loyal", say("Loyal"), say("Bought not long ago (R3 or R4), often and much (FM above 3)."),
          lambda r, fm: r in (3, 4) and fm > 3),
    Group("active", say("Active"), say("Bought lately (R4 or R5), some (FM above 1, up to 3)."),
          lambda r, fm: r >= 4 and 1 < fm <= 3),
    Group("new", say("New"), say("Bought lately (R5), little so far (FM 1)."), lambda r, fm: r == 5 and fm <= 1),
    Group("promising", say("Promising"), say("Bought not long ago (R4), little so far (FM 1)."),
          lambda r, fm: r == 4 and fm <= 1),
    Group("needs_attention", say("Needs attention"), say("Bought some time ago (R3), some (FM above 2, up to 3)."),
          lambda r, fm: r == 3 and 2 < fm <= 3),
    Group("almost_lost", say("Almost lost"), say("Bought some time ago (R3), little (FM up to 2)."),
          lambda r, fm: r == 3 and fm <= 2),
    Group("at_risk", say("At risk"), say("Bought long ago (R1 or R2), often or much before (FM above 2, up to 4)."),
          lambda r, fm: r <= 2 and 2 < fm <= 4),
    Group("previously_loyal", say("Previously loyal"),
          say("Bought long ago (R1 or R2), very often and much before (FM above 4)."),
          lambda r, fm: r <= 2 and fm > 4),
    Group("dormant", say("Dormant"), say("Bought long ago (R1 or R2), little (FM up to 2)."),
          lambda r, fm: r <= 2 and fm <= 2),
)  # fmt: skip
SIX = (
    Group("champions", say("Champions"), say("Bought lately (R4 or R5), often and much (FM from 4)."),
          lambda r, fm: r >= 4 and fm >= 4),
    Group("loyal", say("Loyal"),
          say("Bought not long ago (R3 to R5), often and much (FM from 3; what is not a champion)."),
          lambda r, fm: r >= 3 and fm >= 3 and not (r >= 4 and fm >= 4)),
    Group("recent", say("Recent"), say("Bought lately (R4 or R5), little so far (FM below 3)."),
          lambda r, fm: r >= 4 and fm < 3),
    Group("needs_attention", say("Needs attention"), say("Bought some time ago (R3), little (FM below 3)."),
          lambda r, fm: r == 3 and fm < 3),
    Group("at_risk", say("At risk"), say("Bought long ago (R1 or R2), often and much before (FM from 3)."),
          lambda r, fm: r <= 2 and fm >= 3),
    Group("inactive", say("Inactive"), say("Bought long ago (R1 or R2), little (FM below 3)."),
          lambda r, fm: r <= 2 and fm < 3),
)  # fmt: skip
PRESETS: Mapping[str, Sequence[Group]] = {"eleven": ELEVEN, "six": SIX}
PRESET_NAMES: Mapping[str, str] = {
    "eleven": say("Eleven groups"),
    "six": say("Six groups"),
}
PROSPECTS = Group("prospects", say("Prospects"), say("Known to you, and have not bought yet."), lambda _r, _fm: False)


@cache
def group_places(preset: str) -> tuple[int, ...]:
    """For each r, f, m, in this sequence from 1 to 5, the place of its group in the preset: 125 of them."""
    return tuple(_place(PRESETS[preset], r, (f + m) / 2) for r in SCORES for f in SCORES for m in SCORES)


def _place(groups: Sequence[Group], r: int, fm: float) -> int:
    return next(place for place, group in enumerate(groups) if group.holds(r, fm))


def place_of(preset: str, r: int, f: int, m: int) -> int:
    """The place of a customer's group in the preset."""
    return group_places(preset)[(r - 1) * 25 + (f - 1) * 5 + m - 1]


def scores(cuts: Mapping[str, Sequence[float]], silent_days: int, purchases: int, spent: int) -> tuple[int, int, int]:
    """Recency, frequency and money of one customer. Fewer days since the last order are more recency."""
    return (
        5 - bisect_left(cuts["r"], silent_days),
        1 + bisect_left(cuts["f"], purchases),
        1 + bisect_left(cuts["m"], spent),
    )
