"""The page that ends the e-mails of the program, for whoever has the link from one of them; and the click that mail
programs have for it (RFC 8058).

Opening it changes nothing, because mail programs and scanners open links too. Its button does, and so does the one
POST of a mail program, which knows no cookie and follows no redirection. It says nothing of whose link it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, current_app, g, make_response, render_template, request

from campaigns import mailings
from commerce.ids import CustomerId, ShopId
from engine import shops
from engine.shops import Shop
from engine.work import UnitOfWork
from plugin.languages import languages
from plugin.session import anybody

pages = Blueprint("unsubscribing", __name__)

GONE = 404
_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
LARGEST = 10**15


class _NoLink(Exception):
    """This address is none of ours."""


@pages.get("/u/<int:shop_id>/<int:customer_id>/<key>")
@anybody
def ask(shop_id: int, customer_id: int, key: str) -> Response:
    """The button."""
    try:
        with _theirs(shop_id, customer_id, key) as (work, shop):
            return _page(shop, wanted=mailings.choice(work, CustomerId(customer_id)))
    except _NoLink:
        return _closed()


@pages.post("/u/<int:shop_id>/<int:customer_id>/<key>")
@anybody
def decide(shop_id: int, customer_id: int, key: str) -> Response:
    """No more e-mails; or, by the other button, e-mails again."""
    again = request.form.get("wanted") == "yes"
    try:
        with _theirs(shop_id, customer_id, key) as (work, shop):
            mailings.set_choice(work, CustomerId(customer_id), again)
            return _page(shop, wanted=again, said=True)
    except _NoLink:
        return _closed()


@contextmanager
def _theirs(shop_id: int, customer_id: int, key: str) -> Iterator[tuple[UnitOfWork, Shop]]:
    if max(shop_id, customer_id) >= LARGEST or _KEY.fullmatch(key) is None:
        raise _NoLink
    database = current_app.extensions["doors"].database
    with database.machine() as connection:
        shop = shops.numbered(connection, ShopId(shop_id))
    if shop is None:
        raise _NoLink
    with database.work(shop.shop_id) as work:
        if not mailings.is_theirs(work, CustomerId(customer_id), key):
            raise _NoLink
        if "lang" not in request.args:
            g.language = languages().get(mailings.Stated.of(work).mailings.language, g.get("language"))
        yield work, shop


def _page(shop: Shop, *, wanted: bool, said: bool = False) -> Response:
    return make_response(render_template("unsubscribe.html", shop=shop, wanted=wanted, said=said))


def _closed() -> Response:
    return make_response(render_template("unsubscribe.html", shop=None), GONE)
