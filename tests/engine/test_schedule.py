"""The clock: each job once a slot and shop, however many processes try; and always somebody who keeps it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from engine.schedule import LEADER_LOCK, Job, Schedule, slot
from engine.shops import Shop
from engine.work import Database, UnitOfWork
from tests.ground import START, Clock, Superuser

NOTHING = text("UPDATE shops SET name = 'touched' WHERE shop_id = :shop_id")


def wait_until(question: Callable[[], object], seconds: float = 60) -> None:
    pause, tries = threading.Event(), int(seconds / 0.02)
    for _ in range(tries):
        if question():
            return
        pause.wait(0.02)
    raise AssertionError("in vain")


def test_a_slot_is_the_same_for_all_who_look_within_it() -> None:
    job = Job("tidy", 900)
    assert slot(job, START) == START
    assert slot(job, START + timedelta(seconds=899)) == START
    assert slot(job, START + timedelta(seconds=900)) == START + timedelta(seconds=900)
    assert slot(job, datetime(2026, 3, 2, 12, 14, 59, tzinfo=UTC)) == START


@pytest.mark.races
def test_among_many_who_try_at_once_a_job_runs_once_in_each_slot(database: Database, shop: Shop, clock: Clock) -> None:
    ran: list[datetime] = []
    job = Job("count", 60, inside=lambda work: ran.append(work.now), after=lambda _: ran.append(clock()))
    schedules = [Schedule(database, [job]) for _ in range(8)]
    for turn in range(1, 6):
        start = threading.Barrier(len(schedules))

        def fire(schedule: Schedule, start: threading.Barrier = start) -> bool:
            start.wait(60)
            return schedule.fire_once(job, shop)

        with ThreadPoolExecutor(len(schedules)) as pool:
            assert sorted(pool.map(fire, schedules)) == [False] * 7 + [True]
        assert len(ran) == turn * 2
        clock.forward(seconds=60)


def test_a_job_that_failed_has_not_had_its_slot(database: Database, shop: Shop, above: Superuser) -> None:
    tries: list[int] = []

    def fail_once(work: UnitOfWork) -> None:
        tries.append(1)
        work.run(NOTHING)
        if len(tries) == 1:
            raise ArithmeticError("the first time")

    job = Job("stumble", 60, inside=fail_once)
    schedule = Schedule(database, [job])
    with pytest.raises(ArithmeticError):
        schedule.fire_once(job, shop)
    assert above.run("SELECT job FROM ticks WHERE shop_id = %s", shop.shop_id) == []
    assert above.one("SELECT name FROM shops WHERE shop_id = %s", shop.shop_id) != "touched"
    assert schedule.fire_once(job, shop)
    assert above.run("SELECT job, slot FROM ticks WHERE shop_id = %s", shop.shop_id) == [("stumble", START)]


def test_one_shop_s_trouble_is_not_the_others(database: Database, shop: Shop, neighbour: Shop) -> None:
    seen: list[int] = []

    def work(unit: UnitOfWork) -> None:
        seen.append(unit.shop_id)
        if unit.shop_id == min(shop.shop_id, neighbour.shop_id):
            raise ArithmeticError("this shop")

    job = Job("visit", 60, inside=work)
    assert Schedule(database, [job]).fire(job) == 1
    assert sorted(seen) == sorted([shop.shop_id, neighbour.shop_id])


def test_only_the_newest_tick_of_a_job_is_kept(database: Database, shop: Shop, above: Superuser, clock: Clock) -> None:
    job = Job("tidy", 60)
    for _ in range(5):
        assert Schedule(database, [job]).fire_once(job, shop)
        clock.forward(seconds=60)
    assert above.one("SELECT count(*) FROM ticks WHERE shop_id = %s", shop.shop_id) == 1


class Keeper:
    """A worker's clock in a thread, which notes when it fires."""

    def __init__(self, database: Database) -> None:
        self.fired = threading.Event()
        self.stop = threading.Event()
        self.schedule = Schedule(database, [Job("note", 1, after=lambda _: None)])
        self.schedule.fire = self._fire  # type: ignore[method-assign]
        self.thread = threading.Thread(target=self.schedule.lead, args=(self.stop, 0.05), daemon=True)

    def _fire(self, job: Job) -> int:
        self.fired.set()
        return 1

    def end(self) -> None:
        self.stop.set()
        if self.thread.ident:
            self.thread.join(60)
            assert not self.thread.is_alive()


# In this database alone: the tests of other processes, on the same server, have clocks of their own.
LEADERS = f"""
    SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.objid = {LEADER_LOCK} AND l.granted AND d.datname = current_database()
"""


@pytest.fixture
def keepers(database: Database, clock: Clock) -> Iterator[tuple[Keeper, Keeper]]:
    # The scheduler has the computer's clock, and would catch up with all that has happened since the test's.
    clock.now = datetime.now(UTC)
    pair = Keeper(database), Keeper(database)
    yield pair
    for keeper in pair:
        keeper.end()


@pytest.mark.races
def test_one_keeps_the_clock_and_another_takes_over_when_its_connection_dies(
    keepers: tuple[Keeper, Keeper], shop: Shop, above: Superuser
) -> None:
    first, second = keepers
    first.thread.start()
    assert first.fired.wait(60)
    second.thread.start()
    ((leader,),) = above.run(LEADERS)
    assert not second.fired.wait(0.5)
    above.run("SELECT pg_terminate_backend(%s)", leader)
    wait_until(lambda: above.run(LEADERS) not in ([], [(leader,)]))
    first.end()
    assert second.fired.wait(60)
    second.stop.set()
    wait_until(lambda: above.run(LEADERS) == [])
