"""Connecting a store: from the address that a merchant typed to a shop of ours, by the store's own page of consent or
by a key made by hand.

Nothing is believed before the store at that very address has taken the key, to read and to write. Then the shop appears
in one transaction, with its first terms, and a path and a secret for its webhooks that are new each time: what an older
connection left in the store leads nowhere from then on. A store that is connected again finds its past as it was.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from commerce.ids import ShopId
from commerce.refusal import Refusal
from commerce.sayings import say
from commerce.store import ShopDetails, StoreError
from connectors.http import HttpSession
from connectors.woocommerce import (
    Connection,
    Granted,
    GrantUnknown,
    Home,
    Key,
    Mode,
    PendingGrant,
    StoreAddress,
    WooStore,
    begin,
    new_state,
    prove,
    read_callback,
    state_digest,
    store_address,
)
from engine import approvals, connections, notes, shops
from engine.approvals import Approval
from engine.shops import Seal, Shop
from engine.work import Database, UnitOfWork
from plugin import trouble
from plugin.install import FirstTerms, furnish
from plugin.woocommerce import notebook

PLATFORM = "woocommerce"
PREFIX = "/webhooks/woocommerce/"
CALLBACK_PATH = "/woocommerce/grant"
RETURN_PATH = "/woocommerce/back"

# The store waits a minute for our answer to its key, and then deletes it: a proof that took nearly so long is no good.
STORE_WAITS_SECONDS = 50.0

# Long enough to carry a link from a terminal to a browser.
LINK_LIVES = timedelta(minutes=10)


class NeedsHttps(Refusal):
    """A store hands its key only to an HTTPS address, and this Perennial has none. Its operator can connect the store
    with a key made by hand: python app.py connect --store
    """


class TooSlow(Refusal):
    """The store took so long to answer us that it has given up its key by now. Start the connection again."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept, sealed, of a connection; nothing of it is shown."""

    address: StoreAddress
    key: Key
    mode: Mode | None
    secret: str = field(repr=False)
    path: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WooInstaller:
    """Opens shops for merchants whose stores are on WooCommerce. `http` is the way to a store at an address."""

    database: Database
    seal: Seal
    http: Callable[[StoreAddress], HttpSession]
    app_url: str
    first_terms: Mapping[str, FirstTerms]
    store_waits_seconds: float = STORE_WAITS_SECONDS

    def begin(self, typed: str, moves: ShopId | None = None) -> tuple[str, str]:
        """The store's page to send the merchant to, and the state that ties the way back to their browser. Raises
        `BadAddress` or `NeedsHttps`. `moves`: the shop whose store lives at this address now.
        """
        if not self.app_url.startswith("https://"):
            raise NeedsHttps
        now, state = self.database.clock(), new_state()
        page, pending = begin(
            store_address(typed),
            app_name="Perennial",
            return_url=self.app_url + RETURN_PATH,
            callback_url=self.app_url + CALLBACK_PATH,
            now=now,
            state=state,
        )
        with self.database.machine() as connection:
            approvals.begin(connection, pending.state_digest, pending.address.url, pending.expires_at, now, moves)
        return page, state

    def granted(self, body: bytes) -> Shop:
        """The shop whose store posted a key to us. Raises `BadGrant`, a `Refusal`, or `StoreError` where the store
        could not be asked; nothing is kept then but the sentence that says why.
        """
        found, started = read_callback(body), time.monotonic()
        with self.database.machine() as connection:
            approval = approvals.take(connection, found.state_digest, self.database.clock())
        if approval is None:
            raise GrantUnknown
        pending = PendingGrant(found.state_digest, store_address(approval.address), approval.expires_at)
        try:
            proven = prove(found, pending, self.http(pending.address), now=self.database.clock)
            if time.monotonic() - started > self.store_waits_seconds:
                raise TooSlow
        except (Refusal, StoreError) as no:
            with self.database.machine() as connection:
                approvals.refused(connection, found.state_digest, _sentence(no))
            raise
        shop = self.record(proven, approval.moves)
        with self.database.machine() as connection:
            approvals.opened(connection, found.state_digest, shop.shop_id)
        return shop

    def came_back(self, state: str, *, by_link: bool = False) -> Approval | None:
        """What became of the state that a browser comes with; the first one to ask is the only one to be told."""
        with self.database.machine() as connection:
            return approvals.come_back(connection, state_digest(state), self.database.clock(), by_link=by_link)

    def refusal(self, state: str) -> str | None:
        """Why the key that came for this state was not taken, for a merchant whom the store did not send back."""
        with self.database.machine() as connection:
            return approvals.refusal(connection, state_digest(state), self.database.clock())

    def connect(self, typed: str, key: Key) -> Shop:
        """Connect a store with a key that was made in it by hand. Raises `BadAddress`, a `Refusal` or `StoreError`."""
        address, now = store_address(typed), self.database.clock()
        by_hand, pending = Granted("", key, "read_write"), PendingGrant("", address, now + LINK_LIVES)
        return self.record(prove(by_hand, pending, self.http(address), now=self.database.clock))

    def link(self, shop: Shop) -> str:
        """An address of ours that lets whoever opens it first in as the shop's staff, for ten minutes."""
        now, state = self.database.clock(), new_state()
        with self.database.machine() as connection:
            approvals.link(connection, state_digest(state), shop.shop_id, now + LINK_LIVES, now)
        return f"{self.app_url}/woocommerce/enter/{state}"

    def record(self, proven: Connection, moves: ShopId | None = None) -> Shop:
        """Make the shop appear, whole, in one transaction; or appear again, with everything that it had."""
        now, facts = self.database.clock(), proven.facts
        kept = Kept(proven.address, proven.key, proven.mode, secrets.token_urlsafe(32), new_state())
        domain = self._domain(proven.address, moves)
        with self.database.founding(
            lambda connection: shops.install(connection, PLATFORM, domain, now).shop_id
        ) as work:
            save(work, self.seal, kept)
            furnish(work, ShopDetails(domain, facts.name, facts.currency, facts.timezone), self.first_terms)
            shops.stands_in(work, facts.country)
            said = (facts.decimals, facts.woocommerce_version, facts.wordpress_version, now)
            connections.keep(work, kept.path, connections.Connection(kept.address.url, proven.mode, *said))
            notes.note(work, say(notebook.CONNECTED, address=kept.address.url))
            return shops.current(work)

    def _domain(self, address: StoreAddress, moves: ShopId | None) -> str:
        """The name under which the shop at `address` is kept: with or without ``www.`` it is the same."""
        bare = address.domain.removeprefix("www.")
        with self.database.machine() as connection:
            for domain in (address.domain, bare, f"www.{bare}"):
                if shops.at(connection, PLATFORM, domain) is not None:
                    return domain
        if moves is not None:
            with self.database.work(moves) as work:
                if shops.current(work).platform == PLATFORM:
                    shops.move(work, address.domain)
        return address.domain

    def kept(self, work: UnitOfWork) -> Kept | None:
        """What is kept of the shop's connection; None where there is none, or no key of ours opens it."""
        found = shops.load_credentials(work, self.seal)
        if found is None:
            return None
        address, mode = str(found["address"]), str(found["mode"] or "")
        now = connections.current(work)
        if now is not None:
            address, mode = now.address, now.mode
        key = Key(str(found["key"]), str(found["key_secret"]))
        return Kept(store_address(address), key, Mode(mode) if mode else None, str(found["secret"]), str(found["path"]))

    def store(self, shop: Shop) -> WooStore:
        """The shop's store. Raises `StoreError` where nothing is kept with which to ask it."""
        with self.database.work(shop.shop_id) as work:
            kept = self.kept(work)
        return self.store_of(shop, kept)

    def store_of(self, shop: Shop, kept: Kept | None) -> WooStore:
        if kept is None:
            raise StoreError(trouble.NO_KEY, permanent=False, closed=True)
        http, clock = self.http(kept.address), self.database.clock
        return WooStore(kept.address, kept.key, http, now=clock, mode=kept.mode, home=home(shop))

    def delivery_url(self, kept: Kept) -> str:
        """Where the store's webhooks shall lead."""
        return f"{self.app_url}{PREFIX}{kept.path}"

    def disconnect(self, shop: Shop) -> bool:
        """Leave the store: take our webhooks away, and forget its key. False where the store did not let us do so."""
        taken = True
        with self.database.work(shop.shop_id) as work:
            kept = self.kept(work)
        try:
            if kept is not None:
                self.store_of(shop, kept).drop_webhooks(self.delivery_url(kept))
        except StoreError:
            taken = False
        with self.database.work(shop.shop_id) as work:
            shops.uninstall(work, work.now)
            connections.forget(work)
            notes.note(work, notebook.DISCONNECTED)
        return taken


def home(shop: Shop) -> Home:
    """What its orders do not say of a shop: the same for what it sends and for what is read from it."""
    return Home(shop.currency, shop.country)


def save(work: UnitOfWork, seal: Seal, kept: Kept) -> None:
    secret: dict[str, object] = {
        "address": kept.address.url,
        "key": kept.key.consumer_key,
        "key_secret": kept.key.consumer_secret,
        "mode": kept.mode,
        "secret": kept.secret,
        "path": kept.path,
    }
    shops.save_credentials(work, seal, secret)


def _sentence(no: Refusal | StoreError) -> str:
    """Why a key was not taken, as `notebook.why` says it to the merchant."""
    return no.message if isinstance(no, Refusal) else f"{notebook.REASON}{no.reason}"
