"""The clock: APScheduler says *when*, the database says *once*.

Every worker may run for leader; the one that holds an advisory lock on a connection of its own keeps the clock, and
when its connection dies the next takes over within seconds. Should two believe that they lead for a moment, the
unique row (shop, job, slot) lets only one of them run a job. Jobs are written to catch up ("everything that is due"),
never to fire at an exact moment, so a missed slot costs nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from commerce.ids import ShopId
from engine import log, shops
from engine.work import Database, UnitOfWork

# "CLOK" in ASCII: any constant does, as long as every worker uses the same.
LEADER_LOCK = 0x434C4F4B

_TRY_LOCK = text("SELECT pg_try_advisory_lock(:key)")
_ALIVE = text("SELECT 1")
_TICK = text(
    "INSERT INTO ticks (shop_id, job, slot) VALUES (:shop_id, :job, :slot) ON CONFLICT DO NOTHING RETURNING slot"
)
_FORGET_TICKS = text("DELETE FROM ticks WHERE shop_id = :shop_id AND job = :job AND slot < :slot")

logger = logging.getLogger("perennial.schedule")


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do for each installed shop every so often.

    `inside` runs in the unit of work that writes the tick: both happen, or neither. `after` runs when that one has
    committed, for jobs that speak to the store; it must be safe to repeat.
    """

    name: str
    every_seconds: int
    inside: Callable[[UnitOfWork], object] | None = None
    after: Callable[[shops.Shop], None] | None = None


def slot(job: Job, now: datetime) -> datetime:
    """The start of the period of `job` in which `now` lies: equal for all processes that look within one period."""
    seconds = int(now.timestamp()) // job.every_seconds * job.every_seconds
    return datetime.fromtimestamp(seconds, UTC)


class Schedule:
    """Runs jobs, each once a slot and shop, however many processes try."""

    def __init__(self, database: Database, jobs: Sequence[Job]) -> None:
        self._database = database
        self._jobs = jobs

    def fire(self, job: Job) -> int:
        """Run `job` for every installed shop that has not had it in this slot. Answers for how many it ran."""
        with self._database.machine() as connection:
            installed = shops.installed(connection)
        return sum(self._fire_for(job, shop) for shop in installed)

    def _fire_for(self, job: Job, shop: shops.Shop) -> bool:
        try:
            return self.fire_once(job, shop)
        except Exception:
            # One shop's trouble is not the others': it is said aloud here, and the next slot tries again.
            logger.exception("job %s failed", job.name, extra={"shop": shop.shop_id, "job": job.name})
            return False

    def fire_once(self, job: Job, shop: shops.Shop) -> bool:
        """Run `job` for one shop unless this slot has had it."""
        with self._database.work(ShopId(shop.shop_id)) as work:
            this_slot = slot(job, work.now)
            if work.row(_TICK, job=job.name, slot=this_slot) is None:
                return False
            work.run(_FORGET_TICKS, job=job.name, slot=this_slot)
            if job.inside:
                job.inside(work)
        started = time.monotonic()
        if job.after:
            job.after(shop)
        log.wide(logger, "job", shop=shop.shop_id, job=job.name, ms=round((time.monotonic() - started) * 1000))
        return True

    def lead(self, stop: threading.Event, poll_seconds: float = 2.0) -> None:
        """Try to become leader until `stop`; while leading, keep the clock. Blocks: give it a thread."""
        while not stop.is_set():
            try:
                with self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    if connection.execute(_TRY_LOCK, {"key": LEADER_LOCK}).scalar_one():
                        self._keep_clock(connection, stop, poll_seconds)
                    # A pooled connection would keep the lock: this one is closed for good.
                    connection.invalidate()
            except DBAPIError:
                logger.warning("the leader's connection was lost; another worker may take over")
            stop.wait(poll_seconds)

    def _keep_clock(self, connection: Connection, stop: threading.Event, poll_seconds: float) -> None:
        clock = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "misfire_grace_time": None},
        )
        for job in self._jobs:
            clock.add_job(
                self.fire,
                "interval",
                args=[job],
                seconds=job.every_seconds,
                next_run_time=self._database.clock(),
                id=job.name,
            )
        clock.start()
        logger.info("this worker keeps the clock")
        try:
            while not stop.is_set():
                connection.execute(_ALIVE)
                stop.wait(poll_seconds)
        finally:
            clock.shutdown(wait=True)
