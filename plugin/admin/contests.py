"""Contests, for the merchant: announce a prize draw or scratch cards, and prove afterwards that luck alone decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.money import BadAmount, Money
from commerce.refusal import Refusal
from commerce.sayings import say
from engine.work import UnitOfWork
from loyalty import Contest, ContestKind, Prize
from plugin import calendars
from plugin.admin import typed
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.admin.typed import Mistyped, plain
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("contests", __name__)

REFUSED = 409
KINDS = (
    (ContestKind.DRAW, say("A draw at the end")),
    (ContestKind.SCRATCH, say("A card to scratch with each order")),
)
# As many rows as the form has; a contest of more kinds of prize is rare.
PRIZES = 3


class NotAContest(Mistyped):
    """This is not how a contest is written."""


@pages.get("/contests")
@merchant_only
def contest_list() -> str:
    """The contests so far, and the form for a new one."""
    with unit() as work:
        return _shown(work, {})


def _shown(work: UnitOfWork, filled: Mapping[str, str], refusal: Refusal | None = None) -> str:
    checked = request.args.get("checked", "")
    number = int(checked) if checked.isascii() and checked.isdigit() and len(checked) < 19 else 0
    faults = loyalty.check_contest(work, number) if number and number < NO_BOUND else None
    terms = loyalty.current_terms(work)
    return render_template(
        "admin/contests.html", contests=loyalty.contests(work), kinds=KINDS, rows=range(PRIZES), checked=number,
        faults=faults, terms=terms, currency=terms.currency, f=filled, refusal=refusal,
        rewards=[reward for reward in terms.rewards if reward.kind != "store_credit"],
        changed=request.args.get("changed"),
    )  # fmt: skip


@pages.post("/contests")
@merchant_only
def announce() -> BaseResponse | tuple[str, int]:
    """Announce a contest, with the rewards that its page showed. What was promised cannot be changed afterwards."""
    zone = calendars.zone(g.merchant.shop.timezone)
    try:
        with unit() as work:
            contest = _contest_of(request.form, loyalty.current_terms(work).currency, zone)
            loyalty.unmoved(work, loyalty.draft(work, dict), typed.version(request.form), ("rewards",))
            loyalty.announce_contest(work, *contest)
    except Refusal as refusal:
        with unit() as work:
            return _shown(work, request.form, refusal), REFUSED
    return redirect(link("contests.contest_list", changed="announced"), 303)


def _contest_of(form: Mapping[str, str], currency: str, zone: ZoneInfo) -> tuple[Contest, list[str]]:
    """The contest that the form describes, and the keys of its prizes. Refuses with `NotAContest`."""
    kind = form.get("kind", "")
    if kind not in set(ContestKind):
        raise NotAContest(_("Choose whether there is a draw, or a card with each order."), "kind")
    keys, prizes = list[str](), list[Prize]()
    for row in range(PRIZES):
        if key := form.get(f"reward{row}", ""):
            chance = _number(form, f"chance{row}", _("A chance")) if kind == ContestKind.SCRATCH else 0
            keys.append(key[:64])
            prizes.append(Prize({}, _number(form, f"count{row}", _("The number of prizes")), chance * 100))
    try:
        minimum = Money.parse(plain(form.get("minimum", "").strip()) or "0", currency).minor
    except BadAmount:
        raise NotAContest(_("The least order is digits with at most one point, such as 12.50."), "minimum") from None
    return Contest(
        kind=ContestKind(kind), title=form.get("title", "")[:200].strip(), opens_at=_instant(form, "opens", zone),
        closes_at=_instant(form, "closes", zone), minimum_minor=minimum,
        most_per_customer=_number(form, "most", _("How many tickets one customer may have")), prizes=tuple(prizes),
    ), keys  # fmt: skip


def _number(form: Mapping[str, str], name: str, what: str) -> int:
    text = plain(form.get(name, "").strip())
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise NotAContest(_("%(what)s is a whole number, such as 10.", what=what), name)
    return int(text)


def _instant(form: Mapping[str, Any], name: str, zone: ZoneInfo) -> datetime:
    try:
        return datetime.fromisoformat(form.get(name, "")).replace(tzinfo=zone)
    except ValueError:
        raise NotAContest(_("Say when the contest opens and closes, such as 2026-03-31T18:00."), name) from None
