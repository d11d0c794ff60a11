"""Reading what a merchant brings as a table of comma-separated values: marketing spend by month and channel, and
benchmarks.

Nothing is guessed: what could be read in two ways is a fault with its line and its reason, and a file with faults is
not taken at all. Columns are known by their headings, in any order.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from commerce.arrivals import NAMES, Arrival
from commerce.money import BadAmount, Money
from commerce.refusal import Refusal
from commerce.sayings import said_by, say
from lifecycle.rules.metrics import METRICS, Metric, Unit

MOST_BYTES = 1_000_000
MOST_LINES = 10_000
MOST_FAULTS = 50
# A thousand million of any currency in a month: more is two numbers without the space between them.
MOST_MINOR = 10**14
MOST_VALUE = 10**12
# No shop sold anything on the web before, and nobody has paid for so late a month yet.
FIRST_YEAR, LAST_YEAR = 1995, 2100
_DELIMITERS = ",;\t"
# Spend of a month: 2026-03, or a day of it, which is added to the month's.
_MONTH = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?", re.ASCII)

_SPEND_COLUMNS = {
    "month": ("month", "date", "day"),
    "channel": ("channel", "source", "arrival"),
    "spend": ("spend", "cost", "amount"),
}
_BENCHMARK_COLUMNS = {"metric": ("metric", "key", "name"), "value": ("value", "benchmark")}
# Names under which advertising is billed.
_BILLED: Mapping[str, Arrival] = {
    **dict.fromkeys(("google ads", "google", "bing ads", "microsoft ads"), Arrival.PAID_SEARCH),
    **dict.fromkeys(("facebook ads", "meta ads", "facebook", "meta", "instagram", "instagram ads", "tiktok",
                     "tiktok ads", "pinterest ads", "snapchat ads"), Arrival.PAID_SOCIAL),
    "newsletter": Arrival.EMAIL,
    "sms": Arrival.MESSAGE,
    "display": Arrival.PAID_OTHER,
}  # fmt: skip


class NotASheet(Refusal):
    """The file is no table of comma-separated values that can be read here."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be taken, and why."""

    line: int
    reason: str


class Bad(ValueError):
    """One value cannot be read; the message says why."""


def spend(data: bytes, currency: str) -> tuple[dict[tuple[date, str], int], Sequence[Fault]]:
    """Minor units by month and channel, lines of the same month added up; and what is wrong. Raises `NotASheet`."""
    found, faults = dict[tuple[date, str], int](), list[Fault]()
    for line, row in _rows(data, _SPEND_COLUMNS):
        try:
            key = month(row["month"]), channel(row["channel"])
            found[key] = found.get(key, 0) + amount(row["spend"], currency)
        except Bad as bad:
            faults.append(Fault(line, said_by(bad)))
    return found, faults[:MOST_FAULTS]


def benchmarks(data: bytes, currency: str) -> tuple[dict[str, int], Sequence[Fault]]:
    """Values by metric, in its unit; and what is wrong. Raises `NotASheet`."""
    found, faults = dict[str, int](), list[Fault]()
    known = {name.casefold(): metric for metric in METRICS for name in (metric.key, metric.name)}
    for line, row in _rows(data, _BENCHMARK_COLUMNS):
        metric = known.get(row["metric"].casefold())
        try:
            if metric is None:
                raise Bad(say("there is no such metric; use a name as it stands on the page"))
            if metric.key in found:
                raise Bad(say("this metric stands in the file twice"))
            found[metric.key] = value(metric, row["value"], currency)
        except Bad as bad:
            faults.append(Fault(line, said_by(bad)))
    return found, faults[:MOST_FAULTS]


def month(typed: str) -> date:
    """The first of the month that is meant. Raises `Bad`."""
    match = _MONTH.fullmatch(typed.strip())
    try:
        if match is None:
            raise ValueError(typed)
        year, number, day = (int(part or 1) for part in match.groups())
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise ValueError(typed)
        return date(year, number, day).replace(day=1)
    except ValueError:
        raise Bad(say("the month is written as 2026-03")) from None


def channel(typed: str) -> str:
    """The channel that is meant, by its name here or that of who bills it. Raises `Bad`."""
    wanted = " ".join(typed.replace("’", "'").split()).casefold()
    named = {name.casefold(): arrival for arrival, name in NAMES.items()}
    known = {**named, **{str(arrival): arrival for arrival in Arrival}, **_BILLED}
    if wanted not in known:
        raise Bad(say("the channel is one of: %(names)s", names=tuple(NAMES.values())))
    return str(known[wanted])


def amount(typed: str, currency: str) -> int:
    """An amount in minor units. Raises `Bad`."""
    try:
        minor = Money.parse(typed.strip(), currency).minor
    except BadAmount:
        raise Bad(say("an amount is digits with at most one point, such as 1250.00")) from None
    if not 0 <= minor <= MOST_MINOR:
        raise Bad(say("an amount is nought or more, and less than any shop spends in a month"))
    return minor


def value(metric: Metric, typed: str, currency: str) -> int:
    """A metric's value as a person writes it: 35 or 35.5 for a share, 12.50 for money. Raises `Bad`."""
    said = typed.strip().removesuffix("%").strip()
    if metric.unit is Unit.MONEY:
        return amount(said, currency)
    if metric.unit is Unit.SHARE:
        if re.fullmatch(r"\d{1,3}(?:\.\d{1,2})?", said, re.ASCII) is None:
            raise Bad(say("a share is a number from 0 to 100, such as 35 or 35.5"))
        whole, _, part = said.partition(".")
        found = int(whole) * 100 + int(f"{part}00"[:2])
        if found > 10_000:
            raise Bad(say("a share is a number from 0 to 100, such as 35 or 35.5"))
        return found
    if re.fullmatch(r"\d{1,12}", said, re.ASCII) is None:
        raise Bad(say("a number of digits alone, such as 120"))
    return int(said)


def _rows(data: bytes, columns: Mapping[str, Sequence[str]]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each line with its number and the wanted columns. Raises `NotASheet`."""
    if len(data) > MOST_BYTES:
        raise NotASheet(say("The file is larger than a megabyte."))
    try:
        told = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotASheet(say("The file is not written in UTF-8; save it as “CSV UTF-8”.")) from None
    if "\0" in told:
        raise NotASheet(say("The file is no text."))
    first = told.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(told, newline=""), delimiter=delimiter)
    try:
        heads = [head.strip().casefold() for head in next(reader, [])]
        places = {
            name: next((heads.index(known) for known in names if known in heads), -1) for name, names in columns.items()
        }
        if missing := [name for name, place in places.items() if place < 0]:
            raise NotASheet(
                say(
                    "The first line names the columns: %(names)s. Missing: %(missing)s.",
                    names=tuple(columns),
                    missing=tuple(missing),
                )
            )
        for many, cells in enumerate(reader, 1):
            if many > MOST_LINES:
                raise NotASheet(say("The file has more than %(most)s lines.", most=f"{MOST_LINES:,}"))
            if any(cell.strip() for cell in cells):
                yield reader.line_num, {name: cells[p] if p < len(cells) else "" for name, p in places.items()}
    except csv.Error:
        raise NotASheet(say("The file is no table of comma-separated values.")) from None
