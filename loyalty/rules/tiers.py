"""Tiers: the ladder of a shop's program. What is counted, over which time, and what each level asks for and gives.

What a level gives beside points are conditions that the shop keeps itself: they are said to shoppers, and the tags and
segments in the store let the merchant's own tools act on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from commerce.lines import is_line
from commerce.money import Money
from commerce.sayings import say, say_many
from loyalty.rules.months import MOST_MONTHS

MOST_LEVELS = 20
MOST_BENEFITS = 10
LONGEST_NAME = 40
LONGEST_TEXT = 200
MOST_GRACE_DAYS = 365
# Far above any spend, and far inside the database's numbers.
MOST_ASKED = 10**12
MOST_ENTRY_POINTS = 10**6


class Measure(StrEnum):
    """What is counted."""

    SPEND = "spend"
    POINTS = "points"
    ORDERS = "orders"
    REFERRALS = "referrals"


class Window(StrEnum):
    """The time over which it is counted."""

    LIFETIME = "lifetime"
    YEAR = "calendar_year"
    ROLLING = "rolling"


class Downgrade(StrEnum):
    """How somebody falls whose term ended without what keeps the tier."""

    ONE_STEP = "one_step"
    BALANCE = "balance"
    NEVER = "never"


class Perk(StrEnum):
    """What a level gives, beside points."""

    FREE_DELIVERY = "free_delivery"
    FASTER_DELIVERY = "faster_delivery"
    EARLY_ACCESS = "early_access"
    EXCLUSIVE_OFFERS = "exclusive_offers"
    LONGER_RETURNS = "longer_returns"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Benefit:
    """A condition that holds for a level, and what the shop says about it."""

    perk: Perk
    text: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """One tier. `enter` and `keep` are in what is counted: minor units, points, orders or referrals.

    Whoever enters it is given `entry_points` once. A `hidden` one is never shown to shoppers.
    """

    key: str
    name: str
    enter: int
    keep: int
    hidden: bool = False
    benefits: tuple[Benefit, ...] = ()
    entry_points: int = 0


@dataclass(frozen=True, slots=True)
class Ladder:
    """All tiers of a program, lowest first; none: the program has no tiers."""

    measure: Measure = Measure.SPEND
    window: Window = Window.ROLLING
    months: int = 12
    grace_days: int = 0
    downgrade: Downgrade = Downgrade.ONE_STEP
    levels: tuple[Level, ...] = field(default=())

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Ladder:
        """A ladder as terms store it. Raises `ValueError` for what is none."""
        given = _known(cls, body, say("a ladder of tiers"))
        for name, kind in (("measure", Measure), ("window", Window), ("downgrade", Downgrade)):
            if name in given:
                given[name] = _choice(kind, given[name], say("%(name)s of tiers", name=name))
        _whole(given, ("months", "grace_days"), say("tiers"))
        levels = given.get("levels", ())
        if not isinstance(levels, (list, tuple)):
            raise ValueError(say("tiers are a list"))
        given["levels"] = tuple(_level(level) for level in levels)
        return cls(**given)

    @property
    def asks(self) -> tuple[object, ...]:
        """What decides where members stand; names and benefits decide nothing."""
        steps = tuple((level.key, level.enter, level.keep) for level in self.levels)
        return self.measure, self.window, self.months, self.grace_days, self.downgrade, steps

    def level(self, key: str | None) -> Level | None:
        return next((level for level in self.levels if level.key == key), None)

    def rank(self, key: str | None) -> int:
        """The place of a level on the ladder, from 0; -1 for none, and for one that is no more."""
        return next((place for place, level in enumerate(self.levels) if level.key == key), -1)

    def mistakes(self) -> list[str]:
        """What is wrong with the ladder, in sentences; none if it can be published."""
        return [*self._shape(), *self._steps(), *(m for level in self.levels for m in _of_level(level))]

    def _shape(self) -> Iterator[str]:
        if len(self.levels) > MOST_LEVELS:
            yield say("a program has at most %(most)s tiers", most=MOST_LEVELS)
        if not 1 <= self.months <= MOST_MONTHS:
            yield say("tiers count the last 1 to %(most)s months", most=MOST_MONTHS)
        if not 0 <= self.grace_days <= MOST_GRACE_DAYS:
            yield say("the grace before a tier is lost is 0 to %(most)s days", most=MOST_GRACE_DAYS)
        for what, said in (("key", say("key")), ("name", say("name"))):
            counted = Counter(str(getattr(level, what)).casefold() for level in self.levels)
            for twice in (value for value, count in counted.items() if count > 1):
                yield say("two tiers have the %(said)s '%(twice)s': give each one of its own", said=said, twice=twice)

    def _steps(self) -> Iterator[str]:
        for lower, higher in zip(self.levels, self.levels[1:], strict=False):
            if higher.enter <= lower.enter:
                yield say(
                    "tier '%(name)s' has to ask for more than '%(lower)s' below it", name=higher.name, lower=lower.name
                )
            if higher.keep < lower.keep:
                yield say(
                    "keeping '%(name)s' has to ask for no less than keeping '%(lower)s' below it",
                    name=higher.name,
                    lower=lower.name,
                )


def _of_level(level: Level) -> Iterator[str]:
    name = level.name or level.key
    if not (0 < len(level.key) <= LONGEST_NAME and level.key.isascii() and level.key.replace("-", "a").isalnum()):
        yield say(
            "tier '%(name)s': its key is made of up to %(longest)s letters, digits and hyphens",
            name=name,
            longest=LONGEST_NAME,
        )
    if not level.name.strip() or len(level.name) > LONGEST_NAME or not is_line(level.name):
        yield say("tier '%(name)s': its name has from 1 to %(longest)s letters", name=name, longest=LONGEST_NAME)
    if not 1 <= level.enter <= MOST_ASKED:
        yield say("tier '%(name)s' asks for more than nothing", name=name)
    if not 0 <= level.keep <= level.enter:
        yield say("keeping tier '%(name)s' asks for no more than entering it", name=name)
    if not 0 <= level.entry_points <= MOST_ENTRY_POINTS:
        yield say(
            "tier '%(name)s' gives from 0 to %(most)s points to whoever enters it", name=name, most=MOST_ENTRY_POINTS
        )
    if len(level.benefits) > MOST_BENEFITS:
        yield say("tier '%(name)s' names at most %(most)s benefits", name=name, most=MOST_BENEFITS)
    for benefit in level.benefits:
        if len(benefit.text) > LONGEST_TEXT or not is_line(benefit.text):
            yield say(
                "tier '%(name)s': a benefit is said in up to %(longest)s letters", name=name, longest=LONGEST_TEXT
            )
        if benefit.perk is Perk.OTHER and not benefit.text.strip():
            yield say("tier '%(name)s': say what the other benefit is", name=name)


def amount(measure: Measure, value: int, currency: str) -> str:
    """So much of what is counted, in words."""
    if measure is Measure.SPEND:
        return str(Money(value, currency))
    if measure is Measure.POINTS:
        return say_many("%(num)s point", "%(num)s points", value)
    if measure is Measure.ORDERS:
        return say_many("%(num)s order", "%(num)s orders", value)
    return say_many("%(num)s referral", "%(num)s referrals", value)


def span(ladder: Ladder) -> str:
    """The time over which a ladder counts, in words."""
    if ladder.window is Window.LIFETIME:
        return say("since the beginning")
    if ladder.window is Window.YEAR:
        return say("in the calendar year")
    return say_many("in the last month", "in the last %(num)s months", ladder.months)


def _level(body: Any) -> Level:
    if not isinstance(body, Mapping):
        raise ValueError(say("a tier is a key, a name and what it asks for"))
    given = _known(Level, body, say("a tier"))
    for name in ("key", "name", "enter"):
        if name not in given:
            raise ValueError(say("a tier needs a %(name)s", name=name))
    given.setdefault("keep", given["enter"])
    _whole(given, ("enter", "keep", "entry_points"), say("a tier"))
    if not isinstance(given["key"], str) or not isinstance(given["name"], str):
        raise ValueError(say("key and name of a tier are text"))
    given["hidden"] = bool(given.get("hidden"))
    given["benefits"] = tuple(_benefit(benefit) for benefit in given.get("benefits", ()))
    return Level(**given)


def _benefit(body: Any) -> Benefit:
    if not isinstance(body, Mapping):
        raise ValueError(say("a benefit is a perk and a text"))
    given = _known(Benefit, body, say("a benefit"))
    perk = _choice(Perk, given.get("perk"), say("perk of a benefit"))
    if not isinstance(given.get("text", ""), str):
        raise ValueError(say("what is said of a benefit is text"))
    return Benefit(Perk(perk), given.get("text", ""))


def _known(kind: Any, body: Mapping[str, Any], said: str) -> dict[str, Any]:
    if unknown := sorted(set(body) - {one.name for one in fields(kind)}):
        raise ValueError(say("%(what)s has no %(names)s", what=said, names=tuple(unknown)))
    return dict(body)


def _choice(kind: type[StrEnum], value: Any, said: str) -> StrEnum:
    if value not in set(kind):
        raise ValueError(say("%(said)s is one of %(names)s", said=said, names=tuple(kind)))
    return kind(value)


def _whole(given: Mapping[str, Any], names: Sequence[str], said: str) -> None:
    if any(type(given.get(name, 0)) is not int for name in names):
        raise ValueError(say("%(names)s of %(said)s are whole numbers", names=tuple(names), said=said))
