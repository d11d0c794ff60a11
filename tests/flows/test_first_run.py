"""A merchant's first minutes, from the installation to an order that earns by the program that was proposed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

import loyalty
import referral
from app import FIRST_TERMS
from engine import backfills
from engine.work import Database
from sandbox.customers import Customer
from sandbox.orders import Order
from tests.flows.conftest import Loop, open_loop
from tests.flows.test_collections import ask, read
from tests.ground import Clock
from tests.plugin.markup import mistakes

WELCOME = "/welcome"


@pytest.fixture
def fresh(database: Database, clock: Clock) -> Iterator[Loop]:
    """A store that has sold for half a year, with the app just installed and nothing read yet."""
    with open_loop(database, clock, first_terms=FIRST_TERMS) as loop:
        loop.clock.now -= timedelta(days=200)
        people = [loop.world.add_customer(f"c{n}@example.com", f"C{n}", "Vos") for n in range(20)]
        for number in range(60):
            loop.world.place_order([("POT", 1)], customer=people[number % 20])
            loop.clock.forward(days=3)
        loop.clock.forward(days=20)
        loop.world.courier.flush()
        loop.install()
        loop.come_to_rest()
        yield loop


def take_in(loop: Loop) -> None:
    """Read the whole history in, as a worker does."""
    for _ in range(60):
        loop.backfiller.turn(loop.shop.shop_id)
        loop.settle()
        with loop.database.work(loop.shop.shop_id) as work:
            row = backfills.latest(work)
        if row is None or not row.running:
            return
        loop.clock.forward(seconds=30)
    raise AssertionError("the history has no end")


def fields(page: str) -> dict[str, str]:
    """What stands in the form of the page."""
    return dict(re.findall(r'<input[^>]*? name="(\w+)"[^>]*? value="([^"]*)"', page))


def sell(loop: Loop, buyer: Customer | None = None) -> Order:
    loop.clock.forward(minutes=1)
    placed = loop.world.place_order([("POT", 2)], customer=buyer or loop.world.shop().customers[0])
    loop.come_to_rest()
    return placed


def test_from_the_installation_to_an_order_that_earns_by_what_was_proposed(fresh: Loop) -> None:
    assert ask(fresh, "/").location.partition("?")[0] == WELCOME
    assert "Your loyalty program has not begun yet." in read(ask(fresh, "/?stay=1"))
    filling = ask(fresh, WELCOME)
    assert mistakes(filling.text) == []
    assert 'data-refill="3"' in filling.text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in filling.text
    take_in(fresh)
    assert "Your loyalty program has not begun yet." in read(ask(fresh, "/"))
    # Half a year has been read, and nobody has a point of it.
    buyer = next(iter(fresh.world.shop().customers))
    assert fresh.points(buyer.id).points == 0
    page = ask(fresh, WELCOME)
    assert mistakes(page.text) == []
    typed = fields(page.text)
    # A usual order is 48.00 and brings 96 points: 250 are 2.6 of them, and buy 2.4 % of what they cost.
    assert {name: typed[name] for name in ("points", "per", "points1", "off1", "silver", "friend", "advocate")} == {
        "points": "2", "per": "1.00", "points1": "250", "off1": "3.00", "silver": "", "friend": "5.00",
        "advocate": "250",
    }  # fmt: skip
    assert ask(fresh, WELCOME, **typed, do="publish").status_code == 303
    done = ask(fresh, WELCOME)
    assert "Your program has begun" in read(done)
    assert mistakes(done.text) == []
    assert "has not begun yet" not in read(ask(fresh, "/"))
    fresh.clock.forward(minutes=1)
    fresh.world.place_order([("POT", 2)], customer=buyer)
    fresh.come_to_rest()
    assert fresh.points(buyer.id).points == 192
    with fresh.database.work(fresh.shop.shop_id) as work:
        assert referral.current_terms(work).advocate_points == 250


def test_an_order_of_before_the_program_says_why_it_earned_nothing(fresh: Loop) -> None:
    take_in(fresh)
    buyer = next(iter(fresh.world.shop().customers))
    who = fresh.customer_id(buyer.id)
    with fresh.database.work(fresh.shop.shop_id) as work:
        reasons = {due.receipt.reason for _, due in loyalty.unearned_of(work, who, 2**62, 50)}
    assert reasons == {"the program had not begun"}


def test_other_numbers_are_reckoned_and_published_as_they_were_typed(fresh: Loop) -> None:
    take_in(fresh)
    typed = fields(ask(fresh, WELCOME).text) | {"points": "۲", "per": "1", "points1": "100", "off1": "10"}
    tried = ask(fresh, WELCOME, **typed, do="try")
    assert tried.status_code == 200
    assert 'value="10"' in tried.text
    assert "20.0 %" in read(tried)
    assert not _begun(fresh)
    assert ask(fresh, WELCOME, **typed, do="publish").status_code == 303
    with fresh.database.work(fresh.shop.shop_id) as work:
        terms = loyalty.current_terms(work)
    assert (terms.points, terms.per_minor, terms.rewards[0].amount_minor, terms.asleep) == (2, 100, 1000, False)


@pytest.mark.parametrize(
    "name, typed, sentence",
    [
        ("points", "many", "A whole number is expected here"),
        ("points1", "", "A whole number is expected here"),
        ("off1", "-3", "An amount of money is expected here"),
        ("per", "0", "An amount of money is expected here"),
        ("friend", "5,00", "An amount of money is expected here"),
        ("gold", "1", "Gold has to ask for more than silver"),
        ("points", "999999999", "at most 1000 points"),
    ],
)
def test_a_wrong_number_names_its_field_and_changes_nothing(fresh: Loop, name: str, typed: str, sentence: str) -> None:
    form = fields(ask(fresh, f"{WELCOME}?now=1").text) | {"silver": "100", "gold": "200"} | {name: typed}
    answer = ask(fresh, WELCOME, **form, do="publish")
    assert answer.status_code == 409
    assert sentence in read(answer)
    assert mistakes(answer.text) == []
    assert f'value="{typed}"' in answer.text
    if name != "points" or typed == "many":
        assert re.search(rf'name="{name}"[^>]*aria-invalid="true"', answer.text)
    assert not _begun(fresh)


def test_a_stale_page_publishes_nothing(fresh: Loop) -> None:
    form = fields(ask(fresh, f"{WELCOME}?now=1").text)
    with fresh.database.work(fresh.shop.shop_id) as work:
        loyalty.change(work, points=3)
    answer = ask(fresh, WELCOME, **form, do="publish")
    assert answer.status_code == 409
    with fresh.database.work(fresh.shop.shop_id) as work:
        assert loyalty.current_terms(work).points == 3


def test_a_store_that_has_sold_nothing_is_proposed_the_usual_numbers(database: Database, clock: Clock) -> None:
    with open_loop(database, clock, first_terms=FIRST_TERMS) as loop:
        loop.install()
        loop.come_to_rest()
        page = ask(loop, f"{WELCOME}?now=1")
        assert "too little so far to go by" in read(page)
        assert mistakes(page.text) == []
        sent = ask(loop, WELCOME, **fields(page.text), do="publish")
    assert sent.status_code == 303, read(sent)


def _begun(loop: Loop) -> bool:
    with loop.database.work(loop.shop.shop_id) as work:
        return not loyalty.current_terms(work).asleep
