"""The attribution court's open files: one order's mentions, policy, winner and reason; and what another policy would
have decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork
from referral.records import attributions, mentions
from referral.rules import Mention, Policy, Why, choose

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
    """Judge every order's mentions again under `policy`, page by page, and tell those that would flip. Writes nothing."""
    after = 0
    while page := attributions.page(work, after, REPLAY_PAGE):
        after = page[-1].order_id
        said = mentions.mentions(work, [row.order_id for row in page])
        for row in page:
            decision = choose(said[row.order_id], row.placed_at, policy)
            out, out_now = (why == Why.OUT_OF_WINDOW for why in (row.why, decision.why))
            if decision.winner.advocate_id != row.advocate_id or out != out_now:
                yield Flip(row.order_id, row.advocate_id, decision.winner.advocate_id, Why(row.why), decision.why)


def friends_of(work: UnitOfWork, customer_id: CustomerId, limit: int = 50) -> Sequence[Any]:
    """The customer's friends, newest first: claimed_at, ends_at, verdict, pay, placed_at, and the first letter of the
    name of those who ordered. Of whoever only claimed there is no letter.
    """
    return attributions.friends_of(work, customer_id, limit)
