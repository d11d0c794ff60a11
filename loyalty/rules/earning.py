"""The earning section of the terms: what of an order counts, at which rates, when, for whom, and how much at most.

The defaults are those of the first programs, which said nothing of all this: terms that were published then earn as
they always did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from commerce.sayings import say
from loyalty.rules import bodies
from loyalty.rules.promotions import Selection

# A rule that pays more than this is a slip of the finger: a hundred times the usual, a million points at once.
MOST_PERCENT = 10_000
MOST_POINTS = 1_000_000
MOST_RULES = 200
LONGEST_TITLE = 255


class Rounding(StrEnum):
    """What becomes of part of a point. Refunds are reckoned by the same."""

    DOWN = "down"
    NEAREST = "nearest"
    UP = "up"


class Trigger(StrEnum):
    """What makes an order earn."""

    PAID = "paid"
    FULFILLED = "fulfilled"


class Members(StrEnum):
    """Who takes part: everybody, those with an account, or those who joined by their own word."""

    ALL = "all"
    ACCOUNTS = "accounts"
    OPTED_IN = "opted_in"


class Debt(StrEnum):
    """What a refund takes that was spent already: the balance goes below zero, or stays at zero, or only points that
    nobody could spend yet are taken.
    """

    ALLOW = "allow"
    CLAMP = "clamp"
    PENDING = "pending"


class Returns(StrEnum):
    """Whether points spent on an order that came back return: in proportion, only if all of it did, never."""

    PROPORTION = "proportion"
    WHOLE = "whole"
    NEVER = "never"


class Period(StrEnum):
    """A stretch of the shop's own calendar."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    EVER = "ever"

    def first_day(self, day: date) -> date:
        """The first day of the period in which `day` lies; weeks begin on Mondays."""
        if self == Period.WEEK:
            return day - timedelta(days=day.weekday())
        if self == Period.MONTH:
            return day.replace(day=1)
        if self == Period.YEAR:
            return day.replace(month=1, day=1)
        return date.min if self == Period.EVER else day

    def next_day(self, day: date) -> date:
        """The first day after the period in which `day` lies."""
        first = self.first_day(day)
        if self == Period.EVER:
            return date.max
        if self == Period.YEAR:
            return first.replace(year=first.year + 1)
        if self == Period.MONTH:
            return (first + timedelta(days=31)).replace(day=1)
        return first + timedelta(days=7 if self == Period.WEEK else 1)


@dataclass(frozen=True, slots=True)
class GoodsRule:
    """What these goods earn instead of the usual: `percent` of it (0: nothing), or `fixed` points a piece.

    Where several rules name a piece the first counts, alone: nothing is paid twice.
    """

    goods: Selection
    percent: int = 100
    fixed: int = 0
    title: str = ""
    """What receipts call its goods; empty where the rule speaks for itself."""

    @classmethod
    def read(cls, body: Any) -> GoodsRule:
        return cls(**bodies.given(cls, body, say("a rule for goods"), goods=Selection.read))


def ranked(rules: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rules for goods as they are written, the closest first: those of products and variants, then of collections, then
    of makers; of one kind as they were named. Since the first that names a piece counts, this is the precedence.
    """

    def rank(rule: Mapping[str, Any]) -> int:
        goods = rule["goods"]
        return 0 if goods.get("products") or goods.get("variants") else 1 if goods.get("collections") else 2

    return sorted(rules, key=rank)


@dataclass(frozen=True, slots=True)
class Milestone:
    """`points` more for somebody's order of this number or, with `every`, for each of that many orders."""

    order: int = 0
    points: int = 0
    every: bool = False

    @classmethod
    def read(cls, body: Any) -> Milestone:
        return cls(**bodies.given(cls, body, "a milestone"))

    def reached(self, number: int) -> bool:
        return number % self.order == 0 if self.every else number == self.order


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many points for a member's orders of one period, by the days on which they were placed.

    What orders earned at first counts: a refund makes no room.
    """

    points: int = 0
    period: Period = Period.DAY

    @classmethod
    def read(cls, body: Any) -> Cap:
        return cls(**bodies.given(cls, body, "a cap", period=bodies.one_of(Period, ", ".join(Period))))


@dataclass(frozen=True, slots=True)
class Earning:
    """How orders earn, beside `points` for each `per_minor` of the terms.

    `tax` None takes the prices of goods as the shop writes them, with or without tax. `discounts`: the price before
    discounts counts. `credit`: what gift cards and store credit paid counts too.
    """

    tax: bool | None = None
    shipping: bool = False
    discounts: bool = False
    credit: bool = True
    per_order: int = 0
    per_item: int = 0
    minimum_minor: int = 0
    rounding: Rounding = Rounding.DOWN
    trigger: Trigger = Trigger.PAID
    members: Members = Members.ALL
    pos: bool = True
    draft: bool = True
    debt: Debt = Debt.ALLOW
    returns: Returns = Returns.NEVER
    goods: tuple[GoodsRule, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    caps: tuple[Cap, ...] = ()
    tiers: tuple[tuple[str, int], ...] = ()
    """The percentage of the usual points for each tier, by its key; 100 for others."""

    @classmethod
    def read(cls, body: Any) -> Earning:
        """The section as terms store it. Raises `ValueError` with a sentence."""
        read = {
            kind_name: bodies.one_of(kind, ", ".join(kind))
            for kind_name, kind in (
                ("rounding", Rounding), ("trigger", Trigger), ("members", Members), ("debt", Debt),
                ("returns", Returns),
            )
        }  # fmt: skip
        return cls(
            **bodies.given(
                cls, body, say("the earning section"), tax=bodies.yes_no_or_neither, tiers=_tiers,
                goods=bodies.listed(GoodsRule.read), milestones=bodies.listed(Milestone.read),
                caps=bodies.listed(Cap.read), **read,
            )
        )  # fmt: skip

    def percent_for(self, tier: str | None) -> int:
        return next((percent for key, percent in self.tiers if key == tier), 100)

    def mistakes(self) -> list[str]:
        """What is wrong with the section, in sentences; none if it can be published."""
        return [*_flat(self), *_goods(self), *_milestones(self), *_caps(self), *_tier_mistakes(self)]


def _tiers(body: Any) -> tuple[tuple[str, int], ...]:
    if not isinstance(body, Mapping) or not all(type(percent) is int for percent in body.values()):
        raise ValueError(say("tiers of the earning section are percentages by the key of a tier"))
    return tuple((str(key), percent) for key, percent in body.items())


def _flat(earning: Earning) -> Iterator[str]:
    for name, points in ((say("an order"), earning.per_order), (say("a piece"), earning.per_item)):
        if not 0 <= points <= MOST_POINTS:
            yield say("points for %(name)s go from 0 to %(most)s", name=name, most=MOST_POINTS)
    if earning.minimum_minor < 0:
        yield say("the least spend is not below zero")
    if earning.discounts and earning.tax is False:
        yield say("prices before discounts have no tax of their own: count tax, or leave prices as they are written")


def _goods(earning: Earning) -> Iterator[str]:
    if len(earning.goods) > MOST_RULES:
        yield say("there are at most %(most)s rules for goods", most=MOST_RULES)
    named = list[tuple[str, str]]()
    for place, rule in enumerate(earning.goods, 1):
        if not rule.goods:
            yield say("rule %(place)s for goods names none", place=place)
        if not 0 <= rule.percent <= MOST_PERCENT or not 0 <= rule.fixed <= MOST_POINTS:
            yield say(
                "rule %(place)s for goods goes from 0 to %(most)s %%, or from 0 to %(points)s points a piece",
                place=place,
                most=MOST_PERCENT,
                points=MOST_POINTS,
            )
        elif rule.fixed and rule.percent != 100:
            yield say(
                "rule %(place)s for goods would pay twice: name a percentage or points a piece, not both", place=place
            )
        elif not rule.fixed and rule.percent == 100:
            yield say(
                "rule %(place)s for goods changes nothing: name another percentage, or points a piece", place=place
            )
        if rule.fixed and earning.per_item:
            yield say("rule %(place)s for goods would pay twice: every piece brings points already", place=place)
        named += [(say("product"), product) for product in rule.goods.products]
        named += [(say("variant"), variant) for variant in rule.goods.variants]
        named += [(say("vendor"), vendor) for vendor in rule.goods.vendors]
        named += [(say("collection"), collection) for collection in rule.goods.collections]
        if len(rule.title) > LONGEST_TITLE:
            yield say(
                "the title of rule %(place)s for goods has at most %(most)s letters", place=place, most=LONGEST_TITLE
            )
    twice = [one for one in dict.fromkeys(named) if named.count(one) > 1] if len(named) <= 5000 else []
    yield from (
        say("two rules for goods name %(what)s %(which)s: only the first would count", what=what, which=which)
        for what, which in twice
    )


def _milestones(earning: Earning) -> Iterator[str]:
    if len(earning.milestones) > MOST_RULES:
        yield say("there are at most %(most)s milestones", most=MOST_RULES)
    for found in earning.milestones:
        if found.order < 1 or not 1 <= found.points <= MOST_POINTS:
            yield say("a milestone brings from 1 to %(most)s points, for order 1 or a later one", most=MOST_POINTS)
    at = [found.order for found in earning.milestones if not found.every]
    yield from (
        say("two milestones are for order %(number)s: it would pay twice", number=n)
        for n in dict.fromkeys(at)
        if at.count(n) > 1
    )


def _caps(earning: Earning) -> Iterator[str]:
    if any(cap.points < 1 for cap in earning.caps):
        yield say("a cap leaves at least one point")
    periods = [cap.period for cap in earning.caps]
    yield from (
        say("two caps are for one %(period)s", period=p) for p in dict.fromkeys(periods) if periods.count(p) > 1
    )


def _tier_mistakes(earning: Earning) -> Iterator[str]:
    keys = [key for key, _ in earning.tiers]
    yield from (
        say("tier '%(key)s' has two rates: it would pay twice", key=key)
        for key in dict.fromkeys(keys)
        if keys.count(key) > 1
    )
    for key, percent in earning.tiers:
        if not 0 <= percent <= MOST_PERCENT:
            yield say("tier '%(key)s' earns from 0 to %(most)s %% of the usual points", key=key, most=MOST_PERCENT)
