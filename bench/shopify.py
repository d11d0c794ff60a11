"""What Shopify's own limits make dear: reading a history in, and changing thousands of customers.

`python -m bench.shopify` (`make bench-shopify`): a history of 100,000 orders is written, in the shape of the platform's
exports and not timed; then the command line reads it in, as it does for a merchant who has just installed the app: by
HTTP, through the real code, into a durable server, on whatever machine this is. The memory is the reader's own. It is
measured for a fifth of the orders as well: where it is flat, both are the same.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import exports, pushing
from bench.figures import BenchFailed, Row
from bench.ground import ROOT, Ground, clock, ground
from bench.store import DOMAIN
from connectors.shopify import SCOPES, Token
from engine import shops
from engine.postgres import PostgresUnavailable
from engine.shops import Seal
from engine.work import Database
from plugin.demo.machine import Memory, TroubleStarting

ORDERS = 100_000
PATIENCE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Read:
    """One history, read in."""

    orders: int
    seconds: float
    peak_mb: float


def backfill(orders: int, progress: Progress) -> Read:
    """Read a history of so many orders in."""
    with tempfile.TemporaryDirectory(prefix="perennial-exports-") as name, ground() as place:
        folder = Path(name)
        bar = progress.add_task(f"writing {orders:,} orders", total=orders)
        for done in exports.write(folder, orders):
            progress.update(bar, completed=done)
        progress.update(bar, completed=orders)
        bar = progress.add_task(f"reading {orders:,} orders in", total=None)
        with _platform(folder) as address:
            peak = _read(place, address)
        progress.update(bar, total=1, completed=1)
        return Read(orders, _seconds(place, orders), peak)


@contextmanager
def _platform(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.exports", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)


def _read(place: Ground, platform: str) -> float:
    """The command line, as a merchant's developer would start it; answers with the most memory that it had, in MB."""
    key = Fernet.generate_key().decode()
    database = Database(place.url, clock, connections=1)
    with database.work(place.shop_id) as work:
        # One that ends, as today's tokens do: another would be exchanged for such a one first.
        token = Token("bench", "bench", work.now + timedelta(hours=12), work.now + timedelta(days=30), SCOPES)
        shops.save_credentials(work, Seal([key]), token.to_json())
    database.close()
    environment = {**place.environment(place.url), "PERENNIAL_SEAL_KEYS": key, "SHOPIFY_PLATFORM_URL": platform}
    command = [sys.executable, "app.py", "backfill", "--shop", DOMAIN]
    with (
        (place.home / "backfill.log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as process,
        Memory([process.pid]) as memory,
    ):
        try:
            status = process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise BenchFailed(f"the history was not read in within {PATIENCE_SECONDS} seconds") from None
    if status:
        raise BenchFailed((place.home / "backfill.log").read_text(errors="replace")[-2000:])
    return memory.peak_mb


def _seconds(place: Ground, orders: int) -> float:
    """From the first question to the last commit, by the backfill's own row; everything must have been settled."""
    with place.connect() as connection:
        row = connection.execute(
            "SELECT plan, orders_settled, left_out, extract(epoch FROM finished_at - started_at)::float8, "
            "(SELECT count(*) FROM orders), (SELECT count(*) FROM refunds) FROM backfills"
        ).fetchone()
    assert row is not None
    if row[:3] != ("export", orders, 0) or row[4:] != (orders, -(-orders // exports.REFUNDED_EACH)):
        raise BenchFailed(f"not everything was settled, so the speed says nothing: {row}")
    assert isinstance(row[3], float)
    return row[3]


def measure(orders: int, changes: int, progress: Progress) -> tuple[Sequence[Row], dict[str, object]]:
    small, large = backfill(max(1, orders // 5), progress), backfill(orders, progress)
    bar = progress.add_task(f"changing {changes:,} customers", total=None)
    speed, costs = large.orders / large.seconds, pushing.cost_points(changes)
    progress.update(bar, total=1, completed=1)
    rows = [
        Row("backfill by export, customers and refunds too", orders, large.seconds, "s"),
        Row("backfill by export", orders, speed, "orders/s"),
        Row("backfill, most memory of the reader", small.orders, small.peak_mb, "MB"),
        Row("backfill, most memory of the reader", large.orders, large.peak_mb, "MB"),
        Row("changing stages, one mutation each", changes, costs["naive"], "points"),
        Row("changing stages, as the outbox does it", changes, costs["ours"], "points"),
    ]
    facts: dict[str, object] = {
        "backfill_orders_per_s": round(speed), "peak_mb": round(large.peak_mb, 1), "cost_points": costs,
    }  # fmt: skip
    return rows, facts


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.shopify", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=ORDERS, help="of the history that is read in")
    parser.add_argument("--changes", type=int, default=pushing.CHANGES, help="of stages, that are written to a store")
    chosen = parser.parse_args(arguments)
    columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            rows, facts = measure(chosen.orders, chosen.changes, progress)
    except (BenchFailed, TroubleStarting, PostgresUnavailable) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    print(*rows, json.dumps(facts), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
