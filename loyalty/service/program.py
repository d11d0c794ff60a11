"""A shop's program: all versions of its loyalty terms, and which of them an order is reckoned by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from commerce.ids import OrderId
from commerce.orders import Order
from commerce.refusal import Refusal
from commerce.rewards import Offering
from commerce.sayings import said_by, say, sentences
from commerce.store import PutSegment, SetShopFields
from engine import collections, outbox, terms
from engine.work import UnitOfWork
from loyalty import rules
from loyalty.rules import Kind, Ladder, Level, Owed, Terms
from loyalty.service.asking import sample

DOMAIN = "loyalty"

# An instant for what has none.
NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def first_terms(currency: str) -> dict[str, Any]:
    """The program that a shop starts with."""
    return rules.proposal(currency)


def sleeping_terms(currency: str) -> dict[str, Any]:
    """The same as an installation leaves it: nobody earns by it before a person publishes something."""
    return {**rules.proposal(currency), "asleep": True}


def awake(body: Mapping[str, Any]) -> dict[str, Any]:
    """Terms that a person publishes: the program has begun."""
    return {part: value for part, value in body.items() if part != "asleep"}


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

    def began(self, part: Callable[[Terms], object]) -> tuple[int, datetime]:
        """The version in which a part of the terms of now was first published, and when that was."""
        place = len(self.versions) - 1
        while place and part(self.versions[place - 1]) == part(self.current):
            place -= 1
        return self.versions[place].version, self.published[place]

    @property
    def has_tiers(self) -> bool:
        """Whether there is, or ever was, a ladder to stand on."""
        return any(terms.tiers.levels for terms in self.versions)

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
    body = awake(body)
    proposed, before = sound(body), current_terms(work).tiers
    _all_read(work, proposed)
    version = terms.publish(work, DOMAIN, body)
    _restate_segments(work, before, proposed.tiers)
    state(work, proposed)
    return version


def state(work: UnitOfWork, agreed: Terms) -> None:
    """Tell the store what its pages may say of the program by themselves; nothing while it has not begun."""
    if not agreed.asleep:
        outbox.put(work, [SetShopFields(DOMAIN, {"program": orjson.dumps(rules.outline(agreed)).decode()})])


def _all_read(work: UnitOfWork, proposed: Terms) -> None:
    """Of each collection that the terms name it is known what it holds; else `TermsRefused`."""
    if missing := collections.unread(work, proposed.collections):
        raise TermsRefused(
            say(
                "It is not known yet which goods are in collection %(names)s. Read the collections of the store, then "
                "publish again.",
                names=", ".join(missing),
            )
        )


def collections_named(work: UnitOfWork) -> Collection[str]:
    """The collections that rules of now, or of a draft, name."""
    bodies = [terms.versions(work, DOMAIN)[-1].body, *(draft.body for draft in terms.drafts(work, DOMAIN))]
    return set(rules.collections_of(Terms.read(0, body) for body in bodies))


def sound(body: Mapping[str, Any]) -> Terms:
    """The terms that `body` says, if they can be published; else `TermsRefused`."""
    try:
        proposed = Terms.read(0, body)
    except (KeyError, TypeError, ValueError) as fault:
        raise TermsRefused(say("The terms cannot be read: %(fault)s.", fault=said_by(fault))) from None
    if found := rules.mistakes(proposed):
        raise TermsRefused(sentences(found))
    return proposed


def change(work: UnitOfWork, **parts: Any) -> int:
    """Publish the terms of now with some parts of them new; answers with their version. Refuses with `TermsRefused`."""
    return publish(work, {**terms.versions(work, DOMAIN)[-1].body, **parts})


def publish_segments(work: UnitOfWork, *, active: bool = True) -> None:
    """One segment for each tier in the store, or none of them any more."""
    _put_segments(work, current_terms(work).tiers.levels, active=active)


def _restate_segments(work: UnitOfWork, before: Ladder, after: Ladder) -> None:
    """A tier that is new, or has a new name, has a segment of that name; one that is no more has none."""
    known = {level.key: level.name for level in before.levels}
    _put_segments(work, [level for level in after.levels if known.get(level.key) != level.name], active=True)
    _put_segments(work, [level for level in before.levels if after.level(level.key) is None], active=False)


def _put_segments(work: UnitOfWork, levels: Sequence[Level], *, active: bool) -> None:
    outbox.put(work, [PutSegment(f"Perennial: {level.name}", f"tier:{level.key}", active=active) for level in levels])


def revise(work: UnitOfWork, changed: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> int:
    """Publish what `changed` makes of the current terms; answers with their version. Refuses with `TermsRefused`."""
    return publish(work, draft(work, changed))


def draft(work: UnitOfWork, changed: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Mapping[str, Any]:
    """What `changed` makes of the current terms, not looked at and not published."""
    return changed(awake(terms.versions(work, DOMAIN)[-1].body))


def example(agreed: Terms, goods_minor: int) -> Owed:
    """What an order of so much would earn: of usual goods, by somebody without a tier, outside of every promotion."""
    order = Order(
        OrderId(0), "", "", None, None, agreed.currency, NEVER, True, False, False, goods_minor, 0, (), None, 1,
        total_minor=goods_minor, list_minor=goods_minor, fulfilled_at=NEVER,
    )  # fmt: skip
    return rules.owed(order, replace(agreed, asleep=False))


def offer(work: UnitOfWork, reward: Mapping[str, Any], offering: Offering) -> int:
    """Sell one reward more, from now on; answers with the new version of the terms. Refuses with `TermsRefused`, also
    what the shop's platform cannot give: a shopper must not be the one who finds that out.
    """
    body = terms.versions(work, DOMAIN)[-1].body
    proposed = {**awake(body), "rewards": [*body["rewards"], reward]}
    found = sound(proposed)
    offered = found.rewards[-1]
    # What the shop hands over itself is no matter of its platform.
    if offered.kind != Kind.CUSTOM and (why := offering.refusal(sample(offered, found.currency))):
        raise TermsRefused(sentences([why]))
    version = terms.publish(work, DOMAIN, proposed)
    state(work, found)
    return version


def withdraw(work: UnitOfWork, key: str) -> bool:
    """Stop selling a reward. What was bought of it keeps working. False where there is none of that key."""
    body = terms.versions(work, DOMAIN)[-1].body
    left = [reward for reward in body["rewards"] if reward["key"] != key]
    if len(left) == len(body["rewards"]):
        return False
    publish(work, {**body, "rewards": left})
    return True
