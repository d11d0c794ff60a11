"""What a shop owes in points, in money: how much a point is worth, and how many will never be spent.

A point is worth what it buys. How many are never spent is estimated from how points have fared so far: the share that
outlives each month of age, by the product-limit estimator of Kaplan and Meier (1958), where points that were taken
back, and points that are still there, leave the count at their age. What has expired was never spent: it stays in the
count to the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from commerce.money import Money
from loyalty.rules.rewards import Reward
from loyalty.rules.terms import Terms

AGE_DAYS = 30
"""How long a month of age is."""

# Below this nothing is estimated: a young program has only seen the points of those who hurry.
ENOUGH_MONTHS = 6
ENOUGH_LOTS = 100
# An age counts while so large a share of all points has been seen at it; later ones hang on a handful of customers.
THIN = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class Worth:
    """What one point buys, in minor units: by the reward that gives most for it, and on average over all of them."""

    best: Fraction
    best_reward: Reward
    average: Fraction


@dataclass(frozen=True, slots=True)
class Age:
    """Points by how old they were: spent at that age, taken back at it, or of that age now and still there."""

    month: int
    spent: int
    withdrawn: int
    left: int


@dataclass(frozen=True, slots=True)
class Breakage:
    """The share of the points outstanding that will never be spent, and what it was estimated from."""

    share: Fraction
    months: int
    lots: int
    curve: Sequence[Fraction]
    """The share of points that is not spent yet after 0, 1, 2 ... months."""


def worth(terms: Terms) -> Worth | None:
    """What a point is worth; None where no reward says so.

    A percentage, free shipping and goods are worth what the basket makes of them: no amount can be said.
    """
    priced = [reward for reward in terms.rewards if reward.amount_minor]
    if not priced:
        return None
    best = max(priced, key=lambda reward: Fraction(reward.amount_minor, reward.points))
    average = Fraction(sum(reward.amount_minor for reward in priced), sum(reward.points for reward in priced))
    return Worth(Fraction(best.amount_minor, best.points), best, average)


def in_money(points: int, each: Fraction, currency: str, unspent: Fraction = Fraction(0)) -> Money:
    """Points in money, upwards: nobody owes less than nothing, and a liability is not made smaller by rounding."""
    exact = max(0, points) * each * (1 - unspent)
    return Money(-(-exact.numerator // exact.denominator), currency)


def breakage(ages: Sequence[Age], expired: int, lots: int) -> Breakage | None:
    """How much of what is outstanding will never be spent; None while there is not enough history to say.

    `expired` points were never spent, whatever their age was.
    """
    by_month = {age.month: age for age in ages}
    whole = expired + sum(age.spent + age.withdrawn + age.left for age in ages)
    curve = _survival(by_month, whole)
    if lots < ENOUGH_LOTS or len(curve) <= ENOUGH_MONTHS:
        return None
    last, left = curve[-1], sum(age.left for age in ages)
    stays = sum((age.left * last / curve[min(age.month, len(curve) - 1)] for age in ages), Fraction(0))
    return Breakage(stays / left if left else last, len(curve) - 1, lots, curve)


def _survival(by_month: Mapping[int, Age], whole: int) -> list[Fraction]:
    """The share unspent at the end of each month of age, as far as enough points have been seen at it."""
    curve, at_risk = [Fraction(1)], whole
    for month in range(max(by_month, default=-1) + 1):
        if at_risk <= 0 or Fraction(at_risk, whole) < THIN or curve[-1] == 0:
            break
        age = by_month.get(month, Age(month, 0, 0, 0))
        curve.append(curve[-1] * (1 - Fraction(min(max(0, age.spent), at_risk), at_risk)))
        at_risk -= age.spent + age.withdrawn + age.left
    return curve
