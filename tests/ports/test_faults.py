"""How a store says no, or nothing: every connector tells it in the same few words of the port, and never with a
secret.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from commerce.history import Store
from commerce.store import PutDiscount, SetTags, StoreError
from tests.ports.labs import Lab
from tests.ports.test_codes import discount

EMAIL = "sara@example.test"
AGES = timedelta(days=1)

QUESTIONS: dict[str, Callable[[Store, Lab, str], object]] = {
    "details": lambda store, _lab, _who: store.details(),
    "tags": lambda store, _lab, who: store.set_tags([SetTags(who, "stage:", ("stage:acquired",), ())]),
    "orders": lambda store, _lab, _who: store.orders(["5"]),
    "orders_changed": lambda store, lab, _who: list(store.orders_changed(lab.clock() - AGES)),
    "customers_changed": lambda store, lab, _who: list(store.customers_changed(lab.clock() - AGES)),
    "codes": lambda store, lab, who: store.put_discounts([_code(lab, who)]),
}


def _code(lab: Lab, who: str) -> PutDiscount:
    return discount(lab, customer_external_id=who)


def faults(lab: Lab) -> list[StoreError]:
    """What each question is answered with, as long as the front has something to say."""
    who = lab.person(EMAIL)
    lab.front.instead.extend([lab.front.instead[-1]] * 400)
    found = [_fault(partial(ask, lab.store(), lab, who)) for ask in QUESTIONS.values()]
    lab.front.instead.clear()
    return found


def _fault(ask: Callable[[], object]) -> StoreError:
    try:
        answers = ask()
    except StoreError as fault:
        return fault
    assert isinstance(answers, list)
    (answer,) = answers
    assert isinstance(answer, StoreError)
    return answer


def works(lab: Lab) -> bool:
    sara = lab.person("works@example.test")
    return lab.store().set_tags([SetTags(sara, "stage:", ("stage:acquired",), ())]) == [None]


@pytest.mark.asks("a wait that the store asks for is passed on")
def test_a_wait_that_the_store_asks_for_is_passed_on(lab: Lab) -> None:
    lab.front.answer(429, b"{}", headers={"Retry-After": "7"})
    assert {(fault.permanent, fault.closed, fault.retry_after) for fault in faults(lab)} == {(False, False, 7.0)}
    assert works(lab)


@pytest.mark.asks("a store that fails, or is too busy, is asked again later")
@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_store_that_fails_is_asked_again_later(lab: Lab, status: int) -> None:
    lab.front.page(status, b"Bad Gateway")
    assert {(fault.permanent, fault.closed) for fault in faults(lab)} == {(False, False)}
    assert works(lab)


@pytest.mark.asks("pages, halves and nothing at all in place of an answer are asked for again")
@pytest.mark.parametrize("body", [b"<html>Just a moment...</html>", b'{"id": 5, "da', b"", b"[" * 9999, b"null", b"7"])
def test_what_is_no_answer_is_asked_for_again(lab: Lab, body: bytes) -> None:
    lab.front.answer(200, body)
    assert {(fault.permanent, fault.closed) for fault in faults(lab)} == {(False, False)}
    assert works(lab)


@pytest.mark.asks("a firewall that turns us away closes the store until it lets us in")
def test_a_firewall_that_turns_us_away_closes_the_store_until_it_lets_us_in(lab: Lab) -> None:
    lab.front.page(403)
    assert {(fault.permanent, fault.closed) for fault in faults(lab)} == {(False, True)}
    assert works(lab)


@pytest.mark.asks("access that was revoked closes the store, and heals")
def test_access_that_was_revoked_closes_the_store_and_heals(lab: Lab) -> None:
    who = lab.person(EMAIL)
    lab.revoke()
    found = [_fault(partial(ask, lab.store(), lab, who)) for ask in QUESTIONS.values()]
    assert {(fault.permanent, fault.closed) for fault in found} == {(False, True)}
    lab.restore()
    assert works(lab)


@pytest.mark.asks("a store that does not answer is given up in bounded time")
def test_a_store_that_does_not_answer_is_given_up(lab: Lab) -> None:
    who = lab.person(EMAIL)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = lab.store(f"http://127.0.0.1:{silent.getsockname()[1]}")
        for name in ("details", "tags", "codes"):
            fault = _fault(partial(QUESTIONS[name], store, lab, who))
            assert (fault.permanent, fault.closed) == (False, False)


@pytest.mark.asks("no error and no line of a log holds a secret or an address")
def test_no_error_and_no_line_of_a_log_holds_a_secret_or_an_address(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for status in (200, 400, 401, 402, 403, 404, 422, 429, 500):
        echo = ("sara@example.test " + " ".join(lab.secrets)).encode()
        lab.front.answer(status, b'{"code":"x","message":"%s","errors":"%s"}' % (echo, echo))
        who = lab.person(f"p{status}@example.test")
        lab.front.instead.extend([lab.front.instead[-1]] * 400)
        for ask in QUESTIONS.values():
            fault = _fault(partial(ask, lab.store(), lab, who))
            said += [repr(fault), str(fault.__cause__)]
        lab.front.instead.clear()
    # The library that speaks HTTP writes addresses at its level of debugging, which we never switch on.
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("perennial", "connectors"))]
    whole = "\n".join([*said, *ours])
    assert not [secret for secret in (*lab.secrets, "@example.test") if secret in whole]
