"""Two connections at once: workers who enrol, a merchant who changes the play, customers who turn out to be one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

import campaigns
from campaigns import PlayChanged
from tests import people
from tests.ground import START, Clock, Desk, Superuser
from tests.races.test_merge import merge_while, somebody_waits

pytestmark = pytest.mark.races

ENROLLED = """
    SELECT c.external_id, count(*), sum(e.points) FROM enrolments e JOIN customers c USING (shop_id, customer_id)
    WHERE e.shop_id = %s GROUP BY 1 HAVING count(*) > 1
"""
GIVEN = "SELECT count(*), coalesce(sum(points), 0) FROM entries WHERE shop_id = %s AND kind = 'batch'"


def switch_on(desk: Desk, **changed: object) -> int:
    with desk.work() as work:
        return campaigns.state(work, "welcome", {"on": True, "holdout_percent": 0, **changed}, 0)


def enrol(desk: Desk) -> int:
    with desk.work() as work:
        return sum(1 for _ in iter(lambda: campaigns.enrol_due(work), False))


def test_workers_who_enrol_at_once_enrol_everybody_once(desk: Desk, above: Superuser, clock: Clock) -> None:
    switch_on(desk, most_points=1_000_000)
    desk.settle(*(people.order(n, people.customer(n)) for n in range(1, 41)))
    begin = threading.Barrier(6)

    def worker(_: int) -> int:
        begin.wait(60)
        return sum(enrol(desk) for _ in range(4))

    with ThreadPoolExecutor(6) as pool:
        portions = sum(pool.map(worker, range(6)))
    assert portions == 1, "whoever comes second finds nothing due"
    assert above.run(ENROLLED, desk.shop.shop_id) == []
    assert above.run(GIVEN, desk.shop.shop_id) == [(40, 2000)]
    assert desk.faults() == []


def test_a_worker_that_dies_leaves_nobody_with_half_of_what_is_theirs(desk: Desk, above: Superuser) -> None:
    switch_on(desk)
    desk.settle(people.order(1, people.customer(1)))
    with pytest.raises(RuntimeError), desk.work() as work:  # noqa: PT012  # what dies is the unit of work
        assert campaigns.enrol_due(work)
        raise RuntimeError
    assert above.run(GIVEN, desk.shop.shop_id) == [(0, 0)]
    assert above.one("SELECT count(*) FROM enrolments WHERE shop_id = %s", desk.shop.shop_id) == 0
    assert enrol(desk) == 1
    assert above.run(GIVEN, desk.shop.shop_id) == [(1, 50)]


def test_a_change_of_the_play_waits_for_the_portion_and_ends_its_run(desk: Desk, above: Superuser) -> None:
    first = switch_on(desk)
    desk.settle(people.order(1, people.customer(1)))

    def switch_off() -> None:
        with desk.work() as work:
            campaigns.state(work, "welcome", {"on": False}, first)

    changing = threading.Thread(target=switch_off)
    with desk.work() as work:
        assert campaigns.enrol_due(work)
        changing.start()
        somebody_waits(above)
    changing.join(60)
    with desk.work() as work:
        run = campaigns.last_run(work, "welcome")
    assert (run.enrolled, run.ended_at) == (1, START)
    assert enrol(desk) == 0


def test_of_two_who_change_a_play_at_once_one_is_told(desk: Desk, above: Superuser) -> None:
    told = list[Exception]()

    def change(points: int) -> None:
        try:
            with desk.work() as work:
                campaigns.state(work, "welcome", {"points": points}, 0)
        except PlayChanged as refused:
            told.append(refused)

    second = threading.Thread(target=change, args=(70,))
    with desk.work() as work:
        campaigns.state(work, "welcome", {"points": 60}, 0)
        second.start()
        somebody_waits(above)
    second.join(60)
    assert len(told) == 1
    with desk.work() as work:
        assert campaigns.find(work, "welcome").play.points == 60


def test_whoever_is_being_merged_is_not_enrolled_beside_the_one_who_is_kept(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    switch_on(desk)
    desk.settle(people.order(1, people.customer(1)), customers=[people.customer(2, updated_at=START)])
    desk.settle(people.order(2, people.customer(2), placed_at=START - timedelta(days=1)))
    gone = desk.customer_id(2)
    merge_while(desk, above, threading.Thread(target=enrol, args=(desk,)))
    rows = "SELECT count(*) FROM enrolments WHERE shop_id = %s AND customer_id = %s"
    assert above.one(rows, desk.shop.shop_id, gone) == 0
    assert desk.faults() == []
