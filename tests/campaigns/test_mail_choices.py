"""Who wants e-mails of the program: their own word, the store's, and that no stays no."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import event

import loyalty
from campaigns import mailings
from commerce.events import CustomerDeleted, CustomerFact, CustomersMerged, PrivacyAsked
from commerce.letters import Letter
from connectors.smtp import Post
from engine import mail, privacy, shops
from engine.mail import Mailer
from engine.shops import Seal
from tests import people
from tests.ground import START, Clock, Desk, Superuser
from tests.postbox import postbox


def known(desk: Desk, *numbers: int) -> None:
    desk.settle(customers=[people.customer(number, updated_at=START) for number in numbers])


def wanted(desk: Desk, number: int = 1) -> bool:
    who = desk.customer_id(number)
    with desk.work() as work:
        return mailings.choice(work, who)


def choose(desk: Desk, number: int, yes: bool) -> None:
    who = desk.customer_id(number)
    with desk.work() as work:
        mailings.set_choice(work, who, yes)


def store_says(desk: Desk, value: str, number: int = 1) -> None:
    desk.hear(CustomerFact(str(1000 + number), "consent:email", value, desk.database.clock()))


def test_nobody_is_written_to_who_neither_joined_nor_accepts_the_store_s_newsletter(desk: Desk) -> None:
    known(desk, 1, 2, 3)
    assert not wanted(desk)
    with desk.work() as work:
        loyalty.join(work, "1002")
    store_says(desk, "subscribed", 3)
    assert [wanted(desk, number) for number in (1, 2, 3)] == [False, True, True]


def test_the_store_s_no_stands_above_joining_and_their_own_yes_above_both(desk: Desk, clock: Clock) -> None:
    known(desk, 1)
    with desk.work() as work:
        loyalty.join(work, "1001")
    store_says(desk, "unsubscribed")
    assert not wanted(desk)
    choose(desk, 1, yes=True)
    assert wanted(desk)


def test_whoever_unsubscribed_stays_so_whatever_the_store_says_later(desk: Desk, clock: Clock) -> None:
    known(desk, 1)
    store_says(desk, "subscribed")
    choose(desk, 1, yes=False)
    clock.forward(days=1)
    store_says(desk, "unsubscribed")
    clock.forward(days=1)
    store_says(desk, "subscribed")
    assert not wanted(desk)
    choose(desk, 1, yes=True)
    assert wanted(desk)


def test_a_no_holds_for_everybody_of_the_same_address_and_for_whoever_they_are_merged_into(
    desk: Desk, above: Superuser
) -> None:
    twin = people.customer(2, email="ANNA-1@example.com", updated_at=START)
    desk.settle(customers=[people.customer(1, updated_at=START), twin, people.customer(3, updated_at=START)])
    for number in (1, 2, 3):
        store_says(desk, "subscribed", number)
    choose(desk, 2, yes=False)
    assert [wanted(desk, number) for number in (1, 2, 3)] == [False, False, True]
    desk.hear(CustomersMerged("1003", "1002", START))
    assert not wanted(desk, 3)
    choose(desk, 3, yes=True)
    assert [wanted(desk, number) for number in (1, 3)] == [False, True]


def test_whoever_was_merged_is_asked_and_heard_as_the_one_who_was_kept(desk: Desk) -> None:
    known(desk, 1, 2)
    store_says(desk, "subscribed", 1)
    old = desk.customer_id(2)
    desk.hear(CustomersMerged("1001", "1002", START))
    # The link in an e-mail that the gone account got: its page says what the kept one gets.
    with desk.work() as work:
        assert mailings.choice(work, old)
        mailings.set_choice(work, old, False)
        assert not mailings.choice(work, old)
    assert not wanted(desk)


def test_what_still_waits_to_be_sent_is_not_sent_to_the_unsubscribed_nor_to_the_erased(
    desk: Desk, clock: Clock, above: Superuser
) -> None:
    known(desk, 1, 2, 3)
    seal, numbers = Seal([Fernet.generate_key().decode()]), [desk.customer_id(number) for number in (1, 2, 3)]
    letters = [(Letter(f"p{who}@example.com", "S", "T"), who) for who in numbers]
    with desk.work() as work:
        ends_at = clock.now.replace(day=9)
        assert len(mail.put_to_customers(work, seal, "points", letters, ends_at=ends_at)) == 3
    choose(desk, 1, yes=False)
    with desk.work() as work:
        privacy.ask(work, PrivacyAsked("customer_erasure", "1002", "r1", START))
    with postbox() as box:
        assert Mailer(desk.database, seal, Post(box.url, "P <p@perennial.example>", clock)).round() == 1
        assert [to for to, _ in box.taken] == [f"p{numbers[2]}@example.com"]
    left = "SELECT sealed, reason FROM mails WHERE shop_id = %s AND parked_at IS NOT NULL ORDER BY mail_id"
    assert above.run(left, desk.shop.shop_id) == [
        (None, "whoever it is for wants no e-mails"), (None, "whoever it was for was erased"),
    ]  # fmt: skip


def test_whoever_is_deleted_in_the_store_while_a_mail_waits_does_not_get_it(
    desk: Desk, clock: Clock, above: Superuser
) -> None:
    known(desk, 1, 2, 3)
    seal, numbers = Seal([Fernet.generate_key().decode()]), [desk.customer_id(number) for number in (1, 2, 3)]
    with desk.work() as work:
        letters = [(Letter(f"p{who}@example.com", "S", "T"), who) for who in numbers]
        mail.put_to_customers(work, seal, "points", letters, ends_at=clock.now.replace(day=9))
    desk.hear(CustomerDeleted("1001", START))
    desk.hear(CustomersMerged("1003", "1002", START))
    with postbox() as box:
        Mailer(desk.database, seal, Post(box.url, "P <p@perennial.example>", clock)).round()
        assert [to for to, _ in box.taken] == [f"p{numbers[2]}@example.com"]
    left = "SELECT DISTINCT sealed, reason FROM mails WHERE shop_id = %s AND parked_at IS NOT NULL"
    assert above.run(left, desk.shop.shop_id) == [(None, "whoever it is for is gone")]


def test_a_shop_that_has_left_writes_to_nobody_any_more(desk: Desk, clock: Clock, above: Superuser) -> None:
    known(desk, 1)
    seal, who = Seal([Fernet.generate_key().decode()]), desk.customer_id(1)
    with desk.work() as work:
        letter = Letter("p1@example.com", "S", "T")
        mail.put_to_customers(work, seal, "points", [(letter, who)], ends_at=clock.now.replace(day=9))
        mail.put(work, seal, "sign_in", Letter("anna@kettle.example", "S", "T"))
        assert shops.uninstall(work, clock.forward(minutes=1))
    with postbox() as box:
        Mailer(desk.database, seal, Post(box.url, "P <p@perennial.example>", clock)).round()
        assert [to for to, _ in box.taken] == ["anna@kettle.example"]
    left = "SELECT sealed, reason FROM mails WHERE shop_id = %s AND parked_at IS NOT NULL"
    assert above.run(left, desk.shop.shop_id) == [(None, "whoever it is for is gone")]


_CROWD = (
    """
    INSERT INTO customers (shop_id, external_id, email, observed_at)
    SELECT %s, 'c' || n, 'c' || n || '@example.com', now() FROM generate_series(1, 3000) n
    """,
    """
    INSERT INTO customer_facts (shop_id, customer_external_id, fact, value, said_at)
    SELECT shop_id, external_id, 'consent:email', '"subscribed"', now() FROM customers WHERE shop_id = %s
    """,
    """
    INSERT INTO mailings (shop_id, customer_id, kind, key, facts, happened_at, due_at)
    SELECT shop_id, customer_id, 'reward', 'x', '{}', '2026-03-02', '2026-03-02' FROM customers WHERE shop_id = %s
    """,
)


def test_whom_to_write_to_is_asked_of_those_alone_for_whom_something_waits(
    desk: Desk, clock: Clock, above: Superuser
) -> None:
    for put in _CROWD:
        above.run(put, desk.shop.shop_id)
    above.run("ANALYZE customers, customer_facts, mailings, mail_choices")
    asked = list[tuple[str, Any]]()

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if "customer_facts" in statement:
            asked.append((statement, values))

    with desk.work() as work:
        event.listen(desk.database.engine, "before_cursor_execute", hear)
        mailings.choose(work, 300)
        event.remove(desk.database.engine, "before_cursor_execute", hear)
        assert asked
        for statement, values in asked:
            plan = work.connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()
            assert not [line for line in plan if "Seq Scan on customer_facts" in line], plan


def test_the_key_of_a_link_is_its_customer_s_and_its_shop_s_alone(desk: Desk) -> None:
    known(desk, 1, 2)
    one, two = desk.customer_id(1), desk.customer_id(2)
    with desk.work() as work:
        _, kind, shop, customer, key = mailings.path_of(work, one).split("/")
        assert (kind, shop, customer) == ("u", str(desk.shop.shop_id), str(one))
        assert mailings.is_theirs(work, one, key)
        assert not mailings.is_theirs(work, two, key)
        assert not mailings.is_theirs(work, one, key[:-1] + ("0" if key[-1] != "0" else "1"))
