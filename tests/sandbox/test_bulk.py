"""Bulk operations as the platform runs them: their rules, their files, their limits, and what goes wrong."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import orjson
import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import Client

from sandbox import App, Courier, World, create_app
from sandbox.adminapi import answer
from sandbox.apps import DEFAULT_TOPICS
from sandbox.bulk import BulkFaults, BulkOperation
from sandbox.uploads import MOST_BYTES, UploadRefused, Uploads
from tests.sandbox.conftest import SECRET, Api, Clock, Mailbox

DEMO = "/shops/demo-store.myshopify.com"
ADD = "mutation Add($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { userErrors { field message } } }"
RUN_QUERY = """mutation Q($q: String!, $g: Boolean! = false) { bulkOperationRunQuery(query: $q, groupObjects: $g) {
    bulkOperation { id status } userErrors { field message code } } }"""
RUN_MUTATION = """mutation M($m: String!, $p: String!) { bulkOperationRunMutation(mutation: $m, stagedUploadPath: $p) {
    bulkOperation { id status } userErrors { field message code } } }"""
STATUS = """query S($id: ID!) { bulkOperation(id: $id) { status errorCode type objectCount rootObjectCount fileSize url
    partialDataUrl completedAt } }"""
STAGE = """mutation S($i: [StagedUploadInput!]!) { stagedUploadsCreate(input: $i) {
    stagedTargets { url resourceUrl parameters { name value } } userErrors { field message } } }"""
INPUT = {
    "resource": "BULK_MUTATION_VARIABLES",
    "filename": "v.jsonl",
    "mimeType": "text/jsonl",
    "httpMethod": "POST",
}


@pytest.fixture
def client(world: World) -> Client:
    return Client(create_app(world))


def run_query(api: Api, query: str, grouped: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = api(RUN_QUERY, q=query, g=grouped)["bulkOperationRunQuery"]
    return found


def refusal(api: Api, query: str) -> str:
    payload = run_query(api, query)
    assert payload["bulkOperation"] is None
    assert payload["userErrors"][0]["code"] == "INVALID"
    text: str = payload["userErrors"][0]["message"]
    return text


def finished(api: Api, world: World, operation: str) -> dict[str, Any]:
    world.shop().run_bulk(at_once=True)
    found: dict[str, Any] = api(STATUS, id=operation)["bulkOperation"]
    return found


def lines(client: Client, url: str) -> list[dict[str, Any]]:
    answered = client.get(DEMO + url.removeprefix("https://demo-store.myshopify.com"))
    assert answered.status_code == 200
    return [orjson.loads(line) for line in answered.data.splitlines()]


def upload(api: Api, client: Client, body: bytes) -> str:
    """The path of a staged file."""
    (target,) = api(STAGE, i=[INPUT])["stagedUploadsCreate"]["stagedTargets"]
    fields = [(each["name"], each["value"]) for each in target["parameters"]]
    answered = client.post(f"{DEMO}/staged-uploads", data=MultiDict([*fields, ("file", (BytesIO(body), "v.jsonl"))]))
    assert answered.status_code == 201, answered.text
    return dict(fields)["key"]


def variables(world: World, count: int, tag: str = "stage:retained") -> bytes:
    people = [world.add_customer(f"p{number}@example.com") for number in range(count)]
    return b"".join(
        orjson.dumps({"id": f"gid://shopify/Customer/{p.id}", "tags": [tag]}, option=orjson.OPT_APPEND_NEWLINE)
        for p in people
    )


def test_a_bulk_query_reads_everything_whatever_page_it_names(api: Api, world: World, client: Client) -> None:
    people = [world.add_customer(f"p{number}@example.com") for number in range(3)]
    for person in people:
        world.place_order((("MUG", 1), ("TEA", 2)), customer=person)
    started = run_query(
        api, "{ orders(first: 1) { edges { node { id lineItems(first: 1) { edges { node { id quantity } } } } } } }"
    )
    assert (started["bulkOperation"]["status"], started["userErrors"]) == ("CREATED", [])
    done = finished(api, world, started["bulkOperation"]["id"])
    assert (done["status"], done["type"], done["objectCount"], done["rootObjectCount"]) == (
        "COMPLETED", "QUERY", "9", "3",
    )  # fmt: skip
    found = lines(client, done["url"])
    roots, children = [x for x in found if "__parentId" not in x], [x for x in found if "__parentId" in x]
    assert [x["id"] for x in roots] == [f"gid://shopify/Order/{order.id}" for order in world.shop().orders]
    assert [(x["__parentId"], x["quantity"]) for x in children] == [(r["id"], n) for r in roots for n in (1, 2)]
    assert found[:3] == roots
    assert int(done["fileSize"]) == sum(len(orjson.dumps(x)) + 1 for x in found)


def test_grouped_children_follow_their_parent(api: Api, world: World, client: Client) -> None:
    for _ in range(2):
        world.place_order((("MUG", 1),), email="ann@example.com")
    query = "{ orders { nodes { id lineItems { nodes { quantity } } } } }"
    started = run_query(api, query, grouped=True)
    done = finished(api, world, started["bulkOperation"]["id"])
    assert ["__parentId" in line for line in lines(client, done["url"])] == [False, True, False, True]


def test_a_bulk_query_that_finds_nothing_has_no_file(api: Api, world: World) -> None:
    started = run_query(api, "{ orders { edges { node { id } } } }")
    done = finished(api, world, started["bulkOperation"]["id"])
    assert (done["status"], done["url"], done["fileSize"], done["objectCount"]) == ("COMPLETED", None, None, "0")


@pytest.mark.parametrize(
    "query, why",
    [
        ("{ shop { name } }", "this one has 0"),
        ("{ orders { nodes { id } } customers { nodes { id } } }", "exactly one top-level field"),
        ('{ node(id: "gid://shopify/Order/1") { id } }', "cannot be used"),
        ("{ orders { nodes { lineItems { nodes { id } } } } }", "must select the 'id' field"),
        ("{ orders { nodes { id customer { id } } pageInfo { hasNextPage } } }", "edges or nodes only"),
        ("{ orders { nodes { id refunds { refundLineItems { nodes { quantity } } } } } }", "within a list"),
        ("{ orders { nodes { id nosuch } } }", "Invalid bulk query"),
        ("mutation { tagsAdd(id: 1, tags: []) { userErrors { message } } }", "exactly one query"),
    ],
)
def test_a_query_that_breaks_a_rule_is_not_run(api: Api, query: str, why: str) -> None:
    assert why in refusal(api, query)


def test_five_run_at_once_and_not_a_sixth(api: Api) -> None:
    query = "{ orders { edges { node { id } } } }"
    api.world.shop().bulk.speed = 0
    assert [run_query(api, query)["userErrors"] for _ in range(5)] == [[]] * 5
    assert run_query(api, query)["userErrors"][0]["code"] == "LIMIT_REACHED"


def test_an_operation_gets_on_with_the_world_s_clock(api: Api, world: World, client: Client, clock: Clock) -> None:
    path = upload(api, client, variables(world, 10))
    world.shop().bulk.speed = 2
    started = api(RUN_MUTATION, m=ADD, p=path)["bulkOperationRunMutation"]["bulkOperation"]["id"]
    seen = []
    for _ in range(4):
        seen.append(tuple(api(STATUS, id=started)["bulkOperation"][name] for name in ("status", "objectCount")))
        clock.at += 2
    assert seen == [("RUNNING", "0"), ("RUNNING", "4"), ("RUNNING", "8"), ("COMPLETED", "10")]


def test_each_line_of_a_bulk_mutation_answers_for_itself(api: Api, world: World, client: Client) -> None:
    gone = orjson.dumps({"id": "gid://shopify/Customer/1", "tags": ["x"]})
    wrong = orjson.dumps({"id": "gid://shopify/Customer/1"})
    path = upload(api, client, variables(world, 1) + gone + b"\n" + wrong + b"\n")
    before = world.stats["cost_points"]
    started = api(RUN_MUTATION, m=ADD, p=path)["bulkOperationRunMutation"]["bulkOperation"]["id"]
    done = finished(api, world, started)
    assert (done["status"], done["type"], done["rootObjectCount"]) == ("COMPLETED", "MUTATION", "3")
    first, second, third = lines(client, done["url"])
    assert first == {"data": {"tagsAdd": {"userErrors": []}}, "__lineNumber": 0}
    assert second["data"]["tagsAdd"]["userErrors"] == [{"field": ["id"], "message": "Resource does not exist"}]
    assert (set(third), third["__lineNumber"]) == ({"errors", "__lineNumber"}, 2)
    assert [customer.tags for customer in world.shop().customers] == [("stage:retained",)]
    # neither the lines nor their number cost anything: only the run and the look at it do
    assert world.stats["cost_points"] - before == 11
    assert world.shop().bulk.mutations == {"tagsAdd": 2}


@pytest.mark.parametrize(
    "mutation, body, code",
    [
        ("mutation { nosuch }", b'{"id": 1}\n', "INVALID_MUTATION"),
        (f"{ADD} {ADD.replace('Add', 'More', 1)}", b'{"id": 1}\n', "INVALID_MUTATION"),
        (
            "mutation T($id: ID!, $t: [String!]!) { a: tagsAdd(id: $id, tags: $t) { userErrors { message } }"
            " b: tagsRemove(id: $id, tags: $t) { userErrors { message } } }",
            b'{"id": 1}\n',
            "INVALID_MUTATION",
        ),
        (ADD, b"not json\n", "INVALID_STAGED_UPLOAD_FILE"),
        (ADD, b"\n", "INVALID_STAGED_UPLOAD_FILE"),
    ],
)
def test_a_mutation_that_cannot_be_run_is_refused(
    api: Api, client: Client, mutation: str, body: bytes, code: str
) -> None:
    payload = api(RUN_MUTATION, m=mutation, p=upload(api, client, body))["bulkOperationRunMutation"]
    assert [error["code"] for error in payload["userErrors"]] == [code]


def test_a_path_that_was_never_filled_is_no_file(api: Api) -> None:
    payload = api(RUN_MUTATION, m=ADD, p="tmp/1/bulk/x/v.jsonl")["bulkOperationRunMutation"]
    assert payload["userErrors"][0]["code"] == "NO_SUCH_FILE"


def staged(api: Api) -> list[tuple[str, Any]]:
    (target,) = api(STAGE, i=[INPUT])["stagedUploadsCreate"]["stagedTargets"]
    return [(each["name"], each["value"]) for each in target["parameters"]]


def form(parts: list[tuple[str, Any]]) -> tuple[bytes, str]:
    """A multipart body in this very order."""
    out = b""
    for name, value in parts:
        extra = b'; filename="v.jsonl"' if isinstance(value, bytes) else b""
        data = value if isinstance(value, bytes) else str(value).encode()
        out += b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + extra + b"\r\n\r\n" + data
        out += b"\r\n"
    return out + b"--b--\r\n", "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    "change, status, code",
    [
        (lambda fields: [("file", b"{}"), *fields], 400, "InvalidArgument"),
        (lambda fields: [*fields[:-1], ("file", b"{}")], 403, "SignatureDoesNotMatch"),
        (lambda fields: [*fields[1:], fields[0]], 400, "InvalidArgument"),
    ],
)
def test_an_upload_wants_the_fields_it_handed_out_and_the_file_last(
    api: Api, client: Client, change: Any, status: int, code: str
) -> None:
    body, kind = form(change(staged(api)))
    answered = client.post(f"{DEMO}/staged-uploads", data=body, content_type=kind)
    assert (answered.status_code, f"<Code>{code}</Code>" in answered.text) == (status, True)


def test_an_upload_above_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(UploadRefused) as refused:
        Uploads().receive("multipart/form-data; boundary=b", BytesIO(b""), MOST_BYTES * 2)
    assert refused.value.code == "EntityTooLarge"


def test_an_upload_that_is_cut_off_is_refused(api: Api, client: Client) -> None:
    body, kind = form([*staged(api), ("file", b"{}")])
    answered = client.post(f"{DEMO}/staged-uploads", data=body[:-40], content_type=kind)
    assert (answered.status_code, "MalformedPOSTRequest" in answered.text) == (400, True)


def started_mutation(api: Api, world: World, client: Client, faults: BulkFaults) -> str:
    path = upload(api, client, variables(world, 4))
    world.shop().bulk.faults = faults
    found: str = api(RUN_MUTATION, m=ADD, p=path)["bulkOperationRunMutation"]["bulkOperation"]["id"]
    return found


def test_it_fails_half_way_on_demand_and_leaves_what_it_did(api: Api, world: World, client: Client) -> None:
    done = finished(api, world, started_mutation(api, world, client, BulkFaults(fail_after=3)))
    assert (done["status"], done["errorCode"], done["url"]) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    assert [line["__lineNumber"] for line in lines(client, done["partialDataUrl"])] == [0, 1, 2]
    assert [len(customer.tags) for customer in world.shop().customers] == [1, 1, 1, 0]


def test_it_never_finishes_on_demand_until_it_is_cancelled(api: Api, world: World, client: Client) -> None:
    operation = started_mutation(api, world, client, BulkFaults(stuck_after=1))
    done = finished(api, world, operation)
    assert (done["status"], done["objectCount"]) == ("RUNNING", "1")
    cancel = "mutation C($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { message } } }"
    assert api(cancel, id=operation)["bulkOperationCancel"]["bulkOperation"]["status"] == "CANCELING"
    assert api(STATUS, id=operation)["bulkOperation"]["status"] == "CANCELED"
    assert api(cancel, id=operation)["bulkOperationCancel"]["userErrors"] != []


def test_a_result_may_be_gone_on_demand_and_always_after_a_week(
    api: Api, world: World, client: Client, clock: Clock
) -> None:
    done = finished(api, world, started_mutation(api, world, client, BulkFaults(gone=True)))
    path = DEMO + done["url"].removeprefix("https://demo-store.myshopify.com")
    assert client.get(path).status_code == 404
    world.shop().bulk.faults = BulkFaults()
    started = run_query(api, "{ customers { nodes { id } } }")["bulkOperation"]["id"]
    url = finished(api, world, started)["url"]
    clock.at += 7 * 86_400
    fresh = Api(world, world.install().grant_expiring(clock.at)[0].token)
    assert fresh(STATUS, id=started)["bulkOperation"]["status"] == "EXPIRED"
    assert client.get(DEMO + url.removeprefix("https://demo-store.myshopify.com")).status_code == 404


def test_permission_is_refused_for_each_kind_by_itself(api: Api, world: World) -> None:
    world.shop().bulk.faults = BulkFaults(refused="query")
    told = api.raw(RUN_QUERY, {"q": "{ orders { nodes { id } } }"})
    assert (told["data"]["bulkOperationRunQuery"], told["errors"][0]["extensions"]["code"]) == (None, "ACCESS_DENIED")
    assert api(RUN_MUTATION, m=ADD, p="x")["bulkOperationRunMutation"]["userErrors"][0]["code"] == "NO_SUCH_FILE"


def test_an_address_off_the_list_meets_403_in_bulk_only(api: Api, world: World) -> None:
    world.shop().bulk.faults = BulkFaults(unlisted=True)
    request = orjson.dumps({"query": RUN_QUERY, "variables": {"q": "{ orders { nodes { id } } }"}})
    assert answer(world, world.shop(), api.token, request).status == 403
    assert api("{ shop { name } }")["shop"]["name"] == "Demo Store"


def test_a_scope_that_is_missing_fails_the_operation(world: World) -> None:
    installation = world.install()
    installation.scopes = ("read_customers",)
    api = Api(world, installation.grant_expiring(world.clock())[0].token)
    done = finished(api, world, run_query(api, "{ orders { nodes { id } } }")["bulkOperation"]["id"])
    assert (done["status"], done["errorCode"]) == ("FAILED", "ACCESS_DENIED")


def test_the_end_is_told_with_the_platform_s_body(clock: Clock, mailbox: Mailbox, courier: Courier) -> None:
    app = App("client-1", SECRET, topics=(*DEFAULT_TOPICS, "bulk_operations/finish"))
    world = World(app, clock=clock, courier=courier)
    world.install()
    api = Api(world, world.install().grant_expiring(world.clock())[0].token)
    number = run_query(api, "{ orders { nodes { id } } }")["bulkOperation"]["id"]
    world.shop().run_bulk(at_once=True)
    courier.flush()
    assert mailbox.bodies("bulk_operations/finish") == [
        {
            "admin_graphql_api_id": number,
            "completed_at": "2026-11-22T00:00:00+00:00",
            "created_at": "2026-11-22T00:00:00+00:00",
            "error_code": None,
            "status": "completed",
            "type": "query",
        }
    ]


def test_operations_are_listed_newest_first_and_by_type_and_status(api: Api, world: World) -> None:
    first = run_query(api, "{ orders { nodes { id } } }")["bulkOperation"]["id"]
    world.shop().run_bulk(at_once=True)
    world.shop().bulk.speed = 0
    second = run_query(api, "{ customers { nodes { id } } }")["bulkOperation"]["id"]
    listed = "query L($q: String) { bulkOperations(first: 5, query: $q) { nodes { id query } } }"

    def ids(query: str | None) -> list[str]:
        return [node["id"] for node in api(listed, q=query)["bulkOperations"]["nodes"]]

    assert ids(None) == [second, first]
    assert ids("status:running operation_type:query") == [second]
    assert ids("operation_type:mutation") == []


def test_the_faults_and_the_end_can_be_asked_for_over_http(client: Client, world: World, api: Api) -> None:
    set_to = client.post("/sandbox/bulk/faults", json={"stuck_after": 2, "refused": "mutation"})
    assert set_to.get_json()["stuck_after"] == 2
    assert world.shop().bulk.faults == BulkFaults(stuck_after=2, refused="mutation")
    assert client.post("/sandbox/bulk/faults", json={"refused": "sometimes"}).status_code == 422
    client.post("/sandbox/bulk/faults", json={})
    run_query(api, "{ orders { nodes { id } } }")
    told = client.post("/sandbox/bulk/finish", json={}).get_json()["operations"]
    assert [(one["type"], one["status"]) for one in told] == [("QUERY", "COMPLETED")]
    assert all(isinstance(one, BulkOperation) for one in world.shop().bulk)
