"""People: who works here, what each may do, and who else is invited. Only an owner changes any of it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from commerce.refusal import Refusal
from engine import audit, mail, passkeys, sessions, shops, staff
from engine.staff import Person, Role
from engine.work import UnitOfWork
from plugin import deeds, letters
from plugin.admin import sure
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.sentences import _, ngettext, refused
from plugin.session import merchant_only

pages = Blueprint("staff", __name__, url_prefix="/people")

REFUSED = 422


@pages.get("")
@merchant_only
def people() -> str:
    """Everybody who works here."""
    return _shown()


@pages.post("/invite")
@merchant_only
def invite() -> str | tuple[str, int]:
    """Invite somebody by e-mail; where no e-mails are sent, show the link to pass on."""
    typed, role = request.form.get("email", "")[: staff.LONGEST_EMAIL + 1], _role(list(Role))
    doors = current_app.extensions["doors"]
    try:
        with unit() as work:
            person = staff.invite(work, typed, role)
            end = sessions.make_link(work, person, invites=True)
            address = f"{doors.app_url}/sign-in/link/{end}"
            audit.tell(person=person.email, after=role)
            if doors.mails:
                _write(work, person, address)
    except Refusal as refusal:
        return _shown(refusal=refused(refusal), f={"email": typed, "role": role}), REFUSED
    return _shown(invited=person.email, address="" if doors.mails else address)


@pages.post("/newcomers")
@merchant_only
def newcomers() -> BaseResponse:
    """Choose the role of people who come through the store for the first time."""
    role = _role(list(staff.NEWCOMERS))
    with unit() as work:
        audit.tell(before=staff.newcomers(work), after=role)
        staff.set_newcomers(work, role)
    return redirect(link("staff.people", changed="newcomers"), 303)


@pages.post("/<int:staff_id>/role")
@merchant_only
def change(staff_id: int) -> BaseResponse | tuple[str, int]:
    """Give somebody another role, or let somebody back in who was removed."""
    role = _role(list(Role))
    try:
        with unit() as work:
            before = staff.set_role(work, min(staff_id, NO_BOUND), role)
            audit.tell(person=before.label, before=None if before.removed_at else before.role, after=role)
    except Refusal as refusal:
        return _shown(refusal=refused(refusal)), REFUSED
    return redirect(link("staff.people", changed="role"), 303)


@pages.post("/<int:staff_id>/remove")
@merchant_only
def remove(staff_id: int) -> str | BaseResponse | tuple[str, int]:
    """Let somebody in no more, from this moment on."""
    try:
        if not sure.said():
            return _sure_to_remove(min(staff_id, NO_BOUND))
        with unit() as work:
            person = staff.remove(work, min(staff_id, NO_BOUND))
            audit.tell(person=person.label, before=person.role)
    except Refusal as refusal:
        return _shown(refusal=refused(refusal)), REFUSED
    return redirect(link("staff.people", changed="removed"), 303)


def called(person: Person) -> str:
    """How the pages call somebody."""
    return label(person.label)


def label(known_as: str) -> str:
    """A person by what they are known as: a platform's number says so, and nobody in particular is the store."""
    if not known_as:
        return _("The store itself")
    return _("User %(number)s", number=known_as) if known_as.isascii() and known_as.isdigit() else known_as


def _sure_to_remove(staff_id: int) -> str:
    with unit() as work:
        person = staff.find(work, staff_id)
        open_in, keys = len(sessions.of_person(work, staff_id)), len(passkeys.of_person(work, staff_id))
    will = [
        _("%(who)s is let in no more, from this moment on. What they did stays in the audit log.", who=called(person)),
    ]
    if open_in:
        will.append(ngettext("%(num)s session ends.", "%(num)s sessions end.", open_in))
    if keys:
        will.append(ngettext("%(num)s passkey is forgotten.", "%(num)s passkeys are forgotten.", keys))
    return sure.ask(_("Remove %(who)s?", who=called(person)), will, _("Remove them"), link("staff.people"))


def _write(work: UnitOfWork, person: Person, address: str) -> None:
    assert person.email is not None
    by = g.merchant.person.name or g.merchant.person.email or ""
    letter = letters.to_invite(person.email, shops.current(work), address, deeds.role_name(person.role), by)
    seal = current_app.extensions["doors"].seal
    mail.put(work, seal, "invitation", letter, ends_at=work.now + sessions.INVITATION_LIVES)


def _role(choices: list[Role]) -> Role:
    given = request.form.get("role", "")
    if given not in set(choices):
        abort(400, _("Choose one of the roles."))
    return Role(given)


def _shown(**more: Any) -> str:
    with unit() as work:
        known = {
            "people": staff.people(work), "newcomers": staff.newcomers(work), "troubled": mail.troubled(work),
        }  # fmt: skip
    given = {"refusal": "", "invited": "", "address": "", "f": {}, "changed": request.args.get("changed")} | more
    return render_template(
        "admin/staff.html", roles=list(Role), choices=staff.NEWCOMERS, may_do=deeds.MAY, called=called,
        longest=staff.LONGEST_EMAIL, mails=current_app.extensions["doors"].mails, **known, **given,
    )  # fmt: skip
