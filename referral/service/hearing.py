"""The attribution court's open files: one order's mentions, policy, winner and reason; and what another policy would
have decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork
from referral.records import attributions, mentions
from referral.rules import PAYS, REASONS, Mention, Pay, Policy, Verdict, Why, choose, due_at
from referral.rules.inviting import plain
from referral.service.program import Program

REPLAY_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Flip:
    """An order of which another policy would say otherwise."""

    order_id: OrderId
    advocate_id: CustomerId
    instead: CustomerId
    why: Why
    why_instead: Why
    """With the same advocate on both sides, one of the two is `OUT_OF_WINDOW`."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """Everything that was said of who brought an order, and what was decided."""

    order_name: str
    decision: Any
    """See `records.attributions`: advocate_id, verdict, pay, source, why, policy, terms_version, decided_at, ..."""
    mentions: Sequence[Mention]


def hearing(work: UnitOfWork, typed: str) -> Hearing | None:
    """The file of an order, by its name or the store's number; None where nothing names an advocate of it."""
    order = attributions.find_order(work, typed)
    if order is None:
        return None
    said = mentions.mentions(work, [order.order_id]).get(order.order_id, [])
    return Hearing(order.name, attributions.of_order(work, order.order_id), said)


def latest(work: UnitOfWork, limit: int = 50) -> Sequence[Any]:
    """The newest attributed orders: order_id, name, placed_at, verdict, pay, why, source."""
    return attributions.newest(work, limit)


def replay(work: UnitOfWork, policy: Policy) -> Iterator[Flip]:
    """Judge every order's mentions again under `policy`, page by page; tell those that would flip. Writes nothing."""
    after = 0
    while page := attributions.page(work, after, REPLAY_PAGE):
        after = page[-1].order_id
        said = mentions.mentions(work, [row.order_id for row in page])
        for row in page:
            decision = choose(said[row.order_id], row.placed_at, policy)
            out, out_now = (why == Why.OUT_OF_WINDOW for why in (row.why, decision.why))
            if decision.winner.advocate_id != row.advocate_id or out != out_now:
                yield Flip(row.order_id, row.advocate_id, decision.winner.advocate_id, Why(row.why), decision.why)


class FriendState(StrEnum):
    """How far a friend has come, as their advocate sees it."""

    CLAIMED = "claimed"
    ENDED = "ended"
    ORDERED = "ordered"
    HELD = "held"
    REWARDED = "rewarded"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Friend:
    """A friend of an advocate. Of who they are no more than `initial`, the first letter of a name, and only of those
    who ordered.
    """

    state: FriendState
    since: datetime
    until: datetime | None = None
    reason: str = ""
    initial: str = ""


def friends_of(work: UnitOfWork, customer_id: CustomerId, limit: int = 50) -> list[Friend]:
    """The customer's friends, the latest first."""
    program = Program.of(work)
    return [_friend(row, program, work.now) for row in attributions.friends_of(work, customer_id, limit)]


def _friend(row: Any, program: Program, now: datetime) -> Friend:
    if row.verdict is None:
        state = FriendState.CLAIMED if row.ends_at > now else FriendState.ENDED
        return Friend(state, row.claimed_at, row.ends_at)
    initial = plain(row.initial or "")
    if row.verdict == Verdict.NOT_COUNTED:
        return Friend(FriendState.ORDERED, row.placed_at, None, REASONS[Verdict.NOT_COUNTED], initial)
    if row.verdict != Verdict.FRIEND or row.pay in (Pay.DECLINED, Pay.CAPPED):
        reason = REASONS[Verdict(row.verdict)] if row.verdict != Verdict.FRIEND else PAYS[Pay(row.pay)]
        return Friend(FriendState.REFUSED, row.placed_at, None, reason, initial)
    if row.pay == Pay.REVIEW:
        return Friend(FriendState.HELD, row.placed_at, None, PAYS[Pay.REVIEW], initial)
    due = due_at(row.placed_at, program.at(row.placed_at))
    return Friend(FriendState.HELD if due > now else FriendState.REWARDED, row.placed_at, due, "", initial)
