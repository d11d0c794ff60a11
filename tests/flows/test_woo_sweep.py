"""A WooCommerce store is compared with and read in: every few minutes, each night, and once from its beginning."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import loyalty
from commerce.store import StoreError
from connectors.http import HttpSession
from connectors.woocommerce import Key, WooStore, store_address
from engine import backfills, mirror, reconciliations, shops, sweeps, terms
from engine.backfill import EASED_FOR, Backfiller
from engine.backfills import Backfill
from engine.mirror import Accepted
from engine.reconcile import Reconciler
from engine.shops import Shop
from engine.sweeps import Sweep
from engine.work import Database, UnitOfWork, refuse_in_transaction
from sandbox.woocommerce import ApiKey, Line, Store, create_app
from tests.ground import FIRST_TERMS, REACTIONS, Clock, Superuser
from tests.serving import served

TEA = [Line("Tea pot", "25.00", 4)]
SARA: dict[str, Any] = {"first_name": "Sara", "email": "sara@example.test", "phone": "+989121234567", "country": "IR"}
# Three in the morning in Tehran, where the store is.
NIGHT = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


@dataclass
class Woo:
    """A store, and what of the house reads it. Nothing moves until it is told to."""

    store: Store
    client: WooStore
    shop: Shop
    clock: Clock
    database: Database
    reconciler: Reconciler
    backfiller: Backfiller

    def buy(self, many: int = 1, *, customer: int = 0, apart: float = 0.0) -> list[int]:
        """So many paid orders, `apart` seconds."""
        placed = []
        for _ in range(many):
            placed.append(self.store.order(TEA, customer=customer, status="completed", billing=SARA))
            self.clock.forward(seconds=apart)
        return placed

    def current(self) -> Shop:
        with self.database.work(self.shop.shop_id) as work:
            return shops.current(work)

    def sweep(self) -> int:
        return self.reconciler.run(self.current())

    def under_way(self) -> Sweep | None:
        with self.database.work(self.shop.shop_id) as work:
            return sweeps.unfinished(work, deep=False)

    def asked(self, of: str = "orders") -> list[dict[str, str]]:
        """The questions about these so far."""
        return [query for _, path, query in self.store.asked if path.endswith(f"/{of}")]

    def asked_by(self, deed: Callable[[], object], of: str = "orders") -> list[dict[str, str]]:
        before = len(self.asked(of))
        deed()
        return self.asked(of)[before:]

    def points(self, customer: int) -> int:
        with self.database.work(self.shop.shop_id) as work:
            customer_id = mirror.customer_id(work, str(customer))
            assert customer_id is not None
            return loyalty.account(work, customer_id).points

    def backfill(self) -> Backfill:
        with self.database.work(self.shop.shop_id) as work:
            found = backfills.latest(work)
        assert found is not None
        return found

    def begin_to_read(self) -> Backfill:
        """The store has been asked how much there is, and for an export, which it has not."""
        with self.database.work(self.shop.shop_id) as work:
            backfills.ask(work)
        self.backfiller.round()
        return self.backfill()

    def read_in(self) -> Backfill:
        """The whole history, with the pauses that a worker would make."""
        with self.database.work(self.shop.shop_id) as work:
            backfills.ask(work)
        for _ in range(200):
            self.backfiller.round()
            if not (found := self.backfill()).running:
                return found
            self.clock.now = max(found.look_at, self.clock.now)
        raise AssertionError(f"the backfill does not end: {self.backfill()}")


@pytest.fixture
def woo(database: Database, clock: Clock) -> Iterator[Woo]:
    clock.now = NIGHT - timedelta(hours=12)
    store = Store(clock=clock, keys=[ApiKey()])
    with ExitStack() as stack:
        address = store_address(stack.enter_context(served(create_app(store))))
        key = Key(store.keys[0].consumer_key, store.keys[0].consumer_secret)
        http = HttpSession(plain=True, before_request=refuse_in_transaction)
        client, now = WooStore(address, key, http, now=clock), clock()
        details = client.details()
        with database.founding(lambda c: shops.install(c, "woocommerce", address.domain, now).shop_id) as work:
            shops.describe(work, details)
            for name, propose in FIRST_TERMS.items():
                terms.publish_first(work, name, propose("USD"))
            shop = shops.current(work)
        yield Woo(
            store, client, shop, clock, database,
            Reconciler(database, lambda _: client, REACTIONS),
            Backfiller(database, lambda _: client, REACTIONS, stopwatch=clock.timestamp),
        )  # fmt: skip


def held(woo: Woo, above: Superuser) -> int:
    return int(above.one("SELECT count(*) FROM orders WHERE shop_id = %s AND deleted_at IS NULL", woo.shop.shop_id))


# --- the sweep of every few minutes


def test_changed_orders_are_settled_from_the_list_itself(woo: Woo, above: Superuser) -> None:
    placed = woo.buy(230, apart=1)
    asked = woo.asked_by(woo.sweep)
    assert held(woo, above) == len(placed)
    assert [query["status"] for query in asked] == ["any"] * 3 + ["trash"]
    assert all("include" not in query and "_fields" not in query for query in asked)
    assert all(query["modified_after"].endswith("Z") and query["per_page"] == "100" for query in asked)
    assert {(query["orderby"], query["order"]) for query in asked} == {("modified", "asc")}


def test_a_quiet_round_asks_two_questions_and_writes_nothing(woo: Woo, above: Superuser) -> None:
    woo.buy(3)
    assert woo.sweep() == 3
    before = above.rows_of(woo.shop.shop_id)
    for _ in range(3):
        assert len(woo.asked_by(lambda: woo.sweep() == 0)) == 2
    after = above.rows_of(woo.shop.shop_id)
    assert {name for name in after if after[name] != before[name]} <= {"shops"}
    assert woo.under_way() is None


def test_customers_are_not_read_by_day(woo: Woo) -> None:
    woo.store.register("sara@example.test")
    woo.buy(2)
    woo.sweep()
    assert woo.asked("customers") == []


def test_a_sweep_that_breaks_off_goes_on_where_it_was(woo: Woo, above: Superuser) -> None:
    woo.buy(350, apart=1)
    began = woo.clock.now
    watermark = woo.current().reconciled_to
    _break_after(woo, 3)
    with pytest.raises(StoreError):
        woo.sweep()
    assert woo.current().reconciled_to == watermark, "nothing is left behind"
    left = woo.under_way()
    assert left is not None
    assert (left.compared, left.orders_healed, held(woo, above)) == (199, 199, 199)
    woo.clock.forward(minutes=20)
    late = woo.buy(1)
    asked = woo.asked_by(woo.sweep)
    assert held(woo, above) == 351
    assert len(asked) == 3, "two pages of what was left, and the trash"
    assert woo.current().reconciled_to == began, "the next round looks again at what came meanwhile"
    assert woo.sweep() == 0
    assert str(late[0]) in {row[0] for row in above.run("SELECT external_id FROM orders")}


def test_pages_of_which_nothing_lacked_are_not_read_again_either(woo: Woo, above: Superuser) -> None:
    woo.buy(350, apart=1)
    woo.sweep()
    above.run("UPDATE shops SET reconciled_to = reconciled_to - interval '1 hour' WHERE shop_id = %s", woo.shop.shop_id)
    _break_after(woo, 3)
    with pytest.raises(StoreError):
        woo.sweep()
    left = woo.under_way()
    assert left is not None
    assert (left.compared, left.orders_healed) == (199, 0)
    assert len(woo.asked_by(woo.sweep)) == 3
    assert woo.under_way() is None


def _break_after(woo: Woo, questions: int) -> None:
    """The store answers so many questions more, and then a page for people."""
    answers = woo.store.asked

    class Counting(list[Any]):
        def append(self, asked: Any) -> None:
            super().append(asked)
            if len(self) == len(answers) + questions:
                woo.store.faults.page(503, Retry_After="30")

    woo.store.asked = Counting(answers)


def test_a_long_sweep_takes_turns(woo: Woo, above: Superuser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.reconcile.ROUND_SECONDS", 0.0)
    woo.buy(250, apart=1)
    counts = []
    for _ in range(4):
        woo.sweep()
        counts.append(held(woo, above))
    assert counts == [100, 199, 250, 250]
    assert woo.under_way() is None


def test_orders_that_change_while_they_are_listed_are_neither_missed_nor_doubled(woo: Woo, above: Superuser) -> None:
    placed = woo.buy(350, apart=2)
    moved: list[int] = []

    def move(work: UnitOfWork, accepted: Accepted) -> None:
        """The merchant works while we read: orders of each page just read move to the end of the list."""
        for number in [] if len(moved) >= 60 else placed[len(moved) : len(moved) + 30]:
            woo.clock.forward(seconds=1)
            woo.store.refund(number, "25.00")
            moved.append(number)

    Reconciler(woo.database, lambda _: woo.client, (*REACTIONS, move)).run(woo.current())
    assert held(woo, above) == 350
    # The list was at its end when the last of them moved: the next sweep has the others.
    woo.sweep()
    rows = above.run("SELECT external_id, refund_count FROM orders WHERE shop_id = %s", woo.shop.shop_id)
    assert {row[0] for row in rows} == {str(number) for number in placed}
    assert {row[0] for row in rows if row[1]} == {str(number) for number in moved}


def test_one_order_that_cannot_be_settled_stops_no_sweep(woo: Woo, above: Superuser) -> None:
    placed = woo.buy(20)

    def chokes(work: UnitOfWork, accepted: Accepted) -> None:
        if any(order.external_id == str(placed[7]) for order in accepted.orders):
            raise ZeroDivisionError

    assert Reconciler(woo.database, lambda _: woo.client, (*REACTIONS, chokes)).run(woo.current()) == 19
    assert held(woo, above) == 19


class _Killed(BaseException):
    """A process that is gone: nothing of it runs on."""


def test_a_killed_sweep_settles_each_order_once(woo: Woo, above: Superuser) -> None:
    woo.buy(320, apart=1)
    batches: list[int] = []

    def dies_at_the_third(work: UnitOfWork, accepted: Accepted) -> None:
        batches.append(len(accepted.orders))
        if len(batches) == 3:
            raise _Killed

    with pytest.raises(_Killed):
        Reconciler(woo.database, lambda _: woo.client, (*REACTIONS, dies_at_the_third)).run(woo.current())
    assert held(woo, above) == sum(batches[:2]), "what was being settled is rolled back"
    assert woo.sweep() == 320
    assert (held(woo, above), woo.under_way()) == (320, None)
    assert above.one("SELECT count(*) FROM entries WHERE kind = 'earn' AND shop_id = %s", woo.shop.shop_id) == 320


def test_two_sweeps_at_once_settle_each_order_once(woo: Woo, above: Superuser) -> None:
    woo.buy(320, apart=1)
    begun, healed = threading.Barrier(2), list[int]()

    def sweep() -> None:
        begun.wait(60)
        healed.append(woo.sweep())

    both = [threading.Thread(target=sweep) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(60)
    assert len(healed) == 2
    assert (held(woo, above), woo.under_way()) == (320, None)
    assert above.one("SELECT count(*) FROM entries WHERE kind = 'earn' AND shop_id = %s", woo.shop.shop_id) == 320
    assert woo.sweep() == 0


def test_a_store_whose_clock_is_an_hour_behind_is_swept_all_the_same(
    woo: Woo, above: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    woo.sweep()
    woo.clock.forward(hours=3)
    woo.sweep()
    ours = woo.clock
    woo.store.clock = lambda: ours() - timedelta(hours=1)
    woo.buy(1)
    assert woo.sweep() == 1
    assert held(woo, above) == 1


# --- each night


def test_by_night_the_deep_sweep_lists_stamps_only_and_reads_what_it_lacks(woo: Woo, above: Superuser) -> None:
    old = woo.buy(130, apart=1)
    woo.sweep()
    woo.store.orders[old[5]].body["refunds"] = [
        {"id": 990_001, "reason": "", "total": "-25.00", "total_tax": "0.00"}
    ]  # without its date having moved: as when a plugin writes past the store
    woo.clock.now = NIGHT
    asked = woo.asked_by(lambda: woo.reconciler.nightly(woo.current()))
    lists = [query for query in asked if "modified_after" in query]
    assert all("_fields" in query for query in lists)
    assert [query["include"] for query in asked if "include" in query] == [str(old[5])]
    found = _deep(woo)
    assert found is not None
    assert (found.compared, found.orders_healed, found.orders_gone) == (130, 1, 0)
    assert above.one("SELECT count(*) FROM listed_orders") == 0
    assert above.one("SELECT count(*) FROM sweeps") == 0


def _deep(woo: Woo) -> Any:
    with woo.database.work(woo.shop.shop_id) as work:
        return reconciliations.latest_deep(work)


def test_an_order_that_was_deleted_for_good_takes_its_points_back_by_night(woo: Woo, above: Superuser) -> None:
    sara = woo.store.register("sara@example.test")
    kept, deleted, trashed = woo.buy(3, customer=sara)
    woo.sweep()
    assert woo.points(sara) == 300
    woo.clock.forward(minutes=30)
    woo.store.force_delete(deleted)
    woo.store.trash(trashed)
    assert woo.sweep() == 1, "the trash is listed by day too; of what is not there, no list tells"
    assert woo.points(sara) == 200
    woo.clock.now = NIGHT
    found = woo.reconciler.nightly(woo.current())
    assert found is not None
    assert (found.orders_gone, found.orders_healed) == (1, 0)
    assert woo.points(sara) == 100
    assert woo.reconciler.deep(woo.current()).gaps == 0
    assert kept in woo.store.orders


def test_an_order_in_a_status_that_the_lists_leave_out_is_not_taken_for_deleted(woo: Woo, above: Superuser) -> None:
    (number,) = woo.buy(1)
    woo.sweep()
    woo.clock.forward(hours=1)
    # The plugin that knew the status is gone; no list shows the order, but it is there.
    woo.store.orders[number].body["status"] = "checkout-draft"
    assert woo.reconciler.deep(woo.current()).orders_gone == 0
    assert held(woo, above) == 1


def test_customers_are_read_by_night_and_by_their_ids(woo: Woo, above: Superuser) -> None:
    people = [woo.store.register(f"guest{number}@example.test") for number in range(250)]
    woo.clock.now = NIGHT
    found = woo.reconciler.nightly(woo.current())
    assert found is not None
    assert (found.compared, found.customers_healed) == (250, 250)
    assert above.one("SELECT count(*) FROM customers WHERE shop_id = %s", woo.shop.shop_id) == len(people)
    assert [query["offset"] for query in woo.asked("customers") if "offset" in query] == ["0", "99", "198"]


def test_the_night_s_sweep_takes_turns_and_goes_on_in_the_next(
    woo: Woo, above: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.reconcile.ROUND_SECONDS", 0.0)
    for number in range(150):
        woo.store.register(f"guest{number}@example.test")
    woo.buy(150, apart=1)
    gone = woo.buy(1)
    woo.reconciler.compare(woo.current())
    woo.store.force_delete(gone[0])
    woo.clock.now = NIGHT
    turns = 0
    while (found := woo.reconciler.nightly(woo.current())) is None:
        turns += 1
        assert turns < 12
        woo.clock.forward(minutes=10)
    assert turns >= 3
    assert (found.compared, found.customers_healed, found.orders_gone) == (300, 150, 1)
    assert above.one("SELECT count(*) FROM listed_orders") == 0


def test_a_refund_that_was_deleted_is_noticed(woo: Woo) -> None:
    (number,) = woo.buy(1)
    refund = woo.store.refund(number, "25.00")
    woo.sweep()
    woo.clock.forward(minutes=30)
    woo.store.delete_refund(number, refund)
    assert woo.sweep() == 1


# --- once from the beginning


@pytest.mark.parametrize("orders", [0, 1, 100, 101])
def test_a_history_is_read_in_by_pages(woo: Woo, above: Superuser, orders: int) -> None:
    woo.clock.now -= timedelta(days=700)
    woo.buy(orders, apart=3600)
    woo.clock.now = NIGHT
    done = woo.read_in()
    assert (done.plan, done.plan_reason) == ("pages", "WooCommerce has no exports of its own")
    assert (done.orders_read, done.orders_settled, done.orders_total, done.left_out) == (orders, orders, orders, 0)
    assert held(woo, above) == orders
    assert woo.reconciler.compare(woo.current(), datetime(2001, 1, 1, tzinfo=UTC)).gaps == 0


def test_the_store_s_totals_are_told_before_anything_is_read(woo: Woo) -> None:
    woo.store.trash(woo.buy(3)[0])
    woo.store.register("sara@example.test")
    told = woo.begin_to_read()
    assert (told.plan, told.orders_total, told.customers_total, told.read) == ("pages", 3, 1, 0)


def test_a_history_that_was_broken_off_goes_on_behind_the_last_page(woo: Woo, above: Superuser) -> None:
    woo.buy(350, apart=1)
    woo.begin_to_read()
    _break_after(woo, 3)
    woo.backfiller.round()
    left = woo.backfill()
    assert (left.orders_read, held(woo, above)) == (199, 199)
    assert left.trouble == "the store is closed for maintenance, or too busy"
    before = len(woo.asked())
    done = woo.read_in()
    assert (done.orders_read, done.orders_settled) == (350, 350)
    assert len(woo.asked()[before:]) == 3, "two pages that were left, and the trash"


def test_a_store_that_asks_for_patience_is_read_at_half_speed_for_a_while(woo: Woo) -> None:
    ticks = iter(range(0, 100_000, 3))
    slow = Backfiller(woo.database, lambda _: woo.client, REACTIONS, stopwatch=lambda: float(next(ticks)))
    woo.buy(450, apart=1)
    woo.begin_to_read()
    woo.store.faults.page(429, Retry_After="45")
    slow.round()
    told = woo.backfill()
    assert told.look_at == woo.clock.now + timedelta(seconds=45)
    assert told.trouble == "the store asks us to slow down"
    assert told.eased_until == woo.clock.now + EASED_FOR
    woo.clock.now = told.look_at
    slow.round()
    rests = woo.backfill()
    assert rests.trouble is None
    assert 0 < rests.orders_read < 450
    assert rests.look_at - woo.clock.now >= timedelta(seconds=5), "as long as we read, we rest"


def test_a_store_that_becomes_slow_is_gone_easy_on(woo: Woo) -> None:
    now = [0.0]
    reader = Backfiller(woo.database, lambda _: woo.client, REACTIONS, stopwatch=lambda: now[0])
    woo.buy(450, apart=1)
    spoil = woo.store.faults.spoil

    def slower(response: Any) -> Any:
        now[0] += 0.5 if len(woo.asked()) < 4 else 4.0
        return spoil(response)

    woo.store.faults.spoil = slower  # type: ignore[method-assign]
    woo.begin_to_read()
    reader.round()
    eased = woo.backfill()
    assert eased.running
    assert eased.eased_until == woo.clock.now + EASED_FOR
    assert 0 < eased.orders_read < 450
