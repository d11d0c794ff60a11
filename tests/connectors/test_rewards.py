"""Codes, gift cards and store credit against the sandbox: each is made once, whatever becomes of the answer."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from commerce.events import OrderChanged, OrderStale
from commerce.rewards import Combines, GiveCredit, Goods, PutDiscount, PutGiftCard, TakeCredit
from commerce.store import StoreError
from connectors.shopify import manifest, translate
from sandbox.customers import Customer
from tests.connectors.conftest import Platform

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


@pytest.fixture
def allowed(platform: Platform) -> Platform:
    """The merchant has allowed the app to hand money over."""
    installation = platform.world.install()
    installation.scopes = (*installation.scopes, *manifest.OPTIONAL_SCOPES)
    return platform


@pytest.fixture
def anna(platform: Platform) -> Customer:
    return platform.world.add_customer("anna@example.com")


def discount(code: str, customer: Customer | None = None, **more: Any) -> PutDiscount:
    given: dict[str, Any] = {"amount_minor": 0, "minimum_minor": 0, "active": True} | more
    owner = str(customer.id) if customer is not None else None
    return PutDiscount(
        code, "Perennial: a reward", given.pop("amount_minor"), "USD", START, END, owner, given.pop("minimum_minor"),
        given.pop("active"), **given,
    )  # fmt: skip


def lose(platform: Platform, mutation: str, times: int = 1) -> None:
    platform.world.shop().lost_answers[mutation] = times


def told(outcomes: list[StoreError | None]) -> list[tuple[str, bool] | None]:
    """Reasons without the explanation that may follow in brackets, and whether they are for good."""
    return [None if fault is None else (str(fault).partition(" (")[0], fault.permanent) for fault in outcomes]


# --- discount codes


def test_each_kind_of_code_is_made_as_the_platform_takes_it(platform: Platform, anna: Customer) -> None:
    shop = platform.world.shop()
    tea = shop.catalog.by_sku("TEA")
    assert tea is not None
    effects = [
        discount("PERCENT", anna, takes="percentage", percent=15, minimum_quantity=2),
        discount("SHIPPING", anna, takes="shipping", most_shipping_minor=1250, combines=Combines(True, True)),
        discount("TEA", anna, amount_minor=950, goods=Goods(products=(str(tea.id),))),
        discount("HALF-TEA", anna, takes="percentage", percent=50, goods=Goods(variants=(f"{tea.id + 36 * 10**12}",))),
    ]
    assert platform.store().put_discounts(effects) == [None] * 4
    percent, shipping, off, half = (shop.discounts.by_code(effect.code) for effect in effects)
    assert percent is not None
    assert shipping is not None
    assert off is not None
    assert half is not None
    assert (percent.percentage, percent.minimum_quantity, percent.customers) == (Fraction(15, 100), 2, (anna.id,))
    assert (shipping.shipping, shipping.most_shipping, shipping.combines) == (True, 1250, (True, True, False))
    assert (off.amount, off.each_item, off.products) == (950, False, (tea.id,))
    assert (half.percentage, half.variants) == (Fraction(1, 2), (tea.id + 36 * 10**12,))
    assert all(made.usage_limit == 1 and made.once_per_customer for made in (percent, shipping, off, half))


@pytest.mark.parametrize("takes, mutation", [
    ("amount", "discountCodeBasicCreate"), ("shipping", "discountCodeFreeShippingCreate"),
])  # fmt: skip
def test_a_code_whose_answer_was_lost_is_there_when_it_is_asked_for_again(
    platform: Platform, anna: Customer, takes: Any, mutation: str
) -> None:
    store, effect = platform.store(), discount("ONCE", anna, amount_minor=500 * (takes == "amount"), takes=takes)
    lose(platform, mutation, 9)
    with pytest.raises(StoreError) as fault:
        store.put_discounts([effect])
    assert not fault.value.permanent
    lose(platform, mutation, 0)
    assert store.put_discounts([effect]) == [None]
    assert len(platform.world.shop().discounts) == 1
    assert store.put_discounts([replace(effect, active=False)]) == [None]
    made = platform.world.shop().discounts.by_code("ONCE")
    assert made is not None
    assert made.status(platform.world.clock()) == "EXPIRED"


def test_what_the_platform_would_not_take_is_not_asked_for(platform: Platform, anna: Customer) -> None:
    store = platform.store()
    before = platform.world.stats["platform_calls"]
    wrong = [
        discount("A", anna, takes="shipping", combines=Combines(shipping=True)),
        discount("B", anna, takes="percentage", percent=101),
        discount("C", anna),
        discount("D", anna, amount_minor=1, minimum_minor=1, minimum_quantity=1),
        discount("E", anna, takes="shipping", goods=Goods(("1",))),
        discount("F", anna, amount_minor=1, goods=Goods(("gid://x",))),
        discount("G" * 256, anna, amount_minor=1),
    ]
    assert told(store.put_discounts(wrong)) == [
        ("free shipping cannot be combined with another shipping discount", True),
        ("a percentage off goes from 1 to 100", True),
        ("an amount off is above zero", True),
        ("a code asks for a least spend or a least number of pieces, not both", True),
        ("free shipping is for a whole order, not for named goods", True),
        ("the store has no such product", True),
        ("a code and its title have from 1 to 255 letters", True),
    ]
    assert platform.world.stats["platform_calls"] == before


def test_one_wrong_code_of_a_batch_leaves_the_others_alone(platform: Platform, anna: Customer) -> None:
    store = platform.store()
    assert store.put_discounts([discount("TAKEN", amount_minor=1)]) == [None]
    (mine,) = platform.world.shop().discounts
    mine.title = "The merchant's own"
    effects = [
        discount("ONE", anna, amount_minor=500),
        discount("TAKEN", anna, amount_minor=500),
        discount("NO-GOODS", anna, amount_minor=500, goods=Goods(products=("404",))),
        discount("TWO", anna, takes="shipping"),
        discount("THREE", amount_minor=1),
    ]
    assert told(store.put_discounts(effects)) == [
        None,
        ("the code belongs to another discount of the shop", True),
        ("the store refused: INVALID at basicCodeDiscount.customerGets.items.products", True),
        None,
        None,
    ]
    assert sorted(made.code for made in platform.world.shop().discounts) == ["ONE", "TAKEN", "THREE", "TWO"]


# --- gift cards


def card(customer: Customer, code: str = "ACDEFGHJKM3467", **more: Any) -> PutGiftCard:
    given: dict[str, Any] = {"title": "Perennial: a card", "ends_on": date(2030, 1, 31), "active": True} | more
    return PutGiftCard(
        code, given["title"], 2000, "USD", given["ends_on"], given.get("owner", str(customer.id)), given["active"]
    )


def test_a_gift_card_is_made_once_whatever_becomes_of_the_answer(
    allowed: Platform, anna: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store, cards = allowed.store(), allowed.world.shop().gift_cards
    lose(allowed, "giftCardCreate", 9)
    with pytest.raises(StoreError) as fault:
        store.put_gift_cards([card(anna)])
    lose(allowed, "giftCardCreate", 0)
    assert store.put_gift_cards([card(anna), card(anna, "ANOTHERCARD", ends_on=None)]) == [None, None]
    (first, second) = cards
    assert (first.code, first.balance, first.customer_id, first.expires_on, first.note) == (
        "acdefghjkm3467", 2000, anna.id, "2030-01-31", "Perennial: a card",
    )  # fmt: skip
    assert second.expires_on is None
    assert "acdefghjkm3467" not in (str(fault.value) + caplog.text).casefold()


def test_a_number_that_another_card_bears_is_refused(allowed: Platform, anna: Customer) -> None:
    store = allowed.store()
    assert store.put_gift_cards([card(anna, title="The merchant's own")]) == [None]
    assert told(store.put_gift_cards([card(anna)])) == [("the number belongs to another gift card of the shop", True)]


def test_a_whole_card_is_made_dead_and_one_that_paid_is_not(allowed: Platform, anna: Customer) -> None:
    store = allowed.store()
    whole, begun = card(anna), card(anna, "ANOTHERCARD")
    assert store.put_gift_cards([whole, begun]) == [None, None]
    allowed.world.place_order([("MUG", 1)], customer=anna, gift_cards=[begun.code])
    ending = [replace(whole, active=False), replace(begun, active=False), card(anna, "NEVERMADE1", active=False)]
    expected = [None, ("some of the gift card was spent", True), ("the gift card is not to be found yet", False)]
    assert told(store.put_gift_cards(ending)) == expected
    assert told(store.put_gift_cards(ending)) == expected
    first, second = allowed.world.shop().gift_cards
    assert (first.deactivated_at is not None, second.deactivated_at, second.balance) == (True, None, 600)


def test_one_wrong_card_of_a_batch_leaves_the_others_alone(allowed: Platform, anna: Customer) -> None:
    effects = [card(anna), card(anna, "SHORT"), card(anna, "NOBODYSCARD", owner="404404"), card(anna, "ANOTHERCARD")]
    assert told(allowed.store().put_gift_cards(effects)) == [
        None,
        ("a gift card's number has 8 to 20 letters and digits", True),
        ("the store refused: CUSTOMER_NOT_FOUND at input.customerId", True),
        None,
    ]
    assert len(allowed.world.shop().gift_cards) == 2


# --- store credit


def credit(customer: Customer, **more: Any) -> GiveCredit:
    return replace(GiveCredit("C-ABC", 1500, "USD", END, str(customer.id)), **more)


def back(customer: Customer, since: datetime = START) -> TakeCredit:
    return TakeCredit("C-ABC", 1500, "USD", END, str(customer.id), since)


def balance(platform: Platform, customer: Customer) -> int:
    account = platform.world.shop().store_credit.of(customer.id)
    return account.balance(platform.world.clock()) if account is not None else 0


def test_a_credit_whose_answer_was_lost_is_found_by_its_end_and_given_once(allowed: Platform, anna: Customer) -> None:
    store = allowed.store()
    assert store.give_credit(credit(anna, code="C-1", ends_at=END + timedelta(seconds=1)), asked_before=False) is None
    lose(allowed, "storeCreditAccountCredit")
    lost = store.give_credit(credit(anna), asked_before=False)
    assert (told([lost]), balance(allowed, anna)) == ([("the store answered HTTP 520", False)], 3000)
    assert store.give_credit(credit(anna), asked_before=True) is None
    assert balance(allowed, anna) == 3000


def test_a_credit_whose_question_was_lost_is_given_when_asked_for_again(allowed: Platform, anna: Customer) -> None:
    store = allowed.store()
    other = credit(anna, code="C-1", ends_at=END + timedelta(seconds=1))
    for asked in (credit(anna), other):
        assert store.give_credit(asked, asked_before=True) is None
    assert balance(allowed, anna) == 3000


@pytest.mark.parametrize("wrong, reason", [
    ({"customer_external_id": "404404"}, "the store refused: OWNER_NOT_FOUND at id"),
    ({"amount_minor": 0}, "the store refused: ACCOUNT_NOT_FOUND at id"),
    ({"ends_at": START}, "the store refused: EXPIRES_AT_IN_PAST at creditInput.creditAmount"),
    ({"currency": "EUR"}, "the store refused: MISMATCHING_CURRENCY at creditInput.creditAmount"),
])  # fmt: skip
def test_a_credit_that_the_platform_refuses_is_refused_for_good(
    allowed: Platform, anna: Customer, wrong: dict[str, Any], reason: str
) -> None:
    fault = allowed.store().give_credit(credit(anna, **wrong), asked_before=False)
    assert (told([fault]), balance(allowed, anna)) == ([(reason, True)], 0)


def test_a_whole_credit_is_taken_back_once_and_one_that_paid_is_not(allowed: Platform, anna: Customer) -> None:
    store = allowed.store()
    assert store.give_credit(credit(anna), asked_before=False) is None
    lose(allowed, "storeCreditAccountDebit")
    assert told([store.take_credit(back(anna), asked_before=False)]) == [("the store answered HTTP 520", False)]
    assert balance(allowed, anna) == 0
    assert store.take_credit(back(anna), asked_before=True) is None
    bob = allowed.world.add_customer("bob@example.com")
    assert store.give_credit(credit(bob), asked_before=False) is None
    allowed.world.place_order([("TEA", 1)], customer=bob, store_credit=True)
    assert told([store.take_credit(back(bob), asked_before=True)]) == [("some of the store credit was spent", True)]
    assert (balance(allowed, anna), balance(allowed, bob)) == (0, 550)
    nobody = allowed.world.add_customer("nobody@example.com")
    assert told([store.take_credit(back(nobody), asked_before=False)]) == [
        ("the credit is not in the store's books", True)
    ]


# --- what the merchant has not allowed


def test_money_that_the_merchant_has_not_allowed_is_refused_with_what_to_do(platform: Platform, anna: Customer) -> None:
    store = platform.store()
    (made,) = store.put_gift_cards([card(anna)])
    given = store.give_credit(credit(anna), asked_before=False)
    again = store.give_credit(credit(anna), asked_before=True)
    todo = "in this store: allow it on the app's page of rewards, then redeem again"
    assert told([made, given, again]) == [
        (f"the app may not {deed} {todo}", True)
        for deed in ("make gift cards", "give store credit", "give store credit")
    ]
    assert len(platform.world.shop().gift_cards) == 0


def test_what_gift_cards_and_credit_paid_is_asked_for_where_a_body_names_them(
    allowed: Platform, anna: Customer
) -> None:
    store, world = allowed.store(), allowed.world
    card = PutGiftCard("ABCD2345EFGH", "Perennial: a card", 3000, "USD", None, str(anna.id), True)
    assert store.put_gift_cards([card]) == [None]
    assert store.give_credit(credit(anna, amount_minor=500), asked_before=False) is None
    placed = world.place_order(
        [("POT", 2), ("MUG", 1)], customer=anna, gift_cards=[card.code], store_credit=True, shipping=500
    )
    delivery = allowed.deliveries("orders/paid")[-1]
    changed, stale = translate(delivery)
    assert isinstance(changed, OrderChanged)
    assert changed.order.credit_minor is None
    assert stale == OrderStale(str(placed.id), delivery.observed_at + timedelta(microseconds=1))
    (read,) = store.orders([str(placed.id)])
    assert read.credit_minor == 3500
    assert read.gateways == changed.order.gateways == ("bogus", "gift_card", "shopify_store_credit")
    assert read.shipping_minor == 500
    assert replace(read, credit_minor=None, observed_at=START, customer=None) == replace(
        changed.order, observed_at=START, customer=None
    )
