"""The inbox: deliveries are durable before they are answered, and settled later, by the batch.

Coming in, `Receiver` gathers what many requests hand it at the same moment and writes it with one statement and one
commit: a request is answered when its delivery is on disk, never before. Going out, `Inbox.settle` claims many
deliveries of *one* shop, translates them, brings the mirror and every domain up to them, and marks them settled, all
in one unit of work. A batch that fails is tried again in halves until the one delivery that cannot be settled stands
alone, and is parked with its reason.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from commerce.customers import CustomerSnapshot
from commerce.events import (
    AppUninstalled,
    BadDelivery,
    CustomerChanged,
    Delivery,
    Event,
    OrderChanged,
    PrivacyAsked,
    RefundChanged,
    ScopesChanged,
)
from commerce.ids import DeliveryId, ShopId
from commerce.orders import OrderSnapshot
from engine import log, metrics, mirror, outbox, planner, privacy, shops
from engine.news import News
from engine.work import Database, UnitOfWork

Translate = Callable[[Delivery, shops.Shop], Sequence[Event]]
"""A platform's translator: a delivery of a shop into events. Raises `BadDelivery`."""

Reaction = Callable[[UnitOfWork, mirror.Accepted], None]
"""A domain's part of settling: look at these orders and customers again."""

# Every batch runs the same twenty-five statements, so a larger one costs less per order; beyond five hundred that gains
# nothing more, and a batch would hold its locks for longer than a page should wait.
BATCH = 500

# Errors of the database that say nothing about the deliveries: connection, resources, deadlock, serialisation, time-
# outs.
TRANSIENT = ("08", "40", "53", "55", "57")

_WAITING_SHOPS = text("""
    SELECT s.shop_id, s.platform FROM shops s WHERE EXISTS (
        SELECT FROM deliveries d WHERE d.shop_id = s.shop_id AND d.settled_at IS NULL AND d.parked_at IS NULL)
    ORDER BY s.shop_id
""")
_CLAIM = text("""
    SELECT delivery_id, topic, body, coalesce(triggered_at, received_at) AS observed_at, received_at
    FROM deliveries WHERE shop_id = :shop_id AND settled_at IS NULL AND parked_at IS NULL
    ORDER BY delivery_id LIMIT :limit FOR UPDATE SKIP LOCKED
""")
_CLAIM_THESE = text("""
    SELECT delivery_id, topic, body, coalesce(triggered_at, received_at) AS observed_at, received_at
    FROM deliveries WHERE shop_id = :shop_id AND delivery_id = ANY(:delivery_ids) AND settled_at IS NULL
        AND parked_at IS NULL
    ORDER BY delivery_id FOR UPDATE SKIP LOCKED
""")
_SETTLED = text("""
    UPDATE deliveries SET settled_at = :at, attempts = attempts + 1
    WHERE shop_id = :shop_id AND delivery_id = ANY(:delivery_ids)
""")
_PARK = text("""
    UPDATE deliveries SET parked_at = :now, reason = :reason, attempts = attempts + 1
    WHERE shop_id = :shop_id AND delivery_id = :delivery_id
""")
_NOTE = text("UPDATE deliveries SET reason = :reason WHERE shop_id = :shop_id AND delivery_id = ANY(:delivery_ids)")
_REPLAY = text("""
    UPDATE deliveries SET parked_at = NULL, reason = NULL
    WHERE shop_id = :shop_id AND delivery_id = :delivery_id AND parked_at IS NOT NULL RETURNING delivery_id
""")
# Batches of one shop are written one after the other: neighbouring deliveries speak of the same orders and customers,
# so two batches at once would wait on each other's rows, and now and then each on the other's. The next is read
# meanwhile.
# What is settled may be lost in a crash of the server: its deliveries are then still waiting, and settle to the same
# again. So this commit need not wait for the disk; that of the deliveries did.
_TAKE_TURN = text("""
    SELECT pg_advisory_xact_lock(hashtext('settle'), CAST(:shop_id % 2147483647 AS integer)),
           set_config('synchronous_commit', 'off', true)
""")
_WAIT_TURN = text("SELECT pg_advisory_xact_lock(hashtext('settle'), CAST(:shop_id % 2147483647 AS integer))")
_WAKE = text("SELECT pg_notify('perennial_inbox', CAST(CAST(:shop_id AS bigint) AS text))")

# What a body may grow to when it is unpacked: far above the door's limit, far below what would hurt.
UNPACKED_LIMIT = 64 * 1024 * 1024

logger = logging.getLogger("perennial.inbox")


class _Zstd(threading.local):
    """Each thread has its own: the library's compressors hold state while they work."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)
        self.decompressor = zstandard.ZstdDecompressor()


_zstd = _Zstd()


def pack(body: bytes) -> bytes:
    return _zstd.compressor.compress(body)


def unpack(body: bytes) -> bytes:
    return _zstd.decompressor.decompress(body, max_output_size=UNPACKED_LIMIT)


@dataclass(slots=True)
class _Batch:
    """The events of one claim, sorted by what they speak of."""

    orders: list[OrderChanged] = field(default_factory=list)
    refunds: list[RefundChanged] = field(default_factory=list)
    customers: list[CustomerChanged] = field(default_factory=list)
    others: list[AppUninstalled | ScopesChanged | PrivacyAsked] = field(default_factory=list)
    news: list[Event] = field(default_factory=list)

    def add(self, event: Event) -> None:
        match event:
            case OrderChanged():
                self.orders.append(event)
            case RefundChanged():
                self.refunds.append(event)
            case CustomerChanged():
                self.customers.append(event)
            case AppUninstalled() | ScopesChanged() | PrivacyAsked():
                self.others.append(event)
            case _:
                self.news.append(event)


class Inbox:
    """Settles deliveries. `translators` by platform and `reactions` in order are given by the composition root."""

    def __init__(self, database: Database, translators: Mapping[str, Translate], reactions: Sequence[Reaction]) -> None:
        self._database = database
        self._translators = translators
        self._reactions = reactions
        self._batches = 0

    def settle_round(self, limit: int = BATCH) -> int:
        """One batch of each shop that has deliveries waiting, so that a busy shop does not hold up the others.

        Answers how many.
        """
        with self._database.machine() as connection:
            waiting = connection.execute(_WAITING_SHOPS).all()
        return sum(self.settle(ShopId(row.shop_id), row.platform, limit) for row in waiting)

    def settle(self, shop_id: ShopId, platform: str, limit: int = BATCH) -> int:
        """Settle up to `limit` waiting deliveries of one shop; answers how many were settled or parked."""
        claimed: list[DeliveryId] = []
        try:
            return self._attempt(shop_id, platform, claimed, limit=limit)
        except Exception as error:
            if transient(error) or not claimed:
                raise
            logger.warning(
                "a batch of %d could not be settled and is tried in halves: %s", len(claimed), type(error).__name__
            )
            return self._in_halves(shop_id, platform, claimed, error)

    def _attempt(
        self,
        shop_id: ShopId,
        platform: str,
        claimed: list[DeliveryId],
        *,
        limit: int = 0,
        these: Sequence[DeliveryId] = (),
    ) -> int:
        with self._database.work(shop_id) as work:
            rows = work.rows(_CLAIM_THESE, delivery_ids=list(these)) if these else work.rows(_CLAIM, limit=limit)
            claimed.extend(row.delivery_id for row in rows)
            if not rows:
                return 0
            batch, good = self._read(work, platform, rows)
            work.run(_TAKE_TURN)
            self._bring_up_to(work, batch)
            settled_at = self._database.clock()
            work.run(_SETTLED, at=settled_at, delivery_ids=good)
        self._count_batch()
        metrics.deliveries_settled.inc(len(good))
        log.wide_many(logger, "settled", (_line(shop_id, row, settled_at) for row in rows))
        return len(rows)

    def _count_batch(self) -> None:
        """After the 1st, 2nd, 4th, 8th ... batch, let the planner learn how large the tables have become."""
        self._batches += 1
        if self._batches & (self._batches - 1) == 0:
            planner.learn(self._database)

    def _read(self, work: UnitOfWork, platform: str, rows: Sequence[Any]) -> tuple[_Batch, list[DeliveryId]]:
        """Translate the claimed deliveries;

        those that cannot be understood are parked here and now, and hold up nothing.
        """
        translate, batch, good = self._translators[platform], _Batch(), []
        shop = shops.current(work)
        for row in rows:
            try:
                for event in translate(Delivery(row.delivery_id, row.topic, unpack(row.body), row.observed_at), shop):
                    batch.add(event)
                good.append(row.delivery_id)
            except (BadDelivery, zstandard.ZstdError) as bad:
                work.run(_PARK, delivery_id=row.delivery_id, reason=str(bad)[:500], now=work.now)
                metrics.deliveries_parked.inc()
        return batch, good

    def _bring_up_to(self, work: UnitOfWork, batch: _Batch) -> None:
        news = News.of(batch.news) if batch.news else None
        accepted = mirror.accept(
            work,
            [e.order for e in batch.orders],
            [e.refund for e in batch.refunds],
            [e.customer for e in batch.customers],
            touched=news.before(work) if news else (),
        )
        settle_snapshots(work, self._reactions, news.after(work, accepted) if news else accepted)
        for event in batch.others:
            match event:
                case AppUninstalled():
                    shops.uninstall(work, event.at)
                case ScopesChanged():
                    if shops.grant(work, event.scopes, event.at):
                        outbox.hurry(work)
                case PrivacyAsked():
                    privacy.ask(work, event)

    def _in_halves(self, shop_id: ShopId, platform: str, ids: Sequence[DeliveryId], error: Exception) -> int:
        if len(ids) == 1:
            with self._database.work(shop_id) as work:
                work.run(_PARK, delivery_id=ids[0], reason=f"{type(error).__name__} while settling", now=work.now)
            metrics.deliveries_parked.inc()
            logger.error("a delivery cannot be settled and is parked", exc_info=error, extra={"delivery": ids[0]})
            return 1
        done = 0
        for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
            try:
                done += self._attempt(shop_id, platform, [], these=half)
            except Exception as again:
                if transient(again):
                    raise
                done += self._in_halves(shop_id, platform, half, again)
        return done


def settle_snapshots(work: UnitOfWork, reactions: Sequence[Reaction], accepted: mirror.Accepted) -> None:
    """Let each domain look again at what changed. Deliveries and reconciliation both end here."""
    if accepted:
        for react in reactions:
            react(work, accepted)


def settle_read(
    work: UnitOfWork,
    reactions: Sequence[Reaction],
    orders: Sequence[OrderSnapshot],
    customers: Sequence[CustomerSnapshot] = (),
) -> mirror.Accepted:
    """Settle what was read from the store, in turn with the batches of deliveries.

    Without the turn, an order read a moment ago could be written for a customer whom a delivery is just merging away.
    """
    work.run(_TAKE_TURN)
    accepted = mirror.accept(work, orders, (), customers)
    settle_snapshots(work, reactions, accepted)
    return accepted


def take_turn(work: UnitOfWork) -> None:
    """Wait until no batch of this shop is being settled; none will be until this unit of work ends.

    What is decided in a turn is on the disk when it ends, unlike a batch, whose deliveries could be settled again.
    """
    work.run(_WAIT_TURN)


def replay(work: UnitOfWork, delivery_id: DeliveryId) -> bool:
    """Put a parked delivery back among those that wait. False when it is not parked."""
    if work.row(_REPLAY, delivery_id=delivery_id) is None:
        return False
    work.run(_WAKE)
    return True


def transient(error: Exception) -> bool:
    """Whether the database, and not what was being settled, is at fault: trying again may help."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state is None or state.startswith(TRANSIENT)


def _line(shop_id: ShopId, row: Any, settled_at: datetime) -> dict[str, object]:
    waited = settled_at - row.observed_at
    return {
        "shop": shop_id,
        "delivery": row.delivery_id,
        "topic": row.topic,
        "lag_ms": round(waited.total_seconds() * 1000),
    }
