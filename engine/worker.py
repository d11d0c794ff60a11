"""The worker: settles what the door took in, pushes what the domains want, reads histories in, and keeps the clock
when it leads.

`NOTIFY` wakes it and a sweep every few seconds finds what a lost wake-up left, so a wake-up lost or doubled costs
latency and never data. Start as many workers as you like, on as many machines: rows are claimed with `SKIP LOCKED`,
jobs with a unique row.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from engine.backfill import Backfiller
from engine.inbox import BATCH as INBOX_BATCH
from engine.inbox import Inbox
from engine.mail import Mailer
from engine.outbox import BATCH as OUTBOX_BATCH
from engine.outbox import Outbox
from engine.schedule import Schedule
from engine.stale import StaleOrders
from engine.work import Database

SWEEP_SECONDS = 2.0

# A batch of two hundred costs little more than a batch of twenty. While deliveries keep coming, rounds are this far
# apart, so that they find a batch to settle and not a few; the first delivery after a quiet moment is settled at once.
GATHER_SECONDS = 0.1

# After the database went away: how long until the next try.
PAUSE_SECONDS = 1.0

# Two settle in turns: while the database writes one batch, Python reads the next.
SETTLERS = 2

CHANNELS = ("perennial_inbox", "perennial_outbox", "perennial_backfill")

logger = logging.getLogger("perennial.worker")


class Worker:
    """Settle, push, backfill and lead in one process.

    `run` blocks until `stop` is set, then lets each finish its batch.
    """

    def __init__(
        self,
        database: Database,
        inbox: Inbox,
        outbox: Outbox,
        schedule: Schedule,
        stale: StaleOrders,
        backfiller: Backfiller,
        mailer: Mailer | None = None,
    ) -> None:
        self._database = database
        self._schedule = schedule
        self._stale = stale
        self._mailer = mailer
        self._rounds: dict[str, Callable[[], int]] = {
            CHANNELS[0]: inbox.settle_round, CHANNELS[1]: outbox.push_round, CHANNELS[2]: backfiller.round,
        }  # fmt: skip
        # A round that found a whole batch left more behind: the next one follows at once.
        self._full = {CHANNELS[0]: INBOX_BATCH, CHANNELS[1]: OUTBOX_BATCH, CHANNELS[2]: 1}
        self._wake = {channel: threading.Event() for channel in CHANNELS}

    def run(self, stop: threading.Event) -> None:
        threads = [
            *(
                threading.Thread(target=self._repeat, args=(CHANNELS[0], stop), name=f"settle-{number}")
                for number in range(SETTLERS)
            ),
            threading.Thread(target=self._repeat, args=(CHANNELS[1], stop), name="push"),
            threading.Thread(target=self._repeat, args=(CHANNELS[2], stop), name="backfill"),
            threading.Thread(target=self._sweep_stale, args=(stop,), name="stale"),
            *([threading.Thread(target=self._post, args=(self._mailer, stop), name="mail")] if self._mailer else []),
            threading.Thread(target=self._schedule.lead, args=(stop,), name="lead"),
            threading.Thread(target=self._listen, args=(stop,), name="listen"),
        ]
        for thread in threads:
            thread.start()
        stop.wait()
        for event in self._wake.values():
            event.set()
        for thread in threads:
            thread.join()

    def _repeat(self, channel: str, stop: threading.Event) -> None:
        """Rounds while there is work; then wait to be woken, or for the sweep."""
        while not stop.is_set():
            self._wake[channel].clear()
            busy = self._one(channel, self._rounds[channel])
            if busy is None:
                stop.wait(PAUSE_SECONDS)
            elif busy:
                stop.wait(0 if busy >= self._full[channel] else GATHER_SECONDS)
            else:
                self._wake[channel].wait(SWEEP_SECONDS)

    def _one(self, name: str, round_of: Callable[[], int]) -> int | None:
        """How many one round did; None when it failed."""
        try:
            return round_of()
        except (DBAPIError, InterfaceError, PoolTimeout) as error:
            logger.warning("the database did not answer (%s); trying again", type(error).__name__)
        except Exception:
            # A mistake of ours in one round must not end the process that would settle everything else.
            logger.exception("a %s round failed", name)
        return None

    def _sweep_stale(self, stop: threading.Event) -> None:
        """Stale orders rest for seconds before anybody asks for them: nothing needs to wake this."""
        while not stop.is_set():
            if not self._one("stale", self._stale.look_again):
                stop.wait(SWEEP_SECONDS)

    def _post(self, mailer: Mailer, stop: threading.Event) -> None:
        """Send mails; a person waits for some of them, and none of them waits for anything else."""
        while not stop.is_set():
            if not self._one("mail", mailer.round):
                stop.wait(SWEEP_SECONDS)

    def _listen(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(self._database.conninfo, autocommit=True) as connection:
                    for channel in CHANNELS:
                        connection.execute(f"LISTEN {channel}")
                    while not stop.is_set():
                        for notice in connection.notifies(timeout=0.5):
                            self._wake[notice.channel].set()
            except psycopg.Error:
                stop.wait(PAUSE_SECONDS)
