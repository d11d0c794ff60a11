"""Who would move if other rules were published: everybody's stage of this moment under the rules of now, beside that
under the proposed ones. Nothing is written.

A standing holds all that the rules ask for, so nobody's orders are read; but for customers who were last settled
before their gaps were kept. Pages of standings pass through, so memory is bounded; of a very large shop one customer
in some is looked at, and the answer says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commerce.ids import CustomerId
from engine import mirror
from engine.work import UnitOfWork
from lifecycle.records import census, standings
from lifecycle.rules import Happening, Stage, Standing, Terms, dated, stage_at, walk
from lifecycle.service.program import MOST_CUSTOMERS, sampled

EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Move:
    """Customers who would go from one stage to another, and some of them: customer_id and the names."""

    from_stage: Stage
    to_stage: Stage
    customers: int
    examples: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Preview:
    """What proposed rules do to a shop as it is now, beside the rules of `version`.

    `looked` customers were looked at, one in `every`. `counts` has each pair of stages that somebody would have, also
    the pairs of those who stay; `moves` are the others, the greatest first.
    """

    version: int
    looked: int
    every: int
    counts: dict[tuple[Stage, Stage], int]
    moves: Sequence[Move]

    @property
    def moved(self) -> int:
        return sum(move.customers for move in self.moves)


def preview(work: UnitOfWork, now: Terms, proposed: Terms, most: int = MOST_CUSTOMERS) -> Preview:
    """Everybody under both."""
    every, counts = sampled(work, most), Counter[tuple[Stage, Stage]]()
    examples = defaultdict[tuple[Stage, Stage], list[CustomerId]](list)
    for page in census.standings(work, every):
        for customer_id, standing in _measured(work, page, now):
            pair = stage_at(standing, now, work.now), stage_at(standing, proposed, work.now)
            counts[pair] += 1
            if pair[0] is not pair[1] and counts[pair] <= EXAMPLES:
                examples[pair].append(customer_id)
    names = mirror.names(work, sorted({who for some in examples.values() for who in some}))
    moves = [Move(*pair, counts[pair], [names[who] for who in some if who in names]) for pair, some in examples.items()]
    moves.sort(key=lambda move: (-move.customers, move.from_stage, move.to_stage))
    return Preview(now.version, counts.total(), every, dict(counts), moves)


def _measured(
    work: UnitOfWork, page: Sequence[tuple[CustomerId, Standing, bool]], terms: Terms
) -> list[tuple[CustomerId, Standing]]:
    """The standings of a page, those without gaps walked for once."""
    unknown = [who for who, standing, measured in page if not measured and standing.orders > 1]
    if not unknown:
        return [(who, standing) for who, standing, _ in page]
    happened = defaultdict[CustomerId, list[Happening]](list)
    for row in standings.happenings(work, unknown):
        happened[row.customer_id].append(Happening.of(row.kind, row.at))
    return [
        (who, _walked(standing, happened[who], terms, work.now) if who in happened else standing)
        for who, standing, _ in page
    ]


def _walked(standing: Standing, happened: Sequence[Happening], terms: Terms, at: datetime) -> Standing:
    start = Standing.new(standing.known_since)
    return walk(start, [dated(each, start.known_since) for each in happened], terms, at).standing
