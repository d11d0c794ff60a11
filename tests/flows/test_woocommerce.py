"""A WooCommerce store through the whole house: deliveries, the sweep and what is written back. Nothing above the
connector is told that the platform is another one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

import loyalty
from commerce.ids import CustomerId
from commerce.store import PutDiscount, ShopDetails
from connectors.http import HttpSession
from connectors.woocommerce import Key, StoreAddress, WooStore, open_envelope, store_address, translate
from engine import mirror, shops, terms
from engine.inbox import Inbox
from engine.outbox import TAGS_REST_SECONDS, Outbox
from engine.receiver import Receiver
from engine.reconcile import Reconciler
from engine.shops import Shop
from engine.work import Database, refuse_in_transaction
from sandbox.woocommerce import ApiKey, Line, Store, create_app
from tests.ground import FIRST_TERMS, REACTIONS, Clock, EventLoop, Superuser
from tests.serving import served

SECRET = b"the secret of this shop's webhooks"
SARA: dict[str, Any] = {"first_name": "Sara", "email": "sara@example.test", "phone": "+989121234567", "country": "IR"}
TEA = [Line("Tea pot", "25.00", 4)]


@dataclass
class Woo:
    """A store and the house beside it. Nothing moves until it is told to."""

    store: Store
    address: StoreAddress
    shop: Shop
    clock: Clock
    database: Database
    receiver: Receiver
    event_loop: EventLoop
    inbox: Inbox
    outbox: Outbox
    reconciler: Reconciler
    sent: Iterator[int]

    def deliver(self, topic: str, body: dict[str, Any]) -> bool:
        """The store posts `body` as it is now; False when the same was there already."""
        raw = json.dumps(body).encode()
        headers = {
            "X-WC-Webhook-Source": self.address.url + "/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": base64.b64encode(hmac.new(SECRET, raw, hashlib.sha256).digest()).decode(),
            "X-WC-Webhook-Delivery-ID": f"{next(self.sent):032x}",
        }
        envelope = open_envelope(headers.get, raw, [SECRET], self.address)
        return self.event_loop.run(self.receiver.receive(self.shop.shop_id, envelope, raw))

    def order(self, number: int, topic: str = "order.updated") -> bool:
        return self.deliver(topic, self.store.shown("orders", self.store.orders[number]))

    def settle(self) -> None:
        while self.inbox.settle_round():
            pass

    def push(self) -> None:
        self.clock.forward(seconds=TAGS_REST_SECONDS + 1)
        while self.outbox.push_round():
            pass

    def reconcile(self) -> int:
        with self.database.work(self.shop.shop_id) as work:
            shop = shops.current(work)
        return self.reconciler.run(shop)

    def customer(self, external_id: str | int) -> CustomerId:
        with self.database.work(self.shop.shop_id) as work:
            found = mirror.customer_id(work, str(external_id))
        assert found is not None
        return found

    def points(self, external_id: str | int) -> int:
        customer_id = self.customer(external_id)
        with self.database.work(self.shop.shop_id) as work:
            return loyalty.account(work, customer_id).points

    def guest(self, number: int) -> str:
        (order,) = WooStore(self.address, self.key, HttpSession(plain=True), now=self.clock).orders([str(number)])
        assert order.customer is not None
        return order.customer.external_id

    @property
    def key(self) -> Key:
        return Key(self.store.keys[0].consumer_key, self.store.keys[0].consumer_secret)


@pytest.fixture
def woo(database: Database, clock: Clock) -> Iterator[Woo]:
    store = Store(clock=clock, keys=[ApiKey()])
    with ExitStack() as stack:
        address = store_address(stack.enter_context(served(create_app(store))))
        key = Key(store.keys[0].consumer_key, store.keys[0].consumer_secret)
        http = HttpSession(plain=True, before_request=refuse_in_transaction)
        client = WooStore(address, key, http, now=clock)
        shop = _open(database, address.domain, client.details())
        receiver, event_loop = Receiver(database), EventLoop()
        stack.callback(event_loop.close)
        stack.callback(lambda: event_loop.run(receiver.close()))
        yield Woo(
            store, address, shop, clock, database, receiver, event_loop,
            Inbox(database, {"woocommerce": lambda delivery, _shop: translate(delivery)}, REACTIONS),
            Outbox(database, lambda _shop: client, {PutDiscount.kind: loyalty.code_settled}),
            Reconciler(database, lambda _shop: client, REACTIONS), itertools.count(1),
        )  # fmt: skip


def _open(database: Database, domain: str, details: ShopDetails) -> Shop:
    now = database.clock()
    with database.founding(lambda connection: shops.install(connection, "woocommerce", domain, now).shop_id) as work:
        shops.describe(work, details)
        for name, propose in FIRST_TERMS.items():
            terms.publish_first(work, name, propose(details.currency))
        return shops.current(work)


def parked(above: Superuser) -> list[tuple[Any, ...]]:
    return above.run("SELECT topic FROM deliveries WHERE parked_at IS NOT NULL")


def test_a_checkout_told_updated_first_doubled_and_late_earns_its_points_once(woo: Woo, above: Superuser) -> None:
    sara = woo.store.register("sara@example.test")
    number = woo.store.order(TEA, customer=sara, status="processing", billing=SARA)
    assert woo.order(number, "order.updated")
    assert woo.order(number, "order.created")
    assert not woo.order(number, "order.updated")
    woo.settle()
    woo.clock.forward(minutes=5)
    # Made at its sending: a creation may tell of an order that was refunded meanwhile.
    woo.store.refund(number, "40.00")
    woo.order(number, "order.created")
    woo.settle()
    assert woo.points(sara) == 60
    assert parked(above) == []


def test_in_whatever_order_the_deliveries_come_the_points_are_the_same(woo: Woo) -> None:
    sara = woo.store.register("sara@example.test")
    told = []
    number = woo.store.order(TEA, customer=sara, status="pending", billing=SARA)
    for change in ("processing", "completed", None, "completed"):
        woo.clock.forward(seconds=1)
        if change:
            woo.store.set_status(number, change)
        else:
            woo.store.refund(number, "25.00")
        told.append(woo.store.shown("orders", woo.store.orders[number]))
    chance = random.Random(7)
    for body in chance.sample(told * 2, len(told) * 2):
        woo.deliver(chance.choice(["order.created", "order.updated"]), body)
        woo.settle()
    assert woo.points(sara) == 75


def test_guests_of_one_address_are_one_customer_who_earns(woo: Woo) -> None:
    first = woo.store.order(TEA, status="completed", billing=SARA)
    second = woo.store.order(TEA, status="completed", billing=SARA | {"email": " SARA@example.test", "phone": ""})
    for number in (first, second):
        woo.order(number)
    woo.settle()
    assert woo.guest(first) == woo.guest(second)
    assert woo.points(woo.guest(first)) == 200
    woo.push()
    # A guest has no place in the store, and leaves no complaint behind.
    assert not [path for method, path, _ in woo.store.asked if method == "POST"]


def test_cash_earns_when_it_was_paid(woo: Woo) -> None:
    sara = woo.store.register("sara@example.test")
    number = woo.store.order(TEA, customer=sara, status="processing", method="cod", billing=SARA)
    woo.order(number)
    woo.settle()
    assert woo.points(sara) == 0
    woo.clock.forward(days=2)
    woo.store.set_status(number, "completed")
    woo.order(number)
    woo.settle()
    assert woo.points(sara) == 100


def test_what_no_delivery_told_is_found_by_the_sweep(woo: Woo) -> None:
    sara = woo.store.register("sara@example.test")
    kept, trashed = (woo.store.order(TEA, customer=sara, status="completed", billing=SARA) for _ in range(2))
    assert woo.reconcile() == 2  # the orders bring their customer
    assert woo.points(sara) == 200
    woo.clock.forward(minutes=5)
    woo.store.trash(trashed)
    woo.deliver("order.deleted", {"id": trashed})
    woo.settle()
    assert woo.reconcile() == 1
    assert woo.points(sara) == 100
    assert woo.reconcile() == 0
    assert kept in woo.store.orders


def test_the_store_s_own_errors_and_drafts_settle_without_a_trace(woo: Woo, above: Superuser) -> None:
    gone = {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID.", "data": {"status": 404}}
    woo.deliver("order.created", gone)
    draft = woo.store.order(TEA, status="checkout-draft", billing=SARA)
    woo.order(draft, "order.created")
    woo.settle()
    assert parked(above) == []
    assert above.one("SELECT count(*) FROM orders WHERE shop_id = %s", woo.shop.shop_id) == 0
    lost = {"code": "woocommerce_rest_cannot_view", "message": "Sorry.", "data": {"status": 401}}
    woo.deliver("order.updated", lost)
    woo.settle()
    assert parked(above) == [("order.updated",)]


def test_an_erased_order_is_nobody_s_and_stays_in_the_books(woo: Woo, above: Superuser) -> None:
    number = woo.store.order(TEA, status="completed", billing=SARA)
    woo.order(number)
    woo.settle()
    woo.clock.forward(minutes=5)
    woo.store.erase(number)
    woo.order(number)
    woo.settle()
    (row,) = above.run(
        "SELECT c.external_id = 'erased:' || customer_id, c.email, c.first_name, c.last_name, paid, goods_minor "
        "FROM orders o JOIN customers c USING (shop_id, customer_id) WHERE o.shop_id = %s",
        woo.shop.shop_id,
    )
    assert row == (True, None, None, None, True, 10_000)


def test_where_a_customer_stands_reaches_the_store_and_its_echo_moves_nothing(woo: Woo, above: Superuser) -> None:
    sara = woo.store.register("sara@example.test")
    woo.order(woo.store.order(TEA, customer=sara, status="completed", billing=SARA))
    woo.settle()
    woo.push()
    assert woo.store.meta(sara, "lifecycle_stage") == "acquired"
    woo.deliver("customer.updated", woo.store.shown("customers", woo.store.customers[sara]))
    woo.settle()
    asked = len(woo.store.asked)
    woo.push()
    assert len(woo.store.asked) == asked
    assert above.run("SELECT kind FROM effects WHERE shop_id = %s AND pushed_at IS NULL", woo.shop.shop_id) == []


def test_a_reward_is_a_coupon_in_the_store_that_only_its_customer_can_use(woo: Woo) -> None:
    sara = woo.store.register("sara@example.test")
    woo.order(woo.store.order(TEA, customer=sara, status="completed", billing=SARA))
    woo.settle()
    woo.clock.forward(days=20)
    with woo.database.work(woo.shop.shop_id) as work:
        bought = loyalty.redeem(work, woo.customer(sara), str(sara), "five-off", "click-1")
    woo.push()
    coupon = woo.store.coupon(bought.code)
    assert coupon is not None
    assert (coupon["amount"], coupon["email_restrictions"]) == ("5.00", ["sara@example.test"])
    assert datetime.fromisoformat(coupon["date_expires_gmt"] + "+00:00") == bought.expires_at.replace(microsecond=0)
    # Shoppers type it in any case, the store keeps it in small letters; it is known again in the order.
    used = [{"id": 9, "code": bought.code.lower(), "discount": "5.00"}]
    woo.order(woo.store.order(TEA, customer=sara, status="completed", billing=SARA, coupon_lines=used))
    woo.settle()
    with woo.database.work(woo.shop.shop_id) as work:
        (redemption,) = loyalty.account(work, woo.customer(sara)).redemptions
    assert redemption.outcome == "used"


def test_a_reward_that_nobody_used_is_frozen_in_the_store_and_its_points_come_back(woo: Woo) -> None:
    sara = woo.store.register("sara@example.test")
    woo.order(woo.store.order(TEA, customer=sara, status="completed", billing=SARA))
    woo.settle()
    woo.clock.forward(days=20)
    with woo.database.work(woo.shop.shop_id) as work:
        bought = loyalty.redeem(work, woo.customer(sara), str(sara), "five-off", "click-1")
    woo.push()
    woo.clock.forward(days=40)
    with woo.database.work(woo.shop.shop_id) as work:
        while loyalty.release_unused(work):
            pass
    woo.push()
    (record,) = woo.store.coupons.values()
    assert (record.body["code"], record.body["status"]) == (bought.code.lower(), "draft")
    assert woo.points(sara) == 100
