"""Who is asking: a merchant in the store's admin, or a shopper on the shop's own pages. Every route has one of these,
or a reason why not.

Inside the admin's frame there is no cookie anywhere: browsers would not send it. Merchants bring the platform's ID
token with each request, and shoppers come through the platform's proxy, which signs who is logged in. Where the app is
one that stands alone, outside the admin, merchants have a session of ours instead (`standalone`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

from flask import Response, abort, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from commerce.events import BadSignature
from commerce.ids import CustomerId
from connectors.shopify import (
    PREFLIGHT,
    PROXY_PATH,
    PROXY_PREFIX,
    PROXY_SUBPATH,
    AdminVisitor,
    Answer,
    BadExtensionToken,
    BadProxyRequest,
    IdTokenRefused,
    ProxyVisitor,
)
from engine import audit, facts, shops, staff
from engine.settings import AUTHORIZATION_CODE
from engine.shops import Shop
from engine.staff import Person, Role
from plugin import deeds, elsewhere, standalone
from plugin.deeds import role_name
from plugin.platforms import PLATFORMS, Platform
from plugin.sentences import _

P = ParamSpec("P")
_no = elsewhere.no


@dataclass(frozen=True, slots=True)
class Merchant:
    """Somebody of the shop's staff, and the shop whose admin they are in."""

    shop: Shop
    user_id: str | None
    """The platform's number of them; None where it vouched for the shop's staff, and not for one of them."""
    embedded: bool
    """Whether they see us in the admin's frame."""
    person: Person
    """Who they are to us, with their role."""
    session_id: int | None = None
    """The session of ours that they came with, if any."""

    @property
    def platform(self) -> Platform:
        """What their store's platform can do."""
        return PLATFORMS[self.shop.platform]


@dataclass(frozen=True, slots=True)
class Shopper:
    """A visitor of the shop's own pages; `customer_id` is None until they log in there."""

    shop: Shop
    customer_id: CustomerId | None
    customer_external_id: str | None
    path_prefix: str
    """Where the shop's own site has our pages, such as ``/apps/perennial``: links and forms start with it. Where they
    are on our own address, all of that.
    """
    language: str = ""
    """The language that they chose to read us in; nothing where they did not."""
    door: str = ""
    """By which door they came to our own address; empty on the shop's site."""


def answer(given: Answer) -> Response:
    return Response(given.body, given.status, dict(given.headers), mimetype="text/html")


def _owned(view: Callable[P, Any], owner: str) -> Callable[P, Any]:
    """`view`, marked with whom it admits: a test walks all routes and asks each for its owner."""
    view.__dict__["owner"] = owner
    return view


def merchant_only(view: Callable[P, Any]) -> Callable[P, Any]:
    """Admit staff of an installed shop whose role may do this (`deeds`), and let the log say that they did;

    everybody else is led to where they are vouched for. The view finds them in `g.merchant`.
    """

    @wraps(view)
    def admitted(*args: P.args, **kwargs: P.kwargs) -> Any:
        found = _alone() if _stands_alone() else _embedded()
        if not isinstance(found, Merchant):
            return found
        g.merchant = found
        endpoint, person = request.endpoint or "", found.person
        least = deeds.least(endpoint, request.method)
        if not person.role.covers(least):
            return _not_theirs(person.role, least)
        if request.method in ("GET", "HEAD"):
            return view(*args, **kwargs)
        named = {str(name): value for name, value in kwargs.items()}
        with audit.acting(found.shop.shop_id, person.staff_id, person.label, person.role, endpoint, **named):
            return view(*args, **kwargs)

    return _owned(admitted, "merchant")


def _stands_alone() -> bool:
    """Whether whoever asks is outside of any admin's frame: because no platform here has one, or with a session of ours
    and without anything that an admin's frame would bring.
    """
    doors = current_app.extensions["doors"]
    if doors.installer is None or doors.installer.grant == AUTHORIZATION_CODE:
        return True
    framed = "Authorization" in request.headers or {"id_token", "embedded", "shop"} & request.args.keys()
    return not framed and standalone.of_session() is not None


def _alone() -> Merchant | BaseResponse:
    seat = standalone.admitted()
    if not isinstance(seat, standalone.Seat):
        return seat
    return Merchant(seat.shop, seat.person.user_id or None, False, seat.person, seat.session_id)


def _not_theirs(role: Role, least: Role) -> BaseResponse:
    """What somebody reads whose role does not allow what they asked for: who can."""
    who = {
        Role.OWNER: _("Only an owner of this shop can do this. Ask one of them, or for another role."),
        Role.MANAGER: _("Only owners and managers of this shop can do this. Ask one of them, or for another role."),
    }.get(least, _("Only owners, managers and support of this shop can do this. Ask one of them, or for another role."))
    words = _("Your role here is “%(role)s”.", role=role_name(role))
    page = render_template("error.html", title=_("Your role does not allow this"), message=f"{words} {who}")
    return Response(page, 403)


def _embedded() -> Merchant | BaseResponse:
    doors, query = current_app.extensions["doors"], request.query_string.decode("ascii", "replace")
    if _outside():
        inside = doors.shopify.admin_url(query, request.path)
        return standalone.stranger() if inside is None else redirect(inside, 302)
    visitor = doors.shopify.admit(request.method, request.path, query, request.headers.get("Authorization"))
    if isinstance(visitor, Answer):
        return answer(visitor)
    assert isinstance(visitor, AdminVisitor)
    g.framed_by = visitor.shop_domain
    try:
        shop = doors.installer.open(visitor)
    except IdTokenRefused:
        return answer(visitor.again)
    with doors.database.work(shop.shop_id) as work:
        person = staff.arrive(work, visitor.user_id or "")
    return standalone.removed() if person.removed_at else Merchant(shop, visitor.user_id, True, person)


def recognise() -> None:
    """Note in whose frame a request stands that belongs to no page of ours, if the platform vouches for it."""
    doors, query = current_app.extensions["doors"], request.query_string.decode("ascii", "replace")
    if doors.shopify is None:
        return
    visitor = doors.shopify.admit(request.method, request.path, query, request.headers.get("Authorization"))
    if isinstance(visitor, AdminVisitor):
        g.framed_by = visitor.shop_domain


def _outside() -> bool:
    """Whether a page is opened at the top of a window, where no script of the platform's could fetch an ID token: by
    its bare address, or by a link from the admin that leads out of the frame.
    """
    return (
        request.method in ("GET", "HEAD")
        and "Authorization" not in request.headers
        and "id_token" not in request.args
        and request.args.get("embedded") != "1"
        and request.headers.get("Sec-Fetch-Dest") not in ("iframe", "frame")
    )


def on_the_shop_s_site() -> bool:
    """Whether this is asked through the shop's own site, and so read there."""
    return request.path.startswith(f"{PROXY_PATH}/")


def arrives() -> bool:
    """Whether whoever asks comes as a shop's staff do: with a session of ours, or inside the frame of an admin."""
    return standalone.of_session() is not None or not _outside()


def shopper_only(view: Callable[P, Any]) -> Callable[P, Any]:
    """Admit requests that came through the platform's proxy for an installed shop, and those to its door with us.

    The view finds the shopper in `g.shopper`.
    """

    @wraps(view)
    def admitted(*args: P.args, **kwargs: P.kwargs) -> Any:
        if "door" in g:
            g.shopper = _at_door()
            return view(*args, **kwargs)
        doors = current_app.extensions["doors"]
        try:
            visitor = doors.shopify.proxied(request.query_string.decode("ascii", "replace"))
        except BadProxyRequest:
            abort(401)
        found = _shopper(visitor.shop_domain, visitor.customer_external_id, visitor.path_prefix)
        if found is None:
            abort(404)
        g.shopper = found
        return view(*args, **kwargs)

    return _owned(admitted, "shopper")


def invited_only(view: Callable[P, Any]) -> Callable[P, Any]:
    """Admit like `shopper_only`, at the speed of a page that many open at once.

    Which shop it is was looked up some seconds ago; only somebody who is logged in is looked up now.
    """

    @wraps(view)
    def admitted(*args: P.args, **kwargs: P.kwargs) -> Any:
        if "door" in g:
            g.shopper = _at_door()
            return view(*args, **kwargs)
        try:
            visitor = current_app.extensions["doors"].shopify.proxied(request.query_string.decode("ascii", "replace"))
        except BadProxyRequest:
            abort(401)
        if visitor.customer_external_id:
            found = _shopper(visitor.shop_domain, visitor.customer_external_id, visitor.path_prefix)
        else:
            shop = remembered_shop(visitor)
            found = Shopper(shop, None, None, visitor.path_prefix) if shop is not None else None
        if found is None:
            abort(404)
        g.shopper = found
        return view(*args, **kwargs)

    return _owned(admitted, "shopper")


def _at_door() -> Shopper:
    """Whoever came to a shop's door on our own address: known by a session or a token of ours, or a stranger."""
    shop, person = elsewhere.visitor()
    if person is None:
        return Shopper(shop, None, None, elsewhere.address(g.door), door=g.door)
    with current_app.extensions["doors"].database.work(shop.shop_id) as work:
        _known, language = facts.who_and_language(work, person.external_id)
    return Shopper(shop, person.customer_id, person.external_id, elsewhere.address(g.door), language, g.door)


def remembered_shop(visitor: ProxyVisitor) -> Shop | None:
    """The installed shop whose visitor this is, as it was some seconds ago at most."""
    found: Shop | None = current_app.extensions["remembered"].get(("shop", visitor.shop_domain), lambda: _shop(visitor))
    return found


def _shop(visitor: ProxyVisitor) -> Shop | None:
    found = _shopper(visitor.shop_domain, None, visitor.path_prefix)
    return found.shop if found is not None else None


def _shopper(domain: str, customer_external_id: str | None, path_prefix: str) -> Shopper | None:
    """The visitor of an installed shop; None where the app is not installed."""
    database = current_app.extensions["doors"].database
    with database.machine() as connection:
        shop = shops.find(connection, "shopify", domain)
    if shop is None or not shop.installed:
        return None
    customer_id, language = None, ""
    if customer_external_id:
        with database.work(shop.shop_id) as work:
            customer_id, language = facts.who_and_language(work, customer_external_id)
    return Shopper(shop, customer_id, customer_external_id, path_prefix, language)


# A merchant may have moved the proxy to another path, which no token tells: links from extensions take the usual one.
_USUAL_PREFIX = f"/{PROXY_PREFIX}/{PROXY_SUBPATH}"


def extension_only(view: Callable[P, Any]) -> Callable[P, Any]:
    """Admit our own code in the shop's checkout and customer accounts, which brings the platform's token for it, and
    the merchant's own code on other pages, which brings one of ours;

    the browser's question whether it may ask is answered yes. The view finds the shopper in `g.shopper`.
    """

    @wraps(view)
    def admitted(*args: P.args, **kwargs: P.kwargs) -> Any:
        if request.method == "OPTIONS":
            return Response(status=204) if _by_api() else answer(PREFLIGHT)
        if _by_api():
            holder = elsewhere.token_holder()
            if isinstance(holder, Response):
                return holder
            known, person, pages = holder
            g.shopper = Shopper(known.shop, person.customer_id, person.external_id, pages)
            return view(*args, **kwargs)
        try:
            visitor = current_app.extensions["doors"].shopify.extension_visitor(request.headers.get("Authorization"))
        except BadExtensionToken:
            return _no(401, "signed-out", "Please load this page again.")
        found = _shopper(visitor.shop_domain, visitor.customer_external_id, _USUAL_PREFIX)
        if found is None:
            return _no(404, "not-installed", "This shop has no points program at the moment.")
        g.shopper = found
        return view(*args, **kwargs)

    return _owned(admitted, "extension")


def _by_api() -> bool:
    """Whether this is the API's side of a view that extensions of ours ask too."""
    return request.path.startswith(f"{elsewhere.API_PATH}/")


def anybody(view: Callable[P, Any]) -> Callable[P, Any]:
    """Admit whoever asks: the view believes nothing of what it is told."""
    return _owned(view, "anybody")


def flow_only(view: Callable[P, Any]) -> Callable[P, Any]:
    """Admit the platform's automation, which signs what it posts."""

    @wraps(view)
    def admitted(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            current_app.extensions["doors"].shopify.check_signature(
                request.headers.get("X-Shopify-Hmac-Sha256"), request.get_data()
            )
        except BadSignature:
            return _no(401, "bad-signature", "The signature does not match.")
        return view(*args, **kwargs)

    return _owned(admitted, "flow")
