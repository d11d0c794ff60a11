"""The landing page of invitations, for a crowd: a gate in front of Flask that answers from a page rendered moments ago.

An invitation that is shared widely is opened by many at once, and the page is the same for every code, known or not. So
it is rendered once in some seconds, by the pages themselves, for a code that nobody has; each visitor gets it with
theirs in its place. The platform's signature is checked for each; whoever is logged in, and everything else, is passed
on.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.shopify import PROXY_PATH, BadProxyRequest, ProxyVisitor
from engine import log, metrics
from plugin.storefront.remembering import MOST, SECONDS
from plugin.webhooks import Application, Receive, Scope, Send

logger = logging.getLogger("perennial.web")

_PATH = re.compile(re.escape(PROXY_PATH) + r"/r/([0-9A-Za-z][0-9A-Za-z_-]{2,31})", re.ASCII)
# What pages show of a request's own: it is each visitor's, not the page's.
_OWN = (b"content-length", b"date", b"server")


@dataclass(frozen=True, slots=True)
class _Page:
    """A page in the pieces between which the code stands."""

    believed_until: float
    headers: tuple[tuple[bytes, bytes], ...]
    pieces: tuple[bytes, ...]


class LandingDoor:
    """Answers GETs of invitations itself and passes everything else on to `inner`."""

    def __init__(self, inner: Application, proxied: Callable[[str], ProxyVisitor]) -> None:
        self._inner = inner
        self._proxied = proxied
        self._pages: dict[tuple[str, str], _Page] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        asked = self._asked(scope)
        page = await self._page(scope, receive, asked[1]) if asked is not None else None
        if asked is None or page is None:
            await self._inner(scope, receive, send)
            return
        body = asked[0].join(page.pieces)
        headers = [*page.headers, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        seconds = time.monotonic() - began
        metrics.request_seconds.labels(endpoint="storefront.invitation").observe(seconds)
        path, spent = f"{PROXY_PATH}/r/<code>", round(seconds * 1000, 1)
        log.wide(logger, "request", method="GET", path=path, status=200, ms=spent)

    def _asked(self, scope: Scope) -> tuple[bytes, tuple[str, str]] | None:
        """The code and, of a stranger whom the platform vouches for, shop and prefix; None where the pages answer."""
        match = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if match is None:
            return None
        try:
            visitor = self._proxied(scope["query_string"].decode("ascii", "replace"))
        except BadProxyRequest:
            return None
        if visitor.customer_external_id:
            return None
        return match[1].encode(), (visitor.shop_domain, visitor.path_prefix)

    async def _page(self, scope: Scope, receive: Receive, key: tuple[str, str]) -> _Page | None:
        page = self._pages.get(key)
        if page is not None and time.monotonic() < page.believed_until:
            return page
        fresh = await self._render(scope, receive)
        if fresh is not None:
            if len(self._pages) >= MOST:
                self._pages.clear()
            self._pages[key] = fresh
        return fresh

    async def _render(self, scope: Scope, receive: Receive) -> _Page | None:
        """The page as the pages render it for this visitor and a code that nobody has; None where they do not."""
        nobody_s = f"X{secrets.token_hex(15)}"
        path = f"{PROXY_PATH}/r/{nobody_s}"
        heard = list[Any]()

        async def hear(message: Any) -> None:
            heard.append(message)

        await self._inner({**scope, "path": path, "raw_path": path.encode()}, receive, hear)
        start = heard[0]
        if start["type"] != "http.response.start" or start["status"] != 200:
            return None
        pieces = b"".join(each.get("body", b"") for each in heard[1:]).split(nobody_s.encode())
        headers = tuple((name, value) for name, value in start["headers"] if name.lower() not in _OWN)
        return _Page(time.monotonic() + SECONDS, headers, tuple(pieces))
