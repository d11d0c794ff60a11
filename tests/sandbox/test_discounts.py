"""Code discounts: what the Admin API refuses and what the checkout refuses."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import SaleRefused, World
from sandbox.ids import gid
from tests.sandbox.conftest import Api, Clock

CREATE = (
    "mutation($d:DiscountCodeBasicInput!){discountCodeBasicCreate(basicCodeDiscount:$d)"
    "{codeDiscountNode{id} userErrors{field code message extraInfo}}}"
)


def given(**more: Any) -> dict[str, Any]:
    base = {
        "title": "Five off",
        "code": "FIVE",
        "startsAt": "2026-11-01T00:00:00Z",
        "context": {"all": "ALL"},
        "customerGets": {"items": {"all": True}, "value": {"discountAmount": {"amount": "5.00"}}},
    }
    return base | more


def percent(share: float) -> dict[str, Any]:
    return {"items": {"all": True}, "value": {"percentage": share}}


def create(api: Api, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = api(CREATE, d=given(**more))["discountCodeBasicCreate"]
    return made


def codes(made: dict[str, Any]) -> list[str]:
    return [error["code"] for error in made["userErrors"]]


def test_a_taken_code_is_taken_in_any_case_of_letters(api: Api) -> None:
    assert codes(create(api)) == []
    again = create(api, code="five")
    assert again["codeDiscountNode"] is None
    assert again["userErrors"][0]["field"] == ["basicCodeDiscount", "code"]
    assert codes(again) == ["TAKEN"]


@pytest.mark.parametrize(
    "wrong,code",
    [
        ({"title": ""}, "BLANK"),
        ({"code": None}, "BLANK"),
        ({"startsAt": None}, "BLANK"),
        ({"code": "x" * 256}, "TOO_LONG"),
        ({"endsAt": "2026-10-01T00:00:00Z"}, "END_DATE_BEFORE_START_DATE"),
        ({"usageLimit": 0}, "GREATER_THAN"),
        ({"customerGets": percent(1.5)}, "VALUE_OUTSIDE_RANGE"),
        ({"tags": list("abcdef")}, "TOO_MANY_TAGS"),
        ({"context": {"customers": {"add": ["gid://shopify/Customer/1"]}}}, "INVALID"),
    ],
)
def test_a_wrong_discount_is_refused_by_its_code(api: Api, wrong: dict[str, Any], code: str) -> None:
    assert code in codes(create(api, **wrong))
    assert len(api.world.shop().discounts) == 0


def test_exactly_one_context_is_asked_for(api: Api) -> None:
    both = given(context={"all": "ALL", "customers": {"add": []}})
    assert api.raw(CREATE, {"d": both})["errors"]


def test_a_code_takes_its_worth_off_and_the_lines_share_it_to_the_cent(world: World, api: Api) -> None:
    create(api)
    order = world.place_order([("MUG", 1), ("TEA", 1), ("POT", 1)], email="a@example.com", codes=["five"])
    lines = world.shop().lines
    assert (order.subtotal, order.discounts) == (6_650, 500)
    assert sum(lines.discount[place] for place in order.lines) == 500
    assert order.codes[0].code == "FIVE"


def test_a_percentage_is_rounded_once_and_half_up(world: World, api: Api) -> None:
    create(api, customerGets=percent(0.1))
    assert world.place_order([("TEA", 1)], email="a@example.com", codes=["FIVE"]).discounts == 95
    create(api, code="THIRD", customerGets=percent(0.333))
    assert world.place_order([("TEA", 1)], email="a@example.com", codes=["THIRD"]).discounts == 316


def test_a_fixed_amount_never_makes_an_order_negative(world: World, api: Api) -> None:
    create(api, customerGets={"value": {"discountAmount": {"amount": "500.00"}}})
    assert world.place_order([("TEA", 1)], email="a@example.com", codes=["FIVE"]).total == 0


def refusal(world: World, **more: Any) -> str:
    with pytest.raises(SaleRefused) as refused:
        world.place_order([("TEA", 1)], codes=["FIVE"], **({"email": "a@example.com"} | more))
    return str(refused.value)


def test_a_code_is_good_between_its_dates_only(world: World, api: Api, clock: Clock) -> None:
    create(api, startsAt="2026-11-23T00:00:00Z", endsAt="2026-11-24T00:00:00Z")
    assert "not valid yet" in refusal(world)
    clock.at += 86_400
    world.place_order([("TEA", 1)], email="a@example.com", codes=["FIVE"])
    clock.at += 86_400
    assert "expired" in refusal(world)


def test_a_code_is_used_up(world: World, api: Api) -> None:
    create(api, usageLimit=1)
    world.place_order([("TEA", 1)], email="a@example.com", codes=["FIVE"])
    assert "usage limit" in refusal(world, email="b@example.com")


def test_once_per_customer_counts_a_guest_by_e_mail(world: World, api: Api) -> None:
    create(api, appliesOncePerCustomer=True)
    world.place_order([("TEA", 1)], email="a@example.com", codes=["FIVE"])
    assert "once per customer" in refusal(world, email="A@example.com")
    world.place_order([("TEA", 1)], email="b@example.com", codes=["FIVE"])


def test_a_customer_s_own_code_is_nobody_else_s(world: World, api: Api) -> None:
    ann, bob = world.add_customer("ann@example.com"), world.add_customer("bob@example.com")
    create(api, context={"customers": {"add": [gid("Customer", ann.id)]}})
    assert "not valid for this customer" in refusal(world, customer=bob)
    assert "not valid for this customer" in refusal(world)
    assert world.place_order([("TEA", 1)], customer=ann, codes=["FIVE"]).discounts == 500


def test_a_segment_s_code_is_for_its_members(world: World, api: Api) -> None:
    ann = world.add_customer("ann@example.com")
    api("""mutation{segmentCreate(name:"Gold",query:"customer_tags CONTAINS 'gold'"){userErrors{message}}}""")
    segment = gid("Segment", next(iter(world.shop().segments)).id)
    create(api, context={"customerSegments": {"add": [segment]}})
    assert "not valid for this customer" in refusal(world, customer=ann)
    world.shop().tag_customer(ann, ["gold"], [])
    assert world.place_order([("TEA", 1)], customer=ann, codes=["FIVE"]).discounts == 500


def test_a_minimum_is_told_with_its_amount(world: World, api: Api) -> None:
    create(api, minimumRequirement={"subtotal": {"greaterThanOrEqualToSubtotal": "20.00"}})
    assert "at least 20.00 USD" in refusal(world)
    world.place_order([("TEA", 3)], email="a@example.com", codes=["FIVE"])


def test_two_codes_go_together_only_if_both_allow_it(world: World, api: Api) -> None:
    create(api, combinesWith={"orderDiscounts": True})
    create(api, code="ALONE")
    create(api, code="SOCIAL", combinesWith={"orderDiscounts": True})
    with pytest.raises(SaleRefused, match="cannot be combined"):
        world.place_order([("TEA", 2)], email="a@example.com", codes=["FIVE", "ALONE"])
    assert world.place_order([("TEA", 2)], email="a@example.com", codes=["FIVE", "SOCIAL"]).discounts == 1_000


def test_a_deactivated_code_is_refused_and_activated_again(world: World, api: Api, clock: Clock) -> None:
    code = create(api)["codeDiscountNode"]["id"]
    switch = (
        "mutation($id:ID!){discountCode%s(id:$id){codeDiscountNode{codeDiscount{...on DiscountCodeBasic{status}}}}}"
    )
    off = api(switch % "Deactivate", id=code)["discountCodeDeactivate"]["codeDiscountNode"]
    assert off["codeDiscount"]["status"] == "EXPIRED"
    assert "expired" in refusal(world)
    clock.at += 1
    on = api(switch % "Activate", id=code)["discountCodeActivate"]["codeDiscountNode"]
    assert on["codeDiscount"]["status"] == "ACTIVE"


def test_a_deleted_discount_stays_on_the_orders_it_was_used_on(world: World, api: Api) -> None:
    code = create(api)["codeDiscountNode"]["id"]
    order = world.place_order([("TEA", 1)], email="a@example.com", codes=["FIVE"])
    api("mutation($id:ID!){discountCodeDelete(id:$id){deletedCodeDiscountId}}", id=code)
    assert api('{codeDiscountNodeByCode(code:"FIVE"){id}}')["codeDiscountNodeByCode"] is None
    applied = "discountApplications(first:1){nodes{...on DiscountCodeApplication{code}}}"
    query = f"query($id:ID!){{order(id:$id){{discountCodes {applied}}}}}"
    read = api(query, id=gid("Order", order.id))["order"]
    assert read == {"discountCodes": ["FIVE"], "discountApplications": {"nodes": [{"code": "FIVE"}]}}
