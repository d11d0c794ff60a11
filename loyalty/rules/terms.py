"""A shop's loyalty terms: how points are earned, and what they buy. Terms that were published once stay readable for
ever, so a field that is new has a value for when it is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from commerce.money import Money, exponent
from commerce.sayings import say
from loyalty.rules import actions, promotions
from loyalty.rules.actions import Action
from loyalty.rules.bodies import listed, one_of
from loyalty.rules.earning import Debt, Earning, Members, Returns
from loyalty.rules.expiry import Expiry
from loyalty.rules.promotions import Promotion, Stacking
from loyalty.rules.rewards import Reward
from loyalty.rules.tiers import Ladder

# More is a slip of the finger: for each 1.00 that counts, points worth ten of what most programs give.
MOST_POINTS_A_UNIT = 1000

# A shopper reads the list from top to bottom; no program that we know of offers more.
MOST_REWARDS = 100


@dataclass(frozen=True, slots=True)
class Terms:
    """A shop's loyalty rules:

    `points` for each whole `per_minor` of goods kept, spendable `hold_days` after the order was placed.
    """

    version: int
    currency: str
    points: int
    per_minor: int
    hold_days: int
    rewards: tuple[Reward, ...] = field(default=())
    expiry: Expiry = field(default=Expiry())
    tiers: Ladder = field(default=Ladder())
    earning: Earning = field(default=Earning())
    promotions: tuple[Promotion, ...] = ()
    stacking: Stacking | None = None
    actions: tuple[Action, ...] = ()
    margin: int | None = None
    """What the shop says that it keeps of its sales before points, in percent; None where it has not said so."""
    asleep: bool = False
    """The terms of an installation, which nobody has looked at yet: nothing is earned by them."""
    plain: bool = field(init=False, default=False, compare=False)
    """Whether goods kept are all that counts: no rule asks for lines, buyers or caps."""
    by_line: bool = field(init=False, default=False, compare=False)
    """Whether some rule asks for the lines of an order."""
    collections: tuple[str, ...] = field(init=False, default=(), compare=False)
    """The collections that some rule names."""

    def __post_init__(self) -> None:
        usual = replace(self.earning, credit=True, debt=Debt.ALLOW, returns=Returns.NEVER, members=Members.ALL)
        by_line = bool(self.earning.goods or self.earning.per_item or any(p.goods for p in self.promotions))
        object.__setattr__(self, "plain", usual == Earning() and not self.promotions)
        object.__setattr__(self, "by_line", by_line)
        chosen = [*(rule.goods for rule in self.earning.goods), *(p.goods for p in self.promotions)]
        named = dict.fromkeys(one for goods in chosen for one in goods.collections)
        object.__setattr__(self, "collections", tuple(named))
        # Only what no version may ever have said: `mistakes` is for terms that are to be published, and may grow
        # stricter than those that were.
        if _nonsense(self):
            raise ValueError("; ".join(mistakes(self)))

    @classmethod
    def read(cls, version: int, body: Mapping[str, Any]) -> Terms:
        """Terms as they are stored. Raises `ValueError` with a sentence for each mistake."""
        rewards = tuple(Reward.read(reward) for reward in body["rewards"])
        stacking = body.get("stacking")
        return cls(
            version, body["currency"], body["points"], body["per_minor"], body["hold_days"], rewards,
            earning=Earning.read(body.get("earning") or {}),
            promotions=listed(Promotion.read)(body.get("promotions") or ()),
            stacking=None if stacking is None else one_of(Stacking, ", ".join(Stacking))(stacking),
            actions=listed(Action.read)(body.get("actions") or ()),
            expiry=Expiry.read(body.get("expiry") or {}),
            tiers=Ladder.read(body.get("tiers") or {}),
            margin=body.get("margin"),
            asleep=body.get("asleep", False) is True,
        )  # fmt: skip

    def action(self, key: str) -> Action | None:
        return next((action for action in self.actions if action.key == key), None)

    def reward(self, key: str) -> Reward | None:
        return next((reward for reward in self.rewards if reward.key == key), None)


def collections_of(several: Iterable[Terms]) -> list[str]:
    """The collections that any of these terms name, each once."""
    return list(dict.fromkeys(one for terms in several for one in terms.collections))


def mistakes(terms: Terms) -> list[str]:
    """What is wrong with the terms, in sentences for whoever wrote them; none if they can be published."""
    found = _nonsense(terms)
    if len(terms.rewards) > MOST_REWARDS:
        found.append(say("a program has at most %(most)s rewards", most=MOST_REWARDS))
    twice = [key for key, count in Counter(reward.key for reward in terms.rewards).items() if count > 1]
    found += [say("two rewards are called '%(key)s': give each a key of its own", key=key) for key in twice]
    if terms.per_minor >= 1 and terms.points * 10 ** exponent(terms.currency) > MOST_POINTS_A_UNIT * terms.per_minor:
        found.append(
            say(
                "for each 1 %(currency)s there are at most %(most)s points",
                currency=terms.currency,
                most=MOST_POINTS_A_UNIT,
            )
        )
    if terms.margin is not None and (type(terms.margin) is not int or not 1 <= terms.margin <= 100):
        found.append(say("the gross margin is a whole percentage from 1 to 100"))
    found += terms.earning.mistakes()
    found += promotions.mistakes(terms.promotions, terms.stacking)
    found += actions.mistakes(terms.actions)
    for reward in terms.rewards:
        found += [f"reward {reward.key!r}: {mistake}" for mistake in reward.mistakes()]
        named = dict.fromkeys((*reward.tiers, *([reward.from_tier] if reward.from_tier else [])))
        found += [
            say("reward '%(key)s': there is no tier '%(tier)s'", key=reward.key, tier=key)
            for key in named
            if not terms.tiers.level(key)
        ]
    return [*found, *terms.expiry.mistakes(), *terms.tiers.mistakes()]


def _nonsense(terms: Terms) -> list[str]:
    found = list[str]()
    if terms.points < 0 or terms.per_minor < 1:
        found.append(say("points per amount: no fewer than 0 points, for at least one minor unit"))
    if not 0 <= terms.hold_days <= 365:
        found.append(say("points are held from 0 to 365 days"))
    if any(r.points < 1 or r.amount_minor < 0 or r.code_days < 0 for r in terms.rewards):
        found.append(say("a reward costs at least one point, and neither its worth nor its days are below zero"))
    return found


def proposal(currency: str) -> dict[str, Any]:
    """The program that a shop starts with:

    one point for each whole unit, a reward of five units for a hundred points.
    """
    unit = 10 ** exponent(currency)
    return {
        "currency": currency,
        "points": 1,
        "per_minor": unit,
        "hold_days": 14,
        "earning": {"credit": False, "returns": "proportion"},
        "rewards": [
            {
                "key": "five-off",
                "title": f"{Money(5 * unit, currency)} off",
                "points": 100,
                "amount_minor": 5 * unit,
                "minimum_minor": 0,
                "code_days": 30,
            }
        ],
    }
