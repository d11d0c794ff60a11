"""What orders earn by each rule of the terms: exact values, and what must hold for any order and any refunds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.ids import CustomerId, OrderId
from commerce.orders import KeptLine, Order
from loyalty import rules
from loyalty.rules import Buyer, Grounds, Period, Promotion, Terms
from tests.ground import START


def terms(
    points: int = 1, *, promotions: Sequence[dict[str, Any]] = (), stacking: str | None = None, **earning: Any
) -> Terms:
    body = {**rules.proposal("USD"), "points": points, "earning": earning}
    return Terms.read(1, {**body, "promotions": list(promotions), "stacking": stacking})


def order(**changed: Any) -> Order:
    """100.00 of goods that cost 120.00 before discounts, 10.00 of tax on top, 5.00 of shipping."""
    placed = Order(
        OrderId(1), "5001", "#1", CustomerId(1), "1001", "USD", START, True, False, False, 10_000, 0, (), None, 1,
        total_minor=11_500, list_minor=12_000, tax_minor=1_000, shipping_minor=500,
    )  # fmt: skip
    return replace(placed, **changed)


def line(product: str, net_minor: int, quantity: int = 1, **changed: Any) -> KeptLine:
    return replace(KeptLine(product, None, None, quantity, net_minor), **changed)


MUGS, TEA = line("31", 6_000, 3), line("32", 4_000, 4, vendor="Leaf & Kettle")
DOUBLE = {"key": "double", "title": "Double weekend", "percent": 200}
TRIPLE_TEA = {"key": "tea", "title": "Tea days", "percent": 300, "goods": {"vendors": ["Leaf & Kettle"]}}


@pytest.mark.parametrize(
    "earning, changed, points",
    [
        ({}, {}, 100),
        ({"tax": True}, {}, 110),
        ({"tax": False}, {}, 100),
        ({"tax": False}, {"tax_included": True}, 90),
        ({"tax": True}, {"tax_included": True}, 100),
        ({"shipping": True}, {}, 105),
        ({"discounts": True}, {}, 120),
        ({"discounts": True}, {"discount_codes": ("P-ABC",)}, 100),
        ({"tax": True, "shipping": True, "discounts": True}, {}, 135),
        ({"tax": True, "shipping": True}, {"refunded_minor": 5_000}, 57),
        ({"credit": False}, {"credit_minor": 3_450}, 70),
        ({"credit": True}, {"credit_minor": 3_450}, 100),
        ({"credit": False}, {"credit_minor": 11_500}, 0),
        ({"credit": False}, {"credit_minor": 3_450, "refunded_minor": 5_000}, 35),
        ({"per_order": 25}, {}, 125),
        ({"per_order": 25}, {"refunded_minor": 9_999}, 25),
        ({"per_order": 25}, {"refunded_minor": 10_000}, 0),
        ({"minimum_minor": 10_001}, {}, 0),
        ({"minimum_minor": 10_000}, {}, 100),
        ({"rounding": "down"}, {"goods_minor": 10_050}, 100),
        ({"rounding": "nearest"}, {"goods_minor": 10_050}, 101),
        ({"rounding": "nearest"}, {"goods_minor": 10_049}, 100),
        ({"rounding": "up"}, {"goods_minor": 10_001}, 101),
        ({"rounding": "up"}, {"goods_minor": 10_000}, 100),
        ({"trigger": "fulfilled"}, {}, 0),
        ({"trigger": "fulfilled"}, {"fulfilled_at": START}, 100),
        ({"pos": False}, {"channel": "pos"}, 0),
        ({"pos": False}, {"channel": "draft"}, 100),
        ({"draft": False}, {"channel": "draft"}, 0),
    ],
)
def test_what_of_an_order_counts_is_for_the_terms_to_say(
    earning: dict[str, Any], changed: dict[str, Any], points: int
) -> None:
    assert rules.owed(order(**changed), terms(**earning)).points == points


@pytest.mark.parametrize(
    "earning, changed, reason",
    [
        ({"trigger": "fulfilled"}, {}, "the order is not fulfilled yet"),
        ({"pos": False}, {"channel": "pos"}, "orders at the till earn nothing"),
        ({"draft": False}, {"channel": "draft"}, "orders that the shop wrote itself earn nothing"),
        ({"minimum_minor": 20_000}, {}, "less than 200.00 USD counts"),
        ({"credit": False}, {"credit_minor": 11_500}, "nothing of it counts"),
        (
            {"credit": False}, {"credit_minor": None},
            "the store has not said yet how much of it gift cards and credit paid",
        ),
    ],
)  # fmt: skip
def test_an_order_that_earns_nothing_says_why(earning: dict[str, Any], changed: dict[str, Any], reason: str) -> None:
    found = rules.owed(order(**changed), terms(**earning))
    assert (found.points, found.sentence, found.receipt.reason) == (0, f"no points: {reason}", reason)


@pytest.mark.parametrize(
    "goods, points",
    [
        ([{"goods": {"products": ["31"]}, "percent": 0}], 40),
        ([{"goods": {"products": ["31"]}, "percent": 50}], 70),
        ([{"goods": {"vendors": ["Leaf & Kettle"]}, "percent": 300}], 180),
        ([{"goods": {"products": ["31"]}, "fixed": 7}], 40 + 3 * 7),
        ([{"goods": {"products": ["31", "32"]}, "percent": 0}], 0),
        # The first rule that names a piece counts, alone.
        (
            [{"goods": {"products": ["32"]}, "percent": 0}, {"goods": {"vendors": ["Leaf & Kettle"]}, "percent": 300}],
            60,
        ),
    ],
)
def test_goods_earn_by_the_first_rule_that_names_them(goods: list[dict[str, Any]], points: int) -> None:
    assert rules.owed(order(), terms(goods=goods), lines=(MUGS, TEA)).points == points


SUMMER = replace(MUGS, collections=("7", "8"))


@pytest.mark.parametrize(
    "goods, points",
    [
        ([{"goods": {"collections": ["7"]}, "percent": 50}], 70),
        ([{"goods": {"collections": ["9"]}, "percent": 50}], 100),
        ([{"goods": {"collections": ["9", "8"]}, "fixed": 7}], 40 + 3 * 7),
        # Of two collections the first named counts, alone.
        ([{"goods": {"collections": ["8"]}, "percent": 0}, {"goods": {"collections": ["7"]}, "percent": 50}], 40),
        # A product goes before a collection, and that before a maker, wherever they were written.
        ([{"goods": {"collections": ["7"]}, "percent": 0}, {"goods": {"products": ["31"]}, "percent": 50}], 70),
        ([{"goods": {"collections": ["7"]}, "percent": 0}, {"goods": {"variants": ["v"]}, "percent": 50}], 70),
        ([{"goods": {"vendors": ["Mugs Inc"]}, "percent": 0}, {"goods": {"collections": ["7"]}, "percent": 50}], 70),
    ],
)
def test_goods_of_a_collection_earn_by_the_closest_rule(goods: list[dict[str, Any]], points: int) -> None:
    mugs = replace(SUMMER, vendor="Mugs Inc", variant_id="v")
    assert rules.owed(order(), terms(goods=rules.ranked(goods)), lines=(mugs, TEA)).points == points


def test_terms_keep_the_order_in_which_their_rules_were_published() -> None:
    maker, product = {"vendors": ["Leaf & Kettle"]}, {"products": ["32"]}
    maker_first = [{"goods": maker, "percent": 0}, {"goods": product, "percent": 300}]
    assert rules.owed(order(), terms(goods=maker_first), lines=(MUGS, TEA)).points == 60
    assert rules.owed(order(), terms(goods=rules.ranked(maker_first)), lines=(MUGS, TEA)).points == 180


def test_a_receipt_names_the_collection_by_its_title() -> None:
    half = terms(goods=[{"goods": {"collections": ["7"]}, "percent": 50, "title": "Summer"}])
    found = rules.owed(order(), half, lines=(SUMMER, TEA))
    assert "50 % of it for goods of Summer" in found.sentence
    assert found.receipt.body()["goods"] == (("Summer", 50),)
    assert "Summer" not in rules.owed(order(), half, lines=(MUGS, TEA)).sentence
    each = terms(goods=[{"goods": {"collections": ["7"]}, "fixed": 7, "title": "Summer"}])
    assert "21 for 3 pieces of Summer" in rules.owed(order(), each, lines=(SUMMER, TEA)).sentence


def test_a_promotion_may_be_for_a_collection() -> None:
    triple = {"key": "summer", "title": "Summer days", "percent": 300, "goods": {"collections": ["7"]}}
    agreed = terms(promotions=[triple], stacking="best")
    assert agreed.collections == ("7",)
    found = rules.owed(order(), agreed, Grounds(promotions=("summer",)), (SUMMER, TEA))
    assert found.points == 60 * 3 + 40


@pytest.mark.parametrize(
    "goods, sentence",
    [
        ([{"goods": {"collections": ["7"]}, "percent": 0}] * 2, "two rules for goods name collection 7"),
        ([{"goods": {"collections": []}, "percent": 0}], "rule 1 for goods names none"),
        ([{"goods": {"collections": ["7"]}, "percent": 0, "title": "x" * 256}], "at most 255 letters"),
    ],
)
def test_rules_for_collections_that_cannot_be(goods: list[dict[str, Any]], sentence: str) -> None:
    assert sentence in "; ".join(rules.mistakes(terms(goods=goods)))


def test_points_a_piece_are_for_pieces_kept() -> None:
    each = terms(points=0, per_item=5)
    assert rules.owed(order(), each, lines=(MUGS, TEA)).points == 35
    back = (replace(MUGS, returned=2, returned_minor=4_000), TEA)
    assert rules.owed(order(refunded_minor=4_000), each, lines=back).points == 25


def test_a_refund_of_a_line_takes_back_what_that_line_earned() -> None:
    tea_alone = terms(goods=[{"goods": {"products": ["31"]}, "percent": 0}])
    assert rules.owed(order(), tea_alone, lines=(MUGS, TEA)).points == 40
    no_mugs = (replace(MUGS, returned=3, returned_minor=6_000), TEA)
    assert rules.owed(order(refunded_minor=6_000), tea_alone, lines=no_mugs).points == 40
    no_tea = (MUGS, replace(TEA, returned=4, returned_minor=4_000))
    assert rules.owed(order(refunded_minor=4_000), tea_alone, lines=no_tea).points == 0
    # Money alone comes out of all lines, in proportion.
    assert rules.owed(order(refunded_minor=5_000), tea_alone, lines=(MUGS, TEA)).points == 20


@pytest.mark.parametrize(
    "stacking, points, used",
    [("best", 200, ("double",)), ("add", 280, ("double", "tea")), ("multiply", 360, ("double", "tea"))],
)
def test_promotions_add_up_as_the_terms_say(stacking: str, points: int, used: tuple[str, ...]) -> None:
    both = terms(promotions=[DOUBLE, TRIPLE_TEA], stacking=stacking)
    found = rules.owed(order(), both, Grounds(promotions=("double", "tea")), (MUGS, TEA))
    assert (found.points, found.receipt.promotions) == (points, used)


def test_only_what_was_frozen_counts_and_only_while_enough_is_kept() -> None:
    bonus = {"key": "fifty", "title": "Fifty more", "bonus": 50, "minimum_minor": 8_000}
    given = terms(promotions=[bonus])
    assert rules.owed(order(), given, Grounds()).points == 100
    assert rules.owed(order(), given, Grounds(promotions=("fifty",))).points == 150
    assert rules.owed(order(refunded_minor=2_000), given, Grounds(promotions=("fifty",))).points == 130
    assert rules.owed(order(refunded_minor=2_001), given, Grounds(promotions=("fifty",))).points == 79


def test_tiers_milestones_and_caps_are_told_in_the_sentence() -> None:
    given = terms(
        tiers={"gold": 150}, milestones=[{"order": 5, "points": 40}, {"order": 2, "points": 7, "every": True}],
        caps=[{"points": 500, "period": "day"}],
    )  # fmt: skip
    found = rules.owed(order(), given, Grounds(tier="gold", number=5, room=180))
    assert found.points == 180
    assert found.sentence == (
        "180 points for 100.00 USD that counts, at 1 for each 1.00 USD, times 150 % for tier gold, "
        "40 for order number 5, 10 above the cap not paid"
    )
    assert found.receipt == rules.Receipt(
        10_000, "at 1 for each 1.00 USD", rules.Rounding.DOWN, 150, (), (("order number 5", 40),), 10, None,
        Grounds(tier="gold", number=5, room=180),
    )  # fmt: skip
    assert rules.owed(order(), given, Grounds(tier="silver", number=6)).points == 107


def test_points_are_held_from_when_the_order_was_placed_or_from_its_fulfilment() -> None:
    sent = START + timedelta(days=3)
    assert rules.available_at(order(fulfilled_at=sent), terms()) == START + timedelta(days=14)
    assert rules.available_at(order(fulfilled_at=sent), terms(trigger="fulfilled")) == sent + timedelta(days=14)


def promotion(**changed: Any) -> Promotion:
    return Promotion.read({"key": "p", "title": "P", "percent": 200, **changed})


@pytest.mark.parametrize(
    "condition, fits, fails",
    [
        ({"tiers": ["gold"]}, Buyer("gold"), Buyer("silver")),
        ({"segments": ["77"]}, Buyer(segments=("77", "8")), Buyer(segments=("8",))),
        ({"first_order": True}, Buyer(number=1), Buyer(number=2)),
        ({"most_orders": 2}, Buyer(had={"p": 1}), Buyer(had={"p": 2})),
    ],
)
def test_a_promotion_asks_who_bought(condition: dict[str, Any], fits: Buyer, fails: Buyer) -> None:
    asked = [promotion(**condition)]
    assert rules.eligible(asked, order(), fits, "monday", ()) == ("p",)
    assert rules.eligible(asked, order(), fails, "monday", ()) == ()


@pytest.mark.parametrize(
    "condition, fits",
    [
        ({"weekdays": ["monday"]}, True),
        ({"weekdays": ["sunday"]}, False),
        ({"starts_at": "2026-03-02T12:00:00+00:00"}, True),
        ({"starts_at": "2026-03-02T12:00:01+00:00"}, False),
        ({"ends_at": "2026-03-02T12:00:00+00:00"}, False),
        ({"ends_at": "2026-03-02T13:30:00+01:00"}, True),
        ({"channels": ["pos"]}, False),
        ({"gateways": ["cod"]}, False),
        ({"goods": {"products": ["31"]}}, True),
        ({"goods": {"products": ["99"]}}, False),
    ],
)
def test_a_promotion_asks_when_where_and_what(condition: dict[str, Any], fits: bool) -> None:
    found = rules.eligible([promotion(**condition)], order(), Buyer(), "monday", (MUGS,))
    assert found == (("p",) if fits else ())


# --- what holds for any order and any refunds


GOODS = st.fixed_dictionaries(
    {"goods": st.fixed_dictionaries({"products": st.sampled_from([["0"], ["1"], ["0", "2"]])})},
    optional={"percent": st.sampled_from([0, 50, 300]), "fixed": st.just(3)},
)
PROMOTIONS = st.lists(
    st.fixed_dictionaries(
        {"key": st.sampled_from("abc"), "title": st.just("P"), "percent": st.sampled_from([100, 150, 200])},
        optional={
            "bonus": st.integers(0, 90), "minimum_minor": st.integers(0, 9_000),
            "goods": st.fixed_dictionaries({"products": st.sampled_from([["1"], ["2"]])}),
        },
    ),
    max_size=3, unique_by=lambda p: p["key"],
)  # fmt: skip
EARNING = st.fixed_dictionaries(
    {},
    optional={
        "tax": st.sampled_from([None, True, False]), "shipping": st.booleans(), "discounts": st.booleans(),
        "credit": st.booleans(), "per_order": st.integers(0, 50), "per_item": st.integers(0, 9),
        "rounding": st.sampled_from(["down", "nearest", "up"]), "goods": st.lists(GOODS, max_size=2),
        "milestones": st.just([{"order": 2, "points": 30}]), "tiers": st.just({"gold": 125}),
        "minimum_minor": st.integers(0, 3_000),
    },
)  # fmt: skip
GROUNDS = st.builds(
    Grounds, tier=st.sampled_from([None, "gold"]), promotions=st.sampled_from([(), ("a",), ("a", "b", "c")]),
    number=st.sampled_from([None, 1, 2]), room=st.none() | st.integers(0, 400),
)  # fmt: skip
LINES = st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 5)), min_size=1, max_size=3)
STACKING = st.sampled_from(["best", "add", "multiply"])
# Of which line, how many pieces; -1 names none and takes money.
STEPS = st.lists(st.tuples(st.integers(-1, 2), st.integers(1, 2_000)), max_size=8)


def sold(lines: Sequence[tuple[int, int]]) -> tuple[Order, list[KeptLine]]:
    total = sum(net for net, _ in lines)
    kept = [line(str(place), net, quantity) for place, (net, quantity) in enumerate(lines)]
    return order(goods_minor=total, total_minor=total + 1_500, list_minor=total + 700, credit_minor=300), kept


def refunded(found: Order, lines: list[KeptLine], step: tuple[int, int]) -> tuple[Order, list[KeptLine]]:
    place, amount = step
    if place < 0 or place >= len(lines):
        return replace(found, refunded_minor=found.refunded_minor + amount), lines
    old = lines[place]
    pieces = min(old.quantity - old.returned, amount % 3 + 1)
    worth = old.net_minor * (old.returned + pieces) // old.quantity - old.net_minor * old.returned // old.quantity
    back = replace(old, returned=old.returned + pieces, returned_minor=old.returned_minor + worth)
    return replace(found, refunded_minor=found.refunded_minor + worth), [*lines[:place], back, *lines[place + 1 :]]


@given(EARNING, PROMOTIONS, STACKING, GROUNDS, LINES, STEPS)
def test_any_refunds_net_to_what_the_goods_kept_are_worth(
    earning: dict[str, Any], promotions: list[dict[str, Any]], stacking: str, grounds: Grounds,
    bought: Sequence[tuple[int, int]], steps: Sequence[tuple[int, int]],
) -> None:  # fmt: skip
    agreed = terms(promotions=promotions, stacking=stacking, **earning)
    found, lines = sold(bought)
    booked = rules.owed(found, agreed, grounds, lines).points
    for step in steps:
        found, lines = refunded(found, lines, step)
        for cancelled in (True, False):
            # Cancelled and restored between any two refunds: it pays again, exactly once.
            booked += rules.owed(replace(found, cancelled=cancelled), agreed, grounds, lines).points - booked
    again = rules.owed(found, agreed, grounds, lines)
    assert booked == again.points >= 0
    assert again.points == 0 if found.kept_minor == 0 else True
    assert grounds.room is None or again.points <= grounds.room
    assert (again.receipt.reason is None) == (not again.sentence.startswith("no points"))


@given(EARNING, GROUNDS, LINES, STEPS)
def test_a_refund_never_brings_points(
    earning: dict[str, Any], grounds: Grounds, bought: Sequence[tuple[int, int]], steps: Sequence[tuple[int, int]]
) -> None:
    # Rules that differ by goods may pay more for what is left when mere money was refunded before: none of those here.
    agreed = terms(**{name: value for name, value in earning.items() if name != "goods"})
    found, lines = sold(bought)
    before = rules.owed(found, agreed, grounds, lines).points
    for step in steps:
        found, lines = refunded(found, lines, step)
        after = rules.owed(found, agreed, grounds, lines).points
        assert after <= before
        before = after


@given(PROMOTIONS, GROUNDS, LINES)
def test_the_best_promotion_never_brings_less_than_none_and_never_more_than_all(
    promotions: list[dict[str, Any]], grounds: Grounds, bought: Sequence[tuple[int, int]]
) -> None:
    found, lines = sold(bought)
    free = replace(grounds, room=None)
    best, added, multiplied = (
        rules.owed(found, terms(promotions=promotions, stacking=way), free, lines).points
        for way in ("best", "add", "multiply")
    )
    assert rules.owed(found, terms(tiers={}), replace(free, promotions=()), lines).points <= best <= added <= multiplied


def test_frozen_grounds_read_back_as_they_were() -> None:
    for grounds in (Grounds("gold", ("a", "b"), 3, 40), Grounds(room=0), Grounds()):
        assert Grounds.read(grounds.body()) == grounds


# --- terms


@pytest.mark.parametrize(
    "wrong, mistake",
    [
        ({"points": 1001}, "for each 1 USD there are at most 1000 points"),
        ({"earning": {"goods": [{"goods": {"products": ["1"]}, "percent": 50, "fixed": 2}]}}, "would pay twice"),
        ({"earning": {"per_item": 2, "goods": [{"goods": {"products": ["1"]}, "fixed": 2}]}}, "would pay twice"),
        ({"earning": {"goods": [{"goods": {}, "percent": 50}]}}, "names none"),
        (
            {"earning": {"goods": [{"goods": {"products": ["1"]}, "percent": 0},
                                   {"goods": {"products": ["1"]}, "percent": 50}]}},
            "two rules for goods name product 1: only the first would count",
        ),
        (
            {"earning": {"milestones": [{"order": 5, "points": 1}, {"order": 5, "points": 2}]}},
            "two milestones are for order 5: it would pay twice",
        ),
        ({"earning": {"caps": [{"points": 0, "period": "day"}]}}, "a cap leaves at least one point"),
        ({"earning": {"tiers": {"gold": 10_001}}}, "tier 'gold' earns from 0 to 10000 %"),
        ({"earning": {"per_order": -1}}, "points for an order go from 0 to 1000000"),
        ({"promotions": [DOUBLE, TRIPLE_TEA]}, "say whether the best of them counts, or they add up, or they multiply"),
        ({"promotions": [DOUBLE, DOUBLE], "stacking": "best"}, "two promotions are called 'double'"),
        ({"promotions": [{"key": "p", "title": "P"}]}, "it brings nothing"),
        ({"promotions": [{"key": "p", "title": "P", "percent": 99}]}, "it brings from 100 % to 10000 %"),
        ({"promotions": [{**DOUBLE, "weekdays": ["caturday"]}]}, "caturday is no day of the week"),
        (
            {"promotions": [{**DOUBLE, "starts_at": "2026-03-02T12:00:00Z", "ends_at": "2026-03-01T12:00:00Z"}]},
            "it ends before it starts",
        ),
        ({"actions": [{"key": "like", "title": "L", "kind": "follow", "points": 5, "limit": 0}]}, "nobody vouches"),
        (
            {"actions": [{"key": k, "title": "B", "kind": "birthday", "points": 5} for k in "ab"]},
            "two actions are for birthday: it would pay twice",
        ),
    ],
)  # fmt: skip
def test_terms_that_would_pay_twice_or_make_no_sense_are_told_so(wrong: dict[str, Any], mistake: str) -> None:
    found = rules.mistakes(Terms.read(1, rules.proposal("USD") | wrong))
    assert any(mistake in sentence for sentence in found), found


@pytest.mark.parametrize(
    "wrong",
    [
        {"earning": {"per_order": "25"}},
        {"earning": {"shipping": 1}},
        {"earning": {"surprise": True}},
        {"earning": {"rounding": "sideways"}},
        {"earning": {"tiers": {"gold": 1.5}}},
        {"earning": {"goods": "all"}},
        {"promotions": [{"key": "p"}]},
        {"promotions": [{**DOUBLE, "starts_at": "tomorrow"}]},
        {"promotions": [{**DOUBLE, "starts_at": "2026-03-02T12:00:00"}]},
        {"promotions": [{**DOUBLE, "goods": {"products": [31]}}]},
        {"stacking": "all"},
        {"actions": [{"key": "a", "title": "A", "points": True}]},
    ],
)
def test_terms_that_cannot_be_read_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Terms.read(1, rules.proposal("USD") | wrong)


def test_promotions_that_cannot_meet_need_no_policy() -> None:
    winter = {**DOUBLE, "ends_at": "2026-03-01T00:00:00Z"}
    spring = {**DOUBLE, "key": "spring", "starts_at": "2026-03-01T00:00:00Z"}
    gold, silver = ({**DOUBLE, "key": tier, "tiers": [tier]} for tier in ("gold", "silver"))
    for apart in ([winter, spring], [gold, silver]):
        assert rules.mistakes(Terms.read(1, {**rules.proposal("USD"), "promotions": apart})) == []


def test_terms_from_before_there_were_rules_for_earning_read_and_earn_as_they_did() -> None:
    old = {name: value for name, value in rules.proposal("USD").items() if name != "earning"}
    read = Terms.read(1, old)
    assert read.plain
    assert rules.owed(order(credit_minor=5_000), read).points == 100
    assert rules.owed(order(credit_minor=None), read).points == 100


@pytest.mark.parametrize(
    "period, first, following",
    [
        ("day", "2026-03-04", "2026-03-05"), ("week", "2026-03-02", "2026-03-09"),
        ("month", "2026-03-01", "2026-04-01"), ("year", "2026-01-01", "2027-01-01"),
    ],
)  # fmt: skip
def test_periods_are_of_the_calendar(period: str, first: str, following: str) -> None:
    day = (START + timedelta(days=2)).date()
    found = Period(period)
    assert (found.first_day(day).isoformat(), found.next_day(day).isoformat()) == (first, following)
