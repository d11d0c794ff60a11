"""What attributed orders bring: points, rewards and tags, of both sides, held, capped, and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import lifecycle
import loyalty
import referral
from commerce.events import CustomersMerged
from commerce.ids import CustomerId, OrderId
from commerce.orders import OrderLine, OrderSnapshot
from connectors.offerings import offering
from engine import mirror
from engine.work import UnitOfWork
from referral.rules import Band
from tests import people
from tests.ground import START, Clock, Desk, Superuser

PAYS = """
    SELECT o.name, a.verdict, a.pay FROM attributions a JOIN orders o USING (shop_id, order_id)
    WHERE a.shop_id = %s ORDER BY o.order_id
"""
GIFTS = """
    SELECT part, reward, owed, given_at IS NOT NULL, taken_back_at IS NOT NULL, trouble FROM referral_gifts
    WHERE shop_id = %s ORDER BY order_id, part
"""
ERASE = """
    UPDATE customers SET redacted_at = now(), email = NULL, first_name = NULL
    WHERE external_id = '1001' AND shop_id = %s
"""
TAGS = "SELECT body -> 'tags' FROM effects WHERE shop_id = %s AND kind = 'tags' AND key = 'referral:1001'"
GIVEN = "SELECT reward ->> 'key', points, outcome FROM redemptions WHERE shop_id = %s ORDER BY redemption_id"


@pytest.fixture
def code(desk: Desk) -> str:
    """Anna's code; she has ordered once, long ago, and has 100 points."""
    desk.settle(people.order(1, people.customer(1), 10_000, placed_at=START - timedelta(days=40)))
    anna = desk.customer_id(1)
    with desk.work() as work:
        return referral.code_of(work, anna)


def agree(desk: Desk, **changed: Any) -> None:
    with desk.work() as work:
        referral.publish(work, {**referral.as_stored(referral.current_terms(work)), **changed})


def brought(code: str, number: int, **changed: Any) -> OrderSnapshot:
    """Order `number` is friend `number`'s, by Anna's code."""
    return people.order(number, people.customer(number), **({"referral_code": code} | changed))


def pays(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    return above.run(PAYS, desk.shop.shop_id)


def give(desk: Desk) -> None:
    with desk.work() as work:
        while referral.give_rewards(work):
            pass


def points(desk: Desk, number: int = 1) -> int:
    return desk.balance(number).points


# --- points


def test_points_are_taken_back_in_proportion_to_what_the_friend_returned(desk: Desk, code: str) -> None:
    bought = brought(code, 2)
    desk.settle(bought)
    assert points(desk) == 300
    first = people.refund(bought, 1, 1250)
    desk.settle(people.refunded(bought, first))
    assert points(desk) == 250
    desk.settle(people.refunded(bought, first, people.refund(bought, 2, 1), seconds=120))
    assert points(desk) == 249
    desk.settle(people.refunded(bought, first, people.refund(bought, 2, 3750), seconds=180))
    assert points(desk) == 100
    assert desk.faults() == []


def test_points_wait_for_the_hold_and_for_the_time_of_returns(desk: Desk, clock: Clock, code: str) -> None:
    agree(desk, return_days=30)
    desk.settle(brought(code, 2))
    clock.forward(days=29)
    assert desk.balance(1).spendable == 100
    clock.forward(days=2)
    assert desk.balance(1).spendable == 300


def test_a_friend_may_get_points_after_the_first_order_and_gives_back_what_is_returned(desk: Desk, code: str) -> None:
    agree(desk, friend_gets="points", friend_points=80)
    bought = brought(code, 2)
    desk.settle(bought)
    assert (points(desk, 1), points(desk, 2)) == (300, 50 + 80)
    desk.settle(people.refunded(bought, people.refund(bought, 1, 2500)))
    assert (points(desk, 1), points(desk, 2)) == (200, 25 + 40)
    assert desk.faults() == []


def test_advocates_are_rewarded_by_tier_and_keep_what_was_promised(desk: Desk, code: str) -> None:
    agree(desk, tier_points={"gold": 500})
    anna, tier = desk.customer_id(1), {"now": "gold"}

    def tiers(work: UnitOfWork, customer_ids: Any) -> Mapping[CustomerId, str]:
        return {each: tier["now"] for each in customer_ids if each == anna}

    def settle(order: OrderSnapshot) -> None:
        with desk.work() as work:
            accepted = mirror.accept(work, [order])
            loyalty.settle_orders(work, accepted)
            referral.settle_attributions(work, accepted, tiers=tiers)

    bought = brought(code, 2)
    settle(bought)
    assert points(desk) == 600
    tier["now"] = "silver"
    settle(people.later(bought))
    assert points(desk) == 600
    settle(brought(code, 3))
    assert points(desk) == 800


def test_orders_too_small_and_of_goods_that_do_not_count_bring_nothing(desk: Desk, above: Superuser, code: str) -> None:
    agree(desk, minimum_order_minor=3000, excluded_products=["31"])
    mug, pot = OrderLine(1, "31", "Enamel mug", 2, 5000, False), OrderLine(2, "32", "Teapot", 1, 4000, False)
    desk.settle(
        brought(code, 2, lines=(mug,)),
        brought(code, 3, lines=(mug, replace(pot, net_minor=2000)), goods_minor=7000),
        brought(code, 4, lines=(mug, pot), goods_minor=9000),
    )
    assert pays(desk, above) == [
        ("#2", "excluded", "not_owed"),
        ("#3", "too_small", "not_owed"),
        ("#4", "friend", "owed"),
    ]
    assert points(desk) == 300


def test_a_month_brings_no_more_than_its_limit_whatever_comes_first(desk: Desk, above: Superuser, code: str) -> None:
    agree(desk, most_a_month=2)
    orders = [brought(code, n, placed_at=START + timedelta(hours=n)) for n in (2, 3, 4)]
    next_month = brought(code, 5, placed_at=START + timedelta(days=31))
    for each in (orders[2], orders[0], next_month, orders[1]):
        desk.settle(each)
    found = {name: pay for name, _, pay in pays(desk, above)}
    assert found == {"#2": "owed", "#3": "owed", "#4": "capped", "#5": "owed"}
    assert points(desk) == 700
    # One of the first is cancelled: the third moves up.
    desk.settle(people.later(orders[0], cancelled_at=START))
    assert {name: pay for name, _, pay in pays(desk, above)} == {
        "#2": "not_owed", "#3": "owed", "#4": "owed", "#5": "owed",
    }  # fmt: skip
    assert points(desk) == 700
    assert desk.faults() == []


def test_each_third_friend_is_a_milestone_whatever_comes_first(desk: Desk, code: str) -> None:
    agree(desk, milestone_every=3, milestone_points=1000)
    orders = [brought(code, n, placed_at=START + timedelta(hours=n)) for n in (2, 3, 4, 5)]
    for each in (orders[3], orders[1], orders[0]):
        desk.settle(each)
    assert points(desk) == 100 + 3 * 200 + 1000
    desk.settle(orders[2])
    assert points(desk) == 100 + 4 * 200 + 1000
    for each in orders[:2]:
        desk.settle(people.later(each, cancelled_at=START))
    assert points(desk) == 100 + 2 * 200
    assert desk.faults() == []


# --- rewards


def offer(desk: Desk, **reward: Any) -> None:
    with desk.work() as work:
        loyalty.offer(
            work, {"key": "mug", "title": "A mug", "points": 500, "amount_minor": 700, **reward}, offering("shopify")
        )


def test_a_reward_is_given_when_it_is_due_and_once(desk: Desk, above: Superuser, clock: Clock, code: str) -> None:
    offer(desk)
    agree(desk, advocate_points=0, advocate_reward="mug")
    desk.settle(brought(code, 2))
    give(desk)
    assert above.run(GIVEN, desk.shop.shop_id) == []
    clock.forward(days=15)
    for _ in range(2):
        give(desk)
        desk.settle(brought(code, 2, updated_at=clock.now))
    assert above.run(GIVEN, desk.shop.shop_id) == [("mug", 0, None)]
    assert above.run(GIFTS, desk.shop.shop_id) == [("advocate", "mug", True, True, False, None)]
    assert points(desk) == 100


def test_store_credit_is_given_to_an_advocate_of_two_friends_twice(
    desk: Desk, above: Superuser, clock: Clock, code: str
) -> None:
    offer(desk, key="credit", kind="store_credit", code_days=90)
    agree(desk, advocate_reward="credit")
    desk.settle(brought(code, 2), brought(code, 3))
    clock.forward(days=15)
    give(desk)
    assert above.run(GIVEN, desk.shop.shop_id) == [("credit", 0, None)] * 2
    ends = above.run("SELECT DISTINCT expires_at FROM redemptions WHERE shop_id = %s", desk.shop.shop_id)
    assert len(ends) == 2


def test_an_unused_reward_is_taken_back_when_everything_was_returned(
    desk: Desk, above: Superuser, clock: Clock, code: str
) -> None:
    offer(desk)
    agree(desk, advocate_reward="mug")
    bought = brought(code, 2)
    desk.settle(bought)
    clock.forward(days=15)
    give(desk)
    desk.settle(people.refunded(bought, people.refund(bought, 1, 2500)))
    give(desk)
    assert above.run(GIFTS, desk.shop.shop_id) == [("advocate", "mug", True, True, False, None)]
    desk.settle(people.refunded(bought, people.refund(bought, 1, 5000), seconds=120))
    give(desk)
    assert above.run(GIFTS, desk.shop.shop_id) == [("advocate", "mug", False, True, True, None)]
    assert (
        above.one("SELECT body ->> 'active' FROM effects WHERE shop_id = %s AND kind = 'discount'", desk.shop.shop_id)
        == "false"
    )
    assert points(desk) == 100


def test_a_reward_that_was_used_stays_and_the_record_says_so(
    desk: Desk, above: Superuser, clock: Clock, code: str
) -> None:
    offer(desk)
    agree(desk, advocate_reward="mug")
    bought = brought(code, 2)
    desk.settle(bought)
    clock.forward(days=15)
    give(desk)
    used = above.one("SELECT code FROM redemptions WHERE shop_id = %s", desk.shop.shop_id)
    desk.settle(people.order(8, people.customer(1), discount_codes=(used,), placed_at=clock.now))
    desk.settle(people.later(bought, cancelled_at=clock.now))
    give(desk)
    assert above.run(GIFTS, desk.shop.shop_id) == [("advocate", "mug", False, True, False, "it was used already")]


def test_a_reward_that_is_not_offered_any_more_is_said_to_be_none(
    desk: Desk, above: Superuser, clock: Clock, code: str
) -> None:
    agree(desk, milestone_every=1, milestone_reward="gone")
    desk.settle(brought(code, 2))
    clock.forward(days=15)
    give(desk)
    assert above.run(GIFTS, desk.shop.shop_id) == [
        ("milestone", "gone", True, False, False, "the program has no such reward any more")
    ]


# --- bands, tags, stages


@pytest.mark.parametrize("band, pay", [(Band.REVIEW, "review"), (Band.DECLINE, "declined"), (None, "review")])
def test_what_was_not_approved_is_not_paid_until_it_is(
    desk: Desk, above: Superuser, code: str, band: Band | None, pay: str
) -> None:
    def bands(work: UnitOfWork, orders: Sequence[OrderId]) -> dict[OrderId, Band]:
        return {order_id: band for order_id in orders if band is not None}

    with desk.work() as work:
        accepted = mirror.accept(work, [brought(code, 2)])
        loyalty.settle_orders(work, accepted)
        referral.settle_attributions(work, accepted, bands=bands)
    assert pays(desk, above) == [("#2", "friend", pay)]
    assert points(desk) == 100
    assert above.run(TAGS, desk.shop.shop_id) == []
    order_id = above.one("SELECT order_id FROM attributions WHERE shop_id = %s", desk.shop.shop_id)
    with desk.work() as work:
        referral.settle_again(work, [order_id], bands=lambda _work, orders: dict.fromkeys(orders, Band.APPROVE))
    assert pays(desk, above) == [("#2", "friend", "owed")]
    assert points(desk) == 300


def test_advocates_bear_tags_by_how_many_they_brought(desk: Desk, above: Superuser, code: str) -> None:
    orders = [brought(code, n, placed_at=START + timedelta(hours=n)) for n in (2, 3, 4)]
    desk.settle(orders[0])
    assert above.run(TAGS, desk.shop.shop_id) == [(["referral:advocate", "referral:brought-1"],)]
    desk.settle(*orders[1:])
    assert above.run(TAGS, desk.shop.shop_id) == [(["referral:advocate", "referral:brought-3"],)]
    desk.settle(*(people.later(each, cancelled_at=START) for each in orders))
    assert above.run(TAGS, desk.shop.shop_id) == [([],)]
    assert (
        above.one(
            "SELECT count(*) FROM effects WHERE kind = 'tags' AND key LIKE 'referral:%%' AND shop_id = %s",
            desk.shop.shop_id,
        )
        == 1
    )


def test_a_merged_advocate_s_friends_rewards_and_tags_are_with_the_one_who_was_kept(
    desk: Desk, above: Superuser, clock: Clock, code: str
) -> None:
    offer(desk)
    agree(desk, advocate_reward="mug")
    desk.settle(people.order(6, people.customer(6), placed_at=START - timedelta(days=30)))
    bought = brought(code, 2)
    desk.settle(bought)
    desk.hear(CustomersMerged(kept_external_id="1006", gone_external_id="1001", at=START))
    assert points(desk, 6) == 350
    keys = above.run(
        "SELECT key FROM effects WHERE shop_id = %s AND kind = 'tags' AND key LIKE 'referral:%%'", desk.shop.shop_id
    )
    assert keys == [("referral:1006",)]
    desk.settle(people.refunded(bought, people.refund(bought, 1, 2500)))
    assert points(desk, 6) == 250
    desk.settle(brought(code, 3))
    assert points(desk, 6) == 450
    clock.forward(days=15)
    give(desk)
    owners = above.run("SELECT DISTINCT customer_id FROM redemptions WHERE shop_id = %s", desk.shop.shop_id)
    assert owners == [(desk.customer_id(6),)]
    kept = desk.customer_id(6)
    with desk.work() as work:
        assert lifecycle.customer_standing(work, kept).stage == "advocate"
    assert desk.faults() == []


def test_friends_who_turn_out_to_be_their_own_advocate_bring_nothing(desk: Desk, above: Superuser, code: str) -> None:
    desk.settle(brought(code, 2))
    desk.hear(CustomersMerged(kept_external_id="1001", gone_external_id="1002", at=START))
    assert pays(desk, above) == [("#2", "own_code", "not_owed")]
    assert points(desk) == 150
    assert desk.faults() == []


def test_the_books_stay_straight_when_an_advocate_is_erased(
    desk: Desk, above: Superuser, clock: Clock, code: str
) -> None:
    offer(desk)
    agree(desk, advocate_reward="mug")
    bought = brought(code, 2)
    desk.settle(bought)
    above.run(ERASE, desk.shop.shop_id)
    with desk.work() as work:
        referral.look_after_codes(work)
    desk.settle(brought(code, 3))
    assert pays(desk, above) == [("#2", "friend", "owed")]
    desk.settle(people.refunded(bought, people.refund(bought, 1, 2500)))
    assert points(desk) == 200
    clock.forward(days=15)
    give(desk)
    assert above.run(GIVEN, desk.shop.shop_id) == []
    assert desk.faults() == []
