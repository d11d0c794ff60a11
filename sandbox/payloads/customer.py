"""`customers/*` bodies (17 fields; no tags and no totals since 2025-01) and the customer inside an order."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.customers import Customer
from sandbox.payloads.pieces import text

_HEAD = (
    b'{"id":%d,"created_at":%b,"updated_at":%b,"first_name":%b,"last_name":%b,"state":"%b","note":%b,'
    b'"verified_email":true,"multipass_identifier":null,"tax_exempt":false,"email":%b,"phone":%b,"currency":"%b",'
)
_TAIL = b'"tax_exemptions":[],"admin_graphql_api_id":"gid://shopify/Customer/%d","default_address":null}'


def _head(customer: Customer, currency: bytes, at: Callable[[float | None], bytes]) -> bytes:
    return _HEAD % (
        customer.id,
        at(customer.created_at),
        at(customer.updated_at),
        text(customer.first_name),
        text(customer.last_name),
        customer.state.encode(),
        text(customer.note),
        text(customer.email),
        text(customer.phone),
        currency,
    )


def customer_body(customer: Customer, currency: bytes, at: Callable[[float | None], bytes]) -> bytes:
    """The whole body of `customers/create` and `customers/update`."""
    return _head(customer, currency, at) + b'"addresses":[],' + _TAIL % customer.id


def customer_in_order(customer: Customer | None, currency: bytes, at: Callable[[float | None], bytes]) -> bytes:
    """The `customer` of an order: the same without `addresses`; null for a guest without an account."""
    return b"null" if customer is None else _head(customer, currency, at) + _TAIL % customer.id
