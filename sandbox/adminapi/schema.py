"""The executable schema: the SDL subset, the platform's scalars, and a resolver for every field that needs
one.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from sandbox.adminapi import (
    bulk,
    collections,
    customers,
    discounts,
    gift_cards,
    metafields,
    orders,
    pixels,
    segments,
    shops,
    store_credit,
    subscriptions,
)
from sandbox.adminapi.call import Call, Info, Line, Resolver, denied
from sandbox.adminapi.pixels import Pixel
from sandbox.bulk import BulkOperation
from sandbox.customers import Customer
from sandbox.discounts import Discount
from sandbox.gift_cards import GiftCard
from sandbox.metafields import Definition, Metafield
from sandbox.orders import Order, Refund
from sandbox.products import Collection, Product
from sandbox.segments import Segment
from sandbox.shop import Shop, Subscription
from sandbox.store_credit import Account, Movement

# mutations change what a scope protects; queries name what they read
SCOPES = {
    "customers": "read_customers",
    "customer": "read_customers",
    "customerByIdentifier": "read_customers",
    "customersCount": "read_customers",
    "segments": "read_customers",
    "segment": "read_customers",
    "segmentsCount": "read_customers",
    "customerSegmentMembers": "read_customers",
    "customerSegmentMembership": "read_customers",
    "orders": "read_orders",
    "order": "read_orders",
    "ordersCount": "read_orders",
    "products": "read_products",
    "product": "read_products",
    "collections": "read_products",
    "collection": "read_products",
    "codeDiscountNode": "read_discounts",
    "codeDiscountNodeByCode": "read_discounts",
    "discountNodes": "read_discounts",
    "discountNode": "read_discounts",
    "webPixel": "read_pixels",
    "webPixelCreate": "write_pixels",
    "webPixelUpdate": "write_pixels",
    "webPixelDelete": "write_pixels",
    "tagsAdd": "write_customers",
    "tagsRemove": "write_customers",
    "customerCreate": "write_customers",
    "customerUpdate": "write_customers",
    "segmentCreate": "write_customers",
    "segmentUpdate": "write_customers",
    "segmentDelete": "write_customers",
    "discountCodeBasicCreate": "write_discounts",
    "discountCodeBasicUpdate": "write_discounts",
    "discountCodeActivate": "write_discounts",
    "discountCodeDeactivate": "write_discounts",
    "discountCodeDelete": "write_discounts",
    "discountCodeFreeShippingCreate": "write_discounts",
    "giftCard": "read_gift_cards",
    "giftCards": "read_gift_cards",
    "giftCardCreate": "write_gift_cards",
    "giftCardDeactivate": "write_gift_cards",
    "storeCreditAccount": "read_store_credit_accounts",
    "storeCreditAccountCredit": "write_store_credit_account_transactions",
    "storeCreditAccountDebit": "write_store_credit_account_transactions",
}
KINDS: dict[type, str] = {
    Customer: "Customer",
    Order: "Order",
    Line: "LineItem",
    Refund: "Refund",
    Discount: "DiscountCodeNode",
    GiftCard: "GiftCard",
    Account: "StoreCreditAccount",
    Segment: "Segment",
    Product: "Product",
    Collection: "Collection",
    Metafield: "Metafield",
    Definition: "MetafieldDefinition",
    Subscription: "WebhookSubscription",
    BulkOperation: "BulkOperation",
    Pixel: "WebPixel",
    Shop: "Shop",
}


def _date_time(value: Any) -> float:
    if not isinstance(value, str):
        raise GraphQLError(f"DateTime cannot represent {value!r}")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise GraphQLError(f"{value!r} is not an ISO 8601 date and time") from None
    if at.tzinfo is None:
        raise GraphQLError(f"{value!r} has no time zone")
    return at.timestamp()


def _decimal(value: Any) -> str:
    try:
        if not isinstance(value, bool) and Decimal(str(value)).is_finite():
            return str(value)
    except InvalidOperation:
        pass
    raise GraphQLError(f"Decimal cannot represent {value!r}")


def _unsigned(value: Any) -> int:
    text = str(value)
    if not text.isdecimal() or len(text) > 20:
        raise GraphQLError(f"UnsignedInt64 cannot represent {value!r}")
    return int(text)


def _date(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise GraphQLError(f"Date cannot represent {value!r}") from None


SCALARS: dict[str, tuple[Resolver | None, Resolver | None]] = {
    "Date": (None, _date),
    "DateTime": (None, _date_time),
    "Decimal": (None, _decimal),
    "UnsignedInt64": (str, _unsigned),
}
RESOLVERS = (
    shops.RESOLVERS,
    collections.RESOLVERS,
    customers.RESOLVERS,
    orders.RESOLVERS,
    segments.RESOLVERS,
    discounts.RESOLVERS,
    gift_cards.RESOLVERS,
    store_credit.RESOLVERS,
    metafields.RESOLVERS,
    pixels.RESOLVERS,
    subscriptions.RESOLVERS,
    bulk.RESOLVERS,
)


def _kind(value: Any, info: Info, abstract: GraphQLAbstractType) -> str:
    if isinstance(value, dict):
        return str(value["__typename"])
    if isinstance(value, Discount) and isinstance(abstract, GraphQLUnionType):
        return "DiscountCodeFreeShipping" if value.shipping else "DiscountCodeBasic"
    if isinstance(value, Movement):
        return f"StoreCreditAccount{value.kind.capitalize()}Transaction"
    return KINDS[type(value)]


def _guarded(name: str, resolve: Resolver, mutation: bool) -> Resolver:
    """Checks the scope, and notes the mutation for the statistics."""
    scope = SCOPES.get(name)

    def guarded(source: Any, info: Info, **args: Any) -> Any:
        call: Call = info.context
        call.asked.append(name)
        if scope is not None and not _granted(scope, call.scopes):
            raise denied(name, scope)
        if mutation:
            call.mutations.append(name)
        return resolve(source, info, **args)

    return guarded


def _granted(scope: str, scopes: frozenset[str]) -> bool:
    return scope in scopes or (scope.startswith("read_") and "write_" + scope.removeprefix("read_") in scopes)


def build() -> GraphQLSchema:
    """The schema with everything attached; a resolver for a field that the subset has not is our own
    mistake.
    """
    schema = build_schema(files("sandbox").joinpath("schema.graphql").read_text("utf-8"), assume_valid=True)
    for resolvers in RESOLVERS:
        for type_name, fields in resolvers.items():
            _attach(schema, type_name, dict(fields))
    for name, (out, into) in SCALARS.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        if out is not None:
            scalar.coerce_output_value = out
        if into is not None:
            scalar.coerce_input_value = into
    for kind in schema.type_map.values():
        if isinstance(kind, (GraphQLInterfaceType, GraphQLUnionType)):
            kind.resolve_type = _kind
    return schema


def _attach(schema: GraphQLSchema, type_name: str, fields: dict[str, Resolver]) -> None:
    kind = schema.type_map[type_name]
    assert isinstance(kind, GraphQLObjectType)
    top = kind in (schema.query_type, schema.mutation_type)
    for name, resolve in fields.items():
        mutation = kind is schema.mutation_type
        kind.fields[name].resolve = _guarded(name, resolve, mutation) if top else resolve


SCHEMA = build()
