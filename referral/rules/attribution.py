"""Which order a claim brought, and what its advocate is owed for it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from commerce.ids import OrderId
from commerce.orders import Order
from commerce.sayings import say
from referral.rules.court import Decision, Why
from referral.rules.fraud import Band
from referral.rules.terms import Terms


class Verdict(StrEnum):
    """The reason code of a decision: `FRIEND` is paid for, each of the others says why not."""

    FRIEND = "friend"
    OWN_CODE = "own_code"
    GUEST = "guest"
    NOT_FIRST = "not_first"
    NOT_COUNTED = "not_counted"
    TOO_LATE = "too_late"
    TOO_SMALL = "too_small"
    EXCLUDED = "excluded"
    LOOP = "loop"


REASONS = {
    Verdict.FRIEND: say("a friend's first order"),
    Verdict.OWN_CODE: say("customers cannot refer themselves"),
    Verdict.GUEST: say("the store did not say who placed the order"),
    Verdict.NOT_FIRST: say("the friend had ordered before"),
    Verdict.NOT_COUNTED: say("the order is not paid, was cancelled, or was returned"),
    Verdict.TOO_LATE: say("the invitation was too long before the order"),
    Verdict.TOO_SMALL: say("the order is below the least that counts"),
    Verdict.EXCLUDED: say("nothing in the order is of what counts"),
    Verdict.LOOP: say("the buyer had, directly or by others, brought the advocate"),
}


class Pay(StrEnum):
    """Whether an attributed order brings its advocate something, and why not."""

    OWED = "owed"
    NOT_OWED = "not_owed"
    REVIEW = "review"
    DECLINED = "declined"
    CAPPED = "capped"


PAYS = {
    Pay.OWED: say("it is rewarded"),
    Pay.NOT_OWED: say("it brings no reward"),
    Pay.REVIEW: say("a person has to look at it first"),
    Pay.DECLINED: say("it was declined"),
    Pay.CAPPED: say("the advocate has had all that one month brings"),
}


def judge(order: Order, decision: Decision, first_order: OrderId | None, counting_minor: int, terms: Terms) -> Verdict:
    """Whether `order` is what its advocate is rewarded for: a friend's first order that counts.

    `first_order` is the friend's first. The least order is measured by what was bought: what is returned later is
    taken back in proportion, not at a stroke.
    """
    if order.customer_id is None:
        return Verdict.GUEST
    if order.customer_id == decision.winner.advocate_id:
        return Verdict.OWN_CODE
    if not order.counts:
        return Verdict.NOT_COUNTED
    if decision.why is Why.OUT_OF_WINDOW:
        return Verdict.TOO_LATE
    if first_order != order.order_id:
        return Verdict.NOT_FIRST
    if counting_minor <= 0:
        return Verdict.EXCLUDED
    return Verdict.FRIEND if counting_minor >= terms.minimum_order_minor else Verdict.TOO_SMALL


def promised(terms: Terms, tier: str | None = None) -> int:
    """The points that a friend's order promises its advocate: those of the advocate's tier, if it has its own."""
    if tier is not None and tier in terms.tier_points:
        return terms.tier_points[tier]
    return terms.advocate_points


def kept_share(points: int, order: Order) -> int:
    """`points` in proportion to the goods that were kept, rounded down once."""
    if order.goods_minor <= 0:
        return 0
    return points * min(order.kept_minor, order.goods_minor) // order.goods_minor


def pay(verdict: Verdict, band: Band) -> Pay:
    """What becomes of the award, before it is seen how many the advocate has had."""
    if verdict is not Verdict.FRIEND:
        return Pay.NOT_OWED
    return {Band.APPROVE: Pay.OWED, Band.REVIEW: Pay.REVIEW, Band.DECLINE: Pay.DECLINED}[band]


def capped(month_rank: int, terms: Terms) -> Pay:
    """What becomes of the award of a friend who counts: their place in the advocate's month, from 1."""
    return Pay.CAPPED if terms.most_a_month and month_rank > terms.most_a_month else Pay.OWED


def due_at(placed_at: datetime, terms: Terms) -> datetime:
    """When what an order brought may be had: after the hold, and after the time in which goods may be returned."""
    return placed_at + timedelta(days=max(terms.hold_days, terms.return_days))


def milestones(ranks: Collection[int], terms: Terms) -> set[int]:
    """Of an advocate's friends, counted from 1, those who complete a milestone."""
    return {rank for rank in ranks if terms.milestone_every and rank % terms.milestone_every == 0}
