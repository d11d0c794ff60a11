"""Lift: what a play has changed, as the difference between those who took part and those held out, with its margin.

Everybody who was enrolled counts, whether they used what they were given or not: that alone keeps the two arms alike.
The intervals are of 95 in 100: where the truth is a certain difference, 95 of 100 such plays show an interval that
holds it. They are meant for one reading at the end; whoever looks every day and stops when it looks good finds
differences that are not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
# Fewer in an arm say nothing: intervals are wider than what any play can do, and those of means lean on the normal
# distribution, which thirty are the usual least for.
LEAST = 30


@dataclass(frozen=True, slots=True)
class Measured:
    """One arm: how many were measured, how many of them ordered, what all of them spent, and the sum of the squares of
    what each spent.
    """

    people: int = 0
    ordered: int = 0
    spent: float = 0.0
    squares: float = 0.0

    @property
    def rate(self) -> float:
        """The share that ordered."""
        return self.ordered / self.people if self.people else 0.0

    @property
    def mean(self) -> float:
        """What each spent, on the average of all, those who bought nothing too."""
        return self.spent / self.people if self.people else 0.0

    @property
    def variance(self) -> float:
        """Of what each spent, as a sample's."""
        if self.people < 2:
            return 0.0
        return max(0.0, (self.squares - self.people * self.mean**2) / (self.people - 1))


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the bounds of its interval."""

    value: float
    low: float
    high: float

    @property
    def above(self) -> bool:
        """Whether all of it lies above nought."""
        return self.low > 0

    @property
    def below(self) -> bool:
        """Whether all of it lies below nought."""
        return self.high < 0


class Verdict(StrEnum):
    """What a result says."""

    NO_HOLDOUT = "no_holdout"
    """Nobody is held out, so there is nothing to compare with."""
    TOO_EARLY = "too_early"
    MORE = "more"
    FEWER = "fewer"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Lift:
    """The difference between the arms, play less holdout. None of it is said while it is too early."""

    verdict: Verdict
    rate: Interval | None = None
    spent: Interval | None = None


def lift(play: Measured, holdout: Measured, *, holdout_percent: int) -> Lift:
    """What the play has changed, or that it is too early to say: with fewer than `LEAST` measured in either arm."""
    if holdout_percent == 0 and not holdout.people:
        return Lift(Verdict.NO_HOLDOUT)
    if min(play.people, holdout.people) < LEAST:
        return Lift(Verdict.TOO_EARLY)
    rate = of_rates(play, holdout)
    verdict = Verdict.MORE if rate.above else Verdict.FEWER if rate.below else Verdict.UNCLEAR
    return Lift(verdict, rate, of_means(play, holdout))


def share(part: int, whole: int) -> Interval:
    """A share with Wilson's score interval.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22 (1927), 209-212.
    """
    p, z = part / whole, NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    middle = (2 * part + z * z) / (2 * (whole + z * z))
    reach = z * sqrt(z * z + 4 * part * (1 - p)) / (2 * (whole + z * z))
    return Interval(p, max(0.0, middle - reach), min(1.0, middle + reach))


def of_rates(one: Measured, other: Measured) -> Interval:
    """The difference of two shares, each with Wilson's interval, squared and added.

    R. G. Newcombe, Interval estimation for the difference between independent proportions: comparison of eleven
    methods, Statistics in Medicine 17 (1998), 873-890, method 10.
    """
    a, b = share(one.ordered, one.people), share(other.ordered, other.people)
    value = a.value - b.value
    low = value - sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    high = value + sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Interval(value, low, high)


def of_means(one: Measured, other: Measured) -> Interval:
    """The difference of two means whose variances may differ.

    B. L. Welch, The generalization of "Student's" problem when several different population variances are involved,
    Biometrika 34 (1947), 28-35; degrees of freedom by F. E. Satterthwaite, Biometrics Bulletin 2 (1946), 110-114.
    """
    value = one.mean - other.mean
    parts = [each.variance / each.people for each in (one, other)]
    if not sum(parts):
        return Interval(value, value, value)
    reach = quantile_t(0.5 + CONFIDENCE / 2, freedom(one, other)) * sqrt(sum(parts))
    return Interval(value, value - reach, value + reach)


def freedom(one: Measured, other: Measured) -> float:
    """Satterthwaite's degrees of freedom of the difference of two means."""
    a, b = (each.variance / each.people for each in (one, other))
    return (a + b) ** 2 / (a * a / (one.people - 1) + b * b / (other.people - 1))


def quantile_t(p: float, nu: float) -> float:
    """The quantile of Student's t with `nu` degrees of freedom, of which there are more than thirty here.

    M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964), 26.7.5: right to three decimals from six
    degrees of freedom on.
    """
    x = NormalDist().inv_cdf(p)
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    return x + sum(term / nu**power for power, term in enumerate(terms, 1))
