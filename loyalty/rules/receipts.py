"""Receipts: how the points of an entry came about, kept with it for ever, so that the entry explains itself. They are
facts only, and name no person: what an order earned says the amounts, the rate, what multiplied or bounded it, or why
there is nothing; a redemption the reward, its price and what became of it; a merge that it was one.

The `frozen` part is more than an explanation. What an order's first earning found (the buyer's tier, the promotions
that applied, the room that caps left) decides every later reckoning of the same order, so that refunds, edits and
restorations go by what paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from commerce.sayings import say


@dataclass(frozen=True, slots=True)
class Grounds:
    """What is frozen when an order earns for the first time: facts that are not in the order itself."""

    tier: str | None = None
    promotions: tuple[str, ...] = ()
    """The promotions that the order may have, by key; what each brings depends on the goods kept."""
    number: int | None = None
    """The number of this order among its buyer's; None where no rule asks."""
    room: int | None = None
    """The points that the caps of its period had left; None without caps."""
    barred: str | None = None
    """Why its buyer earns nothing. Never frozen: it may pass."""

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Grounds:
        return cls(body.get("tier"), tuple(body.get("promotions") or ()), body.get("number"), body.get("room"))

    def body(self) -> dict[str, Any]:
        """As it is stored: only what there is."""
        found = {"tier": self.tier, "promotions": self.promotions or None, "number": self.number, "room": self.room}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Receipt:
    """The breakdown of an order's points: `multiplier` is the tier's percentage, `extras` what came beside the spend,
    `caps` what a cap took away. `reason` says why there are none. What is not about an order's own points has the
    fields below `frozen`.
    """

    basis_minor: int = 0
    rate: str = ""
    rounding: str = "down"
    multiplier: int = 100
    promotions: tuple[str, ...] = ()
    extras: tuple[tuple[str, int], ...] = ()
    caps: int = 0
    reason: str | None = None
    frozen: Grounds | None = None
    version: int | None = None
    """Of the terms by which it was reckoned."""
    goods: tuple[tuple[str, int], ...] = ()
    """Goods whose rule has a title, and the percentage of the usual points that they earned."""
    awarded: int | None = None
    """Points owed for somebody else's order, in all; whoever awards them says why."""
    reward: str | None = None
    cost: int | None = None
    code: str | None = None
    """Of a reward that is a code; the number of a gift card is money, and stands in no receipt."""
    outcome: str | None = None
    merged: bool = False

    def body(self) -> dict[str, Any]:
        """As it is stored: only what differs from an empty receipt."""
        found = {name: value for name, default in _DEFAULTS if (value := getattr(self, name)) != default}
        if self.frozen is not None:
            found["frozen"] = self.frozen.body()
        return found


# Asked for each entry: read once.
_DEFAULTS = tuple((known.name, known.default) for known in fields(Receipt))


def sentence(receipt: Receipt) -> str:
    """The receipt of a redemption or a merge in words. An order's own are written where it is reckoned."""
    if receipt.merged:
        return say("the store merged two customer accounts into one")
    if receipt.outcome is None:
        return say("%(reward)s: %(cost)s points held for its code", reward=receipt.reward, cost=receipt.cost)
    if receipt.code:
        return say("code %(code)s: %(outcome)s", code=receipt.code, outcome=receipt.outcome)
    return say("%(reward)s: %(outcome)s", reward=receipt.reward, outcome=receipt.outcome)
