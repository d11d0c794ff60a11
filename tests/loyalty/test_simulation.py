"""Terms tried on a shop's history: the terms of now give what the ledger has, others what they say, and nothing is
written.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

import loyalty
from commerce.events import CustomerFact
from commerce.money import Money
from commerce.orders import OrderLine, RefundedLine, RefundSnapshot
from engine import terms
from loyalty.rules import proposal
from tests import people
from tests.ground import START, Clock, Desk, Superuser

LATER = START + timedelta(hours=1)
LINES = (
    OrderLine(1, "31", "Mug", 2, 2_000, False, line_id="a", vendor="Kettle"),
    OrderLine(2, "32", "Tea", 1, 3_000, False, line_id="b", vendor="Leaf"),
)
EVERYTHING: dict[str, Any] = {
    "earning": {
        "rounding": "nearest", "per_order": 3, "tiers": {"gold": 150},
        "goods": [{"goods": {"products": ["31"]}, "percent": 50}],
        "caps": [{"points": 130, "period": "day"}, {"points": 200, "period": "month"}],
        "milestones": [{"order": 2, "points": 20}],
    },
    "stacking": "add",
    "promotions": [
        {"key": "tea", "title": "Tea", "percent": 150, "goods": {"products": ["32"]}},
        {"key": "first", "title": "First", "bonus": 7, "first_order": True},
        {"key": "twice", "title": "Two of them", "bonus": 5, "most_orders": 2},
        {"key": "friends", "title": "Friends", "percent": 200, "segments": ["7"]},
    ],
}  # fmt: skip


def body(**parts: Any) -> dict[str, Any]:
    return {**proposal("USD"), **parts}


def tried(desk: Desk, proposed: dict[str, Any], **how: Any) -> loyalty.Simulation:
    with desk.database.snapshot(desk.shop.shop_id) as work:
        return loyalty.simulate(work, proposed, **how)


def current(desk: Desk) -> dict[str, Any]:
    with desk.work() as work:
        return dict(terms.versions(work, loyalty.DOMAIN)[-1].body)


def ledger(desk: Desk, above: Superuser) -> int:
    return int(above.one(
        "SELECT coalesce(sum(points), 0) FROM entries WHERE shop_id = %s AND account = 'points' "
        "AND kind IN ('earn', 'clawback')", desk.shop.shop_id,
    ))  # fmt: skip


def in_force_all_the_time(desk: Desk, above: Superuser, proposed: dict[str, Any]) -> None:
    """Published before the first order: of the versions, the last is the one that every order was placed under."""
    with desk.work() as work:
        loyalty.publish(work, proposed)
    above.run("UPDATE terms SET published_at = %s WHERE shop_id = %s", START - timedelta(days=1), desk.shop.shop_id)


def a_busy_month(desk: Desk) -> None:
    """Six buyers, some of them again and again; orders come back whole, in part, by line, are cancelled and restored.

    One batch for each order and each return, in the order in which they happen.
    """
    desk.hear(CustomerFact("1003", "segment:7", True, START), CustomerFact("1002", "account", "disabled", START))
    for number in range(1, 37):
        at = LATER + timedelta(hours=9 * number)
        desk.database.clock = Clock(at)
        bought = people.order(
            number, people.customer(number % 6 + 1), 5_000, placed_at=at, lines=LINES, list_minor=5_000,
            channel="pos" if number % 11 == 0 else "online", fulfilled_at=at if number % 5 else None,
        )  # fmt: skip
        desk.settle(bought)
        if number % 3 == 0:
            of_tea = RefundSnapshot(str(9000 + number), bought.external_id, at, 1_000, 1_000,
                                    (RefundedLine("b", 0, 1_000),))  # fmt: skip
            desk.settle(people.refunded(bought, of_tea))
        elif number % 7 == 0:
            desk.settle(people.later(bought, cancelled_at=at + timedelta(minutes=1)))
        elif number % 8 == 0:
            desk.settle(people.later(bought, cancelled_at=at + timedelta(minutes=1)))
            desk.settle(people.later(bought, 120))
        elif number % 10 == 0:
            desk.settle(people.refunded(bought, people.refund(bought, number, 5_000)))


LADDER: dict[str, Any] = {
    "tiers": {
        "measure": "spend", "window": "lifetime",
        "levels": [{"key": "gold", "name": "Gold", "enter": 12_000, "keep": 12_000}],
    },
    "earning": {"tiers": {"gold": 150}, "trigger": "fulfilled", "members": "accounts", "pos": False},
    "promotions": [{"key": "golden", "title": "Golden", "bonus": 11, "tiers": ["gold"]}],
}  # fmt: skip


@pytest.mark.parametrize("proposed", [body(), body(**EVERYTHING), body(**LADDER)], ids=["plain", "everything", "tiers"])
def test_the_terms_of_now_replayed_give_exactly_what_the_ledger_has(
    desk: Desk, above: Superuser, proposed: dict[str, Any]
) -> None:
    in_force_all_the_time(desk, above, proposed)
    a_busy_month(desk)
    before = above.rows_of(desk.shop.shop_id)
    found = tried(desk, current(desk))
    assert found.now.points == ledger(desk, above) > 0
    assert found.then == found.now
    assert (found.gains, found.losses) == ([], [])
    assert (found.orders, found.members, found.every) == (36, 6, 1)
    assert sum(found.now.bands) == 6
    assert above.rows_of(desk.shop.shop_id) == before
    assert desk.faults() == []


def without(part: str) -> dict[str, Any]:
    """EVERYTHING but one rule of earning or one promotion."""
    earning = {name: rule for name, rule in EVERYTHING["earning"].items() if name != part}
    return body(**EVERYTHING) | {
        "earning": earning,
        "promotions": [p for p in EVERYTHING["promotions"] if p["key"] != part],
    }


@pytest.mark.parametrize("part", ["per_order", "goods", "caps", "milestones", "tea", "first", "twice", "friends"])
def test_each_rule_that_is_left_out_makes_a_difference(desk: Desk, above: Superuser, part: str) -> None:
    in_force_all_the_time(desk, above, body(**EVERYTHING))
    a_busy_month(desk)
    found = tried(desk, without(part))
    assert found.now.points == ledger(desk, above) != found.then.points
    changed = {one.customer.customer_id: one.after - one.before for one in (*found.gains, *found.losses)}
    assert sum(changed.values()) == found.then.points - found.now.points


def test_the_tiers_that_members_had_when_they_ordered_count(desk: Desk, above: Superuser) -> None:
    in_force_all_the_time(desk, above, body(**LADDER))
    a_busy_month(desk)
    found = tried(desk, body(**LADDER) | {"earning": {**LADDER["earning"], "tiers": {"gold": 300}}})
    assert found.now.points == ledger(desk, above) < found.then.points
    assert found.then.bands[0] == 1, "one of them has no account"


def test_pages_of_any_size_give_the_same(desk: Desk, above: Superuser, monkeypatch: pytest.MonkeyPatch) -> None:
    in_force_all_the_time(desk, above, body(**EVERYTHING))
    a_busy_month(desk)
    whole = tried(desk, body())
    for size in (1, 7, 36):
        monkeypatch.setattr("loyalty.service.simulation.PAGE", size)
        assert tried(desk, body()) == whole


def test_twice_the_points_cost_twice_as_much_and_the_curve_adds_up(desk: Desk) -> None:
    desk.settle(*(people.order(n, people.customer(n), 1_000 * n, placed_at=START - timedelta(days=30 * n))
                  for n in range(1, 11)))  # fmt: skip
    found = tried(desk, body(points=2), months=12)
    assert (found.now.points, found.then.points) == (sum(range(10, 101, 10)), 1_100)
    assert (found.goods.minor, found.now.orders) == (55_000, 10)
    # A point buys 5 cents: five dollars for a hundred of them.
    assert (found.now.worth, found.then.worth) == (Money(2_750, "USD"), Money(5_500, "USD"))
    assert (found.now.share, found.then.share) == (Fraction(1, 20), Fraction(1, 10))
    assert len(found.now.months) == 12
    # Placed every thirty days before the second of March: on 31 January, the first of January, and so on until May.
    march, may = date(2026, 3, 1), date(2025, 5, 1)
    assert found.now.months[-3:] == [(date(2026, 1, 1), 30, 550), (date(2026, 2, 1), 0, 550), (march, 0, 550)]
    assert found.now.months[:3] == [(date(2025, 4, 1), 0, 0), (may, 100, 100), (date(2025, 6, 1), 90, 190)]
    assert (list(found.now.bands), list(found.then.bands)) == ([0, 9, 1, 0], [0, 4, 6, 0])
    assert [(one.before, one.after) for one in found.gains][:2] == [(100, 200), (90, 180)]
    assert (len(found.gains), list(found.losses)) == (10, [])


def test_orders_before_the_months_are_left_out_but_count_for_what_they_decide(desk: Desk) -> None:
    old, new = START - timedelta(days=200), START - timedelta(days=1)
    desk.settle(people.order(1, people.customer(1), placed_at=old), people.order(2, people.customer(1), placed_at=new))
    welcome = {"key": "welcome", "title": "Welcome", "bonus": 25, "first_order": True}
    once = {"key": "once", "title": "Once", "bonus": 9, "most_orders": 1}
    for earning, promotions, points in (
        ({}, [], 50),
        ({}, [welcome], 50),
        ({}, [once], 50),
        ({"milestones": [{"order": 2, "points": 300}]}, [], 350),
        ({"caps": [{"points": 60, "period": "ever"}]}, [], 10),
        ({"caps": [{"points": 60, "period": "month"}]}, [], 50),
    ):
        found = tried(desk, body(earning=earning, promotions=promotions), months=3)
        assert (found.orders, found.now.points, found.then.points) == (1, 50, points)


def test_of_a_large_history_every_so_manieth_customer_is_looked_at(desk: Desk) -> None:
    desk.settle(*(people.order(n, people.customer(n)) for n in range(1, 31)))
    found = tried(desk, body(), most=10)
    assert found.every == 3
    assert found.members == found.orders == 10


def test_terms_that_cannot_be_published_cannot_be_tried(desk: Desk) -> None:
    with pytest.raises(loyalty.TermsRefused, match="at most 1000 points"):
        tried(desk, body(points=2_000))
    with pytest.raises(loyalty.TermsRefused, match="cannot be read"):
        tried(desk, {"currency": "USD"})


def test_a_shop_without_orders_has_a_simulation_of_nothing(desk: Desk) -> None:
    found = tried(desk, body(points=2))
    assert (found.orders, found.members, found.now.points, found.now.share) == (0, 0, 0, None)
    assert len(found.now.months) == 24


# --- tiers, expiry, margin


def spend(*levels: tuple[str, int], measure: str = "spend") -> dict[str, Any]:
    named = [{"key": name.lower(), "name": name, "enter": enter, "keep": enter} for name, enter in levels]
    return {"measure": measure, "window": "lifetime", "downgrade": "balance", "levels": named}


def three_buyers(desk: Desk) -> None:
    """Spends of 100, 200 and 300, in two orders each."""
    desk.settle(*(
        people.order(10 * n + k, people.customer(n), 5_000 * n, placed_at=START - timedelta(days=30 * k + 1))
        for n in (1, 2, 3) for k in (1, 2)
    ))  # fmt: skip


def test_tiers_are_counted_by_both_ladders_side_by_side(desk: Desk, above: Superuser) -> None:
    three_buyers(desk)
    with desk.work() as work:
        loyalty.change(work, tiers=spend(("Silver", 15_000), ("Old", 90_000)))
    before = above.rows_of(desk.shop.shop_id)
    found = tried(desk, {**current(desk), "tiers": spend(("Silver", 10_000), ("Gold", 30_000))}).tiers
    assert found is not None
    assert list(found.rows) == [("Silver", 2, 2), ("Gold", None, 1), ("Old", 0, None)]
    said = {desk_number(desk, one.customer.customer_id): (one.before, one.after) for one in found.examples}
    assert (found.moved, said) == (2, {1: (None, "Silver"), 3: ("Silver", "Gold")})
    assert above.rows_of(desk.shop.shop_id) == before


def desk_number(desk: Desk, customer_id: int) -> int:
    return next(n for n in (1, 2, 3) if desk.customer_id(n) == customer_id)


def test_tiers_by_the_ladder_of_now_are_where_members_stand(desk: Desk) -> None:
    with desk.work() as work:
        loyalty.change(work, tiers=spend(("Silver", 12_000), ("Gold", 25_000)))
    a_busy_month(desk)
    with desk.work() as work:
        stand = {level.name: count for level, count in loyalty.tier_counts(work)}
    found = tried(desk, current(desk)).tiers
    assert found is not None
    assert [(name, now) for name, now, _ in found.rows] == list(stand.items())
    assert sum(stand.values()) > 0
    assert (found.moved, list(found.examples)) == (0, [])


def test_a_ladder_of_points_counts_what_the_terms_would_have_issued(desk: Desk) -> None:
    three_buyers(desk)
    with desk.work() as work:
        loyalty.change(work, tiers=spend(("Silver", 150), measure="points"))
    assert tried(desk, current(desk)).tiers == loyalty.TierSizes([("Silver", 2, 2)], 0, [])
    found = tried(desk, {**current(desk), "points": 2}).tiers
    assert found is not None
    assert (list(found.rows), found.moved) == ([("Silver", 2, 3)], 1)


def test_without_any_ladder_nothing_is_said_of_tiers(desk: Desk) -> None:
    three_buyers(desk)
    assert tried(desk, body(points=2)).tiers is None


@pytest.mark.parametrize(
    "expiry, expired",
    [
        ({"policy": "none"}, 0),
        ({"policy": "lot", "months": 3}, 20),
        ({"policy": "lot", "months": 3, "round_up": "quarter"}, 20),
        ({"policy": "lot", "months": 5, "round_up": "year"}, 10),
        ({"policy": "inactivity", "months": 3}, 0),
        ({"policy": "inactivity", "months": 2}, 30),
        ({"policy": "inactivity", "months": 3, "activity": "purchases"}, 0),
        ({"policy": "calendar", "months": 2, "month": 1, "day": 31}, 20),
        ({"policy": "calendar", "months": 1, "month": 1, "day": 31}, 30),
        ({"policy": "anniversary", "months": 2}, 20),
    ],
)
def test_points_that_would_be_over_leave_the_curve(desk: Desk, expiry: dict[str, Any], expired: int) -> None:
    """Ten points each, to be spent from the 16th of July, September and December on; it is the second of March."""
    joined = START.replace(year=2025, month=1, day=20)
    desk.settle(
        *(people.order(n, people.customer(1), 1_000, placed_at=START.replace(year=2025, month=month))
          for n, month in ((1, 7), (2, 9), (3, 12))),
        customers=[people.customer(1, created_at=joined)],
    )  # fmt: skip
    found = tried(desk, body(expiry=expiry))
    assert (found.then.points, found.now.expired) == (30, 0)
    assert found.then.months[-1][2] == 30 - found.then.expired
    assert found.now.months[-1][2] == 30
    assert found.then.expired == expired


def test_the_share_of_margin_goes_by_what_the_shop_has_stated(desk: Desk) -> None:
    desk.settle(people.order(1, people.customer(1), 10_000))
    found = tried(desk, body())
    assert (found.margin, found.then.of_margin) == (None, None)
    found = tried(desk, body(margin=40))
    assert (found.margin, found.then.share, found.then.of_margin) == (40, Fraction(1, 20), Fraction(1, 8))
    assert found.now.of_margin == Fraction(1, 8), "both by one margin"
    for wrong in (0, 101, -5, 12.5, "40"):
        with pytest.raises(loyalty.TermsRefused, match="a whole percentage from 1 to 100"):
            tried(desk, body(margin=wrong))
