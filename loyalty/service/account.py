"""Reading the books: a customer's balance and statement, and what the shop owes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from engine import mirror
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Lot, Owed, Reward, Terms
from loyalty.service import expiry
from loyalty.service.buying import closed, tiers_for
from loyalty.service.earning import order_dues
from loyalty.service.program import Program

# How many of the newest orders are looked through for those that earned nothing: a page, not a report.
UNEARNED_AMONG = 2_000
# Redemptions of an account: the newest, and however old, what can be used. Nobody has bought a hundred and used none.
NEWEST_SHOWN, MOST_SHOWN = 20, 100


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
    """Newest first: the newest, and all that can still be used."""
    sold_out: frozenset[str] = frozenset()
    """Keys of rewards that the customer has had as often as one customer may, or of which none is left."""
    expiring: Sequence[tuple[datetime, int]] = ()
    """Points that will expire, by the instant, soonest first, if nothing happens until then."""
    closed: Mapping[str, str] = field(default_factory=dict)
    """Of rewards that this customer's tier does not open, by key: why not. What no visible tier opens is not shown."""
    lots: Sequence[Lot] = ()
    """What is left of the points earned together, each with its days."""


@dataclass(frozen=True, slots=True)
class BalanceThen:
    """A customer's points as they were at an instant: `points` is the sum of their statement up to then."""

    points: int
    spendable: int
    pending: int
    held: int
    debt: int


def account(work: UnitOfWork, customer_id: CustomerId) -> Balance:
    """What the customer has and can buy with it."""
    points, held, debt = records.balance(work, customer_id)
    program = Program.of(work)
    lots = expiry.dated(work, program, records.open_lots(work, [customer_id]))
    pending = sum(lot.remaining for lot in lots if lot.available_at > work.now)
    rewards, shut = _open_to(work, program.current, customer_id)
    bought, sold = records.bought(work, customer_id, rewards), records.sold(work, rewards)
    return Balance(
        points, rules.spendable(lots, debt, work.now), pending, held, debt, rewards,
        records.redemptions_shown(work, customer_id, NEWEST_SHOWN, MOST_SHOWN),
        frozenset(
            r.key for r in rewards
            if not rules.left_to_buy(r, bought.get(r.key, ()), work.now) or (r.stock and sold.get(r.key, 0) >= r.stock)
        ),
        _expiring(lots, work.now), shut, lots,
    )  # fmt: skip


def _open_to(work: UnitOfWork, terms: Terms, customer_id: CustomerId) -> tuple[Sequence[Reward], dict[str, str]]:
    """The rewards that a customer is shown, and why some of them are not for them."""
    tier = tiers_for(work, [customer_id], terms.rewards).get(customer_id)
    why: dict[str, str] = {r.key: refusal.message for r in terms.rewards if (refusal := closed(r, tier, terms.tiers))}
    return [r for r in terms.rewards if r.key not in why or r.levels(terms.tiers)], why


def shown_to_all(terms: Terms) -> Sequence[Reward]:
    """The rewards that anybody is shown: not those of hidden tiers alone."""
    return [r for r in terms.rewards if r.is_for(None, terms.tiers) or r.levels(terms.tiers)]


def _expiring(lots: Sequence[Lot], at: datetime) -> Sequence[tuple[datetime, int]]:
    ends = defaultdict[datetime, int](int)
    for lot in lots:
        if lot.expires_at is not None and lot.expires_at > at:
            ends[lot.expires_at] += lot.remaining
    return sorted(ends.items())


def balance_at(work: UnitOfWork, customer_id: CustomerId, at: datetime) -> BalanceThen:
    """The customer's points as they were at `at`, from the entries that had been written by then."""
    sums = [(row, int(row.points)) for row in records.as_of(work, customer_id, at)]
    own = [(row, points) for row, points in sums if row.account == "points"]
    debt = -sum(points for row, points in own if row.lot_id is None)
    lots = [
        Lot(row.lot_id, customer_id, None, points, row.available_at, row.expires_at)
        for row, points in own
        if row.lot_id is not None and points
    ]
    return BalanceThen(
        sum(points for _, points in own), rules.spendable(lots, debt, at),
        sum(lot.remaining for lot in lots if lot.available_at > at),
        sum(points for row, points in sums if row.account == "held"), debt,
    )  # fmt: skip


def redemption(work: UnitOfWork, customer_id: CustomerId, redemption_id: int) -> Any:
    """A redemption of this customer, as `Balance.redemptions` has it; None where they have none of that number."""
    return records.redemption_of(work, customer_id, redemption_id)


def redemptions(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    """The newest redemptions of this customer, as `Balance.redemptions` has the first of them."""
    return records.redemptions_of(work, customer_id, limit)


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


def entries(work: UnitOfWork, customer_id: CustomerId, before: int, limit: int) -> Sequence[Any]:
    """A page of the same movements, those with numbers below `before`: also entry_id, expires_at, lot_id, receipt
    and order_external_id.
    """
    return records.entries_before(work, customer_id, before, limit)


def unearned_of(work: UnitOfWork, customer_id: CustomerId, before: int, limit: int) -> list[tuple[Order, Owed]]:
    """A page of a customer's orders that never earned anything, with numbers of ours below `before`, newest first,
    each with its reason.
    """
    return _explained(work, records.unearned_before(work, customer_id, before, limit))


def earned(work: UnitOfWork, customer_id: CustomerId, order_external_id: str) -> int | None:
    """The points that an order, by the store's number, brought this customer; None while it has not reached us."""
    return records.earned(work, customer_id, order_external_id)


def explain(work: UnitOfWork, order_ids: Sequence[OrderId]) -> dict[OrderId, Owed]:
    """Of each order what it earns and why, or why it earns nothing: points, the sentence, and its receipt."""
    return order_dues(work, Program.of(work), mirror.load(work, order_ids), records.booked(work, order_ids))


def unearned(work: UnitOfWork, limit: int) -> list[tuple[Order, Owed]]:
    """Of the newest orders those that never earned anything, newest first, each with its reason.

    One that is to earn as soon as it is settled again says what for.
    """
    return _explained(work, records.unearned(work, UNEARNED_AMONG, limit))


def _explained(work: UnitOfWork, order_ids: Sequence[OrderId]) -> list[tuple[Order, Owed]]:
    why = explain(work, order_ids)
    orders = sorted(mirror.load(work, order_ids), key=lambda order: order.order_id, reverse=True)
    return [(order, why[order.order_id]) for order in orders]


def explain_order(work: UnitOfWork, customer_id: CustomerId, order_external_id: str) -> Owed | None:
    """The same of one order of a customer, by the store's number; None where they have no such order."""
    order_id = records.order_of(work, customer_id, order_external_id)
    return explain(work, [order_id])[order_id] if order_id is not None else None


def points_outstanding(work: UnitOfWork) -> Any:
    """Points that the shop owes its customers: `points` with them, `held` for codes."""
    return records.outstanding(work)
