"""The app under test as the platform knows it: its credentials and addresses, and, per shop, its
installation.

Tokens follow the platform's rules: one current expiring offline token a shop, the previous access token
lives on until its own hour is over, a refresh token may be used again until its replacement has been used.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox import extensions
from sandbox.extensions import Extensions
from sandbox.payloads.fields import Tree, tree

ACCESS_SECONDS = 3_600
REFRESH_SECONDS = 90 * 86_400
REUSE_SECONDS = 30 * 86_400
ONLINE_SECONDS = 86_399
DEFAULT_SCOPES = (
    "read_customers",
    "write_customers",
    "read_orders",
    "read_all_orders",
    "read_discounts",
    "write_discounts",
    "read_products",
    "write_app_proxy",
)
DEFAULT_TOPICS = (
    "app/uninstalled",
    "app/scopes_update",
    "customers/create",
    "customers/update",
    "customers/delete",
    "customer.tags_added",
    "customer.tags_removed",
    "orders/create",
    "orders/paid",
    "orders/updated",
    "orders/cancelled",
    "refunds/create",
    "customers/data_request",
    "customers/redact",
    "shop/redact",
)


@dataclass(frozen=True, slots=True)
class App:
    """One app's entry in the platform's dashboard. The secret stays out of the repr."""

    client_id: str
    client_secret: str = field(repr=False)
    app_url: str = "http://127.0.0.1:8080"
    name: str = "Perennial"
    webhook_path: str = "/webhooks/shopify"
    proxy_path: str = "/proxy"
    proxy_subpath: str = "perennial"
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    topics: tuple[str, ...] = DEFAULT_TOPICS
    # What of a body each topic's subscription includes (`include_fields`); a topic that is not named gets all of it.
    include_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # The customer metafields that the app declares, by key: name and type. Each shop has the definitions.
    customer_metafields: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    api_version: str = "2026-10"
    embedded: bool = True
    # Where the page of consent may lead back to; none named means the usual place under `app_url`.
    redirect_urls: tuple[str, ...] = ()
    # What was deployed beside it: pixel, triggers.
    extensions: Extensions = field(default_factory=Extensions)

    def asks(self, topic: str) -> Tree | None:
        """The fields that the app's own subscription to `topic` includes; None for all."""
        fields = self.include_fields.get(topic)
        return tree(fields) if fields else None

    def deployed(self, config: Path) -> App:
        """The app as its configuration file (`shopify.app.toml`) describes it: scopes, topics with the fields that they
        include, and metafields.
        """
        told: dict[str, Any] = tomllib.loads(config.read_text("utf-8"))
        subscriptions = told["webhooks"]["subscriptions"]
        topics = [t for each in subscriptions for t in (*each.get("topics", ()), *each.get("compliance_topics", ()))]
        fields = {t: tuple(each["include_fields"]) for each in subscriptions for t in each.get("topics", ())
                  if each.get("include_fields")}  # fmt: skip
        scopes = tuple(told["access_scopes"]["scopes"].split(","))
        declared = told.get("customer", {}).get("metafields", {}).get("app", {})
        metafields = {key: (each["name"], each["type"]) for key, each in declared.items()}
        base, own = told.get("application_url", "").rstrip("/"), self.app_url.rstrip("/")
        redirects = tuple(own + url.removeprefix(base) for url in told.get("auth", {}).get("redirect_urls", ()))
        return replace(
            self, topics=tuple(topics), include_fields=fields, scopes=scopes, redirect_urls=redirects,
            embedded=told.get("embedded", True), customer_metafields=metafields,
            extensions=extensions.deployed(config, told),
        )  # fmt: skip

    @property
    def redirects(self) -> tuple[str, ...]:
        return self.redirect_urls or (f"{self.app_url.rstrip('/')}/auth/callback",)

    @property
    def webhook_url(self) -> str:
        return self.app_url.rstrip("/") + self.webhook_path


@dataclass(slots=True)
class AccessToken:
    token: str
    kind: str
    scopes: tuple[str, ...]
    expires_at: float | None

    def good(self, now: float) -> bool:
        return self.expires_at is None or now < self.expires_at


@dataclass(slots=True)
class RefreshToken:
    token: str
    expires_at: float
    first_used_at: float | None = None
    replacement: RefreshToken | None = None

    def good(self, now: float) -> bool:
        if now >= self.expires_at:
            return False
        return self.first_used_at is None or now < self.first_used_at + REUSE_SECONDS


@dataclass(slots=True)
class Installation:
    """The app in one shop: since when, with which scopes, and the tokens that are good there."""

    installed_at: float
    scopes: tuple[str, ...]
    access: dict[str, AccessToken] = field(default_factory=dict)
    refresh: dict[str, RefreshToken] = field(default_factory=dict)
    # codes of the page of consent, and until when each works
    codes: dict[str, float] = field(default_factory=dict)

    def rescope(self, scopes: tuple[str, ...]) -> None:
        """The merchant grants exactly these. What is taken away is gone at once; what is new comes with new tokens."""
        self.scopes = scopes
        for token in self.access.values():
            token.scopes = tuple(scope for scope in token.scopes if scope in scopes)

    def grant(self, kind: str, prefix: str, now: float, seconds: float | None) -> AccessToken:
        token = AccessToken(
            prefix + secrets.token_hex(16), kind, self.scopes, None if seconds is None else now + seconds
        )
        self.access[token.token] = token
        return token

    def token(self, text: str, now: float) -> AccessToken | None:
        """The access token if it is good now."""
        known = self.access.get(text)
        if known is None or not known.good(now):
            self.access.pop(text, None)
            return None
        return known

    def new_refresh(self, now: float) -> RefreshToken:
        made = RefreshToken("shprt_" + secrets.token_hex(16), now + REFRESH_SECONDS)
        self.refresh[made.token] = made
        return made

    def grant_expiring(self, now: float) -> tuple[AccessToken, RefreshToken]:
        """A new offline token by a grant: older refresh tokens end at once."""
        self.refresh.clear()
        return self.grant("offline", "shpat_", now, ACCESS_SECONDS), self.new_refresh(now)

    def renew(self, text: str, now: float) -> tuple[AccessToken, RefreshToken] | None:
        """What a refresh token buys; None when it is dead."""
        used = self.refresh.get(text)
        if used is None or not used.good(now):
            return None
        # using this token proves that the answer carrying it arrived: its predecessor is no longer needed
        for other in [r for r in self.refresh.values() if r.replacement is used]:
            del self.refresh[other.token]
        if used.replacement is not None:
            self.refresh.pop(used.replacement.token, None)
        used.first_used_at = used.first_used_at or now
        used.replacement = self.new_refresh(now)
        return self.grant("offline", "shpat_", now, ACCESS_SECONDS), used.replacement
