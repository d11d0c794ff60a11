"""What the demo measured, read from the database and from the store when all is quiet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, text

import lifecycle
import loyalty
from engine import shops
from plugin.demo.machine import Memory

Build = Callable[[Mapping[str, str]], Any]

# What waits is counted and not what is done: it is little, and has an index of its own.
_LOOK = text("""
    SELECT (SELECT count(*) FROM deliveries WHERE settled_at IS NULL AND parked_at IS NULL) AS unsettled,
           (SELECT count(*) FROM effects) AS wanted,
           (SELECT count(*) FROM effects WHERE pushed_at IS NULL AND parked_at IS NULL) AS unpushed
""")
_FIGURES = text("""
    SELECT (SELECT count(*) FROM entries) AS entries,
           (SELECT count(*) FROM effects WHERE pushed_at IS NOT NULL) AS effects,
           (SELECT count(*) FROM deliveries WHERE parked_at IS NOT NULL) AS parked,
           -- What our own segments brought back comes before the orders, what our tags brought back after them: neither
           -- is counted among them.
           (SELECT min(triggered_at) FROM deliveries WHERE topic ~ '^(customers|orders|refunds)/') AS first_at,
           (SELECT max(settled_at) FROM deliveries WHERE topic ~ '^(orders|refunds)/') AS last_at
""")
# From the instant at which the store says that an order was paid to the instant at which its points were booked.
_LAG = text("""
    SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
        ORDER BY 1000 * extract(epoch FROM settled_at - triggered_at))
    FROM deliveries WHERE topic = 'orders/paid' AND settled_at IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Counted:
    """How far things are."""

    unsettled: int
    wanted: int
    unpushed: int

    @property
    def idle(self) -> bool:
        return self.unsettled == 0 and self.unpushed == 0


_BEGIN = text("""
    UPDATE terms SET body = body - 'asleep' WHERE shop_id = :shop_id AND domain = 'loyalty' AND version = 1
""")


def begin_program(house: Any) -> None:
    """The program that the installation proposed is in force from the shop's first order on: its past is replayed. The
    store is told of it, as by publishing.
    """
    with house.database.machine() as connection:
        shop = shops.installed(connection)[0]
    with house.database.work(shop.shop_id) as work:
        work.run(_BEGIN)
        loyalty.tell_program(work)


class Watch:
    """Looks at the database again and again while the block runs."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def look(self) -> Counted:
        with self._engine.connect() as connection:
            return Counted(*connection.execute(_LOOK).one()._tuple())


def figures(house: Any, told: Mapping[str, Any], memory: Memory) -> dict[str, Any]:
    """The line of figures: what the store sent, what became of it, how fast, and whether the books are right."""
    database = house.database
    with database.machine() as connection:
        shop = shops.installed(connection)[0]
    with database.work(shop.shop_id) as work:
        while lifecycle.review_due(work):
            pass
    gaps = house.reconciler.run(shop)
    with database.work(shop.shop_id) as work:
        faults = loyalty.verify(work)
    with database.engine.connect() as connection:
        row = connection.execute(_FIGURES).one()
        lag = connection.execute(_LAG).scalar_one() or [0, 0, 0]
    seconds = (row.last_at - row.first_at).total_seconds()
    return {
        "orders": told["orders"],
        "refunds": told["refunds"],
        "deliveries": told["deliveries"],
        "duplicates": told["duplicates"],
        "parked": row.parked,
        "entries": row.entries,
        "effects": row.effects,
        "platform_calls": told["platform_calls"],
        "seconds": round(seconds, 2),
        "orders_per_s": round(told["orders"] / seconds),
        "lag_ms": dict(zip(("p50", "p95", "p99"), (round(float(value)) for value in lag), strict=True)),
        "peak_mb": round(memory.peak_mb),
        "ledger_ok": not faults,
        "gaps": gaps,
    }
