"""The app as the platform knows it: `ShopifyApp` checks what comes from the platform and gets tokens from it.

Identity, tokens and proxy signatures are the work of Shopify's own package `shopify_app`, behind our stricter
checks (`visitors`); the webhook signature is ours (`envelope`). The package speaks httpx, so it is given a
client whose transport is our one `HttpSession`.

Of `ShopifyAPI` (the module `shopify`), deprecated by its makers, one thing is used: `Session.calculate_hmac`,
which knows how the platform spells a query before signing it (arrays, and which letters are escaped where).
The rest holds state for the whole process, sends one shop's token to another's host, prints bodies and waits
for ever. The secret is set on a subclass of our own, so even that call shares no state.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx
import orjson
import shopify
import shopify_app
from shopify_app.types import IdTokenDetails, TokenExchangeAccessToken, TokenExchangeResult

from commerce.events import Envelope
from commerce.store import StoreError
from connectors.http import HttpSession, NoAnswer
from connectors.shopify import envelope, extension_tokens, visitors
from connectors.shopify.envelope import shop_domain
from connectors.shopify.extension_tokens import ExtensionVisitor
from connectors.shopify.graphql import refused
from connectors.shopify.manifest import APP_BRIDGE_URL
from connectors.shopify.tokens import IdTokenRefused, Token, TokenDead, instant
from connectors.shopify.visitors import AdminVisitor, Answer, ProxyVisitor

# How old the platform's signature under a link into the app may be. Its own libraries take a minute and a
# half.
_LINK_AGE_S = 90
_LONGEST_QUERY = 8192


class ShopifyApp:
    """One registered app: its client id, its secrets, and its address."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        old_client_secret: str | None,
        app_url: str,
        http: HttpSession,
        *,
        now: Callable[[], datetime],
        app_bridge_url: str = APP_BRIDGE_URL,
        frame_origin: str | None = None,
    ) -> None:
        if not client_id or not client_secret:
            raise ValueError("a Shopify app needs a client id and a client secret")
        self.client_id = client_id
        self.app_url = app_url.rstrip("/")
        self._official = shopify_app.ShopifyApp(client_id, client_secret, old_client_secret or None)
        secrets = (client_secret, old_client_secret) if old_client_secret else (client_secret,)
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._signers: tuple[Any, ...] = tuple(
            type("_Signer", (shopify.Session,), {"secret": secret}) for secret in secrets
        )
        self._http = httpx.Client(transport=_OverOurs(http), follow_redirects=False, trust_env=False)
        self._app_bridge_url = app_bridge_url
        self._frame_origin = frame_origin
        self._now = now

    def __repr__(self) -> str:
        return f"ShopifyApp(client_id={self.client_id!r}, app_url={self.app_url!r})"

    def open_envelope(self, header: Callable[[str], str | None], body: bytes) -> Envelope:
        """What a webhook's headers say. Raises `BadSignature` (answer 401), or `BadDelivery` for a signed
        post without what it needs.
        """
        return envelope.open_envelope(header, body, self._secrets)

    def admit(self, method: str, path: str, query: str, authorization: str | None) -> AdminVisitor | Answer:
        """The admin behind a request to an embedded page, or the answer that makes the browser come back with
        a fresh ID token.
        """
        return visitors.admit(self._official, self.app_url, method, path, query, authorization)

    def bounce_page(self, query: str) -> Answer:
        return visitors.bounce_page(self.client_id, query, self._app_bridge_url, self._frame_origin)

    def shop_site(self, shop: str) -> str:
        """Where the shop's own site is, for links that people pass on; the platform leads on to the address
        that the merchant chose.
        """
        return self._frame_origin or f"https://{shop}"

    @property
    def app_bridge_url(self) -> str:
        """Where embedded pages load the platform's script from."""
        return self._app_bridge_url

    def frame_ancestors(self, shop: str) -> str:
        return visitors.frame_ancestors(shop, self._frame_origin)

    def proxied(self, query: str) -> ProxyVisitor:
        """The shopper behind a request through the app proxy. Raises `BadProxyRequest` (answer 401)."""
        return visitors.proxied(self._official, self.app_url, query)

    def extension_visitor(self, authorization: str | None) -> ExtensionVisitor:
        """The shopper behind a UI extension's request. Raises `BadExtensionToken` (answer 401)."""
        return extension_tokens.read(self._official, self.app_url, authorization)

    def check_signature(self, signature: str | None, body: bytes) -> None:
        """Return if the platform signed `body`, as it signs what Flow posts; else raise `BadSignature`."""
        envelope.check_signature(signature, body, self._secrets)

    def linked_shop(self, query: str) -> str | None:
        """The shop whose admin linked here outside the frame, if the platform signed the link (``hmac``) just
        now; else None.

        It says which shop to open, never who is asking: a page is served only to an admitted visitor.
        """
        pairs = parse_qsl(query[: _LONGEST_QUERY + 1], keep_blank_values=True)
        given = dict(pairs)
        if len(query) > _LONGEST_QUERY or len(given) != len(pairs) or any(name.endswith("[]") for name in given):
            return None
        stamp = given.get("timestamp", "")
        if (
            not (stamp.isascii() and stamp.isdigit() and len(stamp) < 13)
            or abs(self._now().timestamp() - int(stamp)) > _LINK_AGE_S
        ):
            return None
        signature = given.get("hmac", "").encode()
        if not any(hmac.compare_digest(signature, signer.calculate_hmac(given).encode()) for signer in self._signers):
            return None
        return shop_domain(given.get("shop", ""))

    def exchange(self, visitor: AdminVisitor) -> Token:
        """The shop's expiring offline token for a visitor's ID token. Raises `IdTokenRefused` (answer
        `visitor.again`) or `StoreError`.
        """
        details = IdTokenDetails(True, visitor.id_token, {"dest": f"https://{visitor.shop_domain}"})
        return _token(self._official.exchange_using_token_exchange("offline", details, http_client=self._http))

    def refresh(self, shop: str, token: Token) -> Token:
        """The successor of `token`. Raises `TokenDead` when its refresh token no longer works, else
        `StoreError`.
        """
        # Without its instants: we decide by our own clock and margin when to renew, not the package by its
        # own.
        known = {
            "shop": shop.removesuffix(".myshopify.com"),
            "refresh_token": token.refresh_token,
            "access_mode": "offline",
        }
        return _token(self._official.refresh_token_exchanged_access_token(known, http_client=self._http))


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
        scopes=tuple(sorted(scope for scope in found.scope.split(",") if scope)),
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
        return TokenDead("the platform renews this token no more; a merchant has to open the app")
    if code == "invalid_client":
        return StoreError("the platform does not know our client id with our secret", permanent=False, closed=True)
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
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            answer = self._session.send(request.method, str(request.url), headers=headers, body=request.read())
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
