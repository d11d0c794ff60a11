"""The form with which a merchant offers a new reward. What was typed becomes a reward as terms store it, or a refusal
that says what to type instead; whether it can be offered is for the terms to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from commerce.money import BadAmount, Money
from commerce.rewards import Offering
from loyalty import MOST_LEVELS, Kind
from plugin.admin.typed import Mistyped, plain
from plugin.sentences import _

# Longer is a mistake of the clipboard; the terms have limits of their own.
LONGEST = 2000


class NotAReward(Mistyped):
    """This is not how a reward is written."""


def reward_of(
    form: Mapping[str, str], currency: str, taken: Collection[str], offering: Offering, ticked: Sequence[str] = ()
) -> dict[str, Any]:
    """The reward that the form describes, with a key that none of `taken` bears. Refuses with `NotAReward`.

    `ticked` are the keys of the tiers chosen one by one.
    `offering` says how the shop's platform combines discounts, so how the form asks for that.
    """
    typed = {name: value[:LONGEST].strip() for name, value in form.items()}
    kind = typed.get("kind", "")
    if kind not in set(Kind):
        raise NotAReward(_("Choose what the reward is."), "kind")
    described: dict[str, Any] = {
        "key": _key(typed.get("title", ""), taken),
        "title": typed.get("title", ""),
        "kind": kind,
        "points": _number(typed, "points", _("The price in points")),
        "amount_minor": _amount(typed, "amount", _("The amount"), currency),
        "percent": _number(typed, "percent", _("The percentage")),
        "minimum_minor": _amount(typed, "minimum", _("The least spend"), currency),
        "minimum_quantity": _number(typed, "pieces", _("The least number of pieces")),
        "code_days": _number(typed, "days", _("The number of days")),
        "limit": _number(typed, "limit", _("How often one customer may have it")),
        "limit_days": _number(typed, "limit_days", _("The days of that limit")),
        "stock": _number(typed, "stock", _("How many there are of it")),
        "most_steps": _number(typed, "steps", _("How many of it can be bought at once")) or 1,
        "most_share": _number(typed, "share", _("Its share of an order")),
        "combines": _combines(typed, kind, offering),
        "alone": bool(typed.get("alone")),
        "webhook": bool(typed.get("webhook")) and kind == Kind.CUSTOM,
        "goods": {name: _ids(typed.get(name, "")) for name in ("products", "variants", "collections")},
    }
    described |= _whose(typed, ticked)
    if most := _amount(typed, "most_shipping", _("The highest price of shipping"), currency):
        described["most_shipping_minor"] = most
    return described


def _whose(typed: Mapping[str, str], ticked: Sequence[str]) -> dict[str, Any]:
    whose = typed.get("whose", "")
    if whose == "from":
        return {"from_tier": typed.get("from_tier", "")}
    if whose == "of" and not ticked:
        raise NotAReward(_("Tick the tiers that the reward is for, or choose every tier."), "tier")
    return {"tiers": list(ticked[:MOST_LEVELS])} if whose == "of" else {}


def _combines(typed: Mapping[str, str], kind: str, offering: Offering) -> dict[str, bool]:
    """Each class by itself; or, where the platform knows no classes, all that the reward may have, or none."""
    classes = ("orders", "products", "shipping")
    if offering.combines_by_class:
        return {name: bool(typed.get(f"with_{name}")) for name in classes}
    every = bool(typed.get("with_all"))
    return {name: every and not (name == "shipping" and kind == Kind.FREE_SHIPPING) for name in classes}


def _number(typed: Mapping[str, str], name: str, what: str) -> int:
    text = plain(typed.get(name) or "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise NotAReward(_("%(what)s is a whole number, such as 100.", what=what), name)
    return int(text)


def _amount(typed: Mapping[str, str], name: str, what: str, currency: str) -> int:
    try:
        return Money.parse(plain(typed.get(name) or "0"), currency).minor
    except BadAmount:
        raise NotAReward(_("%(what)s is digits with at most one point, such as 12.50.", what=what), name) from None


def _ids(text: str) -> list[str]:
    """The store's numbers, as a merchant copies them out of the addresses of the store's own admin."""
    return re.findall(r"\d+", text) if re.fullmatch(r"[\d\s,;]*", text, re.ASCII) else [text]


def _key(title: str, taken: Collection[str]) -> str:
    """A name for the reward that its title suggests; what has no Latin letters is numbered."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48] or "reward"
    tries = (plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 3)))
    return next(key for key in tries if key not in taken)
