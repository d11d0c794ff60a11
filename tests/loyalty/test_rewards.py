"""The terms of rewards: what may be offered, what is told to whoever writes it wrongly, and how old terms read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import loyalty
from commerce.ids import CustomerId, OrderId
from commerce.rewards import Goods
from commerce.store import PutDiscount
from engine import terms
from loyalty import rules
from loyalty.rules import LATE_ORDERS, Kind, Redemption, Reward, Terms
from tests.ground import START, Desk, Superuser


def reward(**more: Any) -> dict[str, Any]:
    return {"key": "one", "title": "One", "points": 100} | more


def body(*rewards: dict[str, Any]) -> dict[str, Any]:
    return rules.proposal("USD") | {"rewards": list(rewards)}


SOUND = (
    reward(amount_minor=500, minimum_minor=2000, combines={"orders": True, "products": True, "shipping": True}),
    reward(kind="percentage", percent=100, minimum_quantity=3, limit=1),
    reward(kind="free_shipping", most_shipping_minor=900, combines={"orders": True}, limit=2, limit_days=30),
    reward(kind="free_shipping"),
    reward(kind="product", amount_minor=1800, goods={"products": ["1"], "variants": ["2"]}),
    reward(kind="product", percent=50, goods={"collections": ["3"]}),
    reward(kind="gift_card", amount_minor=2000, code_days=0),
    reward(kind="gift_card", amount_minor=2000, code_days=3650),
    reward(kind="store_credit", amount_minor=2000, code_days=365),
)


@pytest.mark.parametrize("sound", SOUND, ids=lambda one: one.get("kind", "amount"))
def test_each_kind_of_reward_can_be_offered_and_is_read_back_as_it_was_written(sound: dict[str, Any]) -> None:
    read = Terms.read(1, body(sound))
    assert rules.mistakes(read) == []
    (offered,) = read.rewards
    assert Reward.read(orjson.loads(orjson.dumps(offered))) == offered


@pytest.mark.parametrize(
    "wrong, mistake",
    [
        ({"amount_minor": 500, "points": 0}, "it costs at least one point"),
        ({"amount_minor": 500, "title": " "}, "its title has from 1 to 100 letters"),
        ({"amount_minor": 500, "key": "a b"}, "its key is made of up to 64 letters, digits and hyphens"),
        ({}, "it is worth an amount, and no percentage"),
        ({"amount_minor": 500, "percent": 5}, "it is worth an amount, and no percentage"),
        ({"amount_minor": -1}, "an amount is not below zero, and a percentage goes from 1 to 100"),
        ({"amount_minor": 500, "code_days": 731}, "its code works for 1 to 730 days"),
        ({"amount_minor": 500, "minimum_minor": 1, "minimum_quantity": 1},
         "it asks for a least spend or for a least number of pieces: the store takes only one of them"),
        ({"amount_minor": 500, "goods": {"products": ["1"]}}, "only a product reward names goods"),
        ({"amount_minor": 500, "most_shipping_minor": 1},
         "only free shipping has a highest price of shipping, and that is above zero"),
        ({"amount_minor": 500, "limit_days": 3},
         "it names the days of a limit, and not how many a customer may have in them"),
        ({"amount_minor": 500, "limit": -1}, "its limit for one customer is a number, in 0 to 3650 days"),
        ({"kind": "percentage"}, "it is worth a percentage from 1 to 100, and no amount"),
        ({"kind": "percentage", "percent": 101}, "an amount is not below zero, and a percentage goes from 1 to 100"),
        ({"kind": "free_shipping", "amount_minor": 1},
         "it is worth what the shipping costs: it names no amount and no percentage"),
        ({"kind": "free_shipping", "combines": {"shipping": True}},
         "free shipping cannot be combined with another shipping discount"),
        ({"kind": "product", "percent": 5}, "it names the products, variants or collections that it is for"),
        ({"kind": "product", "percent": 5, "amount_minor": 5, "goods": {"products": ["1"]}},
         "it takes either an amount or a percentage off its goods"),
        ({"kind": "product", "percent": 100, "goods": {"products": ["1"]}},
         "100 % would make every piece in the basket free: name the price of one piece as its amount"),
        ({"kind": "product", "percent": 5, "goods": {"products": ["1"], "collections": ["2"]}},
         "it names either collections, or products and variants"),
        ({"kind": "product", "percent": 5, "goods": {"products": ["gid://x"]}}, "goods go by the store's own numbers"),
        ({"kind": "product", "percent": 5, "goods": {"products": [str(n) for n in range(101)]}},
         "it names at most 100 goods"),
        ({"kind": "gift_card", "amount_minor": 5, "minimum_minor": 1},
         "it is handed over as money: it asks for no basket and combines with everything"),
        ({"kind": "gift_card", "amount_minor": 5, "code_days": 3651},
         "a gift card ends after 1 to 3650 days, or never (0)"),
        ({"kind": "store_credit", "amount_minor": 5, "code_days": 0}, "store credit ends after 1 to 3650 days"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_in_words_and_nothing_is_published(
    desk: Desk, above: Superuser, wrong: dict[str, Any], mistake: str
) -> None:
    before = above.rows_of(desk.shop.shop_id)
    with pytest.raises(loyalty.TermsRefused) as refusal, desk.work() as work:
        loyalty.publish(work, body(reward(**wrong)))
    assert mistake in refusal.value.message
    assert above.rows_of(desk.shop.shop_id) == before


@pytest.mark.parametrize(
    "wrong, told",
    [
        (body(reward(colour="red")), "a reward has no colour"),
        (body({"key": "one", "points": 1}), "a reward needs a title"),
        (body(reward(kind="pony")), "a reward is one of amount, percentage, free_shipping"),
        (body(reward(amount_minor="500")), "amount_minor of a reward is a whole number"),
        (body(reward(amount_minor=True)), "amount_minor of a reward is a whole number"),
        (body(reward(goods={"books": []})), "goods of a reward are products, variants or collections"),
        (body(reward(goods={"products": [1]})), "goods of a reward are lists of the store's numbers, as text"),
        (body(reward(combines={"orders": 1})), "whether a reward combines is true or false"),
        ({"rewards": []}, "currency"),
        (body(reward(amount_minor=1), reward(amount_minor=2)), "Two rewards are called 'one'"),
        (body() | {"hold_days": 999}, "points are held from 0 to 365 days"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(desk: Desk, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(loyalty.TermsRefused) as refusal, desk.work() as work:
        loyalty.publish(work, wrong)
    assert told in refusal.value.message


def test_all_mistakes_are_told_at_once(desk: Desk) -> None:
    with pytest.raises(loyalty.TermsRefused) as refusal, desk.work() as work:
        loyalty.publish(work, body(reward(), reward(key="two", kind="percentage")))
    assert refusal.value.message == (
        "Reward 'one': it is worth an amount, and no percentage. "
        "Reward 'two': it is worth a percentage from 1 to 100, and no amount."
    )


def test_terms_and_redemptions_of_before_the_kinds_are_amounts_off_an_order() -> None:
    old = {"key": "five-off", "title": "5.00 USD off", "points": 100, "amount_minor": 500, "minimum_minor": 0,
           "code_days": 30}  # fmt: skip
    assert Terms.read(1, body(old)).rewards == (Reward("five-off", "5.00 USD off", 100, 500, 0, 30),)
    assert Reward.read(old).kind == Kind.AMOUNT


def test_terms_that_were_published_under_looser_rules_stay_readable(desk: Desk) -> None:
    with desk.work() as work:
        terms.publish(work, loyalty.DOMAIN, body(reward(amount_minor=500, code_days=2000)))
        assert loyalty.current_terms(work).rewards[0].code_days == 2000


def test_a_discount_that_was_stored_before_the_kinds_is_still_an_amount_off_an_order() -> None:
    stored = {
        "code": "P-ABC", "title": "t", "amount_minor": 500, "currency": "USD", "starts_at": "2026-03-02T12:00:00+00:00",
        "ends_at": "2026-04-01T12:00:00+00:00", "customer_external_id": "1001", "minimum_minor": 0, "active": True,
    }  # fmt: skip
    effect = msgspec.convert(stored, PutDiscount, strict=False)
    assert (effect.takes, effect.amount_minor, effect.goods, tuple(effect.combines)) == (
        "amount", 500, Goods(), (False, False, False),
    )  # fmt: skip
    newer = replace(effect, takes="percentage", percent=15, goods=Goods(("1",)))
    assert msgspec.convert(orjson.loads(orjson.dumps(newer)), PutDiscount, strict=False) == newer


# --- what becomes of a redemption


def redemption(**facts: Any) -> Redemption:
    given: dict[str, Any] = {"refused": False, "used_by": None, "returned": False} | facts
    return Redemption(1, CustomerId(1), 100, "P-ABC", START, **given)


@pytest.mark.parametrize(
    "facts, taken, held, what",
    [
        ({}, 100, 100, "held"),
        ({"issued": True}, 100, 100, "held"),
        ({"money": True}, 100, 100, "held"),
        ({"money": True, "issued": True}, 100, 0, "used"),
        ({"money": True, "issued": True, "refused": True}, 100, 0, "used"),
        ({"money": True, "issued": True, "taken_back": True}, 0, 0, "the shop took it back"),
        ({"money": True, "refused": True}, 0, 0, "the store refused the code"),
        ({"taken_back": True}, 0, 0, "the shop took it back"),
        ({"taken_back": True, "used_by": OrderId(1)}, 100, 0, "used"),
    ],
)
def test_what_was_handed_over_is_used_until_all_of_it_came_back(
    facts: dict[str, Any], taken: int, held: int, what: str
) -> None:
    assert rules.target(redemption(**facts), START) == rules.Target(taken, held, what)


def test_time_ends_a_code_and_never_decides_whether_money_was_handed_over() -> None:
    late = START + LATE_ORDERS
    assert rules.target(redemption(issued=True), late).what == "the code was not used"
    assert rules.target(redemption(money=True), late).what == "held"


@given(
    limit=st.integers(0, 3), days=st.integers(0, 40),
    bought=st.lists(st.integers(0, 60).map(lambda days: START - timedelta(days=days)), max_size=6),
)  # fmt: skip
def test_a_limit_counts_what_was_bought_within_its_days(limit: int, days: int, bought: list[Any]) -> None:
    offered = Reward("one", "One", 1, 1, limit=limit, limit_days=days)
    within = [at for at in bought if not days or at > START - timedelta(days=days)]
    assert rules.left_to_buy(offered, bought, START) == (not limit or len(within) < limit)
