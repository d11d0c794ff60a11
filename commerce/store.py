"""The port to a shop's store: what we ask of it, what we tell it, and how it says no.

An effect states a *desired state* ("this customer's stage tags are exactly these"), never a step ("add this tag"), so
pushing it twice, or pushing only the newest of five, ends the same. `kind` and `key` name the thing whose state it
is; the outbox keeps one row for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from commerce.customers import CustomerSnapshot
from commerce.orders import OrderSnapshot, OrderStamp


class StoreError(Exception):
    """The store did not do what we asked. `permanent`: asking again will not help. `retry_after`: seconds that the
    store asked for.

    `closed`: the store answers nobody just now (uninstalled, frozen, token dead), so the whole shop waits, not only
    this effect.
    """

    def __init__(self, reason: str, *, permanent: bool, retry_after: float | None = None, closed: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.retry_after = retry_after
        self.closed = closed


@dataclass(frozen=True, slots=True)
class SetTags:
    """Of the tags that a domain owns (those in `vocabulary`), the customer bears exactly `tags`.

    Other tags are not ours to touch.
    """

    kind: ClassVar[str] = "tags"
    customer_external_id: str
    prefix: str
    tags: tuple[str, ...]
    vocabulary: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.prefix}{self.customer_external_id}"


@dataclass(frozen=True, slots=True)
class SetFields:
    """Of the fields that we keep beside a customer in the store, those of `domain` hold exactly these values.

    None: there is no such field. A value that begins with ``/`` is one of our pages for shoppers; the connector knows
    where the shop shows them.
    """

    kind: ClassVar[str] = "fields"
    customer_external_id: str
    domain: str
    values: dict[str, str | None]

    @property
    def key(self) -> str:
        return f"{self.domain}:{self.customer_external_id}"


@dataclass(frozen=True, slots=True)
class PutSegment:
    """The store has a segment called `name` of the customers who bear `tag` or, when not `active`, none of ours.

    The tag says which segment it is: with another name it is the same one, renamed.
    """

    kind: ClassVar[str] = "segment"
    name: str
    tag: str
    active: bool = True

    @property
    def key(self) -> str:
        return self.tag


@dataclass(frozen=True, slots=True)
class PutDiscount:
    """The discount code `code` exists and is worth `amount_minor` off one order or, when not `active`, no longer works.

    `customer_external_id` locks it to one customer. Each code works once.
    """

    kind: ClassVar[str] = "discount"
    code: str
    title: str
    amount_minor: int
    currency: str
    starts_at: datetime
    ends_at: datetime
    customer_external_id: str | None
    minimum_minor: int
    active: bool

    @property
    def key(self) -> str:
        return self.code


Effect = SetTags | SetFields | PutSegment | PutDiscount


@dataclass(frozen=True, slots=True)
class ShopDetails:
    """What a store says of itself."""

    external_id: str
    name: str
    currency: str
    timezone: str


@dataclass(frozen=True, slots=True)
class KnownSegment:
    """A segment in the store that is ours: its id there, and the name that it bears, which may not be the one that we
    wanted.
    """

    external_id: str
    name: str


class SegmentBook(Protocol):
    """Which segments of a store are ours, by the tag that they are about."""

    def known(self) -> Mapping[str, KnownSegment]: ...

    def learn(self, tag: str, segment: KnownSegment) -> None: ...

    def forget(self, tag: str) -> None: ...


class StorePort(Protocol):
    """The remote system of one shop. Every call has bounded time; every failure is a `StoreError`.

    The writers take a batch and answer in its order: None where the store now is as stated, a `StoreError`
    where it is not. They raise a `StoreError` when the whole batch failed.
    """

    def details(self) -> ShopDetails: ...

    def set_tags(self, effects: Sequence[SetTags]) -> list[StoreError | None]: ...

    def set_fields(self, effects: Sequence[SetFields]) -> list[StoreError | None]: ...

    def put_segments(self, effects: Sequence[PutSegment]) -> list[StoreError | None]: ...

    def put_discounts(self, effects: Sequence[PutDiscount]) -> list[StoreError | None]: ...

    def orders_changed(self, since: datetime) -> Iterator[list[OrderStamp]]:
        """Pages of stamps of the orders that changed at or after `since`, oldest change first."""
        ...

    def orders(self, external_ids: Sequence[str]) -> list[OrderSnapshot]:
        """The orders as they are now; those that the store no longer has are left out."""
        ...

    def customers_changed(self, since: datetime) -> Iterator[list[CustomerSnapshot]]:
        """Pages of the customers that changed at or after `since`, oldest change first."""
        ...
