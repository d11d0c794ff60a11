"""What the Admin API tells of a discount, field by field: a basic one, and one that makes shipping free."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote as url_quote

from sandbox.adminapi import pages
from sandbox.adminapi.call import Info, Resolver, Resolvers, always, call_of, instant, money, plain, shop_of
from sandbox.discounts import VARIANT_OFFSET, Discount
from sandbox.ids import gid


def _summary(discount: Discount, info: Info) -> str:
    if discount.shipping:
        return "Free shipping"
    goods = "entire order" if discount.discount_class == "ORDER" else "selected products"
    if discount.percentage is not None:
        return f"{float(discount.percentage * 100):g}% off {goods}"
    return f"{shop_of(info).currency.text(discount.amount or 0)} off {goods}"


def _context(discount: Discount, info: Info) -> dict[str, Any]:
    shop = shop_of(info)
    if discount.everyone:
        return {"__typename": "DiscountBuyerSelectionAll", "all": "ALL"}
    if discount.segments:
        found = [shop.segments.by_id(number) for number in discount.segments]
        return {
            "__typename": "DiscountCustomerSegments",
            "segments": [one for one in found if one is not None],
        }
    people = [shop.customers.by_id(number) for number in discount.customers]
    return {"__typename": "DiscountCustomers", "customers": [one for one in people if one is not None]}


def _gets(discount: Discount, info: Info) -> dict[str, Any]:
    value: dict[str, Any]
    if discount.percentage is not None:
        value = {"__typename": "DiscountPercentage", "percentage": float(discount.percentage)}
    else:
        amount = money(shop_of(info), discount.amount or 0)
        value = {"__typename": "DiscountAmount", "amount": amount, "appliesOnEachItem": discount.each_item}
    return {
        "items": _items(discount, info),
        "value": value,
        "appliesOnOneTimePurchase": discount.one_time,
        "appliesOnSubscription": discount.subscription,
    }


def _items(discount: Discount, info: Info) -> dict[str, Any]:
    if not discount.products and not discount.variants:
        return {"__typename": "AllDiscountItems", "allItems": True}
    catalog = shop_of(info).catalog
    numbers = (*discount.products, *(number - VARIANT_OFFSET for number in discount.variants))
    return {"__typename": "DiscountProducts", "found": [one for n in numbers if (one := catalog.by_id(n)) is not None]}


def _most_shipping(discount: Discount, info: Info) -> dict[str, Any] | None:
    return None if discount.most_shipping is None else money(shop_of(info), discount.most_shipping)


def _minimum(discount: Discount, info: Info) -> dict[str, Any] | None:
    if discount.minimum_subtotal is not None:
        amount = money(shop_of(info), discount.minimum_subtotal)
        return {"__typename": "DiscountMinimumSubtotal", "greaterThanOrEqualToSubtotal": amount}
    if discount.minimum_quantity is not None:
        return {
            "__typename": "DiscountMinimumQuantity",
            "greaterThanOrEqualToQuantity": discount.minimum_quantity,
        }
    return None


def _codes(discount: Discount, info: Info, **args: Any) -> pages.Page:
    code = {
        "id": gid("DiscountRedeemCode", discount.code_id),
        "code": discount.code,
        "asyncUsageCount": discount.usage,
    }
    known = {name: args[name] for name in ("first", "last", "after", "before") if name in args}
    return pages.page(pages.numbered([code]), **known)


def _links(discount: Discount, info: Info) -> list[dict[str, Any]]:
    url = f"https://{shop_of(info).domain}/discount/{url_quote(discount.code)}"
    return [{"title": "Home page", "url": url, "targetType": "HOME", "targetItemImage": None}]


EVERY: dict[str, Resolver] = {
    "status": lambda discount, info: discount.status(call_of(info).now),
    "summary": _summary,
    "shortSummary": _summary,
    "startsAt": instant("starts_at"),
    "endsAt": instant("ends_at"),
    "createdAt": instant("created_at"),
    "updatedAt": instant("updated_at"),
    "usageLimit": plain("usage_limit"),
    "asyncUsageCount": plain("usage"),
    "appliesOncePerCustomer": plain("once_per_customer"),
    "codes": _codes,
    "codesCount": always({"count": 1, "precision": "EXACT"}),
    "shareableUrls": _links,
    "combinesWith": lambda discount, info: dict(
        zip(("orderDiscounts", "productDiscounts", "shippingDiscounts"), discount.combines, strict=True)
    ),
    "context": _context,
    "minimumRequirement": _minimum,
    "recurringCycleLimit": plain("cycle_limit"),
    "tags": lambda discount, info: list(discount.tags),
    "totalSales": lambda discount, info: money(shop_of(info), discount.sales),
    "discountClasses": lambda discount, info: [discount.discount_class],
    "hasTimelineComment": always(False),
}
TYPES: Resolvers = {
    "DiscountCodeBasic": EVERY | {"customerGets": _gets},
    "DiscountCodeFreeShipping": EVERY
    | {
        "maximumShippingPrice": _most_shipping,
        "appliesOnOneTimePurchase": plain("one_time"),
        "appliesOnSubscription": plain("subscription"),
        "destinationSelection": always({"__typename": "DiscountCountryAll", "allCountries": True}),
    },
    "DiscountProducts": {
        "products": lambda source, info, **args: pages.page(pages.numbered(source["found"]), **args),
    },
}
