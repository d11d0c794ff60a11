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
from commerce.sayings import say
from lifecycle import LIMITS, PRESET_NAMES, PRESETS, PROSPECTS, BadValueTerms, Overview, ValueTerms
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.admin.worth import back_test, method_name
from plugin.amounts import money, number
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("value", __name__)

PAGE = 50
REFUSED = 409

# What each number of the form is called, and the words for who typed something else.
NUMBERS: Mapping[str, str] = {
    "margin_percent": say("Margin: a whole number from 1 to 100, in percent of a sale."),
    "discount_percent": say("Discount rate: a whole number from 0 to 100, in percent a year."),
    "horizon_days": say("Horizon: a whole number of days, from 7 to 730."),
}
SCORES = {str(score): score for score in range(1, 6)}


class BadNumber(BadValueTerms):
    """One of the fields is not what was asked for: `field`."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


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
    seen = request.form.get("seen", "")
    try:
        with unit() as work:
            # Who says no version has seen none.
            known = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else -1
            lifecycle.publish_value_terms(work, _terms(typed), known)
    except Refusal as refusal:
        # Who was overtaken sees what counts now, beside what they typed; sending it again is their decision.
        again = isinstance(refusal, lifecycle.RulesChanged)
        with unit() as work:
            return _page(lifecycle.value_overview(work), typed, "" if again else seen, refusal=refusal), REFUSED
    return redirect(link("value.value", changed="yes"), 303)


@pages.get("/value/customers")
@merchant_only
def valuable() -> str:
    """Customers by what they are worth, of a group or of a field of the grid if one is chosen."""
    chosen = request.args.get("group", "")
    with unit() as work:
        found = lifecycle.value_overview(work)
        group = next((each for each in PRESETS[found.used.groups] if each.key == chosen), None)
        cell = None if group else _cell()
        after = _after(request.args.get("after", ""))
        rows = lifecycle.most_valuable(work, group.key if group else None, cell=cell, after=after)
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return render_template(
        "admin/valuable.html", rows=rows[:PAGE], group=group, cell=cell, groups=PRESETS[found.used.groups],
        after=f"{last.predicted_minor}-{last.customer_id}" if last else None, first="after" not in request.args,
        currency=g.merchant.shop.currency, terms=found.used,
    )  # fmt: skip


def _cell() -> tuple[int, int] | None:
    """The scores of recency and frequency in the address; None where there are none."""
    r, f = (SCORES.get(request.args.get(name, "")) for name in ("r", "f"))
    return (r, f) if r and f else None


def _page(
    found: Overview,
    typed: Mapping[str, str],
    seen: str = "",
    *,
    refusal: Refusal | None = None,
    changed: bool = False,
) -> str:
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
        seen=seen or str(found.terms.version),
        wrong=getattr(refusal, "field", ""),
        ends=_ends(found),
        refusal=refusal,
        changed=changed,
    )


def _ends(found: Overview) -> dict[str, str]:
    """Where the fifths of each score end, as a list in words."""
    if found.model is None:
        return {}
    between, cuts = _(", "), found.model.cuts
    said = {key: between.join(number(int(cut)) for cut in cuts[key]) for key in ("r", "f")}
    return said | {"m": between.join(money(int(cut), g.merchant.shop.currency) for cut in cuts["m"])}


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
        if not written.isdecimal():  # of any script
            raise BadNumber(name, wanted)
        numbers[name] = int(written)
        low, high = LIMITS[name]
        if not low <= numbers[name] <= high:
            raise BadNumber(name, wanted)
    if typed["groups"] not in PRESETS:
        raise BadNumber("groups", say("Groups: choose one of those that are offered."))
    return ValueTerms(
        margin_percent=numbers["margin_percent"], discount_percent=numbers["discount_percent"],
        horizon_days=numbers["horizon_days"], groups=typed["groups"], tell=typed["tell"] == "yes",
    )  # fmt: skip


def _after(typed: str) -> tuple[int, int] | None:
    worth, _dash, customer = typed.partition("-")
    if not (typed.isascii() and worth.isdigit() and customer.isdigit() and len(typed) <= 38):
        return None
    return min(int(worth), NO_BOUND), min(int(customer), NO_BOUND)
