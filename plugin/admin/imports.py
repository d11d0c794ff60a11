"""Points from another program, for the merchant: read a file, look at the difference, book it, undo it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.sayings import say
from loyalty import ImportSource
from plugin import calendars
from plugin.admin import sure
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.sentences import _, ngettext, told
from plugin.session import merchant_only

pages = Blueprint("imports", __name__)

# What is done with a balance that is there already, in words.
WAYS = (("add", say("Add them to what customers have")), ("set", say("Make them the whole balance")))


@pages.get("/imports")
@merchant_only
def import_list() -> str:
    """The form, and what was imported so far."""
    with unit() as work:
        return _page(done=loyalty.imports(work))


@pages.post("/imports")
@merchant_only
def read_file() -> Any:
    """Read a file. Nothing is booked: what it would change is shown, or what is wrong with it."""
    given, form = request.files.get("file"), request.form
    data = given.stream.read(loyalty.MOST_IMPORT_BYTES + 1) if given else b""
    source = ImportSource(form["source"]) if form.get("source") in set(ImportSource) else ImportSource.OTHER
    way = "set" if form.get("way") == "set" else "add"
    with unit() as work:
        reading = loyalty.read_import(
            work, data, source, way, calendars.zone(g.merchant.shop.timezone), note=form.get("note", ""),
            leave_out_unknown="leave_out" in form,
        )  # fmt: skip
        if reading.import_id is None:
            return _page(done=loyalty.imports(work), reading=reading), 422
    return redirect(link("imports.one_import", import_id=reading.import_id), 303)


@pages.get("/imports/<int:import_id>")
@merchant_only
def one_import(import_id: int) -> str:
    """An import beside the books: what it changes, or what it did."""
    try:
        with unit() as work:
            found = loyalty.preview_import(work, _known(import_id))
    except loyalty.ImportUnknown as unknown:
        abort(404, told(unknown.message))
    return render_template("admin/import.html", i=found, done=request.args.get("done"))


@pages.post("/imports/<int:import_id>/book")
@merchant_only
def book(import_id: int) -> BaseResponse:
    """Book an import, whole."""
    with unit() as work:
        loyalty.apply_import(work, _known(import_id))
    return redirect(link("imports.one_import", import_id=import_id, done="booked"), 303)


@pages.post("/imports/<int:import_id>/undo")
@merchant_only
def undo(import_id: int) -> BaseResponse | str:
    """Take an import out of the books again, once somebody has read what that does."""
    if not sure.said() and (question := _sure_to_undo(_known(import_id))):
        return question
    with unit() as work:
        loyalty.undo_import(work, _known(import_id))
    return redirect(link("imports.one_import", import_id=import_id, done="undone"), 303)


@pages.post("/imports/<int:import_id>/forget")
@merchant_only
def forget(import_id: int) -> BaseResponse:
    """Drop a file that was read and not booked."""
    with unit() as work:
        loyalty.forget_import(work, _known(import_id))
    return redirect(link("imports.import_list"), 303)


def _sure_to_undo(import_id: int) -> str:
    """What undoing it does; empty where it is not booked."""
    with unit() as work:
        row = loyalty.preview_import(work, import_id).row
    if not row.applied_at or row.undone_at:
        return ""
    will = [
        ngettext("What %(num)s line changed is taken back by a new entry.",
                 "What %(num)s lines changed is taken back by new entries.", row.row_count),
        _("Points that were spent meanwhile are owed by their customers."),
    ]  # fmt: skip
    return sure.ask(_("Undo this import?"), will, _("Undo it"), link("imports.one_import", import_id=import_id))


def _known(import_id: int) -> int:
    """The number, if the database can hold it."""
    return import_id if import_id < NO_BOUND else abort(404, _("There is no such import."))


def _page(**shown: Any) -> str:
    return render_template("admin/imports.html", sources=loyalty.IMPORT_SOURCES, ways=WAYS, f=request.form, **shown)
