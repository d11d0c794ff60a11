"""What a store may be asked to give a customer: a discount code, a gift card, store credit.

A code and a gift card are chosen by us before the store is asked, so asking twice makes one. Credit has no name that we
could choose: see `GiveCredit`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Goods:
    """Which goods a discount is for, by the store's ids; nothing named means all of them."""

    products: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.products or self.variants or self.collections)


@dataclass(frozen=True, slots=True)
class Combines:
    """With which other discounts a code may be used in one order."""

    orders: bool = False
    products: bool = False
    shipping: bool = False

    def __iter__(self) -> Iterator[bool]:
        return iter((self.orders, self.products, self.shipping))


@dataclass(frozen=True, slots=True)
class PutDiscount:
    """The discount code `code` exists and takes something off one order or, when not `active`, no longer works.

    What it takes off: an amount, a percentage (1 to 100), or the shipping if that costs no more than
    `most_shipping_minor`. Named `goods` narrow an amount, taken once, or a percentage of each piece.
    `customer_external_id` locks it to one customer. Each code works once.
    """

    kind: ClassVar[str] = "discount"
    code: str
    title: str
    amount_minor: int
    currency: str
    starts_at: datetime
    ends_at: datetime
    customer_external_id: str | None
    minimum_minor: int
    active: bool
    # What follows came later: bodies that were stored before it are amounts off an order.
    takes: Literal["amount", "percentage", "shipping"] = "amount"
    percent: int = 0
    most_shipping_minor: int | None = None
    minimum_quantity: int = 0
    goods: Goods = field(default=Goods())
    combines: Combines = field(default=Combines())

    @property
    def key(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class PutGiftCard:
    """The gift card `code` exists and was worth `amount_minor` when it was made or, when not `active`, is dead.

    Only a card of which nothing was spent can be made dead: the store says no for another. `ends_on`: the last day on
    which it works; None is without end.
    """

    kind: ClassVar[str] = "gift_card"
    code: str
    title: str
    amount_minor: int
    currency: str
    ends_on: date | None
    customer_external_id: str
    active: bool

    @property
    def key(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class GiveCredit:
    """The customer was given `amount_minor` of store credit that ends at `ends_at`.

    No two credits of a customer end in the same second: that instant is how this one is recognised in the store's
    books. Whoever asks for it again has to look there first.
    """

    kind: ClassVar[str] = "credit"
    code: str
    amount_minor: int
    currency: str
    ends_at: datetime
    customer_external_id: str

    @property
    def key(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class TakeCredit:
    """The credit of that amount and end was taken back whole, after `since`; the store says no if some was spent."""

    kind: ClassVar[str] = "credit_back"
    code: str
    amount_minor: int
    currency: str
    ends_at: datetime
    customer_external_id: str
    since: datetime

    @property
    def key(self) -> str:
        return self.code
