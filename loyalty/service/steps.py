"""Steps: what an import or a batch moved for one member, and how it is taken out of the books again.

A step notes what it moved, lot by lot. Undoing it is never erasing: every point goes back by an entry of its own. Out
of a lot that the step filled comes what is left of it, then what else the member has, and what was spent meanwhile is
owed, or let go where the terms let nobody owe. What has expired meanwhile is gone already, and nobody owes it. Into a
lot that the step emptied goes back what was in it; what was owed for it, and has been repaid since, makes a new lot.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry, batches
from loyalty.rules import Debt, Draw, Lot
from loyalty.service import expiry
from loyalty.service.program import Program


@dataclass(frozen=True, slots=True)
class Step:
    """What all entries of a step have in common, and the kinds of those that take away and that give back."""

    customer_id: CustomerId
    key: str
    terms_version: int
    sentence: str
    takes: str
    gives: str
    order_id: OrderId | None = None
    receipt: Mapping[str, Any] | None = None

    def entry(
        self, kind: str, draw: Draw, way: str, owner: CustomerId | None = None, *, available_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> Entry:  # fmt: skip
        return Entry(
            customer_id=owner or self.customer_id, kind=kind, points=draw.points, lot_id=draw.lot_id,
            order_id=self.order_id, idempotency_key=f"{self.key}:{way}", terms_version=self.terms_version,
            sentence=self.sentence, available_at=available_at, expires_at=expires_at, receipt=self.receipt,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moved:
    """A step that is to be undone: `draws` are the points that it brought to each lot (None: what was owed), below zero
    what it took from it. `beside` is what its booking wrote beside its own kind, which nets to nothing in `draws`:
    points that had expired and came back for a moment, and what was let go.
    """

    step: Step
    draws: Sequence[Draw]
    beside: Sequence[tuple[str, Draw]] = ()


def undo(work: UnitOfWork, program: Program, whole: Sequence[Moved], debt: Debt = Debt.ALLOW) -> None:
    """Take these steps out of the books again.

    A lot may have changed hands since, when two customers became one: it is taken from whoever has it now.
    """
    draws = [(moved, draw) for moved in whole for draw in moved.draws if draw.points]
    draws += [(moved, draw) for moved in whole for _, draw in moved.beside]
    owners, debts = _hold(work, draws)
    named = [draw.lot_id for _, draw in draws if draw.lot_id is not None]
    lots = defaultdict[CustomerId, list[Lot]](list)
    for lot in records.open_lots(work, sorted(debts)):
        lots[lot.customer_id].append(lot)
    undoing = _Undoing(work, owners, debts, lots, Counter(batches.expired_of_lots(work, named)), debt)
    for moved in whole:
        undoing.undo(moved)
    undoing.close(program)


def _hold(
    work: UnitOfWork, draws: Iterable[tuple[Moved, Draw]]
) -> tuple[dict[int | None, CustomerId], dict[CustomerId, int]]:
    """Whose the lots are, and what everybody owes, with the balances held."""
    named = sorted({draw.lot_id for _, draw in draws if draw.lot_id is not None})
    people = {moved.step.customer_id for moved, _ in draws}
    owners = records.lot_owners(work, named)
    while True:
        held = records.lock_balances(work, sorted(people | set(owners.values())))
        # Whoever merges two customers holds both: what is true now stays so.
        again = records.lot_owners(work, named)
        if again == owners:
            return owners, {customer_id: row.debt for customer_id, row in held.items()}
        owners = again


@dataclass(slots=True)
class _Undoing:
    """The entries of an undoing, as they come together."""

    work: UnitOfWork
    owners: Mapping[int | None, CustomerId]
    debts: dict[CustomerId, int]
    lots: defaultdict[CustomerId, list[Lot]]
    expired: Counter[int | None]
    debt: Debt
    entries: list[Entry] = field(default_factory=list)
    fresh: list[tuple[Step, CustomerId, int]] = field(default_factory=list)

    def undo(self, moved: Moved) -> None:
        step = moved.step
        for number, (kind, draw) in enumerate(moved.beside):
            owner = self.owners.get(draw.lot_id, step.customer_id)
            own = step.gives if draw.points > 0 else step.takes
            self.entries.append(step.entry(kind, _minus(draw), f"{kind}:{number}", owner))
            self.entries.append(step.entry(own, draw, f"{kind}:{number}:own", owner))
        for number, draw in enumerate(moved.draws):
            owner = self.owners.get(draw.lot_id, step.customer_id)
            if draw.points < 0:
                self._give_back(step, owner, _minus(draw), number)
            elif draw.lot_id is None:
                # It had repaid what was owed: that is owed again.
                self.entries.append(step.entry(step.takes, _minus(draw), f"{number}:None", owner))
                self.debts[owner] += draw.points
            else:
                self._take_back(step, owner, draw, number)

    def _take_back(self, step: Step, owner: CustomerId, draw: Draw, number: int) -> None:
        gone = min(draw.points, self.expired[draw.lot_id])
        if gone:
            self.expired[draw.lot_id] -= gone
            self.entries.append(step.entry("expire", Draw(draw.lot_id, gone), f"{number}:expire", owner))
            self.entries.append(step.entry(step.takes, Draw(draw.lot_id, -gone), f"{number}:expired", owner))
        if gone == draw.points:
            return
        pending_at = self.work.now if self.debt == Debt.PENDING else None
        own = () if draw.lot_id is None else (draw.lot_id,)
        taken = rules.draw_for_clawback(self.lots[owner], own, draw.points - gone, pending_at=pending_at)
        self.lots[owner] = rules.less(self.lots[owner], taken)
        for each in taken:
            self.entries.append(step.entry(step.takes, _minus(each), f"{number}:{each.lot_id}", owner))
            if each.lot_id is None and self.debt != Debt.ALLOW:
                self.entries.append(step.entry("adjust", each, f"{number}:let-go", owner))
            elif each.lot_id is None:
                self.debts[owner] += each.points

    def _give_back(self, step: Step, owner: CustomerId, draw: Draw, number: int) -> None:
        if draw.lot_id is not None:
            self.entries.append(step.entry(step.gives, draw, f"{number}", owner))
            return
        owed = min(draw.points, self.debts[owner])
        if owed:
            self.debts[owner] -= owed
            self.entries.append(step.entry(step.gives, Draw(None, owed), f"{number}", owner))
        if draw.points > owed:
            self.fresh.append((step, owner, draw.points - owed))

    def close(self, program: Program) -> None:
        """Write it all down. What was owed, and is repaid, comes back as points that can be spent at once."""
        now = self.work.now
        ends = expiry.for_new_lots(self.work, program, [(owner, now) for _, owner, _ in self.fresh])
        lot_ids = records.new_lot_ids(self.work, len(self.fresh))
        for (step, owner, points), lot_id, end in zip(self.fresh, lot_ids, ends, strict=True):
            made = step.entry(
                step.gives, Draw(lot_id, points), "again", owner, available_at=now, expires_at=end
            )  # fmt: skip
            self.entries.append(made)
        records.append(self.work, self.entries)


def _minus(draw: Draw) -> Draw:
    return Draw(draw.lot_id, -draw.points)
