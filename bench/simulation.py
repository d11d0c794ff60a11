"""How fast terms are tried on a shop's history, where the terms of now and the proposed ones ask for all there is.

The history is written as the mirror holds it: orders of two lines over two years, some of them refunded by the line.
What is timed is what the page does, from the button to the answer.
"""

from __future__ import annotations

import time
from typing import Any

from rich.progress import Progress

import loyalty
from bench.figures import BenchFailed, Options, Result, Row, median, rounded
from bench.ground import RICH, Ground, clock, ground
from engine.work import Database
from plugin.cli import calm_collector

ORDERS_EACH = 10
"""Orders of each customer."""

_CUSTOMERS = """
    INSERT INTO customers (shop_id, external_id, observed_at)
    SELECT %s, (1000 + n)::text, now() FROM generate_series(1, %s) n
"""
# One every 69 days for each customer; every eighth is refunded in part.
_ORDERS = """
    INSERT INTO orders (shop_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at, paid,
                        test, goods_minor, total_minor, list_minor, refunded_minor, refund_count, discount_codes,
                        lines_digest)
    SELECT c.shop_id, c.customer_id || '-' || n, '#' || c.customer_id || '-' || n, c.customer_id, 'USD',
           now() - n * interval '69 days' - c.customer_id %% 700 * interval '1 hour', now(), now(), true, false,
           2000 + (c.customer_id * n) %% 9000, 12000, 12000, CASE WHEN (c.customer_id + n) %% 8 = 0
           THEN 500 ELSE 0 END, CASE WHEN (c.customer_id + n) %% 8 = 0 THEN 1 ELSE 0 END, '{}', 0
    FROM customers c, generate_series(1, %s) n WHERE c.shop_id = %s
"""
_LINES = """
    INSERT INTO order_lines (shop_id, order_id, line_no, product_id, title, quantity, net_minor, gift_card, line_id)
    SELECT shop_id, order_id, n, ((order_id + n) %% 6)::text, 'An article', n,
           CASE WHEN n = 1 THEN 1000 ELSE goods_minor - 1000 END, false, n::text
    FROM orders, generate_series(1, 2) n WHERE shop_id = %s
"""
_REFUNDS = """
    INSERT INTO refunds (shop_id, order_external_id, external_id, refunded_at, goods_minor, total_minor, lines)
    SELECT shop_id, external_id, 'r' || external_id, now(), 500, 500,
           '[{"line_id": "1", "quantity": 1, "goods_minor": 500}]'
    FROM orders WHERE shop_id = %s AND refund_count > 0
"""

# Whoever tries such terms asks for each thing that is remembered of a member on the way.
PROPOSED: dict[str, Any] = {
    **RICH,
    "earning": {
        **RICH["earning"],  # type: ignore[dict-item]
        "caps": [{"points": 200, "period": "month"}, {"points": 1000, "period": "year"}],
        "milestones": [{"order": 5, "points": 100}],
    },
    "expiry": {"policy": "lot", "months": 12, "round_up": "month"},
    "tiers": {
        "measure": "spend",
        "window": "rolling",
        "months": 12,
        "downgrade": "one_step",
        "levels": [
            {"key": "silver", "name": "Silver", "enter": 8_000, "keep": 6_000},
            {"key": "gold", "name": "Gold", "enter": 30_000, "keep": 25_000},
        ],
    },
    "margin": 40,
}


def measure(options: Options, progress: Progress) -> Result:
    with ground(rich=True) as place:
        bar = progress.add_task("trying terms", total=options.runs)
        orders = _write(place, options.simulated)
        # As in the web processes, which answer with it.
        calm_collector()
        database, runs = Database(place.url, clock, connections=1), list[float]()
        for _ in range(options.runs):
            began = time.perf_counter()
            _check(_tried(database, place, orders), orders)
            runs.append(time.perf_counter() - began)
            progress.advance(bar)
        database.close()
    seconds = median(runs) or 0.0
    rows = [
        Row("terms tried on a history, beside those of now", orders, seconds, "s"),
        Row("terms tried on a history, beside those of now", orders, orders / seconds, "orders/s"),
    ]
    return Result(rows, {"simulate_orders_per_s": rounded(orders / seconds, 0)})


def _tried(database: Database, place: Ground, orders: int) -> loyalty.Simulation:
    with database.snapshot(place.shop_id) as work:
        return loyalty.simulate(work, loyalty.draft(work, lambda body: {**body, **PROPOSED}), most=orders)


def _check(found: loyalty.Simulation, orders: int) -> None:
    stand = found.tiers is not None and found.tiers.moved > 0 and found.then.expired > 0 and found.then.of_margin
    if found.orders != orders or not stand or not 0 < found.then.points != found.now.points > 0:
        raise BenchFailed(f"{found.orders} of {orders} orders were replayed: {found.now.points} points")


def _write(place: Ground, orders: int) -> int:
    """The history; answers how many orders it has."""
    people = max(1, orders // ORDERS_EACH)
    with place.connect() as connection:
        connection.execute(_CUSTOMERS, [place.shop_id, people])
        connection.execute(_ORDERS, [ORDERS_EACH, place.shop_id])
        connection.execute(_LINES, [place.shop_id])
        connection.execute(_REFUNDS, [place.shop_id])
        connection.execute("VACUUM ANALYZE")
    return people * ORDERS_EACH
