"""What the shop's pages tell of where a shopper came from: the web pixel's one message, at the end of a checkout.

Anybody can post here, so nothing of it is believed for its own sake: a message can only say which invitation a
checkout came by, to whoever knows that checkout's token (`referral.touch`). Of the shopper nothing is sent and nothing
is kept. The answer is the same whatever was said: it tells nobody which shops or codes there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from flask import Blueprint, Response, current_app, request

import referral
from commerce.store import PutPixel
from connectors.shopify import OPTIONAL_SCOPES, PIXEL_PATH, PREFLIGHT, READABLE, ShopifyApp, covers
from engine import outbox, shops
from engine.work import UnitOfWork
from plugin.session import answer, anybody

pages = Blueprint("pixel", __name__, url_prefix=PIXEL_PATH)

LONGEST_BODY = 1024
_SHAPES: Mapping[str, re.Pattern[str]] = {
    "account": re.compile(r"[a-z0-9-]{1,63}\.myshopify\.com", re.ASCII),
    "code": re.compile(r"[0-9A-Za-z_-]{3,40}", re.ASCII),
    "checkout_token": re.compile(r"[0-9A-Za-z]{8,64}", re.ASCII),
    "order": re.compile(r"[0-9]{0,19}", re.ASCII),
}


@pages.route("", methods=["POST", "OPTIONS"])
@anybody
def tell() -> Response:
    """``{"account", "code", "checkout_token", "order"}``, all texts; `order` may be empty."""
    if request.method == "OPTIONS":
        return answer(PREFLIGHT)
    given = _read()
    if given is None:
        return Response(status=400, headers=dict(READABLE))
    doors = current_app.extensions["doors"]
    with doors.database.machine() as connection:
        shop = shops.find(connection, "shopify", given["account"])
    if shop is not None and shop.installed:
        with doors.database.work(shop.shop_id) as work:
            referral.touch(work, given["code"], given["checkout_token"], given["order"] or None)
    return Response(status=204, headers=dict(READABLE))


def _read() -> Mapping[str, str] | None:
    """The message if it is small and each of its parts is written as it should be."""
    if (request.content_length or LONGEST_BODY + 1) > LONGEST_BODY:
        return None
    # Sent as plain text, so that browsers need not ask first.
    found = request.get_json(force=True, silent=True)
    if not isinstance(found, dict) or found.keys() != _SHAPES.keys():
        return None
    fits = all(isinstance(found[name], str) and shape.fullmatch(found[name]) for name, shape in _SHAPES.items())
    return found if fits else None


def follow_scopes(work: UnitOfWork, shopify: ShopifyApp, granted: Sequence[str]) -> None:
    """The merchant has granted these scopes: with those of the pixel, the store shall run it.

    Without them nothing is asked of the store, which would refuse; it has stopped the pixel by itself.
    """
    if covers(tuple(granted), OPTIONAL_SCOPES):
        outbox.put(work, [wanted(work, shopify, shops.current(work).installed_at)])


def wanted(work: UnitOfWork, shopify: ShopifyApp, since: datetime) -> PutPixel:
    """The pixel as the shop's store ought to run it: it tells us, and says which shop it is in."""
    return PutPixel(shops.current(work).domain, f"{shopify.app_url}{PIXEL_PATH}", since)
