"""Metrics on the real database: a summary is what a count by hand says, days are the shop's own, what is taken back
leaves.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import lifecycle
from commerce.events import CustomersMerged
from commerce.orders import OrderSnapshot
from engine import terms
from lifecycle import METRICS, Period, Span
from tests import people
from tests.ground import START, Clock, Desk, Superuser, open_shop

EVER = (date(1, 1, 1), date(9999, 1, 1))


def order(number: int, day: float, buyer: int | None = 1, goods: int = 5000, **changed: Any) -> OrderSnapshot:
    at = START + timedelta(days=day)
    return people.order(number, people.customer(buyer) if buyer else None, goods, placed_at=at, **changed)


def recount(desk: Desk) -> int:
    with desk.work() as work:
        return lifecycle.recount(work)


def kept(desk: Desk, key: str) -> dict[tuple[str, str], int]:
    """What is kept of one key, by day and dimension."""
    with desk.work() as work:
        return {(f"{day}", what): many for (day, what), many in lifecycle.days(work, key, *EVER).items()}


def values(desk: Desk, start: date, span: Span = Span.MONTH) -> dict[str, int | None]:
    with desk.work() as work:
        return {r.metric.key: r.value for r in lifecycle.report(work, span, start).readings}


# --- a summary is what a count by hand says


def _by_hand(orders: Sequence[OrderSnapshot], zone: ZoneInfo) -> dict[str, Counter[tuple[str, str]]]:
    """The same sums from the snapshots alone, order by order."""
    found = defaultdict[str, Counter[tuple[str, str]]](Counter)
    lines = defaultdict[str, list[OrderSnapshot]](list)
    for each in orders:
        left = each.goods_minor - sum(r.goods_minor for r in each.refunds)
        if not each.paid or each.cancelled_at or each.test or left <= 0:
            continue
        found["orders"][f"{each.placed_at.astimezone(zone).date()}", ""] += 1
        if each.customer:
            lines[each.customer.external_id].append(each)
        else:
            found["revenue"][f"{each.placed_at.astimezone(zone).date()}", "guest"] += left
    for line in lines.values():
        line.sort(key=lambda o: o.placed_at)
        first = line[0]
        began, way = first.placed_at.astimezone(zone).date(), first.arrival or "unknown"
        found["new_customers"][f"{began}", way] += 1
        if len(line) > 1:
            found["second_orders"][f"{line[1].placed_at.astimezone(zone).date()}", ""] += 1
            if (gap := (line[1].placed_at - first.placed_at).days) <= 90:
                found["second_gap"][f"{began}", str(gap)] += 1
        months = {o.placed_at.astimezone(zone).date().replace(day=1) for o in line}
        for month in months:
            later = 12 * (month.year - began.year) + month.month - began.month
            found["cohort_active"][f"{began.replace(day=1)}", f"{way}:{later}"] += 1
        for each in line:
            month = each.placed_at.astimezone(zone).date()
            later = 12 * (month.year - began.year) + month.month - began.month
            left = each.goods_minor - sum(r.goods_minor for r in each.refunds)
            found["cohort_minor"][f"{began.replace(day=1)}", f"{way}:{later}"] += left
    return found


def _draw(seed: int) -> list[OrderSnapshot]:
    """Sixty orders of ten customers and some guests in a year, of every kind."""
    draw, orders = random.Random(seed), list[OrderSnapshot]()
    for number in range(60):
        buyer = draw.choice([None, *range(1, 11)])
        made = order(
            number, -draw.uniform(1, 360), buyer, draw.randint(100, 9000), paid=draw.random() > 0.1,
            test=draw.random() < 0.05, arrival=draw.choice([None, "search", "email", "direct"]),
        )  # fmt: skip
        if draw.random() < 0.3:
            made = people.refunded(made, people.refund(made, number, draw.choice([made.goods_minor, 50])))
        if draw.random() < 0.1:
            made = people.later(made, cancelled_at=made.updated_at)
        orders.append(made)
    return orders


@pytest.mark.parametrize("seed, zone", [(1, "UTC"), (2, "Asia/Tokyo"), (3, "America/Los_Angeles"), (4, "Asia/Tehran")])
def test_a_summary_equals_a_count_by_hand_and_a_second_count_writes_nothing(
    database: Any, seed: int, zone: str
) -> None:
    desk, orders = Desk(database, open_shop(database, f"seed-{seed}.myshopify.com", timezone=zone)), _draw(seed)
    for number, each in enumerate(orders):
        desk.settle(each)
        if number == 30:
            recount(desk)
    assert recount(desk) > 0
    expected = _by_hand(orders, ZoneInfo(zone))
    assert set(expected) >= {"orders", "new_customers", "second_orders", "second_gap", "cohort_active", "cohort_minor"}
    for key in ("orders", "new_customers", "second_orders", "second_gap", "cohort_active", "cohort_minor"):
        assert kept(desk, key) == dict(expected[key]), key
    revenue = kept(desk, "revenue")
    assert sum(revenue.values()) == sum(sum(expected[k].values()) for k in ("cohort_minor",)) + sum(
        expected["revenue"].values()
    )
    assert {what for _, what in revenue} <= {*lifecycle.STAGES, "guest"}
    assert recount(desk) == 0


def test_flows_undone_from_now_are_what_stood_then(desk: Desk, clock: Clock) -> None:
    """Counts at the end of each day are never kept, and are what was counted on that day."""
    stood = dict[date, dict[str, int]]()
    for day in range(0, 240, 12):
        clock.now = START + timedelta(days=day)
        desk.settle(order(day, day - 0.4, buyer=1 + day % 7, observed_at=clock.now))
        desk.review()
        with desk.work() as work:
            stood[clock.now.date()] = {str(stage): many for stage, many in lifecycle.stage_counts(work).items() if many}
    recount(desk)
    for day_of, then in stood.items():
        start = Period.of(Span.WEEK, day_of)
        if start.last_day == day_of:
            found = values(desk, day_of, Span.WEEK)
            # Whoever bought later was a lead then already, as it is known now.
            assert {s: n for s in lifecycle.STAGES[1:] if (n := found[_standing_key(s)])} == then
    # Counted on a Monday: the day before it ends a week.
    sundays = [day_of for day_of in stood if day_of.weekday() == 6]
    assert sundays


def _standing_key(stage: str) -> str:
    return {"lead": "leads", "advocate": "advocates"}.get(stage, stage)


# --- days, refunds, odd dates


def test_days_and_months_are_those_of_the_shop(database: Any) -> None:
    desk = Desk(database, open_shop(database, "tokyo.myshopify.com", timezone="Asia/Tokyo"))
    late = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)  # midnight of 1 February in Tokyo
    for number, at in enumerate((late - timedelta(microseconds=1), late)):
        desk.settle(people.order(number, people.customer(number + 1), placed_at=at))
    recount(desk)
    assert kept(desk, "orders") == {("2026-01-31", ""): 1, ("2026-02-01", ""): 1}
    with desk.work() as work:
        assert [c.month for c in lifecycle.cohort_table(work)] == [date(2026, 1, 1), date(2026, 2, 1)]


def test_another_zone_moves_the_days(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1), placed_at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC)))
    recount(desk)
    assert kept(desk, "orders") == {("2026-01-31", ""): 1}
    above.run("UPDATE shops SET timezone = 'Europe/Berlin' WHERE shop_id = %s", desk.shop.shop_id)
    recount(desk)
    assert kept(desk, "orders") == {("2026-02-01", ""): 1}
    above.run("UPDATE shops SET timezone = 'Nowhere/Land' WHERE shop_id = %s", desk.shop.shop_id)
    recount(desk)
    assert kept(desk, "orders") == {("2026-01-31", ""): 1}


def test_a_refund_takes_from_the_day_of_its_order_and_a_whole_one_takes_the_order_away(desk: Desk) -> None:
    first, second = order(1, -40), order(2, -20, goods=3000)
    desk.settle(first, second)
    recount(desk)
    assert kept(desk, "new_customers") == {("2026-01-21", "unknown"): 1}
    desk.settle(refunds=[people.refund(second, 1, 1000)])
    recount(desk)
    assert kept(desk, "revenue") == {("2026-01-21", "lead"): 5000, ("2026-02-10", "acquired"): 2000}
    # What came first came back: the second order is the first that counts, in another month.
    desk.settle(people.refunded(first, people.refund(first, 2, 5000)))
    recount(desk)
    assert kept(desk, "new_customers") == {("2026-02-10", "unknown"): 1}
    assert kept(desk, "revenue") == {("2026-02-10", "lead"): 2000}
    assert kept(desk, "second_orders") == {}


def test_orders_of_1970_and_of_the_future_are_told_and_counted_nowhere(desk: Desk, clock: Clock) -> None:
    desk.settle(order(1, -10), replace(order(2, 0), placed_at=datetime(1970, 1, 1, tzinfo=UTC)))
    desk.settle(order(3, 3, buyer=2, updated_at=START))
    recount(desk)
    assert kept(desk, "orders") == {("2026-02-20", ""): 1}
    with desk.work() as work:
        counted = lifecycle.last_count(work)
        assert counted is not None
        assert counted.odd_orders == 2
        assert [c.month for c in lifecycle.cohort_table(work)] == [date(2026, 2, 1)]
    # Its time comes.
    clock.forward(days=4)
    recount(desk)
    assert kept(desk, "orders") == {("2026-02-20", ""): 1, ("2026-03-05", ""): 1}


def test_a_merged_customer_is_one(desk: Desk) -> None:
    desk.settle(order(1, -40, buyer=1), order(2, -10, buyer=2))
    recount(desk)
    assert sum(kept(desk, "new_customers").values()) == 2
    desk.hear(CustomersMerged("1001", "1002", START))
    recount(desk)
    assert sum(kept(desk, "new_customers").values()) == 1
    assert kept(desk, "second_gap") == {("2026-01-21", "30"): 1}


# --- metrics


def test_metrics_of_a_month_are_as_they_are_defined(desk: Desk, clock: Clock) -> None:
    """January: four first orders. February: one of them orders again, one new customer comes with a lead who waits."""
    clock.now = datetime(2026, 3, 1, tzinfo=UTC)
    for number, (day, buyer) in enumerate([(5, 1), (8, 2), (9, 3), (20, 4)]):
        desk.settle(_on(number, date(2026, 1, day), buyer))
    desk.settle(_on(10, date(2026, 2, 14), 1, goods=7000), _on(11, date(2026, 2, 20), 5), _on(12, date(2026, 2, 21), 0))
    desk.settle(customers=[people.customer(6, updated_at=clock.now, created_at=datetime(2026, 2, 3, tzinfo=UTC))])
    recount(desk)
    found = values(desk, date(2026, 2, 1))
    expected = {
        "new_leads": 2, "leads": 1, "new_customers": 1, "conversion": 5000, "acquired": 4, "developing": 1,
        "orders": 3, "revenue": 17_000, "order_value": 5667, "repeat_rate": 2000, "retention": 2500,
        "returning_revenue": 7000, "brought": 0, "referral_rate": 0, "slipping": 0, "churn": 0, "won_back": 0,
        "revenue_lead": 5000, "revenue_acquired": 7000, "win_back_rate": None, "second_order_rate": None,
        "acquired_drop_off": 0, "developing_drop_off": None, "visits": 0, "lead_rate": None,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    quarter = values(desk, date(2026, 2, 1), Span.QUARTER)
    assert (quarter["orders"], quarter["retention"], quarter["new_customers"]) == (7, None, 5)


def _on(number: int, day: date, buyer: int, goods: int = 5000) -> OrderSnapshot:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    who = people.customer(buyer, created_at=at) if buyer else None
    return people.order(number, who, goods, placed_at=at)


def test_silence_and_coming_back_are_churn_and_won_back(desk: Desk, clock: Clock) -> None:
    clock.now = datetime(2026, 1, 20, tzinfo=UTC)
    desk.settle(_on(1, date(2025, 6, 10), 1), _on(2, date(2025, 6, 10), 2))
    desk.review()
    desk.settle(_on(3, date(2026, 1, 15), 1))
    recount(desk)
    # At risk from 8 September, lapsed from 7 December.
    september, december, january = (values(desk, date(y, m, 1)) for y, m in ((2025, 9), (2025, 12), (2026, 1)))
    assert (september["slipping"], september["at_risk"], september["acquired_drop_off"]) == (10_000, 2, 10_000)
    assert (december["churn"], december["lapsed"], december["at_risk"]) == (10_000, 2, 0)
    assert (january["won_back"], january["win_back_rate"], january["lapsed"]) == (1, 5000, 1)
    assert january["revenue_lapsed"] == 5000


def test_a_second_order_counts_when_its_time_was_over(desk: Desk, clock: Clock) -> None:
    """Of three who first ordered in November, two came back within ninety days: after ten days and after eighty."""
    for number, day in enumerate((1, 10, 20)):
        desk.settle(_on(number, date(2025, 11, day), number + 1))
    desk.settle(_on(10, date(2025, 11, 11), 1), _on(11, date(2026, 1, 29), 2), _on(12, date(2026, 2, 28), 3))
    clock.now = datetime(2026, 3, 10, tzinfo=UTC)
    recount(desk)
    february = values(desk, date(2026, 2, 1))
    # Of first orders from 3 November to 2 December, the 90 days before February's end, and its length.
    assert (february["second_order_rate"], february["second_order_days"]) == (5000, 80)
    quarter = values(desk, date(2026, 1, 1), Span.QUARTER)
    assert (quarter["second_order_rate"], quarter["second_order_days"]) == (6667, 10)


@pytest.mark.parametrize("many", [0, 1, 10])
def test_a_thin_shop_has_no_number_that_cannot_be(desk: Desk, many: int) -> None:
    for number in range(many):
        desk.settle(order(number, -5 * number - 1, buyer=number + 1))
    recount(desk)
    for span in Span:
        with desk.work() as work:
            report = lifecycle.report(work, span, START.date())
        assert [r.metric for r in report.readings] == list(METRICS)
        assert all(r.value is None or r.value >= 0 for r in report.readings)
        assert report.under_way
    with desk.work() as work:
        assert lifecycle.channels(work).total.customers == many
        assert sum(c.size for c in lifecycle.cohort_table(work)) == many


# --- when it is counted


def test_counting_is_paced_by_its_cost_and_wakes_with_news(desk: Desk, clock: Clock, above: Superuser) -> None:
    def due() -> bool:
        with desk.work() as work:
            return lifecycle.recount_due(work)

    took = "UPDATE metrics_counts SET took_ms = %s WHERE shop_id = %s"
    assert due()
    assert not due()
    above.run(took, 2000, desk.shop.shop_id)
    above.run(
        "INSERT INTO deliveries (shop_id, dedupe_key, topic, received_at, body) VALUES (%s, 'k', 't', %s, '')",
        desk.shop.shop_id, START + timedelta(minutes=2),
    )  # fmt: skip
    clock.forward(minutes=10)
    assert not due()  # two seconds of counting are good for a thousand of waiting
    clock.forward(minutes=7)
    assert due()
    above.run(took, 1, desk.shop.shop_id)
    clock.forward(minutes=10)
    assert not due()  # nothing has happened
    clock.forward(hours=1)
    assert due()
    above.run(took, 1, desk.shop.shop_id)
    clock.now = datetime(2026, 3, 3, 0, 1, tzinfo=UTC)
    assert due()  # a day has begun


def test_two_who_count_at_once_do_not_wait_for_each_other(desk: Desk, database: Any) -> None:
    desk.settle(order(1, -5))
    with desk.work() as first:
        assert lifecycle.recount(first) > 0
        # Another connection, while the first has not committed.
        with database.work(desk.shop.shop_id) as second:
            assert lifecycle.recount(second) == 0
            assert lifecycle.last_count(second) is None
    assert kept(desk, "orders") == {("2026-02-25", ""): 1}


# --- channels


def test_a_friend_s_customer_came_by_invitation_whatever_the_address_said(desk: Desk) -> None:
    desk.settle(
        order(1, -30, buyer=1), order(2, -20, buyer=2, arrival="email"), order(3, -19, buyer=3, arrival="email")
    )
    advocate = desk.customer_id(1)
    with desk.work() as work:
        row = work.connection.exec_driver_sql("SELECT order_id, placed_at FROM orders WHERE external_id = '5002'").one()
        friend = lifecycle.Milestone("referral", row.order_id, advocate, row.placed_at, counts=True)
        lifecycle.settle_milestones(work, [friend])
    recount(desk)
    assert kept(desk, "new_customers") == {
        ("2026-01-31", "unknown"): 1, ("2026-02-10", "invitation"): 1, ("2026-02-11", "email"): 1,
    }  # fmt: skip
    february = values(desk, date(2026, 2, 1))
    assert (february["brought"], february["referral_rate"]) == (1, 5000)


def test_cost_worth_and_payback_of_channels(desk: Desk, clock: Clock) -> None:
    """Two who came by search in December bring 60.00 at once and 30.00 in the month after; e-mail costs nothing."""
    clock.now = datetime(2026, 2, 10, tzinfo=UTC)
    for buyer in (1, 2):
        desk.settle(replace(_on(buyer, date(2025, 12, 5), buyer, 6000), arrival="search"))
        desk.settle(_on(10 + buyer, date(2026, 1, 5), buyer, 3000))
    desk.settle(replace(_on(20, date(2026, 1, 9), 3, 2000), arrival="email"))
    recount(desk)
    with desk.work() as work:
        lifecycle.say_spend(work, "2025-12", "search", "160.00")
        lifecycle.say_spend(work, "2026-01", "Search", "20.00")
        found = lifecycle.channels(work)
    search, mail = (next(line for line in found.lines if line.arrival == way) for way in ("search", "email"))
    assert (search.spend_minor, search.customers, search.cac_minor) == (18_000, 2, 9000)
    assert (list(search.worth), search.ltv_to_cac, search.payback_months) == ([6000, 9000], 100, 2)
    assert (mail.cac_minor, list(mail.worth), mail.ltv_to_cac, mail.payback_months) == (None, [2000], None, None)
    # January's customer is not a month older yet: the second month is December's alone.
    assert (found.total.cac_minor, list(found.total.worth)) == (6000, [4666, 7666])
    assert [(m.month.month, m.arrival, m.spend_minor, m.customers) for m in found.months] == [
        (1, "email", 0, 1), (1, "search", 2000, 0), (12, "search", 16_000, 2),
    ]  # fmt: skip


def test_worth_is_multiplied_with_the_margin_of_value(desk: Desk) -> None:
    desk.settle(order(1, -40, goods=10_001))
    recount(desk)
    with desk.work() as work:
        assert list(lifecycle.channels(work).total.worth) == [10_001, 10_001]
        terms.publish(work, "value", {"margin_percent": 30})
        found = lifecycle.channels(work)
    assert (found.margin_percent, list(found.total.worth)) == (30, [3000, 3000])
