"""What came of a play: its runs with their lift, and what became of one customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns.records import enrolments, results, runs
from campaigns.rules import Arm, Interval, Lift, Measured, Play, lift, share
from campaigns.service.program import Program
from commerce.ids import CustomerId
from engine.work import UnitOfWork

# Of so few, the outcome is counted while the page is made: some milliseconds. Of more it was counted by the clock.
LIVE = 2_000
COUNT_EVERY = timedelta(days=1)
# Goods still come back after the window; by then hardly any do.
COUNTED_ON = timedelta(days=60)
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Side:
    """One arm of a run: how many were enrolled, and what was measured of those whose window is over."""

    people: int
    measured: Measured
    rate: Interval | None
    """The share that ordered, with its interval; None before anybody was measured."""


@dataclass(frozen=True, slots=True)
class Result:
    """A run and what came of it. It is `final` once nobody is enrolled any more and the last window is over."""

    run: Any
    play: Side
    holdout: Side
    lift: Lift
    final: bool
    counted_at: datetime | None
    """When it was counted; None: just now."""


def last_run(work: UnitOfWork, play: str) -> Any:
    """The newest run of a play, or None."""
    return next(iter(runs.of_play(work, play)), None)


def last_runs(work: UnitOfWork) -> Mapping[str, Any]:
    """The newest run of each play that ever was on."""
    return {row.play: row for row in reversed(runs.everyone(work))}


def results_of(work: UnitOfWork, play: str) -> Sequence[Result]:
    """The results of all runs of a play, newest first."""
    return [result(work, run) for run in runs.of_play(work, play)]


def result(work: UnitOfWork, run: Any) -> Result:
    """What came of a run: counted now, or where it is large, as it was counted last."""
    now = run.enrolled <= LIVE
    found = results.live(work, run.play, run.run, work.now) if now else results.kept(work, run.play, run.run)
    rows = {Arm(row.arm): row for row in found}
    counted = {arm: _measured(rows.get(arm)) for arm in Arm}
    held_out = 0 if now else run.held_out
    people = {Arm.PLAY: run.enrolled - held_out, Arm.HOLDOUT: held_out}
    if now:
        people = {arm: rows[arm].people if arm in rows else 0 for arm in Arm}
    sides = {arm: _side(people[arm], counted[arm]) for arm in Arm}
    return Result(
        run, sides[Arm.PLAY], sides[Arm.HOLDOUT],
        lift(counted[Arm.PLAY], counted[Arm.HOLDOUT], holdout_percent=run.holdout_percent),
        run.ended_at is not None and (run.last_until is None or run.last_until <= work.now),
        None if now else run.counted_at,
    )  # fmt: skip


def _measured(row: Any) -> Measured:
    if row is None:
        return Measured()
    return Measured(row.measured, row.ordered, float(row.spent), float(row.squares))


def _side(people: int, counted: Measured) -> Side:
    return Side(people, counted, share(counted.ordered, counted.people) if counted.people else None)


def recount_due(work: UnitOfWork) -> bool:
    """Count what came of a run whose count is due, and keep it; False where none is."""
    run = runs.lock_to_count(work)
    if run is None:
        return False
    results.keep(work, run.play, run.run)
    over = run.ended_at is not None and (run.last_until is None or run.last_until + COUNTED_ON <= work.now)
    runs.counted(work, run, None if over else work.now + COUNT_EVERY)
    return True


def people_of(work: UnitOfWork, run: Any) -> Sequence[Any]:
    """Who was enrolled in a run, newest first: some of them."""
    return enrolments.of_run(work, run.play, run.run, SHOWN)


@dataclass(frozen=True, slots=True)
class Part:
    """A play that somebody is or was in: `row` says arm, enrolled_at, until, points, reward, told and tagged."""

    play: Play
    row: Any


def explain(work: UnitOfWork, customer_id: CustomerId, limit: int = SHOWN) -> Sequence[Part]:
    """The plays in which a customer is or was, newest first, and what they were given."""
    rows = enrolments.of_customer(work, customer_id, limit)
    if not rows:
        return ()
    known = Program.of(work).plays
    return [Part(known[row.play].play, row) for row in rows]
