"""The merchant's page of the shopper's pages: which sections, in which order, what is said, in which colour; and beside
the form what a shopper would see by it, before anybody does.

The preview is the points page itself, of the same templates, for an example shopper. It works without any script: the
form is sent, and nothing is saved by looking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.refusal import Refusal
from commerce.sayings import Saying, say
from engine.work import UnitOfWork
from plugin import languages
from plugin.admin import extensions, look_form
from plugin.admin.pages import link, unit
from plugin.admin.typed import version
from plugin.session import anybody, merchant_only
from plugin.storefront import example
from plugin.storefront.account import Offers, offers
from plugin.storefront.look import (
    ALWAYS,
    MOST_RADIUS,
    SECTIONS,
    SURFACES,
    Look,
    LookMoved,
    is_colour,
    look_now,
    publish,
)
from plugin.storefront.telling import tell_look

pages = Blueprint("look", __name__)

REFUSED = 409
SHEET_SECONDS = 24 * 3600

NAMES: Mapping[str, tuple[Saying, Saying]] = {
    "balance": (say("Balance"), say("what can be spent, what is pending, what expires; always there")),
    "tier": (say("Tier"), say("where the shopper stands, and what is missing to the next tier")),
    "rewards": (say("Rewards"), say("what can be bought, with a button")),
    "codes": (say("Codes"), say("what was bought; always there, because it was paid for")),
    "tickets": (say("Tickets"), say("of contests, for whoever has some")),
    "earn": (say("More ways to earn"), say("what earns beside buying")),
    "friends": (say("Bring a friend"), say("the invitation, ready to be passed on")),
    "history": (say("History"), say("what came and went, with the receipt of each")),
}
PLACES: Mapping[str, Saying] = {
    "block": say("the block with the balance, on any page"),
    "earn": say("what a product would earn, on its page and beside an order"),
    "cart": say("rewards in the cart"),
}
# How the preview is looked at: these are no part of the look, and are not kept.
WIDTHS, SCHEMES = ("phone", "desktop"), ("light", "dark")
WHO = ("member", "stranger")

_HEADING = re.compile(r"(</?h)([1-4])(?=[ >])", re.ASCII)
_FORM = re.compile(r"<(/?)form\b[^>]*?((?: hidden)?)>", re.ASCII)


@pages.get("/look")
@merchant_only
def look() -> str:
    """How the shopper's pages look now, and the form that changes it."""
    with unit() as work:
        now = look_now(work)
        return _show(work, now, look_form.shown(now), now)


@pages.post("/look")
@merchant_only
def change() -> BaseResponse | str | tuple[str, int]:
    """Show what shoppers would see by the form, or save it."""
    with unit() as work:
        now = look_now(work)
        try:
            wanted = look_form.typed(request.form)
            if request.form.get("do") == "save":
                publish(work, wanted, version(request.form))
                tell_look(work)
            else:
                return _show(work, now, request.form, wanted, looked=True)
        except LookMoved as moved:
            # Sent once more, it changes what was changed here, and takes nothing else back.
            meant = moved.meant or now
            return _show(work, look_now(work), look_form.shown(meant), meant, refusal=moved), REFUSED
        except Refusal as refusal:
            return _show(work, now, request.form, now, refusal=refusal), REFUSED
    current_app.extensions["remembered"].forget(("look", g.merchant.shop.shop_id))
    return redirect(link("look.look", changed="yes"), 303)


@pages.get("/look.css")
@anybody
def sheet() -> Response:
    """A colour and corners as CSS variables, for pages on which no style may stand in an element. It says nothing of
    any shop: only what its address says, if that is a colour and a number.
    """
    accent, radius = f"#{request.args.get('accent', '')}", request.args.get("radius", "")
    wide = int(radius) if radius.isascii() and radius.isdigit() and len(radius) <= 2 else None
    style = Look(
        accent=accent if is_colour(accent) else "", radius=wide if wide is None else min(wide, MOST_RADIUS)
    ).style  # fmt: skip
    answer = Response(f".perennial{{{style}}}\n", mimetype="text/css")
    answer.headers["Cache-Control"] = f"public, max-age={SHEET_SECONDS}"
    return answer


def _show(
    work: UnitOfWork, now: Look, typed: Mapping[str, str], wanted: Look, *, looked: bool = False,
    refusal: Refusal | None = None,
) -> str:  # fmt: skip
    view = {
        "width": _one_of(WIDTHS, "width"), "scheme": _one_of(SCHEMES, "scheme"), "who": _one_of(WHO, "who"),
        "speaks": _one_of(tuple(languages.languages()), "speaks", wanted.language or languages.current().code),
    }  # fmt: skip
    return render_template(
        "admin/look.html", now=now, f=typed, v=view, names=NAMES, places=PLACES, always=ALWAYS, sections=SECTIONS,
        surfaces=SURFACES, longest=look_form.LONGEST, most_radius=MOST_RADIUS, languages=languages.languages(),
        tongues=look_form.language_names(), refusal=refusal, looked=looked,
        changed=request.args.get("changed") == "yes", preview=_preview(work, wanted, view), wanted=wanted,
        style_address=_sheet_of(wanted), blocks=_blocks(),
    )  # fmt: skip


def _one_of(choices: tuple[str, ...], name: str, otherwise: str = "") -> str:
    given = request.form.get(name, "")
    return given if given in choices else otherwise or choices[0]


def _preview(work: UnitOfWork, wanted: Look, view: Mapping[str, str]) -> Markup:
    """The page as the example shopper, or a stranger, would see it."""
    shop, terms = g.merchant.shop, loyalty.current_terms(work)
    found = offers(work)
    with languages.written_in(view["speaks"]):
        shown = example.values(
            _awake(found, terms), terms, f"https://{shop.domain}", shop.name or shop.domain, work.now
        )
        name = "storefront/program.html" if view["who"] == "stranger" else "storefront/points.html"
        page = render_template(name, **{**wanted.sayings(), **shown, "logged_in": False, "app_url": "", "bare": True})
    # Its headings stand below the one of the page that it is shown on, and what it would send is nothing to be sent.
    page = _HEADING.sub(lambda found: f"{found[1]}{int(found[2]) + 2}", page)
    return Markup(_FORM.sub(r"<\1div\2>", page))  # noqa: S704  # our own template, which escapes what is filled in


def _awake(found: Offers, terms: loyalty.Terms) -> Offers:
    """What will be offered, also before the program has begun."""
    return found if not terms.asleep else Offers(terms, found.referral)


def _sheet_of(wanted: Look) -> str:
    """The address of the wanted colour and corners as a style sheet; empty where there are none."""
    given = dict[str, Any]()
    if wanted.accent:
        given["accent"] = wanted.accent.removeprefix("#")
    if wanted.radius is not None:
        given["radius"] = wanted.radius
    return f"/look.css?{'&'.join(f'{name}={value}' for name, value in given.items())}" if given else ""


def _blocks() -> list[tuple[str, str, Saying]]:
    """Where the merchant puts the program into the pages of the shop: address, name and purpose of each block."""
    doors = current_app.extensions["doors"]
    if not g.merchant.platform.extensions or doors.shopify is None:
        return []
    placed = extensions.blocks(doors.shopify, g.merchant.shop.domain)
    return [(block.address, block.name, block.purpose) for block in placed]
