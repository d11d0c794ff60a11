"""The program that is proposed to a shop which has none yet, chosen from its own past by stated rules.

- A usual order (the middle one of the last year) brings some 50 to 125 points, so that numbers stay short.
- The first reward is reached after two to three usual orders; a second one is proposed where members reach it too.
- What points buy is 2 to 3 % of what was spent for them.
- Tiers are for shops that many people come back to: the best fifth of the members, and the best twentieth.
- A friend gets about a tenth of a usual order, and whoever brought them a first reward.

All numbers are round as people round them: 100, 250, 50,000. Whoever reads them sees at once what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from commerce.money import exponent

Bounds = tuple[Fraction, Fraction, Fraction]
"""At least, at best, at most."""


def _bounds(*thousandths: int) -> Bounds:
    least, aim, most = (Fraction(part, 1000) for part in thousandths)
    return least, aim, most


# Orders to the first reward; what is given back of what was spent; how much the second reward asks of the first one's
# points; what friends get of a usual order, and from which part of it on.
ORDERS, BACK, SECOND = _bounds(2000, 2500, 3000), _bounds(20, 25, 30), _bounds(2000, 3000, 5000)
FRIEND, FRIEND_FROM = _bounds(80, 100, 120), _bounds(500, 750, 1000)
# The second reward gives a little more for each point.
BETTER = Fraction(11, 10)
# A reward that fewer members reach in a year is a promise to nobody.
LEAST_REACHING = Fraction(1, 20)
# Tiers are for whom this many people, and this part of all members, came back to.
LEAST_REPEAT, LEAST_REPEAT_SHARE = 100, Fraction(1, 4)
# The hundredths of members, by what they spent, at which the tiers begin.
SILVER, GOLD = 80, 95
# A tier may begin this much before or after that. Whoever ordered once has not come back.
NEAR, MORE_THAN_ONE = (Fraction(4, 5), Fraction(1), Fraction(5, 4)), Fraction(3, 2)
# Fewer orders, or fewer days, say nothing about a shop.
LEAST_ORDERS, LEAST_DAYS = 30, 30
# The leading digits of round numbers, and what each lacks of being as round as 1 and 5, in hundredths of the distance
# from what was aimed at.
_ROUND = {10: 0, 50: 0, 20: 5, 25: 5, 30: 10, 40: 10, 15: 10, 60: 15, 75: 15, 80: 15}
NOT_ROUND = 100
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

    def reaching(self, spent_minor: Fraction) -> Fraction:
        """The part of the members who spent so much."""
        return Fraction(sum(spent >= spent_minor for spent in self.spends), max(1, len(self.spends)))


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
    def orders_to_first(self) -> Fraction:
        """Usual orders until the first reward."""
        return Fraction(self.rewards[0].points * self.per_minor, self.points * self.usual_minor)


def propose(past: Past) -> Opening:
    """The program that the past of a shop suggests."""
    unit = 10 ** exponent(past.currency)
    usual = _USUAL.get(past.currency, _USUAL_ELSEWHERE) * unit if past.thin else past.median_minor
    points, per = _rate(usual, unit)
    first = _first(Fraction(usual * points, per), Fraction(per, points))
    second = None if past.thin else _second(first, Fraction(per, points), past)
    return Opening(
        past.currency, points, per, (first, second) if second else (first,), _tiers(past, usual),
        nearest(_times(FRIEND, usual)), nearest(_times(FRIEND_FROM, usual)), first.points, usual,
    )  # fmt: skip


def _rate(usual: int, unit: int) -> tuple[int, int]:
    """Points for each so much: one for a round amount or, where that is less than a unit, several for one unit."""
    each = max(whole for whole in _steps() if whole <= max(1, usual // 50))
    return (1, each) if each >= unit else (unit // each, unit)


def _steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 and so on: each divides the next power of ten, so points stay whole."""
    return (digit * 10**power for power in range(13) for digit in (1, 2, 5))


def _times(bounds: Bounds, much: Fraction | int) -> Bounds:
    least, aim, most = bounds
    return least * much, aim * much, most * much


def _first(usual_points: Fraction, a_point: Fraction) -> Step:
    """The pair of round numbers that is roundest, and nearest to what is aimed at. `a_point`: what is spent for one."""
    return _best(_times(ORDERS, usual_points), lambda points: _times(BACK, points * a_point))


def _second(first: Step, a_point: Fraction, past: Past) -> Step | None:
    """A larger reward that gives no less for each point; None where too few would reach it in a year."""
    least = Fraction(first.amount_minor, first.points)
    most = max(BACK[2] * a_point, least)
    found = _best(_times(SECOND, first.points), lambda points: _times((least, min(most, BETTER * least), most), points))
    year = found.points * a_point * min(past.days, 365) * Fraction(1, 365)
    worth_it = found.amount_minor >= least * found.points and past.reaching(year) >= LEAST_REACHING
    return found if worth_it else None


def _best(points: Bounds, worth: Callable[[int], Bounds]) -> Step:
    """Of round points within bounds and round worths within theirs, those that please most."""
    pairs = list[tuple[Fraction, int, int]]()
    for one in _within(points):
        bounds = worth(one)
        pairs += [(_flaw(one, points[1]) + _flaw(two, bounds[1]), one, two) for two in _within(bounds)]
    if pairs:
        _, one, two = min(pairs)
        return Step(one, two)
    one = nearest(points)
    return Step(one, max(1, round(worth(one)[1])))


def _tiers(past: Past, usual: int) -> tuple[int, int] | None:
    if past.thin or past.repeat < LEAST_REPEAT or past.repeat < LEAST_REPEAT_SHARE * past.members:
        return None
    # What was spent in the days that are known, as if for a year.
    year = Fraction(365, max(1, min(past.days, 365)))
    silver, gold = (nearest(_times(NEAR, past.spends[place - 1] * year)) for place in (SILVER, GOLD))
    return (silver, gold) if MORE_THAN_ONE * usual <= silver < gold else None


def nearest(bounds: Bounds) -> int:
    """The round number that suits best between two bounds; the roundest near the aim where there is none between."""
    aim = bounds[1]
    found = list(_within(bounds)) or list(_within((aim * Fraction(1, 2), aim, aim * 2))) or [max(1, round(aim))]
    return min(found, key=lambda whole: _flaw(whole, aim))


def _within(bounds: Bounds) -> Iterator[int]:
    """The round whole numbers between two bounds."""
    least, _, most = bounds
    for power, digits in product(range(-1, 14), sorted(_ROUND)):
        whole, rest = (digits * 10**power, 0) if power >= 0 else divmod(digits, 10**-power)
        if not rest and whole >= 1 and least <= whole <= most:
            yield whole


def _flaw(whole: int, aim: Fraction) -> Fraction:
    """How much a number lacks of being round and of being what was aimed at."""
    if not aim:
        return Fraction(whole)
    return Fraction(roughness(whole), 100) + max(Fraction(whole) / aim, aim * Fraction(1, whole)) - 1


def roughness(whole: int) -> int:
    """0 for the roundest numbers; `NOT_ROUND` for those that are not round at all."""
    digits = whole
    while digits >= 100 and digits % 10 == 0:
        digits //= 10
    return _ROUND.get(digits * 10 if digits < 10 else digits, NOT_ROUND)
