"""The store's HTTP: who is asking, which resource, and answers with the headers that the store writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from sandbox.woocommerce import catalog, companion, coupons, customers, hooks, keys, listing, orders
from sandbox.woocommerce.keys import ApiKey
from sandbox.woocommerce.listing import Page
from sandbox.woocommerce.shapes import Body, as_php, error
from sandbox.woocommerce.store import Store

_ROUTE = re.compile(r"/wp-json/wc/v3/(?P<resource>orders|customers|coupons|webhooks)(?:/(?P<number>\d+|batch))?")
_REFUNDS = re.compile(r"/wp-json/wc/v3/orders/(?P<order>\d+)/refunds(?:/(?P<number>\d+))?")
_CATALOG = re.compile(r"/wp-json/wc/v3/products(?P<categories>/categories(?:/(?P<number>\d+))?)?")
_NO_ROUTE = error("rest_no_route", "No route was found matching the URL and request method.", 404)
Wsgi = Callable[[Any, Any], Any]


def create_app(store: Store) -> Wsgi:
    """A WSGI application that is `store`."""

    def app(environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        with store.lock:
            store.asked.append((request.method, request.path, request.args.to_dict()))
            response = store.faults.next.popleft()() if store.faults.next else _spoiled(store, request)
        response.headers["Date"] = format_datetime((store.date_header or store.now)(), usegmt=True)
        return response(environ, start_response)

    return app


def _spoiled(store: Store, request: Request) -> Response:
    if store.faults.always is not None:
        return store.faults.always()
    return store.faults.spoil(_answer(store, request))


def _answer(store: Store, request: Request) -> Response:
    if request.path.rstrip("/") == "/wp-json":
        return _json(_index(store, f"{request.scheme}://{request.host}"))
    tls = request.scheme == "https" and store.sees_tls
    header = "" if store.faults.drops_authorization else request.headers.get("Authorization", "")
    home = store.asked_at = f"{request.scheme}://{request.host}"
    found = keys.find(store.keys, request, tls=tls, home=home, header=header, at=store.clock().timestamp())
    if isinstance(found, dict):
        return _json(found, 401)
    refusal = keys.allows(found, request.method)
    if refusal is not None:
        return _json(refusal, refusal["data"]["status"])
    body: Any = None
    if request.method in ("POST", "PUT"):
        try:
            body = json.loads(request.get_data())
        except ValueError:
            return _json(error("rest_invalid_json", "Invalid JSON body passed.", 400), 400)
    if store.companion is not None and request.path.startswith(companion.ROUTES):
        return _outcome(companion.answer(store.companion, request.method, request.path, body))
    return _route(store, request, body, found)


def _route(store: Store, request: Request, body: Any, key: ApiKey) -> Response:
    """The resource that the path names."""
    if request.path == "/wp-json/wc/v3/settings/general" and request.method == "GET":
        return _page(request, Page(_settings(store), 1, 1))
    if request.path == "/wp-json/wc/v3/system_status" and request.method == "GET":
        return _json({"environment": {"version": "11.0.1", "wp_version": "7.0.4"}})
    if (match := _REFUNDS.fullmatch(request.path)) is not None and store.woocommerce:
        return _refunds(store, request.method, int(match["order"]), match["number"], body)
    if (match := _CATALOG.fullmatch(request.path)) is not None and store.woocommerce and request.method == "GET":
        return _catalog(store, request, match["categories"], match["number"])
    match = _ROUTE.fullmatch(request.path)
    if match is None or not store.woocommerce:
        return _outcome(_NO_ROUTE)
    resource, number = match["resource"], match["number"]
    if request.method == "GET" and number != "batch":
        return _read(store, request, resource, number)
    return _written(store, request, resource, number, body, key)


def _catalog(store: Store, request: Request, categories: str | None, number: str | None) -> Response:
    if number is not None:
        return _outcome(catalog.one(store.catalog, int(number)))
    found = (catalog.categories if categories else catalog.products)(store.catalog, request.args.to_dict())
    return _page(request, found) if isinstance(found, Page) else _outcome(found)


def _written(store: Store, request: Request, resource: str, number: str | None, body: Any, key: ApiKey) -> Response:
    if number == "batch":
        return _outcome(_batch(store, resource, body, key))
    if request.method == "POST" and number is None:
        return _outcome(_create(store, resource, body, key), 201)
    if request.method == "DELETE" and number is not None:
        return _outcome(_delete(store, resource, int(number), request.args.get("force", "")))
    if request.method == "PUT" and number is not None:
        return _outcome(_update(store, resource, int(number), body))
    return _outcome(_NO_ROUTE)


def _refunds(store: Store, method: str, order: int, number: str | None, body: Any) -> Response:
    if order not in store.orders:
        return _outcome(listing.missing("orders"))
    if method == "GET" and number is None:
        return _json(orders.refunds(store, order))
    if method == "POST" and number is None:
        return _outcome(orders.refund(store, order, body), 201)
    if method == "DELETE" and number is not None:
        return _outcome(orders.delete_refund(store, order, int(number)))
    return _outcome(_NO_ROUTE)


def _read(store: Store, request: Request, resource: str, number: str | None) -> Response:
    if number is not None:
        return _outcome(listing.one(store, resource, int(number)))
    found = listing.listed(store, resource, request.args.to_dict())
    return _page(request, found) if isinstance(found, Page) else _outcome(found)


def _create(store: Store, resource: str, body: Body, key: ApiKey) -> Body:
    if resource == "webhooks":
        return hooks.create(store, body, key)
    verbs: dict[str, Callable[[Store, Body], Body]] = {
        "coupons": coupons.create, "customers": customers.create, "orders": orders.create,
    }  # fmt: skip
    return verbs[resource](store, body)


def _update(store: Store, resource: str, number: int, body: Body) -> Body:
    verbs: dict[str, Callable[[Store, int, Body], Body]] = {
        "coupons": coupons.update, "customers": customers.update, "orders": orders.update, "webhooks": hooks.update,
    }  # fmt: skip
    return verbs[resource](store, number, body)


def _delete(store: Store, resource: str, number: int, force: str) -> Body:
    """Gone with `force`; without it, to the trash, where there is one."""
    verbs: dict[str, Callable[[Store, int, str], Body]] = {
        "coupons": coupons.delete, "customers": customers.delete, "orders": orders.delete, "webhooks": hooks.delete,
    }  # fmt: skip
    return verbs[resource](store, number, force)


def _batch(store: Store, resource: str, body: Body, key: ApiKey) -> Body:
    """Always 200 as a whole; a member that failed has its error in its place."""
    asked = {verb: body.get(verb) or [] for verb in ("create", "update", "delete")}
    if sum(len(rows) for rows in asked.values()) > store.batch_limit:
        message = f"Unable to accept more than {store.batch_limit} items for this request."
        return error("woocommerce_rest_request_entity_too_large", message, 413)
    told: Body = {}
    for verb in ("create", "update"):
        for row in asked[verb]:
            number = int(row.get("id", 0))
            made = _create(store, resource, row, key) if verb == "create" else _update(store, resource, number, row)
            told.setdefault(verb, []).append({"id": number, "error": made} if _is_error(made) else made)
    for number in asked["delete"]:
        made = _delete(store, resource, int(number), "true")
        told.setdefault("delete", []).append({"id": number, "error": made} if _is_error(made) else made)
    return told


def _settings(store: Store) -> list[Body]:
    values = {
        "woocommerce_store_city": "Testville",
        "woocommerce_default_country": store.country,
        "woocommerce_currency": store.currency,
        "woocommerce_price_num_decimals": str(store.decimals),
    }
    return [{"id": name, "type": "text", "value": value} for name, value in values.items()]


def _index(store: Store, asked_at: str) -> Body:
    hours = store.offset / timedelta(hours=1)
    return {
        "name": store.name,
        "description": "",
        "url": store.home or asked_at,
        "home": store.home or asked_at,
        "gmt_offset": hours,
        "timezone_string": store.zone,
        "namespaces": [
            *("oembed/1.0", "wp/v2"),
            *(("wc/v1", "wc/v2", "wc/v3") if store.woocommerce else ()),
            *(("wc-perennial/v1",) if store.companion else ()),
        ],
    }


def _is_error(body: object) -> bool:
    return isinstance(body, dict) and set(body) == {"code", "message", "data"}


def _outcome(body: Body, status: int = 200) -> Response:
    if _is_error(body):
        data = body["data"]
        status = data["status"] if isinstance(data, dict) else data
    return _json(body, status)


def _page(request: Request, page: Page) -> Response:
    wanted = [name for name in request.args.get("_fields", "").split(",") if name]
    rows = [{name: row[name] for name in wanted if name in row} for row in page.rows] if wanted else page.rows
    response = _json(rows)
    response.headers["X-WP-Total"] = str(page.total)
    response.headers["X-WP-TotalPages"] = str(page.pages)
    return response


def _json(body: object, status: int = 200) -> Response:
    return Response(as_php(body), status, content_type="application/json; charset=UTF-8")
