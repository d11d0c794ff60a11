"""Stale orders: those that the store has changed without telling us how. They are asked for, and settled as deliveries
are.

Most words of this kind come together with the whole order, a moment before or after; so each rests for a few seconds,
and is forgotten without a call when the mirror has meanwhile heard what it needs. An order that the store does not give
is left alone: it may be deleted, or only older than we may read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from commerce.events import OrderStale
from commerce.ids import ShopId
from commerce.orders import OrderSnapshot
from commerce.store import StoreError, StorePort
from engine import log, shops
from engine.work import Database, UnitOfWork, as_json

REST = timedelta(seconds=5)

# As many orders as the reconciler asks for at once.
CHUNK = 50

# While somebody asks the store; after a crash, somebody else asks again then.
LEASE = timedelta(seconds=60)

# After these the reconciliation is left to find the difference.
MOST_ATTEMPTS = 8

_GIVEN = "json_to_recordset(CAST(:rows AS json)) AS g(external_id text, since timestamptz)"
_HEARD = """
    (SELECT FROM orders o WHERE o.shop_id = :shop_id AND o.external_id = {name}.external_id
     AND ({name}.since IS NULL OR o.observed_at >= {name}.since OR o.deleted_at IS NOT NULL))
"""
_MARK = text(f"""
    INSERT INTO stale_orders (shop_id, external_id, since, due_at)
    SELECT :shop_id, g.external_id, max(g.since), :due_at FROM {_GIVEN}
    WHERE NOT EXISTS {_HEARD.format(name="g")} GROUP BY g.external_id ORDER BY g.external_id
    ON CONFLICT (shop_id, external_id) DO UPDATE
        SET since = greatest(stale_orders.since, excluded.since), attempts = 0,
            due_at = least(stale_orders.due_at, excluded.due_at)
""")
_WAITING_SHOPS = text("""
    SELECT DISTINCT t.shop_id FROM stale_orders t JOIN shops s USING (shop_id)
    WHERE t.due_at <= :now AND s.uninstalled_at IS NULL AND (s.closed_until IS NULL OR s.closed_until <= :now)
    ORDER BY t.shop_id
""")
_FORGET_HEARD = text(f"""
    DELETE FROM stale_orders t
    WHERE t.shop_id = :shop_id AND (t.attempts >= :most OR EXISTS {_HEARD.format(name="t")}) AND t.due_at <= :now
""")
_CLAIM = text("""
    WITH c AS MATERIALIZED (
        SELECT external_id FROM stale_orders WHERE shop_id = :shop_id AND due_at <= :now
        ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE stale_orders t SET due_at = :leased_until, attempts = t.attempts + 1 FROM c
    WHERE t.shop_id = :shop_id AND t.external_id = c.external_id
    RETURNING t.external_id, t.since, t.attempts
""")
# One that was marked again meanwhile stays, and is looked at again.
_LOOKED_AT = text(f"""
    DELETE FROM stale_orders t USING {_GIVEN}
    WHERE t.shop_id = :shop_id AND t.external_id = g.external_id AND t.since IS NOT DISTINCT FROM g.since
""")
_PUT_OFF = text("""
    UPDATE stale_orders SET due_at = :due_at, attempts = attempts - :forgiven
    WHERE shop_id = :shop_id AND external_id = ANY(:external_ids)
""")

logger = logging.getLogger("perennial.stale")

Settle = Callable[[UnitOfWork, Sequence[OrderSnapshot]], object]
"""Takes whole orders in and lets the domains look, as the inbox does."""


def mark(work: UnitOfWork, events: Sequence[OrderStale]) -> None:
    """These orders are to be looked at again, but for those of which the mirror has heard already."""
    if events:
        rows = [{"external_id": e.order_external_id, "since": e.since} for e in events]
        work.run(_MARK, rows=as_json(rows), due_at=work.now + REST)


class StaleOrders:
    """Looks again at orders that went stale."""

    def __init__(self, database: Database, connect: Callable[[ShopId], StorePort], settle: Settle) -> None:
        self._database = database
        self._connect = connect
        self._settle = settle

    def look_again(self) -> int:
        """One chunk of each shop that has stale orders due; answers how many were asked for."""
        with self._database.machine() as connection:
            waiting = connection.execute(_WAITING_SHOPS, {"now": self._database.clock()}).all()
        return sum(self._look_again_at(ShopId(row.shop_id)) for row in waiting)

    def _look_again_at(self, shop_id: ShopId) -> int:
        with self._database.work(shop_id) as work:
            work.run(_FORGET_HEARD, most=MOST_ATTEMPTS, now=work.now)
            claimed = work.rows(_CLAIM, now=work.now, leased_until=work.now + LEASE, limit=CHUNK)
        if not claimed:
            return 0
        try:
            found = self._connect(shop_id).orders([row.external_id for row in claimed])
        except StoreError as error:
            self._put_off(shop_id, claimed, error)
            return len(claimed)
        with self._database.work(shop_id) as work:
            self._settle(work, found)
            work.run(_LOOKED_AT, rows=as_json([{"external_id": r.external_id, "since": r.since} for r in claimed]))
        log.wide(logger, "looked again", shop=shop_id, asked=len(claimed), found=len(found))
        return len(claimed)

    def _put_off(self, shop_id: ShopId, claimed: Sequence[Any], error: StoreError) -> None:
        """Being told to wait is not a failure: that attempt is forgiven."""
        log.wide(logger, "could not look again", shop=shop_id, asked=len(claimed), outcome=error.reason)
        told = error.closed or error.retry_after is not None
        with self._database.work(shop_id) as work:
            if error.closed:
                shops.close_for_now(work, error.reason, error.retry_after)
            work.run(
                _PUT_OFF,
                due_at=_later(work.now, max(row.attempts for row in claimed), error.retry_after),
                external_ids=[row.external_id for row in claimed],
                forgiven=1 if told else 0,
            )


def _later(now: datetime, attempts: int, retry_after: float | None) -> datetime:
    return now + (timedelta(seconds=retry_after) if retry_after is not None else REST * 2**attempts)
