"""Installation: the first time that a merchant opens the app, and each time that their token needs to be made anew.

The platform tells nobody about an installation; the first sign is a merchant at the door, with an ID token, or back
from a page of consent. That is worth a token of the shop's own; the store is asked who it is, and then the shop appears
in one transaction: with its credentials, its first terms, its segments, and the wish to have its history read in. A
shop that comes back finds its past as it was, and what we keep in its store is written once more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import lifecycle
from commerce.ids import ShopId
from commerce.refusal import Refusal
from commerce.store import ShopDetails, StoreError, StorePort
from connectors.shopify import (
    AdminVisitor,
    CodeRefused,
    IdTokenRefused,
    Returned,
    ShopifyApp,
    Token,
    TokenKeeper,
    missing,
)
from engine import backfills, outbox, shops, terms
from engine.settings import CLIENT_CREDENTIALS, TOKEN_EXCHANGE
from engine.shops import Seal, Shop
from engine.work import Database, UnitOfWork
from plugin.storefront import pixel

PLATFORM = "shopify"

FirstTerms = Callable[[str], Mapping[str, Any]]
"""A domain's proposal for a shop of a given currency."""

# A merchant who clicks from page to page costs one write a minute.
VOUCHED_EVERY = timedelta(minutes=1)

logger = logging.getLogger("perennial.install")


class WrongStore(Refusal):
    """This Perennial is for another store: its organisation runs it for that one alone."""


@dataclass(frozen=True, slots=True)
class Installer:
    """Opens shops for merchants.

    `first_terms` are the domains' proposals by name; `store_of` speaks to a store with a token. `grant` says how the
    platform gives us tokens; `own_shop` is the one shop where that is by the app's own credentials.
    """

    database: Database
    seal: Seal
    shopify: ShopifyApp
    store_of: Callable[[str, Callable[[], str]], StorePort]
    first_terms: Mapping[str, FirstTerms]
    grant: str = TOKEN_EXCHANGE
    own_shop: str | None = None

    def open(self, visitor: AdminVisitor) -> Shop:
        """The visitor's shop, installed now if need be. Raises `IdTokenRefused`, `StoreError` or `WrongStore`."""
        if self.grant == CLIENT_CREDENTIALS:
            return self.connect(visitor.shop_domain, visitor.issued_at)
        return self._open(visitor.shop_domain, lambda: self.shopify.exchange(visitor), visitor.issued_at)

    def agreed(self, back: Returned) -> Shop:
        """The shop whose merchant came back with a code, installed now if need be. Raises `CodeRefused` or
        `StoreError`.

        While the shop's token serves, the code is left alone: spending it would end the refresh token that a worker
        may be using.
        """
        return self._open(back.shop_domain, lambda: self.shopify.by_code(back.shop_domain, back.code), back.at)

    def connect(self, domain: str, vouched_at: datetime | None = None) -> Shop:
        """The one shop of our own organisation, installed now if need be. Raises `StoreError` or `WrongStore`."""
        if domain != self.own_shop:
            raise WrongStore
        return self._open(domain, lambda: self.shopify.by_credentials(domain), vouched_at)

    def _open(self, domain: str, get: Callable[[], Token], vouched_at: datetime | None) -> Shop:
        """The shop, with a token that serves. The platform vouched for the visitor at `vouched_at`."""
        shop = self._find(domain)
        if shop is None or not shop.installed:
            token = get()
            return self.record(domain, token, self.store_of(domain, lambda: token.access_token).details())
        if vouched_at and (shop.vouched_at is None or vouched_at - shop.vouched_at > VOUCHED_EVERY):
            with self.database.work(shop.shop_id) as work:
                shops.vouch(work, vouched_at)
        kept = keeper(self.database, self.seal, self.shopify, shop, self.grant)
        fresh = list[Token]()

        def get_one() -> Token:
            fresh.append(get())
            return fresh[0]

        try:
            kept.accept(get_one, lacking=shop.scopes is not None and bool(missing(shop.scopes)))
        except (IdTokenRefused, CodeRefused):
            raise
        except StoreError as error:
            # What we know of the shop is ours to show, whether its store answers or not: a banner says the rest.
            logger.warning("a merchant's visit brought no token: %s", error.reason)
            with self.database.work(shop.shop_id) as work:
                shops.close_for_now(work, error.reason, error.retry_after)
            return self._find(domain) or shop
        if not fresh:
            return shop
        with self.database.work(shop.shop_id) as work:
            outbox.hurry(work)
            return shops.current(work)

    def _find(self, domain: str) -> Shop | None:
        with self.database.machine() as connection:
            return shops.find(connection, PLATFORM, domain)

    def record(self, domain: str, token: Token, details: ShopDetails) -> Shop:
        """Make the shop appear, whole, in one transaction; or appear again, with everything that it had."""
        now = self.database.clock()
        with self.database.founding(
            lambda connection: shops.install(connection, PLATFORM, domain, now).shop_id
        ) as work:
            _save(work, self.seal, token)
            furnish(work, details, self.first_terms)
            lifecycle.publish_segments(work)
            pixel.follow_scopes(work, self.shopify, token.scopes)
            return shops.current(work)


def furnish(work: UnitOfWork, details: ShopDetails, first_terms: Mapping[str, FirstTerms]) -> None:
    """What every shop has once it is installed, on whatever platform; one that was there before keeps what it had."""
    shops.describe(work, details)
    for name, propose in first_terms.items():
        terms.publish_first(work, name, propose(details.currency))
    outbox.restate(work)
    backfills.ask(work)


def _save(work: UnitOfWork, seal: Seal, token: Token) -> None:
    """Keep a token, and what it is good for. A store that closed its doors is asked again with it, at once."""
    shops.save_credentials(work, seal, token.to_json())
    shops.grant(work, token.scopes, work.now)
    shops.open_again(work)


def keeper(database: Database, seal: Seal, shopify: ShopifyApp, shop: Shop, grant: str = TOKEN_EXCHANGE) -> TokenKeeper:
    """The keeper of a shop's token, which many processes use and one at a time renews."""
    shop_id: ShopId = shop.shop_id

    def load() -> Token | None:
        with database.work(shop_id) as work:
            stored = shops.load_credentials(work, seal)
        return Token.from_json(stored) if stored else None

    def save(token: Token | None) -> None:
        with database.work(shop_id) as work:
            if token is None:
                shops.save_credentials(work, seal, None)
            else:
                _save(work, seal, token)

    return TokenKeeper(
        load=load,
        save=save,
        lock=lambda: database.lock("token", shop_id),
        refresh=lambda token: shopify.refresh(shop.domain, token),
        now=database.clock,
        ending=lambda token: shopify.ending(shop.domain, token),
        ask=(lambda: shopify.by_credentials(shop.domain)) if grant == CLIENT_CREDENTIALS else None,
    )
