"""The Flask application: its pages, and what every answer bears."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass

from flask import Flask, Response, g, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from connectors.shopify import BOUNCE_PATH, ShopifyApp
from engine import log, metrics
from engine.settings import AUTHORIZATION_CODE
from engine.work import Database
from plugin import admin, errors, flow, standalone, storefront
from plugin.install import Installer
from plugin.session import answer

logger = logging.getLogger("perennial.web")

_READY = text("SELECT 1")


@dataclass(frozen=True, slots=True)
class Doors:
    """What the pages need, handed down by the composition root.

    `secret` keys the digests of what is never stored raw.
    """

    database: Database
    shopify: ShopifyApp
    installer: Installer
    secret: bytes
    body_limit: int


def create_app(doors: Doors) -> Flask:
    """The pages: the merchant's app, the shopper's side, and what operators ask."""
    app = Flask("plugin", root_path=__path_of_plugin(), static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = doors.body_limit
    app.extensions["doors"] = doors
    app.register_blueprint(admin.pages)
    app.register_blueprint(admin.contests.pages)
    app.register_blueprint(admin.giving.pages)
    app.register_blueprint(admin.imports.pages)
    app.register_blueprint(admin.review.pages)
    app.register_blueprint(storefront.pages)
    if doors.installer.grant == AUTHORIZATION_CODE:
        app.register_blueprint(standalone.pages)
    app.register_blueprint(storefront.extension.pages)
    app.register_blueprint(storefront.pixel.pages)
    app.register_blueprint(flow.pages)
    errors.handle(app)
    _add_operations(app, doors)
    app.before_request(_start)
    app.after_request(_finish)
    return app


def __path_of_plugin() -> str:
    return __file__.rsplit("/", 1)[0]


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

    @app.get(BOUNCE_PATH)
    def bounce() -> Response:
        """Where a browser inside the admin fetches a fresh ID token;

        the page holds nothing but the platform's script.
        """
        return answer(doors.shopify.bounce_page(request.query_string.decode("ascii", "replace")))


def _start() -> None:
    g.started = time.monotonic()
    g.request_id = uuid.uuid4().hex[:16]


def _finish(response: Response) -> Response:
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
