"""Bulk runs: many effects at once, held by one owner, each with an outcome of its own, whatever becomes of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from commerce.ids import ShopId
from commerce.store import BulkLook, BulkRefused, BulkRun, SetTags, StoreError
from engine import bulk_runs, log, metrics, outbox, shops
from engine.bulk_runs import FLOOR, LOOK_LEASE, PAUSED_FOR, REFUSED_FOR, STALLED
from engine.outbox import Outbox
from engine.shops import Shop
from engine.work import Database, in_transaction
from tests.engine.test_outbox import Store, discount, tags
from tests.ground import Clock, Superuser

LEAST = FLOOR
Look = Callable[[BulkRun], BulkLook]
PUSHED = "SELECT count(*) FROM effects WHERE shop_id = %s AND pushed_at IS NOT NULL"
WAITING = "SELECT count(*) FROM effects WHERE shop_id = %s AND pushed_at IS NULL AND parked_at IS NULL"


def going_on(run: BulkRun) -> BulkLook:
    return BulkLook(run.state or "begun", 0)


def done(run: BulkRun) -> BulkLook:
    return BulkLook("", len(run.effects()), [None] * len(run.effects()))


@dataclass
class Bulk(Store):
    """A store that takes effects in bulk, and does with a run what the test says."""

    looks: list[tuple[str, str]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    look: Look = going_on
    least: int | None = LEAST

    def bulk_least(self, kind: str) -> int | None:
        return self.least if kind == SetTags.kind else None

    def push_in_bulk(self, run: BulkRun) -> BulkLook:
        assert not in_transaction(), "the store is spoken to inside a transaction"
        self.looks.append((run.name, run.state))
        return self.look(run)

    def cancel_bulk(self, run: BulkRun) -> None:
        self.cancelled.append(run.name)


@dataclass
class Depot:
    """An outbox with so many tags due, and the store behind it."""

    database: Database
    shop: Shop
    above: Superuser
    clock: Clock
    store: Bulk = field(default_factory=Bulk)

    def __post_init__(self) -> None:
        self.outbox = self.another()

    def another(self) -> Outbox:
        """The outbox of another process."""
        return Outbox(self.database, self._connect, {})

    def _connect(self, shop_id: ShopId) -> Bulk:
        assert shop_id == self.shop.shop_id
        return self.store

    def put(self, count: int = LEAST, stage: str = "lead") -> None:
        with self.database.work(self.shop.shop_id) as work:
            outbox.put(work, [tags(customer, stage) for customer in range(count)])

    def push(self, **after: float) -> int:
        self.clock.forward(**after)
        return self.outbox.push_round()

    def count(self, statement: str) -> int:
        number: int = self.above.one(statement, self.shop.shop_id)
        return number

    def runs(self) -> list[tuple[Any, ...]]:
        return self.above.run("SELECT kind, state, size, done FROM bulk_runs WHERE shop_id = %s", self.shop.shop_id)

    def pause(self) -> bulk_runs.Pause | None:
        with self.database.work(self.shop.shop_id) as work:
            return bulk_runs.pause(work)


@pytest.fixture
def depot(database: Database, shop: Shop, above: Superuser, clock: Clock) -> Depot:
    return Depot(database, shop, above, clock)


def test_thousands_go_in_one_run_and_no_call_is_made(depot: Depot) -> None:
    depot.put(LEAST)
    assert depot.push(minutes=1) == 0
    assert depot.runs() == [("tags", "begun", LEAST, 0)]
    assert depot.push(seconds=1) == 0
    depot.store.look = done
    assert depot.push(minutes=1) == LEAST
    assert (depot.count(PUSHED), depot.store.asked, depot.runs()) == (LEAST, [], [])
    assert [state for _, state in depot.store.looks] == ["", "begun"]
    assert len({name for name, _ in depot.store.looks}) == 1
    assert depot.push(days=2) == 0


def test_a_code_for_which_a_shopper_waits_goes_before_the_run_is_begun(depot: Depot) -> None:
    asked: list[Any] = []

    def begun(run: BulkRun) -> BulkLook:
        asked.extend(depot.store.asked)
        return going_on(run)

    depot.put(LEAST)
    with depot.database.work(depot.shop.shop_id) as work:
        outbox.put(work, [discount()])
    depot.store.look = begun
    assert depot.push(minutes=1) == 1
    assert asked == [discount()]


def test_fewer_than_the_store_finds_cheaper_go_by_calls(depot: Depot) -> None:
    depot.store.least = LEAST + 1
    depot.put(LEAST)
    assert depot.push(minutes=1) == outbox.BATCH
    assert (depot.store.looks, len(depot.store.asked)) == ([], outbox.BATCH)


def test_what_is_due_beside_a_run_goes_by_calls(depot: Depot) -> None:
    depot.put(LEAST)
    depot.push(minutes=1)
    with depot.database.work(depot.shop.shop_id) as work:
        outbox.put(work, [tags(LEAST + 7)])
    assert depot.push(minutes=1) == 1
    assert depot.store.asked == [tags(LEAST + 7)]


def test_one_that_changes_while_it_is_carried_has_one_owner_and_is_due_after(depot: Depot) -> None:
    depot.put(LEAST)
    depot.push(minutes=1)
    depot.put(1, stage="acquired")
    assert depot.push(minutes=1) == 0
    assert depot.store.asked == []
    carried: list[Any] = []

    def ends(run: BulkRun) -> BulkLook:
        carried.extend(run.effects())
        return done(run)

    depot.store.look = ends
    assert depot.push(minutes=2) == LEAST
    assert depot.push() == 1
    assert carried[0] == tags(0, "lead")
    assert depot.store.asked == [tags(0, "acquired")]
    assert depot.count(PUSHED) == LEAST


def test_each_effect_gets_its_own_outcome(depot: Depot) -> None:
    no, later = (
        StoreError("no such customer", permanent=True),
        StoreError("broke off", permanent=False, retry_after=0.0),
    )
    depot.put(LEAST)
    depot.push(minutes=1)
    depot.store.look = lambda _: BulkLook("", 2, [None, no, *[later] * (LEAST - 2)])
    depot.store.least = None
    depot.push(minutes=1)
    rows = depot.above.run(
        "SELECT attempts, pushed_at IS NOT NULL, parked_at IS NOT NULL, reason FROM effects WHERE shop_id = %s"
        " ORDER BY effect_id LIMIT 2",
        depot.shop.shop_id,
    )
    assert rows == [(1, True, False, None), (1, False, True, "no such customer")]
    # The rest is due at once, its try forgiven.
    assert depot.push() == outbox.BATCH
    assert (depot.count(WAITING), len(depot.store.asked)) == (LEAST - 2 - outbox.BATCH, outbox.BATCH)
    assert depot.pause() is None


def test_a_run_that_confirms_nothing_makes_way_for_calls_for_an_hour(depot: Depot) -> None:
    depot.put(LEAST)
    depot.push(minutes=1)
    gone = StoreError("the result is gone", permanent=False, retry_after=0.0)
    depot.store.look = lambda run: BulkLook("", 0, [gone] * len(run.effects()))
    assert depot.push(minutes=1) == LEAST
    pause = depot.pause()
    assert pause is not None
    assert (pause.refused, pause.until) == (False, depot.clock() + PAUSED_FOR)
    assert depot.push() == outbox.BATCH
    assert len(depot.store.looks) == 2
    assert depot.push(hours=1) == outbox.BATCH
    # too few are left by now for another run
    assert depot.runs() == []


def test_a_run_and_each_effect_of_it_leave_a_line_and_a_number(depot: Depot, caplog: pytest.LogCaptureFixture) -> None:
    before = metrics.bulk_runs_ended.labels("done")._value.get()
    depot.put(LEAST)
    depot.store.look = done
    with caplog.at_level("INFO", "perennial.outbox"):
        depot.push(minutes=1)
    lines: dict[str, list[dict[str, Any]]] = {r.getMessage(): r.lines for r in caplog.records}  # type: ignore[attr-defined]
    (run,) = lines["bulk run"]
    assert {name: run[name] for name in ("kind", "size", "done", "outcome")} == {
        "kind": "tags", "size": LEAST, "done": LEAST, "outcome": "done",
    }  # fmt: skip
    assert set(run) <= log.SAFE_FIELDS
    assert [line["outcome"] for line in lines["pushed"]] == ["done"] * LEAST
    assert metrics.bulk_runs_ended.labels("done")._value.get() - before == 1


def test_a_refused_run_is_remembered_for_a_day(depot: Depot) -> None:
    def refuse(run: BulkRun) -> BulkLook:
        raise BulkRefused("no permission")

    depot.put(LEAST)
    depot.store.look = refuse
    assert depot.push(minutes=1) == LEAST
    assert depot.pause() == bulk_runs.Pause(depot.clock() + REFUSED_FOR, True, "no permission")
    while depot.push():
        pass
    assert depot.count(PUSHED) == LEAST
    assert len(depot.store.looks) == 1
    depot.put(LEAST, stage="acquired")
    depot.store.look = going_on
    depot.push(hours=23)
    assert len(depot.store.looks) == 1
    depot.put(LEAST, stage="lead")
    depot.push(hours=2)
    assert len(depot.store.looks) == 2


def test_one_that_never_finishes_is_cancelled_and_its_effects_go_by_calls(depot: Depot) -> None:
    depot.put(LEAST)
    depot.push(minutes=1)
    depot.push(minutes=14)
    assert depot.store.cancelled == []
    assert depot.push(minutes=2) == 0
    assert len(depot.store.cancelled) == 1
    stopped = StoreError("canceled", permanent=False, retry_after=0.0)
    depot.store.look = lambda run: BulkLook("", 0, [stopped] * len(run.effects()))
    assert depot.push(minutes=1) == LEAST
    assert depot.pause() is not None
    assert depot.runs() == []


def test_one_that_cannot_even_be_stopped_is_let_go(depot: Depot) -> None:
    depot.put(LEAST)
    depot.push(minutes=1)
    depot.push(seconds=STALLED.total_seconds() + 1)
    assert len(depot.store.cancelled) == 1
    assert depot.push(seconds=STALLED.total_seconds() + 1) == LEAST
    assert (depot.runs(), len(depot.store.cancelled)) == ([], 1)


def test_one_that_gets_on_slowly_is_left_alone_for_hours(depot: Depot) -> None:
    depot.put(LEAST)
    depot.push(minutes=1)
    for lines in range(1, 40):
        depot.store.look = lambda run, lines=lines: BulkLook(run.state, lines)  # type: ignore[misc]
        assert depot.push(minutes=14) == 0
    assert (depot.store.cancelled, depot.runs()) == ([], [("tags", "begun", LEAST, 39)])


def test_looks_grow_rare_as_a_run_grows_old(depot: Depot) -> None:
    depot.put(LEAST)
    depot.push(minutes=1)
    for _ in range(30 * 60):
        depot.store.look = lambda run: BulkLook(run.state, len(depot.store.looks))
        depot.push(seconds=1)
    # what the connector reckons a run with, and the point that it pays for each
    assert 30 <= len(depot.store.looks) <= 40


def test_a_look_that_failed_is_taken_again_and_the_run_goes_on(depot: Depot) -> None:
    def cut_off(run: BulkRun) -> BulkLook:
        raise StoreError("the store did not answer in time", permanent=False)

    depot.put(LEAST)
    depot.store.look = cut_off
    assert depot.push(minutes=1) == 0
    assert depot.runs() == [("tags", "", LEAST, 0)]
    depot.store.look = done
    assert depot.push(seconds=29) == 0
    assert depot.push(seconds=2) == LEAST


def test_one_that_nobody_can_look_at_is_cancelled_and_let_go(depot: Depot) -> None:
    def broken(run: BulkRun) -> BulkLook:
        raise StoreError("the answer lacks what was asked", permanent=True)

    depot.put(LEAST)
    depot.push(minutes=1)
    depot.store.look = broken
    assert depot.push(minutes=1) == LEAST
    assert [name for name, _ in depot.store.looks[:1]] == depot.store.cancelled
    pause = depot.pause()
    assert pause is not None
    assert (pause.refused, pause.reason) == (False, "the answer lacks what was asked")


def test_a_store_that_is_closed_closes_the_shop_and_keeps_the_run(depot: Depot) -> None:
    def frozen(run: BulkRun) -> BulkLook:
        raise StoreError("the shop is frozen", permanent=False, closed=True)

    depot.put(LEAST)
    depot.store.look = frozen
    assert depot.push(minutes=1) == 0
    with depot.database.work(depot.shop.shop_id) as work:
        assert shops.current(work).installed
    assert depot.push(minutes=1) == 0
    assert len(depot.store.looks) == 1
    depot.store.look = done
    assert depot.push(hours=1) == LEAST


def test_a_process_that_died_in_the_middle_leaves_a_run_that_another_looks_at(depot: Depot) -> None:
    class Killed(BaseException):
        """The process is gone in the middle of a call."""

    def die(run: BulkRun) -> BulkLook:
        raise Killed

    depot.put(LEAST)
    depot.store.look = die
    with pytest.raises(Killed):
        depot.push(minutes=1)
    name = depot.store.looks[0][0]
    assert depot.runs() == [("tags", "", LEAST, 0)]
    depot.store.look = done
    other = depot.another()
    assert other.push_round() == 0
    depot.clock.forward(seconds=LOOK_LEASE.total_seconds())
    assert other.push_round() == LEAST
    # asked for by the same name, so that the store can tell that it was begun already
    assert depot.store.looks == [(name, ""), (name, "")]
    assert (depot.count(PUSHED), depot.store.asked) == (LEAST, [])


def test_a_late_owner_changes_nothing_that_another_has_ended(depot: Depot) -> None:
    depot.put(LEAST)
    other = depot.another()

    def overtaken(run: BulkRun) -> BulkLook:
        depot.clock.forward(seconds=LOOK_LEASE.total_seconds())
        depot.store.look = done
        assert other.push_round() == LEAST
        return BulkLook("", 0, [StoreError("no", permanent=True)] * LEAST)

    depot.store.look = overtaken
    assert depot.push(minutes=1) == 0
    assert (depot.count(PUSHED), depot.runs()) == (LEAST, [])


def test_no_more_than_four_runs_hold_a_shop_s_effects(depot: Depot) -> None:
    for number in range(6):
        with depot.database.work(depot.shop.shop_id) as work:
            outbox.put(work, [tags(number * 1000 + customer) for customer in range(LEAST)])
        depot.push(minutes=1)
    assert len(depot.runs()) == 4


def test_the_first_worker_takes_all_and_the_second_begins_nothing(depot: Depot) -> None:
    depot.put(LEAST)
    depot.clock.forward(minutes=1)
    other = depot.another()

    def meanwhile(run: BulkRun) -> BulkLook:
        assert other.push_round() == 0
        return going_on(run)

    depot.store.look = meanwhile
    assert depot.push() == 0
    assert len(depot.runs()) == 1


def test_a_second_worker_that_comes_too_late_leaves_no_empty_run(depot: Depot) -> None:
    """Between the count and the claim: the store is asked in between, which is where the other one is."""
    depot.put(LEAST)
    depot.clock.forward(minutes=1)
    other = depot.another()

    @dataclass
    class Slow(Bulk):
        def bulk_least(self, kind: str) -> int | None:
            depot.store = first
            other.push_round()
            return LEAST

    first = depot.store
    depot.store = Slow()
    assert depot.push() == 0
    assert depot.runs() == [("tags", "begun", LEAST, 0)]
    attempts: Sequence[Any] = depot.above.run(
        "SELECT DISTINCT attempts, due_at > %s FROM effects WHERE shop_id = %s",
        depot.clock() + timedelta(hours=23),
        depot.shop.shop_id,
    )
    assert list(attempts) == [(1, True)]
