"""The rules of points: by which terms an order is reckoned, and which lots a movement draws on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from commerce.ids import CustomerId, OrderId
from loyalty.rules.terms import Terms


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


def draw_for_clawback(
    lots: Iterable[Lot], own: Collection[int], points: int, *, pending_at: datetime | None = None
) -> list[Draw]:
    """Take back `points` that are no longer owed: from the lots that are their `own`, then the soonest to expire, then
    into debt. `pending_at`: only from lots that cannot be spent yet at that instant.

    What an order earned its buyer and what somebody was awarded for it are not each other's, though one person may
    have both for a while.
    """
    if pending_at is not None:
        lots = [lot for lot in lots if lot.available_at > pending_at]
    return _draw(sorted(lots, key=lambda lot: (lot.lot_id not in own, *_soonest(lot))), points)


def draw_in_turn(lots: Iterable[Lot], points: int, first: int | None = None) -> list[Draw]:
    """Take `points` out of lots: out of `first` if it is named, then the soonest to expire, then into debt."""
    return _draw(sorted(lots, key=lambda lot: (lot.lot_id != first, *_soonest(lot))), points)


def less(lots: Iterable[Lot], draws: Iterable[Draw]) -> list[Lot]:
    """The lots as `draws` leave them."""
    taken = {draw.lot_id: draw.points for draw in draws}
    return [replace(lot, remaining=lot.remaining - taken.get(lot.lot_id, 0)) for lot in lots]


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
