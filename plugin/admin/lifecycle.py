"""The lifecycle of a shop's customers, for the merchant: the pipeline of stages, and the rules that make it.

Rules are tried before they are published: who would move, counted among the shop's own customers. What is published
names the version that it was written against, so that nobody overwrites what they have not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import lifecycle
from commerce.refusal import Refusal
from commerce.sayings import say
from engine.work import UnitOfWork
from plugin.admin import leads
from plugin.admin.pages import link
from plugin.session import merchant_only

pages = Blueprint("lifecycle", __name__)

REFUSED = 409
SPANS = lifecycle.PIPELINE_DAYS
# Longer is a mistake of the clipboard.
LONGEST_NUMBER = 5

FIELDS: Mapping[str, str] = {
    "retained_from_orders": say("Retained from so many orders"),
    "advocate_from_referrals": say("Advocate from so many friends brought"),
    "at_risk_after_days": say("At risk after so many days without an order"),
    "lapsed_after_days": say("Lapsed after so many days without an order"),
    "personal_from_orders": say("Their own rhythm counts from so many orders, on different days"),
    "at_risk_percent": say("At risk after so much of their usual gap, in %"),
    "lapsed_percent": say("Lapsed after so much of their usual gap, in %"),
    "personal_least_days": say("But never at risk before so many days"),
    "personal_most_days": say("And never later than so many days"),
    "patience_percent": say("Wait again for so much of a silence they came back from, in %"),
    "stay_days": say("Stay retained for so many days after an order that came back"),
}
"""The rules of the form, in its order, and what each is called."""


def _work() -> AbstractContextManager[UnitOfWork]:
    work: AbstractContextManager[UnitOfWork] = current_app.extensions["doors"].database.work(g.merchant.shop.shop_id)
    return work


@pages.get("/lifecycle")
@merchant_only
def pipeline() -> str:
    """How many customers stand at each stage, and where they went of late."""
    asked = request.args.get("days", "")
    days = int(asked) if asked in {str(span) for span in SPANS} else SPANS[1]
    with _work() as work:
        found, agreed, walking = lifecycle.pipeline(work, days), lifecycle.current_terms(work), lifecycle.walking(work)
        origins, depths = leads.origins(work), lifecycle.drop_off(work)
    return render_template(
        "admin/pipeline.html",
        p=found,
        f={"rules": agreed},
        walking=walking,
        spans=SPANS,
        streams=_streams(found),
        origins=origins,
        depths=depths,
    )


def _streams(found: lifecycle.Pipeline) -> list[tuple[int, int, int, str]]:
    """The streams as the picture draws them: the first slot on the left is for those who became known."""
    places = {stage: place for place, stage in enumerate(lifecycle.STAGES)}
    return [
        (places[s.from_stage] + 1 if s.from_stage else 0, places[s.to_stage], s.changes, str(s.to_stage))
        for s in found.streams
    ]


@pages.get("/lifecycle/rules")
@merchant_only
def rules() -> str:
    """The rules by which customers stand where they stand."""
    with _work() as work:
        agreed = lifecycle.current_terms(work)
        suggested = lifecycle.proposal(work) if request.args.get("suggest") == "yes" else None
    typed = _shown(agreed)
    if suggested and suggested.at_risk_days and suggested.lapsed_days:
        typed |= {"at_risk_after_days": str(suggested.at_risk_days), "lapsed_after_days": str(suggested.lapsed_days)}
    return _page(typed, str(agreed.version), suggested=suggested)


@pages.post("/lifecycle/rules")
@merchant_only
def state_rules() -> BaseResponse | str | tuple[str, int]:
    """Try rules on everybody, or publish them. What is refused stays in the form."""
    seen = request.form.get("seen", "")
    typed = {name: request.form.get(name, "")[:100].strip() for name in FIELDS}
    try:
        changed = {name: _number(name, typed[name]) for name in FIELDS}
        if request.form.get("do") == "try":
            with current_app.extensions["doors"].database.snapshot(g.merchant.shop.shop_id) as work:
                now = lifecycle.current_terms(work)
                found = lifecycle.preview(work, now, lifecycle.draft(now, changed))
            return _page(typed, seen, preview=found)
        with _work() as work:
            lifecycle.publish(work, changed, int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else 0)
    except Refusal as refusal:
        # Who was overtaken sees what counts now, beside what they typed; sending it again is their decision.
        again = isinstance(refusal, lifecycle.RulesChanged)
        return _page(typed, None if again else seen, refusal=refusal), REFUSED
    return redirect(link("lifecycle.rules", changed="yes"), 303)


def _number(name: str, typed: str) -> int:
    if not (typed.isdecimal() and len(typed) <= LONGEST_NUMBER):  # of any script
        raise lifecycle.RulesRefused(name, say("%(field)s: a whole number such as 90 is expected.", field=FIELDS[name]))
    return int(typed)


def _shown(agreed: lifecycle.Terms) -> dict[str, str]:
    return {name: str(getattr(agreed, name)) for name in FIELDS}


def _page(typed: Mapping[str, str], seen: str | None, **more: Any) -> str:
    with _work() as work:
        agreed, walking = lifecycle.current_terms(work), lifecycle.walking(work)
    wrong = getattr(more.get("refusal"), "field", None)
    return render_template(
        "admin/stage_rules.html", terms=agreed, now=_shown(agreed), typed=typed, seen=seen or str(agreed.version),
        fields=FIELDS, wrong=wrong, walking=walking, stages=lifecycle.STAGES, changed=request.args.get("changed"),
        f={"rules": agreed}, **more,
    )  # fmt: skip
