"""A merchant's own system on your laptop: it is told of rewards to hand over, believes only what is signed, and does
each once. It may be told to be down, to be busy, or to be out of stock.

`Fulfilment` is a WSGI application.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

# Older than this, a copy is refused, however well it is signed.
OLDEST_SECONDS = 300


@dataclass
class Fulfilment:
    """`secret` is the one that the merchant copied over; `clock` tells seconds. `instead` answers what comes next, one
    each, whatever it is.
    """

    secret: str
    clock: Callable[[], float]
    instead: deque[Callable[[], Response]] = field(default_factory=deque)
    heard: list[dict[str, Any]] = field(default_factory=list)
    """Everything that was told and believed, as often as it was told."""
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was handed over, by its id."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        with self._lock:
            answer = self._answer(Request(environ))
        return answer(environ, start)

    def _answer(self, asked: Request) -> Response:
        body = asked.get_data()
        if asked.method != "POST" or not self._believes(asked.headers.get("Perennial-Signature", ""), body):
            return Response(status=401)
        told = json.loads(body)
        self.heard.append(told)
        if self.instead:
            return self.instead.popleft()()
        if asked.headers.get("Perennial-Id") != told["id"]:
            return Response(status=400)
        self.done.setdefault(told["id"], told)
        return Response(status=204)

    def _believes(self, signature: str, body: bytes) -> bool:
        parts = dict(part.partition("=")[::2] for part in signature.split(","))
        at = parts.get("t", "")
        if not at.isdigit() or abs(self.clock() - int(at)) > OLDEST_SECONDS:
            return False
        expected = hmac.new(self.secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(parts.get("v1", ""), expected)
