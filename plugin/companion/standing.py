"""Where a shopper stands, as facts for a store's companion: their tier and the way to the next, the whole ladder, and
the reward that comes next.

What a ladder counts is money as the store reads it, or a whole number; the names of tiers and what they give are the
merchant's words, or ours in the language of the site that asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import loyalty
from commerce.money import Money
from plugin.companion.amounts import utc
from plugin.phrases import perk
from plugin.sentences import told
from plugin.storefront.rungs import rungs


def tier_facts(standing: loyalty.Standing | None) -> dict[str, Any] | None:
    """The shopper's tier and the way to the next; None where the program shows them no tiers.

    `to_keep`: what is missing until `falls_at` to keep the tier. `share`: of the way to the next, in percent.
    """
    if standing is None:
        return None
    ladder, level, higher, currency = standing.ladder, standing.level, standing.higher, standing.currency
    return {
        "name": level.name if level else "",
        "perks": [perk(benefit) for benefit in level.benefits] if level else [],
        "since": utc(standing.since) if level and standing.since else "",
        "falls_at": utc(standing.falls_at) if standing.falls_at else "",
        "to_keep": counted(ladder.measure, standing.to_keep, currency) if standing.to_keep else None,
        "measure": str(ladder.measure),
        "span": told(loyalty.span(ladder)),
        "counted": counted(ladder.measure, max(0, standing.counted), currency),
        "next": _next_tier(standing, higher) if higher else None,
    }


def _next_tier(standing: loyalty.Standing, higher: loyalty.Level) -> dict[str, Any]:
    measure, currency = standing.ladder.measure, standing.currency
    return {
        "name": higher.name,
        "missing": counted(measure, standing.missing, currency),
        "asked": counted(measure, higher.enter, currency),
        "share": min(100, max(0, standing.counted) * 100 // higher.enter),
    }


def ladder_facts(terms: loyalty.Terms, standing: loyalty.Standing | None) -> dict[str, Any] | None:
    """All tiers that shoppers may know of, lowest first, with what each asks for and gives; None where there are none.

    `mine`: it is the shopper's own.
    """
    ladder = terms.tiers
    shown = [level for level in ladder.levels if not level.hidden]
    if not shown:
        return None
    own = standing.level.key if standing and standing.level else ""
    return {
        "measure": str(ladder.measure),
        "span": told(loyalty.span(ladder)),
        "levels": [
            {
                "name": level.name,
                "asked": counted(ladder.measure, level.enter, terms.currency),
                "perks": [perk(benefit) for benefit in level.benefits],
                "points": level.entry_points,
                "mine": level.key == own,
            }
            for level in shown
        ],
    }


def counted(measure: loyalty.Measure, value: int, currency: str) -> Mapping[str, str] | int:
    """So much of what a ladder counts: money, or points, orders or friends by their number."""
    if measure == loyalty.Measure.SPEND:
        return {"amount": Money(value, currency).decimal(), "currency": currency}
    return value


def next_reward(balance: loyalty.Balance) -> dict[str, Any] | None:
    """The cheapest reward that is open to the shopper and still out of reach."""
    dearer = [
        reward
        for reward in balance.rewards
        if reward.points > balance.spendable and reward.key not in balance.closed and reward.key not in balance.sold_out
    ]
    reward = min(dearer, key=lambda each: each.points, default=None)
    if reward is None:
        return None
    missing = reward.points - balance.spendable
    share = max(0, balance.spendable) * 100 // reward.points
    return {"title": reward.title, "points": reward.points, "missing": missing, "share": share}


def steps_of(reward: loyalty.Reward, balance: loyalty.Balance | None) -> Sequence[tuple[int, int, int]]:
    """How many of a reward can be bought as one: the number, its points, and what it is worth in minor units. Those
    that can be had, as on the shop's own pages; where none can, the first.
    """
    found = rungs(replace(balance, rewards=[reward]), None) if balance else []
    had = [(rung.steps, rung.reward.points, rung.reward.amount_minor) for rung in found if rung.open]
    return had or [(1, reward.points, reward.amount_minor)]
