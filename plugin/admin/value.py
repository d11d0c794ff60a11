"""What customers are worth, for the merchant: scores and groups, what is to be expected of them, by which method that
is reckoned, and how well the method would have foreseen the shop's own last months.

Totals are those of the last night, written down by it: the page costs the same for ten customers and for a million.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import lifecycle
from commerce.refusal import Refusal
from lifecycle import LIMITS, PRESET_NAMES, PRESETS, PROSPECTS, BadValueTerms, Overview, ValueTerms
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.admin.worth import back_test, method_name
from plugin.session import merchant_only

pages = Blueprint("value", __name__)

PAGE = 50
REFUSED = 409

# What each number of the form is called, and the words for who typed something else.
NUMBERS: Mapping[str, str] = {
    "margin_percent": "Margin: a whole number from 1 to 100, in percent of a sale.",
    "discount_percent": "Discount rate: a whole number from 0 to 100, in percent a year.",
    "horizon_days": "Horizon: a whole number of days, from 7 to 730.",
}


@pages.get("/value")
@merchant_only
def value() -> str:
    """What customers are worth, and how that is reckoned."""
    with unit() as work:
        found = lifecycle.value_overview(work)
    return _page(found, _typed(found.terms), changed=request.args.get("changed") == "yes")


@pages.post("/value")
@merchant_only
def change_value() -> BaseResponse | tuple[str, int]:
    """Reckon by other terms from now on."""
    typed = {name: request.form.get(name, "")[:20].strip() for name in (*NUMBERS, "groups", "tell")}
    with unit() as work:
        try:
            lifecycle.publish_value_terms(work, _terms(typed))
        except BadValueTerms as refusal:
            return _page(lifecycle.value_overview(work), typed, refusal=refusal), REFUSED
    return redirect(link("value.value", changed="yes"), 303)


@pages.get("/value/customers")
@merchant_only
def valuable() -> str:
    """Customers by what they are worth, of a group if one is chosen."""
    chosen = request.args.get("group", "")
    with unit() as work:
        found = lifecycle.value_overview(work)
        group = next((each for each in PRESETS[found.used.groups] if each.key == chosen), None)
        rows = lifecycle.most_valuable(work, group.key if group else None, after=_after(request.args.get("after", "")))
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return render_template(
        "admin/valuable.html", rows=rows[:PAGE], group=group, groups=PRESETS[found.used.groups],
        after=f"{last.predicted_minor}-{last.customer_id}" if last else None, first="after" not in request.args,
        currency=g.merchant.shop.currency, terms=found.used,
    )  # fmt: skip


def _page(found: Overview, typed: Mapping[str, str], *, refusal: Refusal | None = None, changed: bool = False) -> str:
    return render_template(
        "admin/value.html",
        v=found,
        s=found.run.summary if found.run else {},
        used=found.used,
        groups=PRESETS[found.used.groups],
        prospects=PROSPECTS,
        presets=PRESET_NAMES,
        tried=back_test(found.model),
        method_name=method_name,
        currency=g.merchant.shop.currency,
        worth_days=lifecycle.WORTH_DAYS,
        typed=typed,
        refusal=refusal,
        changed=changed,
    )


def _typed(terms: ValueTerms) -> dict[str, str]:
    return {
        "margin_percent": str(terms.margin_percent), "discount_percent": str(terms.discount_percent),
        "horizon_days": str(terms.horizon_days), "groups": terms.groups, "tell": "yes" if terms.tell else "",
    }  # fmt: skip


def _terms(typed: Mapping[str, str]) -> ValueTerms:
    """The terms that the form describes. Refuses with `BadValueTerms`, naming the field."""
    numbers = dict[str, int]()
    for name, wanted in NUMBERS.items():
        written = typed[name]
        if not (written.isascii() and written.isdigit()):
            raise BadValueTerms(wanted)
        numbers[name] = int(written)
        low, high = LIMITS[name]
        if not low <= numbers[name] <= high:
            raise BadValueTerms(wanted)
    if typed["groups"] not in PRESETS:
        raise BadValueTerms("Groups: choose one of those that are offered.")
    return ValueTerms(
        margin_percent=numbers["margin_percent"], discount_percent=numbers["discount_percent"],
        horizon_days=numbers["horizon_days"], groups=typed["groups"], tell=typed["tell"] == "yes",
    )  # fmt: skip


def _after(typed: str) -> tuple[int, int] | None:
    worth, _, number = typed.partition("-")
    if not (typed.isascii() and worth.isdigit() and number.isdigit() and len(typed) <= 38):
        return None
    return min(int(worth), NO_BOUND), min(int(number), NO_BOUND)
