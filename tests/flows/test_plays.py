"""A play in a store, from off to a result: by the rounds of the clock, with orders, tags and refunds of the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

import campaigns
from campaigns import Verdict
from engine.work import Database
from plugin.rounds import rounds
from sandbox.customers import Customer
from tests.flows.conftest import Loop, open_loop
from tests.ground import Clock

PEOPLE = 90
ROUNDS = ("enrol in plays", "end tags of plays", "count plays")


@pytest.fixture
def loop(database: Database) -> Iterator[Loop]:
    """A store in which ninety customers have placed a first order today, two months ago."""
    database.clock = clock = Clock(datetime.now(UTC).replace(microsecond=0) - timedelta(days=60))
    with open_loop(database, clock) as opened:
        opened.install_long_ago()
        for number in range(PEOPLE):
            buyer = opened.world.add_customer(f"c{number}@example.com", "Ines", f"N{number}")
            opened.world.place_order([("MUG", 1)], customer=buyer)
        opened.come_to_rest()
        yield opened


def run_jobs(loop: Loop) -> None:
    """What the clock of a worker does with plays."""
    for job in rounds("https://app.example"):
        if job.name in ROUNDS:
            assert job.inside is not None
            with loop.database.work(loop.shop.shop_id) as work:
                job.inside(work)
    loop.come_to_rest()


def tagged(customers: Iterable[Customer]) -> set[int]:
    return {c.id for c in customers if "play:welcome" in c.tags}


@pytest.mark.slow
def test_a_play_from_off_to_a_result(loop: Loop) -> None:
    customers = loop.world.shop().customers
    run_jobs(loop)
    assert tagged(customers) == set()
    settings = {"on": True, "tag": True, "points": 25, "holdout_percent": 50, "window_days": 14}
    with loop.database.work(loop.shop.shop_id) as work:
        version = campaigns.state(work, "welcome", settings, 0)
    run_jobs(loop)
    with loop.database.work(loop.shop.shop_id) as work:
        run = campaigns.last_run(work, "welcome")
    assert (run.run, run.enrolled, run.trouble) == (version, PEOPLE, None)
    playing = tagged(customers)
    assert len(playing) == PEOPLE - run.held_out
    assert 30 <= len(playing) <= 60
    for customer in customers:
        pending_and_given = loop.points(customer.id)
        assert (pending_and_given.spendable >= 25) is (customer.id in playing)
    # Everybody who takes part orders again, and one of those held out; one order of each side goes back.
    loop.clock.forward(days=2)
    idle = [c for c in customers if c.id not in playing]
    placed = [loop.world.place_order([("MUG", 2)], customer=c) for c in customers if c.id in playing]
    placed.append(loop.world.place_order([("MUG", 2)], customer=idle[0]))
    loop.come_to_rest()
    loop.clock.forward(days=1)
    loop.world.refund(placed[0])
    loop.come_to_rest()
    loop.clock.forward(days=12)
    run_jobs(loop)
    assert tagged(customers) == set(), "their windows are over"
    with loop.database.work(loop.shop.shop_id) as work:
        found = campaigns.results_of(work, "welcome")[0]
    assert (found.play.measured.people, found.play.measured.ordered) == (len(playing), len(playing) - 1)
    assert (found.holdout.measured.people, found.holdout.measured.ordered) == (len(idle), 1)
    assert found.lift.verdict is Verdict.MORE
    assert found.lift.spent is not None
    assert found.lift.spent.above
    assert not found.final
    with loop.database.work(loop.shop.shop_id) as work:
        campaigns.state(work, "welcome", {"on": False}, version)
        assert campaigns.results_of(work, "welcome")[0].final
