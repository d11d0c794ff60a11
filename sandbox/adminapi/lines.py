"""Line items, refunded lines and the discounts spread over them."""

from __future__ import annotations

from typing import Any

from sandbox.adminapi.call import Info, Line, Resolvers, always, bag, shop_of
from sandbox.ids import gid
from sandbox.orders import Order, Refund, RefundedLine
from sandbox.products import Product
from sandbox.shop import Shop


def applications(shop: Shop, order: Order) -> list[dict[str, Any]]:
    """The codes of the order as discount applications."""
    return [
        {
            "__typename": "DiscountCodeApplication",
            "code": code.code,
            "index": place,
            "allocationMethod": "ACROSS",
            "targetSelection": "ALL",
            "targetType": "SHIPPING_LINE" if code.kind == "shipping" else "LINE_ITEM",
            "value": {"__typename": "PricingPercentageValue", "percentage": float(code.value)}
            if code.kind in ("percentage", "shipping")
            else {
                "__typename": "MoneyV2",
                "amount": shop.currency.text(code.amount),
                "currencyCode": shop.currency.code,
            },
        }
        for place, code in enumerate(order.codes)
    ]


def _product(line: Line, info: Info) -> Product:
    shop = shop_of(info)
    return shop.catalog[shop.lines.product[line.place]]


def _quantity(line: Line, info: Info) -> int:
    return shop_of(info).lines.quantity[line.place]


def _left(line: Line, info: Info) -> int:
    lines = shop_of(info).lines
    return lines.quantity[line.place] - lines.returned[line.place]


def _total(line: Line, info: Info) -> int:
    lines = shop_of(info).lines
    return lines.price[line.place] * lines.quantity[line.place]


def _off(line: Line, info: Info) -> int:
    return shop_of(info).lines.discount[line.place]


def _unit_price(line: Line, info: Info) -> dict[str, Any]:
    return bag(shop_of(info), shop_of(info).lines.price[line.place])


def _unit_after_discounts(line: Line, info: Info) -> dict[str, Any]:
    quantity = _quantity(line, info)
    return bag(shop_of(info), (_total(line, info) - _off(line, info)) // quantity if quantity else 0)


def _discounted_total(line: Line, info: Info, withCodeDiscounts: bool = False) -> dict[str, Any]:
    """Code discounts are order-wide: they count only when the caller asks for them."""
    return bag(shop_of(info), _total(line, info) - (_off(line, info) if withCodeDiscounts else 0))


def _allocations(line: Line, info: Info) -> list[dict[str, Any]]:
    shop, off = shop_of(info), _off(line, info)
    if not off:
        return []
    first = applications(shop, line.order)[0]
    return [{"allocatedAmountSet": bag(shop, off), "discountApplication": first}]


def _part(of: Any) -> Any:
    """A field of a refunded line, which travels as (refund, line)."""
    return lambda source, info: of(source[0], source[1])


def _refunded_line(source: tuple[Refund, RefundedLine], info: Info) -> Line:
    return Line(source[0].order, source[1].line)


RESOLVERS: Resolvers = {
    "LineItem": {
        "id": lambda line, info: gid("LineItem", shop_of(info).ids.of("LineItem", line.place)),
        "name": lambda line, info: _product(line, info).title,
        "title": lambda line, info: _product(line, info).title,
        "sku": lambda line, info: _product(line, info).sku,
        "variantTitle": always(None),
        "vendor": always(None),
        "quantity": _quantity,
        "currentQuantity": _left,
        "refundableQuantity": _left,
        "unfulfilledQuantity": _left,
        "nonFulfillableQuantity": always(0),
        "fulfillableQuantity": _left,
        "isGiftCard": lambda line, info: _product(line, info).gift_card,
        "taxable": always(True),
        "requiresShipping": always(True),
        "restockable": always(True),
        "customAttributes": always([]),
        "discountAllocations": _allocations,
        "originalUnitPriceSet": _unit_price,
        "originalTotalSet": lambda line, info: bag(shop_of(info), _total(line, info)),
        "discountedUnitPriceSet": _unit_price,
        "discountedUnitPriceAfterAllDiscountsSet": _unit_after_discounts,
        "discountedTotalSet": _discounted_total,
        "totalDiscountSet": lambda line, info: bag(shop_of(info), 0),
        "product": _product,
        "taxLines": always([]),
    },
    "RefundLineItem": {
        "id": _part(lambda refund, part: gid("RefundLineItem", part.id)),
        "lineItem": _refunded_line,
        "quantity": _part(lambda refund, part: part.quantity),
        "restockType": _part(lambda refund, part: part.restock_type.upper()),
        "restocked": _part(lambda refund, part: part.restock_type != "no_restock"),
        "priceSet": lambda source, info: _unit_price(_refunded_line(source, info), info),
        "subtotalSet": lambda source, info: bag(shop_of(info), source[1].subtotal),
        "totalTaxSet": lambda source, info: bag(shop_of(info), 0),
    },
}
