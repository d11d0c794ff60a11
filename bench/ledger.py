"""How fast a ledger is proven, and how long a shopper waits for a reward while many others buy one.

The ledger is written by the code that settles orders, into a durable server: orders of many customers, some of them
refunded. Then `ledger verify` reads it, in a process of its own. For rewards, as many shoppers as `SHOPPERS` press the
button at once, again and again, through the code that the pages call; each time counts from the press to the commit.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

import psycopg
from rich.progress import Progress

import loyalty
from bench.figures import BenchFailed, Options, Result, Row, rounded
from bench.ground import ROOT, Ground, clock, ground
from bench.store import DOMAIN
from commerce.ids import CustomerId
from engine import mirror
from engine.mirror import Accepted
from engine.work import Database
from loyalty import Click
from plugin.storefront.till import Till

SHOPPERS = 64
ORDERS_EACH = 16
"""Orders of each customer."""
REFUNDED_EACH = 4
"""Every so manieth order is refunded in part: it has two entries."""
BATCH = 1_000
BEFORE = 500
"""Rewards that the shop has sold before anything is timed."""
PATIENCE_SECONDS = 900

_CUSTOMERS = """
    INSERT INTO customers (shop_id, external_id, observed_at)
    SELECT %s, (1000 + n)::text, now() FROM generate_series(1, %s) n
"""
_ORDERS = """
    INSERT INTO orders (shop_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at, paid,
                        test, goods_minor, total_minor, discount_codes, lines_digest)
    SELECT c.shop_id, c.customer_id || '-' || n, '#' || c.customer_id || '-' || n, c.customer_id, 'USD',
           now() - n * interval '20 days', now(), now(), true, false, 2000 + (c.customer_id * n) %% 9000, 9000, '{}', 0
    FROM customers c, generate_series(1, %s) n WHERE c.shop_id = %s
"""
_ALL = "SELECT order_id FROM orders ORDER BY placed_at, order_id"
_REFUND = """
    UPDATE orders SET refunded_minor = 500, refund_count = 1, version = version + 1
    WHERE shop_id = %s AND order_id %% %s = 0 RETURNING order_id
"""


def measure(options: Options, progress: Progress) -> Result:
    with ground() as place:
        entries = _write(place, options.entries, progress)
        speed = _verified(place, entries, progress)
        waits = _bought(place, options.purchases, progress)
    p50, p95 = (1000 * waits[int(len(waits) * share)] for share in (0.5, 0.95))
    rows = [
        Row("ledger verified, entries", entries, speed, "entries/s"),
        Row(f"a reward bought by {SHOPPERS} shoppers at once, p50", len(waits), p50, "ms"),
        Row(f"a reward bought by {SHOPPERS} shoppers at once, p95", len(waits), p95, "ms"),
    ]
    return Result(rows, {"redeem_p95_ms": rounded(p95), "verify_entries_per_s": rounded(speed, 0)})


def _write(place: Ground, entries: int, progress: Progress) -> int:
    """Settle orders until there are so many entries; answers how many."""
    bar = progress.add_task("writing the ledger", total=entries)
    orders = entries * REFUNDED_EACH // (REFUNDED_EACH + 1)
    with place.connect() as connection:
        connection.execute(_CUSTOMERS, [place.shop_id, max(SHOPPERS, orders // ORDERS_EACH)])
        connection.execute(_ORDERS, [ORDERS_EACH, place.shop_id])
        connection.execute("VACUUM ANALYZE customers, orders")
        for statement, values in ((_ALL, []), (_REFUND, [place.shop_id, REFUNDED_EACH])):
            found = [int(str(row[0])) for row in connection.execute(statement, values)]
            _settle(place, found, lambda many: progress.advance(bar, many))
        connection.execute("VACUUM ANALYZE")
        return _number(connection, "SELECT count(*) FROM entries")


def _settle(place: Ground, order_ids: Sequence[int], tell: Callable[[int], object]) -> None:
    database = Database(place.url, clock, connections=1)
    for at in range(0, len(order_ids), BATCH):
        some = sorted(order_ids[at : at + BATCH])
        with database.work(place.shop_id) as work:
            loyalty.settle_orders(work, Accepted(mirror.load(work, some), ()))
        tell(len(some))
    database.close()


def _number(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return int(str(row[0]))


def _verified(place: Ground, entries: int, progress: Progress) -> float:
    """Entries a second, by the command line in a process of its own, which starts and reads everything."""
    bar = progress.add_task("verifying", total=None)
    command = [sys.executable, "app.py", "ledger", "verify", "--shop", DOMAIN]
    began = time.perf_counter()
    said = subprocess.run(
        command, cwd=ROOT, env=place.environment(place.url), capture_output=True, text=True, check=False,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    progress.update(bar, total=1, completed=1)
    if said.returncode or f"{entries:,} entries" not in said.stdout:
        raise BenchFailed(f"the ledger was not proven, so the speed says nothing: {said.stdout}{said.stderr}")
    return entries / seconds


def _bought(place: Ground, purchases: int, progress: Progress) -> list[float]:
    """Seconds that each purchase took, sorted, in a shop that has sold some before."""
    bar = progress.add_task("buying rewards", total=purchases)
    database = Database(place.url, clock)
    till = Till(database)
    with place.connect() as connection:
        found = [Click(CustomerId(int(str(who))), str(name), "five-off", "bench") for who, name in connection.execute(
            "SELECT b.customer_id, c.external_id FROM balances b JOIN customers c USING (shop_id, customer_id) "
            "WHERE points >= 300 ORDER BY 1 LIMIT %s", [purchases + BEFORE]
        )]  # fmt: skip
        before = found[: min(BEFORE, len(found) // 2)]
        _press(till, place, before)
        # As the server does by itself within a minute of so many new rows.
        connection.execute("ANALYZE redemptions, effects")
    waits = _press(till, place, found[len(before) :])
    progress.update(bar, completed=len(waits))
    database.close()
    if len(waits) != len(found) - len(before) or not waits:
        raise BenchFailed(f"{len(waits)} of {len(found) - len(before)} rewards were bought")
    return sorted(waits)


def _press(till: Till, place: Ground, clicks: Sequence[Click]) -> list[float]:
    """Shoppers side by side, each with a share of these clicks, one behind the other; how long each click took."""
    waits, ready = list[float](), threading.Barrier(SHOPPERS)

    def shop(mine: Sequence[Click]) -> None:
        ready.wait(60)
        for click in mine:
            pressed = time.perf_counter()
            till.buy(place.shop_id, click)
            waits.append(time.perf_counter() - pressed)

    threads = [threading.Thread(target=shop, args=(clicks[n::SHOPPERS],)) for n in range(SHOPPERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return waits
