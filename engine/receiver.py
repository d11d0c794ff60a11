"""Group commit at the door: what many requests bring at the same moment becomes one statement and one commit.

Each web process has one `Receiver` and in it one writer thread with one connection. A request hands over its delivery
and waits; the writer takes what has gathered, writes it, commits, and wakes the waiting. While it writes, the next
group gathers: the busier, the larger the group, and the cheaper each delivery.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from commerce.events import Envelope
from commerce.ids import ShopId
from engine import log, metrics
from engine.inbox import pack
from engine.work import MACHINE_ROLE, Database

# Larger groups gain nothing more; smaller ones keep a burst from holding the first of them up.
GROUP = 128

# After a group of several, the writer lets the next gather for this long: under load each commit then carries more, and
# a lone delivery never waits.
GATHER_SECONDS = 0.003

# More than this many waiting means that the database is away: say so at once instead of holding the platform's
# connection.
WAITING_LIMIT = 4096

# The platform gives up after five seconds; we say "later" before that.
PATIENCE_SECONDS = 3.0

_INSERT = text("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:shop_ids AS bigint[]), CAST(:keys AS text[]), CAST(:topics AS text[]),
                             CAST(:triggered AS timestamptz[]), CAST(:received AS timestamptz[]),
                             CAST(:bodies AS bytea[]))
            AS g(shop_id, dedupe_key, topic, triggered_at, received_at, body)
    ), inserted AS (
        INSERT INTO deliveries (shop_id, dedupe_key, topic, triggered_at, received_at, body)
        SELECT * FROM given ORDER BY shop_id, dedupe_key
        ON CONFLICT DO NOTHING RETURNING shop_id, dedupe_key
    ), woken AS (SELECT pg_notify('perennial_inbox', '') FROM (SELECT FROM inserted LIMIT 1) one)
    SELECT shop_id, dedupe_key FROM inserted, (SELECT count(*) FROM woken) w
""")
_BE_MACHINE = text(f"SELECT set_config('role', '{MACHINE_ROLE}', false)")
_STRAY = text("""
    INSERT INTO strays (platform, domain, topic, seen, last_at) VALUES (:platform, :domain, :topic, 1, :now)
    ON CONFLICT (platform, domain, topic) DO UPDATE SET seen = strays.seen + 1, last_at = excluded.last_at
""")

logger = logging.getLogger("perennial.door")


class Overloaded(Exception):
    """The delivery could not be made durable in time. The platform is told to come back."""


@dataclass(slots=True)
class _Waiting:
    shop_id: ShopId
    envelope: Envelope
    received_at: datetime
    body: bytes
    done: threading.Event = field(default_factory=threading.Event)
    failed: bool = False
    duplicate: bool = False


class Receiver:
    """Makes deliveries durable. `receive` returns once the delivery is committed, or raises `Overloaded`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: list[_Waiting] = []
        self._gathered = threading.Condition()
        self._closing = False
        self._closed = threading.Event()
        self._writer = threading.Thread(target=self._write_forever, name="receiver", daemon=True)
        self._writer.start()

    def receive(self, shop_id: ShopId, envelope: Envelope, body: bytes) -> bool:
        """Make one delivery durable. False when it was there already: a duplicate is as good as done."""
        waiting = _Waiting(shop_id, envelope, self._database.clock(), body)
        with self._gathered:
            if self._closing or len(self._queue) >= WAITING_LIMIT:
                raise Overloaded("too many deliveries are waiting to be written")
            self._queue.append(waiting)
            if len(self._queue) == 1:
                self._gathered.notify()
        if not waiting.done.wait(PATIENCE_SECONDS) or waiting.failed:
            raise Overloaded("the delivery could not be written in time")
        return not waiting.duplicate

    def note_stray(self, platform: str, envelope: Envelope) -> None:
        """Count a signed delivery for a shop that we do not know. Its body is nobody's here, and is not kept."""
        with self._database.machine() as connection:
            connection.execute(
                _STRAY,
                {
                    "platform": platform,
                    "domain": envelope.shop_domain,
                    "topic": envelope.topic,
                    "now": self._database.clock(),
                },
            )

    def close(self) -> None:
        """Write what has gathered, then stop."""
        self._closed.set()
        with self._gathered:
            self._closing = True
            self._gathered.notify()
        self._writer.join()

    def _write_forever(self) -> None:
        """Write groups on a connection of the writer's own, made again when it breaks."""
        connection: Connection | None = None
        group: Sequence[_Waiting] = ()
        while group := self._next_group(len(group)):
            try:
                connection = connection or self._connect()
                self._write(connection, group)
            except SQLAlchemyError:
                logger.exception("a group of %d deliveries could not be written", len(group))
                for waiting in group:
                    waiting.failed = True
                _drop(connection)
                connection = None
            finally:
                for waiting in group:
                    waiting.done.set()
        _drop(connection)

    def _connect(self) -> Connection:
        """One statement is one transaction here, and the role is entered once: a group costs a single round trip."""
        connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(_BE_MACHINE)
        return connection

    def _next_group(self, last: int) -> Sequence[_Waiting]:
        if last > 1:
            self._closed.wait(GATHER_SECONDS)
        with self._gathered:
            while not self._queue and not self._closing:
                self._gathered.wait()
            group, self._queue = self._queue[:GROUP], self._queue[GROUP:]
            return group

    def _write(self, connection: Connection, group: Sequence[_Waiting]) -> None:
        inserted = {(row.shop_id, row.dedupe_key) for row in connection.execute(_INSERT, _columns(group))}
        for waiting in group:
            key = (waiting.shop_id, waiting.envelope.dedupe_key)
            # Twice in one group: the first of them is the delivery, the second its duplicate.
            waiting.duplicate = key not in inserted
            inserted.discard(key)
        duplicates = sum(waiting.duplicate for waiting in group)
        metrics.deliveries_received.inc(len(group) - duplicates)
        metrics.deliveries_duplicate.inc(duplicates)
        log.wide_many(logger, "received", (_line(waiting) for waiting in group))


def _drop(connection: Connection | None) -> None:
    """Throw a connection away that has failed; the pool must not hand it, and the role it is in, to anybody else."""
    if connection is not None:
        connection.invalidate()
        connection.close()


def _columns(group: Sequence[_Waiting]) -> dict[str, list[object]]:
    return {
        "shop_ids": [w.shop_id for w in group],
        "keys": [w.envelope.dedupe_key for w in group],
        "topics": [w.envelope.topic for w in group],
        "triggered": [w.envelope.triggered_at for w in group],
        "received": [w.received_at for w in group],
        # Packed here, by one thread: each call lets go of the interpreter, and a crowd would fight for it back.
        "bodies": [pack(w.body) for w in group],
    }


def _line(waiting: _Waiting) -> dict[str, object]:
    return {
        "shop": waiting.shop_id,
        "topic": waiting.envelope.topic,
        "delivery_key": waiting.envelope.dedupe_key,
        "duplicate": waiting.duplicate,
        "bytes": len(waiting.body),
    }
