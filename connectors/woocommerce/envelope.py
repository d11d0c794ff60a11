"""The outside of a WooCommerce webhook: is it really from the store, and what is it about? The body is not looked into.

The signature is HMAC-SHA256 over the raw bytes, keyed with the secret that we gave the store's webhooks, in base64. It
covers neither the headers nor an instant, so a POST that somebody caught can be sent again under another topic. Three
things stand against that: the path of the POST is unguessable and names the shop, the translator believes a body
only where it has the shape of its topic, and the same bytes are the same delivery.

A store sends each delivery once. Its own delivery id is a hash of the webhook and the second, so two orders of one
second share it: it tells deliveries apart only where the bodies could not, in those that say no more than
``{"id": 117}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from hashlib import sha256

from commerce.events import BadDelivery, Envelope
from connectors.signature import check_signature
from connectors.woocommerce.address import BadAddress, StoreAddress, store_address

Header = Callable[[str], str | None]

_TOPIC = re.compile(r"[a-z]{1,20}\.[a-z_]{1,60}", re.ASCII)
_PING = re.compile(rb"webhook_id=[0-9]{1,20}", re.ASCII)
_LONGEST_ID = 64


def is_ping(header: Header, body: bytes) -> bool:
    """Whether this is the word with which a store tries a new webhook: a form without signature or topic. It is
    answered with 200 and not kept; it says nothing that could be believed.
    """
    return (
        header("X-WC-Webhook-Signature") is None
        and header("X-WC-Webhook-Topic") is None
        and _PING.fullmatch(body) is not None
    )


def open_envelope(header: Header, body: bytes, secrets: Sequence[bytes], address: StoreAddress) -> Envelope:
    """What the headers say, once the signature is found true under one of the `secrets` of the path, which is that of
    the shop at `address`. Raises `BadSignature`, then `BadDelivery`. Ask `is_ping` first.
    """
    check_signature(header("X-WC-Webhook-Signature"), body, secrets)
    topic = header("X-WC-Webhook-Topic") or ""
    if _TOPIC.fullmatch(topic) is None:
        raise BadDelivery("the header X-WC-Webhook-Topic does not name a topic")
    _check_source(header("X-WC-Webhook-Source"), address)
    # Nothing says when the store triggered it; the body is as of the sending, so the arrival is the better instant.
    return Envelope(address.domain, topic, _dedupe_key(topic, body, header("X-WC-Webhook-Delivery-ID")), None)


def _check_source(source: str | None, address: StoreAddress) -> None:
    """A copy of a shop, made to try things out, takes our webhooks and their secret with it: what it sends is not the
    shop's. The header is not signed; it guards against accidents, not against enemies.
    """
    if source is None:
        return
    try:
        sender = store_address(source)
    except BadAddress:
        raise BadDelivery("the header X-WC-Webhook-Source is no address") from None
    if not sender.same_shop(address):
        raise BadDelivery("a store at another address sent this: a copy of the shop, or it moved; connect it again")


def _dedupe_key(topic: str, body: bytes, delivery_id: str | None) -> str:
    """Topic and body; the body holds the object's id and the instant of its last change. One that holds no instant
    (deleted, restored, deleted again) counts once a delivery id.
    """
    key = f"{topic}:{sha256(body).hexdigest()}"
    if not topic.endswith(".deleted"):
        return key
    if delivery_id is None or not delivery_id.isascii() or not delivery_id.isalnum() or len(delivery_id) > _LONGEST_ID:
        raise BadDelivery("the header X-WC-Webhook-Delivery-ID is missing or odd")
    return f"{key}:{delivery_id}"
