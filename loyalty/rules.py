"""The rules of the program: what an order is worth in points, which lots a movement draws on, and what a redemption
ought to hold.

Values in, values out. Points are whole; they are rounded once, where they are made, downwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from commerce.ids import CustomerId, OrderId
from commerce.money import Money, exponent
from commerce.orders import Order


@dataclass(frozen=True, slots=True)
class Reward:
    """Something that points buy: here, an amount off one order. The code works for `code_days` days."""

    key: str
    title: str
    points: int
    amount_minor: int
    minimum_minor: int
    code_days: int


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

    def __post_init__(self) -> None:
        if self.points < 0 or self.per_minor < 1:
            raise ValueError("points per amount: no fewer than 0 points, for at least one minor unit")
        if not 0 <= self.hold_days <= 365:
            raise ValueError("points are held from 0 to 365 days")
        if any(r.points < 1 or r.amount_minor < 1 or r.code_days < 1 for r in self.rewards):
            raise ValueError(
                "a reward costs at least one point, is worth something, and its code works for at least a day"
            )

    @classmethod
    def read(cls, version: int, body: Mapping[str, Any]) -> Terms:
        rewards = tuple(Reward(**reward) for reward in body["rewards"])
        return cls(version, body["currency"], body["points"], body["per_minor"], body["hold_days"], rewards)

    def reward(self, key: str) -> Reward | None:
        return next((reward for reward in self.rewards if reward.key == key), None)


def proposal(currency: str) -> dict[str, Any]:
    """The program that a shop starts with:

    one point for each whole unit, a reward of five units for a hundred points.
    """
    unit = 10 ** exponent(currency)
    five_off = Reward("five-off", f"{Money(5 * unit, currency)} off", 100, 5 * unit, 0, 30)
    return {
        "currency": currency,
        "points": 1,
        "per_minor": unit,
        "hold_days": 14,
        "rewards": [{name: getattr(five_off, name) for name in Reward.__slots__}],
    }


@dataclass(frozen=True, slots=True)
class Owed:
    """What an order is worth: the points, and the sentence that says why."""

    points: int
    sentence: str


def owed(order: Order, terms: Terms) -> Owed:
    """The points that `order` has earned its customer, as it stands:

    for goods kept, of a real order that is paid and not cancelled.
    """
    if reason := _nothing(order, terms):
        return Owed(0, f"no points: {reason}")
    points = order.kept_minor * terms.points // terms.per_minor
    kept, each = Money(order.kept_minor, terms.currency), Money(terms.per_minor, terms.currency)
    return Owed(points, f"{points} points for {kept} of goods kept, at {terms.points} for each {each}")


def _nothing(order: Order, terms: Terms) -> str | None:
    if order.test:
        return "a test order"
    if order.cancelled:
        return "the order was cancelled"
    if not order.paid:
        return "the order is not paid"
    if order.currency != terms.currency:
        return f"the order is in {order.currency} and the program in {terms.currency}"
    return None if order.kept_minor else "no goods were kept"


def terms_for(versions: Sequence[Terms], published: Sequence[datetime], placed_at: datetime) -> Terms:
    """The terms in force when an order was placed; for orders older than the program, its first."""
    chosen = versions[0]
    for terms, instant in zip(versions, published, strict=True):
        if instant <= placed_at:
            chosen = terms
    return chosen


@dataclass(frozen=True, slots=True)
class Lot:
    """Points earned together: what is left of them, and from when to when they can be spent."""

    lot_id: int
    customer_id: CustomerId
    order_id: OrderId | None
    remaining: int
    available_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Draw:
    """Points taken from one lot, or from none: then the customer owes them, and the next lot repays it."""

    lot_id: int | None
    points: int


def spendable(lots: Iterable[Lot], debt: int, at: datetime) -> int:
    """Points that can be spent at `at`: in lots that are neither held back nor expired, less what is owed."""
    return max(0, sum(lot.remaining for lot in lots if _open(lot, at)) - debt)


def draw_for_reward(lots: Iterable[Lot], points: int, at: datetime) -> list[Draw]:
    """Take `points` from the lots that can be spent, soonest to expire first, then the oldest."""
    return _draw(sorted((lot for lot in lots if _open(lot, at)), key=_soonest), points)


def draw_for_clawback(lots: Iterable[Lot], order_id: OrderId, points: int) -> list[Draw]:
    """Take back `points` that `order_id` no longer earns:

    from its own lots first, then the soonest to expire, then into debt.
    """
    return _draw(sorted(lots, key=lambda lot: (lot.order_id != order_id, *_soonest(lot))), points)


def _draw(lots: Iterable[Lot], points: int) -> list[Draw]:
    draws = list[Draw]()
    for lot in lots:
        if points and lot.remaining > 0:
            taken = min(points, lot.remaining)
            draws.append(Draw(lot.lot_id, taken))
            points -= taken
    if points:
        draws.append(Draw(None, points))
    return draws


def _open(lot: Lot, at: datetime) -> bool:
    return lot.available_at <= at and (lot.expires_at is None or at < lot.expires_at)


def _soonest(lot: Lot) -> tuple[bool, datetime, int]:
    return (lot.expires_at is None, lot.expires_at or lot.available_at, lot.lot_id)


# An order may reach us some time after it was placed: a code is taken for unused only this long after it stopped
# working.
LATE_ORDERS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Redemption:
    """One purchase of a reward, with the facts that decide what becomes of its points."""

    redemption_id: int
    customer_id: CustomerId
    points: int
    code: str
    expires_at: datetime
    refused: bool
    used_by: OrderId | None
    """The standing order that carries the code; a cancelled one does not count."""
    returned: bool
    """The order that carried the code was cancelled: the store takes the code for spent, so the points go back."""
    ended: bool = False
    """The merchant ended or deleted the code in the store before its time."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the ledger ought to say of a redemption:

    points taken from the customer's lots, and points held aside for the code.
    """

    taken: int
    held: int
    what: str


def target(redemption: Redemption, at: datetime) -> Target:
    """Held while the code may be used, gone when it was, back with the customer when it died unused."""
    if redemption.used_by is not None:
        return Target(redemption.points, 0, "used")
    if redemption.refused:
        return Target(0, 0, "the store refused the code")
    if redemption.returned:
        return Target(0, 0, "the order was cancelled")
    if redemption.ended:
        return Target(0, 0, "the merchant ended the code")
    if redemption.expires_at + LATE_ORDERS <= at:
        return Target(0, 0, "the code was not used")
    return Target(redemption.points, redemption.points, "held")
