"""Announcements: what happened, told to the store's automation where somebody listens, once for each happening."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import referral
from engine import announcements
from engine.announcements import FRESH, KEPT, Happening, What
from tests import people
from tests.ground import START, Clock, Desk, Superuser

BODIES = "SELECT body FROM effects WHERE shop_id = %s AND kind = 'announcement' ORDER BY effect_id"


def listen(desk: Desk, *whats: What, on: bool = True) -> None:
    with desk.work() as work:
        announcements.heard(work, whats, work.now, listening=on)


def told(desk: Desk, above: Superuser) -> list[tuple[str, str, dict[str, Any]]]:
    bodies = [row[0] for row in above.run(BODIES, desk.shop.shop_id)]
    return [(body["what"], body["customer_external_id"], body["facts"]) for body in bodies]


def happening(desk: Desk, key: str = "1", **changed: Any) -> Happening:
    given: dict[str, Any] = {
        "what": What.POINTS_EARNED, "key": key, "customer_id": desk.customer_id(1), "at": START,
        "facts": {"points": 5},
    }  # fmt: skip
    return Happening(**(given | changed))


@pytest.fixture
def anna(desk: Desk) -> Desk:
    """A shop that knows Anna since long ago."""
    desk.settle(customers=[people.customer(1, updated_at=START)])
    return desk


def announce(desk: Desk, *happenings: Happening) -> None:
    with desk.work() as work:
        announcements.announce(work, happenings)


def test_where_nobody_listens_nothing_is_put(anna: Desk, above: Superuser) -> None:
    announce(anna, happening(anna))
    listen(anna, What.FRIEND_JOINED)
    announce(anna, happening(anna))
    assert told(anna, above) == []


def test_a_happening_is_put_once_however_often_it_is_settled(anna: Desk, above: Superuser) -> None:
    listen(anna, What.POINTS_EARNED)
    for _ in range(3):
        announce(anna, happening(anna))
    announce(anna, happening(anna, "2"))
    assert told(anna, above) == [("points-earned", "1001", {"points": 5})] * 2


def test_history_is_no_news(anna: Desk, above: Superuser) -> None:
    listen(anna, What.POINTS_EARNED)
    announce(anna, happening(anna, at=START - FRESH))
    assert told(anna, above) == []
    announce(anna, happening(anna, at=START - FRESH + timedelta(seconds=1)))
    assert len(told(anna, above)) == 1


def test_of_an_erased_customer_nothing_is_told(anna: Desk, above: Superuser) -> None:
    listen(anna, What.POINTS_EARNED)
    above.run("UPDATE customers SET redacted_at = %s WHERE shop_id = %s", START, anna.shop.shop_id)
    announce(anna, happening(anna))
    assert told(anna, above) == []


def test_the_newest_word_of_who_listens_stands(anna: Desk) -> None:
    with anna.work() as work:
        announcements.heard(work, [What.POINTS_EARNED], START, listening=True)
        announcements.heard(work, [What.POINTS_EARNED], START - timedelta(seconds=1), listening=False)
        assert announcements.listening(work) == {What.POINTS_EARNED}
        announcements.heard(work, [What.POINTS_EARNED], START + timedelta(seconds=1), listening=False)
        assert announcements.listening(work) == frozenset()


def test_pushed_announcements_are_forgotten_and_no_others(anna: Desk, above: Superuser, clock: Clock) -> None:
    listen(anna, What.POINTS_EARNED)
    announce(anna, happening(anna), happening(anna, "2"))
    above.run(
        "UPDATE effects SET pushed_at = %s WHERE shop_id = %s AND key = 'points-earned:1'", START, anna.shop.shop_id
    )
    clock.forward(days=KEPT.days, seconds=1)
    with anna.work() as work:
        announcements.purge(work)
    keys = above.run("SELECT key FROM effects WHERE shop_id = %s AND kind = 'announcement'", anna.shop.shop_id)
    assert keys == [("points-earned:2",)]


# --- what the domains announce


def test_an_order_announces_its_points_and_its_buyer_s_stage(desk: Desk, above: Superuser) -> None:
    listen(desk, *What)
    desk.settle(people.order(1, people.customer(2, created_at=START), 5000))
    reason = "#1: 50 points for 50.00 USD of goods kept, at 1 for each 1.00 USD"
    assert sorted(told(desk, above)) == sorted(
        [
            (
                "points-earned",
                "1002",
                {"points": 50, "reason": reason},
            ),
            ("stage-entered", "1002", {"stage": "acquired", "previous stage": "", "won back": "no"}),
        ]
    )
    before = told(desk, above)
    desk.settle(people.order(1, people.customer(2, created_at=START), 5000, updated_at=START + timedelta(minutes=1)))
    assert told(desk, above) == before


def test_a_refund_announces_no_points(desk: Desk, above: Superuser) -> None:
    listen(desk, What.POINTS_EARNED)
    first = people.order(1, people.customer(2), 5000)
    desk.settle(first)
    desk.settle(refunds=[people.refund(first, 1, 1000)])
    assert len(told(desk, above)) == 1


def test_an_order_of_years_ago_announces_nothing(desk: Desk, above: Superuser) -> None:
    listen(desk, *What)
    placed_at = START - timedelta(days=900)
    desk.settle(people.order(1, people.customer(2, created_at=placed_at), 5000, placed_at=placed_at))
    assert told(desk, above) == []


def test_a_reward_and_an_invitation_are_announced_without_codes_and_addresses(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1), 20_000, placed_at=START - timedelta(days=40)))
    listen(desk, What.REWARD_REDEEMED, What.FRIEND_JOINED)
    desk.redeem()
    desk.redeem()
    with desk.work() as work:
        code = referral.code_of(work, desk.customer_id())
        offer = referral.claim(work, code, "bo@example.com", b"s" * 32)
        referral.claim(work, code, "bo@example.com", b"s" * 32)
    assert [(what, customer) for what, customer, _ in told(desk, above)] == [
        ("reward-redeemed", "1001"),
        ("friend-joined", "1001"),
    ]
    everything = str(above.run(BODIES, desk.shop.shop_id))
    assert "example.com" not in everything
    assert str(offer.code) not in everything
    assert "P-" not in everything
