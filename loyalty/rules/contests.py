"""Contests: who wins is decided by a seed that nobody can change afterwards, and that anybody can check.

Before a contest opens, the SHA-256 of its seed is published (the *commitment*); after it, the seed. A ticket's *luck*
is the SHA-256 of ``seed:number``, the seed in small hexadecimal letters. In a draw the tickets with the smallest lucks
win, each customer once. On a scratch card, the first eight bytes of its luck as a fraction of 2^64 choose the prize.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from commerce.lines import is_line
from commerce.sayings import say

SEED_BYTES = 32
MOST_PRIZES = 20
MOST_WINNERS = 10_000
LONGEST = timedelta(days=366)
LONGEST_TITLE = 100
# Chances are told in ten-thousandths: 250 is 2.5 %.
WHOLE = 10_000


class ContestKind(StrEnum):
    """How a contest is decided: by one draw at its end, or card by card."""

    DRAW = "draw"
    SCRATCH = "scratch"


@dataclass(frozen=True, slots=True)
class Prize:
    """`count` pieces of a reward; on a scratch card each has a `chance` in ten-thousandths."""

    reward: Mapping[str, Any]
    count: int
    chance: int = 0

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Prize:
        return cls(**{known.name: body[known.name] for known in fields(cls) if known.name in body})


@dataclass(frozen=True, slots=True)
class Ticket:
    """One chance of one customer. Numbers begin at 1 and have no gaps."""

    number: int
    customer_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What a merchant promises: an order of at least `minimum_minor` placed from `opens_at` until `closes_at` is a
    ticket.
    """

    kind: ContestKind
    title: str
    opens_at: datetime
    closes_at: datetime
    minimum_minor: int
    most_per_customer: int
    prizes: tuple[Prize, ...]

    def mistakes(self, at: datetime) -> list[str]:
        """What is wrong with it, in sentences; none if it can be announced at `at`."""
        return [*self._times(at), *self._prizes()]

    def _times(self, at: datetime) -> Iterator[str]:
        if not self.title.strip() or len(self.title) > LONGEST_TITLE or not is_line(self.title):
            yield say("its title has from 1 to %(longest)s letters", longest=LONGEST_TITLE)
        if self.opens_at < at:
            yield say("it opens in the past: nobody may know the tickets when the seed is chosen")
        if not self.opens_at < self.closes_at <= self.opens_at + LONGEST:
            yield say("it closes after it opens, and within a year")
        if self.minimum_minor < 0 or self.most_per_customer < 1:
            yield say("the least order is not below zero, and each customer may have a ticket at least")

    def _prizes(self) -> Iterator[str]:
        if not 1 <= len(self.prizes) <= MOST_PRIZES:
            yield say("it has from 1 to %(most)s kinds of prize", most=MOST_PRIZES)
        if any(prize.count < 1 for prize in self.prizes) or sum(p.count for p in self.prizes) > MOST_WINNERS:
            yield say("there is at least one of each prize, and %(most)s prizes at most", most=MOST_WINNERS)
        if self.kind == ContestKind.SCRATCH:
            if any(prize.chance < 1 for prize in self.prizes) or sum(prize.chance for prize in self.prizes) > WHOLE:
                yield say("each prize has a chance above 0 %, and all together no more than 100 %")
        elif any(prize.chance for prize in self.prizes):
            yield say("in a draw all tickets have the same chance")


def commitment(seed: bytes) -> str:
    """What is published before: it fixes the seed and does not tell it."""
    return sha256(seed).hexdigest()


def luck(seed: bytes, number: int) -> bytes:
    """A ticket's luck, which nobody can know without the seed, and everybody with it can compute."""
    return sha256(f"{seed.hex()}:{number}".encode()).digest()


def digest(tickets: Sequence[Ticket]) -> str:
    """Fixes which ticket is whose, without telling anybody who: SHA-256 of ``number:customer`` lines in their order."""
    return sha256("".join(f"{ticket.number}:{ticket.customer_id}\n" for ticket in tickets).encode()).hexdigest()


def winners(seed: bytes, tickets: Sequence[Ticket], prizes: Sequence[Prize]) -> dict[int, int]:
    """The winning ticket numbers of a draw, each with the place of its prize in `prizes`; a customer wins once."""
    places = [place for place, prize in enumerate(prizes) for _ in range(prize.count)]
    found, lucky = dict[int, int](), set[int]()
    for ticket in sorted(tickets, key=lambda ticket: luck(seed, ticket.number)):
        if len(found) == len(places):
            break
        if ticket.customer_id not in lucky:
            lucky.add(ticket.customer_id)
            found[ticket.number] = places[len(found)]
    return found


def scratched(seed: bytes, count: int, prizes: Sequence[Prize]) -> dict[int, int]:
    """The winning cards among ``1..count``, each with the place of its prize.

    Cards win by their luck alone; when all pieces of a prize are gone to cards of lower numbers, a card wins nothing.
    So what a card wins hangs neither on when it is scratched nor on who scratches first.
    """
    left, found = [prize.count for prize in prizes], dict[int, int]()
    for number in range(1, count + 1):
        place = _place(luck(seed, number), prizes)
        if place is not None and left[place] > 0:
            left[place] -= 1
            found[number] = place
    return found


def card(seed: bytes, number: int, prizes: Sequence[Prize]) -> int | None:
    """What one card wins, as `scratched` says of all: the place of its prize, or None."""
    # Most cards win nothing, and are known for it without a look at the others.
    return None if _place(luck(seed, number), prizes) is None else scratched(seed, number, prizes).get(number)


def _place(lucky: bytes, prizes: Sequence[Prize]) -> int | None:
    at, reached = int.from_bytes(lucky[:8], "big") * WHOLE >> 64, 0
    for place, prize in enumerate(prizes):
        reached += prize.chance
        if at < reached:
            return place
    return None
