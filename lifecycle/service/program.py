"""A shop's rules of the lifecycle: the terms of now, and how new ones are proposed and published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.exc import IntegrityError

from commerce.refusal import Refusal
from commerce.sayings import said_by, sentences
from engine import terms
from engine.work import UnitOfWork
from lifecycle.records import census
from lifecycle.rules import EARLIEST, Terms, Unsound

DOMAIN = "lifecycle"

# Fewer gaps than these say more about some customers than about the shop.
LEAST_GAPS = 50
# Somebody waits for the answer; percentiles of a part are those of the whole.
MOST_CUSTOMERS = 200_000


class RulesRefused(Refusal):
    """These rules cannot be published as they are. `field` is the one to be put right."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


class RulesChanged(Refusal):
    """Somebody else has published other rules in the meantime. Look at them, and try yours again."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the shop's own orders say about its days: of all gaps between two orders of a customer, half are at most
    `usual_days`, 80 of 100 at most `at_risk_days`, and 90 of 100 at most `lapsed_days`. The gaps of those who never
    came back are in none of them. None where there are fewer than `LEAST_GAPS` gaps.
    """

    gaps: int
    every: int
    usual_days: int | None = None
    at_risk_days: int | None = None
    lapsed_days: int | None = None


def first_terms() -> dict[str, Any]:
    """The rules that a shop starts with."""
    return dict(Terms.proposed().body)


def current_terms(work: UnitOfWork) -> Terms:
    newest = terms.versions(work, DOMAIN)[-1]
    return Terms.read(newest.version, newest.body)


def draft(now: Terms, changed: Mapping[str, int]) -> Terms:
    """The terms of now with some rules changed, not published. Refuses with `RulesRefused`."""
    try:
        return replace(now, **changed)
    except Unsound as fault:
        raise RulesRefused(fault.name, sentences([said_by(fault)])) from None


def publish(work: UnitOfWork, changed: Mapping[str, int], seen: int) -> int:
    """Publish the terms of now with some rules changed, if they are still those of version `seen`; answers with the
    new version. Everybody is walked again under it (`walk_again`), and whoever is settled before is so at once.

    Refuses with `RulesRefused` what makes no sense, and with `RulesChanged` where others were published meanwhile;
    then nothing is written.
    """
    now = current_terms(work)
    proposed = draft(now, changed)
    if now.version != seen:
        raise RulesChanged
    try:
        return terms.publish(work, DOMAIN, proposed.body)
    except IntegrityError:
        # Another publication of the same version was under way, and came first.
        raise RulesChanged from None


def proposal(work: UnitOfWork, most: int = MOST_CUSTOMERS) -> Proposal:
    """The days that the shop's own history suggests."""
    every = sampled(work, most)
    found = census.gaps(work, EARLIEST, every)
    if found.gaps < LEAST_GAPS:
        return Proposal(found.gaps, every)
    usual, at_risk, lapsed = found.days
    return Proposal(found.gaps, every, usual, at_risk, max(lapsed, at_risk + 1))


def sampled(work: UnitOfWork, most: int) -> int:
    """One customer in how many is looked at, so that they are at most about `most`."""
    return max(1, -(-census.count(work) // most))
