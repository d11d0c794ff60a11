"""Which order a claim brought, and what its advocate is owed for it."""

from __future__ import annotations

from enum import StrEnum

from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from referral.rules.terms import Terms


class Verdict(StrEnum):
    """The reason code of a decision: `FRIEND` is paid for, each of the others says why not."""

    FRIEND = "friend"
    OWN_CODE = "own_code"
    GUEST = "guest"
    NOT_FIRST = "not_first"
    NOT_COUNTED = "not_counted"


REASONS = {
    Verdict.FRIEND: "a friend's first order",
    Verdict.OWN_CODE: "customers cannot refer themselves",
    Verdict.GUEST: "the store did not say who placed the order",
    Verdict.NOT_FIRST: "the friend had ordered before",
    Verdict.NOT_COUNTED: "the order is not paid, was cancelled, or was returned",
}


def judge(order: Order, advocate_id: CustomerId, first_order: OrderId | None) -> Verdict:
    """Whether `order` is what an advocate is rewarded for:

    a friend's first order that counts. `first_order` is the friend's first.
    """
    if order.customer_id is None:
        return Verdict.GUEST
    if order.customer_id == advocate_id:
        return Verdict.OWN_CODE
    if not order.counts:
        return Verdict.NOT_COUNTED
    return Verdict.FRIEND if first_order == order.order_id else Verdict.NOT_FIRST


def owed(verdict: Verdict, terms: Terms) -> int:
    """The advocate's points for an order so judged."""
    return terms.advocate_points if verdict is Verdict.FRIEND else 0
