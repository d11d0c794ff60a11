"""How long a shop's night takes, and how much memory: reading every order, fitting, reckoning everybody, writing.

The shop is simulated (customers who buy at rates of their own and leave after a purchase, by the BG/NBD model, with
some three purchases each) and put into the mirror by set-based statements. Each night is a process of its own, as in
production, timed from its start to its end: the first has nothing to go by and writes a row of everybody; the second
comes a day and a three-hundredth of new orders later, and writes what has moved.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from bench.ground import ROOT, Ground, clock, ground
from commerce.ids import ShopId
from engine.work import Database

# Purchases a week (gamma), and the chance to leave after one (beta), near published fits; a mean sale in minor units.
RATE, LEAVING, SPEND = (0.6, 4.4), (0.8, 2.4), 3500
WEEKS = 104
# Rounds of purchases: nobody of those has more.
ROUNDS = 250

_PEOPLE = """
    INSERT INTO customers (shop_id, external_id, created_at, observed_at)
    SELECT %s, CAST(n AS text), %s, %s FROM generate_series(1, %s) n
"""
_STAGE = "CREATE TEMPORARY TABLE sales (place bigint, number integer, at timestamptz, goods_minor bigint)"
_COPY = "COPY sales FROM STDIN (FORMAT binary)"
_SELL = """
    INSERT INTO orders (shop_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at, paid,
                        test, goods_minor, total_minor, discount_codes, lines_digest)
    SELECT %s, s.place || '-' || s.number, '#' || s.number, c.customer_id, 'USD', s.at, s.at, s.at, true, false,
           s.goods_minor, s.goods_minor, '{}', 0
    FROM sales s JOIN (SELECT customer_id, row_number() OVER (ORDER BY customer_id) AS place FROM customers
                       WHERE shop_id = %s) c USING (place)
    ORDER BY s.at
"""
_MORE = """
    INSERT INTO orders (shop_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at, paid,
                        test, goods_minor, total_minor, discount_codes, lines_digest)
    SELECT shop_id, 'new-' || customer_id, '#', customer_id, 'USD', %s, %s, %s, true, false, 4200, 4200, '{}', 0
    FROM customers WHERE shop_id = %s AND customer_id %% 100 = 7
"""
_HOW_MANY = "SELECT count(*) FROM orders WHERE shop_id = %s"


def nightly(customers: int, tell: Callable[[str], None] = lambda _said: None) -> dict[str, Any]:
    """Two nights of a shop of so many customers: seconds of each, the peak in MB of the greater one, rows written."""
    with ground() as place:
        today = clock().replace(microsecond=0) - timedelta(days=2)
        tell(f"making {customers:,} customers")
        orders = _fill(place, customers, today)
        tell(f"the first night, over {orders:,} orders")
        first = _night(place, today)
        with place.connect() as connection:
            at = today + timedelta(hours=10)
            connection.execute(_MORE.encode(), [at, at, at, place.shop_id])
        tell("the second night")
        second = _night(place, today + timedelta(days=1))
    return {
        "nightly_1m_s": round(first["seconds"], 1), "nightly_again_s": round(second["seconds"], 1),
        "nightly_peak_mb": round(max(first["peak_mb"], second["peak_mb"])), "nightly_orders": orders,
        "nightly_written": first["written"], "nightly_again_written": second["written"],
    }  # fmt: skip


def _fill(place: Ground, customers: int, today: datetime) -> int:
    """People and what they bought, up to the night before `today`."""
    with place.connect() as connection:
        connection.execute(_PEOPLE.encode(), [place.shop_id, today, today, customers])
        connection.execute(_STAGE)
        with connection.cursor().copy(_COPY) as copy:
            copy.write(sales(customers, today))
        connection.execute(_SELL.encode(), [place.shop_id, place.shop_id])
        connection.execute("VACUUM ANALYZE customers, orders")
        ((orders,),) = connection.execute(_HOW_MANY.encode(), [place.shop_id]).fetchall()
    assert isinstance(orders, int)
    return orders


def sales(customers: int, today: datetime) -> bytes:
    """Sales as a binary COPY has them: whose, their which, when, for how much."""
    import numpy as np

    draw = np.random.default_rng(7)
    rate = draw.gamma(RATE[0], 1 / RATE[1], customers)
    leaving = draw.beta(*LEAVING, customers)
    level = SPEND * draw.lognormal(0.0, 0.5, customers)
    at, here = draw.uniform(0, WEEKS, customers), np.arange(customers)
    parts = []
    for number in range(ROUNDS):
        parts.append((here + 1, np.full(len(here), number), at[here], level[here] * draw.lognormal(0, 0.3, len(here))))
        here = here[draw.random(len(here)) >= leaving[here]]
        at[here] += draw.exponential(1 / np.maximum(rate[here], 1e-9))
        here = here[at[here] < WEEKS]
        if not len(here):
            break
    whose, numbers, weeks, goods = (np.concatenate(each) for each in zip(*parts, strict=True))
    # The database counts microseconds from the year 2000.
    last = (today - timedelta(hours=6) - datetime(2000, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)
    instants = last - (WEEKS - weeks) * 7 * 86_400_000_000
    columns = (("place", ">i8", whose), ("number", ">i4", numbers), ("at", ">i8", instants), ("goods", ">i8", goods))
    shape = [("many", ">i2")]
    for name, kind, _ in columns:
        shape += [(f"{name}_length", ">i4"), (name, kind)]
    rows = np.zeros(len(whose), np.dtype(shape))
    rows["many"] = len(columns)
    for name, kind, values in columns:
        rows[f"{name}_length"], rows[name] = np.dtype(kind).itemsize, values
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff"


def _night(place: Ground, at: datetime) -> dict[str, Any]:
    began = time.monotonic()
    command = [sys.executable, "-m", "bench.nights", place.url, str(place.shop_id), at.isoformat()]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return {**orjson.loads(done.stdout.splitlines()[-1]), "seconds": time.monotonic() - began}


def _child(url: str, shop_id: int, at: datetime) -> None:
    """One night, as `app.py lifecycle nightly` does it, with a clock that stands at `at`."""
    # What that process has loaded beside.
    import lifecycle
    import plugin

    assert plugin.__name__ == "plugin"
    database = Database(url, lambda: at)
    night = lifecycle.score_everybody(database, ShopId(shop_id))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    print(orjson.dumps({"written": night.written, "method": night.method, "peak_mb": peak}).decode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("shop_id", type=int)
    parser.add_argument("at", type=datetime.fromisoformat)
    given = parser.parse_args()
    _child(given.url, given.shop_id, given.at)
