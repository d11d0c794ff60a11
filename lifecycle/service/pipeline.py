"""The wheel of stages as a merchant looks at it: how many stand at each, for how long, and who went where of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from commerce.ids import CustomerId
from engine import summaries
from engine.work import UnitOfWork
from lifecycle.records import census, standings, walks
from lifecycle.rules import SILENT, STAGES, Stage, Step, Terms, next_step

# For how many days back the pipeline tells of changes, on pages.
PIPELINE_DAYS = (7, 30, 90)
# How many orders of a customer are told apart: behind the fifth, almost everybody comes back.
DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Post:
    """A stage, and those who stand there now: how many, for how many days half of them at least (None where nobody
    does), and how many of them had lapsed before and were won back.
    """

    stage: Stage
    customers: int
    median_days: int | None
    won_back: int


@dataclass(frozen=True, slots=True)
class Stream:
    """How often customers went from one stage to another within a time; `from_stage` is None for who became known."""

    from_stage: Stage | None
    to_stage: Stage
    changes: int
    won_back: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that the page of the pipeline shows."""

    days: int
    posts: Sequence[Post]
    streams: Sequence[Stream]
    at: datetime
    """As of when all of this is so."""

    @property
    def customers(self) -> int:
        return sum(post.customers for post in self.posts)

    @property
    def won_back(self) -> int:
        """How often a lapsed customer ordered again within the time."""
        return sum(stream.won_back for stream in self.streams)


@dataclass(frozen=True, slots=True)
class Walking:
    """How far the rules of `version` have come to everybody: `walked` customers of `most`."""

    version: int
    walked: int
    most: int
    finished: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """What time alone will do to a customer next (None where it does nothing), and when they were won back, if they had
    lapsed and are not silent since.
    """

    next: Step | None = None
    won_back_at: datetime | None = None


def pipeline(work: UnitOfWork, days: int) -> Pipeline:
    """The stages now, and the changes of the last `days` days."""
    stood, moved = summaries.read(work, POSTS), summaries.read(work, _changes(days))
    found = {Stage(row["stage"]): row for row in stood.value}
    posts = [_post(stage, found.get(stage)) for stage in STAGES]
    streams = [
        Stream(Stage(row["from_stage"]) if row["from_stage"] else None, Stage(row["to_stage"]), row["changes"],
               row["won_back"])
        for row in moved.value
    ]  # fmt: skip
    places: dict[Stage | None, int] = {stage: place for place, stage in enumerate((None, *STAGES))}
    streams.sort(key=lambda stream: (places[stream.from_stage], places[stream.to_stage]))
    return Pipeline(days, posts, streams, min(stood.at, moved.at))


def drop_off(work: UnitOfWork) -> Sequence[int]:
    """How many customers have placed a first order that counts, a second one, and so on up to `DEEPEST`."""
    found = summaries.read(work, DEPTHS).value
    return [sum(many for orders, many in found if orders >= deep) for deep in range(1, DEEPEST + 1)]


def _post(stage: Stage, row: Any) -> Post:
    if row is None:
        return Post(stage, 0, None, 0)
    # Who is silent again has not been won back for good.
    return Post(stage, row["customers"], row["median_days"], 0 if stage in SILENT else row["won_back"])


def _changes(days: int) -> summaries.Summary:
    return summaries.Summary(
        f"lifecycle.changes:{days}",
        lambda work: [dict(row._mapping) for row in census.changes(work, work.now - timedelta(days=days))],
    )


POSTS = summaries.Summary("lifecycle.posts", lambda work: [dict(row._mapping) for row in census.stages(work)])
DEPTHS = summaries.Summary(
    "lifecycle.depths", lambda work: [[row.orders, row.customers] for row in census.depths(work, DEEPEST)]
)
CHANGES = tuple(_changes(days) for days in PIPELINE_DAYS)


def walking(work: UnitOfWork) -> Walking | None:
    """How far the newest walk of everybody is; None where there was none."""
    row = walks.progress(work)
    return Walking(row.terms_version, row.walked, row.most, row.finished_at is not None) if row else None


def outlook(work: UnitOfWork, customer_id: CustomerId, terms: Terms) -> Outlook:
    """What lies ahead of a customer, and whether they are back."""
    held = standings.state(work, customer_id)
    if held is None or held.stage is None:
        return Outlook()
    back = held.standing.won_back_at if held.stage not in SILENT else None
    return Outlook(next_step(held.standing, terms, work.now), back)
