"""The port to a store's history: everything that happened before we were installed, and the lists of what changed.

A platform may write all of its history into one file for us, an *export*. It may as well refuse to, fail half-way, or
never come to an end; then the history is read page by page through the same questions as reconciliation asks.

Lists of what changed are long, and move while they are read. Each page of one says its *place*: given back to the
store, the list goes on behind that page, today or tomorrow. What a place says is the connector's own matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar, overload

from commerce.customers import CustomerSnapshot
from commerce.events import CustomerFact
from commerce.orders import OrderSnapshot, OrderStamp
from commerce.store import CollectionPort, StorePort

Subject = Literal["orders", "customers"]
"""What is read at a time: orders with their buyers, lines and refunds; or customers."""

Item_co = TypeVar("Item_co", covariant=True)


@dataclass(frozen=True)
class Page(Sequence[Item_co], Generic[Item_co]):
    """Some of a long list, in its order; it may hold none of what was asked for, and still say where to go on."""

    items: Sequence[Item_co]
    place: str

    @overload
    def __getitem__(self, index: int) -> Item_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item_co]: ...
    def __getitem__(self, index: int | slice) -> Item_co | Sequence[Item_co]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class CustomerPage(Page[CustomerSnapshot]):
    """Some of a store's customers, and what the list says of them beside that."""

    facts: Sequence[CustomerFact] = ()


@dataclass(frozen=True)
class OrderPage(Page[OrderStamp]):
    """A page of a list of orders: their stamps, and `orders` to have them whole.

    `whole`: the list told the orders themselves, so having them asks nobody.
    """

    orders: Callable[[Sequence[str]], Sequence[OrderSnapshot]]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list that goes by the instant of the last change is read: all before `at`, and of `at` those in
    `read`, by their ids.
    """

    at: datetime
    read: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {','.join(sorted(self.read))}"

    @classmethod
    def of(cls, text: str) -> Place:
        at, _, read = text.partition(" ")
        return cls(datetime.fromisoformat(at), frozenset(read.split(",")) if read else frozenset())

    def holds(self, at: datetime, external_id: str) -> bool:
        """Whether this is one of those in `read`."""
        return at == self.at and external_id in self.read

    def behind(self, told: Iterable[tuple[datetime, str]]) -> Place:
        """The place once these are read too."""
        told = list(told)
        at = max((at for at, _ in told), default=self.at)
        if at < self.at:
            return self
        now = frozenset(external_id for told_at, external_id in told if told_at == at)
        return Place(at, now | self.read if at == self.at else now)


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
    facts: Sequence[CustomerFact] = ()
    """What it says of customers beside that."""


class Store(StorePort, CollectionPort, Protocol):
    """A store that can tell its history too. Every call has bounded time; every failure is a `StoreError`."""

    @property
    def customers_by_change(self) -> bool:
        """Whether the store can be asked which customers changed. Where it cannot, `customers_changed` reads all of
        them: a question for the night.
        """
        ...

    def orders_changed(
        self, since: datetime, place: str | None = None, *, stamps_only: bool = False
    ) -> Iterator[OrderPage]:
        """Pages of the orders that changed at or after `since`; behind `place`, which a page of this list bore.

        `stamps_only`: hardly any will be wanted whole, so a store that lists whole orders need not.
        """
        ...

    def customers_changed(self, since: datetime, place: str | None = None) -> Iterator[CustomerPage]:
        """Pages of the customers that changed at or after `since`, likewise."""
        ...

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
