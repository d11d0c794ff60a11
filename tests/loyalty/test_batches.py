"""Batches: points for many at once and past orders counted again; read first, booked in portions, undone whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lifecycle
import loyalty
from commerce.events import CustomerFact, CustomersMerged
from commerce.orders import OrderSnapshot
from loyalty.rules import proposal
from tests import people
from tests.ground import START, Clock, Desk, Superuser

RICH: dict[str, Any] = {
    "points": 3,
    "earning": {
        "credit": False, "returns": "proportion", "per_order": 5, "milestones": [{"order": 2, "points": 20}],
        "caps": [{"points": 400, "period": "month"}],
    },
    "stacking": "add",
    "promotions": [{"key": "first", "title": "First", "bonus": 7, "first_order": True}],
}  # fmt: skip


@pytest.fixture
def busy(desk: Desk, clock: Clock) -> Desk:
    """Three customers: 100 points, 200 points, and none."""
    desk.settle(*(people.order(n, people.customer(n), 10_000 * n) for n in (1, 2)), customers=[people.customer(3)])
    clock.forward(days=15)
    return desk


def give(desk: Desk, audience: str = "all:", points: int = 50) -> int:
    with desk.work() as work:
        return loyalty.read_giving(
            work, audience, points, "Sorry for the wait", "staff 7", {"stage": lifecycle.members}
        )


def recount(desk: Desk, days: int = 365, **terms: Any) -> int:
    """Publish terms, and read the count of the orders of the last days by them."""
    with desk.work() as work:
        loyalty.publish(work, {**proposal("USD"), **terms})
        return loyalty.read_recount(work, work.now - timedelta(days=days), "Counted again", "staff 7")


def book(desk: Desk, batch_no: int) -> int:
    with desk.work() as work:
        loyalty.approve_batch(work, batch_no)
    return go_on(desk)


def undo(desk: Desk, batch_no: int) -> int:
    with desk.work() as work:
        loyalty.recall_batch(work, batch_no)
    return go_on(desk)


def go_on(desk: Desk) -> int:
    """Portion after portion, each in a unit of work of its own; answers with how many there were."""
    portions = 0
    while True:
        with desk.work() as work:
            if not loyalty.book_due(work):
                return portions
        portions += 1


def balances(desk: Desk, *numbers: int) -> list[tuple[int, int]]:
    return [(found.points, found.debt) for found in (desk.balance(n) for n in numbers or (1, 2, 3))]


def seen(desk: Desk, batch_no: int) -> loyalty.BatchPreview:
    with desk.work() as work:
        return loyalty.preview_batch(work, batch_no)


def entries(desk: Desk, above: Superuser) -> int:
    return int(above.one("SELECT count(*) FROM entries WHERE shop_id = %s", desk.shop.shop_id))


# --- points for an audience


def test_reading_books_nothing_and_says_what_it_would_change(busy: Desk, above: Superuser) -> None:
    before = entries(busy, above)
    found = seen(busy, give(busy))
    assert (found.totals.people, found.totals.given, found.totals.taken, found.totals.owed) == (3, 150, 0, 0)
    assert (found.totals.largest, found.totals.smallest) == (50, 50)
    assert sorted((row.before, row.after) for row in found.greatest) == [(0, 50), (100, 150), (200, 250)]
    assert (found.row.label, found.row.made_by, found.row.row_count) == ("Sorry for the wait", "staff 7", 3)
    assert entries(busy, above) == before


def test_what_was_given_is_in_each_statement_under_its_label_and_is_undone_whole(busy: Desk, above: Superuser) -> None:
    batch_no = give(busy)
    book(busy, batch_no)
    assert balances(busy) == [(150, 0), (250, 0), (50, 0)]
    kinds = above.run(
        "SELECT DISTINCT kind, counter, sentence FROM entries WHERE shop_id = %s AND kind = 'batch'", busy.shop.shop_id
    )
    assert kinds == [("batch", "adjusted", "Sorry for the wait")]
    assert busy.balance(3).spendable == 50
    assert busy.faults() == []
    undo(busy, batch_no)
    assert balances(busy) == [(100, 0), (200, 0), (0, 0)]
    assert busy.faults() == []
    found = seen(busy, batch_no).row
    assert None not in (found.booked_at, found.undone_at)


def test_an_audience_is_a_stage_a_tier_a_segment_or_everybody(busy: Desk) -> None:
    busy.hear(CustomerFact("1003", "segment:7", True, START), CustomerFact("1002", "segment:7", False, START))
    ladder = {"measure": "spend", "window": "lifetime",
              "levels": [{"key": "gold", "name": "Gold", "enter": 15_000, "keep": 15_000}]}  # fmt: skip
    with busy.work() as work:
        loyalty.change(work, tiers=ladder)
    with busy.work() as work:
        loyalty.walk_members(work)
        stage = lifecycle.customer_standing(work, busy.customer_id(1)).stage
    for audience, who in (("segment:7", [3]), ("tier:gold", [2]), ("all:", [1, 2, 3]), (f"stage:{stage}", [1, 2])):
        greatest = seen(busy, give(busy, audience)).greatest
        assert {row.customer_id for row in greatest} == {busy.customer_id(n) for n in who}, audience


def test_a_batch_for_nobody_for_no_points_or_without_a_label_is_refused(busy: Desk, above: Superuser) -> None:
    for points in (0, -5, 100_001):
        with pytest.raises(loyalty.BatchPointsWrong):
            give(busy, points=points)
    with pytest.raises(loyalty.BatchEmpty):
        give(busy, "tier:platinum")
    with pytest.raises(loyalty.BatchUnlabelled), busy.work() as work:
        loyalty.read_giving(work, "all:", 5, "  ", "staff 7")
    assert above.one("SELECT count(*) FROM batches WHERE shop_id = %s", busy.shop.shop_id) == 0


def test_a_batch_is_booked_once_undone_once_and_forgotten_only_unbooked(busy: Desk) -> None:
    first, second = give(busy), give(busy)
    with pytest.raises(loyalty.BatchNotBooked):
        undo(busy, first)
    book(busy, first)
    with pytest.raises(loyalty.BatchApproved):
        book(busy, first)
    with busy.work() as work:
        assert not loyalty.forget_batch(work, first)
        assert loyalty.forget_batch(work, second)
    with pytest.raises(loyalty.BatchUnknown):
        book(busy, second)
    undo(busy, first)
    with pytest.raises(loyalty.BatchNotBooked):
        undo(busy, first)
    assert balances(busy) == [(100, 0), (200, 0), (0, 0)]


def test_portions_go_on_where_they_stood_when_a_process_died(
    busy: Desk, above: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loyalty.service.batches.PORTION", 1)
    batch_no = give(busy)
    with busy.work() as work:
        loyalty.approve_batch(work, batch_no)
    with busy.work() as work:
        assert loyalty.book_due(work)
    with pytest.raises(RuntimeError, match="died"):
        _book_and_die(busy)
    assert (seen(busy, batch_no).row.done, sum(points for points, _ in balances(busy))) == (1, 350)
    assert go_on(busy) == 3
    assert balances(busy) == [(150, 0), (250, 0), (50, 0)]
    assert above.one("SELECT count(*) FROM entries WHERE shop_id = %s AND kind = 'batch'", busy.shop.shop_id) == 3
    undo(busy, batch_no)
    assert (balances(busy), busy.faults()) == ([(100, 0), (200, 0), (0, 0)], [])


def _book_and_die(desk: Desk) -> None:
    with desk.work() as work:
        loyalty.book_due(work)
        raise RuntimeError("died")


def test_a_batch_that_is_half_booked_can_be_undone(busy: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loyalty.service.batches.PORTION", 1)
    batch_no = give(busy)
    with busy.work() as work:
        loyalty.approve_batch(work, batch_no)
        loyalty.book_due(work)
    undo(busy, batch_no)
    assert (balances(busy), busy.faults()) == ([(100, 0), (200, 0), (0, 0)], [])


def test_what_was_spent_meanwhile_is_owed_and_the_preview_of_the_undoing_says_so(busy: Desk) -> None:
    batch_no = give(busy, points=120)
    book(busy, batch_no)
    busy.redeem(3)
    found = seen(busy, batch_no)
    assert (found.undoing.people, found.undoing.booked, found.undoing.owed, found.lets_go) == (3, 360, 100, False)
    undo(busy, batch_no)
    assert balances(busy, 3) == [(-100, 100)]
    assert busy.faults() == []


def test_where_the_terms_let_nobody_owe_what_was_spent_is_let_go(busy: Desk) -> None:
    with busy.work() as work:
        loyalty.change(work, earning={"credit": False, "returns": "proportion", "debt": "clamp"})
    batch_no = give(busy, points=120)
    book(busy, batch_no)
    busy.redeem(3)
    assert seen(busy, batch_no).lets_go
    undo(busy, batch_no)
    assert balances(busy, 3) == [(0, 0)]
    assert busy.faults() == []


def test_what_has_expired_meanwhile_is_not_owed(busy: Desk, clock: Clock) -> None:
    with busy.work() as work:
        loyalty.change(work, expiry={"policy": "lot", "months": 1})
    batch_no = give(busy)
    book(busy, batch_no)
    clock.forward(days=62)
    with busy.work() as work:
        while loyalty.expire_due(work):
            pass
    assert balances(busy, 3) == [(0, 0)]
    assert seen(busy, batch_no).undoing.owed == 0
    undo(busy, batch_no)
    assert balances(busy, 3) == [(0, 0)]
    assert busy.faults() == []


def test_a_debt_is_repaid_by_a_batch_and_owed_again_without_it(busy: Desk) -> None:
    busy.redeem(1)
    paid = people.order(1, people.customer(1), 10_000)
    busy.settle(paid, refunds=[people.refund(paid, 1, 10_000)])
    assert balances(busy, 1) == [(-100, 100)]
    batch_no = give(busy, points=250)
    assert seen(busy, batch_no).totals.repaid == 100
    book(busy, batch_no)
    assert balances(busy, 1) == [(150, 0)]
    undo(busy, batch_no)
    assert balances(busy, 1) == [(-100, 100)]
    assert busy.faults() == []


def test_points_go_to_whoever_was_kept_of_two_and_are_taken_from_them(busy: Desk) -> None:
    batch_no = give(busy)
    busy.hear(CustomersMerged("1001", "1003", START))
    book(busy, batch_no)
    assert balances(busy, 1) == [(200, 0)]
    undo(busy, batch_no)
    assert (balances(busy, 1), busy.faults()) == ([(100, 0)], [])


# --- orders counted again


def test_orders_are_counted_again_by_the_terms_of_now_and_the_difference_is_shown_first(busy: Desk) -> None:
    batch_no = recount(busy, points=3)
    found = seen(busy, batch_no)
    assert (found.totals.people, found.totals.given, found.totals.largest, found.totals.smallest) == (2, 600, 400, 200)
    assert [(row.before, row.after) for row in found.greatest] == [(200, 600), (100, 300)]
    assert balances(busy) == [(100, 0), (200, 0), (0, 0)]
    book(busy, batch_no)
    assert balances(busy) == [(300, 0), (600, 0), (0, 0)]
    assert busy.faults() == []
    undo(busy, batch_no)
    assert balances(busy) == [(100, 0), (200, 0), (0, 0)]
    assert busy.faults() == []


def test_fewer_points_are_taken_and_what_was_spent_is_owed(busy: Desk) -> None:
    busy.redeem(1)
    batch_no = recount(busy, points=0)
    found = seen(busy, batch_no)
    assert (found.totals.taken, found.totals.owed, found.totals.smallest) == (300, 100, -200)
    book(busy, batch_no)
    assert balances(busy, 1, 2) == [(-100, 100), (0, 0)]
    undo(busy, batch_no)
    assert balances(busy, 1, 2) == [(0, 0), (200, 0)]
    assert busy.faults() == []


def test_what_was_owed_for_a_count_and_repaid_since_comes_back_as_points(busy: Desk, clock: Clock) -> None:
    busy.redeem(1)
    batch_no = recount(busy, points=0)
    book(busy, batch_no)
    with busy.work() as work:
        loyalty.change(work, points=1)
    busy.settle(people.order(9, people.customer(1), 15_000, placed_at=clock()))
    assert balances(busy, 1) == [(50, 0)]
    undo(busy, batch_no)
    assert balances(busy, 1) == [(150, 0)]
    assert busy.faults() == []


def test_only_orders_since_the_day_are_counted_and_a_count_without_difference_is_none(busy: Desk) -> None:
    busy.settle(people.order(5, people.customer(3), 5_000, placed_at=START - timedelta(days=100)))
    found = seen(busy, recount(busy, 30, points=2))
    assert found.totals.people == 2
    with pytest.raises(loyalty.BatchEmpty):
        recount(busy)


def test_a_refund_after_the_count_goes_by_the_terms_that_counted(busy: Desk) -> None:
    book(busy, recount(busy, points=3))
    paid = people.order(1, people.customer(1), 10_000)
    busy.settle(people.refunded(paid, people.refund(paid, 1, 5_000)))
    assert balances(busy, 1) == [(150, 0)]
    busy.settle(people.refunded(paid, people.refund(paid, 1, 5_000), people.refund(paid, 2, 5_000)))
    assert balances(busy, 1) == [(0, 0)]
    assert busy.faults() == []


def test_an_order_that_was_returned_between_the_count_and_its_undoing_goes_by_its_own_terms_again(busy: Desk) -> None:
    batch_no = recount(busy, points=3)
    book(busy, batch_no)
    paid = people.order(1, people.customer(1), 10_000)
    busy.settle(people.refunded(paid, people.refund(paid, 1, 5_000)))
    undo(busy, batch_no)
    assert balances(busy, 1, 2) == [(50, 0), (200, 0)]
    assert busy.faults() == []
    busy.settle(people.refunded(paid, people.refund(paid, 1, 5_000), people.refund(paid, 2, 5_000)))
    assert balances(busy, 1) == [(0, 0)]
    assert busy.faults() == []


def test_what_changed_between_the_look_and_the_booking_is_booked_as_it_is(busy: Desk) -> None:
    batch_no = recount(busy, points=3)
    paid = people.order(1, people.customer(1), 10_000)
    busy.settle(people.refunded(paid, people.refund(paid, 1, 5_000)))
    book(busy, batch_no)
    assert balances(busy, 1) == [(150, 0)]
    assert busy.faults() == []


def test_counts_are_undone_in_their_order(busy: Desk) -> None:
    first = recount(busy, points=3)
    book(busy, first)
    second = recount(busy, points=5)
    book(busy, second)
    assert balances(busy, 1, 2) == [(500, 0), (1000, 0)]
    with pytest.raises(loyalty.RecountInTheWay):
        undo(busy, first)
    undo(busy, second)
    assert (balances(busy, 1, 2), busy.faults()) == ([(300, 0), (600, 0)], [])
    undo(busy, first)
    assert (balances(busy, 1, 2), busy.faults()) == ([(100, 0), (200, 0)], [])


def test_rules_that_ask_for_more_than_the_order_are_frozen_by_the_count(busy: Desk) -> None:
    second = people.order(11, people.customer(1), 4_000, placed_at=START + timedelta(days=1))
    busy.settle(second)
    batch_no = recount(busy, **RICH)
    book(busy, batch_no)
    # 312 for the first order, of 400 in the month; 125 and 20 would be the second's.
    assert balances(busy, 1) == [(400, 0)]
    assert busy.faults() == []
    busy.settle(people.refunded(second, people.refund(second, 1, 4_000)))
    assert (balances(busy, 1), busy.faults()) == ([(312, 0)], [])
    undo(busy, batch_no)
    assert (balances(busy, 1), busy.faults()) == ([(100, 0)], [])


def test_points_that_a_count_brought_lead_to_a_tier_and_away_from_it(busy: Desk) -> None:
    ladder = {"measure": "points", "window": "lifetime", "downgrade": "balance",
              "levels": [{"key": "gold", "name": "Gold", "enter": 250, "keep": 250}]}  # fmt: skip
    batch_no = recount(busy, points=3, tiers=ladder)
    book(busy, batch_no)
    with busy.work() as work:
        assert set(loyalty.tier_of(work, [busy.customer_id(1)], work.now).values()) == {"gold"}
    undo(busy, batch_no)
    with busy.work() as work:
        assert loyalty.tier_of(work, [busy.customer_id(1)], work.now) == {}


TERMS: Sequence[dict[str, Any]] = (
    {"points": 2}, {"points": 0}, {"points": 5, "earning": {"rounding": "up", "debt": "clamp"}}, RICH,
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_history_of_counts_and_refunds_ends_in_the_points_of_the_goods_kept(
    desk: Desk, clock: Clock, data: st.DataObject
) -> None:
    """Counts, undoings, spending and partial refunds in any order: the proof holds at each step, and once everything
    has come back, the orders are worth nothing, whichever terms count them.
    """
    number = data.draw(st.integers(1000, 2**30), label="buyer")
    buyer, at = people.customer(number), clock()
    goods = data.draw(st.lists(st.integers(100, 20_000), min_size=1, max_size=3), label="goods")
    orders = [people.order(number * 10 + n, buyer, minor, placed_at=at) for n, minor in enumerate(goods)]
    desk.settle(*orders)
    clock.forward(days=20)
    stack, left = list[int](), list(goods)
    for turn in range(data.draw(st.integers(1, 6), label="turns")):
        _turn(desk, data, orders, left, stack, number * 100 + turn)
        assert desk.faults() == []
    for _ in range(data.draw(st.integers(0, len(stack)), label="undone at the end")):
        undo(desk, stack.pop())
    assert desk.faults() == []
    for place, minor in enumerate(left):
        orders[place] = people.refunded(orders[place], people.refund(orders[place], number * 1000 + place, minor))
        desk.settle(orders[place])
    assert desk.faults() == []
    with desk.work() as work:
        worth = [loyalty.earned(work, desk.customer_id(number), order.external_id) for order in orders]
    assert worth == [0] * len(orders)


def _turn(
    desk: Desk, data: st.DataObject, orders: list[OrderSnapshot], left: list[int], stack: list[int], name: int
) -> None:
    what = data.draw(st.sampled_from(["count", "undo", "refund", "spend"]), label="what")
    if what == "count":
        try:
            stack.append(recount(desk, **data.draw(st.sampled_from(TERMS), label="terms")))
        except loyalty.BatchEmpty:
            return
        book(desk, stack[-1])
    elif what == "undo" and stack:
        undo(desk, stack.pop())
    elif what == "refund":
        place = data.draw(st.integers(0, len(orders) - 1), label="order")
        minor = data.draw(st.integers(0, left[place]), label="refund")
        if minor:
            left[place] -= minor
            orders[place] = people.refunded(orders[place], people.refund(orders[place], name, minor))
            desk.settle(orders[place])
    elif what == "spend":
        try:
            desk.redeem(name // 100, f"click-{name}")
        except loyalty.NotEnoughPoints:
            return
