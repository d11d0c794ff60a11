"""Glances at many customers say what the account and the standing of each say."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, text

import loyalty
from commerce.events import CustomerDeleted, CustomersMerged
from engine import terms
from loyalty import Glance, rules
from loyalty.openings import sleeping_terms
from loyalty.rules.glances import within_reach
from tests import people
from tests.ground import START, Clock, Desk, Superuser, statements

PEOPLE = range(1, 31)
REWARDS = [
    {"key": "five-off", "title": "5.00 off", "points": 100, "amount_minor": 500},
    {"key": "once", "title": "Once", "points": 60, "amount_minor": 300, "limit": 1},
    {"key": "monthly", "title": "Monthly", "points": 90, "amount_minor": 400, "limit": 1, "limit_days": 30},
    {"key": "rare", "title": "Rare", "points": 50, "amount_minor": 200, "stock": 3},
    {"key": "silver-s", "title": "Of silver", "points": 140, "amount_minor": 900, "from_tier": "silver"},
    {"key": "hidden", "title": "Of staff", "points": 150, "amount_minor": 950, "tiers": ["staff"]},
    {"key": "great", "title": "Great", "points": 700, "amount_minor": 4000},
]
STEPS = {"spend": (20_000, 50_000, 90_000), "orders": (2, 4, 6), "points": (200, 500, 900), "referrals": (1, 2, 3)}


def levels(measure: str) -> list[dict[str, Any]]:
    names = ("silver", "gold", "staff")
    steps = zip(names, STEPS[measure], strict=True)
    return [
        {"key": key, "name": key.capitalize(), "enter": enter, "keep": enter, "hidden": key == "staff"}
        for key, enter in steps
    ]


def publish(desk: Desk, measure: str, expiry: dict[str, Any], window: str = "rolling") -> None:
    tiers = {"measure": measure, "window": window, "months": 3, "levels": levels(measure)}
    with desk.work() as work:
        loyalty.publish(work, rules.proposal("USD") | {"rewards": REWARDS, "tiers": tiers, "expiry": expiry})


def live(desk: Desk, clock: Clock, chance: Random) -> None:
    """Half a year of thirty people: orders, refunds, rewards, friends, the shop's own word, a merge, a deletion."""
    number = 0
    for _ in range(9):
        clock.forward(days=20, seconds=chance.randrange(90))
        bought = list[Any]()
        for who in chance.sample(PEOPLE, 18):
            number += 1
            bought.append(people.order(number, people.customer(who), chance.randrange(30_000), placed_at=clock()))
        desk.settle(*bought)
        back = [each for each in bought if chance.random() < 0.2]
        desk.settle(*(_back(each, number) for number, each in enumerate(back, number * 100)))
        for who in chance.sample(PEOPLE, 12):
            _spend(desk, who, chance)
    with desk.work() as work:
        for who, key in ((3, "gold"), (5, None), (7, "staff")):
            customer_id = _known(desk, who)
            loyalty.set_tier(work, customer_id, key, until=None, reason="a friend", made_by="staff 7")
    desk.hear(CustomersMerged("1011", "1012", clock()), CustomerDeleted("1013", clock()))


def _known(desk: Desk, number: int) -> Any:
    desk.settle(customers=[people.customer(number, updated_at=START)])
    return desk.customer_id(number)


def _back(bought: Any, number: int) -> Any:
    return people.refunded(bought, people.refund(bought, number, bought.goods_minor // 2))


def _spend(desk: Desk, who: int, chance: Random) -> None:
    reward = chance.choice(["five-off", "once", "monthly", "rare", "silver-s"])
    customer_id = _known(desk, who)
    with desk.work() as work:
        loyalty.redeem_all(work, [loyalty.Click(customer_id, str(1000 + who), reward, f"{who}-{chance.random()}", 1)])
        award = loyalty.Award(customer_id, _newest(work), chance.randrange(40), work.now, "a friend")
        loyalty.settle_awards(work, [award] if chance.random() < 0.3 else [])


def _newest(work: Any) -> Any:
    return work.connection.exec_driver_sql("SELECT max(order_id) FROM orders").scalar_one()


def one_by_one(desk: Desk, number: int) -> Glance:
    """The same glance by way of the customer's account and standing."""
    customer_id = desk.customer_id(number)
    with desk.work() as work:
        balance, standing = loyalty.account(work, customer_id), loyalty.standing(work, customer_id)
    open_to = [r for r in balance.rewards if r.key not in balance.closed and r.key not in balance.sold_out]
    had = [r for r in open_to if r.points <= balance.spendable]
    ahead = [r for r in open_to if r.points > balance.spendable]
    best, following = max(had, key=_cost, default=None), min(ahead, key=_cost, default=None)
    assert standing is not None
    level = None if standing.level is None or standing.level.hidden else standing.level
    return Glance(
        balance.spendable, balance.pending, level, standing.higher, standing.counted, standing.missing, best,
        following, following.points - balance.spendable if following else 0,
    )  # fmt: skip


def _cost(reward: loyalty.Reward) -> int:
    return reward.points


INACTIVITY = {"policy": "inactivity", "months": 2, "activity": "purchases"}


@pytest.mark.parametrize(
    "measure, expiry, window",
    [
        ("spend", {}, "rolling"),
        ("orders", {"policy": "lot", "months": 3}, "calendar_year"),
        ("points", INACTIVITY, "lifetime"),
        ("referrals", {"policy": "anniversary", "months": 12}, "rolling"),
    ],
)
def test_glances_at_many_say_what_account_and_standing_say_of_each(
    desk: Desk, clock: Clock, measure: str, expiry: dict[str, Any], window: str
) -> None:
    publish(desk, measure, expiry, window)
    live(desk, clock, Random(measure))
    met = [number for number in PEOPLE if _met(desk, number)]
    assert len(met) > 26
    seen = set[Any]()
    for _ in range(3):
        with desk.work() as work:
            found = loyalty.glances(work, [str(1000 + number) for number in (*met, *met, 900)])
        assert found == {str(1000 + number): one_by_one(desk, number) for number in met}
        seen |= set(found.values())
        clock.forward(days=25, seconds=1)
    assert len({glance.spendable for glance in seen}) > 20
    assert len({glance.best.key for glance in seen if glance.best}) >= 3
    assert {glance.level.key for glance in seen if glance.level} >= {"gold"}
    assert any(glance.pending for glance in seen)


def _met(desk: Desk, number: int) -> bool:
    with desk.work() as work:
        return bool(loyalty.glances(work, [str(1000 + number)]))


def test_thirty_cost_as_many_statements_as_one(desk: Desk, clock: Clock) -> None:
    publish(desk, "spend", INACTIVITY)
    live(desk, clock, Random(7))
    asked = [str(1000 + number) for number in PEOPLE]
    with desk.work() as work, statements(desk) as one:
        loyalty.glances(work, asked[:1])
    with desk.work() as work, statements(desk) as thirty:
        assert len(loyalty.glances(work, asked)) > 26
    assert thirty == one
    with desk.work() as work:
        outlook = loyalty.outlook(work)
        with statements(desk) as said:
            loyalty.glances(work, asked, outlook)
    # Whom, their lots, when they last bought, what counts, the shop's own word, tiers as they were told, limits.
    assert len(said) == 7


_CROWD = (
    text("""
        INSERT INTO customers (shop_id, external_id, observed_at)
        SELECT :shop_id, 'crowd-' || n, :now FROM generate_series(1, 3000) n
    """),
    text("""
        INSERT INTO balances (shop_id, customer_id, points)
        SELECT shop_id, customer_id, 10 FROM customers
        WHERE shop_id = :shop_id AND external_id LIKE 'crowd-%' AND CAST(:now AS timestamptz) IS NOT NULL
    """),
)


@pytest.mark.parametrize("measure", ["spend", "points", "referrals"])
def test_each_statement_finds_its_rows_by_an_index(desk: Desk, clock: Clock, above: Superuser, measure: str) -> None:
    publish(desk, measure, INACTIVITY)
    live(desk, clock, Random(7))
    # What a planner prefers is only told by tables with something in them.
    with desk.work() as work:
        for put in _CROWD:
            work.run(put, now=work.now)
    above.run("ANALYZE customers, balances, lots, standings, orders")
    asked = [str(1000 + number) for number in PEOPLE]
    given = list[tuple[str, Any]]()

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        given.append((statement, values))

    with desk.work() as work:
        outlook = loyalty.outlook(work)
        event.listen(desk.database.engine, "before_cursor_execute", hear)
        loyalty.glances(work, asked, outlook)
        event.remove(desk.database.engine, "before_cursor_execute", hear)
        # A table of thirty rows is read from end to end where that is allowed: what is asked is whether it has to be.
        work.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, values in given:
            plan = work.connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()
            assert not [line for line in plan if "Seq Scan" in line], (statement, plan)
            # Nobody and no balance is found by the shop alone: that would be a walk through all of it.
            by_shop = [line for line in plan if "Index Cond: (shop_id" in line]
            assert "balances b" not in statement or not by_shop, plan
    assert len(given) == 7


def test_before_the_program_has_begun_nothing_can_be_bought(desk: Desk, clock: Clock) -> None:
    desk.settle(people.order(1, people.customer(), 20_000))
    with desk.work() as work:
        terms.publish(work, loyalty.DOMAIN, sleeping_terms("USD"))
    clock.forward(days=20)
    with desk.work() as work:
        (glance,) = loyalty.glances(work, ["1001"]).values()
    assert sleeping_terms("USD")["rewards"]
    assert (glance.spendable, glance.best, glance.following, glance.lacking) == (200, None, None, 0)


def test_nobody_of_another_shop_is_seen(desk: Desk) -> None:
    with desk.work() as work:
        assert loyalty.glances(work, ["1001", "1002"]) == {}
        assert loyalty.glances(work, []) == {}


def reward(key: str, points: int) -> loyalty.Reward:
    return loyalty.Reward.read({"key": key, "title": key, "points": points, "amount_minor": 1})


@pytest.mark.parametrize(
    "spendable, best, following",
    [(0, None, "a"), (9, None, "a"), (10, "a", "c"), (19, "a", "c"), (20, "c", None), (99, "c", None)],
)
def test_within_reach_is_the_dearest_below_and_the_cheapest_above(
    spendable: int, best: str | None, following: str | None
) -> None:
    found = within_reach([reward("a", 10), reward("b", 10), reward("c", 20)], spendable)
    assert [each and each.key for each in found] == [best, following]


def test_of_no_rewards_none_is_within_reach() -> None:
    empty: Sequence[loyalty.Reward] = ()
    assert within_reach(empty, 5) == (None, None)
