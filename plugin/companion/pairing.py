"""Pairing: the store's companion and we hold the same secret, and it knows where we are.

Stated as what ought to be, like everything that we keep in a store: looked at after a connection and each day, and put
right where it is not so. A plugin that is installed later is found by the next look; one that was removed and came back
with nothing is paired anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from connectors.woocommerce.companion import Health, key_digest
from engine import companions
from engine.shops import Seal, Shop
from engine.work import Database

LONGEST_PAGE = 300


class CompanionStore(Protocol):
    """What pairing needs of a shop's store; `WooStore` has it."""

    def companion(self) -> Health | None: ...
    def pair_companion(self, app_url: str, shop: str, secret: str) -> Health: ...


@dataclass(frozen=True, slots=True)
class Paired:
    """The companion is there and paired. `anew`: it was just now. `fault`: why its last question failed, in its own
    code; empty where it did not.
    """

    version: str
    anew: bool
    fault: str


def keep_paired(
    database: Database, seal: Seal, app_url: str, shop: Shop, store: CompanionStore, *, renew: bool = False
) -> Paired | None:
    """See that the shop's companion is paired with us; None where the store has none. `renew`: with a new secret.

    Raises `StoreError` where the store could not be asked; whatever was begun then is taken up by the next look.
    """
    with database.lock("companion", shop.shop_id):
        found = store.companion()
        if found is None:
            _note_page(database, shop, "")
            return None
        if not renew and _holds(database, seal, app_url, shop, found):
            with database.work(shop.shop_id) as work:
                companions.seen(work, found.version)
            _note_page(database, shop, found.page)
            return Paired(found.version, False, found.fault)
        with database.work(shop.shop_id) as work:
            secret = companions.begin(work, seal)
        health = store.pair_companion(app_url, shop.domain, secret)
        with database.work(shop.shop_id) as work:
            companions.finish(work, seal, secret, health.version)
        _note_page(database, shop, health.page)
        return Paired(health.version, True, health.fault)


def _note_page(database: Database, shop: Shop, told: str) -> None:
    """Keep where the store's page of points is, for e-mails to lead there: only a page of the shop's own site."""
    site = f"https://{shop.domain.partition('/')[0]}/"
    own = told.startswith(site) and len(told) <= LONGEST_PAGE and told.isprintable() and not set(told) & set(' "<>\\')
    with database.work(shop.shop_id) as work:
        companions.note_page(work, told if own else "")


def _holds(database: Database, seal: Seal, app_url: str, shop: Shop, found: Health) -> bool:
    """Whether the companion holds our secret, for our address and this shop. One that holds the next secret already has
    taken it when its answer was lost: then that is the one in force.
    """
    with database.work(shop.shop_id) as work:
        known = companions.load(work, seal)
        if known is None or (found.app_url, found.shop) != (app_url, shop.domain):
            return False
        if known.next_secret and found.key == key_digest(known.next_secret):
            companions.finish(work, seal, known.next_secret, found.version)
            return True
    return not known.next_secret and bool(known.secret) and found.key == key_digest(known.secret)
