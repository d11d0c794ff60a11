"""What a basket costs: which codes the checkout takes, what they take off, and how that is spread over the
lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

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
    # what product discounts take off each line; empty when there are none
    lines_off: list[int] = field(default_factory=list)

    @property
    def discounts(self) -> int:
        """What is taken off the goods."""
        return sum(off for discount, off in self.taken if not discount.shipping)

    @property
    def shipping_off(self) -> int:
        return sum(off for discount, off in self.taken if discount.shipping)

    @property
    def subtotal(self) -> int:
        return self.goods - self.discounts

    @property
    def total(self) -> int:
        return self.subtotal + self.shipping - self.shipping_off

    @property
    def codes(self) -> tuple[AppliedCode, ...]:
        return tuple(AppliedCode(d.code, d.kind, off, _value(d)) for d, off in self.taken)

    def spread(self) -> list[int]:
        """The discounts over the lines: those of products on theirs, those of the order in proportion to what
        is left; the parts add up to the whole exactly.
        """
        own = self.lines_off or [0] * len(self.items)
        left = [item.price * item.quantity - off for item, off in zip(self.items, own, strict=True)]
        rest = shares(self.discounts - sum(own), left)
        return [first + second for first, second in zip(own, rest, strict=True)]


def shares(off: int, weights: Sequence[int]) -> list[int]:
    """`off` in proportion to the weights, to the last minor unit."""
    whole, before, given, parts = sum(weights), 0, 0, []
    for weight in weights:
        before += weight
        upto = off * before // whole if whole else 0
        parts.append(upto - given)
        given = upto
    return parts


def _value(discount: Discount) -> str:
    if discount.shipping:
        return "100.0"
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
    chosen: list[Discount] = []
    for code in dict.fromkeys(code.strip() for code in codes if code.strip()):
        try:
            chosen.append(_take(shop, code, items, basket, shipping, chosen))
        except CodeRefused as refusal:
            result.refused[code] = str(refusal)
    _apply(result, chosen)
    return result


def _take(
    shop: Shop, code: str, items: Sequence[Item], basket: Basket, shipping: int, so_far: Sequence[Discount]
) -> Discount:
    discount = shop.discounts.by_code(code)
    if discount is None:
        raise CodeRefused(f"{code} is not a discount code of this shop.")
    minimum = discount.minimum_subtotal
    mine = [item for item in items if discount.is_for(item.product.id)]
    if not mine and items:
        raise CodeRefused(f"{discount.code} is not valid for the items in your cart.")
    # a discount of named goods counts its minimum among them
    own = replace(basket, subtotal=sum(i.price * i.quantity for i in mine), pieces=sum(i.quantity for i in mine))
    check(discount, own, shop.clock(), f"{shop.currency.text(minimum)} {shop.currency.code}" if minimum else "")
    if discount.most_shipping is not None and shipping > discount.most_shipping:
        raise CodeRefused(f"{discount.code} is not valid for this price of shipping.")
    alike = [other for other in so_far if other.shipping == discount.shipping]
    if len(alike) >= (1 if discount.shipping else MOST_CODES):
        raise CodeRefused(f"An order takes at most {MOST_CODES} codes and one for shipping.")
    for other in so_far:
        if not (discount.combines_with(other) and other.combines_with(discount)):
            raise CodeRefused(f"{discount.code} cannot be combined with {other.code}.")
    return discount


def _apply(result: Quote, chosen: Sequence[Discount]) -> None:
    """Products first, then the order on what is left, then the shipping, as the platform reckons."""
    products = [discount for discount in chosen if discount.discount_class == "PRODUCT"]
    if products:
        offs = [_by_line(discount, result.items) for discount in products]
        # a line takes the one product discount that is best for it
        best = [max(range(len(offs)), key=lambda n: offs[n][line]) for line in range(len(result.items))]
        result.lines_off = [offs[n][line] for line, n in enumerate(best)]
        for place, discount in enumerate(products):
            off = sum(offs[place][line] for line, n in enumerate(best) if n == place)
            result.taken.append((discount, off))
    pieces = sum(item.quantity for item in result.items)
    for discount in chosen:
        if discount.discount_class == "ORDER":
            result.taken.append((discount, discount.worth(result.subtotal, pieces)))
        elif discount.shipping:
            result.taken.append((discount, result.shipping))


def _by_line(discount: Discount, items: Sequence[Item]) -> list[int]:
    """What a product discount would take off each line if no other were there."""
    worth = [item.price * item.quantity if discount.is_for(item.product.id) else 0 for item in items]
    if discount.amount is not None and not discount.each_item:
        return shares(min(discount.amount, sum(worth)), worth)
    return [discount.worth(value, item.quantity) if value else 0 for value, item in zip(worth, items, strict=True)]
