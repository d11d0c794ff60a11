"""Where members stand: settled with each order, and reviewed when time alone may have moved them.

A tier is a function of what was counted and of the shop's own word (`rules.walk`). Settling walks, compares with the
last change that is written, and writes what is new: changes are only ever added, so the tier of any instant is what we
said of it. What became known late, or follows from new terms, moves a member when we learn it and not before.
Most customers never reach the lowest step; one statement for a whole batch leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from commerce.ids import CustomerId
from commerce.store import SetFields, SetTags
from engine import announcements, outbox
from engine.mirror import Accepted
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Held
from loyalty.rules import Cause, Choice, Fact, Ladder, Move
from loyalty.service import entering, expiry
from loyalty.service.program import Program

# Fields of our own domain beside those of the points, which are told more often.
DOMAIN = "tiers"
PREFIX = "tier:"

REVIEW_BATCH = 500
WALK_PAGE = 1000
WALK_PAGES = 5
# Members are warned so long before they fall.
WARNED_BEFORE = timedelta(days=30)
MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a walk stands on: the ladder of now, since when it asks what it asks, and the shop's zone and currency."""

    ladder: Ladder
    since: datetime
    zone: ZoneInfo
    currency: str
    program: Program
    vocabulary: tuple[str, ...]

    @property
    def version(self) -> int:
        return self.program.current.version


@dataclass(frozen=True, slots=True)
class _Course:
    """A member's whole way: what is recorded, all moves, and those that are to be written."""

    held: Held
    moves: Sequence[Move]
    fresh: Sequence[Move]

    def tier(self, at: datetime) -> str | None:
        return rules.tier_at(self.moves, at)


def ground_of(work: UnitOfWork, program: Program) -> Ground:
    return Ground(
        program.current.tiers,
        program.began(lambda terms: terms.tiers.asks)[1],
        expiry.zone_of(work),
        program.current.currency,
        program,
        tuple(sorted({PREFIX + level.key for version in program.versions for level in version.tiers.levels})),
    )


def settle(work: UnitOfWork, program: Program, customer_ids: Iterable[CustomerId]) -> None:
    """Bring the tiers of these members to what was counted of them. Without a ladder it costs nothing."""
    ladder = program.current.tiers
    if not ladder.levels:
        return
    concerned = records.candidates(work, sorted(set(customer_ids)), ladder, program.current.currency)
    if concerned:
        _settle(work, ground_of(work, program), concerned)


def review_tiers(work: UnitOfWork) -> int:
    """Walk on for members whom time alone may have moved; answers how many. Reads only the rows that are due."""
    due = records.due_members(work, REVIEW_BATCH)
    if due:
        _settle(work, ground_of(work, Program.of(work)), due)
    return len(due)


def walk_members(work: UnitOfWork) -> int:
    """After a change of the ladder, look at everybody, some thousands at a time; answers how many were looked at."""
    program = Program.of(work)
    if not any(version.tiers.levels for version in program.versions):
        return 0
    ground, walk = ground_of(work, program), records.walk_of(work, MEMBERS)
    version, _ = program.began(lambda terms: terms.tiers)
    after = walk.after_id if walk is not None and walk.version == version else 0
    looked = 0
    for _ in range(WALK_PAGES):
        page = records.everybody(work, after, WALK_PAGE)
        concerned = records.candidates(work, page, ground.ladder, ground.currency)
        _settle(work, ground, concerned, tell_all=True)
        looked, after = looked + len(page), page[-1] if page else after
        if len(page) < WALK_PAGE:
            break
    if looked:
        records.put_walk(work, MEMBERS, version=version, after_id=after, top_id=after, at=work.now)
    return looked


def _settle(work: UnitOfWork, ground: Ground, customer_ids: Sequence[CustomerId], *, tell_all: bool = False) -> None:
    # Their points first, as whoever settles orders does: two who lock in two orders would wait for each other.
    records.lock_balances(work, customer_ids)
    everyone = records.lock_members(work, customer_ids)
    facts = records.facts(work, customer_ids, ground.ladder.measure, ground.currency)
    choices = records.choices(work, customer_ids)
    courses = [
        _course(ground, held, facts.get(held.customer_id, ()), choices.get(held.customer_id, ()), work.now)
        for held in everyone
    ]
    rows = [_change(ground, course.held, move) for course in courses for move in course.fresh]
    records.add_changes(work, rows, ground.version)
    warned = [course for course in courses if _is_to_warn(course, work.now)]
    records.write_members(work, [_member(course, course in warned, work.now) for course in courses])
    entries = {
        course.held.customer_id: entering.owed(course.held.customer_id, course.moves, ground.since, work.now)
        for course in courses
    }
    entering.settle(work, ground.program, ground.since, entries)
    _tell(work, ground, [c for c in courses if c.held.there and (tell_all or c.fresh)])
    entered = [_entered(ground, course) for course in courses if course.fresh]
    announcements.announce(work, [*entered, *(_ending(ground, course, work.now) for course in warned)])


def _course(ground: Ground, held: Held, facts: Sequence[Fact], choices: Sequence[Choice], now: datetime) -> _Course:
    moves = moves_of(ground.ladder, facts, choices, ground.zone)
    return _Course(held, moves, _fresh(ground, held, moves, now))


def moves_of(ladder: Ladder, facts: Sequence[Fact], choices: Sequence[Choice], zone: ZoneInfo) -> list[Move]:
    """All moves of a member; what the shop had set for a level that is no more counts no more."""
    standing = [choice for choice in choices if choice.tier is None or ladder.level(choice.tier)]
    return rules.with_choices(rules.walk(ladder, facts, zone), standing)


def _fresh(ground: Ground, held: Held, moves: Sequence[Move], now: datetime) -> list[Move]:
    """The moves that are not written yet; or one, now, that puts right what was written.

    That is where the ladder is new, or something became known late: it moves nobody in the past.
    """
    said_at = max(held.changed_at or ground.since, ground.since)
    if rules.tier_at(moves, said_at) == held.changed_to:
        return [move for move in moves if said_at < move.at <= now]
    if (tier := rules.tier_at(moves, now)) == held.changed_to:
        return []
    last = next((move for move in reversed(moves) if move.at <= now), None)
    if last is None:
        cause = Cause.NEW_TIERS if ground.ladder.level(held.changed_to) is None else Cause.CHOICE_ENDED
        return [Move(now, held.changed_to, tier, cause)]
    return [replace(last, at=now, before=held.changed_to)]


def _change(ground: Ground, held: Held, move: Move) -> dict[str, object]:
    return {
        "customer_id": held.customer_id,
        "effective_at": move.at,
        "from_tier": move.before,
        "to_tier": move.after,
        "cause": move.cause,
        "reason": rules.reason(move, ground.ladder, ground.currency),
    }


def _is_to_warn(course: _Course, now: datetime) -> bool:
    """Whether time alone lowers the member within a month, and nobody has said so yet."""
    ahead = rules.next_move(course.moves, now)
    if ahead is None or ahead.cause is not Cause.TERM_ENDED or ahead.at == course.held.warned_of:
        return False
    return ahead.at - WARNED_BEFORE <= now


def _member(course: _Course, warned: bool, now: datetime) -> dict[str, object]:
    held, ahead = course.held, rules.next_move(course.moves, now)
    review, warned_of = ahead.at if ahead else None, held.warned_of
    if warned and ahead:
        warned_of = ahead.at
    if ahead and ahead.cause is Cause.TERM_ENDED and ahead.at != warned_of:
        review = ahead.at - WARNED_BEFORE
    return {
        "customer_id": held.customer_id,
        "tier": course.tier(now),
        "since": course.fresh[-1].at if course.fresh else held.since,
        "next_at": ahead.at if ahead else None,
        "next_tier": ahead.after if ahead else None,
        "next_review_at": review,
        "warned_of": warned_of,
    }


def _tell(work: UnitOfWork, ground: Ground, courses: Sequence[_Course]) -> None:
    """Tags for everybody who moved, and the name for themes; a hidden tier is shown to nobody."""
    effects = list[SetTags | SetFields]()
    for course in courses:
        level = ground.ladder.level(course.tier(work.now))
        tags = (PREFIX + level.key,) if level else ()
        effects.append(SetTags(course.held.external_id, PREFIX, tags, ground.vocabulary))
        shown = level.name if level and not level.hidden else None
        effects.append(SetFields(course.held.external_id, DOMAIN, {"tier": shown}))
    outbox.put(work, effects)


def _entered(ground: Ground, course: _Course) -> announcements.Happening:
    move = course.fresh[-1]
    before, after = (level.name if (level := ground.ladder.level(key)) else "" for key in (move.before, move.after))
    return announcements.Happening(
        announcements.What.TIER_ENTERED, f"{course.held.customer_id}:{move.after}:{move.at:%Y%m%dT%H%M%S}",
        course.held.customer_id, move.at,
        {"tier": after, "previous tier": before, "reason": rules.reason(move, ground.ladder, ground.currency)},
    )  # fmt: skip


def _ending(ground: Ground, course: _Course, now: datetime) -> announcements.Happening:
    ahead = rules.next_move(course.moves, now)
    assert ahead is not None
    before, after = (level.name if (level := ground.ladder.level(key)) else "" for key in (ahead.before, ahead.after))
    missing = rules.amount(ground.ladder.measure, ahead.asked - ahead.counted, ground.currency)
    return announcements.Happening(
        announcements.What.TIER_ENDING, f"{course.held.customer_id}:{ahead.at:%Y%m%dT%H%M%S}",
        course.held.customer_id, now,
        {"tier": before, "next tier": after, "missing": missing,
         "last day": expiry.last_day(ahead.at, ground.zone).isoformat()},
    )  # fmt: skip


def follow(work: UnitOfWork, accepted: Accepted) -> None:
    """Whoever is gone stands nowhere, and the store is told nothing more of them; whoever was kept is told anew."""
    outbox.follow(work, accepted, DOMAIN)
    gone = [*accepted.gone, *(each.gone for each in accepted.merges)]
    if gone:
        records.forget_members(work, [customer.customer_id for customer in gone])
        outbox.withdraw(work, SetTags.kind, [PREFIX + customer.external_id for customer in gone])
        outbox.due_again(work, SetTags.kind, [PREFIX + each.kept.external_id for each in accepted.merges])


def tiers_at(work: UnitOfWork, asked: Sequence[tuple[CustomerId, datetime]]) -> list[str | None]:
    """The tier of each member at each instant, as we said it then, in the order in which they were asked for."""
    return records.tiers_at(work, asked)


def tier_of(work: UnitOfWork, customer_ids: Sequence[CustomerId], at: datetime) -> dict[CustomerId, str]:
    """The tiers of these members at an instant, for those who had one, as we said it then."""
    found = records.tiers_at(work, [(customer_id, at) for customer_id in customer_ids])
    return {who: tier for who, tier in zip(customer_ids, found, strict=True) if tier is not None}
