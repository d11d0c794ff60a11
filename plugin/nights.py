"""Nights: when a shop's customers are due to be reckoned, a process of its own does it, and ends.

What it needs (numpy, and columns of a million customers) would stay in the worker's memory for ever. So the worker only
looks who is due, and starts `app.py lifecycle nightly`, one on a machine at a time; that one goes through all shops
that are due, one after the other, with less right to the processor than those who serve people.
"""

from __future__ import annotations

import argparse
import atexit
import logging
import os
import subprocess
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import lifecycle
from engine import log, shops
from engine.shops import Shop
from engine.work import Database
from plugin.bars import bars

# How much less of the processor a night asks for.
NICENESS = 10
# After a night that failed: how long until the next try.
REST = timedelta(minutes=15)

logger = logging.getLogger("perennial.nights")


class House(Protocol):
    """What these commands need of the composition root."""

    @property
    def database(self) -> Database: ...


class Nights:
    """The worker's part: start a night when one is due. `command` runs the command line's part."""

    def __init__(self, database: Database, command: Sequence[str]) -> None:
        self._database = database
        self._command = [*command, "lifecycle", "nightly"]
        self._running: subprocess.Popen[bytes] | None = None
        self._rest_until: datetime | None = None
        atexit.register(self.stop)

    def look(self, shop: Shop) -> None:
        """Start a night if this shop is due and none is under way. Whoever else is due has its turn in the same one."""
        now = self._database.clock()
        if self._busy(now) or (self._rest_until is not None and now < self._rest_until):
            return
        with self._database.work(shop.shop_id) as work:
            due = lifecycle.night_due(work)
        if due:
            self._running = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)

    def _busy(self, now: datetime) -> bool:
        if self._running is None or self._running.poll() is None:
            return self._running is not None
        if self._running.returncode:
            logger.error("a night ended with status %d; the next is tried later", self._running.returncode)
            self._rest_until = now + REST
        self._running = None
        return False

    def stop(self) -> None:
        """End the night that is under way. Nothing is lost: the next one goes on."""
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()
            self._running.wait()


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--shop", help="this shop, due or not, by its address, such as kettle.example; without it, whoever is due"
    )


def run(house: House, chosen: argparse.Namespace) -> int:
    """Reckon the customers of one shop, or of all that are due; 1 where one failed, 2 where there is no such shop."""
    os.nice(NICENESS)
    with house.database.machine() as connection:
        found = [shop for shop in shops.installed(connection) if chosen.shop in (None, shop.domain)]
    if chosen.shop and not found:
        print(f"No shop {chosen.shop} has the app installed.")
        return 2
    failed = 0
    for shop in found:
        try:
            if chosen.shop or _due(house.database, shop):
                _reckon(house.database, shop)
        except lifecycle.Reckoning as busy:
            print(f"{shop.domain}: {busy.message}")
        except Exception:
            # One shop's trouble is not the others'.
            failed += 1
            logger.exception("a night failed", extra={"shop": shop.shop_id})
    return 1 if failed else 0


def _due(database: Database, shop: Shop) -> bool:
    with database.work(shop.shop_id) as work:
        return lifecycle.night_due(work)


def _reckon(database: Database, shop: Shop) -> None:
    began = database.clock()
    with bars() as progress:
        bar = progress.add_task(f"{shop.domain}: customers", total=None)
        night = lifecycle.score_everybody(
            database, shop.shop_id, lambda done, whole: progress.update(bar, completed=done, total=whole)
        )
    ms = round((database.clock() - began).total_seconds() * 1000)
    log.wide(
        logger, "night", shop=shop.shop_id, method=night.method, purchases=night.purchases, customers=night.customers,
        written=night.written, ms=ms,
    )  # fmt: skip
