"""Marketing spend and benchmarks: what the merchant types or brings as a file, and what new customers cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from commerce.refusal import Refusal
from commerce.sayings import said_by, say, sentences
from engine import shops, terms
from engine.work import UnitOfWork
from lifecycle.records import marketing
from lifecycle.rules import sheets
from lifecycle.rules.marketing import VALUE_MONTHS, Line, cohorts, curve, with_margin
from lifecycle.rules.metrics import BY_KEY, shifted
from lifecycle.rules.sheets import Bad, Fault
from lifecycle.service.metrics import calendar, cohorts_by_arrival, months_back

# What a customer brings is multiplied with the margin of the terms of value, where the merchant has said one.
VALUE_DOMAIN = "value"
ALL = ""


class NotSpend(Refusal):
    """This spend cannot be taken."""

    def __init__(self, words: str = "", field: str = "") -> None:
        super().__init__(words)
        self.field = field


class NotABenchmark(Refusal):
    """This benchmark cannot be taken."""


@dataclass(frozen=True, slots=True)
class Month:
    """One channel in one month: minor units spent, and customers who came."""

    month: date
    arrival: str
    spend_minor: int
    customers: int

    @property
    def cac_minor(self) -> int | None:
        return Line(self.arrival, self.spend_minor, self.customers, ()).cac_minor


@dataclass(frozen=True, slots=True)
class Channels:
    """What new customers cost and bring over some months, by channel; `total` is of all channels together."""

    start: date
    lines: Sequence[Line]
    total: Line
    months: Sequence[Month]
    margin_percent: int


def channels(work: UnitOfWork, months: int = VALUE_MONTHS) -> Channels:
    """Cost, worth and payback of the customers who first came in the last so many months, this one among them."""
    _, today = calendar(work)
    start, this_month = months_back(today, months - 1), today.replace(day=1)
    spent = marketing.spend(work, start, shifted(this_month, 1))
    counted, margin = cohorts_by_arrival(work, start), _margin(work)
    rows = [
        Month(month, arrival, spent.get((month, arrival), 0), counted.get(arrival, {}).get((month, 0), (0, 0))[0])
        for month, arrival in sorted(
            {(month, arrival) for arrival, cells in counted.items() for month, _ in cells} | set(spent),
            key=lambda place: (-place[0].toordinal(), place[1]),
        )
    ]
    names = sorted({row.arrival for row in rows})
    worth = {name: curve(cohorts(counted.get(name, {}), today), this_month) for name in names}
    lines = [_line(name, [row for row in rows if row.arrival == name], worth[name], margin) for name in names]
    together = dict[tuple[date, int], tuple[int, int]]()
    for cells in counted.values():
        for place, (active, minor) in cells.items():
            before = together.get(place, (0, 0))
            together[place] = before[0] + active, before[1] + minor
    total = _line(ALL, rows, curve(cohorts(together, today), this_month), margin)
    return Channels(start, lines, total, rows, margin)


def _line(name: str, rows: Sequence[Month], worth: Sequence[int], margin: int) -> Line:
    spent, customers = sum(row.spend_minor for row in rows), sum(row.customers for row in rows)
    return Line(name, spent, customers, with_margin(worth, margin))


def _margin(work: UnitOfWork) -> int:
    said = terms.versions(work, VALUE_DOMAIN)
    return int(said[-1].body.get("margin_percent", 100)) if said else 100


def say_spend(work: UnitOfWork, month: str, channel: str, amount: str) -> None:
    """Note what was spent on a channel in a month, in place of what was said of it. Refuses with `NotSpend`."""
    currency, field = shops.current(work).currency, ""
    try:
        field = "month"
        first = sheets.month(month)
        field = "channel"
        arrival = sheets.channel(channel)
        field = "amount"
        minor = sheets.amount(amount, currency)
    except Bad as bad:
        raise NotSpend(sentences([said_by(bad)]), field) from None
    marketing.say_spend(work, {(first, arrival): minor})


def import_spend(work: UnitOfWork, data: bytes) -> tuple[int, Sequence[Fault]]:
    """Take a file of spend, whole or not at all: how many months of channels it says, and what is wrong with it.

    Refuses with `NotASheet`.
    """
    said, faults = sheets.spend(data, shops.current(work).currency)
    if said and not faults:
        marketing.say_spend(work, said)
    return (0 if faults else len(said)), faults


def say_benchmarks(work: UnitOfWork, typed: Mapping[str, str]) -> None:
    """Note benchmarks by metric, as a person writes them; an empty one is taken away. Refuses with `NotABenchmark`."""
    currency, said = shops.current(work).currency, dict[str, int | None]()
    for key, text in typed.items():
        metric = BY_KEY.get(key)
        if metric is None:
            raise NotABenchmark(say("There is no such metric."))
        try:
            said[key] = sheets.value(metric, text, currency) if text.strip() else None
        except Bad as bad:
            raise NotABenchmark(say("%(metric)s: %(fault)s.", metric=metric.name, fault=said_by(bad))) from None
    marketing.say_benchmarks(work, said)


def import_benchmarks(work: UnitOfWork, data: bytes) -> tuple[int, Sequence[Fault]]:
    """Take a file of benchmarks, whole or not at all, as `import_spend` does. Refuses with `NotASheet`."""
    said, faults = sheets.benchmarks(data, shops.current(work).currency)
    if said and not faults:
        marketing.say_benchmarks(work, said)
    return (0 if faults else len(said)), faults
