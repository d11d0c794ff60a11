"""Stages on the real database: settled by orders, moved on by reviews, written to the store as tags."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

import lifecycle
from engine import terms
from tests import people
from tests.ground import START, Clock, Desk, Superuser, open_shop

KNOWN = START - timedelta(days=300)
HISTORY = """
    SELECT c.external_id, h.effective_at, h.from_stage, h.to_stage, h.reason, h.terms_version
    FROM stage_changes h JOIN customers c USING (shop_id, customer_id)
    WHERE h.shop_id = %s ORDER BY c.external_id, h.effective_at, h.step
"""
TAGS = "SELECT body->'tags'->>0, version FROM effects WHERE shop_id = %s AND kind = 'tags' AND key = %s"


def on_day(day: float) -> datetime:
    return START + timedelta(days=day)


def history(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    """When, to which stage, and why."""
    return [(row[1], row[3], row[4]) for row in above.run(HISTORY, desk.shop.shop_id)]


def standing(desk: Desk, number: int = 1) -> Any:
    customer_id = desk.customer_id(number)
    with desk.work() as work:
        return lifecycle.customer_standing(work, customer_id)


def tag(desk: Desk, above: Superuser, number: int = 1) -> Any:
    return above.run(TAGS, desk.shop.shop_id, f"stage:{1000 + number}")


def order(number: int, day: float, buyer: int = 1, **changed: Any) -> Any:
    return people.order(number, people.customer(buyer), placed_at=on_day(day), **changed)


def test_a_customer_without_orders_is_a_lead(desk: Desk, above: Superuser) -> None:
    desk.settle(customers=[people.customer(1, updated_at=START)])
    assert tuple(standing(desk)) == ("lead", KNOWN, None, 0, 0, None, None)
    assert history(desk, above) == [(KNOWN, "lead", "became known to the shop")]
    assert tag(desk, above) == [("stage:lead", 1)]


def test_orders_move_a_customer_on_and_write_the_tag(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(order(1, 0))
    assert tuple(standing(desk)) == ("acquired", START, on_day(90), 1, 0, START, START)
    ((body,),) = above.run("SELECT body FROM effects WHERE shop_id = %s AND kind = 'tags'", desk.shop.shop_id)
    assert body == {
        "customer_external_id": "1001",
        "prefix": "stage:",
        "tags": ["stage:acquired"],
        "vocabulary": [f"stage:{stage}" for stage in lifecycle.STAGES],
    }
    clock.now = on_day(3)
    desk.settle(order(2, 1), order(3, 2), order(4, 3))
    # Somebody who orders daily is late after a month, and not after the 90 days that are for everybody.
    assert tuple(standing(desk)) == ("retained", on_day(3), on_day(33), 4, 0, START, on_day(3))
    assert history(desk, above) == [
        (KNOWN, "lead", "became known to the shop"),
        (START, "acquired", "placed a first order"),
        (on_day(1), "developing", "placed order number 2"),
        (on_day(3), "retained", "placed order number 4"),
    ]
    assert tag(desk, above) == [("stage:retained", 2)]


def test_what_does_not_count_moves_nobody(desk: Desk, above: Superuser) -> None:
    desk.settle(order(1, 0, paid=False), order(2, 0, test=True), order(3, 0, cancelled_at=START), order(4, 0, 2))
    assert standing(desk).stage == "lead"
    assert standing(desk, 2).stage == "acquired"


def test_silence_moves_a_customer_at_the_instant_that_was_foretold(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(order(1, 0))
    clock.now = on_day(90) - timedelta(seconds=1)
    desk.review()
    assert standing(desk).stage == "acquired"
    clock.now = on_day(90)
    desk.review()
    assert tuple(standing(desk))[:3] == ("at_risk", on_day(90), on_day(180))
    clock.now = on_day(400)
    desk.review()
    assert tuple(standing(desk))[:3] == ("lapsed", on_day(180), None)
    assert history(desk, above)[2:] == [
        (on_day(90), "at_risk", "90 days without an order"),
        (on_day(180), "lapsed", "180 days without an order"),
    ]
    assert tag(desk, above) == [("stage:lapsed", 3)]


def test_a_missed_review_is_caught_up_with_every_step_in_the_history(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    desk.settle(order(1, 0))
    clock.now = on_day(1000)
    desk.review()
    assert [row[1] for row in history(desk, above)] == ["lead", "acquired", "at_risk", "lapsed"]


def test_a_late_order_rewrites_the_silence_that_was_not(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(order(1, 0))
    clock.now = on_day(120)
    desk.review()
    assert standing(desk).stage == "at_risk"
    desk.settle(order(2, 60))
    assert tuple(standing(desk))[:3] == ("developing", on_day(60), on_day(150))
    desk.review()
    assert [row[:2] for row in history(desk, above)] == [
        (KNOWN, "lead"), (START, "acquired"), (on_day(60), "developing"),
    ]  # fmt: skip


def test_a_refunded_order_is_as_if_it_had_never_been(desk: Desk, above: Superuser) -> None:
    first, second = order(1, 0), order(2, 0.5)
    desk.settle(first, second)
    assert standing(desk).stage == "developing"
    desk.settle(people.refunded(first, people.refund(first, 1, first.goods_minor)))
    assert tuple(standing(desk)) == ("acquired", on_day(0.5), on_day(90.5), 1, 0, on_day(0.5), on_day(0.5))
    assert [row[:2] for row in history(desk, above)] == [(KNOWN, "lead"), (on_day(0.5), "acquired")]


def test_new_terms_are_applied_to_everybody_at_their_next_settling(desk: Desk, clock: Clock) -> None:
    desk.settle(order(1, 0), order(2, 1))
    clock.now = on_day(2)
    with desk.work() as work:
        terms.publish(work, lifecycle.DOMAIN, lifecycle.first_terms() | {"retained_from_orders": 2})
    assert standing(desk).stage == "developing"
    desk.settle(people.later(order(2, 1)))
    assert standing(desk).stage == "retained"


def test_every_stage_is_counted_the_empty_ones_too(desk: Desk) -> None:
    desk.settle(order(1, 0, 1), order(2, 0, 2), order(3, 0.1, 2), customers=[people.customer(3, updated_at=START)])
    with desk.work() as work:
        counts = lifecycle.stage_counts(work)
    assert {str(stage): count for stage, count in counts.items()} == {
        "lead": 1, "acquired": 1, "developing": 1, "retained": 0, "advocate": 0, "at_risk": 0, "lapsed": 0,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_orders_that_become_known_in_any_order_and_batch_leave_the_same_history(
    desk: Desk, above: Superuser, clock: Clock, seed: int
) -> None:
    draw = random.Random(seed)
    told = [order(number, draw.uniform(0, 600), number % 3 + 1) for number in range(1, 25)]
    for snapshot in draw.sample(told, 6):
        told.append(people.later(snapshot, cancelled_at=on_day(700)))
    clock.now = on_day(710)
    desk.settle(*told)
    desk.review()
    clean = above.run(HISTORY, desk.shop.shop_id)
    others = Desk(desk.database, open_shop(desk.database, "another-telling.myshopify.com"))
    draw.shuffle(told)
    while told:
        size = draw.randint(1, 4)
        others.settle(*told[:size])
        told = told[size:]
        if draw.random() < 0.3:
            others.review()
    others.review()
    assert above.run(HISTORY, others.shop.shop_id) == clean
