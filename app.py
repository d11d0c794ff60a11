"""The composition root: settings -> database -> connectors -> reactions -> doors. It imports everything, and nobody
imports it.

python app.py serve | worker | migrate | demo | backfill | reconcile | connect | settings | new-key | rotate-keys
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

# Counters are shared between the processes of one machine through files in this directory. The metrics library reads
# the variable when it is imported, so it has to be set before anything of ours is.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="perennial-metrics-")
    atexit.register(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)

from a2wsgi import WSGIMiddleware

import lifecycle
import loyalty
import referral
from commerce.history import Store
from commerce.ids import ShopId
from commerce.rewards import GiveCredit, PutDiscount, PutGiftCard, TakeCredit
from commerce.store import StoreError
from connectors.http import HttpSession
from connectors.shopify import WEBHOOK_PATH, Budget, ShopifyApp, ShopifyStore, translate
from engine import announcements, log, privacy, segments, shops
from engine.backfill import Backfiller
from engine.budget import SharedMeter
from engine.effects import Outcome
from engine.inbox import Inbox, Reaction, settle_read
from engine.keyring import house_secret
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
from plugin import Doors, cli, create_app
from plugin.install import Installer, keeper
from plugin.webhooks import WebhookDoor

# The order is part of the meaning: a reaction may rely on those before it.
REACTIONS: Sequence[Reaction] = (loyalty.settle_orders, referral.settle_attributions, lifecycle.settle_orders)

# Who hears what became of an effect, by its kind.
OUTCOMES: Mapping[str, Outcome] = {
    PutDiscount.kind: loyalty.code_settled,
    PutGiftCard.kind: loyalty.gift_card_settled,
    GiveCredit.kind: loyalty.credit_settled,
    TakeCredit.kind: loyalty.credit_back_settled,
}

# A shop may move to another domain, or remove the app, while a process runs: what is known of it is looked up anew.
REMEMBER_STORE_SECONDS = 300.0

# Batches of awards that follow a change of weights: no transaction lasts for minutes.
SETTLED_A_MINUTE = 10

FIRST_TERMS = {
    lifecycle.DOMAIN: lambda _currency: lifecycle.first_terms(),
    loyalty.DOMAIN: loyalty.first_terms,
    referral.DOMAIN: referral.first_terms,
}


def clock() -> datetime:
    """The one clock. Everything else is handed an instant, or this."""
    return datetime.now(UTC)


def _review(work: UnitOfWork) -> None:
    while lifecycle.review_due(work):
        pass


def _release(work: UnitOfWork) -> None:
    while loyalty.release_unused(work):
        pass


def _tell_points(work: UnitOfWork) -> None:
    while loyalty.tell_points(work):
        pass


def _give(work: UnitOfWork) -> None:
    while loyalty.give_due(work, lifecycle.members):
        pass


def _screen(work: UnitOfWork) -> None:
    while referral.screen_due(work):
        pass


def _weigh(work: UnitOfWork) -> None:
    while referral.rescore_due(work):
        pass


def _settle_screened(work: UnitOfWork) -> None:
    for _ in range(SETTLED_A_MINUTE):
        if not referral.settle_screened(work):
            break


def _decide(work: UnitOfWork) -> None:
    while loyalty.decide_due(work):
        pass


def _forget(work: UnitOfWork) -> None:
    referral.purge_touches(work)
    referral.forget(work)
    announcements.purge(work)


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
    def shopify(self) -> ShopifyApp:
        known, platform = self.settings, self.settings.shopify_platform_url
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
        """The shop's store. Raises `StoreError` for a shop that is gone."""
        known = self._stores.get(shop_id)
        if known is not None and time.monotonic() - known[1] < REMEMBER_STORE_SECONDS:
            return known[0]
        with self.database.work(shop_id) as work:
            shop = shops.current(work)
        if not shop.installed:
            raise StoreError("the app is not installed", permanent=False, closed=True)
        self._stores[shop_id] = (self._store(shop), time.monotonic())
        return self._stores[shop_id][0]

    def _store(self, shop: Shop) -> Store:
        token = keeper(self.database, self.seal, self.shopify, shop, self.settings.shopify_grant)
        budget = Budget(time.monotonic, SharedMeter(self.database, shop.shop_id))
        book = segments.StoreSegments(self.database, shop.shop_id)
        return ShopifyStore(shop.domain, token, self.http, now=clock, renew=token.renew, budget=budget, segments=book)

    @cached_property
    def installer(self) -> Installer:
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
    def inbox(self) -> Inbox:
        return Inbox(self.database, {"shopify": translate}, REACTIONS)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.database, self.connect, OUTCOMES)

    @cached_property
    def reconciler(self) -> Reconciler:
        return Reconciler(self.database, self.connect, REACTIONS)

    @cached_property
    def backfiller(self) -> Backfiller:
        return Backfiller(self.database, self.connect, REACTIONS)

    @cached_property
    def stale_orders(self) -> StaleOrders:
        return StaleOrders(self.database, self.connect, lambda work, found: settle_read(work, REACTIONS, found))

    @cached_property
    def schedule(self) -> Schedule:
        jobs = (
            Job("review stages", 60, inside=_review),
            Job("tell points", 60, inside=_tell_points),
            Job("release unused codes", 300, inside=_release),
            Job("give rewards", 60, inside=_give),
            Job("decide contests", 300, inside=_decide),
            Job("screen referrals", 60, inside=_screen),
            Job("weigh referrals", 60, inside=_weigh),
            Job("settle screened referrals", 60, inside=_settle_screened),
            Job("reconcile", 300, after=self._reconcile),
            Job("check segments", 86400, inside=segments.look_again),
            Job("reconcile deeply", 900, after=self._reconcile_deeply),
            Job("purge bodies", 3600, inside=privacy.purge_bodies),
            Job("forget touches and announcements", 3600, inside=_forget),
        )
        return Schedule(self.database, jobs)

    def _reconcile(self, shop: Shop) -> None:
        try:
            self.reconciler.run(shop)
        except StoreError as error:
            if error.closed:
                # The merchant's pages say so, even when nothing waits to be pushed.
                with self.database.work(shop.shop_id) as work:
                    shops.close_for_now(work, error.reason, error.retry_after)
            raise

    def _reconcile_deeply(self, shop: Shop) -> None:
        self.reconciler.nightly(shop)

    @cached_property
    def worker(self) -> Worker:
        # Whoever cannot digest cannot settle a referral: better to say so now than with each delivery.
        assert self.secret
        return Worker(self.database, self.inbox, self.outbox, self.schedule, self.stale_orders, self.backfiller)

    @cached_property
    def asgi(self) -> WebhookDoor:
        known = self.settings
        pages = create_app(Doors(self.database, self.shopify, self.installer, self.secret, known.body_limit))
        return WebhookDoor(
            WSGIMiddleware(pages, workers=known.web_threads),  # type: ignore[arg-type]  # its environ is a TypedDict
            {WEBHOOK_PATH: ("shopify", self.shopify.open_envelope)},
            self.database,
            Receiver(self.database),
            known.body_limit,
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
    return asgi


if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:], os.environ, house, Path(__file__).parent))
