"""What a suite hands back: rows for people, and the same figures by name for programs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BenchFailed(Exception):
    """Something went wrong while measuring: there is no figure. The text says what."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure. The defaults are what the README's figures were printed with; tests take tiny ones."""

    runs: int = 3
    data: Path | None = None
    """A second history to settle, besides CDNOW."""
    limit: int | None = None
    """At most so many orders of each history."""
    workers: int = 2
    batch: int | None = None
    """Deliveries a batch; None: what a worker takes by itself."""
    connections: int = 32
    deliveries: int = 10_000
    seconds: float = 15.0
    """A run at the door ends after this long, whatever has been sent."""
    body: int = 12_000
    tenants: int = 2
    rich: bool = False
    """The shops' terms have rules for goods, tiers and promotions."""
    histories: tuple[int, ...] = (10, 1_000, 5_000)
    """Orders that a customer has when the next ones are settled."""
    shops: tuple[int, ...] = (1_000, 50_000)
    """Orders that a shop has when the next ones are settled."""
    rounds: int = 9
    changes: int = 2_000
    """Customers of whose stage the store is told."""
    entries: int = 1_000_000
    """Of the ledger that is verified."""
    purchases: int = 2_000
    """Rewards that are bought."""
    simulated: int = 100_000
    """Orders on which terms are tried."""
    customers: int = 100_000
    """Of the shop whose segments are looked at."""
    turns: int = 500
    """How often `translate` does each thing in one run."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what, of how many, the median of the runs, its unit."""

    what: str
    many: int
    value: float | None
    unit: str

    def __str__(self) -> str:
        value = "-" if self.value is None else f"{self.value:,.2f}" if self.value < 100 else f"{self.value:,.0f}"
        return f"  {self.what:58} {self.many:>9,} {value:>12} {self.unit}"


@dataclass(frozen=True, slots=True)
class Result:
    rows: Sequence[Row]
    facts: dict[str, Any]


def median(values: Sequence[float | None]) -> float | None:
    """The median, or None where this system could not tell."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
