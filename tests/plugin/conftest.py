"""A house of one process for the pages: a real database, real signatures, and two shops with the same customers in
them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from commerce.customers import CustomerSnapshot
from commerce.orders import OrderLine, OrderSnapshot, RefundSnapshot
from commerce.store import ShopDetails
from connectors.http import HttpSession
from connectors.shopify import SCOPES, ShopifyApp, Token
from engine import mirror
from engine.shops import Seal, Shop
from engine.work import Database, refuse_in_transaction
from plugin import Doors, create_app
from plugin.install import Installer
from plugin.storefront import glance
from plugin.storefront.remembering import Remembered
from plugin.woocommerce import WooInstaller
from plugin.wording import STATIC
from sandbox.signing import proxy_signature
from tests.browser import PATIENCE_MS, chromium
from tests.ground import FIRST_TERMS, SLOW_SECONDS, Clock, settle

CLIENT_ID, CLIENT_SECRET = "client-of-the-tests", "secret-of-the-tests-0000000000000000"
APP_URL = "https://perennial.example"
PREFIX = "/apps/perennial"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class House:
    """The pages of one process, and what stands behind them."""

    app: Flask
    database: Database
    installer: Installer
    clock: Clock

    def open_shop(
        self,
        name: str = "The Little Shop",
        currency: str = "USD",
        timezone: str = "Europe/Berlin",
        domain: str | None = None,
    ) -> Shop:
        domain = domain or f"shop-{next(_numbers)}.myshopify.com"
        token = Token("token", None, None, None, SCOPES)
        return self.installer.record(domain, token, ShopDetails("1", name, currency, timezone))

    def settle(self, shop: Shop, *orders: OrderSnapshot, refunds: tuple[RefundSnapshot, ...] = ()) -> None:
        settle(self.database, shop.shop_id, *orders, refunds=refunds)

    def customer_id(self, shop: Shop, external_id: str) -> int:
        with self.database.work(shop.shop_id) as work:
            found = mirror.customer_id(work, external_id)
        assert found is not None
        return found


@dataclass(frozen=True)
class Merchant:
    """Somebody of a shop's staff, inside the frame of the admin."""

    client: FlaskClient
    shop: Shop
    user: str = "42"

    def token(self, **changed: Any) -> str:
        # The package that checks tokens has a clock of its own: the computer's.
        at, domain = int(datetime.now(UTC).timestamp()), self.shop.domain
        claims = {
            "iss": f"https://{domain}/admin",
            "dest": f"https://{domain}",
            "aud": CLIENT_ID,
            "sub": self.user,
            "exp": at + 60,
            "nbf": at,
            "iat": at,
            "jti": "j",
            "sid": "s",
        }
        return jwt.encode(claims | changed, CLIENT_SECRET, algorithm="HS256")

    def open(self, path: str) -> TestResponse:
        """A page load: the token stands in the query."""
        lead = "&" if "?" in path else "?"
        return self.client.get(f"{path}{lead}{urlencode({'shop': self.shop.domain, 'id_token': self.token()})}")

    def fetch(self, path: str, method: str = "GET", **form: str) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token()}"}
        return self.client.open(path, method=method, headers=headers, data=form or None)


@dataclass(frozen=True)
class Shopper:
    """A visitor of a shop's own site, who comes through the platform's proxy."""

    client: FlaskClient
    shop: Shop
    external_id: str = ""

    def query(self, **more: str) -> str:
        given = {
            **more,
            "shop": self.shop.domain,
            "logged_in_customer_id": self.external_id,
            "path_prefix": PREFIX,
            "timestamp": str(int(datetime.now(UTC).timestamp())),
        }
        return urlencode({**given, "signature": proxy_signature(given.items(), CLIENT_SECRET)})

    def get(self, path: str = "/", **more: str) -> TestResponse:
        return self.client.get(f"/proxy{path}?{self.query(**more)}")

    def post(self, path: str, **fields: str) -> TestResponse:
        return self.client.post(f"/proxy{path}?{self.query()}", data=fields)


def order(
    number: int, customer: CustomerSnapshot | None, placed_at: datetime, goods_minor: int = 5000, **changed: Any
) -> OrderSnapshot:
    """A paid order of one line."""
    given: dict[str, Any] = {
        "external_id": str(number),
        "name": f"#{number}",
        "customer": customer,
        "currency": "USD",
        "placed_at": placed_at,
        "updated_at": placed_at,
        "observed_at": placed_at,
        "paid": True,
        "cancelled_at": None,
        "test": False,
        "goods_minor": goods_minor,
        "total_minor": goods_minor + 500,
        "refunds": (),
        "discount_codes": (),
        "referral_code": None,
        "lines": (OrderLine(1, "p1", "Tulip bulbs", 2, goods_minor, False),),
    }
    return OrderSnapshot(**(given | changed))


def person(external_id: str, at: datetime, **changed: Any) -> CustomerSnapshot:
    given: dict[str, Any] = {
        "external_id": external_id,
        "email": f"ada{external_id}@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "created_at": at,
        "observed_at": at,
    }
    return CustomerSnapshot(**(given | changed))


def build(
    database: Database, clock: Clock, app_url: str = APP_URL, platform: str | None = None, *, mails: bool = False
) -> House:
    """A house at `app_url`, inside the real platform's admin or that of a sandbox; `mails`: it sends e-mails."""
    stand_in = {"app_bridge_url": f"{platform}/app-bridge.js", "frame_origin": platform} if platform else {}
    http = HttpSession(before_request=refuse_in_transaction)
    shopify = ShopifyApp(CLIENT_ID, CLIENT_SECRET, None, app_url, http, now=clock, **stand_in)

    def no_store(domain: str, token: Callable[[], str]) -> Any:
        raise AssertionError("no page speaks to a store")

    seal = Seal([Fernet.generate_key().decode()])
    installer = Installer(database, seal, shopify, no_store, FIRST_TERMS)
    woocommerce = WooInstaller(database, seal, lambda _address: http, app_url, FIRST_TERMS)
    app = create_app(Doors(database, shopify, installer, b"s" * 32, 1024 * 1024, woocommerce, mails=mails))
    # By the test's clock: how long a test takes is not what a page remembers by.
    app.extensions["remembered"] = Remembered(clock.timestamp)
    return House(app, database, installer, clock)


@pytest.fixture(autouse=True)
def _the_block_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer that runs many tests at once is slower than the database that a shop's page would give up."""
    monkeypatch.setattr(glance, "PATIENCE_MS", 1000 * SLOW_SECONDS)


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return build(database, clock)


@pytest.fixture
def shop(house: House) -> Shop:
    return house.open_shop()


@pytest.fixture
def next_door(house: House) -> Shop:
    """Another shop, whose customers have the same numbers and addresses."""
    return house.open_shop("The Shop Next Door")


@pytest.fixture
def merchant(house: House, shop: Shop) -> Merchant:
    return Merchant(house.app.test_client(), shop)


@pytest.fixture
def stranger(house: House, shop: Shop) -> Shopper:
    return Shopper(house.app.test_client(), shop)


@pytest.fixture
def shopper(house: House, shop: Shop) -> Shopper:
    """Customer 7 of the shop."""
    return Shopper(house.app.test_client(), shop, "7")


# Our scripts in the shop's pages and on other sites: where each comes from, and how it says how long it waits.
SCRIPTS = {
    "storefront.js": (r"/(storefront|perennial)\.js", ("PATIENCE_MS = 2000;", "REDEEM_MS = 15000;")),
    "embed.js": (r"/embed\.js", ("PATIENCE_MS = 4000;",)),
}


def patient(context: Any) -> None:
    """Let our scripts in other people's pages wait longer than they do: a computer that runs many tests at once is
    slower than a shop, and what would have been shown is to be looked at.
    """
    for name, (address, briefs) in SCRIPTS.items():
        script = (STATIC / name).read_text("utf-8")
        for brief in briefs:
            assert brief in script
            script = script.replace(brief, f"{brief.partition(' ')[0]} = {PATIENCE_MS};")
        context.route(re.compile(address), partial(_fulfil, script))


def _fulfil(body: str, route: Any) -> None:
    route.fulfill(body=body, content_type="text/javascript")


@pytest.fixture
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started
