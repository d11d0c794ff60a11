"""Points that expire, on the real database: closed once, never spendable when they are over, told of before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import loyalty
from commerce.events import CustomersMerged, DiscountChanged
from engine import announcements
from engine.announcements import What
from loyalty import Expiry, NotEnoughPoints, Policy, TermsRefused
from tests import people
from tests.ground import START, Clock, Desk, Superuser
from tests.loyalty.deeds import buy, effects, expire, marks, movements, policy, warn

# Orders of START can be spent from 16 March 2026 on.
ENDS = datetime(2027, 3, 17, tzinfo=UTC)


def test_a_lot_expires_at_the_end_of_its_day_and_is_closed_once(desk: Desk, above: Superuser, clock: Clock) -> None:
    policy(desk, policy="lot", months=12)
    buy(desk, 1, 5000, clock())
    assert marks(desk, above) == [(50, ENDS)]
    assert desk.balance().expiring == [(ENDS, 50)]
    clock.now = ENDS - timedelta(seconds=1)
    expire(desk)
    assert desk.balance().spendable == 50
    clock.forward(seconds=1)
    assert desk.balance().spendable == 0, "nobody spends what is over, whether the clock has been there or not"
    assert desk.balance().points == 50
    expire(desk)
    expire(desk)
    assert movements(desk, above) == [("earn", 50, "points"), ("expire", -50, "points")]
    assert (desk.balance().points, desk.balance().expiring) == (0, [])
    assert desk.faults() == []


def test_what_is_over_buys_nothing_though_nobody_has_closed_it(desk: Desk, above: Superuser, clock: Clock) -> None:
    policy(desk, policy="lot", months=12)
    buy(desk, 1, 10_000, clock())
    clock.now = ENDS
    with pytest.raises(NotEnoughPoints):
        desk.redeem()
    assert movements(desk, above) == [("earn", 100, "points")]


def test_spending_takes_what_expires_first(desk: Desk, above: Superuser, clock: Clock) -> None:
    policy(desk, policy="lot", months=12)
    buy(desk, 1, 8000, clock())
    buy(desk, 2, 8000, clock() - timedelta(days=40))
    clock.forward(days=20)
    desk.redeem()
    assert sorted(marks(desk, above), key=lambda mark: mark[1]) == [
        (0, datetime(2027, 3, 3, tzinfo=UTC)), (60, ENDS),
    ]  # fmt: skip


def test_points_that_come_back_after_their_day_keep_it_and_expire_at_once(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    policy(desk, policy="lot", months=1)
    buy(desk, 1, 12_000, clock())
    clock.now = START + timedelta(days=40)
    bought = desk.redeem()
    clock.now = datetime(2026, 4, 17, tzinfo=UTC)
    expire(desk)
    assert movements(desk, above)[-1] == ("expire", -20, "points")
    desk.hear(DiscountChanged("1", bought.code, False, clock()))
    assert (desk.balance().points, desk.balance().spendable, desk.balance().held) == (100, 0, 0)
    expire(desk)
    assert movements(desk, above)[-1] == ("expire", -100, "points")
    assert desk.balance().points == 0
    assert desk.faults() == []


def test_a_return_takes_what_has_expired_before_anything_else(desk: Desk, above: Superuser, clock: Clock) -> None:
    policy(desk, policy="lot", months=1)
    order = people.order(1, people.customer(), 10_000)
    desk.settle(order)
    clock.now = datetime(2026, 4, 17, tzinfo=UTC)
    expire(desk)
    buy(desk, 2, 5000, clock())
    desk.settle(people.refunded(order, people.refund(order, 1, 7000, clock())))
    assert movements(desk, above)[1:] == [
        ("expire", -100, "points"), ("earn", 50, "points"), ("expire", 70, "points"), ("clawback", -70, "points"),
    ]  # fmt: skip
    assert (desk.balance().points, desk.balance().debt) == (50, 0), "nobody owes points that they lost"
    desk.settle(people.later(people.refunded(order, people.refund(order, 1, 7000, clock())), 90, cancelled_at=clock()))
    assert (desk.balance().points, desk.balance().debt) == (50, 0)
    expire(desk)
    assert (desk.balance().points, desk.faults()) == (50, [])


def test_what_was_spent_of_expired_points_is_still_owed_when_the_goods_go_back(desk: Desk, clock: Clock) -> None:
    policy(desk, policy="lot", months=1)
    order = people.order(1, people.customer(), 15_000)
    desk.settle(order)
    clock.forward(days=20)
    desk.redeem()
    clock.now = datetime(2026, 4, 17, tzinfo=UTC)
    expire(desk)
    desk.settle(people.later(order, cancelled_at=clock()))
    assert (desk.balance().points, desk.balance().debt, desk.balance().held) == (-100, 100, 100)
    assert desk.faults() == []


def test_whoever_is_kept_in_a_merge_inherits_what_has_expired_and_what_will(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    policy(desk, policy="lot", months=1)
    order = people.order(1, people.customer(2), 10_000)
    desk.settle(order)
    clock.now = datetime(2026, 4, 17, tzinfo=UTC)
    expire(desk)
    buy(desk, 2, 5000, clock(), buyer=2)
    buy(desk, 3, 3000, clock(), buyer=1)
    desk.hear(CustomersMerged("1001", "1002", clock()))
    assert desk.balance(1).expiring == [(datetime(2026, 6, 2, tzinfo=UTC), 80)]
    back = people.refund(order, 1, 6000, clock())
    desk.settle(people.refunded(replace(order, customer=people.customer(1)), back))
    assert movements(desk, above)[-2:] == [("expire", 60, "points"), ("clawback", -60, "points")]
    assert (desk.balance(1).points, desk.balance(1).debt, desk.faults()) == (80, 0, [])
    clock.now = datetime(2026, 6, 2, tzinfo=UTC)
    expire(desk)
    assert (desk.balance(1).points, desk.faults()) == (0, [])


def test_a_debt_is_paid_out_of_points_before_they_expire(desk: Desk, above: Superuser, clock: Clock) -> None:
    policy(desk, policy="lot", months=1)
    order = people.order(1, people.customer(), 10_000)
    desk.settle(order)
    clock.forward(days=20)
    bought = desk.redeem()
    desk.settle(people.refunded(order, people.refund(order, 1, 4000, clock())))
    desk.hear(DiscountChanged("1", bought.code, False, clock()))
    assert (desk.balance().points, desk.balance().debt) == (60, 40)
    clock.now = datetime(2026, 4, 17, tzinfo=UTC)
    expire(desk)
    assert movements(desk, above)[-3:] == [
        ("repay", -40, "points"), ("repay", 40, "points"), ("expire", -60, "points"),
    ]  # fmt: skip
    assert (desk.balance().points, desk.balance().debt) == (0, 0)
    assert desk.faults() == []


def test_whoever_buys_in_time_keeps_everything_and_whoever_sleeps_loses_it(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    policy(desk, policy="inactivity", months=6)
    buy(desk, 1, 5000, clock())
    buy(desk, 2, 3000, clock(), buyer=2)
    clock.forward(days=150)
    buy(desk, 3, 2000, clock())
    clock.now = datetime(2026, 9, 17, tzinfo=UTC)
    expire(desk)
    assert (desk.balance(1).points, desk.balance(2).points) == (70, 0)
    # The third order can be spent from 13 August on.
    assert desk.balance(1).expiring == [(datetime(2027, 2, 14, tzinfo=UTC), 70)]
    assert marks(desk, above)[0] == (50, datetime(2027, 2, 14, tzinfo=UTC)), "the job looks again when it has reason to"
    clock.now = datetime(2027, 2, 14, tzinfo=UTC)
    assert desk.balance(1).spendable == 0
    expire(desk)
    assert (desk.balance(1).points, desk.faults()) == (0, [])


@pytest.mark.parametrize("activity, spendable", [("earning", 0), ("earning_and_redeeming", 20), ("purchases", 0)])
def test_what_keeps_points_alive_is_the_merchant_s_choice(
    desk: Desk, clock: Clock, activity: str, spendable: int
) -> None:
    policy(desk, policy="inactivity", months=1, activity=activity)
    buy(desk, 1, 12_000, clock())
    clock.forward(days=40)
    desk.redeem()
    clock.forward(days=10)
    assert desk.balance().spendable == spendable


def test_a_policy_switched_on_later_marks_what_is_there_and_gives_it_a_whole_period(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    buy(desk, 1, 5000, clock() - timedelta(days=900))
    buy(desk, 2, 3000, clock())
    assert marks(desk, above) == [(50, None), (30, None)]
    clock.forward(days=30)
    policy(desk, policy="lot", months=12)
    assert desk.balance().expiring == [(datetime(2027, 4, 2, tzinfo=UTC), 80)]
    expire(desk)
    assert marks(desk, above) == [(50, datetime(2027, 4, 2, tzinfo=UTC)), (30, datetime(2027, 4, 2, tzinfo=UTC))]
    policy(desk, policy="none")
    assert desk.balance().expiring == []
    clock.now = datetime(2027, 4, 2, tzinfo=UTC)
    expire(desk)
    assert marks(desk, above) == [(50, None), (30, None)], "what was switched off in time takes nothing"
    assert desk.balance().spendable == 80


def test_the_walk_goes_over_its_last_steps_again_and_then_rests(desk: Desk, above: Superuser, clock: Clock) -> None:
    policy(desk, policy="lot", months=12)
    buy(desk, 1, 5000, clock())
    looks = []
    for minutes in (0, 1, 11, 11, 11):
        clock.forward(minutes=minutes)
        with desk.work() as work:
            looks.append(loyalty.date_lots(work))
    assert looks == [1, 0, 1, 0, 0]
    above.run("UPDATE lots SET expires_at = NULL WHERE shop_id = %s", desk.shop.shop_id)
    policy(desk, policy="lot", months=6)
    expire(desk)
    assert marks(desk, above) == [(50, datetime(2026, 9, 17, tzinfo=UTC))]


# --- told of before


def test_members_are_told_thirty_seven_and_one_days_before_once_each(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    with desk.work() as work:
        announcements.heard(work, [What.POINTS_EXPIRING], work.now, listening=True)
    policy(desk, policy="lot", months=12)
    buy(desk, 1, 5000, clock())
    buy(desk, 2, 7000, clock() + timedelta(hours=3))
    assert warn(desk) == 0
    for days in (300, 46, 1, 1, 20, 1, 1, 1, 4, 1, 1, 1, 1):
        clock.forward(days=days)
        warn(desk)
        warn(desk)
    told = [body["facts"] for body in effects(desk, above, "announcement")]
    assert told == [
        {"points": 120, "last day": "2027-03-16", "days left": days} for days in (30, 7, 1)
    ]  # fmt: skip


def test_nobody_is_warned_of_points_that_activity_has_saved(desk: Desk, above: Superuser, clock: Clock) -> None:
    with desk.work() as work:
        announcements.heard(work, [What.POINTS_EXPIRING], work.now, listening=True)
    policy(desk, policy="inactivity", months=6)
    buy(desk, 1, 5000, clock())
    warn(desk)
    clock.forward(days=100)
    buy(desk, 2, 5000, clock())
    warn(desk)
    clock.forward(days=80)
    assert warn(desk) == 0
    assert effects(desk, above, "announcement") == []


# --- seen before it is said


def test_a_preview_says_who_would_lose_what_and_writes_nothing(desk: Desk, above: Superuser, clock: Clock) -> None:
    buy(desk, 1, 5000, clock() - timedelta(days=900), buyer=1)
    buy(desk, 2, 9000, clock(), buyer=2)
    before = above.rows_of(desk.shop.shop_id)
    with desk.work() as work:
        seen = loyalty.preview_expiry(work, Expiry(Policy.LOT, 6))
    assert above.rows_of(desk.shop.shop_id) == before
    assert (seen.members, seen.points, seen.now) == (2, 140, 0)
    assert seen.first == [(date(2026, 9, 2), 1, 50), (date(2026, 9, 16), 1, 90)]
    assert [row for row in seen.months if row[1]] == [(date(2026, 9, 1), 2, 140)]
    assert len(seen.months) == 13
    assert [(loss.customer.first_name, loss.points, loss.on) for loss in seen.examples] == [
        ("Bo", 90, date(2026, 9, 16)), ("Anna", 50, date(2026, 9, 2)),
    ]  # fmt: skip


def test_a_preview_of_what_is_in_force_already_says_what_happens_anyway(desk: Desk, clock: Clock) -> None:
    policy(desk, policy="lot", months=6)
    buy(desk, 1, 5000, clock())
    clock.forward(days=30)
    with desk.work() as work:
        same = loyalty.preview_expiry(work, Expiry(Policy.LOT, 6))
        longer = loyalty.preview_expiry(work, Expiry(Policy.LOT, 60))
        none = loyalty.preview_expiry(work, Expiry())
    assert (same.points, same.now) == (50, 50)
    assert (longer.points, longer.now) == (0, 50)
    assert (none.points, none.now) == (0, 50)


def test_a_policy_with_a_mistake_is_refused_and_nothing_is_written(desk: Desk, above: Superuser) -> None:
    before = above.rows_of(desk.shop.shop_id)
    with pytest.raises(TermsRefused, match="Points last from 1 to 120 months"):
        policy(desk, policy="lot", months=500)
    assert above.rows_of(desk.shop.shop_id) == before


# --- whatever happens

DEEDS = st.lists(
    st.tuples(st.sampled_from(["buy", "refund", "redeem", "end", "expire", "policy"]), st.integers(1, 20_000)),
    min_size=4, max_size=14,
)  # fmt: skip


# Each example has a member of its own: what was bought once in a shop stays bought.
_members = count(1000, 1000)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_points_in_equal_points_with_held_spent_and_expired(
    desk: Desk, above: Superuser, clock: Clock, data: Any
) -> None:
    number = next(_members)
    buyer, orders, codes = people.customer(number), list[Any](), list[str]()
    desk.settle(customers=[people.customer(number, updated_at=clock())])
    for step, (deed, size) in enumerate(data.draw(DEEDS, label="deeds")):
        clock.forward(hours=size % 700)
        if deed == "buy":
            orders.append(people.order(number * 20 + step, buyer, size, placed_at=clock()))
            desk.settle(orders[-1])
        elif deed == "refund" and orders:
            place = size % len(orders)
            back = people.refund(orders[place], number * 20 + step, size // 2, clock())
            orders[place] = people.refunded(orders[place], back)
            desk.settle(orders[place])
        elif deed == "redeem" and desk.balance(number).spendable >= 100:
            codes.append(desk.redeem(number, f"click-{step}").code)
        elif deed == "end" and codes:
            desk.hear(DiscountChanged("1", codes.pop(), False, clock()))
        elif deed == "policy":
            policy(desk, policy=["lot", "inactivity", "calendar", "none"][size % 4], months=size % 5 + 1)
        else:
            expire(desk)
    found = desk.balance(number)
    sums = dict(above.run(
        "SELECT kind, sum(points) FROM entries JOIN customers USING (shop_id, customer_id) "
        "WHERE shop_id = %s AND external_id = %s AND account = 'points' GROUP BY kind",
        desk.shop.shop_id, str(1000 + number),
    ))  # fmt: skip
    came = sum(sums.get(kind, 0) for kind in ("earn", "clawback", "repay"))
    assert came + sums.get("expire", 0) + sums.get("hold", 0) + sums.get("release", 0) == found.points
    assert sums.get("expire", 0) <= 0
    kept = sum(max(0, o.goods_minor - sum(r.goods_minor for r in o.refunds)) // 100 for o in orders)
    assert came == kept, "an order brings the points of the goods kept, whatever expired meanwhile"
    assert desk.faults() == []
