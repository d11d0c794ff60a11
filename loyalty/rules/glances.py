"""What points lead to next: the best reward that can be had now, and the one that is the least way off."""

from __future__ import annotations

from collections.abc import Iterable

from loyalty.rules.rewards import Reward


def within_reach(rewards: Iterable[Reward], spendable: int) -> tuple[Reward | None, Reward | None]:
    """Of rewards that a customer may buy: the dearest that `spendable` points pay for, and the cheapest that they do
    not. Among those that cost the same, the one that the shop shows first.
    """
    best: Reward | None = None
    following: Reward | None = None
    for reward in rewards:
        if reward.points <= spendable:
            if best is None or reward.points > best.points:
                best = reward
        elif following is None or reward.points < following.points:
            following = reward
    return best, following
