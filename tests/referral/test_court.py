"""The attribution court: every word of who brought an order is kept, one counts, and another policy can be tried."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lifecycle
import loyalty
import referral
from commerce.ids import CustomerId
from engine import mirror
from engine.inbox import settle_snapshots
from referral.rules import Mention, Policy, Source, Why, choose
from tests import people
from tests.ground import START, Clock, Desk, Superuser

SECRET = b"s" * 32
CHECKOUT = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
DECISIONS = """
    SELECT o.name, c.external_id, a.source, a.why, a.verdict FROM attributions a
    JOIN orders o USING (shop_id, order_id) JOIN customers c ON c.shop_id = a.shop_id AND c.customer_id = a.advocate_id
    WHERE a.shop_id = %s ORDER BY o.name
"""
MENTIONS = """
    SELECT m.source, c.external_id FROM mentions m
    JOIN customers c ON c.shop_id = m.shop_id AND c.customer_id = m.advocate_id
    WHERE m.shop_id = %s ORDER BY m.source, c.external_id
"""


def said(source: Source, who: int, days: float = 0) -> Mention:
    return Mention(source, CustomerId(who), START - timedelta(days=days))


@pytest.mark.parametrize(
    "mentions, policy, who, why",
    [
        ([said(Source.LANDING, 1)], Policy(), 1, Why.ONLY),
        ([said(Source.LANDING, 1), said(Source.TOUCH, 1)], Policy(), 1, Why.AGREED),
        ([said(Source.FRIEND_CODE, 1, 9), said(Source.LANDING, 2)], Policy(), 1, Why.STRONGER),
        ([said(Source.FRIEND_CODE, 1, 9), said(Source.LANDING, 2)], Policy(code_first=False), 2, Why.LAST),
        (
            [said(Source.FRIEND_CODE, 1, 9), said(Source.LANDING, 2)],
            Policy(code_first=False, first_touch=True),
            1,
            Why.FIRST,
        ),
        ([said(Source.PERSON, 1, 3), said(Source.PERSON, 2, 1)], Policy(), 2, Why.LAST),
        ([said(Source.PERSON, 1, 3), said(Source.PERSON, 2, 1)], Policy(first_touch=True), 1, Why.FIRST),
        ([said(Source.ATTRIBUTE, 2), said(Source.LANDING, 1)], Policy(), 2, Why.TIE),
        ([said(Source.FRIEND_CODE, 1, 31), said(Source.TOUCH, 2)], Policy(window_days=30), 2, Why.ONLY),
        ([said(Source.FRIEND_CODE, 1, 31)], Policy(window_days=30), 1, Why.OUT_OF_WINDOW),
        ([said(Source.FRIEND_CODE, 1, 30)], Policy(window_days=30), 1, Why.ONLY),
    ],
)
def test_the_policy_chooses_one_and_says_why(mentions: list[Mention], policy: Policy, who: int, why: Why) -> None:
    for given_order in (mentions, mentions[::-1]):
        decision = choose(given_order, START, policy)
        assert (decision.winner.advocate_id, decision.why) == (who, why)


MENTION = st.builds(
    Mention,
    st.sampled_from(list(Source)),
    st.integers(1, 4).map(CustomerId),
    st.integers(0, 200).map(lambda days: START - timedelta(days=days)),
    st.one_of(st.none(), st.integers(1, 9)),
)
POLICY = st.builds(Policy, st.integers(1, 120), st.booleans(), st.booleans())


@given(st.lists(MENTION, min_size=1, max_size=8), POLICY, st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_said_to_us_decides_nothing(
    mentions: list[Mention], policy: Policy, chance: Any
) -> None:
    once = choose(mentions, START, policy)
    shuffled = [*mentions, *mentions]
    chance.shuffle(shuffled)
    again = choose(shuffled, START, policy)
    assert again.winner == once.winner
    assert once.winner in mentions
    late = all(START - m.at > timedelta(days=policy.window_days) for m in mentions)
    assert (once.why is Why.OUT_OF_WINDOW) == (again.why is Why.OUT_OF_WINDOW) == late


# --- on the real database


@pytest.fixture
def advocates(desk: Desk) -> dict[int, str]:
    """The codes of Anna (1) and Chiara (3), who have ordered long ago."""
    found = {}
    for number in (1, 3):
        desk.settle(people.order(number, people.customer(number), placed_at=START - timedelta(days=400)))
        customer_id = desk.customer_id(number)
        with desk.work() as work:
            found[number] = referral.code_of(work, customer_id)
    return found


def decided(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    return above.run(DECISIONS, desk.shop.shop_id)


def test_every_word_of_an_order_is_kept_and_one_advocate_is_rewarded(
    desk: Desk, above: Superuser, advocates: dict[int, str]
) -> None:
    with desk.work() as work:
        code = referral.claim(work, advocates[1], "bo@example.com", SECRET).code
        referral.touch(work, advocates[3], CHECKOUT)
    desk.settle(
        people.order(
            9, people.customer(2), discount_codes=(str(code), advocates[3]), referral_code=advocates[1],
            landing_code=advocates[3], checkout_token=CHECKOUT,
        )
    )  # fmt: skip
    assert above.run(MENTIONS, desk.shop.shop_id) == [
        ("attribute", "1001"), ("code", "1003"), ("friend_code", "1001"), ("landing", "1003"), ("touch", "1003"),
    ]  # fmt: skip
    assert decided(desk, above) == [("#9", "1001", "friend_code", "tie", "friend")]
    assert desk.faults() == []


def test_a_link_loses_against_a_code_and_wins_where_the_policy_goes_by_time(
    desk: Desk, above: Superuser, clock: Clock, advocates: dict[int, str]
) -> None:
    with desk.work() as work:
        code = referral.claim(work, advocates[1], "bo@example.com", SECRET).code
    clock.forward(days=2)
    desk.settle(
        people.order(
            9, people.customer(2), discount_codes=(str(code),), referral_code=advocates[3], placed_at=clock.now
        )
    )
    assert decided(desk, above) == [("#9", "1001", "friend_code", "stronger", "friend")]
    before = above.rows_of(desk.shop.shop_id)
    with desk.work() as work:
        assert list(referral.replay(work, Policy())) == []
        assert list(referral.replay(work, Policy(code_first=False, first_touch=True))) == []
        (flip,) = referral.replay(work, Policy(code_first=False))
        (late,) = referral.replay(work, Policy(window_days=1))
    assert (flip.advocate_id, flip.instead) == (desk.customer_id(1), desk.customer_id(3))
    assert (flip.why, flip.why_instead) == (Why.STRONGER, Why.LAST)
    assert late.instead == desk.customer_id(3)
    assert above.rows_of(desk.shop.shop_id) == before


def test_an_order_is_judged_by_the_terms_of_its_day(
    desk: Desk, above: Superuser, clock: Clock, advocates: dict[int, str]
) -> None:
    with desk.work() as work:
        referral.claim(work, advocates[1], "bo@example.com", SECRET)
        body = referral.as_stored(referral.current_terms(work))
    clock.forward(days=20)
    bought = people.order(9, people.customer(2), discount_codes=(_code(above),), placed_at=clock.now)
    clock.forward(days=1)
    with desk.work() as work:
        referral.publish(work, {**body, "window_days": 10, "advocate_points": 7})
    desk.settle(bought)
    assert decided(desk, above) == [("#9", "1001", "friend_code", "only", "friend")]
    assert desk.balance(1).points == 250
    later = people.order(
        10, people.customer(4), discount_codes=(_code(above),), placed_at=clock.now + timedelta(minutes=1)
    )
    desk.settle(later)
    assert decided(desk, above)[0] == ("#10", "1001", "friend_code", "out_of_window", "too_late")


def _code(above: Superuser) -> str:
    return str(above.one("SELECT code FROM claims WHERE shop_id = (SELECT max(shop_id) FROM claims)"))


def test_a_buyer_is_known_again_by_the_address_of_the_claim(
    desk: Desk, above: Superuser, clock: Clock, advocates: dict[int, str]
) -> None:
    with desk.work() as work:
        referral.claim(work, advocates[1], "bo-2@example.com", SECRET)
    clock.forward(days=1)
    recognising(desk, people.order(9, people.customer(2), placed_at=clock.now))
    assert decided(desk, above) == [("#9", "1001", "person", "only", "friend")]
    assert above.one("SELECT count(*) FROM claims WHERE friend_digest::text LIKE '%%example%%'") == 0


def test_nobody_is_known_by_a_claim_that_came_after_the_order(
    desk: Desk, above: Superuser, clock: Clock, advocates: dict[int, str]
) -> None:
    bought = people.order(9, people.customer(5), paid=False)
    clock.forward(days=1)
    with desk.work() as work:
        referral.claim(work, advocates[1], "ines-5@example.com", SECRET)
    recognising(desk, bought)
    assert decided(desk, above) == []


def recognising(desk: Desk, *orders: Any) -> None:
    reactions = (
        loyalty.settle_orders,
        partial(referral.settle_attributions, secret=lambda: SECRET),
        lifecycle.settle_orders,
    )
    with desk.work() as work:
        settle_snapshots(work, reactions, mirror.accept(work, orders))


def test_whoever_turns_out_to_have_brought_an_order_gets_what_the_other_gives_back(
    desk: Desk, above: Superuser, advocates: dict[int, str]
) -> None:
    bought = people.order(9, people.customer(2), landing_code=advocates[3], referral_code=advocates[3])
    desk.settle(bought)
    assert (desk.balance(1).points, desk.balance(3).points) == (50, 250)
    desk.settle(people.later(bought, referral_code=advocates[1], discount_codes=(advocates[1],)))
    assert decided(desk, above) == [("#9", "1001", "code", "stronger", "friend")]
    assert (desk.balance(1).points, desk.balance(3).points) == (250, 50)
    assert desk.faults() == []


def test_a_ring_of_advocates_is_cut_where_it_closes_whatever_comes_first(
    desk: Desk, above: Superuser, advocates: dict[int, str]
) -> None:
    new = [people.customer(number, updated_at=START) for number in (5, 6, 7)]
    desk.settle(customers=new)
    codes = {}
    for number in (5, 6, 7):
        customer_id = desk.customer_id(number)
        with desk.work() as work:
            codes[number] = referral.code_of(work, customer_id)
    ring = [
        people.order(20, people.customer(6), referral_code=codes[5], placed_at=START),
        people.order(21, people.customer(7), referral_code=codes[6], placed_at=START + timedelta(hours=1)),
        people.order(22, people.customer(5), referral_code=codes[7], placed_at=START + timedelta(hours=2)),
    ]
    for order in (ring[2], ring[0], ring[1], *ring):
        desk.settle(order)
    assert [(row[0], row[4]) for row in decided(desk, above)] == [
        ("#20", "friend"), ("#21", "friend"), ("#22", "loop"),
    ]  # fmt: skip
    assert [desk.balance(number).points for number in (5, 6, 7)] == [250, 250, 50]
    assert desk.faults() == []


def test_the_file_of_an_order_is_found_by_its_name(desk: Desk, advocates: dict[int, str]) -> None:
    desk.settle(people.order(9, people.customer(2), landing_code=advocates[3], referral_code=advocates[3]))
    with desk.work() as work:
        file = referral.hearing(work, "#9")
        assert file is not None
        assert (file.order_name, file.decision.why, [m.source for m in file.mentions]) == (
            "#9", "only", [Source.LANDING],
        )  # fmt: skip
        assert referral.hearing(work, "#1") is None
