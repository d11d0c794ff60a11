"""The port to a store's history: everything that happened before we were installed.

A platform may write all of it into one file for us, an *export*. It may as well refuse to, fail half-way, or never
come to an end; then the history is read page by page through the same questions as reconciliation asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from commerce.customers import CustomerSnapshot
from commerce.orders import OrderSnapshot
from commerce.store import StorePort

Subject = Literal["orders", "customers"]
"""What is read at a time: orders with their buyers, lines and refunds; or customers."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much history there is, as far as the store tells. `recent_only`: it shows us the last 60 days of orders."""

    recent_only: bool
    orders: int | None
    customers: int | None


@dataclass(frozen=True, slots=True)
class Export:
    """A file that the store writes, or has written, for us.

    `began_at` is the instant from which it may tell things as they were. `failure` says why it is not whole;
    `address` is where its lines can be fetched, and may be there for one that failed: the part that was written.
    """

    reference: str
    began_at: datetime
    ended: bool
    failure: str | None
    address: str | None
    written: int
    """Objects so far; an export that does not grow for long is stuck."""
    total: int
    """Orders or customers in it, once it has ended."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Some of an export's orders or customers, and where in it the next one begins, in bytes."""

    orders: Sequence[OrderSnapshot]
    customers: Sequence[CustomerSnapshot]
    position: int
    read: int
    """Orders or customers told; more than are given here where some made no sense."""


class Store(StorePort, Protocol):
    """A store that can tell its history too. Every call has bounded time; every failure is a `StoreError`."""

    def orders_missing(self, external_ids: Sequence[str]) -> list[str]:
        """Of these orders, those that the store does not have, or does not show us."""
        ...

    def extent(self) -> Extent: ...

    def begin_export(self, subject: Subject) -> Export:
        """Have the store begin to write. A permanent `StoreError`: it will not do that for us."""
        ...

    def find_export(self, reference: str) -> Export:
        """How far it has come."""
        ...

    def cancel_export(self, reference: str) -> None: ...

    def portions(self, subject: Subject, export: Export, position: int) -> Iterator[Portion]:
        """What an ended export holds from `position` on, as a stream: never more than a portion in memory.

        Of one that failed, the last order is left out: its lines may be missing.
        """
        ...
