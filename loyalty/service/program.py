"""A shop's program: all versions of its loyalty terms, and which of them an order is reckoned by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from commerce.ids import OrderId
from commerce.orders import Order
from commerce.refusal import Refusal
from engine import terms
from engine.work import UnitOfWork
from loyalty import rules
from loyalty.rules import Owed, Terms

DOMAIN = "loyalty"

# An instant for what has none.
NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def first_terms(currency: str) -> dict[str, Any]:
    """The program that a shop starts with."""
    return rules.proposal(currency)


class TermsRefused(Refusal):
    """These terms cannot be published as they are."""


@dataclass(frozen=True, slots=True)
class Program:
    """All versions of a shop's loyalty terms."""

    versions: Sequence[Terms]
    published: Sequence[datetime]

    @classmethod
    def of(cls, work: UnitOfWork) -> Program:
        found = terms.versions(work, DOMAIN)
        return cls([Terms.read(v.version, v.body) for v in found], [v.published_at for v in found])

    @property
    def current(self) -> Terms:
        return self.versions[-1]

    def by_version(self, version: int) -> Terms:
        return self.versions[version - 1]

    def for_order(self, order: Order) -> Terms:
        return self.at(order.placed_at)

    def at(self, instant: datetime) -> Terms:
        """The terms in force at an instant; before the program, its first."""
        return rules.terms_for(self.versions, self.published, instant)


def current_terms(work: UnitOfWork) -> Terms:
    """The rules of the program as they are now."""
    return Program.of(work).current


def publish(work: UnitOfWork, body: Mapping[str, Any]) -> int:
    """Make new terms current; answers with their version. Orders and redemptions keep the terms that they began with.

    Refuses with `TermsRefused`, whose message has a sentence for each mistake; then nothing is written.
    """
    try:
        proposed = Terms.read(0, body)
    except (KeyError, TypeError, ValueError) as fault:
        raise TermsRefused(f"The terms cannot be read: {fault}.") from None
    if found := rules.mistakes(proposed):
        raise TermsRefused(". ".join([*(mistake[0].upper() + mistake[1:] for mistake in found), ""]).strip())
    return terms.publish(work, DOMAIN, body)


def revise(work: UnitOfWork, changed: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> int:
    """Publish what `changed` makes of the current terms; answers with their version. Refuses with `TermsRefused`."""
    return publish(work, changed(terms.versions(work, DOMAIN)[-1].body))


def example(agreed: Terms, goods_minor: int) -> Owed:
    """What an order of so much would earn: of usual goods, by somebody without a tier, outside of every promotion."""
    order = Order(
        OrderId(0), "", "", None, None, agreed.currency, NEVER, True, False, False, goods_minor, 0, (), None, 1,
        total_minor=goods_minor, list_minor=goods_minor, fulfilled_at=NEVER,
    )  # fmt: skip
    return rules.owed(order, agreed)


def offer(work: UnitOfWork, reward: Mapping[str, Any]) -> int:
    """Sell one reward more, from now on; answers with the new version of the terms. Refuses with `TermsRefused`."""
    body = terms.versions(work, DOMAIN)[-1].body
    return publish(work, {**body, "rewards": [*body["rewards"], reward]})


def withdraw(work: UnitOfWork, key: str) -> bool:
    """Stop selling a reward. What was bought of it keeps working. False where there is none of that key."""
    body = terms.versions(work, DOMAIN)[-1].body
    left = [reward for reward in body["rewards"] if reward["key"] != key]
    if len(left) == len(body["rewards"]):
        return False
    publish(work, {**body, "rewards": left})
    return True
