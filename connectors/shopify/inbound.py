"""What a webhook says, in our words: `translate` turns one delivery into events, or refuses it with a reason.

Only the fields that we need are read, each with a type and bounds; the platform may add others at any time.
Amounts are the shop's own money, as decimal text; a float never touches them. Where a shop's prices include
tax, the price of its goods includes it too, in orders and refunds alike.

A refusal never repeats any of the body: it may hold personal data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from commerce.customers import CustomerSnapshot
from commerce.events import (
    AppUninstalled,
    BadDelivery,
    CustomerChanged,
    Delivery,
    Event,
    OrderChanged,
    PrivacyAsked,
    RefundChanged,
)
from commerce.money import BadAmount, check_currency, minor_units
from commerce.orders import OrderLine, OrderSnapshot, RefundSnapshot
from connectors.shopify import reading

# Databases hold 63 bits; a longer number would become a float in some readers, and another number.
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Instant = Annotated[datetime, Meta(tz=True)]
Quantity = Annotated[int, Meta(ge=0, le=1_000_000)]


# None of these can be part of a cycle, so the collector need not walk them (`gc=False`): a fifth of the time
# of decoding.


class _Money(Struct, gc=False):
    amount: str
    currency_code: str


class _MoneySet(Struct, gc=False):
    shop_money: _Money
    presentment_money: _Money | None = None


class _Allocation(Struct, gc=False):
    amount: str


class _Line(Struct, gc=False):
    price: str
    quantity: Quantity
    title: str | None = None
    product_id: Id | None = None
    gift_card: bool = False
    discount_allocations: list[_Allocation] = []


class _Customer(Struct, gc=False):
    id: Id
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None


class _Code(Struct, gc=False):
    code: str | None = None


class _Attribute(Struct, gc=False):
    name: object = None
    value: object = None


class _RefundedLine(Struct, gc=False):
    gift_card: bool = False


class _RefundLine(Struct, gc=False):
    # A bare number here, where everything else is text: kept raw, so that its digits are read as written.
    subtotal: msgspec.Raw = msgspec.Raw(b"")
    subtotal_set: _MoneySet | None = None
    line_item: _RefundedLine | None = None


class _Transaction(Struct, gc=False):
    kind: str
    status: str
    amount: str
    currency: str | None = None


class _RefundShipping(Struct, gc=False):
    subtotal_amount_set: _MoneySet | None = None


class _Refund(Struct, gc=False):
    id: Id
    order_id: Id
    created_at: Instant | None = None
    processed_at: Instant | None = None
    total_duties_set: _MoneySet | None = None
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
    customer: _Customer | None = None
    refunds: list[_Refund] = []
    discount_codes: list[_Code] = []
    note_attributes: list[_Attribute] = []
    landing_site: str | None = None
    checkout_token: str | None = None
    total_price_set: _MoneySet | None = None


class _Person(Struct, gc=False):
    id: Id | None = None


class _Request(Struct, gc=False):
    id: Id


class _DataRequest(Struct, gc=False):
    data_request: _Request
    customer: _Person | None = None


class _Redact(Struct, gc=False):
    shop_id: Id
    customer: _Person | None = None


_Body = TypeVar("_Body")
_ORDER = msgspec.json.Decoder(_Order)
_REFUND = msgspec.json.Decoder(_Refund)
_CUSTOMER = msgspec.json.Decoder(_Customer)
_DATA_REQUEST = msgspec.json.Decoder(_DataRequest)
_REDACT = msgspec.json.Decoder(_Redact)


def translate(delivery: Delivery) -> Sequence[Event]:
    """The events that `delivery` tells of; none for a topic that we did not ask for. Raises `BadDelivery`."""
    read = _READERS.get(delivery.topic)
    if read is None:
        return ()
    try:
        return read(delivery)
    except msgspec.ValidationError as fault:
        raise BadDelivery(f"the body does not fit its topic: {_place(fault)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadDelivery("the body is not JSON") from None
    except RecursionError:
        raise BadDelivery("the body is nested too deeply") from None
    except BadAmount:
        raise BadDelivery("an amount or a currency is not written as one") from None
    except OverflowError:
        raise BadDelivery("an instant is out of bounds") from None


def _place(fault: msgspec.ValidationError) -> str:
    """Which field, and what was expected there. msgspec names types and bounds; it repeats a value only for
    enumerations, unused here.
    """
    return str(fault)[:200]


def _order_events(delivery: Delivery) -> Sequence[Event]:
    return (OrderChanged(order_snapshot(_ORDER.decode(delivery.body), delivery.observed_at)),)


def _refund_events(delivery: Delivery) -> Sequence[Event]:
    refund = _REFUND.decode(delivery.body)
    currency = check_currency(_currency_of(refund))
    if _foreign(refund, currency):
        # Its money cannot be told without the order's rate of exchange; the order's own delivery follows and
        # carries the same refund.
        return ()
    return (RefundChanged(refund_snapshot(refund, currency, None)),)


def _customer_events(delivery: Delivery) -> Sequence[Event]:
    found = _CUSTOMER.decode(delivery.body)
    updated_at = None if found.updated_at is None else found.updated_at.astimezone(UTC)
    return (CustomerChanged(customer_snapshot(found, delivery.observed_at, updated_at)),)


def _uninstalled_events(delivery: Delivery) -> Sequence[Event]:
    return (AppUninstalled(delivery.observed_at),)


def _data_request_events(delivery: Delivery) -> Sequence[Event]:
    body = _DATA_REQUEST.decode(delivery.body)
    return (PrivacyAsked("customer_export", _person(body.customer), str(body.data_request.id), delivery.observed_at),)


def _customer_redact_events(delivery: Delivery) -> Sequence[Event]:
    body = _REDACT.decode(delivery.body)
    person = _person(body.customer)
    request_id = f"customer:{person}:{delivery.observed_at:%Y%m%dT%H%M%S}"
    return (PrivacyAsked("customer_erasure", person, request_id, delivery.observed_at),)


def _shop_redact_events(delivery: Delivery) -> Sequence[Event]:
    body = _REDACT.decode(delivery.body)
    request_id = f"shop:{body.shop_id}:{delivery.observed_at:%Y%m%dT%H%M%S}"
    return (PrivacyAsked("shop_erasure", None, request_id, delivery.observed_at),)


_READERS: dict[str, Callable[[Delivery], Sequence[Event]]] = {
    "orders/create": _order_events,
    "orders/updated": _order_events,
    "orders/paid": _order_events,
    "orders/cancelled": _order_events,
    "refunds/create": _refund_events,
    "customers/create": _customer_events,
    "customers/update": _customer_events,
    "app/uninstalled": _uninstalled_events,
    "customers/data_request": _data_request_events,
    "customers/redact": _customer_redact_events,
    "shop/redact": _shop_redact_events,
}


def _person(found: _Person | None) -> str | None:
    return None if found is None or found.id is None else str(found.id)


def customer_snapshot(found: _Customer, observed_at: datetime, updated_at: datetime | None) -> CustomerSnapshot:
    return CustomerSnapshot(
        external_id=str(found.id),
        email=reading.optional(found.email, reading.EMAIL_LENGTH),
        first_name=reading.optional(found.first_name, reading.NAME_LENGTH),
        last_name=reading.optional(found.last_name, reading.NAME_LENGTH),
        created_at=None if found.created_at is None else found.created_at.astimezone(UTC),
        updated_at=updated_at,
        observed_at=observed_at,
    )


def order_snapshot(order: _Order, observed_at: datetime) -> OrderSnapshot:
    """The order as the body states it. A customer inside it bears no `updated_at`: it is hearsay beside what
    the store says of customers.
    """
    currency = check_currency(order.currency)
    lines = _lines(order.line_items, currency)
    return OrderSnapshot(
        external_id=str(order.id),
        name=reading.clean(order.name, reading.NAME_LENGTH),
        customer=None if order.customer is None else customer_snapshot(order.customer, observed_at, None),
        currency=currency,
        placed_at=(order.processed_at or order.created_at).astimezone(UTC),
        updated_at=order.updated_at.astimezone(UTC),
        observed_at=observed_at,
        paid=order.financial_status in reading.PAID_STATUSES,
        cancelled_at=None if order.cancelled_at is None else order.cancelled_at.astimezone(UTC),
        test=order.test,
        goods_minor=reading.bounded(
            sum(line.net_minor for line in lines if not line.gift_card), "the price of the goods"
        ),
        total_minor=reading.bounded(minor_units(order.total_price, currency), "the total"),
        lines=lines,
        refunds=tuple(refund_snapshot(refund, currency, order.total_price_set) for refund in order.refunds),
        discount_codes=reading.codes(found.code for found in order.discount_codes) if order.discount_codes else (),
        referral_code=reading.referral_code(((a.name, a.value) for a in order.note_attributes), order.landing_site),
        checkout_token=reading.checkout_token(order.checkout_token),
    )


def _lines(items: list[_Line], currency: str) -> tuple[OrderLine, ...]:
    lines = []
    for line_no, item in enumerate(items, 1):
        net = minor_units(item.price, currency) * item.quantity
        for allocation in item.discount_allocations:
            net -= minor_units(allocation.amount, currency)
        product = None if item.product_id is None else str(item.product_id)
        title = reading.clean(item.title or "", reading.TITLE_LENGTH)
        lines.append(OrderLine(line_no, product, title, item.quantity, max(0, net), item.gift_card))
    return tuple(lines)


def refund_snapshot(refund: _Refund, currency: str, rate: _MoneySet | None) -> RefundSnapshot:
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
    )


def _refunded_goods(line: _RefundLine, currency: str) -> int:
    if line.line_item is not None and line.line_item.gift_card:
        return 0
    if line.subtotal_set is not None:
        return _set_minor(line.subtotal_set, currency)
    return minor_units(bytes(line.subtotal).decode().strip('"'), currency)


def _set_minor(found: _MoneySet | None, currency: str) -> int:
    return 0 if found is None else minor_units(found.shop_money.amount, currency)


def _shop_amount(transaction: _Transaction, currency: str, rate: _MoneySet | None) -> int:
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
