"""Every way in which a store says no or says nothing, and what becomes of a batch when it does."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from commerce.store import PutDiscount, PutSegment, SetTags, ShopDetails, StoreError, StorePort
from connectors.http import HttpSession
from connectors.shopify import ShopifyStore
from connectors.shopify.budget import Budget
from connectors.shopify.graphql import Graph, operation

SHOP = "leaf-and-kettle.myshopify.com"
ENDPOINT = f"https://{SHOP}/admin/api/2026-10/graphql.json"
AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
DETAILS = {
    "shop": {
        "id": "gid://shopify/Shop/5",
        "name": "Leaf & Kettle",
        "currencyCode": "EUR",
        "ianaTimezone": "Europe/Amsterdam",
    }
}
SECRETS = ("shpat_", "anna@example.com", "myshopify.com")


def store(**changed: Any) -> ShopifyStore:
    slept: list[float] = changed.pop("slept", [])
    jitter: float = changed.pop("jitter", 0.0)
    return ShopifyStore(
        SHOP,
        lambda: "shpat_first",
        HttpSession(),
        now=lambda: AT,
        sleep=slept.append,
        clock=lambda: sum(slept),
        jitter=lambda: jitter,
        **changed,
    )


def errors(code: str | None, path: list[str] | None = None, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"message": "about anna@example.com", **({"path": path} if path else {})}
    return {"errors": [told | ({"extensions": {"code": code}} if code else {})], **more}


def cost(requested: float, available: float, rate: float = 100) -> dict[str, Any]:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": rate}
    return {"extensions": {"cost": {"requestedQueryCost": requested, "throttleStatus": status}}}


def test_the_store_fulfils_the_port() -> None:
    port: StorePort = store()
    assert port is not None


@responses.activate
def test_a_question_bears_the_token_and_the_whole_document() -> None:
    responses.add(responses.POST, ENDPOINT, json={"data": DETAILS})
    assert store().details() == ShopDetails("5", "Leaf & Kettle", "EUR", "Europe/Amsterdam")
    request = responses.calls[0].request
    assert request.headers["X-Shopify-Access-Token"] == "shpat_first"
    sent = json.loads(request.body or b"")
    assert sent["variables"] == {}
    assert sent["query"].startswith("query ShopDetails {")


@pytest.mark.parametrize(
    "answer, permanent, retry_after, closed",
    [
        ({"status": 301, "headers": {"Location": "https://evil.example/"}}, False, None, False),
        ({"status": 400}, True, None, False),
        ({"status": 401, "json": {"errors": "[API] Invalid API key or access token"}}, False, None, True),
        ({"status": 402}, False, None, True),
        ({"status": 403}, False, None, True),
        ({"status": 404}, False, None, True),
        ({"status": 423}, False, None, True),
        ({"status": 429, "headers": {"Retry-After": "4.0"}}, False, 4.0, False),
        ({"status": 429}, False, 2.0, False),
        ({"status": 429, "headers": {"Retry-After": "-1"}}, False, 2.0, False),
        ({"status": 429, "headers": {"Retry-After": "nan"}}, False, 2.0, False),
        ({"status": 429, "headers": {"Retry-After": "1e9"}}, False, 3600.0, False),
        ({"status": 430}, False, None, False),
        ({"status": 500}, False, None, False),
        ({"status": 502, "body": "<html>anna@example.com</html>"}, False, None, False),
        ({"status": 503, "headers": {"Retry-After": "3"}}, False, 3.0, False),
        ({"status": 200, "body": "<html>anna@example.com</html>"}, False, None, False),
        ({"status": 200, "body": ""}, False, None, False),
        ({"status": 200, "body": '{"data": {"shop": {"id": "gid:'}, False, None, False),
        ({"status": 200, "body": "[" * 100_000}, False, None, False),
        ({"status": 200, "body": b"\xff\xfe"}, False, None, False),
        ({"status": 200, "json": []}, False, None, False),
        ({"status": 200, "json": {}}, False, None, False),
        ({"status": 200, "json": {"data": None}}, False, None, False),
        ({"status": 200, "json": {"data": {"shop": {"id": 5}}}}, False, None, False),
        ({"status": 200, "json": {"errors": "anna@example.com"}}, False, None, False),
        ({"status": 200, "json": errors("ACCESS_DENIED")}, True, None, False),
        ({"status": 200, "json": errors("ACCESS_DENIED", ["shop"], data=None)}, True, None, False),
        ({"status": 200, "json": errors("MAX_COST_EXCEEDED")}, True, None, False),
        ({"status": 200, "json": errors("undefinedField")}, True, None, False),
        ({"status": 200, "json": errors(None)}, True, None, False),
        ({"status": 200, "json": errors(None, ["shop"], data=DETAILS)}, False, None, False),
        ({"status": 200, "json": errors("INTERNAL_SERVER_ERROR")}, False, None, False),
        ({"status": 200, "json": errors("INTERNAL_SERVER_ERROR", ["shop"], data=None)}, False, None, False),
        ({"status": 200, "json": errors("SHOP_INACTIVE")}, False, None, True),
        ({"body": requests.ConnectTimeout(f"{ENDPOINT} shpat_first")}, False, None, False),
        ({"body": requests.ReadTimeout(f"{ENDPOINT} shpat_first")}, False, None, False),
        ({"body": requests.ConnectionError(f"{ENDPOINT} shpat_first")}, False, None, False),
        ({"body": ConnectionResetError(f"{ENDPOINT} shpat_first")}, False, None, False),
    ],
    ids=lambda value: str(value)[:50],
)
@responses.activate
def test_each_no_is_told_for_what_it_is_and_without_secrets(
    answer: dict[str, Any],
    permanent: bool,
    retry_after: float | None,
    closed: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "connectors")
    responses.add(responses.POST, ENDPOINT, **answer)
    with pytest.raises(StoreError) as fault:
        store().details()
    told = fault.value
    assert (told.permanent, told.retry_after, told.closed) == (permanent, retry_after, closed)
    assert told.__cause__ is None
    for secret in SECRETS:
        assert secret not in repr(told) + caplog.text


@responses.activate
def test_an_address_that_the_platform_withholds_spoils_nothing() -> None:
    page = {
        "pageInfo": {"hasNextPage": False},
        "nodes": [{"legacyResourceId": "7", "updatedAt": "2026-11-22T08:00:00Z"}],
    }
    told = errors("ACCESS_DENIED", ["customers", "nodes", "defaultEmailAddress"], data={"customers": page})
    responses.add(responses.POST, ENDPOINT, json=told)
    ((customer,),) = store().customers_changed(AT)
    assert (customer.external_id, customer.email) == ("7", None)


@responses.activate
def test_an_order_that_makes_no_sense_does_not_hide_the_others(caplog: pytest.LogCaptureFixture) -> None:
    order = {
        "id": "gid://shopify/Order/7",
        "legacyResourceId": "7",
        "name": "#1007",
        "currencyCode": "EUR",
        "createdAt": "2026-11-22T08:00:00Z",
        "updatedAt": "2026-11-22T08:00:00Z",
        "test": False,
        "totalPriceSet": {"shopMoney": {"amount": "0.00"}},
        "lineItems": {"pageInfo": {"hasNextPage": False}, "nodes": []},
        "refunds": [],
        "discountCodes": [],
        "customAttributes": [],
    }
    odd = order | {"legacyResourceId": "8", "totalPriceSet": {"shopMoney": {"amount": "1e9"}}}
    responses.add(responses.POST, ENDPOINT, json={"data": {"nodes": [odd, order, None]}})
    assert [found.external_id for found in store().orders(["8", "7", "6"])] == ["7"]
    assert caplog.messages == ["order 8 is left out: BadAmount"]


# --- the token


@responses.activate
def test_a_refused_token_is_renewed_once() -> None:
    responses.add(responses.POST, ENDPOINT, status=401)
    responses.add(responses.POST, ENDPOINT, json={"data": DETAILS})
    refused: list[str] = []

    def renew(token: str) -> str:
        refused.append(token)
        return "shpat_second"

    assert store(renew=renew).details().external_id == "5"
    assert refused == ["shpat_first"]
    assert [call.request.headers["X-Shopify-Access-Token"] for call in responses.calls] == [
        "shpat_first",
        "shpat_second",
    ]


@responses.activate
def test_a_token_refused_twice_closes_the_shop() -> None:
    responses.add(responses.POST, ENDPOINT, status=401)
    with pytest.raises(StoreError) as fault:
        store(renew=lambda _: "shpat_second").details()
    assert fault.value.closed
    assert len(responses.calls) == 2


@responses.activate
def test_an_answer_in_another_version_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    responses.add(responses.POST, ENDPOINT, json={"data": DETAILS}, headers={"X-Shopify-API-Version": "2027-10"})
    store().details()
    assert caplog.messages == ["the store answered in API version 2027-10 where 2026-10 was asked"]


# --- the budget


@responses.activate
def test_a_throttled_question_is_asked_again_after_a_short_wait() -> None:
    responses.add(responses.POST, ENDPOINT, json=errors("THROTTLED") | cost(150, 20))
    responses.add(responses.POST, ENDPOINT, json={"data": DETAILS} | cost(150, 100))
    slept: list[float] = []
    assert store(slept=slept).details().external_id == "5"
    assert slept == [1.3]


@responses.activate
def test_a_throttled_question_without_figures_waits_a_second_and_not_for_ever() -> None:
    responses.add(responses.POST, ENDPOINT, json=errors("THROTTLED"))
    slept: list[float] = []
    with pytest.raises(StoreError) as fault:
        store(slept=slept).details()
    assert (fault.value.permanent, fault.value.retry_after) == (False, 1.0)
    assert slept == [1.0, 1.0]


@responses.activate
def test_a_long_wait_is_handed_back_at_once() -> None:
    responses.add(responses.POST, ENDPOINT, json=errors("THROTTLED") | cost(900, 100))
    slept: list[float] = []
    with pytest.raises(StoreError) as fault:
        store(slept=slept).details()
    assert (fault.value.permanent, fault.value.retry_after) == (False, 8.0)
    assert slept == []


@responses.activate
def test_what_a_question_cost_is_remembered_and_waited_for_before_asking() -> None:
    responses.add(responses.POST, ENDPOINT, json={"data": DETAILS} | cost(300, 150))
    slept: list[float] = []
    shared = Budget(lambda: sum(slept))
    first, second = store(slept=slept, budget=shared), store(slept=slept, budget=shared)
    first.details()
    second.details()
    assert slept == [1.55]


def test_a_budget_without_figures_never_waits() -> None:
    assert Budget(lambda: 0.0).reserve("anything") == (0.0, 0.0)


# --- asking again


@responses.activate
def test_what_may_pass_is_asked_again_with_growing_pauses_and_jitter() -> None:
    responses.add(responses.POST, ENDPOINT, status=503)
    responses.add(responses.POST, ENDPOINT, body=requests.ReadTimeout())
    responses.add(responses.POST, ENDPOINT, json={"data": DETAILS})
    slept: list[float] = []
    assert store(slept=slept, jitter=0.5).details().external_id == "5"
    assert slept == [0.5 * 1.25, 1.0 * 1.25]


@responses.activate
def test_the_stores_own_wait_is_kept_when_it_is_short_and_handed_back_when_it_is_long() -> None:
    responses.add(responses.POST, ENDPOINT, status=429, headers={"Retry-After": "1.5"})
    responses.add(responses.POST, ENDPOINT, status=429, headers={"Retry-After": "30"})
    slept: list[float] = []
    with pytest.raises(StoreError) as fault:
        store(slept=slept).details()
    assert (slept, fault.value.retry_after) == ([1.5], 30.0)


@responses.activate
def test_what_is_no_passing_matter_is_not_asked_again() -> None:
    for answer in ({"status": 400}, {"status": 403}, {"status": 430}, {"json": errors("MAX_COST_EXCEEDED")}):
        responses.reset()
        responses.add(responses.POST, ENDPOINT, **answer)
        with pytest.raises(StoreError):
            store().details()
        assert len(responses.calls) == 1


@responses.activate
def test_no_try_begins_so_late_that_another_worker_has_taken_over() -> None:
    hours = iter((0.0, 0.0, 19.9, 19.9))
    responses.add(responses.POST, ENDPOINT, status=503)
    slow = ShopifyStore(
        SHOP,
        lambda: "shpat_first",
        HttpSession(),
        now=lambda: AT,
        sleep=lambda _: None,
        clock=lambda: next(hours, 19.9),
    )
    with pytest.raises(StoreError, match="HTTP 503"):
        slow.details()
    assert len(responses.calls) == 1


@responses.activate
def test_what_counts_twice_when_done_twice_is_asked_again_only_if_it_was_surely_not_done() -> None:
    graph = Graph(SHOP, lambda: "shpat_first", HttpSession(), sleep=lambda _: None, clock=lambda: 0.0)
    mutation = operation("create_segment")
    responses.add(responses.POST, ENDPOINT, status=429)
    responses.add(responses.POST, ENDPOINT, json=errors("THROTTLED"))
    responses.add(responses.POST, ENDPOINT, body=requests.ReadTimeout())
    with pytest.raises(StoreError, match="did not answer in time"):
        graph.ask(mutation, {}, dict, once=True)
    assert len(responses.calls) == 3


@responses.activate
def test_each_try_bears_the_token_of_its_moment() -> None:
    tokens = iter(("shpat_first", "shpat_second"))
    responses.add(responses.POST, ENDPOINT, status=502)
    responses.add(responses.POST, ENDPOINT, json={"data": DETAILS})
    ShopifyStore(SHOP, lambda: next(tokens), HttpSession(), now=lambda: AT, sleep=lambda _: None).details()
    assert [call.request.headers["X-Shopify-Access-Token"] for call in responses.calls] == [
        "shpat_first",
        "shpat_second",
    ]


# --- batches


def tags(count: int) -> list[SetTags]:
    return [SetTags(str(number), "stage:", ("stage:lead",), ("stage:lead", "stage:lapsed")) for number in range(count)]


def codes(count: int) -> list[PutDiscount]:
    return [PutDiscount(f"CODE-{n}", "Five off", 500, "EUR", AT, AT, None, 0, True) for n in range(count)]


NONE_REFUSED: dict[str, Any] = {"userErrors": []}


def bearing(count: int, *borne: str) -> dict[str, Any]:
    """Answer to what customers bear: all of them the same."""
    return {"data": {"nodes": [{"id": f"gid://shopify/Customer/{n}", "tags": list(borne)} for n in range(count)]}}


def summary(outcomes: Sequence[StoreError | None]) -> list[str | None]:
    return [None if outcome is None else str(outcome) for outcome in outcomes]


@responses.activate
def test_each_effect_has_its_own_answer() -> None:
    gone = {"userErrors": [{"field": ["id"], "message": "anna@example.com does not exist"}]}
    data = {f"{verb}_{slot}": NONE_REFUSED for verb in ("add", "remove") for slot in range(3)}
    told = errors("INTERNAL_SERVER_ERROR", ["remove_2"], data=data | {"add_1": gone, "remove_2": None})
    responses.add(responses.POST, ENDPOINT, json=bearing(3, "stage:lapsed"))
    responses.add(responses.POST, ENDPOINT, json=told)
    outcomes = store().set_tags(tags(3))
    assert summary(outcomes) == [
        None,
        "the store refused: refused at id (it gave no reason that we know)",
        "the store answered INTERNAL_SERVER_ERROR at remove_2",
    ]
    assert [outcome.permanent for outcome in outcomes if outcome] == [True, False]


@responses.activate
def test_slots_left_over_ask_for_nothing() -> None:
    responses.add(responses.POST, ENDPOINT, json=bearing(2, "stage:lapsed"))
    responses.add(responses.POST, ENDPOINT, json={"data": {}})
    assert store().set_tags(tags(2)) == [None, None]
    sent = json.loads(responses.calls[1].request.body or b"")["variables"]
    assert [sent[f"adds_{slot}"] for slot in range(5)] == [True, True, False, False, False]
    assert [sent[f"removes_{slot}"] for slot in range(5)] == [True, True, False, False, False]
    assert (sent["id_1"], sent["add_1"], sent["remove_1"]) == (
        "gid://shopify/Customer/1",
        ["stage:lead"],
        ["stage:lapsed"],
    )


@responses.activate
def test_a_store_that_fails_on_the_way_keeps_what_it_took() -> None:
    responses.add(responses.POST, ENDPOINT, json=bearing(25))
    responses.add(responses.POST, ENDPOINT, json={"data": {}})
    responses.add(responses.POST, ENDPOINT, status=503)
    assert summary(store().set_tags(tags(60))) == [None] * 25 + ["the store answered HTTP 503"] * 35
    assert len(responses.calls) == 2 + 3


@responses.activate
def test_a_store_that_takes_nothing_raises() -> None:
    responses.add(responses.POST, ENDPOINT, status=503)
    with pytest.raises(StoreError, match="HTTP 503"):
        store().set_tags(tags(30))
    with pytest.raises(StoreError, match="HTTP 503"):
        store().put_discounts(codes(1))
    with pytest.raises(StoreError, match="HTTP 503"):
        store().put_segments([PutSegment("Leads", "stage:lead")])


def test_an_empty_batch_asks_for_nothing() -> None:
    assert store().set_tags([]) == []
    assert store().put_segments([]) == []
    assert store().put_discounts([]) == []


@responses.activate
def test_a_segment_that_another_worker_made_meanwhile_is_a_success() -> None:
    page: dict[str, Any] = {"pageInfo": {"hasNextPage": False}, "nodes": []}
    made = {"id": "gid://shopify/Segment/1", "name": "Leads", "query": "customer_tags CONTAINS 'stage:lead'"}
    taken = {"userErrors": [{"field": ["name"], "message": "Name has already been taken"}]}
    responses.add(responses.POST, ENDPOINT, json={"data": {"segments": page}})
    responses.add(responses.POST, ENDPOINT, json={"data": {"segmentCreate": taken}})
    responses.add(responses.POST, ENDPOINT, json={"data": {"segments": page | {"nodes": [made]}}})
    assert store().put_segments([PutSegment("Leads", "stage:lead")]) == [None]
    assert len(responses.calls) == 3


@responses.activate
def test_a_segment_after_the_store_slowed_down_waits_with_the_rest() -> None:
    page: dict[str, Any] = {"pageInfo": {"hasNextPage": False}, "nodes": []}
    responses.add(responses.POST, ENDPOINT, json={"data": {"segments": page}})
    responses.add(responses.POST, ENDPOINT, json={"data": {"segmentCreate": NONE_REFUSED}})
    responses.add(responses.POST, ENDPOINT, status=429, headers={"Retry-After": "9"})
    outcomes = store().put_segments([PutSegment(f"Segment {n}", f"stage:{n}") for n in range(3)])
    assert [outcome.retry_after if outcome else None for outcome in outcomes] == [None, 9.0, 9.0]


@responses.activate
def test_a_code_that_was_taken_and_is_gone_again_is_tried_later() -> None:
    taken = {"userErrors": [{"field": ["basicCodeDiscount", "code"], "message": "taken", "code": "TAKEN"}]}
    responses.add(responses.POST, ENDPOINT, json={"data": {"create_0": taken}})
    responses.add(responses.POST, ENDPOINT, json={"data": {"find_0": None}})
    (outcome,) = store().put_discounts(codes(1))
    assert outcome is not None
    assert not outcome.permanent


@responses.activate
def test_a_code_that_the_store_refuses_is_told_by_code_and_field() -> None:
    odd = {
        "userErrors": [
            {
                "field": ["basicCodeDiscount", "endsAt"],
                "message": "anna",
                "code": "END_DATE_BEFORE_START_DATE",
            }
        ]
    }
    responses.add(responses.POST, ENDPOINT, json={"data": {"create_0": odd}})
    (outcome,) = store().put_discounts(codes(1))
    assert str(outcome) == (
        "the store refused: END_DATE_BEFORE_START_DATE at basicCodeDiscount.endsAt (its dates do not fit)"
    )
    assert outcome is not None
    assert outcome.permanent
