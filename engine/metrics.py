"""Prometheus metrics: counters of what this machine's processes did, and gauges read from the database when they are
asked for.

Counters are shared by the processes of one machine through files (``PROMETHEUS_MULTIPROC_DIR``, set by the
composition root before this module is imported). Depth and lag come from the database itself: they are right
whichever process answers. No shop labels: a shop is not a dimension that a time series should grow by, and its name
is nobody else's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.values import ValueClass
from sqlalchemy import text

from engine.work import Database

deliveries_received = Counter("perennial_deliveries_received_total", "Deliveries made durable by the door")
deliveries_duplicate = Counter("perennial_deliveries_duplicate_total", "Deliveries that were there already")
deliveries_refused = Counter("perennial_deliveries_refused_total", "POSTs to the door that were not taken", ["status"])
deliveries_settled = Counter("perennial_deliveries_settled_total", "Deliveries settled")
deliveries_parked = Counter("perennial_deliveries_parked_total", "Deliveries set aside after giving up")
effects_pushed = Counter("perennial_effects_pushed_total", "Effects pushed to a store")
effects_parked = Counter("perennial_effects_parked_total", "Effects set aside after giving up")
bulk_runs_begun = Counter("perennial_bulk_runs_begun_total", "Bulk runs that effects were handed to")
bulk_runs_ended = Counter("perennial_bulk_runs_ended_total", "Bulk runs that ended, by how", ["outcome"])
gaps_healed = Counter("perennial_gaps_healed_total", "Orders and customers that reconciliation found behind")
request_seconds = Histogram("perennial_request_seconds", "Time to answer a page or an API request", ["endpoint"])

_STATE = text("""
    SELECT (SELECT count(*) FROM deliveries WHERE settled_at IS NULL AND parked_at IS NULL) AS inbox_waiting,
           (SELECT min(received_at) FROM deliveries WHERE settled_at IS NULL AND parked_at IS NULL) AS inbox_oldest,
           (SELECT count(*) FROM deliveries WHERE parked_at IS NOT NULL) AS inbox_parked,
           (SELECT count(*) FROM effects WHERE pushed_at IS NULL AND parked_at IS NULL) AS outbox_waiting,
           (SELECT min(due_at) FROM effects WHERE pushed_at IS NULL AND parked_at IS NULL) AS outbox_oldest,
           (SELECT count(*) FROM effects WHERE parked_at IS NOT NULL) AS outbox_parked,
           (SELECT count(*) FROM shops WHERE uninstalled_at IS NULL) AS shops,
           (SELECT count(*) FROM shops WHERE uninstalled_at IS NULL AND closed_until > :now) AS shops_closed
""")
_HELP = {
    "inbox_waiting": "Deliveries that wait to be settled",
    "inbox_oldest_seconds": "Age of the oldest delivery that waits",
    "inbox_parked": "Deliveries set aside for a person to look at",
    "outbox_waiting": "Effects that wait to be pushed",
    "outbox_oldest_seconds": "How long the effect that is longest due has waited",
    "outbox_parked": "Effects set aside for a person to look at",
    "shops": "Shops that have the app installed",
    "shops_closed": "Shops whose stores answer nobody just now",
}


class _State:
    """Gauges computed from the database at each scrape."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = self._database.clock()
        with self._database.machine() as connection:
            row = dict(connection.execute(_STATE, {"now": now}).one()._mapping)
        for box in ("inbox", "outbox"):
            row[f"{box}_oldest_seconds"] = _age(row.pop(f"{box}_oldest"), now)
        for name, value in row.items():
            yield GaugeMetricFamily(f"perennial_{name}", _HELP[name], value=value)


def _age(instant: datetime | None, now: datetime) -> float:
    return max(0.0, (now - instant).total_seconds()) if instant else 0.0


def page(database: Database) -> bytes:
    """The metrics page, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_State(database))
    if getattr(ValueClass, "__name__", "") == "MmapedValue":
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    from prometheus_client import REGISTRY

    return generate_latest(registry) + generate_latest(REGISTRY)
