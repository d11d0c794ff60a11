"""Points for entering a tier: given once for each entry, and taken back where what led there was returned.

They can be spent when what led there can no longer be returned, like the points of an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commerce.ids import CustomerId
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Draw
from loyalty.service import expiry
from loyalty.service.program import Program


@dataclass(frozen=True, slots=True)
class Entered:
    """A member's entry into a tier at an instant, and whether it is (still) owed its reward."""

    customer_id: CustomerId
    tier: str
    at: datetime
    owed: bool

    @property
    def key(self) -> str:
        return f"tier:{self.customer_id}:{self.tier}:{self.at:%Y%m%dT%H%M%S}"


def settle(work: UnitOfWork, program: Program, entries: Sequence[Entered]) -> None:
    """Bring the points for entering to what these entries, oldest first, are owed. The balances are locked."""
    owed = {entered.key: entered for entered in entries}
    known = records.given(work, [*owed, *(f"{key}:back" for key in owed)])
    gains, losses = list[tuple[Entered, int]](), list[Entered]()
    for key, entered in owed.items():
        level = program.current.tiers.level(entered.tier)
        if entered.owed and key not in known and level and level.entry_points:
            gains.append((entered, level.entry_points))
        elif not entered.owed and key in known and f"{key}:back" not in known:
            losses.append(entered)
    _give(work, program, gains)
    for entered in losses:
        _take_back(work, program, entered, int(known[entered.key].points))


def _give(work: UnitOfWork, program: Program, gains: Sequence[tuple[Entered, int]]) -> None:
    if not gains:
        return
    hold = timedelta(days=program.current.hold_days)
    debts = {
        who: row.debt for who, row in records.lock_balances(work, sorted({e.customer_id for e, _ in gains})).items()
    }
    ends = expiry.for_new_lots(work, program, [(entered.customer_id, entered.at + hold) for entered, _ in gains])
    entries, lot_ids = list[Entry](), records.new_lot_ids(work, len(gains))
    for (entered, points), lot_id, expires_at in zip(gains, lot_ids, ends, strict=True):
        available_at = entered.at + hold
        entries.append(_entry(program, entered, "award", lot_id, points, "", available_at, expires_at))
        if repaid := min(debts[entered.customer_id], points):
            debts[entered.customer_id] -= repaid
            entries.append(_entry(program, entered, "repay", lot_id, -repaid, ":repay:lot", available_at))
            entries.append(_entry(program, entered, "repay", None, repaid, ":repay:debt", available_at))
    records.append(work, entries)


def _take_back(work: UnitOfWork, program: Program, entered: Entered, points: int) -> None:
    lots = records.open_lots(work, [entered.customer_id])
    own = records.given(work, [entered.key])[entered.key].lot_id
    first = [lot for lot in lots if lot.lot_id == own]
    taken = min(points, sum(lot.remaining for lot in first))
    draws = [Draw(own, taken)] if taken else []
    if rest := points - taken:
        draws += rules.draw_for_clawback([lot for lot in lots if lot.lot_id != own], None, rest)
    records.append(
        work,
        [
            _entry(
                program, entered, "award_back", draw.lot_id, -draw.points, ":back" if place == 0 else f":back:{place}"
            )
            for place, draw in enumerate(draws)
        ],
    )


def _entry(
    program: Program, entered: Entered, kind: str, lot_id: int | None, points: int, which: str,
    available_at: datetime | None = None, expires_at: datetime | None = None,
) -> Entry:  # fmt: skip
    level = program.current.tiers.level(entered.tier)
    name = level.name if level else entered.tier
    said = f"{name}: what led to the tier was returned" if kind == "award_back" else f"welcome to {name}"
    return Entry(
        customer_id=entered.customer_id, kind=kind, points=points, lot_id=lot_id,
        idempotency_key=f"{entered.key}{which}", terms_version=program.current.version, sentence=said,
        available_at=available_at, expires_at=expires_at,
    )  # fmt: skip
