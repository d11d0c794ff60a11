"""The Flask application: its pages, and what every answer bears."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from flask import Flask, Response, g, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

import referral
from commerce.ids import ShopId
from commerce.refusal import Refusal
from connectors.shopify import BOUNCE_PATH, ShopifyApp
from engine import log, metrics
from engine.collections import Collector
from engine.settings import AUTHORIZATION_CODE
from engine.shops import Seal, Shop
from engine.work import Database
from plugin import (
    admin,
    api,
    companion,
    compression,
    deeds,
    elsewhere,
    errors,
    flow,
    sentences,
    sign_in,
    standalone,
    storefront,
    surveys,
    unsubscribing,
    woocommerce,
)
from plugin.install import Installer
from plugin.platforms import PLATFORMS
from plugin.session import answer
from plugin.storefront import visits
from plugin.storefront.gathering import Gathering
from plugin.storefront.remembering import Remembered
from plugin.storefront.till import Till
from plugin.woocommerce import WooInstaller

logger = logging.getLogger("perennial.web")

_READY = text("SELECT 1")


@dataclass(frozen=True, slots=True)
class Doors:
    """What the pages need, handed down by the composition root.

    `secret` keys the digests of what is never stored raw. A platform that is not served is None.
    """

    database: Database
    shopify: ShopifyApp | None
    installer: Installer | None
    secret: bytes
    body_limit: int
    woocommerce: WooInstaller | None = None
    collector: Collector | None = None
    """Reads what the store's collections hold; None where pages are shown that need no store."""
    mails: bool = False
    """Whether e-mails are sent."""

    @property
    def seal(self) -> Seal:
        """Opens what is kept sealed."""
        serving = self.installer or self.woocommerce
        assert serving is not None, "a house serves a platform"
        return serving.seal

    @property
    def app_url(self) -> str:
        """Where browsers and stores reach us."""
        serving = self.shopify or self.woocommerce
        assert serving is not None, "a house serves a platform"
        return serving.app_url

    def in_admin(self, query: str, path: str = "/") -> str | None:
        """Where a platform's admin shows our `path` in its frame, for the shop that a query names; None where there is
        none.
        """
        return None if self.shopify is None else self.shopify.admin_url(query, path)

    def customer_in_admin(self, shop: Shop, external_id: str) -> str:
        """A customer's page in the store's own admin, where that erases people and passes it on; else nothing."""
        if self.shopify is None or not PLATFORMS[shop.platform].erases:
            return ""
        return self.shopify.customer_page(shop.domain, external_id)


# The merchant's pages, each with its blueprint.
ROOMS = (
    admin,
    admin.at,
    admin.audit,
    admin.batches,
    admin.bulk,
    admin.campaigns,
    admin.collections,
    admin.contests,
    admin.drafts,
    admin.elsewhere,
    admin.finance,
    admin.first_run,
    admin.general,
    admin.giving,
    admin.imports,
    admin.keys,
    admin.lifecycle,
    admin.look,
    admin.mails,
    admin.metrics,
    admin.program,
    admin.referral,
    admin.review,
    admin.segments,
    admin.staff,
    admin.standing,
    admin.surveys,
    admin.value,
    admin.you,
)


def create_app(doors: Doors) -> Flask:
    """The pages: the merchant's app, the shopper's side, and what operators ask."""
    app = Flask("plugin", root_path=__path_of_plugin(), static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = doors.body_limit
    app.extensions["doors"] = doors
    app.extensions["till"] = Till(doors.database)
    app.extensions["remembered"] = Remembered()
    app.extensions["blocks"] = Remembered()
    app.extensions["visits"] = visits.Visits(doors.database)
    app.extensions["claims"] = Gathering(partial(_take_up, doors))
    app.extensions["pace"] = api.Pace()
    # Nobody presses thirty buttons at once, and one every two seconds for hours.
    app.extensions["presses"] = api.Pace(burst=30, a_second=0.5)
    app.register_blueprint(api.pages)
    for room in ROOMS:
        app.register_blueprint(room.pages)
    app.register_blueprint(surveys.pages)
    app.register_blueprint(unsubscribing.pages)
    app.register_blueprint(visits.pages)
    app.register_blueprint(sign_in.pages)
    storefront.hosted.add(app, storefront.SURFACES)
    if doors.shopify is not None:
        _add_shopify(app, doors, doors.shopify)
    if doors.woocommerce is not None:
        app.register_blueprint(woocommerce.pages)
        app.register_blueprint(companion.pages)
    sentences.speak(app)
    elsewhere.stand_open(app)
    deeds.hide_what_may_not_be(app)
    errors.handle(app)
    _add_operations(app, doors)
    app.before_request(_start)
    app.after_request(_finish)
    return app


def _take_up(doors: Doors, shop_id: ShopId, tries: Sequence[referral.Try]) -> Sequence[referral.Offer | Refusal]:
    with doors.database.work(shop_id) as work:
        return referral.take_up(work, tries, doors.secret)


def __path_of_plugin() -> str:
    return __file__.rsplit("/", 1)[0]


def _add_shopify(app: Flask, doors: Doors, shopify: ShopifyApp) -> None:
    for blueprint in (*storefront.SURFACES, storefront.extension.pages, storefront.pixel.pages, flow.pages):
        app.register_blueprint(blueprint)
    if doors.installer is not None and doors.installer.grant == AUTHORIZATION_CODE:
        app.register_blueprint(standalone.pages)

    @app.get(BOUNCE_PATH)
    def bounce() -> Response:
        """Where a browser inside the admin fetches a fresh ID token;

        the page holds nothing but the platform's script.
        """
        return answer(shopify.bounce_page(request.query_string.decode("ascii", "replace")))


def _add_operations(app: Flask, doors: Doors) -> None:
    # Open to everybody who can reach the port: they tell nothing about any shop.
    @app.get("/health")
    def health() -> tuple[str, int]:
        """The process answers."""
        return "ok\n", 200

    @app.get("/ready")
    def ready() -> tuple[str, int]:
        """The process can do its work: the database answers."""
        try:
            with doors.database.machine() as connection:
                connection.execute(_READY)
        except SQLAlchemyError:
            return "the database does not answer\n", 503
        return "ready\n", 200

    @app.get("/metrics")
    def prometheus() -> Response:
        return Response(metrics.page(doors.database), mimetype="text/plain")


def _start() -> None:
    g.started = time.monotonic()
    g.request_id = uuid.uuid4().hex[:16]


def _finish(response: Response) -> Response:
    # What comes after this adds headers, and leaves the body alone.
    response = compression.pack(request, response)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    if "Content-Security-Policy" not in response.headers:
        response.headers["Content-Security-Policy"] = (
            "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
        )
    if not request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "private, no-store")
    seconds = time.monotonic() - g.started
    metrics.request_seconds.labels(endpoint=request.endpoint or "none").observe(seconds)
    log.wide(
        logger, "request", request=g.request_id, method=request.method, path=_route(), status=response.status_code,
        ms=round(seconds * 1000, 1),
    )  # fmt: skip
    return response


def _route() -> str:
    """The route and not the path: paths hold ids of people."""
    return str(request.url_rule) if request.url_rule else "-"
