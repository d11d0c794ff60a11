"""Several processes ask one store, which meters them together: they go as fast as it lets them, and it need not say so.

Time is made: it moves on when everybody sleeps, to the first who wakes. So minutes of waiting take no time, and while
somebody's request is on its way the others may ask.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from commerce.store import SetTags, StoreError
from connectors.http import HttpSession
from connectors.shopify import Budget, ShopifyStore
from engine.budget import SharedMeter
from engine.shops import Shop
from engine.work import Database
from sandbox import App, Courier, World
from sandbox import create_app as create_platform
from tests.ground import START
from tests.serving import served

BUCKET, RATE = 2000.0, 100.0
MINUTES = 3
VOCABULARY = ("stage:lead", "stage:acquired")


@dataclass
class MadeTime:
    """A clock for several threads, who all say when they sleep and when they are done."""

    awake: int
    now: float = START.timestamp()
    _sleeping: dict[int, float] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self) -> float:
        return self.now

    def instant(self) -> datetime:
        return START + timedelta(seconds=self.now - START.timestamp())

    def sleep(self, seconds: float) -> None:
        me = threading.get_ident()
        with self._changed:
            self._sleeping[me] = self.now + seconds
            self.awake -= 1
            self._move_on()
            assert self._changed.wait_for(lambda: me not in self._sleeping, timeout=60), "nobody moves on"

    def leave(self) -> None:
        with self._changed:
            self.awake -= 1
            self._move_on()

    def _move_on(self) -> None:
        if self.awake or not self._sleeping:
            return
        self.now = min(self._sleeping.values())
        woken = [who for who, until in self._sleeping.items() if until <= self.now]
        for who in woken:
            del self._sleeping[who]
        self.awake += len(woken)
        self._changed.notify_all()


@dataclass
class Yard:
    """A store that meters, and processes that write to it as fast as they may."""

    world: World
    url: str
    token: str
    time: MadeTime

    def process(self, batch: int, budget: Budget) -> None:
        """Tags for `batch` customers a call, to and fro, for some minutes; told to wait, it waits like the outbox."""
        http = HttpSession(platform_url=self.url)
        store = ShopifyStore(
            self.world.shop().domain, lambda: self.token, http, now=self.time.instant, sleep=self.time.sleep,
            clock=self.time, budget=budget,
        )  # fmt: skip
        people = [str(person.id) for person in self.world.shop().customers][:batch]
        ends_at = START.timestamp() + MINUTES * 60
        turn = 0
        while self.time() < ends_at:
            turn += 1
            try:
                answers = store.set_tags(
                    [SetTags(person, "stage:", (VOCABULARY[turn % 2],), VOCABULARY) for person in people]
                )
                assert answers == [None] * batch
            except StoreError as fault:
                if fault.retry_after is None:
                    raise
                self.time.sleep(fault.retry_after)
        self.time.leave()

    def run(self, budgets: list[tuple[int, Budget]]) -> tuple[float, int]:
        """All processes at once. The share of the store's points that was used, and how often it said THROTTLED.

        What is booked for calls after the end was not used: up to 1,176 points in 20,000.
        """
        threads = [threading.Thread(target=self.process, args=each) for each in budgets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        return self.world.stats["cost_points"] / (BUCKET + RATE * MINUTES * 60), self.world.stats["throttled"]


BATCHES = (25, 25, 5, 1)


@pytest.fixture
def yard() -> Iterator[Yard]:
    time = MadeTime(len(BATCHES))
    world = World(
        App("id", "s" * 32), clock=time, courier=Courier(send=lambda *_: 200), bucket=BUCKET, restore_rate=RATE
    )
    token, _ = world.install().grant_expiring(time())
    token.expires_at = START.timestamp() + 1e6
    for number in range(25):
        world.add_customer(f"p{number}@example.com")
    with served(create_platform(world)) as url:
        yield Yard(world, url, token.token, time)


def _settled(database: Database, clock: Callable[[], datetime]) -> Database:
    database.clock = clock
    return database


def test_processes_together_use_the_whole_rate_and_are_hardly_ever_told_to_wait(
    yard: Yard, database: Database, shop: Shop
) -> None:
    shared = _settled(database, yard.time.instant)
    budgets = [Budget(yard.time, SharedMeter(shared, shop.shop_id)) for _ in BATCHES]
    used, throttled = yard.run(list(zip(BATCHES, budgets, strict=True)))
    assert used > 0.92, f"{used:.1%} of the points used"
    # Each process may find out what a kind of call costs by asking, once; there are two kinds, reading and writing.
    assert throttled <= 2 * len(BATCHES)


def test_processes_with_a_book_each_are_told_to_wait_again_and_again(yard: Yard) -> None:
    used, throttled = yard.run([(batch, Budget(yard.time)) for batch in BATCHES])
    assert (used > 0.92, throttled > 5 * len(BATCHES)) == (True, True), (used, throttled)
