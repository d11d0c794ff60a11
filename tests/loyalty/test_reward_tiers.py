"""Rewards for members of certain tiers, and rewards that are the only one of their order."""

from __future__ import annotations

from typing import Any

import pytest

import loyalty
from engine import notes
from loyalty import rules
from loyalty.rules import Ladder, Reward, Terms
from tests import people
from tests.ground import Clock, Desk, Superuser

LEVELS = [
    {"key": "silver", "name": "Silver", "enter": 10_000, "keep": 10_000},
    {"key": "gold", "name": "Gold", "enter": 50_000, "keep": 50_000},
    {"key": "staff", "name": "Staff", "enter": 900_000, "keep": 900_000, "hidden": True},
]
LADDER = Ladder.read({"levels": LEVELS})
EFFECTS = "SELECT body ->> 'combines' FROM effects WHERE shop_id = %s AND key = %s"


def reward(key: str = "one", **more: Any) -> dict[str, Any]:
    return {"key": key, "title": key.capitalize(), "points": 100, "amount_minor": 500} | more


def offer(desk: Desk, *rewards: dict[str, Any]) -> None:
    with desk.work() as work:
        loyalty.publish(work, rules.proposal("USD") | {"rewards": list(rewards), "tiers": {"levels": LEVELS}})


@pytest.fixture
def members(desk: Desk, clock: Clock) -> Desk:
    """Customer 1 has no tier, 2 is silver, 3 is gold; each has points to spend."""
    offer(desk)
    clock.forward(hours=1)
    for number, goods in ((1, 9_900), (2, 30_000), (3, 60_000)):
        desk.settle(people.order(number, people.customer(number), goods, placed_at=clock()))
    clock.forward(days=15)
    return desk


@pytest.mark.parametrize(
    "said, tier, may",
    [
        ({}, None, True),
        ({"tiers": ["silver"]}, None, False),
        ({"tiers": ["silver"]}, "silver", True),
        ({"tiers": ["silver"]}, "gold", False),
        ({"tiers": ["silver", "gold"]}, "gold", True),
        ({"from_tier": "silver"}, None, False),
        ({"from_tier": "silver"}, "silver", True),
        ({"from_tier": "silver"}, "gold", True),
        ({"from_tier": "gold"}, "silver", False),
        ({"from_tier": "gold"}, "gone", False),
    ],
)
def test_a_reward_is_for_the_tiers_that_it_names(said: dict[str, Any], tier: str | None, may: bool) -> None:
    assert Reward.read(reward(**said)).is_for(tier, LADDER) is may


@pytest.mark.parametrize(
    "wrong, mistake",
    [
        ({"tiers": ["silver"], "from_tier": "gold"},
         "it is for certain tiers, or from a tier upwards: choose one of these"),
        ({"tiers": ["bronze"]}, "there is no tier 'bronze'"),
        ({"from_tier": "bronze"}, "there is no tier 'bronze'"),
        ({"alone": True, "combines": {"orders": True}},
         "the only reward of an order is combined with nothing: choose one of these"),
        ({"alone": True, "kind": "gift_card"},
         "what is handed over is used on no order: it cannot be the only reward of one"),
        ({"webhook": True}, "only a custom reward is handed over by your own system"),
    ],
)  # fmt: skip
def test_what_cannot_be_offered_is_told_in_a_sentence(wrong: dict[str, Any], mistake: str) -> None:
    terms = Terms.read(1, rules.proposal("USD") | {"rewards": [reward(**wrong)], "tiers": {"levels": LEVELS}})
    assert f"reward 'one': {mistake}" in rules.mistakes(terms)


@pytest.mark.parametrize(
    "nonsense", [{"tiers": "silver"}, {"tiers": [1]}, {"from_tier": 1}, {"alone": 1}, {"webhook": "yes"}]
)
def test_what_is_no_reward_is_not_read(nonsense: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of a reward"):
        Reward.read(reward(**nonsense))


def test_a_tier_that_a_reward_is_for_cannot_be_taken_away_under_it(members: Desk) -> None:
    offer(members, reward(from_tier="gold"))
    with pytest.raises(loyalty.TermsRefused, match="there is no tier 'gold'"), members.work() as work:
        loyalty.change(work, tiers={"levels": LEVELS[:1]})


def test_members_below_are_refused_with_a_sentence_and_nothing_is_written(members: Desk, above: Superuser) -> None:
    offer(members, reward(points=50, from_tier="silver"), reward("two", points=50, tiers=["gold"]))
    before = above.rows_of(members.shop.shop_id)
    for number, key, told in (
        (1, "one", "This reward is for members of Silver and Gold."), (2, "two", "This reward is for members of Gold."),
    ):  # fmt: skip
        with pytest.raises(loyalty.RewardOfTier) as refused:
            members.redeem(number, reward=key)
        assert refused.value.message == told
    assert above.rows_of(members.shop.shop_id) == before
    assert members.redeem(2, reward="one").points == members.redeem(3, reward="two").points == 50
    assert members.faults() == []


def test_a_member_who_fell_or_was_lowered_buys_it_no_more(members: Desk) -> None:
    offer(members, reward(from_tier="gold"))
    assert members.redeem(3, "before", "one").points == 100
    customer_id = members.customer_id(3)
    with members.work() as work:
        loyalty.set_tier(work, customer_id, "silver", until=None, reason="a mistake", made_by="staff 7")
    with pytest.raises(loyalty.RewardOfTier):
        members.redeem(3, "after", "one")


def test_shoppers_see_what_other_tiers_have_and_nothing_of_hidden_ones(members: Desk) -> None:
    offer(members, reward(), reward("two", tiers=["gold"]), reward("secret", tiers=["staff"]))
    shown = {number: members.balance(number) for number in (1, 3)}
    assert [r.key for r in shown[1].rewards] == [r.key for r in shown[3].rewards] == ["one", "two"]
    assert shown[1].closed == {
        "two": "This reward is for members of Gold.", "secret": "This reward is for members of another tier.",
    }  # fmt: skip
    assert set(shown[3].closed) == {"secret"}
    with members.work() as work:
        assert [r.key for r in loyalty.shown_to_all(loyalty.current_terms(work))] == ["one", "two"]
    customer_id = members.customer_id(1)
    with members.work() as work:
        loyalty.set_tier(work, customer_id, "staff", until=None, reason="works here", made_by="staff 7")
    assert [r.key for r in members.balance(1).rewards] == ["one", "two", "secret"]


def test_the_only_reward_of_an_order_is_combined_with_nothing(members: Desk, above: Superuser) -> None:
    offer(members, reward(alone=True))
    bought = members.redeem(3, reward="one")
    assert above.run(EFFECTS, members.shop.shop_id, bought.code) == [
        ('{"orders": false, "products": false, "shipping": false}',),
    ]  # fmt: skip


@pytest.mark.parametrize("alone, noted", [(True, 1), (False, 0)])
def test_an_order_that_bears_two_all_the_same_is_noted_once(
    members: Desk, clock: Clock, alone: bool, noted: int
) -> None:
    offer(members, reward(alone=alone), reward("two"))
    first, second = members.redeem(3, "a", "one"), members.redeem(3, "b", "two")
    order = people.order(20, people.customer(3), 9_000, placed_at=clock(), discount_codes=(first.code, second.code))
    members.settle(order)
    members.settle(people.later(order))
    with members.work() as work:
        said = [note.said for note in notes.latest(work, 10)]
    assert said == [
        "Order #20 was placed with “One” and “Two”, though one of them is to be the only reward of its order. "
        "Both count as used."
    ] * noted  # fmt: skip
    assert [row.outcome for row in members.balance(3).redemptions] == ["used", "used"]
    assert members.faults() == []
