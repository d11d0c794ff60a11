"""Code discounts over the Admin API, basic and free shipping, with the platform's refusals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sandbox import merchant
from sandbox.adminapi import pages
from sandbox.adminapi.call import (
    Call,
    Info,
    Resolvers,
    call_of,
    error,
    id_of,
    number_of,
    shop_of,
)
from sandbox.adminapi.discount_types import TYPES
from sandbox.adminapi.search import Fields, compile_search, matching
from sandbox.discounts import VARIANT_OFFSET, Discount
from sandbox.ids import gid
from sandbox.shop import Shop

ROOT, SHIPPING_ROOT = "basicCodeDiscount", "freeShippingCodeDiscount"
MOST_CODE = 255
MOST_TAGS = 5


def _find(shop: Shop, text: str) -> Discount | None:
    return shop.discounts.by_id(number_of(text, "DiscountCodeNode"))


def _create(source: Any, info: Info, basicCodeDiscount: dict[str, Any]) -> dict[str, Any]:
    call, given = call_of(info), basicCodeDiscount
    refused = _missing(given) + _missing_value(given) or _refused(call, given, None)
    if refused:
        return {"codeDiscountNode": None, "userErrors": refused}
    return {"codeDiscountNode": _made(call, given), "userErrors": []}


def _create_shipping(source: Any, info: Info, freeShippingCodeDiscount: dict[str, Any]) -> dict[str, Any]:
    call, given = call_of(info), freeShippingCodeDiscount
    refused = _missing(given) or _refused(call, given, None) + _refused_shipping(call.shop, given)
    if refused:
        return {
            "codeDiscountNode": None,
            "userErrors": [wrong | {"field": [SHIPPING_ROOT, *wrong["field"][1:]]} for wrong in refused],
        }
    made = _made(call, given)
    made.shipping = True
    most = given.get("maximumShippingPrice")
    made.most_shipping = None if most is None else call.shop.currency.minor(most)
    return {"codeDiscountNode": made, "userErrors": []}


def _refused_shipping(shop: Shop, given: dict[str, Any]) -> list[dict[str, Any]]:
    wrong = []
    if (given.get("combinesWith") or {}).get("shippingDiscounts"):
        code = "INVALID_COMBINES_WITH_FOR_DISCOUNT_CLASS"
        wrong.append(_no("Combines with is not valid for this discount class", code, "combinesWith"))
    if not (given.get("destination") or {}).get("all"):
        wrong.append(_no("Destination can't be blank", "BLANK", "destination"))
    most = given.get("maximumShippingPrice")
    if most is not None and shop.currency.minor(most) < 0:
        code = "GREATER_THAN_OR_EQUAL_TO"
        wrong.append(_no("Maximum shipping price must be at least 0", code, "maximumShippingPrice"))
    return wrong


def _made(call: Call, given: dict[str, Any]) -> Discount:
    shop = call.shop
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
    return made


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
    return wrong


def _missing_value(given: dict[str, Any]) -> list[dict[str, Any]]:
    gets = given.get("customerGets") or {}
    path = ("customerGets", "value")
    if not gets.get("value"):
        return [_no("Customer gets value can't be blank", "BLANK", *path)]
    if gets["value"].get("discountOnQuantity"):
        text = "discountOnQuantity field is only permitted with bxgy discounts."
        return [_no(text, "INVALID", *path, "discountOnQuantity")]
    return []


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
    return wrong + _refused_value(shop, given) + _refused_items(shop, given) + _refused_context(shop, given)


def _refused_items(shop: Shop, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The shop has products with one variant each, and no collections."""
    path = ("customerGets", "items")
    items = (given.get("customerGets") or {}).get("items")
    if items is None:
        return []
    products = items.get("products") or {}
    ids = [number_of(text, "Product") for text in products.get("productsToAdd") or ()]
    ids += [number_of(text, "ProductVariant") - VARIANT_OFFSET for text in products.get("productVariantsToAdd") or ()]
    if items.get("all") and (ids or items.get("collections")):
        return [_no("Items can be all, products or collections, not several", "CONFLICT", *path)]
    if (items.get("collections") or {}).get("add"):
        return [_no("Collection does not exist", "INVALID", *path, "collections", "add")]
    if any(shop.catalog.by_id(number) is None for number in ids):
        return [_no("Product does not exist", "INVALID", *path, "products")]
    if not items.get("all") and not ids:
        return [_no("Discount applies on nothing", "APPLIES_ON_NOTHING", *path)]
    return []


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
    products = (gets.get("items") or {}).get("products") or {}
    if gets.get("items"):
        discount.products = tuple(number_of(text, "Product") for text in products.get("productsToAdd") or ())
        variants = products.get("productVariantsToAdd") or ()
        discount.variants = tuple(number_of(text, "ProductVariant") for text in variants)
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
        "discountCodeFreeShippingCreate": _create_shipping,
        "discountCodeActivate": _activate,
        "discountCodeDeactivate": _deactivate,
        "discountCodeDelete": _delete,
    },
    "DiscountCodeNode": {"id": id_of("DiscountCodeNode"), "codeDiscount": lambda discount, info: discount},
    "DiscountNode": {"id": id_of("DiscountNode"), "discount": lambda discount, info: discount},
    **TYPES,
}
