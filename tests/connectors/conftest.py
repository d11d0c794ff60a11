"""The sandbox as our counterpart: a real HTTP server on this machine, and what it would have delivered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from commerce.events import Delivery
from commerce.ids import DeliveryId
from connectors.http import HttpSession
from connectors.shopify import AdminVisitor, ShopifyApp, ShopifyStore
from sandbox.app import create_app
from sandbox.apps import App
from sandbox.launch import launch_url
from sandbox.webhooks import Courier
from sandbox.world import World
from tests.serving import served

SHOP = "demo-store.myshopify.com"
APP_URL = "https://perennial.example"
SECRET = "shpss_0123456789abcdef0123456789abcdef"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Platform:
    """A world behind a real server, our app registered in it, and what it delivered, oldest first."""

    world: World
    posted: list[tuple[Mapping[str, str], bytes]]
    url: str = ""

    def app(self, old_secret: str | None = None) -> ShopifyApp:
        http = HttpSession(platform_url=self.url)
        return ShopifyApp("sandbox-client-id", SECRET, old_secret, APP_URL, http, now=now)

    def visitor(self) -> AdminVisitor:
        """The merchant who just opened the app in the admin."""
        parts = urlsplit(launch_url(self.world, self.world.shop()))
        admitted = self.app().admit("GET", parts.path, parts.query, None)
        assert isinstance(admitted, AdminVisitor)
        return admitted

    def store(self) -> ShopifyStore:
        token = self.app().exchange(self.visitor())
        return ShopifyStore(SHOP, lambda: token.access_token, HttpSession(platform_url=self.url), now=now)

    def deliveries(self, topic: str) -> list[Delivery]:
        """What the platform delivered of `topic` so far, its signatures checked."""
        self.world.courier.flush()
        app = self.app()
        found: list[Delivery] = []
        for headers, body in self.posted:
            envelope = app.open_envelope(headers.get, body)
            assert envelope.shop_domain == SHOP
            assert envelope.triggered_at is not None
            if envelope.topic == topic:
                found.append(Delivery(DeliveryId(len(found) + 1), topic, body, envelope.triggered_at))
        return found


@pytest.fixture
def platform() -> Iterator[Platform]:
    posted: list[tuple[Mapping[str, str], bytes]] = []

    def receive(_url: str, headers: Mapping[str, str], body: bytes) -> int:
        posted.append((headers, body))
        return 200

    world = World(App("sandbox-client-id", SECRET, app_url=APP_URL), courier=Courier(send=receive))
    found = Platform(world, posted)
    with served(create_app(world)) as found.url:
        world.install()
        yield found
