"""Earning on the real database: what is frozen, what caps and milestones count, who takes part, and that any history
of refunds, cancellations and restorations ends at the points of the goods kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

import loyalty
from commerce.events import CustomerFact, CustomersMerged
from commerce.orders import OrderLine, OrderSnapshot, RefundedLine, RefundSnapshot
from engine import terms
from engine.shops import Shop
from engine.work import UnitOfWork
from loyalty.rules import Owed, proposal
from tests import people
from tests.ground import START, Clock, Desk, Superuser, open_shop

DOUBLE = {"key": "double", "title": "Double weekend", "percent": 200}
LATER = START + timedelta(hours=1)
_NAMED = text("SELECT order_id FROM orders WHERE shop_id = :shop_id AND external_id = :external_id")


def publish(
    desk: Desk, *, promotions: Sequence[dict[str, Any]] = (), stacking: str | None = None, **earning: Any
) -> int:
    """New terms from START on: one point for each dollar, and these rules."""
    with desk.work() as work:
        body = {**proposal("USD"), "earning": earning, "promotions": list(promotions), "stacking": stacking}
        return loyalty.publish(work, body)


def movements(desk: Desk, above: Superuser) -> list[tuple[str, str, int]]:
    return above.run(
        "SELECT o.name, e.kind, e.points FROM entries e JOIN orders o USING (shop_id, order_id) "
        "WHERE e.shop_id = %s AND e.account = 'points' ORDER BY e.entry_id",
        desk.shop.shop_id,
    )


def earned(desk: Desk, above: Superuser) -> dict[str, int]:
    """The points of each order, all its movements of its own together."""
    sums = dict[str, int]()
    for name, kind, points in movements(desk, above):
        if kind in ("earn", "clawback"):
            sums[name] = sums.get(name, 0) + points
    return sums


def why(work: UnitOfWork, external_id: str) -> Owed | None:
    """What the order of that number is owed, and why."""
    found = work.row(_NAMED, external_id=external_id)
    return loyalty.explain(work, [found.order_id])[found.order_id] if found else None


def placed(number: int, goods_minor: int = 5_000, buyer: int = 1, **changed: Any) -> OrderSnapshot:
    """An order a minute after the one before, under the terms of the test."""
    at = LATER + timedelta(minutes=number)
    return people.order(number, people.customer(buyer), goods_minor, **({"placed_at": at} | changed))


def test_what_an_order_found_when_it_first_earned_decides_for_ever(desk: Desk, above: Superuser) -> None:
    publish(desk, promotions=[DOUBLE])
    first = placed(1)
    desk.settle(first)
    assert earned(desk, above) == {"#1": 100}
    (receipt,) = above.run("SELECT receipt FROM entries WHERE shop_id = %s", desk.shop.shop_id)[0]
    assert receipt == {
        "basis_minor": 5_000, "rate": "at 1 for each 1.00 USD", "promotions": ["double"], "first": True, "version": 2,
        "frozen": {"promotions": ["double"]},
    }  # fmt: skip
    publish(desk)
    desk.settle(people.refunded(first, people.refund(first, 1, 2_000)))
    assert earned(desk, above) == {"#1": 60}
    assert desk.faults() == []


def test_an_order_cancelled_and_restored_pays_again_exactly_once(desk: Desk, above: Superuser) -> None:
    publish(desk, promotions=[{**DOUBLE, "most_orders": 1}], caps=[{"points": 120, "period": "month"}])
    first, second = placed(1), placed(2)
    desk.settle(first)
    desk.settle(second)
    assert earned(desk, above) == {"#1": 100, "#2": 20}
    for seconds in (60, 180):
        desk.settle(people.later(first, seconds, cancelled_at=LATER))
        assert earned(desk, above) == {"#1": 0, "#2": 20}
        desk.settle(people.later(first, seconds + 60))
        desk.settle(people.later(first, seconds + 60))
        assert earned(desk, above) == {"#1": 100, "#2": 20}
    assert desk.faults() == []


@pytest.mark.parametrize("turned", [False, True])
def test_orders_of_one_batch_share_what_a_limited_promotion_allows(desk: Desk, above: Superuser, turned: bool) -> None:
    publish(desk, promotions=[{**DOUBLE, "most_orders": 2}])
    desk.settle(placed(1))
    batch = [placed(2), placed(3), placed(4, buyer=2)]
    desk.settle(*(reversed(batch) if turned else batch))
    # The earlier order has what was left; another member's has it anyway.
    assert earned(desk, above) == {"#1": 100, "#2": 100, "#3": 50, "#4": 100}
    desk.settle(*(people.later(order, 60) for order in reversed(batch)))
    assert earned(desk, above) == {"#1": 100, "#2": 100, "#3": 50, "#4": 100}
    assert desk.faults() == []


@pytest.mark.parametrize("stacking", ["best", "add", "multiply"])
@pytest.mark.parametrize("cuts", [(1, 2, 3, 4, 5), (3,), (2, 4), ()])
def test_a_history_earns_the_same_in_one_batch_and_in_many(
    desk: Desk, above: Superuser, cuts: tuple[int, ...], stacking: str
) -> None:
    twice, bonus = {**DOUBLE, "most_orders": 2}, {"key": "plus", "title": "Plus", "bonus": 30, "most_orders": 3}
    publish(desk, promotions=[twice, bonus], stacking=stacking, caps=[{"points": 700, "period": "month"}])
    history = [placed(n, 1_000 * n, buyer=1 + (n == 4)) for n in range(1, 7)]
    for begin, end in pairwise([0, *cuts, len(history)]):
        desk.settle(*history[begin:end][::-1])
    assert (
        earned(desk, above)
        == {
            "best": {"#1": 40, "#2": 50, "#3": 60, "#4": 80, "#5": 100, "#6": 90},
            "add": {"#1": 50, "#2": 70, "#3": 60, "#4": 110, "#5": 50, "#6": 60},
            "multiply": {"#1": 50, "#2": 70, "#3": 60, "#4": 110, "#5": 50, "#6": 60},
        }[stacking]
    )
    assert desk.faults() == []


def test_an_order_that_earns_nothing_uses_up_no_promotion_of_its_batch(desk: Desk, above: Superuser) -> None:
    publish(desk, promotions=[{**DOUBLE, "most_orders": 1}])
    desk.settle(placed(1, paid=False), placed(2))
    assert earned(desk, above) == {"#2": 100}


def test_an_order_reckoned_anew_does_not_see_the_tier_that_it_led_to(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    with desk.work() as work:
        levels = [{"key": "silver", "name": "Silver", "enter": 4_000, "keep": 4_000}]
        earning = {"tiers": {"silver": 300}, "trigger": "fulfilled"}
        loyalty.publish(work, {**proposal("USD"), "earning": earning, "tiers": {"levels": levels}})
    clock.forward(hours=6)
    # Paid, it lifts its buyer at once; its points come with its fulfilment, and nothing of it was frozen before.
    order = placed(1)
    desk.settle(order)
    desk.settle(people.later(order, 60, fulfilled_at=LATER + timedelta(hours=5)))
    desk.settle(placed(2, fulfilled_at=LATER + timedelta(hours=5)))
    assert earned(desk, above) == {"#1": 50, "#2": 150}
    assert desk.faults() == []


def test_hops_of_an_order_s_status_pay_once(desk: Desk, above: Superuser) -> None:
    publish(desk, trigger="fulfilled")
    order = placed(1, paid=False)
    sent = LATER + timedelta(hours=5)
    desk.settle(order)
    desk.settle(people.later(order, 60, paid=True))
    assert earned(desk, above) == {}
    desk.settle(people.later(order, 120, paid=True, fulfilled_at=sent))
    desk.settle(people.later(order, 180, paid=True))
    desk.settle(people.later(order, 240, paid=False, fulfilled_at=sent + timedelta(hours=1)))
    desk.settle(people.later(order, 300, paid=True, fulfilled_at=sent + timedelta(hours=2)))
    assert [points for _, _, points in movements(desk, above)] == [50, -50, 50]
    assert desk.faults() == []


def test_the_first_word_of_a_fulfilment_begins_the_hold(desk: Desk, above: Superuser) -> None:
    publish(desk, trigger="fulfilled")
    order, sent = placed(1), LATER + timedelta(hours=5)
    desk.settle(people.later(order, 60, fulfilled_at=sent))
    desk.settle(people.later(order, 120, fulfilled_at=sent + timedelta(days=9)))
    assert above.one("SELECT fulfilled_at FROM orders WHERE shop_id = %s", desk.shop.shop_id) == sent
    assert above.one("SELECT available_at FROM lots WHERE shop_id = %s", desk.shop.shop_id) == sent + timedelta(days=14)


def test_test_orders_and_orders_of_channels_that_do_not_count_earn_nothing(desk: Desk, above: Superuser) -> None:
    publish(desk, pos=False, draft=False)
    desk.settle(placed(1, test=True), placed(2, channel="pos"), placed(3, channel="draft"), placed(4))
    assert earned(desk, above) == {"#4": 50}
    assert desk.faults() == []


def test_caps_count_days_of_the_shop_s_zone_and_one_batch_like_many(desk: Desk, above: Superuser) -> None:
    above.run("UPDATE shops SET timezone = 'Asia/Tehran' WHERE shop_id = %s", desk.shop.shop_id)
    publish(desk, caps=[{"points": 70, "period": "day"}, {"points": 150, "period": "week"}])
    # Midnight in Tehran is at 20:30 UTC.
    late, next_day = START.replace(hour=20), START.replace(hour=20, minute=40)
    orders = [
        placed(1, placed_at=late), placed(2, placed_at=late + timedelta(minutes=1)), placed(3, placed_at=next_day),
        placed(4, placed_at=next_day + timedelta(days=1)), placed(5, buyer=2, placed_at=late),
    ]  # fmt: skip
    desk.settle(*reversed(orders))
    assert earned(desk, above) == {"#1": 50, "#2": 20, "#3": 50, "#4": 30, "#5": 50}
    desk.settle(placed(6, placed_at=next_day + timedelta(days=2)))
    assert "#6" not in earned(desk, above)
    assert desk.faults() == []


def test_a_refund_makes_no_room_under_a_cap(desk: Desk, above: Superuser) -> None:
    publish(desk, caps=[{"points": 60, "period": "day"}])
    first = placed(1)
    desk.settle(first)
    desk.settle(people.refunded(first, people.refund(first, 1, 5_000)))
    desk.settle(placed(2))
    assert earned(desk, above) == {"#1": 0, "#2": 10}
    assert desk.faults() == []


def test_milestones_and_first_orders_count_what_was_placed_before(desk: Desk, above: Superuser) -> None:
    welcome = {"key": "welcome", "title": "Welcome", "bonus": 25, "first_order": True}
    publish(desk, promotions=[welcome], milestones=[{"order": 3, "points": 300}])
    desk.settle(*(placed(number, 1_000) for number in (3, 1, 2)), placed(4, 1_000, buyer=2))
    assert earned(desk, above) == {"#1": 35, "#2": 10, "#3": 310, "#4": 35}
    assert desk.faults() == []


def test_a_promotion_for_a_segment_asks_what_the_store_said(desk: Desk, above: Superuser) -> None:
    desk.hear(
        CustomerFact("1001", "segment:77", True, START),
        CustomerFact("1002", "segment:77", True, START),
        CustomerFact("1002", "segment:77", False, START + timedelta(seconds=1)),
    )
    publish(desk, promotions=[{**DOUBLE, "segments": ["77"]}])
    desk.settle(placed(1), placed(2, buyer=2), placed(3, buyer=3))
    assert earned(desk, above) == {"#1": 100, "#2": 50, "#3": 50}


def test_guests_earn_when_their_account_appears(desk: Desk, above: Superuser) -> None:
    publish(desk, members="accounts")
    guest = replace(people.customer(1), external_id="guest:0123")
    desk.settle(people.order(1, guest, placed_at=LATER), placed(2, buyer=2))
    assert earned(desk, above) == {"#2": 50}
    desk.settle(customers=[people.customer(1, updated_at=LATER)])
    desk.hear(CustomersMerged("1001", "guest:0123", LATER))
    assert earned(desk, above) == {"#2": 50, "#1": 50}
    assert desk.balance(1).points == 50
    assert desk.faults() == []


def test_an_account_that_is_opened_earns_for_what_was_bought_without_it(desk: Desk, above: Superuser) -> None:
    publish(desk, members="accounts")
    desk.hear(CustomerFact("1001", "account", "disabled", START))
    desk.settle(placed(1))
    assert earned(desk, above) == {}
    desk.hear(CustomerFact("1001", "account", "enabled", LATER))
    assert earned(desk, above) == {"#1": 50}
    desk.hear(CustomerFact("1001", "account", "disabled", LATER + timedelta(days=1)))
    desk.settle(people.later(placed(1)))
    assert earned(desk, above) == {"#1": 50}, "what was earned is not lost with the account"
    assert desk.faults() == []


def test_who_must_join_earns_from_that_moment_on(desk: Desk, above: Superuser) -> None:
    publish(desk, members="opted_in")
    desk.settle(placed(1))
    desk.database.clock = Clock(LATER + timedelta(minutes=5))
    with desk.work() as work:
        loyalty.join(work, "1001")
        loyalty.join(work, "1001")
    desk.settle(people.later(placed(1)), placed(4), placed(6), placed(7, buyer=2))
    assert earned(desk, above) == {"#6": 50}
    with desk.work() as work:
        loyalty.leave(work, "1001")
    desk.settle(people.later(placed(6)), placed(8))
    assert earned(desk, above) == {"#6": 50}
    assert desk.faults() == []


@pytest.mark.parametrize("members", ["all", "accounts", "opted_in"])
def test_every_order_gives_points_or_a_reason(desk: Desk, members: str) -> None:
    publish(desk, members=members, trigger="fulfilled", pos=False)
    desk.settle(placed(1), placed(2, channel="pos", fulfilled_at=LATER), placed(3, fulfilled_at=LATER),
                placed(4, test=True), people.order(5, None, placed_at=LATER, fulfilled_at=LATER))  # fmt: skip
    with desk.work() as work:
        found = [why(work, str(5000 + number)) for number in range(1, 7)]
    joined = members != "opted_in"
    assert [owed and (owed.points, owed.receipt.reason) for owed in found] == [
        (0, "the order is not fulfilled yet"),
        (0, "orders at the till earn nothing"),
        (50, None) if joined else (0, "its buyer had not joined the program"),
        (0, "a test order"),
        (0, "the order belongs to no customer account yet"),
        None,
    ]


# --- debts


@pytest.mark.parametrize(
    "debt, kept, moves",
    [
        ("allow", (-100, 100), [("#1", "earn", 100), ("#1", "clawback", -100)]),
        ("clamp", (0, 0), [("#1", "earn", 100), ("#1", "clawback", -100), ("#1", "adjust", 100)]),
        ("pending", (0, 0), [("#1", "earn", 100), ("#1", "clawback", -100), ("#1", "adjust", 100)]),
    ],
)
def test_what_was_spent_and_is_taken_back_is_owed_or_let_go_and_the_books_say_which(
    desk: Desk, above: Superuser, debt: str, kept: tuple[int, int], moves: list[tuple[str, str, int]]
) -> None:
    publish(desk, debt=debt)
    first = placed(1, 10_000)
    desk.settle(first)
    desk.database.clock = Clock(LATER + timedelta(days=20))
    desk.redeem()
    desk.settle(people.later(first, cancelled_at=LATER))
    assert movements(desk, above) == moves
    balance = desk.balance()
    assert (balance.points, balance.debt, balance.held) == (*kept, 100)
    assert desk.faults() == []
    # Restored, it earns again, and what was let go is settled first: nobody gains by cancelling.
    desk.settle(people.later(first, 120))
    assert desk.balance().points == 0
    assert desk.faults() == []


def test_points_that_can_be_spent_already_stay_where_only_pending_ones_are_taken(desk: Desk, above: Superuser) -> None:
    publish(desk, debt="pending")
    first, second = placed(1, 10_000), placed(2, 4_000, placed_at=LATER + timedelta(days=18))
    desk.settle(first, second)
    desk.database.clock = Clock(LATER + timedelta(days=20))
    desk.settle(people.refunded(first, people.refund(first, 1, 10_000)))
    assert movements(desk, above)[2:] == [("#1", "clawback", -40), ("#1", "clawback", -60), ("#1", "adjust", 60)]
    assert (desk.balance().points, desk.balance().debt, desk.balance().spendable) == (100, 0, 100)
    assert desk.faults() == []


# --- points that were spent


@pytest.mark.parametrize(
    "returns, after_half, after_all", [("proportion", 50, 100), ("whole", 0, 100), ("never", 0, 0)]
)
def test_points_spent_on_an_order_return_with_its_goods(
    desk: Desk, above: Superuser, returns: str, after_half: int, after_all: int
) -> None:
    publish(desk, returns=returns)
    desk.settle(placed(1, 10_000))
    desk.database.clock = Clock(LATER + timedelta(days=20))
    bought = desk.redeem()
    at = LATER + timedelta(days=20)
    used = placed(2, 4_001, placed_at=at, discount_codes=(bought.code,))
    desk.settle(used)
    lots = "SELECT o.name, l.remaining FROM lots l JOIN orders o USING (shop_id, order_id) WHERE l.shop_id = %s"
    returned = "SELECT coalesce(sum(points), 0) FROM entries WHERE shop_id = %s AND kind = 'return'"

    def left() -> dict[str, int]:
        return dict(above.run(lots, desk.shop.shop_id))

    assert left() == {"#1": 0, "#2": 40}
    half = people.refunded(used, people.refund(used, 1, 2_001))
    for again in (half, people.later(half)):
        desk.settle(again)
        assert above.one(returned, desk.shop.shop_id) == after_half
        assert left() == {"#1": after_half, "#2": 20}
    desk.settle(people.refunded(half, people.refund(used, 2, 2_000), seconds=180))
    assert above.one(returned, desk.shop.shop_id) == after_all
    assert left() == {"#1": after_all, "#2": 0}
    assert desk.balance().held == 0
    assert desk.faults() == []


def test_returned_points_are_told_by_a_sentence_and_a_cancellation_brings_the_rest(
    desk: Desk, above: Superuser
) -> None:
    publish(desk, returns="proportion")
    desk.settle(placed(1, 10_000))
    desk.database.clock = Clock(LATER + timedelta(days=20))
    code = desk.redeem().code
    used = placed(2, 4_000, placed_at=LATER + timedelta(days=20), discount_codes=(code,))
    desk.settle(people.refunded(used, people.refund(used, 1, 1_000)))
    kinds = (
        "SELECT kind, points, sentence FROM entries WHERE shop_id = %s AND account = 'points' AND redemption_id > 0 "
        "ORDER BY entry_id"
    )
    assert above.run(kinds, desk.shop.shop_id)[1:] == [
        ("return", 25, f"code {code}: 25 points return with goods of its order")
    ]
    desk.settle(people.later(used, 300, cancelled_at=LATER))
    assert above.run(kinds, desk.shop.shop_id)[2:] == [("release", 75, f"code {code}: the order was cancelled")]
    assert desk.faults() == []


# --- any history


LINES = (OrderLine(1, "31", "Mug", 3, 6_000, False, "91"), OrderLine(2, "32", "Tea", 4, 4_000, False, "92"))
RULES: tuple[dict[str, Any], ...] = (
    {},
    {"goods": [{"goods": {"products": ["31"]}, "percent": 0}], "rounding": "nearest"},
    {"goods": [{"goods": {"products": ["31"]}, "fixed": 7}], "caps": [{"points": 60, "period": "day"}]},
    {"per_item": 3, "per_order": 11, "milestones": [{"order": 1, "points": 5}], "debt": "clamp"},
    {"shipping": True, "tax": True, "debt": "pending", "minimum_minor": 2_000},
)
PROMOTIONS = [DOUBLE, {"key": "tea", "title": "Tea", "percent": 150, "bonus": 9, "goods": {"products": ["32"]}}]
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("line"), st.integers(0, 1), st.integers(1, 3)),
        st.tuples(st.just("money"), st.integers(1, 3_000), st.just(0)),
        st.tuples(st.sampled_from(["cancel", "restore", "again", "unpaid", "publish"]), st.just(0), st.just(0)),
        st.tuples(st.just("edit"), st.integers(0, 12_000), st.just(0)),
    ),
    max_size=10,
)


def told(deeds: Sequence[tuple[str, int, int]]) -> list[OrderSnapshot | None]:
    """The order after each deed; None where only the terms change."""
    now = placed(1, 10_000, lines=LINES, tax_minor=800, shipping_minor=500, total_minor=11_300)
    found: list[OrderSnapshot | None] = [now]
    back = {"91": 0, "92": 0}
    for place, (deed, first, second) in enumerate(deeds, 1):
        changed: dict[str, Any] = {}
        if deed == "line":
            line = LINES[first]
            assert line.line_id is not None
            pieces = min(second, line.quantity - back[line.line_id])
            back[line.line_id] += pieces
            worth = line.net_minor // line.quantity * pieces
            lines = (RefundedLine(line.line_id, pieces, worth),) if pieces else ()
            refund = RefundSnapshot(str(place), now.external_id, LATER, worth, worth, lines)
            changed["refunds"] = (*now.refunds, refund)
        elif deed == "money":
            refund = RefundSnapshot(str(place), now.external_id, LATER, first, first)
            changed["refunds"] = (*now.refunds, refund)
        elif deed == "edit":
            changed["goods_minor"] = first
            changed["lines"] = (replace(LINES[0], net_minor=first), replace(LINES[1], net_minor=0))
        elif deed in ("cancel", "restore"):
            changed["cancelled_at"] = LATER if deed == "cancel" else None
        elif deed == "unpaid":
            changed["paid"] = not now.paid
        now = people.later(now, **changed)
        found.append(None if deed == "publish" else now)
    return found


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(RULES), st.booleans(), DEEDS, st.randoms(use_true_random=False))
def test_any_history_nets_to_the_points_of_the_goods_kept_under_the_version_that_paid(
    desk: Desk, above: Superuser, earning: dict[str, Any], promoted: bool, deeds: list[tuple[str, int, int]], draw: Any
) -> None:
    """Told step by step, twice over and out of order, with new terms published in between."""
    above.clear_except(above.one("SELECT min(shop_id) FROM shops"))
    fresh = Desk(desk.database, _reopened(desk))
    version = publish(fresh, promotions=PROMOTIONS if promoted else (), stacking="add", **earning)
    story = told(deeds)
    fresh.settle(*[s for s in story[:1] if s])
    for snapshot in story[1:]:
        if snapshot is None:
            with fresh.work() as work:
                terms.publish(work, loyalty.DOMAIN, {**proposal("USD"), "points": 7})
            continue
        fresh.settle(snapshot)
        if draw.random() < 0.3:
            fresh.settle(*[s for s in draw.sample(story, len(story)) if s])
    last = [s for s in story if s][-1]
    fresh.settle(last)
    shop = fresh.shop.shop_id
    points = above.one(
        "SELECT coalesce(sum(points), 0) FROM entries WHERE shop_id = %s AND kind IN ('earn', 'clawback')", shop
    )
    with fresh.work() as work:
        owed = why(work, last.external_id)
    assert owed is not None
    assert points == owed.points == _by_hand(last, earning, promoted)
    assert above.run("SELECT DISTINCT terms_version FROM entries WHERE shop_id = %s", shop) in ([], [(version,)])
    balance = fresh.balance()
    assert balance.points == points
    assert (balance.debt, fresh.faults()) == (0, [])


def _reopened(desk: Desk) -> Shop:
    return open_shop(desk.database, f"again-{desk.shop.domain}")


def _by_hand(last: OrderSnapshot, earning: dict[str, Any], promoted: bool) -> int:
    """The same sum in plain fractions, from the last word of the order alone."""
    back = sum(refund.goods_minor for refund in last.refunds)
    kept = max(0, last.goods_minor - back)
    if not last.paid or last.cancelled_at or not kept:
        return 0
    whole = Fraction(last.goods_minor)
    if earning.get("tax"):
        whole += 800
    if earning.get("shipping"):
        whole += 500
    basis = whole * kept / last.goods_minor
    if int(basis) < earning.get("minimum_minor", 0):
        return 0
    lines = []
    for line in last.lines:
        mine = [part for refund in last.refunds for part in refund.lines if part.line_id == line.line_id]
        pieces = max(0, line.quantity - sum(part.quantity for part in mine))
        lines.append((line, pieces, max(0, line.net_minor - sum(part.goods_minor for part in mine)) if pieces else 0))
    left = sum(worth for _, _, worth in lines)
    if not left:
        lines = [(line, pieces, line.net_minor) for line, pieces, _ in lines]
        left = sum(worth for _, _, worth in lines)
    spend, extra = Fraction(0), earning.get("per_order", 0) + (5 if "milestones" in earning else 0)
    by_line = "goods" in earning or "per_item" in earning or promoted
    for line, pieces, worth in lines if by_line else [(LINES[0], 0, 1)]:
        share = Fraction(worth, left) if by_line else Fraction(1)
        usual = 0 if line.product_id == "31" and "goods" in earning else 1
        if line.product_id == "31" and earning.get("goods", [{}])[0].get("fixed"):
            extra += 7 * pieces
        times = Fraction(1)
        if promoted:
            times = Fraction(250, 100) if line.product_id == "32" else Fraction(2)
        spend += basis * share * usual * times / 100
        extra += earning.get("per_item", 0) * pieces
    rounded = int(spend + Fraction(1, 2)) if earning.get("rounding") == "nearest" else int(spend)
    total = rounded + extra + (9 if promoted else 0)
    return min(total, 60) if "caps" in earning else total
