"""Orders as a store describes them (`OrderSnapshot`) and as our mirror holds them (`Order`).

Amounts are whole minor units of the *shop's* currency, never of the currency that the shopper happened to look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commerce.customers import CustomerSnapshot
from commerce.ids import CustomerId, OrderId


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of goods: `net_minor` is what was asked for the whole line after every discount, before tax and
    shipping. `line_id` is the store's own number of the line, by which refunds name it.
    """

    line_no: int
    product_id: str | None
    title: str
    quantity: int
    net_minor: int
    gift_card: bool
    line_id: str | None = None
    variant_id: str | None = None
    vendor: str | None = None


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """What came back of one line of an order: pieces, and their net price."""

    line_id: str
    quantity: int
    goods_minor: int


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """One refund of an order: the goods it takes back, and the money it returned (which may differ).

    `lines` say which goods; a refund of mere money names none.
    """

    external_id: str
    order_external_id: str
    refunded_at: datetime
    goods_minor: int
    total_minor: int
    lines: tuple[RefundedLine, ...] = ()


class Channel(StrEnum):
    """Where an order was placed: on the shop's pages, at its till, or written by the merchant."""

    ONLINE = "online"
    POS = "pos"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Buyer:
    """What an order says of whoever placed it, beside name and e-mail. It is compared, as keyed digests, and never
    kept: the mirror has no place for it.
    """

    phone: str | None = None
    address: str | None = None
    ip: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSnapshot:
    """What the store said of an order at one moment; `(updated_at, observed_at)` orders snapshots of the same order.

    `updated_at` alone would not do: platforms write whole seconds, and an order is often created and paid within one.
    `observed_at` is the instant at which the platform froze this body, or at which we read it. `goods_minor` is the
    net price of the goods: after discounts, without tax, shipping, tips and gift cards sold.
    """

    external_id: str
    name: str
    customer: CustomerSnapshot | None
    currency: str
    placed_at: datetime
    updated_at: datetime
    observed_at: datetime
    paid: bool
    cancelled_at: datetime | None
    test: bool
    goods_minor: int
    total_minor: int
    lines: tuple[OrderLine, ...]
    refunds: tuple[RefundSnapshot, ...]
    discount_codes: tuple[str, ...]
    referral_code: str | None
    checkout_token: str | None = None
    """What the store called the checkout that this order came from, if it says so."""
    whole: bool = False
    """Whether it lists every refund that there is, and names guests too: what is not in it is no more."""
    buyer_erased: bool = False
    """Whether the store has erased from the order who bought."""
    step_minor: int = 1
    """The amounts are rounded to whole multiples of this: 100 where a store writes dollars without cents."""
    list_minor: int = 0
    """The goods at their prices before discounts."""
    tax_minor: int = 0
    """The tax on the goods; `goods_minor` contains it where `tax_included`."""
    tax_included: bool = False
    shipping_minor: int = 0
    """What was asked for shipping, after discounts."""
    credit_minor: int | None = 0
    """What was paid with gift cards and store credit; None where this body does not say how much it was."""
    fulfilled_at: datetime | None = None
    """Set once all of the order is with the shopper: the instant of the body that said so first."""
    channel: Channel = Channel.ONLINE
    gateways: tuple[str, ...] = ()
    """By what it was paid, in the platform's words."""
    landing_code: str | None = None
    """The referral code in the address at which the shopper came in; `referral_code` is the cart's word, else this."""
    buyer: Buyer | None = None
    arrival: str | None = None
    """By which way the shopper came to the shop (`commerce.arrivals`); None where the store does not say."""
    country: str | None = None
    """Where the goods went, or else the bill: two capital letters of ISO 3166-1; None where the store does not say."""


@dataclass(frozen=True, slots=True)
class OrderStamp:
    """The little of an order that tells whether our mirror is behind: cheap to list by the hundred."""

    external_id: str
    updated_at: datetime
    paid: bool
    cancelled: bool
    refund_count: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the mirror, as the domains see it.

    `version` grows by one with each change that the mirror accepted.
    """

    order_id: OrderId
    external_id: str
    name: str
    customer_id: CustomerId | None
    customer_external_id: str | None
    currency: str
    placed_at: datetime
    paid: bool
    cancelled: bool
    test: bool
    goods_minor: int
    refunded_minor: int
    discount_codes: tuple[str, ...]
    referral_code: str | None
    version: int
    total_minor: int = 0
    list_minor: int = 0
    tax_minor: int = 0
    tax_included: bool = False
    shipping_minor: int = 0
    credit_minor: int | None = 0
    fulfilled_at: datetime | None = None
    channel: str = Channel.ONLINE
    gateways: tuple[str, ...] = ()

    @property
    def kept_minor(self) -> int:
        """The net price of the goods that the shopper kept: never below zero, whatever was refunded."""
        return max(0, self.goods_minor - self.refunded_minor)

    @property
    def counts(self) -> bool:
        """Whether this is a real, paid, standing purchase: the kind that moves a customer along."""
        return self.paid and not self.cancelled and not self.test and self.kept_minor > 0


@dataclass(frozen=True, slots=True)
class KeptLine:
    """One line of an order of the mirror, and what of it came back by refunds that named it."""

    product_id: str | None
    variant_id: str | None
    vendor: str | None
    quantity: int
    net_minor: int
    returned: int = 0
    returned_minor: int = 0
    collections: tuple[str, ...] = ()
    """Of the collections that were asked about, those in which the product stood when the order was placed."""
