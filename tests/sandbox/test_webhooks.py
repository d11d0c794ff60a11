"""Deliveries: shape, headers, echo, retries, faults."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from sandbox import Courier, Faults, World
from sandbox.ids import gid
from sandbox.signing import webhook_signature
from tests.sandbox.conftest import SECRET, Api, Clock, Mailbox
from tests.sandbox.places import sample

# what the sample's generator put in and the platform does not promise: a list's members are another test's matter
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}")


def missing(theirs: Any, ours: Any, place: str = "") -> list[str]:
    """Keys of the sample that ours lacks, at every depth where both have something."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        here = [f"{place}.{key}" for key in theirs if key not in ours]
        return here + [
            line for key in theirs if key in ours for line in missing(theirs[key], ours[key], f"{place}.{key}")
        ]
    if isinstance(theirs, list) and isinstance(ours, list) and theirs and ours:
        return missing(theirs[0], ours[0], f"{place}[]")
    return []


def sold(world: World) -> None:
    """An order with everything on it."""
    ann = world.add_customer("ann@example.com", "Ann", 'Quote "and" back\\slash')
    order = world.place_order(
        [("MUG", 2), ("GIFT50", 1)],
        customer=ann,
        shipping=495,
        attributes=[("perennial_ref", "FRIEND"), ("note", "ünïcode \u2028")],
        landing_site="/products/mug?ref=FRIEND&utm_source=mail",
        referring_site="https://search.example/",
    )
    world.refund(order, {0: 1}, note="broken")
    world.cancel(order)


@pytest.mark.parametrize(
    "topic,name",
    [
        ("customers/create", "customers_create"),
        ("orders/create", "orders_create"),
        ("orders/paid", "orders_paid"),
        ("orders/updated", "orders_updated"),
        ("orders/cancelled", "orders_cancelled"),
        ("refunds/create", "refunds_create"),
        ("app/uninstalled", "app_uninstalled"),
    ],
)
def test_a_body_has_every_key_of_the_platform_s_sample(world: World, mailbox: Mailbox, topic: str, name: str) -> None:
    sold(world)
    world.uninstall()
    world.courier.flush()
    theirs = sample(name)
    for ours in mailbox.bodies(topic):
        assert missing(theirs, ours) == []
        assert set(ours) == set(theirs)


def test_the_order_says_what_was_sold(world: World, mailbox: Mailbox) -> None:
    sold(world)
    world.courier.flush()
    body = mailbox.bodies("orders/create")[0]
    assert (body["total_price"], body["subtotal_price"], body["total_discounts"]) == ("82.95", "78.00", "0.00")
    assert body["total_shipping_price_set"]["shop_money"] == {"amount": "4.95", "currency_code": "USD"}
    assert body["customer"]["last_name"] == 'Quote "and" back\\slash'
    assert body["note_attributes"] == [
        {"name": "perennial_ref", "value": "FRIEND"},
        {"name": "note", "value": "ünïcode \u2028"},
    ]
    assert (body["landing_site_ref"], body["referring_site"]) == ("FRIEND", "https://search.example/")
    assert [line["gift_card"] for line in body["line_items"]] == [False, True]
    assert body["financial_status"] == "paid"
    assert body["created_at"] == "2026-11-22T00:00:00+00:00"


def test_a_body_is_frozen_at_its_moment(world: World, mailbox: Mailbox) -> None:
    sold(world)
    world.courier.flush()
    assert mailbox.topics == [
        "customers/create",
        "orders/create",
        "orders/paid",
        "refunds/create",
        "orders/updated",
        "refunds/create",
        "orders/cancelled",
        "orders/updated",
    ]
    assert mailbox.bodies("orders/create")[0]["refunds"] == []
    first, last = mailbox.bodies("orders/updated")
    assert (first["financial_status"], first["current_total_price"]) == ("partially_refunded", "68.95")
    assert (last["financial_status"], last["current_total_price"], last["cancel_reason"]) == (
        "refunded",
        "0.00",
        "customer",
    )


def test_a_refund_s_subtotal_is_a_number_and_its_money_a_string(world: World, mailbox: Mailbox) -> None:
    sold(world)
    world.courier.flush()
    refund = mailbox.bodies("refunds/create")[0]
    line = refund["refund_line_items"][0]
    assert (line["subtotal"], line["quantity"], line["restock_type"]) == (14.0, 1, "return")
    assert refund["transactions"][0]["amount"] == "14.00"
    assert refund["transactions"][0]["kind"] == "refund"


def test_a_guest_s_order_has_no_customer(world: World, mailbox: Mailbox) -> None:
    world.place_order(email="guest@example.com")
    world.courier.flush()
    body = mailbox.bodies("orders/create")[0]
    assert (body["customer"], body["email"]) == (None, "guest@example.com")


def test_the_headers_are_the_platform_s(world: World, mailbox: Mailbox) -> None:
    world.place_order(email="guest@example.com")
    world.courier.flush()
    (create, body), (paid, _) = mailbox.arrived
    assert create["X-Shopify-Topic"] == "orders/create"
    assert create["X-Shopify-Hmac-Sha256"] == webhook_signature(body, SECRET.encode()).decode()
    assert create["X-Shopify-Shop-Domain"] == "demo-store.myshopify.com"
    assert create["X-Shopify-API-Version"] == "2026-10"
    assert create["X-Shopify-Triggered-At"] == "2026-11-22T00:00:00.000000Z"
    assert UUID.fullmatch(create["X-Shopify-Webhook-Id"])
    assert create["X-Shopify-Webhook-Id"] != paid["X-Shopify-Webhook-Id"]
    assert create["X-Shopify-Event-Id"] == paid["X-Shopify-Event-Id"]


def test_nothing_is_sent_to_an_app_that_is_not_installed_or_did_not_subscribe(world: World) -> None:
    world.uninstall()
    sent = len(world.courier.waiting)
    world.place_order(email="guest@example.com")
    assert len(world.courier.waiting) == sent


def test_the_app_s_own_tags_come_back_to_it(world: World, api: Api, mailbox: Mailbox) -> None:
    ann = world.add_customer("ann@example.com")
    change = (
        'mutation($id:ID!){tagsRemove(id:$id,tags:["never"]){userErrors{message}}'
        ' tagsAdd(id:$id,tags:["stage:new"]){userErrors{message}}}'
    )
    api(change, id=gid("Customer", ann.id))
    api(change, id=gid("Customer", ann.id))
    world.courier.flush()
    assert mailbox.topics == ["customers/create", "customer.tags_added", "customers/update"]
    assert mailbox.bodies("customer.tags_added") == [
        {"customerId": gid("Customer", ann.id), "tags": ["stage:new"], "occurredAt": "2026-11-22T00:00:00.000Z"}
    ]


def test_the_compliance_topics_have_the_platform_s_bodies(world: World, mailbox: Mailbox) -> None:
    ann = world.add_customer("ann@example.com")
    order = world.place_order(customer=ann)
    world.send_privacy("customers/data_request", customer=ann)
    world.send_privacy("customers/redact", customer=ann)
    world.uninstall()
    world.send_privacy("shop/redact")
    world.courier.flush()
    for topic in ("customers/data_request", "customers/redact", "shop/redact"):
        body = mailbox.bodies(topic)[0]
        assert set(body) == set(sample(topic.replace("/", "_")))
    assert mailbox.bodies("customers/redact")[0]["orders_to_redact"] == [order.id]


def test_a_failed_delivery_comes_again_with_the_same_id_and_body(
    world: World, courier: Courier, mailbox: Mailbox, clock: Clock
) -> None:
    mailbox.statuses = [500, 302, 200]
    world.place_order(email="a@example.com")
    first = courier.waiting[0]
    courier.deliver(first)
    assert courier.backlog == 2
    courier.flush()
    courier.flush()
    ids = [headers["X-Shopify-Webhook-Id"] for headers, _ in mailbox.arrived]
    assert ids.count(first.webhook_id) == 2
    assert courier.stats["acknowledged"] == 2
    assert courier.backlog == 0


def test_after_eight_repeats_the_platform_gives_up(world: World, courier: Courier, mailbox: Mailbox) -> None:
    world.add_customer("a@example.com")
    mailbox.statuses = [500] * 20
    for _ in range(20):
        courier.flush()
    assert len(mailbox.arrived) == 9
    assert (courier.stats["abandoned"], courier.backlog) == (1, 0)


def arrivals(clock: Clock, **faults: Any) -> list[str]:
    """Which orders arrive, in which order, under these faults."""
    mailbox = Mailbox()
    world = World(clock=clock, courier=Courier(send=mailbox, clock=clock, faults=Faults(**faults)))
    world.install()
    for _ in range(200):
        world.place_order(email="a@example.com")
    world.courier.flush()
    return [f"{orjson.loads(body)['name']} {headers['X-Shopify-Topic']}" for headers, body in mailbox.arrived]


def test_the_same_seed_gives_the_same_faults(clock: Clock) -> None:
    faults = {"duplicate": 0.1, "drop": 0.1, "reorder": 20}
    once = arrivals(clock, seed=7, **faults)
    assert once == arrivals(clock, seed=7, **faults)
    assert once != arrivals(clock, seed=8, **faults)


def test_faults_do_what_they_say(clock: Clock) -> None:
    good = arrivals(clock)
    assert len(good) == len(set(good)) == 400
    doubled = arrivals(clock, duplicate=1.0)
    assert doubled[::2] == doubled[1::2] == good
    assert arrivals(clock, drop=1.0) == []
    mixed = arrivals(clock, reorder=10)
    assert mixed != good
    assert sorted(mixed) == sorted(good)


def test_a_late_delivery_waits_until_it_is_flushed(clock: Clock) -> None:
    world = World(clock=clock, courier=Courier(send=Mailbox(), clock=clock, faults=Faults(delay=60, seed=1)))
    world.install()
    world.place_order(email="a@example.com")
    assert world.courier.waiting == []
    assert world.courier.flush() == 2


@pytest.mark.parametrize("wrong", [{"drop": 2}, {"reorder": -1}, {"nonsense": 1}, {"delay": "soon"}])
def test_wrong_faults_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Faults.of(wrong)


def test_money_follows_the_currency_s_exponent(clock: Clock) -> None:
    from sandbox import ShopSetting

    mailbox = Mailbox()
    shops = [ShopSetting("yen.myshopify.com", "JPY"), ShopSetting("dinar.myshopify.com", "KWD")]
    world = World(clock=clock, shops=shops, courier=Courier(send=mailbox, clock=clock))
    for domain in world.shops:
        world.install(domain)
        world.place_order([("TEA", 3)], email="a@example.com", shop=domain)
    world.courier.flush()
    assert [body["total_price"] for body in mailbox.bodies("orders/create")] == ["30", "28.500"]
