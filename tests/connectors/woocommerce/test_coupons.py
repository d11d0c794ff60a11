"""Each kind of discount as a coupon: what the store is asked for, and that it is there so or not at all."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from commerce.rewards import Combines, Goods
from connectors.woocommerce import Home
from tests.connectors.woocommerce.conftest import NOON, Shop
from tests.connectors.woocommerce.test_writes import discount, reasons

ALL = Combines(orders=True, products=True, shipping=True)
GUEST = "guest:0123456789abcdef"

KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "amount": (
        {"amount_minor": 750, "minimum_minor": 2000},
        {"discount_type": "fixed_cart", "amount": "7.50", "minimum_amount": "20.00", "individual_use": True},
    ),
    "percentage": (
        {"takes": "percentage", "percent": 15, "combines": ALL},
        {"discount_type": "percent", "amount": "15.00", "individual_use": False, "free_shipping": False},
    ),
    "free shipping": (
        {"takes": "shipping", "amount_minor": 0, "combines": Combines(orders=True, products=True)},
        {"discount_type": "fixed_cart", "amount": "0.00", "free_shipping": True, "individual_use": False},
    ),
    "one piece of certain products": (
        {"amount_minor": 950, "goods": Goods(products=("12", "7"), variants=("31",))},
        {"discount_type": "fixed_product", "amount": "9.50", "limit_usage_to_x_items": 1, "product_ids": [7, 12, 31]},
    ),
    "certain products for less": (
        {"takes": "percentage", "percent": 50, "goods": Goods(products=("12",))},
        {"discount_type": "percent", "amount": "50.00", "limit_usage_to_x_items": None, "product_ids": [12]},
    ),
    "a category for less": (
        {"takes": "percentage", "percent": 5, "goods": Goods(collections=("3", "2"))},
        {"discount_type": "percent", "amount": "5.00", "product_ids": [], "product_categories": [2, 3]},
    ),
}


@pytest.mark.parametrize("described, there", KINDS.values(), ids=list(KINDS))
def test_each_kind_of_discount_is_a_coupon_of_its_own(
    shop: Shop, described: dict[str, Any], there: dict[str, Any]
) -> None:
    effect = discount(**described)
    assert shop.woo().put_discounts([effect]) == [None]
    found = shop.store.coupon(effect.code)
    assert found is not None
    assert {name: found[name] for name in there} == there
    assert (found["usage_limit"], found["usage_limit_per_user"], found["exclude_sale_items"]) == (1, 1, False)


@pytest.mark.parametrize(
    "described, told",
    [
        ({"minimum_quantity": 2}, "has no codes for a least number of pieces: ask for a least spend"),
        ({"takes": "shipping", "most_shipping_minor": 900}, "has no free shipping up to a price"),
        ({"combines": Combines(shipping=True)}, "used with all other discounts or with none"),
        ({"takes": "shipping", "combines": Combines(orders=True)}, "used with all other discounts or with none"),
        ({"takes": "percentage", "percent": 101}, "a percentage off goes from 1 to 100"),
        ({"takes": "shipping", "goods": Goods(("1",))}, "for a whole order"),
        ({"goods": Goods(products=("1",), collections=("2",))}, "for products or for categories"),
        ({"goods": Goods(products=("gid://x",))}, "the store's own numbers"),
    ],
)
def test_what_a_coupon_cannot_say_is_refused_and_never_made_into_something_else(
    shop: Shop, described: dict[str, Any], told: str
) -> None:
    (answer,) = shop.woo().put_discounts([discount(**described)])
    assert answer is not None
    assert answer.permanent
    assert told in answer.reason
    assert shop.store.coupons == {}


def test_a_coupon_that_came_out_otherwise_once_is_put_right(shop: Shop) -> None:
    spoiled: list[dict[str, Any]] = []

    def another_plugin(body: dict[str, Any]) -> None:
        if not spoiled:
            spoiled.append(body)
            body |= {"usage_limit": None, "amount": "50.00"}

    shop.store.on_coupon = another_plugin
    assert shop.woo().put_discounts([discount(), discount("SECOND-ONE")]) == [None, None]
    there = shop.store.coupon(discount().code)
    assert there is not None
    assert (there["usage_limit"], there["amount"]) == (1, "5.00")
    assert shop.questions("POST") == ["coupons/batch"] * 2


def test_a_coupon_that_cannot_even_be_frozen_is_told_as_not_settled(shop: Shop) -> None:
    shop.store.on_coupon = lambda body: body.update(amount="50.00", status="publish")
    (told,) = shop.woo().put_discounts([discount()])
    assert told is not None
    # Asked again later: a permanent no would give the points back while the code works.
    assert (told.permanent, told.reason) == (False, "the store did not freeze the coupon")
    (told,) = shop.woo().put_discounts([discount(active=False)])
    assert told is not None
    assert not told.permanent


def test_every_coupon_of_a_released_code_is_frozen(shop: Shop) -> None:
    woo = shop.woo()
    assert woo.put_discounts([discount()]) == [None]
    (first,) = shop.store.coupons.values()
    # A slow store took both askings, and made two.
    first.body["status"] = "pending"
    assert woo.put_discounts([discount()]) == [None]
    first.body["status"] = "publish"
    assert woo.put_discounts([discount(active=False)]) == [None]
    assert [record.body["status"] for record in shop.store.coupons.values()] == ["draft", "draft"]


def test_many_codes_are_frozen_by_one_writing_and_looked_for_twice(shop: Shop) -> None:
    woo, codes = shop.woo(home=Home("USD")), [f"RELEASED-{number}" for number in range(40)]
    assert woo.put_discounts([discount(code) for code in codes]) == [None] * 40
    shop.store.asked.clear()
    assert woo.put_discounts([discount(code, active=False) for code in codes]) == [None] * 40
    assert {record.body["status"] for record in shop.store.coupons.values()} == {"draft"}
    assert (shop.questions("POST"), len(shop.questions("GET"))) == (["coupons/batch"], 80)


def test_a_code_that_was_used_is_frozen_too_since_a_cancelled_order_gives_its_use_back(shop: Shop) -> None:
    woo = shop.woo()
    assert woo.put_discounts([discount()]) == [None]
    (record,) = shop.store.coupons.values()
    record.body |= {"usage_count": 1, "used_by": ["12"]}
    assert woo.put_discounts([discount(active=False)]) == [None]
    assert record.body["status"] == "draft"


def test_a_guest_s_code_is_locked_to_the_address_that_comes_with_it(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    effect = discount(customer_external_id=GUEST, customer_email=" Sara@Example.test")
    assert shop.woo().put_discounts([effect]) == [None]
    there = shop.store.coupon(effect.code)
    assert there is not None
    assert there["email_restrictions"] == ["sara@example.test"]
    assert "sara@example.test" not in (repr(effect) + caplog.text).lower()


@pytest.mark.parametrize("email", [None, "", "*@example.test"])
def test_a_guest_without_an_address_gets_no_code(shop: Shop, email: str | None) -> None:
    told = reasons(shop.woo().put_discounts([discount(customer_external_id=GUEST, customer_email=email)]))
    assert told == ["the customer has no e-mail to lock the code to, or is no longer in the store"]
    assert shop.store.coupons == {}


def test_an_account_s_code_goes_by_the_address_that_the_store_has(shop: Shop) -> None:
    sara = shop.store.register("sara@example.test")
    effect = discount(customer_external_id=str(sara), customer_email="old@example.test")
    assert shop.woo().put_discounts([effect]) == [None]
    there = shop.store.coupon(effect.code)
    assert there is not None
    assert there["email_restrictions"] == ["sara@example.test"]


def test_the_instant_of_the_end_bears_its_zone(shop: Shop) -> None:
    assert shop.woo().put_discounts([discount(ends_at=NOON)]) == [None]
    there = shop.store.coupon(discount().code)
    assert there is not None
    assert (there["date_expires"], there["date_expires_gmt"]) == ("2026-11-22T15:30:00", "2026-11-22T12:00:00")
