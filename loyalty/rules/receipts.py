"""Why points moved: what they were reckoned from, and the one sentence that says so.

A receipt is facts only: of an order the amounts, the rate, what multiplied or bounded it, or the reason why there is
nothing; of a redemption the reward, its price and what became of it; of a merge that it was one. Every reader gets the
sentence that `sentence` makes of it: the shopper, the merchant and whoever asks by JSON. It names no person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

from commerce.money import Money


class Reason(StrEnum):
    """Why an order earned nothing."""

    TEST = "test"
    CANCELLED = "cancelled"
    UNPAID = "unpaid"
    CURRENCY = "currency"
    NOTHING_KEPT = "nothing_kept"
    GUEST = "guest"
    EXCLUDED = "excluded"
    TOO_LITTLE = "too_little"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What points were reckoned from. A field that says nothing is None, and is not kept.

    Amounts are minor units of `currency`. `points` for each `per_minor` is the rate, `multiplier` hundredths (150 is
    one and a half times), `cap` the most points that there could be, `rounding` which way the fraction went.
    """

    reason: Reason | None = None
    currency: str | None = None
    program_currency: str | None = None
    kept_minor: int | None = None
    points: int | None = None
    per_minor: int | None = None
    rounding: str | None = None
    promotion: str | None = None
    tier: str | None = None
    multiplier: int | None = None
    cap: int | None = None
    version: int | None = None
    """Of the terms by which it was reckoned."""
    awarded: int | None = None
    """Points owed for somebody else's order, in all; whoever awards them says why."""
    reward: str | None = None
    cost: int | None = None
    code: str | None = None
    """Of a reward that is a code; the number of a gift card is money, and stands in no receipt."""
    outcome: str | None = None
    merged: bool | None = None

    def kept(self) -> dict[str, Any]:
        """Only what it says, for the ledger to keep."""
        return {name: value for name in _NAMES if (value := getattr(self, name)) is not None}

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Receipt:
        """A receipt as it was kept, by this version or by an older one."""
        known = {name: body[name] for name in _NAMES if name in body}
        return cls(**known | ({"reason": Reason(known["reason"])} if "reason" in known else {}))


_NAMES = tuple(field.name for field in fields(Receipt))
NOTHING = Receipt()

_WHY: Mapping[Reason, str] = {
    Reason.TEST: "a test order",
    Reason.CANCELLED: "the order was cancelled",
    Reason.UNPAID: "the order is not paid",
    Reason.NOTHING_KEPT: "no goods were kept",
    Reason.GUEST: "the order belongs to no customer account yet",
    Reason.EXCLUDED: "the program leaves these goods out",
}


def sentence(points: int, receipt: Receipt) -> str:
    """The receipt in words, `points` being what it came to."""
    if receipt.merged:
        return "the store merged two customer accounts into one"
    if receipt.reward is not None:
        return _of_reward(receipt)
    if receipt.reason is not None and receipt.reason != Reason.TOO_LITTLE:
        return f"no points: {_why(receipt)}"
    assert receipt.kept_minor is not None
    assert receipt.per_minor is not None
    assert receipt.currency is not None
    kept, each = Money(receipt.kept_minor, receipt.currency), Money(receipt.per_minor, receipt.currency)
    return f"{points} points for {kept} of goods kept, at {receipt.points} for each {each}{_besides(receipt)}"


def _of_reward(receipt: Receipt) -> str:
    if receipt.outcome is None:
        return f"{receipt.reward}: {receipt.cost} points held for its code"
    return f"code {receipt.code}: {receipt.outcome}" if receipt.code else f"{receipt.reward}: {receipt.outcome}"


def _why(receipt: Receipt) -> str:
    if receipt.reason == Reason.CURRENCY:
        return f"the order is in {receipt.currency} and the program in {receipt.program_currency}"
    assert receipt.reason is not None
    return _WHY[receipt.reason]


def _besides(receipt: Receipt) -> str:
    """What moved the points away from the plain rate."""
    said = []
    if receipt.multiplier is not None:
        times = f"{Decimal(receipt.multiplier).scaleb(-2).normalize():f} times"
        said.append(f"{times} as {receipt.tier}" if receipt.tier else times)
    if receipt.promotion:
        said.append(receipt.promotion)
    if receipt.cap is not None:
        said.append(f"at most {receipt.cap}")
    return f", {', '.join(said)}" if said else ""
