"""Orders as a store describes them (`OrderSnapshot`) and as our mirror holds them (`Order`).

Amounts are whole minor units of the *shop's* currency, never of the currency that the shopper happened to look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from commerce.customers import CustomerSnapshot
from commerce.ids import CustomerId, OrderId


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of goods: `net_minor` is what was asked for the whole line after every discount, before tax and
    shipping.
    """

    line_no: int
    product_id: str | None
    title: str
    quantity: int
    net_minor: int
    gift_card: bool


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """One refund of an order: the goods it takes back, and the money it returned (which may differ)."""

    external_id: str
    order_external_id: str
    refunded_at: datetime
    goods_minor: int
    total_minor: int


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
    buyer: Buyer | None = None


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

    @property
    def kept_minor(self) -> int:
        """The net price of the goods that the shopper kept: never below zero, whatever was refunded."""
        return max(0, self.goods_minor - self.refunded_minor)

    @property
    def counts(self) -> bool:
        """Whether this is a real, paid, standing purchase: the kind that moves a customer along."""
        return self.paid and not self.cancelled and not self.test and self.kept_minor > 0
