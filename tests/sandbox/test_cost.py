"""Query cost and the leaky bucket."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import World
from tests.sandbox.conftest import Api, Clock


def cost(body: dict[str, Any]) -> tuple[int, int | None]:
    found = body["extensions"]["cost"]
    return found["requestedQueryCost"], found["actualQueryCost"]


@pytest.mark.parametrize(
    "query,requested,actual",
    [
        ("{shop{name}}", 1, 1),
        ("{shop{name currencyFormats{moneyFormat}}}", 1, 1),
        ("{orders(first:10){nodes{id totalPriceSet{shopMoney{amount}}}}}", 10, 1),
        ("{orders(first:10){edges{node{id customer{id}}}}}", 20, 1),
        ("{orders(first:10){nodes{id lineItems(first:5){nodes{id}}}}}", 60, 2),
        ("{orders(first:10){pageInfo{hasNextPage}}}", 0, 0),
        ('mutation{segmentCreate(name:"a",query:"customer_tags IS NULL"){segment{id}}}', 10, 10),
        (
            'mutation{a:tagsAdd(id:"gid://shopify/Customer/1",tags:[]){node{id}} b:tagsAdd(id:"x",tags:[]){node{id}}}',
            20,
            10,
        ),
    ],
)
def test_a_document_costs_what_its_objects_cost(
    world: World, api: Api, query: str, requested: int, actual: int
) -> None:
    world.place_order(email="a@example.com")
    assert cost(api.raw(query)) == (requested, actual)


def test_sizes_may_be_variables_and_fragments_count(world: World, api: Api) -> None:
    query = "query($n:Int!){orders(first:$n){...page}} fragment page on OrderConnection{nodes{id refunds(first:3){id}}}"
    assert cost(api.raw(query, {"n": 20})) == (80, 0)


def test_more_than_a_thousand_is_refused_whatever_the_bucket_holds(world: World, api: Api) -> None:
    body = api.raw("{orders(first:250){nodes{id lineItems(first:10){nodes{id}}}}}")
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert world.shop().bucket.level == 2_000


def test_an_empty_bucket_throttles_and_fills_again_with_time(world: World, api: Api, clock: Clock) -> None:
    world.shop().bucket.level = 150
    tags = (
        "mutation{"
        + " ".join(f'a{n}:segmentDelete(id:"gid://shopify/Segment/{n}"){{deletedSegmentId}}' for n in range(10))
        + "}"
    )
    assert cost(api.raw(tags)) == (100, 100)
    body = api.raw(tags)
    assert "data" not in body
    assert body["errors"][0]["message"] == "Throttled"
    assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert body["extensions"]["cost"]["throttleStatus"] == {
        "maximumAvailable": 2_000,
        "currentlyAvailable": 50,
        "restoreRate": 100,
    }
    assert world.stats["throttled"] == 1
    clock.at += 0.5
    assert cost(api.raw(tags)) == (100, 100)


def test_what_was_asked_for_and_not_used_is_given_back(world: World, api: Api) -> None:
    api.raw("{orders(first:250){nodes{id}}}")
    assert world.shop().bucket.level == 2_000


def test_mutations_are_counted_by_name(world: World, api: Api) -> None:
    api.raw('mutation{tagsAdd(id:"gid://shopify/Customer/1",tags:["a"]){node{id}}}')
    api.raw(
        'mutation{a:tagsAdd(id:"gid://shopify/Customer/1",tags:["a"]){node{id}} b:segmentDelete(id:"gid://shopify/Segment/1"){deletedSegmentId}}'
    )
    assert dict(world.mutations) == {"tagsAdd": 2, "segmentDelete": 1}
    assert world.stats["platform_calls"] == 2
