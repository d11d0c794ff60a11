"""What a delivery says, in our words.

A platform's connector translates its bodies into these; nothing else reads a body.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from commerce.customers import CustomerSnapshot
from commerce.ids import DeliveryId
from commerce.orders import OrderSnapshot, RefundSnapshot
from commerce.store import ShopDetails


@dataclass(frozen=True, slots=True)
class Delivery:
    """One signed POST as it was received: the exact bytes, and the little that its headers said."""

    delivery_id: DeliveryId
    topic: str
    body: bytes
    observed_at: datetime
    """When the platform says it triggered the delivery; when it says nothing, the instant of arrival."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the outside of a signed POST says, once the signature has been checked; the body stays unread."""

    shop_domain: str
    topic: str
    dedupe_key: str
    """Equal for two POSTs that are the same delivery: the platform's own rule."""
    triggered_at: datetime | None


class BadSignature(Exception):
    """The POST was not signed with a secret that we share with the platform. Nothing of it is kept."""


class BadDelivery(Exception):
    """The body cannot be understood.

    The text says what is wrong, without repeating any of the body: it may hold personal data.
    """


@dataclass(frozen=True, slots=True)
class OrderChanged:
    order: OrderSnapshot


@dataclass(frozen=True, slots=True)
class RefundChanged:
    """A refund arrived by itself; its order may be unknown to us yet."""

    refund: RefundSnapshot


@dataclass(frozen=True, slots=True)
class CustomerChanged:
    customer: CustomerSnapshot


@dataclass(frozen=True, slots=True)
class AppUninstalled:
    """The merchant removed the app.

    `at` tells a late word of an earlier removal from one that came after a new installation.
    """

    at: datetime


@dataclass(frozen=True, slots=True)
class ScopesChanged:
    """The merchant granted us more, or less. `scopes` is everything that is granted since `at`, in the platform's
    words.
    """

    scopes: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class PrivacyAsked:
    """The platform passes on a legal request:

    hand out (`export`) or erase a customer's data, or erase a whole shop's.
    """

    kind: str
    """``customer_export``, ``customer_erasure`` or ``shop_erasure``."""
    customer_external_id: str | None
    request_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderStale:
    """Something happened to an order, and the body does not hold the order: look at it again.

    `since`: a description of the order that the store froze at or after this instant knows of it already; None: any
    description does.
    """

    order_external_id: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class OrderDeleted:
    """The merchant deleted the order: it counts for nothing any more."""

    order_external_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomerDeleted:
    """The store no longer has this customer."""

    customer_external_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomersMerged:
    """Two customers of the store were one person: what was the gone one's is the kept one's now."""

    kept_external_id: str
    gone_external_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomerTagged:
    """Tags were put on a customer, or taken off: only what changed, by whoever changed it, ourselves included."""

    customer_external_id: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomerFact:
    """One thing that the store says of a customer, beside name and address: the newest word of each fact counts."""

    customer_external_id: str
    fact: str
    """``consent:email``, ``consent:sms``, ``account``, ``purchases``, or ``segment:`` with the segment's id."""
    value: object
    """What JSON can hold: a word, True or False, or for ``purchases`` an object."""
    at: datetime


@dataclass(frozen=True, slots=True)
class SegmentChanged:
    """A segment of the store was made or edited, by whoever did it; one that was deleted has neither name nor query."""

    external_id: str
    name: str | None
    query: str | None


@dataclass(frozen=True, slots=True)
class DiscountChanged:
    """A discount of the store works or works no more. Its code is only told when a code was added or removed."""

    external_id: str
    code: str | None
    works: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class CheckoutChanged:
    """Somebody is at the checkout, or has left it without buying. `customer` is None as long as nobody is known."""

    token: str
    cart_token: str | None
    customer: CustomerSnapshot | None
    currency: str
    total_minor: int
    started_at: datetime
    updated_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class CartChanged:
    """A cart was filled or changed. It names nobody: only a checkout made from it can."""

    token: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ShopChanged:
    """What the store says of itself, and the domain that its deliveries bear. An empty time zone says nothing of it."""

    details: ShopDetails
    domain: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class BulkOperationFinished:
    """A bulk operation of the store has ended, well or not."""

    external_id: str
    kind: str
    """``query`` or ``mutation``."""
    status: str
    """``completed``, ``failed``, ``canceled`` or ``expired``."""
    error_code: str | None
    at: datetime


Event = (
    OrderChanged | RefundChanged | CustomerChanged | AppUninstalled | ScopesChanged | PrivacyAsked
    | OrderStale | OrderDeleted | CustomerDeleted | CustomersMerged | CustomerTagged | CustomerFact
    | SegmentChanged | DiscountChanged | CheckoutChanged | CartChanged | ShopChanged | BulkOperationFinished
)  # fmt: skip
