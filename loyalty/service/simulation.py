"""Terms tried on the shop's own history: what they would have issued, beside what the terms of now would have.

The orders of the last months are replayed as if each terms had been in force all the time: member by member and in the
order in which they were placed, so that a member's room under caps, the promotions that they have had and the numbers
of their orders are counted on the way. Goods count as they were kept; what was placed decides what a cap or a limited
promotion has left, as in the ledger, where a refund makes no room. Points are multiplied by the tiers that were
recorded; segments and accounts are as they are now. What would be over by now is reckoned as if nobody had spent; and
members are put on both ladders as if each had been there all the time.

Nothing is written. Pages are read with a few statements each, so memory is bounded; of a very large history every so
manieth customer is looked at, and the answer says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from commerce.ids import CustomerId, OrderId
from commerce.money import Money
from commerce.orders import KeptLine, Order
from engine import goods, mirror
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Ageing, Extremes, Fact, Grounds, Life, Measure, Members, Policy, Promotion, Tally, Terms
from loyalty.service import expiry
from loyalty.service.earning import tiers_of_buyers
from loyalty.service.grounds import Asked, Room, capped_since, counts_orders, no_tiers
from loyalty.service.preview import TierSizes, compare_tiers
from loyalty.service.program import Program, sound

MONTHS = 24
PAGE = 2_000
MOST_ORDERS = 100_000
"""Somebody waits for the answer."""
_EVER = datetime.min.replace(tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one set of terms issues: `worth` is what the points buy on average (None where no reward is an amount of
    money), `share` that as a part of the goods' value. `months`: first day, points issued, all of them until its end
    that are not over. `bands`: how many members have points from 0, 1, 100, 500 on.
    """

    points: int
    expired: int
    """Those of them that would be over by now, if nobody had spent any."""
    orders: int
    worth: Money | None
    share: Fraction | None
    of_margin: Fraction | None
    """The same as a part of what the shop keeps of the goods' value; None where it has not said how much."""
    months: Sequence[tuple[date, int, int]]
    bands: Sequence[int]
    reached: int = 0
    """Members who would have had enough for the cheapest reward."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A member and the points that both terms give them. `customer` has a customer's id and names."""

    customer: Any
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """What the terms of `version` and the proposed ones do to the orders since `since`.

    `orders` and `members` were looked at, those of every `every`-th customer; `goods` is what the goods kept cost.
    """

    version: int
    since: date
    orders: int
    members: int
    every: int
    goods: Money
    margin: int | None
    """The gross margin in percent that shares of margin go by: of the proposed terms or, without any, of now."""
    now: Outcome
    then: Outcome
    gains: Sequence[Difference]
    losses: Sequence[Difference]
    tiers: TierSizes | None


def simulate(work: UnitOfWork, body: Mapping[str, Any], months: int = MONTHS, most: int = MOST_ORDERS) -> Simulation:
    """Replay the last months, the running one included, by the terms `body` and by those of now. Refuses with
    `TermsRefused` what could not be published.
    """
    proposed, program = sound(body), Program.of(work)
    where = expiry.zone_of(work)
    first = rules.add_months(rules.day_of(work.now, where).replace(day=1), 1 - months)
    begins = datetime.combine(first, time(), where)
    today = rules.day_of(work.now, where)
    replays = [_replay(program.current, where, today), _replay(proposed, where, today)]
    walk = Walk(work, where, begins, replays, ladder=program.has_tiers)
    walk.go(most)
    return _said(walk, first, months)


def _replay(terms: Terms, where: ZoneInfo, today: date) -> Replay:
    found = Replay(terms)
    if terms.expiry.policy is not Policy.NONE:
        found.ageing = Ageing(terms.expiry, where, found.tally, today)
    return found


@dataclass(slots=True)
class Replay:
    """One set of terms, and what is remembered of the member whose orders are read."""

    terms: Terms
    tally: Tally = field(default_factory=Tally)
    asked: Asked | None = None
    ageing: Ageing | None = None
    had: dict[CustomerId, Counter[str]] = field(default_factory=dict)
    room: Room | None = None
    points: int = 0
    """What the member's orders have issued so far."""

    grounds: Grounds | None = None
    """Of the order that was read last, where anything but the order decides."""

    counted: dict[CustomerId, list[Fact]] = field(default_factory=dict)
    """What a ladder of points counts, of each member who may have reached its lowest step."""

    remembers: bool = field(init=False)
    """Whether what an order earned at first decides about later ones."""
    asks: bool = field(init=False)
    """Whether anything but the order itself decides."""

    climbs: bool = field(init=False)
    """Whether points lead to tiers."""

    cheapest: float = field(init=False)
    """What the first reward costs; without end where there is none."""

    def __post_init__(self) -> None:
        self.cheapest = min((float(reward.points) for reward in self.terms.rewards), default=inf)
        self.climbs = self.terms.tiers.measure is Measure.POINTS and bool(self.terms.tiers.levels)
        self.remembers = bool(self.terms.earning.caps) or any(p.most_orders for p in self.terms.promotions)
        self.asks = not self.terms.plain or self.terms.earning.members != Members.ALL

    def since(self, begins: datetime, where: ZoneInfo) -> datetime:
        """From when on orders decide about those since `begins`."""
        if any(p.most_orders for p in self.terms.promotions) or self.climbs:
            return _EVER
        return capped_since(begins, self.terms, where) if self.terms.earning.caps else begins

    def meet(self, customer_id: CustomerId, where: ZoneInfo) -> None:
        self.points, self.had = 0, {customer_id: Counter()}
        self.room = Room(where, defaultdict(int)) if self.terms.earning.caps else None
        if self.asked is not None:
            self.asked = replace(self.asked, had=self.had)
        if self.climbs:
            self.counted[customer_id] = []

    def part(self, customer_id: CustomerId) -> None:
        """Nothing more of this member. Who cannot stand on the ladder is forgotten."""
        if self.ageing is not None:
            self.ageing.part()
        if self.climbs and sum(f.amount for f in self.counted[customer_id]) < self.terms.tiers.levels[0].enter:
            del self.counted[customer_id]

    def book(self, order: Order, points: int, month: date, joined_at: datetime) -> None:
        """What an order brought is issued in its month, and is over when its time is."""
        self.points += points
        self.tally.add(month, points)
        if points and self.ageing is not None:
            self.ageing.earn(points, order.placed_at, rules.available_at(order, self.terms), joined_at)

    def climb(self, order: Order, points: int, now: datetime) -> None:
        """Points count once they can be spent."""
        at = rules.available_at(order, self.terms)
        if points and order.customer_id is not None and at <= now:
            self.counted[order.customer_id].append(Fact(at, points))

    def owed(self, order: Order, lines: Mapping[OrderId, Sequence[KeptLine]]) -> int:
        """The points of the order as it stands, in the member's own time."""
        terms, goods = self.terms, lines.get(order.order_id, ())
        if self.asked is None:
            return rules.tried(order, terms, lines=goods)[0]
        room = None if self.room is None else self.room.left(order, terms)
        grounds = self.grounds = self.asked.grounds(order, terms, lines, room)
        points, used = rules.tried(order, terms, grounds, goods)
        if self.remembers and not grounds.barred:
            self._remember(order, grounds, goods, (points, used))
        return points

    def _remember(
        self, order: Order, grounds: Grounds, goods: Sequence[KeptLine], now: tuple[int, Sequence[Promotion]]
    ) -> None:
        """What the order earned at first, before anything of it came back, decides about later ones."""
        points, used = now
        if order.refunded_minor or order.cancelled:
            sold = [replace(line, returned=0, returned_minor=0) for line in goods]
            points, used = rules.tried(replace(order, refunded_minor=0, cancelled=False), self.terms, grounds, sold)
        if points and order.customer_id is not None:
            self.had[order.customer_id].update([p.key for p in used])
            if self.room is not None:
                self.room.take(order, points)


@dataclass(slots=True)
class Walk:
    """The walk through the history, with both terms side by side."""

    work: UnitOfWork
    zone: ZoneInfo
    since: datetime
    replays: Sequence[Replay]
    ladder: bool = False
    every: int = 1
    orders: int = 0
    members: int = 0
    goods_minor: int = 0
    extremes: Extremes = field(default_factory=Extremes)
    found: Callable[[Sequence[tuple[Order, Grounds | None]]], None] | None = None
    """Hears of each page: the orders since then, and the grounds of each by the last terms."""

    _who: CustomerId | None = None
    _counted: bool = False
    _standing: int = 0
    _cancelled: list[datetime] = field(default_factory=list)
    _joined: Mapping[CustomerId, Life] = field(default_factory=dict)

    def go(self, most: int | None) -> None:
        """Walk through the history; of more than `most` orders (None: however many), every so manieth customer's."""
        begins = min(replay.since(self.since, self.zone) for replay in self.replays)
        self.every = 1 if most is None else max(1, -(-records.count_orders(self.work, begins) // most))
        after = records.START
        while page := records.walk_orders(self.work, begins, after, every=self.every, limit=PAGE):
            after = records.Place(page[-1].customer_id, page[-1].placed_at, page[-1].order_id)
            self._read(page, begins)
        self._part()

    def _read(self, page: Sequence[Any], begins: datetime) -> None:
        orders = {order.order_id: order for order in mirror.load(self.work, [row.order_id for row in page])}
        agreed = [replay.terms for replay in self.replays]
        by_line = any(terms.by_line for terms in agreed)
        named = rules.collections_of(agreed)
        lines = goods.kept_lines(self.work, list(orders), named) if by_line else {}
        numbers, earlier = dict[OrderId, int](), dict[CustomerId, int]()
        if any(replay.asks for replay in self.replays):
            tiers = _tiers_found if self.ladder else no_tiers
            asked = Asked.of(self.work, list(orders.values()), agreed, tiers, replayed=True)
            for replay in self.replays:
                replay.asked = replace(asked, numbers=numbers, had=replay.had) if replay.asks else None
        people = sorted({row.customer_id for row in page})
        if any(terms.expiry.policy is Policy.ANNIVERSARY for terms in agreed):
            self._joined = records.lives(self.work, people, None)
        if counted := any(counts_orders(terms) for terms in agreed):
            earlier = records.earlier_orders(self.work, people, begins)
        seen = list[tuple[Order, Grounds | None]]()
        for row in page:
            if row.customer_id != self._who:
                self._part()
                self._meet(row.customer_id, earlier.get(row.customer_id, 0))
            order = orders[row.order_id]
            if counted:
                numbers[order.order_id] = self._number(order, row.cancelled_at)
            self._settle(order, lines)
            if self.found and order.placed_at >= self.since:
                seen.append((order, self.replays[-1].grounds))
        if self.found:
            self.found(seen)

    def _meet(self, customer_id: CustomerId, earlier: int) -> None:
        self._who, self._counted, self._standing, self._cancelled = customer_id, False, earlier, []
        for replay in self.replays:
            replay.meet(customer_id, self.zone)

    def _part(self) -> None:
        """The member's last order has been read."""
        if self._who is not None:
            for replay in self.replays:
                replay.part(self._who)
        if self._counted and self._who is not None:
            self.members += 1
            self.extremes.add(self._who, self.replays[0].points, self.replays[-1].points)
            for replay in self.replays:
                replay.tally.bands[rules.band_of(replay.points)] += 1
                replay.tally.reached += replay.points >= replay.cheapest

    def _number(self, order: Order, cancelled_at: datetime | None) -> int:
        """The number of the order among its buyer's: of those placed before, the ones that stood at that time."""
        number = self._standing + sum(at > order.placed_at for at in self._cancelled) + 1
        if order.paid and not order.test:
            if cancelled_at is None:
                self._standing += 1
            else:
                self._cancelled.append(cancelled_at)
        return number

    def _settle(self, order: Order, lines: Mapping[OrderId, Sequence[KeptLine]]) -> None:
        if order.placed_at < self.since:
            # Nothing of it is counted; but what it earned may decide about a later one.
            for replay in self.replays:
                if replay.remembers or replay.climbs:
                    points = replay.owed(order, lines)
                    if replay.climbs:
                        replay.climb(order, points, self.work.now)
            return
        self.orders, self._counted = self.orders + 1, True
        if order.counts and order.currency == self.replays[0].terms.currency:
            self.goods_minor += order.kept_minor
        month = order.placed_at.astimezone(self.zone).date().replace(day=1)
        life = self._joined.get(order.customer_id) if self._joined and order.customer_id is not None else None
        joined = life.joined_at if life else order.placed_at
        for replay in self.replays:
            points = replay.owed(order, lines)
            replay.book(order, points, month, joined)
            if replay.climbs:
                replay.climb(order, points, self.work.now)


def _tiers_found(work: UnitOfWork, orders: Sequence[Order]) -> Mapping[OrderId, str]:
    """The tiers that the orders found: an order that led to a tier was not placed on it."""
    return tiers_of_buyers(work, orders, before=_MOMENT)


def _said(walk: Walk, first: date, months: int) -> Simulation:
    now, then = (replay.terms for replay in walk.replays)
    goods, margin = Money(walk.goods_minor, now.currency), then.margin or now.margin
    firsts = [rules.add_months(first, month) for month in range(months)]
    before, after = (_outcome(replay, goods, margin, firsts) for replay in walk.replays)
    gains, losses = walk.extremes.gains, walk.extremes.losses
    names = records.names(walk.work, [who for who, _, _ in (*gains, *losses)])
    counted = (walk.replays[0].counted, walk.replays[1].counted)
    return Simulation(
        now.version, first, walk.orders, walk.members, walk.every, goods, margin, before, after,
        [Difference(names[who], old, new) for who, old, new in gains],
        [Difference(names[who], old, new) for who, old, new in losses],
        compare_tiers(walk.work, (now.tiers, then.tiers), counted, walk.every),
    )  # fmt: skip


def _outcome(replay: Replay, goods: Money, margin: int | None, firsts: list[date]) -> Outcome:
    tally, price = replay.tally, rules.worth(replay.terms)
    money = rules.in_money(tally.points, price.average, replay.terms.currency) if price else None
    share = Fraction(money.minor, goods.minor) if money and goods.minor else None
    return Outcome(
        tally.points, tally.expired(firsts), tally.orders, money, share,
        share * 100 / margin if share is not None and margin else None,
        tally.curve(firsts), [tally.bands[place] for place in range(len(rules.BANDS))], tally.reached,
    )  # fmt: skip
