"""What points buy for a cart, from the cheapest to the dearest: the rungs of its form, and of the slider there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import loyalty
from loyalty import Kind, Reward

# What is used at the checkout of a cart. Gift cards and credit are money, which a shopper keeps.
IN_CART = frozenset({Kind.AMOUNT, Kind.PERCENTAGE, Kind.FREE_SHIPPING, Kind.PRODUCT})
# Of one reward that is bought in steps: a finger does not tell more of them apart.
MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class Rung:
    """A reward, or so many steps of it as one, and why it cannot be had: points that are `missing`, minor units that
    the cart is `short` of, or `why` in words.
    """

    reward: Reward
    steps: int
    stepped: bool
    missing: int = 0
    short_minor: int = 0
    why: str = ""
    sold_out: bool = False

    @property
    def open(self) -> bool:
        return not (self.missing or self.short_minor or self.why or self.sold_out)

    @property
    def value(self) -> str:
        """What the form sends."""
        return f"{self.reward.key}:{self.steps}"


def rungs(balance: loyalty.Balance, total_minor: int | None) -> list[Rung]:
    """The rungs for a cart of `total_minor` (None: nobody said), those that can be had and those next to them."""
    found = [rung for reward in balance.rewards if reward.kind in IN_CART for rung in _of(reward, balance, total_minor)]
    return sorted(found, key=lambda rung: (not rung.open, rung.reward.points))


def _of(reward: Reward, balance: loyalty.Balance, total_minor: int | None) -> Iterator[Rung]:
    shut, gone = balance.closed.get(reward.key, ""), reward.key in balance.sold_out
    if shut or gone:
        yield Rung(reward, 1, False, why=shut, sold_out=gone)
        return
    all_of = [_rung(reward, steps, balance, total_minor) for steps in range(1, reward.most_steps + 1)]
    # More than the cart costs would be points for nothing; of the smallest there is no less to be had.
    worth = [r for r in all_of if r.steps == 1 or total_minor is None or r.reward.amount_minor <= total_minor]
    had = [rung for rung in worth if rung.open]
    yield from _thinned(had)
    yield from [rung for rung in worth if not rung.open][:1]


def _rung(reward: Reward, steps: int, balance: loyalty.Balance, total_minor: int | None) -> Rung:
    taken = reward.of_steps(steps)
    short = 0 if total_minor is None else max(0, taken.minimum_minor - total_minor)
    return Rung(taken, steps, reward.most_steps > 1, max(0, taken.points - balance.spendable), short)


def _thinned(had: list[Rung]) -> list[Rung]:
    """At most `MOST_STEPS` of them, evenly, the first and the last among them."""
    if len(had) <= MOST_STEPS:
        return had
    return [had[place * (len(had) - 1) // (MOST_STEPS - 1)] for place in range(MOST_STEPS)]
