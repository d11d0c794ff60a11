"""Thousands of changes at once, through a real store: bulk runs, their faults, and what the merchant reads of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest

from commerce.ids import ShopId
from commerce.store import BulkLook, BulkRun, SetTags, StorePort
from connectors.http import HttpSession
from connectors.shopify import ShopifyStore
from engine import outbox
from engine.bulk_runs import LOOK_LEASE
from engine.outbox import Outbox
from sandbox.bulk import BulkFaults
from tests.flows.conftest import Loop

STAGES = ("stage:lead", "stage:acquired", "stage:retained")
COUNT = 520
CALLS = 20


@pytest.fixture
def customers(loop: Loop) -> list[str]:
    """Customers of the store who bear a tag of the merchant's own; the app does not know them yet."""
    loop.world.shop().only_topics = frozenset()
    found = [loop.world.add_customer(f"p{number}@example.com") for number in range(COUNT)]
    for customer in found:
        loop.world.shop().tag_customer(customer, ["vip", "stage:lead"], [])
    return [str(customer.id) for customer in found]


def want(loop: Loop, customers: Sequence[str], stage: str = "stage:retained") -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        outbox.put(work, [SetTags(customer, "stage:", (stage,), STAGES) for customer in customers])


def push(loop: Loop, minutes: int = 30) -> None:
    """Rounds, some seconds apart."""
    for _ in range(minutes * 6):
        loop.clock.forward(seconds=10)
        while loop.outbox.push_round():
            pass


def tags(loop: Loop) -> list[set[str]]:
    return [set(customer.tags) for customer in loop.world.shop().customers]


def retained(count: int = COUNT) -> list[set[str]]:
    return [{"vip", "stage:retained"}] * count


def calls(loop: Loop) -> int:
    """Mutations of tags that went as calls of their own."""
    return loop.world.mutations["tagsAdd"] + loop.world.mutations["tagsRemove"]


def test_a_bulk_run_tags_everybody_for_a_handful_of_points(loop: Loop, customers: list[str]) -> None:
    before = loop.world.stats["cost_points"]
    want(loop, customers)
    push(loop)
    assert tags(loop) == retained()
    assert calls(loop) == 0
    assert loop.world.stats["cost_points"] - before <= COUNT * CALLS / 20


def test_a_slow_run_holds_up_nobody(loop: Loop, customers: list[str]) -> None:
    loop.world.shop().bulk.speed = 0.5
    want(loop, customers)
    push(loop, minutes=5)
    somebody = str(loop.world.add_customer("new@example.com").id)
    want(loop, [somebody])
    push(loop, minutes=1)
    assert tags(loop)[-1] == {"stage:retained"}
    assert tags(loop)[0] == {"vip"}, "the first step is not through, so nobody has the new tag yet"
    push(loop, minutes=60)
    assert tags(loop)[:COUNT] == retained()


def test_what_broke_off_half_way_is_carried_to_its_end(loop: Loop, customers: list[str]) -> None:
    loop.world.shop().bulk.faults = BulkFaults(fail_after=COUNT - 20)
    want(loop, customers)
    push(loop, minutes=1)
    loop.world.shop().bulk.faults = BulkFaults()
    push(loop, minutes=5)
    assert tags(loop) == retained()
    assert calls(loop) == 2 * 20


def test_one_that_never_finishes_is_cancelled_and_done_by_calls(loop: Loop, customers: list[str]) -> None:
    loop.world.shop().bulk.faults = BulkFaults(stuck_after=7)
    want(loop, customers)
    push(loop)
    assert [one.status for one in loop.world.shop().bulk] == ["CANCELED"]
    assert tags(loop) == retained()
    # seven had lost their old tag already, which the calls see
    assert calls(loop) == 2 * COUNT - 7


@pytest.mark.parametrize(
    "faults, mutations",
    [
        (BulkFaults(refused="mutation"), 2 * COUNT),
        (BulkFaults(unlisted=True), 2 * COUNT),
        # nobody heard that the old tags were taken off, but they were
        (BulkFaults(gone=True), COUNT),
    ],
)
def test_without_bulk_everything_is_done_by_calls(
    loop: Loop, customers: list[str], faults: BulkFaults, mutations: int
) -> None:
    loop.world.shop().bulk.faults = faults
    want(loop, customers)
    push(loop, minutes=5)
    assert tags(loop) == retained()
    assert calls(loop) == mutations
    started = len(list(loop.world.shop().bulk))
    want(loop, customers, "stage:acquired")
    push(loop, minutes=5)
    assert tags(loop) == [{"vip", "stage:acquired"}] * COUNT
    assert len(list(loop.world.shop().bulk)) == started, "and the store is not asked again for a while"


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Dying:
    """A store at which a run is begun, by a process that never comes to note it."""

    store: ShopifyStore

    def bulk_least(self, kind: str) -> int | None:
        return self.store.bulk_least(kind)

    def push_in_bulk(self, run: BulkRun) -> BulkLook:
        self.store.push_in_bulk(run)
        raise Killed

    def cancel_bulk(self, run: BulkRun) -> None:
        self.store.cancel_bulk(run)


def test_a_process_killed_after_it_began_a_run_begins_it_once(loop: Loop, customers: list[str]) -> None:
    shop = loop.world.shop()
    token = shop.installation and shop.installation.grant("offline", "shpat_", loop.world.clock(), None)
    assert token
    http = HttpSession(platform_url=loop.store_url)
    store = ShopifyStore(loop.domain, lambda: token.token, http, now=loop.clock)

    def connect(_: ShopId) -> StorePort:
        return cast("StorePort", Dying(store))

    want(loop, customers)
    loop.clock.forward(seconds=10)
    with pytest.raises(Killed):
        Outbox(loop.database, connect, {}).push_round()
    assert len(list(loop.world.shop().bulk)) == 1
    loop.clock.forward(seconds=LOOK_LEASE.total_seconds())
    push(loop, minutes=5)
    assert tags(loop) == retained()
    # the first step was found, and only the second one begun
    assert [one.roots for one in loop.world.shop().bulk] == [COUNT, COUNT]
    assert calls(loop) == 0
