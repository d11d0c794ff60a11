"""What a play is: whom it is for, what it does, how often and how much at most, and how its outcome is measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from commerce.sayings import Saying, say

# Ten years: longer is a mistake of the keyboard.
LONGEST_DAYS = 3650
# Windows are short beside the year in which everybody orders again anyway.
LONGEST_WINDOW = 365
MOST_POINTS = 100_000
MOST_A_MONTH = 1_000_000_000
# With more than half held out, a play reaches fewer than it leaves alone.
MOST_HOLDOUT = 50
LONGEST_NAME = 60
LONGEST_REASON = 120
STAGE, SEGMENT = "stage", "segment"

OWN = "own-"
_OWN = re.compile(r"own-[1-9][0-9]?", re.ASCII)


class Unsound(ValueError):
    """A setting that makes no sense: the field that says it, and what is asked of it."""

    def __init__(self, name: str, words: Saying) -> None:
        super().__init__(words)
        self.name = name
        self.words = words


@dataclass(frozen=True, slots=True)
class Play:
    """An automated campaign. `audience` is ``stage:at_risk`` or ``segment:7``; days are whole days.

    Somebody is reached who has stood there for `after_days`, and for at most `until_days` (0: however long).
    `cooldown_days` pass before the same customer is reached again. `most_points` is what it may cost in a month of the
    shop's calendar; a reward costs what members pay for it. Of `holdout_percent` of the customers nothing is done, and
    in `window_days` after it the outcome is measured.
    """

    key: str
    name: str = ""
    on: bool = False
    audience: str = ""
    after_days: int = 0
    until_days: int = 0
    points: int = 0
    reason: str = ""
    """Why the points are given: customers read it in their statement."""
    reward: str = ""
    """The key of a reward of the program."""
    tag: bool = False
    tell: bool = False
    cooldown_days: int = 180
    most_points: int = 50_000
    holdout_percent: int = 10
    window_days: int = 30

    def __post_init__(self) -> None:
        for name, words, sound in self._checks():
            if not sound:
                raise Unsound(name, words)

    def _checks(self) -> Iterable[tuple[str, Saying, bool]]:
        """Of each setting: the field to be put right, what is asked of it, and whether it is so."""
        what, _, of = self.audience.partition(":")
        return (
            ("name", say("A play has a name of at most 60 letters."), len(self.name) <= LONGEST_NAME),
            ("audience", say("A play is for a stage or for a segment."),
             (what == STAGE and bool(of)) or (what == SEGMENT and of.isascii() and of.isdigit() and len(of) <= 15)),
            ("after_days", say("It begins from 0 to 3650 days after somebody came there."),
             0 <= self.after_days <= LONGEST_DAYS),
            ("until_days", say("The last day comes after the first, or is 0 for no end."),
             self.until_days == 0 or self.after_days < self.until_days <= LONGEST_DAYS),
            ("points", say("Points are a whole number from 0 to 100000."), 0 <= self.points <= MOST_POINTS),
            ("reason", say("Points need a reason of at most 120 letters: your customers read it."),
             len(self.reason) <= LONGEST_REASON and (not self.points or bool(self.reason))),
            ("points", say("A play has to do something: give points or a reward, tag, or tell Flow."),
             not self.on or bool(self.points or self.reward or self.tag or self.tell)),
            ("window_days", say("The outcome is measured over 1 to 365 days."),
             1 <= self.window_days <= LONGEST_WINDOW),
            ("cooldown_days", say("Nobody is reached again before their outcome is known, and within ten years."),
             self.window_days <= self.cooldown_days <= LONGEST_DAYS),
            ("most_points", say("The most points a month are from 1 to 1000000000."),
             1 <= self.most_points <= MOST_A_MONTH),
            ("holdout_percent", say("From 0 to 50 of 100 customers are held out."),
             0 <= self.holdout_percent <= MOST_HOLDOUT),
        )  # fmt: skip

    @classmethod
    def read(cls, key: str, body: Mapping[str, Any]) -> Self:
        """A play as the terms keep it; what a newer release has added is not known to this one, and left out."""
        known = {each.name for each in fields(cls)} - {"key"}
        return cls(key, **{name: value for name, value in body.items() if name in known})

    @property
    def body(self) -> dict[str, Any]:
        """What is published: every setting, and not the key."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "key"}

    @property
    def title(self) -> str:
        """What to call it where nobody translates."""
        return self.name or self.key.replace("-", " ")


def is_own(key: str) -> bool:
    """Whether a play of that key is one that a merchant makes."""
    return _OWN.fullmatch(key) is not None


READY = (
    Play("welcome", audience="stage:acquired", until_days=14, points=50, reason="Welcome, and thank you",
         cooldown_days=365, window_days=60),
    Play("second-order", audience="stage:acquired", after_days=21, until_days=60, points=100,
         reason="To spend on your second order", cooldown_days=365),
    Play("win-back-at-risk", audience="stage:at_risk", until_days=30, points=100,
         reason="We would like to see you again"),
    Play("win-back-lapsed", audience="stage:lapsed", until_days=90, points=150, reason="We have missed you",
         cooldown_days=365, window_days=45),
    Play("thank-advocate", audience="stage:advocate", until_days=30, points=200,
         reason="Thank you for bringing your friends", cooldown_days=365, window_days=90),
)  # fmt: skip
"""The plays that every shop has, all of them off."""
