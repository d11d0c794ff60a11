"""What lifecycle does: settles standings when something happened, and reviews those that time alone has moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import asdict
from typing import Any

from commerce.customers import Merge
from commerce.ids import CustomerId
from commerce.store import PutSegment, SetFields, SetTags
from engine import announcements, outbox, terms
from engine.mirror import Accepted
from engine.work import UnitOfWork
from lifecycle.records import standings
from lifecycle.records.standings import Held, Walked
from lifecycle.rules import STAGES, Happening, Milestone, Stage, Standing, Terms, walk

DOMAIN = "lifecycle"
PREFIX = "stage:"
VOCABULARY = tuple(PREFIX + stage for stage in STAGES)
# All tags of this domain: of its stages, and of the segments that merchants make.
PREFIXES = (PREFIX, "segment:")

REVIEW_BATCH = 500

# Facts that the rule of a segment may ask for; a purchase is told by its order.
ASKED_FACTS = ("consent:", "tag:", "account")


def first_terms() -> dict[str, Any]:
    """The rules that a shop starts with."""
    body = asdict(Terms(version=1))
    del body["version"]
    return body


def current_terms(work: UnitOfWork) -> Terms:
    newest = terms.versions(work, DOMAIN)[-1]
    return Terms.read(newest.version, newest.body)


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
    kept = {each.kept.customer_id for each in accepted.merges}
    settle_milestones(work, milestones, [c.customer_id for c in accepted.customers], kept)
    if told := {fact.customer_external_id for fact in accepted.facts if fact.fact.startswith(ASKED_FACTS)}:
        standings.touch(work, sorted(told))


def merge(work: UnitOfWork, merges: Sequence[Merge]) -> None:
    """Move what happened to each gone customer to the one kept. The kept one's tags are written again: the store has
    put those of both on them.
    """
    if merges:
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
        fresh[row.customer_id].append(Happening(row.at, row.kind == "referral"))
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


def _settle(
    work: UnitOfWork,
    everyone: Sequence[Held],
    fresh: dict[CustomerId, list[Happening]],
    lost: set[CustomerId],
    *,
    reviewing: bool = False,
) -> None:
    rules = current_terms(work)
    again = [h.customer_id for h in everyone if _must_walk_again(h, rules, fresh.get(h.customer_id, []), lost)]
    whole = defaultdict[CustomerId, list[Happening]](list)
    for row in standings.happenings(work, again):
        whole[row.customer_id].append(Happening(row.at, row.referral))
    walked = list[Walked]()
    for held in everyone:
        if held.customer_id in again:
            happenings = whole[held.customer_id]
            # A customer is known at the latest when their first order was placed.
            start = Standing.new(min([held.created_at, *(h.at for h in happenings if not h.referral)]))
        else:
            start, happenings = held.standing, fresh.get(held.customer_id, [])
        walked.append(Walked(held, start, walk(start, happenings, rules, work.now)))
    standings.write(work, walked, rules.version, reviewing=reviewing)
    moved = [w for w in walked if w.walk.stage is not w.held.stage]
    outbox.put(work, [*map(_tags, moved), *map(_fields, moved)])
    announcements.announce(work, [_entered(w) for w in moved])


def _must_walk_again(held: Held, rules: Terms, fresh: Sequence[Happening], lost: set[CustomerId]) -> bool:
    standing = held.standing
    known_since = min(held.created_at, standing.first_order_at or held.created_at)
    return (
        held.customer_id in lost
        or held.terms_version != rules.version
        or standing.last_at is None
        or standing.known_since != known_since
        or any(happening.at <= standing.last_at for happening in fresh)
    )


def _tags(walked: Walked) -> SetTags:
    return SetTags(walked.held.external_id, PREFIX, (PREFIX + walked.walk.stage,), VOCABULARY)


def _fields(walked: Walked) -> SetFields:
    return SetFields(walked.held.external_id, DOMAIN, {"stage": str(walked.walk.stage)})


def _entered(walked: Walked) -> announcements.Happening:
    before, stage, since = walked.held.stage, walked.walk.stage, walked.walk.since
    return announcements.Happening(
        announcements.What.STAGE_ENTERED, f"{walked.held.customer_id}:{stage}:{since:%Y%m%dT%H%M%S}",
        walked.held.customer_id, since, {"stage": str(stage), "previous stage": str(before or "")},
    )  # fmt: skip


def stage_counts(work: UnitOfWork) -> dict[Stage, int]:
    """How many customers stand at each stage; every stage is named, empty ones too."""
    counted = standings.counts(work)
    return {stage: counted.get(stage, 0) for stage in STAGES}


def members(work: UnitOfWork, stage: str, after: CustomerId, limit: int) -> Sequence[Any]:
    """Customers in a stage whom the store still has, by id, after one of them: customer_id, external_id."""
    return standings.members(work, stage, after, limit)


def customer_history(work: UnitOfWork, customer_id: CustomerId, limit: int = 100) -> Sequence[Any]:
    """The customer's stage changes, newest first: effective_at, from_stage, to_stage, reason, recorded_at."""
    return standings.history(work, customer_id, limit)


def customer_standing(work: UnitOfWork, customer_id: CustomerId) -> Any:
    """Where the customer stands: stage, since, next_review_at, orders, referrals, first_order_at, last_order_at."""
    return standings.one(work, customer_id)
