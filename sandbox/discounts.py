"""Code discounts, basic and free shipping, and the rules by which a checkout takes or refuses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

# A product's only variant has the product's number, in a block of its own.
VARIANT_OFFSET = 36_000_000_000_000


class CodeRefused(ValueError):
    """The checkout does not take this code; the message is what the shopper reads."""


@dataclass(slots=True, eq=False)
class Discount:
    """One code discount. One of `percentage` and `amount` is set, or neither and `shipping` is what it makes free.

    `products` and `variants` are the goods that it is for; with none of them it is for the whole order.
    """

    id: int
    code_id: int
    title: str
    code: str
    starts_at: float
    created_at: float
    updated_at: float
    ends_at: float | None = None
    percentage: Fraction | None = None
    amount: int | None = None
    each_item: bool = False
    usage_limit: int | None = None
    once_per_customer: bool = False
    minimum_subtotal: int | None = None
    minimum_quantity: int | None = None
    customers: tuple[int, ...] = ()
    segments: tuple[int, ...] = ()
    everyone: bool = True
    combines: tuple[bool, bool, bool] = (False, False, False)
    tags: tuple[str, ...] = ()
    one_time: bool = True
    subscription: bool = False
    cycle_limit: int | None = None
    shipping: bool = False
    most_shipping: int | None = None
    products: tuple[int, ...] = ()
    variants: tuple[int, ...] = ()
    usage: int = 0
    sales: int = 0
    used_by: Counter[str] = field(default_factory=Counter)

    @property
    def kind(self) -> str:
        """What an order calls it."""
        if self.shipping:
            return "shipping"
        return "percentage" if self.percentage is not None else "fixed_amount"

    @property
    def discount_class(self) -> str:
        """What the platform derives from what it is for, and combines by."""
        if self.shipping:
            return "SHIPPING"
        return "PRODUCT" if self.products or self.variants or self.each_item else "ORDER"

    def combines_with(self, other: Discount) -> bool:
        orders, products, shipping = self.combines
        return {"ORDER": orders, "PRODUCT": products, "SHIPPING": shipping}[other.discount_class]

    def is_for(self, product_id: int) -> bool:
        """Whether it is for that product; the shop's products have one variant each."""
        if not self.products and not self.variants:
            return True
        return product_id in self.products or product_id + VARIANT_OFFSET in self.variants

    def status(self, now: float) -> str:
        if now < self.starts_at:
            return "SCHEDULED"
        if self.ends_at is not None and now >= self.ends_at:
            return "EXPIRED"
        return "ACTIVE"

    def worth(self, subtotal: int, pieces: int) -> int:
        """What the code takes off, never more than the goods cost."""
        if self.percentage is not None:
            # half up to the minor unit, as the platform rounds an order-wide percentage
            off = int(subtotal * self.percentage + Fraction(1, 2))
        else:
            off = (self.amount or 0) * (pieces if self.each_item else 1)
        return min(off, subtotal)


@dataclass(frozen=True, slots=True)
class Basket:
    """What the rules of a code need to know of a checkout."""

    subtotal: int
    pieces: int
    customer_id: int | None
    email: str | None
    segments: frozenset[int] = frozenset()

    @property
    def shopper(self) -> str | None:
        """Who counts for *once per customer*: the account, or the e-mail of a guest."""
        if self.customer_id is not None:
            return str(self.customer_id)
        return self.email.casefold() if self.email else None


def check(discount: Discount, basket: Basket, now: float, money: str = "") -> None:
    """Raises CodeRefused with the reason; the order of the checks is the order in which a shopper can act
    on them.
    """
    status = discount.status(now)
    if status == "SCHEDULED":
        raise CodeRefused(f"{discount.code} is not valid yet.")
    if status == "EXPIRED":
        raise CodeRefused(f"{discount.code} has expired.")
    if discount.usage_limit is not None and discount.usage >= discount.usage_limit:
        raise CodeRefused(f"{discount.code} has reached its usage limit.")
    if not discount.everyone and not _is_for(discount, basket):
        raise CodeRefused(f"{discount.code} is not valid for this customer. Log in with the account it was given to.")
    if discount.once_per_customer and basket.shopper and discount.used_by[basket.shopper]:
        raise CodeRefused(f"{discount.code} can be used once per customer, and you have used it.")
    if discount.minimum_subtotal is not None and basket.subtotal < discount.minimum_subtotal:
        raise CodeRefused(f"{discount.code} needs a subtotal of at least {money or discount.minimum_subtotal}.")
    if discount.minimum_quantity is not None and basket.pieces < discount.minimum_quantity:
        raise CodeRefused(f"{discount.code} needs at least {discount.minimum_quantity} items.")


def _is_for(discount: Discount, basket: Basket) -> bool:
    if basket.customer_id is not None and basket.customer_id in discount.customers:
        return True
    return bool(basket.segments.intersection(discount.segments))


class Discounts:
    """A shop's code discounts; codes are unique without regard to case."""

    def __init__(self) -> None:
        self._by_id: dict[int, Discount] = {}
        self._by_code: dict[str, Discount] = {}
        self.made = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Discount]:
        return iter(self._by_id.values())

    def by_id(self, number: int) -> Discount | None:
        return self._by_id.get(number)

    def by_code(self, code: str) -> Discount | None:
        return self._by_code.get(code.strip().casefold())

    def add(self, discount: Discount) -> None:
        self._by_id[discount.id] = discount
        self._by_code[discount.code.casefold()] = discount
        self.made += 1

    def rename(self, discount: Discount, code: str) -> None:
        self._by_code.pop(discount.code.casefold(), None)
        discount.code = code
        self._by_code[code.casefold()] = discount

    def remove(self, discount: Discount) -> None:
        self._by_id.pop(discount.id, None)
        self._by_code.pop(discount.code.casefold(), None)
