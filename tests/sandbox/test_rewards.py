"""What rewards buy at the checkout: free shipping, named goods, gift cards and store credit; and their books."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from sandbox import App, Courier, SaleRefused, World, create_app
from sandbox.apps import DEFAULT_SCOPES
from sandbox.customers import Customer
from sandbox.ids import gid
from tests.sandbox.conftest import SECRET, Api, Clock

ERRORS = "userErrors{field message code}"
BASIC = f"mutation($d:DiscountCodeBasicInput!){{discountCodeBasicCreate(basicCodeDiscount:$d){{{ERRORS}}}}}"
SHIPPING = (
    "mutation($d:DiscountCodeFreeShippingInput!){discountCodeFreeShippingCreate(freeShippingCodeDiscount:$d)"
    "{codeDiscountNode{id codeDiscount{__typename ... on DiscountCodeFreeShipping{discountClasses summary}}}"
    f"{ERRORS}}}}}"
)
CARD = f"mutation($i:GiftCardCreateInput!){{giftCardCreate(input:$i){{giftCard{{id}} giftCardCode {ERRORS}}}}}"
CARDS = "query($q:String){giftCards(first:5,query:$q){nodes{id lastCharacters note enabled balance{amount}}}}"
END_CARD = f"mutation($id:ID!){{giftCardDeactivate(id:$id){{giftCard{{enabled}} {ERRORS}}}}}"
CREDIT = (
    "mutation($id:ID!,$i:StoreCreditAccountCreditInput!){storeCreditAccountCredit(id:$id,creditInput:$i)"
    f"{{storeCreditAccountTransaction{{balanceAfterTransaction{{amount}}}} {ERRORS}}}}}"
)
DEBIT = (
    "mutation($id:ID!,$i:StoreCreditAccountDebitInput!){storeCreditAccountDebit(id:$id,debitInput:$i)"
    f"{{storeCreditAccountTransaction{{amount{{amount}}}} {ERRORS}}}}}"
)
BOOKS = """query($id:ID!,$q:String){customer(id:$id){storeCreditAccounts(first:1){nodes{balance{amount}
    transactions(first:9,query:$q){nodes{event amount{amount}
    ... on StoreCreditAccountCreditTransaction{expiresAt remainingAmount{amount}}}}}}}}"""


SCOPES = ("write_gift_cards", "read_store_credit_accounts", "write_store_credit_account_transactions")


@pytest.fixture
def world(clock: Clock, courier: Courier) -> World:
    """A shop whose merchant has allowed the app to hand money over."""
    made = World(App("client-1", SECRET, scopes=(*DEFAULT_SCOPES, *SCOPES)), clock=clock, courier=courier)
    made.install()
    return made


def given(**more: Any) -> dict[str, Any]:
    return {"title": "t", "code": "ONE", "startsAt": "2026-11-01T00:00:00Z", "context": {"all": "ALL"}} | more


def gets(items: dict[str, Any], **value: Any) -> dict[str, Any]:
    return {"items": items, "value": value}


def only(world: World, *skus: str) -> dict[str, Any]:
    catalog = world.shop().catalog
    found = [catalog.by_sku(sku) for sku in skus]
    return {"products": {"productsToAdd": [gid("Product", one.id) for one in found if one is not None]}}


def make(api: Api, mutation: str, **more: Any) -> list[str]:
    ((_, payload),) = api(mutation, d=given(**more)).items()
    return [error["code"] for error in payload["userErrors"]]


# --- discounts


def test_free_shipping_takes_off_the_shipping_and_nothing_of_the_goods(world: World, api: Api) -> None:
    assert make(api, SHIPPING, destination={"all": True}, maximumShippingPrice="6.00") == []
    order = world.place_order([("MUG", 1)], email="a@example.com", codes=["one"], shipping=500)
    assert (order.subtotal, order.discounts, order.shipping, order.shipping_off, order.total) == (1400, 0, 0, 500, 1400)
    assert [(code.kind, code.amount) for code in order.codes] == [("shipping", 500)]
    with pytest.raises(SaleRefused, match="price of shipping"):
        world.place_order([("MUG", 1)], email="a@example.com", codes=["one"], shipping=601)


def test_free_shipping_is_told_for_what_it_is_and_combines_with_no_other(api: Api) -> None:
    made = api(SHIPPING, d=given(destination={"all": True}))["discountCodeFreeShippingCreate"]
    assert made["codeDiscountNode"]["codeDiscount"] == {
        "__typename": "DiscountCodeFreeShipping", "discountClasses": ["SHIPPING"], "summary": "Free shipping",
    }  # fmt: skip
    wrong = {"code": "TWO", "destination": {"all": True}, "combinesWith": {"shippingDiscounts": True}}
    assert make(api, SHIPPING, **wrong) == ["INVALID_COMBINES_WITH_FOR_DISCOUNT_CLASS"]
    assert make(api, SHIPPING, destination={"all": True}) == ["TAKEN"]


def test_a_discount_of_named_goods_leaves_the_others_alone(world: World, api: Api) -> None:
    assert make(api, BASIC, customerGets=gets(only(world, "TEA"), percentage=0.5)) == []
    order = world.place_order([("MUG", 2), ("TEA", 3)], email="a@example.com", codes=["ONE"])
    assert [world.shop().lines.discount[place] for place in order.lines] == [0, 1425]
    with pytest.raises(SaleRefused, match="not valid for the items"):
        world.place_order([("MUG", 1)], email="a@example.com", codes=["ONE"])


def test_an_amount_off_named_goods_is_taken_once_however_many_there_are(world: World, api: Api) -> None:
    value = {"discountAmount": {"amount": "18.00", "appliesOnEachItem": False}}
    assert make(api, BASIC, customerGets={"items": only(world, "TOWEL"), "value": value}) == []
    order = world.place_order([("MUG", 1), ("TOWEL", 3)], email="a@example.com", codes=["ONE"])
    assert (order.discounts, [world.shop().lines.discount[place] for place in order.lines]) == (1800, [0, 1800])


def test_codes_combine_only_when_both_allow_it(world: World, api: Api) -> None:
    off = {"discountAmount": {"amount": "5.00"}}
    order_class, with_all = (
        gets({"all": True}, **off),
        dict.fromkeys(("orderDiscounts", "productDiscounts", "shippingDiscounts"), True),
    )
    assert make(api, BASIC, code="ALONE", customerGets=order_class) == []
    assert make(api, BASIC, code="ORDER", customerGets=order_class, combinesWith=with_all) == []
    tea = gets(only(world, "TEA"), percentage=0.1)
    assert make(api, BASIC, code="TEA", customerGets=tea, combinesWith=with_all) == []
    free = {"destination": {"all": True}, "combinesWith": {"orderDiscounts": True, "productDiscounts": True}}
    assert make(api, SHIPPING, code="SHIP", **free) == []
    basket = [("MUG", 1), ("TEA", 1)]
    order = world.place_order(basket, email="a@example.com", codes=["ORDER", "SHIP", "TEA"], shipping=400)
    # 14.00 + 9.50 - 0.95 of the tea - 5.00 of what is left
    assert (order.discounts, order.total) == (595, 1755)
    assert sum(world.shop().lines.discount[place] for place in order.lines) == 595
    with pytest.raises(SaleRefused, match="cannot be combined"):
        world.place_order(basket, email="a@example.com", codes=["ALONE", "SHIP"], shipping=400)


@pytest.mark.parametrize(
    "items, value, code",
    [
        ({"products": {"productsToAdd": ["gid://shopify/Product/1"]}}, {"percentage": 0.5}, "INVALID"),
        ({"collections": {"add": ["gid://shopify/Collection/1"]}}, {"percentage": 0.5}, "INVALID"),
        ({"products": {"productsToAdd": []}}, {"percentage": 0.5}, "APPLIES_ON_NOTHING"),
        ({"all": True}, {"discountOnQuantity": {"quantity": "1", "effect": {"percentage": 1.0}}}, "INVALID"),
    ],
)
def test_goods_and_values_that_the_platform_does_not_take(api: Api, items: Any, value: Any, code: str) -> None:
    assert make(api, BASIC, customerGets={"items": items, "value": value}) == [code]


# --- gift cards


@pytest.fixture
def anna(world: World) -> Customer:
    return world.add_customer("anna@example.com")


def card(**more: Any) -> dict[str, Any]:
    return {"code": "ABCD1234EFGH", "initialAmount": {"amount": "20.00", "currencyCode": "USD"}} | more


def test_a_gift_card_is_made_once_pays_and_is_found_by_its_number(world: World, api: Api, anna: Customer) -> None:
    made = api(CARD, i=card(customerId=gid("Customer", anna.id), note="ours"))["giftCardCreate"]
    assert (made["giftCardCode"], made["userErrors"]) == ("abcd1234efgh", [])
    again = api(CARD, i=card(code="abcd1234EFGH"))["giftCardCreate"]
    assert (again["giftCardCode"], [error["code"] for error in again["userErrors"]]) == (None, ["TAKEN"])
    world.place_order([("MUG", 1)], customer=anna, gift_cards=["abcd-1234-efgh"])
    (found,) = api(CARDS, q="ABCD1234EFGH")["giftCards"]["nodes"]
    assert (found["lastCharacters"], found["note"], found["enabled"], found["balance"]["amount"]) == (
        "efgh", "ours", True, "6.00",
    )  # fmt: skip
    assert api(CARDS, q="nothing")["giftCards"]["nodes"] == []


def test_a_gift_card_that_was_made_dead_or_has_ended_pays_no_more(world: World, api: Api, clock: Clock) -> None:
    (ended, dead) = (
        api(CARD, i=card(code=code, expiresOn=end))["giftCardCreate"]["giftCard"]["id"]
        for code, end in (("ENDED12345", "2026-11-30"), ("DEAD123456", None))
    )
    assert ended != dead
    assert api(END_CARD, id=dead)["giftCardDeactivate"] == {"giftCard": {"enabled": False}, "userErrors": []}
    (missing,) = api(END_CARD, id="gid://shopify/GiftCard/1")["giftCardDeactivate"]["userErrors"]
    assert missing["code"] == "GIFT_CARD_NOT_FOUND"
    clock.at += 20 * 86_400
    for code in ("ENDED12345", "DEAD123456"):
        with pytest.raises(SaleRefused, match="does not work"):
            world.place_order([("MUG", 1)], email="a@example.com", gift_cards=[code])
    assert len(world.shop().orders) == len(world.shop().lines) == 0


@pytest.mark.parametrize(
    "wrong, code",
    [
        ({"code": "short"}, "TOO_SHORT"),
        ({"code": "x" * 21}, "TOO_LONG"),
        ({"code": "ABCD_1234_"}, "INVALID"),
        ({"initialAmount": {"amount": "0", "currencyCode": "USD"}}, "GREATER_THAN"),
        ({"initialAmount": {"amount": "2000.01", "currencyCode": "USD"}}, "GIFT_CARD_LIMIT_EXCEEDED"),
        ({"customerId": "gid://shopify/Customer/1"}, "CUSTOMER_NOT_FOUND"),
        ({"expiresOn": "2026-01-01"}, "INVALID"),
    ],
)
def test_a_wrong_gift_card_is_refused_by_its_code(api: Api, wrong: dict[str, Any], code: str) -> None:
    made = api(CARD, i=card(**wrong))["giftCardCreate"]
    assert [error["code"] for error in made["userErrors"]] == [code]
    assert len(api.world.shop().gift_cards) == 0


# --- store credit


def credit(amount: str, expires_at: str | None = None) -> dict[str, Any]:
    return {"creditAmount": {"amount": amount, "currencyCode": "USD"}, "expiresAt": expires_at}


def test_credit_asked_for_twice_is_given_twice_and_pays_from_what_ends_first(
    world: World, api: Api, anna: Customer
) -> None:
    owner = gid("Customer", anna.id)
    for end in (None, "2027-01-01T00:00:00Z"):
        api(CREDIT, id=owner, i=credit("10.00", end))
    world.place_order([("MUG", 1)], customer=anna, store_credit=True)
    (account,) = api(BOOKS, id=owner)["customer"]["storeCreditAccounts"]["nodes"]
    assert account["balance"]["amount"] == "6.00"
    ends = "2027-01-01T00:00:00Z"
    assert account["transactions"]["nodes"] == [
        {"event": "ADJUSTMENT", "amount": {"amount": "10.00"}, "expiresAt": end, "remainingAmount": {"amount": left}}
        for end, left in ((None, "6.00"), (ends, "0.00"))
    ] + [{"event": "ORDER_PAYMENT", "amount": {"amount": "-14.00"}}]
    query = "expires_at:>='2027-01-01T00:00:00Z' AND expires_at:<='2027-01-01T00:00:00Z'"
    (account,) = api(BOOKS, id=owner, q=query)["customer"]["storeCreditAccounts"]["nodes"]
    assert [one["expiresAt"] for one in account["transactions"]["nodes"]] == ["2027-01-01T00:00:00Z"]


def test_wrong_credits_and_debits_are_refused_by_their_codes(api: Api, anna: Customer) -> None:
    owner = gid("Customer", anna.id)
    answers = [
        api(CREDIT, id=owner, i=credit("0")), api(CREDIT, id=owner, i=credit("1", "2020-01-01T00:00:00Z")),
        api(CREDIT, id="gid://shopify/Customer/1", i=credit("1")), api(CREDIT, id=owner, i=credit("1000000001")),
        api(DEBIT, id=owner, i={"debitAmount": {"amount": "1.00", "currencyCode": "USD"}}),
        api(DEBIT, id=owner, i={"debitAmount": {"amount": "1.00", "currencyCode": "EUR"}}),
    ]  # fmt: skip
    assert [payload["userErrors"][0]["code"] for answer in answers for payload in answer.values()] == [
        "ACCOUNT_NOT_FOUND", "EXPIRES_AT_IN_PAST", "OWNER_NOT_FOUND", "CREDIT_LIMIT_EXCEEDED", "INSUFFICIENT_FUNDS",
        "MISMATCHING_CURRENCY",
    ]  # fmt: skip


# --- what may go wrong on the way


def test_an_app_that_was_not_allowed_to_is_refused(world: World, api: Api, anna: Customer) -> None:
    installation = world.shop().installation
    assert installation is not None
    installation.access[api.token].scopes = DEFAULT_SCOPES
    asked: list[tuple[str, dict[str, Any]]] = [
        (CARD, {"i": card()}),
        (CREDIT, {"id": gid("Customer", anna.id), "i": credit("1.00")}),
        (BOOKS, {"id": gid("Customer", anna.id)}),
        (CARDS, {}),
    ]
    for query, variables in asked:
        assert api.raw(query, variables)["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert len(world.shop().gift_cards) == world.shop().store_credit.moved == 0


def test_an_answer_can_be_lost_after_it_took_effect(world: World, api: Api, anna: Customer) -> None:
    world.shop().lost_answers["storeCreditAccountCredit"] = 1
    with pytest.raises(ValueError, match="unexpected character"):
        api(CREDIT, id=gid("Customer", anna.id), i=credit("10.00"))
    assert api(CREDIT, id=gid("Customer", anna.id), i=credit("10.00"))["storeCreditAccountCredit"] == {
        "storeCreditAccountTransaction": {"balanceAfterTransaction": {"amount": "20.00"}}, "userErrors": [],
    }  # fmt: skip


def test_a_shopper_pays_with_card_and_credit_in_the_store_itself(world: World, api: Api, anna: Customer) -> None:
    make(api, SHIPPING, destination={"all": True})
    api(CARD, i=card())
    api(CREDIT, id=gid("Customer", anna.id), i=credit("3.00"))
    browser = Client(create_app(world))
    browser.post("/store/login", data={"email": anna.email})
    browser.post("/store/cart/add", data={"sku": "POT"})
    browser.post("/store/cart", data={"delivery": "parcel"})
    assert "<dt>Shipping</dt><dd>5.00 USD</dd>" in browser.get("/store/cart").text
    assert "Use my store credit of 3.00 USD" in browser.get("/store/checkout").text
    browser.get("/discount/one")
    assert browser.post("/store/checkout", data={"gift_card": "nonsense"}).status_code == 422
    assert browser.post("/store/checkout", data={"gift_card": "ABCD 1234 EFGH", "store_credit": "1"}).status_code == 303
    (order,) = world.shop().orders
    assert (order.total, order.shipping_off) == (4800, 500)
    (paid_by,) = world.shop().gift_cards
    account = world.shop().store_credit.of(anna.id)
    assert account is not None
    assert (paid_by.balance, account.balance(world.clock())) == (0, 0)
    page = browser.get("/admin/discounts").text
    assert "free shipping" in page
    assert "•••• efgh" in page
    assert "abcd1234efgh" not in page


def test_a_script_can_have_answers_lost(world: World) -> None:
    client = Client(create_app(world))
    assert client.post("/sandbox/faults/answers", json={"giftCardCreate": 2}).json == {"giftCardCreate": 2}
    assert world.shop().lost_answers["giftCardCreate"] == 2
    assert client.post("/sandbox/faults/answers", json={"giftCardCreate": "many"}).status_code == 422
