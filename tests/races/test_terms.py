"""Several people publish rules in the same moment, each from a page that showed the same version."""

from __future__ import annotations

import pytest

import loyalty
from tests.ground import Desk
from tests.races.test_redeem import TRIES, at_once

pytestmark = pytest.mark.races


def test_of_many_who_change_the_same_rule_at_once_one_publishes_and_the_others_are_told(desk: Desk) -> None:
    with desk.work() as work:
        began = loyalty.current_terms(work).version

    def send(number: int) -> None:
        with desk.work() as work:
            proposed = {**loyalty.draft(work, dict), "points": 2 + number}
            loyalty.unmoved(work, proposed, began)
            loyalty.change(work, points=2 + number)

    assert at_once(send) == {"bought": 1, "terms-moved": TRIES - 1}
    with desk.work() as work:
        assert loyalty.current_terms(work).version == began + 1
