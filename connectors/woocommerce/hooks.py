"""The webhooks that a store keeps for us: one for each topic, on the shop's own path, with a secret that only the store
and we know.

A store switches a webhook off after some failures in a row and says so to nobody, and switching it on again does not
clear its count: the next failure ends it. So this is looked at daily, and whatever is not as it should be is deleted
and made anew. A secret cannot be read back; a new one means new webhooks.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

from commerce.store import StoreError
from connectors.woocommerce.bodies import Id
from connectors.woocommerce.inbound import TOPICS
from connectors.woocommerce.reads import PER_PAGE
from connectors.woocommerce.rest import Refused, Rest

_NAME = "Perennial: "
# More webhooks than this many pages of a hundred is no shop that we know how to mend.
_PAGES = 20


class _Hook(Struct):
    id: Id
    name: str
    status: str
    topic: str
    delivery_url: str


def keep_webhooks(rest: Rest, delivery_url: str, secret: str, *, renew: bool = False) -> list[str]:
    """See that the store has exactly one working webhook for each topic at `delivery_url`; answers the topics that had
    to be made, in order. `renew`: the secret is a new one. Raises `StoreError`.
    """
    mine = [hook for hook in _hooks(rest) if _is_ours(hook, delivery_url)]
    good: dict[str, _Hook] = {}
    for hook in mine:
        works = hook.status == "active" and hook.delivery_url == delivery_url and hook.topic in TOPICS
        if works and not renew and hook.topic not in good:
            good[hook.topic] = hook
        else:
            _take_away(rest, hook)
    missing = [topic for topic in TOPICS if topic not in good]
    for topic in missing:
        body = {
            "name": _NAME + topic,
            "topic": topic,
            "delivery_url": delivery_url,
            "secret": secret,
            "status": "active",
        }
        made = rest.send("POST", "webhooks", body, _Hook)
        if (made.status, made.topic, made.delivery_url) != ("active", topic, delivery_url):
            raise StoreError(f"the store made the webhook for {topic} otherwise than asked", permanent=False)
    return missing


def drop_webhooks(rest: Rest, delivery_url: str) -> None:
    """Leave the store without any webhook of ours. Raises `StoreError`."""
    for hook in _hooks(rest):
        if _is_ours(hook, delivery_url):
            _take_away(rest, hook)


def _is_ours(hook: _Hook, delivery_url: str) -> bool:
    """By its name and by where it leads: another app's, and the merchant's own, are not touched."""
    ours, its = urlsplit(delivery_url), urlsplit(hook.delivery_url)
    return hook.name.startswith(_NAME) and (its.scheme, its.netloc) == (ours.scheme, ours.netloc)


def _hooks(rest: Rest) -> list[_Hook]:
    found: list[_Hook] = []
    for page in range(1, _PAGES + 1):
        query = (("status", "all"), ("orderby", "id"), ("order", "asc"))
        reply = rest.get("webhooks", (*query, ("per_page", str(PER_PAGE)), ("page", str(page))), list[_Hook])
        found += reply.data
        if len(reply.data) < PER_PAGE:
            break
    return found


def _take_away(rest: Rest, hook: _Hook) -> None:
    try:
        rest.delete(f"webhooks/{hook.id}")
    except Refused as refusal:
        # Somebody else took it away between our look and our word.
        if refusal.status != 404:
            raise
