"""The store's webhooks as a resource: made, listed, switched off by failures, taken away.

A secret is never answered. The seventh failure in a row switches a webhook off; switching it on again keeps the count.
"""

from __future__ import annotations

import re
import secrets

from sandbox.woocommerce.courier import failed
from sandbox.woocommerce.keys import ApiKey
from sandbox.woocommerce.shapes import Body, error
from sandbox.woocommerce.store import Record, Store

_TOPIC = re.compile(
    r"(coupon|customer|order|product)\.(created|updated|deleted)|(coupon|order|product)\.restored|product\.published"
    r"|action\.(woocommerce|wc)_\w+"
)
_MISSING = "woocommerce_rest_shop_webhook_invalid_id"

__all__ = ["create", "delete", "failed", "update"]


def create(store: Store, given: Body, owner: ApiKey | None = None) -> Body:
    """A webhook sees what its `owner` may see. One that is active is tried at once."""
    if not given.get("delivery_url"):
        return error("rest_missing_callback_param", "Missing parameter(s): delivery_url", 400)
    topic = str(given.get("topic", ""))
    if _TOPIC.fullmatch(topic) is None:
        message = "Webhook topic is required and must be valid."
        return error("woocommerce_rest_shop_webhook_invalid_topic", message, 400)
    resource, _, event = topic.partition(".")
    number = next(store.webhook_numbers)
    body = {
        "id": number,
        "name": given.get("name", f"Webhook created on {store.now():%b %d, %Y}"),
        "status": given.get("status", "active"),
        "topic": topic,
        "resource": resource,
        "event": event,
        "hooks": [f"woocommerce_{event}_{resource}"],
        "delivery_url": given["delivery_url"],
    }
    store.webhooks[number] = Record(body, store.now(), None)
    store.secrets[number] = given.get("secret") or secrets.token_urlsafe(38)
    if owner is not None:
        store.owners[number] = owner
    if body["status"] == "active":
        store.courier.ping(number)
    return store.shown("webhooks", store.webhooks[number])


def update(store: Store, number: int, given: Body) -> Body:
    """Switching a webhook on again keeps the count of its failures: the next one ends it."""
    record = store.webhooks.get(number)
    if record is None:
        return error(_MISSING, "Invalid ID.", 404)
    record.body |= {name: given[name] for name in ("name", "status", "delivery_url") if name in given}
    if given.get("secret"):
        store.secrets[number] = given["secret"]
    record.modified = store.now()
    return store.shown("webhooks", record)


def delete(store: Store, number: int, force: str) -> Body:
    if force != "true":
        message = "Webhooks do not support trashing."
        return error("woocommerce_rest_trash_not_supported", message, 501)
    record = store.webhooks.pop(number, None)
    if record is None:
        return error(_MISSING, "Invalid ID.", 404)
    store.owners.pop(number, None)
    store.failures.pop(number, None)
    return store.shown("webhooks", record)
