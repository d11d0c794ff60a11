"""A shop's referral program: its terms as they are now."""

from __future__ import annotations

from typing import Any

from engine import terms
from engine.work import UnitOfWork
from referral import rules
from referral.rules import Terms

DOMAIN = "referral"
# A friend's discount code begins with it, so that an order tells which of its codes is one.
FRIEND_PREFIX = "FRIEND-"


def first_terms(currency: str) -> dict[str, Any]:
    """The referral program that a shop starts with."""
    return rules.proposal(currency)


def current_terms(work: UnitOfWork) -> Terms:
    """The referral program's rules as they are now."""
    newest = terms.versions(work, DOMAIN)[-1]
    return Terms.read(newest.version, newest.body)
