"""The shopper's pages on our own address, behind a shop's door: for shops whose own site cannot show them, and for
shoppers whom no platform vouches for.

They are the very pages that the platform's proxy leads to, registered a second time; only who asks is told by a session
of ours. It begins with a link by e-mail: whoever reads what is sent to an address sees what belongs to it. Opening the
link shows a button and changes nothing, so programs that look at links in e-mails do not use it up. Whether an address
is known is not to be learnt here: the answer is the same, and so is the work that it takes.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, g, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from commerce.refusal import Refusal
from engine import mail, shoppers, tries
from engine.shoppers import Person
from engine.work import UnitOfWork
from plugin import elsewhere, letters
from plugin.session import anybody, shopper_only
from plugin.storefront import extension
from plugin.storefront.fragment import show, theme_s_own, work_of_shop
from plugin.wording import static

DOOR_PATH = "/s/<door>"

pages = Blueprint("hosted", __name__, url_prefix=DOOR_PATH)
script = Blueprint("embed", __name__)

# An hour's: of one address, which somebody may have mistyped twice; of one network, where an office may sit; of a shop.
MOST_OF_ADDRESS, MOST_OF_NETWORK, MOST_OF_SHOP = 5, 30, 2_000
REFUSED, GONE, TOO_OFTEN = 400, 410, 429
# Of other sites' pages: a merchant's snippet names no version, so it is asked for anew before long.
SCRIPT_SECONDS = 3600

pages.after_request(theme_s_own)


def add(app: Flask, surfaces: Sequence[Blueprint]) -> None:
    """Let the shopper's pages stand behind every door too, and their API behind tokens of ours."""
    app.register_blueprint(pages)
    app.register_blueprint(script)
    for surface in surfaces:
        app.register_blueprint(surface, name=f"hosted_{surface.name}", url_prefix=DOOR_PATH)
    app.register_blueprint(extension.pages, name="shopper_api", url_prefix=elsewhere.API_PATH)


@pages.get("/enter")
@shopper_only
def enter() -> Response:
    """Where a shopper says to which address the link shall go."""
    return _enter()


@pages.post("/enter")
@shopper_only
def ask() -> Response:
    """Send a link to whoever has that address, if anybody does; the answer does not say."""
    typed, doors = request.form.get("email", "")[: shoppers.LONGEST_ADDRESS + 1], current_app.extensions["doors"]
    if not doors.mails:
        return _enter(status=REFUSED)
    try:
        address = shoppers.address_of(typed)
    except shoppers.NotAnEmail as refusal:
        return _enter(refusal, typed, status=REFUSED)
    with doors.database.machine() as connection:
        allowed = tries.allowed(connection, _counted(address), doors.database.clock())
    if not allowed:
        return _enter(TooOften(), typed, status=TOO_OFTEN)
    with work_of_shop() as work:
        _send(work, address, shoppers.with_address(work, address))
    return _enter(asked=True)


@pages.get("/enter/<token>")
@shopper_only
def look(token: str) -> Response:
    """What a link from an e-mail leads to. Looking at it does not use it up."""
    with work_of_shop() as work:
        person = shoppers.see_link(work, token)
    return _link(token, person)


@pages.post("/enter/<token>")
@shopper_only
def follow(token: str) -> BaseResponse:
    """Let the browser in that presses the button first."""
    with work_of_shop() as work:
        session = shoppers.follow_link(work, token)
    if session is None:
        return _link(token, None)
    answer = redirect(f"{g.shopper.path_prefix}/", 303)
    elsewhere.keep_session(answer, session)
    return answer


@pages.post("/leave")
@shopper_only
def leave() -> BaseResponse:
    """End this browser's session, or every one of whoever has this address."""
    everywhere = request.form.get("everywhere") == "yes"
    with work_of_shop() as work:
        shoppers.leave(work, request.cookies.get(elsewhere.cookie(), ""), everywhere=everywhere)
    answer = redirect(f"{g.shopper.path_prefix}/enter?left=yes", 303)
    elsewhere.forget_session(answer)
    return answer


@script.get("/embed.js")
@anybody
def embed() -> Response:
    """The script that shows a part of a shop's program on a site of the merchant's. It is the same for everybody."""
    answer = Response(_script(), mimetype="text/javascript")
    answer.cache_control.public, answer.cache_control.max_age = True, SCRIPT_SECONDS
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


@cache
def _script() -> str:
    """The file, with our style's address as it is today: files of ours are kept for ever by that."""
    file = Path(current_app.root_path) / "static" / "embed.js"
    return file.read_text(encoding="utf-8").replace("/static/storefront.css", static("storefront.css"))


class TooOften(Refusal):
    """There were too many tries. Please wait an hour; a link that came before still works for fifteen minutes."""

    wait = tries.WINDOW


def _send(work: UnitOfWork, address: str, person: Person | None) -> None:
    """Put the letter with its link; for an address that nobody has, do all of that and take it back, so that neither
    the answer nor its time tells the two apart.
    """
    doors, known = current_app.extensions["doors"], person is not None
    attempt = work.connection.begin_nested()
    token = shoppers.make_link(work, person)
    letter = letters.to_see_points(address, g.shopper.shop, f"{g.shopper.path_prefix}/enter/{token}")
    mail.put(work, doors.seal, "see_points", letter, ends_at=work.now + shoppers.LINK_LIVES)
    if known:
        attempt.commit()
    else:
        attempt.rollback()


def _counted(address: str) -> dict[bytes, int]:
    """For whom a try is counted: the address, the network that it comes from, and the shop."""
    secret, shop_id = current_app.extensions["doors"].secret, g.shopper.shop.shop_id
    forwarded = (request.headers.get("X-Forwarded-For") or "").partition(",")[0].strip()
    most = {
        f"shopper {shop_id} {address}": MOST_OF_ADDRESS,
        f"shoppers of {forwarded[:64] or request.remote_addr or ''}": MOST_OF_NETWORK,
        f"shoppers at {shop_id}": MOST_OF_SHOP,
    }
    return {hmac.digest(secret, f"tries {who}".encode(errors="replace"), "sha256"): n for who, n in most.items()}


def _enter(refusal: Refusal | None = None, typed: str = "", *, asked: bool = False, status: int = 200) -> Response:
    return show(
        "storefront/enter.html", status, refusal=refusal, typed=typed, asked=asked, left="left" in request.args,
        mails=current_app.extensions["doors"].mails, longest=shoppers.LONGEST_ADDRESS,
    )  # fmt: skip


def _link(token: str, person: Person | None) -> Response:
    known = person is not None and person.address is not None
    return show(
        "storefront/enter_link.html", 200 if known else GONE, token=token, refusal=None,
        whose=_masked(person.address) if person is not None and person.address else "",
    )  # fmt: skip


def _masked(address: str) -> str:
    """An address as its owner knows it again, and nobody learns it: ``a…@example.com``."""
    name, _at, host = address.rpartition("@")
    return f"{name[:1]}…@{host}"
