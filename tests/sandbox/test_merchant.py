"""The merchant's rarer deeds: each tells the app under the platform's topic, in the platform's shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from werkzeug.test import Client

from sandbox import App, Courier, SaleRefused, World, carts, create_app, merchant
from tests.sandbox.conftest import SECRET, Clock, Mailbox
from tests.sandbox.places import PAYLOADS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(clock: Clock, courier: Courier) -> World:
    """One shop with an app that listens to everything that our app file names, whole bodies."""
    app = App("client-1", SECRET).deployed(ROOT / "shopify.app.toml")
    made = World(replace(app, include_fields={}), clock=clock, courier=courier)
    made.install()
    return made


def names(value: object, path: str = "") -> set[str]:
    if not isinstance(value, Mapping):
        return set()
    return {f"{path}{name}" for name in value} | {
        found for name, inner in value.items() for found in names(inner, f"{path}{name}.")
    }


def live(world: World) -> None:
    """Everything that a merchant can do beside selling."""
    shop = world.shop()
    anna, bo, chiara = (world.add_customer(f"{n}@example.com", n) for n in ("anna", "bo", "chiara"))
    shop.chatty = True
    first = world.place_order([("MUG", 2), ("TEA", 1)], customer=anna)
    second = world.place_order(customer=bo)
    merchant.edit(shop, first, {first.first_line: 1})
    merchant.fulfil(shop, first, partly=True)
    merchant.fulfil(shop, first)
    merchant.merge(shop, anna, bo)
    merchant.delete_order(shop, second)
    merchant.delete_customer(shop, chiara)
    merchant.consent(shop, anna, "email", "subscribed")
    merchant.consent(shop, anna, "sms", "subscribed")
    merchant.switch_account(shop, anna, enabled=True)
    merchant.switch_account(shop, anna, enabled=False)
    merchant.describe(shop, name="Renamed")
    begun = carts.begin(shop, [("MUG", 1)], anna)
    carts.change(shop, begun, [("TEA", 2)])
    carts.complete(shop, begun)


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="THE PLATFORM'S SAMPLE PAYLOADS ARE ABSENT: not checked against them")
def test_every_body_has_only_names_that_the_platform_s_has(world: World, mailbox: Mailbox) -> None:
    live(world)
    world.courier.flush()
    told = dict[str, set[str]]()
    for headers, body in mailbox.arrived:
        told.setdefault(headers["X-Shopify-Topic"], set()).update(names(orjson.loads(body)))
    odd = {}
    for topic, found in told.items():
        sample = PAYLOADS / f"{topic.replace('/', '_').replace('.', '_')}.json"
        if sample.exists() and (strange := found - names(orjson.loads(sample.read_bytes()))):
            odd[topic] = sorted(name for name in strange if name.rpartition(".")[0] not in strange)
    assert odd == {}
    assert {
        "customers/merge", "customers/delete", "orders/edited", "orders/delete", "order_transactions/create",
        "customers/purchasing_summary", "customers_email_marketing_consent/update", "shop/update",
        "customers_marketing_consent/update", "checkouts/create", "carts/create", "orders/fulfilled",
    } <= told.keys()  # fmt: skip


def test_a_merge_tells_of_both_and_takes_everything_along(world: World, mailbox: Mailbox) -> None:
    shop = world.shop()
    anna, bo = (world.add_customer(f"{name}@example.com", name) for name in ("anna", "bo"))
    shop.tag_customer(bo, ["VIP"], [])
    sold = world.place_order(customer=bo)
    world.courier.flush()
    mailbox.arrived.clear()
    merchant.merge(shop, anna, bo)
    world.courier.flush()
    assert mailbox.topics == [
        "customers/merge", "customer.tags_added", "customers/update", "customers/purchasing_summary",
        "customers/delete",
    ]  # fmt: skip
    (body,) = mailbox.bodies("customers/merge")
    assert (body["status"], body["admin_graphql_api_customer_deleted_id"]) == (
        "completed",
        f"gid://shopify/Customer/{bo.id}",
    )
    assert (sold.customer, anna.tags, shop.customers.by_id(bo.id)) == (anna, ("VIP",), None)
    assert shop.customers.by_email("bo@example.com") is None
    with pytest.raises(SaleRefused):
        merchant.merge(shop, anna, bo)
    world.courier.flush()
    assert [each["status"] for each in mailbox.bodies("customers/merge")] == ["completed", "failed"]


def test_who_has_orders_cannot_be_deleted(world: World) -> None:
    anna = world.add_customer("anna@example.com", "Anna")
    world.place_order(customer=anna)
    with pytest.raises(SaleRefused):
        merchant.delete_customer(world.shop(), anna)
    assert world.shop().customers.by_id(anna.id) is anna


def test_a_script_can_do_what_a_merchant_does(world: World, mailbox: Mailbox) -> None:
    client, shop = Client(create_app(world)), world.shop()
    anna, bo = (world.add_customer(f"{name}@example.com", name) for name in ("anna", "bo"))
    order = world.place_order([("MUG", 3)], customer=bo)

    def post(path: str, **body: Any) -> Any:
        answer = client.post(f"/sandbox{path}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.get_json()

    assert post("/customers/merge", kept="anna@example.com", gone=bo.id)["orders"] == [order.id]
    assert post(f"/customers/{anna.id}/tags", add=["VIP"])["tags"] == ["VIP"]
    post(f"/customers/{anna.id}/consent", channel="email", state="subscribed")
    post(f"/orders/{order.id}/edit", lines={"0": 2})
    assert shop.lines.returned[order.first_line] == 2
    post(f"/orders/{order.id}/fulfil", partly=True)
    post("/checkouts", customer_id=anna.id)
    post("/describe", name="Kettle & Co")
    post(f"/orders/{order.id}/delete")
    assert shop.orders.by_id(order.id) is None
    post(f"/customers/{anna.id}/delete")
    assert client.post(f"/sandbox/customers/{anna.id}/delete", json={}).status_code == 422
    assert (shop.name, [c.id for c in shop.customers]) == ("Kettle & Co", [])
    world.courier.flush()
    assert mailbox.topics[-1] == "customers/delete"
