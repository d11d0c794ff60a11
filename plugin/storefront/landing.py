"""The landing page of invitations and its form, for a crowd: a gate in front of Flask.

An invitation that is shared widely is opened by many at once, and the page is the same for every code, known or not. So
it is rendered once in some seconds, by the pages themselves, for a code that nobody has; each visitor gets it with
theirs in its place. The platform's signature is checked for each; whoever is logged in, and everything else, is passed
on. Forms that come while others are taken wait, and are taken together.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any
from urllib.parse import parse_qs

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

import referral
from connectors.shopify import PROXY_PATH, BadProxyRequest, ProxyVisitor
from engine import log, metrics
from plugin import languages
from plugin.storefront.claims import LARGEST_FORM, Answer, Claims, Form
from plugin.storefront.pages import site_of
from plugin.storefront.remembering import MOST, SECONDS
from plugin.storefront.together import Together
from plugin.webhooks import Application, Receive, Scope, Send

logger = logging.getLogger("perennial.web")

_PATH = re.compile(re.escape(PROXY_PATH) + r"/r/([0-9A-Za-z][0-9A-Za-z_-]{2,31})", re.ASCII)
# Stands in the rendered page for the site from which a visitor came.
_FROM = "https://nobody.invalid/"
# So many shops' claims are taken at the same time; and of a shop so many together, as one statement may well carry.
AT_ONCE = 8
MOST_TAKEN = 100
# Between two writes of counts: a crowd costs a few of them a second, and a process that is killed loses as little.
COUNT_SECONDS = 0.25
# So many codes of a shop are told apart while they wait to be counted.
MOST_COUNTED = 1_000
# What pages show of a request's own: it is each visitor's, not the page's.
_OWN = (b"content-length", b"date", b"server")


@dataclass(frozen=True, slots=True)
class _Page:
    """A page in the pieces between which the code stands."""

    believed_until: float
    headers: tuple[tuple[bytes, bytes], ...]
    pieces: tuple[bytes, ...]


class LandingDoor:
    """Answers strangers who open an invitation or send its form, and passes everything else on to `inner`.

    `claims` takes the forms: many of them together make one unit of work.
    """

    def __init__(
        self, inner: Application, proxied: Callable[[str], ProxyVisitor], claims: Claims | None = None
    ) -> None:
        self._inner = inner
        self._proxied = proxied
        self._claims = claims
        self._threads = ThreadPoolExecutor(AT_ONCE, "claims")
        self._pages: dict[tuple[str, str, str, str], _Page] = {}
        self._opened: dict[str, tuple[ProxyVisitor, Counter[tuple[str, str]]]] = {}
        self._counting = False
        self._together = Together(claims.answer_all, self._threads, MOST_TAKEN) if claims is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        asked = self._asked(scope)
        answer = None
        if asked is not None:
            code, visitor = asked
            if scope["method"] == "GET":
                answer = await self._landing(scope, receive, code, visitor)
            elif _small_form(scope):
                form = await _read(receive)
                answer = await self._claim(scope, form, code, visitor)
                receive = _again(form)
        if answer is None:
            await self._inner(scope, receive, send)
            return
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        seconds = time.monotonic() - began
        metrics.request_seconds.labels(endpoint="storefront.invitation").observe(seconds)
        path, spent = f"{PROXY_PATH}/r/<code>", round(seconds * 1000, 1)
        log.wide(logger, "request", method=scope["method"], path=path, status=answer.status, ms=spent)

    def _asked(self, scope: Scope) -> tuple[str, ProxyVisitor] | None:
        """The code, and the stranger whom the platform vouches for; None where the pages answer."""
        ours = scope["type"] == "http" and scope["method"] in ("GET", "POST")
        match = _PATH.fullmatch(scope["path"]) if ours else None
        if match is None:
            return None
        try:
            visitor = self._proxied(scope["query_string"].decode("ascii", "replace"))
        except BadProxyRequest:
            return None
        return None if visitor.customer_external_id else (match[1], visitor)

    async def _claim(self, scope: Scope, form: bytes, code: str, visitor: ProxyVisitor) -> Answer | None:
        """The answer to a form: all that came while the last ones were taken are taken together."""
        if self._together is None:
            return None
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        whence = scope["client"][0] if scope.get("client") else None
        fields = parse_qs(form.decode("utf-8", "replace"))
        said = languages.said_in(scope["query_string"].decode("ascii", "replace"))
        language = _language(said, given.get("accept-language", ""))
        sent = Form(visitor, code, fields, lambda name: given.get(name.lower()), whence, said, language)
        return await self._together.ask(visitor.shop_domain, sent)

    async def _landing(self, scope: Scope, receive: Receive, code: str, visitor: ProxyVisitor) -> Answer | None:
        given = dict(scope["headers"])

        def header(name: str) -> str:
            return bytes(given.get(name.lower().encode(), b"")).decode("latin-1")

        query = scope["query_string"].decode("ascii", "replace")
        channel = referral.channel_of(parse_qs(query).get("via", [""])[0])
        language = _language(languages.said_in(query), header("accept-language"))
        key = (visitor.shop_domain, visitor.path_prefix, channel, language)
        page = self._pages.get(key)
        if page is None or time.monotonic() >= page.believed_until:
            page = await self._render(scope, receive)
            if page is None:
                return None
            if len(self._pages) >= MOST:
                self._pages.clear()
            self._pages[key] = page
        if referral.by_a_person(header):
            self._count(visitor, channel, code)
        came_from = escape(site_of(header("referer")))
        body = code.encode().join(page.pieces).replace(_FROM.encode(), came_from.encode())
        return Answer(200, page.headers, body)

    def _count(self, visitor: ProxyVisitor, channel: str, code: str) -> None:
        """Note a click; a thread writes all that have come, a few times a second."""
        if self._claims is None:
            return
        _, waiting = self._opened.setdefault(visitor.shop_domain, (visitor, Counter()))
        # Codes that somebody makes up by the thousand are counted together, for nobody.
        waiting[channel, code if len(waiting) < MOST_COUNTED else ""] += 1
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().create_task(self._write_counts(self._claims)).add_done_callback(_tell)

    async def _write_counts(self, claims: Claims) -> None:
        try:
            while self._opened:
                _, (visitor, opened) = self._opened.popitem()
                write = partial(claims.opened, visitor, opened)
                await asyncio.get_running_loop().run_in_executor(self._threads, write)
                await asyncio.sleep(COUNT_SECONDS)
        finally:
            self._counting = False

    async def _render(self, scope: Scope, receive: Receive) -> _Page | None:
        """The page as the pages render it for this visitor and a code that nobody has; None where they do not."""
        nobody_s = f"X{secrets.token_hex(15)}"
        path = f"{PROXY_PATH}/r/{nobody_s}"
        heard = list[Any]()

        async def hear(message: Any) -> None:
            heard.append(message)

        asked = [each for each in scope["headers"] if each[0] not in (b"referer", b"sec-purpose", b"cookie")]
        # Fetched ahead of whoever will open it: the pages count nobody by it.
        asked += [(b"referer", _FROM.encode()), (b"sec-purpose", b"prefetch")]
        await self._inner({**scope, "path": path, "raw_path": path.encode(), "headers": asked}, receive, hear)
        start = heard[0]
        if start["type"] != "http.response.start" or start["status"] != 200:
            return None
        pieces = b"".join(each.get("body", b"") for each in heard[1:]).split(nobody_s.encode())
        headers = tuple((name, value) for name, value in start["headers"] if name.lower() not in _OWN)
        return _Page(time.monotonic() + SECONDS, headers, tuple(pieces))


def _language(said: Mapping[str, str], accepted: str) -> str:
    """The code of the language in which the pages answer this; what their address or the shop says stands above it, and
    is the same for all who come by one path.
    """
    return languages.first_of((*said.values(), *parse_accept_header(accepted, LanguageAccept).values())).code


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (trouble := task.exception()) is not None:
        logger.warning("clicks on invitations were not counted", exc_info=trouble)


def _small_form(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return (
        kind == b"application/x-www-form-urlencoded"
        and b"content-encoding" not in headers
        and length.isdigit()
        and len(length) < 6
        and int(length) <= LARGEST_FORM
    )


async def _read(receive: Receive) -> bytes:
    """The body, of a length that the server holds the sender to; what there is of it, if the other side hung up."""
    parts, more = list[bytes](), True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes) -> Receive:
    """What was read, to be read once more by somebody else."""

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
