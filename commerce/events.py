"""What a delivery says, in our words.

A platform's connector translates its bodies into these; nothing else reads a body.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from commerce.customers import CustomerSnapshot
from commerce.ids import DeliveryId
from commerce.orders import OrderSnapshot, RefundSnapshot


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


Event = OrderChanged | RefundChanged | CustomerChanged | AppUninstalled | ScopesChanged | PrivacyAsked
