"""E-mails that the program sends by itself: what a shop has chosen of them, and which one a customer gets when.

Nobody is written to often. Of everything that there is to tell, the most important goes first: what is about to be
lost, then what can be had, then what is only nice to know. What has to wait too long is not told at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

from commerce.lines import is_line
from commerce.sayings import Saying, say


class Kind(StrEnum):
    """What an e-mail tells of; the most important first."""

    EXPIRING = "expiring"
    REWARD = "reward"
    TIER = "tier"
    BIRTHDAY = "birthday"
    FRIEND = "friend"
    WELCOME = "welcome"
    POINTS = "points"


WEEK = timedelta(days=7)
# Nobody gets two of them within a day, however much there is to tell.
APART = timedelta(days=1)
# What happened longer ago is no news. A history that is read in is older.
FRESH = timedelta(days=7)
# In the shop's zone: from then until then nobody is written to.
MORNING, EVENING = time(8), time(21)
# Of points that expire: so many days before.
WARNED_DAYS = (30, 7)

MOST_A_WEEK = 7
LONGEST_SUBJECT = 80
LONGEST_LINE = 300
LONGEST_PAGE = 300


class Unsound(ValueError):
    """A setting that makes no sense: the field that says it, and what is asked of it."""

    def __init__(self, name: str, words: Saying) -> None:
        super().__init__(words)
        self.name = name
        self.words = words


@dataclass(frozen=True, slots=True)
class Words:
    """Whether e-mails of a kind are sent, and what the shop says in place of our subject and beside our text."""

    on: bool = False
    subject: str = ""
    line: str = ""


OFF = Words()


@dataclass(frozen=True, slots=True)
class Mailings:
    """What a shop has chosen: at most `weekly` e-mails to one customer in a week, in `language` where we do not know
    the customer's own; `page` is where they lead, or empty for where the platform has our pages.
    """

    words: Mapping[Kind, Words] = field(default_factory=dict)
    weekly: int = 2
    language: str = "en"
    page: str = ""

    def __post_init__(self) -> None:
        for name, words, sound in self._checks():
            if not sound:
                raise Unsound(name, words)

    def _checks(self) -> Iterable[tuple[str, Saying, bool]]:
        """Of each setting: the field to be put right, what is asked of it, and whether it is so."""
        yield ("weekly", say("At most 1 to 7 e-mails a week: a whole number."), 1 <= self.weekly <= MOST_A_WEEK)
        yield (
            "page", say("The page that the e-mails lead to begins with https:// and has no spaces."),
            not self.page or (is_line(self.page) and self.page.startswith("https://") and " " not in self.page
                              and len(self.page) <= LONGEST_PAGE),
        )  # fmt: skip
        for kind, words in self.words.items():
            yield (
                f"{kind}-subject", say("A subject is one line of at most %(most)s letters.", most=LONGEST_SUBJECT),
                len(words.subject) <= LONGEST_SUBJECT and is_line(words.subject),
            )  # fmt: skip
            yield (
                f"{kind}-line", say("Your own line is one line of at most %(most)s letters.", most=LONGEST_LINE),
                len(words.line) <= LONGEST_LINE and is_line(words.line),
            )  # fmt: skip

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """What the terms keep; what a newer release has added is not known to this one, and left out."""
        known, names = set(Kind), {each.name for each in fields(Words)}
        words = {
            Kind(kind): Words(**{name: value for name, value in given.items() if name in names})
            for kind, given in body.get("words", {}).items()
            if kind in known
        }
        rest = {name: body[name] for name in ("weekly", "language", "page") if name in body}
        return cls(words, **rest)

    @property
    def body(self) -> dict[str, Any]:
        """What is published."""
        return {
            "words": {str(kind): asdict(words) for kind, words in self.words.items()},
            "weekly": self.weekly, "language": self.language, "page": self.page,
        }  # fmt: skip

    def of(self, kind: Kind) -> Words:
        return self.words.get(kind, OFF)

    @property
    def on(self) -> Collection[Kind]:
        """The kinds that are sent."""
        return [kind for kind in Kind if self.of(kind).on]


@dataclass(frozen=True, slots=True)
class Pick:
    """What a customer gets now: one kind, or nothing. The rest is looked at again at `again_at`."""

    kind: Kind | None
    again_at: datetime


def pick(waiting: Collection[Kind], sent: Sequence[tuple[Kind, datetime]], at: datetime, weekly: int) -> Pick:
    """Which of the kinds that wait is told now. `sent`: what the customer got in the last seven days.

    Never more than `weekly` in seven days, never two within a day, never the same kind twice within seven days.
    """
    lately = sorted(when for _, when in sent if when > at - WEEK)
    if lately and lately[-1] > at - APART:
        return Pick(None, lately[-1] + APART)
    if len(lately) >= weekly:
        return Pick(None, lately[len(lately) - weekly] + WEEK)
    told = {kind: when for kind, when in sorted(sent, key=lambda each: each[1]) if when > at - WEEK}
    free = [kind for kind in Kind if kind in waiting and kind not in told]
    if free:
        return Pick(free[0], at + APART)
    return Pick(None, min(told[kind] for kind in waiting) + WEEK if waiting else at + WEEK)


def is_day(at: datetime, zone: ZoneInfo) -> bool:
    """Whether people may be written to at this hour of the shop's clock."""
    return MORNING <= at.astimezone(zone).time() < EVENING


def next_morning(at: datetime, zone: ZoneInfo) -> datetime:
    """When the night of `at` ends; `at` itself by day."""
    if is_day(at, zone):
        return at
    there = at.astimezone(zone)
    day = there.date() + timedelta(days=1 if there.time() >= EVENING else 0)
    return datetime.combine(day, MORNING, zone).astimezone(UTC)


def evening(at: datetime, zone: ZoneInfo) -> datetime:
    """When the day of `at` ends."""
    return datetime.combine(at.astimezone(zone).date(), EVENING, zone).astimezone(UTC)
