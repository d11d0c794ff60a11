"""The program that is proposed to a shop which has none yet, chosen from its own past by stated rules.

- A usual order (the middle one of the last year) brings some 50 to 125 points, so that numbers stay short.
- The first reward is reached after two to three usual orders; a second one is proposed where members reach it too.
- What points buy is 2 to 3 % of what was spent for them.
- Tiers are for shops that many people come back to: the best fifth of the members, and the best twentieth.
- A friend gets about a tenth of a usual order, and whoever brought them a first reward.

All numbers are round as people round them: 100, 250, 50,000. Whoever reads them sees at once what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import log
from typing import Any

from commerce.money import exponent

# Orders to the first reward: at least, at best, at most.
ORDERS = (2.0, 2.5, 3.0)
# What is given back of what was spent.
BACK = (0.02, 0.025, 0.03)
# How much the second reward asks of the first one's points.
SECOND = (2.0, 3.0, 5.0)
# A reward that fewer members reach in a year is a promise to nobody.
LEAST_REACHING = 0.05
# Tiers are for whom this many people, and this part of all members, came back to.
LEAST_REPEAT, LEAST_REPEAT_SHARE = 100, 0.25
# The hundredths of members, by what they spent, at which the tiers begin.
SILVER, GOLD = 80, 95
# What friends get of a usual order, and from which part of it on.
FRIEND, FRIEND_FROM = (0.08, 0.10, 0.12), (0.5, 0.75, 1.0)
# Fewer orders, or fewer days, say nothing about a shop.
LEAST_ORDERS, LEAST_DAYS = 30, 30
# The leading digits of round numbers, and how much rounder one is than another: that of 1 to 5 is worth a tenth.
_ROUND = {10: 0.0, 50: 0.0, 20: 0.05, 25: 0.05, 30: 0.1, 40: 0.1, 15: 0.1, 60: 0.15, 75: 0.15, 80: 0.15}
# A usual order where nothing is known of a shop, in whole units of money, by the size of the unit.
_USUAL = {"IRT": 800_000, "IRR": 8_000_000, "IRHT": 800, "IRHR": 8_000, "JPY": 6_000, "KRW": 60_000, "VND": 900_000,
          "IDR": 500_000, "TRY": 1_500, "INR": 2_500, "RON": 200, "KWD": 15, "BHD": 18, "OMR": 18}  # fmt: skip
_USUAL_ELSEWHERE = 50


@dataclass(frozen=True, slots=True)
class Past:
    """What a shop sold in the last year, or in the `days` that it has: real, paid, standing orders and the goods kept.

    `spends`: what the member at each hundredth (1 to 99) spent in that time, from the least on.
    """

    currency: str
    days: int = 0
    orders: int = 0
    goods_minor: int = 0
    median_minor: int = 0
    members: int = 0
    repeat: int = 0
    spends: tuple[int, ...] = ()

    @property
    def thin(self) -> bool:
        """Too little to choose by: usual numbers are proposed."""
        return self.orders < LEAST_ORDERS or self.days < LEAST_DAYS or self.median_minor <= 0

    def reaching(self, spent_minor: float) -> float:
        """The part of the members who spent so much."""
        return sum(spent >= spent_minor for spent in self.spends) / len(self.spends) if self.spends else 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """What points buy: so many, an amount of money."""

    points: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A program to begin with. `tiers`: what silver and gold ask for in a year; None without tiers."""

    currency: str
    points: int
    per_minor: int
    rewards: tuple[Step, ...]
    tiers: tuple[int, int] | None
    friend_minor: int
    friend_minimum_minor: int
    advocate_points: int
    usual_minor: int
    """What it was chosen by: a usual order."""

    @property
    def usual_points(self) -> int:
        """The points of a usual order."""
        return self.usual_minor * self.points // self.per_minor

    @property
    def orders_to_first(self) -> float:
        """Usual orders until the first reward."""
        return self.rewards[0].points * self.per_minor / self.points / self.usual_minor if self.points else 0.0


def propose(past: Past) -> Opening:
    """The program that the past of a shop suggests."""
    unit = 10 ** exponent(past.currency)
    usual = _USUAL.get(past.currency, _USUAL_ELSEWHERE) * unit if past.thin else past.median_minor
    points, per = _rate(usual, unit)
    first = _first(usual * points / per, per / points)
    second = None if past.thin else _second(first, per / points, past)
    return Opening(
        past.currency, points, per, (first, second) if second else (first,), _tiers(past, usual),
        nearest(*(part * usual for part in FRIEND)), nearest(*(part * usual for part in FRIEND_FROM)), first.points,
        usual,
    )  # fmt: skip


def _rate(usual_minor: int, unit: int) -> tuple[int, int]:
    """Points for each so much: one for a round amount or, where that is less than a unit, several for one unit."""
    each = max(whole for whole in _steps() if whole <= max(1, usual_minor // 50))
    return (1, each) if each >= unit else (unit // each, unit)


def _steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 and so on: each divides the next power of ten, so points stay whole."""
    return (digit * 10**power for power in range(13) for digit in (1, 2, 5))


def _first(usual_points: float, minor_a_point: float) -> Step:
    """The pair of round numbers that is roundest, and nearest to what is aimed at."""
    return _best(
        [part * usual_points for part in ORDERS], lambda points: [part * points * minor_a_point for part in BACK]
    )


def _second(first: Step, minor_a_point: float, past: Past) -> Step | None:
    """A larger reward that gives a little more for each point; None where too few would reach it in a year."""
    least, most = first.amount_minor / first.points, BACK[2] * minor_a_point
    found = _best(
        [part * first.points for part in SECOND],
        lambda points: [points * least, points * min(most, 1.1 * least), points * max(most, least)],
    )
    year = found.points * minor_a_point * min(past.days, 365) / 365
    return found if found.amount_minor * first.points >= least * found.points * first.points and (
        past.reaching(year) >= LEAST_REACHING
    ) else None  # fmt: skip


def _best(points: Sequence[float], worth: Any) -> Step:
    """Of round points within bounds (least, aim, most) and round worths within theirs, those that please most."""
    pairs = list[tuple[float, int, int]]()
    for one in _within(*points):
        bounds = worth(one)
        pairs += [(_flaw(one, points[1]) + _flaw(two, bounds[1]), one, two) for two in _within(*bounds)]
    if pairs:
        _, one, two = min(pairs)
        return Step(one, two)
    one = nearest(*points)
    return Step(one, max(1, round(worth(one)[1])))


def _tiers(past: Past, usual: int) -> tuple[int, int] | None:
    if past.thin or past.repeat < LEAST_REPEAT or past.repeat < LEAST_REPEAT_SHARE * past.members:
        return None
    # What was spent in the days that are known, as if for a year.
    silver, gold = (past.spends[place - 1] * 365 / max(1, min(past.days, 365)) for place in (SILVER, GOLD))
    lower, upper = nearest(0.8 * silver, silver, 1.25 * silver), nearest(0.8 * gold, gold, 1.25 * gold)
    # Whoever ordered once has not come back.
    return (lower, upper) if 1.5 * usual <= lower < upper else None


def nearest(least: float, aim: float, most: float) -> int:
    """The round number that suits best between two bounds; the roundest near the aim where there is none between."""
    found = list(_within(least, aim, most)) or list(_within(aim / 2, aim, aim * 2)) or [max(1, round(aim))]
    return min(found, key=lambda whole: _flaw(whole, aim))


def _within(least: float, _aim: float, most: float) -> Iterator[int]:
    """The round whole numbers between two bounds."""
    for power, digits in product(range(-1, 14), sorted(_ROUND)):
        whole, rest = divmod(digits * 10**power, 1) if power >= 0 else divmod(digits, 10**-power)
        if not rest and whole >= 1 and least <= whole <= most:
            yield int(whole)


def _flaw(whole: int, aim: float) -> float:
    """How much a number lacks of being round and of being what was aimed at."""
    return roughness(whole) + abs(log(whole / aim))


def roughness(whole: int) -> float:
    """0.0 for the roundest numbers; 1.0 for those that are not round at all."""
    digits = whole
    while digits >= 100 and digits % 10 == 0:
        digits //= 10
    return _ROUND.get(digits * 10 if digits < 10 else digits, 1.0)
