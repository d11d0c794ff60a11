"""The grants for apps outside the admin's frame: a code by way of the merchant's browser, with a session of our own
after it; and an organisation's own store, by the app's credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from werkzeug.test import Client, TestResponse

from commerce.ids import ShopId
from commerce.refusal import Refusal
from commerce.store import PutSegment, StoreError
from connectors.shopify import CALLBACK_PATH, SCOPES, Token
from engine import shops
from engine.outbox import put
from engine.settings import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
from engine.work import Database
from lifecycle import STAGES
from plugin import cli
from plugin.standalone import SESSION, SESSION_SECONDS, STATE, make_session, read_session, session_key
from sandbox import ShopSetting
from sandbox.launch import launch_url, link_url
from sandbox.signing import launch_signature
from tests.flows.conftest import CLIENT_SECRET, DOMAIN, Loop, open_loop
from tests.ground import Clock, Superuser

PAGES = ("/", "/customers", "/activity", "/privacy")


@pytest.fixture
def alone(database: Database, clock: Clock) -> Iterator[Loop]:
    """A store for which we stand alone, not yet installed."""
    with open_loop(database, clock, grant=AUTHORIZATION_CODE) as loop:
        yield loop


def bare(loop: Loop, address: str) -> str:
    """An address of ours without our host."""
    own = loop.world.app.app_url
    assert address.startswith(("/", own)), address
    return address.removeprefix(own)


def set_out(loop: Loop, browser: Client, path: str = "/") -> TestResponse:
    """The merchant opens the app in the admin, which leads to the top of the window."""
    return browser.get(bare(loop, link_url(loop.world, loop.world.shop(), path)), buffered=True)


def at_the_platform(loop: Loop, address: str) -> str:
    """The merchant agrees there, if asked; the address that the platform leads back to."""
    parts = urlsplit(address)
    path = f"{parts.path}?{parts.query}"
    page = loop.store.get(path)
    if page.status_code == 200:
        assert "read_all_orders" in page.text
        page = loop.store.post(path)
    assert page.status_code == 302, page.text
    return bare(loop, page.location)


def log_in(loop: Loop) -> Client:
    """A browser whose merchant went all the way."""
    browser = Client(loop.door.application)
    back = at_the_platform(loop, set_out(loop, browser).location)
    done = browser.get(back, buffered=True)
    assert (done.status_code, done.location) == (303, "/"), done.text
    return browser


# --- a code, by way of the browser


def test_a_merchant_agrees_and_comes_back_with_a_session(alone: Loop, above: Superuser) -> None:
    browser = Client(alone.door.application)
    sent = set_out(alone, browser)
    assert sent.status_code == 302
    asked = parse_qs(urlsplit(sent.location).query)
    assert asked["redirect_uri"] == [alone.world.app.app_url + CALLBACK_PATH]
    assert len(asked["state"][0]) >= 43, "32 random bytes"
    assert "scope" not in asked
    (state,) = sent.headers.getlist("Set-Cookie")
    assert "HttpOnly" in state
    assert "SameSite=Lax" in state
    assert "Path=/auth" in state

    done = browser.get(at_the_platform(alone, sent.location), buffered=True)
    assert (done.status_code, done.location) == (303, "/")
    session = next(c for c in done.headers.getlist("Set-Cookie") if c.startswith(SESSION))
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session
    assert CLIENT_SECRET not in session
    assert any(c.startswith(f"{STATE}=;") for c in done.headers.getlist("Set-Cookie"))
    assert above.one("SELECT count(*) FROM authorizations") == 0

    for path in PAGES:
        page = browser.get(path, buffered=True)
        assert page.status_code == 200, path
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert all(src.startswith("/static/") for src in re.findall(r'<script[^>]* src="([^"]*)"', page.text))
        assert "script-src 'self';" in page.headers["Content-Security-Policy"]
        assert "embedded=1" not in page.text.partition("<main")[0]
        assert "Set-Cookie" not in page.headers
    assert alone.shop.scopes == tuple(sorted(SCOPES))
    alone.come_to_rest()
    assert alone.world.mutations["segmentCreate"] == len(STAGES)


def test_a_token_from_a_code_ends_and_is_renewed(alone: Loop, above: Superuser) -> None:
    log_in(alone)
    alone.come_to_rest()
    alone.clock.forward(hours=2)
    with alone.database.work(alone.shop.shop_id) as work:
        put(work, [PutSegment("Test", "stage:test")])
    alone.push()
    assert alone.world.mutations["segmentCreate"] == len(STAGES) + 1


def test_coming_again_spends_no_code_while_the_token_serves(alone: Loop) -> None:
    log_in(alone)
    asked = alone.world.stats["token_requests"]
    log_in(alone)
    assert alone.world.stats["token_requests"] == asked


def test_the_way_back_works_once_and_in_the_same_browser_only(alone: Loop, above: Superuser) -> None:
    browser, other = Client(alone.door.application), Client(alone.door.application)
    back = at_the_platform(alone, set_out(alone, browser).location)
    assert other.get(back, buffered=True).status_code == 400
    assert above.one("SELECT count(*) FROM shops WHERE domain = %s", DOMAIN) == 0
    assert browser.get(back, buffered=True).status_code == 303
    browser.set_cookie(STATE, parse_qs(urlsplit(back).query)["state"][0], path="/auth")
    again = browser.get(back, buffered=True)
    assert again.status_code == 400
    assert "Please begin again" in again.text


def spoilt(back: str, **changed: str) -> str:
    """The way back with other parameters, signed anew where `secret` says with what."""
    parts = urlsplit(back)
    secret = changed.pop("secret", None)
    given = {name: values[0] for name, values in parse_qs(parts.query).items()} | changed
    if secret:
        given["hmac"] = launch_signature(given.items(), secret)
    return f"{parts.path}?{urlencode(given)}"


@pytest.mark.parametrize(
    "changed",
    [
        {"shop": "another-store.myshopify.com"},
        {"code": "0" * 32},
        {"hmac": "0" * 64},
        {"secret": "not the secret of the app"},
        {"timestamp": "1000000000", "secret": CLIENT_SECRET},
        {"state": "x" * 43, "secret": CLIENT_SECRET},
        {"shop": "another-store.myshopify.com", "secret": CLIENT_SECRET},
        {"shop": "evil.example/demo-store.myshopify.com", "secret": CLIENT_SECRET},
        {"code": "", "secret": CLIENT_SECRET},
        {"code": "0" * 32, "secret": CLIENT_SECRET},
    ],
    ids=str,
)
def test_a_way_back_that_is_not_the_platform_s_leads_nowhere(
    alone: Loop, above: Superuser, changed: dict[str, str]
) -> None:
    browser = Client(alone.door.application)
    back = at_the_platform(alone, set_out(alone, browser).location)
    answer = browser.get(spoilt(back, **changed), buffered=True)
    assert answer.status_code == 400
    assert SESSION not in str(answer.headers.getlist("Set-Cookie"))
    assert above.one("SELECT count(*) FROM shops WHERE domain <> 'the-shop-next-door.myshopify.com'") == 0


def test_a_way_back_that_took_too_long_leads_nowhere(alone: Loop) -> None:
    browser = Client(alone.door.application)
    sent = set_out(alone, browser)
    alone.clock.forward(minutes=11)
    assert browser.get(at_the_platform(alone, sent.location), buffered=True).status_code == 400


def test_a_stranger_is_told_where_to_begin_and_nothing_is_begun(alone: Loop, above: Superuser) -> None:
    stranger = Client(alone.door.application)
    for path in (*PAGES, "/auth/start", f"/?shop={DOMAIN}"):
        page = stranger.get(path, buffered=True)
        assert page.status_code == 401
        assert "choose Perennial under Apps" in page.text
        assert "Set-Cookie" not in page.headers
    assert stranger.post("/parked/effects/1/replay", buffered=True).status_code == 401
    assert above.one("SELECT count(*) FROM authorizations") == 0


def test_a_form_works_from_our_own_pages_and_from_nowhere_else(alone: Loop) -> None:
    browser = log_in(alone)
    path = "/parked/effects/1/replay"
    assert browser.post(path, buffered=True).status_code == 303
    own = {"Origin": alone.world.app.app_url}
    assert browser.post(path, headers=own, buffered=True).status_code == 303
    assert browser.post(path, headers={"Origin": "https://evil.example"}, buffered=True).status_code == 403
    assert browser.post(path, headers={"Origin": "null"}, buffered=True).status_code == 403


def test_a_session_ends_with_the_day_and_with_the_installation(alone: Loop) -> None:
    browser = log_in(alone)
    alone.clock.forward(seconds=SESSION_SECONDS - 60)
    assert browser.get("/", buffered=True).status_code == 200
    alone.clock.forward(seconds=120)
    assert browser.get("/", buffered=True).status_code == 401

    browser = log_in(alone)
    alone.clock.forward(minutes=1)
    alone.world.uninstall()
    alone.deliver()
    alone.settle()
    assert browser.get("/", buffered=True).status_code == 401
    alone.clock.forward(minutes=1)
    newer = log_in(alone)
    assert newer.get("/", buffered=True).status_code == 200
    assert browser.get("/", buffered=True).status_code == 401, "a session from before the removal is worth nothing"


def test_a_session_cannot_be_made_without_the_house_s_secret() -> None:
    now = datetime(2026, 11, 22, 9, tzinfo=UTC)
    good = make_session(b"s" * 32, ShopId(12), now)
    ticket = read_session(b"s" * 32, good, now)
    assert ticket is not None
    assert (ticket.shop_id, ticket.began, len(ticket.token)) == (12, int(now.timestamp()), 32)
    assert read_session(b"t" * 32, good, now) is None
    assert read_session(b"s" * 32, good.replace("12~", "13~", 1), now) is None
    assert read_session(b"s" * 32, good, now - timedelta(seconds=5)) is None
    assert read_session(b"s" * 32, "", now) is None
    assert session_key(b"s" * 32) != b"s" * 32


def test_rights_that_are_lacking_can_be_agreed_to_from_the_banner(alone: Loop) -> None:
    browser = log_in(alone)
    alone.world.grant_scopes(("read_orders",))
    alone.deliver()
    alone.settle()
    page = browser.get("/", buffered=True)
    assert "Perennial lacks a right in your store." in page.text
    assert '<a href="/auth/start">Let Perennial in again</a>' in page.text
    back = at_the_platform(alone, browser.get("/auth/start", buffered=True).location)
    assert browser.get(back, buffered=True).status_code == 303
    assert alone.shop.scopes == tuple(sorted(SCOPES))
    assert "notice" not in browser.get("/", buffered=True).text.partition("<h1")[0]


# --- an organisation's own store


@contextmanager
def own_store(database: Database, clock: Clock) -> Iterator[Loop]:
    with open_loop(database, clock, grant=CLIENT_CREDENTIALS, own_shop=DOMAIN) as loop:
        yield loop


def test_an_organisation_s_own_store_needs_nobody_to_open_a_page(database: Database, clock: Clock) -> None:
    with own_store(database, clock) as loop:
        loop.world.install()
        shop = loop.installer.connect(DOMAIN)
        assert (shop.name, shop.installed, shop.scopes) == ("Demo Store", True, tuple(sorted(SCOPES)))
        loop.come_to_rest()
        assert loop.world.mutations["segmentCreate"] == len(STAGES)

        asked = loop.world.stats["token_requests"]
        loop.clock.forward(hours=25)
        with loop.database.work(shop.shop_id) as work:
            put(work, [PutSegment("Test", "stage:test")])
        loop.push()
        assert loop.world.stats["token_requests"] == asked + 1, "simply asked again"
        assert loop.world.mutations["segmentCreate"] == len(STAGES) + 1
        with loop.database.work(shop.shop_id) as work:
            kept = Token.from_json(shops.load_credentials(work, loop.installer.seal) or {})
        assert kept.refresh_token is None


def test_an_organisation_s_own_app_is_embedded_as_any_other(database: Database, clock: Clock) -> None:
    with own_store(database, clock) as loop:
        loop.install()
        assert loop.shop.installed


def test_another_store_is_refused_inside_its_own_frame(database: Database, clock: Clock, above: Superuser) -> None:
    with own_store(database, clock) as loop:
        other = loop.world.open_shop(ShopSetting("another-store.myshopify.com"))
        loop.world.install(other.domain)
        page = loop.door.get(bare(loop, launch_url(loop.world, other)), buffered=True)
        assert page.status_code == 409
        assert "for another store" in page.text
        assert "frame-ancestors https://another-store.myshopify.com " in page.headers["Content-Security-Policy"]
        with pytest.raises(Refusal):
            loop.installer.connect(other.domain)
        assert above.one("SELECT count(*) FROM shops WHERE domain = %s", other.domain) == 0


def test_the_command_connects_and_says_what_is_in_the_way(
    database: Database, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with own_store(database, clock) as loop:

        def connect(shop: str | None = DOMAIN) -> int:
            house = SimpleNamespace(
                database=loop.database, installer=loop.installer, settings=SimpleNamespace(shopify_shop=shop)
            )
            return cli.main(["connect"], {}, lambda _environment: house, Path())

        assert connect(None) == 2
        assert "merchants connect by opening the app" in capsys.readouterr().err
        assert connect() == 1
        assert "Perennial is not installed in this store." in capsys.readouterr().err
        loop.world.install()
        assert connect() == 0
        assert capsys.readouterr().out == f"{DOMAIN}: connected, as Demo Store\n"
        loop.world.grant_scopes(("read_orders",))
        loop.deliver()
        loop.settle()
        assert connect() == 1
        assert "Perennial lacks a right in your store." in capsys.readouterr().err


def test_a_store_of_another_organisation_is_said_to_be_one(database: Database, clock: Clock) -> None:
    with own_store(database, clock) as loop, pytest.raises(StoreError, match="not of the app's organisation"):
        loop.installer.connect(DOMAIN)
