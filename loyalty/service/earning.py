"""Settling what orders earn: for their buyers, and for those who are awarded something for somebody else's order.

What is owed (rules), what is booked (records), append the gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commerce.events import CustomerFact
from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from engine import mirror, outbox
from engine.facts import JOINED
from engine.mirror import Accepted
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import CODE_PREFIX, Measure, Members, Owed, Receipt, Terms
from loyalty.service import contests, tiers
from loyalty.service.actions import settle_deeds
from loyalty.service.booking import Gap, close_gaps, lock
from loyalty.service.grounds import ACCOUNT, no_tiers, reckoner
from loyalty.service.merging import merge
from loyalty.service.owners import follow
from loyalty.service.program import DOMAIN, Program
from loyalty.service.redemptions import end_codes, settle_redemptions

# A person with more orders than this is a till; the reconciliation finds what is left.
MOST_ORDERS = 5_000
# The smallest step of the database's instants.
_MOMENT = timedelta(microseconds=1)


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


def settle_orders(work: UnitOfWork, accepted: Accepted) -> None:
    """Bring the ledger to what these orders have earned, and redemptions to what their codes have bought.

    Merged customers first, so that their orders find their lots with the one who was kept.
    """
    merge(work, accepted.merges)
    outbox.follow(work, accepted, DOMAIN)
    orders: Sequence[Order] = [order for order in accepted.orders if order.customer_id is not None]
    if orders or accepted.facts:
        follow(work, orders)
        program = Program.of(work)
        orders = _with_orders_of_new_members(work, program, orders, accepted.facts)
        debts = lock(work, [o.customer_id for o in orders if o.customer_id])
        booked = records.booked(work, [o.order_id for o in orders])
        close_gaps(work, program, order_gaps(work, program, orders, booked), debts)
        tiers.settle(work, program, [o.customer_id for o in orders if o.customer_id])
        contests.make_tickets(work, orders)
    if codes := {code for order in accepted.orders for code in order.discount_codes if code.startswith(CODE_PREFIX)}:
        settle_redemptions(work, records.lock_redemptions(work, sorted(codes)))
    if accepted.customers or accepted.facts:
        settle_deeds(work, accepted)
    if accepted.ended_codes:
        end_codes(work, accepted.ended_codes)
    # Last: whoever settles holds balances before tiers.
    tiers.follow(work, accepted)


def _with_orders_of_new_members(
    work: UnitOfWork, program: Program, orders: Sequence[Order], facts: Sequence[CustomerFact]
) -> Sequence[Order]:
    """These orders, and those of people of whom the store has just said that they take part."""
    people = sorted({fact.customer_external_id for fact in facts if fact.fact in (ACCOUNT, JOINED)})
    if not people or all(terms.earning.members == Members.ALL for terms in program.versions):
        return orders
    given = {order.order_id for order in orders}
    theirs = [found for found in records.orders_of(work, people, MOST_ORDERS) if found not in given]
    return [*orders, *mirror.load(work, theirs)]


def order_dues(
    work: UnitOfWork, program: Program, orders: Sequence[Order], booked: Mapping[OrderId, records.Booked]
) -> dict[OrderId, Owed]:
    """What each of these orders is owed, and why."""
    return {order.order_id: due for (order, _, _), due in _reckoned(work, program, orders, booked)}


def order_gaps(
    work: UnitOfWork, program: Program, orders: Sequence[Order], booked: Mapping[OrderId, records.Booked]
) -> list[Gap]:
    """What is missing between the ledger and what these orders are owed."""
    gaps = list[Gap]()
    for (order, terms, frozen), due in _reckoned(work, program, orders, booked):
        known = booked.get(order.order_id)
        if points := due.points - (known.points if known else 0):
            gaps.append(_order_gap(order, terms, due, points, known, first=not frozen))
    return gaps


def _reckoned(
    work: UnitOfWork, program: Program, orders: Sequence[Order], booked: Mapping[OrderId, records.Booked]
) -> Iterator[tuple[tuple[Order, Terms, bool], Owed]]:
    """What each order is owed, by its terms, and whether an earlier reckoning froze its grounds."""
    # A refund is reckoned by the rule that paid: an order that has entries keeps the terms of the first.
    terms = {
        order.order_id: program.by_version(known.terms_version)
        if (known := booked.get(order.order_id))
        else program.for_order(order)
        for order in orders
    }
    ask = reckoner(work, orders, terms, booked, tiers=tiers_of_buyers if program.has_tiers else no_tiers)
    if ask.in_turn:
        orders = sorted(orders, key=lambda order: (order.placed_at, order.order_id))
    for order in orders:
        agreed = terms[order.order_id]
        due = ask.owed(order, agreed) if order.customer_id is not None else rules.unowned(order, agreed)
        yield (order, agreed, order.order_id in ask.frozen), due


def tiers_of_buyers(work: UnitOfWork, orders: Sequence[Order], before: timedelta = _MOMENT) -> Mapping[OrderId, str]:
    """The tier of each order's buyer `before` it was placed, as we said it then. What an order led to begins in the
    instant at which it was placed: whoever reckons it anew must not find that.
    """
    asked = [(order, order.customer_id) for order in orders if order.customer_id is not None]
    found = tiers.tiers_at(work, [(who, order.placed_at - before) for order, who in asked])
    return {order.order_id: tier for (order, _), tier in zip(asked, found, strict=True) if tier is not None}


def _order_gap(order: Order, terms: Terms, due: Owed, points: int, known: records.Booked | None, *, first: bool) -> Gap:
    assert order.customer_id is not None
    receipt = due.receipt.body() | {"version": terms.version}
    if first and due.receipt.frozen is not None:
        receipt["first"] = True
    return Gap(
        order.customer_id, order.order_id, points, ("earn", "clawback"), f"order:{order.order_id}:v{order.version}",
        terms.version, f"{order.name}: {due.sentence}", rules.available_at(order, terms), receipt,
        terms.earning.debt, known.forgiven if known else 0,
    )  # fmt: skip


def settle_awards(work: UnitOfWork, awards: Sequence[Award]) -> None:
    """Bring the ledger to what `awards` say is owed. Each is the whole of what its order brings that customer, and
    no two are of the same order and customer.
    """
    if not awards:
        return
    debts = lock(work, [award.customer_id for award in awards])
    program = Program.of(work)
    booked, version = records.awarded(work, [a.order_id for a in awards]), program.current.version
    gaps = list[Gap]()
    for award in awards:
        before = booked.get((award.order_id, award.customer_id), records.Booked(0, version, 0))
        if points := award.points - before.points:
            key = f"award:{award.order_id}:{award.customer_id}:{before.entries}"
            gaps.append(
                Gap(
                    award.customer_id,
                    award.order_id,
                    points,
                    ("award", "award_back"),
                    key,
                    version,
                    award.sentence,
                    award.available_at,
                    Receipt(awarded=award.points, version=version).body(),
                )
            )
    close_gaps(work, program, gaps, debts)
    if program.current.tiers.measure in (Measure.POINTS, Measure.REFERRALS):
        tiers.settle(work, program, [gap.customer_id for gap in gaps])
