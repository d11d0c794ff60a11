"""A WooCommerce store's history, read in by pages as after a connection: how fast, and with how much memory.

Orders and accounts are made up from their numbers when they are asked for, in the shape of the sandbox's; so the store
costs little, and the same number is the same order in every run. `python -m bench.woohistory store ORDERS` serves it,
`... read DATABASE ADDRESS` reads it in, each in a process of its own: the memory is the reader's.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

from rich.progress import Progress
from werkzeug.serving import WSGIRequestHandler, make_server

from bench.figures import BenchFailed
from bench.ground import REACTIONS, ROOT, Ground, clock, open_shop
from bench.wooshop import LINES, ORDERS_A_CUSTOMER, basket, billing
from connectors.http import HttpSession
from connectors.woocommerce import Key, WooStore, store_address
from engine import backfills
from engine.backfill import Backfiller
from engine.work import Database, refuse_in_transaction
from plugin.demo.machine import Memory
from sandbox.woocommerce import Store

ORDERS = 100_000
PATIENCE_SECONDS = 900
COPY = "history"

BEGAN = datetime(2023, 1, 1, tzinfo=UTC)
APART = timedelta(minutes=10)
FIRST_ORDER, FIRST_ACCOUNT = 5_000_000, 70_000
DOMAIN = "history.example"

_OUTCOME = """
    SELECT plan, orders_settled, customers_read, left_out, (SELECT count(*) FROM orders),
           extract(epoch FROM finished_at - started_at)::float8
    FROM backfills
"""


class History:
    """Answers the questions of a backfill. It asks nobody who they are."""

    def __init__(self, orders: int) -> None:
        self._orders, self._accounts = orders, max(1, orders // ORDERS_A_CUSTOMER)
        store = Store(clock=lambda: BEGAN)
        numbers = [store.order(basket(n), status="completed", billing=billing(n)) for n in range(len(LINES))]
        self._bodies = [store.shown("orders", store.orders[number]) for number in numbers]
        account = store.register("shopper@example.com")
        self._account = store.shown("customers", store.customers[account])

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        asks_orders = environ["PATH_INFO"].endswith("/orders")
        per_page = int(query["per_page"])
        first, total = self._found(query) if asks_orders else (0, self._accounts)
        begin = first + int(query.get("offset", (int(query.get("page", "1")) - 1) * per_page))
        make = self._order if asks_orders else self._customer
        rows = [make(number) for number in range(begin, min(begin + per_page, first + total))]
        body = json.dumps(rows).encode()
        start("200 OK", [
            ("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("X-WP-Total", str(total)),
            ("X-WP-TotalPages", str(-(-total // per_page))),
        ])  # fmt: skip
        return [body]

    def _found(self, query: dict[str, str]) -> tuple[int, int]:
        """The first order that changed after the instant of the question, and how many did."""
        if query["status"] == "trash":
            return 0, 0
        after = datetime.fromisoformat(query.get("modified_after", "2000-01-01T00:00:00Z").replace("Z", "+00:00"))
        first = min(max(0, (after - BEGAN) // APART + 1), self._orders)
        return first, self._orders - first

    def _order(self, number: int) -> dict[str, Any]:
        at = (BEGAN + number * APART).replace(tzinfo=None).isoformat()
        who = FIRST_ACCOUNT + number * 7_919 % self._accounts
        named = {"id": FIRST_ORDER + number, "number": str(FIRST_ORDER + number), "customer_id": who}
        instants = {f"date_{what}_gmt": at for what in ("created", "modified", "paid", "completed")}
        return self._bodies[number % len(self._bodies)] | named | instants

    def _customer(self, number: int) -> dict[str, Any]:
        return self._account | {"id": FIRST_ACCOUNT + number, "email": f"shopper{number}@example.com"}


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        return


@dataclass(frozen=True, slots=True)
class Read:
    """One history, read in."""

    orders: int
    seconds: float
    peak_mb: float


def measure(place: Ground, orders: int, progress: Progress) -> Read:
    bar = progress.add_task(f"reading {orders:,} orders in by pages", total=None)
    with place.copied(COPY) as url, _store(orders) as address:
        database = Database(url, clock, connections=1)
        with database.work(open_shop(database, "woocommerce", DOMAIN).shop_id) as work:
            backfills.ask(work)
        database.close()
        command = [sys.executable, "-m", "bench.woohistory", "read", url, address]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process, Memory([process.pid]) as memory:
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
        if process.returncode:
            raise BenchFailed(said.decode(errors="replace")[-2000:])
        with place.connect(COPY) as connection:
            row = connection.execute(_OUTCOME).fetchone()
    assert row is not None
    if row[:5] != ("pages", orders, max(1, orders // ORDERS_A_CUSTOMER), 0, orders):
        raise BenchFailed(f"not everything was settled, so the speed says nothing: {row}")
    assert isinstance(row[5], float)
    progress.update(bar, total=1, completed=1)
    return Read(orders, row[5], memory.peak_mb)


@contextmanager
def _store(orders: int) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.woohistory", "store", str(orders)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)


def serve(orders: int) -> None:
    server = make_server("127.0.0.1", 0, History(orders), threaded=True, request_handler=_Quiet)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def read(url: str, address: str) -> None:
    """As a worker does it, round after round."""
    http = HttpSession(plain=True, before_request=refuse_in_transaction)
    store = WooStore(store_address(address), Key(f"ck_{'0' * 40}", f"cs_{'0' * 40}"), http, now=clock)
    database = Database(url, clock)
    reader = Backfiller(database, lambda _: store, REACTIONS)
    while reader.round():
        pass
    database.close()


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read(*sys.argv[2:])
    else:
        serve(int(sys.argv[2]))
