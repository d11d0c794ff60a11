"""What points buy in a shop, for the merchant: each reward in words, how often it was bought, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

import lifecycle
import loyalty
from commerce.rewards import Offering
from commerce.sayings import Saying, say
from connectors.offerings import offering
from connectors.shopify import REWARD_SCOPES
from engine import shops
from engine.summaries import Summary, read
from engine.work import UnitOfWork
from loyalty import Kind, Reward

_BOUGHT = text("""
    SELECT reward ->> 'key' AS key, count(*) AS bought, count(*) FILTER (WHERE outcome = 'used') AS used
    FROM redemptions WHERE shop_id = :shop_id GROUP BY 1
""")

# What the platform has to allow, in words; a merchant sees the platform's own list when they are asked.
PERMISSIONS: Mapping[Kind, Saying] = {
    Kind.GIFT_CARD: say(
        "One of your rewards needs the permission to make gift cards. Until you allow it, whoever buys that reward "
        "gets the points back."
    ),
    Kind.STORE_CREDIT: say(
        "One of your rewards needs the permission to give store credit. Until you allow it, whoever buys that reward "
        "gets the points back."
    ),
}

# What the stores see to, and what they cannot.
ALONE = say(
    "The store's checkout takes its code with no other discount. Orders that your staff write can still bear two; then "
    "both count as used, and a note under Activity says so."
)

# As the form asks for them, the plainest first.
KINDS: Sequence[tuple[Kind, Saying]] = (
    (Kind.AMOUNT, say("An amount off an order")),
    (Kind.PERCENTAGE, say("A percentage off an order")),
    (Kind.FREE_SHIPPING, say("Free shipping")),
    (Kind.PRODUCT, say("Certain products for less, or one of them free")),
    (Kind.GIFT_CARD, say("A gift card")),
    (Kind.STORE_CREDIT, say("Store credit")),
    (Kind.CUSTOM, say("Something that you hand over yourself")),
)


# What platforms call things, and what their merchants have to see to: offerings say so, a test compares.
SAID_BY_OFFERINGS = (
    say("variants"), say("collections"), say("variations"), say("categories"),
    say(
        "It works where a shipping zone of your store has the method Free shipping, which is set to require a coupon."
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward, and how often it was `bought` and `used` since the beginning."""

    reward: Reward
    bought: int
    used: int


@dataclass(frozen=True, slots=True)
class Need:
    """Something that only some rewards need, and the platform's names for it."""

    why: str
    scopes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Offers:
    currency: str
    version: int
    rewards: Sequence[Offer]
    needs: Sequence[Need]
    waiting: Sequence[Any]
    """Custom rewards that were bought and are to be handed over, oldest first."""
    stages: Sequence[tuple[str, int]]
    """Stages with the customers in each: whom a reward can be given to."""
    gifts: Sequence[Any]
    ladder: loyalty.Ladder
    offering: Offering
    """What the shop's platform can give: the form asks for nothing else."""

    @property
    def levels(self) -> Sequence[loyalty.Level]:
        return self.ladder.levels

    @property
    def kinds(self) -> Sequence[tuple[Kind, Saying]]:
        left_out = {
            kind
            for kind, given in (
                (Kind.GIFT_CARD, self.offering.gift_cards),
                (Kind.STORE_CREDIT, self.offering.store_credit),
            )
            if not given
        }
        return [(kind, words) for kind, words in KINDS if kind not in left_out]


BOUGHT = Summary("rewards.bought", lambda work: [dict(row._mapping) for row in work.rows(_BOUGHT)])
"""How often each reward was bought and used, since the beginning."""


def offers(work: UnitOfWork) -> Offers:
    terms = loyalty.current_terms(work)
    counted = {row["key"]: row for row in read(work, BOUGHT).value}
    shown = [
        Offer(reward, *((row["bought"], row["used"]) if (row := counted.get(reward.key)) else (0, 0)))
        for reward in terms.rewards
    ]
    kinds = {reward.kind for reward in terms.rewards}
    needs = [Need(why, REWARD_SCOPES[kind]) for kind, why in PERMISSIONS.items() if kind in kinds]
    there = lifecycle.stage_counts(work)
    stages = [(str(stage), there.get(stage, 0)) for stage in lifecycle.STAGES]
    can = offering(shops.current(work).platform)
    return Offers(
        terms.currency, terms.version, shown, needs, loyalty.to_hand_over(work), stages, loyalty.gifts(work),
        terms.tiers, can,
    )  # fmt: skip
