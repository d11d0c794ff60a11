"""What is done with segments: made, changed, looked at, told to the store.

Customers with news are looked at within a minute; everybody is looked at after a change of the rule, and again at
intervals that grow with what a look costs, because time alone moves people and no list of news is complete. A look
writes the difference, so the store hears of nobody whose segments are as they were; and what it tells us of our own
tags is no news to any rule (`engine.echoes`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.sayings import say
from commerce.store import PutSegment, SetTags
from engine import announcements, outbox, shops
from engine.work import UnitOfWork
from lifecycle.records import segments
from lifecycle.records.asking import Book, Question, question
from lifecycle.records.segments import changes, everyone, members, of_customer, one, untold
from lifecycle.records.sources import OWN
from lifecycle.rules.ready import READY, Ready
from lifecycle.rules.segments import MOST_CONDITIONS, NotARule, Say, body, read, sentence, timed

__all__ = [
    "LONGEST_NAME",
    "MOST_CONDITIONS",
    "MOST_SEGMENTS",
    "READY",
    "SAMPLE",
    "SEGMENT_PREFIX",
    "Book",
    "ChangedMeanwhile",
    "Counted",
    "NameNeeded",
    "NotARule",
    "Ready",
    "TooManySegments",
    "book",
    "changes",
    "count",
    "due",
    "end",
    "everyone",
    "flows",
    "give_up",
    "in_words",
    "look",
    "members",
    "of_customer",
    "one",
    "purge",
    "save",
    "sentence",
    "tell",
    "untold",
    "want",
]

SEGMENT_PREFIX = "segment:"

# A shop with more aims at nobody any more; each costs a look.
MOST_SEGMENTS = 100
LONGEST_NAME = 60
SAMPLE = 10

# News may be committed somewhat later than they are dated: no unit of work lasts longer than this.
OVERLAP = timedelta(minutes=2)
# Of more than these, everybody is looked at.
MOST_NEWS = 5000
# Everybody again: rules that time moves after a quarter of an hour, others after some hours; and so that looks take
# less than one part in three hundred of the time.
TIMED_EVERY, OTHERS_EVERY = timedelta(minutes=15), timedelta(hours=6)
REST = 300
# While very much happens: one part in thirty.
BUSY_REST = 30
AFTER_TROUBLE = timedelta(hours=6)
# An automation is told of single people; thousands at once come from a change that was no deed of theirs.
MOST_ANNOUNCED = 1000
TOLD_AT_ONCE = 1000
FAILED = say("The last look at everybody failed or took too long. A rule with fewer conditions may help.")
KEPT_DAYS = 400


class TooManySegments(Refusal):
    """There are a hundred segments already. End one that nobody uses, and save this one again."""


class NameNeeded(Refusal):
    """Give the segment a name of at most sixty letters."""


class ChangedMeanwhile(Refusal):
    """Somebody has changed or ended this segment meanwhile. What you wrote stands below: compare it with that one."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Whom a rule holds for: how many, and some of them."""

    many: int
    some: Sequence[CustomerId]


def book(*others: Any) -> Book:
    """Every trait that rules may ask for: those that lifecycle knows, and the sources that others hand in."""
    return Book.open((*OWN, *others))


def count(work: UnitOfWork, traits: Book, given: Any) -> Counted:
    """How many the rule holds for now, and ten of them. Refuses with `NotARule`."""
    return Counted(*segments.count(work, _question(work, traits, given), SAMPLE))


def save(
    work: UnitOfWork,
    traits: Book,
    name: str,
    given: Any,
    *,
    segment_id: int | None = None,
    version: int = 0,
    in_store: bool = True,
) -> int:
    """Make a segment, or change one that still is at `version`. Its members are gathered within a minute. `in_store`:
    the store keeps segments of its own, and not only what its customers bear.

    Refuses with `NotARule`, `NameNeeded`, `TooManySegments` or `ChangedMeanwhile`.
    """
    name = " ".join(name.replace("\0", " ").split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise NameNeeded
    rule = body(read(given, traits.traits))
    if segment_id is None:
        if len(everyone(work)) >= MOST_SEGMENTS:
            raise TooManySegments
        return segments.make(work, _slug(work, name), name, rule)
    if not segments.change(work, segment_id, version, name, rule):
        raise ChangedMeanwhile
    found = one(work, segment_id)
    if found.wanted and in_store:
        outbox.put(work, [_put(found.slug, name, active=True)])
    return segment_id


def in_words(given: Any, traits: Book, say: Say) -> str:
    """A rule that is kept, as a sentence. Refuses with `NotARule`."""
    return sentence(read(given, traits.traits), traits.traits, say)


def end(work: UnitOfWork, segment_id: int, *, in_store: bool = True) -> bool:
    """End a segment: its members lose its tag in the store, and the store loses the segment."""
    ended = segments.end(work, segment_id)
    if ended and ended.ever_wanted and in_store:
        outbox.put(work, [_put(ended.slug, ended.name, active=False)])
    return ended is not None


def want(work: UnitOfWork, segment_id: int, *, wanted: bool, in_store: bool = True) -> bool:
    """State whether the store shall have the segment, as a tag of its members and a segment of whoever bears it."""
    changed = segments.want(work, segment_id, wanted)
    if changed and in_store:
        outbox.put(work, [_put(changed.slug, changed.name, active=wanted)])
    return changed is not None


def look(work: UnitOfWork, traits: Book, segment_id: int, among: Sequence[int] | None = None) -> tuple[int, int] | None:
    """Bring a segment's members to whoever meets its rule now: how many came, and how many went; None where it has
    ended or cannot be asked. `among`: only these are looked at.
    """
    segment = segments.lock(work, segment_id)
    if segment is None:
        return None
    started, whole, first = time.monotonic(), among is None, segment.looked_at is None
    try:
        asked = _question(work, traits, segment.rule, among)
        by_time = timed(read(segment.rule, traits.traits))
    except NotARule as fault:
        segments.in_trouble(work, segment_id, fault.message[:500], work.now + AFTER_TROUBLE)
        return None
    moved = segments.look(work, segment, asked, whole=whole)
    took = time.monotonic() - started
    next_look_at = work.now + max(TIMED_EVERY if by_time else OTHERS_EVERY, timedelta(seconds=took * REST))
    segments.looked(
        work,
        segment_id,
        moved.came - moved.gone,
        next_look_at if whole else None,
        round(took * 1000) if whole else None,
    )
    if moved.first_change is not None and not first:
        _announce(work, segment, moved.first_change)
    return moved.came, moved.gone


def due(work: UnitOfWork, traits: Book) -> Mapping[int, Sequence[int] | None]:
    """Which segments are to be looked at now: of each the customers with news, or None for everybody."""
    found = everyone(work)
    wholly = {s.segment_id for s in found if s.next_look_at <= work.now}
    rest = [s for s in found if s.segment_id not in wholly and s.trouble is None and s.looked_at is not None]
    news: Sequence[int] = []
    if rest:
        since = min(s.looked_at for s in rest) - OVERLAP
        news = segments.news(work, traits.sources, since, MOST_NEWS)
    looks: dict[int, Sequence[int] | None] = dict.fromkeys(wholly)
    if len(news) < MOST_NEWS:
        looks |= {s.segment_id: news for s in rest if news}
    else:
        # A sale, or a history that is read in: everybody, as soon as that does not take most of the time.
        looks |= {s.segment_id: None for s in rest if s.looked_at + _busy_rest(s.took_ms) <= work.now}
    return looks


def _busy_rest(took_ms: int) -> timedelta:
    return max(timedelta(minutes=1), timedelta(milliseconds=took_ms * BUSY_REST))


def give_up(work: UnitOfWork, segment_id: int) -> None:
    """A look failed in the database, most likely because it took too long: say so, and try again in some hours."""
    segments.in_trouble(work, segment_id, FAILED, work.now + AFTER_TROUBLE)


def tell(work: UnitOfWork) -> int:
    """State for some customers which of our segments they are in; answers for how many."""
    customers = segments.take_untold(work, TOLD_AT_ONCE)
    if not customers:
        return 0
    known = tuple(SEGMENT_PREFIX + slug for slug in segments.vocabulary(work))
    effects = [
        SetTags(row.external_id, SEGMENT_PREFIX, tuple(SEGMENT_PREFIX + slug for slug in row.slugs), known)
        for row in segments.tags(work, customers)
    ]
    outbox.put(work, effects)
    return len(customers)


def purge(work: UnitOfWork) -> None:
    """Forget who came and went more than a year ago."""
    segments.purge(work, work.now - timedelta(days=KEPT_DAYS))


def flows(work: UnitOfWork, segment_id: int, days: int) -> Any:
    """How many came and how many went in the last days: came, gone."""
    return segments.flows(work, segment_id, work.now - timedelta(days=days))


def _put(slug: str, name: str, *, active: bool) -> PutSegment:
    return PutSegment(f"Perennial: {name}", SEGMENT_PREFIX + slug, active=active)


def _question(work: UnitOfWork, traits: Book, given: Any, among: Sequence[int] | None = None) -> Question:
    return question(read(given, traits.traits), traits, work.now, _zone(shops.current(work).timezone), among)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _slug(work: UnitOfWork, name: str) -> str:
    """The segment's name in tags: Latin letters and digits, and never one that another segment had."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32].strip("-") or "segment"
    taken = segments.slugs_like(work, stem)
    return next(slug for slug in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)


def _announce(work: UnitOfWork, segment: Any, first_change: int) -> None:
    """Tell the store's automation who came and who went, where it listens. A first look announces nobody: they were so
    before somebody asked.
    """
    if not {announcements.What.SEGMENT_ENTERED, announcements.What.SEGMENT_LEFT} & announcements.listening(work):
        return
    announcements.announce(
        work,
        [
            announcements.Happening(
                announcements.What.SEGMENT_ENTERED if row.entered else announcements.What.SEGMENT_LEFT,
                f"{segment.segment_id}:{row.customer_id}:{_stamp(work.now)}", row.customer_id, work.now,
                {"segment": segment.name},
            )
            for row in segments.came_and_went(work, segment.segment_id, first_change, MOST_ANNOUNCED)
        ],
    )  # fmt: skip


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S%f}"
