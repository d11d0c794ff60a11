"""Two connections at once: somebody refuses a kind of e-mails while one of that kind is being put on its way."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from campaigns import mailings
from campaigns.mailings import Kind, Mailings, Words
from commerce.events import CustomerFact
from commerce.letters import Letter
from engine import mail
from engine.shops import Seal
from tests import people
from tests.ground import START, Clock, Desk, Superuser
from tests.races.test_merge import somebody_waits

pytestmark = pytest.mark.races


def test_what_is_put_on_its_way_while_it_is_refused_is_not_sent(desk: Desk, above: Superuser, clock: Clock) -> None:
    desk.settle(customers=[people.customer(1, updated_at=START)])
    desk.hear(CustomerFact("1001", "consent:email", "subscribed", START))
    with desk.work() as work:
        mailings.state(work, Mailings({Kind.POINTS: Words(on=True)}), 0)
    clock.forward(seconds=1)
    desk.settle(people.order(1, people.customer(1), 5000, placed_at=clock()))
    with desk.work() as work:
        mailings.note_due(work)
    who = desk.customer_id(1)

    def refuse() -> None:
        with desk.work() as work:
            mailings.set_kinds(work, who, {Kind.POINTS: False})

    refusing = threading.Thread(target=refuse)
    with desk.work() as work:
        (due,) = mailings.choose(work, 10)
        seal, letter = Seal([Fernet.generate_key().decode()]), Letter(due.email, "S", "T")
        (number,) = mail.put_to_customers(work, seal, due.kind, [(letter, who)], ends_at=work.now + timedelta(hours=1))
        mailings.told(work, [(due, number)])
        refusing.start()
        somebody_waits(above)
    refusing.join(20)
    assert not refusing.is_alive()
    row = "SELECT parked_at IS NOT NULL, sealed, reason FROM mails WHERE mail_id = %s"
    assert above.run(row, number) == [(True, None, "whoever it is for wants no e-mails of this kind")]
