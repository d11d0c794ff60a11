"""Who takes part by their own word, and when their birthday is: facts of a customer, as the store's are. They are
handed out with the rest of what we know of somebody, and forgotten with it.
"""

from __future__ import annotations

from commerce.events import CustomerFact
from commerce.refusal import Refusal
from engine import facts
from engine.facts import JOINED
from engine.work import UnitOfWork
from loyalty import rules

BIRTHDAY = "birthday"


class NotABirthday(Refusal):
    """Give the month and the day of a birthday, such as 03-14. The year is nobody's business."""


def join(work: UnitOfWork, customer_external_id: str) -> None:
    """The customer takes part from now on. Whoever joined already keeps the earlier instant."""
    if facts.of(work, customer_external_id).get(JOINED) != "joined":
        facts.record(work, [CustomerFact(customer_external_id, JOINED, "joined", work.now)])


def leave(work: UnitOfWork, customer_external_id: str) -> None:
    """The customer takes part no more; points that were earned stay theirs."""
    facts.record(work, [CustomerFact(customer_external_id, JOINED, "left", work.now)])


def birthday(work: UnitOfWork, customer_external_id: str) -> str | None:
    """The customer's birthday as month and day, ``03-14``; None while they have told none."""
    found = facts.of(work, customer_external_id).get(BIRTHDAY)
    return found if isinstance(found, str) else None


def tell_birthday(work: UnitOfWork, customer_external_id: str, month_day: str) -> None:
    """Keep the customer's birthday. Telling the same again changes nothing; another one counts from the next time on
    that is far enough away. Refuses with `NotABirthday`.
    """
    if not rules.is_month_day(month_day):
        raise NotABirthday
    if birthday(work, customer_external_id) != month_day:
        facts.record(work, [CustomerFact(customer_external_id, BIRTHDAY, month_day, work.now)])
