"""When an order turns out to be somebody else's than was thought, what it earned follows it: a guest's order that the
store puts on an account, or a merchant who corrects whose it is.

As with a merge, what the order's lots hold is taken out of one book and put into another by new entries; so it
can go back the same way. A lot that a reward was bought from stays where it is: its points may come back into it.
"""

from __future__ import annotations

from collections.abc import Sequence

from commerce.orders import Order
from commerce.sayings import say
from engine.work import UnitOfWork
from loyalty import records
from loyalty.records import Entry, owners
from loyalty.service.program import Program

SENTENCE = say("the store put the order on another customer")


def follow(work: UnitOfWork, orders: Sequence[Order]) -> None:
    """Give what these orders earned to whose they are. Idempotent: what is there already is not moved."""
    # An order of which we hear for the first time has earned nothing anywhere.
    whose = {o.order_id: o.customer_id for o in orders if o.customer_id is not None and o.version > 1}
    astray = owners.lots_elsewhere(work, whose) if whose else ()
    if not astray:
        return
    # Once more with the books held: somebody may be spending just now.
    records.lock_balances(work, sorted({c for row in astray for c in (row.customer_id, row.owner_id)}))
    astray = owners.lots_elsewhere(work, whose)
    version, entries = Program.of(work).current.version, list[Entry]()
    for row in astray:
        key = f"owner:{row.order_id}:{row.lot_id}:{row.customer_id}:{row.merges}"
        for customer_id, points, way in (
            (row.customer_id, -row.remaining, "out"),
            (row.owner_id, row.remaining, "in"),
        ):
            if points:
                entries.append(
                    Entry(
                        customer_id=customer_id, kind="merge", points=points, lot_id=row.lot_id,
                        idempotency_key=f"{key}:{way}", terms_version=version, sentence=SENTENCE,
                    )
                )  # fmt: skip
    records.append(work, entries)
    owners.give_lots(work, {row.lot_id: row.owner_id for row in astray})
