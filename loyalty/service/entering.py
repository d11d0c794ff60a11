"""Points for entering a tier: given once for each entry, and taken back where what led there was returned.

Which entries are owed follows from the walk alone, like everything else; what the books say already is compared with
it, and the gap is booked. So orders that come late, twice or backwards end in the same points. Entries under tiers that
asked for something else are left as they are: new tiers reach back to nobody. The points can be spent when what led
there can no longer be returned, like those of an order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commerce.ids import CustomerId
from commerce.sayings import say
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Cause, Draw, Lot, Move
from loyalty.service import expiry
from loyalty.service.program import Program


@dataclass(frozen=True, slots=True)
class Entered:
    """A member's entry into a tier, by what was counted, at an instant."""

    customer_id: CustomerId
    tier: str
    at: datetime

    @property
    def key(self) -> str:
        return f"{self.tier}:{self.at:%Y%m%dT%H%M%S%f}"


@dataclass(frozen=True, slots=True)
class _Gap:
    """What is missing for an entry, or too much; `step`: how often its points have moved already."""

    entered: Entered
    points: int
    step: int
    lot_id: int | None = None

    @property
    def key(self) -> str:
        return f"tier:{self.entered.customer_id}:{self.entered.key}:{self.step}"


def owed(customer_id: CustomerId, moves: Sequence[Move], since: datetime, now: datetime) -> list[Entered]:
    """The entries of a member that stand: reached since these tiers have been there, and not returned."""
    found, stay = list[Entered](), None
    for move in moves:
        if move.at > now:
            break
        if move.cause is Cause.TAKEN_BACK and stay in found:
            found.remove(stay)
        stay = None
        if move.cause is Cause.REACHED and move.after is not None and move.at > since:
            stay = Entered(customer_id, move.after, move.at)
            found.append(stay)
    return found


def settle(
    work: UnitOfWork, program: Program, since: datetime, entries: Mapping[CustomerId, Sequence[Entered]]
) -> None:
    """Bring the points for entering to what is owed. The members' balances are locked by the caller."""
    if not any(level.entry_points for version in program.versions for level in version.tiers.levels):
        return
    sums, steps, lots = Counter[tuple[CustomerId, str]](), Counter[tuple[CustomerId, str]](), dict[object, int]()
    for row in records.given(work, sorted(entries)):
        which = (row.customer_id, ":".join(row.idempotency_key.split(":")[2:4]))
        sums[which] += row.points
        steps[which] += 1
        if row.points > 0:
            lots[which] = row.lot_id
    gaps = list[_Gap]()
    for customer_id, standing in entries.items():
        due = {(customer_id, entered.key): entered for entered in standing}
        for which, entered in due.items():
            level = program.current.tiers.level(entered.tier)
            if not sums[which] and level and level.entry_points:
                gaps.append(_Gap(entered, level.entry_points, steps[which]))
        for which, points in sums.items():
            if which[0] == customer_id and which not in due and points and (entered := _read(*which)).at > since:
                gaps.append(_Gap(entered, -points, steps[which], lots[which]))
    _give(work, program, [gap for gap in gaps if gap.points > 0])
    _take_back(work, program, [gap for gap in gaps if gap.points < 0])


def _read(customer_id: CustomerId, key: str) -> Entered:
    tier, _, at = key.partition(":")
    return Entered(customer_id, tier, datetime.strptime(f"{at}+0000", "%Y%m%dT%H%M%S%f%z"))


def _give(work: UnitOfWork, program: Program, gaps: Sequence[_Gap]) -> None:
    if not gaps:
        return
    hold = timedelta(days=program.current.hold_days)
    balances = records.lock_balances(work, sorted({gap.entered.customer_id for gap in gaps}))
    debts = {who: row.debt for who, row in balances.items()}
    ends = expiry.for_new_lots(work, program, [(gap.entered.customer_id, gap.entered.at + hold) for gap in gaps])
    entries, lot_ids = list[Entry](), records.new_lot_ids(work, len(gaps))
    for gap, lot_id, expires_at in zip(gaps, lot_ids, ends, strict=True):
        who, available_at = gap.entered.customer_id, gap.entered.at + hold
        entries.append(_entry(program, gap, "award", lot_id, gap.points, "", available_at, expires_at))
        if repaid := min(debts[who], gap.points):
            debts[who] -= repaid
            entries.append(_entry(program, gap, "repay", lot_id, -repaid, ":repay:lot", available_at))
            entries.append(_entry(program, gap, "repay", None, repaid, ":repay:debt", available_at))
    records.append(work, entries)


def _take_back(work: UnitOfWork, program: Program, gaps: Sequence[_Gap]) -> None:
    """From what is left of them first, then like an order's points."""
    for gap in gaps:
        lots = records.open_lots(work, [gap.entered.customer_id])
        draws = _draws([lot for lot in lots if lot.lot_id == gap.lot_id], -gap.points)
        if rest := -gap.points - sum(draw.points for draw in draws):
            draws += rules.draw_for_clawback([lot for lot in lots if lot.lot_id != gap.lot_id], (), rest)
        records.append(
            work,
            [
                _entry(program, gap, "award_back", draw.lot_id, -draw.points, f":{place}" if place else "")
                for place, draw in enumerate(draws)
            ],
        )


def _draws(own: Sequence[Lot], points: int) -> list[Draw]:
    return [Draw(lot.lot_id, min(points, lot.remaining)) for lot in own if lot.remaining]


def _entry(
    program: Program, gap: _Gap, kind: str, lot_id: int | None, points: int, which: str,
    available_at: datetime | None = None, expires_at: datetime | None = None,
) -> Entry:  # fmt: skip
    level = program.current.tiers.level(gap.entered.tier)
    name = level.name if level else gap.entered.tier
    said = (
        say("%(name)s: what led to the tier was returned", name=name)
        if kind == "award_back"
        else say("welcome to %(name)s", name=name)
    )
    return Entry(
        customer_id=gap.entered.customer_id, kind=kind, points=points, lot_id=lot_id,
        idempotency_key=f"{gap.key}{which}", terms_version=program.current.version, sentence=said,
        available_at=available_at, expires_at=expires_at,
    )  # fmt: skip
