"""The rules of referral: which order a claim brought, and what its advocate is owed for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from commerce.ids import CustomerId, OrderId
from commerce.money import Money, exponent
from commerce.orders import Order


@dataclass(frozen=True, slots=True)
class Terms:
    """A shop's referral rules:

    points for the advocate, an amount off for the friend, and how long the friend's code works.
    """

    version: int
    currency: str
    advocate_points: int
    friend_amount_minor: int
    friend_minimum_minor: int
    friend_code_days: int
    hold_days: int

    def __post_init__(self) -> None:
        if self.advocate_points < 0 or self.friend_amount_minor < 1 or self.friend_code_days < 1 or self.hold_days < 0:
            raise ValueError(
                "an advocate gets no fewer than 0 points; a friend's code is worth something and works for a day"
            )

    @classmethod
    def read(cls, version: int, body: Mapping[str, Any]) -> Terms:
        return cls(version, **body)

    @property
    def friend_title(self) -> str:
        return f"{Money(self.friend_amount_minor, self.currency)} off a first order"


def proposal(currency: str) -> dict[str, Any]:
    """The referral program that a shop starts with."""
    unit = 10 ** exponent(currency)
    return {
        "currency": currency,
        "advocate_points": 200,
        "friend_amount_minor": 5 * unit,
        "friend_minimum_minor": 20 * unit,
        "friend_code_days": 30,
        "hold_days": 14,
    }


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
