"""Events that a shop's own programs tell of, read out of JSON: what somebody did that the program has points for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import loyalty
from commerce.refusal import Refusal
from engine import people
from engine.people import Name, Person
from engine.work import UnitOfWork
from loyalty import Deed, Heard
from plugin.api.reading import LONGEST_ID, instant_of

MOST_EVENTS = 100
LONGEST_ACTION = 64
LONGEST_KEY = 200
LONGEST_EMAIL = 254
GREATEST_ID = 2**63 - 1
# Two servers' clocks are never quite the same.
AHEAD = timedelta(minutes=5)
# Whoever tells of more has a history to import, and not news.
OLDEST = timedelta(days=365)

_FIELDS = frozenset({"event", "customer", "key", "at"})


class BadEvent(Refusal):
    """An event is an object with event, customer, key and, if it was not just now, at."""


class NotAnInstant(Refusal):
    """Write when it was done with its offset, as 2026-03-14T09:26:00Z: not in the future, within the last year."""


@dataclass(frozen=True, slots=True)
class Event:
    """What somebody did, as it was told: not yet whose it is."""

    action: str
    name: Name
    key: str
    at: datetime


def read(told: Any, now: datetime) -> Event | Refusal:
    """One event, or why it is none. What is not known is refused: a field with a slip in its name must not be lost."""
    if not isinstance(told, Mapping) or set(told) - _FIELDS:
        return BadEvent(f"An event has {', '.join(sorted(_FIELDS))}, and nothing else.")
    action, key, name = told.get("event"), told.get("key"), _name(told.get("customer"))
    if not isinstance(action, str) or not 0 < len(action) <= LONGEST_ACTION:
        return BadEvent("Say in event which action of the program was done: its key, up to 64 letters.")
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        return BadEvent("Give each event a key of its own, of up to 200 letters: told twice by it, it counts once.")
    if name is None:
        return BadEvent("Say in customer who it was, by one of id, external_id and email.")
    at = now if told.get("at") is None else instant_of(told["at"])
    if at is None or not now - OLDEST <= at <= now + AHEAD:
        return NotAnInstant()
    return Event(action, name, key, min(at, now))


def _name(given: Any) -> Name | None:
    if not isinstance(given, Mapping) or len(given) != 1:
        return None
    ((how, value),) = given.items()
    if how == "id" and type(value) is int and 0 < value <= GREATEST_ID:
        return Name(id=value)
    longest = {"external_id": LONGEST_ID, "email": LONGEST_EMAIL}.get(how, 0)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        return None
    return Name(external_id=value) if how == "external_id" else Name(email=value)


def book(work: UnitOfWork, told: Sequence[Any]) -> list[Heard | Refusal]:
    """Book these events, in their order and each for itself: one that is refused keeps no other from counting."""
    answers: list[Any] = [read(each, work.now) for each in told]
    events = {place: event for place, event in enumerate(answers) if isinstance(event, Event)}
    found = people.named(work, [event.name for event in events.values()])
    deeds = dict[int, Deed]()
    for (place, event), person in zip(events.items(), found, strict=True):
        if isinstance(person, Person):
            deeds[place] = Deed(person.customer_id, event.action, event.key, event.at)
        else:
            answers[place] = person
    for place, heard in zip(deeds, loyalty.tell_deeds(work, list(deeds.values())) if deeds else (), strict=True):
        answers[place] = heard
    return answers
