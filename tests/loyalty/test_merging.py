"""When two customers turn out to be one: points move by new entries, whatever came before and comes after."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from commerce.events import CustomersMerged, DiscountChanged
from commerce.orders import OrderSnapshot
from tests import people
from tests.ground import START, Clock, Desk, Superuser

ENTRIES = """
    SELECT c.external_id, e.account, e.kind, e.points, e.sentence FROM entries e
    JOIN customers c USING (shop_id, customer_id) WHERE e.shop_id = %s AND e.kind = 'merge' ORDER BY e.entry_id
"""


def merge(desk: Desk, kept: int, gone: int) -> None:
    desk.hear(CustomersMerged(str(1000 + kept), str(1000 + gone), START))


def test_points_and_holds_move_lot_by_lot_and_nothing_is_rewritten(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(2), 15_000), people.order(2, people.customer(1), 1_000))
    clock.forward(days=15)
    bought = desk.redeem(2)
    written = "SELECT * FROM entries WHERE shop_id = %s ORDER BY entry_id"
    before = above.run(written, desk.shop.shop_id)
    merge(desk, 1, 2)
    assert above.run(written, desk.shop.shop_id)[: len(before)] == before
    said = "the store merged two customer accounts into one"
    assert above.run(ENTRIES, desk.shop.shop_id) == [
        ("1002", "held", "merge", -100, said),
        ("1001", "held", "merge", 100, said),
        ("1002", "points", "merge", -50, said),
        ("1001", "points", "merge", 50, said),
    ]
    kept = desk.balance(1)
    assert (kept.points, kept.spendable, kept.held, kept.debt) == (60, 60, 100, 0)
    assert [row.code for row in kept.redemptions] == [bought.code]
    assert desk.faults() == []


def test_the_same_name_for_two_clicks_does_not_stand_in_the_way(desk: Desk, clock: Clock) -> None:
    desk.settle(*(people.order(n, people.customer(n), 10_000) for n in (1, 2, 3)))
    clock.forward(days=15)
    codes = {desk.redeem(n, "click-1").code for n in (1, 2, 3)}
    desk.hear(CustomersMerged("1001", "1002", START), CustomersMerged("1001", "1003", START + timedelta(seconds=1)))
    assert {row.code for row in desk.balance(1).redemptions} == codes
    assert desk.redeem(1, "click-1").code in codes, "the click of the one who was kept is still known"
    assert desk.balance(1).held == 300
    assert desk.faults() == []


def test_a_code_ended_in_its_time_waits_for_late_orders_as_ever(desk: Desk, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(1), 10_000))
    clock.forward(days=15)
    bought = desk.redeem(1)
    clock.forward(days=30, seconds=1)
    desk.hear(DiscountChanged("1", bought.code, False, clock()))
    assert desk.balance(1).held == 100
    clock.forward(days=1)
    desk.release()
    assert (desk.balance(1).held, desk.balance(1).points) == (0, 100)


def test_a_code_that_was_ended_and_turns_out_used_takes_its_points_again(desk: Desk, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(1), 10_000))
    clock.forward(days=15)
    bought = desk.redeem(1)
    desk.hear(DiscountChanged("1", bought.code, False, clock()))
    assert (desk.balance(1).held, desk.balance(1).points) == (0, 100)
    late = people.order(2, people.customer(1), 5_000, placed_at=clock(), discount_codes=(bought.code,))
    desk.settle(late)
    assert (desk.balance(1).held, desk.balance(1).points) == (0, 50)
    assert desk.balance(1).redemptions[0].outcome == "used"
    assert desk.faults() == []


def history(draw: Random) -> list[list[OrderSnapshot]]:
    """Words of each order, oldest first: placed, perhaps refunded, perhaps cancelled."""
    told = []
    for number in range(1, 9):
        words = [people.order(number, people.customer(draw.randint(1, 4)), draw.randint(1, 200) * 100)]
        if draw.random() < 0.5:
            words.append(people.refunded(words[-1], people.refund(words[-1], number, draw.randint(1, 5_000))))
        if draw.random() < 0.2:
            words.append(people.later(words[-1], cancelled_at=START + timedelta(hours=1)))
        told.append(words)
    return told


@pytest.mark.parametrize("seed", range(10))
def test_orders_refunds_and_merges_in_any_order_end_in_the_same_points(desk: Desk, seed: int) -> None:
    """1 is kept in the end: 3 goes into 2, 2 into 1; 4 is somebody else."""
    draw = Random(seed)
    told = history(draw)
    merges = [CustomersMerged("1002", "1003", START), CustomersMerged("1001", "1002", START + timedelta(seconds=1))]
    words: list[OrderSnapshot | CustomersMerged] = [*(word for order in told for word in order), *merges]
    draw.shuffle(words)
    for word in [*words, *draw.sample(words, 4)]:
        if isinstance(word, CustomersMerged):
            desk.hear(word)
        else:
            desk.settle(word)
    owed = {4: 0, 1: 0}
    for order in told:
        last = order[-1]
        assert last.customer is not None
        kept = max(0, last.goods_minor - sum(refund.goods_minor for refund in last.refunds))
        owed[4 if last.customer.external_id == "1004" else 1] += 0 if last.cancelled_at else kept // 100
    desk.settle(people.order(90, people.customer(1), 100), people.order(91, people.customer(4), 100))
    assert (desk.balance(1).points, desk.balance(4).points) == (owed[1] + 1, owed[4] + 1)
    assert desk.faults() == []
