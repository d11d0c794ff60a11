"""Customers as a store describes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from commerce.ids import CustomerId


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerSnapshot:
    """What the store said of a customer at one moment.

    `updated_at` and `observed_at` order snapshots of the same customer; a customer seen only inside an order has no
    `updated_at` and never overwrites what the store said of the customer directly.
    """

    external_id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the mirror: our id beside theirs."""

    customer_id: CustomerId
    external_id: str


@dataclass(frozen=True, slots=True)
class Merge:
    """Two customers of the mirror are one: what was `gone`'s is `kept`'s now."""

    kept: Customer
    gone: Customer
