"""Several workers meet a backlog at the same moment: each effect has one owner, whether a run or a call."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from commerce.store import BulkLook, BulkRun, SetTags, StoreError
from engine import outbox
from engine.bulk_runs import FLOOR
from engine.outbox import Outbox
from engine.shops import Shop
from engine.work import Database
from tests.engine.test_bulk_runs import Bulk
from tests.engine.test_outbox import tags
from tests.ground import Clock, Superuser

WORKERS = 4
# Enough for a run, whatever the others take by calls meanwhile.
COUNT = FLOOR + WORKERS * outbox.BATCH


@dataclass
class Crowded(Bulk):
    """Asked what a run would cost, it waits until every worker has counted the backlog."""

    gate: threading.Barrier = field(default_factory=lambda: threading.Barrier(WORKERS, timeout=30))
    carried: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def bulk_least(self, kind: str) -> int | None:
        self.gate.wait()
        return super().bulk_least(kind)

    def push_in_bulk(self, run: BulkRun) -> BulkLook:
        effects = run.effects()
        with self.lock:
            self.runs += 1
            self.carried.update(effect.key for effect in effects)
        return BulkLook("", len(effects), [None] * len(effects))

    def set_tags(self, effects: Sequence[SetTags]) -> list[StoreError | None]:
        with self.lock:
            self.carried.update(effect.key for effect in effects)
        return [None for _ in effects]


def test_workers_that_begin_at_once_share_the_effects_and_take_none_twice(
    database: Database, shop: Shop, above: Superuser, clock: Clock
) -> None:
    with database.work(shop.shop_id) as work:
        outbox.put(work, [tags(customer) for customer in range(COUNT)])
    clock.forward(minutes=1)
    store = Crowded()
    with ThreadPoolExecutor(WORKERS) as pool:
        outboxes = [Outbox(database, lambda _: store, {}) for _ in range(WORKERS)]
        settled = sum(pool.map(lambda each: each.push_round(), outboxes))
    assert settled == COUNT
    assert store.carried == Counter(tags(customer).key for customer in range(COUNT))
    counted = "SELECT count(*), count(pushed_at), max(attempts) FROM effects WHERE shop_id = %s"
    assert above.run(counted, shop.shop_id) == [(COUNT, COUNT, 1)]
    assert store.runs == 1
    assert above.one("SELECT count(*) FROM bulk_runs WHERE shop_id = %s", shop.shop_id) == 0
