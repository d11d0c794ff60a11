"""A redemption's life: held, issued, used; or refused, unused or cancelled, and its points back with the customer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

import loyalty
from commerce.orders import OrderSnapshot
from commerce.store import PutDiscount, StoreError
from engine import terms
from loyalty.rules import LATE_ORDERS, proposal
from tests import people
from tests.ground import START, Clock, Desk, Superuser

LONG_AGO = START - timedelta(days=30)
MOVES = """
    SELECT account, kind, points FROM entries WHERE shop_id = %s AND redemption_id IS NOT NULL ORDER BY entry_id
"""
REDEMPTION = "SELECT points, outcome, issued_at, refused_at, refusal FROM redemptions WHERE shop_id = %s"
CODES = (
    "SELECT body->>'code', (body->>'active')::boolean, version FROM effects WHERE shop_id = %s AND kind = 'discount'"
)


@pytest.fixture
def rich(desk: Desk) -> Desk:
    """A shop in which Anna has 150 points to spend."""
    desk.settle(people.order(1, people.customer(), 15_000, placed_at=LONG_AGO))
    return desk


def figures(desk: Desk) -> tuple[int, int, int, int]:
    found = desk.balance()
    return found.points, found.spendable, found.held, found.debt


def moves(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    return above.run(MOVES, desk.shop.shop_id)


def outcome(desk: Desk, above: Superuser) -> Any:
    ((_, found, *_),) = above.run(REDEMPTION, desk.shop.shop_id)
    return found


def told(desk: Desk, code: str, error: StoreError | None = None) -> None:
    """The store has answered about the code."""
    made = PutDiscount(code, "Perennial: 5.00 USD off", 500, "USD", START, START, "1001", 0, active=True)
    with desk.work() as work:
        loyalty.code_settled(work, made, error)


def order_with(code: str, number: int = 2, **changed: Any) -> OrderSnapshot:
    return people.order(number, people.customer(), 4000, discount_codes=(code,), placed_at=START, **changed)


HELD = [("points", "hold", -100), ("held", "hold", 100)]
RELEASED = [("held", "release", -100), ("points", "release", 100)]


def test_buying_a_reward_holds_its_points_and_asks_the_store_for_a_code(rich: Desk, above: Superuser) -> None:
    bought = rich.redeem()
    assert figures(rich) == (50, 50, 100, 0)
    assert moves(rich, above) == HELD
    ((key, body),) = above.run(
        "SELECT key, body FROM effects WHERE shop_id = %s AND kind = 'discount'", rich.shop.shop_id
    )
    assert key == bought.code
    assert body == {
        "code": bought.code,
        "title": "Perennial: 5.00 USD off",
        "amount_minor": 500,
        "currency": "USD",
        "starts_at": "2026-03-02T12:00:00+00:00",
        "ends_at": "2026-04-01T12:00:00+00:00",
        "customer_external_id": "1001",
        "minimum_minor": 0,
        "active": True,
        "takes": "amount",
        "percent": 0,
        "most_shipping_minor": None,
        "minimum_quantity": 0,
        "goods": {"products": [], "variants": [], "collections": []},
        "combines": {"orders": False, "products": False, "shipping": False},
        "customer_email": None,
    }
    assert len(bought.code) == len("P-") + 18
    assert rich.faults() == []


def test_a_code_that_was_issued_and_used_costs_its_points_for_good(rich: Desk, above: Superuser, clock: Clock) -> None:
    bought = rich.redeem()
    told(rich, bought.code)
    assert above.run(REDEMPTION, rich.shop.shop_id) == [(100, None, START, None, None)]
    used = order_with(bought.code)
    rich.settle(used)
    rich.settle(people.later(used))
    assert moves(rich, above) == [*HELD, ("held", "spend", -100)]
    assert outcome(rich, above) == "used"
    assert figures(rich) == (90, 50, 0, 0)
    clock.forward(days=60)
    rich.release()
    assert figures(rich) == (90, 90, 0, 0)
    assert rich.faults() == []


def test_a_code_that_the_store_refuses_gives_the_points_back(rich: Desk, above: Superuser) -> None:
    bought = rich.redeem()
    told(rich, bought.code, StoreError("Code must be unique", permanent=True))
    assert above.run(REDEMPTION, rich.shop.shop_id) == [
        (100, "the store refused the code", None, START, "Code must be unique")
    ]
    assert moves(rich, above) == [*HELD, *RELEASED]
    assert figures(rich) == (150, 150, 0, 0)
    told(rich, bought.code, StoreError("Code must be unique", permanent=True))
    assert figures(rich) == (150, 150, 0, 0)
    assert rich.faults() == []


def test_a_code_that_dies_unused_gives_the_points_back_a_day_later_and_is_switched_off(
    rich: Desk, above: Superuser, clock: Clock
) -> None:
    bought = rich.redeem()
    told(rich, bought.code)
    clock.now = START + timedelta(days=30) + LATE_ORDERS - timedelta(seconds=1)
    rich.release()
    assert figures(rich) == (50, 50, 100, 0)
    assert above.run(CODES, rich.shop.shop_id) == [(bought.code, True, 1)]
    clock.forward(seconds=1)
    rich.release()
    assert figures(rich) == (150, 150, 0, 0)
    assert moves(rich, above) == [*HELD, *RELEASED]
    assert outcome(rich, above) == "the code was not used"
    assert above.run(CODES, rich.shop.shop_id) == [(bought.code, False, 2)]
    rich.release()
    assert moves(rich, above) == [*HELD, *RELEASED]
    assert rich.faults() == []


def test_a_code_used_after_its_points_were_released_is_paid_after_all_even_into_debt(
    rich: Desk, above: Superuser, clock: Clock
) -> None:
    first = rich.redeem()
    clock.forward(days=40)
    rich.release()
    rich.redeem(request_key="click-2")
    assert figures(rich) == (50, 50, 100, 0)
    rich.settle(order_with(first.code))
    assert figures(rich) == (-10, 0, 100, 10), "50 were left, the order itself brought 40, and 10 are owed"
    assert rich.faults() == []


def test_a_debt_is_repaid_by_the_next_lot(rich: Desk, clock: Clock) -> None:
    first = rich.redeem()
    clock.forward(days=40)
    rich.release()
    rich.redeem(request_key="click-2")
    rich.settle(order_with(first.code, paid=False))
    assert figures(rich) == (-50, 0, 100, 50)
    rich.settle(people.order(3, people.customer(), 3000, placed_at=START))
    assert figures(rich) == (-20, 0, 100, 20)
    rich.settle(people.order(4, people.customer(), 3000, placed_at=START))
    assert figures(rich) == (10, 10, 100, 0)
    assert rich.faults() == []


def test_an_order_with_the_code_that_is_cancelled_gives_the_points_back_and_switches_the_code_off(
    rich: Desk, above: Superuser
) -> None:
    bought = rich.redeem()
    used = order_with(bought.code)
    rich.settle(used)
    rich.settle(people.later(used, cancelled_at=START))
    assert figures(rich) == (150, 150, 0, 0)
    assert outcome(rich, above) == "the order was cancelled"
    assert above.run(CODES, rich.shop.shop_id) == [(bought.code, False, 2)]
    assert rich.faults() == []


def test_a_cancelled_order_that_is_reopened_has_used_the_code_again(rich: Desk, above: Superuser) -> None:
    used = order_with(rich.redeem().code, paid=False)
    for step in range(5):
        rich.settle(people.later(used, 60 * step, cancelled_at=START if step % 2 else None))
        assert figures(rich) == ((150, 150, 0, 0) if step % 2 else (50, 50, 0, 0))
        assert outcome(rich, above) == ("the order was cancelled" if step % 2 else "used")
    assert rich.faults() == []


# --- refusals write nothing


def nothing_written(desk: Desk, above: Superuser, deed: Callable[[], object], refusal: type[Exception]) -> None:
    before = above.rows_of(desk.shop.shop_id)
    with pytest.raises(refusal):
        deed()
    assert above.rows_of(desk.shop.shop_id) == before


def test_too_few_points_are_refused_and_nothing_is_written(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(), 9999, placed_at=LONG_AGO))
    nothing_written(desk, above, desk.redeem, loyalty.NotEnoughPoints)
    assert figures(desk) == (99, 99, 0, 0)


def test_points_still_on_hold_are_not_spent(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(), 15_000))
    clock.now = START + timedelta(days=14) - timedelta(seconds=1)
    nothing_written(desk, above, desk.redeem, loyalty.NotEnoughPoints)
    clock.forward(seconds=1)
    assert desk.redeem().points == 100


def test_a_customer_in_debt_cannot_spend_what_they_owe(rich: Desk, above: Superuser, clock: Clock) -> None:
    first = people.order(1, people.customer(), 15_000, placed_at=LONG_AGO)
    rich.redeem()
    rich.settle(people.later(first, cancelled_at=START))
    rich.settle(people.order(3, people.customer(), 19_900, placed_at=LONG_AGO))
    assert figures(rich) == (99, 99, 100, 0)
    nothing_written(rich, above, lambda: rich.redeem(request_key="click-2"), loyalty.NotEnoughPoints)


def test_a_reward_that_is_not_offered_is_refused_and_nothing_is_written(rich: Desk, above: Superuser) -> None:
    nothing_written(rich, above, lambda: rich.redeem(reward="ten-off"), loyalty.RewardUnknown)
    assert figures(rich) == (150, 150, 0, 0)
    assert rich.balance().redemptions == []


def test_a_redemption_ends_by_the_terms_that_sold_it(rich: Desk, above: Superuser, clock: Clock) -> None:
    rich.redeem()
    with rich.work() as work:
        dearer = proposal("USD")
        dearer["rewards"][0]["points"] = 150
        terms.publish(work, loyalty.DOMAIN, dearer)
    clock.forward(days=40)
    rich.release()
    assert figures(rich) == (150, 150, 0, 0)
    assert above.run("SELECT DISTINCT terms_version FROM entries WHERE shop_id = %s", rich.shop.shop_id) == [(1,)]


# --- races


def test_what_can_still_be_used_is_shown_however_much_came_after_it(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(), 1_000_000, placed_at=LONG_AGO))
    who = desk.customer_id()

    def buy(many: int, named: str) -> list[int]:
        with desk.work() as work:
            return [loyalty.redeem(work, who, "1001", "five-off", f"{named}-{n}").redemption_id for n in range(many)]

    kept = buy(3, "kept")
    given = buy(1, "card")
    card = "UPDATE redemptions SET outcome = 'used', reward = reward || %s WHERE shop_id = %s AND redemption_id = %s"
    above.run(card, '{"kind": "gift_card"}', desk.shop.shop_id, given[0])
    refused = buy(22, "refused")
    for code in above.run("SELECT code FROM redemptions WHERE redemption_id = ANY(%s)", refused):
        told(desk, code[0], StoreError("no", permanent=True))
    assert [row.redemption_id for row in desk.balance().redemptions] == [*refused[:1:-1], *given, *kept[::-1]]
    clock.forward(days=40)
    assert [row.redemption_id for row in desk.balance().redemptions] == [*refused[:1:-1], *given]


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Run deeds in threads that start together; each answers with its result or its refusal."""
    start = threading.Barrier(len(deeds))

    def run(deed: Callable[[], Any]) -> Any:
        start.wait(60)
        try:
            return deed()
        except loyalty.NotEnoughPoints as refusal:
            return refusal

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


@pytest.mark.races
def test_two_who_spend_the_last_points_at_once_do_not_both_get_them(desk: Desk) -> None:
    rounds = range(1, 21)
    desk.settle(*(people.order(number, people.customer(number), 15_000, placed_at=LONG_AGO) for number in rounds))
    for number in rounds:
        answers = at_once(partial(desk.redeem, number, "one"), partial(desk.redeem, number, "two"))
        assert sum(isinstance(answer, loyalty.NotEnoughPoints) for answer in answers) == 1
        found = desk.balance(number)
        assert (found.points, found.held, found.debt, len(found.redemptions)) == (50, 100, 0, 1)
    assert desk.faults() == []


@pytest.mark.races
def test_one_click_that_arrives_many_times_at_once_buys_once(desk: Desk) -> None:
    rounds = range(1, 11)
    desk.settle(*(people.order(number, people.customer(number), 90_000, placed_at=LONG_AGO) for number in rounds))
    for number in rounds:
        answers = at_once(*[partial(desk.redeem, number, "the same click")] * 6)
        assert len({answer.redemption_id for answer in answers}) == 1
        found = desk.balance(number)
        assert (found.points, found.held, len(found.redemptions)) == (800, 100, 1)
    assert desk.faults() == []


@pytest.mark.races
def test_a_redemption_and_a_refund_at_once_leave_right_books(desk: Desk) -> None:
    for number in range(1, 11):
        placed = people.order(number, people.customer(number), 15_000, placed_at=LONG_AGO)
        desk.settle(placed)
        refunded = people.refunded(placed, people.refund(placed, number, 10_000))
        answers = at_once(partial(desk.redeem, number), partial(desk.settle, refunded))
        found = desk.balance(number)
        bought = not isinstance(answers[0], loyalty.NotEnoughPoints)
        expected = (-50, 100, 50) if bought else (50, 0, 0)
        assert (found.points, found.held, found.debt) == expected
    assert desk.faults() == []
