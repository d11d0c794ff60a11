"""Many at once: the same points are spent by one of them only, and the chain of a shop has one end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import loyalty
from commerce.refusal import Refusal
from loyalty import Click, NotEnoughPoints, RewardUnknown
from plugin.storefront.till import Till
from tests import people
from tests.ground import Clock, Desk, Superuser

pytestmark = pytest.mark.races

SHOPPERS = 20


def together(many: int, press: Callable[[int], Any]) -> list[Any]:
    """What `press` answers or refuses with, pressed by so many threads at the same moment."""
    ready = threading.Barrier(many)

    def one(number: int) -> Any:
        ready.wait(60)
        try:
            return press(number)
        except Refusal as no:
            return no

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(one, range(many)))


@pytest.fixture
def rich(desk: Desk, clock: Clock) -> Desk:
    """Each of twenty customers has 100 points to spend."""
    desk.settle(*(people.order(number, people.customer(number), 10_000) for number in range(1, SHOPPERS + 1)))
    clock.forward(days=15)
    return desk


def click(desk: Desk, number: int, key: str = "a click", reward: str = "five-off") -> Click:
    return Click(desk.customer_id(number), str(1000 + number), reward, key)


@pytest.mark.parametrize("tills", [1, 4, SHOPPERS])
def test_of_twenty_who_spend_the_same_points_one_does(rich: Desk, above: Superuser, tills: int) -> None:
    """At one till, and at the tills of several processes."""
    doors = [Till(rich.database) for _ in range(tills)]
    clicks = [click(rich, 1, f"click {number}") for number in range(SHOPPERS)]
    answers = together(SHOPPERS, lambda n: doors[n % tills].buy(rich.shop.shop_id, clicks[n]))
    bought = [answer for answer in answers if not isinstance(answer, Refusal)]
    assert len(bought) == 1
    assert {type(answer) for answer in answers if isinstance(answer, Refusal)} == {NotEnoughPoints}
    found = rich.balance(1)
    assert (found.points, found.held, len(found.redemptions)) == (0, 100, 1)
    codes = above.run("SELECT key FROM effects WHERE shop_id = %s AND kind = 'discount'", rich.shop.shop_id)
    assert codes == [(bought[0].code,)]
    assert rich.faults() == []


def test_a_click_sent_twenty_times_at_once_buys_once(rich: Desk) -> None:
    till, same = Till(rich.database), click(rich, 1)
    answers = together(SHOPPERS, lambda _: till.buy(rich.shop.shop_id, same))
    assert len({answer.redemption_id for answer in answers}) == 1
    assert len(rich.balance(1).redemptions) == 1


def test_everybody_who_presses_at_once_gets_an_answer_of_their_own(rich: Desk) -> None:
    till = Till(rich.database)
    clicks = [click(rich, number, reward="five-off" if number % 4 else "gone") for number in range(1, SHOPPERS + 1)]
    answers = together(SHOPPERS, lambda n: till.buy(rich.shop.shop_id, clicks[n]))
    for asked, answer in zip(clicks, answers, strict=True):
        if asked.reward_key == "gone":
            assert isinstance(answer, RewardUnknown)
        else:
            assert answer.customer_id == asked.customer_id
    assert rich.faults() == []


def test_one_whose_purchase_cannot_be_booked_holds_up_nobody(rich: Desk, above: Superuser) -> None:
    """The database itself refuses one of them: all of them together fail, and the others are booked alone."""
    till, bad = Till(rich.database), click(rich, 3)
    above.run(f"ALTER TABLE redemptions ADD CONSTRAINT not_three CHECK (customer_id <> {bad.customer_id}) NOT VALID")
    clicks = [click(rich, number) for number in range(1, SHOPPERS + 1)]

    def press(number: int) -> Any:
        try:
            return till.buy(rich.shop.shop_id, clicks[number])
        except Exception as failed:
            return type(failed).__name__

    try:
        answers = together(SHOPPERS, press)
    finally:
        above.run("ALTER TABLE redemptions DROP CONSTRAINT not_three")
    assert [n + 1 for n, answer in enumerate(answers) if isinstance(answer, str)] == [3]
    assert rich.balance(3).points == 100
    assert rich.balance(4).points == 0
    assert rich.faults() == []
    assert till.buy(rich.shop.shop_id, bad).customer_id == bad.customer_id


def test_orders_and_purchases_at_once_leave_one_chain(rich: Desk, above: Superuser) -> None:
    """Transactions that end at the same moment take their places one behind the other."""
    people_of = {number: rich.customer_id(number) for number in range(1, SHOPPERS + 1)}

    def work(number: int) -> Any:
        if number % 2:
            rich.settle(people.order(100 + number, people.customer(number), 5000))
        else:
            with rich.work() as open_work:
                loyalty.redeem(open_work, people_of[number + 1], str(1001 + number), "five-off", "a click")

    together(SHOPPERS, work)
    links = above.run("SELECT seq, entries FROM ledger_links WHERE shop_id = %s ORDER BY seq", rich.shop.shop_id)
    assert [seq for seq, _ in links] == list(range(1, SHOPPERS + 2))
    assert sum(entries for _, entries in links) == SHOPPERS + 10 + 20
    assert rich.faults() == []
