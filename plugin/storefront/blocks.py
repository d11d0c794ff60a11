"""The block, for a crowd: a gate in front of Flask, because every page of a shop may ask for it.

The platform's signature is checked for each. Those who ask while others are answered wait, and are read together
(`together`, `glance.Glances`); nobody waits longer than the page they look at does. Whatever is unusual is passed on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

from sqlalchemy.exc import SQLAlchemyError

from connectors.shopify import PROXY_PATH, BadProxyRequest, ProxyVisitor
from engine import log, metrics
from plugin import languages
from plugin.storefront.claims import Answer
from plugin.storefront.glance import PATIENCE_MS, Asked, Glances
from plugin.storefront.together import Together
from plugin.webhooks import Application, Receive, Scope, Send

logger = logging.getLogger("perennial.web")

PATH = f"{PROXY_PATH}/block"
_PATHS = (PATH, f"{PATH}/")
# So many shops are answered at the same time; and of a shop so many together, as one statement may well carry.
AT_ONCE = 4
MOST_TOGETHER = 100
# What a browser sends there is a line; more is somebody's joke.
LONGEST_HEADER = 200

# Nothing to show: the page stays as it is without us, and nobody keeps that.
_NOT_NOW = Answer(503, ((b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store")), b"")


class BlockDoor:
    """Answers whoever the platform vouches for with the block, and passes everything else on to `inner`.

    `patience`: seconds until whoever asks is told that there is nothing to show.
    """

    def __init__(
        self,
        inner: Application,
        proxied: Callable[[str], ProxyVisitor],
        glances: Glances,
        patience: float = PATIENCE_MS / 1000,
    ) -> None:
        self._inner = inner
        self._proxied = proxied
        self._patience = patience
        self._seconds = metrics.request_seconds.labels(endpoint="glance.block")
        self._lines = list[Mapping[str, object]]()
        self._together = Together(glances.answer_all, ThreadPoolExecutor(AT_ONCE, "blocks"), MOST_TOGETHER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        asked = self._asked(scope)
        answer = await self._answer(asked) if asked is not None else None
        if answer is None:
            await self._inner(scope, receive, send)
            return
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        seconds = time.monotonic() - began
        self._seconds.observe(seconds)
        self._note({"method": "GET", "path": PATH, "status": answer.status, "ms": round(seconds * 1000, 1)})

    def _note(self, line: Mapping[str, object]) -> None:
        """A line for each request: all that end in the same turn of the loop are written at once."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(line)

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        log.wide_many(logger, "request", lines)

    def _asked(self, scope: Scope) -> Asked | None:
        """Who looks, if the platform vouches for them; None where the pages answer."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in _PATHS:
            return None
        query = scope["query_string"].decode("ascii", "replace")
        try:
            visitor = self._proxied(query)
        except BadProxyRequest:
            return None
        accepted = dict(scope["headers"]).get(b"accept-language", b"")[:LONGEST_HEADER].decode("latin-1")
        return Asked(visitor, urlencode(languages.said_in(query)), accepted)

    async def _answer(self, asked: Asked) -> Answer | None:
        """The block; None where the app is not installed, and an empty answer where the database is slow or away."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._together.ask(asked.visitor.shop_domain, asked)
        except (TimeoutError, SQLAlchemyError) as trouble:
            logger.warning("a block was not read in time (%s)", type(trouble).__name__)
            return _NOT_NOW
