"""Orders, refunds and transactions, as their webhooks tell of them.

Amounts are the shop's own money, as decimal text; a float never touches them. Where a shop's prices include
tax, the price of its goods includes it too, in orders and refunds alike.

Some topics speak of an order without holding it: an edit, a transaction. Those say only "look at it again".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from commerce.arrivals import arrival
from commerce.events import BadDelivery, Delivery, Event, OrderChanged, OrderDeleted, OrderStale, RefundChanged
from commerce.money import check_currency, minor_units
from commerce.orders import OrderLine, OrderSnapshot, RefundedLine, RefundSnapshot
from connectors.shopify import reading
from connectors.shopify.inbound.bodies import Customer, Id, Instant, MoneySet, Quantity, customer_snapshot
from connectors.shopify.inbound.buyers import Address, Client, buyer, country

# The kinds of transaction after which an order may be paid, or its money be back.
_MONEY_MOVED = frozenset({"sale", "capture", "refund", "void"})


# Only a reading of the order that is younger than its body can tell more.
_AFTER = timedelta(microseconds=1)

# Most orders have no tax or no shipping: seen without parsing.
_ZEROS = frozenset({"0.00", "0", "0.0"})


# None of these can be part of a cycle, so the collector need not walk them (`gc=False`): a fifth of the time
# of decoding.


class _Allocation(Struct, gc=False):
    amount: str


class _Line(Struct, gc=False):
    price: str
    quantity: Quantity
    id: Id | None = None
    title: str | None = None
    product_id: Id | None = None
    vendor: str | None = None
    gift_card: bool = False
    discount_allocations: list[_Allocation] = []


class _Code(Struct, gc=False):
    code: str | None = None


class _Attribute(Struct, gc=False):
    name: object = None
    value: object = None


class _RefundedLine(Struct, gc=False):
    gift_card: bool = False


class _RefundLine(Struct, gc=False):
    line_item_id: Id | None = None
    quantity: Quantity = 0
    # A bare number here, where everything else is text: kept raw, so that its digits are read as written.
    subtotal: msgspec.Raw = msgspec.Raw(b"")
    subtotal_set: MoneySet | None = None
    line_item: _RefundedLine | None = None


class _Transaction(Struct, gc=False):
    kind: str
    status: str
    amount: str
    currency: str | None = None


class _RefundShipping(Struct, gc=False):
    subtotal_amount_set: MoneySet | None = None


class _Tax(Struct, gc=False):
    price: str = "0"


class _Shipping(Struct, gc=False):
    tax_lines: list[_Tax] = []


class _Refund(Struct, gc=False):
    id: Id
    order_id: Id
    created_at: Instant | None = None
    processed_at: Instant | None = None
    total_duties_set: MoneySet | None = None
    refund_line_items: list[_RefundLine] = []
    refund_shipping_lines: list[_RefundShipping] = []
    transactions: list[_Transaction] = []


class _Order(Struct, gc=False):
    id: Id
    name: str
    currency: str
    total_price: str
    created_at: Instant
    updated_at: Instant
    line_items: list[_Line]
    processed_at: Instant | None = None
    cancelled_at: Instant | None = None
    financial_status: str | None = None
    test: bool = False
    customer: Customer | None = None
    refunds: list[_Refund] = []
    discount_codes: list[_Code] = []
    note_attributes: list[_Attribute] = []
    landing_site: str | None = None
    referring_site: str | None = None
    checkout_token: str | None = None
    total_price_set: MoneySet | None = None
    total_tax: str | None = None
    taxes_included: bool = False
    total_shipping_price_set: MoneySet | None = None
    shipping_lines: list[_Shipping] = []
    source_name: str | None = None
    payment_gateway_names: list[str] = []
    fulfillment_status: str | None = None
    phone: str | None = None
    browser_ip: str | None = None
    client_details: Client | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None


class _Deleted(Struct, gc=False):
    id: Id


class _Edit(Struct, gc=False):
    order_id: Id


class _Edited(Struct, gc=False):
    order_edit: _Edit


class _Payment(Struct, gc=False):
    order_id: Id
    kind: str
    status: str
    created_at: Instant | None = None
    processed_at: Instant | None = None


_ORDER = msgspec.json.Decoder(_Order)
_REFUND = msgspec.json.Decoder(_Refund)
_DELETED = msgspec.json.Decoder(_Deleted)
_EDITED = msgspec.json.Decoder(_Edited)
_PAYMENT = msgspec.json.Decoder(_Payment)


def _order_events(delivery: Delivery) -> Sequence[Event]:
    order = order_snapshot(_ORDER.decode(delivery.body), delivery.observed_at)
    if order.credit_minor is not None:
        return (OrderChanged(order),)
    # The body names gift cards and credit as ways of payment without their amounts: those are asked for.
    return OrderChanged(order), OrderStale(order.external_id, delivery.observed_at + _AFTER)


def _refund_events(delivery: Delivery) -> Sequence[Event]:
    refund = _REFUND.decode(delivery.body)
    currency = check_currency(_currency_of(refund))
    if _foreign(refund, currency):
        # Its money cannot be told without the order's rate of exchange; the order's own delivery follows and
        # carries the same refund.
        return ()
    return (RefundChanged(refund_snapshot(refund, currency, None)),)


def _edited_events(delivery: Delivery) -> Sequence[Event]:
    # The edit names lines and how many pieces, without their prices: the order itself says what it came to.
    edit = _EDITED.decode(delivery.body).order_edit
    return (OrderStale(str(edit.order_id), delivery.observed_at),)


def _transaction_events(delivery: Delivery) -> Sequence[Event]:
    payment = _PAYMENT.decode(delivery.body)
    if payment.status != "success" or payment.kind not in _MONEY_MOVED:
        return ()
    at = payment.processed_at or payment.created_at or delivery.observed_at
    # The whole second: an order that is paid at once is told in the same second as its payment, and not asked for.
    return (OrderStale(str(payment.order_id), at.astimezone(UTC).replace(microsecond=0)),)


def _deleted_events(delivery: Delivery) -> Sequence[Event]:
    return (OrderDeleted(str(_DELETED.decode(delivery.body).id), delivery.observed_at),)


READERS: Mapping[str, Callable[[Delivery], Sequence[Event]]] = {
    "orders/create": _order_events,
    "orders/updated": _order_events,
    "orders/paid": _order_events,
    "orders/cancelled": _order_events,
    "orders/fulfilled": _order_events,
    "orders/partially_fulfilled": _order_events,
    "orders/edited": _edited_events,
    "orders/delete": _deleted_events,
    "order_transactions/create": _transaction_events,
    "refunds/create": _refund_events,
}


def order_snapshot(order: _Order, observed_at: datetime) -> OrderSnapshot:
    """The order as the body states it. A customer inside it bears no `updated_at`: it is hearsay beside what
    the store says of customers.
    """
    currency = check_currency(order.currency)
    lines, before = _lines(order.line_items, currency)
    gateways, channel = reading.gateways(order.payment_gateway_names), reading.channel(order.source_name)
    code = reading.referral_code(((a.name, a.value) for a in order.note_attributes), order.landing_site)
    updated_at = order.updated_at.astimezone(UTC)
    return OrderSnapshot(
        external_id=str(order.id),
        name=reading.clean(order.name, reading.NAME_LENGTH),
        customer=None if order.customer is None else customer_snapshot(order.customer, observed_at, None),
        currency=currency,
        placed_at=(order.processed_at or order.created_at).astimezone(UTC),
        updated_at=updated_at,
        observed_at=observed_at,
        paid=order.financial_status in reading.PAID_STATUSES,
        cancelled_at=None if order.cancelled_at is None else order.cancelled_at.astimezone(UTC),
        test=order.test,
        goods_minor=sum(line.net_minor for line in lines if not line.gift_card),
        total_minor=reading.bounded(minor_units(order.total_price, currency), "the total"),
        lines=lines,
        refunds=tuple(refund_snapshot(refund, currency, order.total_price_set) for refund in order.refunds),
        discount_codes=reading.codes(found.code for found in order.discount_codes) if order.discount_codes else (),
        referral_code=code,
        landing_code=reading.landing_code(order.landing_site),
        checkout_token=reading.checkout_token(order.checkout_token),
        list_minor=reading.bounded(before, "the price of the goods"),
        tax_minor=_goods_tax(order, currency),
        tax_included=order.taxes_included,
        shipping_minor=reading.bounded(_set_minor(order.total_shipping_price_set, currency), "the shipping"),
        credit_minor=None if not reading.CREDIT_GATEWAYS.isdisjoint(gateways) else 0,
        fulfilled_at=updated_at if order.fulfillment_status == "fulfilled" else None,
        channel=channel,
        gateways=gateways,
        buyer=buyer(order.phone, order.browser_ip, order.client_details, order.shipping_address, order.billing_address),
        arrival=arrival(order.landing_site, order.referring_site, invited=code is not None, channel=channel),
        country=country(order.shipping_address, order.billing_address),
    )


def _lines(items: list[_Line], currency: str) -> tuple[tuple[OrderLine, ...], int]:
    """The lines, and what their goods cost before discounts."""
    lines, before = [], 0
    for line_no, item in enumerate(items, 1):
        net = minor_units(item.price, currency) * item.quantity
        if not item.gift_card:
            before += net
        for allocation in item.discount_allocations:
            net -= minor_units(allocation.amount, currency)
        product = None if item.product_id is None else str(item.product_id)
        number = None if item.id is None else str(item.id)
        title = reading.clean(item.title or "", reading.TITLE_LENGTH)
        vendor = reading.optional(item.vendor, reading.TITLE_LENGTH) if item.vendor else None
        lines.append(
            OrderLine(line_no, product, title, item.quantity, max(0, net), item.gift_card, number, None, vendor)
        )
    return tuple(lines), before


def _goods_tax(order: _Order, currency: str) -> int:
    """The tax of the order without that on its shipping."""
    if not order.total_tax or order.total_tax in _ZEROS:
        return 0
    tax = minor_units(order.total_tax, currency)
    for line in order.shipping_lines:
        tax -= sum(minor_units(found.price, currency) for found in line.tax_lines)
    return reading.bounded(max(0, tax), "the tax")


def refund_snapshot(refund: _Refund, currency: str, rate: MoneySet | None) -> RefundSnapshot:
    """One refund. Its goods are the refunded lines; a refund of mere money counts as goods too, less the
    shipping that it names.
    """
    refunded_at = refund.processed_at or refund.created_at
    if refunded_at is None:
        raise BadDelivery("a refund has no instant")
    total = sum(
        _shop_amount(t, currency, rate) for t in refund.transactions if t.kind == "refund" and t.status == "success"
    )
    if refund.refund_line_items:
        goods = sum(_refunded_goods(line, currency) for line in refund.refund_line_items)
    else:
        goods = total - sum(_set_minor(line.subtotal_amount_set, currency) for line in refund.refund_shipping_lines)
    return RefundSnapshot(
        str(refund.id),
        str(refund.order_id),
        refunded_at.astimezone(UTC),
        reading.bounded(max(0, goods), "the goods of a refund"),
        reading.bounded(max(0, total), "the money of a refund"),
        _refunded_lines(refund.refund_line_items, currency),
    )


def _refunded_lines(lines: list[_RefundLine], currency: str) -> tuple[RefundedLine, ...]:
    return tuple(
        RefundedLine(str(line.line_item_id), line.quantity, max(0, _refunded_goods(line, currency)))
        for line in lines
        if line.line_item_id is not None
    )


def _refunded_goods(line: _RefundLine, currency: str) -> int:
    if line.line_item is not None and line.line_item.gift_card:
        return 0
    if line.subtotal_set is not None:
        return _set_minor(line.subtotal_set, currency)
    return minor_units(bytes(line.subtotal).decode().strip('"'), currency)


def _set_minor(found: MoneySet | None, currency: str) -> int:
    if found is None or found.shop_money.amount in _ZEROS:
        return 0
    return minor_units(found.shop_money.amount, currency)


def _shop_amount(transaction: _Transaction, currency: str, rate: MoneySet | None) -> int:
    """A transaction in the shop's money. One in the shopper's currency is turned back by the rate of the
    order's own total.
    """
    if transaction.currency is None or transaction.currency == currency:
        return minor_units(transaction.amount, currency)
    if rate is None or rate.presentment_money is None or rate.presentment_money.currency_code != transaction.currency:
        raise BadDelivery("a refund is in a currency that the order does not name")
    foreign = minor_units(transaction.amount, transaction.currency)
    presented = minor_units(rate.presentment_money.amount, transaction.currency)
    return foreign * minor_units(rate.shop_money.amount, currency) // presented if presented else 0


def _foreign(refund: _Refund, currency: str) -> bool:
    return any(t.currency not in (None, currency) for t in refund.transactions)


def _currency_of(refund: _Refund) -> str:
    """The shop's currency, which a refund by itself names only beside its amounts."""
    sets = [line.subtotal_set for line in refund.refund_line_items] + [refund.total_duties_set]
    named = [found.shop_money.currency_code for found in sets if found is not None]
    named += [t.currency for t in refund.transactions if t.currency]
    if not named:
        raise BadDelivery("a refund names no currency")
    return named[0]
