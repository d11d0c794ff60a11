"""The rules of points: what an order is worth, and which lots a movement draws on.

Points are whole; they are rounded once, where they are made, downwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from loyalty.rules import receipts
from loyalty.rules.receipts import Reason, Receipt
from loyalty.rules.terms import Terms


@dataclass(frozen=True, slots=True)
class Owed:
    """What an order is worth: the points, the sentence that says why, and the receipt that the sentence is made of."""

    points: int
    sentence: str
    receipt: Receipt = receipts.NOTHING


def owed(order: Order, terms: Terms) -> Owed:
    """The points that `order` has earned its customer, as it stands:

    for goods kept, of a real order that is paid and not cancelled.
    """
    if reason := nothing(order, terms):
        receipt = Receipt(
            reason=reason, currency=order.currency, program_currency=terms.currency, version=terms.version
        )
        return Owed(0, receipts.sentence(0, receipt), receipt)
    points = order.kept_minor * terms.points // terms.per_minor
    receipt = Receipt(
        reason=None if points else Reason.TOO_LITTLE, currency=terms.currency, kept_minor=order.kept_minor,
        points=terms.points, per_minor=terms.per_minor, rounding="down", version=terms.version,
    )  # fmt: skip
    return Owed(points, receipts.sentence(points, receipt), receipt)


def unowned(due: Owed) -> Owed:
    """The same of an order that has no customer: what it would have earned waits for one."""
    if not due.points:
        return due
    receipt = Receipt(reason=Reason.GUEST)
    return Owed(0, receipts.sentence(0, receipt), receipt)


def nothing(order: Order, terms: Terms) -> Reason | None:
    """Why an order earns nothing whatever its goods are; None where it may earn."""
    if order.test:
        return Reason.TEST
    if order.cancelled:
        return Reason.CANCELLED
    if not order.paid:
        return Reason.UNPAID
    if order.currency != terms.currency:
        return Reason.CURRENCY
    return None if order.kept_minor else Reason.NOTHING_KEPT


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


def less(lots: Iterable[Lot], draws: Iterable[Draw]) -> list[Lot]:
    """The lots as they are once `draws` were taken from them."""
    taken = {draw.lot_id: draw.points for draw in draws}
    return [replace(lot, remaining=lot.remaining - taken[lot.lot_id]) if lot.lot_id in taken else lot for lot in lots]


def _open(lot: Lot, at: datetime) -> bool:
    return lot.available_at <= at and (lot.expires_at is None or at < lot.expires_at)


def _soonest(lot: Lot) -> tuple[bool, datetime, int]:
    return (lot.expires_at is None, lot.expires_at or lot.available_at, lot.lot_id)
