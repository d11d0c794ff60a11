"""The command line's part of connecting: a key that somebody made in the store by hand, for stores that cannot reach us
to hand one over, and a link that lets that person in.

The key is never part of a command, where every process of the machine could read it: it is asked for, or comes from
settings.
"""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Protocol

from commerce.refusal import Refusal
from commerce.store import StoreError
from connectors.woocommerce import BadAddress, Key, store_address
from engine import shops
from engine.settings import Settings
from engine.shops import Shop
from engine.work import Database
from migrations import upgrade
from plugin import trouble
from plugin.woocommerce.installer import LINK_LIVES, PLATFORM, WooInstaller
from plugin.woocommerce.watch import Watch

_OFF = "WooCommerce is not switched on here: set WOOCOMMERCE=yes."


class House(Protocol):
    """What these commands need of the composition root."""

    settings: Settings

    @property
    def database(self) -> Database: ...
    @property
    def woocommerce(self) -> WooInstaller | None: ...


def connect(house: House, typed: str) -> int:
    """Connect the store at `typed`, or connect it again; 1 where it did not work, 2 where nothing could be tried."""
    installer = house.woocommerce
    if installer is None:
        return _no(_OFF, 2)
    known = house.settings
    key = Key(
        known.woocommerce_key or getpass("Consumer key (ck_...): ").strip(),
        known.woocommerce_secret or getpass("Consumer secret (cs_...): ").strip(),
    )
    if not key.consumer_key.startswith("ck_") or not key.consumer_secret.startswith("cs_"):
        return _no("A key is a pair: one part begins with ck_, the other with cs_.", 2)
    upgrade(house.database.url)
    try:
        shop = installer.connect(typed, key)
    except (BadAddress, Refusal) as no:
        return _no(f"{typed}: {no}", 1)
    except StoreError as error:
        return _no(f"{typed}: {_advice(error)}", 1)
    print(f"{shop.domain}: connected, as {shop.name}")
    try:
        Watch(installer).webhooks(shop)
    except StoreError as error:
        print(f"Its webhooks are not made yet, a worker tries again: {_advice(error)}", file=sys.stderr)
    return _link(installer, shop)


def sign_in(house: House, typed: str) -> int:
    """Print a link that lets whoever opens it in, for a store that is connected."""
    installer = house.woocommerce
    if installer is None:
        return _no(_OFF, 2)
    try:
        domain = store_address(typed).domain
    except BadAddress as bad:
        return _no(f"{typed}: {bad}", 2)
    with house.database.machine() as connection:
        shop = shops.at(connection, PLATFORM, domain)
    if shop is None or not shop.installed:
        return _no(f"{domain} is not connected.", 2)
    return _link(installer, shop)


def _link(installer: WooInstaller, shop: Shop) -> int:
    minutes = round(LINK_LIVES.total_seconds() / 60)
    print(f"Open this within {minutes} minutes; it works once:\n{installer.link(shop)}")
    return 0


def _no(why: str, status: int) -> int:
    print(why, file=sys.stderr)
    return status


def _advice(error: StoreError) -> str:
    found = trouble.advice(error.reason)
    return f"{found.title} {found.advice}"
