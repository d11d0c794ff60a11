"""Why a customer changed stage: a code and the facts that belong to it, and the sentence that they make.

What is kept is both. The facts can be counted, filtered and said in another language; the sentence stands as it was
said, whatever later versions would say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

Facts = Mapping[str, int | str]


class Reason(NamedTuple):
    """`code` is one of the words that `sentence` knows."""

    code: str
    days: int = 0
    number: int = 0
    usual_days: int = 0
    longest_days: int = 0

    @property
    def facts(self) -> Facts:
        """The code, and the facts that are not zero."""
        return _facts(self)


# Most customers change stage for one of few reasons: what was worked out for one of them holds for all.
@lru_cache(1024)
def _facts(reason: Reason) -> Facts:
    values: tuple[int | str, ...] = reason
    return {name: value for name, value in zip(reason._fields, values, strict=True) if value}


KNOWN = Reason("known")
FRIEND = Reason("friend")
UNHAPPY = Reason("unhappy")


def ordered(number: int, silent_days: int = 0) -> Reason:
    """An order of the customer; after so many days of silence, if that won them back."""
    return Reason("won_back", silent_days, number) if silent_days else Reason("order", number=number)


def came_back(number: int) -> Reason:
    """An order that came back later still counted for a while."""
    return Reason("came_back", number=number)


def stayed(days: int) -> Reason:
    """The time is over for which an order that came back still counted."""
    return Reason("stayed", days)


def silent(days: int, usual_days: int, longest_days: int) -> Reason:
    return Reason("silent", days, 0, usual_days, longest_days)


@lru_cache(1024)
def sentence(reason: Reason) -> str:
    """The reason in words, without a full stop."""
    match reason.code:
        case "known":
            return "became known to the shop"
        case "friend":
            return "a friend they referred placed a first order"
        case "unhappy":
            return "gave a bad answer to a survey"
        case "won_back":
            return f"won back: placed order number {reason.number} after {_days(reason.days)} of silence"
        case "came_back":
            return f"placed order number {reason.number}, which came back later"
        case "stayed":
            return f"an order came back, and no other took its place in {_days(reason.days)}"
        case "silent":
            return _silent(reason)
    return "placed a first order" if reason.number == 1 else f"placed order number {reason.number}"


def _silent(reason: Reason) -> str:
    if reason.longest_days:
        return f"came back after {_days(reason.longest_days)} before; {_days(reason.days)} have passed"
    if reason.usual_days:
        often = "day" if reason.usual_days == 1 else _days(reason.usual_days)
        return f"usually orders every {often}; {_days(reason.days)} have passed"
    return f"{_days(reason.days)} without an order"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
