"""What new customers cost and how soon they pay it back, by the channel by which they first came.

The cost of a customer is the spend of a month over the new customers of that month: all of them for the whole shop
(blended), those of a channel for the channel. What a customer has brought after so many months is the mean over the
cohorts that are that old, month by month, so that young cohorts count where they can and nowhere else; it is multiplied
with the margin. A customer pays back in the first month after which that sum is as much as the cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lifecycle.rules.metrics import shifted

# LTV:CAC takes what a customer brings within so many months, the first one among them.
VALUE_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Cohort:
    """Customers whose first order was in one month: how many ordered in each month from then on, and what they kept."""

    month: date
    active: Sequence[int]
    minor: Sequence[int]

    @property
    def size(self) -> int:
        return self.active[0] if self.active else 0

    @property
    def each(self) -> Sequence[int]:
        """What a customer has kept after each month, together, in minor units: the sum over the cohort's size."""
        found, total = list[int](), 0
        for minor in self.minor:
            total += minor
            found.append(total // self.size if self.size else 0)
        return found


def cohorts(counted: Mapping[tuple[date, int], tuple[int, int]], until: date) -> list[Cohort]:
    """Cohorts by month, oldest first, each with a place for every month up to that of `until`.

    `counted` is, by month of the first order and months since, who ordered and the minor units that they kept.
    """
    return [
        Cohort(month, *zip(*(counted.get((month, k), (0, 0)) for k in range(_apart(month, until) + 1)), strict=True))
        for month in sorted({month for month, _ in counted})
        if month <= until
    ]


def _apart(first: date, later: date) -> int:
    return 12 * (later.year - first.year) + later.month - first.month


def curve(given: Sequence[Cohort], this_month: date, months: int = VALUE_MONTHS) -> list[int]:
    """What a customer has brought after each month, in minor units before margin: the mean of those cohorts that have
    all of that month behind them. It ends where there is none.
    """
    found, total, denominators = list[int](), 0, 10**6
    for k in range(months):
        old = [c for c in given if shifted(c.month, k) < this_month and len(c.minor) > k]
        size = sum(c.size for c in old)
        if not size:
            break
        # Kept in millionths, so that twelve roundings do not add up.
        total += sum(c.minor[k] for c in old) * denominators // size
        found.append(total // denominators)
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """A channel over some months: what was spent, who came, and what they bring. Money in minor units."""

    arrival: str
    spend_minor: int
    customers: int
    worth: Sequence[int]
    """What a customer has brought after each month, with the margin."""

    @property
    def cac_minor(self) -> int | None:
        """What one customer cost; None where nothing was spent or nobody came."""
        return -(-self.spend_minor // self.customers) if self.spend_minor and self.customers else None

    @property
    def ltv_minor(self) -> int | None:
        return self.worth[-1] if self.worth else None

    @property
    def ltv_to_cac(self) -> int | None:
        """Hundredths: 350 is 3.5 to 1."""
        if self.cac_minor is None or self.ltv_minor is None:
            return None
        return 100 * self.ltv_minor // self.cac_minor

    @property
    def payback_months(self) -> int | None:
        """After how many months a customer has brought what they cost; None if not within those that are known."""
        if self.cac_minor is None:
            return None
        cost = self.cac_minor
        return next((months for months, worth in enumerate(self.worth, 1) if worth >= cost), None)


def with_margin(worth: Sequence[int], percent: int) -> list[int]:
    return [minor * percent // 100 for minor in worth]
