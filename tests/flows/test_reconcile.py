"""Comparing with the store: by the watermark every few minutes, and deeply each night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine import reconciliations
from engine.reconcile import DEEP
from engine.work import Database
from sandbox import Faults
from sandbox.orders import Order
from tests.flows.conftest import Loop, open_loop
from tests.flows.test_backfill import read_in
from tests.ground import Clock, Superuser
from tests.people import Shopkeeper


@pytest.fixture
def quiet(database: Database, clock: Clock) -> Iterator[Loop]:
    """A store with some history, read in and at rest. It is three in the morning there."""
    clock.now = datetime.now(UTC).replace(microsecond=0)
    with open_loop(database, clock) as loop:
        loop.install_long_ago()
        keeper = Shopkeeper(loop.world, lambda seconds: clock.forward(seconds=seconds), 3)
        keeper.meet(4)
        keeper.work_for(20, longest_pause=600)
        loop.come_to_rest()
        read_in(loop)
        loop.come_to_rest()
        clock.now = (clock.now + timedelta(days=1)).replace(hour=3, minute=0)
        loop.reconcile()
        yield loop


def calls(loop: Loop) -> int:
    return int(loop.world.stats["platform_calls"])


def test_a_steady_state_makes_no_calls_but_the_reconciliation_s(quiet: Loop) -> None:
    for _ in range(3):
        before = calls(quiet)
        quiet.come_to_rest()
        quiet.review()
        quiet.release()
        assert quiet.backfiller.round() == 0
        assert calls(quiet) == before, "nothing changed, so nothing is said"
        assert quiet.reconcile() == 0
        assert calls(quiet) == before + 2, "one page of orders and one of customers"
        quiet.clock.forward(minutes=5)


def test_the_watermark_moves_on_so_that_a_quiet_round_lists_nothing(quiet: Loop) -> None:
    quiet.clock.forward(minutes=5)
    assert quiet.reconciler.compare(quiet.shop).compared == 0


def test_the_deep_comparison_finds_and_heals_what_a_dropped_delivery_told(quiet: Loop, above: Superuser) -> None:
    sold = next(o for o in quiet.world.shop().orders if o.paid and not o.refunds)
    quiet.world.courier.misbehave(Faults(drop=1.0))
    quiet.world.refund(sold, amount=100)
    quiet.world.place_order(email="guest@example.com")
    quiet.world.add_customer("new@example.com", "New", "One")
    quiet.deliver()
    quiet.world.courier.misbehave(Faults())
    # The watermark has passed it by, as when the store's listing was late: only a longer look finds it.
    above.run(
        "UPDATE shops SET reconciled_to = %s WHERE shop_id = %s", quiet.clock.forward(hours=1), quiet.shop.shop_id
    )
    assert quiet.reconcile() == 0
    found = quiet.reconciler.nightly(quiet.shop)
    assert found is not None
    assert (found.deep, found.orders_healed, found.customers_healed, found.orders_gone) == (True, 2, 1, 0)
    assert found.compared == len(quiet.world.shop().orders) + len(quiet.world.shop().customers)
    assert quiet.reconciler.deep(quiet.shop).gaps == 0
    with quiet.database.work(quiet.shop.shop_id) as work:
        assert reconciliations.healed_since(work, found.started_at) == 3


def test_it_runs_once_a_night_by_the_shop_s_own_clock(quiet: Loop, above: Superuser) -> None:
    assert quiet.reconciler.nightly(quiet.shop) is not None
    quiet.clock.forward(hours=1)
    assert quiet.reconciler.nightly(quiet.shop) is None, "it has been tonight"
    quiet.clock.forward(hours=22)
    assert quiet.reconciler.nightly(quiet.shop) is None, "it is two o'clock"
    quiet.clock.forward(hours=1)
    assert quiet.reconciler.nightly(quiet.shop) is not None
    above.run("UPDATE shops SET timezone = 'Asia/Tokyo' WHERE shop_id = %s", quiet.shop.shop_id)
    quiet.clock.forward(days=1)
    assert quiet.reconciler.nightly(quiet.shop) is None, "it is noon in Tokyo"


def delete(loop: Loop, order: Order) -> None:
    """The merchant deletes an order, and nobody hears of it."""
    with loop.world.lock:
        order.deleted = True
        loop.world.shop().version += 1


def test_an_order_that_was_deleted_at_the_store_takes_its_points_back(quiet: Loop) -> None:
    sold = next(o for o in quiet.world.shop().orders if o.customer and o.paid and not o.refunds and not o.cancelled_at)
    assert sold.customer is not None
    before = quiet.points(sold.customer.id).points
    delete(quiet, sold)
    assert quiet.reconcile() == 0, "no listing tells of what is not there"
    found = quiet.reconciler.deep(quiet.shop)
    assert (found.orders_gone, found.orders_healed) == (1, 0)
    assert quiet.points(sold.customer.id).points < before
    assert quiet.reconciler.deep(quiet.shop).gaps == 0


def test_silence_about_orders_that_are_not_shown_to_us_is_no_deletion(quiet: Loop, above: Superuser) -> None:
    old = quiet.world.shop().orders[0]
    above.run(
        "UPDATE orders SET placed_at = placed_at - interval '56 days' WHERE external_id = %s AND shop_id = %s",
        str(old.id), quiet.shop.shop_id,
    )  # fmt: skip
    installation = quiet.world.shop().installation
    assert installation is not None
    delete(quiet, old)
    installation.scopes = tuple(scope for scope in installation.scopes if scope != "read_all_orders")
    installation.access.clear()
    assert quiet.reconciler.deep(quiet.shop).orders_gone == 0


def test_a_store_that_suddenly_lacks_most_of_its_orders_is_not_believed(quiet: Loop, above: Superuser) -> None:
    above.run(
        "INSERT INTO orders (shop_id, external_id, name, currency, placed_at, updated_at, observed_at, paid, test, "
        "goods_minor, total_minor, discount_codes, lines_digest) SELECT %s, (990000 + n)::text, '', 'USD', %s, %s, %s, "
        "true, false, 1, 1, '{}', 0 FROM generate_series(1, 30) n",
        quiet.shop.shop_id, *[quiet.clock.now - timedelta(days=2)] * 3,
    )  # fmt: skip
    assert quiet.reconciler.deep(quiet.shop).orders_gone == 0
    gone = "SELECT count(*) FROM orders WHERE deleted_at IS NOT NULL AND shop_id = %s"
    assert above.one(gone, quiet.shop.shop_id) == 0


def test_the_look_back_is_a_month() -> None:
    assert timedelta(days=30) == DEEP
