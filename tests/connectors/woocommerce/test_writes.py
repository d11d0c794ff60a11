"""What is written to a store is there afterwards as it was stated, or it is not called written."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from commerce.rewards import PutDiscount, PutGiftCard
from commerce.store import PutSegment, SetFields, SetTags, StoreError
from connectors.woocommerce import Home
from tests.connectors.woocommerce.conftest import NOON, Shop

STAGES = ("stage:acquired", "stage:retained", "stage:at_risk")


def stage(customer: int | str, tag: str | None = "stage:retained") -> SetTags:
    return SetTags(str(customer), "stage:", (tag,) if tag else (), STAGES)


def discount(code: str = "LOYAL-7KQH3MRXA4", **changed: Any) -> PutDiscount:
    whole = PutDiscount(
        code=code,
        title="Perennial: 5.00 off",
        amount_minor=500,
        currency="USD",
        starts_at=NOON,
        ends_at=NOON + timedelta(days=30, microseconds=7),
        customer_external_id=None,
        minimum_minor=0,
        active=True,
    )
    return replace(whole, **changed)


def reasons(outcomes: list[StoreError | None]) -> list[str | None]:
    return [None if outcome is None else outcome.reason for outcome in outcomes]


# --- customers' fields


def test_where_a_customer_stands_is_a_field_that_other_plugins_can_match(shop: Shop) -> None:
    sara, ali = shop.store.register("sara@example.test"), shop.store.register("ali@example.test")
    effects = [
        stage(sara),
        SetTags(str(sara), "tier:", ("tier:gold",), ("tier:gold", "tier:silver")),
        SetTags(str(ali), "referral:", ("referral:friend", "referral:advocate"), ()),
        SetTags(str(ali), "vip club:", ("vip club:yes",), ()),
        SetTags(str(ali), "segment:", ("segment:twice", "segment:lately"), ()),
    ]
    assert shop.woo().set_tags(effects) == [None] * 5
    assert shop.store.meta(ali, "lifecycle_segments") == "lately, twice"
    assert (shop.store.meta(sara, "lifecycle_stage"), shop.store.meta(sara, "loyalty_tier")) == ("retained", "gold")
    assert shop.store.meta(ali, "referral_role") == "advocate, friend"
    assert shop.store.meta(ali, "perennial_vipclub") == "yes"
    assert shop.questions("POST") == ["customers/batch"]


def test_what_stands_already_is_not_written_again_so_the_echo_ends(shop: Shop) -> None:
    sara = shop.store.register("sara@example.test")
    assert shop.woo().set_tags([stage(sara)]) == [None]
    changed = shop.store.customers[sara].modified
    shop.clock.on(minutes=5)
    assert shop.woo().set_tags([stage(sara)]) == [None]
    assert shop.store.customers[sara].modified == changed
    assert shop.questions("POST") == ["customers/batch"]


def test_points_and_an_invitation_stand_beside_the_stage_and_pages_without_an_address_are_not_named(shop: Shop) -> None:
    sara, ali = shop.store.register("sara@example.test"), shop.store.register("ali@example.test")
    effects = [
        SetFields(str(sara), "loyalty", {"points": "120"}),
        SetFields(str(sara), "lifecycle", {"stage": "retained"}),
        SetFields(str(sara), "referral", {"referral_link": "/r/SARA-7KQH?ref=SARA-7KQH"}),
        SetFields(str(ali), "referral", {"referral_link": "/r/SARA-7KQH"}),
        SetFields("guest:0123456789abcdef", "loyalty", {"points": "5"}),
    ]
    assert shop.woo().set_fields(effects) == [None] * 5
    assert shop.store.meta(sara, "referral_link") == f"{shop.urls['https']}/?ref=SARA-7KQH"
    assert shop.store.customers[ali].body["meta_data"] == []
    assert (shop.store.meta(sara, "loyalty_points"), shop.store.meta(sara, "lifecycle_stage")) == ("120", "retained")
    held = {row["key"] for row in shop.store.customers[sara].body["meta_data"]}
    assert held == {"loyalty_points", "lifecycle_stage", "referral_link"}
    assert shop.woo().set_fields([SetFields(str(sara), "loyalty", {"points": None})]) == [None]
    assert shop.store.meta(sara, "loyalty_points") is None


def test_what_the_platform_has_none_of_is_an_answer(shop: Shop) -> None:
    card = PutGiftCard("GIFT-7KQH3MRX", "Perennial", 500, "USD", None, "1", active=True)
    (answer,) = shop.woo().put_gift_cards([card])
    assert answer is not None
    assert (answer.permanent, answer.reason) == (
        True,
        "WooCommerce has no gift cards of its own: offer an amount off an order",
    )
    with pytest.raises(StoreError, match="no exports") as refused:
        shop.woo().begin_export("orders")
    assert refused.value.permanent
    assert shop.store.asked == []


def test_no_tag_takes_the_field_away_and_leaves_the_merchant_s_own(shop: Shop) -> None:
    sara = shop.store.register("sara@example.test", meta_data=[{"id": 1, "key": "newsletter", "value": "yes"}])
    shop.woo().set_tags([stage(sara)])
    assert shop.woo().set_tags([stage(sara, None)]) == [None]
    assert [row["key"] for row in shop.store.customers[sara].body["meta_data"]] == ["newsletter"]


def test_a_field_that_something_else_filled_is_brought_to_what_is_stated(shop: Shop) -> None:
    sara = shop.store.register("sara@example.test", meta_data=[{"id": 1, "key": "lifecycle_stage", "value": ["a"]}])
    assert shop.woo().set_tags([stage(sara)]) == [None]
    assert shop.store.meta(sara, "lifecycle_stage") == "retained"


def test_a_guest_has_no_place_in_the_store_and_nothing_is_asked(shop: Shop) -> None:
    assert shop.woo().set_tags([stage("guest:0123456789abcdef")]) == [None]
    assert shop.store.asked == []


def test_each_customer_has_an_answer_of_his_own(shop: Shop) -> None:
    sara, admin = shop.store.register("sara@example.test"), shop.store.register("a@example.test", role="administrator")
    effects = [stage(999_999), stage(sara), stage(admin), stage(sara, "stage:" + "x" * 300)]
    told = reasons(shop.woo().set_tags(effects))
    assert told == [
        "the store no longer has this customer",
        None,
        "this account belongs to the shop's staff: not ours to write",
        "the text is too long for a customer's field",
    ]
    assert shop.store.customers[admin].body["meta_data"] == []


def test_many_customers_are_written_a_hundred_at_a_time(shop: Shop) -> None:
    people = [shop.store.register(f"p{number}@example.test") for number in range(230)]
    assert shop.woo().set_tags([stage(person) for person in people]) == [None] * 230
    assert {shop.store.meta(person, "lifecycle_stage") for person in people} == {"retained"}
    assert shop.questions("POST") == ["customers/batch"] * 3


def test_a_host_that_takes_fewer_at_a_time_gets_them_in_halves(shop: Shop) -> None:
    shop.store.batch_limit = 30
    people = [shop.store.register(f"p{number}@example.test") for number in range(100)]
    assert shop.woo().set_tags([stage(person) for person in people]) == [None] * 100
    assert {shop.store.meta(person, "lifecycle_stage") for person in people} == {"retained"}


def test_what_the_store_took_before_it_failed_stands(shop: Shop) -> None:
    people = [shop.store.register(f"p{number}@example.test") for number in range(120)]
    woo = shop.woo()
    woo.details()
    answers = shop.store.asked

    class Failing(list[tuple[str, str, dict[str, str]]]):
        def append(self, asked: tuple[str, str, dict[str, str]]) -> None:
            super().append(asked)
            if sum(path.endswith("/customers/batch") for _, path, _ in self) == 2:
                shop.store.faults.page(502, b"Bad Gateway")

    shop.store.asked = Failing(answers)
    told = woo.set_tags([stage(person) for person in people])
    assert told[:100] == [None] * 100
    assert {fault.permanent for fault in told[100:] if fault} == {False}
    assert len([fault for fault in told[100:] if fault]) == 20


def test_segments_are_answered_with_what_to_do_instead(shop: Shop) -> None:
    (told,) = shop.woo().put_segments([PutSegment("Perennial: at risk", "stage:at_risk")])
    assert told is not None
    assert told.permanent
    assert "lifecycle_stage" in told.reason


# --- coupons


def test_a_coupon_is_in_the_store_as_it_was_stated(shop: Shop) -> None:
    sara = shop.store.register("Sara@Example.test")
    effect = discount(customer_external_id=str(sara), minimum_minor=2000)
    assert shop.woo().put_discounts([effect]) == [None]
    there = shop.store.coupon(effect.code)
    assert there is not None
    shown = ("amount", "discount_type", "date_expires_gmt", "date_expires", "usage_limit", "usage_limit_per_user")
    assert [there[name] for name in shown] == [
        "5.00", "fixed_cart", "2026-12-22T12:00:00", "2026-12-22T15:30:00", 1, 1,
    ]  # fmt: skip
    assert (there["email_restrictions"], there["minimum_amount"]) == (["sara@example.test"], "20.00")


def test_coupons_are_made_in_batches_and_read_back_at_once(shop: Shop) -> None:
    effects = [discount(f"LOYAL-{number:04}") for number in range(130)]
    assert shop.woo(home=Home("USD")).put_discounts(effects) == [None] * 130
    assert shop.questions("POST") == ["coupons/batch"] * 2
    assert shop.questions("GET") == ["coupons"] * 2
    assert len(shop.store.coupons) == 130


def test_a_coupon_whose_answer_was_lost_is_found_again(shop: Shop) -> None:
    assert shop.woo().put_discounts([discount()]) == [None]
    assert shop.woo().put_discounts([discount()]) == [None]
    assert len(shop.store.coupons) == 1


def test_a_code_of_the_merchant_s_own_is_never_touched(shop: Shop) -> None:
    theirs = discount().code
    shop.woo().put_discounts([discount()])
    (record,) = shop.store.coupons.values()
    record.body |= {"meta_data": [], "description": "Perennial: 5.00 off", "amount": "90.00"}
    for effect in (discount(), discount(active=False)):
        (told,) = shop.woo().put_discounts([effect])
        assert told is not None
        assert (told.reason, told.permanent) == ("the code belongs to another coupon of the shop", True)
    there = shop.store.coupon(theirs)
    assert there is not None
    assert there["amount"] == "90.00"


@pytest.mark.parametrize(
    "spoiled, named",
    [
        ({"amount": "50.00"}, "amount"),
        ({"email_restrictions": []}, "email_restrictions"),
        ({"usage_limit": None}, "usage_limit"),
        ({"discount_type": "percent"}, "discount_type"),
        ({"product_ids": [5]}, "product_ids"),
        ({"minimum_amount": "1.00"}, "minimum_amount"),
        ({"free_shipping": True}, "free_shipping"),
        ({"code": "loyal-other"}, "code"),
        ({"limit_usage_to_x_items": 1}, "limit_usage_to_x_items"),
        ({"meta_data": []}, "meta_data"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_coupon_that_came_out_otherwise_is_frozen_and_its_fields_are_named(
    shop: Shop, spoiled: dict[str, Any], named: str
) -> None:
    sara = shop.store.register("sara@example.test")
    shop.store.on_coupon = lambda body: body.update(spoiled) if body["status"] == "publish" else None
    (told,) = shop.woo().put_discounts([discount(customer_external_id=str(sara))])
    assert told is not None
    assert told.permanent
    assert told.reason.endswith(f"so it is frozen: {named}")
    assert [record.body["status"] for record in shop.store.coupons.values()] == ["draft"]


def test_an_expiry_that_the_store_ignored_is_seen(shop: Shop) -> None:
    shop.woo().put_discounts([discount()])
    (record,) = shop.store.coupons.values()
    record.expires = None
    assert shop.woo().put_discounts([discount()]) == [None]
    assert record.expires == datetime.fromisoformat("2026-12-22T12:00:00Z")


def test_an_amount_that_the_store_rounds_is_not_called_issued(shop: Shop) -> None:
    shop.store.decimals = 0
    (told,) = shop.woo().put_discounts([discount(amount_minor=550)])
    assert told is not None
    assert told.reason.endswith("frozen: amount")
    assert shop.woo().put_discounts([discount("ROUND", amount_minor=500)]) == [None]


@pytest.mark.parametrize("email", ["", "*@example.test", "not an address"])
def test_a_lock_that_would_be_open_to_everybody_makes_no_coupon(shop: Shop, email: str) -> None:
    sara = shop.store.register(email)
    (told,) = shop.woo().put_discounts([discount(customer_external_id=str(sara))])
    assert told is not None
    assert told.permanent
    assert shop.store.coupon(discount().code) is None


def test_an_address_that_the_store_drops_leaves_no_open_coupon(shop: Shop) -> None:
    sara = shop.store.register("sara@exämple.test")
    (told,) = shop.woo().put_discounts([discount(customer_external_id=str(sara))])
    assert told is not None
    assert told.reason.endswith("frozen: email_restrictions")
    assert shop.store.coupon(discount().code) is None


def test_a_released_code_is_frozen_and_works_again_when_it_is_issued_again(shop: Shop) -> None:
    woo = shop.woo()
    assert woo.put_discounts([discount()]) == [None]
    assert woo.put_discounts([discount(active=False)]) == [None]
    assert shop.store.coupon(discount().code) is None
    assert woo.put_discounts([discount(active=False)]) == [None]
    assert woo.put_discounts([discount()]) == [None]
    assert shop.store.coupon(discount().code) is not None
    assert [record.body["status"] for record in shop.store.coupons.values()] == ["draft", "publish"]
    assert woo.put_discounts([discount("NEVER-MADE", active=False)]) == [None]


def test_codes_that_cannot_be_asked_for_are_told_without_asking(shop: Shop) -> None:
    effects = [
        discount("A&B"),
        discount("کد"),
        discount(currency="EUR"),
        discount(amount_minor=0),
        discount(starts_at=NOON + timedelta(days=1)),
        discount(customer_external_id="guest:00ff"),
        discount(customer_external_id="gid://x"),
    ]
    told = shop.woo(home=Home("USD")).put_discounts(effects)
    assert [outcome.permanent for outcome in told if outcome] == [True, True, True, True, False, True, True]
    assert shop.store.asked == []


def test_in_one_batch_each_code_has_its_own_answer(shop: Shop) -> None:
    woo = shop.woo()
    woo.put_discounts([discount("OLD-1"), discount("OLD-2")])
    gone = shop.store.register("gone@example.test")
    shop.store.delete_customer(gone)
    told = woo.put_discounts(
        [
            discount("NEW-1"),
            discount("OLD-1"),
            discount("OLD-2", active=False),
            discount("NEW-2", customer_external_id=str(gone)),
            discount("A&B"),
        ]
    )
    assert [outcome is None for outcome in told] == [True, True, True, False, False]
    assert [shop.store.coupon(code) is not None for code in ("new-1", "old-1", "old-2", "new-2")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_tomans_are_written_whole(shop: Shop) -> None:
    shop.store.currency, shop.store.decimals = "IRT", 0
    effect = discount(currency="IRT", amount_minor=50_000, minimum_minor=200_000)
    assert shop.woo().put_discounts([effect]) == [None]
    there = shop.store.coupon(effect.code)
    assert there is not None
    assert (there["amount"], there["minimum_amount"]) == ("50000", "200000")
