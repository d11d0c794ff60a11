"""Touches: what a browser says of where a checkout came from. A hint for an order that names nobody; never a reward."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import referral
from commerce.orders import OrderSnapshot
from referral.service.attributing import TOUCH_KEPT, TOUCHES_A_MINUTE
from tests import people
from tests.ground import START, Clock, Desk, Superuser

CHECKOUT = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
VERDICTS = """
    SELECT o.name, a.verdict FROM attributions a JOIN orders o USING (shop_id, order_id)
    WHERE a.shop_id = %s ORDER BY o.name
"""
AWARDS = "SELECT points FROM entries WHERE shop_id = %s AND kind IN ('award', 'award_back') ORDER BY entry_id"
TOUCHES = "SELECT count(*) FROM touches WHERE shop_id = %s"


@pytest.fixture
def code(desk: Desk) -> str:
    """Anna's referral code; she has ordered once."""
    desk.settle(people.order(1, people.customer(1), 10_000, placed_at=START - timedelta(days=40)))
    anna = desk.customer_id(1)
    with desk.work() as work:
        return referral.code_of(work, anna)


def touch(desk: Desk, code: str, token: str = CHECKOUT, order: str | None = None) -> None:
    with desk.work() as work:
        referral.touch(work, code, token, order)


def bought(number: int = 2, buyer: int = 2, **changed: Any) -> OrderSnapshot:
    return people.order(number, people.customer(buyer), 5000, **({"checkout_token": CHECKOUT} | changed))


def verdicts(desk: Desk, above: Superuser) -> list[tuple[str, str]]:
    return above.run(VERDICTS, desk.shop.shop_id)


def awards(desk: Desk, above: Superuser) -> list[int]:
    return [row[0] for row in above.run(AWARDS, desk.shop.shop_id)]


def test_a_touch_by_itself_awards_nothing(desk: Desk, above: Superuser, code: str) -> None:
    touch(desk, code)
    assert above.one(TOUCHES, desk.shop.shop_id) == 1
    assert verdicts(desk, above) == []
    assert awards(desk, above) == []


def test_an_order_whose_checkout_was_touched_is_its_advocate_s_doing(desk: Desk, above: Superuser, code: str) -> None:
    touch(desk, code.lower())
    desk.settle(bought())
    assert verdicts(desk, above) == [("#2", "friend")]
    assert awards(desk, above) == [200]
    desk.settle(bought(updated_at=START + timedelta(minutes=1)))
    assert awards(desk, above) == [200]


def test_a_touch_that_comes_after_its_order_counts_as_much(desk: Desk, above: Superuser, code: str) -> None:
    desk.settle(bought())
    touch(desk, code, order="5002")
    assert verdicts(desk, above) == [("#2", "friend")]
    assert awards(desk, above) == [200]


def test_a_late_touch_that_names_no_order_counts_with_the_order_s_next_change(
    desk: Desk, above: Superuser, code: str
) -> None:
    desk.settle(bought())
    touch(desk, code)
    assert verdicts(desk, above) == []
    desk.settle(bought(updated_at=START + timedelta(hours=1)))
    assert verdicts(desk, above) == [("#2", "friend")]


def test_whoever_names_an_order_must_know_its_checkout(desk: Desk, above: Superuser, code: str) -> None:
    desk.settle(bought())
    touch(desk, code, "0" * 32, "5002")
    desk.settle(bought(updated_at=START + timedelta(hours=1)))
    assert verdicts(desk, above) == []
    assert awards(desk, above) == []


def test_what_an_order_says_itself_is_stronger_than_a_touch(desk: Desk, above: Superuser, code: str) -> None:
    desk.settle(people.order(3, people.customer(3), 10_000, placed_at=START - timedelta(days=40)))
    chiara = desk.customer_id(3)
    with desk.work() as work:
        other = referral.code_of(work, chiara)
    touch(desk, code)
    desk.settle(bought(referral_code=other))
    advocates = above.run("SELECT advocate_id FROM attributions WHERE shop_id = %s", desk.shop.shop_id)
    assert advocates == [(chiara,)]


def test_the_first_word_about_a_checkout_stands(desk: Desk, above: Superuser, code: str) -> None:
    desk.settle(people.order(3, people.customer(3), 10_000, placed_at=START - timedelta(days=40)))
    with desk.work() as work:
        other = referral.code_of(work, desk.customer_id(3))
    touch(desk, code)
    touch(desk, other)
    desk.settle(bought())
    advocates = above.run("SELECT advocate_id FROM attributions WHERE shop_id = %s", desk.shop.shop_id)
    assert advocates == [(desk.customer_id(1),)]


@pytest.mark.parametrize(
    "changed,verdict",
    [({"customer": None}, "guest"), ({"paid": False}, "not_counted"), ({"test": True}, "not_counted")],
)
def test_a_touched_order_is_judged_like_every_other(
    desk: Desk, above: Superuser, code: str, changed: dict[str, Any], verdict: str
) -> None:
    touch(desk, code)
    desk.settle(bought(**changed))
    assert verdicts(desk, above) == [("#2", verdict)]
    assert awards(desk, above) == []


def test_nobody_invites_themselves_by_a_touch(desk: Desk, above: Superuser, code: str) -> None:
    touch(desk, code)
    desk.settle(bought(buyer=1))
    assert verdicts(desk, above) == [("#2", "own_code")]
    assert awards(desk, above) == []


def test_a_touch_of_another_day_is_of_another_checkout(desk: Desk, above: Superuser, code: str) -> None:
    touch(desk, code)
    desk.settle(bought(placed_at=START - timedelta(days=1, seconds=1)))
    assert verdicts(desk, above) == []


def test_an_unknown_code_is_not_kept(desk: Desk, above: Superuser, code: str) -> None:
    touch(desk, "NOSUCHCODE")
    assert above.one(TOUCHES, desk.shop.shop_id) == 0


def test_a_flood_is_cut_off_and_ends_with_its_minute(desk: Desk, above: Superuser, clock: Clock, code: str) -> None:
    for number in range(TOUCHES_A_MINUTE + 5):
        touch(desk, code, f"{number:032x}")
    assert above.one(TOUCHES, desk.shop.shop_id) == TOUCHES_A_MINUTE
    clock.forward(seconds=61)
    touch(desk, code)
    assert above.one(TOUCHES, desk.shop.shop_id) == TOUCHES_A_MINUTE + 1


def test_touches_are_forgotten(desk: Desk, above: Superuser, clock: Clock, code: str) -> None:
    touch(desk, code)
    clock.forward(days=TOUCH_KEPT.days)
    with desk.work() as work:
        referral.purge_touches(work)
    assert above.one(TOUCHES, desk.shop.shop_id) == 1
    clock.forward(seconds=1)
    with desk.work() as work:
        referral.purge_touches(work)
    assert above.one(TOUCHES, desk.shop.shop_id) == 0


def test_a_checkout_s_token_is_kept_when_a_later_word_lacks_it(desk: Desk, above: Superuser, code: str) -> None:
    desk.settle(bought())
    desk.settle(bought(checkout_token=None, updated_at=START + timedelta(minutes=5)))
    assert above.one("SELECT checkout_token FROM orders WHERE shop_id = %s AND name = '#2'", desk.shop.shop_id) == (
        CHECKOUT
    )
