"""Signing in by oneself, without a store that vouches: with a passkey, or by a link that comes by e-mail.

A link serves once, for fifteen minutes, in the browser that asked for it, which a cookie knows. Opening it shows a
button and changes nothing, so that programs that look at links in e-mails do not use it up. Whether an address is known
is not to be learnt here: the answer is the same, and tries are counted for every address alike.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine import audit, mail, sessions, shops, staff, tries
from engine.shops import Shop
from plugin import letters, standalone
from plugin.passkeys import LONGEST_ANSWER, Copied, Door, NoProof, holder
from plugin.sentences import _, refused
from plugin.session import anybody

pages = Blueprint("sign_in", __name__, url_prefix="/sign-in")

BROWSER = "perennial_browser"
BROWSER_SECONDS = 7 * 24 * 3600
# An hour's: of one address, which somebody may have mistyped twice, and of one network, where an office may sit.
MOST_OF_ADDRESS, MOST_OF_NETWORK = 5, 30
REFUSED, TOO_OFTEN = 400, 429
LONGEST_END = 80

# The one script of ours that these pages need speaks with the authenticator; what it learns goes by a form.
WITH_OUR_SCRIPT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@pages.get("")
@anybody
def page() -> BaseResponse:
    """Where staff sign in by themselves."""
    return _page()


@pages.post("/link")
@anybody
def ask_link() -> BaseResponse:
    """Send a link to whoever has that address, if anybody does; the answer does not say."""
    standalone.refuse_other_sites()
    typed, doors = request.form.get("email", "")[: staff.LONGEST_EMAIL + 1], current_app.extensions["doors"]
    if not doors.mails:
        return _page(status=REFUSED)
    try:
        email = staff.address(typed)
    except staff.BadEmail as refusal:
        return _page(refusal=refusal, field="email", typed=typed, status=REFUSED)
    with doors.database.machine() as connection:
        if not tries.allowed(connection, _counted(email), doors.database.clock()):
            often = _("There were too many tries. Please wait an hour, or use a passkey.")
            return _page(refusal=often, typed=typed, status=TOO_OFTEN)
        found = staff.shops_of(connection, email)
    browser = _browser() or secrets.token_urlsafe(24)
    for shop_id in found:
        _send_link(shop_id, email, browser)
    return _page(asked=email, browser=browser)


@pages.get("/link/<end>")
@anybody
def look_at_link(end: str) -> BaseResponse:
    """What a link from an e-mail leads to. Looking at it does not use it up."""
    return _link_page(end)


@pages.post("/link/<end>")
@anybody
def follow_link(end: str) -> BaseResponse:
    """Let the browser in that followed a link first."""
    standalone.refuse_other_sites()
    named = _shop_of(end)
    if named is None:
        return _link_page(end)
    (shop, token), doors = named, current_app.extensions["doors"]
    with doors.database.work(shop.shop_id) as work:
        link = sessions.see_link(work, token, _browser())
        person = sessions.follow_link(work, token, _browser())
        if person is not None and link is not None:
            if link.invites:
                audit.write(work, person.staff_id, person.label, person.role, "joined")
            to = url_for("you.you", welcome="yes") if link.invites else "/"
            return standalone.let_in(work, person, "link", to)
    return _link_page(end)


@pages.post("/passkey")
@anybody
def with_passkey() -> BaseResponse:
    """Let whoever proved to have a passkey of ours in."""
    standalone.refuse_other_sites()
    said = request.form.get("answer", "")[: LONGEST_ANSWER + 1]
    found, doors = holder(said), current_app.extensions["doors"]
    if found is None:
        return _page(refusal=NoProof(), status=REFUSED)
    shop_id, staff_id = found
    try:
        _installed(shop_id)
        with doors.database.work(shop_id) as work:
            proven = door().proven(work, staff_id, said)
            if not isinstance(proven, Copied):
                person, challenge = proven
                return standalone.let_in(work, person, "passkey", "/", challenge)
    except Refusal as refusal:
        no = NoProof() if isinstance(refusal, staff.NobodyThere) else refusal
        return _page(refusal=no, status=REFUSED)
    return _page(refusal=proven, status=REFUSED)


def door(browser: str = "") -> Door:
    """Where passkeys are asked for, in this browser; `browser` is the secret that it was only just given."""
    doors = current_app.extensions["doors"]
    return Door(doors.app_url, doors.secret, browser or _browser(), doors.database.clock())


def knows_browser(answer: BaseResponse) -> str:
    """The secret of this browser, which comes back with it; a new one where it has none."""
    known = _browser() or secrets.token_urlsafe(24)
    standalone.keep(answer, BROWSER, known, BROWSER_SECONDS, "/")
    return known


def _browser() -> str:
    return request.cookies.get(BROWSER, "")[:64]


def _page(
    *, refusal: Any = None, field: str = "", typed: str = "", asked: str = "", browser: str = "", status: int = 200
) -> BaseResponse:
    doors = current_app.extensions["doors"]
    answer = Response("", status)
    if browser:
        standalone.keep(answer, BROWSER, browser, BROWSER_SECONDS, "/")
    known = browser or knows_browser(answer)
    here = door(known)
    answer.set_data(
        render_template(
            "sign_in.html", question=here.question_to_enter() if here.works else "", mails=doors.mails, asked=asked,
            refusal=_told(refusal), field=field, typed=typed, longest=staff.LONGEST_EMAIL,
        )
    )  # fmt: skip
    answer.headers["Content-Security-Policy"] = WITH_OUR_SCRIPT
    return answer


def _told(refusal: Any) -> str:
    return refused(refusal) if isinstance(refusal, Refusal) else refusal or ""


def _link_page(end: str) -> BaseResponse:
    named, doors, link = _shop_of(end), current_app.extensions["doors"], None
    if named is not None:
        with doors.database.work(named[0].shop_id) as work:
            link = sessions.see_link(work, named[1], _browser())
    page = render_template(
        "sign_in_link.html", link=link, shop_name=letters.name_of(named[0]) if named else "", end=end
    )
    return Response(page, 200 if link is not None and link.own_browser else REFUSED)


def _shop_of(end: str) -> tuple[Shop, str] | None:
    """The installed shop that a link says it is of, and its token."""
    named = sessions.shop_of_link(end[:LONGEST_END])
    if named is None:
        return None
    shop = _find(named[0])
    return None if shop is None else (shop, named[1])


def _find(shop_id: ShopId) -> Shop | None:
    with current_app.extensions["doors"].database.machine() as connection:
        shop = shops.numbered(connection, shop_id)
    return shop if shop is not None and shop.installed else None


def _installed(shop_id: ShopId) -> None:
    if _find(shop_id) is None:
        raise NoProof


def _counted(email: str) -> dict[bytes, int]:
    """Whom a try is counted for: the address, and the network that it comes from."""
    secret = current_app.extensions["doors"].secret
    forwarded = (request.headers.get("X-Forwarded-For") or "").partition(",")[0].strip()
    network = forwarded[:64] or request.remote_addr or ""
    most = {f"address {email}": MOST_OF_ADDRESS, f"network {network}": MOST_OF_NETWORK}
    return {hmac.digest(secret, f"tries {who}".encode(errors="replace"), "sha256"): n for who, n in most.items()}


def _send_link(shop_id: ShopId, email: str, browser: str) -> None:
    doors = current_app.extensions["doors"]
    with doors.database.work(shop_id) as work:
        person = staff.with_email(work, email)
        # Who was invited and has not come yet has an invitation; this address proves as much.
        if person is None:
            return
        end = sessions.make_link(work, person, browser=browser)
        letter = letters.to_sign_in(email, shops.current(work), f"{doors.app_url}/sign-in/link/{end}")
        mail.put(work, doors.seal, "sign_in", letter, ends_at=work.now + sessions.LINK_LIVES)


def leave(answer: BaseResponse) -> BaseResponse:
    """Forget this browser's session."""
    standalone.sign_out(answer)
    return answer


def away() -> BaseResponse:
    """To where one signs in."""
    return leave(redirect(url_for("sign_in.page"), 303))
