"""The pages by which a merchant connects a store and comes back, and the one that shows the connection.

No page here believes its visitor: a store's key counts once that store has taken it, and a browser is let in with the
state that it set out with, once. The merchant's own page (`store`) stands among the others of theirs.
"""

from __future__ import annotations

import hmac
import logging
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from commerce.ids import ShopId
from commerce.refusal import Refusal
from commerce.store import StoreError
from connectors.woocommerce import BadAddress, BadGrant, GrantDenied, GrantUnknown, denied
from connectors.woocommerce.auth import LONGEST_CALLBACK, STATE_LIVES
from engine import connections, notes, shops
from plugin import standalone
from plugin.admin import sure
from plugin.sentences import _
from plugin.session import anybody, merchant_only
from plugin.woocommerce import notebook
from plugin.woocommerce.installer import CALLBACK_PATH, PLATFORM, RETURN_PATH, NeedsHttps, WooInstaller
from plugin.woocommerce.watch import Watch

pages = Blueprint("woocommerce", __name__)

STATE = "perennial_store_state"
LONGEST_ADDRESS = 300
NOTES = 20

# Browsers follow a form to where it is sent on only if the page said so: here that is whatever store somebody names.
_LEADS_TO_STORES = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' https: http:"
)

logger = logging.getLogger("perennial.connect")


def _installer() -> WooInstaller:
    found: WooInstaller = current_app.extensions["doors"].woocommerce
    return found


@pages.get("/woocommerce")
@anybody
def start() -> Response:
    """Where a merchant names their store; what went wrong the last time is said here."""
    state = request.cookies.get(STATE, "")
    refused = _installer().refusal(state) if state else None
    return _ask(request.args.get("store", ""), refused, moved=request.args.get("moved") == "yes")


@pages.post("/woocommerce")
@anybody
def set_out() -> BaseResponse:
    """Send the merchant to the page of their store that asks whether we may come in."""
    if not standalone.from_our_own_page():
        abort(403, _("This form was not sent from a page of ours."))
    typed = request.form.get("store", "")[: LONGEST_ADDRESS + 1]
    shop = _session_s_shop() if request.form.get("moved") == "yes" else None
    try:
        page, state = _installer().begin(typed, shop.shop_id if shop else None)
    except BadAddress:
        why = _("That is not the address of a shop. It looks like https://shop.example, or https://shop.example/fa.")
        return _ask(typed, why, status=400, moved=shop is not None)
    except NeedsHttps as refusal:
        return _ask(typed, refusal.message, status=409, moved=shop is not None)
    answer = redirect(page, 303)
    answer.headers["Content-Security-Policy"] = _LEADS_TO_STORES
    standalone.keep(answer, STATE, state, int(STATE_LIVES.total_seconds()), "/woocommerce")
    return answer


@pages.post(CALLBACK_PATH)
@anybody
def grant() -> Response:
    """A store posts a key. Only 200 makes it keep that key; any other answer makes it say so and delete the key."""
    if (request.content_length or 0) > LONGEST_CALLBACK:
        return _answer_store(413, "too long for a key")
    try:
        _installer().granted(request.get_data())
    except BadGrant as bad:
        return _answer_store(400, str(bad))
    except Refusal as refusal:
        return _answer_store(403, refusal.message)
    except StoreError as error:
        logger.warning("a store's key could not be proven: %s", error.reason)
        return _answer_store(502, f"the store could not be asked: {error.reason}")
    return _answer_store(200, "connected")


@pages.get(RETURN_PATH)
@anybody
def back() -> BaseResponse:
    """The browser comes back from the store. It is let in if it is the one that set out, and if the key came first."""
    state = request.args.get("user_id", "")
    approval = _installer().came_back(state)
    own = hmac.compare_digest(request.cookies.get(STATE, "").encode(), state.encode()) and bool(state)
    if approval is None or not own:
        return _failed(GrantUnknown().message)
    if denied(request.query_string.decode("ascii", "replace")):
        return _failed(GrantDenied().message, approval.address)
    if approval.opened is None:
        return _failed(
            approval.refusal or _("The store did not hand us its key. Nothing was changed."), approval.address
        )
    return _let_in(approval.opened, url_for("woocommerce.store", connected="yes"))


@pages.get("/woocommerce/enter/<state>")
@anybody
def enter(state: str) -> BaseResponse:
    """A link that whoever runs Perennial made for the shop's staff."""
    approval = _installer().came_back(state, by_link=True)
    if approval is None or approval.opened is None:
        return _failed(_("This link was used already, or is too old. Whoever gave it to you can make another."))
    return _let_in(approval.opened, "/")


@pages.get("/store")
@merchant_only
def store() -> str:
    """How the store is connected, what was done in it unasked, and the way out."""
    _of_this_platform()
    with current_app.extensions["doors"].database.work(g.merchant.shop.shop_id) as work:
        connection, said = connections.current(work), notes.latest(work, NOTES)
    return render_template(
        "woocommerce/store.html",
        c=connection,
        notes=[(note.noted_at, notebook.retold(note.said)) for note in said],
        connected=request.args.get("connected") == "yes",
        looked=request.args.get("looked"),
    )


@pages.post("/store/look")
@merchant_only
def look() -> BaseResponse:
    """Look at the store's webhooks now, without waiting for tomorrow."""
    _of_this_platform()
    done = _looked_after(g.merchant.shop)
    return redirect(url_for("woocommerce.store", looked="yes" if done else "no"), 303)


@pages.post("/store/disconnect")
@merchant_only
def disconnect() -> BaseResponse | str:
    """Leave the store, once the merchant has read what that does."""
    _of_this_platform()
    if not sure.said():
        will = [
            _("Perennial takes its webhooks out of %(shop)s and forgets its key.", shop=g.merchant.shop.name),
            _("From then on no order earns points, and no discount code is made."),
            _("Everybody of your staff is signed out. Points and history are kept for when you connect it again."),
        ]
        return sure.ask(_("Disconnect this store?"), will, _("Disconnect it"), url_for("woocommerce.store"))
    taken = _installer().disconnect(g.merchant.shop)
    answer = make_response(render_template("woocommerce/left.html", taken=taken))
    standalone.sign_out(answer)
    return answer


def _of_this_platform() -> None:
    if g.merchant.shop.platform != PLATFORM:
        abort(404, _("Your store is not connected by a key."))


def _session_s_shop() -> shops.Shop | None:
    seat = standalone.of_session()
    return seat.shop if seat is not None and seat.shop.platform == PLATFORM else None


def _let_in(shop_id: ShopId, to: str) -> BaseResponse:
    with current_app.extensions["doors"].database.machine() as connection:
        shop = shops.numbered(connection, shop_id)
    if shop is None or not shop.installed:
        return _failed(GrantUnknown().message)
    _looked_after(shop)
    answer = standalone.sign_in(shop, to)
    answer.delete_cookie(STATE, path="/woocommerce")
    return answer


def _looked_after(shop: shops.Shop) -> bool:
    """Have the webhooks looked at here and now, where a look is due; a worker does it if this does not work."""
    asked = request.endpoint == "woocommerce.look"
    try:
        Watch(_installer()).webhooks(shop, now=asked)
    except StoreError as error:
        logger.warning("the webhooks could not be looked at: %s", error.reason)
        return False
    return True


def _ask(typed: str, why: str | None = None, *, status: int = 200, moved: bool = False) -> Response:
    given: dict[str, Any] = {
        "typed": typed[:LONGEST_ADDRESS],
        "why": why and notebook.why(why),
        "moves": moved and _session_s_shop(),
    }
    answer = Response(render_template("woocommerce/start.html", longest=LONGEST_ADDRESS, **given), status)
    answer.headers["Content-Security-Policy"] = _LEADS_TO_STORES
    return answer


def _failed(why: str, address: str = "") -> Response:
    answer = _ask(address, why, status=400)
    answer.delete_cookie(STATE, path="/woocommerce")
    return answer


def _answer_store(status: int, words: str) -> Response:
    return Response(f"{words}\n", status, mimetype="text/plain")
