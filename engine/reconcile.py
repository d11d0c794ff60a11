"""Reconciliation: ask the store what changed, compare with the mirror, and settle the difference through the same
code as a delivery.

Platforms do not promise to deliver. The shop's `reconciled_to` is a watermark: everything that changed before it has
been compared. Each sweep starts a little before it, because a store's listing lags behind its own writes, and moves it
forward only when the whole of it succeeded. Each night, by the shop's own clock, a deep one looks back over a month,
also for orders that the store has deleted, and for customers where the store cannot be asked which ones changed.

A sweep is read by the page, and each page is settled before the next counts as read: one that was killed, refused, or
whose turn was over goes on where it was (`engine.sweeps`). While a page is settled, the next one is fetched.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from commerce.customers import CustomerSnapshot
from commerce.events import OrderDeleted
from commerce.history import CustomerPage, OrderPage, Store
from commerce.ids import ShopId
from commerce.orders import OrderSnapshot
from commerce.store import StoreError
from engine import backfills, facts, gone, log, metrics, mirror, planner, reconciliations, shops, sweeps
from engine.inbox import Reaction, settle_read, settle_snapshots, transient
from engine.reconciliations import Reconciliation
from engine.stream import read_ahead
from engine.sweeps import Subject, Sweep
from engine.work import Database

OVERLAP = timedelta(minutes=10)

# Orders fetched whole and settled in one unit of work, where the list does not hold them itself.
CHUNK = 50

# Pages that lie ready while one is settled.
READ_AHEAD = 1

# Pages of which nothing was lacking write nothing; but so many of them are not to be read again after a crash.
UNWRITTEN = 20

# A shop's turn; then the others have theirs, and it goes on at the next. Nights are long: many turns fit into one.
ROUND_SECONDS = 120.0

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

# Orders that a list lacks are asked for by their ids, so many a night.
MOST_SUSPECTS = 5_000

logger = logging.getLogger("perennial.reconcile")

P = TypeVar("P", OrderPage, CustomerPage)


class Reconciler:
    """Finds and heals what deliveries did not tell us."""

    def __init__(self, database: Database, connect: Callable[[ShopId], Store], reactions: Sequence[Reaction]) -> None:
        self._database = database
        self._connect = connect
        self._reactions = reactions

    def run(self, shop: shops.Shop, since: datetime | None = None) -> int:
        """Compare what changed since the watermark (or `since`), as much as a shop's turn allows; the next turn goes
        on there. Answers how many gaps the sweep has found and healed.
        """
        turn = self._turn(shop, ROUND_SECONDS, deep=False, since=since)
        done = turn.read()
        return done.gaps if done else turn.sweep.orders_healed + turn.sweep.customers_healed

    def compare(self, shop: shops.Shop, since: datetime | None = None) -> Reconciliation:
        """Compare everything that changed since the watermark (or `since`): what was found, and healed."""
        return self._to_the_end(shop, deep=False, since=since)

    def nightly(self, shop: shops.Shop) -> Reconciliation | None:
        """A turn of the deep comparison, which is made once in each night of the shop; what it found, when it ends.

        None by day, and while the shop's history is read in.
        """
        now = self._database.clock()
        if now.astimezone(_zone(shop.timezone)).hour not in NIGHT:
            return None
        with self._database.work(shop.shop_id) as work:
            last, backfill = reconciliations.latest_deep(work), backfills.latest(work)
        reading = backfill is not None and backfill.running and backfill.trouble is None
        if reading or (last and now - last.finished_at < ONCE_A_NIGHT):
            return None
        return self._turn(shop, ROUND_SECONDS, deep=True).read()

    def deep(self, shop: shops.Shop) -> Reconciliation:
        """Compare everything that changed in the last month, and find orders that the store has deleted."""
        return self._to_the_end(shop, deep=True)

    def _to_the_end(self, shop: shops.Shop, *, deep: bool, since: datetime | None = None) -> Reconciliation:
        done = self._turn(shop, float("inf"), deep=deep, since=since).read()
        assert done is not None, "its turn has no end"
        return done

    def _turn(self, shop: shops.Shop, seconds: float, *, deep: bool, since: datetime | None = None) -> _Turn:
        """The sweep that is under way, or a new one; `since` asks for a new one."""
        store = self._connect(shop.shop_id)
        with self._database.work(shop.shop_id) as work:
            sweep = None if since else sweeps.unfinished(work, deep=deep)
            if sweep is None:
                start = work.now - DEEP if deep else since or shop.reconciled_to - OVERLAP
                first: Subject = "customers" if deep or store.customers_by_change else "orders"
                sweep = Sweep(deep, work.now, start, first)
                sweeps.begin(work, sweep)
        return _Turn(self._database, self._reactions, shop.shop_id, store, sweep, time.monotonic() + seconds)


@dataclass
class _Turn:
    """One turn at a shop's sweep; `sweep` is how far it is."""

    database: Database
    reactions: Sequence[Reaction]
    shop_id: ShopId
    store: Store
    sweep: Sweep
    ends_at: float
    batches: int = 0
    pages: int = 0

    def read(self) -> Reconciliation | None:
        """Read on; what the sweep found, where it came to its end."""
        if self.sweep.subject == "customers":
            if not self._each(self.store.customers_changed(self.sweep.since, self.sweep.place), self._customers):
                return None
            self._go_on_to("orders")
        if self.sweep.subject == "orders":
            pages = self.store.orders_changed(self.sweep.since, self.sweep.place, stamps_only=self.sweep.deep)
            if not self._each(pages, self._orders):
                return None
            self._go_on_to("deleted")
        return self._finish(self._delete() if self.sweep.deep else 0)

    def _each(self, pages: Iterator[P], take: Callable[[P], None]) -> bool:
        """Take page after page; False where the turn was over first."""
        try:
            with read_ahead(pages, READ_AHEAD) as stream:
                for page in stream:
                    take(page)
                    if time.monotonic() >= self.ends_at:
                        self._save()
                        return False
        except StoreError:
            if self.sweep.place is not None:
                self._save()
            raise
        return True

    def _go_on_to(self, subject: Subject) -> None:
        self.sweep = replace(self.sweep, subject=subject, place=None)
        if self.sweep.deep:
            self._save()

    def _save(self) -> None:
        with self.database.work(self.shop_id) as work:
            sweeps.save(work, self.sweep)

    def _customers(self, page: CustomerPage) -> None:
        with self.database.work(self.shop_id) as work:
            behind = mirror.customers_behind(work, page.items)
            facts.record(work, page.facts)
        healed = len(self._settle((), behind).customers) if behind else 0
        now = self.sweep
        self.sweep = replace(
            now, place=page.place, compared=now.compared + len(page), customers_healed=now.customers_healed + healed
        )
        self.pages += 1
        if healed or now.deep or self.pages % UNWRITTEN == 0:
            self._save()

    def _orders(self, page: OrderPage) -> None:
        """Settle what of the page the mirror lacks. Nothing is written where it lacks nothing."""
        with self.database.work(self.shop_id) as work:
            behind = mirror.behind(work, page.items)
        chunk, healed = (len(behind) if page.whole else CHUNK) or 1, 0
        for start in range(0, len(behind), chunk):
            healed += len(self._settle(page.orders(behind[start : start + chunk]), ()).orders)
        now = self.sweep
        self.sweep = replace(
            now, place=page.place, compared=now.compared + len(page), orders_healed=now.orders_healed + healed
        )
        self.pages += 1
        if behind or now.deep or self.pages % UNWRITTEN == 0:
            with self.database.work(self.shop_id) as work:
                if now.deep:
                    sweeps.listed(work, page.items)
                sweeps.save(work, self.sweep)

    def _settle(self, orders: Sequence[OrderSnapshot], customers: Sequence[CustomerSnapshot]) -> mirror.Accepted:
        """Settle these in one transaction; where that fails in halves, so that one bad order stops no sweep."""
        try:
            with self.database.work(self.shop_id) as work:
                accepted = settle_read(work, self.reactions, orders, customers)
        except Exception as error:
            if transient(error):
                raise
            if len(orders) + len(customers) <= 1:
                logger.error("one of a sweep cannot be settled and is left out", exc_info=error)
                return mirror.Accepted((), ())
        else:
            self.batches += 1
            if self.batches & (self.batches - 1) == 0:
                planner.learn(self.database)
            return accepted
        mid_orders, mid_customers = (len(orders) + 1) // 2, (len(customers) + 1) // 2
        first = self._settle(orders[:mid_orders], customers[:mid_customers])
        second = self._settle(orders[mid_orders:], customers[mid_customers:])
        return mirror.Accepted([*first.orders, *second.orders], [*first.customers, *second.customers])

    def _delete(self) -> int:
        """Take orders out that the store no longer has; answers how many."""
        now = self.database.clock()
        recent_only = self.store.extent().recent_only
        shown_since = now - SHOWN_FOR if recent_only else datetime.min.replace(tzinfo=now.tzinfo)
        with self.database.work(self.shop_id) as work:
            if not recent_only:
                backfills.ask_for_the_rest(work)
            # What is younger than the overlap may have come after the listing.
            suspects = sweeps.unlisted(
                work, since=self.sweep.since, before=self.sweep.started_at - OVERLAP, shown_since=shown_since,
                most=MOST_SUSPECTS,
            )  # fmt: skip
            believed = max(BELIEVED, sweeps.listed_so_far(work) // 10)
        missing = self.store.orders_missing(suspects) if suspects else []
        if len(missing) > believed:
            logger.warning("the store lacks too many orders for us to believe it", extra={"shop": self.shop_id})
            return 0
        if missing:
            with self.database.work(self.shop_id) as work:
                touched = gone.delete_orders(work, [OrderDeleted(external_id, now) for external_id in missing])
                settle_snapshots(work, self.reactions, mirror.accept(work, (), touched=touched))
        return len(missing)

    def _finish(self, deleted: int) -> Reconciliation:
        now = self.sweep
        with self.database.work(self.shop_id) as work:
            found = Reconciliation(
                now.deep, now.since, now.started_at, work.now, now.compared, now.orders_healed, now.customers_healed,
                deleted,
            )  # fmt: skip
            shops.reconciled_to(work, now.started_at)
            reconciliations.record(work, found)
            sweeps.finish(work, now)
        metrics.gaps_healed.inc(found.gaps)
        log.wide(logger, "reconciled", shop=self.shop_id, gaps=found.gaps, deep=found.deep, gone=found.orders_gone)
        return found


def _zone(name: str) -> ZoneInfo:
    """The zone that a store names; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
