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
from typing import NamedTuple

from commerce.money import Money
from commerce.orders import KeptLine, Order
from commerce.sayings import Saying, listed, say, say_many
from loyalty.rules.earning import GoodsRule, Rounding, Trigger
from loyalty.rules.promotions import Promotion, Stacking
from loyalty.rules.receipts import Grounds, Receipt
from loyalty.rules.rewards import CODE_PREFIX
from loyalty.rules.terms import Terms

NO_GROUNDS = Grounds()
NOTHING_COUNTS = say("nothing of it counts")
ASLEEP = say("the program had not begun")
NOBODY = say("the order belongs to no customer account yet")


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
        return Owed(0, say("no points: %(reason)s", reason=reason), Receipt(reason=reason))
    if terms.plain and (terms.earning.credit or not order.credit_minor):
        return _plainly(order, terms)
    return _in_full(order, terms, grounds, lines)


def tried(
    order: Order, terms: Terms, grounds: Grounds = NO_GROUNDS, lines: Sequence[KeptLine] = ()
) -> tuple[int, Sequence[Promotion]]:
    """The points of `owed` and the promotions in them, without a word about why: for who reckons a whole history."""
    if _nothing(order, terms) or grounds.barred:
        return 0, ()
    if terms.plain and (terms.earning.credit or not order.credit_minor):
        return order.kept_minor * terms.points // terms.per_minor, ()
    found = _reckoned(order, terms, grounds, lines)
    return (0, ()) if isinstance(found, int) else (found.points, found.used)


def unowned(order: Order, terms: Terms) -> Owed:
    """Of an order that has no customer: why it earns nothing, or that what it would earn waits for one."""
    reason = _nothing(order, terms) or NOBODY
    return Owed(0, say("no points: %(reason)s", reason=reason), Receipt(reason=reason))


def available_at(order: Order, terms: Terms) -> datetime:
    """When the order's points can be spent: its hold runs from when it was placed, or from its fulfilment."""
    begun = order.fulfilled_at if terms.earning.trigger == Trigger.FULFILLED else None
    return max(order.placed_at, begun or order.placed_at) + timedelta(days=terms.hold_days)


def _nothing(order: Order, terms: Terms) -> str | None:
    if terms.asleep:
        return ASLEEP
    if order.test:
        return say("a test order")
    if order.cancelled:
        return say("the order was cancelled")
    if not order.paid:
        return say("the order is not paid")
    if order.currency != terms.currency:
        return say(
            "the order is in %(theirs)s and the program in %(ours)s",
            theirs=order.currency,
            ours=terms.currency,
        )
    if order.kept_minor <= 0:
        return say("no goods were kept")
    return None if terms.plain and order.credit_minor is not None else _barred(order, terms)


def _barred(order: Order, terms: Terms) -> str | None:
    earning = terms.earning
    if earning.trigger == Trigger.FULFILLED and order.fulfilled_at is None:
        return say("the order is not fulfilled yet")
    if order.channel == "pos" and not earning.pos:
        return say("orders at the till earn nothing")
    if order.channel == "draft" and not earning.draft:
        return say("orders that the shop wrote itself earn nothing")
    if order.credit_minor is None and not earning.credit:
        return say("the store has not said yet how much of it gift cards and credit paid")
    return None


def _plainly(order: Order, terms: Terms) -> Owed:
    """The usual points for goods kept, and no more rules."""
    kept, rate = order.kept_minor, _rate_of(terms.points, terms.per_minor, terms.currency)
    points = kept * terms.points // terms.per_minor
    said = say(
        "%(points)s points for %(money)s of goods kept, %(rate)s",
        points=points,
        money=Money(kept, terms.currency),
        rate=rate,
    )
    return Owed(points, said, Receipt(kept, rate))


@cache
def _rate_of(points: int, per_minor: int, currency: str) -> str:
    return say("at %(points)s for each %(money)s", points=points, money=Money(per_minor, currency))


def _rate(terms: Terms) -> str:
    return _rate_of(terms.points, terms.per_minor, terms.currency)


class _Kept(NamedTuple):
    """A line's share of the goods kept, by weight; the percentage of the usual points that its goods earn; and the
    pieces of it that were kept. A tuple: one is made for each line of each order.
    """

    line: KeptLine | None
    weight: int
    percent: int
    rule: GoodsRule | None
    pieces: int


_ALL_OF_IT: Sequence[_Kept] = (_Kept(None, 1, 100, None, 0),)


def _kept(lines: Sequence[KeptLine], terms: Terms) -> Sequence[_Kept]:
    """Each line's share. A refund that names no line comes out of all of them, in proportion to what is left."""
    left = [max(0, line.net_minor - line.returned_minor) if line.returned < line.quantity else 0 for line in lines]
    if not any(left):
        # Refunds name more than there was: what was kept is spread over all that was sold.
        left = [line.net_minor for line in lines]
    if not any(left):
        return _ALL_OF_IT
    found = list[_Kept]()
    for line, weight in zip(lines, left, strict=True):
        rule = None
        for known in terms.earning.goods:
            if known.goods.has(line):
                rule = known
                break
        percent = 100 if rule is None else 0 if rule.fixed else rule.percent
        found.append(_Kept(line, weight, percent, rule, max(0, line.quantity - line.returned)))
    return found


def _basis(order: Order, terms: Terms) -> tuple[int, int]:
    """The spend that counts, exactly, as a fraction of minor units: goods kept, with as much of tax, shipping and
    discounts as the terms count, in proportion to what was kept; less the share that gift cards and credit paid.
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
    return top, bottom


class _Reckoned(NamedTuple):
    """What an order comes to by all the rules, before anything is said about it."""

    counts_minor: int
    tier: int
    used: Sequence[Promotion]
    extras: Sequence[tuple[str, int]]
    points: int
    cut: int
    kept: Sequence[_Kept] = ()


def _reckoned(order: Order, terms: Terms, grounds: Grounds, lines: Sequence[KeptLine]) -> _Reckoned | int:
    """What it comes to or, where that is too little to earn anything, the minor units that count."""
    earning, basis = terms.earning, _basis(order, terms)
    counts = basis[0] // basis[1]
    if counts < earning.minimum_minor or not basis[0]:
        return counts
    kept, tier = _kept(lines, terms) if lines else _ALL_OF_IT, earning.percent_for(grounds.tier)
    promotions = (
        [p for p in terms.promotions if p.key in grounds.promotions and p.minimum_minor <= counts]
        if grounds.promotions
        else ()
    )
    spend, used = _stacked(basis, terms, tier, kept, promotions)
    extras = [*_extras(terms, grounds, kept), *[(p.title, p.bonus) for p in used if p.bonus]]
    points = spend + sum([bonus for _, bonus in extras])
    cut = 0 if grounds.room is None else max(0, points - grounds.room)
    return _Reckoned(counts, tier, used, extras, points - cut, cut, kept)


def _in_full(order: Order, terms: Terms, grounds: Grounds, lines: Sequence[KeptLine]) -> Owed:
    earning, found = terms.earning, _reckoned(order, terms, grounds, lines)
    if isinstance(found, int):
        short = (
            say("less than %(money)s counts", money=Money(earning.minimum_minor, terms.currency))
            if found
            else NOTHING_COUNTS
        )
        return Owed(0, say("no points: %(reason)s", reason=short), Receipt(found, reason=short))
    receipt = Receipt(
        found.counts_minor, _rate(terms), earning.rounding, found.tier, tuple([p.key for p in found.used]),
        tuple(found.extras), found.cut, frozen=grounds, goods=_titled(found.kept),
    )  # fmt: skip
    return Owed(found.points, _sentence(found.points, receipt, terms, found.used), receipt)


def _titled(kept: Sequence[_Kept]) -> tuple[tuple[str, int], ...]:
    """The goods of the order for which a rule with a title says another percentage."""
    used = dict.fromkeys(each.rule for each in kept if each.rule is not None)
    return tuple([(rule.title, rule.percent) for rule in used if rule.title and not rule.fixed])


def _stacked(
    basis: tuple[int, int], terms: Terms, tier: int, kept: Sequence[_Kept], promotions: Sequence[Promotion]
) -> tuple[int, Sequence[Promotion]]:
    """The points for the spend, and the promotions that count: all of them, or the one that brings most."""
    if not promotions or terms.stacking in (Stacking.ADD, Stacking.MULTIPLY):
        return _spend(basis, terms, tier, kept, promotions), promotions
    used: Sequence[Promotion] = ()
    best = most = _spend(basis, terms, tier, kept, ())
    for promotion in promotions:
        points = _spend(basis, terms, tier, kept, (promotion,))
        if points + promotion.bonus > most:
            best, most, used = points, points + promotion.bonus, (promotion,)
    return best, used


def _spend(
    basis: tuple[int, int], terms: Terms, tier: int, kept: Sequence[_Kept], promotions: Sequence[Promotion]
) -> int:
    """Points for the spend: each line's share by the rule for its goods and the promotions that count it."""
    multiply = terms.stacking == Stacking.MULTIPLY
    weights = scaled = 0
    for line, weight, percent, _, _ in kept:
        weights += weight
        if percent:
            scaled += weight * percent * (_times(line, promotions, multiply) if promotions else 100)
    unit = prod([100] * len(promotions)) if multiply and promotions else 100
    top = basis[0] * scaled * terms.points * tier
    return _rounded(top, basis[1] * weights * terms.per_minor * 10_000 * unit, terms.earning.rounding)


def _times(line: KeptLine | None, promotions: Sequence[Promotion], multiply: bool) -> int:
    """What the promotions that count this line make of a hundred or, multiplied, of a hundred for each of them."""
    if multiply:
        return prod([p.percent if line is None or p.goods.has(line) else 100 for p in promotions])
    times = 100
    for p in promotions:
        if line is None or p.goods.has(line):
            times += p.percent - 100
    return times


def _rounded(top: int, bottom: int, rounding: Rounding) -> int:
    if rounding == Rounding.UP:
        return -(-top // bottom)
    return (2 * top + bottom) // (2 * bottom) if rounding == Rounding.NEAREST else top // bottom


def _extras(terms: Terms, grounds: Grounds, kept: Sequence[_Kept]) -> list[tuple[str, int]]:
    """What comes beside the spend: for the order, for its pieces, for its number."""
    earning, found = terms.earning, list[tuple[str, int]]()
    if earning.per_order:
        found.append((say("the order"), earning.per_order))
    if earning.per_item and (pieces := sum(each.pieces for each in kept if each.percent)):
        found.append((say_many("%(num)s piece", "%(num)s pieces", pieces), earning.per_item * pieces))
    for rule in earning.goods:
        if rule.fixed and (own := sum(each.pieces for each in kept if each.rule is rule)):
            found.append((_pieces(rule, own), rule.fixed * own))
    number = grounds.number
    if number is not None:
        found += [
            (say("order number %(number)s", number=number), m.points) for m in earning.milestones if m.reached(number)
        ]
    return found


def _pieces(rule: GoodsRule, own: int) -> Saying:
    """So many pieces of the goods that a rule is for, by its title where it has one."""
    if rule.title:
        return say_many("%(num)s piece of %(title)s", "%(num)s pieces of %(title)s", own, title=rule.title)
    return say_many("%(num)s piece of certain goods", "%(num)s pieces of certain goods", own)


def _sentence(points: int, receipt: Receipt, terms: Terms, used: Sequence[Promotion]) -> str:
    """The breakdown as people read it."""
    parts = [
        say(
            "%(points)s points for %(money)s that counts, %(rate)s",
            points=points,
            money=Money(receipt.basis_minor, terms.currency),
            rate=receipt.rate,
        )
    ]
    if receipt.multiplier != 100 and receipt.frozen:
        parts.append(
            say("times %(multiplier)s %% for tier %(tier)s", multiplier=receipt.multiplier, tier=receipt.frozen.tier)
        )
    parts += [
        say("%(percent)s %% of it for goods of %(title)s", percent=percent, title=title)
        for title, percent in receipt.goods
    ]
    parts += [
        say("times %(percent)s %% by %(promotion)s", percent=p.percent, promotion=p.title)
        for p in used
        if p.percent != 100
    ]
    parts += [say("%(bonus)s for %(what)s", bonus=bonus, what=what) for what, bonus in receipt.extras]
    if receipt.caps:
        parts.append(say("%(caps)s above the cap not paid", caps=receipt.caps))
    return listed(parts)
