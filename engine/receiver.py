"""Group commit at the door: what many requests bring at the same moment becomes one statement and one commit.

Each web process has one `Receiver` with one connection. A request hands over its delivery and awaits it; what has
gathered is written and committed, and then the whole group is answered. While a group is written, the next gathers:
the busier, the larger the group, and the cheaper each delivery. All of it happens on the event loop: a thread of its
own would wait for the interpreter at each step, just when the loop is busiest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy import text

from commerce.events import Envelope
from commerce.ids import ShopId
from engine import log, metrics
from engine.inbox import pack
from engine.work import MACHINE_ROLE, Database

# Larger groups gain nothing more; smaller ones keep a burst from holding the first of them up.
GROUP = 128

# After a group of several, the writer lets the next gather for this long: under load each commit then carries more, and
# a lone delivery never waits.
GATHER_SECONDS = 0.005

# More than this many waiting means that the database is away: say so at once instead of holding the platform's
# connection.
WAITING_LIMIT = 4096

# The platform gives up after five seconds; we say "later" before that.
PATIENCE_SECONDS = 3.0

_INSERT = """
    WITH given AS (
        SELECT * FROM unnest(%(shop_ids)s::bigint[], %(keys)s::text[], %(topics)s::text[],
                             %(triggered)s::timestamptz[], %(received)s::timestamptz[], %(bodies)s::bytea[])
            AS g(shop_id, dedupe_key, topic, triggered_at, received_at, body)
    ), inserted AS (
        INSERT INTO deliveries (shop_id, dedupe_key, topic, triggered_at, received_at, body)
        SELECT * FROM given ORDER BY shop_id, dedupe_key
        ON CONFLICT DO NOTHING RETURNING shop_id, dedupe_key
    ), woken AS (SELECT pg_notify('perennial_inbox', '') FROM (SELECT FROM inserted LIMIT 1) one)
    SELECT shop_id, dedupe_key FROM inserted, (SELECT count(*) FROM woken) w
"""
_BE_MACHINE = f"SELECT set_config('role', '{MACHINE_ROLE}', false)"
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
    done: asyncio.Future[bool]
    """True once it is written, False when it had been there already."""


class Receiver:
    """Makes deliveries durable. To be used from one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: list[_Waiting] = []
        self._closing = False
        self._writing: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[tuple[int, str]] | None = None

    async def receive(self, shop_id: ShopId, envelope: Envelope, body: bytes) -> bool:
        """Make one delivery durable. False when it was there already: a duplicate is as good as done.

        Returns once the delivery is committed, or raises `Overloaded`.
        """
        if self._closing or len(self._queue) >= WAITING_LIMIT:
            raise Overloaded("too many deliveries are waiting to be written")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(shop_id, envelope, self._database.clock(), body, loop.create_future())
        self._queue.append(waiting)
        if self._writing is None:
            self._writing = loop.create_task(self._write_gathered())
        return await waiting.done

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

    async def close(self) -> None:
        """Write what has gathered, then stop."""
        if self._closing:
            return
        self._closing = True
        if self._writing is not None:
            await self._writing
        await self._drop()

    async def _write_gathered(self) -> None:
        """Write group after group until nobody waits."""
        while self._queue:
            group, self._queue = self._queue[:GROUP], self._queue[GROUP:]
            writing = asyncio.create_task(self._write(group))
            await asyncio.wait({writing}, timeout=PATIENCE_SECONDS)
            if writing.done():
                _answer(group, writing.result())
            else:
                # The database hangs: whoever queues behind would wait as long, and longer than the platform does.
                logger.error("a group of %d deliveries was not written in time", len(group))
                writing.cancel()
                waiting, self._queue = [*group, *self._queue], []
                _answer(waiting, None)
                await self._drop()
            if len(group) > 1 and not self._closing:
                await asyncio.sleep(GATHER_SECONDS)
        self._writing = None

    async def _write(self, group: Sequence[_Waiting]) -> Sequence[bool] | None:
        """Whether each of the group is new; None when the group could not be written."""
        try:
            if self._connection is None:
                self._connection = await self._connect()
            cursor = await self._connection.execute(_INSERT, _columns(group), prepare=True)
            inserted = set(await cursor.fetchall())
        except (psycopg.Error, OSError):
            logger.exception("a group of %d deliveries could not be written", len(group))
            await self._drop()
            return None
        new = []
        for waiting in group:
            key = (waiting.shop_id, waiting.envelope.dedupe_key)
            # Twice in one group: the first of them is the delivery, the second its duplicate.
            new.append(key in inserted)
            inserted.discard(key)
        metrics.deliveries_received.inc(sum(new))
        metrics.deliveries_duplicate.inc(len(new) - sum(new))
        log.wide_many(logger, "received", (_line(*each) for each in zip(group, new, strict=True)))
        return new

    async def _connect(self) -> psycopg.AsyncConnection[tuple[int, str]]:
        """One statement is one transaction here, and the role is entered once: a group costs a single round trip."""
        connection = await psycopg.AsyncConnection.connect(self._database.conninfo, autocommit=True)
        await connection.execute(_BE_MACHINE)
        return connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _answer(group: Sequence[_Waiting], written: Sequence[bool] | None) -> None:
    for at, waiting in enumerate(group):
        if waiting.done.done():  # who waited was cancelled: the other side hung up
            continue
        if written is None:
            waiting.done.set_exception(Overloaded("the delivery could not be written"))
        else:
            waiting.done.set_result(written[at])


def _columns(group: Sequence[_Waiting]) -> dict[str, list[object]]:
    return {
        "shop_ids": [w.shop_id for w in group],
        "keys": [w.envelope.dedupe_key for w in group],
        "topics": [w.envelope.topic for w in group],
        "triggered": [w.envelope.triggered_at for w in group],
        "received": [w.received_at for w in group],
        "bodies": [pack(w.body) for w in group],
    }


def _line(waiting: _Waiting, new: bool) -> dict[str, object]:
    return {
        "shop": waiting.shop_id,
        "topic": waiting.envelope.topic,
        "delivery_key": waiting.envelope.dedupe_key,
        "duplicate": not new,
        "bytes": len(waiting.body),
    }
