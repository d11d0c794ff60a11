"""What an order's reckoning needs beside the order: gathered for a whole batch, each question only where some rule of
the batch's terms needs its answer. A shop whose terms are plain asks nothing.

What an order froze when it first earned is taken from there; only orders that never earned are asked about anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from commerce.identity import GUEST
from commerce.ids import CustomerId, OrderId
from commerce.orders import KeptLine, Order
from commerce.sayings import say
from engine import goods, shops
from engine.facts import JOINED
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import WEEKDAYS, Buyer, Grounds, Members, Owed, Period, Terms

Tiers = Callable[[UnitOfWork, Sequence[Order]], Mapping[OrderId, str]]
"""The tier of each order's buyer at the order's instant; orders of people without a tier are left out."""

# Facts of a customer: whether the account works, and which segments they are in.
ACCOUNT, SEGMENT = "account", "segment:"


def no_tiers(_work: UnitOfWork, _orders: Sequence[Order]) -> Mapping[OrderId, str]:
    """Of a shop where nobody has a tier."""
    return {}


@cache
def zone(name: str) -> ZoneInfo:
    """The shop's zone; UTC for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@dataclass(slots=True)
class Reckoner:
    """Answers what the orders of one batch are owed."""

    grounds: Mapping[OrderId, Grounds] = field(default_factory=dict)
    lines: Mapping[OrderId, Sequence[KeptLine]] = field(default_factory=dict)
    frozen: frozenset[OrderId] = frozenset()
    rooms: dict[OrderId, Room] = field(default_factory=dict)
    had: dict[CustomerId, Counter[str]] = field(default_factory=dict)
    """How many orders of each buyer have had each limited promotion; empty where none is limited."""

    @property
    def in_turn(self) -> bool:
        """Whether what one order of a member earns decides about the next: then the earlier one is asked for first."""
        return bool(self.rooms or self.had)

    def owed(self, order: Order, terms: Terms) -> Owed:
        """What `order` is owed. Orders of one member share caps and limited promotions: see `in_turn`."""
        known, lines = self.grounds.get(order.order_id), self.lines.get(order.order_id, ())
        if known is None:
            return rules.owed(order, terms, lines=lines)
        had = self.had.get(order.customer_id) if self.had and order.customer_id is not None else None
        if had is None or order.order_id in self.frozen:
            return self._in_room(order, terms, known, lines)
        left = rules.not_used_up(terms.promotions, known.promotions, had)
        found = self._in_room(order, terms, replace(known, promotions=left), lines)
        if found.points:
            had.update(found.receipt.promotions)
        return found

    def _in_room(self, order: Order, terms: Terms, known: Grounds, lines: Sequence[KeptLine]) -> Owed:
        room = self.rooms.get(order.order_id)
        if room is None:
            return rules.owed(order, terms, known, lines)
        found = rules.owed(order, terms, replace(known, room=room.left(order, terms)), lines)
        room.take(order, found.points)
        return found


@lru_cache(4096)
def _bounds(period: Period, day: date) -> tuple[date, date]:
    """The first day of a period, and the first after it. Asked for each order under caps."""
    return period.first_day(day), period.next_day(day)


@dataclass(slots=True)
class Room:
    """What one member's orders have earned, by the day in the shop's zone on which they were placed."""

    zone: ZoneInfo
    earned: dict[date, int]

    def left(self, order: Order, terms: Terms) -> int:
        """The points that the tightest of the terms' caps leaves for `order`."""
        day, left = order.placed_at.astimezone(self.zone).date(), list[int]()
        for cap in terms.earning.caps:
            first, after = _bounds(cap.period, day)
            left.append(cap.points - sum([points for on, points in self.earned.items() if first <= on < after]))
        return max(0, min(left))

    def take(self, order: Order, points: int) -> None:
        self.earned[order.placed_at.astimezone(self.zone).date()] += points


def reckoner(
    work: UnitOfWork,
    orders: Sequence[Order],
    terms: Mapping[OrderId, Terms],
    booked: Collection[OrderId],
    *,
    tiers: Tiers = no_tiers,
) -> Reckoner:
    """Everything that these orders' terms ask for. `terms` are each order's own; `booked` have earned before, and are
    not asked again whether they may.
    """
    by_line = [order.order_id for order in orders if terms[order.order_id].by_line]
    lines = goods.kept_lines(work, by_line, rules.collections_of({id(t): t for t in terms.values()}.values()))
    fancy = [order for order in orders if not terms[order.order_id].plain]
    some = [o for o in orders if terms[o.order_id].earning.members != Members.ALL and o.order_id not in booked]
    if not fancy and not some:
        return Reckoner(lines=lines)
    frozen = records.frozen(work, [order.order_id for order in fancy if order.order_id in booked])
    fresh = [order for order in {o.order_id: o for o in (*fancy, *some)}.values() if order.order_id not in frozen]
    agreed = {id(found): found for found in (terms[order.order_id] for order in fresh)}
    asked = Asked.of(work, fresh, list(agreed.values()), tiers)
    grounds = {order.order_id: asked.grounds(order, terms[order.order_id], lines) for order in fresh}
    grounds |= {order_id: Grounds.read(body) for order_id, body in frozen.items()}
    limited = any(p.most_orders for found in agreed.values() for p in found.promotions)
    people = {order.customer_id for order in fresh if order.customer_id is not None} if limited else ()
    had = {customer_id: Counter(asked.had.get(customer_id, {})) for customer_id in people}
    return Reckoner(grounds, lines, frozenset(frozen), rooms(work, fresh, terms), had)


def counts_orders(terms: Terms) -> bool:
    """Whether some rule asks for the number of an order among its buyer's."""
    return bool(terms.earning.milestones) or any(p.first_order for p in terms.promotions)


@dataclass(frozen=True, slots=True)
class Asked:
    """Answers about the buyers of orders that never earned.

    `numbers` and `had` say what came before an order; whoever replays a history counts them himself.
    """

    tiers: Mapping[OrderId, str]
    numbers: Mapping[OrderId, int]
    had: Mapping[CustomerId, Mapping[str, int]]
    facts: Mapping[CustomerId, Mapping[str, Any]]
    zone: ZoneInfo

    @classmethod
    def of(
        cls, work: UnitOfWork, orders: Sequence[Order], agreed: Sequence[Terms], tiers: Tiers, *, replayed: bool = False
    ) -> Asked:
        """What any of these terms asks of these orders. `replayed`: all but what came before them."""
        promotions = [p for found in agreed for p in found.promotions]
        people = sorted({o.customer_id for o in orders if o.customer_id is not None})
        counted = not replayed and any(counts_orders(found) for found in agreed)
        limited = [] if replayed else sorted({p.key for p in promotions if p.most_orders})
        told = any(p.segments for p in promotions) or any(t.earning.members != Members.ALL for t in agreed)
        tiered = any(p.tiers for p in promotions) or any(t.earning.tiers for t in agreed)
        days = any(p.weekdays for p in promotions)
        return cls(
            tiers(work, orders) if tiered else {},
            records.numbers(work, [o.order_id for o in orders]) if counted and orders else {},
            records.had(work, people, limited) if limited and people else {},
            _facts(work, people) if told and people else {},
            zone(shops.current(work).timezone) if days else zone("UTC"),
        )

    def grounds(
        self, order: Order, terms: Terms, lines: Mapping[OrderId, Sequence[KeptLine]], room: int | None = None
    ) -> Grounds:
        tier, number = self.tiers.get(order.order_id), self.numbers.get(order.order_id)
        facts = self.facts.get(order.customer_id, {}) if order.customer_id is not None else {}
        barred = _barred(order, terms, facts)
        if not terms.promotions:
            return Grounds(tier, (), number, room, barred)
        segments = [fact.removeprefix(SEGMENT) for fact, (value, _) in facts.items() if value is True]
        buyer = Buyer(tier, segments, number, self.had.get(order.customer_id, {}) if order.customer_id else {})
        weekday = WEEKDAYS[order.placed_at.astimezone(self.zone).weekday()]
        promotions = rules.eligible(terms.promotions, order, buyer, weekday, lines.get(order.order_id, ()))
        return Grounds(tier, promotions, number, room, barred)


def _barred(order: Order, terms: Terms, facts: Mapping[str, tuple[Any, datetime]]) -> str | None:
    """Why the buyer takes no part, by the terms' rule for that. Who has no account yet earns once it appears."""
    members = terms.earning.members
    account, _ = facts.get(ACCOUNT, (None, None))
    guest = (order.customer_external_id or "").startswith(GUEST) or account == "disabled"
    if members == Members.ACCOUNTS and guest:
        return say("a guest; the points are given when the account appears")
    if members == Members.OPTED_IN:
        value, since = facts.get(JOINED, (None, None))
        if value != "joined" or since is None or since > order.placed_at:
            return say("its buyer had not joined the program")
    return None


def _facts(work: UnitOfWork, people: Sequence[CustomerId]) -> dict[CustomerId, dict[str, Any]]:
    found = defaultdict[CustomerId, dict[str, Any]](dict)
    for row in records.buyer_facts(work, people, (ACCOUNT, JOINED), SEGMENT):
        if row.fact is not None:
            found[row.customer_id][row.fact] = (row.value, row.said_at)
    return found


def rooms(work: UnitOfWork, orders: Sequence[Order], terms: Mapping[OrderId, Terms]) -> dict[OrderId, Room]:
    """For each order under caps, its buyer's room: one for all orders of one buyer."""
    capped = {
        order.order_id: order.customer_id
        for order in orders
        if terms[order.order_id].earning.caps and order.customer_id is not None
    }
    if not capped:
        return {}
    where, people = zone(shops.current(work).timezone), sorted(set(capped.values()))
    since = min(capped_since(o.placed_at, terms[o.order_id], where) for o in orders if o.order_id in capped)
    rooms = {customer_id: Room(where, defaultdict(int)) for customer_id in people}
    for customer_id, placed_at, points in records.earned_since(work, people, since):
        rooms[customer_id].earned[placed_at.astimezone(where).date()] += points
    return {order_id: rooms[customer_id] for order_id, customer_id in capped.items()}


def capped_since(at: datetime, terms: Terms, where: ZoneInfo) -> datetime:
    """The beginning of the longest period of a cap in which `at` lies."""
    day = at.astimezone(where).date()
    first = min(cap.period.first_day(day) for cap in terms.earning.caps)
    return datetime.min.replace(tzinfo=UTC) if first == date.min else datetime.combine(first, time(), where)
