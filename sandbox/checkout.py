"""What a basket costs: which codes the checkout takes, what they take off, and how that is spread over the
lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.customers import Customer
from sandbox.discounts import Basket, CodeRefused, Discount, check
from sandbox.orders import AppliedCode
from sandbox.products import Product
from sandbox.shop import Shop

# the platform's own limit on product and order codes in one checkout
MOST_CODES = 5


@dataclass(frozen=True, slots=True)
class Item:
    """So many of a product, at a price that history may set."""

    product: Product
    quantity: int
    price: int


@dataclass(slots=True, eq=False)
class Checkout:
    """Somebody on the way to buying: it is told of from the first step, and again when it changes or is completed."""

    token: str
    cart_token: str
    items: Sequence[Item]
    customer: Customer | None
    email: str | None
    started_at: float
    updated_at: float
    completed_at: float | None = None


@dataclass(slots=True)
class Quote:
    items: Sequence[Item]
    goods: int
    shipping: int
    taken: list[tuple[Discount, int]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def discounts(self) -> int:
        return sum(off for _, off in self.taken)

    @property
    def subtotal(self) -> int:
        return self.goods - self.discounts

    @property
    def total(self) -> int:
        return self.subtotal + self.shipping

    @property
    def codes(self) -> tuple[AppliedCode, ...]:
        return tuple(AppliedCode(d.code, d.kind, off, _value(d)) for d, off in self.taken)

    def spread(self) -> list[int]:
        """The discounts over the lines, in proportion to their worth; the parts add up to the whole
        exactly.
        """
        off, before, given, parts = self.discounts, 0, 0, []
        for item in self.items:
            before += item.price * item.quantity
            upto = off * before // self.goods if self.goods else 0
            parts.append(upto - given)
            given = upto
        return parts


def _value(discount: Discount) -> str:
    if discount.percentage is not None:
        return f"{float(discount.percentage * 100):.1f}"
    return str(discount.amount or 0)


def quote(
    shop: Shop,
    items: Sequence[Item],
    *,
    customer: Customer | None = None,
    email: str | None = None,
    codes: Sequence[str] = (),
    shipping: int = 0,
) -> Quote:
    """Prices the basket; a refused code says why and takes nothing off."""
    result = Quote(items, sum(item.price * item.quantity for item in items), shipping)
    segments = shop.segments_of(customer) if customer is not None and codes else frozenset()
    basket = Basket(
        result.goods,
        sum(item.quantity for item in items),
        customer.id if customer is not None else None,
        customer.email if customer is not None else email,
        segments,
    )
    for code in dict.fromkeys(code.strip() for code in codes if code.strip()):
        try:
            result.taken.append(_take(shop, code, basket, result))
        except CodeRefused as refusal:
            result.refused[code] = str(refusal)
    return result


def _take(shop: Shop, code: str, basket: Basket, so_far: Quote) -> tuple[Discount, int]:
    discount = shop.discounts.by_code(code)
    if discount is None:
        raise CodeRefused(f"{code} is not a discount code of this shop.")
    minimum = discount.minimum_subtotal
    check(
        discount,
        basket,
        shop.clock(),
        f"{shop.currency.text(minimum)} {shop.currency.code}" if minimum else "",
    )
    if len(so_far.taken) >= MOST_CODES:
        raise CodeRefused(f"An order takes at most {MOST_CODES} codes.")
    if not all(discount.combines[0] and other.combines[0] for other, _ in so_far.taken):
        raise CodeRefused(f"{discount.code} cannot be combined with {so_far.taken[0][0].code}.")
    return discount, discount.worth(so_far.subtotal, basket.pieces)
