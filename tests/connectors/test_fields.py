"""Fields beside customers in the store: how many calls they take, and what a bad one does to the others."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from commerce.store import SetFields, StoreError
from connectors.http import HttpSession
from connectors.shopify.graphql import Graph
from connectors.shopify.writes.fields import set_fields
from sandbox.customers import Customer
from sandbox.ids import gid
from sandbox.metafields import OWN_NAMESPACE
from tests.connectors.conftest import Platform
from tests.connectors.test_sandbox import points_spent

ENDPOINT = "https://shop.myshopify.com/admin/api/2026-10/graphql.json"
PAGES = "https://shop.example/apps/perennial"


def stage(customer: Customer | str, value: str | None = "lead") -> SetFields:
    external_id = customer if isinstance(customer, str) else str(customer.id)
    return SetFields(external_id, "lifecycle", {"stage": value})


def points(customer: Customer, value: str) -> SetFields:
    return SetFields(str(customer.id), "loyalty", {"points": value})


def shown(platform: Platform, customer: Customer) -> dict[str, str]:
    """What the store keeps beside a customer in our namespace."""
    fields = platform.world.shop().metafields.of(gid("Customer", customer.id), OWN_NAMESPACE)
    return {field.key: field.value for field in fields}


@pytest.fixture
def people(platform: Platform) -> list[Customer]:
    return [platform.world.add_customer(f"p{n}@example.com") for n in range(60)]


def test_fields_are_set_changed_and_deleted_and_others_are_left_alone(
    platform: Platform, people: list[Customer]
) -> None:
    store, anna = platform.store(), people[0]
    everything = [
        stage(anna, "acquired"),
        points(anna, "-12"),
        SetFields(str(anna.id), "referral", {"referral_link": "/r/ABC?ref=ABC"}),
    ]
    assert store.set_fields(everything) == [None, None, None]
    whole = {
        "stage": "acquired",
        "points": "-12",
        "referral_link": "https://demo-store.myshopify.com/apps/perennial/r/ABC?ref=ABC",
    }
    assert shown(platform, anna) == whole
    assert store.set_fields([stage(anna, "lapsed"), points(anna, "40")]) == [None, None]
    assert shown(platform, anna) == whole | {"stage": "lapsed", "points": "40"}
    gone = SetFields(str(anna.id), "loyalty", {"points": "41", "tier": None})
    assert store.set_fields([gone, stage(anna, None)]) == [None, None]
    assert store.set_fields([gone, stage(anna, None)]) == [None, None]
    assert shown(platform, anna) == {"points": "41", "referral_link": whole["referral_link"]}


def test_twenty_five_fields_cost_as_much_as_one_tag(platform: Platform, people: list[Customer]) -> None:
    store = platform.store()
    calls = platform.world.stats["platform_calls"]
    cost = points_spent(platform, lambda: store.set_fields([stage(person) for person in people]))
    assert (cost, platform.world.stats["platform_calls"] - calls) == (30, 3)
    assert all(shown(platform, person) == {"stage": "lead"} for person in people)


def test_a_bad_one_does_not_sink_the_others_of_its_call(platform: Platform, people: list[Customer]) -> None:
    effects = [stage(person) for person in people[:25]]
    effects[3] = stage("404404")
    effects[20] = SetFields(str(people[20].id), "loyalty", {"points": "many"})
    effects[21] = SetFields(str(people[21].id), "loyalty", {"shoe_size": "42"})
    outcomes = platform.store().set_fields(effects)
    assert {place: (str(fault), fault.permanent) for place, fault in enumerate(outcomes) if fault} == {
        3: (
            "the store refused: INVALID at metafields.3.ownerId (the customer is not in the store: deleted, or merged)",
            True,
        ),
        20: ("the store refused: INVALID_VALUE at metafields.20.value (what we asked for is not valid there)", True),
        21: ("a field has no definition, is empty, or is too long", True),
    }
    told = [shown(platform, person) for person in people[:25]]
    assert [place for place, fields in enumerate(told) if fields != {"stage": "lead"}] == [3, 20, 21]


def refusing(*bad: str, code: str = "INTERNAL_ERROR") -> list[list[str]]:
    """A store that says no to every call that carries one of `bad`, without saying which; the values of each call."""
    asked: list[list[str]] = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        values = [field["value"] for field in json.loads(request.body)["variables"]["fields"]]
        asked.append(values)
        no = [{"field": ["metafields"], "message": "anna@example.com", "code": code}]
        errors = no if set(values) & set(bad) else []
        return 200, {}, json.dumps({"data": {"metafieldsSet": {"userErrors": errors}}})

    responses.add_callback(responses.POST, ENDPOINT, callback=answer)
    return asked


def ask(values: list[str]) -> list[StoreError | None]:
    graph = Graph("shop.myshopify.com", lambda: "shpat_x", HttpSession())
    return set_fields(graph, [stage(str(number), value) for number, value in enumerate(values)], PAGES)


@responses.activate
def test_where_the_store_does_not_say_which_is_bad_the_call_is_halved_until_it_stands_alone() -> None:
    asked = refusing("v6")
    outcomes = ask([f"v{n}" for n in range(8)])
    assert [place for place, fault in enumerate(outcomes) if fault] == [6]
    assert [len(values) for values in asked] == [8, 4, 4, 2, 2, 1, 1]
    assert sorted(values[0] for values in asked if len(values) == 1) == ["v6", "v7"]
    fault = outcomes[6]
    assert fault is not None
    assert (fault.permanent, "anna" in str(fault)) == (False, False)


@responses.activate
def test_a_store_that_fails_on_the_way_keeps_what_it_took_and_is_asked_again_for_the_rest() -> None:
    responses.add(responses.POST, ENDPOINT, json={"data": {"metafieldsSet": {"userErrors": []}}})
    responses.add(responses.POST, ENDPOINT, status=403)
    outcomes = ask([f"v{n}" for n in range(60)])
    assert [fault is None for fault in outcomes] == [True] * 25 + [False] * 35
    assert {fault.closed for fault in outcomes if fault} == {True}


@responses.activate
def test_a_store_that_takes_nothing_raises() -> None:
    responses.add(responses.POST, ENDPOINT, status=403)
    with pytest.raises(StoreError, match="forbids"):
        ask(["v"])


def test_nothing_wanted_asks_for_nothing(platform: Platform) -> None:
    store = platform.store()
    calls = platform.world.stats["platform_calls"]
    assert store.set_fields([]) == []
    assert platform.world.stats["platform_calls"] == calls
