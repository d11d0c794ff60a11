"""The control API, through the whole WSGI app."""

from __future__ import annotations

import time
from typing import Any

import pytest
from werkzeug.test import Client

from sandbox import World, create_app
from sandbox.app import Platform
from tests.sandbox.conftest import Mailbox

DEMO = "/shops/demo-store.myshopify.com"


@pytest.fixture
def client(world: World) -> Client:
    return Client(create_app(world))


def post(client: Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code in (200, 201, 202), answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_a_script_can_run_a_shop(client: Client, world: World, mailbox: Mailbox) -> None:
    ann = post(client, "/sandbox/customers", email="ann@example.com", tags=["vip"])
    order = post(client, "/sandbox/orders", customer_id=ann["id"], lines=[{"sku": "MUG", "quantity": 2}], paid=False)
    assert (order["total_price"], order["financial_status"]) == ("28.00", "pending")
    path = f"/sandbox/orders/{order['id']}"
    assert post(client, f"{path}/pay")["financial_status"] == "paid"
    assert post(client, f"{path}/refund", lines={"0": 1})["financial_status"] == "partially_refunded"
    assert post(client, f"{path}/refund", lines={str(order["lines"][0]): 1})["financial_status"] == "refunded"
    assert post(client, f"{path}/cancel", reason="fraud")["cancelled_at"] == "2026-11-22T00:00:00Z"
    seen = client.get(f"/sandbox/customers/{ann['id']}").get_json()
    assert (seen["tags"], seen["orders"], seen["amount_spent"]) == (["vip"], [order["id"]], "0.00")
    assert client.get("/sandbox/customers/ann@example.com").get_json() == seen
    assert post(client, "/sandbox/deliveries/flush")["flushed"] == len(mailbox.arrived)
    stats = client.get("/sandbox/stats").get_json()
    assert stats["deliveries"]["acknowledged"] == len(mailbox.arrived)
    counts = client.get("/sandbox/world").get_json()["shops"]["demo-store.myshopify.com"]
    assert (counts["orders"], counts["customers"], counts["refunds"], counts["tagged_customers"]) == (1, 1, 2, 1)


@pytest.mark.parametrize(
    "path,body,status",
    [
        ("/sandbox/orders", {"lines": [{"sku": "NOPE"}]}, 422),
        ("/sandbox/orders", {"lines": "MUG"}, 422),
        ("/sandbox/orders", {"lines": [{"sku": "MUG", "quantity": 0}]}, 422),
        ("/sandbox/orders", {"codes": ["NOPE"]}, 422),
        ("/sandbox/orders", {"shop": "nobody.myshopify.com"}, 404),
        ("/sandbox/orders/1/refund", {}, 422),
        ("/sandbox/faults", {"drop": 7}, 422),
        ("/sandbox/replay", {"speed": "fast"}, 422),
        ("/sandbox/replay", {"topics": ["shop/update"]}, 422),
        ("/sandbox/privacy", {"topic": "customers/redact"}, 422),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    client: Client, path: str, body: dict[str, Any], status: int
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status
    assert len(answer.get_json()["error"]) > 10


def test_it_answers_to_this_machine_only(client: Client) -> None:
    assert client.get("/sandbox/world", environ_base={"REMOTE_ADDR": "10.1.2.3"}).status_code == 403
    assert client.post("/sandbox/faults", json={}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_replay_is_started_and_watched(client: Client, world: World) -> None:
    assert client.get("/sandbox/replay").get_json()["state"] == "idle"
    post(client, "/sandbox/replay", source="cdnow", limit=50)
    deadline = time.monotonic() + 60
    while client.get("/sandbox/replay").get_json()["state"] == "reading":
        assert time.monotonic() < deadline
    app = client.application
    assert isinstance(app, Platform)
    run = app.flask.extensions["sandbox"].replay
    run.run()
    world.courier.flush()
    report = client.get("/sandbox/replay").get_json()
    assert (report["state"], report["orders"], report["orders_total"]) == ("finished", 50, 50)
    assert report["deliveries"] == report["acknowledged"]


def test_a_bad_source_is_told(client: Client) -> None:
    post(client, "/sandbox/replay", source="/nowhere.csv")
    deadline = time.monotonic() + 60
    while (found := client.get("/sandbox/replay").get_json())["state"] == "reading":
        assert time.monotonic() < deadline
    assert found["state"] == "failed"
    assert "there is no file" in found["error"]


def test_installing_gives_the_address_to_open(client: Client, world: World) -> None:
    world.uninstall()
    answer = post(client, "/sandbox/install", shop="demo-store.myshopify.com")
    assert "id_token=" in answer["launch_url"]
    assert world.shop().installation is not None


def test_the_admin_api_is_reached_by_host_and_by_prefix(client: Client, world: World) -> None:
    installation = world.install()
    headers = {"X-Shopify-Access-Token": installation.grant_expiring(world.clock())[0].token}
    query = {"query": "{shop{myshopifyDomain}}"}
    path = "/admin/api/2026-10/graphql.json"
    for target, base in ((DEMO + path, "http://127.0.0.1"), (path, "http://demo-store.myshopify.com")):
        answer = client.post(target, base_url=base, json=query, headers=headers)
        assert answer.get_json()["data"]["shop"]["myshopifyDomain"] == "demo-store.myshopify.com"
        assert answer.headers["X-Shopify-API-Version"] == "2026-10"
    assert client.post("/shops/other.myshopify.com" + path, json=query, headers=headers).status_code == 404
    assert client.post(path, base_url="http://other.myshopify.com", json=query, headers=headers).status_code == 404
    assert client.post(DEMO + path, json=query).status_code == 401
    assert client.get(DEMO + path).status_code == 405


def test_a_second_shop_is_another_world(world: World) -> None:
    from sandbox import ShopSetting

    world.open_shop(ShopSetting("neighbour.myshopify.com"))
    world.install("neighbour.myshopify.com")
    world.add_customer("ann@example.com")
    other = world.add_customer("ann@example.com", shop="neighbour.myshopify.com")
    assert world.shop().customers.by_id(other.id) is None
    assert len(world.shop().customers) == len(world.shop("neighbour.myshopify.com").customers) == 1
