"""What attributed orders bring: points to advocates and friends, rewards, the advocate's stage and tags.

Everything is stated whole, from the decisions as they stand; loyalty and the outbox find the difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import lifecycle
import loyalty
from commerce.customers import Merge
from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from commerce.sayings import say
from commerce.store import SetTags
from engine import mirror, outbox
from engine.work import UnitOfWork
from referral import rules
from referral.records import Attribution, attributions, gifts
from referral.rules import FriendGets, Pay, Terms, Verdict
from referral.service.program import Program

PREFIX = "referral:"
ADVOCATE = f"{PREFIX}advocate"
# Enough to aim at, few enough to be read: the store keeps one tag for each.
STEPS = (1, 3, 5, 10, 25, 100)
VOCABULARY = (ADVOCATE, *(f"{PREFIX}brought-{step}" for step in STEPS))

GIVE_BATCH = 100


def settle_awards(work: UnitOfWork, judged: Sequence[Attribution], before: Mapping[OrderId, Any]) -> None:
    """Bring points, rewards, stages and tags to what these decisions say. `before`: what was decided of them till now.

    With a monthly limit or milestones, later friends of the same advocates are looked at too: one more or less before
    them changes their place.
    """
    program = Program.of(work)
    everyone = {a.order_id: a for a in judged}
    ranks = _ranks(work, judged, before)
    orders = {o.order_id: o for o in mirror.load(work, sorted({*everyone, *ranks}))}
    agreed = {order_id: program.at(order.placed_at) for order_id, order in orders.items()}
    pays = {a.order_id: a.pay for a in judged}
    for order_id, row in ranks.items():
        pays[order_id] = rules.capped(row.month_rank, agreed[order_id])
    attributions.set_pay(work, sorted(pays.items()))
    rows = attributions.held(work, sorted(orders))
    awards, owed = list[loyalty.Award](), list[dict[str, object]]()
    for order_id, row in sorted(rows.items()):
        order, terms, rank = orders[order_id], agreed[order_id], ranks[order_id].rank if order_id in ranks else 0
        awards += _awards(row, order, terms, rank)
        owed += _gifts(row, order, terms, rank)
        awards += _nothing_more(before.get(order_id), row, order)
    loyalty.settle_awards(work, awards)
    gifts.owe(work, sorted(rows), owed)
    lifecycle.settle_milestones(work, [_milestone(row) for row in rows.values()])
    advocates = {row.advocate_id for row in rows.values()} | {row.advocate_id for row in before.values()}
    counted = {row.advocate_id for row in before.values() if row.pay in (Pay.OWED, Pay.CAPPED)}
    settle_tags(work, sorted(advocates), counted)


def _ranks(work: UnitOfWork, judged: Sequence[Attribution], before: Mapping[OrderId, Any]) -> dict[OrderId, Any]:
    """The places of these orders, and of all later ones of the same advocates, among the friends who count."""
    since = dict[CustomerId, datetime]()
    for row in [*judged, *before.values()]:
        since[row.advocate_id] = min(row.placed_at, since.get(row.advocate_id, row.placed_at))
    return {row.order_id: row for row in attributions.ranked(work, since)}


def _awards(row: Any, order: Order, terms: Terms, rank: int) -> list[loyalty.Award]:
    """The points of the advocate and of the friend for one order, whole."""
    pays = row.pay == Pay.OWED
    points = rules.kept_share(row.promised_points or 0, order) if pays else 0
    if pays and rules.milestones([rank], terms):
        points += terms.milestone_points
    at = rules.due_at(order.placed_at, terms)
    sentence = say(
        "%(points)s points: %(reason)s (%(order)s)", points=points, reason=_reason(row, points), order=order.name
    )
    found = [loyalty.Award(row.advocate_id, order.order_id, points, at, sentence)]
    if (
        terms.friend_gets is FriendGets.POINTS
        and order.customer_id is not None
        and order.customer_id != row.advocate_id
    ):
        welcome = rules.kept_share(terms.friend_points, order) if row.pay in (Pay.OWED, Pay.CAPPED) else 0
        told = say("%(points)s points: a friend's welcome (%(order)s)", points=welcome, order=order.name)
        found.append(loyalty.Award(order.customer_id, order.order_id, welcome, at, told))
    return found


def _reason(row: Any, points: int) -> str:
    if points or row.verdict != Verdict.FRIEND:
        return rules.REASONS[Verdict(row.verdict)]
    return rules.PAYS[Pay(row.pay)] if row.pay != Pay.OWED else rules.REASONS[Verdict.FRIEND]


def _nothing_more(held: Any, row: Any, order: Order) -> list[loyalty.Award]:
    """Somebody else was thought to have brought the order, or to have placed it: what they got for it goes back."""
    if held is None:
        return []
    former = {held.advocate_id, held.friend_id} - {row.advocate_id, row.friend_id, None}
    told = say("0 points: somebody else brought this order (%(order)s)", order=order.name)
    return [loyalty.Award(who, order.order_id, 0, order.placed_at, told) for who in sorted(former)]


def _gifts(row: Any, order: Order, terms: Terms, rank: int) -> list[dict[str, object]]:
    """The rewards that the order owes its advocate; nothing of it, if all of its goods went back."""
    if row.pay != Pay.OWED:
        return []
    parts = {"advocate": terms.advocate_reward}
    if rules.milestones([rank], terms):
        parts["milestone"] = terms.milestone_reward
    due = rules.due_at(order.placed_at, terms)
    return [
        {"order_id": order.order_id, "part": part, "customer_id": row.advocate_id, "reward": key, "due_at": due}
        for part, key in parts.items()
        if key
    ]


def _milestone(row: Any) -> lifecycle.Milestone:
    counts = row.pay in (Pay.OWED, Pay.CAPPED)
    return lifecycle.Milestone("referral", row.order_id, row.advocate_id, row.placed_at, counts)


def settle_tags(work: UnitOfWork, advocate_ids: Sequence[CustomerId], had: Collection[CustomerId] = ()) -> None:
    """State the tags of these advocates, by how many friends count. Whoever has none and `had` none needs no word."""
    rows = attributions.brought(work, advocate_ids)
    outbox.put(
        work,
        [
            SetTags(row.external_id, PREFIX, tags(row.friends), VOCABULARY)
            for row in rows
            if row.friends or row.customer_id in had
        ],
    )


def merge_tags(work: UnitOfWork, merges: Sequence[Merge]) -> None:
    """The store has put the tags of both on the one who was kept: they are written again."""
    outbox.withdraw(work, SetTags.kind, [PREFIX + each.gone.external_id for each in merges])
    settle_tags(work, sorted({each.kept.customer_id for each in merges}))
    outbox.due_again(work, SetTags.kind, [PREFIX + each.kept.external_id for each in merges])


def tags(friends: int) -> tuple[str, ...]:
    """The tags of somebody who brought so many friends: none, or `referral:advocate` and the highest step reached."""
    reached = [step for step in STEPS if step <= friends]
    return (ADVOCATE, f"{PREFIX}brought-{reached[-1]}") if reached else ()


def give_rewards(work: UnitOfWork) -> bool:
    """Give the rewards that have come due, and take back those that are owed no more; False where there were none.

    What was used already stays with whoever used it, and the record says so.
    """
    due = gifts.lock_due(work, GIVE_BATCH)
    by_reward = defaultdict[str, list[Any]](list)
    for row in due:
        if row.owed:
            by_reward[row.reward].append(row)
            continue
        back = loyalty.take_gift_back(work, row.customer_id, _named(row))
        trouble = None if back else say("it was used already")
        gifts.mark(work, row, given=False, taken=back, trouble=trouble)
    for key, rows in by_reward.items():
        people = [(row.customer_id, row.external_id, _named(row)) for row in rows]
        known = loyalty.give_reward(work, key, people)
        trouble = None if known else say("the program has no such reward any more")
        for row in rows:
            gifts.mark(work, row, given=known, taken=False, trouble=trouble)
    return bool(due)


def _named(row: Any) -> str:
    return f"referral:{row.order_id}:{row.part}"
