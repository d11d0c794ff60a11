"""The outside of a webhook: is it really from the platform, whose is it, what is it about? The body is not
looked into.

The signature is HMAC-SHA256 over the raw bytes, keyed with the app's secret. While a secret is being replaced
the platform may still sign with the old one, for an hour. Shopify's own check takes the body as text, so it
cannot verify bytes that are not UTF-8, it raises on a header outside ASCII, and it is some twenty times
slower; it stays as the oracle of our tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from commerce.events import BadDelivery, Envelope
from connectors.signature import check_signature

SHOP_DOMAIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com", re.ASCII)
# A label of a host name has at most 63 letters.
_LONGEST_DOMAIN = 63 + len(".myshopify.com")
_TOPIC = re.compile(r"[a-z_]{1,60}[/.][a-z_]{1,60}", re.ASCII)
_LONGEST_KEY = 100

Header = Callable[[str], str | None]


@lru_cache(maxsize=4096)
def shop_domain(text: str) -> str | None:
    """`text` in lower case if it is exactly a shop's domain, else None. Nothing is repaired:
    ``ap\\nple.myshopify.com`` is refused.
    """
    if len(text) > _LONGEST_DOMAIN or SHOP_DOMAIN.fullmatch(text) is None:
        return None
    return text.lower()


@lru_cache(maxsize=256)
def _is_topic(text: str) -> bool:
    return _TOPIC.fullmatch(text) is not None


def open_envelope(header: Header, body: bytes, secrets: Sequence[bytes]) -> Envelope:
    """What the headers say, once the signature is found true. Raises `BadSignature`, then `BadDelivery`."""
    check_signature(header("X-Shopify-Hmac-Sha256"), body, secrets)
    shop = shop_domain(header("X-Shopify-Shop-Domain") or "")
    if shop is None:
        raise BadDelivery("the header X-Shopify-Shop-Domain does not name a shop")
    topic = header("X-Shopify-Topic") or ""
    if not _is_topic(topic):
        raise BadDelivery("the header X-Shopify-Topic does not name a topic")
    key = header("X-Shopify-Webhook-Id") or ""
    if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise BadDelivery("the header X-Shopify-Webhook-Id is missing or odd")
    return Envelope(shop, topic, key, _instant(header("X-Shopify-Triggered-At")))


def _instant(text: str | None) -> datetime | None:
    """When the platform says it triggered the delivery; None rather than a refusal when that is missing or
    odd.
    """
    if text is None or len(text) > 40:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
