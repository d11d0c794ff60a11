"""A WooCommerce store and the house beside it: the store's own webhooks over the door, a worker's rounds, the sweep."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from a2wsgi import ASGIMiddleware, WSGIMiddleware
from werkzeug.test import Client

import loyalty
from commerce.events import Envelope
from commerce.identity import Identity, guest_id
from commerce.ids import CustomerId
from connectors.http import HttpSession
from connectors.woocommerce import Home, Key, WooStore, is_ping, open_envelope, store_address, translate
from engine import mirror, shops, terms
from engine.inbox import BATCH, Inbox, settle_read
from engine.receiver import Receiver
from engine.reconcile import Reconciler
from engine.shops import Shop
from engine.stale import REST, StaleOrders
from engine.work import Database, refuse_in_transaction
from plugin.webhooks import WebhookDoor
from sandbox.woocommerce import ApiKey, Line, Store, create_app
from tests.ground import FIRST_TERMS, REACTIONS, Clock, EventLoop, Superuser
from tests.serving import served

SECRET = "the secret of this shop's webhooks"
PATH = "/webhooks/woocommerce/0a9c-unguessable"
TEA = [Line("Tea pot", "25.00", 4)]
CHANCES = (1, 7, 20, BATCH)


def person(name: str, **given: Any) -> dict[str, Any]:
    """What somebody types at the checkout."""
    return {"first_name": name, "last_name": "Ahmadi", "email": f"{name.lower()}@example.test", "country": "IR"} | given


@dataclass
class Road:
    """Between store and house. A store tries once: what is lost here is lost, what is doubled comes twice."""

    door: Client
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    lost: float = 0.0
    down: bool = False
    """Whether nobody answers at all: the store counts its failures."""
    doubled: float = 0.0
    kept_back: float = 0.0
    """How many are held up on the way and come with the next `let_go`, in any order."""
    holds: bool = False
    """Whether all is held up on the way, as by a runner that hangs, until `let_go`."""
    held: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    pings: int = 0

    def __call__(self, _url: str, headers: Mapping[str, str], body: bytes) -> int:
        if is_ping(headers.get, body):
            self.pings += 1
            return 200
        if self.down:
            return 503
        # Of a deleted customer the store tells once, and no list does: that word is not lost here.
        if headers["X-WC-Webhook-Topic"] != "customer.deleted" and self.chance.random() < self.lost:
            # It was taken, as far as the store can tell: a proxy that answers for us.
            return 200
        if self.holds or self.chance.random() < self.kept_back:
            self.held.append((headers, body))
            return 200
        if self.chance.random() < self.doubled:
            self._pass_on(headers, body)
        return self._pass_on(headers, body)

    def let_go(self) -> None:
        self.chance.shuffle(self.held)
        while self.held:
            self._pass_on(*self.held.pop())

    def _pass_on(self, headers: Mapping[str, str], body: bytes) -> int:
        status = self.door.post(PATH, headers=dict(headers), data=body, buffered=True).status_code
        if status != 200:
            self.refused.append(status)
        return status


@dataclass
class Woo:
    """Nothing moves until it is told to."""

    store: Store
    client: WooStore
    shop: Shop
    clock: Clock
    database: Database
    road: Road
    inbox: Inbox
    stale: StaleOrders
    reconciler: Reconciler

    def deliver(self, chance: random.Random | None = None) -> int:
        return self.store.courier.deliver(chance)

    def settle(self, limit: int = BATCH) -> None:
        while self.inbox.settle_round(limit):
            pass

    def look_again(self) -> int:
        self.clock.forward(seconds=REST.total_seconds() + 1)
        return self.stale.look_again()

    def rest(self) -> None:
        """All that waits is told and settled, and what was only named is looked at."""
        self.deliver()
        self.settle()
        self.look_again()
        # Whatever happens next happens later than all this.
        self.clock.forward(minutes=5)

    def reconcile(self) -> int:
        return self.reconciler.run(self._shop())

    def reconcile_deeply(self) -> int:
        return self.reconciler.deep(self._shop()).gaps

    def _shop(self) -> Shop:
        with self.database.work(self.shop.shop_id) as work:
            return shops.current(work)

    def customer(self, external_id: str | int) -> CustomerId | None:
        with self.database.work(self.shop.shop_id) as work:
            return mirror.customer_id(work, str(external_id))

    def points(self, external_id: str | int) -> int:
        customer_id = self.customer(external_id)
        assert customer_id is not None, "nobody of that id is known"
        with self.database.work(self.shop.shop_id) as work:
            return loyalty.account(work, customer_id).points

    def faults(self) -> list[str]:
        with self.database.work(self.shop.shop_id) as work:
            return loyalty.verify(work)


def guest(email: str | None = None, phone: str | None = None) -> str:
    """By what id a guest of Iran goes."""
    found = guest_id(Identity.of(email, phone, country="IR"))
    assert found is not None
    return found


@contextmanager
def open_woo(database: Database, clock: Clock, **settings: Any) -> Iterator[Woo]:
    """A store of these `settings`, connected: its webhooks are made by the house itself."""
    store = Store(clock=clock, keys=[ApiKey()], **{"country": "IR:THR", **settings})
    with ExitStack() as stack:
        store.home = stack.enter_context(served(create_app(store)))
        address = store_address(store.home)
        key = Key(store.keys[0].consumer_key, store.keys[0].consumer_secret)
        http = HttpSession(plain=True, before_request=refuse_in_transaction)
        facts = WooStore(address, key, http, now=clock).facts()
        home = Home(facts.currency, facts.country)
        client = WooStore(address, key, http, now=clock, home=home)
        shop = _open(database, client, facts.country)
        receiver, event_loop = Receiver(database), EventLoop()
        stack.callback(event_loop.close)
        stack.callback(lambda: event_loop.run(receiver.close()))

        def opened(header: Callable[[str], str | None], body: bytes) -> Envelope:
            return open_envelope(header, body, [SECRET.encode()], address)

        door = WebhookDoor(WSGIMiddleware(_nothing), {PATH: ("woocommerce", opened)}, database, receiver, 1 << 20)
        inside: Any = ASGIMiddleware(door, loop=event_loop.loop)
        road = Road(Client(inside))
        store.courier.send = road
        client.keep_webhooks(f"https://app.example{PATH}", SECRET)
        yield Woo(
            store, client, shop, clock, database, road, Inbox(database, {"woocommerce": translate}, REACTIONS),
            StaleOrders(database, lambda _shop: client, lambda work, found: settle_read(work, REACTIONS, found)),
            Reconciler(database, lambda _shop: client, REACTIONS),
        )  # fmt: skip


def _nothing(_environ: Any, start: Any) -> list[bytes]:
    start("404 Not Found", [])
    return []


def _open(database: Database, client: WooStore, country: str) -> Shop:
    now, details = database.clock(), client.details()
    domain = details.external_id
    with database.founding(lambda connection: shops.install(connection, "woocommerce", domain, now).shop_id) as work:
        shops.describe(work, details)
        shops.stands_in(work, country)
        for name, propose in FIRST_TERMS.items():
            terms.publish_first(work, name, propose(details.currency))
        return shops.current(work)


def parked(above: Superuser, woo: Woo) -> list[Any]:
    """Topic and reason of what could not be settled."""
    return above.run(
        "SELECT topic, reason FROM deliveries WHERE shop_id = %s AND parked_at IS NOT NULL ORDER BY delivery_id",
        woo.shop.shop_id,
    )


def orders(above: Superuser, woo: Woo) -> dict[str, Any]:
    """Of each order: whose it is, whether it is paid and cancelled, and its money in minor units."""
    rows = above.run(
        "SELECT o.external_id, c.external_id, paid, cancelled_at IS NOT NULL, goods_minor, refunded_minor, currency "
        "FROM orders o LEFT JOIN customers c USING (shop_id, customer_id) WHERE o.shop_id = %s ORDER BY 1",
        woo.shop.shop_id,
    )
    return {row[0]: row[1:] for row in rows}
