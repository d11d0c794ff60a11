"""The webhook door: a bare ASGI gate in front of Flask.

Cap, read, check the signature, find the shop, make durable, answer. No JSON is parsed and nothing is decided here, so
the platform has its answer in milliseconds, and it means what it says: the delivery is on disk. Deliveries wait for
their commit on the event loop, not each on a thread of its own (docs/decisions/0015).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol

from commerce.events import BadDelivery, BadSignature, Envelope
from commerce.ids import ShopId
from engine import metrics, shops
from engine.receiver import Overloaded, Receiver
from engine.work import Database

Header = Callable[[str], str | None]
OpenEnvelope = Callable[[Header, bytes], Envelope]
"""A platform's check of a signed POST: raises `BadSignature`, or `BadDelivery` where a needed header is missing."""

OpenOwn = Callable[[Header, bytes], Envelope | None]
"""The same for the POSTs of one store alone; None where the store only tries whether somebody answers."""

# ASGI 3: dictionaries whose keys depend on their "type".
Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

Take = Callable[[Header, bytes], Awaitable[int]]

# A shop that was installed a moment ago is found at the first delivery: only shops that exist are remembered.
REMEMBER_SECONDS = 30.0

# So many stores are remembered; more cost a look-up each time.
MOST_KNOWN = 10_000

_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"0")]
_LATER = [*_HEADERS, (b"retry-after", b"5")]
_NOTHING = {"type": "http.response.body", "body": b""}


class TooLarge(Exception):
    """The body is larger than the door takes."""


class Gone(Exception):
    """The other side hung up before its body was whole."""


class OwnPaths(Protocol):
    """Paths that each belong to one store, which signs with a secret of its own: `prefix`, and an unguessable end."""

    prefix: str

    def find(self, end: str) -> tuple[ShopId, OpenOwn] | None:
        """Whose path it is that ends so, and its check; None for nobody's. Asks the database."""


class WebhookDoor:
    """Answers POSTs to the webhook paths itself and passes everything else on to `inner`.

    `platforms` maps a path to (platform, its signature check), for platforms that sign for all their shops; `own` knows
    the paths of stores that sign for themselves.
    """

    def __init__(
        self,
        inner: Application,
        platforms: Mapping[str, tuple[str, OpenEnvelope]],
        database: Database,
        receiver: Receiver,
        body_limit: int,
        own: OwnPaths | None = None,
    ) -> None:
        self._inner = inner
        self._platforms = platforms
        self._database = database
        self._receiver = receiver
        self._body_limit = body_limit
        self._own = own
        self._known: dict[tuple[str, str], tuple[ShopId, float]] = {}
        self._known_paths: dict[str, tuple[tuple[ShopId, OpenOwn], float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        take = self._taker(scope["path"])
        if take is None:
            await self._inner(scope, _coroutine(receive), send)
            return
        try:
            status = await self._answer(scope, receive, take)
        except Gone:
            return
        if status != 200:
            metrics.deliveries_refused.labels(status=str(status)).inc()
        headers = _LATER if status == 503 else _HEADERS
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(_NOTHING)

    def _taker(self, path: str) -> Take | None:
        """Who takes what is posted to `path`; None where it is a page."""
        if (platform := self._platforms.get(path)) is not None:
            return partial(self._take, *platform)
        if self._own is not None and path.startswith(self._own.prefix):
            return partial(self._take_own, self._own, path.removeprefix(self._own.prefix))
        return None

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start with the server, and write what has gathered before it ends."""
        while (message := (await receive())["type"]) != "lifespan.shutdown":
            await send({"type": f"{message}.complete"})
        await self.close()
        await send({"type": f"{message}.complete"})

    async def close(self) -> None:
        """Write what has gathered."""
        await self._receiver.close()

    async def _answer(self, scope: Scope, receive: Receive, take: Take) -> int:
        if scope["method"] != "POST":
            return 405
        headers: dict[bytes, bytes] = dict(scope["headers"])
        # Packed bodies are refused unread: nobody sends them, and a small one may unfold into all of our memory.
        if headers.get(b"content-encoding", b"identity") != b"identity":
            return 415

        def header(name: str) -> str | None:
            value = headers.get(name.lower().encode("ascii"))
            return None if value is None else value.decode("latin-1")

        try:
            body = await _read(headers.get(b"content-length", b""), receive, self._body_limit)
            return await take(header, body)
        except TooLarge:
            return 413
        except BadSignature:
            return 401
        except BadDelivery:
            return 400
        except Overloaded:
            return 503

    async def _take(self, platform: str, open_envelope: OpenEnvelope, header: Header, body: bytes) -> int:
        envelope = open_envelope(header, body)
        key, now = (platform, envelope.shop_domain), time.monotonic()
        known = self._known.get(key)
        if known is None or now - known[1] >= REMEMBER_SECONDS:
            shop_id = await asyncio.to_thread(self._find, *key)
            if shop_id is None:
                # Signed, but not for anybody here: an error would make the platform drop every shop's subscription.
                await asyncio.to_thread(self._receiver.note_stray, platform, envelope)
                return 200
            known = self._known[key] = (shop_id, now)
        await self._receiver.receive(known[0], envelope, body)
        return 200

    async def _take_own(self, own: OwnPaths, end: str, header: Header, body: bytes) -> int:
        now = time.monotonic()
        known = self._known_paths.get(end)
        if known is None or now - known[1] >= REMEMBER_SECONDS:
            found = await asyncio.to_thread(own.find, end)
            if found is None:
                # Nobody's path is answered as a forged signature is: whoever tries paths learns nothing.
                raise BadSignature
            self._known_paths.pop(end, None)
            if len(self._known_paths) >= MOST_KNOWN:
                del self._known_paths[next(iter(self._known_paths))]
            known = self._known_paths[end] = (found, now)
        shop_id, open_envelope = known[0]
        envelope = open_envelope(header, body)
        if envelope is not None:
            await self._receiver.receive(shop_id, envelope, body)
        return 200

    def _find(self, platform: str, domain: str) -> ShopId | None:
        with self._database.machine() as connection:
            shop = shops.find(connection, platform, domain)
        return shop.shop_id if shop else None


def _coroutine(receive: Receive) -> Receive:
    """The same as a coroutine function: our server's own answers with an awaitable of another kind, which cannot be
    handed to a thread.
    """

    async def received() -> Any:
        return await receive()

    return received


async def _read(announced: bytes, receive: Receive, limit: int) -> bytes:
    # So many digits are over any limit, and Python refuses to read thousands of them.
    if announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
        raise TooLarge
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise TooLarge
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)
