"""The shopper's pages: their points, the rewards that points buy, and the invitation that they can pass on.

Plain links and forms, shown inside the shop's theme; they work without any script. Who is logged in is what the
platform signed, never what a form says. A refusal is a sentence on the page that was asked from.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
import referral
from commerce.refusal import Refusal
from connectors.shopify import PROXY_PATH
from engine.work import UnitOfWork
from plugin.session import shopper_only
from plugin.storefront import liquid
from plugin.storefront.account import account, offers
from plugin.storefront.purchase import buy, ticket_for

# No redirect to a path with or without a slash: its address would be ours, and not the shop's.
pages = Blueprint("storefront", __name__, url_prefix=PROXY_PATH)

LONGEST_CODE = 32
LONGEST_ADDRESS = 254

REFUSED = 409


@contextmanager
def _work() -> Iterator[UnitOfWork]:
    with current_app.extensions["doors"].database.work(g.shopper.shop.shop_id) as work:
        yield work


@pages.get("/", strict_slashes=False)
@shopper_only
def points() -> Response:
    """The shopper's points, and what they can buy."""
    return _points()


@pages.post("/redeem", strict_slashes=False)
@shopper_only
def redeem() -> BaseResponse:
    """Buy a reward. The ticket names the click, so a form that is sent twice buys once."""
    try:
        form = request.form
        bought = buy(g.shopper, form.get("reward", ""), form.get("request_key", ""), form.get("steps", ""))
    except Refusal as refusal:
        return _points(refusal)
    return redirect(f"{g.shopper.path_prefix}/?bought={bought.redemption_id}#codes", 303)


@pages.post("/scratch", strict_slashes=False)
@shopper_only
def scratch() -> BaseResponse:
    """Scratch a card of a contest: what it wins was fixed before it was printed."""
    typed = [request.form.get(name, "") for name in ("contest", "number")]
    try:
        if g.shopper.customer_id is None or not all(t.isascii() and t.isdigit() and len(t) <= 9 for t in typed):
            raise loyalty.NoSuchTicket
        with _work() as work:
            loyalty.scratch(work, g.shopper.customer_id, *map(int, typed))
    except Refusal as refusal:
        return _points(refusal)
    return redirect(f"{g.shopper.path_prefix}/#tickets", 303)


@pages.get("/r/<code>", strict_slashes=False)
@shopper_only
def invitation(code: str) -> Response:
    """What the friend who follows an invitation is offered."""
    return _invitation(code)


@pages.post("/r/<code>", strict_slashes=False)
@shopper_only
def claim(code: str) -> Response:
    """The friend takes the offer up, and is shown their code."""
    address = request.form.get("email", "")[: LONGEST_ADDRESS + 1]
    secret = current_app.extensions["doors"].secret
    try:
        if len(address) > LONGEST_ADDRESS:
            raise referral.NotAnAddress
        with _work() as work:
            known, channel = g.shopper.customer_id, request.form.get("channel", "")
            taken = referral.claim(
                work, code[:LONGEST_CODE], address, secret, known, evidence=_evidence(), channel=channel
            )
    except Refusal as refusal:
        return _invitation(code, refusal, address)
    return _show("storefront/claimed.html", offer=taken)


def _points(refusal: Refusal | None = None) -> Response:
    shopper = g.shopper
    status = REFUSED if refusal else 200
    with _work() as work:
        program = offers(work)
        if shopper.customer_id is None:
            known = shopper.customer_external_id is not None
            return _show("storefront/program.html", status, program=program, logged_in=known, refusal=refusal)
        mine = account(work, shopper.customer_id)
        referral.note_advocate(work, shopper.customer_id, _evidence())
    bought = next((code for code in mine.codes if str(code.redemption_id) == request.args.get("bought")), None)
    return _show(
        "storefront/points.html",
        status,
        program=program,
        a=mine,
        bought=bought,
        refusal=refusal,
        invitation=_whole(referral.link_path(mine.referral_code)),
        ticket=lambda: ticket_for(shopper),
    )


def _invitation(code: str, refusal: Refusal | None = None, address: str = "") -> Response:
    offer = None
    try:
        with _work() as work:
            offer = referral.offer(work, code[:LONGEST_CODE])
            if request.method == "GET":
                referral.note_click(work, request.args.get("via", ""))
    except referral.CodeUnknown as unknown:
        refusal = unknown
    return _show(
        "storefront/invitation.html",
        REFUSED if refusal else 200,
        offer=offer,
        code=code[:LONGEST_CODE],
        refusal=refusal,
        address=address[:LONGEST_ADDRESS],
        channel=referral.channel_of(request.values.get("channel") or request.values.get("via")),
        came_from=_came_from(),
    )


def _evidence() -> referral.Evidence:
    """What a visit says of itself. The platform's proxy puts the visitor's address first and lets no cookie through:
    a device is known only where a shop shows our pages by itself.
    """
    came_through = request.headers.get("X-Forwarded-For", "").partition(",")[0].strip()
    return referral.Evidence(
        device=request.cookies.get("perennial_device"), ip=came_through or request.remote_addr,
        user_agent=request.headers.get("User-Agent"), referrer=_came_from(),
    )  # fmt: skip


def _came_from() -> str:
    """The site that led to the invitation, carried along by its form; only its name, and no page of it."""
    if request.method == "POST":
        return request.form.get("came_from", "")[:LONGEST_ADDRESS]
    host = urlsplit(request.headers.get("Referer", "")).netloc
    return f"https://{host[:100]}/" if host else ""


def _show(template: str, status: int = 200, **values: Any) -> Response:
    shopper = g.shopper
    page = render_template(template, prefix=shopper.path_prefix, site=_site(), with_code=_with_code, **values)
    return liquid.answer(page, status)


def _site() -> str:
    """The path under which the shop's own pages lie: what stands before ``/apps/perennial``. Usually nothing."""
    return str(g.shopper.path_prefix).rstrip("/").rsplit("/", 2)[0]


def _with_code(code: str) -> str:
    """A link into the shop that applies a discount code on the way."""
    return f"{_site()}/discount/{quote(code, safe='')}?redirect=%2F"


def _whole(path: str) -> str:
    """The whole address of one of our pages on the shop's site, to be passed on."""
    return f"{current_app.extensions['doors'].shopify.shop_site(g.shopper.shop.domain)}{g.shopper.path_prefix}{path}"


@pages.after_request
def _leave_the_theme_alone(response: Response) -> Response:
    """Inside the theme, the theme's own scripts and styles must run: its policy is the shop's to make.

    Ours stands on pages of our own.
    """
    if response.mimetype == "application/liquid":
        response.headers["Content-Security-Policy"] = "object-src 'none'; base-uri 'self'"
    else:
        files = current_app.extensions["doors"].shopify.app_url
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src {files}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    return response
