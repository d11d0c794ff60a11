"""Contests: the promise before, the luck, the proof after; and what is won is given once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import loyalty
from commerce.events import CustomersMerged
from loyalty import Contest, ContestKind, Prize
from loyalty.rules import contests as luck
from loyalty.rules.contests import Ticket
from tests import people
from tests.ground import START, Clock, Desk, Superuser

OPENS, CLOSES = START + timedelta(days=1), START + timedelta(days=8)
WON = "SELECT number, prize FROM tickets WHERE shop_id = %s AND prize IS NOT NULL ORDER BY number"


def contest(kind: str = "draw", *prizes: Prize, **more: Any) -> Contest:
    given: dict[str, Any] = {
        "kind": ContestKind(kind), "title": "Spring", "opens_at": OPENS, "closes_at": CLOSES, "minimum_minor": 2000,
        "most_per_customer": 2, "prizes": prizes or (Prize({}, 2, 5000 if kind == "scratch" else 0),),
    }  # fmt: skip
    return Contest(**(given | more))


def announce(desk: Desk, what: Contest) -> int:
    with desk.work() as work:
        return loyalty.announce_contest(work, what, ["five-off"] * len(what.prizes))


def decide(desk: Desk) -> int:
    decided = 0
    while True:
        with desk.work() as work:
            if not loyalty.decide_due(work):
                return decided
        decided += 1


def faults(desk: Desk, contest_id: int) -> list[str]:
    with desk.work() as work:
        return loyalty.check_contest(work, contest_id)


def tickets(desk: Desk, number: int) -> list[Any]:
    customer_id = desk.customer_id(number)
    with desk.work() as work:
        return loyalty.tickets(work, customer_id)


def buy(desk: Desk, clock: Clock, many: int = 6) -> None:
    """One order of each of `many` customers, large enough to be a ticket."""
    clock.now = OPENS + timedelta(hours=1)
    desk.settle(*(people.order(n, people.customer(n), 5_000, placed_at=clock()) for n in range(1, many + 1)))


# --- luck


def test_luck_can_be_computed_by_anybody_with_any_tool() -> None:
    seed = bytes(range(32))
    assert luck.commitment(seed) == sha256(seed).hexdigest()
    assert luck.luck(seed, 7) == sha256(f"{seed.hex()}:7".encode()).digest()
    assert luck.digest([Ticket(1, 70), Ticket(2, 71)]) == sha256(b"1:70\n2:71\n").hexdigest()


SEEDS = st.binary(min_size=32, max_size=32)


@given(SEEDS, st.lists(st.integers(1, 9), max_size=60), st.lists(st.integers(1, 4), max_size=4))
def test_a_draw_gives_each_prize_to_another_customer(seed: bytes, owners: list[int], counts: list[int]) -> None:
    drawn_from = [Ticket(number, owner) for number, owner in enumerate(owners, 1)]
    prizes = [Prize({}, count) for count in counts]
    found = luck.winners(seed, drawn_from, prizes)
    whose = [owners[number - 1] for number in found]
    assert len(set(whose)) == len(whose) == min(len(set(owners)), sum(counts))
    assert all(count <= counts[place] for place, count in Counter(found.values()).items())
    assert luck.winners(seed, list(reversed(drawn_from)), prizes) == found


@given(SEEDS, st.integers(0, 200), st.lists(st.tuples(st.integers(1, 5), st.integers(1, 2500)), max_size=4))
def test_a_card_wins_the_same_whenever_and_by_whomever_it_is_scratched(
    seed: bytes, cards: int, given_prizes: list[tuple[int, int]]
) -> None:
    prizes = [Prize({}, count, chance) for count, chance in given_prizes]
    found = luck.scratched(seed, cards, prizes)
    assert {n: place for n in range(1, cards + 1) if (place := luck.card(seed, n, prizes)) is not None} == found
    assert all(count <= prizes[place].count for place, count in Counter(found.values()).items())


def test_chances_are_what_they_say() -> None:
    found = Counter(luck.scratched(b"s" * 32, 100_000, [Prize({}, 10**6, 250), Prize({}, 10**6, 5000)]).values())
    assert 2350 < found[0] < 2650
    assert 49_400 < found[1] < 50_600


@pytest.mark.parametrize(
    "changed, mistake",
    [
        ({"title": " "}, "Its title has from 1 to 100 letters."),
        ({"opens_at": START - timedelta(seconds=1)},
         "It opens in the past: nobody may know the tickets when the seed is chosen."),
        ({"closes_at": OPENS}, "It closes after it opens, and within a year."),
        ({"most_per_customer": 0}, "The least order is not below zero, and each customer may have a ticket at least."),
        ({"prizes": (Prize({}, 0),)}, "There is at least one of each prize, and 10000 prizes at most."),
        ({"prizes": (Prize({}, 1, 5),)}, "In a draw all tickets have the same chance."),
        ({"kind": ContestKind.SCRATCH, "prizes": (Prize({}, 1, 6000), Prize({}, 1, 6000))},
         "Each prize has a chance above 0 %, and all together no more than 100 %."),
    ],
)  # fmt: skip
def test_what_cannot_be_announced_is_told_in_a_sentence(desk: Desk, changed: dict[str, Any], mistake: str) -> None:
    with pytest.raises(loyalty.ContestRefused) as refused:
        announce(desk, contest(**changed))
    assert mistake in refused.value.message
    with desk.work() as work:
        assert loyalty.contests(work) == []


# --- draws


def test_a_draw_is_decided_a_day_after_it_closes_and_can_be_checked(desk: Desk, clock: Clock, above: Superuser) -> None:
    contest_id = announce(desk, contest())
    with desk.work() as work:
        before = loyalty.contests(work)[0]
    assert before.seed_shown is None, "before it is over, only the commitment is told"
    buy(desk, clock)
    clock.now = CLOSES + timedelta(hours=23)
    assert decide(desk) == 0
    clock.forward(hours=1)
    assert decide(desk) == 1
    assert decide(desk) == 0
    with desk.work() as work:
        after = loyalty.contests(work)[0]
    assert sha256(bytes.fromhex(after.seed_shown)).hexdigest() == before.commitment
    won = above.run(WON, desk.shop.shop_id)
    assert len(won) == 2
    winners = [n for n in range(1, 7) if desk.balance(n).redemptions]
    assert sorted(winners) == [number for number, _ in won], "ticket n is customer n's here"
    assert all(desk.balance(n).redemptions[0].points == 0 for n in winners)
    assert faults(desk, contest_id) == []
    assert desk.faults() == []


def test_orders_that_are_too_small_too_many_too_late_or_cancelled_are_no_tickets(desk: Desk, clock: Clock) -> None:
    announce(desk, contest())
    at = OPENS + timedelta(hours=1)
    clock.now = at
    buyers = [people.customer(n) for n in (1, 2, 3, 4)]
    orders = [people.order(n, buyers[0], 5_000, placed_at=at) for n in (1, 2, 3)]
    orders.append(people.order(4, buyers[1], 1_999, placed_at=at))
    orders.append(people.order(5, buyers[2], 5_000, placed_at=CLOSES))
    orders.append(people.order(6, buyers[3], 5_000, placed_at=at, cancelled_at=at))
    desk.settle(*orders)
    desk.settle(*(people.later(order, 5) for order in orders))
    assert [len(tickets(desk, n)) for n in (1, 2, 3, 4)] == [2, 0, 0, 0]


def test_an_order_cancelled_before_the_draw_wins_nothing_and_one_after_it_shows(desk: Desk, clock: Clock) -> None:
    contest_id = announce(desk, contest())
    buy(desk, clock, 2)
    first = people.order(1, people.customer(1), 5_000, placed_at=clock())
    desk.settle(people.later(first, 60, cancelled_at=clock()))
    clock.now = CLOSES + timedelta(days=1)
    decide(desk)
    assert [len(desk.balance(n).redemptions) for n in (1, 2)] == [0, 1]
    second = people.order(2, people.customer(2), 5_000, placed_at=OPENS + timedelta(hours=1))
    desk.settle(people.later(second, 3600, cancelled_at=clock()))
    assert "orders have changed since" in faults(desk, contest_id)[0]


def test_a_seed_or_a_winner_that_somebody_changed_is_found(desk: Desk, clock: Clock, above: Superuser) -> None:
    contest_id = announce(desk, contest())
    buy(desk, clock)
    clock.now = CLOSES + timedelta(days=1)
    decide(desk)
    (number, _), *_ = above.run(WON, desk.shop.shop_id)
    above.run("UPDATE tickets SET prize = NULL WHERE shop_id = %s AND number = %s", desk.shop.shop_id, number)
    assert faults(desk, contest_id) == [f"ticket {number} won, and is not noted"]
    above.run("UPDATE contests SET seed = %s WHERE shop_id = %s", b"x" * 32, desk.shop.shop_id)
    assert faults(desk, contest_id)[0] == "the seed is not the one that was promised"


def test_merged_customers_keep_their_tickets_as_one(desk: Desk, clock: Clock) -> None:
    announce(desk, contest())
    buy(desk, clock, 3)
    desk.hear(CustomersMerged("1001", "1003", clock()))
    assert [ticket.number for ticket in tickets(desk, 1)] == [1, 3]


# --- scratch cards


def test_a_card_is_scratched_once_and_shows_the_same_for_ever(desk: Desk, clock: Clock) -> None:
    always = contest("scratch", Prize({}, 3, 10_000))
    contest_id = announce(desk, always)
    buy(desk, clock, 5)
    shown = list[str | None]()
    for n in (5, 1, 4, 2, 3):
        customer_id = desk.customer_id(n)
        for _ in range(2):
            with desk.work() as work:
                shown.append(loyalty.scratch(work, customer_id, contest_id, n).prize)
    # Cards 1 to 3 have the three prizes, though 5 and 4 were scratched before them.
    assert shown == [None, None, "5.00 USD off", "5.00 USD off", None, None, *["5.00 USD off"] * 4]
    assert [len(desk.balance(n).redemptions) for n in range(1, 6)] == [1, 1, 1, 0, 0]


def test_a_win_is_not_lost_because_nobody_scratched(desk: Desk, clock: Clock) -> None:
    contest_id = announce(desk, contest("scratch", Prize({}, 3, 10_000)))
    buy(desk, clock, 4)
    assert [ticket.open for ticket in tickets(desk, 1)] == [True]
    clock.now = CLOSES + timedelta(days=1)
    decide(desk)
    assert [len(desk.balance(n).redemptions) for n in range(1, 5)] == [1, 1, 1, 0]
    assert [(t.open, t.decided, t.prize) for t in tickets(desk, 4)] == [(False, True, None)]
    assert faults(desk, contest_id) == []


def test_somebody_else_s_card_and_a_cancelled_order_s_are_refused(desk: Desk, clock: Clock) -> None:
    contest_id = announce(desk, contest("scratch"))
    buy(desk, clock, 2)
    first = people.order(1, people.customer(1), 5_000, placed_at=clock())
    desk.settle(people.later(first, 60, cancelled_at=clock()))
    for customer, which, number in ((2, contest_id, 1), (1, contest_id, 1), (2, contest_id, 9), (2, contest_id + 9, 2)):
        customer_id = desk.customer_id(customer)
        with pytest.raises(loyalty.NoSuchTicket), desk.work() as work:
            loyalty.scratch(work, customer_id, which, number)
