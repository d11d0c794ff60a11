"""Who is asking: a merchant in the store's admin, or a shopper on the shop's own pages. Every route has one of these,
or a reason why not.

There is no cookie anywhere: inside the admin's frame browsers would not send it. Merchants bring the platform's ID
token with each request, and shoppers come through the platform's proxy, which signs who is logged in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

from flask import Response, abort, current_app, g, request

from commerce.ids import CustomerId
from connectors.shopify import AdminVisitor, Answer, BadProxyRequest, IdTokenRefused
from engine import mirror, shops
from engine.shops import Shop

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Merchant:
    """Somebody of the shop's staff, and the shop whose admin they are in."""

    shop: Shop
    user_id: str


@dataclass(frozen=True, slots=True)
class Shopper:
    """A visitor of the shop's own pages; `customer_id` is None until they log in there."""

    shop: Shop
    customer_id: CustomerId | None
    customer_external_id: str | None
    path_prefix: str
    """Where the shop's own site has our pages, such as ``/apps/perennial``: links and forms start with it."""


def answer(given: Answer) -> Response:
    return Response(given.body, given.status, dict(given.headers), mimetype="text/html")


def _owned(view: Callable[P, Any], owner: str) -> Callable[P, Any]:
    """`view`, marked with whom it admits: a test walks all routes and asks each for its owner."""
    view.__dict__["owner"] = owner
    return view


def merchant_only(view: Callable[P, Any]) -> Callable[P, Any]:
    """Admit staff of an installed shop;

    everybody else is sent to fetch an ID token. The view finds them in `g.merchant`.
    """

    @wraps(view)
    def admitted(*args: P.args, **kwargs: P.kwargs) -> Any:
        doors = current_app.extensions["doors"]
        visitor = doors.shopify.admit(
            request.method,
            request.path,
            request.query_string.decode("ascii", "replace"),
            request.headers.get("Authorization"),
        )
        if isinstance(visitor, Answer):
            return answer(visitor)
        assert isinstance(visitor, AdminVisitor)
        try:
            shop = doors.installer.open(visitor)
        except IdTokenRefused:
            return answer(visitor.again)
        g.merchant = Merchant(shop, visitor.user_id)
        return view(*args, **kwargs)

    return _owned(admitted, "merchant")


def shopper_only(view: Callable[P, Any]) -> Callable[P, Any]:
    """Admit requests that came through the platform's proxy for an installed shop.

    The view finds the shopper in `g.shopper`.
    """

    @wraps(view)
    def admitted(*args: P.args, **kwargs: P.kwargs) -> Any:
        doors = current_app.extensions["doors"]
        try:
            visitor = doors.shopify.proxied(request.query_string.decode("ascii", "replace"))
        except BadProxyRequest:
            abort(401)
        with doors.database.machine() as connection:
            shop = shops.find(connection, "shopify", visitor.shop_domain)
        if shop is None or not shop.installed:
            abort(404)
        customer_id = None
        if visitor.customer_external_id:
            with doors.database.work(shop.shop_id) as work:
                customer_id = mirror.customer_id(work, visitor.customer_external_id)
        g.shopper = Shopper(shop, customer_id, visitor.customer_external_id, visitor.path_prefix)
        return view(*args, **kwargs)

    return _owned(admitted, "shopper")
