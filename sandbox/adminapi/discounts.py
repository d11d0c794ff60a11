"""Basic code discounts over the Admin API, with the platform's refusals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from urllib.parse import quote as url_quote

from sandbox import merchant
from sandbox.adminapi import pages
from sandbox.adminapi.call import (
    Call,
    Info,
    Resolvers,
    always,
    call_of,
    error,
    id_of,
    instant,
    money,
    number_of,
    plain,
    shop_of,
)
from sandbox.adminapi.search import Fields, compile_search, matching
from sandbox.discounts import Discount
from sandbox.ids import gid
from sandbox.shop import Shop

ROOT = "basicCodeDiscount"
MOST_CODE = 255
MOST_TAGS = 5


def _find(shop: Shop, text: str) -> Discount | None:
    return shop.discounts.by_id(number_of(text, "DiscountCodeNode"))


def _create(source: Any, info: Info, basicCodeDiscount: dict[str, Any]) -> dict[str, Any]:
    call, given = call_of(info), basicCodeDiscount
    shop = call.shop
    refused = _missing(given) or _refused(call, given, None)
    if refused:
        return {"codeDiscountNode": None, "userErrors": refused}
    number = shop.discounts.made
    made = Discount(
        id=shop.ids.of("DiscountCodeNode", number),
        code_id=shop.ids.of("DiscountRedeemCode", number),
        title=given["title"],
        code=given["code"].strip(),
        starts_at=given["startsAt"],
        created_at=call.now,
        updated_at=call.now,
    )
    _fill(shop, made, given)
    shop.discounts.add(made)
    merchant.tell_discount(shop, "discounts/create", made)
    return {"codeDiscountNode": made, "userErrors": []}


def _update(source: Any, info: Info, id: str, basicCodeDiscount: dict[str, Any]) -> dict[str, Any]:
    call, given = call_of(info), basicCodeDiscount
    discount = _find(call.shop, id)
    if discount is None:
        return {"codeDiscountNode": None, "userErrors": [_unknown()]}
    refused = _refused(call, given, discount)
    if refused:
        return {"codeDiscountNode": None, "userErrors": refused}
    if given.get("code"):
        call.shop.discounts.rename(discount, given["code"].strip())
    discount.title = given.get("title") or discount.title
    discount.starts_at = given.get("startsAt") or discount.starts_at
    discount.updated_at = call.now
    _fill(call.shop, discount, given)
    merchant.tell_discount(call.shop, "discounts/update", discount)
    return {"codeDiscountNode": discount, "userErrors": []}


def _unknown() -> dict[str, Any]:
    return error("Code discount does not exist.", "id", code="INVALID") | {"extraInfo": None}


def _no(message: str, code: str, *path: str) -> dict[str, Any]:
    return error(message, ROOT, *path, code=code) | {"extraInfo": None}


def _missing(given: dict[str, Any]) -> list[dict[str, Any]]:
    wrong = [
        _no(f"{label} can't be blank", "BLANK", name)
        for name, label in (("title", "Title"), ("code", "Code"), ("startsAt", "Starts at"))
        if not given.get(name)
    ]
    if not given.get("context") and not given.get("customerSelection"):
        wrong.append(_no("Context can't be blank", "BLANK", "context"))
    value = (given.get("customerGets") or {}).get("value") or {}
    if not value:
        wrong.append(_no("Customer gets value can't be blank", "BLANK", "customerGets", "value"))
    return wrong


def _refused(call: Call, given: dict[str, Any], but: Discount | None) -> list[dict[str, Any]]:
    shop, code = call.shop, (given.get("code") or "").strip()
    wrong: list[dict[str, Any]] = []
    if len(code) > MOST_CODE:
        wrong.append(_no("Code is too long (maximum is 255 characters)", "TOO_LONG", "code"))
    if code and shop.discounts.by_code(code) not in (None, but):
        text = "Code must be unique. Please try a different code."
        wrong.append(_no(text, "TAKEN", "code"))
    starts, ends = given.get("startsAt") or (but.starts_at if but else 0), given.get("endsAt")
    if ends is not None and ends <= starts:
        wrong.append(_no("Ends at needs to be after starts at", "END_DATE_BEFORE_START_DATE", "endsAt"))
    limit = given.get("usageLimit")
    if limit is not None and limit < 1:
        wrong.append(_no("Usage limit must be greater than 0", "GREATER_THAN", "usageLimit"))
    if len(given.get("tags") or ()) > MOST_TAGS:
        wrong.append(_no("Too many tags", "TOO_MANY_TAGS", "tags"))
    return wrong + _refused_value(shop, given) + _refused_context(shop, given)


def _refused_value(shop: Shop, given: dict[str, Any]) -> list[dict[str, Any]]:
    path = ("customerGets", "value")
    value = (given.get("customerGets") or {}).get("value") or {}
    percentage, amount = value.get("percentage"), value.get("discountAmount")
    wrong: list[dict[str, Any]] = []
    if percentage is not None and not 0 < percentage <= 1:
        wrong.append(_no("Value must be between 0.0 and 1.0", "VALUE_OUTSIDE_RANGE", *path, "percentage"))
    if amount is not None and shop.currency.minor(amount.get("amount") or 0) <= 0:
        wrong.append(_no("Amount must be greater than 0", "GREATER_THAN", *path, "discountAmount", "amount"))
    minimum = given.get("minimumRequirement") or {}
    if minimum.get("subtotal") and minimum.get("quantity"):
        code = "MINIMUM_SUBTOTAL_AND_QUANTITY_RANGE_BOTH_PRESENT"
        wrong.append(_no("Minimum subtotal and quantity can't both be present", code, "minimumRequirement"))
    return wrong


def _refused_context(shop: Shop, given: dict[str, Any]) -> list[dict[str, Any]]:
    context = given.get("context") or given.get("customerSelection") or {}
    ids = (context.get("customers") or {}).get("add") or []
    if any(shop.customers.by_id(number_of(text, "Customer")) is None for text in ids):
        return [_no("Customer does not exist", "INVALID", "context", "customers", "add")]
    segments = (context.get("customerSegments") or {}).get("add") or []
    if any(shop.segments.by_id(number_of(text, "Segment")) is None for text in segments):
        return [_no("Segment does not exist", "INVALID", "context", "customerSegments", "add")]
    return []


def _fill(shop: Shop, discount: Discount, given: dict[str, Any]) -> None:
    if "endsAt" in given:
        discount.ends_at = given["endsAt"]
    if "usageLimit" in given:
        discount.usage_limit = given["usageLimit"]
    discount.once_per_customer = bool(given.get("appliesOncePerCustomer", discount.once_per_customer))
    discount.tags = tuple(given["tags"]) if given.get("tags") is not None else discount.tags
    discount.cycle_limit = given.get("recurringCycleLimit", discount.cycle_limit)
    combines = given.get("combinesWith")
    if combines is not None:
        names = ("orderDiscounts", "productDiscounts", "shippingDiscounts")
        first, second, third = (bool(combines.get(name)) for name in names)
        discount.combines = (first, second, third)
    _fill_value(shop, discount, given.get("customerGets") or {})
    _fill_minimum(shop, discount, given)
    _fill_context(discount, given.get("context") or given.get("customerSelection") or {})


def _fill_value(shop: Shop, discount: Discount, gets: dict[str, Any]) -> None:
    value = gets.get("value") or {}
    if value.get("percentage") is not None:
        # through the shortest decimal, not the float's own fraction: 0.1 is a tenth
        discount.percentage, discount.amount = Fraction(str(value["percentage"])), None
    elif value.get("discountAmount") is not None:
        amount = value["discountAmount"]
        discount.percentage, discount.amount = None, shop.currency.minor(amount.get("amount") or 0)
        discount.each_item = bool(amount.get("appliesOnEachItem"))
    discount.one_time = bool(gets.get("appliesOnOneTimePurchase", discount.one_time))
    discount.subscription = bool(gets.get("appliesOnSubscription", discount.subscription))


def _fill_minimum(shop: Shop, discount: Discount, given: dict[str, Any]) -> None:
    if "minimumRequirement" not in given:
        return
    minimum = given["minimumRequirement"] or {}
    subtotal = (minimum.get("subtotal") or {}).get("greaterThanOrEqualToSubtotal")
    discount.minimum_subtotal = shop.currency.minor(subtotal) if subtotal is not None else None
    discount.minimum_quantity = (minimum.get("quantity") or {}).get("greaterThanOrEqualToQuantity")


def _fill_context(discount: Discount, context: dict[str, Any]) -> None:
    if context.get("all"):
        discount.everyone, discount.customers, discount.segments = True, (), ()
    for name, kind, attribute in (
        ("customers", "Customer", "customers"),
        ("customerSegments", "Segment", "segments"),
    ):
        change = context.get(name)
        if change:
            gone = {number_of(text, kind) for text in change.get("remove") or ()}
            added = [number_of(text, kind) for text in change.get("add") or ()]
            have = [number for number in getattr(discount, attribute) if number not in gone]
            setattr(discount, attribute, tuple(dict.fromkeys((*have, *added))))
            discount.everyone = False


def _activate(source: Any, info: Info, id: str) -> dict[str, Any]:
    call = call_of(info)
    discount = _find(call.shop, id)
    if discount is None:
        return {"codeDiscountNode": None, "userErrors": [_unknown()]}
    discount.starts_at = min(discount.starts_at, call.now)
    if discount.ends_at is not None and discount.ends_at <= call.now:
        discount.ends_at = None
    discount.updated_at = call.now
    merchant.tell_discount(call.shop, "discounts/update", discount)
    return {"codeDiscountNode": discount, "userErrors": []}


def _deactivate(source: Any, info: Info, id: str) -> dict[str, Any]:
    call = call_of(info)
    discount = _find(call.shop, id)
    if discount is None:
        return {"codeDiscountNode": None, "userErrors": [_unknown()]}
    discount.ends_at = discount.updated_at = call.now
    discount.starts_at = min(discount.starts_at, call.now)
    merchant.tell_discount(call.shop, "discounts/update", discount)
    return {"codeDiscountNode": discount, "userErrors": []}


def _delete(source: Any, info: Info, id: str) -> dict[str, Any]:
    shop = shop_of(info)
    discount = _find(shop, id)
    if discount is None:
        return {"deletedCodeDiscountId": None, "userErrors": [_unknown()]}
    merchant.delete_discount(shop, discount)
    return {"deletedCodeDiscountId": gid("DiscountCodeNode", discount.id), "userErrors": []}


def _nodes(source: Any, info: Info, query: str | None = None, sortKey: str = "ID", **args: Any) -> pages.Page:
    call = call_of(info)
    fields: Fields = {
        "id": lambda d: d.id,
        "code": lambda d: d.code,
        "title": lambda d: d.title,
        "tag": lambda d: d.tags,
        "status": lambda d: d.status(call.now),
        "times_used": lambda d: d.usage,
        "created_at": lambda d: d.created_at,
        "updated_at": lambda d: d.updated_at,
        "starts_at": lambda d: d.starts_at,
        "ends_at": lambda d: d.ends_at,
        "customer_ids": lambda d: d.customers,
        "segment_ids": lambda d: d.segments,
        "default": lambda d: d.title,
    }
    test = compile_search(query, fields, call.warnings)
    rows = matching(call.shop.discounts, test)
    return pages.page(
        pages.sort(rows, lambda d: (d.id, d.id)), **{k: v for k, v in args.items() if k != "savedSearchId"}
    )


def _summary(discount: Discount, info: Info) -> str:
    if discount.percentage is not None:
        return f"{float(discount.percentage * 100):g}% off entire order"
    return f"{shop_of(info).currency.text(discount.amount or 0)} off entire order"


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
        "items": {"__typename": "AllDiscountItems", "allItems": True},
        "value": value,
        "appliesOnOneTimePurchase": discount.one_time,
        "appliesOnSubscription": discount.subscription,
    }


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


def _by_id(source: Any, info: Info, id: str) -> Discount | None:
    number = id.replace("/DiscountNode/", "/DiscountCodeNode/")
    return _find(shop_of(info), number)


RESOLVERS: Resolvers = {
    "QueryRoot": {
        "codeDiscountNodeByCode": lambda source, info, code: shop_of(info).discounts.by_code(code),
        "codeDiscountNode": _by_id,
        "discountNode": _by_id,
        "discountNodes": _nodes,
    },
    "Mutation": {
        "discountCodeBasicCreate": _create,
        "discountCodeBasicUpdate": _update,
        "discountCodeActivate": _activate,
        "discountCodeDeactivate": _deactivate,
        "discountCodeDelete": _delete,
    },
    "DiscountCodeNode": {"id": id_of("DiscountCodeNode"), "codeDiscount": lambda discount, info: discount},
    "DiscountNode": {"id": id_of("DiscountNode"), "discount": lambda discount, info: discount},
    "DiscountCodeBasic": {
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
        "customerGets": _gets,
        "minimumRequirement": _minimum,
        "recurringCycleLimit": plain("cycle_limit"),
        "tags": lambda discount, info: list(discount.tags),
        "totalSales": lambda discount, info: money(shop_of(info), discount.sales),
        "discountClasses": always(["ORDER"]),
        "hasTimelineComment": always(False),
    },
}
