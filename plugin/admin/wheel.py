"""The wheel of stages: where everybody stands, and who went from which stage to which of late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import lifecycle
from engine.work import UnitOfWork
from lifecycle import Stage

DAYS = 30
# Arrows beside each other: more of them cannot be told apart, and the table has all.
MOST_ARROWS = 14

# Where who became known stands, and what the wheel calls it.
OUTSIDE = -1


@dataclass(frozen=True, slots=True)
class Turns:
    """The stages in the order of the wheel, each with its kind and customers; its streams as `charts.wheel` draws them;
    and how many came to each stage and left it in the last `DAYS` days; as of when.
    """

    parts: Sequence[tuple[str, int]]
    streams: Sequence[tuple[int, int, int]]
    came: Mapping[str, int]
    left: Mapping[str, int]
    at: datetime

    @property
    def customers(self) -> int:
        return sum(count for _, count in self.parts)


def turns(work: UnitOfWork) -> Turns:
    """The wheel of now, and its turns of the last `DAYS` days."""
    return of(lifecycle.pipeline(work, DAYS))


def of(found: lifecycle.Pipeline) -> Turns:
    """The wheel of a pipeline."""
    places: dict[Stage | None, int] = {None: OUTSIDE, **{post.stage: place for place, post in enumerate(found.posts)}}
    streams = [(places[s.from_stage], places[s.to_stage], s.changes) for s in found.streams]
    came, left = dict[str, int](), dict[str, int]()
    for stream in found.streams:
        came[stream.to_stage.value] = came.get(stream.to_stage.value, 0) + stream.changes
        if stream.from_stage is not None:
            left[stream.from_stage.value] = left.get(stream.from_stage.value, 0) + stream.changes
    drawn = sorted(streams, key=lambda stream: -stream[2])[:MOST_ARROWS]
    return Turns([(post.stage.value, post.customers) for post in found.posts], drawn, came, left, found.at)
