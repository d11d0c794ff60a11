"""Rules of the stages on the real database: proposed, tried, published, and brought to everybody."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

import lifecycle
from engine import announcements
from tests import people
from tests.ground import START, Clock, Desk, Superuser, open_shop
from tests.lifecycle.test_service import HISTORY, history, on_day, order, standing, tag

ROWS = """
    SELECT c.external_id, s.stage, s.since, s.next_review_at, s.orders, s.gaps, s.returned_at, s.won_back_at,
           s.awaited_at
    FROM standings s JOIN customers c USING (shop_id, customer_id) WHERE s.shop_id = %s ORDER BY 1
"""


def rows(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    return above.run(ROWS, desk.shop.shop_id)


def publish(desk: Desk, seen: int = 1, **changed: int) -> int:
    with desk.work() as work:
        return lifecycle.publish(work, changed, seen)


def walk_all(desk: Desk) -> int:
    walked = 0
    while True:
        with desk.work() as work:
            some = lifecycle.walk_again(work)
        walked += some
        if not some:
            return walked


def test_new_rules_come_to_everybody_in_the_background(desk: Desk, above: Superuser, clock: Clock) -> None:
    clock.now = on_day(40)
    desk.settle(*(order(buyer * 10, 0, buyer) for buyer in range(1, 8)))
    assert publish(desk, at_risk_after_days=30) == 2
    with desk.work() as work:
        assert lifecycle.walking(work) is None
    assert standing(desk, 7).stage == "acquired"
    assert walk_all(desk) == 7
    assert tuple(standing(desk, 7))[:3] == ("at_risk", on_day(30), on_day(180))
    assert history(desk, above)[2] == (on_day(30), "at_risk", "30 days without an order")
    assert tag(desk, above, 7) == [("stage:at_risk", 2)]
    with desk.work() as work:
        assert lifecycle.walking(work) == lifecycle.Walking(2, 7, 7, True)
    assert walk_all(desk) == 0


def test_a_walk_that_was_overtaken_begins_anew(desk: Desk, clock: Clock) -> None:
    desk.settle(order(1, 0))
    publish(desk, at_risk_after_days=30)
    walk_all(desk)
    clock.now = on_day(25)
    publish(desk, 2, at_risk_after_days=20)
    assert walk_all(desk) == 1
    assert standing(desk).stage == "at_risk"


def test_nobody_publishes_over_rules_that_they_have_not_seen(desk: Desk, above: Superuser) -> None:
    publish(desk, at_risk_after_days=30)
    with pytest.raises(lifecycle.RulesChanged):
        publish(desk, 1, at_risk_after_days=60)
    with pytest.raises(lifecycle.RulesRefused, match=r"^A customer must be at risk before lapsing") as refused:
        publish(desk, 2, at_risk_after_days=500)
    assert refused.value.field == "at_risk_after_days"
    assert above.one("SELECT count(*) FROM terms WHERE shop_id = %s AND domain = 'lifecycle'", desk.shop.shop_id) == 2


def test_a_preview_says_who_would_move_and_writes_nothing(desk: Desk, above: Superuser, clock: Clock) -> None:
    clock.now = on_day(100)
    desk.settle(*(order(buyer, 50, buyer) for buyer in range(1, 16)), order(99, 99, 20))
    before = above.rows_of(desk.shop.shop_id)
    with desk.work() as work:
        now = lifecycle.current_terms(work)
        found = lifecycle.preview(work, now, lifecycle.draft(now, {"at_risk_after_days": 40}))
    assert (found.looked, found.moved, found.every) == (16, 15, 1)
    (move,) = found.moves
    assert (move.from_stage, move.to_stage, move.customers, len(move.examples)) == ("acquired", "at_risk", 15, 10)
    assert found.counts == {("acquired", "at_risk"): 15, ("acquired", "acquired"): 1}
    assert above.rows_of(desk.shop.shop_id) == before


def test_a_preview_is_what_publishing_brings(desk: Desk, above: Superuser, clock: Clock) -> None:
    draw = random.Random(7)
    clock.now = on_day(800)
    told = [order(number, draw.uniform(0, 790), number % 12 + 1) for number in range(80)]
    told += [people.later(snapshot, cancelled_at=on_day(790)) for snapshot in draw.sample(told, 15)]
    desk.settle(*told)
    desk.review()
    changed = {"personal_from_orders": 3, "at_risk_percent": 150, "retained_from_orders": 6, "stay_days": 90}
    with desk.work() as work:
        now = lifecycle.current_terms(work)
        found = lifecycle.preview(work, now, lifecycle.draft(now, changed))
    publish(desk, **changed)
    walk_all(desk)
    with desk.work() as work:
        counts = lifecycle.stage_counts(work)
    expected = dict.fromkeys(lifecycle.STAGES, 0)
    for (_, to_stage), many in found.counts.items():
        expected[to_stage] += many
    assert found.moved > 0
    assert counts == expected


def test_customers_settled_before_gaps_were_kept_are_previewed_and_walked_by_their_orders(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    clock.now = on_day(175)
    desk.settle(*(order(number, 34 * number) for number in range(4)))
    above.run("UPDATE standings SET gaps = NULL WHERE shop_id = %s", desk.shop.shop_id)
    with desk.work() as work:
        now = lifecycle.current_terms(work)
        off = lifecycle.draft(now, {"personal_from_orders": 0})
        assert lifecycle.preview(work, off, now).counts == {("retained", "at_risk"): 1}
    desk.settle(people.later(order(3, 34 * 3)))
    assert rows(desk, above)[0][5] == [34, 34, 34]


def test_of_a_large_shop_some_customers_are_looked_at(desk: Desk, clock: Clock) -> None:
    clock.now = on_day(10)
    desk.settle(*(order(buyer, 0, buyer) for buyer in range(1, 31)))
    with desk.work() as work:
        now = lifecycle.current_terms(work)
        found = lifecycle.preview(work, now, now, most=10)
    assert (found.every, found.moved) == (3, 0)
    assert found.looked == 10


def test_the_shop_s_own_gaps_propose_its_days(desk: Desk, clock: Clock) -> None:
    clock.now = on_day(900)
    with desk.work() as work:
        assert lifecycle.proposal(work) == lifecycle.Proposal(0, 1)
    desk.settle(*(order(100 * buyer + n, n * 10 * buyer, buyer) for buyer in range(1, 11) for n in range(6)))
    with desk.work() as work:
        assert lifecycle.proposal(work) == lifecycle.Proposal(50, 1, 50, 80, 90)


@pytest.mark.parametrize("placed", [datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)])
def test_an_order_with_an_impossible_date_leaves_a_sensible_stage(
    desk: Desk, above: Superuser, clock: Clock, placed: datetime
) -> None:
    impossible = order(1, 0)
    desk.settle(people.order(1, people.customer(1), placed_at=placed, updated_at=START, observed_at=START))
    desk.review()
    stage = standing(desk).stage
    # What has no date of its own was placed when the customer came, 300 days ago; what is yet to come is awaited.
    assert stage == ("lapsed" if placed.year == 1970 else "lead")
    desk.settle(people.later(impossible, 3600))
    assert standing(desk).stage == "acquired"


def test_an_order_that_is_awaited_counts_when_the_review_finds_it_near(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    desk.settle(order(1, 0), people.order(2, people.customer(1), placed_at=on_day(20), updated_at=START))
    assert tuple(standing(desk))[:4] == ("acquired", START, on_day(18), 1)
    clock.now = on_day(18)
    desk.review()
    assert tuple(standing(desk))[:4] == ("developing", on_day(20), on_day(110), 2)
    assert rows(desk, above)[0][8] is None


def test_an_order_that_came_back_holds_the_stage_until_another_is_placed(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    clock.now = on_day(35)
    bought = [order(number, 10 * number) for number in range(4)]
    desk.settle(*bought)
    back = people.refunded(bought[3], people.refund(bought[3], 1, bought[3].goods_minor))
    desk.settle(back)
    assert tuple(standing(desk))[:4] == ("retained", on_day(30), on_day(60), 3)
    desk.settle(order(5, 34))
    assert tuple(standing(desk))[:2] == ("retained", on_day(30))
    desk.settle(people.later(order(5, 34), cancelled_at=on_day(35)))
    clock.now = on_day(70)
    desk.review()
    assert history(desk, above)[-2:] == [
        (on_day(30), "retained", "placed order number 4, which came back later"),
        (on_day(64), "developing", "an order came back, and no other took its place in 30 days"),
    ]


def test_an_order_whose_refund_was_deleted_counts_and_did_not_come_back(desk: Desk, above: Superuser) -> None:
    bought = [
        people.order(n, people.customer(1), placed_at=on_day(n - 9), updated_at=START, whole=True) for n in range(4)
    ]
    desk.settle(*bought)
    clean, stood = above.run(HISTORY, desk.shop.shop_id), rows(desk, above)
    back = people.refunded(bought[3], people.refund(bought[3], 1, bought[3].goods_minor))
    desk.settle(back)
    assert rows(desk, above)[0][6] == on_day(-6)
    desk.settle(people.later(back, 120, refunds=()))
    assert (above.run(HISTORY, desk.shop.shop_id), rows(desk, above)) == (clean, stood)


def test_the_pipeline_counts_who_stands_where_and_who_went_there(desk: Desk, clock: Clock) -> None:
    desk.settle(order(1, 0, 1), order(2, 0, 2))
    clock.now = on_day(200)
    desk.review()
    clock.now = on_day(209)
    desk.settle(order(3, 205, 1))
    with desk.work() as work:
        found = lifecycle.pipeline(work, 30)
    posts = {str(post.stage): (post.customers, post.median_days, post.won_back) for post in found.posts}
    assert posts == {
        "lead": (0, None, 0), "acquired": (0, None, 0), "developing": (1, 4, 1), "retained": (0, None, 0),
        "advocate": (0, None, 0), "at_risk": (0, None, 0), "lapsed": (1, 29, 0),
    }  # fmt: skip
    streams = [(s.from_stage, s.to_stage, s.changes, s.won_back) for s in found.streams]
    # Both had lapsed on day 180, and one of them is back.
    assert streams == [("at_risk", "lapsed", 2, 0), ("lapsed", "developing", 1, 1)]
    assert found.won_back == 1


def told_of(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    return above.run(
        "SELECT body->'facts'->>'stage', body->'facts'->>'won back' FROM effects "
        "WHERE shop_id = %s AND kind = 'announcement' ORDER BY effect_id",
        desk.shop.shop_id,
    )


def test_automations_hear_who_was_won_back_and_nothing_of_new_rules(desk: Desk, above: Superuser, clock: Clock) -> None:
    with desk.work() as work:
        announcements.heard(work, [announcements.What.STAGE_ENTERED], work.now, listening=True)
    desk.settle(order(1, 0))
    clock.now = on_day(181)
    desk.review()
    desk.settle(order(2, 181))
    assert told_of(desk, above) == [("acquired", "no"), ("lapsed", "no"), ("developing", "yes")]
    publish(desk, retained_from_orders=2)
    assert walk_all(desk) == 1
    assert standing(desk).stage == "retained"
    assert len(told_of(desk, above)) == 3


def test_what_comes_next_is_told(desk: Desk) -> None:
    desk.settle(order(1, 0))
    customer_id = desk.customer_id()
    with desk.work() as work:
        ahead = lifecycle.outlook(work, customer_id, lifecycle.current_terms(work))
        assert ahead.next is not None
        assert (ahead.next.at, ahead.next.to_stage, ahead.won_back_at) == (on_day(90), "at_risk", None)
    desk.settle(customers=[people.customer(2, updated_at=START)])
    lead = desk.customer_id(2)
    with desk.work() as work:
        assert lifecycle.outlook(work, lead, lifecycle.current_terms(work)) == lifecycle.Outlook()


@pytest.mark.parametrize("seed", range(4))
def test_rhythm_and_returns_end_alike_however_they_become_known(
    desk: Desk, above: Superuser, clock: Clock, seed: int
) -> None:
    draw = random.Random(100 + seed)
    told = [order(number, draw.uniform(0, 900), number % 3 + 1) for number in range(1, 40)]
    told.append(people.order(50, people.customer(1), placed_at=on_day(950), updated_at=on_day(1)))
    told.append(people.order(51, people.customer(2), placed_at=datetime(1970, 1, 2, tzinfo=UTC), updated_at=on_day(1)))
    for snapshot in draw.sample(told[:39], 12):
        told.append(people.refunded(snapshot, people.refund(snapshot, int(snapshot.external_id), snapshot.goods_minor)))
    clock.now = on_day(910)
    desk.settle(*told)
    desk.review()
    clean, stood = above.run(HISTORY, desk.shop.shop_id), rows(desk, above)
    others = Desk(desk.database, open_shop(desk.database, "another-telling.myshopify.com"))
    draw.shuffle(told)
    while told:
        size = draw.randint(1, 4)
        others.settle(*told[:size])
        told = told[size:]
        if draw.random() < 0.3:
            others.review()
    others.review()
    assert above.run(HISTORY, others.shop.shop_id) == clean
    assert rows(others, above) == stood
    assert any(row[5] for row in stood)


def test_a_shop_with_nobody_has_a_pipeline_and_a_preview(desk: Desk) -> None:
    with desk.work() as work:
        now = lifecycle.current_terms(work)
        assert lifecycle.preview(work, now, now).looked == 0
        found = lifecycle.pipeline(work, 90)
        assert (found.customers, found.streams) == (0, [])
        assert lifecycle.walk_again(work) == 0
        assert lifecycle.walk_again(work) == 0
