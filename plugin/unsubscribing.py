"""The page that ends the e-mails of the program, for whoever has the link from one of them; and the click that mail
programs have for it (RFC 8058).

Opening it changes nothing, because mail programs and scanners open links too. Its buttons do, and so does the one
POST of a mail program, which knows no cookie and follows no redirection, and ends all of them: whoever presses there
sees no page to choose on. Whoever opens the page may end those of one kind alone. It says nothing of whose link it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, current_app, g, make_response, render_template, request

from campaigns import mailings
from campaigns.mailings import Kind
from commerce.ids import CustomerId, ShopId
from engine import shops
from engine.shops import Shop
from engine.work import UnitOfWork
from plugin.languages import languages
from plugin.session import anybody
from plugin.storefront.choices import TOLD_OF, kinds_of

pages = Blueprint("unsubscribing", __name__)

GONE = 404
_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
LARGEST = 10**15


class _NoLink(Exception):
    """This address is none of ours."""


@pages.get("/u/<int:shop_id>/<int:customer_id>/<key>")
@anybody
def ask(shop_id: int, customer_id: int, key: str) -> Response:
    """The buttons."""
    try:
        with _theirs(shop_id, customer_id, key) as (work, shop):
            return _page(work, shop, CustomerId(customer_id))
    except _NoLink:
        return _closed()


@pages.post("/u/<int:shop_id>/<int:customer_id>/<key>")
@anybody
def decide(shop_id: int, customer_id: int, key: str) -> Response:
    """No more e-mails, as a mail program's click and the first button say; or what another button says."""
    deed = _DEEDS.get(request.form.get("do", ""), _end)
    try:
        with _theirs(shop_id, customer_id, key) as (work, shop):
            return _page(work, shop, CustomerId(customer_id), said=deed(work, CustomerId(customer_id)))
    except _NoLink:
        return _closed()


def _end(work: UnitOfWork, who: CustomerId) -> str:
    mailings.set_choice(work, who, False)
    return "ended"


def _again(work: UnitOfWork, who: CustomerId) -> str:
    mailings.set_choice(work, who, True)
    return "again"


def _end_kind(work: UnitOfWork, who: CustomerId) -> str:
    kind = _kind()
    if kind is None:
        return ""
    mailings.set_kinds(work, who, {kind: False})
    return "kept"


def _only(work: UnitOfWork, who: CustomerId) -> str:
    """Those that are ticked. Whoever had ended all of them and ticks some gets these again."""
    asked, ticked = request.form.getlist("asked"), request.form.getlist("kind")
    mailings.set_kinds(work, who, {kind: kind in ticked for kind in Kind if kind in asked})
    if ticked and not mailings.choice(work, who):
        mailings.set_choice(work, who, True)
    return "kept"


# What each button says by the name `do`.
_DEEDS = {"again": _again, "kind": _end_kind, "only": _only}


def _kind() -> Kind | None:
    """What the e-mail told of that the link is from; links of older e-mails do not say it."""
    said = request.args.get("kind", "")
    return Kind(said) if said in set(Kind) else None


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


def _page(work: UnitOfWork, shop: Shop, who: CustomerId, *, said: str = "") -> Response:
    wanted, kinds, kind = mailings.choice(work, who), kinds_of(work, who), _kind()
    ends = kind if wanted and kind is not None and kinds.get(kind) else None
    return make_response(
        render_template(
            "unsubscribe.html", shop=shop, wanted=wanted, kinds=kinds, said=said, ends=ends, told_of=TOLD_OF
        )
    )


def _closed() -> Response:
    return make_response(render_template("unsubscribe.html", shop=None), GONE)
