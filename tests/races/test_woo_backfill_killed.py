"""A process is killed while it reads the history of a WooCommerce store in; another goes on where it was.

Nobody tells the process how to find a WooCommerce store here but its own command line: it is the reader alone, not a
worker, so that the kill comes in the middle of a history and of nothing else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from engine import backfills, shops, terms
from engine.work import Database
from sandbox.woocommerce import ApiKey, Line, Store, create_app
from tests.ground import FIRST_TERMS, Clock, Desk, Superuser, for_sqlalchemy, fresh_database, superuser
from tests.races.test_killed import PATIENCE_SECONDS, ROOT, eventually, silence
from tests.serving import served

ORDERS = 6_000
# Of them, in one second: an import. More than a page, so that a kill may come inside of it.
IMPORTED = 700
REFUNDED_EACH = 20

READER = """
import os, sys
from datetime import UTC, datetime
from connectors.http import HttpSession
from connectors.woocommerce import Key, WooStore, store_address
from engine.backfill import Backfiller
from engine.work import Database, refuse_in_transaction
from tests.ground import REACTIONS

clock = lambda: datetime.now(UTC)
url, address, key, secret = sys.argv[1:]
http = HttpSession(plain=True, before_request=refuse_in_transaction)
store = WooStore(store_address(address), Key(key, secret), http, now=clock)
# Without a stopwatch: a store that a busy computer makes slow would be gone easy on, and this reader does not rest.
reader = Backfiller(Database(url, clock), lambda _: store, REACTIONS, stopwatch=lambda: 0.0)
while reader.round():
    pass
"""


@dataclass
class Halting:
    """A store that answers so many questions for `path` and then keeps whoever asks on waiting, until there may be
    `more`: so that a kill comes in the middle of what is read, however fast that is.
    """

    store: WSGIApplication
    path: str
    left: int
    changed: threading.Condition = field(default_factory=threading.Condition)

    def more(self, many: int = 1_000_000) -> None:
        with self.changed:
            self.left = many
            self.changed.notify_all()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if str(environ["PATH_INFO"]).endswith(self.path):
            with self.changed:
                assert self.changed.wait_for(lambda: self.left > 0, PATIENCE_SECONDS), "nobody let us answer"
                self.left -= 1
        return self.store(environ, start)


@contextmanager
def reading(url: str, address: str, key: ApiKey, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", READER, for_sqlalchemy(url), address, key.consumer_key, key.consumer_secret]
    with log.open("ab") as sink, subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=sink) as process:
        try:
            yield process
        finally:
            process.kill()


def stocked() -> Store:
    now = [datetime.now(UTC) - timedelta(days=200)]
    store = Store(clock=lambda: now[0], zone="UTC", offset=timedelta(0), keys=[ApiKey()])
    people = [store.register(f"shopper{number}@example.test") for number in range(300)]
    for number in range(ORDERS):
        who = people[number * 7 % 300] if number % 3 else 0
        guest = {"email": f"guest{number % 50}@example.test"}
        placed = store.order(
            [Line("Tea pot", "25.00", 1 + number % 4)], customer=who, status="completed", billing=guest
        )
        if number % REFUNDED_EACH == 0:
            store.refund(placed, "5.00")
        if not 1_000 <= number < 1_000 + IMPORTED:
            now[0] += timedelta(minutes=1)
    store.clock = lambda: datetime.now(UTC)
    return store


@pytest.mark.slow
@pytest.mark.races
def test_a_killed_reader_s_history_is_read_on_by_another_and_each_order_settled_once(
    server_url: str, tmp_path: Path
) -> None:
    store = stocked()
    halting = Halting(create_app(store), "/orders", 0)
    with (
        served(halting) as address,
        fresh_database(server_url, f"perennial_woo_{os.getpid()}") as url,
        superuser(url) as connection,
    ):
        above, database = Superuser(connection), Database(for_sqlalchemy(url), Clock(datetime.now(UTC)))
        with database.founding(
            lambda c: shops.install(c, "woocommerce", "shop.example", database.clock()).shop_id
        ) as work:
            for name, propose in FIRST_TERMS.items():
                terms.publish_first(work, name, propose("USD"))
            backfills.ask(work)
            desk = Desk(database, shops.current(work))
        kills = 0
        for goal, pages in ((300, 8), (1_300, 16), (3_000, 24)):
            halting.more(pages)
            with reading(url, address, store.keys[0], tmp_path / "reader.log") as process:
                eventually(partial(_has_read, above, goal), "it is being read")
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
            silence(above)
            kills += process.returncode == -signal.SIGKILL
            ((read, orders, running),) = above.run(
                "SELECT orders_read, (SELECT count(*) FROM orders), finished_at IS NULL FROM backfills"
            )
            assert (read, running) == (orders, True), "what is counted is what is settled"
            # Its lease runs out.
            above.run("UPDATE backfills SET leased_until = now()")
        halting.more()
        with reading(url, address, store.keys[0], tmp_path / "reader.log") as process:
            assert process.wait(PATIENCE_SECONDS) == 0
        assert kills == 3
        _whole(above, desk)
        database.close()


def _has_read(above: Superuser, orders: int) -> bool:
    return bool(above.one("SELECT orders_read >= %s FROM backfills", orders))


def _whole(above: Superuser, desk: Desk) -> None:
    row = above.run("SELECT plan, orders_read, orders_settled, left_out, finished_at IS NOT NULL FROM backfills")
    assert row == [("pages", ORDERS, ORDERS, 0, True)]
    assert above.one("SELECT count(*) FROM orders") == ORDERS
    assert above.one("SELECT count(*) FROM refunds") == ORDERS // REFUNDED_EACH
    assert above.one("SELECT count(*) FROM entries WHERE kind = 'earn'") == ORDERS
    assert desk.faults() == []
