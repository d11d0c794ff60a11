"""Access tokens are got, kept fresh under a lock, survive lost answers, and are never shown."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses

from commerce.store import StoreError
from connectors.http import HttpSession
from connectors.shopify import (
    SCOPES,
    AdminVisitor,
    Answer,
    IdTokenRefused,
    ShopifyApp,
    Token,
    TokenDead,
    TokenKeeper,
)
from tests.connectors.conftest import Platform

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SHOP = "leaf-and-kettle.myshopify.com"
ENDPOINT = f"https://{SHOP}/admin/oauth/access_token"
SECRET = "shpss_0123456789abcdef0123456789abcdef"
TOKEN = Token("shpat_first", "shprt_first", AT + timedelta(hours=1), AT + timedelta(days=90), SCOPES)
VISITOR = AdminVisitor(SHOP, "1", "an.id.token", Answer(302, {}))
GRANT = {
    "access_token": "shpat_second",
    "scope": "write_customers,read_orders",
    "expires_in": 3600,
    "refresh_token": "shprt_second",
    "refresh_token_expires_in": 7_776_000,
}


def the_app() -> ShopifyApp:
    return ShopifyApp("client", SECRET, None, "https://perennial.example", HttpSession(), now=lambda: AT)


# --- the token itself


def test_a_token_is_stored_and_read_back_whole() -> None:
    assert Token.from_json(json.loads(json.dumps(TOKEN.to_json()))) == TOKEN
    lasting = Token("shpat_old", None, None, None, ())
    assert Token.from_json(json.loads(json.dumps(lasting.to_json()))) == lasting
    assert lasting.lives_at(AT + timedelta(days=9999))
    assert not lasting.renewable_at(AT)


def test_a_token_does_not_show_its_secrets() -> None:
    assert "shp" not in repr(TOKEN)
    assert "shp" not in str(TOKEN)


# --- getting one


@responses.activate
def test_an_id_token_is_exchanged_for_an_expiring_offline_token() -> None:
    responses.add(responses.POST, ENDPOINT, json=GRANT)
    before = datetime.now(UTC).replace(microsecond=0)
    token = the_app().exchange(VISITOR)
    after = datetime.now(UTC)
    assert (token.access_token, token.refresh_token) == ("shpat_second", "shprt_second")
    assert token.scopes == ("read_orders", "write_customers")
    assert token.expires_at is not None
    assert token.refresh_expires_at is not None
    assert before <= token.expires_at - timedelta(hours=1) <= after
    assert before <= token.refresh_expires_at - timedelta(days=90) <= after
    assert json.loads(responses.calls[0].request.body or b"") == {
        "client_id": "client",
        "client_secret": SECRET,
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "an.id.token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
        "expiring": 1,
    }


@responses.activate
def test_a_token_is_renewed_with_its_refresh_token_whatever_its_age() -> None:
    responses.add(responses.POST, ENDPOINT, json=GRANT)
    assert the_app().refresh(SHOP, TOKEN).refresh_token == "shprt_second"
    assert json.loads(responses.calls[0].request.body or b"") == {
        "client_id": "client",
        "client_secret": SECRET,
        "grant_type": "refresh_token",
        "refresh_token": "shprt_first",
    }


CALLS: dict[str, Callable[[ShopifyApp], Token]] = {
    "exchange": lambda app: app.exchange(VISITOR),
    "refresh": lambda app: app.refresh(SHOP, TOKEN),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "answer, retry_after, closed",
    [
        ({"status": 302, "headers": {"Location": "https://evil.example/"}}, None, False),
        ({"status": 402}, None, True),
        ({"status": 403}, None, True),
        ({"status": 404}, None, True),
        ({"status": 423}, None, True),
        ({"status": 429, "headers": {"Retry-After": "7.5"}}, 7.5, False),
        ({"status": 429, "headers": {"Retry-After": "Sun, 22 Nov 2026 09:00:00 GMT"}}, 2.0, False),
        ({"status": 500}, None, False),
        ({"status": 503, "headers": {"Retry-After": "3"}}, 3.0, False),
        ({"status": 520}, None, False),
        ({"status": 200, "body": "<html>"}, None, False),
        ({"status": 200, "body": "[]"}, None, False),
        ({"status": 200, "body": '{"access_token": "shpat_cut'}, None, False),
        ({"status": 200, "json": GRANT | {"access_token": None}}, None, False),
        ({"status": 200, "json": GRANT | {"access_token": ""}}, None, False),
        ({"status": 200, "json": GRANT | {"expires_in": "3600"}}, None, False),
        ({"status": 200, "json": GRANT | {"expires_in": -1}}, None, False),
        ({"status": 200, "json": GRANT | {"expires_in": 10**12}}, None, False),
        ({"status": 400, "json": {"error": "invalid_client"}}, None, True),
        ({"status": 400, "json": {"error": "something_new"}}, None, False),
        ({"status": 400, "body": "<html>"}, None, False),
        ({"status": 401, "body": "[1]"}, None, False),
        ({"body": requests.ConnectTimeout("https://secret.example/shprt_first")}, None, False),
        ({"body": requests.ConnectionError("shprt_first")}, None, False),
    ],
)
@responses.activate
def test_what_the_token_endpoint_says_instead_is_a_store_error(
    call: Callable[[ShopifyApp], Token], answer: dict[str, Any], retry_after: float | None, closed: bool
) -> None:
    responses.add(responses.POST, ENDPOINT, **answer)
    with pytest.raises(StoreError) as fault:
        call(the_app())
    assert (fault.value.permanent, fault.value.retry_after, fault.value.closed) == (
        False,
        retry_after,
        closed,
    )
    told = repr(fault.value) + str(fault.value.__cause__)
    assert "shp" not in told
    assert "an.id.token" not in told


@responses.activate
def test_a_stale_id_token_is_told_apart() -> None:
    responses.add(responses.POST, ENDPOINT, status=400, json={"error": "invalid_subject_token"})
    with pytest.raises(IdTokenRefused) as fault:
        the_app().exchange(VISITOR)
    assert fault.value.permanent


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("error", ["invalid_grant", "invalid_request"])
@responses.activate
def test_a_dead_refresh_token_is_told_apart(status: int, error: str) -> None:
    responses.add(responses.POST, ENDPOINT, status=status, json={"error": error})
    with pytest.raises(TokenDead) as fault:
        the_app().refresh(SHOP, TOKEN)
    assert (fault.value.permanent, fault.value.closed) == (False, True)


# --- keeping one


@dataclass
class Shelf:
    """Where one shop's token is stored, a lock that must not be taken twice, and a platform that renews."""

    token: Token | None = TOKEN
    at: datetime = AT
    renewals: list[str | None] = field(default_factory=list)
    faults: list[StoreError] = field(default_factory=list)
    locked: bool = False
    meanwhile: Token | None = None

    @contextmanager
    def lock(self) -> Iterator[None]:
        assert not self.locked
        if self.meanwhile is not None:
            self.token = self.meanwhile
        self.locked = True
        yield
        self.locked = False

    def save(self, token: Token | None) -> None:
        assert self.locked
        self.token = token

    def refresh(self, token: Token) -> Token:
        assert self.locked
        self.renewals.append(token.refresh_token)
        if self.faults:
            raise self.faults.pop(0)
        number = len(self.renewals)
        return replace(
            token,
            access_token=f"shpat_renewed_{number}",
            refresh_token=f"shprt_renewed_{number}",
            expires_at=self.at + timedelta(hours=1),
        )

    def keeper(self) -> TokenKeeper:
        return TokenKeeper(
            load=lambda: self.token, save=self.save, lock=self.lock, refresh=self.refresh, now=lambda: self.at
        )


LOST = StoreError("no answer", permanent=False)


def test_a_fresh_token_is_given_without_renewing() -> None:
    shelf = Shelf()
    keeper = shelf.keeper()
    assert [keeper(), keeper()] == ["shpat_first", "shpat_first"]
    assert shelf.renewals == []


def test_a_token_is_renewed_five_minutes_before_its_end_and_stored_first() -> None:
    shelf = Shelf(at=AT + timedelta(minutes=54))
    keeper = shelf.keeper()
    assert keeper() == "shpat_first"
    shelf.at = AT + timedelta(minutes=55)
    assert keeper() == "shpat_renewed_1"
    assert shelf.token is not None
    assert shelf.token.access_token == "shpat_renewed_1"
    assert shelf.renewals == ["shprt_first"]


def test_a_token_that_another_process_renewed_meanwhile_is_taken() -> None:
    other = replace(TOKEN, access_token="shpat_other", expires_at=AT + timedelta(hours=2))
    shelf = Shelf(at=AT + timedelta(hours=1), meanwhile=other)
    assert shelf.keeper()() == "shpat_other"
    assert shelf.keeper().renew("shpat_first") == "shpat_other"
    assert shelf.renewals == []


def test_a_lost_answer_is_asked_for_again_with_the_same_refresh_token() -> None:
    shelf = Shelf(at=AT + timedelta(hours=2), faults=[LOST])
    assert shelf.keeper()() == "shpat_renewed_2"
    assert shelf.renewals == ["shprt_first", "shprt_first"]


def test_a_renewal_that_fails_twice_leaves_the_old_token_in_use_while_it_lives() -> None:
    shelf = Shelf(at=AT + timedelta(minutes=57), faults=[LOST, LOST])
    keeper = shelf.keeper()
    assert keeper() == "shpat_first"
    assert shelf.token == TOKEN
    assert keeper() == "shpat_renewed_3"


def test_a_renewal_that_fails_twice_after_the_end_is_told() -> None:
    shelf = Shelf(at=AT + timedelta(hours=1), faults=[LOST, LOST])
    with pytest.raises(StoreError, match="no answer"):
        shelf.keeper()()
    assert shelf.token == TOKEN


def test_a_platform_that_asks_for_time_is_not_asked_again_at_once() -> None:
    shelf = Shelf(at=AT + timedelta(hours=1), faults=[StoreError("slow", permanent=False, retry_after=9)])
    with pytest.raises(StoreError, match="slow"):
        shelf.keeper()()
    assert len(shelf.renewals) == 1


def test_a_refused_token_is_replaced_although_it_should_live() -> None:
    shelf = Shelf()
    keeper = shelf.keeper()
    assert keeper() == "shpat_first"
    assert keeper.renew("shpat_first") == "shpat_renewed_1"
    assert keeper() == "shpat_renewed_1"


def test_a_refused_token_is_never_given_again() -> None:
    shelf = Shelf(faults=[LOST, LOST])
    with pytest.raises(StoreError, match="no answer"):
        shelf.keeper().renew("shpat_first")


@pytest.mark.parametrize(
    "shelf",
    [
        Shelf(token=None),
        Shelf(at=AT + timedelta(days=91)),
        Shelf(token=replace(TOKEN, refresh_token=None), at=AT + timedelta(hours=1)),
        Shelf(at=AT + timedelta(hours=1), faults=[TokenDead("dead")]),
    ],
    ids=["none", "idle for ninety days", "not renewable", "refused"],
)
def test_a_dead_token_is_dropped_and_only_the_merchant_can_help(shelf: Shelf) -> None:
    with pytest.raises(TokenDead) as fault:
        shelf.keeper()()
    assert fault.value.closed
    assert shelf.token is None


def never() -> Token:
    raise AssertionError("an exchange kills the refresh token that a worker may be using")


def test_opening_the_app_exchanges_nothing_while_the_token_serves() -> None:
    assert Shelf().keeper().accept(never) == TOKEN
    assert Shelf(at=AT + timedelta(days=30)).keeper().accept(never) == TOKEN


@pytest.mark.parametrize(
    "shelf",
    [
        Shelf(token=None),
        Shelf(token=replace(TOKEN, scopes=("read_orders",))),
        Shelf(at=AT + timedelta(days=91)),
        Shelf(token=replace(TOKEN, refresh_token=None), at=AT + timedelta(hours=1)),
    ],
    ids=["none", "too few scopes", "ended", "not renewable"],
)
def test_opening_the_app_exchanges_when_the_token_does_not_serve(shelf: Shelf) -> None:
    fresh = replace(TOKEN, access_token="shpat_fresh", expires_at=shelf.at + timedelta(hours=1))
    keeper = shelf.keeper()
    assert keeper.accept(lambda: fresh) == fresh
    assert shelf.token == fresh
    assert keeper() == "shpat_fresh"


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shelf = Shelf(at=AT + timedelta(hours=2), faults=[LOST])
    shelf.keeper()()
    assert caplog.messages == ["renewing a shop's token again: no answer"]


# --- with the sandbox


def test_the_sandbox_exchanges_and_renews(platform: Platform) -> None:
    app = platform.app()
    first = app.exchange(platform.visitor())
    second = app.refresh("demo-store.myshopify.com", first)
    again = app.refresh("demo-store.myshopify.com", first)
    assert len({first.access_token, second.access_token, again.access_token}) == 3
    third = app.refresh("demo-store.myshopify.com", again)
    with pytest.raises(TokenDead):
        app.refresh("demo-store.myshopify.com", first)
    platform.world.uninstall()
    with pytest.raises(TokenDead):
        app.refresh("demo-store.myshopify.com", third)
    with pytest.raises(IdTokenRefused):
        app.exchange(platform.visitor())
