"""The shop, the app's installation, products, and the two ways to ask for anything by its id."""

from __future__ import annotations

from typing import Any

from sandbox.adminapi import pages
from sandbox.adminapi.call import (
    Call,
    Info,
    Line,
    Resolvers,
    always,
    call_of,
    fault,
    id_of,
    instant,
    plain,
    shop_of,
)
from sandbox.adminapi.search import compile_search, matching
from sandbox.ids import gid, parse_gid
from sandbox.payloads.pieces import utc_text
from sandbox.products import Product
from sandbox.shop import Shop


def find(call: Call, text: str) -> Any:
    """The object of this global id, or None; the sandbox has one list for each kind."""
    shop, parsed = call.shop, parse_gid(text)
    if parsed is None:
        raise fault(f"Invalid global id '{text}'", "INVALID_GLOBAL_ID")
    kind, number = parsed
    if kind == "LineItem":
        return _line(shop, number)
    lists: dict[str, Any] = {
        "Customer": shop.customers,
        "Order": shop.orders,
        "Product": shop.catalog,
        "DiscountCodeNode": shop.discounts,
        "Segment": shop.segments,
        "BulkOperation": shop.bulk,
    }
    if kind == "AppInstallation":
        return _installation_of(call) if number == call.shop.shop_id else None
    if kind == "Shop":
        return shop if number == shop.shop_id else None
    if kind == "Refund":
        found = (refund for order in shop.orders for refund in order.refunds if refund.id == number)
        return next(found, None)
    return lists[kind].by_id(number) if kind in lists else None


def _line(shop: Shop, number: int) -> Line | None:
    place = shop.ids.place("LineItem", number)
    return next((Line(order, place) for order in shop.orders if place in order.lines), None)


def _installation(source: Any, info: Info) -> dict[str, Any]:
    return _installation_of(call_of(info))


def _installation_of(call: Call) -> dict[str, Any]:
    app = call.shop.app
    return {
        "id": gid("AppInstallation", call.shop.shop_id),
        "accessScopes": [{"handle": scope, "description": scope} for scope in sorted(call.scopes)],
        "activeSubscriptions": [],
        "app": {
            "id": gid("App", 580_111),
            "apiKey": app.client_id,
            "title": app.name,
            "handle": app.name.lower().replace(" ", "-"),
            "embedded": True,
        },
        "launchUrl": app.app_url,
    }


def _products(source: Any, info: Info, query: str | None = None, **args: Any) -> pages.Page:
    shop = shop_of(info)
    fields = {
        "id": lambda p: p.id,
        "title": lambda p: p.title,
        "sku": lambda p: p.sku,
        "collection_id": lambda p: tuple(str(c.id) for c in shop.collections if p.id in c.products),
        "default": lambda p: p.title,
    }
    test = compile_search(query, fields, call_of(info).warnings)
    args.pop("sortKey", None)
    return pages.page(pages.sort(matching(shop.catalog, test), lambda p: (p.id, p.id)), **args)


def _versions(source: Any, info: Info) -> list[dict[str, Any]]:
    handles = (("2026-01", True), ("2026-04", True), ("2026-07", True), ("2026-10", True), ("2027-01", False))
    return [{"handle": handle, "displayName": handle, "supported": good} for handle, good in handles]


def _domain(shop: Shop, info: Info) -> dict[str, Any]:
    url = f"https://{shop.domain}"
    return {"id": gid("Domain", shop.shop_id), "host": shop.domain, "url": url, "sslEnabled": True}


def _stamp(product: Product, info: Info) -> str:
    return utc_text(int(shop_of(info).created_at))


RESOLVERS: Resolvers = {
    "QueryRoot": {
        "shop": lambda source, info: shop_of(info),
        "currentAppInstallation": _installation,
        "node": lambda source, info, id: find(call_of(info), id),
        "nodes": lambda source, info, ids: [find(call_of(info), one) for one in ids],
        "products": _products,
        "product": lambda source, info, id: find(call_of(info), id),
        "publicApiVersions": _versions,
    },
    "Shop": {
        "id": lambda shop, info: gid("Shop", shop.shop_id),
        "name": plain("name"),
        "myshopifyDomain": plain("domain"),
        "primaryDomain": _domain,
        "url": lambda shop, info: f"https://{shop.domain}",
        "currencyCode": lambda shop, info: shop.currency.code,
        "enabledPresentmentCurrencies": lambda shop, info: [shop.currency.code],
        "ianaTimezone": lambda shop, info: shop.zone.key,
        "timezoneAbbreviation": lambda shop, info: shop.zone.key,
        "timezoneOffset": always("+0000"),
        "timezoneOffsetMinutes": always(0),
        "email": lambda shop, info: f"owner@{shop.domain.removesuffix('.myshopify.com')}.example.com",
        "contactEmail": lambda shop, info: f"owner@{shop.domain.removesuffix('.myshopify.com')}.example.com",
        "shopOwnerName": always("Shop Owner"),
        "taxesIncluded": always(False),
        "createdAt": instant("created_at"),
        "updatedAt": instant("created_at"),
        "plan": always(
            {
                "displayName": "Sandbox",
                "publicDisplayName": "Sandbox",
                "partnerDevelopment": True,
                "shopifyPlus": False,
            }
        ),
        "customerAccountsV2": always(
            {
                "customerAccountsVersion": "NEW_CUSTOMER_ACCOUNTS",
                "loginLinksVisibleOnStorefrontAndCheckout": True,
                "loginRequiredAtCheckout": False,
                "url": None,
            }
        ),
        "currencyFormats": always(
            {
                "moneyFormat": "{{amount}}",
                "moneyWithCurrencyFormat": "{{amount}}",
                "moneyInEmailsFormat": "{{amount}}",
                "moneyWithCurrencyInEmailsFormat": "{{amount}}",
            }
        ),
    },
    "Product": {
        "id": id_of("Product"),
        "legacyResourceId": plain("id"),
        "title": plain("title"),
        "handle": lambda product, info: product.sku.lower(),
        "vendor": lambda product, info: shop_of(info).name,
        "productType": always(""),
        "status": always("ACTIVE"),
        "tags": always([]),
        "createdAt": _stamp,
        "updatedAt": _stamp,
        "isGiftCard": plain("gift_card"),
        "totalInventory": always(0),
    },
}
