"""Reconciliation: ask the store what changed, compare with the mirror, and settle the difference through the same
code as a delivery.

Platforms do not promise to deliver. The shop's `reconciled_to` is a watermark: everything that changed before it has
been compared. Each run starts a little before it, because a store's listing lags behind its own writes, and moves it
forward only when the whole run succeeded. Each night, by the shop's own clock, a deep one looks back over a month,
and also for orders that the store has deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from commerce.events import OrderDeleted
from commerce.history import Store
from commerce.ids import ShopId
from commerce.orders import OrderStamp
from engine import backfills, gone, log, metrics, mirror, reconciliations, shops
from engine.inbox import Reaction, settle_read, settle_snapshots
from engine.reconciliations import Reconciliation
from engine.work import Database

OVERLAP = timedelta(minutes=10)

# Orders fetched whole and settled in one unit of work.
CHUNK = 50

# The deep look back. Long enough that a store, a server or we may be out of order for weeks; listing it costs a call
# for each hundred orders.
DEEP = timedelta(days=30)

# Hours of the shop's night. Three of them: on one night of the year one is missing, and a worker may be restarted.
NIGHT = range(3, 6)
ONCE_A_NIGHT = timedelta(hours=12)

# A platform that shows the orders of 60 days only says nothing of older ones: silence about those is no deletion.
SHOWN_FOR = timedelta(days=55)

# More deletions in one night than this, and more than a tenth of what was compared, are not believed: it is likelier
# that the store does not show us everything.
BELIEVED = 20

logger = logging.getLogger("perennial.reconcile")


@dataclass
class _Count:
    """What a run has found so far. `listed` are the orders that the store named."""

    customers: int = 0
    customers_healed: int = 0
    orders_healed: int = 0
    listed: list[str] = field(default_factory=list)


class Reconciler:
    """Finds and heals what deliveries did not tell us."""

    def __init__(self, database: Database, connect: Callable[[ShopId], Store], reactions: Sequence[Reaction]) -> None:
        self._database = database
        self._connect = connect
        self._reactions = reactions

    def run(self, shop: shops.Shop, since: datetime | None = None) -> int:
        """Compare everything that changed since the watermark (or `since`);

        answers how many gaps were found and healed.
        """
        return self.compare(shop, since).gaps

    def compare(self, shop: shops.Shop, since: datetime | None = None) -> Reconciliation:
        """Compare everything that changed since the watermark (or `since`): what was found, and healed."""
        started = self._database.clock()
        store, start = self._connect(shop.shop_id), since or shop.reconciled_to - OVERLAP
        return self._finish(shop, started, start, self._heal(store, shop.shop_id, start))

    def nightly(self, shop: shops.Shop) -> Reconciliation | None:
        """The deep comparison, once in each night of the shop; None by day, and while its history is read in."""
        now = self._database.clock()
        if now.astimezone(_zone(shop.timezone)).hour not in NIGHT:
            return None
        with self._database.work(shop.shop_id) as work:
            last, backfill = reconciliations.latest_deep(work), backfills.latest(work)
        reading = backfill is not None and backfill.running and backfill.trouble is None
        if reading or (last and now - last.started_at < ONCE_A_NIGHT):
            return None
        return self.deep(shop)

    def deep(self, shop: shops.Shop) -> Reconciliation:
        """Compare everything that changed in the last month, and find orders that the store has deleted."""
        started = self._database.clock()
        store, start = self._connect(shop.shop_id), started - DEEP
        count = self._heal(store, shop.shop_id, start)
        return self._finish(shop, started, start, count, deleted=self._delete(store, shop.shop_id, start, count))

    def _finish(
        self, shop: shops.Shop, started: datetime, since: datetime, count: _Count, deleted: int | None = None
    ) -> Reconciliation:
        with self._database.work(shop.shop_id) as work:
            found = Reconciliation(
                deleted is not None, since, started, work.now, len(count.listed) + count.customers,
                count.orders_healed, count.customers_healed, deleted or 0,
            )  # fmt: skip
            shops.reconciled_to(work, started)
            reconciliations.record(work, found)
        metrics.gaps_healed.inc(found.gaps)
        log.wide(logger, "reconciled", shop=shop.shop_id, gaps=found.gaps, deep=found.deep, gone=found.orders_gone)
        return found

    def _heal(self, store: Store, shop_id: ShopId, since: datetime) -> _Count:
        count = _Count()
        for page in store.customers_changed(since):
            with self._database.work(shop_id) as work:
                accepted = settle_read(work, self._reactions, [], mirror.customers_behind(work, page))
            count.customers += len(page)
            count.customers_healed += len(accepted.customers)
        for stamps in store.orders_changed(since):
            count.orders_healed += self._page(store, shop_id, stamps)
            count.listed += (stamp.external_id for stamp in stamps)
        return count

    def _page(self, store: Store, shop_id: ShopId, stamps: Sequence[OrderStamp]) -> int:
        with self._database.work(shop_id) as work:
            behind = mirror.behind(work, stamps)
        for start in range(0, len(behind), CHUNK):
            snapshots = store.orders(behind[start : start + CHUNK])
            with self._database.work(shop_id) as work:
                settle_read(work, self._reactions, snapshots)
        return len(behind)

    def _delete(self, store: Store, shop_id: ShopId, since: datetime, count: _Count) -> int:
        """Take orders out that the store no longer has; answers how many."""
        now = self._database.clock()
        recent_only = store.extent().recent_only
        shown_since = now - SHOWN_FOR if recent_only else datetime.min.replace(tzinfo=now.tzinfo)
        with self._database.work(shop_id) as work:
            if not recent_only:
                backfills.ask_for_the_rest(work)
            # What is younger than the overlap may have come after the listing.
            suspects = reconciliations.unlisted(
                work, count.listed, since=since, before=now - OVERLAP, shown_since=shown_since
            )
        missing = store.orders_missing(suspects) if suspects else []
        if len(missing) > max(BELIEVED, len(count.listed) // 10):
            logger.warning("the store lacks too many orders for us to believe it", extra={"shop": shop_id})
            return 0
        if missing:
            with self._database.work(shop_id) as work:
                touched = gone.delete_orders(work, [OrderDeleted(external_id, now) for external_id in missing])
                settle_snapshots(work, self._reactions, mirror.accept(work, (), touched=touched))
        return len(missing)


def _zone(name: str) -> ZoneInfo:
    """The zone that a store names; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
