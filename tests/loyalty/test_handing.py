"""What the shop does by hand: points for one customer with a reason, and rewards and tags for many, undone whole."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

import loyalty
from loyalty.rules import proposal
from loyalty.service.adjusting import AdjustmentWrong, NotThatMany
from loyalty.service.handing import TagUnreadable
from tests import people
from tests.ground import Clock, Desk
from tests.loyalty.test_batches import book, undo

_TAGS = text("""
    SELECT body ->> 'customer_external_id' AS who, body -> 'tags' AS tags FROM effects
    WHERE shop_id = :shop_id AND kind = 'tags' AND key LIKE 'list:%' ORDER BY 1
""")
_GIVEN = text("SELECT customer_id, points, outcome FROM redemptions WHERE shop_id = :shop_id ORDER BY customer_id")
_BOOKED = text("""
    SELECT points, sentence, receipt ->> 'by' AS by FROM entries
    WHERE shop_id = :shop_id AND kind = 'batch' ORDER BY entry_id
""")


@pytest.fixture
def busy(desk: Desk, clock: Clock) -> Desk:
    """Three customers: 100 points, 200 points, and none."""
    desk.settle(*(people.order(n, people.customer(n), 10_000 * n) for n in (1, 2)), customers=[people.customer(3)])
    clock.forward(days=15)
    return desk


def adjust(desk: Desk, points: int, named: str = "deed-1", reason: str = "The parcel was late") -> bool:
    customer_id = desk.customer_id(1)
    with desk.work() as work:
        return loyalty.adjust(work, customer_id, points, reason=reason, made_by="staff 7", named=named)


def rows(desk: Desk, statement: Any) -> list[tuple[Any, ...]]:
    with desk.work() as work:
        return [tuple(row) for row in work.rows(statement)]


# --- by hand, for one


def test_points_given_by_hand_say_why_and_who(busy: Desk) -> None:
    assert adjust(busy, 25)
    assert (busy.balance(1).points, busy.balance(1).spendable) == (125, 125)
    assert rows(busy, _BOOKED) == [(25, "The parcel was late", "staff 7")]
    assert busy.faults() == []


def test_points_taken_by_hand_come_out_of_what_there_is(busy: Desk) -> None:
    assert adjust(busy, -40)
    assert busy.balance(1).points == 60
    assert rows(busy, _BOOKED) == [(-40, "The parcel was late", "staff 7")]
    assert busy.faults() == []


@pytest.mark.parametrize("points", [30, -30])
def test_a_form_that_is_sent_twice_is_booked_once(busy: Desk, points: int) -> None:
    assert adjust(busy, points)
    assert not adjust(busy, points)
    assert adjust(busy, points, named="deed-2")
    assert busy.balance(1).points == 100 + 2 * points
    assert busy.faults() == []


@pytest.mark.parametrize(
    "points,reason,named,refusal",
    [
        (0, "Why", "a", AdjustmentWrong),
        (100_001, "Why", "a", AdjustmentWrong),
        (-100_001, "Why", "a", AdjustmentWrong),
        (5, "Why", "", AdjustmentWrong),
        (5, "Why", "x" * 65, AdjustmentWrong),
        (5, "  ", "a", loyalty.ReasonMissing),
        (5, "x" * 201, "a", loyalty.ReasonMissing),
        (5, "right\u202eleft", "a", loyalty.ReasonMissing),
        (-101, "Why", "a", NotThatMany),
    ],
)
def test_what_cannot_be_booked_by_hand_is_refused(
    busy: Desk, points: int, reason: str, named: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        adjust(busy, points, named, reason)
    assert rows(busy, _BOOKED) == []
    assert busy.balance(1).points == 100


# --- rewards for many


def give(desk: Desk, reward: str = "five-off") -> int:
    with desk.work() as work:
        return loyalty.read_rewards(work, "all:", reward, "Sorry for the wait", "staff 7")


def test_a_reward_for_many_is_looked_at_given_once_and_taken_back_where_nobody_used_it(busy: Desk) -> None:
    batch_no = give(busy)
    assert rows(busy, _GIVEN) == []
    with busy.work() as work:
        seen = loyalty.preview_batch(work, batch_no)
    assert (seen.row.kind, seen.row.row_count, seen.handed.given) == ("reward", 3, 0)
    book(busy, batch_no)
    assert [(points, outcome) for _, points, outcome in rows(busy, _GIVEN)] == [(0, None)] * 3
    with busy.work() as work:
        assert loyalty.preview_batch(work, batch_no).handed == (3, 0, 3)
        code = work.rows(text("SELECT code FROM redemptions WHERE shop_id = :shop_id ORDER BY redemption_id"))[0].code
    busy.settle(people.order(9, people.customer(1), 9_000, discount_codes=(code,)))
    undo(busy, batch_no)
    with busy.work() as work:
        handed = loyalty.preview_batch(work, batch_no).handed
    assert (handed.given, handed.used, handed.unused) == (3, 1, 0)
    assert busy.faults() == []


def test_a_reward_that_cannot_be_given_to_many_is_refused(busy: Desk) -> None:
    with pytest.raises(loyalty.RewardUnknown):
        give(busy, "no-such")
    credit = {**proposal("USD")["rewards"][0], "key": "credit", "title": "Credit", "kind": "store_credit"}
    with busy.work() as work:
        loyalty.publish(work, {**proposal("USD"), "rewards": [credit]})
    with pytest.raises(loyalty.NotForGiving):
        give(busy, "credit")
    with busy.work() as work:
        assert loyalty.latest_batches(work) == []


# --- tags for many


def tag(desk: Desk, label: str, ids: tuple[int, ...]) -> int:
    chosen = text("""
        SELECT customer_id, external_id FROM customers WHERE shop_id = :shop_id AND external_id = ANY(:ids)
          AND customer_id > :after ORDER BY customer_id LIMIT :limit
    """)
    numbers = [str(1000 + number) for number in ids]
    with desk.work() as work:
        return loyalty.read_tagging(
            work, "chosen:", label, "staff 7",
            {"chosen": lambda work, _name, after, limit: work.rows(chosen, ids=numbers, after=after, limit=limit)},
        )  # fmt: skip


def test_a_tag_is_borne_by_whoever_was_chosen_until_every_batch_of_it_is_undone(busy: Desk) -> None:
    first, second = tag(busy, "Summer Fair, 2026!", (1, 2)), tag(busy, "summer fair 2026", (2, 3))
    assert rows(busy, _TAGS) == []
    book(busy, first)
    book(busy, second)
    fair = ["list:summer-fair-2026"]
    assert rows(busy, _TAGS) == [("1001", fair), ("1002", fair), ("1003", fair)]
    undo(busy, first)
    assert rows(busy, _TAGS) == [("1001", []), ("1002", fair), ("1003", fair)]
    undo(busy, second)
    assert rows(busy, _TAGS) == [("1001", []), ("1002", []), ("1003", [])]


def test_tags_of_two_labels_stand_beside_each_other(busy: Desk) -> None:
    book(busy, tag(busy, "نمایشگاه تابستان", (1,)))
    book(busy, tag(busy, "Press", (1,)))
    assert rows(busy, _TAGS) == [("1001", ["list:press", "list:نمایشگاه-تابستان"])]


@pytest.mark.parametrize("label", ["!!!", "—", "\u200d"])
def test_a_label_without_a_letter_makes_no_tag(busy: Desk, label: str) -> None:
    with pytest.raises(TagUnreadable):
        tag(busy, label, (1,))
    with busy.work() as work:
        assert loyalty.latest_batches(work) == []
