"""Telling the store what points its customers have, and what its program is, so that themes and the merchant's own
segments can use them.

Every order moves a balance. So the store is not told with each: once a minute a sweep finds the balances that differ
from what was told last, however often they moved in between, and reads no others.
"""

from __future__ import annotations

from commerce.store import SetFields
from engine import outbox
from engine.work import UnitOfWork
from loyalty import records
from loyalty.service.program import DOMAIN, current_terms, state

TELL_BATCH = 500


def tell_points(work: UnitOfWork) -> int:
    """Put the newest points of customers whose balance has moved into the outbox; answers how many were looked at."""
    moved = records.tell(work, TELL_BATCH)
    outbox.put(
        work,
        [SetFields(row.external_id, DOMAIN, {"points": str(row.points)}) for row in moved if row.there],
    )
    return len(moved)


def tell_program(work: UnitOfWork) -> None:
    """State the program of now to a store that was never told of it: it was published before there was this."""
    state(work, current_terms(work))
