"""What a store may be asked to give a customer: a discount code, a gift card, store credit; and which of it the stores
of a platform can give at all.

A code and a gift card are chosen by us before the store is asked, so asking twice makes one. Credit has no name that we
could choose: see `GiveCredit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar, Literal

from commerce.sayings import say


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
    `customer_external_id` locks it to one customer; of a guest, whom the store has no record of, by `customer_email`.
    That address is looked up when the effect is pushed, and never stored with it. Each code works once.
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
    customer_email: str | None = field(default=None, repr=False)

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


@dataclass(frozen=True, slots=True)
class HandOver:
    """The shop's own system knows that a custom reward is to be handed over, and has handed it over or said no.

    It goes to the shop's own address, and not to its store. `code` names the redemption.
    """

    kind: ClassVar[str] = "hand_over"
    code: str
    reward_key: str
    title: str
    points: int
    customer_external_id: str
    redeemed_at: datetime

    @property
    def key(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class Offering:
    """Which rewards the stores of a platform can give.

    Asked when a merchant describes a reward, and once more before the store is: nobody shall pay points for what cannot
    be made.
    """

    platform: str
    """Its name in sentences."""
    gift_cards: bool = True
    store_credit: bool = True
    least_pieces: bool = True
    """A code may ask for a least number of pieces."""
    shipping_prices: bool = True
    """Free shipping may be limited to a price of the shipping."""
    combines_by_class: bool = True
    """A code says with which classes of discounts it may be used; else with all others, or with none."""
    variants: str = "variants"
    """What merchants call those of one product, and sets of products."""
    collections: str = "collections"
    notes: Mapping[str, str] = field(default_factory=dict)
    """What the merchant has to see to in the store, by what a code takes off."""

    def refusal(self, effect: PutDiscount | PutGiftCard | GiveCredit | TakeCredit) -> str | None:
        """Why such a thing cannot be given, with what to do instead; None where it can."""
        if isinstance(effect, PutDiscount):
            return self._no_code(effect)
        given = self.gift_cards if isinstance(effect, PutGiftCard) else self.store_credit
        what = say("gift cards") if isinstance(effect, PutGiftCard) else say("store credit")
        return (
            None
            if given
            else say(
                "%(platform)s has no %(what)s of its own: offer an amount off an order",
                platform=self.platform,
                what=what,
            )
        )

    def _no_code(self, effect: PutDiscount) -> str | None:
        if effect.minimum_quantity and not self.least_pieces:
            return say(
                "%(platform)s has no codes for a least number of pieces: ask for a least spend", platform=self.platform
            )
        if effect.most_shipping_minor is not None and not self.shipping_prices:
            return say(
                "%(platform)s has no free shipping up to a price of the shipping: leave that price out",
                platform=self.platform,
            )
        if not self.combines_by_class and len(set(self._classes(effect))) > 1:
            return say(
                "%(platform)s's codes are used with all other discounts or with none: choose one of these",
                platform=self.platform,
            )
        return None

    @staticmethod
    def _classes(effect: PutDiscount) -> tuple[bool, ...]:
        """Free shipping is never combined with itself, so that says nothing."""
        asked = (effect.combines.orders, effect.combines.products)
        return asked if effect.takes == "shipping" else (*asked, effect.combines.shipping)
