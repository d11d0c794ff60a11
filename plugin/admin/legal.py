"""The legal requests that the platform passed on, as the merchant sees them: what was asked, by when it is due, and
what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from commerce.sayings import say
from engine.work import UnitOfWork

# The platform gives a merchant, and an app, thirty days.
DUE = timedelta(days=30)
NEWEST = 100

EXPORT, ERASURE = "customer_export", "customer_erasure"
KINDS = {
    EXPORT: say("A customer asks for the data that you hold of them"),
    ERASURE: say("A customer asks to be erased"),
    "shop_erasure": say("The platform asks to erase this shop"),
}

_REQUESTS = text("""
    SELECT kind, request_id, customer_external_id, asked_at, done_at FROM privacy_requests
    WHERE shop_id = :shop_id ORDER BY asked_at DESC, request_id DESC LIMIT :limit
""")
_EXPORT = text("""
    SELECT outcome FROM privacy_requests
    WHERE shop_id = :shop_id AND kind = 'customer_export' AND request_id = :request_id AND done_at IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. An export that is done can be downloaded, to be handed to the customer."""

    kind: str
    what: str
    request_id: str
    customer_external_id: str | None
    asked_at: datetime
    due_at: datetime
    done_at: datetime | None

    @property
    def downloadable(self) -> bool:
        return self.kind == EXPORT and self.done_at is not None


def requests(work: UnitOfWork) -> Sequence[Request]:
    """The newest requests, newest first."""
    return [
        Request(
            r.kind,
            KINDS.get(r.kind, r.kind),
            r.request_id,
            r.customer_external_id,
            r.asked_at,
            r.asked_at + DUE,
            r.done_at,
        )
        for r in work.rows(_REQUESTS, limit=NEWEST)
    ]


def export(work: UnitOfWork, request_id: str) -> dict[str, Any] | None:
    """What we hold of the customer who asked, as it was when they asked; None where there is no such export."""
    row = work.row(_EXPORT, request_id=request_id) if request_id.isprintable() else None
    return dict(row.outcome or {}) if row else None
