"""The watch over a connected store: does it let us in, and do its webhooks still lead to us?

A store switches a webhook off after some failures and tells nobody, people delete what they do not know, and a host
may move the site over night. Each sweep ends with a look at what the sweep itself cannot see (`look`), so that what is
wrong has a name before anything waits for it, and goes without a word once it is mended; the webhooks are looked at
once a day, and right after a store was connected (`webhooks`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from commerce.sayings import say
from commerce.store import ShopDetails, StoreError
from connectors.woocommerce import StoreFacts, WooStore
from engine import connections, notes, outbox, shops
from engine.connections import Connection
from engine.shops import Shop
from engine.work import UnitOfWork
from plugin.companion import keep_paired
from plugin.woocommerce import notebook
from plugin.woocommerce.installer import Kept, WooInstaller

logger = logging.getLogger("perennial.watch")


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks after the connections of `installer`."""

    installer: WooInstaller

    def look(self, shop: Shop) -> None:
        """See that the store that was just read lets us write too, and calls this address its own. Raises `StoreError`.

        A store that had closed its doors is open again from then on, and hears what waited.
        """
        store = self.installer.store(shop)
        store.try_writing()
        with self.installer.database.work(shop.shop_id) as work:
            _learn(work, store)
            if shops.current(work).closed_until is not None:
                shops.open_again(work)
                outbox.hurry(work)

    def webhooks(self, shop: Shop, *, now: bool = False) -> None:
        """See that the store tells us everything, if a look is due or wanted `now`. Raises `StoreError`."""
        database = self.installer.database
        # Two that look at once would make each webhook twice.
        with database.lock("webhooks", shop.shop_id):
            with database.work(shop.shop_id) as work:
                connection, kept, at = connections.current(work), self.installer.kept(work), work.now
            if connection is None or kept is None or not (now or connection.wants_a_look(at)):
                return
            store = self.installer.store_of(shop, kept)
            facts = store.facts()
            said = self._kept_in_order(store, kept, connection)
            with database.work(shop.shop_id) as work:
                _hear(work, store, facts, connection)
                connections.webhooks_seen(work, connection)
                if said:
                    notes.note(work, said)
        self._companion(shop, store)

    def _companion(self, shop: Shop, store: WooStore) -> None:
        """See that our plugin is paired, where the merchant has put it into the store. Raises `StoreError`."""
        installer = self.installer
        found = keep_paired(installer.database, installer.seal, installer.app_url, shop, store)
        if found is not None and found.anew:
            with installer.database.work(shop.shop_id) as work:
                notes.note(work, say(notebook.PAIRED, version=found.version))

    def _kept_in_order(self, store: WooStore, kept: Kept, connection: Connection) -> str | None:
        """What had to be done, in a sentence; None where all was in order. A refusal waits for the next day's look."""
        try:
            made = store.keep_webhooks(self.installer.delivery_url(kept), kept.secret)
        except StoreError as error:
            if not error.permanent:
                raise
            logger.warning("a store refuses our webhooks: %s", error.reason)
            return say(notebook.KEPT_OUT, reason=error.reason)
        if not made:
            return None
        if connection.webhooks_seen_at is None:
            return say(notebook.MADE, count=len(made))
        return say(notebook.ANEW, topics=", ".join(made))


def _learn(work: UnitOfWork, store: WooStore) -> None:
    """Keep where and how the store was reached, if that has changed."""
    known = connections.current(work)
    if known is not None and store.mode is not None and (known.address, known.mode) != (store.address.url, store.mode):
        connections.learnt(work, store.address.url, store.mode)


def _hear(work: UnitOfWork, store: WooStore, facts: StoreFacts, connection: Connection) -> None:
    """Keep what the store says of itself."""
    domain = shops.current(work).domain
    shops.describe(work, ShopDetails(domain, facts.name, facts.currency, facts.timezone))
    shops.stands_in(work, facts.country)
    said = replace(
        connection,
        address=store.address.url,
        mode=store.mode or connection.mode,
        decimals=facts.decimals,
        shop_version=facts.woocommerce_version,
        site_version=facts.wordpress_version,
    )
    connections.heard(work, said)
