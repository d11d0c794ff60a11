"""Reconciliation: ask the store what changed, compare with the mirror, and settle the difference through the same
code as a delivery.

Platforms do not promise to deliver. The shop's `reconciled_to` is a watermark: everything that changed before it has
been compared. Each run starts a little before it, because a store's listing lags behind its own writes, and moves it
forward only when the whole run succeeded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from commerce.ids import ShopId
from commerce.orders import OrderStamp
from commerce.store import StorePort
from engine import log, metrics, mirror, shops
from engine.inbox import Reaction, settle_read
from engine.work import Database

OVERLAP = timedelta(minutes=10)

# Orders fetched whole and settled in one unit of work.
CHUNK = 50

logger = logging.getLogger("perennial.reconcile")


class Reconciler:
    """Finds and heals what deliveries did not tell us."""

    def __init__(
        self, database: Database, connect: Callable[[ShopId], StorePort], reactions: Sequence[Reaction]
    ) -> None:
        self._database = database
        self._connect = connect
        self._reactions = reactions

    def run(self, shop: shops.Shop, since: datetime | None = None) -> int:
        """Compare everything that changed since the watermark (or `since`);

        answers how many gaps were found and healed.
        """
        started = self._database.clock()
        store = self._connect(shop.shop_id)
        start = since or shop.reconciled_to - OVERLAP
        gaps = self._customers(store, shop.shop_id, start) + self._orders(store, shop.shop_id, start)
        with self._database.work(shop.shop_id) as work:
            shops.reconciled_to(work, started)
        metrics.gaps_healed.inc(gaps)
        log.wide(logger, "reconciled", shop=shop.shop_id, gaps=gaps)
        return gaps

    def _customers(self, store: StorePort, shop_id: ShopId, since: datetime) -> int:
        gaps = 0
        for page in store.customers_changed(since):
            with self._database.work(shop_id) as work:
                accepted = settle_read(work, self._reactions, [], mirror.customers_behind(work, page))
            gaps += len(accepted.customers)
        return gaps

    def _orders(self, store: StorePort, shop_id: ShopId, since: datetime) -> int:
        return sum(self._page(store, shop_id, page) for page in store.orders_changed(since))

    def _page(self, store: StorePort, shop_id: ShopId, stamps: Sequence[OrderStamp]) -> int:
        with self._database.work(shop_id) as work:
            behind = mirror.behind(work, stamps)
        for start in range(0, len(behind), CHUNK):
            snapshots = store.orders(behind[start : start + CHUNK])
            with self._database.work(shop_id) as work:
                settle_read(work, self._reactions, snapshots)
        return len(behind)
