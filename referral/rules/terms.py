"""A shop's referral terms: what friends and their advocates get, and whose word counts.

Terms that were published once stay readable for ever, so a field that is new has a value for when it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from commerce.money import Money, exponent
from commerce.sayings import say
from referral.rules.court import Policy


class FriendGets(StrEnum):
    """What the friend's offer is."""

    AMOUNT = "amount"
    PERCENTAGE = "percentage"
    SHIPPING = "shipping"
    POINTS = "points"


MOST_POINTS = 10**9
MOST_MINOR = 10**12
MOST_EXCLUDED = 250
MOST_TIERS = 50


@dataclass(frozen=True, slots=True)
class Terms:
    """A shop's referral rules.

    The advocate gets points, by tier where `tier_points` names it, and the reward `advocate_reward` of the loyalty
    program if one is named; at each `milestone_every`th friend more of both; for `most_a_month` friends a month at
    most (0: no matter). The friend gets an amount, a share, the shipping, or points after the first order.
    """

    version: int
    currency: str
    advocate_points: int
    friend_amount_minor: int
    friend_minimum_minor: int
    friend_code_days: int
    hold_days: int
    friend_gets: FriendGets = FriendGets.AMOUNT
    friend_percent: int = 0
    friend_points: int = 0
    advocate_reward: str = ""
    tier_points: Mapping[str, int] = field(default_factory=dict)
    milestone_every: int = 0
    milestone_points: int = 0
    milestone_reward: str = ""
    most_a_month: int = 0
    return_days: int = 0
    minimum_order_minor: int = 0
    excluded_products: tuple[str, ...] = ()
    window_days: int = 90
    first_touch: bool = False
    code_first: bool = True
    ask_after_order: bool = True
    """Whether shoppers are asked to invite somebody when they have ordered."""

    def __post_init__(self) -> None:
        if found := mistakes(self):
            raise ValueError("; ".join(found))

    @classmethod
    def read(cls, version: int, body: Mapping[str, Any]) -> Terms:
        """Terms as they are stored. Raises `ValueError` with a sentence for each mistake."""
        if unknown := sorted(set(body) - {known.name for known in fields(cls)}):
            raise ValueError(say("referral terms have no %(names)s", names=tuple(unknown)))
        given = dict(body)
        given["friend_gets"] = FriendGets(given.get("friend_gets", FriendGets.AMOUNT))
        given["excluded_products"] = tuple(given.get("excluded_products", ()))
        return cls(version, **given)

    @property
    def friend_title(self) -> str:
        if self.friend_gets is FriendGets.PERCENTAGE:
            return say("%(percent)s%% off a first order", percent=self.friend_percent)
        if self.friend_gets is FriendGets.SHIPPING:
            return say("Free shipping on a first order")
        if self.friend_gets is FriendGets.POINTS:
            return say("%(points)s points after a first order", points=self.friend_points)
        return say("%(amount)s off a first order", amount=Money(self.friend_amount_minor, self.currency))

    @property
    def policy(self) -> Policy:
        return Policy(self.window_days, self.first_touch, self.code_first)


def as_stored(terms: Terms) -> dict[str, Any]:
    """Terms as `Terms.read` takes them."""
    body = asdict(terms)
    del body["version"]
    return body


def mistakes(terms: Terms) -> list[str]:
    """What is wrong with the terms, in sentences for whoever wrote them."""
    found = list[str]()
    points = (terms.advocate_points, terms.friend_points, terms.milestone_points, *terms.tier_points.values())
    if not all(0 <= each <= MOST_POINTS for each in points):
        found.append(say("points are from 0 to a thousand million"))
    amounts = (terms.friend_amount_minor, terms.friend_minimum_minor, terms.minimum_order_minor)
    if not all(0 <= each <= MOST_MINOR for each in amounts):
        found.append(say("an amount is not below zero, and not beyond what shops sell for"))
    if not 0 <= terms.hold_days <= 365 or not 0 <= terms.return_days <= 365:
        found.append(say("a hold and a return window are from 0 to 365 days"))
    if not 1 <= terms.friend_code_days <= 730 or not 1 <= terms.window_days <= 730:
        found.append(say("a friend's code works for 1 to 730 days, and an invitation counts as long"))
    if terms.milestone_every < 0 or terms.most_a_month < 0:
        found.append(say("milestones and monthly limits are not below zero"))
    if len(terms.tier_points) > MOST_TIERS or len(terms.excluded_products) > MOST_EXCLUDED:
        found.append(
            say(
                "at most %(tiers)s tiers and %(products)s products can be named",
                tiers=MOST_TIERS,
                products=MOST_EXCLUDED,
            )
        )
    return found + _offer(terms)


def _offer(terms: Terms) -> list[str]:
    if terms.friend_gets is FriendGets.AMOUNT and terms.friend_amount_minor < 1:
        return [say("a friend's code is worth something")]
    if terms.friend_gets is FriendGets.PERCENTAGE and not 1 <= terms.friend_percent <= 100:
        return [say("a friend's share off is from 1 to 100 percent")]
    if terms.friend_gets is FriendGets.POINTS and terms.friend_points < 1:
        return [say("a friend who gets points gets at least one")]
    return []


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
