"""The webhook door: a bare WSGI gate in front of Flask.

Cap, read, check the signature, find the shop, make durable, answer. No JSON is parsed and nothing is decided here, so
the platform has its answer in milliseconds, and it means what it says: the delivery is on disk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from commerce.events import BadDelivery, BadSignature, Envelope
from commerce.ids import ShopId
from engine import metrics, shops
from engine.receiver import Overloaded, Receiver
from engine.work import Database

Header = Callable[[str], str | None]
OpenEnvelope = Callable[[Header, bytes], Envelope]
"""A platform's check of a signed POST: raises `BadSignature`, or `BadDelivery` where a needed header is missing."""

_REASONS = {
    200: "200 OK",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    415: "415 Unsupported Media Type",
    503: "503 Service Unavailable",
}

# A shop that was installed a moment ago is found at the first delivery: only shops that exist are remembered.
REMEMBER_SECONDS = 30.0


class TooLarge(Exception):
    """The body is larger than the door takes."""


class WebhookDoor:
    """Answers POSTs to the webhook paths itself and passes everything else on to `inner`.

    `platforms` maps a path to (platform, its signature check).
    """

    def __init__(
        self,
        inner: WSGIApplication,
        platforms: Mapping[str, tuple[str, OpenEnvelope]],
        database: Database,
        receiver: Receiver,
        body_limit: int,
    ) -> None:
        self._inner = inner
        self._platforms = platforms
        self._database = database
        self._receiver = receiver
        self._body_limit = body_limit
        self._known: dict[tuple[str, str], tuple[ShopId, float]] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        platform = self._platforms.get(environ["PATH_INFO"])
        if platform is None:
            return self._inner(environ, start_response)
        status = self._answer(environ, *platform)
        if status != 200:
            metrics.deliveries_refused.labels(status=str(status)).inc()
        headers = [("Content-Type", "text/plain"), ("Content-Length", "0")]
        if status == 503:
            headers.append(("Retry-After", "5"))
        start_response(_REASONS[status], headers)
        return ()

    def _answer(self, environ: dict[str, Any], platform: str, open_envelope: OpenEnvelope) -> int:
        if environ["REQUEST_METHOD"] != "POST":
            return 405
        # Packed bodies are refused unread: nobody sends them, and a small one may unfold into all of our memory.
        if environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            return 415
        try:
            body = _read(environ, self._body_limit)
            envelope = open_envelope(lambda name: environ.get("HTTP_" + name.upper().replace("-", "_")), body)
            return self._take(platform, envelope, body)
        except TooLarge:
            return 413
        except BadSignature:
            return 401
        except BadDelivery:
            return 400
        except Overloaded:
            return 503

    def _take(self, platform: str, envelope: Envelope, body: bytes) -> int:
        shop_id = self._shop(platform, envelope.shop_domain)
        if shop_id is None:
            # Signed, but not for anybody here: an error would make the platform drop the subscription of every shop.
            self._receiver.note_stray(platform, envelope)
        else:
            self._receiver.receive(shop_id, envelope, body)
        return 200

    def _shop(self, platform: str, domain: str) -> ShopId | None:
        key, now = (platform, domain), time.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[1] < REMEMBER_SECONDS:
            return known[0]
        with self._database.machine() as connection:
            shop = shops.find(connection, platform, domain)
        if shop is None:
            return None
        with self._lock:
            self._known[key] = (shop.shop_id, now)
        return shop.shop_id


def _read(environ: dict[str, Any], limit: int) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit():
        if int(length) > limit:
            raise TooLarge
        return bytes(environ["wsgi.input"].read(int(length)))
    body = bytes(environ["wsgi.input"].read(limit + 1))
    if len(body) > limit:
        raise TooLarge
    return body
