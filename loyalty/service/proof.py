"""The proof that the books are right, from the rows alone: nothing that was written is believed.

Every entry's bytes are hashed anew and held against its link, every link against the one before it. Then what is kept
for speed (balances, lots, totals) against the sums of the entries, and every order against what the rules say that it
earns. The first fault of each kind is the one to look at: what comes behind it may only be its consequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

from commerce.orders import Order
from engine import mirror
from engine.work import UnitOfWork
from loyalty import records
from loyalty.rules import chain
from loyalty.service.earning import order_gaps
from loyalty.service.program import Program

VERIFY_MOST = 20
ENTRIES_PAGE = 5_000
LINKS_PAGE = 5_000
CUSTOMERS_PAGE = 10_000
ORDERS_PAGE = 1_000

Told = Callable[[str, int, int], object]
"""Hears how far it is: what is being read, how many of them are done, how many there are."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a verification found. `seq` and `hash` are the end of the chain: worth noting elsewhere, because nobody can
    write a shorter or another past that ends in them.
    """

    faults: Sequence[str]
    entries: int
    orders: int
    unsealed: int
    """Entries that are older than the chain."""
    seq: int
    hash: str


def verify(work: UnitOfWork) -> list[str]:
    """Prove the books. Answers with a sentence for each thing that is wrong, the first ones; none means that they are
    right.
    """
    return list(prove(work, lambda *_: None).faults)


def prove(work: UnitOfWork, tell: Told) -> Proof:
    """Prove the books of one shop, and say meanwhile how far that is."""
    reading = _Reading(work, tell)
    faults = list(islice(reading.faults(), VERIFY_MOST))
    head = records.head(work)
    return Proof(
        faults, reading.entries, reading.orders, reading.unsealed,
        head.seq if head else 0, (bytes(head.hash) if head else chain.BEGINNING).hex(),
    )  # fmt: skip


@dataclass(slots=True)
class _Batch:
    """What was found of a link's entries so far."""

    link: Any
    ids: list[int] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    work: UnitOfWork
    tell: Told
    entries: int = 0
    orders: int = 0
    unsealed: int = 0
    batches: int = 0
    _open: dict[int, _Batch] = field(default_factory=dict)

    def faults(self) -> Iterator[str]:
        whole = records.counts(self.work)
        yield from self._entries(whole.entries)
        yield from self._links()
        yield from self._sums(whole.customers)
        yield from self._orders(whole.orders)

    def _entries(self, whole: int) -> Iterator[str]:
        """Every entry, by number: its bytes are those that its link has sealed."""
        began, after = records.first_linked(self.work), 0
        while page := records.entries_after(self.work, after, ENTRIES_PAGE):
            after = page[-1].entry_id
            fresh = {row.batch_id for row in page} - self._open.keys() - {0}
            links = records.links_of(self.work, sorted(fresh))
            for row in page:
                yield from self._entry(row, links, began)
            yield from self._close(after)
            self.entries += len(page)
            self.tell("entries", self.entries, max(whole, self.entries))
        yield from self._close(records.NO_BOUND)

    def _entry(self, row: Any, links: dict[int, Any], began: int) -> Iterable[str]:
        batch = self._open.get(row.batch_id)
        link = batch.link if batch else links.get(row.batch_id)
        if row.batch_id == 0 and row.entry_id < began:
            self.unsealed += 1
            return ()
        if link is None or not link.first_entry_id <= row.entry_id <= link.last_entry_id:
            return (f"{_said(row)} was never sealed: it has been added, or its link is gone",)
        if batch is None:
            batch = self._open[row.batch_id] = _Batch(link)
        batch.ids.append(row.entry_id)
        batch.leaves.append(chain.entry_hash(row))
        return ()

    def _close(self, upto: int) -> Iterator[str]:
        """Compare the batches whose last entry has been passed."""
        for batch_id in [key for key, batch in self._open.items() if batch.link.last_entry_id <= upto]:
            self.batches += 1
            yield from _compared(self._open.pop(batch_id))

    def _links(self) -> Iterator[str]:
        """Every link, in the order of the chain: bound to the one before, and the last is the shop's head."""
        previous, after, seen = chain.BEGINNING, 0, 0
        while page := records.links_after(self.work, after, LINKS_PAGE):
            for link in page:
                if link.seq != after + 1:
                    yield f"link {after + 1} of the chain is missing"
                yield from _bound(link, previous)
                previous, after = bytes(link.hash), link.seq
            seen += len(page)
        head = records.head(self.work)
        if (head.seq, bytes(head.hash)) != (after, previous) if head else seen:
            yield f"the chain ends with link {after}, and the shop's head says otherwise: links were taken off or added"
        if seen != self.batches:
            for link in records.empty_links(self.work, VERIFY_MOST):
                yield f"link {link.seq} sealed {link.entries} entries from {link.first_entry_id} on, and none is there"

    def _sums(self, whole: int) -> Iterator[str]:
        """What is kept for speed, beside what the entries come to."""
        after, done = 0, 0
        while after < records.NO_BOUND:
            upto, many = records.customers_after(self.work, after, CUSTOMERS_PAGE)
            for row in records.lots_out_of_step(self.work, after, upto, VERIFY_MOST):
                yield f"lot {row.lot_id} holds {row.remaining} points, its entries say {row.points}"
            for row in records.balances_out_of_step(self.work, after, upto, VERIFY_MOST):
                yield (
                    f"customer {row.customer_id} has {row.points} points, {row.held} held, {row.debt} owed; "
                    f"the entries say {row.entry_points}, {row.entry_held}, {row.entry_debt}"
                )
            after, done = upto, done + many
            self.tell("customers", done, max(whole, done))
        for slot in records.totals_out_of_step(self.work, VERIFY_MOST):
            yield f"the totals of the quarter of an hour from {slot:%Y-%m-%d %H:%M} UTC are not those of its entries"

    def _orders(self, whole: int) -> Iterator[str]:
        """Every order, beside what the rules say that it earns."""
        program, after = Program.of(self.work), 0
        while page := records.next_orders(self.work, after, ORDERS_PAGE):
            after = page[-1]
            booked = records.booked(self.work, page)
            orders = list[Order]()
            for order in mirror.load(self.work, page):
                known = booked.get(order.order_id)
                if known and not 1 <= known.terms_version <= len(program.versions):
                    yield f"order {order.order_id} was booked by version {known.terms_version} of terms, which is none"
                else:
                    orders.append(order)
            for gap in order_gaps(self.work, program, orders, booked):
                yield f"order {gap.order_id} is {gap.points} points short: {gap.sentence}"
            self.orders += len(page)
            self.tell("orders", self.orders, max(whole, self.orders))


def _said(row: Any) -> str:
    return f"entry {row.entry_id} ({row.kind} {row.points:+} of customer {row.customer_id}: {row.sentence!r})"


def _bound(link: Any, previous: bytes) -> Iterator[str]:
    said = chain.facts(link.batch_id, link.entries, link.first_entry_id, link.last_entry_id, link.linked_at)
    if bytes(link.previous) != previous:
        yield f"link {link.seq} does not follow the link before it"
    elif bytes(link.hash) != chain.link_hash(previous, bytes(link.digest), link.seq, said):
        yield f"link {link.seq} is not as it was written"


def _compared(batch: _Batch) -> Iterator[str]:
    """Nothing where a link's entries are those that it sealed; else the first of them that is wrong."""
    link, leaves = batch.link, b"".join(batch.leaves)
    if sha256(leaves).digest() == bytes(link.digest) and len(batch.ids) == link.entries:
        return
    sealed, found = _in_marks(bytes(link.marks)), _in_marks(chain.marks(leaves))
    pairs = enumerate(zip(sealed, found, strict=False))
    at = next((place for place, (one, other) in pairs if one != other), min(len(sealed), len(found)))
    where = f"link {link.seq}, which sealed {link.entries} entries at {link.linked_at:%Y-%m-%d %H:%M:%S} UTC"
    if len(found) < len(sealed):
        before = f"after entry {batch.ids[at - 1]}" if at else f"at {link.first_entry_id}"
        yield f"an entry is missing {before}: {len(found)} are left of {where}"
    elif len(found) > len(sealed):
        yield f"entry {batch.ids[at]} was added to {where}"
    elif at < len(found):
        yield f"entry {batch.ids[at]} is not as it was written: it is number {at + 1} of {where}"
    else:
        yield f"the entries {link.first_entry_id} to {link.last_entry_id} are not those of {where}"


def _in_marks(marks: bytes) -> list[bytes]:
    return [marks[at : at + chain.MARK] for at in range(0, len(marks), chain.MARK)]
