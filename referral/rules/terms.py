"""A shop's referral terms: what friends and their advocates get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from commerce.money import Money, exponent


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
