"""When points expire: a policy of the terms, and the instant that follows from it for each lot.

An instant is never decided once and for all. It follows from when the points could first be spent, from what the member
has done since, and from which policies were in force when: `expires_at` says it anew each time. What is stored beside a
lot is only when to look again.

A policy never reaches back. Points that were there before it was published last for one full period of it from that
day, unless an earlier policy had already said an earlier day; and whoever gains by a new policy, gains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from commerce.sayings import say
from loyalty.rules.months import MOST_MONTHS, Round, add_months, day_of, end_of, next_yearly, rounded_up

# Members are told so many days before points expire; each of the three once.
WARNED_DAYS = (30, 7, 1)
YEAR = 12


class Policy(StrEnum):
    """What points expire by."""

    NONE = "none"
    LOT = "lot"
    INACTIVITY = "inactivity"
    CALENDAR = "calendar"
    ANNIVERSARY = "anniversary"


class Activity(StrEnum):
    """What keeps points alive under a policy of inactivity."""

    EARNING = "earning"
    EARNING_AND_REDEEMING = "earning_and_redeeming"
    PURCHASES = "purchases"


@dataclass(frozen=True, slots=True)
class Expiry:
    """Points last `months` months from the day on which they could first be spent, or from the member's last activity.

    Then to the end of what `round_up` names, to the next `day` of `month`, or to the day of the year on which the
    member came, whichever the policy is about.
    """

    policy: Policy = Policy.NONE
    months: int = YEAR
    round_up: Round = Round.DAY
    activity: Activity = Activity.EARNING_AND_REDEEMING
    month: int = 12
    day: int = 31

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Expiry:
        """A policy as terms store it. Raises `ValueError` for what is none."""
        if unknown := sorted(set(body) - {known.name for known in fields(cls)}):
            raise ValueError(say("expiry has no %(names)s", names=tuple(unknown)))
        if any(type(body.get(name, 1)) is not int for name in ("months", "month", "day")):
            raise ValueError(say("months and days of expiry are whole numbers"))
        given = dict(body)
        for name, kind in (("policy", Policy), ("round_up", Round), ("activity", Activity)):
            if name in given:
                if given[name] not in set(kind):
                    raise ValueError(say("%(name)s of expiry is one of %(names)s", name=name, names=tuple(kind)))
                given[name] = kind(given[name])
        return cls(**given)

    def mistakes(self) -> Iterator[str]:
        """What is wrong with the policy, in sentences; none if it can be published."""
        if not 1 <= self.months <= MOST_MONTHS:
            yield say("points last from 1 to %(most)s months", most=MOST_MONTHS)
        if not 1 <= self.month <= 12 or not 1 <= self.day <= 31:
            yield say("the day on which points expire is a day of a month")
        elif self.day > _LONGEST[self.month - 1]:
            yield say(
                "there is no day %(day)s in month %(month)s: name one that is there each year",
                day=self.day,
                month=self.month,
            )
        if self.policy is not Policy.LOT and self.round_up is not Round.DAY:
            yield say("only points that expire lot by lot last to the end of a month, quarter or year")

    @property
    def yearly(self) -> bool:
        """Whether everybody's points expire on a day of the year."""
        return self.policy in (Policy.CALENDAR, Policy.ANNIVERSARY)

    @property
    def whole_period(self) -> Expiry:
        """The policy for points that it finds: between two days of the year lies a year."""
        return replace(self, months=max(self.months, YEAR)) if self.yearly else self

    @property
    def by_lot(self) -> bool:
        """Whether nothing that a member does changes the day on which points expire."""
        return self.policy is Policy.LOT or self.yearly


_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A policy, and the instant at which it was published."""

    since: datetime
    expiry: Expiry


@dataclass(frozen=True, slots=True)
class Life:
    """What of a member decides when their points expire: when they came, and when they last did what counts."""

    joined_at: datetime
    active_at: datetime | None = None


def rulings(expiries: Sequence[Expiry], published: Sequence[datetime]) -> list[Ruling]:
    """The policies in the order in which they came into force; terms that change something else change none."""
    found = list[Ruling]()
    for expiry, since in zip(expiries, published, strict=True):
        if not found or found[-1].expiry != expiry:
            found.append(Ruling(since, expiry))
    return found


def expires_at(ruled: Sequence[Ruling], available_at: datetime, life: Life, zone: ZoneInfo) -> datetime | None:
    """When points expire that could first be spent at `available_at`, as far as is known; None: never."""
    now = ruled[-1]
    if now.expiry.policy is Policy.NONE:
        return None
    if now.expiry.policy is Policy.INACTIVITY:
        since = max(available_at, now.since, life.active_at or available_at)
        return end_of(add_months(day_of(since, zone), now.expiry.months), zone)
    last: date | None = None
    for ruling in ruled:
        if not ruling.expiry.by_lot:
            last = None
        elif available_at >= ruling.since:
            last = _last_day(ruling.expiry, available_at, life, zone)
        else:
            floor = _last_day(ruling.expiry.whole_period, ruling.since, life, zone)
            last = max(_last_day(ruling.expiry, available_at, life, zone), min(last or floor, floor))
    assert last is not None
    return end_of(last, zone)


def _last_day(expiry: Expiry, since: datetime, life: Life, zone: ZoneInfo) -> date:
    """The last day on which points that were to be had at `since` can be spent."""
    least = add_months(day_of(since, zone), expiry.months)
    if expiry.policy is Policy.CALENDAR:
        return next_yearly(least, expiry.month, expiry.day)
    if expiry.policy is Policy.ANNIVERSARY:
        joined = day_of(life.joined_at, zone)
        return next_yearly(least, joined.month, joined.day)
    return rounded_up(least, expiry.round_up)


def warnings_between(last: datetime, now: datetime) -> list[tuple[int, datetime, datetime]]:
    """For each of the three warnings, the span of expiries of which it is told between two looks: after, and up to."""
    return [(days, last + timedelta(days=days), now + timedelta(days=days)) for days in WARNED_DAYS]
