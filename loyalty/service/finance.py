"""What the program owes: month by month to the point, and in money with what will never be spent taken off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from commerce.money import Money
from engine.summaries import Summary, read
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Breakage, Worth
from loyalty.rules.liability import Age
from loyalty.service.program import Program

# How many customers' points are looked at to estimate what is never spent: more would not change the first two digits.
SAMPLE = 5_000


@dataclass(frozen=True, slots=True)
class Month:
    """One month: opening + issued - spent - expired - reversed + adjusted = closing, to the point.

    Points are those with customers and those held for codes; what customers owe is taken off.
    """

    begins: datetime
    opening: int
    issued: int
    spent: int
    expired: int
    reversed: int
    adjusted: int

    @property
    def closing(self) -> int:
        return self.opening + self.issued - self.spent - self.expired - self.reversed + self.adjusted


@dataclass(frozen=True, slots=True)
class Liability:
    """What is owed: `points` with customers, `held` for codes; `debt` of it is owed to the shop. The first two are as
    they are now, what is reckoned from many customers' lots (`debt`, `breakage`) as it was at `at`.

    `worth` is None where no reward has an amount; `breakage` while there is not enough history.
    """

    at: datetime
    points: int
    held: int
    debt: int
    worth: Worth | None
    breakage: Breakage | None
    best: Money | None
    average: Money | None
    expected: Money | None
    """At the average price, without what will never be spent."""

    def priced(self, points: int, *, best: bool = False) -> Money | None:
        """So many points at the average price of now, or at the best; None where no reward has an amount."""
        if self.worth is None or self.average is None:
            return None
        return rules.in_money(points, self.worth.best if best else self.worth.average, self.average.currency)


def roll_forward(work: UnitOfWork, bounds: Sequence[datetime]) -> list[Month]:
    """The months between these instants, oldest first; those before the first movement are left out."""
    opening, first = records.before(work, bounds[0])
    found = list[Month]()
    for row in records.months(work, bounds):
        each = Month(
            row.begins, opening, int(row.issued), -int(row.spent), -int(row.expired), -int(row.reversed),
            int(row.adjusted),
        )  # fmt: skip
        if first or found or each.closing or each.issued:
            found.append(each)
        opening = each.closing
    return found


def _spending(work: UnitOfWork) -> dict[str, Any]:
    ages, expired, lots = records.ages(work, SAMPLE)
    return {"ages": [asdict(age) for age in ages], "expired": expired, "lots": lots, "debt": records.debt(work)}


SPENDING = Summary("loyalty.spending", _spending)
"""How points fare by age, which tells what will never be spent; and what customers owe."""


def liability(work: UnitOfWork) -> Liability:
    """What the program owes now."""
    sums, agreed = records.outstanding(work), Program.of(work).current
    points, held = int(sums.points), int(sums.held)
    found = read(work, SPENDING)
    ages = [Age(**age) for age in found.value["ages"]]
    worth, unspent = rules.worth(agreed), rules.breakage(ages, found.value["expired"], found.value["lots"])
    best = average = expected = None
    if worth:
        best = rules.in_money(points + held, worth.best, agreed.currency)
        average = rules.in_money(points + held, worth.average, agreed.currency)
        if unspent:
            expected = rules.in_money(points + held, worth.average, agreed.currency, unspent.share)
    return Liability(found.at, points, held, found.value["debt"], worth, unspent, best, average, expected)


def price(work: UnitOfWork, points: int) -> Money | None:
    """What so many points are worth in money at the average of the program's rewards; None where none has an amount."""
    agreed = Program.of(work).current
    worth = rules.worth(agreed)
    return rules.in_money(points, worth.average, agreed.currency) if worth and points else None


def journal_bounds(work: UnitOfWork, begins: datetime, ends: datetime) -> tuple[int, int]:
    """Between which numbers the entries of that time lie, as they are now; the first is not one of them."""
    return records.written(work, begins, ends)


def journal(
    work: UnitOfWork, begins: datetime, ends: datetime, *, after: int, upto: int, limit: int = 5_000
) -> Sequence[Any]:
    """A page of the entries of that time, by number: entry_id, recorded_at, customer, account, counter, kind, points,
    order_name, terms_version, sentence.
    """
    return records.journal(work, begins, ends, after=after, upto=upto, limit=limit)
