"""A shop's history, read in after its installation: from a real store, by export and by pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from engine import backfills
from engine.backfills import Backfill
from engine.work import Database
from tests.flows.conftest import Loop, open_loop
from tests.ground import Clock, Superuser
from tests.people import Shopkeeper


def state(loop: Loop) -> Backfill:
    with loop.database.work(loop.shop.shop_id) as work:
        found = backfills.latest(work)
    assert found is not None
    return found


def read_in(loop: Loop) -> Backfill:
    for _ in range(200):
        loop.backfiller.round()
        found = state(loop)
        if not found.running:
            return found
        loop.clock.now = max(found.look_at, loop.clock.now)
    raise AssertionError(f"the backfill does not end: {state(loop)}")


@pytest.fixture
def old_store(database: Database, clock: Clock) -> Iterator[Loop]:
    """A store with a history that nobody delivered, and the app installed just now."""
    today = clock.now
    clock.forward(days=-30)
    with open_loop(database, clock) as loop:
        keeper = Shopkeeper(loop.world, lambda seconds: clock.forward(seconds=seconds), 7)
        keeper.meet(10)
        keeper.work_for(120)
        clock.now = today
        loop.install()
        yield loop


def test_a_history_is_read_in_by_itself_after_the_installation(old_store: Loop, above: Superuser) -> None:
    done = read_in(old_store)
    orders = len(old_store.world.shop().orders)
    assert (done.orders_read, done.customers_read) == (orders, len(old_store.world.shop().customers))
    assert above.one("SELECT count(*) FROM orders WHERE shop_id = %s", old_store.shop.shop_id) == orders
    assert old_store.reconciler.run(old_store.shop, datetime(2000, 1, 1, tzinfo=done.asked_at.tzinfo)) == 0
