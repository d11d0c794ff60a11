"""One member's standing: how it is shown, and how the shop sets it by its own word.

A choice holds until its day, or until the shop ends it; it is written once, with who made it and why. It wins over what
was counted, up as well as down, and is no entry that is rewarded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commerce.ids import CustomerId
from commerce.lines import is_line
from commerce.refusal import Refusal
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Choice, Ladder, Level
from loyalty.service import tiers
from loyalty.service.program import Program

LONGEST_REASON = 200


class TierUnknown(Refusal):
    """There is no such tier in the program."""


class ReasonMissing(Refusal):
    """Say why, in up to 200 letters: whoever looks at this member later will want to know."""


class ChoiceOver(Refusal):
    """The day until which the tier is to hold has passed already."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands now, and what comes next.

    `counted` is what counts towards a higher tier, in what the ladder counts; `missing` is how much more `higher` asks
    for, `to_keep` how much more keeps the tier beyond `falls_at`, after which it is `falls_to`.
    """

    ladder: Ladder
    currency: str
    level: Level | None
    since: datetime | None
    reason: str | None
    chosen: bool
    counted: int
    higher: Level | None
    missing: int
    falls_at: datetime | None
    falls_to: Level | None
    to_keep: int


def standing(work: UnitOfWork, customer_id: CustomerId) -> Standing | None:
    """Where the member stands at this instant; None where the program has no tiers."""
    program = Program.of(work)
    ladder = program.current.tiers
    if not ladder.levels:
        return None
    ground = tiers.ground_of(work, program)
    facts = records.facts(work, [customer_id], ladder.measure, ground.currency).get(customer_id, [])
    moves = tiers.moves_of(ladder, facts, records.choices(work, [customer_id]).get(customer_id, []), ground.zone)
    row, history = records.member(work, customer_id), records.tier_history(work, customer_id, 1)
    tier = rules.tier_at(moves, work.now)
    counted = rules.counted_at(ladder, facts, ground.zone, work.now)
    last = next((move for move in reversed(moves) if move.at <= work.now), None)
    higher, ahead = rules.next_visible(ladder, tier), rules.next_move(moves, work.now)
    falls = ahead if ahead and ladder.rank(ahead.after) < ladder.rank(ahead.before) else None
    return Standing(
        ladder, ground.currency, ladder.level(tier),
        row.since if row and row.tier == tier else last.at if last else None,
        history[0].reason if history and history[0].to_tier == tier else None,
        bool(last and last.cause is rules.Cause.CHOSEN), counted,
        higher, max(0, higher.enter - counted) if higher else 0,
        falls.at if falls else None, ladder.level(falls.after) if falls else None,
        max(0, falls.asked - falls.counted) if falls else 0,
    )  # fmt: skip


def set_tier(
    work: UnitOfWork, customer_id: CustomerId, tier: str | None, *, until: datetime | None, reason: str, made_by: str
) -> None:
    """Put a member on a tier, or (None) on none, whatever was counted. `until`: None holds until it is ended.

    Refuses with `TierUnknown`, `ReasonMissing` or `ChoiceOver`; then nothing is written.
    """
    if tier is not None and Program.of(work).current.tiers.level(tier) is None:
        raise TierUnknown
    if until is not None and until <= work.now:
        raise ChoiceOver
    _choose(work, customer_id, Choice(work.now, tier, until, plain_reason(reason)), made_by)


def end_choice(work: UnitOfWork, customer_id: CustomerId, *, reason: str, made_by: str) -> None:
    """Let what was counted say where the member stands again. Refuses with `ReasonMissing`."""
    _choose(work, customer_id, Choice(work.now, None, None, plain_reason(reason), ended=True), made_by)


def plain_reason(reason: str) -> str:
    """A reason as it is kept: on one line. Refuses with `ReasonMissing`."""
    said = " ".join(reason.split())
    if not said or len(said) > LONGEST_REASON or not is_line(said):
        raise ReasonMissing
    return said


def _choose(work: UnitOfWork, customer_id: CustomerId, choice: Choice, made_by: str) -> None:
    records.choose(work, customer_id, choice, made_by)
    tiers.settle(work, Program.of(work), [customer_id])


def choices(work: UnitOfWork, customer_id: CustomerId, limit: int = 20) -> Sequence[Any]:
    """What the shop has set for the member, newest first: made_at, made_by, tier, until, reason, ended."""
    return records.choices_of(work, customer_id, limit)


def tier_history(work: UnitOfWork, customer_id: CustomerId, limit: int = 50) -> Sequence[Any]:
    """The member's tier changes, newest first: effective_at, from_tier, to_tier, cause, reason, recorded_at."""
    return records.tier_history(work, customer_id, limit)


def tier_counts(work: UnitOfWork) -> Sequence[tuple[Level, int]]:
    """How many members stand on each tier of the ladder, lowest first."""
    counted = records.tier_counts(work)
    return [(level, counted.get(level.key, 0)) for level in Program.of(work).current.tiers.levels]


def tier_keys(work: UnitOfWork) -> set[str]:
    """The keys that the program's tiers have, and have had: one that is given again is the same tier."""
    return {level.key for version in Program.of(work).versions for level in version.tiers.levels}


def is_customer(work: UnitOfWork, customer_id: CustomerId) -> bool:
    """Whether this shop has somebody of that number who is not gone."""
    return records.is_customer(work, customer_id)
