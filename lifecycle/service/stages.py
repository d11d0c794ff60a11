"""What lifecycle does: settles standings when something happened, and reviews those that time alone has moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

from commerce.customers import Merge
from commerce.ids import CustomerId
from commerce.orders import Order
from commerce.store import PutSegment, SetFields, SetTags
from engine import announcements, outbox, summaries
from engine.mirror import Accepted
from engine.work import UnitOfWork, as_json
from lifecycle.records import standings, surveys, walks
from lifecycle.records.standings import Held, Walked
from lifecycle.rules import AHEAD, SILENT, STAGES, Happening, Milestone, Stage, Standing, Terms, dated, walk
from lifecycle.service import values
from lifecycle.service.program import DOMAIN, current_terms

PREFIX = "stage:"
VOCABULARY = tuple(PREFIX + stage for stage in STAGES)
# All tags of this domain: of its stages, and of the segments that merchants make.
PREFIXES = (PREFIX, "segment:")

REVIEW_BATCH = 500

# Facts that the rule of a segment may ask for; a purchase is told by its order.
ASKED_FACTS = ("consent:", "tag:", "account")


STAGE_COUNTS = summaries.Summary(
    "lifecycle.stages", lambda work: {str(stage): many for stage, many in standings.counts(work).items()}
)


def publish_segments(work: UnitOfWork, *, active: bool = True) -> None:
    """One segment for each stage in the store, so that the merchant's own tools can aim at it; or none of them any
    more.
    """
    outbox.put(
        work,
        [PutSegment(f"Perennial: {stage.replace('_', ' ')}", PREFIX + stage, active=active) for stage in STAGES],
    )


def settle_orders(work: UnitOfWork, accepted: Accepted) -> None:
    """Bring the standings of everybody concerned to what the orders imply. A customer without orders becomes a lead.

    Merged customers first: whoever was kept has the history of both.
    """
    merge(work, accepted.merges)
    outbox.follow(work, accepted, DOMAIN)
    if accepted.gone:
        standings.forget_standings(work, [c.customer_id for c in accepted.gone])
        outbox.withdraw(work, SetTags.kind, [p + c.external_id for c in accepted.gone for p in PREFIXES])
    milestones = [
        Milestone("order", o.order_id, o.customer_id, o.placed_at, o.counts) for o in accepted.orders if o.customer_id
    ]
    milestones += [
        Milestone("return", o.order_id, o.customer_id, o.placed_at, True)
        for o in accepted.orders
        if o.customer_id and not o.counts and _came_back(o)
    ]
    kept = {each.kept.customer_id for each in accepted.merges}
    settle_milestones(work, milestones, [c.customer_id for c in accepted.customers], kept)
    values.look_again(work, accepted)
    if told := {fact.customer_external_id for fact in accepted.facts if fact.fact.startswith(ASKED_FACTS)}:
        standings.touch(work, sorted(told))


def _came_back(order: Order) -> bool:
    """Whether a real, paid order was sent back or cancelled."""
    return order.paid and not order.test and (order.cancelled or order.refunded_minor > 0)


def merge(work: UnitOfWork, merges: Sequence[Merge]) -> None:
    """Move what happened to each gone customer to the one kept. The kept one's tags are written again: the store has
    put those of both on them.
    """
    if merges:
        surveys.move(work, as_json([{"gone_id": m.gone.customer_id, "kept_id": m.kept.customer_id} for m in merges]))
        standings.move(work, {each.gone.customer_id: each.kept.customer_id for each in merges})
        outbox.withdraw(work, SetTags.kind, [p + each.gone.external_id for each in merges for p in PREFIXES])
        outbox.due_again(work, SetTags.kind, [p + each.kept.external_id for each in merges for p in PREFIXES])


def settle_milestones(
    work: UnitOfWork,
    milestones: Sequence[Milestone],
    met: Sequence[CustomerId] = (),
    changed: Set[CustomerId] = frozenset(),
) -> None:
    """Settle the standings that `milestones` touch, those of customers who were just `met`, and those whose history was
    `changed`. Idempotent, in any order.

    What is new and later than everything known is walked from where the customer stood: constant work, however long
    the history. Where something was taken back, or became known late, the customer's whole history is walked again.
    """
    lost, new = standings.sync_happenings(work, milestones) if milestones else (set[CustomerId](), [])
    fresh = defaultdict[CustomerId, list[Happening]](list)
    for row in new:
        fresh[row.customer_id].append(_happening(row))
    lost = lost | changed
    concerned = lost | set(fresh) | set(met) | {m.customer_id for m in milestones}
    if concerned:
        _settle(work, standings.lock_standings(work, sorted(concerned)), fresh, lost)


def review_due(work: UnitOfWork) -> int:
    """Walk on for customers whose silence is due to move them; answers how many. Reads only the rows that are due."""
    held = standings.lock_due(work, REVIEW_BATCH)
    if held:
        _settle(work, held, {}, set(), reviewing=True)
    return len(held)


def walk_again(work: UnitOfWork) -> int:
    """Walk the next of those who were last settled under older terms; answers how many. Nobody is told of a change
    that new rules have made: of what happened to a customer nothing is new.
    """
    rules, found = current_terms(work), walks.hold(work)
    if found is None or found.terms_version != rules.version:
        walks.begin(work, rules.version)
        found = walks.hold(work)
    if found.finished_at is not None:
        return 0
    held = standings.lock_older(work, found.place, rules.version, REVIEW_BATCH)
    if held:
        _settle(work, held, {}, set(), reviewing=True, quiet=True)
    place = held[-1].customer_id if held else found.place
    walks.advance(work, place, len(held), finished=len(held) < REVIEW_BATCH)
    return len(held)


def _settle(
    work: UnitOfWork,
    everyone: Sequence[Held],
    fresh: dict[CustomerId, list[Happening]],
    lost: set[CustomerId],
    *,
    reviewing: bool = False,
    quiet: bool = False,
) -> None:
    rules = current_terms(work)
    again = {
        h.customer_id for h in everyone if _must_walk_again(h, rules, fresh.get(h.customer_id, ()), lost, work.now)
    }
    whole = defaultdict[CustomerId, list[Happening]](list)
    for row in standings.happenings(work, list(again)):
        whole[row.customer_id].append(_happening(row))
    walked = list[Walked]()
    for held in everyone:
        if held.customer_id in again:
            happenings = [dated(happening, held.created_at) for happening in whole[held.customer_id]]
            # A customer is known at the latest when their first order was placed.
            start = Standing.new(min([held.created_at, *(h.at for h in happenings if h.is_order)]))
        else:
            start, happenings = held.standing, fresh.get(held.customer_id, [])
        walked.append(Walked(held, start, walk(start, happenings, rules, work.now)))
    standings.write(work, walked, rules.version, reviewing=reviewing)
    moved = [w for w in walked if w.walk.stage is not w.held.stage]
    outbox.put(work, [*map(_tags, moved), *map(_fields, moved)])
    if not quiet:
        announcements.announce(work, [_entered(w) for w in moved])


def _happening(row: Any) -> Happening:
    return Happening.of(row.kind, row.at)


def _must_walk_again(
    held: Held, rules: Terms, fresh: Sequence[Happening], lost: set[CustomerId], now: datetime
) -> bool:
    standing = held.standing
    known_since = min(held.created_at, standing.first_order_at or held.created_at)
    return (
        held.customer_id in lost
        or held.terms_version != rules.version
        or not held.measured
        or held.awaited_at is not None
        or standing.last_at is None
        or standing.known_since != known_since
        or any(happening.at <= standing.last_at or happening.at - AHEAD > now for happening in fresh)
    )


def _tags(walked: Walked) -> SetTags:
    return SetTags(walked.held.external_id, PREFIX, (PREFIX + walked.walk.stage,), VOCABULARY)


def _fields(walked: Walked) -> SetFields:
    return SetFields(walked.held.external_id, DOMAIN, {"stage": str(walked.walk.stage)})


def _entered(walked: Walked) -> announcements.Happening:
    before, stage, since = walked.held.stage, walked.walk.stage, walked.walk.since
    return announcements.Happening(
        announcements.What.STAGE_ENTERED, f"{walked.held.customer_id}:{stage}:{since:%Y%m%dT%H%M%S}",
        walked.held.customer_id, since,
        {"stage": str(stage), "previous stage": str(before or ""), "won back": _won_back(walked)},
    )  # fmt: skip


def _won_back(walked: Walked) -> str:
    """Whether the customer had lapsed, and is here again by the order that is told of."""
    won_at, before = walked.walk.standing.won_back_at, walked.held.standing.won_back_at
    return "yes" if won_at and won_at != before and walked.walk.stage not in SILENT else "no"


def stage_counts(work: UnitOfWork) -> dict[Stage, int]:
    """How many customers stand at each stage; every stage is named, empty ones too."""
    return counted_stages(work)[0]


def counted_stages(work: UnitOfWork) -> tuple[dict[Stage, int], datetime]:
    """How many customers stand at each stage, and as of when."""
    counted = summaries.read(work, STAGE_COUNTS)
    return {stage: counted.value.get(str(stage), 0) for stage in STAGES}, counted.at


def members(work: UnitOfWork, stage: str, after: CustomerId, limit: int) -> Sequence[Any]:
    """Customers in a stage whom the store still has, by id, after one of them: customer_id, external_id."""
    return standings.members(work, stage, after, limit)


def customer_history(work: UnitOfWork, customer_id: CustomerId, limit: int = 100) -> Sequence[Any]:
    """The customer's stage changes, newest first: effective_at, from_stage, to_stage, reason, recorded_at."""
    return standings.history(work, customer_id, limit)


def customer_standing(work: UnitOfWork, customer_id: CustomerId) -> Any:
    """Where the customer stands: stage, since, next_review_at, orders, referrals, first_order_at, last_order_at."""
    return standings.one(work, customer_id)
