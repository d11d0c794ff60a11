"""The backfill: a shop's history, read in once after its installation and settled like any delivery.

Plan one is an export: the store writes all orders with their lines into one file, then all customers; we look now and
then whether it is done, and settle it as a stream. Plan two are pages: the questions of reconciliation, asked from the
beginning of time. It is taken where the store refuses an export, where one fails or never ends. What a failed export
did write is settled first; pages then ask only for what the mirror lacks.

A store that asks for patience, or becomes slow under our questions, is read at half speed for a while: as long as we
read, we rest.

Orders come before customers, so that nobody is tagged a lead on the way to being a regular. Snapshots bear the instant
at which the store began to write them: a delivery that tells of later wins, whichever is settled first.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from commerce.customers import CustomerSnapshot
from commerce.history import CustomerPage, Export, OrderPage, Portion, Store
from commerce.ids import ShopId
from commerce.orders import OrderSnapshot
from commerce.store import StoreError
from engine import backfills, facts, log, mirror, planner
from engine.backfills import Backfill, LeaseLost
from engine.inbox import Reaction, settle_read, transient
from engine.stream import read_ahead
from engine.work import Database, UnitOfWork

# Then another shop has its turn, and a worker that shall stop can.
TURN_SECONDS = 20.0

# Portions that lie ready while one is settled: Python parses while the database writes.
READ_AHEAD = 2

# An export that wrote nothing new for so long, or takes so long in all, is given up. The platform allows itself ten
# days; a merchant who has just installed the app does not.
STUCK_AFTER = timedelta(minutes=30)
LONGEST_EXPORT = timedelta(hours=24)

# Looks are a tenth of an export's age apart: an export of ten seconds is seen within one, one of an hour in half a
# minute. The store's own word that it has ended comes sooner, if it comes.
SOONEST_LOOK = timedelta(seconds=1)
LATEST_LOOK = timedelta(seconds=30)

# After so many failures in a row an export is no longer waited for.
MOST_TRIES = 6
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 900.0

# A store that answers nobody, or not us, is asked again after this long: a person has to act first.
CLOSED_SECONDS = 300.0

# Orders asked for whole at a time: what was read is settled even where the store then asks us to wait.
SIP = 10

# After a store asked for patience, or took several times as long for a page as it can, it is read at half speed for so
# long, in short turns.
EASED_FOR = timedelta(minutes=10)
EASED_TURN_SECONDS = 5.0
TIMES_SLOWER = 4.0
# Quicker than this is no trouble to anybody, however much quicker the quickest page was.
SLOW_SECONDS = 2.0

# No platform that we know is older.
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

logger = logging.getLogger("perennial.backfill")

P = TypeVar("P", OrderPage, CustomerPage)


class Backfiller:
    """Reads histories in, one turn of a shop at a time. Start as many as you like: a lease keeps each shop to one."""

    def __init__(
        self,
        database: Database,
        connect: Callable[[ShopId], Store],
        reactions: Sequence[Reaction],
        turn_seconds: float = TURN_SECONDS,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stopwatch = stopwatch
        self._database = database
        self._connect = connect
        self._reactions = reactions
        self._turn_seconds = turn_seconds

    def round(self) -> int:
        """A turn of each shop whose backfill is due; answers how many had one."""
        with self._database.machine() as connection:
            due = backfills.waiting(connection, self._database.clock())
        return sum(self.turn(shop_id) for shop_id in due)

    def turn(self, shop_id: ShopId) -> bool:
        """Read on in one shop's history for a while; False where another reader does, or nothing is left."""
        lease = secrets.token_hex(8)
        with self._database.work(shop_id) as work:
            row = backfills.claim(work, lease)
        if row is None:
            return False
        eased = row.eased_until is not None and row.eased_until > self._database.clock()
        seconds = min(self._turn_seconds, EASED_TURN_SECONDS) if eased else self._turn_seconds
        began = self._stopwatch()
        reader = _Reader(
            self._database, self._reactions, shop_id, lease, row, began + seconds, began if eased else None,
            self._stopwatch,
        )  # fmt: skip
        try:
            reader.read(self._connect)
        except LeaseLost:
            logger.warning("another worker has taken a backfill over", extra={"shop": shop_id})
        finally:
            with self._database.work(shop_id) as work:
                backfills.release(work, lease)
        return True


@dataclass
class _Reader:
    """One turn at a shop's backfill; `row` is where it stands."""

    database: Database
    reactions: Sequence[Reaction]
    shop_id: ShopId
    lease: str
    row: Backfill
    ends_at: float
    eased_from: float | None
    """When the turn began, of a reader at half speed."""
    stopwatch: Callable[[], float]
    quickest: float = float("inf")
    batches: int = 0

    def read(self, connect: Callable[[ShopId], Store]) -> None:
        try:
            store = connect(self.shop_id)
            while self._step(store) and self.row.running and not self._over:
                pass
            if self.eased_from is not None and self.row.running:
                rest = timedelta(seconds=self.stopwatch() - self.eased_from)
                self._move({}, look_at=max(self.row.look_at, self.database.clock() + rest))
        except StoreError as error:
            self._refused(error)
        except LeaseLost:
            raise
        except Exception as error:
            if transient(error):
                raise
            logger.exception("a backfill failed", extra={"shop": self.shop_id})
            self._wait(f"{type(error).__name__} while settling", None)

    @property
    def _over(self) -> bool:
        return self.stopwatch() >= self.ends_at

    def _step(self, store: Store) -> bool:
        """The next thing to do; False where there is something to wait for."""
        if self.row.plan is None:
            self._move(backfills.planned(store.extent()))
            return True
        if self.row.plan == "pages":
            return self._read_orders(store) if self.row.subject == "orders" else self._read_customers(store)
        if self.row.export is None:
            return self._begin(store)
        export = store.find_export(self.row.export)
        return self._read_export(store, export) if export.ended else self._look_later(store, export)

    # --- plan one: an export

    def _begin(self, store: Store) -> bool:
        export = store.begin_export(self.row.subject)
        now = self.database.clock()
        self._move(
            {"export": export.reference, "export_written": 0, "export_grew_at": now, "position": "0"},
            subject_read=0, look_at=now + SOONEST_LOOK, trouble=None,
        )  # fmt: skip
        return False

    def _look_later(self, store: Store, export: Export) -> bool:
        now = self.database.clock()
        grown = backfills.exported(export, self.row, now)
        stuck = not grown and now - (self.row.export_grew_at or now) >= STUCK_AFTER
        if stuck or now - export.began_at >= LONGEST_EXPORT:
            store.cancel_export(export.reference)
            self._turn_to_pages("the export did not come to an end")
            return True
        pause = min(max((now - export.began_at) / 10, SOONEST_LOOK), LATEST_LOOK)
        self._move(grown, look_at=now + pause, tries=0, trouble=None)
        return False

    def _read_export(self, store: Store, export: Export) -> bool:
        """Settle what the export holds, from where we are; True when there is no more of it."""
        if export.address is not None:
            portions = store.portions(self.row.subject, export, int(self.row.position or 0))
            with read_ahead(portions, READ_AHEAD) as stream:
                for portion in stream:
                    self._settle(portion)
                    if self._over:
                        return False
        if export.failure is not None:
            self._turn_to_pages(f"the export failed: {export.failure}")
        elif self.row.subject_read < export.total:
            self._turn_to_pages("the export was not whole")
        else:
            self._next_subject()
        return True

    def _settle(self, portion: Portion) -> None:
        counted = {f"{self.row.subject}_read": portion.read, "subject_read": portion.read}
        left_out = portion.read - len(portion.orders) - len(portion.customers)
        if portion.facts:
            with self._work() as work:
                facts.record(work, portion.facts)
        self._take_in(
            portion.orders, portion.customers, grow={**counted, "left_out": left_out}, position=str(portion.position)
        )

    # --- plan two: pages

    def _turn_to_pages(self, reason: str) -> None:
        """Read on by pages, from the beginning: what is settled already is recognised, and not asked for again."""
        log.wide(logger, "backfill by pages", shop=self.shop_id, reason=reason)
        self._move(
            {"plan": "pages", "plan_reason": reason, "export": None, "position": None, "trouble": None, "tries": 0},
            **{f"{self.row.subject}_read": 0},
        )

    def _read_orders(self, store: Store) -> bool:
        with read_ahead(self._timed(store.orders_changed(BEGINNING, self.row.position)), READ_AHEAD) as stream:
            for page, seconds in stream:
                with self._work() as work:
                    behind = mirror.behind(work, page.items)
                for start in range(0, 0 if page.whole else len(behind), SIP):
                    self._take_in(page.orders(behind[start : start + SIP]), ())
                told = page.orders(behind) if page.whole else ()
                self._take_in(told, (), grow={"orders_read": len(page)}, position=page.place)
                self._watch(seconds)
                if self._over:
                    return False
        self._next_subject()
        return True

    def _read_customers(self, store: Store) -> bool:
        with read_ahead(self._timed(store.customers_changed(BEGINNING, self.row.position)), READ_AHEAD) as stream:
            for page, seconds in stream:
                with self._work() as work:
                    behind = mirror.customers_behind(work, page.items)
                    facts.record(work, page.facts)
                self._take_in((), behind, grow={"customers_read": len(page)}, position=page.place)
                self._watch(seconds)
                if self._over:
                    return False
        self._next_subject()
        return True

    def _timed(self, pages: Iterator[P]) -> Iterator[tuple[P, float]]:
        """Each page with the seconds that the store took for it."""
        asked = self.stopwatch()
        for page in pages:
            yield page, self.stopwatch() - asked
            asked = self.stopwatch()

    def _watch(self, seconds: float) -> None:
        """Go easy on a store that answers much slower than it can."""
        self.quickest = min(self.quickest, seconds)
        if self.eased_from is None and seconds >= max(SLOW_SECONDS, TIMES_SLOWER * self.quickest):
            log.wide(logger, "the store became slow", shop=self.shop_id, seconds=round(seconds, 1))
            self._move({}, eased_until=self.database.clock() + EASED_FOR)
            self.ends_at = self.stopwatch()

    # --- both

    def _next_subject(self) -> None:
        fresh: dict[str, Any] = {"export": None, "position": None, "trouble": None, "tries": 0, "subject_read": 0}
        if self.row.subject == "orders":
            self._move(fresh, subject="customers")
            return
        self._move(fresh, finished_at=self.database.clock())
        row = self.row
        log.wide(
            logger, "backfilled", shop=self.shop_id, plan=row.plan, orders=row.orders_read,
            customers=row.customers_read, seconds=round(row.seconds(row.finished_at or row.asked_at), 1),
        )  # fmt: skip

    def _work(self) -> Any:
        return self.database.work(self.shop_id)

    def _move(self, change: dict[str, Any], **more: Any) -> None:
        with self._work() as work:
            self.row = backfills.move(work, self.lease, **change, **more)

    def _take_in(
        self,
        orders: Sequence[OrderSnapshot],
        customers: Sequence[CustomerSnapshot],
        grow: dict[str, int] | None = None,
        **change: Any,
    ) -> None:
        """Settle these and move on, in one transaction; where that fails, in halves, so that one bad order is left out
        and the rest is not.
        """
        try:
            with self._work() as work:
                self._settle_in(work, orders, customers, grow or {}, change)
        except LeaseLost:
            raise
        except Exception as error:
            if transient(error) or not (orders or customers):
                raise
            self._in_halves(orders, customers, error)
            self._take_in((), (), grow, **change)
        self.batches += 1
        if self.batches & (self.batches - 1) == 0:
            planner.learn(self.database)

    def _settle_in(
        self,
        work: UnitOfWork,
        orders: Sequence[OrderSnapshot],
        customers: Sequence[CustomerSnapshot],
        grow: dict[str, int],
        change: dict[str, Any],
    ) -> None:
        settled = mirror.Accepted((), ())
        if orders or customers:
            settled = settle_read(work, self.reactions, orders, customers)
        more = {"orders_settled": len(settled.orders), "customers_settled": len(settled.customers)}
        self.row = backfills.move(work, self.lease, grow={**grow, **more}, tries=0, trouble=None, **change)

    def _in_halves(
        self, orders: Sequence[OrderSnapshot], customers: Sequence[CustomerSnapshot], error: Exception
    ) -> None:
        if len(orders) + len(customers) == 1:
            logger.error("one of a history cannot be settled and is left out", exc_info=error)
            self._take_in((), (), grow={"left_out": 1})
            return
        half_orders, half_customers = (len(orders) + 1) // 2, (len(customers) + 1) // 2
        for some, others in (
            (orders[:half_orders], customers[:half_customers]),
            (orders[half_orders:], customers[half_customers:]),
        ):
            if some or others:
                self._take_in(some, others)

    def _refused(self, error: StoreError) -> None:
        """The store said no: to an export for good, so pages; else wait, for as long as it says."""
        retry_after = error.retry_after or (CLOSED_SECONDS if error.closed else None)
        patient = retry_after is not None
        if error.retry_after is not None and not error.closed:
            self._move({}, eased_until=self.database.clock() + EASED_FOR)
        gave_up = error.permanent or (self.row.tries + 1 >= MOST_TRIES and not patient)
        if self.row.plan == "export" and gave_up and not error.closed:
            self._turn_to_pages(error.reason)
        else:
            self._wait(error.reason, retry_after, forgiven=patient)

    def _wait(self, trouble: str, retry_after: float | None, *, forgiven: bool = False) -> None:
        tries = self.row.tries + (0 if forgiven else 1)
        seconds = min(retry_after or FIRST_WAIT_SECONDS * 2.0 ** min(tries, 20), LONGEST_WAIT_SECONDS)
        self._move(
            {"trouble": trouble[:500], "tries": tries}, look_at=self.database.clock() + timedelta(seconds=seconds)
        )
