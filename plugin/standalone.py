"""Stand-alone: merchants whose app is not shown in the admin's frame. The platform, or the store itself, vouches for
them once, by sending their browser through its page of consent, or they sign in by themselves (`sign_in`); then a
session of our own says who they are.

Nothing of this exists for embedded apps: there is no cookie in a frame. Here we are the page at the top, so our cookies
are nobody's third party. There are two, both out of scripts' reach and never sent with another site's forms: one that
ties the way back to the browser that set out, and the session. The session is signed with a key derived from the
house's own secret, never with the platform's, and ends with the working day, or when the shop is installed anew. Which
person it is of stands in a row of ours (`engine.sessions`), so that it can also be ended from elsewhere.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    has_request_context,
    make_response,
    redirect,
    render_template,
    request,
)
from werkzeug.wrappers import Response as BaseResponse

from commerce.ids import ShopId
from connectors.shopify import CALLBACK_PATH, CodeRefused
from engine import audit, authorizations, sessions, shops, staff
from engine.sessions import Way
from engine.shops import Shop
from engine.staff import Person
from engine.work import UnitOfWork
from plugin.sentences import _

pages = Blueprint("standalone", __name__)

# A working day; then the platform vouches again, and the merchant need not press anything for that.
SESSION_SECONDS = int(sessions.LIFE.total_seconds())
SESSION, STATE = "perennial_session", "perennial_state"

# What a browser says of itself, in two words: the first name of each list that it has.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip

_SESSION = re.compile(r"([0-9]{1,18})~([0-9a-f]{1,9})~([0-9a-f]{32})~([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Seat:
    """Where somebody sits who has signed in: their shop, who they are, and the number of the session."""

    shop: Shop
    person: Person
    session_id: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a session's cookie says. `began` is in seconds; `token` is what the session's row is found by."""

    shop_id: ShopId
    began: int
    token: str


def session_key(secret: bytes) -> bytes:
    """The key of sessions, derived: whoever learns it learns nothing of what it came from."""
    return hmac.digest(secret, b"perennial merchant sessions", "sha256")


def make_session(secret: bytes, shop_id: ShopId, now: datetime) -> str:
    """The cookie of a new session of one shop."""
    said = f"{shop_id:d}~{int(now.timestamp()):x}~{secrets.token_hex(16)}"
    return f"{said}~{_seal(secret, said)}"


def read_session(secret: bytes, given: str, now: datetime) -> Ticket | None:
    """What the cookie says; None for one that is not ours, or over."""
    match = _SESSION.fullmatch(given)
    if match is None or not hmac.compare_digest(match[4], _seal(secret, given.rpartition("~")[0])):
        return None
    began = int(match[2], 16)
    return (
        Ticket(ShopId(int(match[1])), began, match[3]) if 0 <= now.timestamp() - began + 1 <= SESSION_SECONDS else None
    )


def _seal(secret: bytes, said: str) -> str:
    return hmac.digest(session_key(secret), said.encode(), "sha256").hex()


def admitted() -> Seat | BaseResponse:
    """Whose session this browser has, or the answer that leads to one."""
    linked = _linked()
    seat = of_session()
    if seat is not None and linked in (None, seat.shop.domain):
        if request.method not in ("GET", "HEAD"):
            refuse_other_sites()
        return seat
    if linked is not None and request.method == "GET":
        return _set_out(linked)
    return stranger()


def stranger() -> Response:
    """What somebody reads of whom we do not know which store they are of."""
    doors = current_app.extensions["doors"]
    serves = {"shopify": doors.shopify is not None, "woocommerce": doors.woocommerce is not None, "alone": True}
    return Response(render_template("stranger.html", serves=serves), 401)


@pages.get("/auth/start")
def start() -> BaseResponse:
    """Agree again: for a session's own shop, or for the one whose admin just linked here."""
    seat = of_session()
    domain = seat.shop.domain if seat is not None else _linked()
    return stranger() if domain is None else _set_out(domain)


@pages.get(CALLBACK_PATH)
def callback() -> BaseResponse:
    """The browser comes back from the platform's page of consent. Nothing of it is believed before the platform's
    signature, its instant, and the state of this very browser have been found true.
    """
    doors = current_app.extensions["doors"]
    back = doors.shopify.returned(_query())
    if back is None or not hmac.compare_digest(request.cookies.get(STATE, "").encode(), back.state.encode()):
        return _once_more()
    with doors.database.machine() as connection:
        if not authorizations.finish(connection, back.state, back.shop_domain, doors.database.clock()):
            return _once_more()
    try:
        shop = doors.installer.agreed(back)
    except CodeRefused:
        return _once_more()
    answer = sign_in(shop)
    answer.delete_cookie(STATE, path="/auth")
    return answer


def sign_in(shop: Shop, to: str = "/", user_id: str = "") -> BaseResponse:
    """Let this browser in as somebody whom the store vouches for: one of its users, or nobody in particular. Whoever
    calls this has made sure.
    """
    doors = current_app.extensions["doors"]
    with doors.database.work(shop.shop_id) as work:
        person = staff.arrive(work, user_id)
        if person.removed_at is None:
            return let_in(work, person, "store", to)
    return removed()


def let_in(work: UnitOfWork, person: Person, way: Way, to: str, challenge: bytes | None = None) -> BaseResponse:
    """Begin a session of `person` in this browser, and send it to a page of ours; the log says so. Refuses with
    `sessions.Replayed`.
    """
    cookie = open_session(work, current_app.extensions["doors"].secret, person, way, challenge)
    audit.write(work, person.staff_id, person.label, person.role, "signed_in", way=way)
    answer = redirect(to, 303)
    keep(answer, SESSION, cookie, SESSION_SECONDS, "/")
    return answer


def open_session(
    work: UnitOfWork, secret: bytes, person: Person, way: Way = "store", challenge: bytes | None = None
) -> str:
    """A session of `person`: what its cookie holds."""
    cookie = make_session(secret, work.shop_id, work.now)
    ticket = read_session(secret, cookie, work.now)
    assert ticket is not None, "a cookie that was just made can be read"
    sessions.begin(work, person, ticket.token, way, browser_name(), challenge)
    return cookie


def sign_out(answer: BaseResponse) -> None:
    answer.delete_cookie(SESSION, path="/")


def removed() -> Response:
    """What somebody reads whom the owner let in no more."""
    title, message = _("You no longer have access"), _("An owner of this shop removed you from Perennial. Ask them.")
    return Response(render_template("error.html", title=title, message=message), 403)


def browser_name() -> str:
    """What a browser says that it is, such as ``Firefox, Linux``; empty where it says nothing that we know."""
    agent = request.headers.get("User-Agent", "") if has_request_context() else ""
    named = [next((name for mark, name in known if mark in agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, named))


def _once_more() -> Response:
    return make_response(render_template("stranger.html", failed=True), 400)


def _set_out(domain: str) -> BaseResponse:
    doors = current_app.extensions["doors"]
    with doors.database.machine() as connection:
        state = authorizations.begin(connection, domain, doors.database.clock())
    answer = redirect(doors.shopify.authorize_url(domain, state), 302)
    keep(answer, STATE, state, int(authorizations.LIFE.total_seconds()), "/auth")
    return answer


def keep(answer: BaseResponse, name: str, value: str, seconds: int, path: str) -> None:
    """A cookie out of scripts' reach, that no other site's form brings along."""
    secure = current_app.extensions["doors"].app_url.startswith("https://")
    answer.set_cookie(name, value, max_age=seconds, path=path, secure=secure, httponly=True, samesite="Lax")


def of_session() -> Seat | None:
    """Whose session this browser has, if the shop still has the app and was not connected anew since; looked up once a
    request.
    """
    if "seat" not in g:
        g.seat = _seat()
    found: Seat | None = g.seat
    return found


def _seat() -> Seat | None:
    doors = current_app.extensions["doors"]
    ticket = read_session(doors.secret, request.cookies.get(SESSION, ""), doors.database.clock())
    if ticket is None:
        return None
    with doors.database.machine() as connection:
        shop = shops.numbered(connection, ticket.shop_id)
    # A session from before a removal is worth nothing after it.
    if shop is None or not shop.installed or ticket.began < int(shop.installed_at.timestamp()):
        return None
    with doors.database.work(shop.shop_id) as work:
        holder = sessions.holder(work, ticket.token)
    return None if holder is None else Seat(shop, *holder)


def refuse_other_sites() -> None:
    """Go on only with a form of our own."""
    if not from_our_own_page():
        abort(403, _("This form was not sent from a page of ours."))


def from_our_own_page() -> bool:
    """Browsers do not send our cookie with another site's form; where they say where it came from, we look too."""
    origin: Any = request.headers.get("Origin")
    return origin is None or origin == current_app.extensions["doors"].app_url


def _linked() -> str | None:
    """The shop of whose admin this link is, if its platform signs them."""
    shopify = current_app.extensions["doors"].shopify
    linked: str | None = None if shopify is None else shopify.linked_shop(_query())
    return linked


def _query() -> str:
    return request.query_string.decode("ascii", "replace")
