"""Sentences that were kept in English, known again by their patterns.

An entry of the ledger, a change of stage, a delivery that was set aside: each keeps the sentence that was said then, in
English, and it is never written anew. So that a page can say it in its reader's language, the sentence is matched with
the patterns that were said, and what was filled in is read out of it. What no pattern knows stays as it was written.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from commerce.money import BadAmount, Money
from commerce.sayings import Saying, as_said

# Longer sentences are kept nowhere.
LONGEST = 1000

_DAYS = ("%(num)s day", "%(num)s days")
_GIVEN = "%(action)s: points are given "

# For one, for many; or one pattern. Those that begin most plainly stand first.
PATTERNS: tuple[str | tuple[str, str], ...] = (
    # What an order earns (`loyalty.rules.reckoning`).
    "no points: %(reason)s",
    "the order is in %(theirs)s and the program in %(ours)s",
    "less than %(money)s counts",
    "%(points)s points for %(money)s of goods kept, %(rate)s",
    "%(points)s points for %(money)s that counts, %(rate)s",
    "at %(points)s for each %(money)s",
    "times %(multiplier)s %% for tier %(tier)s",
    "times %(percent)s %% by %(promotion)s",
    "%(caps)s above the cap not paid",
    ("%(num)s piece of certain goods", "%(num)s pieces of certain goods"),
    ("%(num)s piece of %(title)s", "%(num)s pieces of %(title)s"),
    "%(percent)s %% of it for goods of %(title)s",
    ("%(num)s piece", "%(num)s pieces"),
    "order number %(number)s",
    # Points that move for other reasons.
    "%(points)s points back: it was taken back",
    "%(points)s points were spent and are let go",
    "%(again)s points that were let go are settled",
    "%(missing)s points return with goods of its order",
    "%(points)s points: a friend's welcome (%(order)s)",
    "0 points: somebody else brought this order (%(order)s)",
    "%(points)s points: %(reason)s (%(order)s)",
    "%(points)s points: %(action)s",
    (f"{_GIVEN}once a day", f"{_GIVEN}%(num)s times a day"),
    (f"{_GIVEN}once a week", f"{_GIVEN}%(num)s times a week"),
    (f"{_GIVEN}once a month", f"{_GIVEN}%(num)s times a month"),
    (f"{_GIVEN}once a year", f"{_GIVEN}%(num)s times a year"),
    (f"{_GIVEN}once", f"{_GIVEN}%(num)s times"),
    "%(name)s: what led to the tier was returned",
    "welcome to %(name)s",
    "set by the shop: %(note)s",
    "code %(code)s: %(outcome)s",
    "%(reward)s: %(cost)s points held for its code",
    # What became of a reward, behind its name.
    "used", "held", "the shop took it back", "the shop could not hand it over", "the store refused the code",
    "the order was cancelled", "the merchant ended the code", "the code was not used",
    "%(bonus)s for %(what)s",
    "Order %(name)s was placed with %(titles)s, though one of them is to be the only reward of its order. "
    "Both count as used.",
    # Why a customer changed stage (`lifecycle.rules.reasons`).
    "won back: placed order number %(number)s after %(days)s of silence",
    "placed order number %(number)s, which came back later",
    "placed order number %(number)s",
    "an order came back, and no other took its place in %(days)s",
    "came back after %(longest)s before; %(days)s have passed",
    ("usually orders every day; %(days)s have passed", "usually orders every %(num)s days; %(days)s have passed"),
    ("%(num)s day without an order", "%(num)s days without an order"),
    _DAYS,
    # How customers' worth was reckoned (`lifecycle.prediction`).
    "Only %(many)s customers have ordered: what is known of shops in general is used, and bends with each order.",
    "Who was silent for longer than %(share)s%% of the shop's gaps between orders is taken for gone: on the shop's own "
    "past, this rule was right for %(rule)s%% of customers, the best model for %(model)s%%.",
    "On the shop's own past, %(method)s, corrected by what the shop saw, surprised least; it was right for %(model)s%% "
    "of customers, the rule of silence for %(rule)s%%.",
    "On the shop's own past, %(method)s surprised least; it was right for %(model)s%% of customers, the rule of "
    "silence for %(rule)s%%.",
    "The same weeks a year ago were different, and knowing that would have made the last forecasts %(share)s%% better.",
    # What a file from elsewhere held (`loyalty.rules.imports`).
    ("%(num)s line is of people who take no part in %(program)s: left out.",
     "%(num)s lines are of people who take no part in %(program)s: left out."),
    "%(waiting)s points are still pending there: they are not brought. Import those once they are given.",
)  # fmt: skip

_WHOLE = {"num", "points", "cost", "number", "bonus", "percent", "multiplier", "caps", "again", "missing", "many",
          "share", "waiting"}  # fmt: skip
_FRACTIONS = {"rule", "model"}
# What somebody wrote, or a name: never a sentence of ours.
_NAMES = {
    "title",
    "order",
    "code",
    "name",
    "promotion",
    "action",
    "tier",
    "note",
    "theirs",
    "ours",
    "method",
    "program",
}


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], str, str | None], ...]:
    found = list[tuple[re.Pattern[str], str, str | None]]()
    for known in PATTERNS:
        one, many = (known, None) if isinstance(known, str) else known
        found += [(_matching(form), one, many) for form in ((one,) if many is None else (one, many))]
    return tuple(found)


def _matching(pattern: str) -> re.Pattern[str]:
    # Each value is bounded: what people write must not make matching slow.
    whole = re.split(r"(%\(\w+\)s|%%)", pattern)
    return re.compile("".join(_piece(part) for part in whole), re.DOTALL)


def _piece(part: str) -> str:
    if part == "%%":
        return "%"
    if not part.startswith("%("):
        return re.escape(part)
    name = part[2:-2]
    if name in _WHOLE:
        return rf"(?P<{name}>-?[0-9][0-9,]{{0,20}})"
    if name in _FRACTIONS:
        return rf"(?P<{name}>[0-9]{{1,3}}(?:\.[0-9]+)?)"
    if name == "money":
        return rf"(?P<{name}>-?[0-9.]{{1,24}} [A-Z]{{2,4}})"
    return rf"(?P<{name}>.{{1,300}}?)"


def recognised(text: str) -> Saying | None:
    """The saying that `text` was, if a pattern knows it."""
    if len(text) > LONGEST:
        return None
    return _by_pattern(text) or _listed(text) or _behind_a_name(text)


def _by_pattern(text: str) -> Saying | None:
    for pattern, one, many in _compiled():
        if found := pattern.fullmatch(text):
            values = {name: _value(name, value) for name, value in found.groupdict().items()}
            return Saying(text, one, many, {"num": 1, **values} if many is not None else values)
    return None


def _value(name: str, text: str) -> object:
    if name in _WHOLE:
        return int(text.replace(",", ""))
    if name in _FRACTIONS:
        return Decimal(text)
    if name == "money":
        amount, _, currency = text.rpartition(" ")
        try:
            return Money.parse(amount, currency)
        except BadAmount:
            return text
    if name in _NAMES:
        return text
    # A part that is a sentence of its own, or several; constant ones are looked up.
    return recognised(text) or as_said(text)


def _listed(text: str) -> Saying | None:
    """Several with commas between, if the first is known: names in the others may have commas of their own."""
    first, comma, rest = text.partition(", ")
    head = _by_pattern(first) if comma else None
    return None if head is None else Saying(text, "%(listed)s", None, {"listed": (head, recognised(rest) or rest)})


def _behind_a_name(text: str) -> Saying | None:
    """``#1001: no points: a test order``: what stands before the colon is an order's name or somebody's title."""
    name, colon, rest = text.partition(": ")
    said = recognised(rest) if colon else None
    return None if said is None else Saying(text, "%(before)s: %(said)s", None, {"before": name, "said": said})
