"""Reading the books: a customer's balance and statement, what the shop owes, and the proof that all of it is right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commerce.ids import CustomerId
from engine import mirror
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Lot, Reward
from loyalty.service import expiry
from loyalty.service.earning import order_gaps
from loyalty.service.program import Program


@dataclass(frozen=True, slots=True)
class Balance:
    """A customer's points at one instant: `spendable` now, `pending` until their hold ends, `held` for codes not used
    yet.

    `points` is what is with the customer, pending included and debt taken off: the sum of their statement.
    """

    points: int
    spendable: int
    pending: int
    held: int
    debt: int
    rewards: Sequence[Reward]
    redemptions: Sequence[Any]
    sold_out: frozenset[str] = frozenset()
    """Keys of rewards that the customer has had as often as one customer may, or of which none is left."""
    expiring: Sequence[tuple[datetime, int]] = ()
    """Points that will expire, by the instant, soonest first, if nothing happens until then."""


def account(work: UnitOfWork, customer_id: CustomerId) -> Balance:
    """What the customer has and can buy with it."""
    points, held, debt = records.balance(work, customer_id)
    program = Program.of(work)
    lots = expiry.dated(work, program, records.open_lots(work, [customer_id]))
    pending = sum(lot.remaining for lot in lots if lot.available_at > work.now)
    rewards = program.current.rewards
    bought, sold = records.bought(work, customer_id, rewards), records.sold(work, rewards)
    return Balance(
        points, rules.spendable(lots, debt, work.now), pending, held, debt, rewards,
        records.redemptions_of(work, customer_id, 20),
        frozenset(
            r.key for r in rewards
            if not rules.left_to_buy(r, bought.get(r.key, ()), work.now) or (r.stock and sold.get(r.key, 0) >= r.stock)
        ),
        _expiring(lots, work.now),
    )  # fmt: skip


def _expiring(lots: Sequence[Lot], at: datetime) -> Sequence[tuple[datetime, int]]:
    ends = defaultdict[datetime, int](int)
    for lot in lots:
        if lot.expires_at is not None and lot.expires_at > at:
            ends[lot.expires_at] += lot.remaining
    return sorted(ends.items())


def pending(work: UnitOfWork, customer_id: CustomerId) -> Sequence[tuple[datetime, int]]:
    """The customer's points that cannot be spent yet, by the instant from which they can, soonest first."""
    later = defaultdict[datetime, int](int)
    for lot in records.open_lots(work, [customer_id]):
        if lot.available_at > work.now:
            later[lot.available_at] += lot.remaining
    return sorted(later.items())


def statement(work: UnitOfWork, customer_id: CustomerId, limit: int = 100) -> Sequence[Any]:
    """The customer's movements of points, newest first:

    kind, points, sentence, available_at, recorded_at, terms_version, order_name.
    """
    return records.statement(work, customer_id, limit)


def earned(work: UnitOfWork, customer_id: CustomerId, order_external_id: str) -> int | None:
    """The points that an order, by the store's number, brought this customer; None while it has not reached us."""
    return records.earned(work, customer_id, order_external_id)


def points_outstanding(work: UnitOfWork) -> Any:
    """Points that the shop owes its customers: `points` with them, `held` for codes."""
    return records.outstanding(work)


VERIFY_PAGE = 500
VERIFY_MOST = 20


def verify(work: UnitOfWork) -> list[str]:
    """Prove the books: lots and balances equal the sums of the entries, and every order has earned what the rules say.

    Answers with a sentence for each thing that is wrong, `VERIFY_MOST` at most; none means that the books are right.
    """
    faults = [
        f"lot {row.lot_id} holds {row.remaining} points, its entries say {row.points}"
        for row in records.lots_out_of_step(work, VERIFY_MOST)
    ]
    faults += [
        f"customer {row.customer_id} has {row.points} points, {row.held} held, {row.debt} owed; the entries say "
        f"{row.entry_points}, {row.entry_held}, {row.entry_debt}"
        for row in records.balances_out_of_step(work, VERIFY_MOST)
    ]
    program, after = Program.of(work), 0
    while len(faults) < VERIFY_MOST and (page := records.next_orders(work, after, VERIFY_PAGE)):
        after = page[-1]
        booked = records.booked(work, page)
        gaps = order_gaps(work, program, mirror.load(work, page), booked)
        faults += [f"order {gap.order_id} is {gap.points} points short: {gap.sentence}" for gap in gaps]
    return faults[:VERIFY_MOST]
