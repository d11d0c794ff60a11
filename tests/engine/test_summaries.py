"""Summaries: counted while they are looked at, until that costs too much; then kept, and counted anew by the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text

import lifecycle
from engine import summaries
from engine.summaries import Summary
from engine.work import UnitOfWork
from plugin.rounds import SUMMARIES, count_summaries
from tests import people
from tests.ground import START, Clock, Desk, Superuser

_DELIVERED = text("""
    INSERT INTO deliveries (shop_id, dedupe_key, topic, received_at, body)
    VALUES (:shop_id, :key, 'orders/paid', :now, '')
""")


@dataclass
class Counter:
    """Counts how often it was asked."""

    asked: int = 0

    def __call__(self, _work: UnitOfWork) -> int:
        self.asked += 1
        return self.asked


def news(desk: Desk, clock: Clock) -> None:
    with desk.work() as work:
        work.run(_DELIVERED, key=f"news-{clock.now}", now=work.now)


def count(desk: Desk, *wanted: Summary) -> int:
    with desk.work() as work:
        return summaries.count_due(work, wanted)


def cost(above: Superuser, took_ms: int) -> None:
    """As if the last counts had taken so long."""
    above.run("UPDATE summaries SET took_ms = %s", took_ms)


def read(desk: Desk, wanted: Summary) -> summaries.Counted:
    with desk.work() as work:
        return summaries.read(work, wanted)


def test_what_costs_next_to_nothing_is_counted_whenever_it_is_looked_at(desk: Desk, clock: Clock) -> None:
    cheap = Summary("cheap", Counter())
    assert (read(desk, cheap).value, read(desk, cheap).value) == (1, 2)
    assert count(desk, cheap) == 1
    clock.forward(minutes=5)
    assert read(desk, cheap) == summaries.Counted(4, clock.now)


def test_what_costs_more_is_read_as_it_is_kept_and_says_as_of_when(desk: Desk, above: Superuser, clock: Clock) -> None:
    dear = Summary("dear", Counter())
    count(desk, dear)
    cost(above, summaries.LIVE_MS + 1)
    clock.forward(minutes=3)
    assert read(desk, dear) == read(desk, dear) == summaries.Counted(1, START)


def test_it_is_counted_anew_when_it_is_old_enough_for_what_it_cost_and_something_has_happened(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    dear = Summary("dear", Counter())
    count(desk, dear)
    cost(above, 1000)
    clock.forward(seconds=summaries.PACE - 1)
    news(desk, clock)
    assert count(desk, dear) == 0
    clock.forward(seconds=1)
    assert count(desk, dear) == 1
    assert above.run("SELECT value, counted_at FROM summaries WHERE key = 'dear'") == [(2, clock.now)]


def test_without_news_it_is_left_alone_for_an_hour_and_then_looked_at(desk: Desk, clock: Clock) -> None:
    cheap = Summary("cheap", Counter())
    count(desk, cheap)
    clock.forward(minutes=59)
    assert count(desk, cheap) == 0
    clock.forward(minutes=1)
    assert count(desk, cheap) == 1


def test_what_changes_rarely_is_not_counted_sooner_than_that(desk: Desk, clock: Clock) -> None:
    rare = Summary("rare", Counter(), least=timedelta(hours=6))
    count(desk, rare)
    for _ in range(5):
        clock.forward(hours=1)
        news(desk, clock)
        assert count(desk, rare) == 0
    clock.forward(hours=1)
    assert count(desk, rare) == 1


def test_what_nobody_reads_any_more_is_forgotten(desk: Desk, above: Superuser) -> None:
    old, new = Summary("old", Counter()), Summary("new", Counter())
    count(desk, old, new)
    count(desk, new)
    assert above.run("SELECT key FROM summaries WHERE shop_id = %s", desk.shop.shop_id) == [("new",)]


def test_a_count_that_fails_leaves_the_others_as_they_were(desk: Desk, above: Superuser) -> None:
    def fail(work: UnitOfWork) -> int:
        work.run(text("SELECT 1 / 0, CAST(:shop_id AS bigint)"))
        return 0

    good = Summary("good", Counter())
    count(desk, good)
    cost(above, 1000)
    with pytest.raises(Exception, match="division by zero"):
        count(desk, good, Summary("bad", fail))
    assert (read(desk, good).value, read(desk, good).at) == (1, START)


def test_each_summary_of_the_pages_has_a_name_of_its_own_and_reads_the_same_kept_as_counted(
    desk: Desk, above: Superuser
) -> None:
    anna, bo = people.customer(1), people.customer(2)
    desk.settle(
        people.order(1, anna, 30_000, placed_at=START - timedelta(days=400)),
        people.order(2, anna, 2_000, placed_at=START - timedelta(days=20)),
        people.order(3, bo, 9_000, placed_at=START - timedelta(days=200)),
    )
    desk.review()
    desk.redeem()
    assert len({summary.key for summary in SUMMARIES}) == len(SUMMARIES)
    counted = {summary.key: read(desk, summary).value for summary in SUMMARIES}
    with desk.work() as work:
        assert count_summaries(work) == len(SUMMARIES)
    cost(above, summaries.LIVE_MS + 1)
    assert {summary.key: read(desk, summary).value for summary in SUMMARIES} == counted
    with desk.work() as work:
        assert (
            {stage: many for stage, many in lifecycle.stage_counts(work).items() if many}
            == counted["lifecycle.stages"]
            != {}
        )
