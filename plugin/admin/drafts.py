"""Terms that are tried and kept, for the merchant: what they would have done to the shop's own history, and the drafts
that wait to be published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.refusal import Refusal
from engine.work import UnitOfWork
from plugin.admin import typed
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.session import merchant_only

pages = Blueprint("drafts", __name__)

REFUSED = 409
# Fields of the pages themselves: the others are what was typed.
_OWN = ("do", "seen", "draft_name")


class DraftChanged(Refusal):
    """Somebody has kept other rules under this draft's name while this page was open. Look at it again, and publish it
    then.
    """


def snapshot() -> AbstractContextManager[UnitOfWork]:
    """One instant of the merchant's shop, to read for as long as it takes."""
    found: AbstractContextManager[UnitOfWork] = current_app.extensions["doors"].database.snapshot(
        g.merchant.shop.shop_id
    )
    return found


def show_tried(found: loyalty.Simulation, action: str, seen: str = "", *, again: bool = False, kept: str = "") -> str:
    """The page of what was tried. Its buttons send what was typed to `action` once more; `kept`: it is a draft, kept
    at that instant.
    """
    sent = {name: value for name, value in request.form.items() if name not in _OWN}
    return render_template(
        "admin/simulation.html", s=found, typed={} if kept else sent, seen=seen, again=again, action=action, kept=kept
    )  # fmt: skip


def keep(changed: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> BaseResponse:
    """Keep what `changed` makes of the terms of now as a draft, under the name that was typed. Refuses as
    `loyalty.keep_draft`.
    """
    with unit() as work:
        loyalty.keep_draft(work, request.form.get("draft_name", ""), loyalty.draft(work, changed))
    return redirect(link("drafts.draft_list"), 303)


def publish(work: UnitOfWork, changed: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Publish what `changed` makes of the terms of now, unless what it changes has changed since the page that was sent
    was shown. Refuses with `TermsMoved` or `TermsRefused`.
    """
    loyalty.unmoved(work, loyalty.draft(work, changed), typed.version(request.form))
    loyalty.revise(work, changed)


@pages.get("/drafts")
@merchant_only
def draft_list() -> str:
    """The drafts: what each changes, and whether the terms are still those that it was kept beside."""
    return _list()


def _list(refusal: Refusal | None = None, *, both: list[str] | None = None) -> str:
    with unit() as work:
        return render_template(
            "admin/drafts.html", drafts=loyalty.drafts(work), refusal=refusal, both=both,
            changed=request.args.get("changed"),
        )  # fmt: skip


@pages.post("/drafts/<int:draft_id>")
@merchant_only
def deal(draft_id: int) -> BaseResponse | str | tuple[str, int]:
    """Try a draft on the history, publish it, lay it over the terms of now, or drop it."""
    wanted, draft_id, kept = request.form.get("do"), min(draft_id, NO_BOUND), request.form.get("kept", "")
    try:
        if wanted == "try":
            with snapshot() as work:
                found = loyalty.simulate(work, loyalty.draft_body(work, draft_id))
            return show_tried(found, link("drafts.deal", draft_id=draft_id), kept=kept or "yes")
        with unit() as work:
            if wanted in ("publish", "lay") and kept[:4].isdigit():
                _see_as_kept(work, draft_id, kept)
            if wanted == "publish":
                loyalty.publish_draft(work, draft_id)
                return redirect(link("drafts.draft_list", changed="published"), 303)
            both = loyalty.lay_anew(work, draft_id) if wanted == "lay" else None
            if wanted == "drop":
                loyalty.drop_draft(work, draft_id)
    except Refusal as refusal:
        return _list(refusal), REFUSED
    return _list(both=both)


def _see_as_kept(work: UnitOfWork, draft_id: int, kept: str) -> None:
    """See that nobody has kept another draft under this one's name since the page was shown."""
    now = next((found.draft for found in loyalty.drafts(work) if found.draft.draft_id == draft_id), None)
    if now is not None and now.kept_at.isoformat() != kept:
        raise DraftChanged
