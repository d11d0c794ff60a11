"""The forms with which a merchant says how points expire and which tiers there are.

What was typed becomes a part of the terms, or a refusal that says what to type instead; whether it can be published is
for the terms to say. What is shown in the forms is what was typed last, or what is in force.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from commerce.money import BadAmount, Money
from loyalty import MOST_LEVELS, Expiry, Ladder, Measure, Perk
from plugin.admin.typed import Mistyped, plain
from plugin.sentences import _, told
from plugin.wording import sentence_case

# Longer is a mistake of the clipboard; the terms have limits of their own.
LONGEST = 2000
BLANK_ROWS = 3


class NotATerm(Mistyped):
    """This is not how it is written."""


Typed = Mapping[str, str]


def typed(form: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value[:LONGEST].strip() for name, value in form}


def digest(part: Mapping[str, Any]) -> str:
    """A name for exactly these terms: what is published is what was seen before."""
    return blake2b(orjson.dumps(part, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


# --- expiry


def expiry_of(form: Typed) -> dict[str, Any]:
    """How points expire, as terms store it. Refuses with `NotATerm`."""
    body = {
        "policy": form.get("policy", "none"),
        "months": _number(form, "months", _("The number of months")),
        "round_up": form.get("round_up", "day") if form.get("policy") == "lot" else "day",
        "activity": form.get("activity", "earning_and_redeeming"),
        "month": _number(form, "month", _("The month")),
        "day": _number(form, "day", _("The day")),
    }
    return _checked(Expiry, body)


def expiry_shown(expiry: Expiry) -> dict[str, str]:
    names = ("policy", "months", "round_up", "activity", "month", "day")
    return {name: str(getattr(expiry, name)) for name in names}


# --- tiers


def tiers_of(form: Typed, currency: str, known: Collection[str]) -> dict[str, Any]:
    """The tiers, lowest first, as terms store them; `known` are the keys that tiers have had.

    Refuses with `NotATerm`.
    """
    measure = form.get("measure", "spend")
    if measure not in set(Measure):
        raise NotATerm(_("Choose what is counted."), "measure")
    levels, taken = list[dict[str, Any]](), set[str]()
    for row in range(MOST_LEVELS + BLANK_ROWS):
        if name := form.get(f"name_{row}", ""):
            level = _level(form, row, name, Measure(measure), currency)
            given = form.get(f"key_{row}", "")
            level["key"] = given if given in known and given not in taken else _key(name, taken | set(known))
            taken.add(level["key"])
            levels.append(level)
    body = {
        "measure": measure,
        "window": form.get("window", "rolling"),
        "months": _number(form, "months", _("The number of months")),
        "grace_days": _number(form, "grace_days", _("The days of grace")),
        "downgrade": form.get("downgrade", "one_step"),
        "levels": sorted(levels, key=lambda level: level["enter"]),
    }
    return _checked(Ladder, body)


def _level(form: Typed, row: int, name: str, measure: Measure, currency: str) -> dict[str, Any]:
    asked = _("What tier “%(name)s” asks for", name=name)
    enter = _asked(form, f"enter_{row}", asked, measure, currency)
    keep = (
        _asked(form, f"keep_{row}", _("What keeps tier “%(name)s”", name=name), measure, currency)
        if form.get(f"keep_{row}")
        else enter
    )
    perks = [
        {"perk": perk, "text": form.get(f"text_{perk}_{row}", "")}
        for perk in Perk
        if form.get(f"has_{perk}_{row}") or (perk is Perk.OTHER and form.get(f"text_{perk}_{row}"))
    ]
    return {
        "name": name,
        "enter": enter,
        "keep": keep,
        "hidden": bool(form.get(f"hidden_{row}")),
        "entry_points": _number(form, f"points_{row}", _("The points for entering")),
        "benefits": perks,
    }


def tiers_shown(ladder: Ladder, currency: str) -> dict[str, str]:
    """The form's fields as they say these tiers."""
    shown = {name: str(getattr(ladder, name)) for name in ("measure", "window", "months", "grace_days", "downgrade")}
    for row, level in enumerate(ladder.levels):
        money = ladder.measure is Measure.SPEND
        enter, keep = (Money(v, currency).decimal() if money else str(v) for v in (level.enter, level.keep))
        shown |= {f"key_{row}": level.key, f"name_{row}": level.name, f"enter_{row}": enter, f"keep_{row}": keep}
        shown |= {f"points_{row}": str(level.entry_points or ""), f"hidden_{row}": "1" if level.hidden else ""}
        for benefit in level.benefits:
            shown |= {f"has_{benefit.perk}_{row}": "1", f"text_{benefit.perk}_{row}": benefit.text}
    return shown


def rows_of(form: Typed) -> range:
    """The rows that the form shows: those in use, and some to fill in."""
    used = [row for row in range(MOST_LEVELS) if form.get(f"name_{row}")]
    return range(min(MOST_LEVELS, (used[-1] + 1 if used else 0) + BLANK_ROWS))


# --- a member's tier


def until_of(form: Typed, zone: ZoneInfo) -> datetime | None:
    """The instant after the day that was typed, in the shop's zone; None where no day was. Refuses with `NotATerm`."""
    if not form.get("until"):
        return None
    try:
        day = date.fromisoformat(form["until"])
        return datetime.combine(day + timedelta(days=1), time(), zone)
    except (ValueError, OverflowError):
        raise NotATerm(_("The last day is a date, such as 2027-03-31."), "until") from None


# --- what was typed


def _checked(kind: type[Expiry] | type[Ladder], body: dict[str, Any]) -> dict[str, Any]:
    try:
        mistakes = list(kind.read(body).mistakes())
    except ValueError as fault:
        mistakes = [fault.args[0]]
    if mistakes:
        raise NotATerm(" ".join(f"{sentence_case(told(mistake))}." for mistake in mistakes))
    return body


def _number(form: Typed, name: str, what: str) -> int:
    text = plain(form.get(name) or "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise NotATerm(_("%(what)s is a whole number, such as 12.", what=what), name)
    return int(text)


def _asked(form: Typed, name: str, what: str, measure: Measure, currency: str) -> int:
    if measure is not Measure.SPEND:
        return _number(form, name, what)
    try:
        return Money.parse(plain(form.get(name) or "0"), currency).minor
    except BadAmount:
        raise NotATerm(_("%(what)s is digits with at most one point, such as 250.00.", what=what), name) from None


def _key(name: str, taken: Collection[str]) -> str:
    """A name for the tier that its title suggests; what has no Latin letters is numbered."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32] or "tier"
    tries = (plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 3)))
    return next(key for key in tries if key not in taken)
