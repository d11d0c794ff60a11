"""How long a WooCommerce store waits at the door: signed order webhooks of many connections at once, to a server
process as `serve` starts it.

Each delivery has a body of its own, because here the body is what tells two deliveries apart, and so a signature of
its own: all are written before the clock runs. The answer comes after the delivery is on disk. `python -m
bench.woodoor PORT` serves; `... send` sends, by a plan on standard input. Nobody settles meanwhile.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from granian import Granian
from granian.constants import Interfaces
from rich.progress import Progress

from bench.figures import BenchFailed, median
from bench.ground import ROOT, Ground, clock, open_shop
from bench.sender import Sender, percentile
from bench.wooshop import basket, billing
from commerce.events import Envelope
from connectors.woocommerce import open_envelope, store_address
from engine.receiver import Receiver
from engine.work import Database
from plugin.demo import machine
from plugin.webhooks import Header, WebhookDoor
from sandbox.woocommerce import Store

CONNECTIONS = 64
DELIVERIES = 10_000
RUNS = 3
SECONDS = 30.0
GRACE_SECONDS = 60

COPY = "door"
SECRET = b"a secret of the benchmarks only"
ADDRESS = "https://bench.example"
# What a store is given for its webhooks is a path that nobody can guess; how long it is costs nothing here.
PATH = "/webhooks/woocommerce"
BODY_LIMIT = 1_048_576

_KEPT = "SELECT count(*) FROM deliveries"


# --- the server


def application() -> WebhookDoor:
    """The door alone, with the one shop of the benchmark behind its path."""
    database = Database(os.environ["DATABASE_URL"], clock, connections=1)
    address = store_address(ADDRESS)

    def opened(header: Header, body: bytes) -> Envelope:
        return open_envelope(header, body, [SECRET], address)

    return WebhookDoor(_nothing_else, {PATH: ("woocommerce", opened)}, database, Receiver(database), BODY_LIMIT)


async def _nothing_else(scope: Any, _receive: Any, send: Any) -> None:
    status = 200 if scope["path"] == "/ready" else 404
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def serve(port: int) -> None:
    Granian(
        "bench.woodoor:application", factory=True, address="127.0.0.1", port=port, interface=Interfaces.ASGI, workers=1,
        backpressure=1024, log_access=False, log_level="warning",  # type: ignore[arg-type]
    ).serve()  # fmt: skip


# --- the sender


def send(plan: dict[str, Any]) -> dict[str, float]:
    requests = list(_requests(plan["url"], plan["deliveries"], plan["run"]))
    sender = Sender(plan["url"], iter(requests), plan["connections"])
    seconds = sender.send(len(requests), SECONDS)
    waits = {f"p{share}": percentile(sender.waits, share) * 1000 for share in (50, 95, 99)}
    return {"answered": len(sender.waits), "refused": sender.refused, "seconds": seconds} | waits


def _requests(url: str, many: int, run: int) -> Iterator[bytes]:
    """So many deliveries, ready to be sent: orders of three lines, in the store's own shape."""
    parts, store = urlsplit(url), Store()
    number = store.order(basket(3), status="completed", billing=billing(1))
    text = json.dumps(store.shown("orders", store.orders[number]))
    first = 4_000_000_000 + run * many
    for order in range(first, first + many):
        body = text.replace(f'"id": {number},', f'"id": {order},').encode()
        signature = base64.b64encode(hmac.new(SECRET, body, hashlib.sha256).digest()).decode()
        lines = [
            f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}",
            "Content-Type: application/json", f"X-WC-Webhook-Source: {ADDRESS}/", "X-WC-Webhook-Topic: order.updated",
            f"X-WC-Webhook-Delivery-ID: {order:032x}", f"X-WC-Webhook-Signature: {signature}",
        ]  # fmt: skip
        yield ("\r\n".join(lines) + "\r\n\r\n").encode() + body


# --- the measurement


def measure(place: Ground, deliveries: int, connections: int, many: int, progress: Progress) -> dict[str, float]:
    """Medians of the runs: milliseconds until the answer, and how many were answered in how many seconds."""
    bar = progress.add_task("door: sending", total=many)
    runs = []
    with place.copied(COPY) as database_url, _serving(place, database_url) as url:
        database = Database(database_url, clock, connections=1)
        open_shop(database, "woocommerce", store_address(ADDRESS).domain)
        database.close()
        for run in range(many):
            runs.append(_send(url, deliveries, connections, run))
            progress.advance(bar)
        with place.connect(COPY) as connection:
            kept = connection.execute(_KEPT).fetchone()
    answered = round(sum(run["answered"] for run in runs))
    if kept != (answered,):
        raise BenchFailed(f"{answered} deliveries were acknowledged, and {kept} are in the inbox")
    return {name: median([run[name] for run in runs]) or 0.0 for name in runs[0]}


@contextmanager
def _serving(place: Ground, database_url: str) -> Iterator[str]:
    port, log = machine.free_port(18080), place.home / "door.log"
    command = [sys.executable, "-m", "bench.woodoor", str(port)]
    processes = {"door": machine.start(command, ROOT, place.environment(database_url, port), log)}
    try:
        machine.wait_for(f"http://127.0.0.1:{port}/ready", processes["door"], log)
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        machine.stop_all(processes)


def _send(url: str, deliveries: int, connections: int, run: int) -> dict[str, float]:
    plan = {"url": url, "deliveries": deliveries, "connections": connections, "run": run}
    done = subprocess.run(
        [sys.executable, "-m", "bench.woodoor", "send"], input=json.dumps(plan), capture_output=True, text=True,
        cwd=ROOT, timeout=SECONDS + GRACE_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchFailed(f"the sender failed:\n{done.stderr[-2000:]}")
    answer: dict[str, float] = json.loads(done.stdout)
    if answer["refused"]:
        raise BenchFailed(f"the door did not take {answer['refused']} deliveries, so the speed says nothing")
    return answer


if __name__ == "__main__":
    if sys.argv[1] == "send":
        print(json.dumps(send(json.load(sys.stdin))))
    else:
        serve(int(sys.argv[1]))
