"""The stages of a customer as a pure fold over the instants at which something happened.

An order or a referred friend moves a customer up at once; silence moves them down at instants that can be computed in
advance. So a stage is never "updated": `walk` says which stages a customer has passed through up to an instant, and
when the next review is due. Given the same events it always says the same, in whatever order they became known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from commerce.ids import CustomerId, OrderId
from commerce.sayings import say
from lifecycle.rules import reasons
from lifecycle.rules.reasons import Facts, Reason
from lifecycle.rules.rhythm import silence_of, with_gap
from lifecycle.rules.terms import Terms

# No store on these platforms is older. What claims to be was written without a date, or imported with a wrong one.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# Clocks of stores are wrong by minutes, and their time zones by up to a day; more is a date of the future.
AHEAD = timedelta(days=2)


class Stage(StrEnum):
    """Where a customer stands, from the first sign of interest round to silence."""

    LEAD = "lead"
    ACQUIRED = "acquired"
    DEVELOPING = "developing"
    RETAINED = "retained"
    ADVOCATE = "advocate"
    AT_RISK = "at_risk"
    LAPSED = "lapsed"


STAGES = tuple(Stage)
NAMES: Mapping[Stage, str] = {
    Stage.LEAD: say("lead"), Stage.ACQUIRED: say("acquired"), Stage.DEVELOPING: say("developing"),
    Stage.RETAINED: say("retained"), Stage.ADVOCATE: say("advocate"), Stage.AT_RISK: say("at risk"),
    Stage.LAPSED: say("lapsed"),
}  # fmt: skip
SILENT = frozenset({Stage.AT_RISK, Stage.LAPSED})


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that moves a customer: an order of theirs, the order of a friend whom they brought, or a bad answer to
    a survey (`complaint`).

    An order that came back (`returned`) is no order; it only keeps a place for the one that may replace it.
    """

    at: datetime
    referral: bool = False
    returned: bool = False
    complaint: bool = False

    @classmethod
    def of(cls, kind: str, at: datetime) -> Happening:
        """By the kind of its milestone."""
        return cls(at, kind == "referral", kind == "return", kind == "complaint")

    @property
    def is_order(self) -> bool:
        return not (self.referral or self.returned or self.complaint)


@dataclass(frozen=True, slots=True)
class Milestone:
    """A happening as its domain knows it:

    an order of the customer, or of a friend they referred, and whether it counts (still).
    """

    kind: str
    """``order``, ``referral``, ``return`` for an order that was paid and came back, or ``complaint`` for a bad answer
    about an order.
    """
    order_id: OrderId
    customer_id: CustomerId
    at: datetime
    counts: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer's state right after the last happening;

    silence since then is not in it, because it can always be computed.
    """

    known_since: datetime
    since: datetime
    """When the stage of that moment began."""
    orders: int = 0
    referrals: int = 0
    first_order_at: datetime | None = None
    last_order_at: datetime | None = None
    last_at: datetime | None = None
    gaps: tuple[int, ...] = ()
    """The last gaps between orders, in whole days."""
    returned_at: datetime | None = None
    """When the last order was placed that came back."""
    won_back_at: datetime | None = None
    """When the customer last ordered after they had lapsed."""
    upset_at: datetime | None = None
    """When the customer gave a bad answer, and has not ordered since."""

    @classmethod
    def new(cls, known_since: datetime) -> Standing:
        return cls(known_since, known_since)


@dataclass(frozen=True, slots=True)
class Change:
    """One step from stage to stage, at the instant when it became true, with the reason."""

    effective_at: datetime
    from_stage: Stage | None
    to_stage: Stage
    why: Reason

    @property
    def reason(self) -> str:
        """Why, in words."""
        return reasons.sentence(self.why)

    @property
    def facts(self) -> Facts:
        return self.why.facts

    @property
    def won_back(self) -> bool:
        """Whether a lapsed customer ordered again."""
        return self.why.code == "won_back"


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a walk ended: the state after the last happening, the changes up to it, the stage now, and when to look
    again.

    `silent` are the changes that silence made since the last happening. They stand as long as no order becomes known
    that was placed before. `awaited_at` is when the first happening counts that lies in the future.
    """

    standing: Standing
    changes: Sequence[Change]
    silent: Sequence[Change]
    stage: Stage
    since: datetime
    next_review_at: datetime | None
    awaited_at: datetime | None = None


class Step(NamedTuple):
    """What time alone will do to a customer, and when."""

    at: datetime
    to_stage: Stage
    why: Reason


def dated(happening: Happening, came_at: datetime) -> Happening:
    """What claims to be older than any store was placed when the customer came: its own date says nothing."""
    return happening if happening.at >= EARLIEST else replace(happening, at=came_at)


def active_stage(standing: Standing | _Fold, terms: Terms, at: datetime) -> Stage:
    """The stage at `at` of a customer who has not fallen silent."""
    if standing.orders == 0:
        return Stage.LEAD
    if standing.referrals >= terms.advocate_from_referrals:
        return Stage.ADVOCATE
    if standing.orders >= terms.retained_from_orders:
        return Stage.RETAINED
    stays = _stays_until(standing, terms)
    if stays is not None and at < stays:
        return Stage.RETAINED
    return Stage.DEVELOPING if standing.orders > 1 else Stage.ACQUIRED


def steps(standing: Standing | _Fold, terms: Terms) -> Sequence[Step]:
    """What time alone will do after the last happening, soonest first."""
    last = standing.last_order_at
    if last is None:
        return ()
    silence = silence_of(standing.gaps, terms)
    usual, longest = silence.usual_days, silence.longest_days
    lapsed_at = last + timedelta(silence.lapsed_days)
    found = [Step(lapsed_at, Stage.LAPSED, reasons.silent(silence.lapsed_days, usual, 0))]
    if silence.at_risk_days < silence.lapsed_days:
        at_risk_at = last + timedelta(silence.at_risk_days)
        found.insert(0, Step(at_risk_at, Stage.AT_RISK, reasons.silent(silence.at_risk_days, usual, longest)))
    if standing.upset_at is not None and standing.upset_at < found[0].at:
        # Whoever says that they are unhappy need not be silent first.
        return (Step(standing.upset_at, Stage.AT_RISK, reasons.UNHAPPY), found[-1])
    stays = _stays_until(standing, terms)
    # Who is silent by then has lost the place before.
    if stays is not None and stays < found[0].at:
        stage = Stage.DEVELOPING if standing.orders > 1 else Stage.ACQUIRED
        found.insert(0, Step(stays, stage, reasons.stayed(terms.stay_days)))
    return found


def _stays_until(standing: Standing | _Fold, terms: Terms) -> datetime | None:
    """Until when an order that came back still keeps its place among the orders that make a customer retained; None
    where it decides nothing.
    """
    if standing.returned_at is None or not terms.stay_days or standing.orders + 1 != terms.retained_from_orders:
        return None
    if standing.referrals >= terms.advocate_from_referrals:
        return None
    return standing.returned_at + timedelta(terms.stay_days)


def stage_at(standing: Standing, terms: Terms, at: datetime) -> Stage:
    """The stage at `at`, if nothing has happened since `standing`."""
    stage = active_stage(standing, terms, standing.last_at or at)
    for step in steps(standing, terms):
        if step.at > at:
            break
        stage = step.to_stage
    return stage


def next_step(standing: Standing, terms: Terms, at: datetime) -> Step | None:
    """What time alone will do first after `at`, if nothing happens."""
    return next((step for step in steps(standing, terms) if step.at > at), None)


def walk(start: Standing, happenings: Iterable[Happening], terms: Terms, at: datetime) -> Walk:
    """From `start` through `happenings` (none earlier than the last that `start` knows) and the silence after them,
    up to `at`. What is dated more than `AHEAD` later has not happened yet: it is awaited, and counts when it is that
    near.

    The work does not depend on how long the customer's history is, only on how many happenings are new. The changes
    begin after ``start.last_at``; a walk from an empty standing begins with the customer becoming a lead.
    """
    fold, awaited_at = _Fold(start, terms), None
    for happening in sorted(happenings, key=_in_time):
        if happening.at - AHEAD > at:
            awaited_at = happening.at - AHEAD
            break
        fold.take(happening)
    standing, known = fold.standing(), len(fold.changes)
    fold.pass_time(at)
    changes, silent = fold.changes[:known], fold.changes[known:]
    since = silent[-1].effective_at if silent else standing.since
    due = [instant for instant in (fold.ahead[0].at if fold.ahead else None, awaited_at) if instant is not None]
    return Walk(standing, changes, silent, fold.stage, since, min(due, default=None), awaited_at)


def _in_time(happening: Happening) -> tuple[datetime, bool, bool, bool]:
    return happening.at, happening.referral, happening.returned, happening.complaint


@dataclass(slots=True, init=False)
class _Fold:
    """A standing on its way through time. `ahead` is what silence will do next."""

    terms: Terms
    known_since: datetime
    since: datetime
    orders: int
    referrals: int
    first_order_at: datetime | None
    last_order_at: datetime | None
    last_at: datetime | None
    gaps: tuple[int, ...]
    returned_at: datetime | None
    won_back_at: datetime | None
    upset_at: datetime | None
    stage: Stage
    ahead: list[Step]
    changes: list[Change] = field(default_factory=list)

    def __init__(self, start: Standing, terms: Terms) -> None:
        self.terms, self.changes, self.ahead = terms, [], []
        self.known_since, self.since, self.last_at = start.known_since, start.since, start.last_at
        self.orders, self.referrals, self.gaps = start.orders, start.referrals, start.gaps
        self.first_order_at, self.last_order_at = start.first_order_at, start.last_order_at
        self.returned_at, self.won_back_at, self.upset_at = start.returned_at, start.won_back_at, start.upset_at
        if start.last_at is None:
            self.stage = Stage.LEAD
            self.changes.append(Change(start.known_since, None, Stage.LEAD, reasons.KNOWN))
        else:
            self.stage, self.ahead = active_stage(self, terms, start.last_at), list(steps(self, terms))
            while self.ahead and self.ahead[0].at <= start.last_at:
                self.stage = self.ahead.pop(0).to_stage

    def standing(self) -> Standing:
        return Standing(
            self.known_since, self.changes[-1].effective_at if self.changes else self.since, self.orders,
            self.referrals, self.first_order_at, self.last_order_at, self.last_at, self.gaps, self.returned_at,
            self.won_back_at, self.upset_at,
        )  # fmt: skip

    def pass_time(self, until: datetime) -> None:
        """What silence does up to `until`, that instant included."""
        while self.ahead and self.ahead[0].at <= until:
            step = self.ahead.pop(0)
            self._move(step.at, step.to_stage, step.why)

    def take(self, happening: Happening) -> None:
        """Let one thing happen."""
        at = happening.at
        self.pass_time(at)
        self.last_at = at
        if happening.referral:
            self.referrals += 1
            self._settle(at, reasons.FRIEND)
        elif happening.returned:
            self.returned_at = at
            self._settle(at, reasons.came_back(self.orders + 1))
        elif happening.complaint:
            self._complaint(at)
        else:
            self._order(at)

    def _order(self, at: datetime) -> None:
        silent_days = 0
        if self.last_order_at is not None:
            days = (at - self.last_order_at).days
            self.gaps = with_gap(self.gaps, days)
            silent_days = days if self.stage is Stage.LAPSED else 0
        self.orders += 1
        self.first_order_at = self.first_order_at or at
        self.last_order_at, self.upset_at = at, None
        if silent_days:
            self.won_back_at = at
        self.ahead = list(steps(self, self.terms))
        self._move(at, active_stage(self, self.terms, at), reasons.ordered(self.orders, silent_days))

    def _complaint(self, at: datetime) -> None:
        if self.upset_at is None:
            self.upset_at = at
            self.ahead = [step for step in steps(self, self.terms) if step.at >= at]
            self.pass_time(at)

    def _settle(self, at: datetime, why: Reason) -> None:
        """Something else than an order happened: it breaks no silence."""
        self.ahead = [step for step in steps(self, self.terms) if step.at > at]
        if self.stage not in SILENT:
            self._move(at, active_stage(self, self.terms, at), why)

    def _move(self, at: datetime, stage: Stage, why: Reason) -> None:
        if stage is not self.stage:
            self.changes.append(Change(at, self.stage, stage, why))
            self.stage = stage
