"""Referrals on the real database: codes, claims, and rewards that follow the verdict wherever it goes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import lifecycle
import referral
from commerce.orders import OrderSnapshot
from tests import people
from tests.ground import START, Desk, Superuser

SECRET = b"s" * 32
VERDICTS = """
    SELECT o.name, a.verdict FROM attributions a JOIN orders o USING (shop_id, order_id)
    WHERE a.shop_id = %s ORDER BY o.name
"""
AWARDS = "SELECT kind, points FROM entries WHERE shop_id = %s AND kind IN ('award', 'award_back') ORDER BY entry_id"
CLAIMS = "SELECT code, claimed_at, ends_at, octet_length(friend_digest), terms_version FROM claims WHERE shop_id = %s"


@pytest.fixture
def code(desk: Desk) -> str:
    """Anna's referral code; she has ordered once, for 100 dollars."""
    desk.settle(people.order(1, people.customer(1), 10_000, placed_at=START - timedelta(days=40)))
    anna = desk.customer_id(1)
    with desk.work() as work:
        return referral.code_of(work, anna)


def verdicts(desk: Desk, above: Superuser) -> dict[str, str]:
    return dict(above.run(VERDICTS, desk.shop.shop_id))


def stage(desk: Desk, number: int = 1) -> str:
    customer_id = desk.customer_id(number)
    with desk.work() as work:
        return str(lifecycle.customer_standing(work, customer_id).stage)


def brought(code: str, number: int = 2, buyer: int = 2, **changed: Any) -> OrderSnapshot:
    return people.order(number, people.customer(buyer), 5000, referral_code=code, **changed)


def test_a_code_is_made_once_and_is_easy_to_read(desk: Desk, code: str) -> None:
    anna = desk.customer_id(1)
    with desk.work() as work:
        assert referral.code_of(work, anna) == code
        assert referral.known_code(work, anna) == code
    name, _, signs = code.partition("-")
    assert (name, len(signs)) == ("ANNA", 4)
    assert not set(signs) & set("0O1IL2Z5S8BU")


def test_a_friend_s_first_order_rewards_the_advocate_and_makes_them_one(
    desk: Desk, above: Superuser, code: str
) -> None:
    assert stage(desk) == "acquired"
    desk.settle(brought(code))
    assert verdicts(desk, above) == {"#2": "friend"}
    assert above.run(AWARDS, desk.shop.shop_id) == [("award", 200)]
    assert desk.balance(1).points == 300
    assert desk.balance(2).points == 50
    assert stage(desk) == "advocate"
    assert desk.faults() == []


def test_a_code_is_known_in_whatever_case_it_was_typed(desk: Desk, above: Superuser, code: str) -> None:
    with desk.work() as work:
        assert referral.offer(work).title == "5.00 USD off a first order"


def _summed(entries: list[tuple[Any, ...]]) -> dict[str, int]:
    """Points by kind of entry."""
    summed = dict[str, int]()
    for kind, points in entries:
        summed[kind] = summed.get(kind, 0) + points
    return summed


def test_rewards_follow_the_verdict_both_ways_many_times(desk: Desk, above: Superuser, code: str) -> None:
    invited = brought(code)
    earlier = people.order(3, people.customer(2), 1000, placed_at=START - timedelta(days=1))
    desk.settle(invited)
    for turn in range(1, 7):
        # An earlier order becomes known, and is cancelled; again and again.
        desk.settle(people.later(earlier, 60 * turn, cancelled_at=None if turn % 2 else START))
        assert verdicts(desk, above) == {"#2": "not_first" if turn % 2 else "friend"}
        assert desk.balance(1).points == (100 if turn % 2 else 300)
        assert stage(desk) == ("acquired" if turn % 2 else "advocate")
    assert above.run(AWARDS, desk.shop.shop_id) == [("award", 200), *[("award_back", -200), ("award", 200)] * 3]
    assert desk.faults() == []


@pytest.mark.parametrize(
    "changed, verdict",
    [
        ({"cancelled_at": START}, "not_counted"),
        ({"paid": False}, "not_counted"),
        ({"test": True}, "not_counted"),
        ({"customer": None}, "guest"),
        ({"customer": people.customer(1)}, "own_code"),
    ],
)
def test_an_order_that_turns_out_not_to_be_a_friend_s_takes_the_reward_back(
    desk: Desk, above: Superuser, code: str, changed: dict[str, Any], verdict: str
) -> None:
    invited = brought(code)
    desk.settle(invited)
    desk.settle(people.later(invited, **changed))
    assert verdicts(desk, above) == {"#2": verdict}
    # Out of more than one lot where the order, and with it what it earned, is the advocate's own now.
    assert _summed(above.run(AWARDS, desk.shop.shop_id)) == {"award": 200, "award_back": -200}
    desk.settle(people.later(invited, 120))
    assert verdicts(desk, above) == {"#2": "friend"}
    assert desk.balance(1).points == 300
    assert stage(desk) == "advocate"
    assert desk.faults() == []


def test_two_orders_of_a_friend_reward_once_whichever_comes_first_to_us(
    desk: Desk, above: Superuser, code: str
) -> None:
    first, second = brought(code), brought(code, 3, placed_at=START + timedelta(hours=1))
    desk.settle(second)
    assert verdicts(desk, above) == {"#3": "friend"}
    desk.settle(first)
    assert verdicts(desk, above) == {"#2": "friend", "#3": "not_first"}
    assert desk.balance(1).points == 300
    assert desk.faults() == []


def test_advocates_who_invite_each_other_are_judged_by_first_orders_only(
    desk: Desk, above: Superuser, code: str
) -> None:
    desk.settle(brought(code))
    bo = desk.customer_id(2)
    with desk.work() as work:
        his = referral.code_of(work, bo)
    desk.settle(brought(his, 4, buyer=1))
    assert verdicts(desk, above) == {"#2": "friend", "#4": "not_first"}
    assert desk.balance(2).points == 50


def test_an_unknown_code_attributes_nothing(desk: Desk, above: Superuser, code: str) -> None:
    desk.settle(brought("KKKKKKKK"))
    assert verdicts(desk, above) == {}


def test_a_discount_code_that_was_claimed_speaks_louder_than_a_link(desk: Desk, above: Superuser, code: str) -> None:
    desk.settle(people.order(3, people.customer(3)))
    chiara = desk.customer_id(3)
    with desk.work() as work:
        offer = referral.claim(work, referral.code_of(work, chiara), "bo@example.com", SECRET)
    desk.settle(replace(brought(code), discount_codes=(str(offer.code),)))
    assert desk.balance(1).points == 100
    assert desk.balance(3).points == 250


# --- claims


def test_a_claim_keeps_no_address_and_asks_the_store_for_a_code(desk: Desk, above: Superuser, code: str) -> None:
    with desk.work() as work:
        offer = referral.claim(work, code.lower(), "  Bo@Example.com ", SECRET)
    assert (offer.title, offer.minimum_minor, offer.currency) == ("5.00 USD off a first order", 2000, "USD")
    ends_at = START + timedelta(days=30)
    assert above.run(CLAIMS, desk.shop.shop_id) == [(offer.code, START, ends_at, 32, 1)]
    ((body,),) = above.run("SELECT body FROM effects WHERE shop_id = %s AND kind = 'discount'", desk.shop.shop_id)
    assert (body["code"], body["amount_minor"], body["minimum_minor"], body["customer_external_id"]) == (
        offer.code, 500, 2000, None,
    )  # fmt: skip
    everything = "".join(str(above.run(f"SELECT * FROM {table}")) for table in ("claims", "effects", "attributions"))
    assert "example.com" not in everything.lower()


def test_claiming_again_answers_with_the_first_code(desk: Desk, above: Superuser, code: str) -> None:
    offers = []
    for address in ("bo@example.com", "BO@example.com", " bo@example.com"):
        with desk.work() as work:
            offers.append(referral.claim(work, code, address, SECRET).code)
    assert len(set(offers)) == 1
    assert above.one("SELECT count(*) FROM effects WHERE shop_id = %s AND kind = 'discount'", desk.shop.shop_id) == 1


@pytest.mark.races
def test_claims_of_one_friend_at_once_make_one_code(desk: Desk, above: Superuser, code: str) -> None:
    start = threading.Barrier(6)

    def claim(number: int) -> str | None:
        start.wait(60)
        with desk.work() as work:
            return referral.claim(work, code, "bo@example.com", SECRET).code

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(claim, range(6)))) == 1
    assert above.one("SELECT count(*) FROM claims WHERE shop_id = %s", desk.shop.shop_id) == 1


@pytest.mark.races
def test_a_customer_who_asks_at_once_in_two_windows_gets_one_code(desk: Desk, code: str) -> None:
    desk.settle(people.order(2, people.customer(2)))
    bo, start = desk.customer_id(2), threading.Barrier(4)

    def ask(number: int) -> str:
        start.wait(60)
        with desk.work() as work:
            return referral.code_of(work, bo)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1


def refused(desk: Desk, above: Superuser, deed: Callable[[], object], refusal: type[Exception]) -> None:
    before = above.rows_of(desk.shop.shop_id)
    with pytest.raises(refusal):
        deed()
    assert above.rows_of(desk.shop.shop_id) == before


@pytest.mark.parametrize(
    "address",
    ["", "bo", "bo@", "@example.com", "bo@example", "b o@example.com", "bo@exa mple.com", "a@b.c" + "d" * 300],
)
def test_what_is_no_address_is_refused_and_nothing_is_written(
    desk: Desk, above: Superuser, code: str, address: str
) -> None:
    def claim() -> None:
        with desk.work() as work:
            referral.claim(work, code, address, SECRET)

    refused(desk, above, claim, referral.NotAnAddress)


def test_ones_own_code_is_refused_and_nothing_is_written(desk: Desk, above: Superuser, code: str) -> None:
    def claim() -> None:
        with desk.work() as work:
            referral.claim(work, code, "anna@example.com", SECRET, desk.customer_id(1))

    refused(desk, above, claim, referral.OwnCode)


def test_an_unknown_code_is_refused_and_nothing_is_written(desk: Desk, above: Superuser, code: str) -> None:
    def claim() -> None:
        with desk.work() as work:
            referral.claim(work, "KKKKKKKK", "bo@example.com", SECRET)

    refused(desk, above, claim, referral.CodeUnknown)


def test_the_neighbour_s_code_is_unknown_here(desk: Desk, above: Superuser, neighbour: Any) -> None:
    theirs = above.one("SELECT code FROM referral_codes WHERE shop_id = %s", neighbour.shop_id)
    with desk.work() as work, pytest.raises(referral.CodeUnknown):
        referral.claim(work, theirs, "bo@example.com", SECRET)
