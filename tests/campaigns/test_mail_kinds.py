"""Refusing e-mails of a kind: it ends that kind and no other, and consents to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import event

from campaigns import mailings
from campaigns.mailings import Due, Kind, Mailings, Words
from commerce.events import CustomerFact, CustomersMerged, PrivacyAsked
from commerce.letters import Letter
from connectors.smtp import Post
from engine import mail, privacy
from engine.mail import Mailer
from engine.shops import Seal
from engine.work import Database, refuse_in_transaction
from tests import people
from tests.ground import START, Clock, Desk, Superuser
from tests.postbox import Postbox, postbox

ROWS = "SELECT kind, outcome FROM mailings WHERE shop_id = %s ORDER BY kind, customer_id"
KEPT = "SELECT customer_id, kind FROM unwanted_mails WHERE shop_id = %s ORDER BY customer_id, kind"
SENDER = "P <p@perennial.example>"


def switch_on(desk: Desk, *kinds: Kind) -> None:
    with desk.work() as work:
        mailings.state(work, Mailings({kind: Words(on=True) for kind in kinds}), mailings.Stated.of(work).version)


def accept(desk: Desk, *numbers: int) -> None:
    """These customers are known, and accept the store's newsletter."""
    desk.settle(customers=[people.customer(number, updated_at=START) for number in numbers])
    for number in numbers:
        store_says(desk, "subscribed", number)


def store_says(desk: Desk, value: str, number: int = 1) -> None:
    desk.hear(CustomerFact(str(1000 + number), "consent:email", value, desk.database.clock()))


def buy(desk: Desk, *numbers: int) -> None:
    """One first order each, settled a second after it was placed."""
    clock = desk.database.clock
    assert isinstance(clock, Clock)
    placed = clock.forward(seconds=1)
    clock.forward(seconds=1)
    desk.settle(*(people.order(n, people.customer(n), 5000, placed_at=placed) for n in numbers))


def say(desk: Desk, number: int, **said: bool) -> None:
    who = desk.customer_id(number)
    with desk.work() as work:
        mailings.set_kinds(work, who, {Kind(kind): wanted for kind, wanted in said.items()})


def unwanted(desk: Desk, number: int) -> list[Kind]:
    who = desk.customer_id(number)
    with desk.work() as work:
        return list(mailings.unwanted(work, who))


def wanted(desk: Desk, number: int = 1) -> bool:
    who = desk.customer_id(number)
    with desk.work() as work:
        return mailings.choice(work, who)


def write(desk: Desk) -> Sequence[Due]:
    with desk.work() as work:
        mailings.note_due(work)
    with desk.work() as work:
        due = mailings.choose(work, 100)
        mailings.told(work, [(each, 1000 + place) for place, each in enumerate(due)])
        return due


# --- whom it concerns


def test_a_kind_is_refused_and_wanted_again_and_the_others_stay_as_they_were(desk: Desk, above: Superuser) -> None:
    accept(desk, 1, 2)
    say(desk, 1, points=False, tier=False)
    say(desk, 1, points=False)
    assert (unwanted(desk, 1), unwanted(desk, 2)) == ([Kind.TIER, Kind.POINTS], [])
    say(desk, 1, points=True, birthday=True)
    assert unwanted(desk, 1) == [Kind.TIER]
    assert above.run(KEPT, desk.shop.shop_id) == [(desk.customer_id(1), "tier")]
    assert wanted(desk), "nothing was said of all of them"


def test_it_holds_for_everybody_of_the_same_address_and_for_whoever_they_are_merged_into(desk: Desk) -> None:
    twin = people.customer(2, email="ANNA-1@example.com", updated_at=START)
    desk.settle(customers=[people.customer(1, updated_at=START), twin, people.customer(3, updated_at=START)])
    say(desk, 2, points=False)
    assert [unwanted(desk, number) for number in (1, 2, 3)] == [[Kind.POINTS], [Kind.POINTS], []]
    desk.hear(CustomersMerged("1003", "1002", START))
    assert unwanted(desk, 3) == [Kind.POINTS]
    say(desk, 3, points=True)
    assert [unwanted(desk, number) for number in (1, 3)] == [[Kind.POINTS], []], "the twin of that address is another"


def test_wanting_a_kind_is_no_consent_whatever_the_store_and_the_person_said_of_all(
    desk: Desk, above: Superuser
) -> None:
    accept(desk, 1, 2)
    desk.settle(customers=[people.customer(3, updated_at=START)])
    switch_on(desk, Kind.POINTS)
    store_says(desk, "unsubscribed", 1)
    who = desk.customer_id(2)
    with desk.work() as work:
        mailings.set_choice(work, who, wanted=False)
    for number in (1, 2, 3):
        say(desk, number, points=True)
    assert [wanted(desk, number) for number in (1, 2, 3)] == [False, False, False]
    buy(desk, 1, 2, 3)
    assert write(desk) == []
    assert above.run(ROWS, desk.shop.shop_id) == [
        ("points", "unsubscribed"), ("points", "unsubscribed"), ("points", "no_consent"),
    ]  # fmt: skip


def test_what_the_store_says_later_stands_above_a_yes_here(desk: Desk, clock: Clock) -> None:
    accept(desk, 1)
    store_says(desk, "unsubscribed")
    who = desk.customer_id(1)
    clock.forward(hours=1)
    with desk.work() as work:
        mailings.set_choice(work, who, wanted=True)
    assert wanted(desk), "their own word, after the store's"
    clock.forward(hours=1)
    store_says(desk, "unsubscribed")
    assert not wanted(desk)
    clock.forward(hours=1)
    with desk.work() as work:
        mailings.set_choice(work, who, wanted=True)
    assert wanted(desk)


def test_whoever_is_erased_has_chosen_nothing_any_more(desk: Desk, above: Superuser) -> None:
    accept(desk, 1, 2, 3)
    for number in (1, 2, 3):
        who = desk.customer_id(number)
        say(desk, number, points=False)
        with desk.work() as work:
            mailings.set_choice(work, who, wanted=True)
    desk.hear(CustomersMerged("1001", "1002", START))
    with desk.work() as work:
        privacy.ask(work, PrivacyAsked("customer_erasure", "1001", "r1", START))
        mailings.purge(work)
    left = desk.customer_id(3)
    assert above.run(KEPT, desk.shop.shop_id) == [(left, "points")]
    assert above.run("SELECT customer_id FROM mail_choices WHERE shop_id = %s", desk.shop.shop_id) == [(left,)]


# --- what is written


def test_a_refused_kind_is_not_even_noted_to_be_told_and_the_next_kind_is(desk: Desk, above: Superuser) -> None:
    accept(desk, 1, 2)
    switch_on(desk, Kind.POINTS, Kind.WELCOME)
    say(desk, 1, welcome=False)
    buy(desk, 1, 2)
    assert [(due.customer_id, due.kind) for due in write(desk)] == [
        (desk.customer_id(1), Kind.POINTS), (desk.customer_id(2), Kind.WELCOME),
    ]  # fmt: skip
    assert above.run(ROWS, desk.shop.shop_id) == [
        ("points", "sent"), ("points", None), ("welcome", "unwanted"), ("welcome", "sent"),
    ]  # fmt: skip
    with desk.work() as work:
        assert mailings.figures(work)[Kind.WELCOME].refused == {"unwanted": 1}


def test_what_waits_to_be_chosen_when_its_kind_is_refused_is_not_written(desk: Desk, above: Superuser) -> None:
    accept(desk, 1, 2)
    switch_on(desk, Kind.POINTS)
    buy(desk, 1, 2)
    with desk.work() as work:
        mailings.note_due(work)
    say(desk, 1, points=False)
    assert [due.customer_id for due in write(desk)] == [desk.customer_id(2)]
    assert above.run(ROWS, desk.shop.shop_id) == [("points", "unwanted"), ("points", "sent")]


@contextmanager
def statements(desk: Desk) -> Iterator[list[str]]:
    said = list[str]()

    def hear(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    event.listen(desk.database.engine, "before_cursor_execute", hear)
    yield said
    event.remove(desk.database.engine, "before_cursor_execute", hear)


def test_thirty_of_whom_every_third_refuses_cost_as_many_statements_as_two(desk: Desk, clock: Clock) -> None:
    everybody = range(1, 31)
    accept(desk, *everybody)
    switch_on(desk, Kind.POINTS)
    for number in everybody[::3]:
        say(desk, number, points=False)
    counts = list[int]()
    for some in ([1, 2], everybody[2:]):
        buy(desk, *some)
        clock.forward(seconds=1)
        with statements(desk) as said:
            due = write(desk)
        refusing = len([number for number in some if number in everybody[::3]])
        assert len(due) == len(some) - refusing
        counts.append(len(said))
    assert counts[0] == counts[1]


# --- what is on its way


@pytest.fixture
def box() -> Iterator[Postbox]:
    with postbox() as box:
        yield box


@dataclass
class Watched:
    """A server that takes letters, and something that happens after each of them."""

    post: Post
    after: Callable[[Letter], None]

    @contextmanager
    def talk(self) -> Iterator[Watched]:
        with self.post.talk() as talk:
            self._talk = talk
            yield self

    def send(self, letter: Letter, number: str) -> None:
        self._talk.send(letter, number)
        self.after(letter)


def put(desk: Desk, seal: Seal, kind: Kind, *numbers: int) -> None:
    letters = [(Letter(f"p{number}@example.com", str(kind), "T"), desk.customer_id(number)) for number in numbers]
    with desk.work() as work:
        mail.put_to_customers(work, seal, kind, letters, ends_at=work.now + timedelta(hours=8))


def test_what_waits_to_be_sent_of_a_refused_kind_is_not_sent_and_the_rest_is(
    desk: Desk, database: Database, box: Postbox, clock: Clock, above: Superuser
) -> None:
    accept(desk, 1, 2)
    seal = Seal([Fernet.generate_key().decode()])
    put(desk, seal, Kind.POINTS, 1, 2)
    put(desk, seal, Kind.TIER, 1)
    say(desk, 1, points=False)
    assert Mailer(database, seal, Post(box.url, SENDER, clock, refuse_in_transaction)).round() == 2
    assert [(to, said["Subject"]) for to, said in box.taken] == [
        ("p2@example.com", "points"), ("p1@example.com", "tier"),
    ]  # fmt: skip
    left = "SELECT kind, sealed, reason FROM mails WHERE shop_id = %s AND parked_at IS NOT NULL"
    assert above.run(left, desk.shop.shop_id) == [("points", None, "whoever it is for wants no e-mails of this kind")]


def test_what_is_refused_while_a_round_is_under_way_is_not_sent_by_it(
    desk: Desk, database: Database, box: Postbox, clock: Clock
) -> None:
    accept(desk, 1, 2, 3)
    seal = Seal([Fernet.generate_key().decode()])
    put(desk, seal, Kind.POINTS, 1, 2, 3)

    def second_thoughts(letter: Letter) -> None:
        if letter.to == "p1@example.com":
            say(desk, 2, points=False)

    Mailer(database, seal, Watched(Post(box.url, SENDER, clock), second_thoughts)).round()
    assert [to for to, _ in box.taken] == ["p1@example.com", "p3@example.com"]
