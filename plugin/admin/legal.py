"""The legal requests, as the merchant sees them: what was asked, by whom, by when it is due, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.sayings import say
from engine.privacy import DUE, ERASURE, EXPORT
from engine.work import UnitOfWork
from plugin.holdings import of_programs

NEWEST = 100
KINDS = {
    EXPORT: say("A customer asks for the data that you hold of them"),
    ERASURE: say("A customer asks to be erased"),
    "shop_erasure": say("The platform asks to erase this shop"),
}

BY_SHOPPER = {
    EXPORT: say("A customer fetched what you hold of them"),
    ERASURE: say("A customer wants to be erased"),
}

_REQUESTS = text("""
    SELECT kind, request_id, customer_external_id, asked_at, done_at, by_shopper, withdrawn_at FROM privacy_requests
    WHERE shop_id = :shop_id
    ORDER BY by_shopper AND kind = 'customer_erasure' AND done_at IS NULL AND withdrawn_at IS NULL DESC,
             asked_at DESC, request_id DESC LIMIT :limit
""")
_EXPORT = text("""
    SELECT outcome, customer_external_id FROM privacy_requests
    WHERE shop_id = :shop_id AND kind = 'customer_export' AND request_id = :request_id AND done_at IS NOT NULL
      AND outcome IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. An export that the platform asked for can be downloaded, to be handed to the customer; one that a
    shopper fetched is with them.
    """

    kind: str
    what: str
    request_id: str
    customer_external_id: str | None
    asked_at: datetime
    due_at: datetime
    done_at: datetime | None
    by_shopper: bool
    withdrawn_at: datetime | None

    @property
    def downloadable(self) -> bool:
        return self.kind == EXPORT and self.done_at is not None and not self.by_shopper

    @property
    def waits(self) -> bool:
        """Whether a shopper waits for the merchant to erase them."""
        return self.kind == ERASURE and self.by_shopper and self.done_at is None and self.withdrawn_at is None


def requests(work: UnitOfWork) -> Sequence[Request]:
    """Those that wait for the merchant, and after them the newest of all others."""
    return [
        Request(
            r.kind,
            BY_SHOPPER[r.kind] if r.by_shopper else KINDS.get(r.kind, r.kind),
            r.request_id,
            r.customer_external_id,
            r.asked_at,
            r.asked_at + DUE,
            r.done_at,
            r.by_shopper,
            r.withdrawn_at,
        )
        for r in work.rows(_REQUESTS, limit=NEWEST)
    ]


def export(work: UnitOfWork, request_id: str) -> dict[str, Any] | None:
    """What we hold of the customer who asked: what their store had told us then, and what is in the programs now.

    None where there is no such export.
    """
    row = work.row(_EXPORT, request_id=request_id) if request_id.isprintable() else None
    if row is None:
        return None
    return dict(row.outcome or {}) | of_programs(work, row.customer_external_id or "")
