"""You: what the others read of you, and how you sign in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from commerce.refusal import Refusal
from engine import audit, passkeys, sessions, staff
from engine.passkeys import LONGEST_NAME
from plugin import deeds, sign_in, standalone
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.passkeys import LONGEST_ANSWER
from plugin.sentences import _, refused
from plugin.session import merchant_only

pages = Blueprint("you", __name__, url_prefix="/you")

REFUSED = 422


@pages.get("")
@merchant_only
def you() -> str:
    """Who you are here, your passkeys, and where you are signed in."""
    return _shown()


@pages.post("/name")
@merchant_only
def rename() -> BaseResponse | tuple[str, int]:
    """Say what the others shall read."""
    typed = request.form.get("name", "")[: staff.LONGEST_NAME + 1]
    try:
        with unit() as work:
            audit.tell(before=g.merchant.person.name)
            staff.rename(work, g.merchant.person.staff_id, typed)
    except Refusal as refusal:
        return _shown(refusal=refused(refusal), typed=typed), REFUSED
    return redirect(link("you.you", changed="name"), 303)


@pages.get("/passkeys/new")
@merchant_only
def new_passkey() -> BaseResponse:
    """Make a passkey: the page asks this device for one."""
    return _ask_passkey()


@pages.post("/passkeys")
@merchant_only
def add_passkey() -> BaseResponse:
    """Keep the passkey that this device has made."""
    _by_oneself()
    said = request.form.get("answer", "")[: LONGEST_ANSWER + 1]
    name = request.form.get("name", "")[:LONGEST_NAME] or _("A passkey")
    try:
        with unit() as work:
            sign_in.door().keep_made(work, g.merchant.person, said, name)
            audit.tell(passkey=name)
    except Refusal as refusal:
        return _ask_passkey(refused(refusal), REFUSED)
    return redirect(link("you.you", changed="passkey"), 303)


@pages.post("/passkeys/<int:passkey_id>/remove")
@merchant_only
def remove_passkey(passkey_id: int) -> BaseResponse:
    """Let one of your passkeys open nothing any more."""
    with unit() as work:
        done = passkeys.forget(work, g.merchant.person.staff_id, min(passkey_id, NO_BOUND))
    return redirect(link("you.you", changed="passkey_gone" if done else "not"), 303)


@pages.post("/sessions/<int:session_id>/end")
@merchant_only
def end_session(session_id: int) -> BaseResponse:
    """End one of your sessions; this one too, if it is that."""
    with unit() as work:
        done = sessions.end(work, g.merchant.person.staff_id, min(session_id, NO_BOUND))
    if session_id == g.merchant.session_id:
        return sign_in.away()
    return redirect(link("you.you", changed="session" if done else "not"), 303)


@pages.post("/sessions/end-others")
@merchant_only
def end_others() -> BaseResponse:
    """End all of your sessions but this one."""
    with unit() as work:
        many = sessions.end_others(work, g.merchant.person.staff_id, g.merchant.session_id or 0)
        audit.tell(sessions=many)
    return redirect(link("you.you", changed="session" if many else "not"), 303)


@pages.post("/sign-out")
@merchant_only
def sign_out() -> BaseResponse:
    """Leave, in this browser."""
    if g.merchant.session_id is None:
        # The store's admin vouches anew with each request: there is nothing of ours to leave.
        return redirect(link("you.you"), 303)
    with unit() as work:
        sessions.end(work, g.merchant.person.staff_id, g.merchant.session_id)
    return sign_in.away()


def _ask_passkey(refusal: str = "", status: int = 200) -> BaseResponse:
    _by_oneself()
    answer = Response("", status)
    browser = sign_in.knows_browser(answer)
    here, merchant = sign_in.door(browser), g.merchant
    with unit() as work:
        known = passkeys.of_person(work, merchant.person.staff_id)
    question = here.question_to_make(merchant.shop.name, merchant.shop.shop_id, merchant.person, known)
    named = standalone.browser_name()
    answer.set_data(
        render_template(
            "admin/passkey.html", question=question if here.works else "", refusal=refusal, named=named,
            longest=LONGEST_NAME,
        )
    )  # fmt: skip
    return answer


def _by_oneself() -> None:
    """Go on only for somebody of whom we know who they are, outside of any frame: there a passkey can be made."""
    person = g.merchant.person
    if g.merchant.embedded or not (person.user_id or person.email):
        abort(404, _("There is no such page."))


def _shown(**more: Any) -> str:
    person = g.merchant.person
    with unit() as work:
        keys, places = passkeys.of_person(work, person.staff_id), sessions.of_person(work, person.staff_id)
    given = {"refusal": "", "typed": person.name, "changed": request.args.get("changed")} | more
    return render_template(
        "admin/you.html", person=person, keys=keys, places=places, may_do=deeds.MAY, longest=staff.LONGEST_NAME,
        known=bool(person.user_id or person.email), here=g.merchant.session_id, works=sign_in.door().works,
        welcome=request.args.get("welcome") == "yes", **given,
    )  # fmt: skip
