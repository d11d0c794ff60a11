"""Effects in the database: which may be pushed now, and what is written once the store has agreed.

The outbox pushes them a batch at a time, bulk runs thousands at a time; both ask and write the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from commerce.store import StoreError
from engine.work import UnitOfWork

Outcome = Callable[[UnitOfWork, Any, StoreError | None], None]
"""A domain's ear: called with the effect when it was pushed (None) or refused for good (the error)."""

# Tags let a backlog of deliveries go first, for a minute at most: what is settled next may change them again, a store
# takes only so many calls a second, and each tag that is written comes back as a delivery.
TAGS_PATIENCE = timedelta(seconds=60)
BACKLOG = 250

# While a shop's history is read in, tags wait for its end: each customer is tagged once, with the stage that the whole
# of it implies. For an hour at most; and not where reading has come into trouble.
HISTORY_PATIENCE = timedelta(hours=1)

# For a statement over `effects`, with the values of `ready_at`. What a bulk run carries has an owner already.
READY = """
    shop_id = :shop_id AND pushed_at IS NULL AND parked_at IS NULL AND due_at <= :now
    AND NOT EXISTS (SELECT FROM bulk_run_effects h WHERE h.shop_id = :shop_id AND h.effect_id = effects.effect_id)
    AND (kind <> 'tags' OR due_at <= :overdue
         OR (SELECT count(*) FROM (SELECT FROM deliveries d WHERE d.shop_id = :shop_id
             AND d.settled_at IS NULL AND d.parked_at IS NULL LIMIT :backlog) w) < :backlog)
    AND (kind NOT IN ('tags', 'fields') OR due_at <= :out_of_patience
         OR NOT EXISTS (SELECT FROM backfills b WHERE b.shop_id = :shop_id AND b.finished_at IS NULL
                        AND b.started_at IS NOT NULL AND b.trouble IS NULL))
"""

# One that changed while it was on its way is due again.
DONE = text("""
    UPDATE effects e SET pushed_at = CASE WHEN e.version = g.version THEN :now ELSE NULL END,
                         due_at = CASE WHEN e.version = g.version THEN e.due_at ELSE :now END, reason = NULL
    FROM json_to_recordset(CAST(:rows AS json)) AS g(effect_id bigint, version integer)
    WHERE e.shop_id = :shop_id AND e.effect_id = g.effect_id
""")


def ready_at(now: datetime) -> dict[str, object]:
    """The values that `READY` names."""
    return {
        "now": now, "overdue": now - TAGS_PATIENCE, "out_of_patience": now - HISTORY_PATIENCE, "backlog": BACKLOG,
    }  # fmt: skip
