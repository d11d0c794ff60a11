"""A WooCommerce store and the whole house beside it, as `app.py` puts it together: a merchant with a browser, the store
over real HTTP with and without TLS, the door, the worker's rounds and the pages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a2wsgi import ASGIMiddleware
from cryptography.fernet import Fernet
from werkzeug.test import Client, TestResponse

import loyalty
from app import House
from engine import mirror, shops
from engine.receiver import Receiver
from engine.settings import read
from engine.shops import Shop
from engine.work import Database
from plugin.webhooks import OwnPaths, WebhookDoor
from plugin.woocommerce import WooInstaller
from plugin.woocommerce.installer import CALLBACK_PATH, PREFIX
from sandbox.woocommerce import Grant, Store, approve, create_app
from tests.ground import Clock, EventLoop
from tests.serving import served

APP_URL = "https://perennial.example"
SARA: dict[str, Any] = {"first_name": "Sara", "email": "sara@example.test", "phone": "09121234567", "country": "IR"}


class Browser(Client):
    """One that reads every page to its end, as browsers do: the server's task waits for that."""

    def open(self, *args: Any, **given: Any) -> TestResponse:
        return super().open(*args, **given | {"buffered": True})


@dataclass
class Connected:
    """Nothing moves until it is told to. `urls` leads to the one store by ``https`` and by ``http``."""

    house: House
    store: Store
    urls: dict[str, str]
    clock: Clock
    door: Any
    authorities: str
    scheme: str = "https"

    def browser(self) -> Browser:
        return Browser(self.door)

    @property
    def url(self) -> str:
        return self.urls[self.scheme]

    @property
    def installer(self) -> WooInstaller:
        assert self.house.woocommerce is not None
        return self.house.woocommerce

    @property
    def shop(self) -> Shop:
        found = self.find()
        assert found is not None
        return found

    def find(self, url: str = "") -> Shop | None:
        with self.house.database.machine() as connection:
            return shops.find(connection, "woocommerce", (url or self.url).partition("://")[2])

    # --- the merchant

    def set_out(self, browser: Client, **more: str) -> str:
        """Name the store; the address of its page that asks."""
        sent = browser.post("/woocommerce", data={"store": self.url, **more}, headers={"Origin": APP_URL})
        assert sent.status_code == 303, sent.text
        return str(sent.location)

    def post(self, grant: Grant) -> TestResponse:
        """What the store posts to us."""
        assert grant.callback_url == APP_URL + CALLBACK_PATH
        return self.browser().post(CALLBACK_PATH, data=grant.body, headers=grant.headers)

    def come_back(self, browser: Client, grant: Grant) -> TestResponse:
        return browser.get(grant.return_url.removeprefix(APP_URL))

    def connect(self, browser: Browser | None = None, **more: str) -> Browser:
        """The merchant goes all the way; the browser that is let in."""
        browser = browser or self.browser()
        grant = approve(self.store, self.set_out(browser, **more))
        answer = self.post(grant)
        assert answer.status_code == 200, answer.text
        back = self.come_back(browser, grant)
        assert (back.status_code, back.location) == (303, "/store?connected=yes"), back.text
        self.begin()
        return browser

    def begin(self) -> None:
        """The merchant publishes the program as it was proposed: until then nobody earns."""
        with self.house.database.work(self.shop.shop_id) as work:
            if loyalty.current_terms(work).asleep:
                loyalty.change(work)

    # --- the store's webhooks

    def hooks(self, status: str = "active") -> dict[str, int]:
        """The store's webhooks in a state: their numbers by topic."""
        rows = {record.body["topic"]: number for number, record in self.store.webhooks.items()}
        return {topic: number for topic, number in rows.items() if self.store.webhooks[number].body["status"] == status}

    def path(self) -> str:
        (path,) = {record.body["delivery_url"].removeprefix(APP_URL) for record in self.store.webhooks.values()}
        assert path.startswith(PREFIX)
        return str(path)

    @contextmanager
    def door_of(self, own: OwnPaths) -> Iterator[Browser]:
        """Another process's door, with no page behind it."""
        with ExitStack() as stack:
            event_loop = EventLoop()
            stack.callback(event_loop.close)
            own_door: Any = WebhookDoor(_nothing, {}, self.house.database, Receiver(self.house.database), 1 << 20, own)
            stack.callback(lambda: event_loop.run(own_door.close()))
            wsgi: Any = ASGIMiddleware(own_door, loop=event_loop.loop)
            yield Browser(wsgi)

    def deliver(
        self,
        topic: str,
        body: dict[str, Any],
        *,
        door: Client | None = None,
        path: str | None = None,
        changed: Mapping[str, str] | None = None,
    ) -> int:
        """The store posts what it has to say, as it signs it but for what is `changed`."""
        number = self.hooks()[topic]
        raw = json.dumps(body).encode()
        secret = self.store.secrets[number].encode()
        headers = {
            "X-WC-Webhook-Source": self.url + "/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": base64.b64encode(hmac.new(secret, raw, hashlib.sha256).digest()).decode(),
            "X-WC-Webhook-Delivery-ID": hashlib.md5(raw, usedforsecurity=False).hexdigest(),
        }
        answer = (door or self.browser()).post(path or self.path(), data=raw, headers=headers | dict(changed or {}))
        return answer.status_code

    def order(self, number: int) -> None:
        assert self.deliver("order.updated", self.store.shown("orders", self.store.orders[number])) == 200
        while self.house.inbox.settle_round():
            pass

    def points(self, customer: int) -> int:
        with self.house.database.work(self.shop.shop_id) as work:
            customer_id = mirror.customer_id(work, str(customer))
            assert customer_id is not None
            return loyalty.account(work, customer_id).points


async def _nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("no page is asked for here")


@contextmanager
def beside(
    database: Database, clock: Clock, certificate: Path, scheme: str = "https", **changed: str
) -> Iterator[Connected]:
    """A house and a store whose merchant has not connected it yet."""
    environment = {
        "PERENNIAL_URL": APP_URL,
        "PERENNIAL_SEAL_KEYS": Fernet.generate_key().decode(),
        "WOOCOMMERCE": "yes",
        "WOOCOMMERCE_PRIVATE_STORES": "yes",
        "WOOCOMMERCE_AUTHORITIES": str(certificate),
    }
    house = House(read(environment | changed))
    # The test's own database and clock, in the place of those that a process would open; the house's secret is a row
    # that outlives a test, sealed with another test's key.
    house.__dict__.update(database=database, secret=b"s" * 32)
    store = Store(clock=clock)
    with ExitStack() as stack:
        app = create_app(store)
        urls = {
            "https": stack.enter_context(served(app, certificate)),
            "http": stack.enter_context(served(app)),
        }
        event_loop = EventLoop()
        stack.callback(event_loop.close)
        asgi = house.asgi
        stack.callback(lambda: event_loop.run(asgi.close()))
        yield Connected(house, store, urls, clock, ASGIMiddleware(asgi, loop=event_loop.loop), str(certificate), scheme)
