"""Closing the gap between what is owed and what the ledger says: new lots for what is missing, points taken back from
lots for what is too much. Orders, awards and deeds all end here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from commerce.ids import CustomerId, OrderId
from commerce.sayings import say
from engine import announcements
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Debt, Draw, Lot
from loyalty.service import expiry
from loyalty.service.program import Program

# The kind of entry by which a merchant's batch gives and takes: both ways are of the one kind.
BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference between what a customer is owed for an order and what is booked."""

    customer_id: CustomerId
    order_id: OrderId | None
    points: int
    kinds: tuple[str, str]
    key: str
    terms_version: int
    sentence: str
    available_at: datetime
    receipt: Mapping[str, Any] | None = None
    debt: Debt = Debt.ALLOW
    forgiven: int = 0
    """Points of this order that could not be taken back once and were let go: they are owed first."""
    expires_at: datetime | None = None
    quiet: bool = False
    """Whether nobody is told of it: what a merchant gives to thousands is no news of each."""


def lock(work: UnitOfWork, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, int]:
    """Hold everybody whose points may move, before anything is read that decides by how much.

    Answers with what each owes.
    """
    return {
        customer_id: row.debt for customer_id, row in records.lock_balances(work, sorted(set(customer_ids))).items()
    }


def close_gaps(work: UnitOfWork, program: Program, gaps: Sequence[Gap], debts: dict[CustomerId, int]) -> list[Entry]:
    """Book what is missing, and take back what is too much. The balances are locked; `debts` is what each owes.

    Answers with what was written.
    """
    entries = list[Entry]()
    gains = [gap for gap in gaps if gap.points > 0]
    ends = expiry.for_new_lots(work, program, [(gap.customer_id, gap.available_at) for gap in gains])
    gains = [gap if end is None else replace(gap, expires_at=end) for gap, end in zip(gains, ends, strict=True)]
    for gap, lot_id in zip(gains, records.new_lot_ids(work, len(gains)), strict=True):
        entries += _earn(gap, lot_id, debts)
    records.append(work, entries)
    announcements.announce(work, [_earned(gap) for gap in gains if not gap.quiet])
    return entries + _take_back(work, program, [gap for gap in gaps if gap.points < 0])


def _take_back(work: UnitOfWork, program: Program, losses: Sequence[Gap]) -> list[Entry]:
    if not losses:
        return []
    lots = _by_customer(records.open_lots(work, sorted({gap.customer_id for gap in losses})))
    of_orders = {(gap.customer_id, gap.order_id): -gap.points for gap in losses if gap.order_id is not None}
    over = expiry.taken_from_expired(work, program, of_orders)
    own = records.lots_of_orders(work, sorted({order_id for _, order_id in of_orders}))
    entries = list[Entry]()
    for gap in losses:
        kind = "earn" if gap.kinds[0] == BATCH else gap.kinds[0]
        made = own.get((gap.order_id, kind), set()) if gap.order_id is not None else set[int]()
        # What expired comes back for a moment, and goes as the order's points go: nobody owes what they lost.
        gone = over.get((gap.customer_id, gap.order_id), []) if gap.order_id is not None else []
        entries += [_movement(gap, "expire", draw.lot_id, draw.points) for draw in gone]
        missing = -gap.points - sum(draw.points for draw in gone)
        pending_at = work.now if gap.debt == Debt.PENDING else None
        taken = rules.draw_for_clawback(lots[gap.customer_id], made, missing, pending_at=pending_at)
        lots[gap.customer_id] = rules.less(lots[gap.customer_id], taken)
        draws = Counter[int | None]()
        for draw in [*gone, *taken]:
            draws[draw.lot_id] += draw.points
        for lot_id, points in draws.items():
            entries += _clawback(gap, Draw(lot_id, points))
    records.append(work, entries)
    return entries


def _clawback(gap: Gap, draw: Draw) -> list[Entry]:
    """Points taken back. Where the terms let nobody owe, what is not there is let go, and the books say so: taken from
    the customer, and put back by the shop.
    """
    entries = [_movement(gap, gap.kinds[1], draw.lot_id, -draw.points)]
    if draw.lot_id is None and gap.debt != Debt.ALLOW:
        entries.append(
            _movement(
                gap, "adjust", None, draw.points, say("%(points)s points were spent and are let go", points=draw.points)
            )
        )
    return entries


def _earn(gap: Gap, lot_id: int, debts: dict[CustomerId, int]) -> list[Entry]:
    """A new lot; where the customer owes points, it repays them first."""
    entries = [_movement(gap, gap.kinds[0], lot_id, gap.points)]
    again = min(gap.forgiven, gap.points)
    if again > 0:
        entries.append(
            _movement(gap, "adjust", lot_id, -again, say("%(again)s points that were let go are settled", again=again))
        )
    repaid = min(debts[gap.customer_id], gap.points - again)
    if repaid > 0:
        debts[gap.customer_id] -= repaid
        entries.append(_movement(gap, "repay", lot_id, -repaid))
        entries.append(_movement(gap, "repay", None, repaid))
    return entries


def _earned(gap: Gap) -> announcements.Happening:
    # News until their hold has long been over: what a history earned years ago is none.
    return announcements.Happening(
        announcements.What.POINTS_EARNED, f"{gap.customer_id}:{gap.key}", gap.customer_id, gap.available_at,
        {"points": gap.points, "reason": gap.sentence},
    )  # fmt: skip


def _movement(gap: Gap, kind: str, lot_id: int | None, points: int, sentence: str = "") -> Entry:
    # A fresh lot's number is no part of the key: it would differ between two tries at the same gap.
    which = (
        ""
        if kind == gap.kinds[0] and points > 0
        else ":debt"
        if lot_id is None
        else ":lot"
        if kind in ("repay", "adjust")
        else f":{lot_id}"
    )
    return Entry(
        customer_id=gap.customer_id, kind=kind, points=points, lot_id=lot_id, order_id=gap.order_id,
        idempotency_key=f"{gap.key}:{kind}{which}", terms_version=gap.terms_version, sentence=sentence or gap.sentence,
        available_at=gap.available_at if kind in gap.kinds else None,
        expires_at=gap.expires_at if kind == gap.kinds[0] else None,
        receipt=gap.receipt if kind in gap.kinds else None,
    )  # fmt: skip


def _by_customer(lots: Iterable[Lot]) -> dict[CustomerId, list[Lot]]:
    grouped = defaultdict[CustomerId, list[Lot]](list)
    for lot in lots:
        grouped[lot.customer_id].append(lot)
    return grouped
