"""The shapes of what the store answers, with types and bounds; `reads` turns them into our words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Instant = Annotated[datetime, Meta(tz=True)]
Quantity = Annotated[int, Meta(ge=0, le=1_000_000)]
State = Annotated[str, Meta(max_length=40)]


class Page(Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


class Ref(Struct):
    id: str


class Refs(Struct):
    nodes: list[Ref | None]


class Amount(Struct):
    amount: str


class MoneyBag(Struct, rename="camel"):
    shop_money: Amount


class Resource(Struct, rename="camel"):
    legacy_resource_id: str


class Email(Struct, rename="camel"):
    email_address: str | None = None
    marketing_state: State | None = None
    marketing_updated_at: Instant | None = None


class Customer(Struct, rename="camel"):
    legacy_resource_id: str
    first_name: str | None = None
    last_name: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    default_email_address: Email | None = None


class Allocation(Struct, rename="camel"):
    allocated_amount_set: MoneyBag


class Line(Struct, rename="camel"):
    id: str
    title: str
    quantity: Quantity
    is_gift_card: bool
    original_unit_price_set: MoneyBag
    product: Resource | None = None
    vendor: str | None = None
    discount_allocations: list[Allocation] = []


class Lines(Struct, rename="camel"):
    page_info: Page
    nodes: list[Line]


class Attribute(Struct):
    key: str
    value: str | None = None


class Tax(Struct, rename="camel"):
    price_set: MoneyBag


class ShippingCosts(Struct, rename="camel"):
    tax_lines: list[Tax] = []


class Payment(Struct, rename="camel"):
    """One movement of an order's money. Its way of payment is null where the platform does not tell it."""

    kind: str
    status: str
    amount_set: MoneyBag
    gateway: str | None = None


class Payments(Struct):
    id: str
    transactions: list[Payment]


class PaymentNodes(Struct):
    nodes: list[Payments | None]


class OrderFacts(Struct, rename="camel", kw_only=True):
    """An order without its lines."""

    id: str
    legacy_resource_id: str
    name: str
    currency_code: str
    created_at: Instant
    updated_at: Instant
    test: bool
    total_price_set: MoneyBag
    refunds: list[Ref]
    discount_codes: list[str]
    custom_attributes: list[Attribute]
    processed_at: Instant | None = None
    cancelled_at: Instant | None = None
    display_financial_status: str | None = None
    landing_page_url: str | None = None
    referrer_url: str | None = None
    checkout_token: str | None = None
    customer: Customer | None = None
    taxes_included: bool = False
    source_name: str | None = None
    payment_gateway_names: list[str] = []
    display_fulfillment_status: str | None = None
    total_tax_set: MoneyBag | None = None
    total_shipping_price_set: MoneyBag | None = None
    shipping_line: ShippingCosts | None = None
    transactions: list[Payment] = []


class Order(OrderFacts, kw_only=True):
    line_items: Lines


class OrderNodes(Struct):
    nodes: list[Order | None]


class OrderLines(Struct, rename="camel"):
    line_items: Lines


class OrderLinesData(Struct):
    order: OrderLines | None


class RefundedLine(Struct, rename="camel"):
    id: str
    is_gift_card: bool


class RefundLine(Struct, rename="camel"):
    quantity: Quantity
    subtotal_set: MoneyBag
    line_item: RefundedLine


class RefundLines(Struct, rename="camel"):
    page_info: Page
    nodes: list[RefundLine]


class Shipping(Struct, rename="camel"):
    subtotal_amount_set: MoneyBag


class Shippings(Struct):
    nodes: list[Shipping]


class Transaction(Struct, rename="camel"):
    kind: str
    status: str
    amount_set: MoneyBag


class Transactions(Struct):
    nodes: list[Transaction]


class Refund(Struct, rename="camel"):
    id: str
    legacy_resource_id: str
    refund_line_items: RefundLines
    refund_shipping_lines: Shippings
    transactions: Transactions
    created_at: Instant | None = None
    processed_at: Instant | None = None


class RefundNodes(Struct):
    nodes: list[Refund | None]


class RefundLinesNode(Struct, rename="camel"):
    refund_line_items: RefundLines


class RefundLinesData(Struct):
    node: RefundLinesNode | None


class OrderRefunds(Struct):
    refunds: list[Ref]


class OrderRefundsData(Struct):
    order: OrderRefunds | None


class Stamp(Struct, rename="camel"):
    legacy_resource_id: str
    updated_at: Instant
    refunds: list[Ref]
    cancelled_at: Instant | None = None
    display_financial_status: str | None = None


class StampPage(Struct, rename="camel"):
    page_info: Page
    nodes: list[Stamp]


class Stamps(Struct):
    orders: StampPage


class CustomerPage(Struct, rename="camel"):
    page_info: Page
    nodes: list[Customer]


class Customers(Struct):
    customers: CustomerPage
