"""Batches, for the merchant: points for everybody of an audience, or past orders counted again; read and looked at
first, then booked portion by portion, and undone whenever that is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import lifecycle
import loyalty
from commerce.refusal import Refusal
from engine.work import UnitOfWork
from plugin import calendars, wording
from plugin.admin import bulk, sure, typed
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.admin.typed import Mistyped, plain
from plugin.sentences import _, ngettext, told
from plugin.session import merchant_only

pages = Blueprint("batches", __name__)

REFUSED = 409
LONGEST_SEGMENT = 64
FIELDS: Mapping[type[Refusal], str] = {loyalty.BatchUnlabelled: "label", loyalty.BatchPointsWrong: "points"}
# Audiences that other domains tell of, by what they are called before the colon.
TOLD_BY: Mapping[str, loyalty.Members] = {"stage": lifecycle.members}


class NotADay(Mistyped):
    """The day is not one that has been."""


class NoAudience(Mistyped):
    """Nobody was chosen."""


@pages.get("/batches")
@merchant_only
def batch_list() -> str:
    """The two forms, and what was done so far."""
    with unit() as work:
        return _list(work)


@pages.post("/batches")
@merchant_only
def read_batch() -> BaseResponse | tuple[str, int]:
    """Read a batch: what it would change is written down and shown, and nothing is booked."""
    try:
        with unit() as work:
            batch_no = _read(work, request.form)
    except Refusal as refusal:
        with unit() as work:
            return _list(work, typed.named(refusal, FIELDS)), REFUSED
    return redirect(link("batches.one_batch", batch_no=batch_no), 303)


def _read(work: UnitOfWork, form: Mapping[str, str]) -> int:
    label, who = form.get("label", ""), g.merchant.user_id or "the shop"
    if form.get("kind") == "recount":
        since = _day(form.get("since", ""), calendars.zone(g.merchant.shop.timezone))
        if since >= work.now:
            raise _not_a_day()
        return loyalty.read_recount(work, since, label, who)
    audience, points = _audience(form), plain(form.get("points", "").strip())
    # A longer number is no number of points.
    whole = points if points.isascii() and points.isdigit() and len(points) <= 9 else "0"
    return loyalty.read_giving(work, audience, int(whole), label, who, TOLD_BY)


def _audience(form: Mapping[str, str]) -> str:
    audience = form.get("audience", "")
    if audience == "segment:":
        audience += form.get("segment", "").strip()[:LONGEST_SEGMENT]
    what, _colon, name = audience.partition(":")
    if what not in ("all", "stage", "tier", "segment") or bool(name) == (what == "all"):
        raise NoAudience(_("Choose who gets the points: everybody, a stage, a tier or a segment."), "audience")
    return audience


def _day(typed: str, zone: ZoneInfo) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(typed.strip()), time(), zone)
    except ValueError:
        raise _not_a_day() from None


def _not_a_day() -> NotADay:
    return NotADay(_("The day is a date that has been, such as 2026-03-31."), "since")


@pages.get("/batches/<int:batch_no>")
@merchant_only
def one_batch(batch_no: int) -> str:
    """A batch beside the books: what it would change, how far it is, or what undoing it would take."""
    try:
        with unit() as work:
            found = loyalty.preview_batch(work, _known(batch_no))
            cost = loyalty.price(work, int(found.totals.given))
            names = _names(work)
    except loyalty.BatchUnknown as unknown:
        abort(404, told(unknown.message))
    page = "admin/batch_handed.html" if found.row.kind in ("reward", "tag") else "admin/batch.html"
    return render_template(page, b=found, names=names, state=state(found.row), cost=cost, undoing=bulk.undoing)


@pages.post("/batches/<int:batch_no>/book")
@merchant_only
def book(batch_no: int) -> BaseResponse:
    """Have a batch booked. The first portion at once, the others by the clock."""
    with unit() as work:
        loyalty.approve_batch(work, _known(batch_no))
    return _begun(batch_no)


@pages.post("/batches/<int:batch_no>/undo")
@merchant_only
def undo(batch_no: int) -> BaseResponse | str:
    """Have a batch undone, once somebody has read what that takes: the first portion at once, the rest by the clock."""
    if not sure.said() and (question := _sure_to_undo(_known(batch_no))):
        return question
    with unit() as work:
        loyalty.recall_batch(work, _known(batch_no))
    return _begun(batch_no)


def _sure_to_undo(batch_no: int) -> str:
    """What undoing it takes from how many; empty where there is nothing to undo."""
    with unit() as work:
        found = loyalty.preview_batch(work, batch_no)
    if state(found.row) not in ("booking", "booked"):
        return ""
    title, back = _("Undo the batch “%(label)s”?", label=found.row.label), link("batches.one_batch", batch_no=batch_no)
    if found.row.kind in ("reward", "tag"):
        return sure.ask(title, [bulk.undoing(found)], _("Undo it"), back)
    people, owed = found.undoing.people, found.undoing.owed
    taken = ngettext("%(num)s point is taken back.", "%(num)s points are taken back.", found.undoing.booked)
    will = [taken, ngettext("%(num)s member loses theirs.", "%(num)s members lose theirs.", people)]
    if owed:
        will.append(ngettext("%(num)s point was spent and is owed.", "%(num)s points were spent and are owed.", owed))
    return sure.ask(title, will, _("Undo it"), back)


def _begun(batch_no: int) -> BaseResponse:
    with unit() as work:
        loyalty.book_due(work)
    return redirect(link("batches.one_batch", batch_no=batch_no), 303)


@pages.post("/batches/<int:batch_no>/forget")
@merchant_only
def forget(batch_no: int) -> BaseResponse:
    """Drop a batch that was only looked at."""
    with unit() as work:
        loyalty.forget_batch(work, _known(batch_no))
    return redirect(link("batches.batch_list"), 303)


def state(row: Any) -> str:
    """Where a batch stands, by its instants: read, booking, booked, undoing or undone."""
    if row.undone_at:
        return "undone"
    if row.recalled_at:
        return "undoing"
    return "booked" if row.booked_at else "booking" if row.approved_at else "read"


def _known(batch_no: int) -> int:
    """The number, if the database can hold it."""
    return batch_no if batch_no < NO_BOUND else abort(404, _("There is no such batch."))


class _Names(dict[str, str]):
    """What the audiences are called, those that were chosen among the customers too."""

    def __missing__(self, audience: str) -> str:
        return bulk.audience_words(audience)


def _names(work: UnitOfWork) -> _Names:
    found = _Names({"all:": _("Everybody")})
    found |= {f"stage:{stage}": wording.stage(stage) for stage in lifecycle.STAGES}
    found |= {f"tier:{level.key}": level.name for level in loyalty.current_terms(work).tiers.levels}
    return found


def _list(work: UnitOfWork, refusal: Refusal | None = None) -> str:
    terms = loyalty.current_terms(work)
    return render_template(
        "admin/batches.html", done=loyalty.latest_batches(work), names=_names(work), version=terms.version,
        refusal=refusal, typed=request.form, state=state, segments=g.merchant.platform.segments,
    )  # fmt: skip
