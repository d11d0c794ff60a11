"""The forms with which a merchant says how points are earned. What was typed becomes a part of the terms, or a refusal
that says what to type instead; whether it makes sense is for the terms to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import loyalty
from commerce.money import BadAmount, Money
from plugin.admin.typed import Mistyped, plain
from plugin.sentences import _

# Longer is a mistake of the clipboard; the terms have limits of their own.
LONGEST = 10_000
LONGEST_TITLE = 255
PERIODS = ("day", "week", "month", "year", "ever")

_GOODS = re.compile(
    r"(product|variant|vendor|collection|categor(?:y|ie))s?\s+(.+?)\s*=\s*([0-9]{1,7})\s*(%|points?)(?:\s+a\s+piece)?",
    re.ASCII | re.IGNORECASE,
)
_MILESTONE = re.compile(r"(every\s+)?([0-9]{1,6})\s*=\s*([0-9]{1,7})(?:\s+points?)?", re.ASCII | re.IGNORECASE)
_TIER = re.compile(r"([A-Za-z0-9_-]{1,64})\s*=\s*([0-9]{1,5})\s*%", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


NOTHING: Mapping[str, Any] = MappingProxyType({})


class NotTerms(Mistyped):
    """This is not how a rule is written."""


class Named(NamedTuple):
    """A collection that somebody named: its id in the store, and its title."""

    external_id: str
    title: str


def rules_of(
    form: Mapping[str, str], body: Mapping[str, Any], collections: Mapping[str, Named] = NOTHING
) -> dict[str, Any]:
    """The terms `body` with the rules for orders that the form describes. `collections`: those that `collections_in`
    finds in it, by what was typed. Refuses with `NotTerms`.
    """
    typed, currency = _typed(form), body["currency"]
    tax = {"as_priced": None, "with": True, "without": False}.get(typed.get("tax", "as_priced"))
    earning = {
        "tax": tax,
        **{name: bool(typed.get(name)) for name in ("shipping", "discounts", "credit", "pos", "draft")},
        **{name: _number(typed, name, what) for name, what in (("per_order", _("Points for an order")),
                                                               ("per_item", _("Points for a piece")))},
        "minimum_minor": _amount(typed, "minimum", _("The least spend"), currency),
        **{name: typed[name] for name in ("rounding", "trigger", "members", "debt", "returns") if typed.get(name)},
        "caps": [
            {"points": points, "period": period}
            for period in PERIODS if (points := _number(typed, f"cap_{period}", _("The most points for one customer")))
        ],
        "goods": loyalty.ranked([_goods(line, collections) for line in _lines(typed, "goods")]),
        "milestones": [_milestone(line) for line in _lines(typed, "milestones")],
        "tiers": dict(_tier(line) for line in _lines(typed, "tiers")),
    }  # fmt: skip
    return {
        **body,
        "points": _number(typed, "points", _("The points")),
        "per_minor": _amount(typed, "per", _("The amount"), currency),
        "hold_days": _number(typed, "hold_days", _("The days until points can be spent")),
        "earning": earning,
        "margin": _number(typed, "margin", _("The gross margin, in percent")) or None,
        "stacking": typed.get("stacking") or None,
    }


def promotion_of(form: Mapping[str, str], currency: str, taken: Collection[str]) -> dict[str, Any]:
    """The promotion that the form describes. Its days begin and end at midnight UTC. Refuses with `NotTerms`."""
    typed = _typed(form)
    found: dict[str, Any] = {
        "key": _key(typed.get("title", ""), taken, "promotion"),
        "title": typed.get("title", ""),
        "percent": _number(typed, "percent", _("The percentage")) or 100,
        "bonus": _number(typed, "bonus", _("The bonus")),
        "minimum_minor": _amount(typed, "minimum", _("The least spend"), currency),
        "most_orders": _number(typed, "most_orders", _("The number of orders")),
        "first_order": bool(typed.get("first_order")),
        "weekdays": _words(typed, "weekdays"),
        "tiers": _words(typed, "tiers"),
        "segments": _words(typed, "segments"),
        "goods": {"products": re.findall(r"[0-9]+", typed.get("products", ""))},
    }
    for name in ("starts_at", "ends_at"):
        if day := typed.get(name):
            if not _DATE.fullmatch(day):
                raise NotTerms(_("A day is written as 2026-11-27."), name)
            found[name] = f"{day}T00:00:00+00:00"
    return found


def action_of(form: Mapping[str, str], taken: Collection[str]) -> dict[str, Any]:
    """The action that the form describes. Refuses with `NotTerms`."""
    typed = _typed(form)
    return {
        "key": _key(typed.get("title", ""), taken, "action").replace("-", "_"),
        "title": typed.get("title", ""),
        "kind": typed.get("kind", ""),
        "points": _number(typed, "points", _("The points")),
        "limit": _number(typed, "limit", _("How often")),
        "period": typed.get("period") or "ever",
        "link": typed.get("link", ""),
    }


def _typed(form: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:LONGEST].strip() for name, value in form.items()}


def _lines(typed: Mapping[str, str], name: str) -> list[str]:
    return [line.strip() for line in typed.get(name, "").splitlines() if line.strip()]


def _words(typed: Mapping[str, str], name: str) -> list[str]:
    return [word.strip().lower() if name == "weekdays" else word.strip()
            for word in typed.get(name, "").split(",") if word.strip()]  # fmt: skip


def _goods(line: str, collections: Mapping[str, Named]) -> dict[str, Any]:
    kind, names, worth = _goods_parts(line)
    if kind != "collection":
        return {"goods": {f"{kind}s": names}, **worth}
    found = [collections.get(name, Named(name, name)) for name in names]
    title = ", ".join(one.title for one in found)[:LONGEST_TITLE]
    return {"goods": {"collections": [one.external_id for one in found]}, "title": title, **worth}


def _goods_parts(line: str) -> tuple[str, list[str], dict[str, int]]:
    """What a rule is about, the names, and what they earn. A category is a collection. Refuses with `NotTerms`."""
    match = _GOODS.fullmatch(line)
    if match is None:
        raise NotTerms(
            _("A rule for goods is written as “product 123, 124 = 50 %%”, “collection 17 = 0 %%” or “vendor Kettle = 7 "
              "points”: %(line)s", line=line), "goods",
        )  # fmt: skip
    kind, names, number, unit = match.groups()
    kind = kind.lower()
    named = [name.strip() for name in names.split(",") if name.strip()]
    worth = {"percent": int(number)} if unit == "%" else {"fixed": int(number)}
    return "collection" if kind.startswith("categor") else kind, named, worth


def collections_in(form: Mapping[str, str]) -> list[str]:
    """The collections that the form's rules for goods name, as they were typed; lines that are no rules name none."""
    found = list[str]()
    for line in _lines(_typed(form), "goods"):
        if _GOODS.fullmatch(line):
            kind, names, _ = _goods_parts(line)
            found += names if kind == "collection" else []
    return list(dict.fromkeys(found))


def _milestone(line: str) -> dict[str, Any]:
    match = _MILESTONE.fullmatch(line)
    if match is None:
        raise NotTerms(_("A milestone is written as “5 = 100” or “every 10 = 50”: %(line)s", line=line), "milestones")
    return {"order": int(match[2]), "points": int(match[3]), "every": match[1] is not None}


def _tier(line: str) -> tuple[str, int]:
    match = _TIER.fullmatch(line)
    if match is None:
        raise NotTerms(_("A tier's rate is written as “gold = 150 %%”: %(line)s", line=line), "tiers")
    return match[1], int(match[2])


def said(earning: Any) -> dict[str, str]:
    """The rules that are written in lines, as a merchant would write them."""
    return {
        "goods": "\n".join(_goods_line(rule) for rule in earning.goods),
        "milestones": "\n".join(f"{'every ' if m.every else ''}{m.order} = {m.points}" for m in earning.milestones),
        "tiers": "\n".join(f"{key} = {percent} %" for key, percent in earning.tiers),
    }


def _goods_line(rule: Any) -> str:
    lists: Sequence[tuple[str, Sequence[str]]] = (
        ("product", rule.goods.products), ("variant", rule.goods.variants), ("vendor", rule.goods.vendors),
        ("collection", rule.goods.collections),
    )  # fmt: skip
    kind, names = next((kind, names) for kind, names in lists if names)
    worth = f"{rule.fixed} points" if rule.fixed else f"{rule.percent} %"
    return f"{kind} {', '.join(names)} = {worth}"


def _number(typed: Mapping[str, str], name: str, what: str) -> int:
    text = plain(typed.get(name) or "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise NotTerms(_("%(what)s: a whole number such as 100 is expected.", what=what), name)
    return int(text)


def _amount(typed: Mapping[str, str], name: str, what: str, currency: str) -> int:
    try:
        return Money.parse(plain(typed.get(name) or "0"), currency).minor
    except BadAmount:
        raise NotTerms(_("%(what)s is digits with at most one point, such as 12.50.", what=what), name) from None


def _key(title: str, taken: Collection[str], what: str) -> str:
    """A name that the title suggests; what has no Latin letters is numbered."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48] or what
    tries = (plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 3)))
    return next(key for key in tries if key not in taken)
