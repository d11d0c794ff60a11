"""What would change if new terms were published now: who would lose which points and when, and who would move tiers.

Nothing is written. The members are read in pages, so a shop of any size is looked at in bounded memory, and the answers
come from the same rules that would apply.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from commerce.ids import CustomerId
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Expiry, Fact, Ladder, Measure, Policy, Ruling
from loyalty.service import expiry, tiers
from loyalty.service.program import Program

PAGE = 1000
EXAMPLES = 10
AHEAD_MONTHS = 12
FIRST_DAYS = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """Points that one member would lose, and the last day on which they could spend them."""

    customer: Any
    points: int
    on: date


@dataclass(frozen=True, slots=True)
class ExpiryPreview:
    """Who would lose what in the year ahead, if nobody earned or spent anything.

    `months` are the twelve from now on: the first day, how many members, how many points. `now` is how many points
    expire in the same time under the terms of now.
    """

    members: int
    points: int
    now: int
    months: Sequence[tuple[date, int, int]]
    first: Sequence[tuple[date, int, int]]
    examples: Sequence[Loss]


class _Tally:
    """Members and points by day, counted member by member."""

    def __init__(self) -> None:
        self.by_day = defaultdict[date, list[int]](lambda: [0, 0])
        self.by_month = defaultdict[date, list[int]](lambda: [0, 0])
        self.members = self.points = 0
        self.largest = list[tuple[int, CustomerId, date]]()

    def add(self, customer_id: CustomerId, losses: Mapping[date, int]) -> None:
        if not losses:
            return
        total = sum(losses.values())
        self.members, self.points = self.members + 1, self.points + total
        months = Counter[date]()
        for day, points in losses.items():
            self.by_day[day][0] += 1
            self.by_day[day][1] += points
            months[day.replace(day=1)] += points
        for month, points in months.items():
            self.by_month[month][0] += 1
            self.by_month[month][1] += points
        self.largest = sorted([*self.largest, (-total, customer_id, min(losses))])[:EXAMPLES]


def preview_expiry(work: UnitOfWork, proposed: Expiry) -> ExpiryPreview:
    """What the policy would do to the points that are there, published now."""
    program = Program.of(work)
    now = expiry.Policies.of(work, program)
    ruled = list(now.ruled)
    if ruled[-1].expiry != proposed:
        ruled.append(Ruling(work.now, proposed))
    then = expiry.Policies(ruled, now.zone)
    tally, before, after = _Tally(), 0, 0
    while page := records.holders(work, after, PAGE):
        after = page[-1]
        for customer_id, losses in _losses(work, then, page).items():
            tally.add(customer_id, losses)
        if now.policy is not Policy.NONE:
            before += sum(sum(losses.values()) for losses in _losses(work, now, page).values())
    return _said(work, tally, before, rules.day_of(work.now, now.zone))


def _losses(
    work: UnitOfWork, policies: expiry.Policies, page: Sequence[CustomerId]
) -> Mapping[CustomerId, Mapping[date, int]]:
    """Points of each member by the last day on which they can be spent, within the year ahead."""
    found = defaultdict[CustomerId, Counter[date]](Counter)
    if policies.policy is Policy.NONE:
        return found
    horizon = rules.add_months(rules.day_of(work.now, policies.zone), AHEAD_MONTHS)
    lives = policies.lives(work, page)
    for lot in records.open_lots(work, page):
        at = policies.expires_at(lot.available_at, lives.get(lot.customer_id))
        if at is not None and (day := expiry.last_day(at, policies.zone)) <= horizon:
            found[lot.customer_id][day] += lot.remaining
    return found


def _said(work: UnitOfWork, tally: _Tally, before: int, today: date) -> ExpiryPreview:
    firsts = [rules.add_months(today.replace(day=1), month) for month in range(AHEAD_MONTHS + 1)]
    months = [(first, tally.by_month[first][0], tally.by_month[first][1]) for first in firsts]
    days = [(day, tally.by_day[day][0], tally.by_day[day][1]) for day in sorted(tally.by_day)[:FIRST_DAYS]]
    names = records.names(work, [who for _, who, _ in tally.largest])
    examples = [Loss(names[who], -points, on) for points, who, on in tally.largest]
    return ExpiryPreview(tally.members, tally.points, before, months, days, examples)


@dataclass(frozen=True, slots=True)
class Moved:
    """A member who would stand elsewhere, by key of the tier (None: none)."""

    customer: Any
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class TiersPreview:
    """How many members would stand on each tier, how many moves there would be, and some of them."""

    members: Mapping[str, int]
    moves: Mapping[tuple[str | None, str | None], int]
    examples: Sequence[Moved]


Counted = Mapping[CustomerId, Sequence[Fact]]
"""What was counted of members, where it is not in the books."""


@dataclass(frozen=True, slots=True)
class TierSizes:
    """How many members stand on each tier by the terms of now and by others: name, then, for each of both, how many
    (None: there is no such tier). `moved` stand elsewhere; some of them are examples, by the names of tiers.
    """

    rows: Sequence[tuple[str, int | None, int | None]]
    moved: int
    examples: Sequence[Moved]


def compare_tiers(
    work: UnitOfWork, ladders: tuple[Ladder, Ladder], points: tuple[Counted, Counted], every: int = 1
) -> TierSizes | None:
    """Where every so manieth member would stand now, had each ladder been there all the time; None without any.

    `points` are what each terms would have issued: a ladder of points counts those, and not what the books say.
    """
    if not any(ladder.levels for ladder in ladders):
        return None
    currency, zone = Program.of(work).current.currency, expiry.zone_of(work)
    # Ladders that ask the same of the same facts are climbed once.
    same = ladders[0].asks == ladders[1].asks and ladders[0].measure is not Measure.POINTS
    sizes, moved, examples, after = (Counter[str](), Counter[str]()), 0, list[tuple[Any, ...]](), 0
    while page := records.everybody(work, after, PAGE):
        after, looked = page[-1], [who for who in page if who % every == 0]
        before = _stand(work, ladders[0], looked, points[0], currency, zone)
        then = before if same else _stand(work, ladders[1], looked, points[1], currency, zone)
        sizes[0].update(before.values())
        sizes[1].update(then.values())
        for who in sorted(before.keys() | then.keys()) if not same else ():
            if before.get(who) != then.get(who):
                moved += 1
                if len(examples) < EXAMPLES:
                    examples.append((who, _named(ladders[0], before.get(who)), _named(ladders[1], then.get(who))))
    names = records.names(work, [who for who, _, _ in examples])
    rows = _rows(ladders, sizes)
    return TierSizes(rows, moved, [Moved(names[who], old, new) for who, old, new in examples])


def _stand(
    work: UnitOfWork, ladder: Ladder, people: Sequence[CustomerId], points: Counted, currency: str, zone: ZoneInfo
) -> dict[CustomerId, str]:
    """The tiers of those of these members who have one."""
    if not ladder.levels or not people:
        return {}
    concerned = records.candidates(work, people, ladder, currency)
    facts: Counted
    if ladder.measure is Measure.POINTS:
        concerned, facts = sorted({*concerned, *(who for who in people if who in points)}), points
    else:
        facts = records.facts(work, concerned, ladder.measure, currency)
    choices, found = records.choices(work, concerned), dict[CustomerId, str]()
    for who in concerned:
        tier = rules.tier_at(tiers.moves_of(ladder, facts.get(who, ()), choices.get(who, ()), zone), work.now)
        if tier is not None:
            found[who] = tier
    return found


def _named(ladder: Ladder, key: str | None) -> str | None:
    level = ladder.level(key)
    return level.name if level else None


def _rows(
    ladders: tuple[Ladder, Ladder], sizes: tuple[Mapping[str, int], Mapping[str, int]]
) -> list[tuple[str, int | None, int | None]]:
    now, then = ladders
    gone = [level for level in now.levels if then.level(level.key) is None]
    found = list[tuple[str, int | None, int | None]]()
    for level in (*then.levels, *gone):
        before, after = (
            count.get(level.key, 0) if ladder.level(level.key) else None
            for ladder, count in zip(ladders, sizes, strict=True)
        )
        found.append((level.name, before, after))
    return found


def preview_tiers(work: UnitOfWork, proposed: Ladder) -> TiersPreview:
    """Where members would stand by this ladder, published now."""
    currency, zone = Program.of(work).current.currency, expiry.zone_of(work)
    members, moves, examples = Counter[str](), Counter[tuple[str | None, str | None]](), list[tuple[Any, ...]]()
    after = 0
    while page := records.everybody(work, after, PAGE):
        after = page[-1]
        concerned = records.candidates(work, page, proposed, currency)
        before = records.tiers_of(work, concerned)
        facts, choices = records.facts(work, concerned, proposed.measure, currency), records.choices(work, concerned)
        for who in concerned:
            way = tiers.moves_of(proposed, facts.get(who, ()), choices.get(who, ()), zone)
            tier = rules.tier_at(way, work.now)
            if tier is not None:
                members[tier] += 1
            if tier != before.get(who):
                moves[before.get(who), tier] += 1
                if len(examples) < EXAMPLES:
                    examples.append((who, before.get(who), tier))
    names = records.names(work, [who for who, _, _ in examples])
    return TiersPreview(members, moves, [Moved(names[who], old, new) for who, old, new in examples])
