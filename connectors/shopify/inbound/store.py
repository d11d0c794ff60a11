"""The store itself, as its webhooks tell of it: its name, segments, discounts, carts, checkouts and bulk operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from commerce.events import (
    AppUninstalled,
    BulkOperationFinished,
    CartChanged,
    CheckoutChanged,
    Delivery,
    DiscountChanged,
    Event,
    ScopesChanged,
    SegmentChanged,
    ShopChanged,
)
from commerce.money import check_currency, minor_units
from commerce.store import ShopDetails
from connectors.shopify import reading
from connectors.shopify.envelope import shop_domain
from connectors.shopify.inbound.bodies import Customer, Gid, Id, Instant, customer_snapshot, either_id, external_id, utc

_Token = Annotated[str, Meta(min_length=1, max_length=120)]
_Word = Annotated[str, Meta(max_length=40)]
_QUERY_LENGTH = 4_000
_CODE_DISCOUNT = "gid://shopify/DiscountCodeNode/"


class _Shop(Struct, gc=False):
    id: Id
    name: str
    currency: str
    iana_timezone: _Token | None = None
    myshopify_domain: str | None = None


class _Scopes(Struct, gc=False):
    current: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=500)]
    updated_at: Instant | None = None


class _Segment(Struct, gc=False):
    id: Id | Gid
    name: str | None = None
    query: str | None = None


class _Discount(Struct, gc=False):
    admin_graphql_api_id: Gid
    status: _Word | None = None


class _RedeemCode(Struct, gc=False):
    code: str


class _CodeChanged(Struct, gc=False):
    admin_graphql_api_id: Gid
    redeem_code: _RedeemCode


class _Checkout(Struct, gc=False):
    token: _Token
    currency: str
    total_price: str
    created_at: Instant
    updated_at: Instant
    cart_token: _Token | None = None
    completed_at: Instant | None = None
    customer: Customer | None = None


class _Cart(Struct, gc=False):
    token: _Token
    updated_at: Instant


class _Bulk(Struct, gc=False):
    admin_graphql_api_id: Gid
    status: _Word
    type: _Word
    error_code: _Word | None = None
    completed_at: Instant | None = None


_SHOP = msgspec.json.Decoder(_Shop)
_SCOPES = msgspec.json.Decoder(_Scopes)
_SEGMENT = msgspec.json.Decoder(_Segment)
_DISCOUNT = msgspec.json.Decoder(_Discount)
_CODE_CHANGED = msgspec.json.Decoder(_CodeChanged)
_CHECKOUT = msgspec.json.Decoder(_Checkout)
_CART = msgspec.json.Decoder(_Cart)
_BULK = msgspec.json.Decoder(_Bulk)


def _uninstalled_events(delivery: Delivery) -> Sequence[Event]:
    return (AppUninstalled(delivery.observed_at),)


def _scopes_events(delivery: Delivery) -> Sequence[Event]:
    body = _SCOPES.decode(delivery.body)
    at = delivery.observed_at if body.updated_at is None else body.updated_at.astimezone(UTC)
    return (ScopesChanged(tuple(sorted(set(body.current))), at),)


def _shop_events(delivery: Delivery) -> Sequence[Event]:
    shop = _SHOP.decode(delivery.body)
    details = ShopDetails(
        str(shop.id),
        reading.clean(shop.name, reading.NAME_LENGTH),
        check_currency(shop.currency),
        reading.clean(shop.iana_timezone or "", 64),
    )
    return (ShopChanged(details, shop_domain(shop.myshopify_domain or ""), delivery.observed_at),)


def _segment_events(delivery: Delivery) -> Sequence[Event]:
    found = _SEGMENT.decode(delivery.body)
    if delivery.topic == "segments/delete":
        return (SegmentChanged(either_id(found.id), None, None),)
    name = reading.clean(found.name or "", reading.NAME_LENGTH)
    return (SegmentChanged(either_id(found.id), name, reading.clean(found.query or "", _QUERY_LENGTH)),)


def _discount_events(delivery: Delivery) -> Sequence[Event]:
    found = _DISCOUNT.decode(delivery.body)
    if not found.admin_graphql_api_id.startswith(_CODE_DISCOUNT):
        return ()  # an automatic discount has no code, so it is none of ours
    works = delivery.topic != "discounts/delete" and (found.status or "").upper() in ("ACTIVE", "SCHEDULED")
    return (DiscountChanged(external_id(found.admin_graphql_api_id), None, works, delivery.observed_at),)


def _code_events(delivery: Delivery) -> Sequence[Event]:
    found = _CODE_CHANGED.decode(delivery.body)
    works = delivery.topic == "discounts/redeemcode_added"
    node = external_id(found.admin_graphql_api_id)
    return tuple(
        DiscountChanged(node, code, works, delivery.observed_at) for code in reading.codes([found.redeem_code.code])
    )


def _checkout_events(delivery: Delivery) -> Sequence[Event]:
    found = _CHECKOUT.decode(delivery.body)
    currency = check_currency(found.currency)
    person = found.customer
    return (
        CheckoutChanged(
            found.token,
            found.cart_token,
            # Hearsay, as inside an order: it never overwrites what the store says of the customer directly.
            None if person is None else customer_snapshot(person, delivery.observed_at, None),
            currency,
            reading.bounded(minor_units(found.total_price, currency), "the total of a checkout"),
            found.created_at.astimezone(UTC),
            found.updated_at.astimezone(UTC),
            utc(found.completed_at),
        ),
    )


def _cart_events(delivery: Delivery) -> Sequence[Event]:
    found = _CART.decode(delivery.body)
    return (CartChanged(found.token, found.updated_at.astimezone(UTC)),)


def _bulk_events(delivery: Delivery) -> Sequence[Event]:
    found = _BULK.decode(delivery.body)
    return (
        BulkOperationFinished(
            external_id(found.admin_graphql_api_id),
            found.type.lower(),
            found.status.lower(),
            found.error_code.lower() if found.error_code else None,
            utc(found.completed_at) or delivery.observed_at,
        ),
    )


READERS: Mapping[str, Callable[[Delivery], Sequence[Event]]] = {
    "app/scopes_update": _scopes_events,
    "app/uninstalled": _uninstalled_events,
    "shop/update": _shop_events,
    "segments/create": _segment_events,
    "segments/update": _segment_events,
    "segments/delete": _segment_events,
    "discounts/create": _discount_events,
    "discounts/update": _discount_events,
    "discounts/delete": _discount_events,
    "discounts/redeemcode_added": _code_events,
    "discounts/redeemcode_removed": _code_events,
    "checkouts/create": _checkout_events,
    "checkouts/update": _checkout_events,
    "carts/create": _cart_events,
    "carts/update": _cart_events,
    "bulk_operations/finish": _bulk_events,
}
