"""Other sites: where shoppers see the program that is no page of the store's platform, whether anybody comes in there,
and which sites may show it.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from campaigns import mailings
from commerce.refusal import Refusal
from engine import audit, elsewhere, shoppers
from plugin import elsewhere as doors
from plugin.admin import sure
from plugin.admin.pages import link, unit
from plugin.mailings import page_of
from plugin.sentences import _, ngettext
from plugin.session import merchant_only

pages = Blueprint("elsewhere", __name__)

REFUSED = 422
LONGEST_DOOR = 64
LINES = """<script src="%s/embed.js" data-shop="%s" defer></script>
<perennial-part></perennial-part>"""
# What the page says when it comes back from a deed.
CLOSED, OPENED, MOVED, NOT_MOVED = "closed", "opened", "moved", "not"
LONGEST_TYPED = elsewhere.MOST_ORIGINS * (elsewhere.LONGEST_ORIGIN + 2)


@pages.get("/other-sites")
@merchant_only
def sites() -> str:
    """The shop's page on our own address, the lines for other sites, and which of them may show parts."""
    return _shown()


@pages.post("/other-sites")
@merchant_only
def allow() -> BaseResponse | tuple[str, int]:
    """Name the sites whose pages may show parts of the program."""
    typed = request.form.get("origins", "")[: LONGEST_TYPED + 1]
    try:
        with unit() as work:
            elsewhere.allow(work, typed)
            door = elsewhere.of_shop(work).door
    except Refusal as refusal:
        return _shown(refusal=refusal, typed=typed), REFUSED
    doors.forget(door)
    return redirect(link("elsewhere.sites", changed="yes"), 303)


@pages.post("/other-sites/close")
@merchant_only
def close() -> BaseResponse | str:
    """Let nobody in any more, once whoever asks for it has read who is let out."""
    if not sure.said():
        return _sure_to_close()
    with unit() as work:
        known, done = elsewhere.of_shop(work), elsewhere.close(work)
    doors.forget(known.door)
    return redirect(link("elsewhere.sites", changed=CLOSED if done else None), 303)


@pages.post("/other-sites/open")
@merchant_only
def open_again() -> BaseResponse:
    """Let shoppers in again, at the address that it had."""
    with unit() as work:
        done = elsewhere.open_again(work)
    return redirect(link("elsewhere.sites", changed=OPENED if done else None), 303)


@pages.post("/other-sites/move")
@merchant_only
def move() -> BaseResponse | str:
    """Make a new address in the place of the one that the form names, once an owner has read what ends with it."""
    old = request.form.get("door", "")[:LONGEST_DOOR]
    if not sure.said():
        return _sure_to_move()
    with unit() as work:
        new = elsewhere.move(work, old)
        if new is not None:
            audit.tell(before=f"/s/{old}", after=f"/s/{new}")
    doors.forget(old)
    return redirect(link("elsewhere.sites", changed=MOVED if new else NOT_MOVED), 303)


def _sure_to_close() -> str:
    return sure.ask(
        _("Close your shop's page with us?"),
        [
            _("From this moment on nobody finds your shop at that address: neither its pages, nor the parts on your "
              "other sites, nor what sites and apps of yours ask by the API. What strangers read there may stand for "
              "five more seconds."),
            *_let_out(),
            *([_("The e-mails of your program lead to your shop's first page until you open it again.")]
              if _mails_lead_here() else []),
            _("Points stay as they are, and your shop's own pages too. Open it again whenever you like: it keeps its "
              "address."),
        ],
        _("Close it"),
        link("elsewhere.sites"),
    )  # fmt: skip


def _sure_to_move() -> str:
    return sure.ask(
        _("Give it a new address?"),
        [
            _("The address that it has now leads nowhere from this moment on, and never will again: not from e-mails, "
              "your footer or printed codes, and not from invitations that your customers have passed on from there."),
            _("The parts on your other sites vanish until you copy the new lines to where the old ones stand. Apps of "
              "yours ask for new tokens."),
            *_let_out(),
        ],
        _("Make the new address"),
        link("elsewhere.sites"),
    )  # fmt: skip


def _mails_lead_here() -> bool:
    """Whether the program's e-mails bring their readers to this page."""
    app_url = current_app.extensions["doors"].app_url
    with unit() as work:
        door, chosen = elsewhere.of_shop(work).door, mailings.Stated.of(work).mailings
        return page_of(work, g.merchant.shop, chosen, app_url).startswith(doors.address(door))


def _let_out() -> list[str]:
    """How many are in just now, and what becomes of them."""
    with unit() as work:
        many = shoppers.sessions(work)
    return [
        ngettext("%(num)s browser is logged in there now, and is logged out.",
                 "%(num)s browsers are logged in there now, and are logged out.", many)
        if many else _("Nobody is logged in there now.")
    ]  # fmt: skip


def _shown(*, refusal: Refusal | None = None, typed: str | None = None) -> str:
    with unit() as work:
        known = elsewhere.of_shop(work)
    serving: Any = current_app.extensions["doors"]
    return render_template(
        "admin/elsewhere.html", known=known, address=doors.address(known.door),
        lines=LINES % (serving.app_url, known.door),
        mails=serving.mails, most=elsewhere.MOST_ORIGINS, refusal=refusal, changed=request.args.get("changed"),
        typed="\n".join(known.origins) if typed is None else typed,
    )  # fmt: skip
