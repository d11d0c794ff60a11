"""In the shop's cart and beside its goods: what buying them would earn, and what points take off.

Everything here is a plain page with a plain form. The same answers come as fragments, which the shop's theme or our
script puts into its own pages; the script makes it quicker, and nothing needs it.
"""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, make_response, redirect, request
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.refusal import Refusal
from connectors.shopify import PROXY_PATH
from engine.work import UnitOfWork
from plugin.session import invited_only, shopper_only
from plugin.storefront import account
from plugin.storefront.fragment import REFUSED, look_here, piece, show, theme_s_own, work_of_shop
from plugin.storefront.purchase import buy, key_to_buy
from plugin.storefront.remembering import Remembered
from plugin.storefront.rungs import IN_CART, rungs

pages = Blueprint("cart", __name__, url_prefix=PROXY_PATH)
pages.after_request(theme_s_own)

# A cart of more kinds of goods is looked up at the till.
MOST_PIECES = 100
_MINOR = re.compile(r"[0-9]{1,12}", re.ASCII)
_QUANTITY = re.compile(r"[0-9]{1,6}", re.ASCII)
_ID = re.compile(r"[0-9A-Za-z_.:/-]{1,64}", re.ASCII)
_REDEMPTION = re.compile(r"[0-9]{1,18}", re.ASCII)
LONGEST_VENDOR = 255
NOTHING = loyalty.WouldEarn(0, True)


class NothingChosen(Refusal):
    """Choose one of the rewards first. Nothing was done."""


@pages.record_once
def _remember(state: BlueprintSetupState) -> None:
    # Beside what other pages remember: whoever makes products up makes nobody forget the shops.
    state.app.extensions["would_earn"] = Remembered()


@pages.get("/earn", strict_slashes=False)
@invited_only
def earn() -> Response:
    """What buying some goods earns: `product`, `variant`, `amount` (minor units, of all pieces), `quantity`, `vendor`
    and `gift_card`, once for each kind of goods.
    """
    pieces = pieces_asked()
    if pieces is None:
        return piece("storefront/earning.html", 400, found=NOTHING)
    return piece("storefront/earning.html", found=_would_earn(pieces) if look_here().shows("earn") else NOTHING)


@pages.get("/cart", strict_slashes=False)
@shopper_only
def cart() -> BaseResponse:
    """What points take off a cart of `total` minor units; what was `bought`, once something was."""
    if not look_here().shows("cart"):
        if request.args.get("fragment"):
            return piece("storefront/cart_off.html")
        return redirect(f"{g.shopper.path_prefix}/", 302)
    return _cart(request.args.get("total", ""))


@pages.post("/cart", strict_slashes=False)
@shopper_only
def redeem() -> BaseResponse:
    """Buy what was chosen. All forms that were open meanwhile are the same click."""
    form = request.form
    total, fragment = form.get("total", ""), form.get("fragment", "")
    try:
        reward, _, steps = form.get("choice", "").partition(":")
        if not reward:
            raise NothingChosen
        bought = buy(g.shopper, reward, form.get("request_key", ""), steps)
    except Refusal as refusal:
        return _cart(total, refusal)
    more = f"&total={total}" if _MINOR.fullmatch(total) else ""
    more += "&fragment=1" if fragment else ""
    return redirect(f"{g.shopper.path_prefix}/cart?bought={bought.redemption_id}{more}", 303)


@pages.get("/code/<redemption_id>", strict_slashes=False)
@shopper_only
def code(redemption_id: str) -> Response:
    """How it stands with a code of this shopper: ``{"state", "code"}``, for the script that waits for it.

    Somebody else's looks like one that is not there.
    """
    with work_of_shop() as work:
        found = _bought(work, redemption_id)
    if found is None:
        return make_response(jsonify(state="unknown", code=None), 404)
    return jsonify(state=found.state, code=found.code if found.state in ("making", "ready") else None)


def pieces_asked() -> list[loyalty.Piece] | None:
    """The goods that the address names, each with its own price; None where it says nothing that can be read."""
    given = {name: request.args.getlist(name) for name in ("product", "amount", "quantity", "variant", "vendor")}
    products, many = given["product"], len(given["product"])
    gift_cards = request.args.getlist("gift_card")
    if not 1 <= many <= MOST_PIECES or len(given["amount"]) != many:
        return None
    found = list[loyalty.Piece]()
    for place, product in enumerate(products):
        amount = given["amount"][place]
        quantity, variant, vendor = (_at(given[name], place) for name in ("quantity", "variant", "vendor"))
        if not _ID.fullmatch(product) or not _MINOR.fullmatch(amount) or not _QUANTITY.fullmatch(quantity or "1"):
            return None
        if variant and not _ID.fullmatch(variant):
            return None
        gift_card = _at(gift_cards, place) == "1"
        found.append(
            loyalty.Piece(
                product, variant or None, int(quantity or 1), int(amount), gift_card, vendor[:LONGEST_VENDOR] or None
            )
        )
    return found


def _at(values: list[str], place: int) -> str:
    return values[place] if place < len(values) else ""


def _would_earn(pieces: list[loyalty.Piece]) -> loyalty.WouldEarn:
    """For strangers as it was some seconds ago: the same for all of them."""

    def look() -> loyalty.WouldEarn:
        with work_of_shop() as work:
            return loyalty.would_earn(work, g.shopper.customer_id, pieces)

    if g.shopper.customer_id is not None:
        return look()
    known: loyalty.WouldEarn = current_app.extensions["would_earn"].get((g.shopper.shop.shop_id, *pieces), look)
    return known


def _cart(total: str, refusal: Refusal | None = None) -> Response:
    total_minor = int(total) if _MINOR.fullmatch(total) else None
    known = bool(g.shopper.customer_external_id)
    values: dict[str, Any] = {"total": total_minor, "refusal": refusal, "logged_in": known}
    with work_of_shop() as work:
        terms = loyalty.current_terms(work)
        values |= {"currency": terms.currency, "asleep": terms.asleep}
        if g.shopper.customer_id is not None:
            values |= _of_member(work, total_minor)
    status = REFUSED if refusal else 200
    if request.values.get("fragment"):
        return piece("storefront/cart_part.html", status, **values)
    return show("storefront/cart.html", status, **values)


def _of_member(work: UnitOfWork, total_minor: int | None) -> dict[str, Any]:
    """What the form shows of a member's account. Nothing is written."""
    balance = loyalty.account(work, g.shopper.customer_id)
    codes = [account.code(row, work.now) for row in balance.redemptions]
    usable = [each for each in codes if each.state in ("ready", "making") and each.kind in IN_CART]
    bought = _bought(work, request.args.get("bought", ""))
    return {
        "balance": balance,
        "rungs": rungs(balance, total_minor),
        "bought": bought,
        "codes": [each for each in usable if bought is None or each.redemption_id != bought.redemption_id],
        "to_buy": key_to_buy(g.shopper, codes),
    }


def _bought(work: UnitOfWork, redemption_id: str) -> account.Code | None:
    if g.shopper.customer_id is None or not _REDEMPTION.fullmatch(redemption_id):
        return None
    row = loyalty.redemption(work, g.shopper.customer_id, int(redemption_id))
    return None if row is None else account.code(row, work.now)
