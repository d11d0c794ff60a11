"""How long a WooCommerce store waits at the door: signed order webhooks of many connections at once, to a server
process as `serve` starts it.

Each delivery has a body of its own, because here the body is what tells two deliveries apart, and so a signature of
its own: all are written before the clock runs. The answer comes after the delivery is on disk. `python -m
bench.woodoor` sends, by a plan on standard input. Nobody settles meanwhile.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from rich.progress import Progress

from bench.figures import BenchFailed, median
from bench.ground import ROOT, Ground, clock
from bench.sender import Sender, percentile
from bench.wooshop import basket, billing
from connectors.http import HttpSession
from connectors.woocommerce import Connection, Key, Mode, StoreAddress, StoreFacts, store_address
from engine.shops import Seal
from engine.work import Database
from plugin.demo import machine
from plugin.woocommerce import WooInstaller
from plugin.woocommerce.installer import PREFIX, Kept
from sandbox.woocommerce import Store

CONNECTIONS = 64
DELIVERIES = 10_000
RUNS = 3
SECONDS = 30.0
GRACE_SECONDS = 60

COPY = "door"
ADDRESS = "https://bench.example"

_KEPT = "SELECT count(*) FROM deliveries"


# --- the sender


def send(plan: dict[str, Any]) -> dict[str, float]:
    requests = list(_requests(plan["url"], plan["secret"].encode(), plan["deliveries"], plan["run"]))
    sender = Sender(plan["url"], iter(requests), plan["connections"])
    seconds = sender.send(len(requests), SECONDS)
    waits = {f"p{share}": percentile(sender.waits, share) * 1000 for share in (50, 95, 99)}
    return {"answered": len(sender.waits), "refused": sender.refused, "seconds": seconds} | waits


def _requests(url: str, secret: bytes, many: int, run: int) -> Iterator[bytes]:
    """So many deliveries, ready to be sent: orders of three lines, in the store's own shape."""
    parts, store = urlsplit(url), Store()
    number = store.order(basket(3), status="completed", billing=billing(1))
    text = json.dumps(store.shown("orders", store.orders[number]))
    first = 4_000_000_000 + run * many
    for order in range(first, first + many):
        body = text.replace(f'"id": {number},', f'"id": {order},').encode()
        signature = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()
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
    with place.copied(COPY) as database_url, _serving(place, database_url) as (url, secret):
        for run in range(many):
            runs.append(_send(url, secret, deliveries, connections, run))
            progress.advance(bar)
        with place.connect(COPY) as connection:
            kept = connection.execute(_KEPT).fetchone()
    answered = round(sum(run["answered"] for run in runs))
    if kept != (answered,):
        raise BenchFailed(f"{answered} deliveries were acknowledged, and {kept} are in the inbox")
    return {name: median([run[name] for run in runs]) or 0.0 for name in runs[0]}


@contextmanager
def _serving(place: Ground, database_url: str) -> Iterator[tuple[str, str]]:
    """A `serve` process with one connected store; yields where its webhooks lead, and what they are signed with."""
    port, log = machine.open_port(), place.home / "door.log"
    settings = {**place.environment(database_url, port), "WOOCOMMERCE": "yes"}
    kept = _connected(database_url, Seal(settings["PERENNIAL_SEAL_KEYS"].split(",")))
    processes = {"door": machine.start([sys.executable, "app.py", "serve"], ROOT, settings, log)}
    try:
        machine.wait_for(f"http://127.0.0.1:{port}/ready", processes["door"], log)
        yield f"http://127.0.0.1:{port}{PREFIX}{kept.path}", kept.secret
    finally:
        machine.stop_all(processes)


def _connected(database_url: str, seal: Seal) -> Kept:
    """What is kept of a store whose key was proven: nobody is asked for that here."""
    database = Database(database_url, clock, connections=1)
    try:
        installer = WooInstaller(database, seal, _no_way, "https://perennial.example", {})
        facts = StoreFacts("Bench", ADDRESS, "EUR", 2, "RO", "Europe/Bucharest", "11.0.1", "7.0.4")
        shop = installer.record(Connection(store_address(ADDRESS), Key("ck_bench", "cs_bench"), Mode.BASIC, facts))
        with database.work(shop.shop_id) as work:
            kept = installer.kept(work)
    finally:
        database.close()
    assert kept is not None
    return kept


def _no_way(_address: StoreAddress) -> HttpSession:
    raise BenchFailed("the door asked the store, which it never does")


def _send(url: str, secret: str, deliveries: int, connections: int, run: int) -> dict[str, float]:
    plan = {"url": url, "secret": secret, "deliveries": deliveries, "connections": connections, "run": run}
    done = subprocess.run(
        [sys.executable, "-m", "bench.woodoor"], input=json.dumps(plan), capture_output=True, text=True,
        cwd=ROOT, timeout=SECONDS + GRACE_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchFailed(f"the sender failed:\n{done.stderr[-2000:]}")
    answer: dict[str, float] = json.loads(done.stdout)
    if answer["refused"]:
        raise BenchFailed(f"the door did not take {answer['refused']} deliveries, so the speed says nothing")
    return answer


if __name__ == "__main__":
    print(json.dumps(send(json.load(sys.stdin))))
