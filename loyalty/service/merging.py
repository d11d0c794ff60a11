"""When two customers turn out to be one person: their points become one account.

Entries are written once. So what the books of the gone customer come to is taken out there and put in at the kept one,
lot by lot, by new entries; a lot keeps its order, its dates and what is left of it, and only changes hands. What the
gone customer owed is owed on; points held for codes stay held.
"""

from __future__ import annotations

from collections.abc import Sequence

from commerce.customers import Merge
from engine.work import UnitOfWork
from loyalty import records
from loyalty.records import Entry
from loyalty.rules import Receipt, receipts
from loyalty.service.program import Program


def merge(work: UnitOfWork, merges: Sequence[Merge]) -> None:
    """Move the points, lots and redemptions of each gone customer to the one kept. Idempotent: what is moved is gone
    from where it was.
    """
    owners = {each.gone.customer_id: each.kept.customer_id for each in merges}
    if not owners:
        return
    # Before anything is read: nobody may spend on either side meanwhile.
    records.lock_balances(work, sorted({*owners, *owners.values()}))
    version = Program.of(work).current.version
    receipt = Receipt(merged=True, version=version)
    entries = list[Entry]()
    for row in records.sums(work, sorted(owners)):
        key = f"merge:{row.customer_id}:{row.merges}:{row.account}:{row.lot_id}"
        for customer_id, points, way in (
            (row.customer_id, -int(row.points), "out"),
            (owners[row.customer_id], int(row.points), "in"),
        ):
            if points:
                entries.append(
                    Entry(
                        customer_id=customer_id, account=row.account, kind="merge", points=points, lot_id=row.lot_id,
                        idempotency_key=f"{key}:{way}", terms_version=version, sentence=receipts.sentence(receipt),
                        receipt=receipt.body(),
                    )
                )  # fmt: skip
    records.append(work, entries)
    records.move(work, owners)
    records.move_deeds(work, owners)
