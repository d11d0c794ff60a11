"""Claims: by e-mail or phone, code or name; refused with a reason that leaves a trace and tells strangers nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import referral
from commerce.refusal import Refusal
from referral.service.claiming import MOST_MISSES, MOST_TRIES
from tests import people
from tests.ground import START, Clock, Desk, Superuser

SECRET = b"s" * 32
TRACES = """
    SELECT r.reason, c.external_id, octet_length(r.friend_digest) FROM refused_claims r
    LEFT JOIN customers c ON c.shop_id = r.shop_id AND c.customer_id = r.advocate_id
    WHERE r.shop_id = %s ORDER BY r.refusal_id
"""

LOCKS = """
    SELECT body ->> 'customer_external_id' FROM effects WHERE shop_id = %s AND kind = 'discount' ORDER BY effect_id
"""


@dataclass(frozen=True)
class Form:
    """The landing page's form, as somebody at an address of their own fills it in."""

    desk: Desk

    def send(
        self, typed: str, contact: str, *, ip: str = "203.0.113.7", logged_in: int | None = None, way: str = "link"
    ) -> referral.Offer | Refusal:
        customer_id = self.desk.customer_id(logged_in) if logged_in else None
        with self.desk.work() as work:
            asked = referral.Try(typed, contact, way, customer_id, referral.Evidence(ip=ip))
            (answer,) = referral.take_up(work, [asked], SECRET)
            return answer


@pytest.fixture
def form(desk: Desk) -> Form:
    return Form(desk)


@pytest.fixture
def code(desk: Desk) -> str:
    """Anna's code; she has ordered."""
    desk.settle(people.order(1, people.customer(1), 10_000, placed_at=START - timedelta(days=40)))
    anna = desk.customer_id(1)
    with desk.work() as work:
        return referral.code_of(work, anna)


def taken(answer: referral.Offer | Refusal) -> str:
    assert isinstance(answer, referral.Offer), answer
    return str(answer.code)


def traces(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    return above.run(TRACES, desk.shop.shop_id)


def test_a_phone_number_is_as_good_as_an_address_however_it_is_written(
    desk: Desk, above: Superuser, form: Form, code: str
) -> None:
    first = taken(form.send(code, "+98 912 123 4567"))
    assert taken(form.send(code.lower(), "+۹۸۹۱۲۱۲۳۴۵۶۷")) == first
    assert taken(form.send(code, "bo@example.com")) != first
    everything = "".join(str(above.run(f"SELECT * FROM {table}")) for table in ("claims", "effects", "claim_tries"))
    assert "9121234567" not in everything
    assert "203.0.113" not in everything


@pytest.mark.parametrize("contact", ["", "bo", "0912 123 4567", "12", "+1", "bo@example", "x" * 5000])
def test_what_reaches_nobody_is_refused_and_is_no_claim(
    desk: Desk, above: Superuser, form: Form, code: str, contact: str
) -> None:
    assert isinstance(form.send(code, contact), referral.NotAnAddress)
    assert traces(desk, above) == []
    assert above.one("SELECT count(*) FROM claims WHERE shop_id = %s", desk.shop.shop_id) == 0


def test_each_refusal_leaves_its_reason_and_all_but_ones_own_read_alike(
    desk: Desk, above: Superuser, clock: Clock, form: Form, code: str
) -> None:
    desk.settle(people.order(2, people.customer(2)), people.order(3, people.customer(3)))
    chiara = desk.customer_id(3)
    with desk.work() as work:
        hers = referral.code_of(work, chiara)
    taken(form.send(code, "jon@example.com"))
    answers = [
        form.send("NOSU-K7K7", "eve@example.com"),
        form.send(code, "Anna-1@example.com"),
        form.send(code, "bo-2@example.com"),
        form.send(hers, "jon@example.com"),
    ]
    clock.forward(days=2)
    answers.append(form.send(code, "jon@example.com"))
    clock.forward(days=60)
    answers.append(form.send(code, "jon@example.com"))
    assert {answer.message for answer in answers if isinstance(answer, Refusal)} == {referral.NotTaken().message}
    own = form.send(code, "new@example.com", logged_in=1)
    assert isinstance(own, referral.OwnCode)
    assert traces(desk, above) == [
        ("code-unknown", None, 32),
        ("own-address", "1001", 32),
        ("bought-before", "1001", 32),
        ("claimed-already", "1003", 32),
        ("claimed-already", "1001", 32),
        ("claim-expired", "1001", 32),
        ("own-code", "1001", 32),
    ]
    assert {reason for reason, _, _ in traces(desk, above)} <= referral.REASON_TEXTS.keys()
    assert above.one("SELECT count(*) FROM claims WHERE shop_id = %s", desk.shop.shop_id) == 1


def test_somebody_who_is_logged_in_and_has_bought_is_refused_whatever_they_type(
    form: Form, desk: Desk, code: str
) -> None:
    desk.settle(people.order(2, people.customer(2)))
    assert isinstance(form.send(code, "another@example.com", logged_in=2), referral.BoughtBefore)


def test_a_code_is_locked_to_a_friend_whom_the_store_knows(desk: Desk, above: Superuser, form: Form, code: str) -> None:
    desk.settle(customers=[people.customer(4, updated_at=START)])
    taken(form.send(code, "dai-4@example.com"))
    taken(form.send(code, "nobody@example.com"))
    locks = above.run(LOCKS, desk.shop.shop_id)
    assert locks == [("1004",), (None,)]


@pytest.mark.parametrize(
    "terms, takes",
    [
        ({"friend_gets": "percentage", "friend_percent": 15}, ("percentage", 15)),
        ({"friend_gets": "shipping"}, ("shipping", 0)),
        ({"friend_gets": "points", "friend_points": 50}, None),
    ],
)
def test_the_friend_s_offer_is_what_the_terms_say(
    desk: Desk, above: Superuser, form: Form, code: str, terms: dict[str, Any], takes: Any
) -> None:
    with desk.work() as work:
        referral.publish(work, {**referral.as_stored(referral.current_terms(work)), **terms})
    answer = form.send(code, "bo@example.com")
    assert isinstance(answer, referral.Offer)
    assert answer.with_points == (takes is None)
    found = above.run(
        "SELECT body ->> 'takes', (body ->> 'percent')::int FROM effects WHERE shop_id = %s AND kind = 'discount'",
        desk.shop.shop_id,
    )
    assert found == ([] if takes is None else [takes])


# --- who invited you?


def test_a_name_is_as_good_as_a_code_however_it_is_written(desk: Desk, above: Superuser, form: Form, code: str) -> None:
    taken(form.send("  ÁNNA   vos ", "bo@example.com", way="name"))
    taken(form.send(code.lower(), "jon@example.com", way="name"))
    assert above.run("SELECT DISTINCT way FROM claims WHERE shop_id = %s", desk.shop.shop_id) == [("name",)]


def test_a_name_that_several_have_or_nobody_has_asks_for_the_code_and_lists_nobody(
    desk: Desk, form: Form, code: str
) -> None:
    desk.settle(people.order(2, people.customer(2, first_name="anna")))
    bo = desk.customer_id(2)
    with desk.work() as work:
        referral.code_of(work, bo)
    for typed in ("Anna Vos", "Nobody Atall", "Anna", "%", "", "\u202eannA soV", "x" * 9000):
        answer = form.send(typed, "jon@example.com", way="name")
        assert isinstance(answer, referral.CodeUnknown), typed
        assert answer.message == referral.NotTaken().message


def test_by_a_link_a_name_is_no_code(form: Form, code: str) -> None:
    assert isinstance(form.send("Anna Vos", "bo@example.com"), referral.CodeUnknown)


# --- guessing


def test_whoever_tries_too_often_waits_and_others_do_not(
    desk: Desk, above: Superuser, clock: Clock, form: Form, code: str
) -> None:
    for number in range(MOST_TRIES):
        assert isinstance(form.send(f"GUES-{number:04}", "bo@example.com"), referral.CodeUnknown)
    assert isinstance(form.send(code, "bo@example.com"), referral.TooManyTries)
    taken(form.send(code, "bo@example.com", ip="203.0.113.8"))
    clock.forward(hours=1)
    taken(form.send(code, "ann@example.com"))


def test_guesses_from_everywhere_are_cut_off_for_a_minute(desk: Desk, clock: Clock, form: Form, code: str) -> None:
    for number in range(MOST_MISSES):
        form.send("GUES-K7K7", "bo@example.com", ip=f"2001:db8::{number:x}")
    assert isinstance(form.send("GUES-K7K7", "bo@example.com", ip="2001:db8:1::"), referral.TooManyTries)
    clock.forward(seconds=61)
    taken(form.send(code, "bo@example.com", ip="2001:db8:1::"))


def test_tries_and_old_refusals_are_forgotten(
    desk: Desk, above: Superuser, clock: Clock, form: Form, code: str
) -> None:
    form.send("GUES-K7K7", "bo@example.com")
    clock.forward(days=2)
    with desk.work() as work:
        referral.purge_tries(work)
    assert above.one("SELECT count(*) FROM claim_tries WHERE shop_id = %s", desk.shop.shop_id) == 0
    assert len(traces(desk, above)) == 1
    clock.forward(days=400)
    with desk.work() as work:
        referral.purge_tries(work)
    assert traces(desk, above) == []


# --- codes


@pytest.mark.parametrize(
    "name, begins",
    [
        ("Anna", "ANNA-"),
        ("Zoë Maria", "ZOE-"),
        ("Łukasz", "LUKASZ-"),
        ("Дмитрий", "DMITRIY-"),
        ("Ελένη", "ELENI-"),
        ("آرش", "ARSH-"),
        ("محمد", "MHMD-"),
        ("李", "HELLO-"),
        ("<script>alert(1)</script>", "SCRIPTALER-"),
        ("\u202egnaF", "GNAF-"),
        (None, "HELLO-"),
        ("X", "HELLO-"),
    ],
)
def test_a_code_begins_with_its_owner_s_name_in_plain_letters(desk: Desk, name: str | None, begins: str) -> None:
    desk.settle(people.order(1, people.customer(1, first_name=name)))
    anna = desk.customer_id(1)
    with desk.work() as work:
        made = referral.code_of(work, anna)
    assert made.startswith(begins)
    assert made.isascii()
    assert len(made) <= 32


def test_an_erased_customer_s_code_leads_nowhere_and_is_forgotten(
    desk: Desk, above: Superuser, form: Form, code: str
) -> None:
    above.run("UPDATE customers SET redacted_at = now(), first_name = NULL WHERE shop_id = %s", desk.shop.shop_id)
    assert isinstance(form.send(code, "bo@example.com"), referral.CodeUnknown)
    with desk.work() as work:
        referral.look_after_codes(work)
    assert above.one("SELECT count(*) FROM referral_codes WHERE shop_id = %s", desk.shop.shop_id) == 0


def test_owners_of_older_codes_can_be_found_by_name(desk: Desk, above: Superuser, form: Form, code: str) -> None:
    above.run("UPDATE referral_codes SET name_key = NULL WHERE shop_id = %s", desk.shop.shop_id)
    assert isinstance(form.send("Anna Vos", "bo@example.com", way="name"), referral.CodeUnknown)
    with desk.work() as work:
        referral.look_after_codes(work)
    taken(form.send("Anna Vos", "bo@example.com", way="name"))
