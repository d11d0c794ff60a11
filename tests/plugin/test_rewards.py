"""Rewards of every kind, as shoppers and merchants see them, and taking one back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

import loyalty
from commerce.ids import CustomerId
from commerce.rewards import Combines, Goods
from commerce.store import GiveCredit, PutDiscount, PutGiftCard, StoreError, TakeCredit
from connectors.offerings import OFFERINGS, offering
from engine import outbox, reward_hooks
from engine.shops import Shop
from loyalty.rules import proposal
from tests.plugin.conftest import House, Merchant, Shopper, order, person
from tests.plugin.markup import flat, mistakes


def reward(key: str, points: int = 100, **more: Any) -> dict[str, Any]:
    return {"key": key, "title": key.replace("-", " ").capitalize(), "points": points} | more


OFFERED = (
    reward("five-off", amount_minor=500, minimum_minor=2000, limit=1),
    reward("tenth-off", kind="percentage", percent=10),
    reward("parcel", kind="free_shipping", most_shipping_minor=900),
    reward("mug", kind="product", amount_minor=1400, goods={"products": ["1"]}),
    reward("card", kind="gift_card", amount_minor=2000, code_days=0),
    reward("credit", kind="store_credit", amount_minor=1500, code_days=365),
)


@pytest.fixture
def offered(house: House, shop: Shop) -> Shop:
    """A shop that offers one of each; customer 7 has 600 points to spend."""
    now = house.clock.now
    house.settle(shop, order(1001, person("7", now - timedelta(days=60)), now - timedelta(days=30), 60_000))
    with house.database.work(shop.shop_id) as work:
        loyalty.publish(work, proposal("USD") | {"rewards": list(OFFERED)})
    return shop


def buy(house: House, shop: Shop, key: str) -> Any:
    customer_id = house.customer_id(shop, "7")
    with house.database.work(shop.shop_id) as work:
        return loyalty.redeem(work, CustomerId(customer_id), "7", key, f"click for {key}")


def made(house: House, shop: Shop, bought: Any) -> None:
    """The store has done what was asked for a redemption."""
    kind, now = bought.reward["kind"], house.clock.now
    with house.database.work(shop.shop_id) as work:
        if kind == "gift_card":
            card = PutGiftCard(bought.code, "t", 2000, "USD", None, "7", active=True)
            loyalty.gift_card_settled(work, card, None)
        elif kind == "store_credit":
            loyalty.credit_settled(work, GiveCredit(bought.code, 1500, "USD", bought.expires_at, "7"), None)
        else:
            code = PutDiscount(bought.code, "t", 500, "USD", now, bought.expires_at, "7", 0, active=True)
            loyalty.code_settled(work, code, None)


def test_shoppers_are_told_what_each_reward_is_and_asks_for(offered: Shop, shopper: Shopper) -> None:
    stranger = Shopper(shopper.client, offered)
    for page in (shopper.get().text, stranger.get().text):
        assert mistakes(page, whole=False) == []
        said = flat(page)
        for words in (
            "5.00 USD off one order, on an order of 20.00 USD or more, once for each customer, good for 30 days",
            "10 % off one order, good for 30 days",
            "Free shipping of one order, where it costs up to 9.00 USD, good for 30 days",
            "14.00 USD off certain products, once, good for 30 days",
            "A gift card of 20.00 USD",
            "15.00 USD of store credit, good for 365 days",
        ):
            assert words in said, words


def test_a_gift_card_s_number_is_shown_to_its_owner_once_it_is_theirs(
    house: House, offered: Shop, shopper: Shopper, merchant: Merchant
) -> None:
    card, credit = buy(house, offered, "card"), buy(house, offered, "credit")
    assert card.code not in shopper.get().text
    for bought in (card, credit):
        made(house, offered, bought)
    page = shopper.get().text
    assert mistakes(page, whole=False) == []
    assert f"<code>{card.code}</code>" in page
    assert "Enter this number as a gift card at the checkout" in page
    assert "In your account at this shop until" in page
    assert credit.code not in page
    seen = merchant.open(f"/customers/{house.customer_id(offered, '7')}").text
    assert mistakes(seen) == []
    assert f"•••• {card.code[-4:]}" in seen
    assert card.code not in seen
    assert credit.code not in seen
    assert "handed over as a gift card" in seen


def test_a_reward_that_was_had_often_enough_has_no_button(house: House, offered: Shop, shopper: Shopper) -> None:
    buy(house, offered, "five-off")
    page = shopper.get().text
    assert 'name="reward" value="five-off"' not in page
    assert "Not to be had at the moment" in page
    assert 'name="reward" value="tenth-off"' in page


def test_merchants_see_what_points_buy_and_what_it_needs(house: House, offered: Shop, merchant: Merchant) -> None:
    made(house, offered, buy(house, offered, "card"))
    page = merchant.open("/rewards").text
    assert mistakes(page) == []
    said = flat(page)
    assert "Free shipping of one order, where it costs up to 9.00 USD" in said
    assert "needs the permission to make gift cards" in said
    assert 'data-scopes="write_gift_cards"' in page
    assert 'data-scopes="read_store_credit_accounts write_store_credit_account_transactions"' in page
    (row,) = re.findall(r"<bdi>Card</bdi>.*?</tr>", said)
    assert re.findall(r'<td class="n">(\d+)</td>', row) == ["100", "1", "1"]


def test_a_shop_without_such_rewards_is_asked_for_nothing_more(merchant: Merchant) -> None:
    page = merchant.open("/rewards").text
    assert mistakes(page) == []
    assert "data-scopes" not in page


def test_a_merchant_takes_back_a_code_at_once_and_money_when_the_store_gave_it_back(
    house: House, offered: Shop, merchant: Merchant
) -> None:
    code, card, credit = (buy(house, offered, key) for key in ("tenth-off", "card", "credit"))
    for bought in (code, card, credit):
        made(house, offered, bought)
    path = f"/customers/{house.customer_id(offered, '7')}"
    assert merchant.open(path).text.count("Take back<span") == 3
    for bought in (code, card, credit):
        answer = merchant.fetch(f"/redemptions/{bought.redemption_id}/take-back", "POST")
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith(path)
    page = merchant.open(f"{path}?taken_back=yes").text
    assert mistakes(page) == []
    assert "It is being taken back." in page
    assert page.count("points returned: the shop took it back") == 1
    spent = StoreError("some of the gift card was spent", permanent=True)
    back = TakeCredit(credit.code, 1500, "USD", credit.expires_at, "7", house.clock.now)
    with house.database.work(offered.shop_id) as work:
        loyalty.gift_card_settled(work, PutGiftCard(card.code, "t", 2000, "USD", None, "7", active=False), spent)
        loyalty.credit_back_settled(work, back, None)
    page = merchant.open(path).text
    assert "handed over as a gift card · not taken back: some of the gift card was spent" in page
    assert page.count("points returned: the shop took it back") == 2
    with house.database.work(offered.shop_id) as work:
        assert loyalty.verify(work) == []


def test_what_was_used_or_is_another_shop_s_is_not_taken_back(house: House, offered: Shop, merchant: Merchant) -> None:
    bought, now = buy(house, offered, "tenth-off"), house.clock.now
    made(house, offered, bought)
    house.settle(offered, order(1003, person("7", now), now, 3000, discount_codes=(bought.code,)))
    stranger = Merchant(house.app.test_client(), house.open_shop())
    for who, number in ((merchant, bought.redemption_id), (merchant, 10**30), (stranger, bought.redemption_id)):
        answer = who.fetch(f"/redemptions/{number}/take-back", "POST")
        assert answer.status_code == 409
        assert "There is nothing to take back." in answer.text
    assert f"/redemptions/{bought.redemption_id}/take-back" not in merchant.open("/customers/1").text


def test_effects_of_every_kind_are_told_in_words_and_no_number_of_a_card_is(
    house: House, offered: Shop, merchant: Merchant
) -> None:
    now = house.clock.now
    end = now + timedelta(days=1)

    def code(name: str, **more: Any) -> PutDiscount:
        return PutDiscount(name, "t", more.pop("amount_minor", 0), "USD", now, end, "7", 0, active=True, **more)

    with house.database.work(offered.shop_id) as work:
        outbox.put(
            work,
            [
                code("P-A", takes="percentage", percent=15),
                code("P-B", takes="shipping"),
                code("P-C", amount_minor=950, goods=Goods(products=("1",))),
                PutGiftCard("ABCDEFGHJK3467", "t", 2000, "USD", None, "7", active=True),
                PutGiftCard("ACDEFGHJKM7777", "t", 2000, "USD", None, "7", active=False),
                GiveCredit("C-A", 1500, "USD", end, "7"),
                TakeCredit("C-B", 1500, "USD", end, "7", now),
            ],
        )
    page = flat(merchant.open("/activity?box=effects&state=waiting").text)
    for words in (
        "Code P-A takes 15 % off one order", "Code P-B takes the shipping off one order",
        "Code P-C takes 9.50 USD off certain products", "Gift card •••• 3467 is worth 20.00 USD",
        "Gift card •••• 7777 works no more", "has been given 15.00 USD of store credit",
        "has given back 15.00 USD of store credit",
    ):  # fmt: skip
        assert words in page, words
    assert "ABCDEFGHJK3467" not in page


# --- the merchant's form


def typed(**more: str) -> dict[str, str]:
    return {"title": "Ten off", "kind": "amount", "points": "200", "amount": "10.00", "days": "30"} | more


@pytest.mark.parametrize(
    "fields, words",
    [
        ({}, "10.00 USD off one order"),
        ({"kind": "percentage", "amount": "", "percent": "15", "pieces": "2", "with_shipping": "1"},
         "15 % off one order"),
        ({"kind": "free_shipping", "amount": "", "most_shipping": "9"},
         "Free shipping of one order, where it costs up to 9.00 USD"),
        ({"kind": "product", "products": "8300000000001, 8300000000002"}, "10.00 USD off certain products, once"),
        ({"kind": "gift_card", "days": "0"}, "A gift card of 10.00 USD"),
        ({"kind": "store_credit", "limit": "1", "limit_days": "90"}, "10.00 USD of store credit"),
    ],
    ids=lambda one: one.get("kind", "amount") if isinstance(one, dict) else "",
)  # fmt: skip
def test_a_merchant_offers_each_kind_of_reward_and_stops_offering_it(
    house: House, shop: Shop, merchant: Merchant, fields: dict[str, str], words: str
) -> None:
    assert merchant.fetch("/rewards", "POST", **typed(**fields)).status_code == 303
    page = merchant.open("/rewards?changed=offered").text
    assert mistakes(page) == []
    assert words in flat(page)
    assert "It is offered from now on." in page
    with house.database.work(shop.shop_id) as work:
        now = loyalty.current_terms(work)
    assert (now.version, [reward.key for reward in now.rewards]) == (2, ["five-off", "ten-off"])
    for changed in ("withdrawn", "not"):
        answer = merchant.fetch("/rewards/withdraw", "POST", key="ten-off")
        assert f"changed={changed}" in answer.headers["Location"]
    assert words not in flat(merchant.open("/rewards").text).partition("<h2")[0]


@pytest.mark.parametrize(
    "fields, told",
    [
        ({"kind": "pony"}, "Choose what the reward is."),
        ({"points": "many"}, "The price in points is a whole number, such as 100."),
        ({"points": "-1"}, "The price in points is a whole number, such as 100."),
        ({"amount": "1,5"}, "The amount is digits with at most one point, such as 12.50."),
        ({"amount": "1e9"}, "The amount is digits with at most one point, such as 12.50."),
        ({"title": ""}, "its title has from 1 to 100 letters"),
        ({"percent": "5"}, "it is worth an amount, and no percentage"),
        ({"kind": "product", "products": "a mug"}, "goods go by the store&#39;s own numbers"),
    ],
)
def test_what_is_typed_wrongly_is_told_and_nothing_is_published(
    house: House, shop: Shop, merchant: Merchant, fields: dict[str, str], told: str
) -> None:
    answer = merchant.fetch("/rewards", "POST", **typed(**fields))
    assert answer.status_code == 409
    assert told in answer.text
    with house.database.work(shop.shop_id) as work:
        assert loyalty.current_terms(work).version == 1


@pytest.fixture
def coupons_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop stands on a platform whose stores have coupons, and no money of their own."""
    monkeypatch.setitem(OFFERINGS, "shopify", offering("woocommerce"))


@pytest.mark.usefixtures("coupons_only")
def test_the_form_asks_only_for_what_the_platform_can_give(merchant: Merchant) -> None:
    page = merchant.open("/rewards").text
    assert mistakes(page) == []
    kinds = re.findall(r'<option value="(\w+)">', page.partition('name="kind"')[2].partition("</select>")[0])
    assert kinds == ["amount", "percentage", "free_shipping", "product", "custom"]
    for name in ("pieces", "most_shipping", "with_orders"):
        assert f'name="{name}"' not in page
    assert 'name="with_all"' in page
    assert "Or categories" in page
    assert "has the method Free shipping" in page


@pytest.mark.usefixtures("coupons_only")
@pytest.mark.parametrize(
    "fields, told",
    [
        ({"kind": "gift_card"}, "has no gift cards of its own: offer an amount off an order."),
        ({"kind": "store_credit"}, "has no store credit of its own"),
        ({"pieces": "2"}, "has no codes for a least number of pieces: ask for a least spend."),
        ({"kind": "free_shipping", "amount": "", "most_shipping": "9"}, "leave that price out."),
    ],
)
def test_what_the_platform_cannot_give_is_refused_when_the_merchant_describes_it(
    house: House, shop: Shop, merchant: Merchant, fields: dict[str, str], told: str
) -> None:
    answer = merchant.fetch("/rewards", "POST", **typed(**fields))
    assert answer.status_code == 409
    assert told in answer.text
    with house.database.work(shop.shop_id) as work:
        assert loyalty.current_terms(work).version == 1


@pytest.mark.usefixtures("coupons_only")
@pytest.mark.parametrize(
    "fields, combines",
    [
        ({"with_all": "1"}, Combines(True, True, True)),
        ({"with_all": "1", "kind": "free_shipping", "amount": ""}, Combines(True, True, False)),
        ({"with_orders": "1"}, Combines()),
    ],
)
def test_where_codes_are_used_with_all_others_or_with_none_that_is_what_is_asked(
    house: House, shop: Shop, merchant: Merchant, fields: dict[str, str], combines: Combines
) -> None:
    assert merchant.fetch("/rewards", "POST", **typed(**fields)).status_code == 303
    with house.database.work(shop.shop_id) as work:
        assert loyalty.current_terms(work).rewards[-1].combines == combines


def test_two_rewards_of_one_name_get_keys_of_their_own(house: House, shop: Shop, merchant: Merchant) -> None:
    for title in ("Ten off", "Ten off", "ده دلار", "ده دلار"):
        assert merchant.fetch("/rewards", "POST", **typed(title=title)).status_code == 303
    with house.database.work(shop.shop_id) as work:
        keys = [reward.key for reward in loyalty.current_terms(work).rewards]
    assert keys == ["five-off", "ten-off", "ten-off-2", "reward", "reward-2"]


LEVELS = [
    {"key": "silver", "name": "Silver", "enter": 10_000, "keep": 10_000},
    {"key": "gold", "name": "Gold", "enter": 900_000, "keep": 900_000},
]


@pytest.fixture
def tiered(house: House, offered: Shop) -> Shop:
    """The same shop with tiers: customer 7 is silver."""
    with house.database.work(offered.shop_id) as work:
        loyalty.change(work, tiers={"levels": LEVELS})
        loyalty.walk_members(work)
    return offered


def last_reward(house: House, shop: Shop) -> loyalty.Reward:
    with house.database.work(shop.shop_id) as work:
        return loyalty.current_terms(work).rewards[-1]


@pytest.mark.parametrize(
    "fields, found",
    [
        ({}, ((), "", False, False)),
        ({"whose": "from", "from_tier": "gold"}, ((), "gold", False, False)),
        ({"whose": "of", "tier": "silver", "from_tier": "gold"}, (("silver",), "", False, False)),
        ({"tier": "silver"}, ((), "", False, False)),
        ({"alone": "1"}, ((), "", True, False)),
        ({"kind": "custom", "amount": "", "webhook": "1"}, ((), "", False, True)),
        ({"webhook": "1"}, ((), "", False, False)),
    ],
)
def test_a_merchant_says_for_whom_a_reward_is_and_who_hands_it_over(
    house: House, tiered: Shop, merchant: Merchant, fields: dict[str, str], found: tuple[Any, ...]
) -> None:
    answer = merchant.fetch("/rewards", "POST", **typed(title="A new one", **fields))
    assert answer.status_code == 303, answer.text
    made = last_reward(house, tiered)
    assert (made.title, made.tiers, made.from_tier, made.alone, made.webhook) == ("A new one", *found)
    assert mistakes(merchant.open("/rewards").text) == []


def test_what_was_typed_stays_in_the_form_when_it_is_refused(tiered: Shop, merchant: Merchant) -> None:
    fields = {"title": "A <new> one", "kind": "percentage", "percent": "150", "points": "70", "days": "9",
              "whose": "of", "tier": "gold", "alone": "1", "with_orders": "1"}  # fmt: skip
    answer = merchant.fetch("/rewards", "POST", **fields)
    assert answer.status_code == 409
    assert mistakes(answer.text) == []
    for kept in (
        'name="title" required maxlength="100" value="A &lt;new&gt; one"', '<option value="percentage" selected>',
        'name="percent" inputmode="numeric" value="150"', 'name="points" inputmode="numeric" required value="70"',
        'name="days" inputmode="numeric" required value="9"', '<option value="of" selected>',
        'name="tier" value="gold" checked', 'name="alone" value="1" checked', 'name="with_orders" value="1" checked',
    ):  # fmt: skip
        assert kept in answer.text, kept
    assert "<details open>" in answer.text
    fresh = merchant.open("/rewards").text
    assert 'name="points" inputmode="numeric" required value="100"' in fresh
    assert "checked" not in fresh.partition('id="new"')[2]
    assert set(re.findall(r'<input[^>]* value="([^"]*)"', fresh.partition('id="new"')[2])) == {
        "", "1", "100", "30", "gold", "silver", "3",
    }, "the 3 is the version that the form was filled in beside"  # fmt: skip


def test_a_shopper_reads_why_a_reward_is_not_for_them(house: House, tiered: Shop, shopper: Shopper) -> None:
    with house.database.work(tiered.shop_id) as work:
        loyalty.change(work, rewards=[reward("mine", amount_minor=500, from_tier="silver"),
                                      reward("theirs", amount_minor=900, from_tier="gold")])  # fmt: skip
    page = flat(shopper.get().text)
    assert "This reward is for members of Gold." in page
    assert 'name="reward" value="mine"' in page
    assert 'name="reward" value="theirs"' not in page
    program = flat(Shopper(shopper.client, shopper.shop).get().text)
    assert "for members of Silver and Gold" in program


def test_activity_says_what_the_shop_s_own_system_is_told(house: House, offered: Shop, merchant: Merchant) -> None:
    with house.database.work(offered.shop_id) as work:
        loyalty.change(work, rewards=[reward("mug", kind="custom", webhook=True)])
        reward_hooks.put(work, house.app.extensions["doors"].seal, "https://shop.example/", "staff 42")
    bought = buy(house, offered, "mug")
    page = flat(merchant.open("/activity?box=effects&state=waiting").text)
    assert "is handed “Mug” by your own system" in page
    assert "Ada Lovelace" in page
    assert bought.code not in page
    rewards = flat(merchant.open("/rewards").text)
    assert "your own system is told, where one is named" in rewards
    assert "by your own system" in rewards
