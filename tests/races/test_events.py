"""A merchant's programs tell of the same deed at the same moment, and of more than a member may have."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import loyalty
from commerce.refusal import Refusal
from loyalty import Deed, rules
from tests import people
from tests.ground import Desk

pytestmark = pytest.mark.races

AT_ONCE = 12


@pytest.fixture
def quiz(desk: Desk) -> Desk:
    """A shop with a quiz that brings 20 points, three times at most; customer 1 has bought something."""
    action = {"key": "quiz", "title": "A quiz", "points": 20, "limit": 3}
    with desk.work() as work:
        loyalty.publish(work, rules.proposal("USD") | {"actions": [action]})
    desk.settle(people.order(1, people.customer(1), test=True))
    return desk


def told_at_once(desk: Desk, *keys: str) -> Counter[tuple[int, bool]]:
    """The points of each answer, and whether it had been told before."""
    customer_id, start = desk.customer_id(), threading.Barrier(len(keys))

    def tell(key: str) -> tuple[int, bool]:
        start.wait(60)
        with desk.work() as work:
            (heard,) = loyalty.tell_deeds(work, [Deed(customer_id, "quiz", key, work.now)])
        assert not isinstance(heard, Refusal)
        return heard.deed.points, heard.again

    with ThreadPoolExecutor(len(keys)) as pool:
        return Counter(pool.map(tell, keys))


def test_one_deed_that_is_told_by_twelve_at_once_earns_once(quiz: Desk) -> None:
    assert told_at_once(quiz, *["the same"] * AT_ONCE) == {(20, False): 1, (20, True): AT_ONCE - 1}
    assert quiz.balance().points == 20
    assert quiz.faults() == []


def test_of_twelve_deeds_at_once_as_many_earn_as_the_limit_allows(quiz: Desk) -> None:
    assert told_at_once(quiz, *map(str, range(AT_ONCE))) == {(20, False): 3, (0, False): AT_ONCE - 3}
    assert quiz.balance().points == 60
    assert quiz.faults() == []
