"""The store's history on the merchant's first page: how far it has been read in, and what comparing has found since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine import backfills, reconciliations
from engine.backfills import Backfill
from engine.reconciliations import Reconciliation
from engine.work import UnitOfWork

HEALED_DAYS = 30


@dataclass(frozen=True, slots=True)
class History:
    """What the page says of it, at the instant `at`."""

    at: datetime
    backfill: Backfill | None
    compared: Reconciliation | None
    """The newest deep comparison."""
    healed: int
    """Gaps that comparing has healed in the last `HEALED_DAYS` days."""

    @property
    def seconds(self) -> float:
        return self.backfill.seconds(self.at) if self.backfill else 0.0

    @property
    def waits(self) -> bool:
        """The store is still writing its export: nothing can be read yet."""
        row = self.backfill
        return row is not None and row.running and row.plan == "export" and row.subject_read == 0


def history(work: UnitOfWork) -> History:
    return History(
        work.now,
        backfills.latest(work),
        reconciliations.latest_deep(work),
        reconciliations.healed_since(work, work.now - timedelta(days=HEALED_DAYS)),
    )
