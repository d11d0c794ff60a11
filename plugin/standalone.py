"""Stand-alone: merchants whose app is not shown in the admin's frame. The platform vouches for them once, by sending
their browser through its page of consent; then a session of our own says who they are.

Nothing of this exists for embedded apps: there is no cookie in a frame. Here we are the page at the top, so our cookies
are nobody's third party. There are two, both out of scripts' reach and never sent with another site's forms: one that
ties the way back to the browser that set out, and the session. The session is signed with a key derived from the
house's own secret, never with the platform's, and ends with the working day, or when the shop is installed anew.
"""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from connectors.shopify import CALLBACK_PATH, CodeRefused
from engine import authorizations, shops
from engine.shops import Shop

pages = Blueprint("standalone", __name__)

# A working day; then the platform vouches again, and the merchant need not press anything for that.
SESSION_SECONDS = 12 * 3600
SESSION, STATE = "perennial_session", "perennial_state"

_SESSION = re.compile(r"([A-Za-z0-9._~:/%-]{1,300})~([0-9a-f]{1,9})~([0-9a-f]{32})~([0-9a-f]{64})", re.ASCII)


def session_key(secret: bytes) -> bytes:
    """The key of sessions, derived: whoever learns it learns nothing of what it came from."""
    return hmac.digest(secret, b"perennial merchant sessions", "sha256")


def make_session(secret: bytes, domain: str, now: datetime) -> str:
    """A session for the staff of one shop."""
    said = f"{domain}~{int(now.timestamp()):x}~{secrets.token_hex(16)}"
    return f"{said}~{_seal(secret, said)}"


def read_session(secret: bytes, given: str, now: datetime) -> tuple[str, int] | None:
    """The shop's domain and when the session began, in seconds; None for one that is not ours, or over."""
    match = _SESSION.fullmatch(given)
    if match is None or not hmac.compare_digest(match[4], _seal(secret, given.rpartition("~")[0])):
        return None
    began = int(match[2], 16)
    return (match[1], began) if 0 <= now.timestamp() - began + 1 <= SESSION_SECONDS else None


def _seal(secret: bytes, said: str) -> str:
    return hmac.digest(session_key(secret), said.encode(), "sha256").hex()


def admitted() -> Shop | BaseResponse:
    """The shop whose staff this browser's session is of, or the answer that leads to one."""
    linked = _linked()
    shop = _of_session()
    if shop is not None and linked in (None, shop.domain):
        if request.method not in ("GET", "HEAD") and not _from_our_own_page():
            abort(403, "This form was not sent from a page of ours.")
        return shop
    if linked is not None and request.method == "GET":
        return _set_out(linked)
    return stranger()


def stranger() -> Response:
    """What somebody reads of whom we do not know which store they are of."""
    return Response(render_template("stranger.html"), 401)


@pages.get("/auth/start")
def start() -> BaseResponse:
    """Agree again: for a session's own shop, or for the one whose admin just linked here."""
    shop = _of_session()
    domain = shop.domain if shop is not None else _linked()
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
    answer = redirect("/", 303)
    let_in(answer, shop)
    answer.delete_cookie(STATE, path="/auth")
    return answer


def let_in(answer: BaseResponse, shop: Shop) -> None:
    """Give this browser a session of the shop's staff, for whom the store has vouched."""
    doors = current_app.extensions["doors"]
    _keep(answer, SESSION, make_session(doors.secret, shop.domain, doors.database.clock()), SESSION_SECONDS, "/")


def _once_more() -> Response:
    return make_response(render_template("stranger.html", failed=True), 400)


def _set_out(domain: str) -> BaseResponse:
    doors = current_app.extensions["doors"]
    with doors.database.machine() as connection:
        state = authorizations.begin(connection, domain, doors.database.clock())
    answer = redirect(doors.shopify.authorize_url(domain, state), 302)
    _keep(answer, STATE, state, int(authorizations.LIFE.total_seconds()), "/auth")
    return answer


def _keep(answer: BaseResponse, name: str, value: str, seconds: int, path: str) -> None:
    secure = current_app.extensions["doors"].shopify.app_url.startswith("https://")
    answer.set_cookie(name, value, max_age=seconds, path=path, secure=secure, httponly=True, samesite="Lax")


def of_store() -> Shop | None:
    """The shop of a store that its merchant owns, whose staff this browser's session is of. None where there is no
    such session: then the platform has to vouch.
    """
    if "Authorization" in request.headers or "id_token" in request.args or SESSION not in request.cookies:
        return None
    shop = _of_session()
    if shop is None or shop.platform == "shopify":
        return None
    if request.method not in ("GET", "HEAD") and not _from_our_own_page():
        abort(403, "This form was not sent from a page of ours.")
    return shop


def _of_session() -> Shop | None:
    doors = current_app.extensions["doors"]
    found = read_session(doors.secret, request.cookies.get(SESSION, ""), doors.database.clock())
    if found is None:
        return None
    domain, began = found
    with doors.database.machine() as connection:
        shop = shops.find(connection, "shopify", domain) or shops.find(connection, "woocommerce", domain)
    # A session from before a removal is worth nothing after it.
    if shop is None or not shop.installed or began < int(shop.installed_at.timestamp()):
        return None
    return shop


def _from_our_own_page() -> bool:
    """Browsers do not send our cookie with another site's form; where they say where it came from, we look too."""
    origin: Any = request.headers.get("Origin")
    return origin is None or origin == current_app.extensions["doors"].shopify.app_url


def _linked() -> str | None:
    linked: str | None = current_app.extensions["doors"].shopify.linked_shop(_query())
    return linked


def _query() -> str:
    return request.query_string.decode("ascii", "replace")
