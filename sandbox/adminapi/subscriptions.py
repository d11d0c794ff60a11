"""Shop-specific webhook subscriptions; the app's own (declared at its start) are not listed, as on the
platform.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from sandbox.adminapi import pages
from sandbox.adminapi.call import Info, Resolvers, always, error, id_of, instant, number_of, plain, shop_of
from sandbox.ids import gid
from sandbox.shop import Shop, Subscription

DOTTED = {
    "CUSTOMER_TAGS_ADDED": "customer.tags_added",
    "CUSTOMER_TAGS_REMOVED": "customer.tags_removed",
    "CUSTOMER_JOINED_SEGMENT": "customer.joined_segment",
    "CUSTOMER_LEFT_SEGMENT": "customer.left_segment",
    "APP_SCOPES_UPDATE": "app/scopes_update",
    "BULK_OPERATIONS_FINISH": "bulk_operations/finish",
    "CUSTOMERS_PURCHASING_SUMMARY": "customers/purchasing_summary",
    "DISCOUNTS_REDEEMCODE_ADDED": "discounts/redeemcode_added",
    "DISCOUNTS_REDEEMCODE_REMOVED": "discounts/redeemcode_removed",
    "ORDERS_PARTIALLY_FULFILLED": "orders/partially_fulfilled",
}


def topic_of(enum: str) -> str:
    """`ORDERS_CREATE` as a header says it: `orders/create`."""
    if enum in DOTTED:
        return DOTTED[enum]
    head, _, tail = enum.lower().rpartition("_")
    return f"{head}/{tail}"


def _enum_of(topic: str) -> str:
    return topic.replace("/", "_").replace(".", "_").upper()


def _create(source: Any, info: Info, topic: str, webhookSubscription: dict[str, Any]) -> dict[str, Any]:
    shop, wanted = shop_of(info), topic_of(topic)
    uri, refused = _uri(shop, webhookSubscription)
    if not refused and any(s.topic == wanted and s.uri == uri for s in shop.subscriptions):
        refused = [error("Address for this topic has already been taken", "webhookSubscription", "callbackUrl")]
    if refused:
        return {"webhookSubscription": None, "userErrors": refused}
    number = shop.ids.of("WebhookSubscription", len(shop.subscriptions) + shop.calls["subscriptions"])
    made = Subscription(number, wanted, uri, shop.clock())
    _fill(made, webhookSubscription)
    shop.subscriptions.append(made)
    return {"webhookSubscription": made, "userErrors": []}


def _uri(shop: Shop, given: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    text = given.get("uri") or given.get("callbackUrl") or ""
    uri = urljoin(shop.app.app_url, text) if text.startswith("/") else text
    if not text or urlsplit(uri).netloc != urlsplit(shop.app.app_url).netloc:
        return "", [error("Address is not the app's: the sandbox delivers to one host", "webhookSubscription", "uri")]
    return uri, []


def _fill(subscription: Subscription, given: dict[str, Any]) -> None:
    subscription.filter = given.get("filter", subscription.filter)
    subscription.name = given.get("name", subscription.name)
    subscription.include_fields = tuple(given.get("includeFields") or subscription.include_fields)
    subscription.metafield_namespaces = tuple(given.get("metafieldNamespaces") or subscription.metafield_namespaces)


def _find(shop: Shop, text: str) -> Subscription | None:
    number = number_of(text, "WebhookSubscription")
    return next((one for one in shop.subscriptions if one.id == number), None)


def _update(source: Any, info: Info, id: str, webhookSubscription: dict[str, Any]) -> dict[str, Any]:
    shop = shop_of(info)
    found = _find(shop, id)
    if found is None:
        return {
            "webhookSubscription": None,
            "userErrors": [error("Webhook subscription does not exist", "id")],
        }
    if webhookSubscription.get("uri") or webhookSubscription.get("callbackUrl"):
        uri, refused = _uri(shop, webhookSubscription)
        if refused:
            return {"webhookSubscription": None, "userErrors": refused}
        found.uri = uri
    _fill(found, webhookSubscription)
    return {"webhookSubscription": found, "userErrors": []}


def _delete(source: Any, info: Info, id: str) -> dict[str, Any]:
    shop = shop_of(info)
    found = _find(shop, id)
    if found is None:
        return {
            "deletedWebhookSubscriptionId": None,
            "userErrors": [error("Webhook subscription does not exist", "id")],
        }
    shop.subscriptions.remove(found)
    shop.calls["subscriptions"] += 1
    return {"deletedWebhookSubscriptionId": gid("WebhookSubscription", found.id), "userErrors": []}


def _list(source: Any, info: Info, topics: list[str] | None = None, **args: Any) -> pages.Page:
    wanted = {topic_of(topic) for topic in topics or ()}
    rows = [one for one in shop_of(info).subscriptions if not wanted or one.topic in wanted]
    known = {name: args[name] for name in ("first", "last", "after", "before", "reverse") if name in args}
    return pages.page(pages.sort(rows, lambda s: (s.id, s.id)), **known)


def _version(subscription: Subscription, info: Info) -> dict[str, Any]:
    handle = shop_of(info).app.api_version
    return {"handle": handle, "displayName": handle, "supported": True}


RESOLVERS: Resolvers = {
    "QueryRoot": {"webhookSubscriptions": _list},
    "Mutation": {
        "webhookSubscriptionCreate": _create,
        "webhookSubscriptionUpdate": _update,
        "webhookSubscriptionDelete": _delete,
    },
    "WebhookSubscription": {
        "id": id_of("WebhookSubscription"),
        "legacyResourceId": plain("id"),
        "topic": lambda subscription, info: _enum_of(subscription.topic),
        "format": always("JSON"),
        "includeFields": lambda subscription, info: list(subscription.include_fields),
        "metafieldNamespaces": lambda subscription, info: list(subscription.metafield_namespaces),
        "apiVersion": _version,
        "createdAt": instant("created_at"),
        "updatedAt": instant("created_at"),
    },
}
