"""The whole loop in one process: the sandbox as the store, the door, a worker's rounds, and the pages, on one clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

import pytest
from a2wsgi import ASGIMiddleware, WSGIMiddleware
from cryptography.fernet import Fernet
from werkzeug.test import Client

import loyalty
from app import OUTCOMES, recognising
from commerce.history import Store
from commerce.ids import CustomerId, ShopId
from commerce.store import ShopDetails
from connectors.http import HttpSession
from connectors.shopify import (
    COMPLIANCE_TOPICS,
    SCOPES,
    TOPICS,
    WEBHOOK_PATH,
    Budget,
    ShopifyApp,
    ShopifyStore,
    Token,
    translate,
)
from engine import mirror, shops
from engine.backfill import Backfiller
from engine.budget import SharedMeter
from engine.collections import Collector
from engine.inbox import BATCH, Inbox, settle_read
from engine.outbox import TAGS_REST_SECONDS, Outbox
from engine.receiver import Receiver
from engine.reconcile import Reconciler
from engine.segments import StoreSegments
from engine.settings import AUTHORIZATION_CODE, TOKEN_EXCHANGE
from engine.shops import Seal, Shop
from engine.stale import REST, StaleOrders
from engine.work import Database, refuse_in_transaction
from lifecycle import review_due
from loyalty import assortment
from plugin import Doors, create_app
from plugin.install import FirstTerms, Installer, keeper
from plugin.storefront.claims import Claims
from plugin.storefront.landing import LandingDoor
from plugin.webhooks import WebhookDoor
from sandbox import App, Courier, World
from sandbox import create_app as create_platform
from sandbox.launch import launch_url
from tests.ground import FIRST_TERMS, Clock, EventLoop, Superuser
from tests.serving import served

CLIENT_SECRET = "shpss_0123456789abcdef0123456789abcdef"
DOMAIN = "demo-store.myshopify.com"


@dataclass
class Loop:
    """A store and the house beside it. Nothing moves until it is told to."""

    world: World
    database: Database
    clock: Clock
    inbox: Inbox
    outbox: Outbox
    reconciler: Reconciler
    backfiller: Backfiller
    installer: Installer
    stale: StaleOrders
    door: Client
    """The house's web side: webhooks and pages."""
    store: Client
    """The store's own pages."""
    collector: Collector
    domain: str = DOMAIN
    store_url: str = ""
    after_each: Callable[[], object] = lambda: None
    """Called after each delivery."""

    @property
    def shop(self) -> Shop:
        with self.database.machine() as connection:
            found = shops.find(connection, "shopify", self.domain)
        assert found is not None
        return found

    def install(self) -> Shop:
        """The merchant consents, and opens the app in the admin."""
        self.world.install(self.domain)
        address = launch_url(self.world, self.world.shop(self.domain))
        page = self.door.get(address.removeprefix(self.world.app.app_url), buffered=True)
        # A shop that has just come is led to its first page.
        assert page.status_code in (200, 303), page.text
        return self.shop

    def install_long_ago(self) -> Shop:
        """The app has been there for long: for stories of the past.

        The platform's package reckons a token's end by the computer's clock: a story of months must be over by now.
        """
        installation, now = self.world.install(self.domain), self.clock.timestamp()
        access, refresh = installation.grant_expiring(now)
        ends_at, refresh_ends_at = (datetime.fromtimestamp(t.expires_at or 0, UTC) for t in (access, refresh))
        token = Token(access.token, refresh.token, ends_at, refresh_ends_at, SCOPES)
        return self.installer.record(self.domain, token, ShopDetails("60000000000", "Demo Store", "USD", "UTC"))

    def deliver(self) -> None:
        """Everything that waits at the courier's is delivered, once each, in the courier's order."""
        self.world.courier.flush()

    def settle(self, limit: int = BATCH) -> None:
        while self.inbox.settle_round(limit):
            pass

    def push(self) -> None:
        """Let the tags rest for their moment, then carry everything that is due to the store."""
        self.clock.forward(seconds=TAGS_REST_SECONDS + 1)
        while self.outbox.push_round():
            pass

    def come_to_rest(self) -> None:
        """Deliver, settle and push until nothing moves any more: our own writes echo as deliveries."""
        for _ in range(10):
            self.deliver()
            self.settle()
            self.push()
            if not self.world.courier.backlog:
                return
        raise AssertionError("our own writes go round in circles")

    def look_again(self) -> int:
        """Let stale orders rest for their moment, then ask the store for those of which nothing more was heard."""
        self.clock.forward(seconds=REST.total_seconds() + 1)
        return self.stale.look_again()

    def reconcile(self) -> int:
        return self.reconciler.run(self.shop)

    def review(self) -> None:
        with self.database.work(self.shop.shop_id) as work:
            while review_due(work):
                pass

    def release(self) -> None:
        with self.database.work(self.shop.shop_id) as work:
            while loyalty.release_unused(work):
                pass

    def customer_id(self, external_id: int | str) -> CustomerId:
        with self.database.work(self.shop.shop_id) as work:
            found = mirror.customer_id(work, str(external_id))
        assert found is not None
        return found

    def points(self, external_id: int | str) -> loyalty.Balance:
        customer_id = self.customer_id(external_id)
        with self.database.work(self.shop.shop_id) as work:
            return loyalty.account(work, customer_id)


@contextmanager
def open_loop(
    database: Database,
    clock: Clock,
    domain: str = DOMAIN,
    grant: str = TOKEN_EXCHANGE,
    own_shop: str | None = None,
    first_terms: Mapping[str, FirstTerms] = FIRST_TERMS,
) -> Iterator[Loop]:
    """A loop around a new store, with the app not yet installed. Its program begins with the installation, unless other
    `first_terms` are given.
    """
    with ExitStack() as stack:
        rooms: dict[str, Any] = {}
        # They end after the servers: what a browser asked last still comes to its end.
        receiver, event_loop = Receiver(database), EventLoop()
        stack.callback(event_loop.close)
        stack.callback(lambda: event_loop.run(receiver.close()))
        app_url = stack.enter_context(served(_room(rooms, "door")))
        platform_url = stack.enter_context(served(_room(rooms, "platform")))

        def send(_url: str, headers: Mapping[str, str], body: bytes) -> int:
            status = _post(rooms["client"], headers, body)
            rooms["loop"].after_each()
            return status

        world = _world(app_url, clock, send, embedded=grant != AUTHORIZATION_CODE)
        rooms["platform"] = create_platform(world)
        http = HttpSession(before_request=refuse_in_transaction, platform_url=platform_url)
        shopify = ShopifyApp(
            "client-of-the-flows", CLIENT_SECRET, None, app_url, http, now=clock,
            app_bridge_url=f"{platform_url}/app-bridge.js", frame_origin=platform_url,
        )  # fmt: skip
        seal = Seal([Fernet.generate_key().decode()])

        def connect(shop_id: ShopId) -> Store:
            with database.work(shop_id) as work:
                shop = shops.current(work)
            token = keeper(database, seal, shopify, shop, grant)
            return ShopifyStore(
                shop.domain,
                token,
                http,
                now=clock,
                renew=token.renew,
                budget=Budget(clock.timestamp, SharedMeter(database, shop_id)),
                clock=clock.timestamp,
                segments=StoreSegments(database, shop_id),
            )

        installer = Installer(
            database, seal, shopify, lambda shop, token: ShopifyStore(shop, token, http, now=clock), first_terms,
            grant, own_shop,
        )  # fmt: skip
        secret = sha256(b"flows").digest()
        reactions = recognising(lambda: secret)
        collector = Collector(database, connect, assortment.collections_named)
        pages = create_app(Doors(database, shopify, installer, secret, 1 << 20, collector=collector))
        door = WebhookDoor(
            LandingDoor(WSGIMiddleware(pages), shopify.proxied, Claims(pages)),  # type: ignore[arg-type]  # its environ is a TypedDict
            {WEBHOOK_PATH: ("shopify", shopify.open_envelope)},
            database,
            receiver,
            1 << 20,
        )
        rooms["door"] = ASGIMiddleware(door, loop=event_loop.loop)
        rooms["client"] = Client(rooms["door"])
        rooms["loop"] = Loop(
            world, database, clock,
            Inbox(database, {"shopify": lambda delivery, _shop: translate(delivery)}, reactions),
            Outbox(database, connect, OUTCOMES),
            Reconciler(database, connect, reactions),
            # Timed by the test's clock: a store that a busy computer makes slow would be gone easy on.
            Backfiller(database, connect, reactions, stopwatch=clock.timestamp), installer,
            StaleOrders(database, connect, lambda work, found: settle_read(work, reactions, found)),
            rooms["client"], Client(rooms["platform"]), collector, domain, platform_url,
        )  # fmt: skip
        yield rooms["loop"]


def _room(rooms: Mapping[str, Any], name: str) -> WSGIApplication:
    """A room that is entered by name, because each of the two needs the other's address to be built."""

    def enter(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        answer: Iterable[bytes] = rooms[name](environ, start)
        return answer

    return enter


def _world(
    app_url: str, clock: Clock, send: Callable[[str, Mapping[str, str], bytes], int], *, embedded: bool
) -> World:
    app = App(
        "client-of-the-flows", CLIENT_SECRET, app_url=app_url, scopes=SCOPES, topics=(*TOPICS, *COMPLIANCE_TOPICS),
        embedded=embedded,
    )  # fmt: skip
    courier = Courier(send=send, clock=clock.timestamp)
    return World(app, clock=clock.timestamp, courier=courier, bucket=10_000_000, restore_rate=1_000_000)


def _post(client: Client, headers: Mapping[str, str], body: bytes) -> int:
    answer = client.post(WEBHOOK_PATH, headers=dict(headers), data=body, content_type="application/json", buffered=True)
    return answer.status_code


@pytest.fixture
def clock() -> Clock:
    """Now: the platform's package that checks ID tokens has a clock of its own, the computer's."""
    return Clock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def loop(database: Database, clock: Clock) -> Iterator[Loop]:
    """A store with the app installed, at rest."""
    with open_loop(database, clock) as opened:
        opened.install()
        opened.come_to_rest()
        yield opened


@pytest.fixture(autouse=True)
def _the_books_are_right(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every flow: what `python app.py ledger verify` proves, for every shop that there is."""
    if "database" not in request.fixturenames:
        yield
        return
    database: Database = request.getfixturevalue("database")
    above: Superuser = request.getfixturevalue("above")
    yield
    for (shop_id,) in above.run("SELECT shop_id FROM shops ORDER BY shop_id"):
        with database.snapshot(shop_id) as work:
            assert loyalty.verify(work) == []


@pytest.fixture
def settled(database: Database) -> Iterator[Loop]:
    """A store in which Anna bought for 106 dollars three weeks ago; it is today, and her points can be spent."""
    today = datetime.now(UTC).replace(microsecond=0)
    database.clock = clock = Clock(today - timedelta(days=21))
    with open_loop(database, clock) as loop:
        loop.install_long_ago()
        anna = loop.world.add_customer("anna@example.com", "Anna", "Vos")
        loop.world.place_order([("POT", 2), ("TEA", 1)], customer=anna, shipping=595)
        loop.come_to_rest()
        clock.now = today
        yield loop
