"""The shopper's pages: their points, the rewards that points buy, and the invitation that they can pass on.

Plain links and forms, shown inside the shop's theme; they work without any script. Who is logged in is what the
platform signed, never what a form says. A refusal is a sentence on the page that was asked from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, request
from werkzeug.wrappers import Response as BaseResponse

import referral
from commerce.refusal import Refusal
from connectors.shopify import PROXY_PATH
from plugin import badges
from plugin.sentences import told
from plugin.session import Shopper, invited_only, shopper_only
from plugin.storefront.account import account, offers
from plugin.storefront.contests import scratch as scratch_card
from plugin.storefront.earning import say_birthday, say_done, ways
from plugin.storefront.fragment import CODE, REFUSED, look_here, show, theme_s_own, whole, work_of_shop
from plugin.storefront.look import look_of
from plugin.storefront.purchase import FormTooOld, buy, checked, key_to_buy, ticket_for
from plugin.storefront.qr import as_shown, qr

# No redirect to a path with or without a slash: its address would be ours, and not the shop's.
pages = Blueprint("storefront", __name__, url_prefix=PROXY_PATH)

LONGEST_ADDRESS = 254
LONGEST_NAME = 255
LONGEST_HEADER = 500
# A name of a site, and not who may log in to it.
_HOST = re.compile(r"https?://([0-9a-z][0-9a-z.-]{1,99})(?![0-9a-z.@-])", re.IGNORECASE | re.ASCII)

pages.after_request(theme_s_own)


@pages.get("/", strict_slashes=False)
@shopper_only
def points() -> Response:
    """The shopper's points, and what they can buy."""
    return _points()


@pages.post("/redeem", strict_slashes=False)
@shopper_only
def redeem() -> BaseResponse:
    """Buy a reward. All forms that were open meanwhile are the same click."""
    try:
        form = request.form
        bought = buy(g.shopper, form.get("reward", ""), form.get("request_key", ""), form.get("steps", ""))
    except Refusal as refusal:
        return _points(refusal)
    return redirect(f"{g.shopper.path_prefix}/?bought={bought.redemption_id}#codes", 303)


@pages.post("/scratch", strict_slashes=False)
@shopper_only
def scratch() -> BaseResponse:
    """Scratch a card of a contest."""
    form = request.form
    try:
        scratch_card(g.shopper, form.get("contest", ""), form.get("number", ""), form.get("request_key", ""))
    except Refusal as refusal:
        return _points(refusal)
    return redirect(f"{g.shopper.path_prefix}/#tickets", 303)


@pages.post("/deeds", strict_slashes=False)
@shopper_only
def done() -> BaseResponse:
    """The shopper says that they did something that earns points."""
    try:
        say_done(g.shopper, request.form.get("action", ""), request.form.get("request_key", ""))
    except Refusal as refusal:
        return _points(refusal)
    return redirect(f"{g.shopper.path_prefix}/?told=done#earn", 303)


@pages.post("/birthday", strict_slashes=False)
@shopper_only
def birthday() -> BaseResponse:
    """The shopper tells the month and the day of their birthday."""
    form = request.form
    try:
        say_birthday(g.shopper, form.get("month", ""), form.get("day", ""), form.get("request_key", ""))
    except Refusal as refusal:
        return _points(refusal)
    return redirect(f"{g.shopper.path_prefix}/?told=birthday#earn", 303)


@pages.post("/device", strict_slashes=False)
@shopper_only
def device() -> BaseResponse:
    """The number of the advocate's browser, for friends to be compared with: what our script in the theme tells."""
    try:
        checked(g.shopper, request.form.get("ticket", ""))
    except Refusal as refusal:
        return _points(refusal)
    said = referral.device(request.form.get("device"))
    if g.shopper.customer_id is not None and said is not None:
        with work_of_shop() as work:
            referral.note_advocate(work, g.shopper.customer_id, referral.Evidence(device=said))
    return redirect(f"{g.shopper.path_prefix}/#friends", 303)


@pages.get("/r/<code>", strict_slashes=False)
@invited_only
def invitation(code: str) -> Response:
    """What the friend who follows an invitation is offered. Whether its code is known is not said, nor looked up."""
    if CODE.fullmatch(code) and _somebody():
        with work_of_shop() as work:
            referral.note_clicks(work, {(request.args.get("via", ""), code): 1})
    return _invitation(code)


@pages.post("/r/<code>", strict_slashes=False)
@invited_only
def claim(code: str) -> Response:
    """The friend takes the offer up, and is shown their code."""
    contact = request.form.get("contact", "")
    taken = _taken_up(code, contact, "link")
    if isinstance(taken, Refusal):
        return refused(code, taken, contact, request.form)
    return claimed(taken, code)


@pages.get("/share/<channel>/<code>", strict_slashes=False)
@invited_only
def share(channel: str, code: str) -> BaseResponse:
    """Pass an invitation on: count it, and lead to the messenger with the words in it.

    The code's owner need not be logged in here: the page that says thanks links to this too. Where it leads is one of
    a closed list, with our own words and the shop's own link; neither the query nor the code has a part in the host.
    """
    known = channel in set(referral.Channel) and channel != referral.Channel.COPY
    if not known or not CODE.fullmatch(code):
        return _invitation("")
    if _somebody():
        with work_of_shop() as work:
            referral.note_share(work, channel, code)
    way = referral.share(referral.Channel(channel), *_to_say(code, _offered().title))
    return redirect(way.href, 302)


@pages.post("/share/copy/<code>", strict_slashes=False)
@invited_only
def share_copy(code: str) -> BaseResponse:
    """Count that the link was taken to be copied, and show it once more, ready for that."""
    if not CODE.fullmatch(code):
        return _invitation("")
    with work_of_shop() as work:
        referral.note_share(work, referral.Channel.COPY, code)
    return redirect(f"{g.shopper.path_prefix}/?told=copy#friends", 303)


@pages.get("/invited", strict_slashes=False)
@invited_only
def invited() -> Response:
    """For the friend who has no link at hand: who invited you?"""
    return _invited()


@pages.post("/invited", strict_slashes=False)
@invited_only
def invited_by() -> Response:
    """The friend takes the offer up by the name or the code of who invited them."""
    typed, contact = request.form.get("who", "")[:LONGEST_NAME], request.form.get("contact", "")
    taken = _taken_up(typed, contact, "name")
    if isinstance(taken, Refusal):
        return _invited(taken, typed, contact)
    return claimed(taken, "")


def take_up(
    shopper: Shopper, typed: str, contact: str, way: str, evidence: referral.Evidence, channel: str
) -> referral.Offer | Refusal:
    """A shopper's claim, with all others that come now."""
    asked = asked_for(shopper, typed, contact, way, evidence, channel)
    if isinstance(asked, Refusal):
        return asked
    answer: referral.Offer | Refusal = current_app.extensions["claims"].ask(shopper.shop.shop_id, asked)
    return answer


def asked_for(
    shopper: Shopper, typed: str, contact: str, way: str, evidence: referral.Evidence, channel: str
) -> referral.Try | Refusal:
    """What a shopper's claim asks for; a refusal where no database is needed to say no."""
    if len(contact) > LONGEST_ADDRESS:
        return referral.NotAnAddress()
    if way == "link" and not CODE.fullmatch(typed):
        return referral.CodeUnknown()
    return referral.Try(typed, contact, way, shopper.customer_id, evidence, channel)


def seen(
    header: Callable[[str], str | None], whence: str | None, came_from: str = "", said: str = ""
) -> referral.Evidence:
    """What a request shows of who sends it. The platform's proxy passes on where it came from, and no cookie.

    `came_from` is the site that led to the invitation; `said` the number of the browser, by the script in the theme.
    """
    first = (header("X-Forwarded-For") or "").partition(",")[0].strip() or whence or ""
    agent = header("User-Agent") or ""
    return referral.Evidence(
        ip=first[:LONGEST_HEADER] or None, user_agent=agent[:LONGEST_HEADER] or None,
        referrer=came_from[:LONGEST_HEADER] or None, device=referral.device(said),
    )  # fmt: skip


def _taken_up(typed: str, contact: str, way: str) -> referral.Offer | Refusal:
    form = request.form
    try:
        if g.shopper.customer_external_id is not None:
            # Whoever is logged in claims as who they are: that is nothing that another site may do in their name.
            checked(g.shopper, form.get("ticket", ""))
    except FormTooOld as refusal:
        return refusal
    evidence = seen(request.headers.get, request.remote_addr, form.get("came_from", ""), form.get("device", ""))
    return take_up(g.shopper, typed, contact, way, evidence, request.form.get("channel", way))


def _points(refusal: Refusal | None = None) -> Response:
    shopper = g.shopper
    status = REFUSED if refusal else 200
    with work_of_shop() as work:
        # Known by now, it needs no unit of work of its own inside this one.
        look_of(work)
        program, open_ways = offers(work), ways(work, shopper)
        if shopper.customer_id is None:
            known = shopper.customer_external_id is not None
            return show(
                "storefront/program.html", status, program=program, ways=open_ways, logged_in=known, refusal=refusal
            )
        mine = account(work, shopper.customer_id, before=_before())
        badge = badges.badge(work, shopper.customer_id)
        referral.note_advocate(work, shopper.customer_id, seen(request.headers.get, request.remote_addr))
    bought = next((code for code in mine.codes if str(code.redemption_id) == request.args.get("bought")), None)
    return show(
        "storefront/points.html",
        status,
        program=program,
        a=mine,
        bought=bought,
        badge=as_shown(shopper.shop, badge),
        ways=open_ways,
        came_of=request.args.get("told"),
        refusal=refusal,
        before=_before(),
        ticket=lambda: ticket_for(shopper),
        to_buy=key_to_buy(shopper, mine.codes),
        **_to_pass_on(mine.referral_code, program.referral.friend_title),
    )


def _before() -> int | None:
    """The number before which the page of the history begins that was asked for; None for the newest."""
    typed = request.args.get("before", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else None


def _somebody() -> bool:
    """Whether it is a person who asks, and not a program that fetches a preview or what may be opened next."""
    return request.method != "HEAD" and referral.by_a_person(request.headers.get)


def _to_pass_on(code: str, offered: str) -> dict[str, Any]:
    """The invitation, ready for each channel, in the language of the shop's pages."""
    said = _to_say(code, offered)
    return {
        "invitation": said[0], "shares": referral.shares(*said), "language": said[-1], "qr": qr(f"{said[0]}&via=qr"),
    }  # fmt: skip


def _to_say(code: str, offered: str) -> tuple[str, str, str, str]:
    """The whole link, the shop, the offer, and the language: the shop's, or what the browser asks for."""
    shop, chosen = g.shopper.shop, look_here().language
    language = chosen or request.accept_languages.best_match(referral.TEXTS) or "en"
    return whole(referral.link_path(code.upper())), shop.name or shop.domain, told(offered), language


def claimed(offer: referral.Offer, code: str) -> Response:
    """The friend's code, and the way into the shop with it."""
    return show("storefront/claimed.html", offer=offer, code=code)


def refused(code: str, refusal: Refusal, contact: str, form: Mapping[str, str]) -> Response:
    """The invitation once more, with why it was not taken up; what its form carries along stays in it."""
    return _invitation(code, refusal, contact, form.get("channel", ""), form.get("came_from", ""))


def _invitation(
    code: str, refusal: Refusal | None = None, contact: str = "", channel: str = "", came_from: str = ""
) -> Response:
    # What cannot be anybody's code is no invitation. All others look alike.
    if not CODE.fullmatch(code):
        return show("storefront/invitation.html", REFUSED, offer=None, code="", refusal=referral.CodeUnknown())
    offer = _offered()
    return show(
        "storefront/invitation.html", REFUSED if refusal else 200, offer=offer, code=code, refusal=refusal,
        contact=contact[:LONGEST_ADDRESS], channel=referral.channel_of(channel or request.args.get("via")),
        came_from=came_from[:LONGEST_ADDRESS] or site_of(request.headers.get("Referer")), ticket=_ticket(),
    )  # fmt: skip


def _offered() -> referral.Offer:
    def look() -> referral.Offer:
        with work_of_shop() as work:
            return referral.offer(work)

    found: referral.Offer = current_app.extensions["remembered"].get(("offer", g.shopper.shop.shop_id), look)
    return found


def _invited(refusal: Refusal | None = None, typed: str = "", contact: str = "") -> Response:
    offer = _offered()
    return show(
        "storefront/invited.html", REFUSED if refusal else 200, offer=offer, refusal=refusal, typed=typed,
        contact=contact[:LONGEST_ADDRESS], ticket=_ticket(),
    )  # fmt: skip


def _ticket() -> str:
    """For the form of somebody who is logged in; a stranger's claim is anybody's."""
    return ticket_for(g.shopper) if g.shopper.customer_external_id is not None else ""


def site_of(referrer: str | None) -> str:
    """The site that led to an invitation: only its name, and no page of it."""
    host = _HOST.match(referrer or "")
    return f"https://{host[1]}/" if host else ""
