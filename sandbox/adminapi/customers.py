"""Customers read and written over the Admin API; `tagsAdd` and `tagsRemove` are here, and must be quick."""

from __future__ import annotations

from typing import Any

from sandbox.adminapi import pages
from sandbox.adminapi.call import (
    Info,
    Resolvers,
    always,
    call_of,
    customer_by_gid,
    error,
    fault,
    id_of,
    instant,
    money,
    plain,
    shop_of,
)
from sandbox.adminapi.search import Fields, compile_search, matching
from sandbox.customers import Customer, TagRefused
from sandbox.ids import gid, parse_gid
from sandbox.shop import Shop

FIELDS: Fields = {
    "id": lambda c: c.id,
    "created_at": lambda c: c.created_at,
    "customer_date": lambda c: c.created_at,
    "updated_at": lambda c: c.updated_at,
    "email": lambda c: c.email,
    "first_name": lambda c: c.first_name,
    "last_name": lambda c: c.last_name,
    "phone": lambda c: c.phone,
    "state": lambda c: c.state,
    "tag": lambda c: c.tags,
    "orders_count": lambda c: len(c.orders),
    "default": lambda c: f"{c.name} {c.email or ''}",
}
KEYS = {
    "ID": lambda c: (c.id, c.id),
    "CREATED_AT": lambda c: (c.created_at, c.id),
    "UPDATED_AT": lambda c: (c.updated_at, c.id),
    "NAME": lambda c: (c.name, c.id),
    "RELEVANCE": lambda c: (c.id, c.id),
    "LOCATION": lambda c: (c.id, c.id),
}
MOST_COUNTED = 10_000


def _customers(source: Any, info: Info, query: str | None = None, sortKey: str = "ID", **args: Any) -> pages.Page:
    test = compile_search(query, FIELDS, call_of(info).warnings)
    return pages.page(pages.sort(matching(shop_of(info).customers, test), KEYS[sortKey]), **args)


def _count(source: Any, info: Info, query: str | None = None, limit: int | None = 10_000) -> Any:
    test = compile_search(query, FIELDS, call_of(info).warnings)
    number = sum(1 for _ in matching(shop_of(info).customers, test))
    if limit is not None and number > limit:
        return {"count": limit, "precision": "AT_LEAST"}
    return {"count": number, "precision": "EXACT"}


def _by_identifier(source: Any, info: Info, identifier: dict[str, str]) -> Customer | None:
    shop = shop_of(info)
    if "id" in identifier:
        return customer_by_gid(shop, identifier["id"])
    if "emailAddress" in identifier:
        return shop.customers.by_email(identifier["emailAddress"])
    phone = identifier.get("phoneNumber")
    return next((customer for customer in shop.customers if phone and customer.phone == phone), None)


def _last_order(customer: Customer, info: Info) -> Any:
    return shop_of(info).orders[customer.orders[-1]] if customer.orders else None


def _email(customer: Customer, info: Info) -> dict[str, Any] | None:
    if not customer.email:
        return None
    return {
        "emailAddress": customer.email,
        "marketingState": customer.marketing_state,
        "marketingOptInLevel": None,
        "marketingUpdatedAt": None,
        "validFormat": True,
    }


def _phone(customer: Customer, info: Info) -> dict[str, Any] | None:
    return {"phoneNumber": customer.phone, "marketingState": "NOT_SUBSCRIBED"} if customer.phone else None


# ---- writing


def _tags(source: Any, info: Info, id: str, tags: list[str], *, add: bool) -> dict[str, Any]:
    shop = shop_of(info)
    target = _taggable(shop, id)
    if target is None:
        return {"node": None, "userErrors": [error("Resource does not exist", "id")]}
    if not isinstance(target, Customer):
        target.tags = _changed(target.tags, tags, add)
        return {"node": target, "userErrors": []}
    try:
        shop.tag_customer(target, tags if add else [], [] if add else tags)
    except TagRefused as refusal:
        return {"node": target, "userErrors": [error(str(refusal), "tags")]}
    return {"node": target, "userErrors": []}


def _taggable(shop: Shop, text: str) -> Any:
    parsed = parse_gid(text)
    if parsed is None:
        raise fault(f"Invalid global id '{text}'", "INVALID_GLOBAL_ID")
    kind, number = parsed
    if kind == "Customer":
        return shop.customers.by_id(number)
    if kind == "Order":
        return shop.orders.by_id(number)
    return shop.discounts.by_id(number) if kind == "DiscountCodeNode" else None


def _changed(have: tuple[str, ...], tags: list[str], add: bool) -> tuple[str, ...]:
    folded = {tag.casefold() for tag in tags}
    kept = [tag for tag in have if tag.casefold() not in folded]
    return (*kept, *tags) if add else tuple(kept)


def _create(source: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    shop = shop_of(info)
    refused = _refused(shop, input, None)
    if not any(input.get(name) for name in ("email", "phone", "firstName", "lastName")):
        refused = [error("A name, phone number, or email address must be present")]
    if refused:
        return {"customer": None, "userErrors": refused}
    customer = shop.new_customer(input.get("email"), input.get("firstName"), input.get("lastName"))
    _fill(shop, customer, input)
    return {"customer": customer, "userErrors": []}


def _update(source: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    shop = shop_of(info)
    customer = customer_by_gid(shop, input.get("id") or "")
    if customer is None:
        return {"customer": None, "userErrors": [error("Customer does not exist", "id")]}
    refused = _refused(shop, input, customer)
    if refused:
        return {"customer": None, "userErrors": refused}
    if "email" in input:
        shop.customers.change_email(customer, input["email"])
    customer.first_name = input.get("firstName", customer.first_name)
    customer.last_name = input.get("lastName", customer.last_name)
    _fill(shop, customer, input)
    shop.touch_customer(customer, shop.event())
    return {"customer": customer, "userErrors": []}


def _refused(shop: Shop, given: dict[str, Any], but: Customer | None) -> list[dict[str, Any]]:
    email = given.get("email")
    if email and "@" not in email:
        return [error("Email is invalid", "email")]
    if email and shop.customers.by_email(email) not in (None, but):
        return [error("Email has already been taken", "email")]
    return []


def _fill(shop: Shop, customer: Customer, given: dict[str, Any]) -> None:
    customer.phone = given.get("phone", customer.phone)
    customer.note = given.get("note", customer.note)
    customer.locale = given.get("locale") or customer.locale
    consent = given.get("emailMarketingConsent")
    if consent:
        customer.marketing_state = consent["marketingState"]
    if given.get("tags") is not None:
        # the list given here is the whole set, unlike tagsAdd
        kept = {tag.casefold() for tag in given["tags"]}
        shop.tag_customer(customer, given["tags"], [tag for tag in customer.tags if tag.casefold() not in kept])


RESOLVERS: Resolvers = {
    "QueryRoot": {
        "customers": _customers,
        "customersCount": _count,
        "customer": lambda source, info, id: customer_by_gid(shop_of(info), id),
        "customerByIdentifier": _by_identifier,
    },
    "Mutation": {
        "tagsAdd": lambda source, info, id, tags: _tags(source, info, id, tags, add=True),
        "tagsRemove": lambda source, info, id, tags: _tags(source, info, id, tags, add=False),
        "customerCreate": _create,
        "customerUpdate": _update,
    },
    "Customer": {
        "id": id_of("Customer"),
        "legacyResourceId": plain("id"),
        "displayName": plain("name"),
        "firstName": plain("first_name"),
        "lastName": plain("last_name"),
        "state": lambda customer, info: customer.state.upper(),
        "tags": lambda customer, info: sorted(customer.tags, key=str.casefold),
        "createdAt": instant("created_at"),
        "updatedAt": instant("updated_at"),
        "numberOfOrders": lambda customer, info: len(customer.orders),
        "amountSpent": lambda customer, info: money(shop_of(info), customer.spent),
        "lastOrder": _last_order,
        "defaultEmailAddress": _email,
        "defaultPhoneNumber": _phone,
        "defaultAddress": always(None),
        "addressesV2": lambda customer, info, **args: pages.page(pages.numbered([]), **args),
        "taxExempt": always(False),
        "taxExemptions": always([]),
        "dataSaleOptOut": always(False),
        "verifiedEmail": always(True),
        "validEmailAddress": always(True),
        "canDelete": lambda customer, info: not customer.orders,
        "lifetimeDuration": always(""),
        "productSubscriberStatus": always("NEVER_SUBSCRIBED"),
        "mergeable": always({"isMergeable": True, "reason": None, "errorFields": []}),
        "statistics": always({"predictedSpendTier": None, "rfmGroup": None}),
    },
    "CustomerSegmentMember": {
        "id": lambda member, info: gid("CustomerSegmentMember", member.id),
        "displayName": plain("name"),
        "firstName": plain("first_name"),
        "lastName": plain("last_name"),
        "numberOfOrders": lambda member, info: len(member.orders),
        "amountSpent": lambda member, info: money(shop_of(info), member.spent),
        "lastOrderId": lambda member, info: (
            gid("Order", shop_of(info).orders[member.orders[-1]].id) if member.orders else None
        ),
        "defaultEmailAddress": _email,
        "defaultPhoneNumber": _phone,
        "defaultAddress": always(None),
        "mergeable": always({"isMergeable": True, "reason": None, "errorFields": []}),
    },
}
