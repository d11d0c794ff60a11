"""Many shoppers, and many windows of one, press the button in the same moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import loyalty
from commerce.refusal import Refusal
from loyalty import rules
from tests import people
from tests.ground import Clock, Desk

pytestmark = pytest.mark.races

# As many as the pool of connections holds: all of them are in a transaction at once.
AT_ONCE = 12
TRIES = 20


def at_once(press: Callable[[int], Any]) -> Counter[str]:
    """What became of each press."""
    start = threading.Barrier(AT_ONCE)

    def wait_and_press(number: int) -> str:
        if number < AT_ONCE:
            start.wait(60)
        try:
            press(number)
        except Refusal as refusal:
            return refusal.code
        return "bought"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(wait_and_press, range(TRIES)))


def test_of_twenty_who_spend_the_same_points_exactly_one_wins(desk: Desk, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(1), 10_000))
    clock.forward(days=15)
    found = at_once(lambda number: desk.redeem(1, f"click-{number}"))
    assert found == {"bought": 1, "not-enough-points": TRIES - 1}
    assert (desk.balance().spendable, desk.balance().held, len(desk.balance().redemptions)) == (0, 100, 1)
    assert desk.faults() == []


def test_one_click_that_arrives_twenty_times_buys_once(desk: Desk, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(1), 100_000))
    clock.forward(days=15)
    assert at_once(lambda _number: desk.redeem(1, "click")) == {"bought": TRIES}
    assert (desk.balance().held, len(desk.balance().redemptions)) == (100, 1)


def test_of_the_last_three_pieces_three_are_sold_to_twenty_shoppers(desk: Desk, clock: Clock) -> None:
    desk.settle(*(people.order(n, people.customer(n), 10_000) for n in range(1, TRIES + 1)))
    clock.forward(days=15)
    reward = {"key": "five-off", "title": "One", "points": 100, "amount_minor": 500, "stock": 3}
    with desk.work() as work:
        loyalty.publish(work, rules.proposal("USD") | {"rewards": [reward]})
    assert at_once(lambda number: desk.redeem(number + 1)) == {"bought": 3, "reward-sold-out": TRIES - 3}
    balances = Counter(desk.balance(n).spendable for n in range(1, TRIES + 1))
    assert balances == {0: 3, 100: TRIES - 3}
    assert desk.faults() == []
