"""What the pages share: the world and shop of a request, form fields, and the bridge script."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
from flask import Flask, Response, current_app, redirect, render_template, request, send_from_directory
from werkzeug.wrappers import Response as BaseResponse

from sandbox.replay import Replay
from sandbox.sales import SaleRefused
from sandbox.shop import Shop
from sandbox.world import World


class Doors:
    """The world behind the pages, and the replay that runs in it (one at a time)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.replay: Replay | None = None
        self.reading = False
        self.error: str | None = None
        self.lock = threading.Lock()


def doors() -> Doors:
    found: Doors = current_app.extensions["sandbox"]
    return found


def world() -> World:
    return doors().world


def shop() -> Shop:
    found: Shop = request.environ["sandbox.shop"]
    return found


def fields(body: bytes, content_type: str) -> Mapping[str, Any]:
    """The fields of a JSON or form body; empty when it is neither."""
    if "json" in content_type:
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError:
            return {}
        return parsed if isinstance(parsed, dict) else {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def money(minor: int, there: Shop | None = None) -> str:
    currency = (there or shop()).currency
    return f"{currency.text(minor)} {currency.code}"


def when(at: float | None) -> str:
    """An instant for a person, in the shop's zone."""
    return "" if at is None else datetime.fromtimestamp(at, shop().zone).strftime("%Y-%m-%d %H:%M")


def refused(error: SaleRefused) -> tuple[str, int]:
    return render_template("refused.html", title="Not possible", reason=str(error)), 422


def install(flask: Flask) -> None:
    """Filters, the front page and the scripts."""
    flask.jinja_env.filters.update(money=money, when=when)
    flask.jinja_env.trim_blocks = flask.jinja_env.lstrip_blocks = True
    flask.register_error_handler(SaleRefused, refused)
    flask.context_processor(lambda: {"shop": shop(), "world": world()})

    @flask.get("/")
    def front() -> str | BaseResponse:
        if request.environ.get("SCRIPT_NAME"):
            return redirect(request.script_root + "/store/")
        return render_template("front.html", title="Sandbox", shops=list(world().shops.values()))

    @flask.get("/store/<store>/apps/<path:app>")
    def admin_address(store: str, app: str) -> BaseResponse:
        """`admin.shopify.com/store/{store}/apps/{client id}`, for an app that swaps the host for this one."""
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        return redirect(f"/shops/{store}.myshopify.com/admin/apps/{app}{query}")

    @flask.get("/app-bridge.js")
    def app_bridge() -> Response:
        response = send_from_directory(current_app.static_folder or "", "app-bridge.js", mimetype="text/javascript")
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response
