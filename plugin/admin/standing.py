"""The merchant's pages of expiry and tiers: what is in force, what new terms would do, and one member's tier.

Terms that take something from people are shown before they are said: a form first answers with who would lose what, or
who would move, and only what was seen so can be published. Each page is plain forms, and works without any script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, abort, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.ids import CustomerId
from commerce.refusal import Refusal
from engine.work import UnitOfWork
from loyalty import Expiry, Ladder
from plugin import calendars, phrases
from plugin.admin import drafts
from plugin.admin import standing_forms as forms
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link
from plugin.admin.typed import version
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("standing", __name__)

REFUSED = 409


@contextmanager
def _work() -> Iterator[UnitOfWork]:
    with current_app.extensions["doors"].database.work(g.merchant.shop.shop_id) as work:
        yield work


@pages.get("/tiers")
@merchant_only
def tiers() -> str:
    """The program's tiers, how many members stand on each, and the form that changes them."""
    with _work() as work:
        terms = loyalty.current_terms(work)
        return _show_tiers(work, forms.tiers_shown(terms.tiers, terms.currency))


@pages.post("/tiers")
@merchant_only
def state_tiers() -> BaseResponse | str | tuple[str, int]:
    """Show who would move by the tiers of the form or, seen so already, publish them."""
    typed = forms.typed(request.form.items())
    if typed.get("do") in ("try", "keep"):
        return _dealt("tiers", _tiers_typed, lambda work, refusal: _show_tiers(work, typed, refusal=refusal))
    with _work() as work:
        terms = loyalty.current_terms(work)
        try:
            body = forms.tiers_of(typed, terms.currency, loyalty.tier_keys(work))
            seen, done = forms.digest(body), _published(work, "tiers", body)
        except Refusal as refusal:
            return _show_tiers(work, typed, refusal=refusal), REFUSED
        if typed.get("do") == "change":
            return _show_tiers(work, typed)
        if done:
            return redirect(link("standing.tiers", changed="yes"), 303)
        ladder = Ladder.read(body)
        preview = loyalty.preview_tiers(work, ladder)
        shown = forms.tiers_shown(ladder, terms.currency)
        return _show_tiers(work, shown, preview=preview, proposed=ladder, seen=seen)


def _tiers_typed(work: UnitOfWork) -> dict[str, Any]:
    typed = forms.typed(request.form.items())
    return forms.tiers_of(typed, loyalty.current_terms(work).currency, loyalty.tier_keys(work))


def _expiry_typed(_work: UnitOfWork) -> dict[str, Any]:
    return forms.expiry_of(forms.typed(request.form.items()))


def _dealt(
    part: str,
    typed: Callable[[UnitOfWork], dict[str, Any]],
    refused: Callable[[UnitOfWork, Refusal], str],
) -> BaseResponse | str | tuple[str, int]:
    """Try one part of the terms, as it was typed, on the shop's history, or keep it as a draft."""
    try:
        with drafts.snapshot() as work:
            body = typed(work)
            if request.form.get("do") == "try":
                found = loyalty.simulate(work, loyalty.draft(work, lambda now: {**now, part: body}))
                return drafts.show_tried(found, link(f"standing.state_{part}"), forms.digest(body))
        return drafts.keep(lambda now: {**now, part: body})
    except Refusal as refusal:
        with _work() as work:
            return refused(work, refusal), REFUSED


def _published(work: UnitOfWork, part: str, body: Mapping[str, Any]) -> bool:
    """Publish one part of the terms, if that was asked for and it is what was seen before. Refuses with `TermsMoved`
    what stands on a page older than that part, even if it is only to be looked at: the next page would be newer.
    """
    loyalty.unmoved(work, loyalty.draft(work, lambda now: {**now, part: body}), version(request.form), (part,))
    if request.form.get("do") != "publish" or request.form.get("seen") != forms.digest(body):
        return False
    loyalty.change(work, **{part: body})
    return True


def _show_tiers(work: UnitOfWork, typed: Mapping[str, str], **more: Any) -> str:
    terms = loyalty.current_terms(work)
    return render_template(
        "admin/tiers.html",
        terms=terms,
        members=loyalty.tier_counts(work),
        f=typed,
        rows=forms.rows_of(typed),
        perks=phrases.PERKS,
        changed=request.args.get("changed") == "yes",
        **({"preview": None, "proposed": None, "seen": "", "refusal": None} | more),
    )


@pages.get("/expiry")
@merchant_only
def expiry() -> str:
    """How points expire, and the form that changes it."""
    with _work() as work:
        return _show_expiry(work, forms.expiry_shown(loyalty.current_terms(work).expiry))


@pages.post("/expiry")
@merchant_only
def state_expiry() -> BaseResponse | str | tuple[str, int]:
    """Show who would lose what and when by the policy of the form or, seen so already, publish it."""
    typed = forms.typed(request.form.items())
    if typed.get("do") in ("try", "keep"):
        return _dealt("expiry", _expiry_typed, lambda work, refusal: _show_expiry(work, typed, refusal=refusal))
    with _work() as work:
        try:
            body = forms.expiry_of(typed)
            seen, done = forms.digest(body), _published(work, "expiry", body)
        except Refusal as refusal:
            return _show_expiry(work, typed, refusal=refusal), REFUSED
        if typed.get("do") == "change":
            return _show_expiry(work, typed)
        if done:
            return redirect(link("standing.expiry", changed="yes"), 303)
        policy = Expiry.read(body)
        preview = loyalty.preview_expiry(work, policy)
        return _show_expiry(work, forms.expiry_shown(policy), preview=preview, seen=seen)


def _show_expiry(work: UnitOfWork, typed: Mapping[str, str], **more: Any) -> str:
    return render_template(
        "admin/expiry.html",
        terms=loyalty.current_terms(work),
        f=typed,
        months=calendars.month_names(),
        changed=request.args.get("changed") == "yes",
        **({"preview": None, "seen": "", "refusal": None} | more),
    )


@pages.post("/customers/<int:customer_id>/tier")
@merchant_only
def set_tier(customer_id: int) -> BaseResponse:
    """Put a member on a tier by the shop's own word, or let what was counted say it again."""
    typed, who = forms.typed(request.form.items()), g.merchant.user_id or "the shop"
    if customer_id >= NO_BOUND:
        abort(404, _("There is no such customer in this shop."))
    until = forms.until_of(typed, calendars.zone(g.merchant.shop.timezone))
    with _work() as work:
        if not loyalty.is_customer(work, CustomerId(customer_id)):
            abort(404, _("There is no such customer in this shop."))
        reason = typed.get("reason", "")
        if typed.get("do") == "end":
            loyalty.end_choice(work, CustomerId(customer_id), reason=reason, made_by=who)
        else:
            tier = typed.get("tier") or None
            loyalty.set_tier(work, CustomerId(customer_id), tier, until=until, reason=reason, made_by=who)
    return redirect(link("admin.customer", customer_id=customer_id) + "#tier", 303)
