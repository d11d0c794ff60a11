"""Two connections at once: a merge on one, and on the other whatever still speaks of the customer who is going."""

from __future__ import annotations

import threading
import time

import pytest

import loyalty
from commerce.events import CustomersMerged
from engine import mirror
from engine.inbox import _TAKE_TURN, settle_read, settle_snapshots
from engine.news import News
from loyalty import NotEnoughPoints
from tests import people
from tests.ground import REACTIONS, START, Clock, Desk, Superuser

pytestmark = pytest.mark.races

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def somebody_waits(above: Superuser) -> None:
    """Until another connection waits for what this one holds."""
    deadline = time.monotonic() + 60
    while above.one(WAITING) == 0:
        assert time.monotonic() < deadline, "nobody waits: the two did not meet"


def merge_while(desk: Desk, above: Superuser, other: threading.Thread) -> None:
    """Merge 1002 into 1001 as a batch of the inbox does, and let `other` run into it before the commit."""
    with desk.work() as work:
        work.run(_TAKE_TURN)
        news = News.of([CustomersMerged("1001", "1002", START)])
        accepted = news.after(work, mirror.accept(work, (), touched=news.before(work)))
        settle_snapshots(work, REACTIONS, accepted)
        other.start()
        somebody_waits(above)
    other.join(60)
    assert not other.is_alive()


def test_an_order_that_was_just_read_finds_the_one_who_was_kept(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1)), people.order(2, people.customer(2)))

    def read() -> None:
        with desk.work() as work:
            settle_read(work, REACTIONS, [people.order(3, people.customer(2), 2_000)])

    merge_while(desk, above, threading.Thread(target=read))
    assert desk.balance(1).points == 120
    owners = "SELECT DISTINCT c.external_id FROM orders o JOIN customers c USING (shop_id, customer_id) " \
             "WHERE o.shop_id = %s"  # fmt: skip
    assert above.run(owners, desk.shop.shop_id) == [("1001",)]
    assert desk.faults() == []


def test_points_are_spent_on_one_side_of_a_merge_only(desk: Desk, above: Superuser, clock: Clock) -> None:
    """The gone customer presses the button while their points move: whoever comes second finds none."""
    desk.settle(people.order(2, people.customer(2), 10_000))
    clock.forward(days=15)
    gone, refused = desk.customer_id(2), list[Exception]()

    def spend() -> None:
        try:
            with desk.work() as work:
                loyalty.redeem(work, gone, "1002", "five-off", "a click")
        except NotEnoughPoints as no:
            refused.append(no)

    merge_while(desk, above, threading.Thread(target=spend))
    assert len(refused) == 1
    kept = desk.balance(1)
    assert (kept.points, kept.held) == (100, 0)
    assert desk.faults() == []
