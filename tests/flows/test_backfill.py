"""A shop's history, read in after its installation: from a real store, by export and by pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.shopify import SCOPES
from engine import backfill, backfills
from engine.backfill import Backfiller
from engine.backfills import Backfill
from engine.mirror import Accepted
from engine.shops import Shop
from engine.work import Database, UnitOfWork
from plugin import history
from sandbox.bulk import BulkFaults
from tests.flows.conftest import DOMAIN, Loop, open_loop
from tests.ground import REACTIONS, Clock, Superuser
from tests.people import Shopkeeper

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# What has to come out the same whichever way a history was read, by the store's own numbers.
OUTCOME = """
    SELECT c.external_id, s.stage, s.orders, s.first_order_at, s.last_order_at,
           (SELECT sum(e.points) FROM entries e WHERE e.shop_id = c.shop_id AND e.customer_id = c.customer_id)
    FROM customers c JOIN standings s USING (shop_id, customer_id) WHERE c.shop_id = %s ORDER BY 1
"""


def state(loop: Loop) -> Backfill:
    with loop.database.work(loop.shop.shop_id) as work:
        found = backfills.latest(work)
    assert found is not None
    return found


def read_in(loop: Loop) -> Backfill:
    """Rounds, and the time that a worker would wait between them, until the backfill has ended."""
    for _ in range(500):
        loop.backfiller.round()
        found = state(loop)
        if not found.running:
            return found
        loop.clock.now = max(found.look_at, loop.clock.now)
    raise AssertionError(f"the backfill does not end: {state(loop)}")


def wait_for_the_export(loop: Loop) -> None:
    """The store has begun to write, and enough time has passed for it to end; nobody has looked."""
    while state(loop).export is None:
        loop.backfiller.round()
    loop.clock.now += timedelta(minutes=1)


def whole(loop: Loop, done: Backfill) -> None:
    """Everything was read, and comparing with the store from the beginning of time finds nothing to heal."""
    shop = loop.world.shop()
    assert (done.orders_read, done.customers_read) == (len(shop.orders), len(shop.customers))
    assert (done.orders_total, done.customers_total) == (len(shop.orders), len(shop.customers))
    assert done.left_out == 0
    assert loop.reconciler.run(loop.shop, LONG_AGO) == 0


@contextmanager
def opened(database: Database, clock: Clock, scopes: tuple[str, ...] = SCOPES, *, told: bool = False) -> Iterator[Loop]:
    """`told`: the app was there from the beginning, and heard of everything as it happened."""
    today = clock.now
    clock.now = today - timedelta(days=30)
    with open_loop(database, clock) as loop:
        loop.world.app = replace(loop.world.app, scopes=scopes)
        keeper = Shopkeeper(loop.world, lambda seconds: clock.forward(seconds=seconds), 7)
        if told:
            loop.install_long_ago()
        keeper.meet(10)
        keeper.work_for(120)
        clock.now = today
        if not told:
            loop.install()
        yield loop
    clock.now = today


@pytest.fixture
def old_store(database: Database, clock: Clock) -> Iterator[Loop]:
    """A store with a history that nobody delivered, and the app installed just now."""
    with opened(database, clock) as loop:
        yield loop


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten orders a portion, so that a small history has many."""
    monkeypatch.setattr("connectors.shopify.bulk.PORTION", 10)


def test_a_history_is_read_in_by_itself_after_the_installation(old_store: Loop, above: Superuser) -> None:
    done = read_in(old_store)
    assert (done.plan, done.plan_reason, done.recent_only) == ("export", None, False)
    whole(old_store, done)
    assert [one.type for one in old_store.world.shop().bulk] == ["QUERY", "QUERY"]


def test_an_export_and_pages_and_deliveries_tell_the_same_story(
    database: Database, clock: Clock, above: Superuser, neighbour: Shop
) -> None:
    outcomes = []
    for way in ("export", "pages", "deliveries"):
        with opened(database, clock, told=way == "deliveries") as loop:
            if way == "deliveries":
                loop.deliver()
                loop.settle()
            else:
                loop.world.shop().bulk.faults = BulkFaults(refused="" if way == "export" else "query")
                assert read_in(loop).plan == way
            outcomes.append(above.run(OUTCOME, loop.shop.shop_id))
        above.clear_except(neighbour.shop_id)
    assert any(row[5] for row in outcomes[0])
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.parametrize("orders", [0, 1])
def test_a_store_without_a_history_is_read_in_at_once(database: Database, clock: Clock, orders: int) -> None:
    with open_loop(database, clock) as loop:
        if orders:
            loop.world.place_order(email="guest@example.com")
        loop.install()
        done = read_in(loop)
        assert (done.plan, done.orders_read, done.customers_read) == ("export", orders, 0)


def test_a_store_that_refuses_exports_is_read_by_pages(old_store: Loop) -> None:
    old_store.world.shop().bulk.faults = BulkFaults(refused="query")
    done = read_in(old_store)
    assert done.plan == "pages"
    assert done.plan_reason == "the store answered ACCESS_DENIED at bulkOperationRunQuery"
    whole(old_store, done)


@pytest.mark.parametrize("error", ["INTERNAL_SERVER_ERROR", "TIMEOUT"])
def test_an_export_that_fails_half_way_leaves_what_it_wrote_and_pages_the_rest(old_store: Loop, error: str) -> None:
    shop = old_store.world.shop()
    shop.bulk.faults = BulkFaults(fail_after=40, error=error)
    settled_by_export = 0
    while state(old_store).plan != "pages":
        old_store.backfiller.round()
        settled_by_export = max(settled_by_export, state(old_store).orders_settled)
        old_store.clock.now = max(state(old_store).look_at, old_store.clock.now)
    done = read_in(old_store)
    assert done.plan_reason == f"the export failed: {error.lower().replace('_', ' ')}"
    whole(old_store, done)
    assert settled_by_export >= 39
    # The orders of the failed export were settled once: pages found nothing to settle about them.
    assert done.orders_settled == len(shop.orders)


def test_an_export_that_never_ends_is_given_up_and_cancelled(old_store: Loop) -> None:
    old_store.world.shop().bulk.faults = BulkFaults(stuck_after=20)
    began = old_store.clock.now
    done = read_in(old_store)
    assert (done.plan, done.plan_reason) == ("pages", "the export did not come to an end")
    assert old_store.clock.now - began < backfill.STUCK_AFTER + timedelta(minutes=2)
    assert [one.status for one in old_store.world.shop().bulk] == ["CANCELED"]
    whole(old_store, done)


def test_a_result_that_is_not_there_any_more_is_read_by_pages(old_store: Loop) -> None:
    old_store.world.shop().bulk.faults = BulkFaults(gone=True)
    done = read_in(old_store)
    assert (done.plan, done.plan_reason) == (
        "pages", "the export cannot be fetched: its host answered HTTP 404",
    )  # fmt: skip
    whole(old_store, done)


def test_a_store_that_answers_nobody_is_waited_for_and_the_merchant_sees_why(old_store: Loop) -> None:
    shop = old_store.world.shop()
    shop.bulk.faults = BulkFaults(unlisted=True)
    for _ in range(10):
        old_store.backfiller.round()
        old_store.clock.now = max(state(old_store).look_at, old_store.clock.now)
    waits = state(old_store)
    assert (waits.running, waits.trouble) == (True, "the store forbids us to ask")
    shop.bulk.faults = BulkFaults()
    done = read_in(old_store)
    assert done.trouble is None
    whole(old_store, done)


class _Killed(BaseException):
    """A process that is gone: nothing of it runs on, not even what tidies up."""


def test_a_killed_reader_is_followed_by_one_that_goes_on_where_it_was(
    old_store: Loop, small_portions: None, above: Superuser
) -> None:
    batches: list[int] = []

    def dies_at_the_fourth(work: UnitOfWork, accepted: Accepted) -> None:
        batches.append(len(accepted.orders))
        if len(batches) == 4:
            raise _Killed

    def nothing(*_: Any) -> None:
        """The dead release no lease."""

    wait_for_the_export(old_store)
    dying = Backfiller(
        old_store.database,
        old_store.backfiller._connect,
        (*REACTIONS, dies_at_the_fourth),
        stopwatch=old_store.clock.timestamp,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfills, "release", nothing)
        with pytest.raises(_Killed):
            dying.round()
    left = state(old_store)
    assert (left.orders_read, left.subject_read, left.position != "0") == (30, 30, True)
    assert above.one("SELECT count(*) FROM orders WHERE shop_id = %s", old_store.shop.shop_id) == 30
    assert old_store.backfiller.round() == 0, "its lease still holds"
    old_store.clock.now += backfills.LEASE
    done = read_in(old_store)
    whole(old_store, done)
    assert done.orders_settled == len(old_store.world.shop().orders), "each order was settled once"
    assert [one.type for one in old_store.world.shop().bulk] == ["QUERY", "QUERY"], "the export was not begun again"


def test_several_workers_read_a_history_once(old_store: Loop, small_portions: None) -> None:
    begun = threading.Barrier(4)

    def work() -> None:
        begun.wait(60)
        for _ in range(5):
            old_store.backfiller.round()

    wait_for_the_export(old_store)
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    done = read_in(old_store)
    whole(old_store, done)
    assert done.orders_settled == len(old_store.world.shop().orders)


def test_a_reader_whose_lease_was_taken_over_writes_nothing_more(
    old_store: Loop, small_portions: None, above: Superuser
) -> None:
    def slow(work: UnitOfWork, accepted: Accepted) -> None:
        above.run("UPDATE backfills SET lease = 'another' WHERE shop_id = %s", work.shop_id)

    wait_for_the_export(old_store)
    Backfiller(
        old_store.database, old_store.backfiller._connect, (*REACTIONS, slow), stopwatch=old_store.clock.timestamp
    ).round()
    assert state(old_store).orders_read == 0
    assert above.one("SELECT count(*) FROM orders WHERE shop_id = %s", old_store.shop.shop_id) == 0


def test_what_is_delivered_meanwhile_wins_over_what_was_written_before(old_store: Loop, above: Superuser) -> None:
    shop = old_store.world.shop()
    wait_for_the_export(old_store)
    shop.run_bulk(at_once=True)
    sold = next(o for o in shop.orders if o.customer and o.paid and not o.refunds and o.cancelled_at is None)
    old_store.world.cancel(sold)
    old_store.deliver()
    old_store.settle()
    done = read_in(old_store)
    row = above.run("SELECT cancelled_at IS NOT NULL FROM orders WHERE external_id = %s AND shop_id = %s",
                    str(sold.id), old_store.shop.shop_id)  # fmt: skip
    assert row == [(True,)]
    assert done.orders_read == len(shop.orders)
    assert old_store.reconciler.run(old_store.shop, LONG_AGO) == 0


def test_each_customer_is_tagged_once_with_what_the_whole_history_implies(
    old_store: Loop, small_portions: None
) -> None:
    shop, turns = old_store.world.shop(), 0
    old_store.backfiller._turn_seconds = 0
    while old_store.backfiller.round() and state(old_store).running:
        turns += 1
        old_store.push()
        assert {c.tags for c in shop.customers} == {()}, "tags wait for the end of the history"
        old_store.clock.now = max(state(old_store).look_at, old_store.clock.now)
    assert turns > 8
    old_store.push()
    assert [len(c.tags) for c in shop.customers] == [1] * 10
    assert old_store.world.mutations["tagsAdd"] == 10


def test_one_bad_order_is_left_out_and_the_rest_is_not(old_store: Loop, small_portions: None) -> None:
    bad = str(old_store.world.shop().orders[17].id)

    def chokes(work: UnitOfWork, accepted: Accepted) -> None:
        if any(order.external_id == bad for order in accepted.orders):
            raise ZeroDivisionError

    old_store.backfiller._reactions = (*REACTIONS, chokes)
    done = read_in(old_store)
    assert (done.left_out, done.orders_settled) == (1, len(old_store.world.shop().orders) - 1)
    assert done.orders_read == len(old_store.world.shop().orders)


def test_the_store_s_word_that_an_export_has_ended_is_heard_at_once(old_store: Loop) -> None:
    while state(old_store).export is None:
        old_store.backfiller.round()
    assert state(old_store).look_at > old_store.clock.now
    assert old_store.backfiller.round() == 0, "not yet"
    old_store.world.shop().run_bulk(at_once=True)
    old_store.deliver()
    old_store.settle()
    assert state(old_store).look_at == old_store.clock.now
    assert old_store.backfiller.round() == 1
    assert state(old_store).orders_read == len(old_store.world.shop().orders)


def test_a_history_is_read_in_once_more_only_when_asked(old_store: Loop, database: Database, above: Superuser) -> None:
    with database.work(old_store.shop.shop_id) as work:
        assert not backfills.ask(work), "the installation asked already"
        assert not backfills.ask(work, again=True), "one is under way"
    read_in(old_store)
    outcome = above.run(OUTCOME, old_store.shop.shop_id)
    with database.work(old_store.shop.shop_id) as work:
        assert not backfills.ask(work)
        assert backfills.ask(work, again=True)
    again = read_in(old_store)
    whole(old_store, again)
    assert above.run(OUTCOME, old_store.shop.shop_id) == outcome


def test_an_uninstalled_shop_is_not_read(old_store: Loop, above: Superuser) -> None:
    above.run("UPDATE shops SET uninstalled_at = installed_at WHERE shop_id = %s", old_store.shop.shop_id)
    assert old_store.backfiller.round() == 0


def test_without_the_right_to_all_orders_the_merchant_is_told_of_sixty_days(database: Database, clock: Clock) -> None:
    with opened(database, clock, tuple(scope for scope in SCOPES if scope != "read_all_orders")) as loop:
        loop.world.shop().orders[0].created_at -= 90 * 86_400
        done = read_in(loop)
        assert done.recent_only
        assert done.orders_read == len(loop.world.shop().orders) - 1


def test_a_history_is_read_again_when_the_store_begins_to_show_all_of_it(database: Database, clock: Clock) -> None:
    with opened(database, clock, tuple(scope for scope in SCOPES if scope != "read_all_orders")) as loop:
        old = loop.world.shop().orders[0]
        old.created_at -= 90 * 86_400
        first = read_in(loop)
        assert loop.reconciler.deep(loop.shop).gaps == 0
        assert state(loop) == first
        installation = loop.world.shop().installation
        assert installation is not None
        installation.scopes = SCOPES
        installation.access.clear()
        loop.reconciler.deep(loop.shop)
        second = read_in(loop)
        assert (second.backfill_id > first.backfill_id, second.recent_only) == (True, False)
        assert second.orders_read == first.orders_read + 1
        loop.reconciler.deep(loop.shop)
        assert state(loop) == second, "once is enough"


def test_the_command_line_reads_a_history_in_and_says_what_it_read(
    old_store: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    old_store.world.shop().bulk.faults = BulkFaults(refused="query")
    assert history.backfill(old_store, old_store.domain, again=False) == 0
    orders = len(old_store.world.shop().orders)
    assert capsys.readouterr().out == (
        f"{DOMAIN}: {orders} orders and 10 customers read by pages (the store answered ACCESS_DENIED at "
        f"bulkOperationRunQuery) in 0.0 s, {orders} orders and 0 customers settled\n"
    )
    assert history.reconcile(old_store, old_store.domain, deep=True) == 0
    assert capsys.readouterr().out.endswith(f"{DOMAIN}: 0 gaps healed; {orders + 10} orders and customers compared\n")


def test_the_command_line_does_not_wait_for_a_store_that_answers_nobody(
    old_store: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    old_store.world.shop().bulk.faults = BulkFaults(unlisted=True)
    assert history.backfill(old_store, old_store.domain, again=False) == 1
    assert capsys.readouterr().err.endswith("not finished: the store forbids us to ask; a worker goes on\n")


def test_the_command_line_knows_only_shops_that_have_the_app(
    old_store: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history.backfill(old_store, "nobody.myshopify.com", again=False) == 2
    assert capsys.readouterr().out == "No shop nobody.myshopify.com has the app installed.\n"
    assert state(old_store).started_at is None


def test_one_store_that_does_not_answer_keeps_no_other_from_being_compared(
    old_store: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history.reconcile(old_store, None, deep=False) == 1
    said = capsys.readouterr()
    assert "the-shop-next-door.myshopify.com: not compared: the shop has no token" in said.err
    assert f"{DOMAIN}: " in said.out


@pytest.mark.parametrize("way", ["export", "pages"])
def test_what_customers_said_of_e_mails_before_us_is_read_with_them(
    database: Database, clock: Clock, above: Superuser, way: str
) -> None:
    with opened(database, clock) as loop:
        shop = loop.world.shop()
        yes, no, silent = list(shop.customers)[:3]
        yes.marketing_state, no.marketing_state = "SUBSCRIBED", "UNSUBSCRIBED"
        shop.bulk.faults = BulkFaults(refused="" if way == "export" else "query")
        assert read_in(loop).plan == way
        said = above.run(
            "SELECT customer_external_id, value, said_at FROM customer_facts WHERE shop_id = %s "
            "AND fact = 'consent:email' ORDER BY value", loop.shop.shop_id,
        )  # fmt: skip
        assert [(who, value) for who, value, _ in said] == [(str(yes.id), "subscribed"), (str(no.id), "unsubscribed")]
        assert all(at <= loop.clock.now for _, _, at in said)
        assert str(silent.id) not in {who for who, _, _ in said}
