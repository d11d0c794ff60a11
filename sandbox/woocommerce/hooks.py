"""The store's webhooks as a resource: made, listed, switched off by failures, taken away.

A secret is never answered. The seventh failure in a row switches a webhook off; switching it on again keeps the count.
"""

from __future__ import annotations

import re
import secrets

from sandbox.woocommerce.shapes import Body, error
from sandbox.woocommerce.store import Record, Store

_TOPIC = re.compile(
    r"(coupon|customer|order|product)\.(created|updated|deleted)|(coupon|order|product)\.restored|product\.published"
    r"|action\.(woocommerce|wc)_\w+"
)
_MOST_FAILURES = 5


def create(store: Store, given: Body) -> Body:
    if not given.get("delivery_url"):
        return error("rest_missing_callback_param", "Missing parameter(s): delivery_url", 400)
    topic = str(given.get("topic", ""))
    if _TOPIC.fullmatch(topic) is None:
        message = "Webhook topic is required and must be valid."
        return error("woocommerce_rest_shop_webhook_invalid_topic", message, 400)
    resource, _, event = topic.partition(".")
    number = next(store.numbers)
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
    return store.shown("webhooks", store.webhooks[number])


def delete(store: Store, number: int, force: str) -> Body:
    if force != "true":
        message = "Webhooks do not support trashing."
        return error("woocommerce_rest_trash_not_supported", message, 501)
    record = store.webhooks.pop(number, None)
    if record is None:
        return error("woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.", 404)
    store.failures.pop(number, None)
    return store.shown("webhooks", record)


def failed(store: Store, number: int) -> None:
    """A delivery of this webhook was not taken."""
    store.failures[number] = store.failures.get(number, 0) + 1
    # The count is looked at before it grows: the seventh in a row ends it.
    if store.failures[number] - 1 > _MOST_FAILURES:
        store.webhooks[number].body["status"] = "disabled"
