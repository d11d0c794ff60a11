"""The composition root: settings -> database -> connectors -> reactions -> doors. It imports everything, and nobody
imports it.

python app.py serve | worker | migrate | demo | backfill | reconcile | ledger | lifecycle | connect | signin-link |
settings | new-key | rotate-keys
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

# Counters are shared between the processes of one machine through files in this directory. The metrics library reads
# the variable when it is imported, so it has to be set before anything of ours is.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="perennial-metrics-")
    atexit.register(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)

from a2wsgi import WSGIMiddleware

import campaigns
import lifecycle
import loyalty
import referral
from commerce.history import Store
from commerce.ids import CustomerId, ShopId
from commerce.rewards import GiveCredit, HandOver, PutDiscount, PutGiftCard, TakeCredit
from commerce.store import StoreError
from connectors.http import HttpSession, public
from connectors.shopify import WEBHOOK_PATH, Budget, ShopifyApp, ShopifyStore, translate
from connectors.smtp import Post
from connectors.woocommerce import translate as translate_woocommerce
from engine import log, segments, shops
from engine.backfill import Backfiller
from engine.budget import SharedMeter
from engine.collections import Collector
from engine.effects import Outcome
from engine.inbox import Inbox, Reaction, Translate, settle_read
from engine.keyring import house_secret
from engine.mail import Mailer
from engine.outbox import Outbox
from engine.postgres import Embedded
from engine.receiver import Receiver
from engine.reconcile import Reconciler
from engine.schedule import Job, Schedule
from engine.settings import Settings, read
from engine.shops import Seal, Shop
from engine.stale import StaleOrders
from engine.work import Database, UnitOfWork, refuse_in_transaction
from engine.worker import Worker
from loyalty import assortment, openings
from plugin import Doors, cli, create_app, woocommerce
from plugin.install import Installer, keeper
from plugin.nights import Nights
from plugin.reward_hooks import Hooks
from plugin.rounds import rounds
from plugin.storefront.blocks import BlockDoor
from plugin.storefront.claims import Claims
from plugin.storefront.glance import Glances
from plugin.storefront.landing import LandingDoor
from plugin.traits import keep_segments
from plugin.webhooks import Application, WebhookDoor
from plugin.woocommerce import Watch, WooDoor, WooInstaller

# The order is part of the meaning: a reaction may rely on those before it.
REACTIONS: Sequence[Reaction] = (
    loyalty.settle_orders,
    referral.settle_attributions,
    lifecycle.settle_orders,
    campaigns.follow,
)

# How a platform's deliveries are read: some need to know of which shop they are.
TRANSLATORS: Mapping[str, Translate] = {
    "shopify": lambda delivery, _shop: translate(delivery),
    woocommerce.PLATFORM: translate_woocommerce,
}


def _tiers_now(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Mapping[CustomerId, str]:
    found = loyalty.tiers_at(work, [(customer_id, work.now) for customer_id in customer_ids])
    return {customer_id: tier for customer_id, tier in zip(customer_ids, found, strict=True) if tier is not None}


def recognising(secret: Callable[[], bytes]) -> Sequence[Reaction]:
    """`REACTIONS`, of which referral knows a buyer again by the address of their claim, and an advocate's tier."""
    known = partial(referral.settle_attributions, secret=secret, tiers=_tiers_now)
    return [known if each is referral.settle_attributions else each for each in REACTIONS]


# Who hears what became of an effect, by its kind.
OUTCOMES: Mapping[str, Outcome] = {
    PutDiscount.kind: loyalty.code_settled,
    PutGiftCard.kind: loyalty.gift_card_settled,
    GiveCredit.kind: loyalty.credit_settled,
    TakeCredit.kind: loyalty.credit_back_settled,
    HandOver.kind: loyalty.hand_over_settled,
}

# A shop may move to another domain, or remove the app, while a process runs: what is known of it is looked up anew.
REMEMBER_STORE_SECONDS = 300.0

# Portions of batches that a merchant approved: twenty thousand members, and the clock has other things to do.
PORTIONS_A_MINUTE = 40

FIRST_TERMS = {
    lifecycle.DOMAIN: lambda _currency: lifecycle.first_terms(),
    # Nobody earns before the merchant has seen the program.
    loyalty.DOMAIN: openings.sleeping_terms,
    referral.DOMAIN: referral.first_terms,
}


# A thread that has its rows from the database waits for the interpreter until whoever has it has had it for so long.
# With Python's own five milliseconds a block, which comes back six times, waits longer for that than for its rows.
SWITCH_SECONDS = 0.0005


def clock() -> datetime:
    """The one clock. Everything else is handed an instant, or this."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class House:
    """One process's parts, each made when it is first asked for."""

    settings: Settings

    @cached_property
    def database(self) -> Database:
        url = self.settings.database_url or Embedded(self.settings.data_dir).start()
        return Database(url, clock, secret=lambda: self.secret)

    @cached_property
    def http(self) -> HttpSession:
        return HttpSession(before_request=refuse_in_transaction, platform_url=self.settings.shopify_platform_url)

    @cached_property
    def _ways(self) -> Mapping[str, HttpSession]:
        """How stores that merchants host are reached: plain HTTP only where a store's own address has nothing else."""
        known = self.settings
        allowed = None if known.woocommerce_private else public
        return {
            scheme: HttpSession(
                before_request=refuse_in_transaction,
                plain=scheme == "http",
                allowed=allowed,
                authorities=known.woocommerce_authorities,
            )
            for scheme in ("http", "https")
        }

    @cached_property
    def woocommerce(self) -> WooInstaller | None:
        """None where no such stores are served."""
        if not self.settings.woocommerce:
            return None
        return WooInstaller(
            self.database,
            self.seal,
            lambda address: self._ways[address.scheme],
            self.settings.app_url,
            FIRST_TERMS,
        )

    @cached_property
    def shopify(self) -> ShopifyApp | None:
        """None where no such stores are served."""
        known, platform = self.settings, self.settings.shopify_platform_url
        if known.shopify_client_id is None or known.shopify_client_secret is None:
            return None
        return ShopifyApp(
            known.shopify_client_id,
            known.shopify_client_secret,
            known.shopify_old_client_secret,
            known.app_url,
            self.http,
            now=clock,
            **({"app_bridge_url": f"{platform}/app-bridge.js", "frame_origin": platform} if platform else {}),
        )

    @cached_property
    def seal(self) -> Seal:
        return Seal(self.settings.seal_keys)

    @cached_property
    def secret(self) -> bytes:
        """Keys what is never stored raw. Raises `SecretLost`."""
        return house_secret(self.database, self.seal, self.settings.seal_keys[-1])

    @cached_property
    def _stores(self) -> dict[ShopId, tuple[Store, float]]:
        return {}

    def connect(self, shop_id: ShopId) -> Store:
        """The shop's store. Raises `StoreError` for a shop that is gone, or whose platform is not served any more."""
        known = self._stores.get(shop_id)
        if known is not None and time.monotonic() - known[1] < REMEMBER_STORE_SECONDS:
            return known[0]
        with self.database.work(shop_id) as work:
            shop = shops.current(work)
        if not shop.installed:
            raise StoreError("the app is not installed", permanent=False, closed=True)
        if shop.platform == woocommerce.PLATFORM and self.woocommerce is not None:
            # A key may be replaced at any moment: what is kept is looked at each time.
            return self.woocommerce.store(shop)
        if shop.platform == "shopify" and self.shopify is not None:
            self._stores[shop_id] = (self._shopify_store(self.shopify, shop), time.monotonic())
            return self._stores[shop_id][0]
        raise StoreError("the settings name no access to this shop's platform", permanent=False, closed=True)

    def _shopify_store(self, shopify: ShopifyApp, shop: Shop) -> Store:
        token = keeper(self.database, self.seal, shopify, shop, self.settings.shopify_grant)
        budget = Budget(time.monotonic, SharedMeter(self.database, shop.shop_id))
        book = segments.StoreSegments(self.database, shop.shop_id)
        return ShopifyStore(shop.domain, token, self.http, now=clock, renew=token.renew, budget=budget, segments=book)

    @cached_property
    def installer(self) -> Installer | None:
        if self.shopify is None:
            return None
        return Installer(
            self.database,
            self.seal,
            self.shopify,
            lambda domain, token: ShopifyStore(domain, token, self.http, now=clock),
            FIRST_TERMS,
            self.settings.shopify_grant,
            self.settings.shopify_shop,
        )

    @cached_property
    def reactions(self) -> Sequence[Reaction]:
        return recognising(lambda: self.secret)

    @cached_property
    def inbox(self) -> Inbox:
        return Inbox(self.database, TRANSLATORS, self.reactions)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.database, self.connect, OUTCOMES, hook=Hooks.of(self.database, self.seal))

    @cached_property
    def reconciler(self) -> Reconciler:
        return Reconciler(self.database, self.connect, self.reactions)

    @cached_property
    def collector(self) -> Collector:
        return Collector(self.database, self.connect, assortment.collections_named)

    @cached_property
    def backfiller(self) -> Backfiller:
        return Backfiller(self.database, self.connect, self.reactions)

    @cached_property
    def stale_orders(self) -> StaleOrders:
        return StaleOrders(self.database, self.connect, lambda work, found: settle_read(work, self.reactions, found))

    @cached_property
    def schedule(self) -> Schedule:
        jobs = (
            *rounds(self.settings.app_url, self.seal if self.mailer else None),
            Job("book batches", 60, after=self._book_batches),
            Job("keep segments", 60, after=lambda shop: keep_segments(self.database, shop)),
            Job("reckon nights", 60, after=self.nights.look),
            Job("read collections", 120, after=self._read_collections),
            Job("reconcile", 300, after=self.reconcile),
            Job("watch webhooks", 120, after=self.watch_webhooks),
            Job("reconcile deeply", 900, after=self._reconcile_deeply),
        )
        return Schedule(self.database, jobs)

    @cached_property
    def nights(self) -> Nights:
        return Nights(self.database, [sys.executable, str(Path(__file__).resolve())])

    def reconcile(self, shop: Shop) -> None:
        """Compare; the merchant's pages say what is the matter, even when nothing waits to be pushed."""
        try:
            self.reconciler.run(shop)
            if shop.platform == woocommerce.PLATFORM and self.woocommerce is not None:
                # After it: a store that lets us read and not write is still read.
                Watch(self.woocommerce).look(shop)
        except StoreError as error:
            with self.database.work(shop.shop_id) as work:
                if error.closed:
                    shops.close_for_now(work, error.reason, error.retry_after)
                else:
                    shops.unwell(work, error.reason)
            raise
        with self.database.work(shop.shop_id) as work:
            shops.well(work)

    def watch_webhooks(self, shop: Shop) -> None:
        """See that the store tells us everything, where that is for us to look after."""
        if shop.platform == woocommerce.PLATFORM and self.woocommerce is not None:
            Watch(self.woocommerce).webhooks(shop)

    def _book_batches(self, shop: Shop) -> None:
        """Each portion is a unit of work of its own: what died in between goes on where it stood."""
        for _ in range(PORTIONS_A_MINUTE):
            with self.database.work(shop.shop_id) as work:
                if not loyalty.book_due(work):
                    return

    def _read_collections(self, shop: Shop) -> None:
        self.collector.round(shop.shop_id)

    def _reconcile_deeply(self, shop: Shop) -> None:
        self.reconciler.nightly(shop)

    @cached_property
    def worker(self) -> Worker:
        # Whoever cannot digest cannot settle a referral: better to say so now than with each delivery.
        assert self.secret
        return Worker(
            self.database, self.inbox, self.outbox, self.schedule, self.stale_orders, self.backfiller, self.mailer
        )

    @cached_property
    def mailer(self) -> Mailer | None:
        """None where no e-mails are sent."""
        url, sender = self.settings.smtp_url, self.settings.mail_from
        if url is None or sender is None:
            return None
        return Mailer(self.database, self.seal, Post(url, sender, clock, refuse_in_transaction))

    @cached_property
    def asgi(self) -> WebhookDoor:
        known = self.settings
        doors = Doors(
            self.database, self.shopify, self.installer, self.secret, known.body_limit, self.woocommerce,
            self.collector, mails=known.smtp_url is not None,
        )  # fmt: skip
        pages = create_app(doors)
        inner: Application = WSGIMiddleware(pages, workers=known.web_threads)  # type: ignore[arg-type]  # a TypedDict
        if self.shopify is not None:
            inner = LandingDoor(inner, self.shopify.proxied, Claims(pages))
            inner = BlockDoor(inner, self.shopify.proxied, Glances(pages))
        return WebhookDoor(
            inner,
            {WEBHOOK_PATH: ("shopify", self.shopify.open_envelope)} if self.shopify else {},
            self.database,
            Receiver(self.database),
            known.body_limit,
            WooDoor(self.woocommerce) if self.woocommerce else None,
        )


def house(environment: Mapping[str, str]) -> House:
    """A process's house from its environment. Raises `BadSettings`."""
    settings = read(environment)
    log.set_up(settings.log_style, settings.log_level)
    return House(settings)


def application() -> WebhookDoor:
    """What the web server calls in each of its processes: an ASGI application."""
    asgi = house(os.environ).asgi
    cli.calm_collector()
    sys.setswitchinterval(SWITCH_SECONDS)
    return asgi


if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:], os.environ, house, Path(__file__).parent))
