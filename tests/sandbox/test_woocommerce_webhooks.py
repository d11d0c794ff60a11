"""The WooCommerce store's webhooks go out as a real store's were seen to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.woocommerce import ApiKey, CheckoutRefused, CouponRefused, Line, Store, check_out, coupons, hooks

SECRET = "the secret of these webhooks"
TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored", "customer.created", "customer.updated")
TEA = [Line("Tea pot", "25.00", 2)]
ANN = {"first_name": "Ann", "email": "ann@example.test"}


@dataclass
class Ear:
    """Who is told: remembers what came, and answers with `status`."""

    status: int = 200
    heard: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    def __call__(self, _url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.heard.append((headers, body))
        return self.status

    @property
    def topics(self) -> list[str]:
        return [headers.get("X-WC-Webhook-Topic", "ping") for headers, _ in self.heard]

    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def store(ear: Ear) -> Store:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    store = Store(clock=lambda: at, keys=[ApiKey()], home="https://shop.example")
    store.courier.send = ear
    for topic in (*TOPICS, "customer.deleted", "action.woocommerce_order_refunded"):
        given = {"topic": topic, "delivery_url": "https://app.example/hook", "secret": SECRET}
        hooks.create(store, given, store.keys[0])
    ear.heard.clear()
    return store


def test_a_new_webhook_is_tried_with_a_form_that_nobody_signed(store: Store, ear: Ear) -> None:
    number = hooks.create(store, {"topic": "coupon.created", "delivery_url": "https://app.example/hook"})["id"]
    ((headers, body),) = ear.heard
    assert body == f"webhook_id={number}".encode()
    assert not [name for name in headers if name.startswith("X-WC")]
    ear.status = 500
    assert hooks.create(store, {"topic": "coupon.deleted", "delivery_url": "https://a.example/"})["status"] == "active"
    hooks.create(store, {"topic": "coupon.updated", "delivery_url": "https://a.example/", "status": "paused"})
    assert len(ear.heard) == 2


def test_an_order_is_told_changed_before_it_is_told_created_and_as_it_is_by_then(store: Store, ear: Ear) -> None:
    number = check_out(store, TEA, billing=ANN, method="card")
    store.refund(number, "10.00")
    assert ear.heard == []
    store.courier.deliver()
    assert ear.topics == ["order.updated", "order.created", "action.woocommerce_order_refunded"]
    assert [row["total"] for row in ear.bodies()[1]["refunds"]] == ["-10.00"]
    assert ear.bodies()[2] == {"action": "woocommerce_order_refunded", "arg": number}


def test_deliveries_are_signed_over_their_bytes_and_share_an_id_within_a_second(store: Store, ear: Ear) -> None:
    for _ in range(2):
        check_out(store, TEA, billing=ANN)
    store.courier.deliver()
    for headers, body in ear.heard:
        digest = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        assert headers["X-WC-Webhook-Signature"] == digest
        assert headers["X-WC-Webhook-Source"] == "https://shop.example/"
        assert b"\\/" in body
        assert body.isascii()
    by_topic = {(h["X-WC-Webhook-Topic"], h["X-WC-Webhook-Delivery-ID"]) for h, _ in ear.heard}
    assert len(ear.heard) == 4
    assert len(by_topic) == 2


def test_what_waits_already_is_not_queued_twice(store: Store, ear: Ear) -> None:
    number = check_out(store, TEA, billing=ANN)
    for status in ("processing", "completed"):
        store.set_status(number, status)
    store.courier.deliver()
    assert ear.topics == ["order.updated", "order.created"]
    assert {body["status"] for body in ear.bodies()} == {"completed"}


def test_two_runners_keep_no_order(store: Store, ear: Ear) -> None:
    for _ in range(8):
        check_out(store, TEA, billing=ANN)
    store.courier.deliver(random.Random(3))
    numbers = [body["id"] for body in ear.bodies()]
    assert len(numbers) == 16
    assert numbers != sorted(numbers)


def test_the_seventh_failure_in_a_row_ends_a_webhook_and_switching_it_on_keeps_the_count(
    store: Store, ear: Ear
) -> None:
    number = next(n for n, record in store.webhooks.items() if record.body["topic"] == "order.updated")
    order = store.order(TEA)
    store.courier.deliver()
    ear.status = 503
    for failure in range(1, 8):
        assert store.webhooks[number].body["status"] == "active", f"before failure {failure}"
        store.set_status(order, "completed")
        store.courier.deliver()
    assert store.webhooks[number].body["status"] == "disabled"
    ear.heard.clear()
    store.set_status(order, "cancelled")
    assert store.courier.deliver() == 0
    hooks.update(store, number, {"status": "active"})
    store.set_status(order, "completed")
    store.courier.deliver()
    assert ear.topics == ["order.updated"], "one attempt, and never again"
    assert store.webhooks[number].body["status"] == "disabled"


def test_a_success_clears_the_count(store: Store, ear: Ear) -> None:
    order = store.order(TEA)
    for status in [503] * 6 + [302] + [410] * 6:
        ear.status = status
        store.set_status(order, "completed")
        store.courier.deliver()
    assert {record.body["status"] for record in store.webhooks.values()} == {"active"}


def test_the_store_tells_its_own_error_where_the_object_or_the_right_is_gone(store: Store, ear: Ear) -> None:
    gone, there = store.order(TEA), store.order(TEA)
    store.force_delete(gone)
    store.courier.deliver()
    told = {body["code"] for body in ear.bodies() if "code" in body}
    assert told == {"woocommerce_rest_shop_order_invalid_id"}
    ear.heard.clear()
    store.keys[0].admin = False
    store.set_status(there, "completed")
    store.courier.deliver()
    assert [body["data"]["status"] for body in ear.bodies()] == [401]


def test_a_deletion_says_a_number_a_forced_one_nothing_and_a_restored_order_comes_back(store: Store, ear: Ear) -> None:
    number = store.order(TEA, status="completed")
    store.courier.deliver()
    ear.heard.clear()
    store.trash(number)
    store.courier.deliver()
    assert (ear.topics, ear.bodies()) == (["order.deleted"], [{"id": number}])
    store.restore(number)
    store.courier.deliver()
    assert ear.topics[1:] == ["order.updated", "order.restored"]
    assert store.orders[number].body["status"] == "completed"
    ear.heard.clear()
    store.force_delete(number)
    assert store.courier.deliver() == 0


def test_a_deleted_customer_s_orders_become_a_guest_s_without_a_word_or_a_date(store: Store, ear: Ear) -> None:
    number = check_out(store, TEA, billing=ANN, create_account=True)
    (customer,) = store.customers
    store.courier.deliver()
    assert ear.topics == ["customer.created", "customer.updated", "order.updated", "order.created"]
    ear.heard.clear()
    before = store.orders[number].modified
    store.clock = lambda: datetime(2026, 11, 23, tzinfo=UTC)
    store.delete_customer(customer)
    store.courier.deliver()
    assert (ear.topics, ear.bodies()) == (["customer.deleted"], [{"id": customer}])
    assert (store.orders[number].body["customer_id"], store.orders[number].modified) == (0, before)


def test_an_account_takes_a_guest_s_orders_over_only_when_its_address_is_proven(store: Store) -> None:
    number = check_out(store, TEA, billing=ANN)
    ann = store.register("ann@example.test")
    again = check_out(store, TEA, billing=ANN)
    assert {store.orders[n].body["customer_id"] for n in (number, again)} == {0}
    assert store.verify_email(ann) == [number, again]
    assert {store.orders[n].body["customer_id"] for n in (number, again)} == {ann}
    with pytest.raises(CheckoutRefused):
        check_out(store, TEA, billing=ANN, create_account=True)


def test_who_may_use_a_coupon_is_decided_at_the_checkout(store: Store) -> None:
    def coupon(code: str, **given: Any) -> int:
        told = coupons.create(store, {"code": code, "amount": "5.00", "discount_type": "fixed_cart", **given})
        return int(told["id"])

    once = coupon("once", usage_limit=1, email_restrictions=["*@example.test"])
    number = check_out(store, TEA, billing=ANN, coupons=["ONCE"])
    body = store.orders[number].body
    assert (body["total"], body["discount_total"]) == ("45.00", "5.00")
    assert body["coupon_lines"][0]["code"] == "once"
    assert store.coupons[once].body["usage_count"] == 1
    store.set_status(number, "cancelled")
    assert (store.coupons[once].body["usage_count"], store.coupons[once].body["used_by"]) == (0, [])
    check_out(store, TEA, billing=ANN, coupons=["once"])
    coupon("gone", date_expires="2026-11-22T11:59:59Z")
    coupon("each", usage_limit_per_user=1)
    coupon("draft", status="draft")
    check_out(store, TEA, billing=ANN, coupons=["each"])
    store.refund(check_out(store, TEA, billing={"email": "b@example.test"}, coupons=["each"]))
    for code, email in (
        ("once", "ann@example.test"), ("gone", "ann@example.test"), ("draft", "ann@example.test"),
        ("each", "ann@example.test"), ("each", "B@example.test"), ("nowhere", "ann@example.test"),
    ):  # fmt: skip
        with pytest.raises(CouponRefused):
            check_out(store, TEA, billing={"email": email}, coupons=[code])


def test_old_amounts_are_written_in_the_decimals_of_today(store: Store) -> None:
    number = store.order([Line("Tea", "47.55")], status="completed")
    store.decimals = 0
    told = store.shown("orders", store.orders[number])
    assert (told["total"], told["line_items"][0]["total"]) == ("48", "48")
    store.decimals = 2
    assert store.shown("orders", store.orders[number])["total"] == "47.55"


def test_cash_on_delivery_is_processing_and_not_paid(store: Store) -> None:
    number = check_out(store, TEA, billing=ANN, method="cod")
    record = store.orders[number]
    assert (record.body["status"], record.paid) == ("processing", None)
    store.clock = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(days=2)
    store.set_status(number, "completed")
    assert record.paid == store.now()
