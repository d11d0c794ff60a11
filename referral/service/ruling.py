"""What people decide about referrals: to approve or decline one or many, to decline a ring, to block an advocate.

A person's word stands above every score, is written down with its reason and by whom, and the awards follow it at
once. A block declines what the advocate brought and holds everything that hangs together with it: whoever shares a
mailbox, a phone, a browser, a postal address with one of theirs, and whoever shares one with those.

Decisions are made in turn with the batches of orders: both write to screenings and to the awards that hang on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.sayings import say
from engine import inbox
from engine.work import UnitOfWork
from referral.records import rulings, signals
from referral.rules.fraud import SIGNALS, Band, Score, Weights, score
from referral.rules.traces import BINDING
from referral.service.attributing import settle_screened
from referral.service.fraud import BATCH, screen
from referral.service.weights import current_weights

# A ring larger than this is held in several steps; so many steps lead from one end of a real one to the other.
MOST_IN_RING = 5000
MOST_STEPS = 30
# What so many referrals have in common is a parcel shop's address or a school's, and says nothing of anybody.
CROWD = 1000
LONGEST_NOTE = 500
LONGEST_LIST = 50
MOST_AT_ONCE = 500
NO_BOUND = 2**63 - 1


DECIDED = {
    Band.APPROVE: say("A person decided: approve."),
    Band.REVIEW: say("A person decided: review."),
    Band.DECLINE: say("A person decided: decline."),
}


class NoReason(Refusal):
    """Say why, in a few words: support will be asked."""


class ReferralUnknown(Refusal):
    """There is no such referral in this shop."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A referral on the list: its row, the evidence, and what was decided about it so far."""

    row: Any
    score: Score
    history: Sequence[Any]

    @property
    def reasons(self) -> list[str]:
        """Why it stands where it stands, as sentences that support can read out."""
        said = list[str]()
        if self.row.ruling is not None:
            said.append(DECIDED[Band(self.row.ruling)])
        if self.row.held_by is not None:
            said.append(say("It hangs together with referrals of an advocate who was blocked."))
        return [*said, *(finding.sentence for finding in self.score.findings)]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the review list. `before` leads to the next."""

    items: Sequence[Reviewed]
    before: int | None
    blocked: frozenset[int]


def review_list(work: UnitOfWork, band: Band = Band.REVIEW, before: int = NO_BOUND) -> Page:
    """Referrals of a band, newest first, with their evidence."""
    rows = rulings.listed(work, band, before, LONGEST_LIST)
    return _page(work, rows, rows[-1].screening_id if len(rows) == LONGEST_LIST else None)


def ring_page(work: UnitOfWork, screening_id: int) -> tuple[Page, int]:
    """What hangs together with a referral, the newest of it with its evidence, and how many there are in all. Refuses
    with `ReferralUnknown`.
    """
    together = ring(work, screening_id)
    return _page(work, rulings.these(work, together, LONGEST_LIST), None), len(together)


def _page(work: UnitOfWork, rows: Sequence[Any], before: int | None) -> Page:
    weights = current_weights(work)
    told = rulings.of_screenings(work, [row.screening_id for row in rows])
    by_id = {key: list(same) for key, same in groupby(sorted(told, key=_screening, reverse=True), key=_screening)}
    items = [Reviewed(row, score(row.found, weights), by_id.get(row.screening_id, ())) for row in rows]
    return Page(items, before, frozenset(signals.blocks(work)))


def waiting(work: UnitOfWork) -> int:
    """How many referrals wait for a person."""
    return rulings.waiting(work, CROWD)


def decide(work: UnitOfWork, ids: Sequence[int], ruling: Band, note: str, ruled_by: str) -> int:
    """Approve or decline referrals; answers how many. The newest word counts. Refuses with `NoReason` and
    `ReferralUnknown`.
    """
    assert ruling is not Band.REVIEW, "a decision is for or against"
    reason = _reason(note)
    inbox.take_turn(work)
    known = rulings.known(work, ids)
    if not known:
        raise ReferralUnknown
    rulings.rule(work, ruling, reason, ruled_by, screenings=known)
    rulings.obey(work, known, ruling)
    _follow(work, known)
    return len(known)


def ring(work: UnitOfWork, screening_id: int) -> list[int]:
    """Everything that hangs together with a referral, itself too. Refuses with `ReferralUnknown`."""
    if not rulings.known(work, [screening_id]):
        raise ReferralUnknown
    return sorted(_connected(work, {screening_id}, ()))


def decline_ring(work: UnitOfWork, screening_id: int, note: str, ruled_by: str) -> int:
    """Decline a referral and everything that hangs together with it; answers how many. What a person approved stays."""
    together = ring(work, screening_id)
    spared = {row.screening_id for row in rulings.of_screenings(work, together) if row.ruling == "approve"}
    return decide(work, [each for each in together if each not in spared or each == screening_id], Band.DECLINE, note,
                  ruled_by)  # fmt: skip


def block(work: UnitOfWork, customer_id: CustomerId, note: str, ruled_by: str) -> int:
    """Decline what an advocate brought and will bring, and hold what hangs together with it; answers how many
    referrals that reached. Refuses with `NoReason` and `ReferralUnknown`.
    """
    reason = _reason(note)
    if not rulings.is_customer(work, customer_id):
        raise ReferralUnknown
    inbox.take_turn(work)
    (ruling_id,) = rulings.rule(work, "block", reason, ruled_by, advocates=[customer_id])
    theirs = set(rulings.of_advocates(work, [customer_id], MOST_IN_RING))
    reached = _connected(work, theirs, [customer_id])
    signals.hold(work, dict.fromkeys(reached - theirs, ruling_id))
    _follow(work, sorted(reached))
    return len(reached)


def unblock(work: UnitOfWork, customer_id: CustomerId, note: str, ruled_by: str) -> int:
    """Let an advocate bring friends again; what was held because of them is weighed as before. Refuses with
    `NoReason` and `ReferralUnknown`.
    """
    reason = _reason(note)
    if not rulings.is_customer(work, customer_id):
        raise ReferralUnknown
    inbox.take_turn(work)
    rulings.rule(work, "unblock", reason, ruled_by, advocates=[customer_id])
    reached = {*rulings.release(work, customer_id), *rulings.of_advocates(work, [customer_id], MOST_IN_RING)}
    _follow(work, sorted(reached))
    return len(reached)


def decisions_about(work: UnitOfWork, customer_id: CustomerId) -> Sequence[Any]:
    """What was decided about an advocate, newest first: ruling, note, ruled_by, ruled_at."""
    return rulings.of_advocate(work, customer_id, LONGEST_LIST)


def signal_table(weights: Weights) -> list[tuple[str, str, int, int]]:
    """Every signal with its sentence, its weight and the number from which it counts, as the merchant sees them."""
    return [
        (signal, rule.sentence(weights.start(signal)), weights.weight(signal), weights.start(signal))
        for signal, rule in SIGNALS.items()
    ]


def _follow(work: UnitOfWork, ids: Sequence[int]) -> None:
    """Weigh these again and settle what changed; what is more than a page can wait for follows by the clock."""
    for start in range(0, len(ids), BATCH):
        screen(work, ids[start : start + BATCH])
    settle_screened(work)


def _connected(work: UnitOfWork, ids: set[int], customer_ids: Sequence[int]) -> set[int]:
    """The connected whole: from these referrals (and advocates) along binding traces, until nothing new is met."""
    met, edge = set(ids), set(ids)
    for step in range(MOST_STEPS):
        found = rulings.neighbours(work, sorted(edge), customer_ids if step == 0 else (), BINDING, CROWD)
        edge = found - met
        met |= edge
        if not edge or len(met) >= MOST_IN_RING:
            break
    return met


def _reason(note: str) -> str:
    reason = " ".join(note.split())[:LONGEST_NOTE]
    if not reason:
        raise NoReason
    return reason


def _screening(row: Any) -> int:
    return int(row.screening_id)
