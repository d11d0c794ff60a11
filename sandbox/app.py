"""The one WSGI app: the Admin API in front, everything with pages behind it in Flask.

A shop is named by its host (`Host: demo-store.myshopify.com`) or by a path prefix
(`/shops/demo-store.myshopify.com/…`); without either it is the first shop. The prefix becomes SCRIPT_NAME,
so the rest of the code does not know which of the two was used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from flask import Flask

from sandbox import admin, authorize, control, doors, oauth, storefront, surfaces, uploads
from sandbox.adminapi import answer
from sandbox.adminapi.bulk import RESULTS
from sandbox.outages import LOST_BODY, LOST_STATUS, REFUSALS
from sandbox.shop import Shop
from sandbox.world import UnknownShop, World

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
PREFIX = "/shops/"
GRAPHQL = "/graphql.json"
REASONS = {
    200: "200 OK",
    201: "201 Created",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    402: "402 Payment Required",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    423: "423 Locked",
    503: "503 Service Unavailable",
    LOST_STATUS: f"{LOST_STATUS} Unknown",
}
MOST_BODY = 10_000_000


class Platform:
    """The WSGI app. `flask` is the part with pages, for tests that want its client."""

    def __init__(self, world: World, flask: Flask) -> None:
        self.world, self.flask = world, flask

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            shop = self._shop(environ)
        except UnknownShop as unknown:
            return _json(start_response, 404, orjson.dumps({"errors": str(unknown)}))
        environ["sandbox.shop"] = shop
        path = environ["PATH_INFO"]
        if path.startswith("/admin/api/") and path.endswith(GRAPHQL):
            return self._graphql(environ, start_response, shop)
        if path == "/admin/oauth/access_token":
            return self._token(environ, start_response, shop)
        if path == uploads.PATH:
            return self._upload(environ, start_response, shop)
        if path.startswith(RESULTS):
            return self._result(start_response, shop, path[len(RESULTS) :].removesuffix(".jsonl"))
        return self.flask.wsgi_app(environ, start_response)

    def _shop(self, environ: Environ) -> Shop:
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(PREFIX):
            domain, slash, rest = path[len(PREFIX) :].partition("/")
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + PREFIX + domain
            environ["PATH_INFO"] = slash + rest or "/"
            return self.world.shop(domain)
        host = environ.get("HTTP_HOST", "").partition(":")[0]
        return self.world.shop(host if host in self.world.shops or host.endswith(".myshopify.com") else None)

    def _graphql(self, environ: Environ, start_response: StartResponse, shop: Shop) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return _json(start_response, 405, b'{"errors":"Method Not Allowed"}')
        if refusing := self.world.outages.refusing:
            self.world.stats["refused"] += 1
            return _json(start_response, refusing, REFUSALS[refusing])
        reply = answer(self.world, shop, environ.get("HTTP_X_SHOPIFY_ACCESS_TOKEN"), _body(environ))
        return _json(start_response, reply.status, reply.body, reply.headers)

    def _token(self, environ: Environ, start_response: StartResponse, shop: Shop) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return _json(start_response, 405, b'{"error":"invalid_request"}')
        fields = doors.fields(_body(environ), environ.get("CONTENT_TYPE", ""))
        if refusing := self.world.outages.refusing:
            self.world.stats["refused"] += 1
            return _json(start_response, refusing, REFUSALS[refusing])
        status, body = oauth.access_token(self.world, shop, fields)
        if status == 200 and self.world.outages.loses():
            return _json(start_response, LOST_STATUS, LOST_BODY)
        return _json(start_response, status, orjson.dumps(body), (("Cache-Control", "no-store"),))

    def _upload(self, environ: Environ, start_response: StartResponse, shop: Shop) -> Iterable[bytes]:
        """The object store takes a staged file; it knows no access token."""
        length = environ.get("CONTENT_LENGTH") or "0"
        size = int(length) if length.isdecimal() else 0
        try:
            taken = shop.uploads.receive(environ.get("CONTENT_TYPE", ""), environ["wsgi.input"], size)
        except uploads.UploadRefused as refused:
            text = f"<Error><Code>{refused.code}</Code><Message>{refused.message}</Message></Error>"
            return _bytes(start_response, refused.status, "application/xml; charset=UTF-8", text.encode())
        text = f"<PostResponse><Key>{taken.key}</Key></PostResponse>"
        return _bytes(start_response, 201, "application/xml; charset=UTF-8", text.encode())

    def _result(self, start_response: StartResponse, shop: Shop, token: str) -> Iterable[bytes]:
        with self.world.lock:
            shop.run_bulk()
            file = shop.bulk.result(token)
        if file is None:
            text = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
            return _bytes(start_response, 404, "application/xml; charset=UTF-8", text)
        return _bytes(start_response, 200, "application/jsonl", file)


def _bytes(start_response: StartResponse, status: int, kind: str, body: bytes) -> Iterable[bytes]:
    start_response(REASONS[status], [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def _body(environ: Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    size = min(int(length), MOST_BODY) if length.isdecimal() else 0
    body: bytes = environ["wsgi.input"].read(size)
    return body


def _json(
    start_response: StartResponse, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()
) -> Iterable[bytes]:
    constant = [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(REASONS[status], [*constant, *headers])
    return [body]


def create_app(world: World) -> Platform:
    """The platform over this world. Nothing here starts a thread: `server.serve` and the courier do."""
    flask = Flask("sandbox", static_url_path="/sandbox-static")
    flask.secret_key = "a cookie of the sandbox carries a cart and nothing worth forging"  # noqa: S105
    flask.config.update(MAX_CONTENT_LENGTH=MOST_BODY, SESSION_COOKIE_NAME="sandbox", SESSION_COOKIE_SAMESITE="Lax")
    flask.extensions["sandbox"] = doors.Doors(world)
    for blueprint in (admin.pages, authorize.pages, storefront.pages, surfaces.modules, control.api):
        flask.register_blueprint(blueprint)
    doors.install(flask)
    return Platform(world, flask)
