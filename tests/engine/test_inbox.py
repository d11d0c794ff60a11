"""The inbox: a delivery counts once; what cannot be settled is set aside with its reason, and holds up nothing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from commerce.events import BadDelivery, CustomerChanged, Delivery, Envelope, Event, OrderChanged
from commerce.ids import DeliveryId, ShopId
from engine import inbox as engine_inbox
from engine import receiver as engine_receiver
from engine.inbox import Inbox, Reaction
from engine.mirror import Accepted
from engine.receiver import Overloaded, Receiver
from engine.shops import Shop
from engine.work import Database, UnitOfWork
from tests import people
from tests.ground import REACTIONS, START, EventLoop, Superuser

ROWS = """
    SELECT dedupe_key, settled_at IS NOT NULL, parked_at IS NOT NULL, reason, attempts FROM deliveries
    WHERE shop_id = %s ORDER BY delivery_id
"""


@dataclass
class Box:
    """An inbox whose deliveries say in one word what they are: ``order 3``, ``poison 4``, ``nonsense``."""

    database: Database
    shop: Shop
    receiver: Receiver
    loop: EventLoop
    above: Superuser
    batches: list[int] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = (f"key-{number}" for number in itertools.count(1))
        reactions: Sequence[Reaction] = (self._count, *REACTIONS, self._choke)
        self.inbox = Inbox(self.database, {"shopify": self._translate}, reactions)

    def take(self, *words: str, key: str | None = None, at: datetime = START) -> list[bool]:
        return [
            self.receive(
                self.shop.shop_id, Envelope(self.shop.domain, "orders/create", key or next(self.keys), at), word
            )
            for word in words
        ]

    def receive(self, shop_id: ShopId, envelope: Envelope, word: str) -> bool:
        return self.loop.run(self.receiver.receive(shop_id, envelope, word.encode()))

    def settle(self, limit: int = 200) -> int:
        return self.inbox.settle(self.shop.shop_id, "shopify", limit)

    def rows(self) -> list[tuple[object, ...]]:
        return self.above.run(ROWS, self.shop.shop_id)

    def orders(self) -> list[str]:
        rows = self.above.run("SELECT name FROM orders WHERE shop_id = %s ORDER BY external_id", self.shop.shop_id)
        return [row[0] for row in rows]

    def _translate(self, delivery: Delivery, _shop: Shop) -> Sequence[Event]:
        word, _, number = delivery.body.decode().partition(" ")
        if word == "order":
            return (OrderChanged(people.order(int(number), people.customer(1))),)
        if word == "poison":
            return (OrderChanged(people.order(int(number), people.customer(1), name="poison")),)
        if word == "customer":
            return (CustomerChanged(people.customer(int(number), updated_at=delivery.observed_at)),)
        raise BadDelivery(f"{word} is no event")

    def _count(self, work: UnitOfWork, accepted: Accepted) -> None:
        self.batches.append(len(accepted.orders))
        if self.trouble:
            raise self.trouble.pop(0)

    def _choke(self, work: UnitOfWork, accepted: Accepted) -> None:
        if any(order.name == "poison" for order in accepted.orders):
            raise ArithmeticError("cannot be settled")


@pytest.fixture
def box(database: Database, shop: Shop, above: Superuser) -> Iterator[Box]:
    receiver, loop = Receiver(database), EventLoop()
    yield Box(database, shop, receiver, loop, above)
    loop.run(receiver.close())
    loop.close()


def test_a_delivery_that_came_before_is_known(box: Box) -> None:
    assert box.take("order 1", key="the-same") == [True]
    assert box.take("order 1", "order 1", key="the-same") == [False, False]
    assert box.settle() == 1
    assert box.take("order 1", key="the-same") == [False]
    assert box.settle() == 0
    assert box.rows() == [("the-same", True, False, None, 1)]


@pytest.mark.races
def test_a_delivery_that_comes_many_times_at_once_is_one(box: Box) -> None:
    start = threading.Barrier(12)

    def take(_: int) -> bool:
        start.wait(60)
        return box.take("order 1", key="the-same")[0]

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(take, range(12))) == [False] * 11 + [True]
    assert len(box.rows()) == 1


def test_the_same_key_at_another_shop_is_another_delivery(box: Box, neighbour: Shop) -> None:
    envelope = Envelope("x.myshopify.com", "orders/create", "the-same", START)
    assert box.take("order 1", key="the-same") == [True]
    other = Shop(ShopId(box.shop.shop_id + 1_000_000), *[getattr(box.shop, n) for n in Shop.__slots__][1:])
    assert box.receive(other.shop_id, envelope, "order 1")
    assert box.above.one("SELECT count(*) FROM deliveries WHERE dedupe_key = 'the-same'") == 2


def test_a_batch_is_settled_in_one_transaction(box: Box) -> None:
    box.take("order 1", "order 2", "order 3", "customer 2")
    assert box.settle() == 4
    assert box.batches == [3]
    assert box.above.one("SELECT count(DISTINCT xmin::text) FROM orders WHERE shop_id = %s", box.shop.shop_id) == 1


def test_what_is_no_event_is_parked_with_its_reason_at_once(box: Box) -> None:
    box.take("order 1", "nonsense", "order 2")
    assert box.settle() == 3
    assert box.rows() == [
        ("key-1", True, False, None, 1),
        ("key-2", False, True, "nonsense is no event", 1),
        ("key-3", True, False, None, 1),
    ]
    assert box.orders() == ["#1", "#2"]


def test_a_poisoned_delivery_is_found_by_halving_and_stands_alone(box: Box) -> None:
    box.take(
        *(f"order {number}" for number in range(1, 8)), "poison 8", *(f"order {number}" for number in range(9, 17))
    )
    assert box.settle() == 16
    parked = [row for row in box.rows() if row[2]]
    assert parked == [("key-8", False, True, "ArithmeticError while settling", 1)]
    assert [row[1] for row in box.rows()].count(True) == 15
    assert len(box.orders()) == 15
    assert box.batches == [16, 8, 4, 4, 2, 2, 1, 1, 8], "halves, and never one by one"


def test_two_poisoned_deliveries_are_both_found(box: Box) -> None:
    box.take("poison 1", "order 2", "order 3", "poison 4", "order 5")
    assert box.settle() == 5
    assert [row[0] for row in box.rows() if row[2]] == ["key-1", "key-4"]
    assert box.orders() == ["#2", "#3", "#5"]


def test_a_parked_delivery_can_be_settled_again_when_its_cause_is_gone(box: Box) -> None:
    box.take("poison 1")
    box.settle()
    (delivery_id,) = (
        row[0] for row in box.above.run("SELECT delivery_id FROM deliveries WHERE shop_id = %s", box.shop.shop_id)
    )
    box.above.run("UPDATE deliveries SET body = %s WHERE shop_id = %s", engine_inbox.pack(b"order 1"), box.shop.shop_id)
    with box.database.work(box.shop.shop_id) as work:
        assert engine_inbox.replay(work, DeliveryId(delivery_id))
        assert not engine_inbox.replay(work, DeliveryId(delivery_id))
    assert box.rows() == [("key-1", False, False, None, 1)]
    assert box.settle() == 1
    assert box.rows() == [("key-1", True, False, None, 2)]


@pytest.mark.parametrize("state", ["40P01", "40001", "55P03", "57P01", "57014", "53300", "08006"])
def test_the_database_s_own_trouble_is_nobody_s_fault_and_is_tried_again(box: Box, state: str) -> None:
    class Trouble(Exception):
        sqlstate = state

    box.take("order 1", "order 2")
    box.trouble = [OperationalError("SELECT", {}, Trouble())]
    with pytest.raises(DBAPIError):
        box.settle()
    assert box.rows() == [("key-1", False, False, None, 0), ("key-2", False, False, None, 0)]
    assert box.settle() == 2
    assert box.batches == [2, 2]
    assert [row[1] for row in box.rows()] == [True, True]


def test_trouble_of_the_database_while_halving_parks_nothing(box: Box) -> None:
    class Trouble(Exception):
        sqlstate = "57P01"

    box.take("poison 1", "order 2")
    box.trouble = [ValueError("a mistake"), OperationalError("SELECT", {}, Trouble())]
    with pytest.raises(DBAPIError):
        box.settle()
    assert [row[2] for row in box.rows()] == [False, False]


def test_a_body_that_was_damaged_is_parked(box: Box) -> None:
    box.take("order 1", "order 2")
    box.above.run("UPDATE deliveries SET body = 'rubbish' WHERE dedupe_key = 'key-1'")
    assert box.settle() == 2
    assert [row[2] for row in box.rows()] == [True, False]


def test_a_busy_shop_does_not_hold_up_the_others(box: Box) -> None:
    box.take(*(f"order {number}" for number in range(1, 11)))
    assert box.inbox.settle_round(limit=4) == 4
    assert box.inbox.settle_round(limit=4) == 4
    assert box.inbox.settle_round(limit=4) == 2
    assert box.inbox.settle_round(limit=4) == 0


@pytest.mark.races
def test_workers_share_the_inbox_of_one_shop_and_settle_each_delivery_once(box: Box) -> None:
    box.take(*(f"order {number}" for number in range(1, 61)))
    start = threading.Barrier(4)

    def work(_: int) -> int:
        start.wait(60)
        return sum(iter(lambda: box.settle(limit=5), 0))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 60
    assert {row[1:] for row in box.rows()} == {(True, False, None, 1)}
    assert box.above.one("SELECT count(*) FROM entries WHERE shop_id = %s", box.shop.shop_id) == 60


# --- the receiver


def test_many_at_once_are_one_commit(box: Box) -> None:
    with ThreadPoolExecutor(20) as pool:
        with _locked(box.above, "SHARE"):
            first = pool.submit(box.take, "order 1")
            _wait_until(lambda: box.receiver._writing is not None and not box.receiver._queue)
            rest = [pool.submit(box.take, f"order {number}") for number in range(2, 21)]
            _wait_until(lambda: len(box.receiver._queue) == len(rest))
            assert not any(answer.done() for answer in (first, *rest)), "answered before it was durable"
        assert all(answer.result(60) == [True] for answer in (first, *rest))
    commits = box.above.one("SELECT count(DISTINCT xmin::text) FROM deliveries WHERE shop_id = %s", box.shop.shop_id)
    assert commits == 2


def test_without_a_database_the_door_says_later_and_then_recovers(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    box.above.run("ALTER TABLE deliveries RENAME TO deliveries_gone")
    try:
        with pytest.raises(Overloaded):
            box.take("order 1")
    finally:
        box.above.run("ALTER TABLE deliveries_gone RENAME TO deliveries")
    assert box.rows() == []
    assert box.take("order 1") == [True]


def test_a_connection_that_was_cut_is_replaced(box: Box) -> None:
    assert box.take("order 1") == [True]
    _cut_connections(box.above)
    for _ in range(3):
        try:
            answered = box.take("order 2", key="again")
            break
        except Overloaded:
            continue
    assert answered == [True]
    assert box.settle() == 2


def test_while_the_database_hangs_everybody_is_told_in_time_to_come_back(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert box.take("order 1") == [True]
    monkeypatch.setattr(engine_receiver, "PATIENCE_SECONDS", 0.05)
    with _locked(box.above, "ACCESS EXCLUSIVE"), ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(box.take, f"order {number}", key=f"late-{number}") for number in range(2, 6)]
        assert [type(each.exception(60)) for each in asked] == [Overloaded] * 4
    monkeypatch.undo()
    # What was under way may have been written all the same: then the second time it is known.
    box.take("order 2", "order 3", "order 4", "order 5", key=None)
    assert box.settle() == len(box.rows()) >= 5


def test_a_receiver_that_was_closed_takes_nothing_more(box: Box) -> None:
    box.loop.run(box.receiver.close())
    with pytest.raises(Overloaded):
        box.take("order 1")


@contextmanager
def _locked(above: Superuser, mode: str) -> Iterator[None]:
    above.run("BEGIN")
    try:
        above.run(f"LOCK TABLE deliveries IN {mode} MODE")
        yield
    finally:
        above.run("COMMIT")


def _cut_connections(above: Superuser) -> None:
    above.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )


def _wait_until(question: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(12_000):
        if question():
            return
        pause.wait(0.005)
    raise AssertionError("in vain")
