"""The Admin API: the reference's operations and the platform's business errors."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sandbox import World
from sandbox.adminapi import answer
from sandbox.customers import Customer
from sandbox.ids import gid
from sandbox.orders import Order
from tests.sandbox.conftest import Api, Clock
from tests.sandbox.places import OPERATIONS, needed


@pytest.fixture(scope="module")
def operations() -> dict[str, str]:
    lines = [line for line in needed(OPERATIONS).read_text().splitlines() if line.startswith(("query", "mutation"))]
    return {line.split()[1].split("(")[0]: line for line in lines}


@pytest.fixture
def ann(world: World) -> Customer:
    return world.add_customer("ann@example.com", "Ann", "Example")


@pytest.fixture
def order(world: World, ann: Customer) -> Order:
    order = world.place_order([("MUG", 2), ("TEA", 1)], customer=ann, attributes=[("perennial_ref", "X")])
    world.refund(order, {0: 1})
    return order


def shape(api: Api, ann: Customer, order: Order) -> dict[str, dict[str, Any]]:
    """Variables for every operation that the sandbox answers."""
    who = gid("Customer", ann.id)
    discount = {
        "title": "Ten",
        "code": "TEN",
        "startsAt": "2026-01-01T00:00:00Z",
        "context": {"all": "ALL"},
        "customerGets": {"items": {"all": True}, "value": {"percentage": 0.1}},
    }
    metafield = {"ownerId": who, "namespace": "$app", "key": "points", "type": "number_integer", "value": "5"}
    definition = {"name": "Points", "namespace": "$app", "key": "points", "type": "number_integer"}
    return {
        "ShopInfo": {},
        "CustomersPage": {"first": 5},
        "CustomerByEmail": {"email": "ANN@example.com"},
        "OrdersPage": {"first": 5, "q": "updated_at:>'2026-11-20T00:00:00Z'"},
        "OrderJourney": {"id": gid("Order", order.id)},
        "TagsChange": {"id": who, "add": ["stage:loyal"], "del": ["stage:new"]},
        "SetMetafields": {"m": [metafield]},
        "CreateDefinition": {"d": definition | {"ownerType": "CUSTOMER"}},
        "SegCreate": {"name": "Loyal", "query": "customer_tags CONTAINS 'stage:loyal'"},
        "SegList": {"first": 5},
        "CodeBasic": {"d": discount},
        "HookCreate": {"t": "ORDERS_CREATE", "w": {"uri": "/webhooks/other"}},
        "HookList": {"first": 5},
    }


def test_every_operation_of_the_reference_that_is_imitated_answers(
    api: Api, ann: Customer, order: Order, operations: dict[str, str]
) -> None:
    for name, variables in shape(api, ann, order).items():
        data = api(operations[name], **variables)
        refused = [payload.get("userErrors") for payload in data.values() if isinstance(payload, dict)]
        assert not any(refused), (name, refused)
    segment = gid("Segment", next(iter(api.world.shop().segments)).id)
    members = api(operations["SegMembers"], segmentId=segment, first=5)["customerSegmentMembers"]
    assert [edge["node"]["displayName"] for edge in members["edges"]] == ["Ann Example"]
    assert api(operations["SegUpdate"], id=segment, name="Regulars")["segmentUpdate"]["segment"]["name"] == "Regulars"
    assert api(operations["SegDelete"], id=segment)["segmentDelete"]["deletedSegmentId"] == segment
    code = gid("DiscountCodeNode", next(iter(api.world.shop().discounts)).id)
    assert api(operations["CodeOff"], id=code)["discountCodeDeactivate"]["codeDiscountNode"]["id"] == code
    assert api(operations["CodeDel"], id=code)["discountCodeDelete"]["deletedCodeDiscountId"] == code


def test_a_wrong_or_absent_token_is_a_401(world: World) -> None:
    for token in (None, "", "shpat_wrong"):
        reply = answer(world, world.shop(), token, b'{"query":"{shop{name}}"}')
        assert reply.status == 401
        assert b"Invalid API key or access token" in reply.body


def test_an_expired_token_is_a_401(api: Api, clock: Clock) -> None:
    clock.at += 3_601
    reply = answer(api.world, api.world.shop(), api.token, b'{"query":"{shop{name}}"}')
    assert reply.status == 401


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"query":1}', b'{"query":"{shop{name}}","variables":[1]}']
)
def test_a_malformed_request_is_a_400(api: Api, body: bytes) -> None:
    assert answer(api.world, api.world.shop(), api.token, body).status == 400


def test_an_unknown_field_is_an_error_with_the_platform_s_code(api: Api) -> None:
    body = api.raw("{shop{nonsense}}")
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == "undefinedField"


def test_a_missing_scope_is_access_denied_and_the_rest_is_answered(api: Api) -> None:
    installation = api.world.shop().installation
    assert installation is not None
    installation.access[api.token].scopes = ("read_orders",)
    body = api.raw("{shop{name} segments(first:1){nodes{id}}}")
    assert body["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    installation.access[api.token].scopes = ("write_customers",)
    assert "errors" not in api.raw("{segments(first:1){nodes{id}}}")


def test_tags_are_a_set_without_regard_to_case(api: Api, ann: Customer) -> None:
    who = gid("Customer", ann.id)
    add = "mutation($id:ID!,$tags:[String!]!){tagsAdd(id:$id,tags:$tags){node{id} userErrors{message}}}"
    api(add, id=who, tags=["Gold", "gold", "vip, early"])
    assert list(ann.tags) == ["Gold", "vip", "early"]
    remove = "mutation($id:ID!,$tags:[String!]!){tagsRemove(id:$id,tags:$tags){userErrors{message}}}"
    assert api(remove, id=who, tags=["GOLD", "never"])["tagsRemove"]["userErrors"] == []
    assert list(ann.tags) == ["vip", "early"]


@pytest.mark.parametrize("tags", [["x" * 256], [f"tag-{number}" for number in range(251)]])
def test_too_long_and_too_many_tags_are_user_errors_and_change_nothing(
    api: Api, ann: Customer, tags: list[str]
) -> None:
    add = "mutation($id:ID!,$tags:[String!]!){tagsAdd(id:$id,tags:$tags){userErrors{field message}}}"
    body = api.raw(add, {"id": gid("Customer", ann.id), "tags": tags})
    assert body["data"]["tagsAdd"]["userErrors"][0]["field"] == ["tags"]
    assert ann.tags == ()


def test_a_tag_for_nobody_is_a_user_error(api: Api) -> None:
    body = api('mutation{tagsAdd(id:"gid://shopify/Customer/1",tags:["a"]){node{id} userErrors{message}}}')
    assert body["tagsAdd"] == {"node": None, "userErrors": [{"message": "Resource does not exist"}]}


def test_a_segment_s_name_and_query_are_checked(api: Api) -> None:
    create = "mutation($n:String!,$q:String!){segmentCreate(name:$n,query:$q){userErrors{field message}}}"
    assert api(create, n="Loyal", q="customer_tags CONTAINS 'a'")["segmentCreate"]["userErrors"] == []
    taken = api(create, n="loyal", q="customer_tags CONTAINS 'a'")["segmentCreate"]["userErrors"]
    assert taken == [{"field": ["name"], "message": "Name has already been taken"}]
    wrong = api(create, n="Other", q="number_of_orders MATCHES (1)")["segmentCreate"]["userErrors"]
    assert wrong[0]["message"] == "Query Line 1 Column 18: 'MATCHES' is unexpected."


def test_orders_are_paged_by_updated_at_and_cursors_survive_new_orders(world: World, api: Api, clock: Clock) -> None:
    for _ in range(5):
        clock.at += 1
        world.place_order(email="guest@example.com")
    query = (
        "query($after:String,$q:String){orders(first:2,after:$after,query:$q,sortKey:UPDATED_AT)"
        "{pageInfo{hasNextPage endCursor} nodes{name}}}"
    )
    names, after = [], None
    for _ in range(4):
        page = api(query, after=after)["orders"]
        names += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        if len(names) == 2:
            clock.at += 1
            world.place_order(email="late@example.com")
    assert names == ["#1001", "#1002", "#1003", "#1004", "#1005", "#1006"]
    since = "updated_at:>='2026-11-22T00:00:04Z'"
    assert [n["name"] for n in api(query, q=since)["orders"]["nodes"]] == ["#1004", "#1005"]


def test_pages_go_backwards_too(world: World, api: Api) -> None:
    for number in range(5):
        world.add_customer(f"{number}@example.com")
    backwards = "{customers(first:2,reverse:true){nodes{email} pageInfo{hasNextPage hasPreviousPage endCursor}}}"
    page = api(backwards)["customers"]
    assert [node["email"] for node in page["nodes"]] == ["4@example.com", "3@example.com"]
    assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]) == (True, False)
    after = "query($a:String){customers(first:9,reverse:true,after:$a){nodes{email}}}"
    rest = api(after, a=page["pageInfo"]["endCursor"])["customers"]["nodes"]
    assert [node["email"] for node in rest] == ["2@example.com", "1@example.com", "0@example.com"]
    assert [n["email"] for n in api("{customers(last:2){nodes{email}}}")["customers"]["nodes"]] == [
        "3@example.com",
        "4@example.com",
    ]


@pytest.mark.parametrize("arguments", ["", "(first:251)", "(first:-1)", '(first:1,after:"nonsense")'])
def test_a_page_that_the_platform_refuses_is_an_error(api: Api, arguments: str) -> None:
    assert api.raw(f"{{orders{arguments}{{nodes{{id}}}}}}")["errors"]


def test_an_unknown_search_field_is_ignored_with_a_warning(world: World, api: Api) -> None:
    world.place_order(email="a@example.com")
    body = api.raw('{orders(first:5,query:"update_at:>2030-01-01"){nodes{id}}}')
    assert len(body["data"]["orders"]["nodes"]) == 1
    assert body["extensions"]["search"][0]["warnings"][0]["field"] == "update_at"


def test_without_read_all_orders_old_orders_are_not_there(world: World, api: Api, clock: Clock) -> None:
    world.place_order(email="a@example.com")
    clock.at += 61 * 86_400
    installation = world.install()
    installation.scopes = ("read_orders",)
    api.token = installation.grant_expiring(clock())[0].token
    assert api("{orders(first:5){nodes{id}}}")["orders"]["nodes"] == []


def test_an_order_read_is_the_order_that_the_webhook_carried(world: World, api: Api, order: Order) -> None:
    body = next(orjson.loads(d.body) for d in reversed(world.courier.waiting) if d.topic == "orders/updated")
    query = """query($id:ID!){order(id:$id){legacyResourceId name createdAt updatedAt displayFinancialStatus test
      customAttributes{key value} customer{legacyResourceId} totalPriceSet{shopMoney{amount}}
      currentTotalPriceSet{shopMoney{amount}} currentSubtotalPriceSet{shopMoney{amount}}
      lineItems(first:9){nodes{id quantity currentQuantity originalUnitPriceSet{shopMoney{amount}}}}
      refunds(first:9){id totalRefundedSet{shopMoney{amount}} transactions(first:9){nodes{kind}}
        refundLineItems(first:9){nodes{id quantity lineItem{id} subtotalSet{shopMoney{amount}}}}}}}"""
    read = api(query, id=gid("Order", order.id))["order"]
    assert read["legacyResourceId"] == str(body["id"])
    assert read["displayFinancialStatus"].lower() == body["financial_status"] == "partially_refunded"
    assert read["currentTotalPriceSet"]["shopMoney"]["amount"] == body["current_total_price"] == "23.50"
    assert read["totalPriceSet"]["shopMoney"]["amount"] == body["total_price"] == "37.50"
    assert [line["id"] for line in read["lineItems"]["nodes"]] == [
        line["admin_graphql_api_id"] for line in body["line_items"]
    ]
    assert [line["currentQuantity"] for line in read["lineItems"]["nodes"]] == [1, 1]
    given = body["refunds"][0]["refund_line_items"][0]
    back = read["refunds"][0]["refundLineItems"]["nodes"][0]
    assert back["lineItem"]["id"] == gid("LineItem", given["line_item_id"])
    assert back["subtotalSet"]["shopMoney"]["amount"] == given["subtotal_set"]["shop_money"]["amount"] == "14.00"


def test_nodes_are_found_by_any_id_in_the_order_asked(api: Api, ann: Customer, order: Order) -> None:
    ids = [gid("Order", order.id), gid("Customer", ann.id), "gid://shopify/Customer/1"]
    found = api("query($ids:[ID!]!){nodes(ids:$ids){__typename id}}", ids=ids)["nodes"]
    assert found == [{"__typename": "Order", "id": ids[0]}, {"__typename": "Customer", "id": ids[1]}, None]


def test_a_metafield_is_set_only_if_nobody_changed_it_meanwhile(api: Api, ann: Customer) -> None:
    put = (
        "mutation($m:[MetafieldsSetInput!]!){metafieldsSet(metafields:$m)"
        "{metafields{value compareDigest} userErrors{code elementIndex}}}"
    )
    field = {"ownerId": gid("Customer", ann.id), "namespace": "$app", "key": "points", "type": "number_integer"}
    first = api(put, m=[field | {"value": "5", "compareDigest": None}])["metafieldsSet"]["metafields"][0]
    stale = api(put, m=[field | {"value": "6", "compareDigest": None}])["metafieldsSet"]
    assert stale == {"metafields": None, "userErrors": [{"code": "STALE_OBJECT", "elementIndex": 0}]}
    good = api(put, m=[field | {"value": "6", "compareDigest": first["compareDigest"]}])["metafieldsSet"]
    assert good["metafields"][0]["value"] == "6"


def test_a_customer_s_tags_are_replaced_by_an_update(api: Api, ann: Customer) -> None:
    update = "mutation($i:CustomerInput!){customerUpdate(input:$i){customer{tags email} userErrors{message}}}"
    api.world.shop().tag_customer(ann, ["old"], [])
    changed = api(update, i={"id": gid("Customer", ann.id), "tags": ["new"], "email": "other@example.com"})
    assert changed["customerUpdate"]["customer"] == {"tags": ["new"], "email": "other@example.com"}
    create = "mutation($i:CustomerInput!){customerCreate(input:$i){customer{id} userErrors{field message}}}"
    taken = api(create, i={"email": "OTHER@example.com"})["customerCreate"]
    assert taken == {"customer": None, "userErrors": [{"field": ["email"], "message": "Email has already been taken"}]}
