"""A shop's referral program: all versions of its terms, and which of them an order is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commerce.refusal import Refusal
from commerce.sayings import said_by, say
from engine import terms
from engine.work import UnitOfWork
from referral import rules
from referral.rules import Terms

DOMAIN = "referral"
# A friend's discount code begins with it, so that an order tells which of its codes is one.
FRIEND_PREFIX = "FRIEND-"


class TermsRefused(Refusal):
    """These terms cannot be published as they are."""


@dataclass(frozen=True, slots=True)
class Program:
    """All versions of a shop's referral terms, oldest first."""

    versions: Sequence[Terms]
    published: Sequence[datetime]

    @classmethod
    def of(cls, work: UnitOfWork) -> Program:
        found = terms.versions(work, DOMAIN)
        return cls([Terms.read(v.version, v.body) for v in found], [v.published_at for v in found])

    @property
    def current(self) -> Terms:
        return self.versions[-1]

    def at(self, instant: datetime) -> Terms:
        """The terms in force at an instant; before there were any, the first. An order keeps those of its placing."""
        chosen = self.versions[0]
        for agreed, published in zip(self.versions, self.published, strict=True):
            if published <= instant:
                chosen = agreed
        return chosen


def first_terms(currency: str) -> dict[str, Any]:
    """The referral program that a shop starts with."""
    return rules.proposal(currency)


def current_terms(work: UnitOfWork) -> Terms:
    """The referral program's rules as they are now."""
    return Program.of(work).current


def publish(work: UnitOfWork, body: Mapping[str, Any]) -> int:
    """Make new terms current; answers with their version. Orders keep the terms that they were placed under.

    Refuses with `TermsRefused`, whose message says each mistake; then nothing is written.
    """
    try:
        Terms.read(0, body)
    except (KeyError, TypeError, ValueError) as fault:
        raise TermsRefused(say("The terms cannot be published: %(fault)s.", fault=said_by(fault))) from None
    return terms.publish(work, DOMAIN, body)
