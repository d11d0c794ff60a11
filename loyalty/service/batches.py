"""Batches: what a merchant does to many members' points at once, under a label. Points for everybody of an audience; or
the orders since a day, counted again by the terms of now.

First it is read: every row is written down, nothing is booked, and the merchant looks at what it would change. What was
approved is booked portion by portion, each in a unit of work of its own, and goes on where it stood if a process dies.
It can be undone at any time after, as an import can.

An order that is counted again goes by those terms from then on: the batch's entry bears them, with the grounds that
they found, and whatever settles the order later (a refund, an edit) reckons by them. So any history of returns still
nets to nothing. Undoing gives the order back the terms and grounds that it had, and settles it by them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from commerce.ids import CustomerId, OrderId
from commerce.orders import KeptLine, Order
from commerce.refusal import Refusal
from engine import goods, mirror
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Booked
from loyalty.records import batches as kept
from loyalty.rules import Draw, Grounds, Measure, Terms
from loyalty.service import expiry, handing, steps, tiers
from loyalty.service.booking import BATCH, Gap, close_gaps, lock
from loyalty.service.earning import order_gaps
from loyalty.service.giving import Members
from loyalty.service.program import Program
from loyalty.service.simulation import Replay, Walk

GIVE, RECOUNT, REWARD, TAG = "give", "recount", "reward", "tag"
PORTION = 500
READ_AT_ONCE = 2_000
MOST_POINTS = 100_000
MOST_ORDERS = 200_000
LONGEST_LABEL = 120
_SHOWN = 10

# What an audience may be called by, beside those that other domains tell of.
_OWN: Mapping[str, Members] = {"tier": kept.of_tier, "segment": kept.of_segment, "all": kept.of_all}


class BatchUnlabelled(Refusal):
    """Give the batch a label: your customers read it in their statements."""


class BatchPointsWrong(Refusal):
    """Points to give are a whole number from 1 to 100000."""


class BatchEmpty(Refusal):
    """It would change nothing for anybody, so there is nothing to book."""


class BatchUnknown(Refusal):
    """There is no such batch, or it was forgotten."""


class BatchApproved(Refusal):
    """This batch was approved already: nothing is booked twice."""


class BatchNotBooked(Refusal):
    """This batch is not in the books, or is being undone already."""


class RecountInTheWay(Refusal):
    """Another count of past orders is under way, or was made after this one. Finish or undo that one first."""


class TooManyOrders(Refusal):
    """There are more than 200000 orders since that day. Choose a later one."""


@dataclass(frozen=True, slots=True)
class BatchPreview:
    """A batch beside the books: what booking it would change or, once it is booked, what undoing it would take.

    `greatest` are the members for whom most changes. `lets_go`: what cannot be taken is let go, and nobody owes it.
    `handed` are the rewards of a batch of those: given, used, unused.
    """

    row: Any
    totals: Any
    greatest: Sequence[Any]
    undoing: Any
    lets_go: bool
    handed: Any = None


def read_giving(
    work: UnitOfWork, audience: str, points: int, label: str, made_by: str, others: Mapping[str, Members] | None = None
) -> int:  # fmt: skip
    """Points for everybody of `audience` (``tier:gold``, ``segment:7``, ``all:``, or a name that `others` tells of),
    written down and not booked. Answers with the batch's number.

    Refuses with `BatchUnlabelled`, `BatchPointsWrong` or `BatchEmpty`.
    """
    if not 1 <= points <= MOST_POINTS:
        raise BatchPointsWrong
    label, version = _label(label), Program.of(work).current.version
    batch_no = kept.insert_batch(
        work, GIVE, label, audience, since=None, terms_version=version, made_by=made_by
    )  # fmt: skip
    return _read_people(work, batch_no, audience, points, others)


def read_rewards(
    work: UnitOfWork, audience: str, reward_key: str, label: str, made_by: str,
    others: Mapping[str, Members] | None = None,
) -> int:  # fmt: skip
    """A reward for everybody of `audience`, for no points, written down and not given. Answers with the batch's number.

    Refuses with `RewardUnknown`, `NotForGiving`, `BatchUnlabelled` or `BatchEmpty`.
    """
    reward, version = handing.reward_of(work, reward_key), Program.of(work).current.version
    batch_no = kept.insert_batch(
        work, REWARD, _label(label), audience, since=None, terms_version=version, made_by=made_by, reward=reward
    )
    return _read_people(work, batch_no, audience, 0, others)


def read_tagging(
    work: UnitOfWork, audience: str, label: str, made_by: str, others: Mapping[str, Members] | None = None
) -> int:
    """A tag of ours for everybody of `audience`, made of the label; written down and not set. Answers with the batch's
    number.

    Refuses with `BatchUnlabelled`, `TagUnreadable` or `BatchEmpty`.
    """
    label, version = _label(label), Program.of(work).current.version
    batch_no = kept.insert_batch(
        work, TAG, label, audience, since=None, terms_version=version, made_by=made_by, tag=handing.tag_of(label)
    )
    return _read_people(work, batch_no, audience, 0, others)


def _read_people(
    work: UnitOfWork, batch_no: int, audience: str, points: int, others: Mapping[str, Members] | None
) -> int:
    what, _, name = audience.partition(":")
    members = {**_OWN, **(others or {})}[what]
    after, line = CustomerId(0), 0
    while people := members(work, name, after, READ_AT_ONCE):
        kept.add_batch_rows(work, batch_no, line, [{"customer_id": p.customer_id, "points": points} for p in people])
        after, line = people[-1].customer_id, line + len(people)
    if not line:
        raise BatchEmpty
    return batch_no


def read_recount(work: UnitOfWork, since: datetime, label: str, made_by: str) -> int:
    """The orders placed since then, counted again by the terms of now: each order's difference written down, and not
    booked. Answers with the batch's number.

    Refuses with `BatchUnlabelled`, `BatchEmpty`, `RecountInTheWay` or `TooManyOrders`.
    """
    label, program = _label(label), Program.of(work)
    if kept.recount_in_the_way(work) is not None:
        raise RecountInTheWay
    if records.count_orders(work, since) > MOST_ORDERS:
        raise TooManyOrders
    terms, counted = program.current, 0
    batch_no = kept.insert_batch(
        work, RECOUNT, label, "", since=since, terms_version=terms.version, made_by=made_by
    )  # fmt: skip

    def found(page: Sequence[tuple[Order, Grounds | None]]) -> None:
        nonlocal counted
        rows = _differences(work, terms, page)
        kept.add_batch_rows(work, batch_no, counted, rows)
        counted += len(rows)

    Walk(work, expiry.zone_of(work), since, [Replay(terms)], ladder=program.has_tiers, found=found).go(None)
    if not counted:
        raise BatchEmpty
    return batch_no


def _label(label: str) -> str:
    if not label.strip():
        raise BatchUnlabelled
    return label.strip()[:LONGEST_LABEL]


def _differences(
    work: UnitOfWork, terms: Terms, page: Sequence[tuple[Order, Grounds | None]]
) -> list[dict[str, Any]]:  # fmt: skip
    """What each order would change, with the grounds that decide it."""
    booked = records.booked(work, [order.order_id for order, _ in page])
    lines = goods.kept_lines(work, [o.order_id for o, _ in page], terms.collections) if terms.by_line else {}
    rows = list[dict[str, Any]]()
    for order, grounds in page:
        known = booked.get(order.order_id)
        if due := _due(order, terms, grounds, lines, known).points - (known.points if known else 0):
            rows.append({"customer_id": order.customer_id, "order_id": order.order_id, "points": due,
                         "grounds": None if grounds is None else grounds.body()})  # fmt: skip
    return rows


def _due(
    order: Order, terms: Terms, grounds: Grounds | None, lines: Mapping[OrderId, Sequence[KeptLine]],
    known: Booked | None,
) -> rules.Owed:  # fmt: skip
    """What an order is worth by these terms. Whoever has earned for it takes part in it: that is not asked again."""
    if grounds is None:
        return rules.owed(order, terms, lines=lines.get(order.order_id, ()))
    return rules.owed(order, terms, replace(grounds, barred=None) if known else grounds, lines.get(order.order_id, ()))


def preview_batch(work: UnitOfWork, batch_no: int) -> BatchPreview:
    """What a batch would change, or what undoing it would take. Refuses with `BatchUnknown`."""
    row = kept.find_batch(work, batch_no)
    if row is None:
        raise BatchUnknown
    return BatchPreview(
        row, kept.batch_totals(work, batch_no), kept.batch_greatest(work, batch_no, _SHOWN),
        kept.batch_undoing(work, batch_no), Program.of(work).current.earning.debt != rules.Debt.ALLOW,
        kept.batch_handed(work, batch_no) if row.kind == REWARD else None,
    )  # fmt: skip


def latest_batches(work: UnitOfWork, limit: int = 20) -> Sequence[Any]:
    """The latest batches, newest first."""
    return kept.latest_batches(work, limit)


def forget_batch(work: UnitOfWork, batch_no: int) -> bool:
    """Drop a batch that was only looked at."""
    return kept.drop_batch(work, batch_no)


def approve_batch(work: UnitOfWork, batch_no: int) -> None:
    """Have a batch booked, from now on. Refuses with `BatchUnknown`, `BatchApproved` or `RecountInTheWay`."""
    found = kept.lock_batch(work, batch_no)
    if found is None:
        raise BatchUnknown
    if found.approved_at is not None:
        raise BatchApproved
    # Its rows say the difference to what is in the books: another count would have moved that.
    if found.kind == RECOUNT and kept.recount_in_the_way(work, batch_no=batch_no, after=batch_no) is not None:
        raise RecountInTheWay
    kept.approve_batch(work, batch_no)


def recall_batch(work: UnitOfWork, batch_no: int) -> None:
    """Have a batch undone, from now on, also one of which only a part is booked.

    Refuses with `BatchUnknown`, `BatchNotBooked` or `RecountInTheWay`.
    """
    found = kept.lock_batch(work, batch_no)
    if found is None:
        raise BatchUnknown
    if found.approved_at is None or found.recalled_at is not None:
        raise BatchNotBooked
    if found.kind == RECOUNT and kept.recount_in_the_way(work, batch_no=batch_no, after=batch_no) is not None:
        raise RecountInTheWay
    kept.recall_batch(work, batch_no)


def book_due(work: UnitOfWork) -> bool:
    """Book, or undo, one portion of the oldest batch that is under way; False where there was none."""
    found = kept.lock_open_batch(work)
    if found is None:
        return False
    portion = PORTION if found.kind != REWARD else handing.PORTION
    rows = kept.batch_rows(work, found.batch_no, found.reached, portion)
    program, people = Program.of(work), list[CustomerId]()
    if found.kind == REWARD:
        handing.rewards(work, found, rows)
    elif found.kind == TAG:
        handing.tags(work, rows)
    elif found.recalled_at is not None:
        people = _unbook(work, program, found, [row for row in rows if row.moved])
    else:
        people = _book(work, program, found, [row for row in rows if row.there or row.order_id is not None])
    reached = rows[-1].line if rows else found.reached
    kept.batch_reached(work, found.batch_no, reached, len(rows), over=len(rows) < portion)
    if found.kind == RECOUNT and program.current.tiers.measure is Measure.POINTS:
        tiers.settle(work, program, people)
    return True


def _book(work: UnitOfWork, program: Program, found: Any, rows: Sequence[Any]) -> list[CustomerId]:
    before: Mapping[int, Mapping[str, Any]] = {}
    if found.kind == RECOUNT:
        gaps, before, debts = _counted(work, program, found, rows)
    else:
        debts = lock(work, [row.customer_id for row in rows])
        gaps = [_gift(work, program, found, row) for row in rows]
    moved = defaultdict[int, list[tuple[str, int | None, int]]](list)
    for entry in close_gaps(work, program, gaps, debts):
        line = int(entry.idempotency_key.split(":")[2])
        moved[line].append((entry.kind, entry.lot_id, entry.points))
    kept.note_batch_moved(
        work, found.batch_no, [{"line": line, "moved": of, "before": before.get(line)} for line, of in moved.items()]
    )
    return [gap.customer_id for gap in gaps]


def _key(found: Any, line: int) -> str:
    return f"batch:{found.batch_no}:{line}"


def _gift(work: UnitOfWork, program: Program, found: Any, row: Any) -> Gap:
    receipt = {"batch": found.batch_no, "version": found.terms_version}
    return Gap(
        row.customer_id, None, row.points, (BATCH, BATCH), _key(found, row.line), found.terms_version, found.label,
        work.now, receipt, program.current.earning.debt, quiet=True,
    )  # fmt: skip


def _counted(
    work: UnitOfWork, program: Program, found: Any, rows: Sequence[Any]
) -> tuple[list[Gap], dict[int, dict[str, Any]], dict[CustomerId, int]]:
    """The gaps of these orders by the batch's terms, as the orders are now; and by what each went before."""
    terms, ids = program.by_version(found.terms_version), [row.order_id for row in rows]
    # Held before anything is read that decides by how much, as whoever settles orders does.
    debts = lock(work, [row.customer_id for row in rows])
    orders = {o.order_id: o for o in mirror.load(work, ids) if o.customer_id is not None}
    debts |= lock(work, [o.customer_id for o in orders.values() if o.customer_id not in debts and o.customer_id])
    booked, frozen = records.booked(work, ids), records.frozen(work, ids)
    lines = goods.kept_lines(work, ids, terms.collections) if terms.by_line else {}
    gaps, before = list[Gap](), dict[int, dict[str, Any]]()
    for row in rows:
        order, known = orders.get(row.order_id), booked.get(row.order_id)
        if order is None or order.customer_id is None:
            continue
        grounds = None if row.grounds is None else Grounds.read(row.grounds)
        due = _due(order, terms, grounds, lines, known)
        points = due.points - (known.points if known else 0)
        if not points:
            continue
        version = known.terms_version if known else program.for_order(order).version
        before[row.line] = {"version": version, "frozen": frozen.get(row.order_id)}
        receipt = due.receipt.body() | {"version": terms.version, "batch": found.batch_no}
        if grounds is not None:
            receipt["frozen"] = grounds.body()
        gaps.append(Gap(
            order.customer_id, order.order_id, points, (BATCH, BATCH), _key(found, row.line), terms.version,
            f"{found.label}: {order.name}: {due.sentence}", rules.available_at(order, terms), receipt,
            terms.earning.debt, known.forgiven if known else 0, quiet=True,
        ))  # fmt: skip
    return gaps, before, debts


def _unbook(work: UnitOfWork, program: Program, found: Any, rows: Sequence[Any]) -> list[CustomerId]:
    whole = [_moved(program, found, row) for row in rows]
    steps.undo(work, program, whole, program.current.earning.debt)
    if found.kind == RECOUNT:
        _settle_again(work, program, found, [row.order_id for row in rows])
    return [row.customer_id for row in rows]


def _moved(program: Program, found: Any, row: Any) -> steps.Moved:
    """What a row moved, and what is said of it when it goes back: by which terms its order goes then."""
    before = row.before or {"version": program.current.version}
    receipt = {"batch": found.batch_no, "version": before["version"]}
    if row.order_id is not None:
        # Always said, also that there were none: what the batch froze counts no more.
        receipt["frozen"] = before["frozen"]
    step = steps.Step(
        row.customer_id, f"{_key(found, row.line)}:undo", before["version"], f"undone: {found.label}", BATCH, BATCH,
        row.order_id, receipt,
    )  # fmt: skip
    nets = Counter[int | None]()
    for _, lot_id, points in row.moved:
        nets[lot_id] += points
    beside = [(kind, Draw(lot_id, points)) for kind, lot_id, points in row.moved if kind not in (BATCH, "repay")]
    return steps.Moved(step, [Draw(lot_id, points) for lot_id, points in nets.items() if points], beside)


def _settle_again(work: UnitOfWork, program: Program, found: Any, order_ids: Sequence[OrderId]) -> None:
    """Bring these orders to what they earn by the terms that they have back: some were returned meanwhile."""
    orders = [order for order in mirror.load(work, order_ids) if order.customer_id is not None]
    debts = lock(work, [o.customer_id for o in orders if o.customer_id is not None])
    gaps = order_gaps(work, program, orders, records.booked(work, order_ids))
    close_gaps(work, program, [
        # The order's version has a booking already, perhaps.
        replace(gap, key=f"batch:{found.batch_no}:order:{gap.order_id}", quiet=True) for gap in gaps
    ], debts)  # fmt: skip
