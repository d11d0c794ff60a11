"""What is kept of customers' worth: night and single look end in the same rows, and only what changed is written."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lifecycle
from commerce.events import CustomerDeleted, CustomersMerged
from commerce.ids import ShopId
from commerce.orders import OrderSnapshot
from engine.work import Database
from lifecycle.rules import values as rules
from lifecycle.rules.groups import place_of
from tests import people
from tests.ground import START, Clock, Desk, Superuser, open_shop

ROW = """
    SELECT c.external_id, v.r, v.f, v.m, v.rfm_group, v.purchases, v.spent_minor, v.first_day, v.last_day, v.buys,
           v.churn, v.expected, v.next_order_at, v.historic_minor, v.predicted_minor
    FROM customer_values v JOIN customers c USING (shop_id, customer_id)
    WHERE v.shop_id = %s ORDER BY c.external_id
"""


def world(customers: int = 60, until: datetime = START) -> list[OrderSnapshot]:
    """Orders of a small shop over two years: everybody at a rhythm of their own, some of whom stop."""
    orders, number = list[OrderSnapshot](), 0
    for who in range(1, customers + 1):
        gap, stops = 7 + 13 * (who % 11), 1 + (who * 7) % 12
        begins = until - timedelta(days=730 - (who * 37) % 700)
        for turn in range(stops if who % 3 else 1):
            at = begins + timedelta(days=turn * gap, hours=who % 5)
            if at < until:
                number += 1
                orders.append(
                    people.order(number, people.customer(who), 1500 + 700 * (who % 9) + 10 * turn, placed_at=at)
                )
    return orders


def night(database: Database, desk: Desk) -> Any:
    return lifecycle.score_everybody(database, desk.shop.shop_id)


def drain(desk: Desk) -> int:
    """Look again at everybody who was asked for, as the job of each minute does; answers at how many."""
    many = 0
    with desk.work() as work:
        while found := lifecycle.rescore_due(work):
            many += found
    return many


def rows(above: Superuser, shop_id: ShopId) -> Sequence[tuple[Any, ...]]:
    return above.run(ROW, shop_id)


def row_of(above: Superuser, desk: Desk, number: int) -> tuple[Any, ...] | None:
    found = [row for row in rows(above, desk.shop.shop_id) if row[0] == str(1000 + number)]
    return found[0] if found else None


def test_a_night_keeps_a_row_of_everybody_who_has_bought(database: Database, desk: Desk, above: Superuser) -> None:
    desk.settle(*world(), customers=[people.customer(99, updated_at=START)])
    done = night(database, desk)
    kept = rows(above, desk.shop.shop_id)
    assert (done.customers, done.written, len(kept)) == (60, 60, 60)
    assert "1099" not in {row[0] for row in kept}, "who has not bought is a prospect, and has no worth of their own"
    for row in kept:
        assert row[9] + row[10] == 100
        assert math.isfinite(row[11])
        assert row[13] == row[6], "without a margin, what came in is what they have been worth"
        assert row[14] >= 0


def test_a_single_look_ends_in_the_very_row_that_the_night_writes(
    database: Database, desk: Desk, above: Superuser
) -> None:
    desk.settle(*world())
    night(database, desk)
    by_night = rows(above, desk.shop.shop_id)
    above.run("DELETE FROM customer_values WHERE shop_id = %s", desk.shop.shop_id)
    above.run(
        "INSERT INTO value_requests (shop_id, customer_ids) SELECT shop_id, array_agg(customer_id) FROM customers "
        "WHERE shop_id = %s GROUP BY 1",
        desk.shop.shop_id,
    )
    assert drain(desk) == 60
    assert rows(above, desk.shop.shop_id) == by_night
    assert len({row[4] for row in by_night}) >= 4, "the shop has customers of many kinds"


def test_an_order_moves_its_customer_and_nobody_else(
    database: Database, desk: Desk, above: Superuser, clock: Clock
) -> None:
    desk.settle(*world())
    night(database, desk)
    before = {row[0]: row for row in rows(above, desk.shop.shop_id)}
    clock.forward(hours=3)
    buyer = people.customer(4)
    desk.settle(people.order(900, buyer, 7_000, placed_at=clock.now), people.order(901, people.customer(77), 2_500))
    assert drain(desk) == 2
    single = rows(above, desk.shop.shop_id)
    assert {row[0] for row in single if before.get(row[0]) != row} == {"1004", "1077"}
    night(database, desk)
    # Cut points are the night's own: but for scores and group, it says the same of everybody.
    assert [row[5:] for row in rows(above, desk.shop.shop_id)] == [row[5:] for row in single]


def test_a_night_after_a_quiet_day_writes_nothing_and_a_week_later_only_what_has_moved(
    database: Database, desk: Desk, above: Superuser, clock: Clock
) -> None:
    desk.settle(*world())
    night(database, desk)
    assert night(database, desk).written == 0
    first = {row[0]: row for row in rows(above, desk.shop.shop_id)}
    clock.forward(days=2)
    done = night(database, desk)
    second = {row[0]: row for row in rows(above, desk.shop.shop_id)}
    assert done.written == sum(first[name] != second[name] for name in first)
    assert 0 < done.written < 60


def test_a_refund_takes_from_what_a_customer_was_worth(
    database: Database, desk: Desk, above: Superuser, clock: Clock
) -> None:
    bought = people.order(1, people.customer(1), 9_000, placed_at=START - timedelta(days=40))
    second = people.order(2, people.customer(1), 4_000, placed_at=START - timedelta(days=9))
    desk.settle(*world(20), bought, second)
    night(database, desk)
    before = row_of(above, desk, 1)
    assert before is not None
    desk.settle(people.refunded(second, people.refund(second, 1, 1_000)))
    assert drain(desk) == 1
    part = row_of(above, desk, 1)
    assert part is not None
    assert part[6] == before[6] - 1_000
    desk.settle(people.refunded(second, people.refund(second, 1, 1_000), people.refund(second, 2, 3_000), seconds=120))
    drain(desk)
    whole = row_of(above, desk, 1)
    assert whole is not None
    assert (whole[5], whole[6]) == (before[5] - 1, before[6] - 4_000), "an order that went back whole was no purchase"
    above.run("UPDATE value_runs SET finished_at = NULL")
    assert night(database, desk).written <= 20
    assert row_of(above, desk, 1)[5:] == whole[5:]  # type: ignore[index]


def test_who_has_no_order_left_is_kept_no_longer(database: Database, desk: Desk, above: Superuser) -> None:
    only = people.order(700, people.customer(50), 5_000, placed_at=START - timedelta(days=3))
    desk.settle(*world(12), only)
    night(database, desk)
    assert row_of(above, desk, 50) is not None
    desk.settle(people.later(only, cancelled_at=START))
    assert drain(desk) == 1
    assert row_of(above, desk, 50) is None
    night(database, desk)
    above.run(
        "INSERT INTO customer_values SELECT shop_id, customer_id + 0, 1, 1, 1, 'dormant', 1, 1, CURRENT_DATE, "
        "CURRENT_DATE, 1, 99, 0, NULL, 0, 0, now() FROM customers WHERE shop_id = %s AND external_id = '1050'",
        desk.shop.shop_id,
    )
    assert night(database, desk).written == 1, "the night drops what should not be there"
    assert row_of(above, desk, 50) is None


def test_who_was_kept_in_a_merge_has_the_worth_of_both(database: Database, desk: Desk, above: Superuser) -> None:
    desk.settle(*world(12))
    night(database, desk)
    one, two = row_of(above, desk, 4), row_of(above, desk, 5)
    assert one is not None
    assert two is not None
    desk.hear(CustomersMerged("1004", "1005", START))
    assert drain(desk) == 2
    both = row_of(above, desk, 4)
    assert both is not None
    assert both[6] == one[6] + two[6]
    assert row_of(above, desk, 5) is None


def test_nobody_reckons_with_who_is_gone_or_asked_to_be_forgotten(
    database: Database, desk: Desk, above: Superuser
) -> None:
    desk.settle(*world(12))
    night(database, desk)
    desk.hear(CustomerDeleted("1004", START))
    drain(desk)
    assert row_of(above, desk, 4) is None
    above.run("UPDATE customers SET redacted_at = now() WHERE shop_id = %s AND external_id = '1006'", desk.shop.shop_id)
    assert night(database, desk).customers == 10
    assert {"1004", "1006"}.isdisjoint({row[0] for row in rows(above, desk.shop.shop_id)})


def test_shops_that_know_the_same_people_reckon_each_their_own(
    database: Database, desk: Desk, above: Superuser
) -> None:
    other = Desk(database, open_shop(database, "another.myshopify.com", timezone="Asia/Tokyo"))
    desk.settle(*world(30))
    other.settle(*world(12))
    night(database, desk)
    mine = rows(above, desk.shop.shop_id)
    assert night(database, other).customers == 12
    assert rows(above, desk.shop.shop_id) == mine
    other.settle(people.order(900, people.customer(2), 100_000, placed_at=START))
    drain(desk)
    drain(other)
    assert rows(above, desk.shop.shop_id) == mine


@pytest.mark.parametrize("customers", [0, 1, 10])
def test_a_thin_shop_gets_scores_and_a_stated_method(
    database: Database, desk: Desk, above: Superuser, customers: int
) -> None:
    desk.settle(*world(customers))
    done = night(database, desk)
    assert done.customers == customers
    assert done.method
    method, report = above.run("SELECT method, report FROM prediction_models WHERE shop_id = %s", desk.shop.shop_id)[0]
    assert method == done.method
    assert report["why"]
    for row in rows(above, desk.shop.shop_id):
        assert 0 <= row[9] <= 100
        assert math.isfinite(row[11])
        assert row[4] in {group.key for group in lifecycle.PRESETS["eleven"]}
    desk.settle(people.order(900, people.customer(3), 5_000, placed_at=START - timedelta(days=1)))
    assert drain(desk) == 1
    assert row_of(above, desk, 3) is not None


def test_a_night_that_was_killed_goes_on_in_the_next(
    database: Database, desk: Desk, above: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lifecycle.service import nights

    monkeypatch.setattr(nights, "PORTION", 7)

    class KilledError(Exception):
        pass

    def kill(done: int, _whole: int) -> None:
        if done >= 21:
            raise KilledError

    desk.settle(*world())
    with pytest.raises(KilledError):
        lifecycle.score_everybody(database, desk.shop.shop_id, kill)
    assert len(rows(above, desk.shop.shop_id)) == 21
    with desk.work() as work:
        assert lifecycle.night_due(work)
    desk.settle(people.order(900, people.customer(3), 5_000, placed_at=START - timedelta(days=1)))
    done = night(database, desk)
    assert done.written in range(39, 45), "those of the first try that still say the same are left as they are"
    assert len(rows(above, desk.shop.shop_id)) == 60
    assert drain(desk) == 0, "who was asked for before the night read is answered by it"
    with desk.work() as work:
        assert not lifecycle.night_due(work)


def test_while_a_night_is_reckoned_single_looks_wait_and_another_night_is_refused(
    database: Database, desk: Desk, above: Superuser
) -> None:
    desk.settle(*world(12))
    night(database, desk)
    desk.settle(people.order(900, people.customer(3), 5_000, placed_at=START - timedelta(days=1)))
    seen, refused = list[int](), list[str]()

    def meanwhile(_done: int, _whole: int) -> None:
        with desk.work() as work:
            seen.append(lifecycle.rescore_due(work))

    def another() -> None:
        with database.work(desk.shop.shop_id) as work:
            work.connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        try:
            lifecycle.score_everybody(database, desk.shop.shop_id)
        except lifecycle.Reckoning as busy:
            refused.append(busy.message)

    lifecycle.score_everybody(database, desk.shop.shop_id, meanwhile)
    assert seen == [0]
    with database.lock("values", desk.shop.shop_id):
        waiting = threading.Thread(target=another)
        waiting.start()
        waiting.join(60)
    assert refused == ["This shop's customers are being reckoned already."]


def test_before_the_first_night_nobody_is_asked_for(database: Database, desk: Desk, above: Superuser) -> None:
    desk.settle(*world(5))
    assert above.one("SELECT count(*) FROM value_requests WHERE shop_id = %s", desk.shop.shop_id) == 0
    night(database, desk)
    desk.settle(people.order(900, people.customer(3), 5_000, placed_at=START - timedelta(days=1)))
    assert above.one("SELECT count(*) FROM value_requests WHERE shop_id = %s", desk.shop.shop_id) == 1


def test_odd_orders_make_no_odd_numbers(database: Database, desk: Desk, above: Superuser) -> None:
    busy = people.customer(40)
    desk.settle(
        *world(30),
        people.order(800, people.customer(41), 0, placed_at=START - timedelta(days=5)),
        people.order(801, people.customer(42), 5_000, placed_at=datetime(1970, 1, 1, tzinfo=UTC)),
        people.order(802, people.customer(43), 5_000, placed_at=START + timedelta(days=400)),
        people.order(803, people.customer(44), 5_000, placed_at=START - timedelta(days=5), currency="EUR"),
        *(
            people.order(1000 + turn, busy, 900, placed_at=START - timedelta(hours=11 * turn), discount_codes=())
            for turn in range(400)
        ),
    )
    night(database, desk)
    names = {row[0] for row in rows(above, desk.shop.shop_id)}
    assert names.isdisjoint({"1041", "1042", "1043", "1044"})
    assert row_of(above, desk, 40)[5] == len({(START - timedelta(hours=11 * turn)).date() for turn in range(400)})  # type: ignore[index]
    desk.settle(people.order(803, people.customer(43), 5_000, placed_at=START + timedelta(days=401)))
    drain(desk)
    assert row_of(above, desk, 43) is None


@given(st.integers(min_value=0, max_value=10**15))
def test_what_is_kept_of_an_expectation_is_a_step_and_never_far_from_it(amount: int) -> None:
    kept = rules.in_steps(amount)
    assert rules.in_steps(kept) == kept
    assert abs(kept - amount) <= max(0.06 * amount, 0)
    assert rules.in_steps(amount + 1) >= kept


def test_columns_and_single_numbers_are_cut_alike() -> None:
    from lifecycle.service import nights

    amounts = [*range(3000), *(10**power + off for power in range(3, 18) for off in (-1, 0, 1, 10**power // 7))]
    assert nights._in_steps(np.array(amounts)).tolist() == [rules.in_steps(amount) for amount in amounts]
    chances = [part / 1999 for part in range(2000)]
    assert nights._percent(np.array(chances)).tolist() == [rules.percent(chance) for chance in chances]


def test_customers_who_all_leave_alike_make_no_odd_numbers(database: Database, desk: Desk, above: Superuser) -> None:
    """Fits to them run away to where a year's series would pass every number; warnings are errors here."""
    orders = [
        people.order(
            100 * who + turn, people.customer(who), 4000, placed_at=START - timedelta(days=600 - who - 3 * turn)
        )
        for who in range(1, 120)
        for turn in range(1 + who % 3)
    ]
    desk.settle(*orders)
    night(database, desk)
    kept = rows(above, desk.shop.shop_id)
    assert len(kept) == 119
    assert all(math.isfinite(row[11]) and 0 <= row[14] < 10_000_000 for row in kept)


def test_each_shop_has_its_own_minute_of_its_own_night() -> None:
    there = ZoneInfo("America/New_York")
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    instants = {rules.last_due(shop_id, now, there) for shop_id in range(200)}
    assert len(instants) == 200
    assert {at.astimezone(there).hour for at in instants} == {1, 2, 3, 4}
    assert all(timedelta(0) <= now - at < timedelta(days=1) for at in instants)
    changing = datetime(2026, 3, 8, 8, tzinfo=UTC)
    assert all(rules.last_due(shop_id, changing, there) <= changing for shop_id in range(240))


def test_a_night_is_due_once_a_night_and_whenever_the_terms_have_changed(
    database: Database, desk: Desk, clock: Clock
) -> None:
    def due() -> bool:
        with desk.work() as work:
            return lifecycle.night_due(work)

    desk.settle(*world(5))
    assert not due(), "a new shop's history has yet to come in"
    clock.forward(minutes=11)
    assert due()
    night(database, desk)
    assert not due()
    clock.forward(days=1)
    assert due()
    night(database, desk)
    assert not due()
    with desk.work() as work:
        lifecycle.publish_value_terms(work, lifecycle.ValueTerms(margin_percent=40))
    assert due()
    night(database, desk)
    assert not due()


def test_what_customers_are_worth_follows_margin_and_discount(database: Database, desk: Desk, above: Superuser) -> None:
    desk.settle(*world())
    night(database, desk)
    before = {row[0]: row for row in rows(above, desk.shop.shop_id)}
    with desk.work() as work:
        lifecycle.publish_value_terms(work, lifecycle.ValueTerms(margin_percent=50, groups="six"))
    night(database, desk)
    after = {row[0]: row for row in rows(above, desk.shop.shop_id)}
    for name, row in after.items():
        assert row[13] == round(before[name][13] / 2)
        assert abs(row[14] - before[name][14] / 2) <= max(1, before[name][14] * 0.12)
        assert row[4] in {group.key for group in lifecycle.PRESETS["six"]}


def test_the_store_is_told_only_if_the_merchant_wants_it_and_only_news(
    database: Database, desk: Desk, above: Superuser
) -> None:
    def told() -> list[Any]:
        return above.run(
            "SELECT body->'values' FROM effects WHERE shop_id = %s AND kind = 'fields' AND key LIKE 'value:%%'",
            desk.shop.shop_id,
        )

    def walk() -> None:
        with desk.work() as work:
            while lifecycle.tell_all(work):
                pass

    desk.settle(*world(12))
    night(database, desk)
    walk()
    assert told() == []
    with desk.work() as work:
        lifecycle.publish_value_terms(work, lifecycle.ValueTerms(tell=True))
    walk()
    assert len(told()) == 12
    row = row_of(above, desk, 4)
    assert row is not None
    assert ({"rfm_group": row[4], "predicted_value": str(row[14] // 100)},) in told()
    above.run("UPDATE effects SET pushed_at = wanted_at WHERE shop_id = %s", desk.shop.shop_id)
    night(database, desk)
    desk.settle(people.order(900, people.customer(4), 80_000, placed_at=START - timedelta(hours=1)))
    drain(desk)
    waiting = above.run(
        "SELECT key FROM effects WHERE shop_id = %s AND key LIKE 'value:%%' AND pushed_at IS NULL", desk.shop.shop_id
    )
    assert waiting == [("value:1004",)]
    with desk.work() as work:
        lifecycle.publish_value_terms(work, lifecycle.ValueTerms(tell=False))
    walk()
    assert {tuple(values.values()) for (values,) in told()} == {(None, None)}


@pytest.mark.parametrize("preset", sorted(lifecycle.PRESETS))
def test_whatever_the_scores_a_customer_is_in_one_group_and_no_other(preset: str) -> None:
    groups = lifecycle.PRESETS[preset]
    seen = set[str]()
    for r in range(1, 6):
        for f in range(1, 6):
            for m in range(1, 6):
                own = [group.key for group in groups if group.holds(r, (f + m) / 2)]
                assert own == [groups[place_of(preset, r, f, m)].key], (r, f, m)
                seen |= set(own)
    assert seen == {group.key for group in groups}, "no group is always empty"


def test_the_groups_of_the_eleven_are_those_of_their_reference() -> None:
    expected = {
        (5, 4, 4): "champions", (4, 5, 5): "loyal", (3, 4, 3): "loyal", (5, 3, 3): "active", (4, 1, 2): "active",
        (5, 1, 1): "new", (4, 1, 1): "promising", (3, 2, 3): "needs_attention", (3, 2, 2): "almost_lost",
        (2, 4, 4): "at_risk", (1, 2, 3): "at_risk", (2, 5, 4): "previously_loyal", (1, 2, 2): "dormant",
    }  # fmt: skip
    eleven = lifecycle.PRESETS["eleven"]
    assert {scores: eleven[place_of("eleven", *scores)].key for scores in expected} == expected
