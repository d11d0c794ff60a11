"""The app as the platform knows it: `ShopifyApp` checks what comes from the platform and gets tokens from it.

Identity and proxy signatures are the work of Shopify's own package `shopify_app`, behind our stricter checks
(`visitors`); tokens are got by `grants`; the webhook signature is ours (`envelope`).

Of `ShopifyAPI` (the module `shopify`), deprecated by its makers, one thing is used: `Session.calculate_hmac`,
which knows how the platform spells a query before signing it (arrays, and which letters are escaped where).
The rest holds state for the whole process, sends one shop's token to another's host, prints bodies and waits
for ever. The secret is set on a subclass of our own, so even that call shares no state.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote

import shopify
import shopify_app

from commerce.events import Envelope
from connectors.http import HttpSession
from connectors.shopify import envelope, extension_tokens, visitors
from connectors.shopify.envelope import shop_domain
from connectors.shopify.extension_tokens import ExtensionVisitor
from connectors.shopify.grants import Grants
from connectors.shopify.manifest import APP_BRIDGE_URL, CALLBACK_PATH
from connectors.shopify.tokens import Token
from connectors.shopify.visitors import AdminVisitor, Answer, ProxyVisitor
from connectors.signature import check_signature

# How old the platform's signature under a link into the app may be. Its own libraries take a minute and a
# half.
_LINK_AGE_S = 90
_LONGEST_QUERY = 8192
_LONGEST_CODE = 255


@dataclass(frozen=True, slots=True)
class Returned:
    """A browser that the platform sent back to us after a merchant agreed."""

    shop_domain: str
    code: str = field(repr=False)
    state: str = field(repr=False)
    at: datetime
    """When the platform sent it: the app was installed then."""


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
        self._grants = Grants(self._official, client_id, client_secret, http, now)
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
        check_signature(signature, body, self._secrets)

    def linked_shop(self, query: str) -> str | None:
        """The shop whose admin linked here outside the frame, if the platform signed the link (``hmac``) just
        now; else None.

        It says which shop to open, never who is asking: a page is served only to an admitted visitor.
        """
        given = self._signed(query)
        return None if given is None else shop_domain(given.get("shop", ""))

    def returned(self, query: str) -> Returned | None:
        """Who comes back from agreeing, if the platform signed the way back just now; else None. Whether this
        browser also began is for the caller to check, by the state.
        """
        given = self._signed(query)
        if given is None:
            return None
        shop, code, state = shop_domain(given.get("shop", "")), given.get("code", ""), given.get("state", "")
        if shop is None or not 0 < len(code) <= _LONGEST_CODE or not state:
            return None
        return Returned(shop, code, state, datetime.fromtimestamp(int(given["timestamp"]), UTC))

    def _signed(self, query: str) -> Mapping[str, str] | None:
        """The parameters of a query, each there once, if the platform signed them (``hmac``) within the last
        minute and a half; else None.
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
        return given

    def authorize_url(self, shop: str, state: str) -> str:
        """Where a merchant agrees to the app outside the admin's frame; the platform sends the browser back to
        `CALLBACK_PATH`.
        """
        origin = f"{self._frame_origin}/shops/{shop}" if self._frame_origin else f"https://{shop}"
        return self._grants.authorize_url(origin, f"{self.app_url}{CALLBACK_PATH}", state)

    def admin_url(self, query: str, path: str = "/") -> str | None:
        """Where the admin shows our `path` in its frame, for the shop that a query names; None where it names none.

        Nobody vouches for that shop: the address is always the admin's own, and there the merchant logs in.
        """
        shop = visitors.named_shop(query)
        if shop is None:
            return None
        store = shop.removesuffix(".myshopify.com")
        place = path if path != "/" and visitors.is_path(path) else ""
        return f"{self._frame_origin or 'https://admin.shopify.com'}/store/{store}/apps/{self.client_id}{place}"

    def customer_page(self, shop: str, customer: str) -> str:
        """Where the admin shows the customer whom the platform calls by that number: there merchants erase people."""
        store = shop.removesuffix(".myshopify.com")
        return f"{self._frame_origin or 'https://admin.shopify.com'}/store/{store}/customers/{quote(customer, safe='')}"

    def exchange(self, visitor: AdminVisitor) -> Token:
        """The shop's expiring offline token for a visitor's ID token. Raises `IdTokenRefused` (answer
        `visitor.again`) or `StoreError`.
        """
        return self._grants.exchange(visitor.shop_domain, visitor.id_token)

    def by_code(self, shop: str, code: str) -> Token:
        """The shop's expiring offline token for a code. Raises `CodeRefused` or `StoreError`."""
        return self._grants.by_code(shop, code)

    def by_credentials(self, shop: str) -> Token:
        """A token of one day for a store of the app's own organisation. Raises `StoreError`."""
        return self._grants.by_credentials(shop)

    def ending(self, shop: str, lasting: Token) -> Token:
        """An expiring token for one that never ends. Raises `TokenDead` or `StoreError`."""
        return self._grants.ending(shop, lasting)

    def refresh(self, shop: str, token: Token) -> Token:
        """The successor of `token`. Raises `TokenDead` when its refresh token no longer works, else
        `StoreError`.
        """
        return self._grants.refresh(shop, token)
