"""Why a customer changed stage: a code and the facts that belong to it, and the sentence that they make.

What is kept is both. The facts can be counted, filtered and said in another language; the sentence stands as it was
said, whatever later versions would say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from commerce.sayings import say, say_many

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
            return say("became known to the shop")
        case "friend":
            return say("a friend they referred placed a first order")
        case "unhappy":
            return say("gave a bad answer to a survey")
        case "won_back":
            return say(
                "won back: placed order number %(number)s after %(days)s of silence",
                number=reason.number,
                days=_days(reason.days),
            )
        case "came_back":
            return say("placed order number %(number)s, which came back later", number=reason.number)
        case "stayed":
            return say("an order came back, and no other took its place in %(days)s", days=_days(reason.days))
        case "silent":
            return _silent(reason)
    return (
        say("placed a first order")
        if reason.number == 1
        else say("placed order number %(number)s", number=reason.number)
    )


def _silent(reason: Reason) -> str:
    passed = _days(reason.days)
    if reason.longest_days:
        longest = _days(reason.longest_days)
        return say("came back after %(longest)s before; %(days)s have passed", longest=longest, days=passed)
    if reason.usual_days:
        often = reason.usual_days
        return say_many("usually orders every day; %(days)s have passed",
                        "usually orders every %(num)s days; %(days)s have passed", often, days=passed)  # fmt: skip
    return say_many("%(num)s day without an order", "%(num)s days without an order", reason.days)


def _days(days: int) -> str:
    return say_many("%(num)s day", "%(num)s days", days)
