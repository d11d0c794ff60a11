"""Points that expire, on the real database: closed once, never spendable when they are over, told of before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import loyalty
from engine import announcements
from engine.announcements import What
from loyalty import Expiry, NotEnoughPoints, Policy
from tests import people
from tests.ground import START, Clock, Desk, Superuser

MOVEMENTS = """
    SELECT e.kind, e.points, e.account FROM entries e WHERE e.shop_id = %s ORDER BY e.entry_id
"""


def policy(desk: Desk, **expiry: Any) -> None:
    with desk.work() as work:
        loyalty.change(work, expiry=expiry)


def run_clock(desk: Desk) -> None:
    """What the clock does each minute."""
    with desk.work() as work:
        loyalty.date_lots(work)
        while loyalty.expire_due(work):
            pass


def movements(desk: Desk, above: Superuser) -> list[tuple[str, int, str]]:
    return above.run(MOVEMENTS, desk.shop.shop_id)


def marks(desk: Desk, above: Superuser) -> list[tuple[int, datetime | None]]:
    return above.run("SELECT remaining, expires_at FROM lots WHERE shop_id = %s ORDER BY lot_id", desk.shop.shop_id)


def buy(desk: Desk, number: int, goods: int, at: datetime, buyer: int = 1) -> None:
    desk.settle(people.order(number, people.customer(buyer), goods, placed_at=at))


def test_a_lot_expires_at_the_end_of_its_day_and_is_closed_once(desk: Desk, above: Superuser, clock: Clock) -> None:
    policy(desk, policy="lot", months=12)
    buy(desk, 1, 5000, clock())
    # To be spent from 16 March 2026; so the last day is 16 March 2027.
    ends = datetime(2027, 3, 17, tzinfo=UTC)
    assert marks(desk, above) == [(50, ends)]
    assert desk.balance().expiring == [(ends, 50)]
    clock.now = ends - timedelta(seconds=1)
    run_clock(desk)
    assert desk.balance().spendable == 50
    clock.forward(seconds=1)
    assert desk.balance().spendable == 0, "nobody spends what is over, whether the clock has been there or not"
    assert desk.balance().points == 50
    run_clock(desk)
    run_clock(desk)
    assert movements(desk, above) == [("earn", 50, "points"), ("expire", -50, "points")]
    assert (desk.balance().points, desk.balance().expiring) == (0, [])
    assert desk.faults() == []
