"""How points are earned in a shop, for the merchant: one page with a form for each part of the terms, and an example
reckoned by the rules themselves. Each button publishes a new version; what was earned keeps the version that paid.
Rules for orders may be tried first: what they would have issued is shown, and what was seen so can be published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.money import Money, exponent
from commerce.refusal import Refusal
from engine.work import UnitOfWork
from plugin.admin import collections, drafts, program_form, standing_forms
from plugin.admin.pages import link
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("program", __name__)

Changed = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Makes new terms of those of now."""

REFUSED = 409
# A merchant reckons with a round sum.
EXAMPLE_UNITS = 100


def _work() -> AbstractContextManager[UnitOfWork]:
    work: AbstractContextManager[UnitOfWork] = current_app.extensions["doors"].database.work(g.merchant.shop.shop_id)
    return work


@pages.get("/earning")
@merchant_only
def earning() -> str:
    """The rules by which points are earned."""
    return _page()


@pages.post("/earning")
@merchant_only
def publish_rules() -> BaseResponse | str | tuple[str, int]:
    """Publish new rules for orders, or try them. What was tried is published as it was seen, or tried again."""
    wanted, seen = request.form.get("do"), request.form.get("seen")
    if wanted == "change":
        return _page()
    try:
        # The store is asked before anything is begun that holds the database.
        changed = partial(_typed_rules, collections.ready(program_form.collections_in(request.form)))
        if wanted == "try":
            return _tried(changed)
        if wanted == "keep":
            return drafts.keep(changed)
        with _work() as work:
            if not seen or _name(work, changed) == seen:
                drafts.publish(work, changed)
                return redirect(link("program.earning", changed="yes"), 303)
        return _tried(changed, again=True)
    except Refusal as refusal:
        return _page(refusal), REFUSED


def _tried(changed: Changed, *, again: bool = False) -> str:
    """What the rules of the form do to the shop's orders, beside the rules of now. Nothing is written."""
    with drafts.snapshot() as work:
        seen, found = _name(work, changed), loyalty.simulate(work, loyalty.draft(work, changed))
    return drafts.show_tried(found, link("program.publish_rules"), seen, again=again)


def _typed_rules(named: Mapping[str, program_form.Named], body: Mapping[str, Any]) -> dict[str, Any]:
    return program_form.rules_of(request.form, body, named)


def _name(work: UnitOfWork, changed: Changed) -> str:
    """A name for exactly these rules beside exactly those of now."""
    now = loyalty.current_terms(work).version
    return standing_forms.digest({**loyalty.draft(work, changed), "beside": now})


@pages.post("/earning/promotions")
@merchant_only
def add_promotion() -> BaseResponse | tuple[str, int]:
    """Publish one promotion more."""

    def added(body: Mapping[str, Any]) -> dict[str, Any]:
        known = body.get("promotions") or []
        new = program_form.promotion_of(request.form, body["currency"], {one["key"] for one in known})
        stacking = request.form.get("stacking") or body.get("stacking")
        return {**body, "promotions": [*known, new], "stacking": stacking}

    return _publish(added)


@pages.post("/earning/actions")
@merchant_only
def add_action() -> BaseResponse | tuple[str, int]:
    """Publish one action more."""

    def added(body: Mapping[str, Any]) -> dict[str, Any]:
        known = body.get("actions") or []
        return {**body, "actions": [*known, program_form.action_of(request.form, {one["key"] for one in known})]}

    return _publish(added)


@pages.post("/earning/remove")
@merchant_only
def remove() -> BaseResponse | tuple[str, int]:
    """Publish terms without one promotion or action. What it brought stays."""
    what, key = request.form.get("what", ""), request.form.get("key", "")

    def without(body: Mapping[str, Any]) -> dict[str, Any]:
        if what not in ("promotions", "actions"):
            raise program_form.NotTerms(_("Nothing was named that could be removed."))
        return {**body, what: [one for one in body.get(what) or [] if one["key"] != key]}

    return _publish(without)


def _publish(changed: Changed) -> BaseResponse | tuple[str, int]:
    """Publish what `changed` makes of the current terms; a refusal is shown on the page that was sent."""
    try:
        with _work() as work:
            drafts.publish(work, changed)
    except Refusal as refusal:
        return _page(refusal), REFUSED
    return redirect(link("program.earning", changed="yes"), 303)


# What was typed into a form stands there again.
_FORMS = {"program.publish_rules": "rules", "program.add_promotion": "promotion", "program.add_action": "action"}


def _page(refusal: Refusal | None = None) -> str:
    with _work() as work:
        terms = loyalty.current_terms(work)
    unit = 10 ** exponent(terms.currency)
    example = loyalty.example(terms, EXAMPLE_UNITS * unit)
    form = _FORMS.get(request.endpoint or "", "")
    return render_template(
        "admin/earning.html", terms=terms, typed=request.form if form == "rules" else _shown(terms), refusal=refusal,
        example=example, spent=Money(EXAMPLE_UNITS * unit, terms.currency), changed=request.args.get("changed"),
        form=form, again=request.form,
    )  # fmt: skip


def _shown(terms: loyalty.Terms) -> dict[str, str]:
    """What stands in the fields of the first form."""
    rules = terms.earning
    tax = {None: "as_priced", True: "with", False: "without"}[rules.tax]
    return {
        "points": str(terms.points), "per": Money(terms.per_minor, terms.currency).decimal(),
        "margin": str(terms.margin or ""), "hold_days": str(terms.hold_days), "tax": tax,
        "per_order": str(rules.per_order), "per_item": str(rules.per_item),
        "minimum": Money(rules.minimum_minor, terms.currency).decimal(),
        "rounding": rules.rounding, "trigger": rules.trigger, "members": rules.members, "debt": rules.debt,
        "returns": rules.returns, "stacking": terms.stacking or "",
        **{f"cap_{cap.period}": str(cap.points) for cap in rules.caps},
        **{name: "1" for name in ("shipping", "discounts", "credit", "pos", "draft") if getattr(rules, name)},
        **program_form.said(rules),
    }  # fmt: skip
