"""Settling what orders earn: for their buyers, and for those who are awarded something for somebody else's order.

What is owed (rules), what is booked (records), append the gap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from engine import announcements, outbox
from engine.mirror import Accepted
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Lot, Owed
from loyalty.service import contests
from loyalty.service.asking import CODE_PREFIX
from loyalty.service.merging import merge
from loyalty.service.program import DOMAIN, Program
from loyalty.service.redemptions import end_codes, settle_redemptions


@dataclass(frozen=True, slots=True)
class Award:
    """Points owed to somebody for an order that is not theirs:

    for a friend's, say. `points` is the whole amount owed now, not a step.
    """

    customer_id: CustomerId
    order_id: OrderId
    points: int
    available_at: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class _Gap:
    """The difference between what a customer is owed for an order and what is booked."""

    customer_id: CustomerId
    order_id: OrderId
    points: int
    kinds: tuple[str, str]
    key: str
    terms_version: int
    sentence: str
    available_at: datetime


def settle_orders(work: UnitOfWork, accepted: Accepted) -> None:
    """Bring the ledger to what these orders have earned, and redemptions to what their codes have bought.

    Merged customers first, so that their orders find their lots with the one who was kept.
    """
    merge(work, accepted.merges)
    outbox.follow(work, accepted, DOMAIN)
    orders = [order for order in accepted.orders if order.customer_id is not None]
    if orders:
        debts = _lock(work, [o.customer_id for o in orders if o.customer_id])
        program, booked = Program.of(work), records.booked(work, [o.order_id for o in orders])
        _close_gaps(
            work, [gap for order in orders if (gap := order_gap(program, order, booked.get(order.order_id)))], debts
        )
        contests.make_tickets(work, orders)
    if codes := {code for order in accepted.orders for code in order.discount_codes if code.startswith(CODE_PREFIX)}:
        settle_redemptions(work, records.lock_redemptions(work, sorted(codes)))
    if accepted.ended_codes:
        end_codes(work, accepted.ended_codes)


def _lock(work: UnitOfWork, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, int]:
    """Hold everybody whose points may move, before anything is read that decides by how much.

    Answers with what each owes.
    """
    return {
        customer_id: row.debt for customer_id, row in records.lock_balances(work, sorted(set(customer_ids))).items()
    }


def order_gap(program: Program, order: Order, booked: records.Booked | None) -> _Gap | None:
    # A refund is reckoned by the rule that paid: an order that has entries keeps the terms of the first.
    agreed = program.by_version(booked.terms_version) if booked else program.for_order(order)
    due: Owed = rules.owed(order, agreed)
    points = due.points - (booked.points if booked else 0)
    if points == 0:
        return None
    assert order.customer_id is not None
    return _Gap(
        order.customer_id, order.order_id, points, ("earn", "clawback"), f"order:{order.order_id}:v{order.version}",
        agreed.version, f"{order.name}: {due.sentence}", order.placed_at + timedelta(days=agreed.hold_days),
    )  # fmt: skip


def settle_awards(work: UnitOfWork, awards: Sequence[Award]) -> None:
    """Bring the ledger to what `awards` say is owed. Each is the whole of what its order brings that customer, and
    no two are of the same order and customer.
    """
    if not awards:
        return
    debts = _lock(work, [award.customer_id for award in awards])
    booked, version = records.awarded(work, [a.order_id for a in awards]), Program.of(work).current.version
    gaps = list[_Gap]()
    for award in awards:
        before = booked.get((award.order_id, award.customer_id), records.Booked(0, version, 0))
        if points := award.points - before.points:
            key = f"award:{award.order_id}:{award.customer_id}:{before.entries}"
            gaps.append(
                _Gap(
                    award.customer_id,
                    award.order_id,
                    points,
                    ("award", "award_back"),
                    key,
                    version,
                    award.sentence,
                    award.available_at,
                )
            )
    _close_gaps(work, gaps, debts)


def _close_gaps(work: UnitOfWork, gaps: Sequence[_Gap], debts: dict[CustomerId, int]) -> None:
    entries = list[Entry]()
    gains = [gap for gap in gaps if gap.points > 0]
    for gap, lot_id in zip(gains, records.new_lot_ids(work, len(gains)), strict=True):
        entries += _earn(gap, lot_id, debts)
    records.append(work, entries)
    announcements.announce(work, [_earned(gap) for gap in gains])
    losses = [gap for gap in gaps if gap.points < 0]
    lots = _by_customer(records.open_lots(work, sorted({gap.customer_id for gap in losses})))
    entries = []
    for gap in losses:
        taken = rules.draw_for_clawback(lots[gap.customer_id], gap.order_id, -gap.points)
        lots[gap.customer_id] = rules.less(lots[gap.customer_id], taken)
        entries += [_movement(gap, gap.kinds[1], draw.lot_id, -draw.points) for draw in taken]
    records.append(work, entries)


def _earn(gap: _Gap, lot_id: int, debts: dict[CustomerId, int]) -> list[Entry]:
    """A new lot; where the customer owes points, it repays them first."""
    entries = [_movement(gap, gap.kinds[0], lot_id, gap.points)]
    repaid = min(debts[gap.customer_id], gap.points)
    if repaid > 0:
        debts[gap.customer_id] -= repaid
        entries.append(_movement(gap, "repay", lot_id, -repaid))
        entries.append(_movement(gap, "repay", None, repaid))
    return entries


def _earned(gap: _Gap) -> announcements.Happening:
    # News until their hold has long been over: what a history earned years ago is none.
    return announcements.Happening(
        announcements.What.POINTS_EARNED, f"{gap.customer_id}:{gap.key}", gap.customer_id, gap.available_at,
        {"points": gap.points, "reason": gap.sentence},
    )  # fmt: skip


def _movement(gap: _Gap, kind: str, lot_id: int | None, points: int) -> Entry:
    # A fresh lot's number is no part of the key: it would differ between two tries at the same gap.
    which = "" if kind == gap.kinds[0] else ":debt" if lot_id is None else ":lot" if kind == "repay" else f":{lot_id}"
    return Entry(
        customer_id=gap.customer_id, kind=kind, points=points, lot_id=lot_id, order_id=gap.order_id,
        idempotency_key=f"{gap.key}:{kind}{which}", terms_version=gap.terms_version, sentence=gap.sentence,
        available_at=gap.available_at,
    )  # fmt: skip


def _by_customer(lots: Iterable[Lot]) -> dict[CustomerId, list[Lot]]:
    grouped = defaultdict[CustomerId, list[Lot]](list)
    for lot in lots:
        grouped[lot.customer_id].append(lot)
    return grouped
