"""Two connections at once: the clock closes what is over, and a shopper reaches for it at the same moment."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

import loyalty
from loyalty import NotEnoughPoints
from tests import people
from tests.ground import START, Clock, Desk, Superuser
from tests.loyalty.deeds import buy, ladder, movements, policy
from tests.races.test_merge import somebody_waits

pytestmark = pytest.mark.races

# Orders of START can be spent from 16 March 2026 on; by a policy of a month, up to 16 April.
OVER = datetime(2026, 4, 17, tzinfo=UTC)


def test_a_redemption_that_is_there_first_keeps_its_points_from_the_clock(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    policy(desk, policy="lot", months=1)
    buy(desk, 1, 10_000, clock())
    clock.now = OVER - timedelta(seconds=1)

    def close() -> None:
        with desk.work() as work:
            loyalty.expire_due(work)

    closing, anna = threading.Thread(target=close), desk.customer_id(1)
    with desk.work() as work:
        loyalty.redeem(work, anna, "1001", "five-off", "a click")
        clock.now = OVER
        closing.start()
        somebody_waits(above)
    closing.join(60)
    assert [kind for kind, _, _ in movements(desk, above)] == ["earn", "hold", "hold"]
    assert (desk.balance().held, desk.balance().points) == (100, 0)
    assert desk.faults() == []


def test_a_redemption_that_comes_second_finds_nothing(desk: Desk, above: Superuser, clock: Clock) -> None:
    policy(desk, policy="lot", months=1)
    buy(desk, 1, 10_000, clock())
    anna, refused = desk.customer_id(1), list[Exception]()

    def spend() -> None:
        try:
            with desk.work() as work:
                loyalty.redeem(work, anna, "1001", "five-off", "a click")
        except NotEnoughPoints as no:
            refused.append(no)

    spending = threading.Thread(target=spend)
    clock.now = OVER
    with desk.work() as after:
        assert loyalty.expire_due(after) == 1
        # To the shopper's unit of work it is still a second before.
        clock.now = OVER - timedelta(seconds=1)
        spending.start()
        somebody_waits(above)
    spending.join(60)
    assert len(refused) == 1
    assert movements(desk, above) == [("earn", 100, "points"), ("expire", -100, "points")]
    assert desk.faults() == []


def test_two_clocks_close_a_lot_once(desk: Desk, above: Superuser, clock: Clock) -> None:
    policy(desk, policy="lot", months=1)
    buy(desk, 1, 10_000, clock())
    clock.now = OVER

    def close() -> None:
        with desk.work() as work:
            loyalty.expire_due(work)

    other = threading.Thread(target=close)
    with desk.work() as work:
        loyalty.expire_due(work)
        other.start()
        somebody_waits(above)
    other.join(60)
    assert movements(desk, above) == [("earn", 100, "points"), ("expire", -100, "points")]
    assert desk.faults() == []


def test_a_review_and_an_order_of_the_same_member_write_one_history(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.now = START + timedelta(minutes=1)
    buy(desk, 1, 55_000, clock())
    clock.now = datetime(2027, 3, 4, tzinfo=UTC)

    def review() -> None:
        with desk.work() as work:
            loyalty.review_tiers(work)

    reviewing, anna = threading.Thread(target=review), desk.customer_id(1)
    with desk.work() as work:
        loyalty.set_tier(work, anna, "gold", until=None, reason="a friend", made_by="7")
        reviewing.start()
        somebody_waits(above)
    reviewing.join(60)
    desk.settle(people.order(2, people.customer(), 100, placed_at=clock()))
    steps = above.run(
        "SELECT from_tier, to_tier FROM tier_changes WHERE shop_id = %s ORDER BY change_id", desk.shop.shop_id
    )
    assert steps == [(None, "gold"), ("gold", "silver"), ("silver", "gold")]
