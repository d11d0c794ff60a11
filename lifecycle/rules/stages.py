"""The stages of a customer as a pure fold over the instants at which something happened.

An order or a referred friend moves a customer up at once; silence moves them down at instants that can be computed in
advance. So a stage is never "updated": `walk` says which stages a customer has passed through up to an instant, and
when the next review is due. Given the same events it always says the same, in whatever order they became known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from commerce.ids import CustomerId, OrderId


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


@dataclass(frozen=True, slots=True)
class Terms:
    """A shop's lifecycle rules. The days are whole days since the last order that counts."""

    version: int
    retained_from_orders: int = 4
    advocate_from_referrals: int = 1
    at_risk_after_days: int = 90
    lapsed_after_days: int = 180

    def __post_init__(self) -> None:
        if not 2 <= self.retained_from_orders <= 1000:
            raise ValueError("a customer is retained from 2 to 1000 orders")
        if not 1 <= self.at_risk_after_days < self.lapsed_after_days <= 3650:
            raise ValueError("a customer must be at risk before lapsing, and both within ten years")
        if self.advocate_from_referrals < 1:
            raise ValueError("an advocate has brought at least one friend")

    @classmethod
    def read(cls, version: int, body: Mapping[str, Any]) -> Terms:
        return cls(version, **body)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that moves a customer along: an order of theirs, or the order of a friend whom they brought."""

    at: datetime
    referral: bool = False


@dataclass(frozen=True, slots=True)
class Milestone:
    """A happening as its domain knows it:

    an order of the customer, or of a friend they referred, and whether it counts (still).
    """

    kind: str
    """``order`` or ``referral``."""
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

    @classmethod
    def new(cls, known_since: datetime) -> Standing:
        return cls(known_since, known_since)


@dataclass(frozen=True, slots=True)
class Change:
    """One step from stage to stage, at the instant when it became true, with the reason in words."""

    effective_at: datetime
    from_stage: Stage | None
    to_stage: Stage
    reason: str


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a walk ended: the state after the last happening, the changes up to it, the stage now, and when to look
    again.

    `silent` are the changes that silence made since the last happening. They stand as long as no order becomes known
    that was placed before.
    """

    standing: Standing
    changes: Sequence[Change]
    silent: Sequence[Change]
    stage: Stage
    since: datetime
    next_review_at: datetime | None


def active_stage(standing: Standing, terms: Terms) -> Stage:
    """The stage of a customer who has not fallen silent."""
    if standing.orders == 0:
        return Stage.LEAD
    if standing.referrals >= terms.advocate_from_referrals:
        return Stage.ADVOCATE
    if standing.orders >= terms.retained_from_orders:
        return Stage.RETAINED
    return Stage.DEVELOPING if standing.orders > 1 else Stage.ACQUIRED


def silences(standing: Standing, terms: Terms) -> Sequence[tuple[datetime, Stage, str]]:
    """The instants at which silence alone will move the customer, soonest first."""
    if standing.last_order_at is None:
        return ()
    return (
        (
            standing.last_order_at + timedelta(days=terms.at_risk_after_days),
            Stage.AT_RISK,
            _silent(terms.at_risk_after_days),
        ),
        (
            standing.last_order_at + timedelta(days=terms.lapsed_after_days),
            Stage.LAPSED,
            _silent(terms.lapsed_after_days),
        ),
    )


def stage_at(standing: Standing, terms: Terms, at: datetime) -> Stage:
    """The stage at `at`, if nothing has happened since `standing`."""
    stage = active_stage(standing, terms)
    for instant, silent, _ in silences(standing, terms):
        if instant <= at:
            stage = silent
    return stage


def walk(start: Standing, happenings: Iterable[Happening], terms: Terms, at: datetime) -> Walk:
    """From `start` through `happenings` (none earlier than the last that `start` knows) and the silence after them,
    up to `at`.

    The work does not depend on how long the customer's history is, only on how many happenings are new. The changes
    begin after ``start.last_at``; a walk from an empty standing begins with the customer becoming a lead.
    """
    standing, changes = start, list[Change]()
    if start.last_at is None:
        changes.append(Change(start.known_since, None, Stage.LEAD, "became known to the shop"))
    for happening in sorted(happenings, key=lambda h: (h.at, h.referral)):
        changes += _fall_silent(standing, terms, happening.at)
        before = stage_at(standing, terms, happening.at)
        standing = _after(standing, happening)
        now = stage_at(standing, terms, happening.at)
        if now is not before:
            changes.append(Change(happening.at, before, now, _reason(standing, happening)))
        if changes:
            standing = replace(standing, since=changes[-1].effective_at)
    silent = _fall_silent(standing, terms, at)
    since = silent[-1].effective_at if silent else standing.since
    due = [instant for instant, _, _ in silences(standing, terms) if instant > at]
    return Walk(standing, changes, silent, stage_at(standing, terms, at), since, min(due, default=None))


def _after(standing: Standing, happening: Happening) -> Standing:
    if happening.referral:
        return replace(standing, referrals=standing.referrals + 1, last_at=happening.at)
    return replace(
        standing,
        orders=standing.orders + 1,
        first_order_at=standing.first_order_at or happening.at,
        last_order_at=happening.at,
        last_at=happening.at,
    )


def _fall_silent(standing: Standing, terms: Terms, until: datetime) -> list[Change]:
    """The changes that silence made after the last happening, up to `until`."""
    changes, stage = list[Change](), active_stage(standing, terms)
    for instant, silent, reason in silences(standing, terms):
        if instant > until:
            break
        if standing.last_at is None or instant > standing.last_at:
            changes.append(Change(instant, stage, silent, reason))
        stage = silent
    return changes


def _silent(days: int) -> str:
    return f"{days} days without an order"


def _reason(standing: Standing, happening: Happening) -> str:
    if happening.referral:
        return "a friend they referred placed a first order"
    return "placed a first order" if standing.orders == 1 else f"placed order number {standing.orders}"
