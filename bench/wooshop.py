"""A WooCommerce store in a process of its own, so that what it costs is not counted as ours: the sandbox, with as many
orders as wanted, and as slow as wanted. `python -m bench.wooshop ORDERS MILLISECONDS` prints its address and a key.

PHP needs about 25 milliseconds for each whole order of a list (2.5 seconds for a page of 99, on the store that the
reference was observed on); the sandbox needs a fraction of one. So it waits, so many milliseconds for each order that
it lists whole. It keeps account of the time that each question took it, waiting included.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.woocommerce import ApiKey, Line, Store, create_app

ACCOUNT = "/bench/account"
ORDERS_A_CUSTOMER = 5
GUEST_EACH, REFUNDED_EACH, TRASHED_EACH = 4, 20, 100
LINES = (1, 2, 3, 3, 4, 5)
TITLES = ("Teapot, blue", "Green tea, 100 g", "Mug", "Linen towel", "Candle: cedar and smoke")
# Orders change two seconds apart: a page is over three minutes of a busy shop.
APART = timedelta(seconds=2)
# Written in every whole order, and in no stamp.
_WHOLE = b'"order_key"'


def stocked(orders: int) -> Store:
    """A store with so many paid orders, the last of them changed a few minutes ago."""
    now = [datetime.now(UTC) - timedelta(minutes=5) - orders * APART]
    store = Store(clock=lambda: now[0], zone="UTC", offset=timedelta(0), keys=[ApiKey()])
    people = [store.register(f"shopper{number}@example.com") for number in range(max(1, orders // ORDERS_A_CUSTOMER))]
    for number in range(orders):
        who = 0 if number % GUEST_EACH == 0 else people[number * 7_919 % len(people)]
        placed = store.order(basket(number), customer=who, status="completed", billing=billing(number))
        if number % REFUNDED_EACH == 0:
            store.refund(placed, "5.00", "one was broken")
        if number % TRASHED_EACH == 0:
            store.trash(placed)
        now[0] += APART
    store.clock = lambda: datetime.now(UTC)
    return store


def basket(number: int) -> list[Line]:
    prices = [500 + (number * 7 + line * 131) % 9_000 for line in range(LINES[number % len(LINES)])]
    return [
        Line(TITLES[(number + line) % 5], f"{price / 100:.2f}", 1 + line % 2, 10 + line)
        for line, price in enumerate(prices)
    ]


def billing(number: int) -> dict[str, Any]:
    return {"first_name": "Ada", "last_name": "Løvelace", "email": f"ada.{number // 3}@example.com", "country": "DE"}


class Slowed:
    """The store, `ms` slower for each whole order that it lists. At `ACCOUNT` it tells what it spent."""

    def __init__(self, store: Store, ms: float) -> None:
        self._app, self._ms = create_app(store), ms
        self._seconds, self._questions = 0.0, 0

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == ACCOUNT:
            told = json.dumps({"seconds": self._seconds, "questions": self._questions}).encode()
            start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(told)))])
            return [told]
        began = time.perf_counter()
        body = b"".join(self._app(environ, start))
        threading.Event().wait(body.count(_WHOLE) * self._ms / 1000)
        self._seconds += time.perf_counter() - began
        self._questions += 1
        return [body]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        return


def main(orders: int, ms: float) -> None:
    store = stocked(orders)
    server = make_server("127.0.0.1", 0, Slowed(store, ms), threaded=True, request_handler=_Quiet)
    key = store.keys[0]
    print(f"http://127.0.0.1:{server.server_port}", key.consumer_key, key.consumer_secret, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
