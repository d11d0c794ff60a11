"""Promotions: more points for a while, for some orders, for some people. Several may overlap; how they add up is for
the terms to say, never for the order in which somebody wrote them.

What an order may have is decided once, when it first earns, and frozen: its instant, its buyer's tier and segments, and
whether it was the first. Which of its goods a promotion counts, and whether enough of them are left for the least
spend, is asked of the goods kept at each reckoning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from commerce.orders import KeptLine, Order
from commerce.sayings import say
from loyalty.rules import bodies

MOST_PROMOTIONS = 50
MOST_PERCENT = 10_000
MOST_BONUS = 1_000_000
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Stacking(StrEnum):
    """What several promotions of one order come to."""

    BEST = "best"
    ADD = "add"
    MULTIPLY = "multiply"


@dataclass(frozen=True, slots=True)
class Selection:
    """Some of a shop's goods, by the store's numbers or the maker's name; empty is all of them.

    A collection, or a category, holds what it held when the order was placed: the line says so.
    """

    products: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()

    @classmethod
    def read(cls, body: Any) -> Selection:
        return cls(**bodies.given(cls, body, say("a selection of goods")))

    def __bool__(self) -> bool:
        return bool(self.products or self.variants or self.vendors or self.collections)

    def has(self, line: KeptLine) -> bool:
        return (
            line.product_id in self.products
            or line.variant_id in self.variants
            or line.vendor in self.vendors
            or any(one in self.collections for one in line.collections)
            or not (self.products or self.variants or self.vendors or self.collections)
        )


@dataclass(frozen=True, slots=True)
class Promotion:
    """`percent` of the usual points (200 doubles them) for its goods, and `bonus` points for the order.

    `most_orders` is how many orders of one member may have it. Empty conditions admit everything.
    """

    key: str
    title: str
    percent: int = 100
    bonus: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    weekdays: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    first_order: bool = False
    goods: Selection = Selection()
    minimum_minor: int = 0
    most_orders: int = 0

    @classmethod
    def read(cls, body: Any) -> Promotion:
        return cls(
            **bodies.given(
                cls, body, "a promotion", starts_at=bodies.instant, ends_at=bodies.instant, goods=Selection.read
            )
        )

    def at(self, instant: datetime) -> bool:
        return (self.starts_at is None or self.starts_at <= instant) and (
            self.ends_at is None or instant < self.ends_at
        )

    def mistakes(self) -> Iterator[str]:
        if not self.key or not self.key.isascii() or not self.key.replace("-", "a").isalnum() or len(self.key) > 64:
            yield say("its key is made of up to 64 letters, digits and hyphens")
        if not self.title.strip() or len(self.title) > 100:
            yield say("its title has from 1 to 100 letters")
        if not 100 <= self.percent <= MOST_PERCENT:
            yield say("it brings from 100 %% to %(most)s %% of the usual points", most=MOST_PERCENT)
        if not 0 <= self.bonus <= MOST_BONUS:
            yield say("its bonus goes from 0 to %(most)s points", most=MOST_BONUS)
        if self.percent == 100 and not self.bonus:
            yield say("it brings nothing: give it more than 100 % or a bonus")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            yield say("it ends before it starts")
        if wrong := sorted(set(self.weekdays) - set(WEEKDAYS)):
            yield say("%(names)s is no day of the week", names=tuple(wrong))
        if wrong := sorted(set(self.channels) - {"online", "pos", "draft"}):
            yield say("%(names)s is none of online, pos and draft", names=tuple(wrong))
        if self.minimum_minor < 0 or self.most_orders < 0:
            yield say("neither its least spend nor its number of orders is below zero")


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who placed an order, as far as promotions ask: at the order's instant, `number` counting this order."""

    tier: str | None = None
    segments: Collection[str] = ()
    number: int | None = None
    had: Mapping[str, int] = field(default_factory=dict)
    """How many orders of theirs have had each promotion."""


def eligible(
    promotions: Sequence[Promotion], order: Order, buyer: Buyer, weekday: str, lines: Sequence[KeptLine]
) -> tuple[str, ...]:
    """The promotions that `order` may have, by key. `weekday` is its day in the shop's zone."""
    return tuple([p.key for p in promotions if _admits(p, order, buyer, weekday, lines)])


def not_used_up(promotions: Sequence[Promotion], keys: Sequence[str], had: Mapping[str, int]) -> tuple[str, ...]:
    """Of the promotions that an order may have by `keys`, those that its buyer has not had as often as allowed.

    `had`: by how many orders of theirs, the orders that are settled together with this one included.
    """
    over = {p.key for p in promotions if p.most_orders and had.get(p.key, 0) >= p.most_orders}
    return tuple([key for key in keys if key not in over])


def _admits(p: Promotion, order: Order, buyer: Buyer, weekday: str, lines: Sequence[KeptLine]) -> bool:
    return (
        p.at(order.placed_at)
        and (not p.weekdays or weekday in p.weekdays)
        and (not p.channels or order.channel in p.channels)
        and (not p.gateways or not set(p.gateways).isdisjoint(order.gateways))
        and (not p.tiers or buyer.tier in p.tiers)
        and (not p.segments or not set(p.segments).isdisjoint(buyer.segments))
        and (not p.first_order or buyer.number == 1)
        and (not p.most_orders or buyer.had.get(p.key, 0) < p.most_orders)
        and (not p.goods or any(p.goods.has(line) for line in lines))
    )


def meet(one: Promotion, other: Promotion) -> bool:
    """Whether one order might have both."""
    return (
        _in_time(one, other)
        and _in_time(other, one)
        and all(
            not mine or not theirs or not set(mine).isdisjoint(theirs)
            for mine, theirs in (
                (one.weekdays, other.weekdays), (one.tiers, other.tiers), (one.channels, other.channels),
            )
        )
    )  # fmt: skip


def _in_time(one: Promotion, other: Promotion) -> bool:
    return one.ends_at is None or other.starts_at is None or other.starts_at < one.ends_at


def mistakes(promotions: Sequence[Promotion], stacking: Stacking | None) -> Iterator[str]:
    """What is wrong with a shop's promotions, in sentences."""
    if len(promotions) > MOST_PROMOTIONS:
        yield say("a program has at most %(most)s promotions", most=MOST_PROMOTIONS)
    keys = [p.key for p in promotions]
    yield from (
        say("two promotions are called '%(key)s': give each a key of its own", key=key) for key in dict.fromkeys(keys)
        if keys.count(key) > 1
    )  # fmt: skip
    for p in promotions:
        yield from (f"promotion {p.key!r}: {mistake}" for mistake in p.mistakes())
    if stacking is None and len(promotions) <= MOST_PROMOTIONS:
        overlapping = next(
            ((a, b) for place, a in enumerate(promotions) for b in promotions[place + 1 :] if meet(a, b)), None
        )
        if overlapping is not None:
            yield (
                say(
                    "promotions '%(one)s' and '%(other)s' may meet in one order: say whether the best of them "
                    "counts, or they add up, or they multiply",
                    one=overlapping[0].key,
                    other=overlapping[1].key,
                )
            )
