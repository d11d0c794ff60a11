"""Rewards: what points buy. Four kinds are discount codes; a gift card and store credit are money that the store hands
over, and a custom reward is whatever the shop hands over itself, so they have no basket to be limited to.

The limits are those of the store's platform, told before a shopper has paid with points rather than after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from commerce.lines import is_line
from commerce.rewards import Combines, Goods
from commerce.sayings import say
from loyalty.rules.tiers import Ladder, Level


class Kind(StrEnum):
    """What a reward is."""

    AMOUNT = "amount"
    PERCENTAGE = "percentage"
    FREE_SHIPPING = "free_shipping"
    PRODUCT = "product"
    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"
    CUSTOM = "custom"


HANDED_OVER = frozenset({Kind.GIFT_CARD, Kind.STORE_CREDIT, Kind.CUSTOM})
# What is worth an amount can be bought as several of it at once.
IN_STEPS = frozenset({Kind.AMOUNT, Kind.GIFT_CARD, Kind.STORE_CREDIT})

# What the codes that points buy begin with.
CODE_PREFIX = "P-"

LONGEST_KEY = 64
# The platform allows 255 letters with our name before them; nobody reads more than this on a telephone.
LONGEST_TITLE = 100
MOST_POINTS = 10**9
# Nine digits before the point are more than any shop sells, and keep every sum far inside the platform's numbers.
MOST_MINOR = 10**12
CODE_DAYS = 730
# Gift cards and credit are money: in many countries they may not end within years.
MONEY_DAYS = 3650
# The platform takes lists of 250; a shopper is told what a code is for, which nobody does for more than this.
MOST_GOODS = 100
# A list that a shopper chooses from.
MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class Reward:
    """Something that points buy. Its code works for `code_days` days; of a gift card, 0 days mean without end.

    `limit`: how often one customer may have it in `limit_days` days (0 days: ever); 0 is no limit, 1 and 0 are
    "once per customer". A product reward takes `amount_minor` off the named goods once, or `percent` off each piece.
    A shopper may buy up to `most_steps` of it as one; of a basket it takes `most_share` percent at most (0: no
    matter). There are `stock` of it for all customers together (0: no end of them).
    """

    key: str
    title: str
    points: int
    amount_minor: int = 0
    minimum_minor: int = 0
    code_days: int = 30
    kind: Kind = Kind.AMOUNT
    percent: int = 0
    most_shipping_minor: int | None = None
    minimum_quantity: int = 0
    goods: Goods = field(default=Goods())
    combines: Combines = field(default=Combines())
    limit: int = 0
    limit_days: int = 0
    stock: int = 0
    most_steps: int = 1
    most_share: int = 0
    webhook: bool = False
    """Of a custom reward: the shop's own system is told of it, and hands it over."""
    tiers: tuple[str, ...] = ()
    from_tier: str = ""
    """Only members of these tiers, or of this one and those above it, may buy it; neither: everybody."""
    alone: bool = False
    """It is the only reward of the order that it is used on."""

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Reward:
        """A reward as terms and redemptions store it. Raises `ValueError` for what is none."""
        if unknown := sorted(set(body) - {known.name for known in fields(cls)}):
            raise ValueError(say("a reward has no %(names)s", names=tuple(unknown)))
        for name in ("key", "title", "points"):
            if name not in body:
                raise ValueError(say("a reward needs a %(name)s", name=name))
        given = dict(body)
        if given.get("kind", Kind.AMOUNT) not in set(Kind):
            raise ValueError(say("a reward is one of %(names)s", names=tuple(Kind)))
        given["kind"] = Kind(given.get("kind", Kind.AMOUNT))
        given["goods"] = _goods(given.get("goods") or {})
        given["combines"] = _combines(given.get("combines") or {})
        given["tiers"] = _tiers(given.get("tiers") or ())
        for name in ("webhook", "alone"):
            if not isinstance(given.get(name, False), bool):
                raise ValueError(say("%(name)s of a reward is true or false", name=name))
        if not isinstance(given.get("from_tier", ""), str):
            raise ValueError(say("from_tier of a reward is the key of a tier"))
        for name, value in given.items():
            if name in _NUMBERS and (type(value) is not int and not (name == "most_shipping_minor" and value is None)):
                raise ValueError(say("%(name)s of a reward is a whole number", name=name))
        return cls(**given)

    @property
    def handed_over(self) -> bool:
        """Whether the store hands over money, not a code for a basket."""
        return self.kind in HANDED_OVER

    def of_steps(self, steps: int) -> Reward:
        """So many of it as one reward, with the least spend that keeps it within its share of the basket."""
        amount = self.amount_minor * steps
        # Rounded up: a basket of one unit less would let it take more than its share.
        least = -(-amount * 100 // self.most_share) if self.most_share else 0
        return replace(
            self, points=self.points * steps, amount_minor=amount, minimum_minor=max(self.minimum_minor, least),
            most_steps=1,
        )  # fmt: skip

    def is_for(self, tier: str | None, ladder: Ladder) -> bool:
        """Whether a member of `tier` may buy it."""
        if not self.tiers and not self.from_tier:
            return True
        if ladder.level(tier) is None:
            return False
        return tier in self.tiers or (bool(self.from_tier) and ladder.rank(tier) >= ladder.rank(self.from_tier) >= 0)

    def levels(self, ladder: Ladder) -> tuple[Level, ...]:
        """The tiers whose members may buy it, where it is not for everybody; hidden ones are named to nobody."""
        if not self.tiers and not self.from_tier:
            return ()
        return tuple(level for level in ladder.levels if self.is_for(level.key, ladder) and not level.hidden)

    def mistakes(self) -> list[str]:
        """What is wrong with the reward, in sentences; none if it can be offered."""
        parts = (_anything, _whose, _worth, _days, _conditions, _choices, _named_goods)
        return [mistake for part in parts for mistake in part(self)]


def as_stored(reward: Reward) -> dict[str, Any]:
    """A reward as `Reward.read` takes it."""
    return asdict(reward)


_NUMBERS = frozenset(
    {"points", "amount_minor", "minimum_minor", "code_days", "percent", "most_shipping_minor", "minimum_quantity"}
    | {"limit", "limit_days", "stock", "most_steps", "most_share"}
)


def _goods(body: Any) -> Goods:
    names = ("products", "variants", "collections")
    if not isinstance(body, Mapping) or set(body) - set(names):
        raise ValueError(say("goods of a reward are products, variants or collections"))
    lists = [body.get(name, ()) for name in names]
    if not all(isinstance(ids, (list, tuple)) and all(isinstance(one, str) for one in ids) for ids in lists):
        raise ValueError(say("goods of a reward are lists of the store's numbers, as text"))
    return Goods(*(tuple(ids) for ids in lists))


def _tiers(body: Any) -> tuple[str, ...]:
    if not isinstance(body, (list, tuple)) or not all(isinstance(one, str) for one in body):
        raise ValueError(say("tiers of a reward are a list of their keys"))
    return tuple(body)


def _combines(body: Any) -> Combines:
    names = ("orders", "products", "shipping")
    if not isinstance(body, Mapping) or set(body) - set(names):
        raise ValueError(say("a reward combines with orders, products or shipping"))
    if not all(isinstance(answer, bool) for answer in body.values()):
        raise ValueError(say("whether a reward combines is true or false"))
    return Combines(**body)


def _anything(reward: Reward) -> Iterator[str]:
    if not (0 < len(reward.key) <= LONGEST_KEY and reward.key.isascii() and reward.key.replace("-", "a").isalnum()):
        yield say("its key is made of up to %(longest)s letters, digits and hyphens", longest=LONGEST_KEY)
    if not reward.title.strip() or len(reward.title) > LONGEST_TITLE or not is_line(reward.title):
        yield say("its title has from 1 to %(longest)s letters", longest=LONGEST_TITLE)
    if not 1 <= reward.points <= MOST_POINTS:
        yield say("it costs at least one point")
    if reward.limit < 0 or not 0 <= reward.limit_days <= MONEY_DAYS:
        yield say("its limit for one customer is a number, in 0 to %(most)s days", most=MONEY_DAYS)
    elif reward.limit_days and not reward.limit:
        yield say("it names the days of a limit, and not how many a customer may have in them")


def _whose(reward: Reward) -> Iterator[str]:
    if reward.tiers and reward.from_tier:
        yield say("it is for certain tiers, or from a tier upwards: choose one of these")
    if reward.webhook and reward.kind != Kind.CUSTOM:
        yield say("only a custom reward is handed over by your own system")
    if reward.alone and reward.handed_over:
        yield say("what is handed over is used on no order: it cannot be the only reward of one")
    elif reward.alone and any(reward.combines):
        yield say("the only reward of an order is combined with nothing: choose one of these")


def _worth(reward: Reward) -> Iterator[str]:
    """Each kind says what it is worth in its own way, and says nothing in another's."""
    if not 0 <= reward.amount_minor <= MOST_MINOR or not 0 <= reward.percent <= 100:
        yield say("an amount is not below zero, and a percentage goes from 1 to 100")
        return
    amount, percent = reward.amount_minor > 0, reward.percent > 0
    if reward.kind in (Kind.AMOUNT, Kind.GIFT_CARD, Kind.STORE_CREDIT) and (not amount or percent):
        yield say("it is worth an amount, and no percentage")
    if reward.kind == Kind.PERCENTAGE and (amount or not percent):
        yield say("it is worth a percentage from 1 to 100, and no amount")
    if reward.kind == Kind.FREE_SHIPPING and (amount or percent):
        yield say("it is worth what the shipping costs: it names no amount and no percentage")
    if reward.kind == Kind.PRODUCT and amount == percent:
        yield say("it takes either an amount or a percentage off its goods")
    elif reward.kind == Kind.PRODUCT and reward.percent == 100:
        # The platform counts uses of a code and not pieces: 100 % would make a whole basket of them free.
        yield say("100 % would make every piece in the basket free: name the price of one piece as its amount")
    if reward.kind == Kind.CUSTOM and (amount or percent):
        yield say("what it is worth stands in its title: it names no amount and no percentage")
    most = reward.most_shipping_minor
    if most is not None and (reward.kind != Kind.FREE_SHIPPING or not 1 <= most <= MOST_MINOR):
        yield say("only free shipping has a highest price of shipping, and that is above zero")


def _days(reward: Reward) -> Iterator[str]:
    if reward.kind == Kind.GIFT_CARD:
        if not 0 <= reward.code_days <= MONEY_DAYS:
            yield say("a gift card ends after 1 to %(most)s days, or never (0)", most=MONEY_DAYS)
    elif reward.kind == Kind.STORE_CREDIT:
        # Its end is what we recognise a credit by, if the store's answer is lost (decision 25).
        if not 1 <= reward.code_days <= MONEY_DAYS:
            yield say("store credit ends after 1 to %(most)s days", most=MONEY_DAYS)
    elif not 1 <= reward.code_days <= CODE_DAYS:
        yield say("its code works for 1 to %(most)s days", most=CODE_DAYS)


def _conditions(reward: Reward) -> Iterator[str]:
    if not 0 <= reward.minimum_minor <= MOST_MINOR or not 0 <= reward.minimum_quantity <= 1_000_000:
        yield say("what a basket must come to is not below zero")
    if reward.minimum_minor and reward.minimum_quantity:
        yield say("it asks for a least spend or for a least number of pieces: the store takes only one of them")
    asks = reward.minimum_minor or reward.minimum_quantity or any(reward.combines)
    if reward.handed_over and asks:
        yield say("it is handed over as money: it asks for no basket and combines with everything")
    if reward.kind == Kind.FREE_SHIPPING and reward.combines.shipping:
        yield say("free shipping cannot be combined with another shipping discount")


def _choices(reward: Reward) -> Iterator[str]:
    if not 0 <= reward.stock <= MOST_POINTS:
        yield say("there are as many of it as its stock says, or 0 for no end of them")
    if not 1 <= reward.most_steps <= MOST_STEPS:
        yield say("a shopper buys from 1 to %(most)s of it as one", most=MOST_STEPS)
    elif reward.most_steps > 1 and reward.kind not in IN_STEPS:
        yield say("only what is worth an amount can be bought as several of it")
    elif reward.points * reward.most_steps > MOST_POINTS or reward.amount_minor * reward.most_steps > MOST_MINOR:
        yield say("so many of it are worth more than any order")
    if not 0 <= reward.most_share <= 100:
        yield say("its share of a basket goes from 1 to 100 percent, or is 0 for no matter")
    elif reward.most_share and reward.kind != Kind.AMOUNT:
        yield say("only an amount off an order has a share of the basket that it may take")
    elif reward.most_share and reward.minimum_quantity:
        yield say(
            "its share of a basket is kept by a least spend, and it asks for pieces: the store takes only one of them"
        )


def _named_goods(reward: Reward) -> Iterator[str]:
    goods = reward.goods
    named = (*goods.products, *goods.variants, *goods.collections)
    if reward.kind == Kind.PRODUCT and not named:
        yield say("it names the products, variants or collections that it is for")
    if reward.kind != Kind.PRODUCT and named:
        yield say("only a product reward names goods")
    if goods.collections and (goods.products or goods.variants):
        yield say("it names either collections, or products and variants")
    if len(named) > MOST_GOODS:
        yield say("it names at most %(most)s goods", most=MOST_GOODS)
    if not all(one.isascii() and one.isdigit() and len(one) < 20 for one in named):
        yield say("goods go by the store's own numbers")
