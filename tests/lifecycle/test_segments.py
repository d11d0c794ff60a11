"""Segments on the real database: the question that a rule becomes, members who come and go, and what the store hears."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

import lifecycle
import loyalty
import referral
from commerce.events import CustomerFact, CustomersMerged
from commerce.orders import OrderLine
from commerce.traits import OPS, Kind, Op
from engine import announcements
from lifecycle.rules.segments import Condition, Group, Match, body, read
from tests import people
from tests.ground import START, Clock, Desk, Superuser

BOOK = lifecycle.segments.book(*loyalty.TRAIT_SOURCES, *referral.TRAIT_SOURCES)
PEOPLE = 14
MEMBERS = """
    SELECT c.external_id FROM segment_members m JOIN customers c USING (shop_id, customer_id)
    WHERE m.shop_id = %s AND m.segment_id = %s ORDER BY 1
"""
CHANGES = """
    SELECT c.external_id, h.entered FROM segment_changes h JOIN customers c USING (shop_id, customer_id)
    WHERE h.shop_id = %s AND h.segment_id = %s ORDER BY h.change_id
"""
TAGS = """
    SELECT body ->> 'customer_external_id', body -> 'tags' FROM effects
    WHERE shop_id = %s AND kind = 'tags' AND starts_with(key, 'segment:') ORDER BY 1
"""


def rule(*parts: dict[str, Any], match: str = "all") -> dict[str, Any]:
    return {"form": 1, "match": match, "parts": list(parts)}


def ask(trait: str, op: str, *values: Any, **more: Any) -> dict[str, Any]:
    return {"trait": trait, "op": op, "values": list(values), **more}


LOYAL = rule(ask("orders", "at_least", 2))


def day(days: float) -> datetime:
    return START + timedelta(days=days)


def make(desk: Desk, given: dict[str, Any], name: str = "Some") -> int:
    with desk.work() as work:
        segment_id = lifecycle.segments.save(work, BOOK, name, given)
    look(desk, segment_id)
    return segment_id


def look(desk: Desk, segment_id: int) -> Any:
    with desk.work() as work:
        return lifecycle.segments.look(work, BOOK, segment_id)


def keep(desk: Desk) -> dict[int, Any]:
    """What the clock does each minute."""
    with desk.work() as work:
        due = lifecycle.segments.due(work, BOOK)
    for segment_id, among in due.items():
        with desk.work() as work:
            lifecycle.segments.look(work, BOOK, segment_id, among)
    return dict(due)


def tell(desk: Desk) -> None:
    with desk.work() as work:
        while lifecycle.segments.tell(work):
            pass


def members(desk: Desk, above: Superuser, segment_id: int) -> list[str]:
    return [row[0] for row in above.run(MEMBERS, desk.shop.shop_id, segment_id)]


def tags(desk: Desk, above: Superuser) -> dict[str, Any]:
    return dict(above.run(TAGS, desk.shop.shop_id))


def of(desk: Desk, segment_id: int) -> Any:
    with desk.work() as work:
        return lifecycle.segments.one(work, segment_id)


# --- a small town, whose facts are also known to plain Python


@dataclasses.dataclass
class Town:
    """Everybody of the shop under test: the value of each trait, reckoned by plain Python from what was settled."""

    orders: dict[str, list[Any]]
    facts: dict[str, dict[str, Any]]

    def value(self, who: str, condition: Condition) -> Any:
        mine = [o for o in self.orders[who] if counts(o)]
        kept = [o.goods_minor - sum(r.goods_minor for r in o.refunds) for o in mine]
        match condition.trait:
            case "orders":
                return len(mine)
            case "spent":
                return sum(kept)
            case "average_order":
                return sum(kept) / len(kept) if kept else None
            case "first_order_at":
                return min((o.placed_at for o in mine), default=None)
            case "last_order_at":
                return max((o.placed_at for o in mine), default=None)
            case "orders_in":
                return len(self.within(mine, condition))
            case "bought_product":
                return len([o for o in self.within(mine, condition) if self.has(o, condition)])
            case "email_consent":
                return self.facts[who].get("consent:email")
            case "has_email":
                return True
            case "known_since":
                return day(-300)
            case "stage":
                return {0: "lead", 1: "acquired", 2: "developing", 3: "developing"}.get(len(mine), "retained")
        raise AssertionError(condition.trait)

    def within(self, mine: list[Any], condition: Condition) -> list[Any]:
        since = START - timedelta(days=condition.days or 100_000)
        return [o for o in mine if o.placed_at >= since]

    def has(self, order: Any, condition: Condition) -> bool:
        return any(line.product_id in condition.items for line in order.lines if not line.gift_card)


def counts(order: Any) -> bool:
    kept = order.goods_minor - sum(r.goods_minor for r in order.refunds)
    return bool(order.paid and order.cancelled_at is None and not order.test and kept > 0)


def holds(town: Town, who: str, part: Group | Condition) -> bool:
    """The same rule, by plain Python: nothing of it is shared with what is tested."""
    if isinstance(part, Group):
        found = [holds(town, who, each) for each in part.parts]
        return {"all": all(found), "any": any(found), "none": not any(found)}[part.match]
    value, kind = town.value(who, part), BOOK.traits[part.trait].kind
    against = part.values[0] if part.values else None
    if kind is Kind.CHOICE:
        return (value in part.values) == (part.op is Op.IS)
    if kind is Kind.FLAG:
        return value == (part.op is Op.IS)
    if part.op in (Op.KNOWN, Op.UNKNOWN):
        return (value is not None) == (part.op is Op.KNOWN)
    if value is None:
        return False
    if kind is Kind.INSTANT:
        return holds_instant(part.op, value, against)
    return {Op.AT_LEAST: value >= against, Op.AT_MOST: value <= against, Op.EQUALS: value == against}[part.op]


def holds_instant(op: Op, value: datetime, against: Any) -> bool:
    if op in (Op.BEFORE, Op.SINCE):
        begins = datetime.fromisoformat(f"{against}T00:00:00+00:00")
        return value < begins if op is Op.BEFORE else value >= begins
    far = timedelta(days=against)
    return {
        Op.AGO: value <= START - far,
        Op.WITHIN: START - far < value <= START,
        Op.AHEAD: START < value <= START + far,
    }[op]


def build(desk: Desk) -> Town:
    """Fourteen people with nought to five orders of all sorts, refunds, consents."""
    orders, number = defaultdict[str, list[Any]](list), 0
    desk.settle(customers=[people.customer(n, updated_at=START) for n in range(1, PEOPLE + 1)])
    for who in range(1, PEOPLE + 1):
        for turn in range(who % 6):
            number += 1
            lines = tuple(
                OrderLine(n + 1, f"p{(who + turn + n) % 5}", f"Product {(who + turn + n) % 5}", 1, 900, (who + n) % 7 == 0)
                for n in range(1 + turn % 3)
            )
            one = people.order(
                number, people.customer(who), 1000 * (1 + (who * turn) % 7), placed_at=day(-((who * 11 + turn * 17) % 80)),
                lines=lines, paid=(who + turn) % 9 != 0, test=(who * turn) % 13 == 12,
            )  # fmt: skip
            if (who + turn) % 5 == 0:
                one = people.refunded(one, people.refund(one, number, 1000))
            orders[str(1000 + who)].append(one)
    desk.settle(*(o for mine in orders.values() for o in mine))
    states = ("subscribed", "unsubscribed", "not_subscribed")
    heard = [CustomerFact(str(1000 + n), "consent:email", states[n % 3], START) for n in range(1, PEOPLE, 2)]
    desk.hear(*heard)
    facts = defaultdict[str, dict[str, Any]](dict)
    for fact in heard:
        facts[fact.customer_external_id][fact.fact] = fact.value
    return Town(defaultdict(list, orders), facts)


KNOWN_TO_PYTHON = (
    "orders", "spent", "average_order", "first_order_at", "last_order_at", "orders_in", "bought_product",
    "email_consent", "has_email", "known_since", "stage",
)  # fmt: skip


@st.composite
def some_condition(draw: st.DrawFn) -> Condition:
    trait = BOOK.traits[draw(st.sampled_from(KNOWN_TO_PYTHON))]
    op = draw(st.sampled_from(OPS[trait.kind]))
    values: tuple[Any, ...] = ()
    if trait.kind is Kind.CHOICE:
        values = tuple(draw(st.lists(st.sampled_from([key for key, _ in trait.choices]), min_size=1, unique=True)))
    elif op in (Op.BEFORE, Op.SINCE):
        values = (day(-draw(st.integers(0, 90))).date().isoformat(),)
    elif op not in (Op.KNOWN, Op.UNKNOWN) and trait.kind is not Kind.FLAG:
        most = {Kind.INSTANT: 90, Kind.MONEY: 20_000}.get(trait.kind, 5)
        values = (draw(st.integers(0, most)),)
    items = tuple(draw(st.lists(st.sampled_from([f"p{n}" for n in range(6)]), min_size=1, unique=True)))
    times = trait.kind is Kind.TIMES
    days = draw(st.none() | st.integers(1, 90)) if times else None
    return Condition(trait.key, op, values, items if trait.counts else (), days)


def some_rule(depth: int = 3) -> st.SearchStrategy[Group]:
    parts = some_condition() if depth == 1 else some_condition() | some_rule(depth - 1)
    return st.builds(Group, st.sampled_from(Match), st.lists(parts, min_size=1, max_size=4).map(tuple))


def test_the_question_finds_whom_plain_python_finds(desk: Desk, above: Superuser) -> None:
    town = build(desk)
    everybody = {desk.customer_id(n): str(1000 + n) for n in range(1, PEOPLE + 1)}
    sizes = Counter[int]()

    @settings(max_examples=300)
    @given(some_rule())
    def same(made: Group) -> None:
        assert read(body(made), BOOK.traits) == made
        with desk.work() as work:
            counted = lifecycle.segments.count(work, BOOK, body(made))
        expected = {who for who in everybody.values() if holds(town, who, made)}
        assert counted.many == len(expected), (body(made), expected)
        assert {everybody[one] for one in counted.some} <= expected
        sizes[counted.many] += 1

    same()
    # The rules that were drawn tell people apart: a test of all or nobody would prove nothing.
    assert len(sizes) >= 8


def test_looking_at_some_and_at_everybody_finds_the_same(desk: Desk, above: Superuser) -> None:
    build(desk)
    segment_id = make(desk, rule(ask("spent", "at_least", 5000), ask("orders_in", "at_least", 1, days=40), match="any"))
    whole = members(desk, above, segment_id)
    assert 0 < len(whole) < PEOPLE
    above.run("DELETE FROM segment_members WHERE shop_id = %s", desk.shop.shop_id)
    with desk.work() as work:
        some = [desk.customer_id(n) for n in range(1, PEOPLE + 1)]
        assert lifecycle.segments.look(work, BOOK, segment_id, some) == (len(whole), 0)
    assert members(desk, above, segment_id) == whole
