"""What each signal weighs in a shop, and what another weighing would have done.

Signals are remembered by their numbers, so weighing anew is only addition: a preview reads every referral once, in
portions, and writes nothing; after a change the same is done again, and written, by the clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from commerce.refusal import Refusal
from engine import inbox, terms
from engine.work import UnitOfWork
from referral.records import screenings as records
from referral.records import signals
from referral.records.screenings import Judged
from referral.rules.fraud import Band, Weights, judge_band, score

FRAUD_DOMAIN = "referral_fraud"

# Screenings that are read, added up and compared together.
PORTION = 5000
# A page shows so many of the payouts that would change; their number is told in full.
SHOWN_FLIPS = 50


class NotWeights(Refusal):
    """A weight is a whole number from 0 to 1000."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A referral that would fall into another band: its order, if it has one by now, and its score then."""

    screening_id: int
    order_id: int | None
    before: Band
    after: Band
    score: int


@dataclass(slots=True)
class Change:
    """What other weights would do: how many referrals were weighed, and what would change its band. A payout is one
    that has an order.
    """

    weighed: int = 0
    stopped: int = 0
    released: int = 0
    moved: int = 0
    flips: list[Flip] = field(default_factory=list)
    decided: Counter[tuple[str, Band]] = field(default_factory=Counter)
    """Of what people decided: their word, and the band that the score alone would have given."""

    @property
    def agreed(self) -> int:
        """How often the score alone says what a person said; what it leaves to a person is no disagreement."""
        return sum(many for (ruling, scored), many in self.decided.items() if ruling == scored)

    @property
    def wrong(self) -> int:
        """How often it says the contrary."""
        contrary = {("approve", Band.DECLINE), ("decline", Band.APPROVE)}
        return sum(many for told, many in self.decided.items() if told in contrary)


def current_weights(work: UnitOfWork) -> Weights:
    """The shop's weights as they are now; those that a shop starts with, where nobody ever changed any."""
    found = terms.versions(work, FRAUD_DOMAIN)
    return Weights.read(found[-1].version, found[-1].body) if found else Weights()


def publish_weights(work: UnitOfWork, weights: Weights) -> int:
    """Weigh so from now on; what is there already follows, a minute later, by `rescore_due`."""
    return terms.publish(work, FRAUD_DOMAIN, weights.body())


def preview_weights(work: UnitOfWork, weights: Weights) -> Change:
    """Which payouts these weights would stop or release, over all of the history. Writes nothing."""
    change = Change()
    for portion in _portions(work):
        blocked = signals.blocks(work)
        for row in portion:
            scored = score(row.found, weights)
            band = judge_band(scored.band, row.ruling, blocked=row.advocate_id in blocked, held=row.held_by is not None)
            change.weighed += 1
            if row.ruling is not None:
                change.decided[row.ruling, scored.band] += 1
            if band != row.band:
                _count(change, Flip(row.screening_id, row.order_id, Band(row.band), band, scored.total))
    return change


def rescore_due(work: UnitOfWork, limit: int = PORTION) -> bool:
    """Weigh a portion of the screenings of older weights anew; False when there is none left."""
    weights = current_weights(work)
    if not records.any_older(work, weights.version):
        return False
    inbox.take_turn(work)
    rows = records.lock_older(work, weights.version, limit)
    blocked = signals.blocks(work) if rows else {}
    judged = list[Judged]()
    for row in rows:
        scored = score(row.found, weights)
        band = judge_band(scored.band, row.ruling, blocked=row.advocate_id in blocked, held=row.held_by is not None)
        judged.append(Judged(row.screening_id, row.found, scored.total, band, weights.version))
    records.write(work, judged)
    return bool(rows)


def _portions(work: UnitOfWork) -> Iterator[Sequence[records.Screening]]:
    after = 0
    while rows := records.after(work, after, PORTION):
        yield rows
        after = rows[-1].screening_id


def _count(change: Change, flip: Flip) -> None:
    change.moved += 1
    if flip.order_id is None:
        return
    change.stopped += flip.before is Band.APPROVE
    change.released += flip.after is Band.APPROVE
    paid = Band.APPROVE in (flip.before, flip.after)
    if paid and len(change.flips) < SHOWN_FLIPS:
        change.flips.append(flip)
