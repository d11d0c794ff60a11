"""What a WooCommerce store asks of us: a sweep of thousands of changed orders, and a door that answers at once.

`python -m bench.woocommerce` (`make bench-woocommerce`). Deliveries of such a store get lost, so everything rests on
the sweep: it must be as fast as the store can list its orders. Two sweeps of 10,000 changed orders are run, by the
code and in the order of a real worker, into a durable server: one of a store that answers at once, which shows what we
could do, and one of a store that needs a stated time for each order, which shows what the merchant gets. The store
keeps account of its own time; all else, the road between us included, is our share. A history of 100,000 orders is
read in by pages, for its speed and its memory.

The door takes order webhooks of many connections at once; each delivery has a body and a signature of its own.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import cpu, woodoor, woohistory
from bench.figures import BenchFailed, Row
from bench.ground import REACTIONS, ROOT, Ground, clock, ground, open_shop
from bench.wooshop import ACCOUNT
from connectors.http import HttpSession
from connectors.woocommerce import Key, WooStore, store_address
from engine.postgres import PostgresUnavailable
from engine.reconcile import Reconciler
from engine.work import Database, refuse_in_transaction
from plugin.demo.machine import TroubleStarting

ORDERS = 10_000

# Each measurement has a fresh database of this name.
COPY = "measured"

# What the store is slowed to, for each order that it lists: ten times as fast as the store of the reference, so that
# the measurement ends, and our share in it is ten times as large.
DELAY_MS = 2.5
LAB_MS = 25.0

# Longer than any number of orders that anybody will want to sweep here.
LOOK_BACK = timedelta(days=365)

_SETTLED = "SELECT count(*), count(*) FILTER (WHERE customer_id IS NOT NULL) FROM orders WHERE shop_id = %s"


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep, from the first question to the watermark."""

    orders: int
    seconds: float
    store_seconds: float
    """What the store spent on our questions, by its own account."""
    questions: int
    python_us: float
    postgres_us: float | None

    @property
    def ours(self) -> float:
        """Seconds in which no answer was being made."""
        return max(0.0, self.seconds - self.store_seconds)

    @property
    def share_percent(self) -> float:
        return self.ours / self.seconds * 100

    @property
    def share_at_lab_speed(self) -> float:
        """Our seconds beside a store as slow as that of the reference. What overlaps here would do so there too."""
        return self.ours / (self.ours + self.orders * LAB_MS / 1000) * 100


def sweep(place: Ground, orders: int, ms: float, progress: Progress) -> Sweep:
    """Sweep a store in which so many orders changed, each listed in `ms` milliseconds."""
    bar = progress.add_task(f"sweep, the store needs {ms:g} ms an order", total=None)
    with place.copied(COPY) as url, _store(orders, ms) as (address, key):
        database = Database(url, clock)
        try:
            found = _swept(place, database, address, key, orders)
        finally:
            database.close()
    progress.update(bar, total=1, completed=1)
    return found


def _swept(place: Ground, database: Database, address: str, key: Key, orders: int) -> Sweep:
    http = HttpSession(plain=True, before_request=refuse_in_transaction)
    store = WooStore(store_address(address), key, http, now=clock)
    shop = open_shop(database, "woocommerce", store.details().external_id)
    reconciler = Reconciler(database, lambda _: store, REACTIONS)
    before, postgres, python = _account(address), cpu.of_families([place.server]), time.process_time()
    began = time.perf_counter()
    found = reconciler.compare(shop, shop.reconciled_to - LOOK_BACK)
    seconds = time.perf_counter() - began
    python, after = time.process_time() - python, _account(address)
    postgres_us = cpu.between(postgres, cpu.of_families([place.server]), orders)
    with place.connect(COPY) as connection:
        settled = connection.execute(_SETTLED, [shop.shop_id]).fetchone()
    if found.orders_healed != orders or settled != (orders, orders):
        raise BenchFailed(f"not everything was settled, so the speed says nothing: {found}, {settled}")
    return Sweep(
        orders, seconds, after["seconds"] - before["seconds"], round(after["questions"] - before["questions"]),
        python / orders * 1e6, postgres_us,
    )  # fmt: skip


@contextmanager
def _store(orders: int, ms: float) -> Iterator[tuple[str, Key]]:
    command = [sys.executable, "-m", "bench.wooshop", str(orders), str(ms)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address, consumer_key, consumer_secret = process.stdout.readline().split()
            yield address, Key(consumer_key, consumer_secret)
        finally:
            process.send_signal(signal.SIGTERM)


def _account(address: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{address}{ACCOUNT}") as answer:  # noqa: S310 - of our own process
        told: dict[str, float] = json.load(answer)
    return told


def measure(chosen: argparse.Namespace, progress: Progress) -> tuple[Sequence[Row], dict[str, object]]:
    orders, ms, deliveries, connections = chosen.orders, chosen.delay_ms, chosen.deliveries, chosen.connections
    with ground() as place:
        quick, slow = sweep(place, orders, 0.0, progress), sweep(place, orders, ms, progress)
        past = woohistory.measure(place, chosen.history, progress)
        door = woodoor.measure(place, deliveries, connections, chosen.runs, progress)
    named = f"sweep, {ms:g} ms an order at the store"
    rows = [
        Row("sweep, a store that answers at once", orders, quick.orders / quick.seconds, "orders/s"),
        Row("sweep, CPU of Python", orders, quick.python_us / 1000, "ms/order"),
        Row("sweep, CPU of PostgreSQL", orders, None if quick.postgres_us is None else quick.postgres_us / 1000,
            "ms/order"),
        Row(f"{named}, whole", orders, slow.seconds, "s"),
        Row(f"{named}, of it the store's", slow.questions, slow.store_seconds, "s"),
        Row(f"{named}, our share", orders, slow.share_percent, "%"),
        Row(f"the same beside a store that needs {LAB_MS:g} ms", orders, slow.share_at_lab_speed, "%"),
        Row("backfill by pages, a store that answers at once", past.orders, past.orders / past.seconds, "orders/s"),
        Row("backfill by pages, most memory of the reader", past.orders, past.peak_mb, "MB"),
        Row(f"door, {connections} connections, p50 until the answer", deliveries, door["p50"], "ms"),
        Row(f"door, {connections} connections, p99 until the answer", deliveries, door["p99"], "ms"),
        Row("door", deliveries, door["answered"] / door["seconds"], "deliveries/s"),
    ]  # fmt: skip
    facts: dict[str, object] = {
        "sweep_orders_per_s": round(quick.orders / quick.seconds),
        "sweep_seconds": round(slow.seconds, 2),
        "store_seconds": round(slow.store_seconds, 2),
        "store_ms_per_order": ms,
        "our_share_percent": round(slow.share_percent, 2),
        "our_share_at_lab_speed_percent": round(slow.share_at_lab_speed, 2),
        "cpu_ms_per_order": round(quick.python_us / 1000, 3),
        "backfill_orders_per_s": round(past.orders / past.seconds),
        "backfill_peak_mb": round(past.peak_mb, 1),
        "door_p50_ms": round(door["p50"], 2),
        "door_p99_ms": round(door["p99"], 2),
        "door_per_s": round(door["answered"] / door["seconds"]),
    }
    return rows, facts


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.woocommerce", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=ORDERS, help="that changed, and are swept")
    parser.add_argument(
        "--delay-ms", type=float, default=DELAY_MS, help="of the store, for each order that it lists (2.5; PHP: 25)"
    )
    parser.add_argument("--history", type=int, default=woohistory.ORDERS, help="orders of the history that is read in")
    parser.add_argument("--runs", type=int, default=woodoor.RUNS, help="at the door; the median counts")
    parser.add_argument("--deliveries", type=int, default=woodoor.DELIVERIES, help="at the door, a run")
    parser.add_argument("--connections", type=int, default=woodoor.CONNECTIONS, help="at the door, at once")
    chosen = parser.parse_args(arguments)
    columns = (TextColumn("{task.description:44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            rows, facts = measure(chosen, progress)
    except (BenchFailed, TroubleStarting, PostgresUnavailable) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    print(*rows, json.dumps(facts), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
