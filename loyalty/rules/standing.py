"""Where a member stands on the ladder: a pure walk over what is counted, past and to come.

Up: at the instant at which what was counted in the window reaches what a level asks for. A tier is then kept for a
term: so many months, or to the end of the next calendar year. At its end what was counted in that last time has to come
to what keeps it; after the days of grace the member falls, a step or to where the balance leads. What is taken back
lowers a member at that instant, to where what is left leads: a tier that was returned was never earned.

The walk says all moves, those of silence yet to come among them. So the next change and its day are always known, a
review has to look only at rows that are due, and the same facts give the same tiers in whatever order they came.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate
from zoneinfo import ZoneInfo

from commerce.money import Money
from commerce.sayings import say
from loyalty.rules.months import add_months, day_of, end_of, start_of
from loyalty.rules.tiers import Downgrade, Ladder, Level, Measure, Window, amount, span

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fact:
    """So much was counted at an instant; below zero, so much was taken back of what was counted at `of`."""

    at: datetime
    amount: int
    of: datetime | None = None


class Cause(StrEnum):
    """Why somebody moved."""

    REACHED = "reached"
    TERM_ENDED = "term_ended"
    TAKEN_BACK = "taken_back"
    CHOSEN = "chosen"
    CHOICE_ENDED = "choice_ended"
    NEW_TIERS = "new_tiers"


@dataclass(frozen=True, slots=True)
class Move:
    """One step from tier to tier, by key (None: none), at the instant when it becomes true.

    `counted` of `asked` is what decided it; `note` is what the shop gave as its reason.
    """

    at: datetime
    before: str | None
    after: str | None
    cause: Cause
    counted: int = 0
    asked: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The shop's own word on a member's tier, until an instant or for good; `ended`: it has taken its word back."""

    made_at: datetime
    tier: str | None
    until: datetime | None
    reason: str
    ended: bool = False


def facts_of(
    measure: Measure,
    placed_at: datetime,
    goods: int,
    returns: Iterable[tuple[datetime, int]],
    cancelled_at: datetime | None,
) -> list[Fact]:
    """What a paid order adds to what is counted, and what its returns and its end take away again, when they happened.

    `goods` and `returns` are minor units of goods.
    """
    if goods <= 0:
        return []
    one = measure is Measure.ORDERS
    found, kept = [Fact(placed_at, 1 if one else goods)], goods
    ends = [*sorted(returns), *([(cancelled_at, goods)] if cancelled_at else [])]
    for at, minor in sorted(ends, key=lambda end: end[0]):
        taken = min(kept, minor)
        kept -= taken
        if taken and (not one or not kept):
            found.append(Fact(max(at, placed_at), -1 if one else -taken, placed_at))
    return found


class _Climb:
    """A walk under way: what was counted, in order of time, and where the member stands."""

    def __init__(self, ladder: Ladder, facts: Iterable[Fact], zone: ZoneInfo) -> None:
        self.ladder, self.zone = ladder, zone
        self.facts = sorted(facts, key=lambda fact: (fact.at, fact.amount))
        self.ats = [fact.at for fact in self.facts]
        self.sums = [0, *accumulate(fact.amount for fact in self.facts)]
        self.returns = [(fact.of, fact.at, fact.amount) for fact in self.facts if fact.of is not None]
        self.moves = list[Move]()
        self.place = -1
        self.term_ends: datetime | None = None
        # From where on counts what the tier of now was given for.
        self.counted_from = BEGINNING

    def walk(self) -> list[Move]:
        for fact in self.facts:
            self._review(fact.at)
            if fact.amount > 0:
                self._rise(fact.at)
            else:
                self._take_back(fact)
        self._review(None)
        return self.moves

    def counted(self, since: datetime, to: datetime) -> int:
        """What was counted from `since` up to `to`, with what happened at that instant. What is taken back is taken off
        what was counted at its time: the return of an older purchase lowers nothing here.
        """
        counted = self.sums[bisect_right(self.ats, to)] - self.sums[bisect_left(self.ats, since)]
        return counted - sum(amount for of, at, amount in self.returns if of < since <= at <= to)

    def window_start(self, at: datetime) -> datetime:
        """From where on the window of `at` counts."""
        if self.ladder.window is Window.LIFETIME:
            return BEGINNING
        day = day_of(at, self.zone)
        first = date(day.year, 1, 1) if self.ladder.window is Window.YEAR else add_months(day, -self.ladder.months)
        return start_of(first, self.zone)

    def _rise(self, at: datetime) -> None:
        above = self.ladder.levels[self.place + 1 :]
        # No window holds more than all time: most purchases lead nowhere, and need no calendar to say so.
        if not above or self.counted(BEGINNING, at) < above[0].enter:
            return
        start = self.window_start(at)
        counted = self.counted(start, at)
        place = max((n for n, level in enumerate(self.ladder.levels) if level.enter <= counted), default=-1)
        if place > self.place:
            self._move(at, place, Cause.REACHED, counted, self.ladder.levels[place].enter)
            self._begin_term(at, start)

    def _take_back(self, fact: Fact) -> None:
        if self.place < 0 or (fact.of is not None and fact.of < self.counted_from):
            return
        counted, level = self.counted(self.counted_from, fact.at), self.ladder.levels[self.place]
        # Whoever fell a step may stand where they count too little: only a return that matters moves them.
        if counted < max(1, level.keep) <= counted - fact.amount:
            self._move(fact.at, self._balance(counted), Cause.TAKEN_BACK, counted, level.keep)
            self._begin_term(fact.at, self.counted_from)

    def _review(self, until: datetime | None) -> None:
        """End the terms that are over before `until`; with None, all there will ever be if nothing happens."""
        while self.term_ends is not None:
            term_ends, keep = self.term_ends, self.ladder.levels[self.place].keep
            start = self.window_start(term_ends - timedelta(microseconds=1))
            if self.ladder.window is Window.ROLLING:
                start = self.window_start(term_ends)
            if self.counted(start, term_ends - timedelta(microseconds=1)) >= keep:
                if until is not None and term_ends > until:
                    return
                self._begin_term(term_ends, start)
                continue
            # What is bought in the days of grace still counts for the term that has ended.
            falls = end_of(day_of(term_ends, self.zone) + timedelta(days=self.ladder.grace_days - 1), self.zone)
            if until is not None and falls > until:
                return
            counted = self.counted(start, falls - timedelta(microseconds=1))
            if counted < keep:
                down = self.place - 1 if self.ladder.downgrade is Downgrade.ONE_STEP else self._balance(counted)
                self._move(falls, down, Cause.TERM_ENDED, counted, keep)
            rolls = self.ladder.window is Window.ROLLING and counted < keep
            self._begin_term(falls if rolls else term_ends, start)

    def _balance(self, counted: int) -> int:
        """The highest level below that of now which `counted` keeps."""
        below = enumerate(self.ladder.levels[: self.place])
        return max((n for n, level in below if counted > 0 and level.keep <= counted), default=-1)

    def _begin_term(self, at: datetime, counted_from: datetime) -> None:
        self.counted_from = counted_from
        keeps = self.ladder.window is Window.LIFETIME or self.ladder.downgrade is Downgrade.NEVER
        if self.place < 0 or keeps or not self.ladder.levels[self.place].keep:
            self.term_ends = None
            return
        day = day_of(at, self.zone)
        if self.ladder.window is Window.YEAR:
            # A term that begins with a year, because it was kept in the one before, is that year.
            last = date(day.year + (0 if at == start_of(date(day.year, 1, 1), self.zone) else 1), 12, 31)
        else:
            last = add_months(day, self.ladder.months) - timedelta(days=1 if at == start_of(day, self.zone) else 0)
        self.term_ends = end_of(last, self.zone)

    def _move(self, at: datetime, place: int, cause: Cause, counted: int, asked: int) -> None:
        before, after = (self.ladder.levels[n].key if n >= 0 else None for n in (self.place, place))
        self.moves.append(Move(at, before, after, cause, counted, asked))
        self.place = place


def walk(ladder: Ladder, facts: Iterable[Fact], zone: ZoneInfo) -> list[Move]:
    """All moves that follow from what was counted, oldest first, those to come if nothing more happens included."""
    return _Climb(ladder, facts, zone).walk() if ladder.levels else []


def counted_at(ladder: Ladder, facts: Iterable[Fact], zone: ZoneInfo, at: datetime) -> int:
    """What counts towards a higher tier at `at`."""
    climb = _Climb(ladder, facts, zone)
    return climb.counted(climb.window_start(at), at)


def with_choices(moves: Sequence[Move], choices: Sequence[Choice]) -> list[Move]:
    """The moves as they are with the shop's own word laid over them, which wins while it stands."""
    if not choices:
        return list(moves)
    spoken = sorted(choices, key=lambda choice: choice.made_at)
    instants = {m.at for m in moves} | {c.made_at for c in spoken} | {c.until for c in spoken if c.until}
    found, tier = list[Move](), None
    for at in sorted(instants):
        choice, earned = _standing_choice(spoken, at), _last(moves, at)
        after = choice.tier if choice else earned.after if earned else None
        if after == tier:
            continue
        if choice:
            found.append(Move(at, tier, after, Cause.CHOSEN, note=choice.reason))
        elif earned and earned.at == at:
            found.append(Move(at, tier, after, earned.cause, earned.counted, earned.asked))
        else:
            found.append(Move(at, tier, after, Cause.CHOICE_ENDED))
        tier = after
    return found


def _standing_choice(spoken: Sequence[Choice], at: datetime) -> Choice | None:
    last = next((choice for choice in reversed(spoken) if choice.made_at <= at), None)
    return last if last and not last.ended and (last.until is None or at < last.until) else None


def _last(moves: Sequence[Move], at: datetime) -> Move | None:
    return next((move for move in reversed(moves) if move.at <= at), None)


def tier_at(moves: Sequence[Move], at: datetime) -> str | None:
    """The tier by these moves, at an instant."""
    last = _last(moves, at)
    return last.after if last else None


def next_move(moves: Sequence[Move], at: datetime) -> Move | None:
    """What happens next if nothing else does."""
    return next((move for move in moves if move.at > at), None)


def reason(move: Move, ladder: Ladder, currency: str) -> str:
    """Why somebody moved, in words."""
    if move.cause is Cause.CHOSEN:
        return say("set by the shop: %(note)s", note=move.note)
    if move.cause is Cause.CHOICE_ENDED:
        return say("what the shop had set ended")
    if move.cause is Cause.NEW_TIERS:
        return say("the shop changed its tiers")
    counted, asked = (_amount(ladder.measure, value, currency) for value in (max(0, move.counted), move.asked))
    before = ladder.level(move.before)
    if move.cause is Cause.REACHED:
        return _reached(ladder.measure, counted=counted, asked=asked, span=span(ladder))
    if move.cause is Cause.TAKEN_BACK and before:
        return say(
            "a return left %(counted)s of the %(asked)s that keep %(tier)s",
            counted=counted, asked=asked, tier=before.name,
        )  # fmt: skip
    if move.cause is Cause.TAKEN_BACK:
        return say("a return left %(counted)s of the %(asked)s asked for", counted=counted, asked=asked)
    if before:
        return _missed(ladder.measure, counted=counted, asked=asked, tier=before.name, span=span(ladder))
    return _missed_all(ladder.measure, counted=counted, asked=asked, span=span(ladder))


def _amount(measure: Measure, value: int, currency: str) -> object:
    """So much of what is counted, which is told in the reader's way: money as money."""
    return Money(value, currency) if measure is Measure.SPEND else amount(measure, value, currency)


def _reached(measure: Measure, **values: object) -> str:
    match measure:
        case Measure.SPEND:
            return say("spent %(counted)s of %(asked)s %(span)s", **values)
        case Measure.POINTS:
            return say("earned %(counted)s of %(asked)s %(span)s", **values)
        case Measure.ORDERS:
            return say("placed %(counted)s of %(asked)s %(span)s", **values)
    return say("brought %(counted)s of %(asked)s %(span)s", **values)


def _missed(measure: Measure, **values: object) -> str:
    match measure:
        case Measure.SPEND:
            return say("spent %(counted)s of the %(asked)s that keep %(tier)s, %(span)s", **values)
        case Measure.POINTS:
            return say("earned %(counted)s of the %(asked)s that keep %(tier)s, %(span)s", **values)
        case Measure.ORDERS:
            return say("placed %(counted)s of the %(asked)s that keep %(tier)s, %(span)s", **values)
    return say("brought %(counted)s of the %(asked)s that keep %(tier)s, %(span)s", **values)


def _missed_all(measure: Measure, **values: object) -> str:
    match measure:
        case Measure.SPEND:
            return say("spent %(counted)s of the %(asked)s asked for, %(span)s", **values)
        case Measure.POINTS:
            return say("earned %(counted)s of the %(asked)s asked for, %(span)s", **values)
        case Measure.ORDERS:
            return say("placed %(counted)s of the %(asked)s asked for, %(span)s", **values)
    return say("brought %(counted)s of the %(asked)s asked for, %(span)s", **values)


def next_visible(ladder: Ladder, tier: str | None) -> Level | None:
    """The next higher level that shoppers may see."""
    above = ladder.levels[ladder.rank(tier) + 1 :]
    return next((level for level in above if not level.hidden), None)
