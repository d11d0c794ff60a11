"""Balances that a merchant brings from another program: read, shown beside what is there, booked whole, and undone
whole.

A file is read into rows of its own, and nothing else happens; the merchant looks at the difference. Booking moves
every row in one unit of work, each by entries of its own, and notes what it moved. So an import can be undone at any
time after: what is left of its points is taken out of their own lots, what was spent meanwhile is owed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from commerce.events import CustomerFact
from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.sayings import said_by, say
from engine import facts
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Draw, Lot
from loyalty.rules.imports import Fault, Unreadable, read
from loyalty.rules.sources import NAMES, Source
from loyalty.service import steps
from loyalty.service.joining import BIRTHDAY
from loyalty.service.program import Program

WAYS = ("add", "set")
LONGEST_NOTE = 200
PORTION = 1000
_SHOWN = 10


class ImportUnreadable(Refusal):
    """The file cannot be read."""


class ImportUnknown(Refusal):
    """There is no such import, or it was forgotten."""


class ImportBooked(Refusal):
    """This import was booked already: nothing was booked twice."""


class ImportNotBooked(Refusal):
    """This import is not in the books, so there is nothing to undo."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a file: an import that can be looked at, or the faults for which it was not taken."""

    import_id: int | None
    faults: Sequence[Fault]
    columns: dict[str, str]
    left_out: int


@dataclass(frozen=True, slots=True)
class Preview:
    """An import beside the books: `totals` (people, changed, given, taken) and those who change most."""

    row: Any
    source: str
    totals: Any
    greatest: Sequence[Any]


def read_import(
    work: UnitOfWork,
    data: bytes,
    source: Source,
    way: str,
    zone: ZoneInfo,
    *,
    note: str = "",
    leave_out_unknown: bool = False,
) -> Reading:
    """Read a file; nothing is booked. A file with faults is not kept.

    `source` is where it comes from, as was said; ``OTHER`` leaves it to the file's headings. `way` is ``add`` or
    ``set``. With `leave_out_unknown`, lines about nobody whom the shop knows are passed over and
    counted. Refuses with `ImportUnreadable`.
    """
    assert way in WAYS
    try:
        sheet = read(data, zone, work.now, source)
    except Unreadable as fault:
        raise ImportUnreadable(said_by(fault)) from None
    faults, kept, left_out = list(sheet.faults), list[dict[str, Any]](), 0
    whose = dict[int, int]()
    for start in range(0, len(sheet.rows), PORTION):
        part = sheet.rows[start : start + PORTION]
        found = records.people_of_rows(work, part)
        for row in part:
            customer_id, people = found[row.line]
            if people == 0 and leave_out_unknown:
                left_out += 1
            elif reason := _wrong(
                way, people, whose.get(customer_id or 0), dated=bool(row.earned_at or row.expires_at)
            ):
                faults.append(Fault(row.line, reason))
            elif customer_id is not None:
                whose.setdefault(customer_id, row.line)
                kept.append(_kept(row, customer_id))
    if faults:
        return Reading(None, sorted(faults, key=lambda fault: fault.line), dict(sheet.columns), left_out)
    note = note[:LONGEST_NOTE].strip()
    import_id = records.insert_import(work, sheet.source, way, note, kept, left_out, sheet.notes)
    return Reading(import_id, (), dict(sheet.columns), left_out)


def _kept(row: Any, customer_id: int) -> dict[str, Any]:
    """What is kept of a line, beside the books."""
    names = ("line", "points", "earned_at", "expires_at", "birthday")
    return {"customer_id": customer_id, **{name: getattr(row, name) for name in names}}


def _wrong(way: str, people: int, first: int | None, *, dated: bool) -> str | None:
    """Why a line cannot be taken, or None."""
    if people == 0:
        return say("nobody of that address or number is known in this shop")
    if people > 1:
        return say("%(people)s customers have that address: name one by the customer's number", people=people)
    if way == "set" and dated:
        return say("a balance that is set has no dates: points with dates can be added only")
    if first is not None and not dated:
        return say("line %(first)s is about the same customer: put them together, or date them", first=first)
    return None


def preview_import(work: UnitOfWork, import_id: int) -> Preview:
    """What booking an import would change. Refuses with `ImportUnknown`."""
    row = records.find_import(work, import_id)
    if row is None:
        raise ImportUnknown
    return Preview(
        row,
        NAMES[Source(row.source)],
        records.difference(work, import_id, row.way),
        records.greatest_changes(work, import_id, row.way, _SHOWN),
    )


def imports(work: UnitOfWork, limit: int = 20) -> Sequence[Any]:
    """The latest imports, newest first."""
    return records.latest_imports(work, limit)


def forget_import(work: UnitOfWork, import_id: int) -> bool:
    """Drop the rows of a file that was not booked."""
    return records.drop_import(work, import_id)


def apply_import(work: UnitOfWork, import_id: int) -> int:
    """Book an import, all of it or nothing; answers with how many lines moved points. Birthdays that it tells of people
    who have told none are kept, as if they had been told now.

    Refuses with `ImportUnknown` or `ImportBooked`.
    """
    found = records.lock_import(work, import_id)
    if found is None:
        raise ImportUnknown
    if found.applied_at is not None:
        raise ImportBooked
    moving = 0
    for rows in _portions(work, import_id):
        moving += _book(work, found, rows)
    told = records.take_birthdays(work, import_id)
    facts.record(work, [CustomerFact(row.external_id, BIRTHDAY, row.birthday, work.now) for row in told])
    records.mark_applied(work, import_id)
    return moving


def undo_import(work: UnitOfWork, import_id: int) -> int:
    """Take an import out of the books again; answers with how many lines were.

    Refuses with `ImportUnknown` or `ImportNotBooked`.
    """
    found = records.lock_import(work, import_id)
    if found is None:
        raise ImportUnknown
    if found.applied_at is None or found.undone_at is not None:
        raise ImportNotBooked
    undone = 0
    for rows in _portions(work, import_id):
        undone += _unbook(work, found, rows)
    records.mark_undone(work, import_id)
    return undone


def _portions(work: UnitOfWork, import_id: int) -> Any:
    after = 0
    while rows := records.import_rows(work, import_id, after, PORTION):
        yield rows
        after = rows[-1].line


def _sentence_of(found: Any) -> str:
    said = f"{'brought from' if found.way == 'add' else 'set as in'} {NAMES[Source(found.source)]}"
    return f"{said}: {found.note}" if found.note else said


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file on its way into the books: what all of its entries have in common."""

    customer_id: CustomerId
    key: str
    terms_version: int
    sentence: str

    def entry(self, kind: str, draw: Draw, way: str, row: Any = None) -> Entry:
        return Entry(
            customer_id=self.customer_id, kind=kind, points=draw.points, lot_id=draw.lot_id,
            idempotency_key=f"{self.key}:{way}", terms_version=self.terms_version, sentence=self.sentence,
            available_at=row.earned_at if row else None, expires_at=row.expires_at if row else None,
        )  # fmt: skip


def _book(work: UnitOfWork, found: Any, rows: Sequence[Any]) -> int:
    held = records.lock_balances(work, sorted({row.customer_id for row in rows}))
    debts = {customer_id: row.debt for customer_id, row in held.items()}
    steps = {row.line: row.points - (held[row.customer_id].points if found.way == "set" else 0) for row in rows}
    gains, losses = [r for r in rows if steps[r.line] > 0], [r for r in rows if steps[r.line] < 0]
    lots = _open_lots(work, [row.customer_id for row in losses])
    version, said = Program.of(work).current.version, _sentence_of(found)
    entries, moved = list[Entry](), dict[int, list[Draw]]()
    for row, lot_id in zip(gains, records.new_lot_ids(work, len(gains)), strict=True):
        line = _Line(row.customer_id, f"import:{found.import_id}:{row.line}", version, said)
        gained, repaid = steps[row.line], min(debts[row.customer_id], steps[row.line])
        debts[row.customer_id] -= repaid
        moved[row.line] = [Draw(lot_id, gained - repaid), Draw(None, repaid)]
        dated = row if row.earned_at else SimpleNamespace(earned_at=work.now, expires_at=row.expires_at)
        entries.append(line.entry("import", Draw(lot_id, gained), "in", dated))
        if repaid:
            entries.append(line.entry("repay", Draw(lot_id, -repaid), "lot"))
            entries.append(line.entry("repay", Draw(None, repaid), "debt"))
    for row in losses:
        line = _Line(row.customer_id, f"import:{found.import_id}:{row.line}", version, said)
        moved[row.line] = [_minus(d) for d in rules.draw_in_turn(lots[row.customer_id], -steps[row.line])]
        entries += [line.entry("adjust", draw, f"out:{draw.lot_id}") for draw in moved[row.line]]
    records.append(work, entries)
    records.note_moved(work, found.import_id, moved)
    return len(moved)


def _unbook(work: UnitOfWork, found: Any, rows: Sequence[Any]) -> int:
    """Take back what each line moved."""
    program, said = Program.of(work), f"undone: {_sentence_of(found)}"
    whole = [
        steps.Moved(
            steps.Step(
                row.customer_id, f"import:{found.import_id}:{row.line}:undo", program.current.version, said, "adjust",
                "return",
            ),
            [Draw(*draw) for draw in row.moved],
        )
        for row in rows if row.moved
    ]  # fmt: skip
    steps.undo(work, program, whole)
    return len(whole)


def _minus(draw: Draw) -> Draw:
    return Draw(draw.lot_id, -draw.points)


def _open_lots(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, list[Lot]]:
    grouped = defaultdict[CustomerId, list[Lot]](list)
    for lot in records.open_lots(work, sorted(set(customer_ids))):
        grouped[lot.customer_id].append(lot)
    return grouped
