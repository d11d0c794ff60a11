"""Who asks where no platform vouches for shoppers: on our own address, behind a shop's door, and as a program on a page
of the merchant's.

On our own address a shopper has a session that a link by e-mail opened; its cookie is ours and stands on our site, so
it is nobody's third party. A page on another site has no cookie: it brings a shopper's token, which the merchant's
server made, or nothing. Neither the address nor its query ever says who somebody is.
"""

from __future__ import annotations

from math import ceil
from typing import Any, NoReturn

from flask import Flask, Response, abort, after_this_request, current_app, g, jsonify, request

from engine import elsewhere, shoppers, shops
from engine.elsewhere import Elsewhere, Found
from engine.shoppers import Person
from engine.shops import Shop
from engine.work import UnitOfWork
from plugin import shopper_tokens, standalone
from plugin.sentences import _

API_PATH = "/api/v1/shopper"
READING = ("GET", "HEAD", "OPTIONS")
# How long a browser believes that it may ask.
ASKED_ANEW_SECONDS = 7200


def stand_open(app: Flask) -> None:
    """Let `app` take the door out of an address before a view sees it, and say which sites may read an answer."""
    app.url_value_preprocessor(_take_door)
    app.after_request(_let_it_be_read)


def _take_door(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values and "door" in values:
        g.door = values.pop("door")


def behind(door: str) -> Found | None:
    """The installed shop behind an open door, as it was some seconds ago at most."""
    found: Found | None = current_app.extensions["remembered"].get(("door", door), lambda: _look_up(door))
    return found


def forget(door: str) -> None:
    """Look a door up when somebody next comes to it: it was changed here. Other processes believe what they remember
    for some seconds, of what strangers read.
    """
    current_app.extensions["remembered"].forget(("door", door))


def _look_up(door: str) -> Found | None:
    with current_app.extensions["doors"].database.machine() as connection:
        return elsewhere.find(connection, door)


def visitor() -> tuple[Shop, Person | None]:
    """Whose door this request came to, and who came, if their browser or their token says so; else the answer is an
    error page.
    """
    # What changes something asks whether the door is open now.
    found = behind(g.door) if request.method in READING else _look_up(g.door)
    if found is None:
        _nobody_here()
    if request.method not in READING:
        refuse_other_sites()
    token, session = bearer(), request.cookies.get(cookie(), "")
    if token and request.method in READING:
        opened = _of_token(found.shop, token)
        if opened is None:
            abort(401, _("This page was open for too long. Please load it again."))
        known, person = opened
        if known.door != g.door or not known.open:
            _nobody_here()
        return found.shop, person
    return found.shop, _of_session(found.shop, session) if session else None


def _nobody_here() -> NoReturn:
    """The same words whether a door was closed, was given up, or never was."""
    abort(404, _("There is no shop at this address, or it has closed its page here."))


def refuse_other_sites() -> None:
    """Go on only with a form of our own. The cookie does not come along with another site's, and browsers say whose it
    is besides.
    """
    standalone.refuse_other_sites()
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, _("This form was not sent from a page of ours."))


def token_holder() -> tuple[Found, Person, str] | Response:
    """The shop and the customer of the token that came with the request, and the address of the shop's pages with us;
    or the answer to a request that brings none.
    """
    doors, token = current_app.extensions["doors"], bearer()
    shop_id = shopper_tokens.shop_of(token)
    if shop_id is not None:
        with doors.database.machine() as connection:
            shop = shops.numbered(connection, shop_id)
        opened = _of_token(shop, token) if shop is not None and shop.installed else None
        if shop is not None and opened is not None:
            known, person = opened
            found = Found(shop, known.origins)
            return _refusal(found, person, known) or (found, person, address(known.door))
    answer = no(401, "token-unknown", "Send a shopper's token, as: Authorization: Bearer st1... It lives 15 minutes, "
                                       "and the shop's server makes one.")  # fmt: skip
    answer.headers["WWW-Authenticate"] = "Bearer"
    # It tells nothing of any shop, and whoever gets it has to know that a new token is needed.
    g.readable = True
    return answer


def _refusal(found: Found, person: Person, known: Elsewhere) -> Response | None:
    origin = request.headers.get("Origin")
    g.readable = origin is not None and found.lets_read(origin)
    if origin is not None and not g.readable:
        return no(403, "origin-not-allowed", "The shop's settings do not name the site of this page.")
    if not known.open:
        return no(404, "not-installed", "This shop has no points program at the moment.")
    # Numbers of keys are positive: customers' are told apart from them by the sign.
    whose = (found.shop.shop_id, -person.customer_id)
    seconds = current_app.extensions["pace"].wait(whose, current_app.extensions["doors"].database.clock())
    if not seconds:
        return None
    answer = no(429, "too-fast", "This page asks too often. Wait as many seconds as Retry-After says.")
    answer.headers["Retry-After"] = str(ceil(seconds))
    return answer


def bearer() -> str:
    """The shopper's token that came with the request; empty where none did."""
    kind, _sep, shown = request.headers.get("Authorization", "").partition(" ")
    return shown if kind.lower() == "bearer" else ""


def address(door: str) -> str:
    """Where a shop's pages are on our own address: whole, because parts of them stand on other sites too."""
    return f"{current_app.extensions['doors'].app_url}/s/{door}"


def cookie() -> str:
    """The name of this door's cookie: a shopper of two shops has two. Browsers hold a name that begins with ``__Host-``
    to HTTPS, to our very host, and to the whole of it.
    """
    secure = current_app.extensions["doors"].app_url.startswith("https://")
    return f"{'__Host-' if secure else ''}perennial-{g.door}"


def keep_session(answer: Any, session: str) -> None:
    standalone.keep(answer, cookie(), session, int(shoppers.LIFE.total_seconds()), "/")


def forget_session(answer: Any) -> None:
    secure = current_app.extensions["doors"].app_url.startswith("https://")
    answer.delete_cookie(cookie(), path="/", secure=secure, httponly=True, samesite="Lax")


def _of_session(shop: Shop, session: str) -> Person | None:
    with current_app.extensions["doors"].database.work(shop.shop_id) as work:
        seat = shoppers.seat(work, session)
    if seat is None:
        return None
    if seat.renewed:

        @after_this_request
        def _lives_on(response: Response) -> Response:
            keep_session(response, session)
            return response

    return seat.person


def _of_token(shop: Shop, token: str) -> tuple[Elsewhere, Person] | None:
    """The shop's door as it is now, and whom the token lets in; None where that is nobody, or nobody any more."""
    doors = current_app.extensions["doors"]
    customer_id = shopper_tokens.read(doors.secret, shop, token, doors.database.clock())
    if customer_id is None:
        return None
    work: UnitOfWork
    with doors.database.work(shop.shop_id) as work:
        known, person = elsewhere.of_shop(work), shoppers.numbered(work, customer_id)
    ended = known.open_since is not None and shopper_tokens.older(token, known.open_since)
    return None if person is None or ended else (known, person)


def _let_it_be_read(response: Response) -> Response:
    """Say to the browser of another site whether its page may read this. No cookie is ever let along."""
    origin, programs = request.headers.get("Origin"), request.path.startswith(f"{API_PATH}/")
    if origin is None or not ("door" in g or programs):
        return response
    response.vary.add("Origin")
    if programs and request.method == "OPTIONS":
        # The question comes without a token, so nobody knows yet of which shop: who may read is said with the answer.
        readable = True
    elif programs:
        readable = g.get("readable", False)
    else:
        found = behind(g.door) if request.method in READING else None
        readable = found is not None and found.lets_read(origin)
    if readable:
        response.headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response.headers["Access-Control-Max-Age"] = str(ASKED_ANEW_SECONDS)
    return response


def no(status: int, code: str, message: str) -> Response:
    """What a program is told that is refused."""
    answer = jsonify(error={"code": code, "message": message})
    answer.status_code = status
    return answer
