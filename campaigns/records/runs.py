"""Runs as they are remembered: since when a play is on under the same settings, and how far its look has come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork

_COLUMNS = """
    play, run, holdout_percent, began_at, ended_at, reached, next_look_at, trouble, enrolled, held_out, cost_points,
    last_until, counted_at, next_count_at
"""
_BEGIN = text("""
    INSERT INTO play_runs (shop_id, play, run, holdout_percent, began_at, next_look_at)
    VALUES (:shop_id, :play, :run, :holdout_percent, :now, :now)
""")
_END = text("""
    UPDATE play_runs SET ended_at = :now, trouble = NULL,
        next_count_at = CASE WHEN enrolled > 0 THEN :now END
    WHERE shop_id = :shop_id AND play = :play AND ended_at IS NULL
""")
# Whoever is at it holds the row: a second worker finds nothing due, and a change of the play waits for the portion.
_LOCK_DUE = text(f"""
    SELECT {_COLUMNS} FROM play_runs WHERE shop_id = :shop_id AND ended_at IS NULL AND next_look_at <= :now
    ORDER BY next_look_at, play LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_LOOKED = text("""
    UPDATE play_runs SET reached = :reached, next_look_at = :next_look_at, trouble = :trouble,
        enrolled = enrolled + :enrolled, held_out = held_out + :held_out, cost_points = cost_points + :cost_points,
        last_until = CASE WHEN :enrolled > 0 THEN greatest(last_until, :until) ELSE last_until END,
        next_count_at = CASE WHEN :enrolled > 0 THEN least(next_count_at, :until) ELSE next_count_at END
    WHERE shop_id = :shop_id AND play = :play AND run = :run
""")
_SPENT = text("SELECT cost_points FROM play_costs WHERE shop_id = :shop_id AND play = :play AND month = :month")
_SPEND = text("""
    INSERT INTO play_costs (shop_id, play, month, cost_points) VALUES (:shop_id, :play, :month, :cost_points)
    ON CONFLICT (shop_id, play, month) DO UPDATE SET cost_points = play_costs.cost_points + excluded.cost_points
""")
_ALL = text(f"SELECT {_COLUMNS} FROM play_runs WHERE shop_id = :shop_id ORDER BY run DESC, play")
_OF_PLAY = text(f"SELECT {_COLUMNS} FROM play_runs WHERE shop_id = :shop_id AND play = :play ORDER BY run DESC")
_LOCK_TO_COUNT = text(f"""
    SELECT {_COLUMNS} FROM play_runs WHERE shop_id = :shop_id AND next_count_at <= :now
    ORDER BY next_count_at, play LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
""")
_COUNTED = text("""
    UPDATE play_runs SET counted_at = :now, next_count_at = :next_count_at
    WHERE shop_id = :shop_id AND play = :play AND run = :run
""")


def begin(work: UnitOfWork, play: str, run: int, holdout_percent: int) -> None:
    work.run(_BEGIN, play=play, run=run, holdout_percent=holdout_percent, now=work.now)


def end(work: UnitOfWork, play: str) -> None:
    """Nobody is enrolled any more in the run that is open, if there is one."""
    work.run(_END, play=play, now=work.now)


def lock_due(work: UnitOfWork) -> Any:
    """A run whose audience is to be looked at, held, unless another process is at it; or None."""
    return work.row(_LOCK_DUE, now=work.now)


def looked(
    work: UnitOfWork, run: Any, *, reached: int, next_look_at: datetime, trouble: str | None = None, enrolled: int = 0,
    held_out: int = 0, cost_points: int = 0, until: datetime | None = None,
) -> None:  # fmt: skip
    """A portion was looked at; `until`: when the windows of those who were enrolled with it end. `trouble`: why it does
    not go on, as "audience", "reward" or "budget".
    """
    work.run(
        _LOOKED, play=run.play, run=run.run, reached=reached, next_look_at=next_look_at, trouble=trouble,
        enrolled=enrolled, held_out=held_out, cost_points=cost_points, until=until or work.now,
    )  # fmt: skip


def spent(work: UnitOfWork, play: str, month: str) -> int:
    """What the play has cost in a month, in points, whichever runs it had."""
    row = work.row(_SPENT, play=play, month=month)
    return int(row.cost_points) if row else 0


def spend(work: UnitOfWork, play: str, month: str, cost_points: int) -> None:
    """The play costs so much more in that month. Whoever enrols holds its run."""
    if cost_points:
        work.run(_SPEND, play=play, month=month, cost_points=cost_points)


def everyone(work: UnitOfWork) -> Sequence[Any]:
    """All runs of all plays, newest first. Never many: a merchant changes plays by hand."""
    return work.rows(_ALL)


def of_play(work: UnitOfWork, play: str) -> Sequence[Any]:
    """The runs of a play, newest first."""
    return work.rows(_OF_PLAY, play=play)


def lock_to_count(work: UnitOfWork) -> Any:
    """A run whose outcomes are to be counted, held; or None."""
    return work.row(_LOCK_TO_COUNT, now=work.now)


def counted(work: UnitOfWork, run: Any, next_count_at: datetime | None) -> None:
    work.run(_COUNTED, play=run.play, run=run.run, next_count_at=next_count_at, now=work.now)
