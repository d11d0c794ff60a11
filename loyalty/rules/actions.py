"""What earns points beside buying: signing up, a birthday, an anniversary, the newsletter, a review, following, a
survey, and events of the shop's own. Each brings what the terms say, as often as they say, and each deed once.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from commerce.sayings import say
from loyalty.rules import bodies
from loyalty.rules.earning import MOST_POINTS, Period

MOST_ACTIONS = 50
# Told less than this before, a birthday counts from the next year on: nobody has one whenever points are wanted.
BIRTHDAY_NOTICE_DAYS = 30


class ActionKind(StrEnum):
    """Who vouches for a deed: the store, the calendar, the shop's other programs, or the shopper alone."""

    SIGN_UP = "sign_up"
    NEWSLETTER = "newsletter"
    BIRTHDAY = "birthday"
    ANNIVERSARY = "anniversary"
    REVIEW = "review"
    SURVEY = "survey"
    FOLLOW = "follow"
    SHARE = "share"
    CUSTOM = "custom"


# Deeds of which no network tells us: the shopper's word is taken, and a cap keeps it small.
ON_HONOUR = frozenset({ActionKind.FOLLOW, ActionKind.SHARE, ActionKind.SURVEY})
# Those that happen once, or once a year, by their nature.
BY_NATURE = frozenset({ActionKind.SIGN_UP, ActionKind.NEWSLETTER, ActionKind.BIRTHDAY, ActionKind.ANNIVERSARY})


@dataclass(frozen=True, slots=True)
class Action:
    """`points` for one deed of `kind`, for one member at most `limit` times in a `period` (0: without limit).

    `link` is where a shopper goes for it: the page to follow, the survey to fill in.
    """

    key: str
    title: str
    kind: ActionKind = ActionKind.CUSTOM
    points: int = 0
    limit: int = 1
    period: Period = Period.EVER
    hold_days: int = 0
    link: str = ""

    @classmethod
    def read(cls, body: Any) -> Action:
        return cls(
            **bodies.given(
                cls, body, say("an action"), kind=bodies.one_of(ActionKind, ", ".join(ActionKind)),
                period=bodies.one_of(Period, ", ".join(Period)),
            )
        )  # fmt: skip

    def mistakes(self) -> Iterator[str]:
        if not self.key or not self.key.isascii() or not self.key.replace("_", "a").isalnum() or len(self.key) > 64:
            yield say("its key is made of up to 64 letters, digits and underscores")
        if not self.title.strip() or len(self.title) > 100:
            yield say("its title has from 1 to 100 letters")
        if not 1 <= self.points <= MOST_POINTS:
            yield say("it brings from 1 to %(most)s points", most=MOST_POINTS)
        if self.limit < 0 or not 0 <= self.hold_days <= 365:
            yield say("its limit is not below zero, and points are held from 0 to 365 days")
        if self.kind in ON_HONOUR and not self.limit:
            yield say("nobody vouches for it but the shopper: say how often one member may have it")
        if self.link and not self.link.startswith("https://"):
            yield say("its link begins with https://")


def mistakes(actions: Sequence[Action]) -> Iterator[str]:
    """What is wrong with a shop's actions, in sentences."""
    if len(actions) > MOST_ACTIONS:
        yield say("a program has at most %(most)s actions", most=MOST_ACTIONS)
    keys = [action.key for action in actions]
    yield from (
        say("two actions are called '%(key)s': give each a key of its own", key=key)
        for key in dict.fromkeys(keys)
        if keys.count(key) > 1
    )
    kinds = [action.kind for action in actions if action.kind in BY_NATURE]
    yield from (
        say("two actions are for %(kind)s: it would pay twice", kind=kind)
        for kind in dict.fromkeys(kinds)
        if kinds.count(kind) > 1
    )
    for action in actions:
        yield from (f"action {action.key!r}: {mistake}" for mistake in action.mistakes())


def is_month_day(text: str) -> bool:
    """Whether `text` is a day of some year, as ``02-29``."""
    try:
        return len(text) == 5 and date.fromisoformat(f"2024-{text}").strftime("%m-%d") == text
    except ValueError:
        return False


def month_days(day: date) -> tuple[str, ...]:
    """The birthdays that are kept on `day`: in a year without 29 February, it is kept on the 28th."""
    own = day.strftime("%m-%d")
    return (own, "02-29") if own == "02-28" and not isleap(day.year) else (own,)


def birthday_counts(told_on: date, birthday: date) -> bool:
    """Whether a birthday was told early enough to be kept on that day."""
    return (birthday - told_on).days >= BIRTHDAY_NOTICE_DAYS
