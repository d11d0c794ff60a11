"""What pieces that are not bought yet would earn: the reckoning of an order, for one that would be placed now.

There is no second reckoning: the pieces become an order of the mirror's kind, and everything that decides about an
order decides about it. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from commerce.ids import CustomerId, OrderId
from commerce.orders import KeptLine, Order
from engine import collections, mirror, shops
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Grounds, Members, Promotion, Selection, Terms
from loyalty.service.earning import tiers_of_buyers
from loyalty.service.grounds import Asked, counts_orders, no_tiers, rooms
from loyalty.service.program import Program

# The store numbers orders from one on, and so do we: no order has this number.
_NOT_PLACED = OrderId(0)


@dataclass(frozen=True, slots=True)
class Piece:
    """`quantity` pieces of one product that somebody thinks of buying.

    `amount_minor`: the price of all of them together, as the shop writes it. `vendor`: their maker, where whoever asks
    knows it.
    """

    product_id: str
    variant_id: str | None
    quantity: int
    amount_minor: int
    gift_card: bool = False
    vendor: str | None = None


@dataclass(frozen=True, slots=True)
class WouldEarn:
    """The points; `exact` is whether an order of these pieces earns just that, if it is paid with money, or whether
    something decides that nobody knows yet.
    """

    points: int
    exact: bool


def would_earn(
    work: UnitOfWork, customer_id: CustomerId | None, pieces: Sequence[Piece], at: datetime | None = None
) -> WouldEarn:
    """What an order of `pieces` would earn this customer if it were placed at `at`, or now, and delivered.

    `customer_id` None: of somebody who is not logged in, as far as it is the same for every member.
    """
    (found,) = would_earn_each(work, customer_id, [pieces], at)
    return found


def would_earn_each(
    work: UnitOfWork, customer_id: CustomerId | None, baskets: Sequence[Sequence[Piece]], at: datetime | None = None
) -> list[WouldEarn]:
    """The same of each of several baskets, as if it alone were bought; in as many statements as one of them takes."""
    if not baskets:
        return []
    at, program = at or work.now, Program.of(work)
    terms, bought = program.at(at), [[piece for piece in pieces if not piece.gift_card] for pieces in baskets]
    nobody = _order(shops.current(work).currency, customer_id, at)
    if customer_id is None:
        # Who takes part is asked of a buyer, and there is none yet.
        terms = replace(terms, earning=replace(terms.earning, members=Members.ALL))
    elif terms.earning.members == Members.ACCOUNTS:
        nobody = replace(nobody, customer_external_id=mirror.names(work, [customer_id])[customer_id].external_id)
    lines = _lines(work, bought, terms, at) if terms.by_line else [[] for _ in bought]
    orders = [_of_pieces(nobody, pieces) for pieces in bought]
    grounds = _grounds(work, program, terms, orders, lines)
    return [
        WouldEarn(rules.owed(order, terms, ground, own).points, _exact(terms, pieces, at, customer_id))
        for order, pieces, ground, own in zip(orders, bought, grounds, lines, strict=True)
    ]


def _order(currency: str, customer_id: CustomerId | None, at: datetime) -> Order:
    """An order of nothing, placed at `at`, paid with money alone and with the shopper at once."""
    return Order(
        _NOT_PLACED, "", "", customer_id, None, currency, at, True, False, False, 0, 0, (), None, 1, fulfilled_at=at
    )


def _of_pieces(nobody: Order, pieces: Sequence[Piece]) -> Order:
    whole = sum(piece.amount_minor for piece in pieces)
    return replace(nobody, goods_minor=whole, total_minor=whole, list_minor=whole)


def _lines(
    work: UnitOfWork, baskets: Sequence[Sequence[Piece]], terms: Terms, at: datetime
) -> list[Sequence[KeptLine]]:
    products = {piece.product_id for pieces in baskets for piece in pieces}
    stand = collections.of_products(work, sorted(products), terms.collections, at)
    return [
        [
            KeptLine(
                p.product_id, p.variant_id, p.vendor, p.quantity, p.amount_minor,
                collections=stand.get(p.product_id, ()),
            )
            for p in pieces
        ]
        for pieces in baskets
    ]  # fmt: skip


def _grounds(
    work: UnitOfWork, program: Program, terms: Terms, orders: Sequence[Order], lines: Sequence[Sequence[KeptLine]]
) -> Sequence[Grounds]:
    """What decides about each of these orders beside itself. They are one buyer's at one instant, so that what is read
    for the first is true for all.
    """
    if terms.plain and terms.earning.members == Members.ALL:
        return [Grounds()] * len(orders)
    first = orders[0]
    asked = Asked.of(work, [first], [terms], tiers_of_buyers if program.has_tiers else no_tiers, replayed=True)
    if first.customer_id is not None:
        asked = _of_the_past(work, asked, first.customer_id, terms, first.placed_at)
    room = rooms(work, [first], {_NOT_PLACED: terms}).get(_NOT_PLACED)
    left = None if room is None else room.left(first, terms)
    return [asked.grounds(order, terms, {_NOT_PLACED: own}, left) for order, own in zip(orders, lines, strict=True)]


def _of_the_past(work: UnitOfWork, asked: Asked, customer_id: CustomerId, terms: Terms, at: datetime) -> Asked:
    """The same with what came before: the number that the order would have, and the promotions that its buyer had."""
    limited = sorted({p.key for p in terms.promotions if p.most_orders})
    numbers = {_NOT_PLACED: records.next_number(work, customer_id, at)} if counts_orders(terms) else {}
    return replace(asked, numbers=numbers, had=records.had(work, [customer_id], limited) if limited else {})


def _exact(terms: Terms, pieces: Sequence[Piece], at: datetime, customer_id: CustomerId | None) -> bool:
    """Whether all is known that the terms ask for."""
    earning = terms.earning
    if terms.asleep:
        return True
    # The checkout reckons taxes, shipping and discounts, and there people choose how they pay.
    running = [p for p in terms.promotions if p.at(at)]
    if earning.tax is not None or earning.shipping or earning.discounts or any(p.gateways for p in running):
        return False
    if customer_id is None and _asks_for_buyer(terms, running):
        return False
    named: list[Selection] = [*(rule.goods for rule in earning.goods), *(p.goods for p in running)]
    vendors, variants = any(s.vendors for s in named), any(s.variants for s in named)
    return not any((vendors and piece.vendor is None) or (variants and piece.variant_id is None) for piece in pieces)


def _asks_for_buyer(terms: Terms, running: Sequence[Promotion]) -> bool:
    """Whether the terms make a difference between members, with the promotions that run."""
    earning = terms.earning
    return bool(
        earning.tiers
        or earning.caps
        or earning.milestones
        or any(p.tiers or p.segments or p.most_orders or p.first_order for p in running)
    )
