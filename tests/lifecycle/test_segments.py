"""Segments on the real database: the question that a rule becomes, who comes and goes, and what the store hears."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lifecycle
import loyalty
import referral
from commerce.events import CustomerFact, CustomersMerged, CustomerTagged
from commerce.orders import OrderLine
from commerce.traits import OPS, Kind, Op, Source, Trait
from engine import announcements
from lifecycle.rules.segments import Condition, Group, Match, body, read
from plugin.traits import keep_segments
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
        return {
            "orders": len(mine),
            "spent": sum(kept),
            "average_order": sum(kept) / len(kept) if kept else None,
            "first_order_at": min((o.placed_at for o in mine), default=None),
            "last_order_at": max((o.placed_at for o in mine), default=None),
            "orders_in": len(self.within(mine, condition)),
            "bought_product": len([o for o in self.within(mine, condition) if self.has(o, condition)]),
            "email_consent": self.facts[who].get("consent:email"),
            "has_email": True,
            "known_since": day(-300),
            "stage": {0: "lead", 1: "acquired", 2: "developing", 3: "developing"}.get(len(mine), "retained"),
        }[condition.trait]

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
                OrderLine(
                    n + 1, f"p{(who + turn + n) % 5}", f"Product {(who + turn + n) % 5}", 1, 900, (who + n) % 7 == 0
                )
                for n in range(1 + turn % 3)
            )
            one = people.order(
                number, people.customer(who), 1000 * (1 + (who * turn) % 7),
                placed_at=day(-((who * 11 + turn * 17) % 80)),
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


def test_a_customer_is_of_the_country_where_the_newest_order_that_says_one_went(desk: Desk, above: Superuser) -> None:
    for number, buyer, day, country in ((1, 1, 9, "RO"), (2, 1, 5, "DE"), (3, 1, 1, None), (4, 2, 1, "DE")):
        sold = people.order(number, people.customer(buyer), placed_at=START - timedelta(days=day))
        desk.settle(replace(sold, country=country))

    def of(*countries: str) -> list[str]:
        with desk.work() as work:
            found = lifecycle.segments.count(work, BOOK, rule(ask("country", "is", *countries)))
        known = {desk.customer_id(n): str(1000 + n) for n in (1, 2)}
        return sorted(known[one] for one in found.some)

    assert (of("DE"), of("RO"), of("RO", "DE")) == (["1001", "1002"], [], ["1001", "1002"])
    desk.settle(replace(people.order(5, people.customer(1), placed_at=START), country="RO"))
    assert (of("DE"), of("RO")) == (["1002"], ["1001"])


def test_days_begin_in_the_shop_s_own_zone(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1), placed_at=datetime(2026, 2, 28, 23, 30, tzinfo=UTC)))
    asked = rule(ask("last_order_at", "since", "2026-03-01"))
    above.run("UPDATE shops SET timezone = 'Europe/Berlin' WHERE shop_id = %s", desk.shop.shop_id)
    with desk.work() as work:
        assert lifecycle.segments.count(work, BOOK, asked).many == 1
    above.run("UPDATE shops SET timezone = 'America/New_York' WHERE shop_id = %s", desk.shop.shop_id)
    with desk.work() as work:
        assert lifecycle.segments.count(work, BOOK, asked).many == 0


@pytest.mark.parametrize("source", BOOK.sources, ids=lambda source: source.traits[0].key)
def test_every_trait_of_every_domain_can_be_asked_for(desk: Desk, above: Superuser, source: Source) -> None:
    """Each operator of each trait is a question that the database takes, for everybody and for some."""
    build(desk)
    for trait in source.traits:
        for op in OPS[trait.kind]:
            values: tuple[Any, ...] = (1,)
            if trait.kind is Kind.CHOICE:
                values = (trait.choices[0][0] if trait.choices else "x",)
            elif op in (Op.KNOWN, Op.UNKNOWN) or trait.kind is Kind.FLAG:
                values = ()
            elif op in (Op.BEFORE, Op.SINCE):
                values = ("2026-01-01",)
            times = {"days": 30} if trait.kind is Kind.TIMES else {}
            items = {"items": ["x", "y"]} if trait.counts else {}
            given = rule(ask(trait.key, op, *values, **times, **items))
            segment_id = make(desk, given, trait.key)
            with desk.work() as work:
                everybody = lifecycle.segments.count(work, BOOK, given).many
                assert lifecycle.segments.look(work, BOOK, segment_id, [desk.customer_id(1)]) == (0, 0)
                assert 0 <= everybody <= PEOPLE
                lifecycle.segments.end(work, segment_id)


# What people type who try. None of it may reach the text of a statement.
ODD = (
    "'; DROP TABLE segments; --", "x' OR '1'='1", "\\'; SELECT 1; --", "$$; DELETE FROM customers; $$", ":shop_id",
    "%(shop_id)s", "{among}", "0) OR (1=1", "\u02bc OR 1=1", "NULL", "ＤＲＯＰ TABLE", "a" * 200,
)  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_what_is_typed_stays_a_value(desk: Desk, above: Superuser, odd: str) -> None:
    desk.settle(people.order(1, people.customer(1), lines=(OrderLine(1, odd, "Odd", 1, 5000, False),)))
    for asking in (
        rule(ask("bought_product", "at_least", 1, items=[odd])),
        rule(ask("tagged", "at_most", 0, items=[odd])),
        rule(ask("used_code", "at_most", 0, items=[odd])),
        rule(ask("tier", "is_not", odd)),
    ):
        with desk.work() as work:
            asked = lifecycle.segments._question(work, BOOK, asking)
            # These two are words of ours as well.
            assert odd in (":shop_id", "NULL") or odd not in asked.text
            assert lifecycle.segments.count(work, BOOK, asking).many == 1
    assert above.one("SELECT count(*) FROM customers WHERE shop_id = %s", desk.shop.shop_id) == 1


def test_the_text_of_a_question_does_not_depend_on_what_was_typed(desk: Desk) -> None:
    with desk.work() as work:
        one, other = (
            lifecycle.segments._question(
                work, BOOK, rule(ask("bought_product", "at_least", n, items=[item]), ask("stage", "is", stage))
            )
            for n, item, stage in ((1, "x", "lead"), (9, "'; --", "lapsed"))
        )
    assert one.text == other.text
    assert one.values != other.values


# --- members who come and go


def test_members_come_and_go_with_their_orders_and_every_step_is_noted(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1)), people.order(2, people.customer(2)))
    segment_id = make(desk, LOYAL)
    assert members(desk, above, segment_id) == []
    second = people.order(3, people.customer(1))
    desk.settle(second)
    assert keep(desk) == {segment_id: [desk.customer_id(1), desk.customer_id(2)]}
    assert members(desk, above, segment_id) == ["1001"]
    desk.settle(people.refunded(second, people.refund(second, 1, 5000)))
    keep(desk)
    assert members(desk, above, segment_id) == []
    assert above.run(CHANGES, desk.shop.shop_id, segment_id) == [("1001", True), ("1001", False)]
    assert of(desk, segment_id).members == 0


def test_a_look_that_finds_nothing_new_writes_nothing(desk: Desk, above: Superuser) -> None:
    build(desk)
    segment_id = make(desk, LOYAL)
    kept = "SELECT m.*, m.xmin FROM segment_members m WHERE shop_id = %s ORDER BY customer_id"
    before = above.run(kept, desk.shop.shop_id)
    assert before
    assert look(desk, segment_id) == (0, 0)
    assert above.run(kept, desk.shop.shop_id) == before
    assert of(desk, segment_id).members == len(before)


def test_points_are_news_too(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(1)))
    segment_id = make(desk, rule(ask("points", "at_least", 51)))
    assert members(desk, above, segment_id) == []
    clock.forward(hours=1)
    keep(desk)
    clock.forward(hours=1)
    desk.settle(people.order(2, people.customer(1), placed_at=clock.now))
    assert list(keep(desk)) == [segment_id]
    assert members(desk, above, segment_id) == ["1001"]


def test_silence_moves_members_although_nobody_said_a_word(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(1)))
    segment_id = make(desk, rule(ask("last_order_at", "ago", 60)))
    clock.forward(days=59)
    assert keep(desk) == {segment_id: None}
    assert members(desk, above, segment_id) == []
    clock.forward(minutes=1)
    assert keep(desk) == {}
    clock.forward(days=1)
    assert keep(desk) == {segment_id: None}
    assert members(desk, above, segment_id) == ["1001"]


def test_who_is_erased_or_merged_away_is_in_no_segment(desk: Desk, above: Superuser) -> None:
    desk.settle(*(people.order(n, people.customer(n)) for n in (1, 2, 3)))
    segment_id = make(desk, rule(ask("orders", "at_least", 1)))
    assert members(desk, above, segment_id) == ["1001", "1002", "1003"]
    desk.hear(CustomersMerged("1001", "1002", START))
    above.run("UPDATE customers SET redacted_at = now() WHERE shop_id = %s AND external_id = '1003'", desk.shop.shop_id)
    look(desk, segment_id)
    assert members(desk, above, segment_id) == ["1001"]


def test_a_changed_rule_is_a_new_version_and_an_old_form_changes_nothing(desk: Desk, above: Superuser) -> None:
    build(desk)
    segment_id = make(desk, LOYAL)
    with desk.work() as work:
        lifecycle.segments.save(
            work, BOOK, "Others", rule(ask("orders", "at_most", 0)), segment_id=segment_id, version=1
        )
    with desk.work() as work, pytest.raises(lifecycle.segments.ChangedMeanwhile):
        lifecycle.segments.save(work, BOOK, "Mine", LOYAL, segment_id=segment_id, version=1)
    keep(desk)
    now = of(desk, segment_id)
    assert (now.name, now.version, now.rule) == ("Others", 2, rule(ask("orders", "at_most", 0)))
    kept = above.run(
        "SELECT version, name, rule FROM segment_versions WHERE shop_id = %s ORDER BY 1", desk.shop.shop_id
    )
    assert kept == [(1, "Some", LOYAL), (2, "Others", rule(ask("orders", "at_most", 0)))]
    assert {
        row[0] for row in above.run("SELECT version FROM segment_changes WHERE shop_id = %s", desk.shop.shop_id)
    } == {1, 2}


def test_a_trait_that_is_no_more_is_said_and_members_stay(desk: Desk, above: Superuser, clock: Clock) -> None:
    build(desk)
    segment_id = make(desk, LOYAL)
    before = members(desk, above, segment_id)
    lost = rule(ask("horoscope", "is", "leo"))
    above.run("UPDATE segments SET rule = %s::jsonb WHERE shop_id = %s", json.dumps(lost), desk.shop.shop_id)
    assert look(desk, segment_id) is None
    assert "not known here" in of(desk, segment_id).trouble
    assert members(desk, above, segment_id) == before
    # It is tried again in some hours, and not each minute.
    assert keep(desk) == {}
    clock.forward(hours=6)
    assert keep(desk) == {segment_id: None}


def test_a_segment_that_the_database_cannot_look_at_holds_nobody_up(desk: Desk, above: Superuser) -> None:
    broken = Source(
        "SELECT c.customer_id, 1 / (c.customer_id - c.customer_id) AS odd FROM customers c "
        "WHERE c.shop_id = :shop_id AND c.customer_id {among}",
        (Trait("odd", "odd", "…", Kind.NUMBER, "Odd", "odd"),),
    )
    traits = lifecycle.segments.book(*loyalty.TRAIT_SOURCES, *referral.TRAIT_SOURCES, broken)
    desk.settle(people.order(1, people.customer(1)))
    with desk.work() as work:
        odd = lifecycle.segments.save(work, traits, "Odd", rule(ask("odd", "at_least", 1)))
        sound = lifecycle.segments.save(work, traits, "Sound", rule(ask("orders", "at_least", 1)))
    keep_segments(desk.database, desk.shop, traits)
    assert members(desk, above, sound) == ["1001"]
    assert "failed or took too long" in of(desk, odd).trouble
    assert odd not in keep(desk)


# --- what the store hears


def test_members_of_a_segment_that_the_store_shall_have_are_tagged_and_nobody_else(
    desk: Desk, above: Superuser
) -> None:
    desk.settle(*(people.order(n, people.customer(1 + n % 2), placed_at=day(-n)) for n in range(3)))
    loyal, others = make(desk, LOYAL, "Two orders!"), make(desk, rule(ask("orders", "at_most", 1)), "One order")
    tell(desk)
    assert tags(desk, above) == {}
    with desk.work() as work:
        assert lifecycle.segments.want(work, loyal, wanted=True)
        assert not lifecycle.segments.want(work, loyal, wanted=True)
    tell(desk)
    assert tags(desk, above) == {"1001": ["segment:two-orders"]}
    desk.settle(people.order(9, people.customer(2)))
    keep(desk)
    tell(desk)
    assert tags(desk, above) == {"1001": ["segment:two-orders"], "1002": ["segment:two-orders"]}
    segment = above.one("SELECT body FROM effects WHERE shop_id = %s AND key = 'segment:two-orders'", desk.shop.shop_id)
    assert segment == {"name": "Perennial: Two orders!", "tag": "segment:two-orders", "active": True}
    assert of(desk, others).wanted is False


def test_a_segment_that_ends_takes_its_tags_off(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1)), people.order(2, people.customer(1)))
    segment_id = make(desk, LOYAL, "Loyal")
    with desk.work() as work:
        lifecycle.segments.want(work, segment_id, wanted=True)
    tell(desk)
    with desk.work() as work:
        assert lifecycle.segments.end(work, segment_id)
        assert not lifecycle.segments.end(work, segment_id)
    tell(desk)
    assert tags(desk, above) == {"1001": []}
    effects = above.run(
        "SELECT body -> 'vocabulary', body -> 'active' FROM effects WHERE shop_id = %s "
        "AND starts_with(key, 'segment:') ORDER BY kind", desk.shop.shop_id,
    )  # fmt: skip
    assert effects == [(None, False), (["segment:loyal"], None)]
    assert make(desk, LOYAL, "Loyal") != segment_id
    with desk.work() as work:
        assert [s.slug for s in lifecycle.segments.everyone(work)] == ["loyal-2"]


def test_only_changes_are_told(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1)), people.order(2, people.customer(1)))
    segment_id = make(desk, LOYAL)
    with desk.work() as work:
        lifecycle.segments.want(work, segment_id, wanted=True)
    tell(desk)
    versions = "SELECT key, version FROM effects WHERE shop_id = %s AND starts_with(key, 'segment:') ORDER BY 1"
    before = above.run(versions, desk.shop.shop_id)
    desk.settle(people.order(3, people.customer(1)))
    keep(desk)
    look(desk, segment_id)
    with desk.work() as work:
        assert lifecycle.segments.tell(work) == 0
    assert above.run(versions, desk.shop.shop_id) == before


def test_who_comes_and_goes_is_announced_where_somebody_listens(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1)), people.order(2, people.customer(1)))
    with desk.work() as work:
        announcements.heard(work, [announcements.What.SEGMENT_ENTERED], START, listening=True)
    segment_id = make(desk, LOYAL, "Loyal")
    said = (
        "SELECT body ->> 'customer_external_id', body -> 'facts' FROM effects "
        "WHERE shop_id = %s AND kind = 'announcement'"
    )
    # Whoever was so before somebody asked has not entered anything.
    assert above.run(said, desk.shop.shop_id) == []
    desk.settle(people.order(3, people.customer(2)), people.order(4, people.customer(2)))
    keep(desk)
    assert above.run(said, desk.shop.shop_id) == [("1002", {"segment": "Loyal"})]
    assert members(desk, above, segment_id) == ["1001", "1002"]


def test_consent_and_the_store_s_own_tags_are_news(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(1)), people.order(2, people.customer(2)))
    may = make(desk, rule(ask("email_consent", "is", "subscribed"), ask("tagged", "at_least", 1, items=["VIP"])))
    clock.forward(hours=1)
    keep(desk)
    desk.hear(CustomerFact("1001", "consent:email", "subscribed", clock.now))
    desk.hear(CustomerTagged("1001", ("vip", "stage:acquired"), (), clock.now))
    keep(desk)
    assert members(desk, above, may) == ["1001"]
    # Our own tags are no facts of the store.
    facts = "SELECT fact, value FROM customer_facts WHERE shop_id = %s ORDER BY 1"
    assert above.run(facts, desk.shop.shop_id) == [("consent:email", "subscribed"), ("tag:vip", True)]
    clock.forward(hours=1)
    desk.hear(CustomerTagged("1001", (), ("VIP",), clock.now))
    keep(desk)
    assert members(desk, above, may) == []
