"""Installation: the first time that a merchant opens the app, and each time that their token needs to be made anew.

The platform tells nobody about an installation; the first sign is a merchant at the door with an ID token. It is
exchanged for the shop's own token, the store is asked who it is, and then the shop appears in one transaction: with
its credentials, its first terms and its segments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import lifecycle
from commerce.ids import ShopId
from commerce.store import ShopDetails, StorePort
from connectors.shopify import AdminVisitor, ShopifyApp, Token, TokenKeeper
from engine import shops, terms
from engine.shops import Seal, Shop
from engine.work import Database
from plugin.storefront import pixel

PLATFORM = "shopify"

FirstTerms = Callable[[str], Mapping[str, Any]]
"""A domain's proposal for a shop of a given currency."""


@dataclass(frozen=True, slots=True)
class Installer:
    """Opens shops for merchants.

    `first_terms` are the domains' proposals by name; `store_of` speaks to a store with a token.
    """

    database: Database
    seal: Seal
    shopify: ShopifyApp
    store_of: Callable[[str, Callable[[], str]], StorePort]
    first_terms: Mapping[str, FirstTerms]

    def open(self, visitor: AdminVisitor) -> Shop:
        """The visitor's shop, installed now if need be. Raises `IdTokenRefused` or `StoreError`."""
        with self.database.machine() as connection:
            shop = shops.find(connection, PLATFORM, visitor.shop_domain)
        if shop is None or not shop.installed:
            return self._install(visitor)
        keeper(self.database, self.seal, self.shopify, shop).accept(lambda: self.shopify.exchange(visitor))
        return shop

    def _install(self, visitor: AdminVisitor) -> Shop:
        token = self.shopify.exchange(visitor)
        details = self.store_of(visitor.shop_domain, lambda: token.access_token).details()
        return self.record(visitor.shop_domain, token, details)

    def record(self, domain: str, token: Token, details: ShopDetails) -> Shop:
        """Make the shop appear, whole, in one transaction."""
        now = self.database.clock()
        with self.database.founding(
            lambda connection: shops.install(connection, PLATFORM, domain, now).shop_id
        ) as work:
            shops.describe(work, details)
            shops.save_credentials(work, self.seal, token.to_json())
            for name, propose in self.first_terms.items():
                terms.publish_first(work, name, propose(details.currency))
            lifecycle.publish_segments(work)
            pixel.follow_scopes(work, self.shopify, token.scopes)
            return shops.current(work)


def keeper(database: Database, seal: Seal, shopify: ShopifyApp, shop: Shop) -> TokenKeeper:
    """The keeper of a shop's token, which many processes use and one at a time renews."""
    shop_id: ShopId = shop.shop_id

    def load() -> Token | None:
        with database.work(shop_id) as work:
            stored = shops.load_credentials(work, seal)
        return Token.from_json(stored) if stored else None

    def save(token: Token | None) -> None:
        with database.work(shop_id) as work:
            shops.save_credentials(work, seal, token.to_json() if token else None)

    return TokenKeeper(
        load=load,
        save=save,
        lock=lambda: database.lock("token", shop_id),
        refresh=lambda token: shopify.refresh(shop.domain, token),
        now=database.clock,
    )
