"""The shapes of orders and customers as the store writes them, in a webhook and in an answer alike: only the fields
that we read, each with a type and bounds. A store's plugins may add others at any time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

# Databases hold 63 bits.
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
# 0 says nobody: a guest.
IdOrNobody = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# Plugins sell by weight: 1.5 of something.
Quantity = Annotated[int, Meta(ge=0, le=1_000_000)] | Annotated[float, Meta(ge=0, le=1_000_000)]

# None of these can be part of a cycle (`gc=False`).


class MetaItem(Struct, gc=False):
    key: object = None
    # Anything at all; kept unread until one of ours is looked for.
    value: msgspec.Raw = msgspec.Raw(b"null")


class Line(Struct, gc=False):
    total: str
    quantity: Quantity
    id: IdOrNobody = 0
    subtotal: str | None = None
    subtotal_tax: str = "0"
    total_tax: str = "0"
    name: str | None = None
    product_id: IdOrNobody = 0
    variation_id: IdOrNobody = 0


class Fee(Struct, gc=False):
    total: str = "0"
    total_tax: str = "0"


class Coupon(Struct, gc=False):
    code: str | None = None


class Refund(Struct, gc=False):
    id: Id
    total: str
    total_tax: str = "0"


class Contact(Struct, gc=False):
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    postcode: str | None = None


class Order(Struct, gc=False):
    id: Id
    status: str
    currency: str
    total: str
    customer_id: IdOrNobody
    line_items: list[Line]
    number: str | int | None = None
    prices_include_tax: bool = False
    shipping_total: str = "0"
    created_via: str | None = None
    payment_method: str | None = None
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None
    date_paid_gmt: datetime | None = None
    billing: Contact = msgspec.field(default_factory=Contact)
    shipping: Contact = msgspec.field(default_factory=Contact)
    customer_ip_address: str | None = None
    customer_user_agent: str | None = None
    meta_data: list[MetaItem] = []
    fee_lines: list[Fee] = []
    coupon_lines: list[Coupon] = []
    refunds: list[Refund] = []


class Customer(Struct, gc=False):
    id: Id
    role: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None
    billing: Contact = msgspec.field(default_factory=Contact)


class Gone(Struct, forbid_unknown_fields=True):
    """All that the store says of something that is no more. Nothing else may stand in it: the topic is not signed, and
    a caught body under another topic must not delete anybody.
    """

    id: Id


class Fault(Struct):
    """A refusal where an object should be: the store asked itself for it and was refused."""

    code: str
    message: str
    data: object = None

    @property
    def status(self) -> int:
        """The HTTP status, which the store writes as an object and at times as a bare number."""
        found = self.data.get("status") if isinstance(self.data, dict) else self.data
        return found if type(found) is int else 0
