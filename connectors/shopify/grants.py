"""Grants: every way in which the platform gives us a shop's access token, all at one address.

Embedded apps exchange an ID token. Apps outside the admin are granted a code, which comes back through the
merchant's browser. An app for stores of its own organisation simply asks, as often as it likes. A token of the old
kind, which never ends, is exchanged for one that does.

Exchanging ID tokens and refreshing are the work of Shopify's own package; it speaks httpx, so it is given a client
whose transport is our one `HttpSession`. The other three are plain posts to the same address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import shopify_app
from shopify_app.types import IdTokenDetails, TokenExchangeAccessToken, TokenExchangeResult

from commerce.store import StoreError
from connectors.http import HttpSession, NoAnswer
from connectors.shopify.graphql import refused
from connectors.shopify.tokens import IdTokenRefused, Token, TokenDead, instant

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"

# What the merchant reads when only they, or whoever runs this program, can help. The banner has an advice for each.
RENEWED_NO_MORE = "the platform renews this token no more; a merchant has to open the app"
UNKNOWN_CLIENT = "the platform does not know our client id with our secret"
NOT_OUR_ORGANISATION = "the store is not of the app's organisation, or the app is not installed there"

_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class CodeRefused(StoreError):
    """The platform takes the code no more: it works once, and not for long. The merchant has to begin again."""

    def __init__(self) -> None:
        super().__init__("the platform refused the code of an authorization", permanent=True)


class Grants:
    """Asks the platform for tokens, as one registered app."""

    def __init__(
        self,
        official: shopify_app.ShopifyApp,
        client_id: str,
        client_secret: str,
        http: HttpSession,
        now: Callable[[], datetime],
    ) -> None:
        self._official = official
        self._client_id = client_id
        self._credentials = {"client_id": client_id, "client_secret": client_secret}
        self._http = http
        self._httpx = httpx.Client(transport=_OverOurs(http), follow_redirects=False, trust_env=False)
        self._now = now

    def __repr__(self) -> str:
        return f"Grants(client_id={self._client_id!r})"

    def exchange(self, shop: str, id_token: str) -> Token:
        """The shop's expiring offline token for an ID token. Raises `IdTokenRefused` or `StoreError`."""
        details = IdTokenDetails(True, id_token, {"dest": f"https://{shop}"})
        return _token(self._official.exchange_using_token_exchange("offline", details, http_client=self._httpx))

    def refresh(self, shop: str, token: Token) -> Token:
        """The successor of `token`. Raises `TokenDead` when its refresh token no longer works, else `StoreError`."""
        # Without its instants: we decide by our own clock and margin when to renew, not the package by its
        # own.
        known = {
            "shop": shop.removesuffix(".myshopify.com"),
            "refresh_token": token.refresh_token,
            "access_mode": "offline",
        }
        return _token(self._official.refresh_token_exchanged_access_token(known, http_client=self._httpx))

    def authorize_url(self, origin: str, redirect_uri: str, state: str) -> str:
        """Where the merchant's browser is sent to agree. The scopes stand in the app's file, and are not asked for
        here.
        """
        query = urlencode({"client_id": self._client_id, "redirect_uri": redirect_uri, "state": state})
        return f"{origin}/admin/oauth/authorize?{query}"

    def by_code(self, shop: str, code: str) -> Token:
        """The shop's expiring offline token for a code. Raises `CodeRefused` or `StoreError`."""
        return self._ask(shop, {"code": code, "expiring": "1"}, CodeRefused)

    def by_credentials(self, shop: str) -> Token:
        """A token for a store of the app's own organisation. It lives a day and cannot be refreshed: one asks again.

        Raises `StoreError`.
        """
        return self._ask(
            shop,
            {"grant_type": "client_credentials"},
            lambda: StoreError(NOT_OUR_ORGANISATION, permanent=False, closed=True),
        )

    def ending(self, shop: str, lasting: Token) -> Token:
        """An expiring token for one that never ends, which is revoked with it. Raises `TokenDead` when `lasting`
        works no more, else `StoreError`.
        """
        subject = {"subject_token": lasting.access_token, "subject_token_type": _OFFLINE}
        wanted = {"grant_type": _EXCHANGE, "requested_token_type": _OFFLINE, "expiring": "1"}
        dead = ("invalid_subject_token", "invalid_grant")
        return self._ask(shop, wanted | subject, lambda: TokenDead(RENEWED_NO_MORE), *dead)

    def _ask(self, shop: str, fields: Mapping[str, str], refusal: Callable[[], StoreError], *named: str) -> Token:
        """Post one question to the token endpoint. `refusal` makes what is raised for an error that is `named`;
        where none is named, for any.
        """
        body = orjson.dumps({**self._credentials, **fields})
        try:
            answer = self._http.send("POST", f"https://{shop}/admin/oauth/access_token", headers=_JSON, body=body)
        except NoAnswer:
            raise StoreError("the token endpoint gave no answer", permanent=False) from None
        found = _object(answer.body)
        if answer.status in (400, 401):
            if found.get("error") == "invalid_client":
                raise StoreError(UNKNOWN_CLIENT, permanent=False, closed=True)
            if not named or found.get("error") in named:
                raise refusal()
            raise StoreError("the token endpoint refused", permanent=False)
        if answer.status != 200:
            raise refused(answer.status, answer.headers)
        if not _is_grant(found) or not found["access_token"]:
            raise StoreError("the token endpoint answered something else than a grant", permanent=False)
        return self._read(found)

    def _read(self, found: Mapping[str, Any]) -> Token:
        now = self._now()

        def end(name: str) -> datetime | None:
            return now + timedelta(seconds=found[name]) if name in found else None

        return Token(
            access_token=found["access_token"],
            refresh_token=found.get("refresh_token") or None,
            expires_at=end("expires_in"),
            refresh_expires_at=end("refresh_token_expires_in"),
            scopes=_scopes(found["scope"]),
        )


def _scopes(text: str) -> tuple[str, ...]:
    return tuple(sorted(scope for scope in text.split(",") if scope))


def _token(result: TokenExchangeResult) -> Token:
    if not result.ok or result.access_token is None:
        raise _fault(result)
    found: TokenExchangeAccessToken = result.access_token
    if not found.token:
        raise StoreError("the token endpoint answered without a token", permanent=False)
    return Token(
        access_token=found.token,
        refresh_token=found.refresh_token or None,
        expires_at=instant(found.expires),
        refresh_expires_at=instant(found.refresh_token_expires),
        scopes=_scopes(found.scope),
    )


def _fault(result: TokenExchangeResult) -> StoreError:
    """The package's words for a refusal, in ours; only its code is read, since its details may repeat what
    was sent.
    """
    code = result.log.code
    if code == "invalid_subject_token":
        return IdTokenRefused()
    if code == "network_error":
        return StoreError("the token endpoint gave no answer", permanent=False)
    if code in ("invalid_grant", "refresh_token_expired") or "invalid_request" in result.log.detail:
        return TokenDead(RENEWED_NO_MORE)
    if code == "invalid_client":
        return StoreError(UNKNOWN_CLIENT, permanent=False, closed=True)
    return StoreError("the token endpoint refused", permanent=False)


class _OverOurs(httpx.BaseTransport):
    """Carries the package's requests over our session: one pool, one set of limits, one platform address, one
    `before_request`.

    What the package would handle badly (it sleeps on 429, and takes any 200 for JSON) becomes a `StoreError`
    here.
    """

    def __init__(self, http: HttpSession) -> None:
        self._session = http

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            answer = self._session.send(request.method, str(request.url), headers=_JSON, body=request.read())
        except NoAnswer:
            raise httpx.ReadError("no answer", request=request) from None
        if answer.status not in (200, 400, 401):
            raise refused(answer.status, answer.headers)
        found = _object(answer.body)
        if answer.status == 200 and not _is_grant(found):
            raise StoreError("the token endpoint answered something else than a grant", permanent=False)
        return httpx.Response(answer.status, json=found, request=request)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_grant(found: Mapping[str, Any]) -> bool:
    """Whether `found` has the types that the package expects of a grant without looking."""
    if not isinstance(found.get("access_token"), str) or not isinstance(found.get("scope"), str):
        return False
    lives = [found[name] for name in ("expires_in", "refresh_token_expires_in") if name in found]
    return all(type(life) is int and 0 < life < 10**9 for life in lives)
