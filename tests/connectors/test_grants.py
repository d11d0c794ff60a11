"""Tokens for a code, for the app's own credentials, and in the place of one that never ends; and the keeper of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses

from commerce.store import StoreError
from connectors.http import HttpSession
from connectors.shopify import SCOPES, CodeRefused, ShopifyApp, Token, TokenDead, TokenKeeper

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SHOP = "leaf-and-kettle.myshopify.com"
ENDPOINT = f"https://{SHOP}/admin/oauth/access_token"
SECRET = "shpss_0123456789abcdef0123456789abcdef"
LASTING = Token("shpat_lasting", None, None, None, SCOPES)
GRANT: dict[str, Any] = {"access_token": "shpat_new", "scope": "write_customers,read_orders"}
ENDING = GRANT | {"expires_in": 3600, "refresh_token": "shprt_new", "refresh_token_expires_in": 7_776_000}
CALLS: dict[str, Callable[[ShopifyApp], Token]] = {
    "code": lambda app: app.by_code(SHOP, "a-code"),
    "credentials": lambda app: app.by_credentials(SHOP),
    "ending": lambda app: app.ending(SHOP, LASTING),
}
SENT: dict[str, dict[str, str]] = {
    "code": {"code": "a-code", "expiring": "1"},
    "credentials": {"grant_type": "client_credentials"},
    "ending": {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "shpat_lasting",
        "subject_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
        "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
        "expiring": "1",
    },
}


def the_app() -> ShopifyApp:
    return ShopifyApp(
        "client", SECRET, "shpss_old_0123456789", "https://perennial.example", HttpSession(), now=lambda: AT
    )


@pytest.mark.parametrize("call", CALLS)
@responses.activate
def test_what_is_sent_and_what_is_read(call: str) -> None:
    responses.add(responses.POST, ENDPOINT, json=ENDING)
    assert CALLS[call](the_app()) == Token(
        "shpat_new", "shprt_new", AT + timedelta(hours=1), AT + timedelta(days=90), ("read_orders", "write_customers")
    )
    sent = json.loads(responses.calls[0].request.body or b"")
    assert sent == {"client_id": "client", "client_secret": SECRET} | SENT[call]


@responses.activate
def test_a_token_without_a_successor_is_read_as_one() -> None:
    responses.add(responses.POST, ENDPOINT, json=GRANT | {"expires_in": 86_399})
    token = the_app().by_credentials(SHOP)
    assert (token.refresh_token, token.expires_at) == (None, AT + timedelta(seconds=86_399))
    assert not token.renewable_at(AT)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "answer, retry_after, closed",
    [
        ({"status": 302, "headers": {"Location": "https://evil.example/"}}, None, False),
        ({"status": 403, "body": "<html>"}, None, True),
        ({"status": 429, "headers": {"Retry-After": "7.5"}}, 7.5, False),
        ({"status": 520}, None, False),
        ({"status": 200, "body": "<html>"}, None, False),
        ({"status": 200, "json": GRANT | {"access_token": ""}}, None, False),
        ({"status": 200, "json": GRANT | {"expires_in": True}}, None, False),
        ({"status": 400, "json": {"error": "invalid_client"}}, None, True),
        ({"body": requests.ConnectionError("shprt_first")}, None, False),
    ],
)
@responses.activate
def test_what_is_answered_instead_is_a_store_error_without_secrets(
    answer: dict[str, Any], retry_after: float | None, closed: bool, call: Callable[[ShopifyApp], Token]
) -> None:
    responses.add(responses.POST, ENDPOINT, **answer)
    with pytest.raises(StoreError) as fault:
        call(the_app())
    told = fault.value
    assert (told.permanent, told.retry_after, told.closed) == (False, retry_after, closed)
    assert not any(secret in str(told) for secret in ("shp", "a-code", SECRET))


@responses.activate
def test_each_refusal_is_told_for_what_it_is() -> None:
    responses.add(responses.POST, ENDPOINT, status=400, json={"error": "invalid_request"})
    with pytest.raises(CodeRefused):
        the_app().by_code(SHOP, "used")
    with pytest.raises(StoreError, match="not of the app's organisation") as fault:
        the_app().by_credentials(SHOP)
    assert fault.value.closed
    with pytest.raises(StoreError) as passing:
        the_app().ending(SHOP, LASTING)
    assert not isinstance(passing.value, TokenDead), "only a word that the platform has for it ends a token for good"
    responses.replace(responses.POST, ENDPOINT, status=400, json={"error": "invalid_subject_token"})
    with pytest.raises(TokenDead):
        the_app().ending(SHOP, LASTING)


class Shelf:
    """Where one shop's token lies, and who gives others."""

    def __init__(self, token: Token | None, *gets: Token | StoreError) -> None:
        self.token, self.gets, self.asked = token, list(gets), 0

    def get(self) -> Token:
        self.asked += 1
        found = self.gets.pop(0)
        if isinstance(found, StoreError):
            raise found
        return found

    def save(self, token: Token | None) -> None:
        self.token = token

    def keeper(self, *, asking: bool) -> TokenKeeper:
        def never(_token: Token) -> Token:
            raise AssertionError("there is no refresh token")

        return TokenKeeper(
            load=lambda: self.token, save=self.save, lock=nullcontext, refresh=never, now=lambda: AT,
            ending=None if asking else lambda _token: self.get(), ask=self.get if asking else None,
        )  # fmt: skip


def of_a_day(name: str, **left: float) -> Token:
    return Token(name, None, AT + timedelta(**left), None, SCOPES)


SLOW = StoreError("slow", permanent=False)


def test_a_token_of_a_day_is_asked_for_when_there_is_none_when_it_ends_and_when_it_is_refused() -> None:
    shelf = Shelf(None, of_a_day("first", days=1), of_a_day("second", days=1))
    keeper = shelf.keeper(asking=True)
    assert (keeper(), keeper(), shelf.asked) == ("first", "first", 1)
    assert keeper.renew("first") == "second"
    assert shelf.token == of_a_day("second", days=1)
    ended = Shelf(of_a_day("old", minutes=4), of_a_day("new", days=1))
    assert ended.keeper(asking=True)() == "new"


def test_a_token_of_a_day_is_used_to_its_end_when_nobody_gives_another() -> None:
    assert Shelf(of_a_day("old", minutes=4), SLOW).keeper(asking=True)() == "old"
    for shelf in (Shelf(None, SLOW), Shelf(of_a_day("old", seconds=20), SLOW)):
        with pytest.raises(StoreError, match="slow"):
            shelf.keeper(asking=True)()
    refused = Shelf(of_a_day("old", days=1), SLOW)
    with pytest.raises(StoreError, match="slow"):
        refused.keeper(asking=True).renew("old")


def test_a_token_that_never_ends_makes_way_for_one_that_does() -> None:
    fresh = Token("fresh", "shprt", AT + timedelta(hours=1), AT + timedelta(days=90), SCOPES)
    shelf = Shelf(LASTING, fresh)
    keeper = shelf.keeper(asking=False)
    assert (keeper(), keeper(), shelf.asked, shelf.token) == ("fresh", "fresh", 1, fresh)
    lost = Shelf(LASTING, SLOW, fresh)
    assert lost.keeper(asking=False)() == "fresh"


def test_a_token_that_never_ends_goes_on_unless_the_store_refused_it() -> None:
    shelf = Shelf(LASTING, SLOW, SLOW)
    assert shelf.keeper(asking=False)() == "shpat_lasting"
    refused = Shelf(LASTING, SLOW, SLOW)
    with pytest.raises(StoreError, match="slow"):
        refused.keeper(asking=False).renew("shpat_lasting")
    assert refused.token == LASTING
    dead = Shelf(LASTING, TokenDead("dead"))
    with pytest.raises(TokenDead):
        dead.keeper(asking=False)()
    assert dead.token is None
