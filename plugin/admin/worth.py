"""How a customer's worth is put into words, and how far a merchant may trust it: the methods by name, and their trial
on the shop's own past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commerce.sayings import say
from lifecycle import PRESETS
from plugin.admin.customers import Portrait
from plugin.sentences import _, told

METHODS: Mapping[str, str] = {
    "mbg/nbd": say("the MBG/NBD model"),
    "bg/nbd": say("the BG/NBD model"),
    "pareto/nbd": say("the Pareto/NBD model"),
    "hiatus": say("the rule of silence"),
    "prior": say("what is known of shops in general"),
    "hiatus p90": say("the rule of silence, at 90 of 100 gaps"),
    "hiatus p80": say("the rule of silence, at 80 of 100 gaps"),
    "own p90 gap": say("each customer's own gaps, at 90 of 100"),
    "majority": say("the same answer for everybody"),
}
# What every method is compared with first.
SIMPLE_RULE = "hiatus p90"


@dataclass(frozen=True, slots=True)
class BackTest:
    """What a method said a while ago, held against what came: as the model's report has it."""

    customers: int
    orders: int
    expected: float
    rows: Sequence[Mapping[str, Any]]

    @property
    def chosen(self) -> Mapping[str, Any]:
        return next(row for row in self.rows if row["chosen"])

    @property
    def simple(self) -> Mapping[str, Any] | None:
        return next((row for row in self.rows if row["method"] == SIMPLE_RULE), None)


def back_test(model: Any) -> BackTest | None:
    """The trial of a model; None where the shop was too young for one."""
    found = model.report.get("held_out") if model is not None else None
    return BackTest(found["n"], found["orders"], found["expected"], found["rows"]) if found else None


def method_name(method: str) -> str:
    return told(METHODS.get(method, method))


def words(portrait: Portrait) -> dict[str, Any]:
    """What the page of one customer says of their worth: the group, the usual gap in days, and the method's record."""
    value, found = portrait.worth, portrait.reckoned
    if value is None or found is None or found.model is None:
        return {"worth_group": None, "worth_gap": None, "worth_words": ""}
    # While a night changes from one preset to another, some customers are in groups of the other.
    presets = sorted(PRESETS, key=lambda preset: preset != found.used.groups)
    groups = [group for preset in presets for group in PRESETS[preset] if group.key == value.rfm_group]
    gaps = value.purchases - 1
    return {
        "worth_group": next(iter(groups), None),
        "worth_gap": round((value.last_day - value.first_day).days / gaps) if gaps else None,
        "worth_words": record(found.model),
    }


def record(model: Any) -> str:
    """By which method, and how it would have done in the shop's own last months, as sentences."""
    said = _("Reckoned by %(method)s.", method=method_name(model.method))
    tried = back_test(model)
    if tried is None or tried.chosen["accuracy"] is None:
        untried = _("It could not be tried on your shop's past yet: take it for a first guess.")
        return f"{said} {told(model.report['why'])} {untried}"
    days, right = model.report["horizon_days"], round(100 * tried.chosen["accuracy"])
    if tried.simple is None or tried.simple["accuracy"] is None:
        foresaw = _(
            "In the last %(days)s days it foresaw of %(right)s in 100 customers of your shop whether they would order.",
            days=days, right=right,
        )  # fmt: skip
        return f"{said} {foresaw}"
    foresaw = _(
        "In the last %(days)s days it foresaw of %(right)s in 100 customers of your shop whether they would order; the "
        "simple rule of silence, of %(simple)s.",
        days=days, right=right, simple=round(100 * tried.simple["accuracy"]),
    )  # fmt: skip
    return f"{said} {foresaw}"
