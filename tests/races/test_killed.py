"""Killed processes: whatever was acknowledged is in the inbox, and in the end is settled exactly once.

`serve` and `worker` run as an operator would start them, on a database of their own, beside a sandbox that answers
what the worker writes. A poster keeps every delivery that was not acknowledged and sends it again, as the platform
does. Then web and worker are killed with SIGKILL, in the middle of things, again and again.
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from connectors.shopify import FLOW_PATH, SCOPES, TOPICS, WEBHOOK_PATH, Token
from engine import shops
from engine.shops import Seal
from engine.work import Database
from plugin.demo import machine
from sandbox import App, Courier, World
from sandbox.signing import webhook_signature
from sandbox.webhooks import Delivery
from tests.ground import Clock, Desk, Superuser, for_sqlalchemy, fresh_database, open_shop, superuser
from tests.people import Shopkeeper
from tests.serving import served

ROOT = Path(__file__).parents[2]
SECRET = "secret-of-the-killed-0000000000000000"
DOMAIN = "demo-store.myshopify.com"
# Ends a test that hangs, and measures nothing.
PATIENCE_SECONDS = 240.0


def eventually(question: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Ask until the answer is yes; the deadline is for a mistake, not for the pace."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not question():
        assert time.monotonic() < deadline, f"in vain: {what}"
        pause.wait(0.05)


_UNDER_WAY = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend' AND state <> 'idle'
"""


def silence(above: Superuser) -> None:
    """Until what the killed had asked for has ended too: the server carries a statement to its end for nobody."""
    eventually(lambda: above.one(_UNDER_WAY) == 0, "nobody's statement goes on")


@dataclass
class Processes:
    """The house's processes by name."""

    environment: Mapping[str, str]
    logs: Path
    port: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as sink:
            self.running[name] = subprocess.Popen(
                [sys.executable, "app.py", command], cwd=ROOT, env=dict(self.environment), stdout=sink, stderr=sink,
                start_new_session=True,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        """SIGKILL to the process and to the children that it started: nobody gets to say goodbye."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def web_answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


@dataclass
class Poster:
    """Sends deliveries from several threads and keeps what was not acknowledged, to send it again."""

    port: int
    waiting: list[Delivery]
    acknowledged: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        connection, pause = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60), threading.Event()
        while (delivery := self._next()) is not None:
            try:
                connection.request("POST", WEBHOOK_PATH, delivery.body, delivery.headers)
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException):
                connection.close()  # the next request opens it again
                status = 0
                pause.wait(0.05)
            self._settle(delivery, status)
        connection.close()

    def has_brought(self, count: int) -> bool:
        return len(self.acknowledged) > count

    def _next(self) -> Delivery | None:
        with self.lock:
            return self.waiting.pop(0) if self.waiting else None

    def _settle(self, delivery: Delivery, status: int) -> None:
        with self.lock:
            if status == 200:
                self.acknowledged.append(delivery.webhook_id)
            else:
                self.waiting.append(delivery)


def history(seed: int, deeds: int) -> tuple[World, Shopkeeper, list[Delivery]]:
    """A store's history, with everything that it would deliver about it: signed, shuffled and partly doubled."""
    clock = Clock()
    courier = Courier(send=lambda *_: 200, clock=clock.timestamp)
    world = World(App("client", SECRET, scopes=SCOPES, topics=TOPICS), clock=clock.timestamp, courier=courier)
    world.install()
    keeper = Shopkeeper(world, lambda seconds: clock.forward(seconds=seconds), seed)
    keeper.meet(20)
    keeper.work_for(deeds)
    deliveries = courier.waiting
    random.Random(seed).shuffle(deliveries)
    return world, keeper, [*deliveries, *deliveries[::7]]


@dataclass
class Ground:
    """A committed database of its own, a shop in it, and the environment of processes that serve it."""

    database: Database
    above: Superuser
    desk: Desk
    environment: dict[str, str]
    port: int


@contextmanager
def ground(server_url: str, name: str, folder: Path, platform_url: str) -> Iterator[Ground]:
    with fresh_database(server_url, f"perennial_{name}_{os.getpid()}") as url, superuser(url) as connection:
        database = Database(for_sqlalchemy(url), Clock())
        shop, key, port = open_shop(database, DOMAIN), Fernet.generate_key().decode(), machine.open_port()
        with database.work(shop.shop_id) as work:
            shops.save_credentials(work, Seal([key]), Token("token", None, None, None, SCOPES).to_json())
        metrics = folder / "metrics"
        metrics.mkdir()
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("PERENNIAL_", "SHOPIFY_", "PYTEST_"))}
        environment = kept | {
            "DATABASE_URL": url,
            "PERENNIAL_DATA_DIR": str(folder),
            "PERENNIAL_URL": f"http://127.0.0.1:{port}",
            "PERENNIAL_PORT": str(port),
            "PERENNIAL_SEAL_KEYS": key,
            "SHOPIFY_CLIENT_ID": "client",
            "SHOPIFY_CLIENT_SECRET": SECRET,
            "SHOPIFY_PLATFORM_URL": platform_url,
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        }
        yield Ground(database, Superuser(connection), Desk(database, shop), environment, port)
        database.close()


@contextmanager
def processes(found: Ground, logs: Path) -> Iterator[Processes]:
    started = Processes(found.environment, logs, found.port)
    try:
        yield started
    finally:
        for name in list(started.running):
            started.kill(name)


def points(above: Superuser) -> list[tuple[Any, ...]]:
    """Points by customer and order, of the orders that have any."""
    return above.run(
        "SELECT c.external_id, o.external_id, sum(e.points) FROM entries e "
        "JOIN customers c USING (shop_id, customer_id) JOIN orders o USING (shop_id, order_id) "
        "WHERE e.kind IN ('earn', 'clawback') GROUP BY 1, 2 HAVING sum(e.points) <> 0 ORDER BY 2"
    )


def expected_points(keeper: Shopkeeper) -> list[tuple[Any, ...]]:
    """What the store's own books say that each order should have earned, by a reckoning of the test's own."""
    rows = []
    shop = keeper.world.shop()
    for sold in keeper.orders:
        table = shop.lines
        goods = [line for line in sold.lines if not shop.catalog[table.product[line]].gift_card]
        worth = sum(table.price[line] * table.quantity[line] - table.discount[line] for line in goods)
        back = 0
        for refund in sold.refunds:
            lines = [part for part in refund.lines if part.line in goods]
            back += sum(part.subtotal for part in lines) if refund.lines else refund.amount
        kept = max(0, worth - back)
        if sold.customer and sold.paid and sold.cancelled_at is None and kept >= 100:
            rows.append((str(sold.customer.id), str(sold.id), kept // 100))
    return sorted(rows, key=lambda row: row[1])


def settled(above: Superuser) -> bool:
    return not above.one("SELECT count(*) FROM deliveries WHERE settled_at IS NULL AND parked_at IS NULL")


def start_posting(poster: Poster, threads: int = 12) -> Sequence[threading.Thread]:
    started = [threading.Thread(target=poster.run) for _ in range(threads)]
    for thread in started:
        thread.start()
    return started


def nothing_there(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A store whose Admin API is out of order: pushing fails, and must not disturb anything else."""
    start_response("503 Service Unavailable", [("Content-Length", "0")])
    return []


@pytest.mark.slow
@pytest.mark.races
def test_killed_processes_lose_nothing_that_was_acknowledged_and_settle_it_once(
    server_url: str, tmp_path: Path
) -> None:
    _, keeper, deliveries = history(seed=7, deeds=300)
    sent = {delivery.webhook_id for delivery in deliveries}
    with served(nothing_there) as platform, ground(server_url, "killed", tmp_path, platform) as found:
        with processes(found, tmp_path) as house:
            house.start("web", "serve")
            house.start("worker", "worker")
            eventually(house.web_answers, "the web process answers")
            poster = Poster(found.port, list(deliveries))
            threads = start_posting(poster)
            for turn in range(1, 4):
                eventually(partial(poster.has_brought, len(deliveries) * turn // 5), "deliveries go on")
                name, command = ("web", "serve") if turn % 2 else ("worker", "worker")
                house.kill(name)
                house.start(name, command)
            for thread in threads:
                thread.join(PATIENCE_SECONDS)
            assert not poster.waiting
            house.kill("web")
            house.kill("worker")
            inbox = {row[0] for row in found.above.run("SELECT dedupe_key FROM deliveries")}
            assert set(poster.acknowledged) - inbox == set(), "acknowledged, and lost"
            assert inbox == sent
            house.start("worker", "worker")
            eventually(lambda: settled(found.above), "the inbox is settled")
        assert found.above.run("SELECT topic, reason FROM deliveries WHERE parked_at IS NOT NULL") == []
        assert points(found.above) == expected_points(keeper)
        assert found.desk.faults() == []
        keys = "SELECT count(*), count(DISTINCT (order_id, kind, points, recorded_at)) FROM entries WHERE kind = 'earn'"
        ((count, distinct),) = found.above.run(keys)
        assert count == distinct


@pytest.mark.slow
@pytest.mark.races
def test_several_workers_on_one_shop_end_in_the_same_ledger_as_one(server_url: str, tmp_path: Path) -> None:
    _, keeper, deliveries = history(seed=11, deeds=300)
    with served(nothing_there) as platform, ground(server_url, "several", tmp_path, platform) as found:
        with processes(found, tmp_path) as house:
            house.start("web", "serve")
            for number in range(3):
                house.start(f"worker-{number}", "worker")
            eventually(house.web_answers, "the web process answers")
            for thread in start_posting(poster := Poster(found.port, list(deliveries))):
                thread.join(PATIENCE_SECONDS)
            assert not poster.waiting
            eventually(lambda: settled(found.above), "the inbox is settled")
        assert found.above.run("SELECT topic, reason FROM deliveries WHERE parked_at IS NOT NULL") == []
        assert points(found.above) == expected_points(keeper)
        assert found.desk.faults() == []


def test_pages_of_the_real_server_are_brought_the_bodies_that_were_posted(server_url: str, tmp_path: Path) -> None:
    """A page that reads a body reads it on a thread, from the server's event loop: 500 where that does not work."""
    body = b'{"shopify_domain": "x"}' * 1000
    with (
        served(nothing_there) as platform,
        ground(server_url, "posted", tmp_path, platform) as found,
        processes(found, tmp_path) as house,
    ):
        house.start("web", "serve")
        eventually(house.web_answers, "the web process answers")
        connection = http.client.HTTPConnection("127.0.0.1", found.port, timeout=60)
        for secret in (b"x", SECRET.encode()):
            signature = webhook_signature(body, secret).decode()
            connection.request("POST", FLOW_PATH, body, {"X-Shopify-Hmac-Sha256": signature})
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status < 500, told
            assert (answer.status == 401) == (secret == b"x")
        connection.close()
