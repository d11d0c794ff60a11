"""A merchant at the pages of a real `serve` process: the store's admin around them is the sandbox's, which gives the
token that each request brings.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from bench.door import serving
from bench.figures import BenchFailed
from bench.ground import Ground, clock
from bench.store import CLIENT_ID, CONFIG, DOMAIN, SECRET
from connectors.http import HttpSession
from connectors.shopify import ShopifyApp
from engine.work import Database, refuse_in_transaction
from plugin import Doors, create_app
from sandbox import App, Courier, ShopSetting, World
from sandbox import create_app as create_platform
from sandbox.launch import fresh_token

# As browsers say it; pages are packed for them, and that is part of the wait.
ACCEPTED = "gzip, deflate, br, zstd"
PATIENCE_SECONDS = 60


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Say nothing of the requests that are answered."""


@dataclass
class Merchant:
    """Somebody of the shop's staff, who opens one page after another on a kept-alive connection."""

    address: str
    """Where our pages are."""
    platform: str
    """Where the admin is that shows them in its frame."""
    world: World

    def __post_init__(self) -> None:
        self._connection = HTTPConnection(urlsplit(self.address).netloc, timeout=PATIENCE_SECONDS)

    @property
    def admin(self) -> str:
        """The address in the store's admin at which our app stands in a frame."""
        return f"{self.platform}/shops/{DOMAIN}/admin/apps/{CLIENT_ID}"

    def close(self) -> None:
        self._connection.close()

    def open(self, path: str) -> float:
        """Open a page; answers the milliseconds until all of it was there. Raises `BenchFailed` for what is none."""
        status, ms = self.ask(path)
        if status != 200:
            raise BenchFailed(f"{path} was answered with {status}, so its speed says nothing")
        return ms

    def ask(self, path: str) -> tuple[int, float]:
        """The status of the answer, and the milliseconds until all of it was there."""
        token = fresh_token(self.world, self.world.shop())
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept-Encoding": ACCEPTED})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, 1000 * (time.perf_counter() - began)


@contextmanager
def merchant(place: Ground) -> Iterator[Merchant]:
    """A merchant of the first shop of `place`, in the admin of a store that is there as long as this."""
    app = App(CLIENT_ID, SECRET).deployed(CONFIG)
    world = World(app, shops=[ShopSetting(DOMAIN)], courier=Courier(send=lambda *_: 200))
    world.install()
    platform = make_server("127.0.0.1", 0, create_platform(world), threaded=True, request_handler=_Quiet)
    threading.Thread(target=platform.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    known = f"http://127.0.0.1:{platform.server_port}"
    try:
        with serving(place, SHOPIFY_PLATFORM_URL=known) as (url, _):
            parts = urlsplit(url)
            address = f"http://{parts.netloc}"
            world.shop().app = App(CLIENT_ID, SECRET, app_url=address)
            staff = Merchant(address, known, world)
            try:
                yield staff
            finally:
                staff.close()
    finally:
        platform.shutdown()
        platform.server_close()


def pages(place: Ground) -> Flask:
    """The pages as they are registered, to be asked for their addresses; nobody is served by this."""
    http = HttpSession(before_request=refuse_in_transaction)
    shopify = ShopifyApp(CLIENT_ID, SECRET, None, "http://127.0.0.1", http, now=clock)
    database = Database(place.url, clock, connections=1)
    try:
        return create_app(Doors(database, shopify, None, SECRET.encode(), 1))
    finally:
        database.close()
