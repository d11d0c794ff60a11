"""What the bodies of several topics share: bounded numbers, instants, money, customers, and the platform's ids.

The platform writes ids in two ways, as numbers and as global ids (`gid://shopify/Customer/1`); for us both are the
same external id, the number as text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from commerce.customers import CustomerSnapshot
from commerce.events import BadDelivery
from connectors.shopify import reading

# Databases hold 63 bits; a longer number would become a float in some readers, and another number.
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Instant = Annotated[datetime, Meta(tz=True)]
Quantity = Annotated[int, Meta(ge=0, le=1_000_000)]
Gid = Annotated[str, Meta(max_length=120)]

_GID = re.compile(r"gid://shopify/[A-Za-z]{1,60}/([1-9][0-9]{0,18})", re.ASCII)


class Money(Struct, gc=False):
    amount: str
    currency_code: str


class MoneySet(Struct, gc=False):
    shop_money: Money
    presentment_money: Money | None = None


class Customer(Struct, gc=False):
    id: Id
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None


def external_id(gid: str) -> str:
    """The external id that a global id names. Raises `BadDelivery`."""
    match = _GID.fullmatch(gid)
    if match is None:
        raise BadDelivery("an id is not written as one")
    return match[1]


def either_id(found: int | str) -> str:
    """The external id where the platform writes now a number, now a global id."""
    return external_id(found) if isinstance(found, str) else str(found)


def utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)


def customer_snapshot(found: Customer, observed_at: datetime, updated_at: datetime | None) -> CustomerSnapshot:
    return CustomerSnapshot(
        external_id=str(found.id),
        email=reading.optional(found.email, reading.EMAIL_LENGTH),
        first_name=reading.optional(found.first_name, reading.NAME_LENGTH),
        last_name=reading.optional(found.last_name, reading.NAME_LENGTH),
        created_at=utc(found.created_at),
        updated_at=updated_at,
        observed_at=observed_at,
    )
