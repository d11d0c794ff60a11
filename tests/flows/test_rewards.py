"""Each kind of reward from the button to the till: bought with points, made by the store, used there, or given back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest

import loyalty
from commerce.ids import EffectId
from connectors.shopify import manifest
from engine import outbox
from engine.outbox import LEASE, MOST_ATTEMPTS
from engine.work import Database
from loyalty.rules import proposal
from sandbox.customers import Customer
from tests.flows.conftest import Loop, open_loop
from tests.ground import Clock, Superuser

FORM = re.compile(r'<form method="post" action="([^"]+)">(.*?)</form>', re.DOTALL)
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def reward(key: str, points: int = 100, **more: Any) -> dict[str, Any]:
    return {"key": key, "title": key.replace("-", " ").capitalize(), "points": points} | more


def offer(loop: Loop, *rewards: dict[str, Any]) -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        loyalty.publish(work, proposal("USD") | {"rewards": list(rewards)})


@pytest.fixture
def loop(database: Database) -> Iterator[Loop]:
    """A store whose merchant allows us to hand money over, in which Anna can spend 460 points."""
    today = datetime.now(UTC).replace(microsecond=0)
    database.clock = clock = Clock(today - timedelta(days=21))
    with open_loop(database, clock) as opened:
        installation = opened.world.install(opened.domain)
        installation.scopes = (*installation.scopes, *manifest.OPTIONAL_SCOPES)
        opened.install_long_ago()
        anna = opened.world.add_customer("anna@example.com", "Anna", "Vos")
        opened.world.place_order([("POT", 9), ("MUG", 2)], customer=anna)
        opened.come_to_rest()
        clock.now = today
        assert opened.store.post("/store/login", data={"email": anna.email}).status_code == 303
        yield opened


@pytest.fixture
def anna(loop: Loop) -> Customer:
    return loop.world.shop().customers[0]


def press(loop: Loop, key: str) -> Any:
    """Through our page inside the store: the button of that reward. The redemption."""
    page = loop.store.get("/apps/perennial/").text
    forms = [(action, dict(FIELD.findall(inside))) for action, inside in FORM.findall(page)]
    ((action, fields),) = [form for form in forms if form[1].get("reward") == key]
    answer = loop.store.post(action, data={name: unescape(value) for name, value in fields.items()})
    assert answer.status_code == 303, answer.text
    return newest(loop)


def newest(loop: Loop) -> Any:
    return loop.points(loop.world.shop().customers[0].id).redemptions[0]


def points(loop: Loop) -> tuple[int, int]:
    """Anna's own, and those that are held."""
    found = loop.points(loop.world.shop().customers[0].id)
    return found.points, found.held


def take_back(loop: Loop, redemption_id: int) -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        loyalty.take_back(work, redemption_id)
    loop.come_to_rest()


def try_again(loop: Loop, times: int = 1) -> None:
    """Wait as long as an effect may have to, and push, as often as asked."""
    for _ in range(times):
        loop.clock.forward(hours=2)
        loop.push()


def goods_of(loop: Loop, sku: str) -> str:
    found = loop.world.shop().catalog.by_sku(sku)
    assert found is not None
    return str(found.id)


# --- codes

TILL: dict[str, tuple[dict[str, Any], list[tuple[str, int]], int, int]] = {
    # reward, basket, what is taken off the goods, what is taken off the shipping
    "amount": ({"amount_minor": 500, "minimum_minor": 2000}, [("MUG", 2)], 500, 0),
    "percentage": ({"kind": "percentage", "percent": 15, "minimum_quantity": 2}, [("MUG", 2)], 420, 0),
    "free-shipping": ({"kind": "free_shipping", "most_shipping_minor": 900}, [("MUG", 1)], 0, 700),
    "free-tea": ({"kind": "product", "amount_minor": 950, "goods": {"products": ["TEA"]}}, [("MUG", 1), ("TEA", 3)],
                 950, 0),
    "half-tea": ({"kind": "product", "percent": 50, "goods": {"products": ["TEA"]}}, [("MUG", 1), ("TEA", 2)], 950, 0),
}  # fmt: skip


@pytest.mark.parametrize("key", TILL)
def test_each_kind_of_code_is_bought_made_and_used(loop: Loop, anna: Customer, key: str) -> None:
    described, basket, off, off_shipping = TILL[key]
    if "goods" in described:
        described = described | {"goods": {"products": [goods_of(loop, "TEA")]}}
    offer(loop, reward(key, **described))
    bought = press(loop, key)
    assert points(loop) == (360, 100)
    loop.come_to_rest()
    assert newest(loop).issued_at is not None
    sold = loop.world.place_order(basket, customer=anna, codes=[bought.code], shipping=700)
    assert (sold.discounts, sold.shipping_off) == (off, off_shipping)
    loop.come_to_rest()
    assert newest(loop).outcome == "used"
    assert points(loop)[1] == 0
    bob = loop.world.add_customer("bob@example.com")
    with pytest.raises(ValueError, match="usage limit"):
        loop.world.place_order(basket, customer=bob, codes=[bought.code], shipping=700)


@pytest.mark.parametrize("key", TILL)
def test_a_code_that_is_released_works_no_more_and_its_points_are_back(loop: Loop, anna: Customer, key: str) -> None:
    described, basket, *_ = TILL[key]
    if "goods" in described:
        described = described | {"goods": {"products": [goods_of(loop, "TEA")]}}
    offer(loop, reward(key, **described, code_days=7))
    first = press(loop, key)
    loop.come_to_rest()
    take_back(loop, first.redemption_id)
    assert (points(loop), newest(loop).outcome) == ((460, 0), "the shop took it back")
    second = press(loop, key)
    loop.come_to_rest()
    loop.clock.forward(days=9)
    loop.release()
    loop.come_to_rest()
    assert (points(loop), newest(loop).outcome) == ((460, 0), "the code was not used")
    for code in (first.code, second.code):
        with pytest.raises(ValueError, match="expired"):
            loop.world.place_order(basket, customer=anna, codes=[code], shipping=700)


def test_codes_that_may_be_combined_are_used_in_one_order(loop: Loop, anna: Customer) -> None:
    offer(
        loop,
        reward("five-off", amount_minor=500, combines={"shipping": True}),
        reward("free-shipping", kind="free_shipping", combines={"orders": True}),
    )
    codes = [press(loop, key).code for key in ("five-off", "free-shipping")]
    loop.come_to_rest()
    sold = loop.world.place_order([("MUG", 1)], customer=anna, codes=codes, shipping=700)
    assert (sold.discounts, sold.shipping_off, sold.total) == (500, 700, 900)
    loop.come_to_rest()
    assert [found.outcome for found in loop.points(anna.id).redemptions] == ["used", "used"]


def test_a_code_whose_answers_are_all_lost_gives_its_points_back_and_works_for_nobody(
    loop: Loop, anna: Customer
) -> None:
    offer(loop, reward("five-off", amount_minor=500))
    bought = press(loop, "five-off")
    # The mutation takes effect, and so does its look-up; neither answer ever arrives.
    loop.world.shop().lost_answers.update(discountCodeBasicCreate=99)
    try_again(loop, MOST_ATTEMPTS + 2)
    assert points(loop) == (460, 0)
    loop.world.shop().lost_answers.clear()
    try_again(loop, 2)
    made = loop.world.shop().discounts.by_code(bought.code)
    assert made is not None
    assert made.status(loop.clock.timestamp()) == "EXPIRED"


# --- once per customer


def test_a_reward_with_a_limit_is_sold_as_often_as_it_says(loop: Loop, anna: Customer) -> None:
    offer(loop, reward("welcome", amount_minor=500, limit=1))
    bought = press(loop, "welcome")
    page = loop.store.get("/apps/perennial/").text
    assert 'value="welcome"' not in page
    with loop.database.work(loop.shop.shop_id) as work, pytest.raises(loyalty.RewardLimit):
        loyalty.redeem(work, loop.customer_id(anna.id), str(anna.id), "welcome", "another click")
    loop.come_to_rest()
    take_back(loop, bought.redemption_id)
    press(loop, "welcome")
    assert points(loop) == (360, 100)


# --- gift cards


def test_a_gift_card_is_bought_made_and_pays(loop: Loop, anna: Customer) -> None:
    offer(loop, reward("card", kind="gift_card", amount_minor=2000, code_days=0))
    bought = press(loop, "card")
    assert points(loop) == (360, 100)
    loop.come_to_rest()
    assert (points(loop), newest(loop).outcome) == ((360, 0), "used")
    (card,) = loop.world.shop().gift_cards
    assert (card.balance, card.customer_id, card.expires_on) == (2000, anna.id, None)
    page = loop.store.get("/apps/perennial/").text
    assert bought.code in page
    loop.world.place_order([("MUG", 1)], customer=anna, gift_cards=[bought.code])
    loop.come_to_rest()
    assert card.balance == 600
    loop.clock.forward(days=4000)
    loop.release()
    assert points(loop)[0] == 360, "what a gift card paid earns nothing"


def test_a_whole_gift_card_is_taken_back_and_one_that_paid_is_not(loop: Loop, anna: Customer) -> None:
    offer(loop, reward("card", kind="gift_card", amount_minor=2000, code_days=365))
    whole, begun = press(loop, "card"), press(loop, "card")
    loop.come_to_rest()
    loop.world.place_order([("MUG", 1)], customer=anna, gift_cards=[begun.code])
    loop.come_to_rest()
    assert points(loop) == (260, 0)
    take_back(loop, whole.redemption_id)
    take_back(loop, begun.redemption_id)
    kept, gone = loop.points(anna.id).redemptions
    assert (kept.outcome, gone.outcome) == ("used", "the shop took it back")
    assert points(loop) == (360, 0)
    cards = {card.code.upper(): card.deactivated_at is None for card in loop.world.shop().gift_cards}
    assert cards == {whole.code: False, begun.code: True}
    with loop.database.work(loop.shop.shop_id) as work, pytest.raises(loyalty.NothingToTakeBack):
        loyalty.take_back(work, whole.redemption_id)


def test_a_gift_card_whose_answers_are_lost_is_made_once(loop: Loop, anna: Customer) -> None:
    offer(loop, reward("card", kind="gift_card", amount_minor=2000))
    press(loop, "card")
    loop.world.shop().lost_answers["giftCardCreate"] = 5
    try_again(loop, 7)
    assert (points(loop), newest(loop).outcome, len(loop.world.shop().gift_cards)) == ((360, 0), "used", 1)


# --- store credit


def given(loop: Loop, customer: Customer) -> list[int]:
    account = loop.world.shop().store_credit.of(customer.id)
    return [movement.amount for movement in account.movements] if account is not None else []


def test_store_credit_is_bought_given_and_pays(loop: Loop, anna: Customer) -> None:
    offer(loop, reward("credit", kind="store_credit", amount_minor=1500, code_days=365))
    press(loop, "credit")
    loop.come_to_rest()
    assert (points(loop), newest(loop).outcome, given(loop, anna)) == ((360, 0), "used", [1500])
    loop.world.place_order([("TEA", 1)], customer=anna, store_credit=True)
    assert given(loop, anna) == [1500, -950]
    take_back(loop, newest(loop).redemption_id)
    assert (newest(loop).outcome, given(loop, anna)) == ("used", [1500, -950])


def test_two_credits_of_one_second_end_in_two_seconds(loop: Loop, anna: Customer) -> None:
    offer(loop, reward("credit", kind="store_credit", amount_minor=1500, code_days=365))
    first, second, third = (press(loop, "credit").expires_at for _ in range(3))
    assert (second - first, third - second) == (timedelta(seconds=1), timedelta(seconds=1))
    loop.world.shop().lost_answers["storeCreditAccountCredit"] = 3
    try_again(loop, 3)
    assert given(loop, anna) == [1500, 1500, 1500]
    assert points(loop) == (160, 0)


@pytest.mark.parametrize("lost", [1, 3, MOST_ATTEMPTS + 5])
def test_a_credit_whose_answers_are_lost_is_given_once(loop: Loop, anna: Customer, above: Superuser, lost: int) -> None:
    offer(loop, reward("credit", kind="store_credit", amount_minor=1500, code_days=365))
    press(loop, "credit")
    loop.world.shop().lost_answers["storeCreditAccountCredit"] = lost
    loop.push()
    assert (points(loop), given(loop, anna)) == ((360, 100), [1500])
    assert above.run("SELECT due_at - asked_at >= %s FROM effects WHERE kind = 'credit'", LEASE) == [(True,)]
    loop.push()
    assert points(loop) == (360, 100)
    try_again(loop)
    assert (points(loop), newest(loop).outcome, given(loop, anna)) == ((360, 0), "used", [1500])


def test_a_credit_of_which_nobody_knows_keeps_its_points_held_until_somebody_looks(
    loop: Loop, anna: Customer, above: Superuser
) -> None:
    offer(loop, reward("credit", kind="store_credit", amount_minor=1500, code_days=365))
    press(loop, "credit")
    # Nor can the store's books be read, until the effect is parked.
    loop.world.shop().lost_answers.update(storeCreditAccountCredit=1, customer=99)
    try_again(loop, MOST_ATTEMPTS + 2)
    parked = "SELECT effect_id FROM effects WHERE kind = 'credit' AND parked_at IS NOT NULL"
    effect_id = EffectId(above.one(parked))
    loop.clock.forward(days=500)
    loop.release()
    assert (points(loop), newest(loop).outcome) == ((360, 100), None)
    loop.clock.forward(days=-500)
    loop.world.shop().lost_answers.clear()
    with loop.database.work(loop.shop.shop_id) as work:
        assert outbox.replay(work, effect_id)
    loop.push()
    assert (points(loop), newest(loop).outcome, given(loop, anna)) == ((360, 0), "used", [1500])


def test_a_credit_is_taken_back_once_though_the_answers_are_lost(loop: Loop, anna: Customer) -> None:
    offer(loop, reward("credit", kind="store_credit", amount_minor=1500, code_days=365))
    press(loop, "credit")
    loop.come_to_rest()
    loop.world.shop().lost_answers["storeCreditAccountDebit"] = 3
    take_back(loop, newest(loop).redemption_id)
    try_again(loop, 4)
    assert (points(loop), newest(loop).outcome) == ((460, 0), "the shop took it back")
    assert given(loop, anna) == [1500, -1500]


# --- what the merchant has not allowed, or the store will not do


@pytest.mark.parametrize("kind, what", [("gift_card", "make gift cards"), ("store_credit", "give store credit")])
def test_money_that_is_not_allowed_gives_its_points_back_and_says_what_to_do(
    loop: Loop, anna: Customer, above: Superuser, kind: str, what: str
) -> None:
    installation = loop.world.shop().installation
    assert installation is not None
    installation.scopes = manifest.SCOPES
    offer(loop, reward("money", kind=kind, amount_minor=1500, code_days=365))
    press(loop, "money")
    loop.come_to_rest()
    assert (points(loop), newest(loop).outcome) == ((460, 0), "the store refused the code")
    assert above.one("SELECT refusal FROM redemptions WHERE refusal IS NOT NULL") == (
        f"the app may not {what} in this store: allow it on the app's page of rewards, then redeem again"
    )
    # The merchant allows it, and has the parked effect pushed again: it is handed over now, and costs its points.
    installation.scopes = (*manifest.SCOPES, *manifest.OPTIONAL_SCOPES)
    for token in installation.access.values():
        token.scopes = installation.scopes
    effect_id = EffectId(above.one("SELECT effect_id FROM effects WHERE parked_at IS NOT NULL"))
    with loop.database.work(loop.shop.shop_id) as work:
        assert outbox.replay(work, effect_id)
    loop.come_to_rest()
    assert (points(loop), newest(loop).outcome) == ((360, 0), "used")


def test_the_books_are_right_after_all_of_it(loop: Loop, anna: Customer) -> None:
    offer(
        loop,
        reward("card", kind="gift_card", amount_minor=2000),
        reward("credit", kind="store_credit", amount_minor=1500),
        reward("five-off", amount_minor=500),
    )
    for key in ("card", "credit", "five-off"):
        press(loop, key)
    loop.come_to_rest()
    for bought in loop.points(anna.id).redemptions:
        take_back(loop, bought.redemption_id)
    assert points(loop) == (460, 0)
    with loop.database.work(loop.shop.shop_id) as work:
        assert loyalty.verify(work) == []
