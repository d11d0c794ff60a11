"""What an order is worth in points: a pure function of the order as it stands, the terms that it was placed under, and
the grounds that were frozen when it first earned.

So any sequence of refunds, edits, cancellations and restorations ends at the points of the goods kept. Everything is
reckoned in whole numbers, and rounded once, at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from math import prod

from commerce.money import Money
from commerce.orders import KeptLine, Order
from loyalty.rules.earning import Rounding, Trigger
from loyalty.rules.promotions import Promotion, Stacking
from loyalty.rules.receipts import Grounds, Receipt
from loyalty.rules.rewards import CODE_PREFIX
from loyalty.rules.terms import Terms

NO_GROUNDS = Grounds()


@dataclass(frozen=True, slots=True)
class Owed:
    """What an order is worth: the points, the sentence that says why, and its breakdown."""

    points: int
    sentence: str
    receipt: Receipt = field(default=Receipt())


def owed(order: Order, terms: Terms, grounds: Grounds = NO_GROUNDS, lines: Sequence[KeptLine] = ()) -> Owed:
    """The points that `order` has earned its customer, as it stands: for goods kept, of a real order that is paid and
    not cancelled. `lines` are its goods, where the terms have rules for some of them (`Terms.by_line`).
    """
    if reason := _nothing(order, terms) or grounds.barred:
        return Owed(0, f"no points: {reason}", Receipt(reason=reason))
    if terms.plain and (terms.earning.credit or not order.credit_minor):
        return _plainly(order, terms)
    return _in_full(order, terms, grounds, _kept(lines))


def available_at(order: Order, terms: Terms) -> datetime:
    """When the order's points can be spent: its hold runs from when it was placed, or from its fulfilment."""
    begun = order.fulfilled_at if terms.earning.trigger == Trigger.FULFILLED else None
    return max(order.placed_at, begun or order.placed_at) + timedelta(days=terms.hold_days)


def _nothing(order: Order, terms: Terms) -> str | None:
    if order.test:
        return "a test order"
    if order.cancelled:
        return "the order was cancelled"
    if not order.paid:
        return "the order is not paid"
    if order.currency != terms.currency:
        return f"the order is in {order.currency} and the program in {terms.currency}"
    if order.kept_minor <= 0:
        return "no goods were kept"
    return None if terms.plain and order.credit_minor is not None else _barred(order, terms)


def _barred(order: Order, terms: Terms) -> str | None:
    earning = terms.earning
    if earning.trigger == Trigger.FULFILLED and order.fulfilled_at is None:
        return "the order is not fulfilled yet"
    if order.channel == "pos" and not earning.pos:
        return "orders at the till earn nothing"
    if order.channel == "draft" and not earning.draft:
        return "orders that the shop wrote itself earn nothing"
    if order.credit_minor is None and not earning.credit:
        return "the store has not said yet how much of it gift cards and credit paid"
    return None


def _plainly(order: Order, terms: Terms) -> Owed:
    """The usual points for goods kept, and no more rules."""
    points = order.kept_minor * terms.points // terms.per_minor
    sentence = f"{points} points for {_said(order.kept_minor, terms)} of goods kept, {_rate(terms)}"
    return Owed(points, sentence, Receipt(order.kept_minor, _rate(terms)))


@cache
def _rate_of(points: int, per_minor: int, currency: str) -> str:
    return f"at {points} for each {Money(per_minor, currency)}"


def _rate(terms: Terms) -> str:
    return _rate_of(terms.points, terms.per_minor, terms.currency)


def _said(minor: int, terms: Terms) -> str:
    return str(Money(minor, terms.currency))


@dataclass(frozen=True, slots=True)
class _Kept:
    """A line's share of the goods kept, by weight, and the pieces of it that were kept."""

    line: KeptLine | None
    weight: int
    pieces: int


def _kept(lines: Sequence[KeptLine]) -> Sequence[_Kept]:
    """Each line's share. A refund that names no line comes out of all of them, in proportion to what is left."""
    left = [max(0, line.net_minor - line.returned_minor) if line.returned < line.quantity else 0 for line in lines]
    if not any(left):
        # Refunds name more than there was: what was kept is spread over all that was sold.
        left = [line.net_minor for line in lines]
    if not any(left):
        return [_Kept(None, 1, 0)]
    return [
        _Kept(line, weight, max(0, line.quantity - line.returned)) for line, weight in zip(lines, left, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Basis:
    """The spend that counts, exactly: `top / bottom` minor units."""

    top: int
    bottom: int

    @property
    def minor(self) -> int:
        return self.top // self.bottom


def _basis(order: Order, terms: Terms) -> _Basis:
    """Goods kept, with as much of tax, shipping and discounts as the terms count, in proportion to what was kept; less
    the share that gift cards and credit paid.
    """
    earning, whole = terms.earning, order.goods_minor
    if earning.tax is True and not order.tax_included:
        whole += order.tax_minor
    if earning.tax is False and order.tax_included:
        whole -= min(order.tax_minor, order.goods_minor)
    # A code that points paid for is no discount of the shop's: what it took off never counts.
    if earning.discounts and not any(code.startswith(CODE_PREFIX) for code in order.discount_codes):
        whole += max(0, order.list_minor - order.goods_minor)
    if earning.shipping:
        whole += order.shipping_minor
    top, bottom = order.kept_minor * whole, order.goods_minor
    credit = order.credit_minor or 0
    if credit and not earning.credit and order.total_minor:
        top, bottom = top * max(0, order.total_minor - credit), bottom * order.total_minor
    return _Basis(top, bottom)


def _in_full(order: Order, terms: Terms, grounds: Grounds, kept: Sequence[_Kept]) -> Owed:
    earning, basis = terms.earning, _basis(order, terms)
    if basis.minor < earning.minimum_minor or not basis.top:
        short = f"less than {_said(earning.minimum_minor, terms)} counts" if basis.top else "nothing of it counts"
        return Owed(0, f"no points: {short}", Receipt(basis.minor, reason=short))
    tier = earning.percent_for(grounds.tier)
    promotions = [p for p in terms.promotions if p.key in grounds.promotions and p.minimum_minor <= basis.minor]
    spend, used = _stacked(basis, terms, tier, kept, promotions)
    extras = [*_extras(terms, grounds, kept), *((p.title, p.bonus) for p in used if p.bonus)]
    points = spend + sum(bonus for _, bonus in extras)
    cut = 0 if grounds.room is None else max(0, points - grounds.room)
    receipt = Receipt(
        basis.minor,
        _rate(terms),
        earning.rounding,
        tier,
        tuple(p.key for p in used),
        tuple(extras),
        cut,
        frozen=grounds,
    )
    return Owed(points - cut, _sentence(points - cut, receipt, terms, used), receipt)


def _stacked(
    basis: _Basis, terms: Terms, tier: int, kept: Sequence[_Kept], promotions: Sequence[Promotion]
) -> tuple[int, Sequence[Promotion]]:
    """The points for the spend, and the promotions that count: all of them, or the one that brings most."""
    if terms.stacking in (Stacking.ADD, Stacking.MULTIPLY):
        return _spend(basis, terms, tier, kept, promotions), promotions
    used: Sequence[Promotion] = ()
    best = most = _spend(basis, terms, tier, kept, ())
    for promotion in promotions:
        points = _spend(basis, terms, tier, kept, (promotion,))
        if points + promotion.bonus > most:
            best, most, used = points, points + promotion.bonus, (promotion,)
    return best, used


def _spend(basis: _Basis, terms: Terms, tier: int, kept: Sequence[_Kept], promotions: Sequence[Promotion]) -> int:
    """Points for the spend: each line's share by the rule for its goods and the promotions that count it."""
    weights = scaled = 0
    unit = prod([100] * len(promotions)) if terms.stacking == Stacking.MULTIPLY else 100
    for each in kept:
        weights += each.weight
        if percent := _percent(each, terms):
            scaled += each.weight * percent * _times(each, promotions, terms.stacking == Stacking.MULTIPLY)
    top = basis.top * scaled * terms.points * tier
    bottom = basis.bottom * weights * terms.per_minor * 100 * 100 * unit
    return _rounded(top, bottom, terms.earning.rounding)


def _percent(kept: _Kept, terms: Terms) -> int:
    """Of the usual points, what this line's goods earn for their price."""
    rule = next((r for r in terms.earning.goods if kept.line and r.goods.has(kept.line)), None)
    return 100 if rule is None else 0 if rule.fixed else rule.percent


def _times(kept: _Kept, promotions: Sequence[Promotion], multiply: bool) -> int:
    matching = [p.percent for p in promotions if kept.line is None or p.goods.has(kept.line)]
    if not multiply:
        return 100 + sum(percent - 100 for percent in matching)
    return prod(matching) * prod([100] * (len(promotions) - len(matching)))


def _rounded(top: int, bottom: int, rounding: Rounding) -> int:
    if rounding == Rounding.UP:
        return -(-top // bottom)
    return (2 * top + bottom) // (2 * bottom) if rounding == Rounding.NEAREST else top // bottom


def _extras(terms: Terms, grounds: Grounds, kept: Sequence[_Kept]) -> list[tuple[str, int]]:
    """What comes beside the spend: for the order, for its pieces, for its number."""
    earning = terms.earning
    found = [("the order", earning.per_order)]
    pieces = sum(each.pieces for each in kept if _percent(each, terms))
    found.append((f"{pieces} pieces", earning.per_item * pieces))
    for rule in earning.goods:
        if rule.fixed:
            own = sum(each.pieces for each in kept if each.line and _first(rule, each.line, terms))
            found.append((f"{own} pieces of certain goods", rule.fixed * own))
    if grounds.number is not None:
        number = grounds.number
        found += [(f"order number {number}", m.points) for m in earning.milestones if m.reached(number)]
    return [(what, points) for what, points in found if points]


def _first(rule: object, line: KeptLine, terms: Terms) -> bool:
    return next((r for r in terms.earning.goods if r.goods.has(line)), None) is rule


def _sentence(points: int, receipt: Receipt, terms: Terms, used: Sequence[Promotion]) -> str:
    """The breakdown as people read it."""
    parts = [f"{points} points for {_said(receipt.basis_minor, terms)} that counts, {receipt.rate}"]
    if receipt.multiplier != 100 and receipt.frozen:
        parts.append(f"times {receipt.multiplier} % for tier {receipt.frozen.tier}")
    parts += [f"times {p.percent} % by {p.title}" for p in used if p.percent != 100]
    parts += [f"{bonus} for {what}" for what, bonus in receipt.extras]
    if receipt.caps:
        parts.append(f"{receipt.caps} above the cap not paid")
    return ", ".join(parts)
