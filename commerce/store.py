"""The port to a shop's store: what we ask of it, what we tell it, and how it says no.

An effect states a *desired state* ("this customer's stage tags are exactly these"), never a step ("add this tag"), so
pushing it twice, or pushing only the newest of five, ends the same. `kind` and `key` name the thing whose state it
is; the outbox keeps one row for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from commerce.customers import CustomerSnapshot
from commerce.orders import OrderSnapshot, OrderStamp

# What a store gives has words of its own; who speaks to a store finds them here as well.
from commerce.rewards import GiveCredit as GiveCredit  # noqa: PLC0414
from commerce.rewards import HandOver as HandOver  # noqa: PLC0414
from commerce.rewards import Offering as Offering  # noqa: PLC0414
from commerce.rewards import PutDiscount as PutDiscount  # noqa: PLC0414
from commerce.rewards import PutGiftCard as PutGiftCard  # noqa: PLC0414
from commerce.rewards import TakeCredit as TakeCredit  # noqa: PLC0414


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
        return self.key_of(self.domain, self.customer_external_id)

    @staticmethod
    def key_of(domain: str, customer_external_id: str) -> str:
        return f"{domain}:{customer_external_id}"


@dataclass(frozen=True, slots=True)
class SetShopFields:
    """Of the fields that we keep for a whole shop in the store, those of `domain` hold exactly these values: each the
    text of a JSON object, for the shop's pages to show without asking us.
    """

    kind: ClassVar[str] = "shop_fields"
    domain: str
    values: dict[str, str]

    @property
    def key(self) -> str:
        return self.domain


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
class PutPixel:
    """The shop's pages run our pixel, which tells `address` what happened in the shop `account`.

    An uninstallation takes the pixel away without a word, so each installation, and each wish of the merchant's, states
    it anew: `since` is when.
    """

    kind: ClassVar[str] = "pixel"
    account: str
    address: str
    since: datetime

    @property
    def key(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True)
class Announce:
    """The store's own automation hears that something happened to a customer.

    The one effect that is no state: it is told at least once, and `event_id` tells whoever hears it twice.
    """

    kind: ClassVar[str] = "announcement"
    what: str
    event_id: str
    customer_external_id: str
    facts: dict[str, str | int]

    @property
    def key(self) -> str:
        return self.event_id


_Told = PutPixel | Announce | HandOver | SetShopFields
Effect = SetTags | SetFields | PutSegment | PutDiscount | PutGiftCard | GiveCredit | TakeCredit | _Told


@dataclass(frozen=True, slots=True)
class ShopDetails:
    """What a store says of itself."""

    external_id: str
    name: str
    currency: str
    timezone: str


class NoSuchCollection(StoreError):
    """The store has no collection of that id."""

    def __init__(self) -> None:
        super().__init__("the store has no such collection", permanent=True)


@dataclass(frozen=True, slots=True)
class StoreCollection:
    """Some of the store's goods, as the store groups them: a collection there, or a category. The title of a category
    names those above it too.
    """

    external_id: str
    title: str


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

    def set_shop_fields(self, effects: Sequence[SetShopFields]) -> list[StoreError | None]: ...

    def put_segments(self, effects: Sequence[PutSegment]) -> list[StoreError | None]: ...

    def put_discounts(self, effects: Sequence[PutDiscount]) -> list[StoreError | None]: ...

    def put_gift_cards(self, effects: Sequence[PutGiftCard]) -> list[StoreError | None]: ...

    def give_credit(self, effect: GiveCredit, *, asked_before: bool) -> StoreError | None:
        """Book a credit. `asked_before`: it may be booked already, so the store's books are read first."""
        ...

    def take_credit(self, effect: TakeCredit, *, asked_before: bool) -> StoreError | None:
        """Take a credit back, like `give_credit`."""
        ...

    def put_pixels(self, effects: Sequence[PutPixel]) -> list[StoreError | None]: ...

    def announce(self, effects: Sequence[Announce]) -> list[StoreError | None]: ...

    def orders_changed(self, since: datetime) -> Iterator[Sequence[OrderStamp]]:
        """Pages of stamps of the orders that changed at or after `since`."""
        ...

    def orders(self, external_ids: Sequence[str]) -> list[OrderSnapshot]:
        """The orders as they are now; those that the store no longer has are left out."""
        ...

    def customers_changed(self, since: datetime) -> Iterator[Sequence[CustomerSnapshot]]:
        """Pages of the customers that changed at or after `since`."""
        ...


class CollectionPort(Protocol):
    """How a store groups its goods. Every failure is a `StoreError`."""

    def collections(self) -> Iterator[Sequence[StoreCollection]]:
        """Pages of the collections that the store has."""
        ...

    def collection_products(self, external_id: str) -> Iterator[Sequence[str]]:
        """Pages of the ids of the collection's products, those of the categories below it among them; one may come
        twice. Raises `NoSuchCollection`, also for an id that none can have.
        """
        ...


class HookPort(Protocol):
    """The system of a shop's merchant that hands rewards over: not the store, and no part of a platform."""

    def hand_over(self, effects: Sequence[HandOver]) -> list[StoreError | None]:
        """Tell of each; answers in their order, like the store's writers."""
        ...


class BulkRefused(StoreError):
    """The store runs nothing in bulk for us until a person acts; single calls are taken as ever."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=True)


@dataclass(frozen=True, slots=True)
class BulkRun:
    """Many effects of one kind, carried to the store by one run that the store works off by itself.

    `name` is ours and unique: a run that was begun and whose beginner died is known by it. `state` is what the store
    wanted to be told at the next look, empty at the first. `effects` reads them, in their order, when they are needed.
    """

    name: str
    kind: str
    state: str
    effects: Callable[[], Sequence[Effect]]


@dataclass(frozen=True, slots=True)
class BulkLook:
    """What a look at a run found: how many lines are done and, at its end, one outcome for each effect."""

    state: str
    done: int
    outcomes: Sequence[StoreError | None] | None = None


@runtime_checkable
class BulkStore(Protocol):
    """A store that takes effects in bulk. Every call has bounded time and waits for no run."""

    def bulk_least(self, kind: str) -> int | None:
        """From how many effects of this kind on a run costs less than calls do; None where there is no such run."""
        ...

    def push_in_bulk(self, run: BulkRun) -> BulkLook:
        """Begin the run, or look at it and take its next step. Asking twice begins nothing twice.

        Raises `BulkRefused`, or any other `StoreError` when the look failed: the run itself goes on.
        """
        ...

    def cancel_bulk(self, run: BulkRun) -> None:
        """Ask the store to stop the run; a later look tells what had been done."""
        ...
