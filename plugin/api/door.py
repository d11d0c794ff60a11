"""Who may ask: a program with a key of the shop's, in the header and nowhere else. No cookie is read or set, and no
other site's page is let in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from math import ceil
from typing import Any, ParamSpec

from flask import Response, current_app, g, request

from engine import api_keys
from engine.api_keys import Scope
from engine.work import Database
from plugin.session import _no, _owned

P = ParamSpec("P")

# A hundred events with everything that they may say; nothing else is longer.
LONGEST_BODY = 128 * 1024


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime


class Pace:
    """How fast a key, or a shopper, may ask: `burst` requests at once, `a_second` in the long run.

    Counted in each process by itself, so that no request waits for a row: an installation of n processes lets a key ask
    up to n times as fast. It keeps one program from starving the others; it is no price list.
    """

    def __init__(self, burst: int = 60, a_second: float = 10.0, most: int = 10_000) -> None:
        self.burst, self._a_second, self._most = burst, a_second, most
        self._lock = threading.Lock()
        self._buckets: dict[Hashable, _Bucket] = {}

    def wait(self, key: Hashable, now: datetime) -> float:
        """Take one request of a key's; the seconds until there is one again, 0 where it was given."""
        with self._lock:
            bucket = self._buckets.pop(key, None) or _Bucket(self.burst, now)
            passed = max(0.0, (now - bucket.at).total_seconds())
            bucket.left, bucket.at = min(self.burst, bucket.left + passed * self._a_second), now
            # The key that asked last stands last: whoever has been silent longest is forgotten first.
            self._buckets[key] = bucket
            while len(self._buckets) > self._most:
                del self._buckets[next(iter(self._buckets))]
            if bucket.left < 1:
                return (1 - bucket.left) / self._a_second
            bucket.left -= 1
            return 0.0


def api_only(scope: Scope) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Admit whoever has a key of this scope. The view finds the shop's number in `g.shop_id`."""

    def guard(view: Callable[P, Any]) -> Callable[P, Any]:
        @wraps(view)
        def admitted(*args: P.args, **kwargs: P.kwargs) -> Any:
            if (request.content_length or 0) > LONGEST_BODY:
                return _no(413, "too-long", f"The question is longer than {LONGEST_BODY} bytes. Send fewer events.")
            return _refusal(scope) or view(*args, **kwargs)

        return _owned(admitted, "api")

    return guard


def _refusal(scope: Scope) -> Response | None:
    """Why the key that was shown opens nothing here; None where it does, and `g.shop_id` is whose it is."""
    database: Database = current_app.extensions["doors"].database
    kind, _, shown = request.headers.get("Authorization", "").partition(" ")
    shop_id, key = api_keys.shop_of(shown) if kind.lower() == "bearer" else None, None
    if shop_id is not None:
        with database.work(shop_id) as work:
            key = api_keys.find(work, shown)
    if shop_id is None or key is None:
        response = _no(401, "key-unknown", "Send a key of this shop, as: Authorization: Bearer pk_... Its merchant "
                                           "makes one in Perennial, under Settings, API.")  # fmt: skip
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    g.shop_id = shop_id
    seconds = current_app.extensions["pace"].wait((shop_id, key.key_id), database.clock())
    if seconds:
        response = _no(429, "too-fast", "This key asks too often. Wait as many seconds as Retry-After says.")
        response.headers["Retry-After"] = str(ceil(seconds))
        return response
    if scope not in key.scopes:
        return _no(403, "key-scope", f"This key is not for that: it needs the scope {scope}.")
    return None
