"""Rewards with a choice, a stock, or the shop itself behind them."""

from __future__ import annotations

from typing import Any

import pytest

import loyalty
from loyalty import rules
from loyalty.rules import Reward
from tests import people
from tests.ground import Clock, Desk, Superuser

EFFECTS = "SELECT kind, body ->> 'amount_minor', body ->> 'minimum_minor' FROM effects WHERE shop_id = %s AND key = %s"


def offer(desk: Desk, *rewards: dict[str, Any]) -> None:
    with desk.work() as work:
        titled = [{"key": "one", "title": "One", "points": 100} | reward for reward in rewards]
        loyalty.publish(work, rules.proposal("USD") | {"rewards": titled})


def redeem(desk: Desk, number: int = 1, steps: int = 1, click: str = "click") -> Any:
    customer_id = desk.customer_id(number)
    with desk.work() as work:
        return loyalty.redeem(work, customer_id, str(1000 + number), "one", click, steps)


@pytest.fixture
def rich(desk: Desk, clock: Clock) -> Desk:
    """Three customers with 1,000 points each to spend."""
    desk.settle(*(people.order(n, people.customer(n), 100_000) for n in (1, 2, 3)))
    clock.forward(days=15)
    return desk


@pytest.mark.parametrize(
    "wrong, mistake",
    [
        ({"amount_minor": 5, "stock": -1}, "there are as many of it as its stock says, or 0 for no end of them"),
        ({"amount_minor": 5, "most_steps": 0}, "a shopper buys from 1 to 100 of it as one"),
        ({"kind": "percentage", "percent": 5, "most_steps": 2},
         "only what is worth an amount can be bought as several of it"),
        ({"amount_minor": 10**11, "most_steps": 100}, "so many of it are worth more than any order"),
        ({"amount_minor": 5, "most_share": 101},
         "its share of a basket goes from 1 to 100 percent, or is 0 for no matter"),
        ({"kind": "gift_card", "amount_minor": 5, "most_share": 50},
         "only an amount off an order has a share of the basket that it may take"),
        ({"amount_minor": 5, "most_share": 50, "minimum_quantity": 2},
         "its share of a basket is kept by a least spend, and it asks for pieces: the store takes only one of them"),
        ({"kind": "custom", "amount_minor": 5},
         "what it is worth stands in its title: it names no amount and no percentage"),
    ],
)  # fmt: skip
def test_what_cannot_be_offered_is_told_in_a_sentence(wrong: dict[str, Any], mistake: str) -> None:
    reward = Reward.read({"key": "one", "title": "One", "points": 100} | wrong)
    assert mistake in list(reward.mistakes())


def test_a_shopper_chooses_how_much_and_the_basket_must_be_large_enough(rich: Desk, above: Superuser) -> None:
    offer(rich, {"amount_minor": 500, "most_steps": 5, "most_share": 30, "minimum_minor": 2000})
    bought = redeem(rich, steps=3)
    assert (bought.points, bought.reward["amount_minor"]) == (300, 1500)
    # 15.00 are 30 % of 50.00; one cent of it less would let it take more.
    assert above.run(EFFECTS, rich.shop.shop_id, bought.code) == [("discount", "1500", "5000")]
    assert (rich.balance().spendable, rich.balance().held) == (700, 300)
    small = redeem(rich, 2)
    assert above.run(EFFECTS, rich.shop.shop_id, small.code) == [("discount", "500", "2000")]
    assert rich.faults() == []


@pytest.mark.parametrize("steps", [0, -1, 6, 10**6])
def test_so_much_at_once_is_refused_and_nothing_is_written(rich: Desk, steps: int) -> None:
    offer(rich, {"amount_minor": 500, "most_steps": 5})
    with pytest.raises(loyalty.WrongSteps):
        redeem(rich, steps=steps)
    assert (rich.balance().spendable, rich.balance().redemptions) == (1000, [])


def test_the_least_spend_of_a_share_is_rounded_up() -> None:
    reward = Reward("one", "One", 100, amount_minor=100, most_share=33)
    assert reward.of_steps(1).minimum_minor == 304, "33 % of 3.03 are 0.99, which is less than the reward takes"


def test_of_a_stock_no_more_is_sold_than_there_is_and_what_comes_back_is_sold_again(rich: Desk, clock: Clock) -> None:
    offer(rich, {"amount_minor": 500, "stock": 2})
    redeem(rich, 1)
    redeem(rich, 2)
    assert rich.balance(3).sold_out == {"one"}
    with pytest.raises(loyalty.RewardSoldOut):
        redeem(rich, 3)
    assert (rich.balance(3).spendable, rich.balance(3).redemptions) == (1000, [])
    clock.forward(days=32)
    rich.release()
    assert rich.balance(3).sold_out == frozenset()
    redeem(rich, 3)
    assert rich.faults() == []


def test_a_custom_reward_asks_the_store_for_nothing_and_waits_for_the_shop(
    rich: Desk, above: Superuser, clock: Clock
) -> None:
    offer(rich, {"kind": "custom", "code_days": 7})
    bought = redeem(rich)
    assert above.run(EFFECTS, rich.shop.shop_id, bought.code) == []
    clock.forward(days=60)
    rich.release()
    assert (rich.balance().held, rich.balance().points) == (100, 900), "no time that passes hands it over"
    with rich.work() as work:
        assert [row.redemption_id for row in loyalty.to_hand_over(work)] == [bought.redemption_id]
        loyalty.handed_over(work, bought.redemption_id)
        assert loyalty.to_hand_over(work) == []
    assert (rich.balance().held, rich.balance().points) == (0, 900)
    assert rich.balance().redemptions[0].outcome == "used"
    with pytest.raises(loyalty.NothingToHandOver), rich.work() as work:
        loyalty.handed_over(work, bought.redemption_id)
    assert rich.faults() == []


def test_what_the_shop_cannot_hand_over_gives_its_points_back(rich: Desk) -> None:
    offer(rich, {"kind": "custom"})
    bought = redeem(rich)
    with rich.work() as work:
        loyalty.handed_over(work, bought.redemption_id, "broken in the post")
    assert (rich.balance().held, rich.balance().points) == (0, 1000)
    row = rich.balance().redemptions[0]
    assert (row.outcome, row.refusal) == ("the shop could not hand it over", "broken in the post")
    assert rich.faults() == []


def test_a_custom_reward_that_the_shop_got_back_gives_its_points_back(rich: Desk) -> None:
    offer(rich, {"kind": "custom"})
    bought = redeem(rich)
    with rich.work() as work:
        loyalty.handed_over(work, bought.redemption_id)
        loyalty.take_back(work, bought.redemption_id)
    assert (rich.balance().held, rich.balance().points) == (0, 1000)
    assert rich.faults() == []


def test_only_what_the_shop_hands_over_can_be_noted_as_handed_over(rich: Desk) -> None:
    offer(rich, {"amount_minor": 500})
    bought = redeem(rich)
    with pytest.raises(loyalty.NothingToHandOver), rich.work() as work:
        loyalty.handed_over(work, bought.redemption_id)
    with pytest.raises(loyalty.NothingToHandOver), rich.work() as work:
        loyalty.handed_over(work, 10**15)
