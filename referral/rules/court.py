"""The attribution court: of everything that says who brought an order, which word counts.

An order may name several advocates: the friend typed one's code, came by another's link, and claimed a third's offer
last week. Each such word is a *mention*. All of them are kept; the shop's *policy* chooses one, and the reason is kept
beside it, so that the same mentions can be judged again under another policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from commerce.ids import CustomerId
from commerce.sayings import say


class Source(StrEnum):
    """How an order names an advocate, the plainest first."""

    FRIEND_CODE = "friend_code"
    CODE = "code"
    NAME = "name"
    PERSON = "person"
    ATTRIBUTE = "attribute"
    LANDING = "landing"
    TOUCH = "touch"


SOURCES = {
    Source.FRIEND_CODE: say("the friend's own code, from a claim"),
    Source.CODE: say("the advocate's code, typed"),
    Source.NAME: say("a claim by the advocate's name"),
    Source.PERSON: say("the buyer's address is that of a claim"),
    Source.ATTRIBUTE: say("the cart's attribute"),
    Source.LANDING: say("the link by which the shopper came"),
    Source.TOUCH: say("the checkout's own word"),
}

# What a person did beats what a browser carried along. Of each kind the first are the plainer.
_STRENGTH = {
    Source.FRIEND_CODE: 0, Source.CODE: 0, Source.NAME: 0, Source.PERSON: 1, Source.ATTRIBUTE: 2, Source.LANDING: 2,
    Source.TOUCH: 3,
}  # fmt: skip
_PLACE = {source: place for place, source in enumerate(Source)}


class Why(StrEnum):
    """Why the winner won."""

    ONLY = "only"
    AGREED = "agreed"
    STRONGER = "stronger"
    FIRST = "first"
    LAST = "last"
    TIE = "tie"
    OUT_OF_WINDOW = "out_of_window"


WHYS = {
    Why.ONLY: say("nothing else names an advocate"),
    Why.AGREED: say("everything names the same advocate"),
    Why.STRONGER: say("what a person typed or claimed counts for more than what a browser carried"),
    Why.FIRST: say("the first touch counts"),
    Why.LAST: say("the last touch counts"),
    Why.TIE: say("at the same instant, the plainer word counts"),
    Why.OUT_OF_WINDOW: say("all of it was too long before the order"),
}


@dataclass(frozen=True, slots=True)
class Mention:
    """One word that an advocate brought an order. `at`: when it was said; what came with the order, when that was
    placed.
    """

    source: Source
    advocate_id: CustomerId
    at: datetime
    claim_id: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How a shop judges between advocates.

    What was said more than `window_days` before the order counts no more. `code_first`: what a person typed or
    claimed beats a link, whenever it was. Among equals the first touch wins, or the last.
    """

    window_days: int = 90
    first_touch: bool = False
    code_first: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.window_days <= 730:
            raise ValueError(say("an invitation counts for 1 to 730 days"))


@dataclass(frozen=True, slots=True)
class Decision:
    """The one mention that counts, and why."""

    winner: Mention
    why: Why


def choose(mentions: Sequence[Mention], placed_at: datetime, policy: Policy) -> Decision:
    """The winner among `mentions`, of which there is at least one. Whatever their order, the same.

    Where all are older than the window, the winner is the one that would have won, and `OUT_OF_WINDOW` says that it
    brings nothing.
    """
    window = timedelta(days=policy.window_days)
    heard = [m for m in mentions if placed_at - m.at <= window]
    if not heard:
        return Decision(_best(mentions, policy), Why.OUT_OF_WINDOW)
    winner = _best(heard, policy)
    return Decision(winner, _why(winner, heard, policy))


def _best(mentions: Sequence[Mention], policy: Policy) -> Mention:
    def rank(mention: Mention) -> tuple[object, ...]:
        moment = mention.at.timestamp()
        return (
            _STRENGTH[mention.source] if policy.code_first else 0,
            moment if policy.first_touch else -moment,
            _PLACE[mention.source],
            mention.advocate_id,
            mention.claim_id or 0,
        )

    return min(mentions, key=rank)


def _why(winner: Mention, heard: Sequence[Mention], policy: Policy) -> Why:
    others = [m for m in heard if m.advocate_id != winner.advocate_id]
    if not others:
        return Why.ONLY if len(heard) == 1 else Why.AGREED
    if policy.code_first:
        equals = [m for m in others if _STRENGTH[m.source] == _STRENGTH[winner.source]]
        if not equals:
            return Why.STRONGER
        others = equals
    if all(m.at != winner.at for m in others):
        return Why.FIRST if policy.first_touch else Why.LAST
    return Why.TIE
