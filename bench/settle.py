"""How many orders a second are settled that are in the inbox already, by real `worker` processes.

The inbox of a fresh database is filled once; each run works on a copy of that. The workers are started in front of a
locked table, which is unlocked when all of them stand there: the time runs from then to the last `settled_at`. The
clock's jobs do not run and nothing is pushed: this is settling alone.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from subprocess import Popen

import psycopg
from rich.progress import Progress, TaskID
from sqlalchemy import make_url

from bench import cpu
from bench.figures import BenchFailed, Options, Result, Row, median, rounded
from bench.ground import ROOT, Ground, clock, ground
from bench.store import history
from engine.inbox import BATCH
from engine.schedule import LEADER_LOCK
from plugin.demo import machine

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 600

_STANDING = """
    SELECT count(DISTINCT pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE NOT l.granted AND l.relation = 'shops'::regclass AND d.datname = current_database()
"""
_WAITING = "SELECT count(*) FROM deliveries WHERE settled_at IS NULL AND parked_at IS NULL"
_OUTCOME = "SELECT max(settled_at), count(*) FILTER (WHERE parked_at IS NOT NULL) FROM deliveries"
_ORDERS = "SELECT count(*) FROM deliveries WHERE topic = 'orders/paid'"


@dataclass(frozen=True, slots=True)
class Run:
    seconds: float
    python_us: float | None
    postgres_us: float | None


def measure(options: Options, progress: Progress) -> Result:
    sources = ["cdnow", *([str(options.data)] if options.data else [])]
    rows, facts = list[Row](), dict[str, object]()
    for source in sources:
        name = Path(source).stem
        with ground(options.tenants, rich=options.rich) as place:
            found, measured = _history(source, name, place, options, progress)
        rows += found
        facts[name] = measured
    return Result(
        rows,
        {
            "workers": options.workers,
            "shops": options.tenants,
            "batch": options.batch or BATCH,
            "runs": options.runs,
            "rich": options.rich,
        }
        | facts,
    )


def _history(
    source: str, name: str, place: Ground, options: Options, progress: Progress
) -> tuple[list[Row], dict[str, object]]:
    filling = progress.add_task(f"{name}: filling the inbox", total=None)
    deliveries = place.fill(progress.track(history(source, options.limit), task_id=filling))
    progress.update(filling, total=deliveries, completed=deliveries)
    with place.connect() as connection:
        orders = _one(connection, _ORDERS)
    runs = [_run(place, number, deliveries, orders, options, progress) for number in range(1, options.runs + 1)]
    orders_per_s = median([orders / run.seconds for run in runs])
    python, postgres = median([run.python_us for run in runs]), median([run.postgres_us for run in runs])
    rows = [
        Row(f"settle {name}, {options.workers} workers, {options.tenants} shops", orders, orders_per_s, "orders/s"),
        Row(f"settle {name}, CPU of Python", orders, python, "µs/order"),
        Row(f"settle {name}, CPU of PostgreSQL", orders, postgres, "µs/order"),
    ]
    facts: dict[str, object] = {"orders": orders, "deliveries": deliveries, "orders_per_s": rounded(orders_per_s, 0)}
    return rows, facts | {"python_us_per_order": rounded(python), "postgres_us_per_order": rounded(postgres)}


def _run(place: Ground, number: int, deliveries: int, orders: int, options: Options, progress: Progress) -> Run:
    bar = progress.add_task(f"run {number} of {options.runs}", total=deliveries)
    with place.copied(f"run_{number}") as url, _gate(url, options) as gate, _workers(place, url, options) as workers:
        gate.wait_for(workers)
        pids = [worker.pid for worker in workers.values()]
        python, postgres = cpu.of_families(pids), cpu.of_families([place.server])
        began = clock()
        gate.open()
        ended = _settled(gate.connection, workers, bar, progress)
        return Run(
            (ended - began).total_seconds(),
            cpu.between(python, cpu.of_families(pids), orders),
            cpu.between(postgres, cpu.of_families([place.server]), orders),
        )


def _settled(
    connection: psycopg.Connection[tuple[object, ...]],
    workers: dict[str, Popen[bytes]],
    bar: TaskID,
    progress: Progress,
) -> datetime:
    """Wait until nothing waits; answers with the instant of the last that was settled."""
    total, deadline = progress.tasks[bar].total or 0, time.monotonic() + PATIENCE_SECONDS
    while waiting := _one(connection, _WAITING):
        progress.update(bar, completed=total - waiting)
        machine.check_alive(workers)
        if time.monotonic() > deadline:
            raise BenchFailed(f"{waiting} deliveries were not settled within {PATIENCE_SECONDS} seconds")
        threading.Event().wait(LOOK_SECONDS)
    progress.update(bar, completed=total)
    row = connection.execute(_OUTCOME).fetchone()
    assert row is not None
    if row[1]:
        raise BenchFailed(f"{row[1]} deliveries were parked, so the speed says nothing")
    assert isinstance(row[0], datetime)
    return row[0]


@dataclass(frozen=True, slots=True)
class Gate:
    """Holds every worker at its first look for work; `connection` is for looking on."""

    connection: psycopg.Connection[tuple[object, ...]]
    lock: psycopg.Connection[tuple[object, ...]]
    threads: int
    """How many of a worker's threads look for work."""

    def wait_for(self, workers: dict[str, Popen[bytes]]) -> None:
        deadline = time.monotonic() + machine.START_SECONDS
        while _one(self.connection, _STANDING) < len(workers) * self.threads:
            machine.check_alive(workers)
            if time.monotonic() > deadline:
                raise BenchFailed("the workers did not come up")
            threading.Event().wait(0.05)

    def open(self) -> None:
        self.lock.rollback()


@contextmanager
def _gate(url: str, options: Options) -> Iterator[Gate]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection, psycopg.connect(plain) as lock:
        # Who leads keeps the clock: nobody, while this is held.
        connection.execute("SELECT pg_advisory_lock(%s)", [LEADER_LOCK])
        lock.execute("LOCK TABLE shops IN ACCESS EXCLUSIVE MODE")
        # A real worker looks for deliveries and for effects, at the same time.
        yield Gate(connection, lock, threads=1 if options.batch else 2)


@contextmanager
def _workers(place: Ground, url: str, options: Options) -> Iterator[dict[str, Popen[bytes]]]:
    """`app.py worker` processes, or hands of our own where the batch is not theirs."""
    command = [sys.executable, "app.py", "worker"]
    if options.batch:
        command = [sys.executable, "-m", "bench.hand", url, str(options.batch)]
    workers = dict[str, Popen[bytes]]()
    try:
        for number in range(1, options.workers + 1):
            name = f"worker {number}"
            workers[name] = machine.start(command, ROOT, place.environment(url), place.home / f"{name}.log")
        yield workers
    finally:
        machine.stop_all(workers)


def _one(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]
