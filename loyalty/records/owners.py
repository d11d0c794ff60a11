"""Lots that an order brought to somebody else than the one whose the order is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork, as_json

# Lots that the order itself earned: what others were awarded for it stays theirs. A lot that a reward was bought from
# stays with whoever bought it, for as long as points may come back into it.
_ELSEWHERE = text("""
    WITH earned AS (
        SELECT DISTINCT g.order_id, g.customer_id AS owner_id, e.lot_id
        FROM json_to_recordset(CAST(:rows AS json)) AS g(order_id bigint, customer_id bigint)
        JOIN entries e ON e.shop_id = :shop_id AND e.order_id = g.order_id AND e.kind IN ('earn', 'batch')
            AND e.lot_id IS NOT NULL
    )
    SELECT l.lot_id, l.customer_id, n.owner_id, n.order_id, l.remaining,
           (SELECT count(*) FROM entries m
            WHERE m.shop_id = :shop_id AND m.customer_id = l.customer_id AND m.kind = 'merge') AS merges
    FROM earned n JOIN lots l ON l.shop_id = :shop_id AND l.lot_id = n.lot_id AND l.customer_id <> n.owner_id
    WHERE coalesce((SELECT sum(h.points) FROM entries h
                    WHERE h.shop_id = :shop_id AND h.customer_id = l.customer_id AND h.account = 'points'
                      AND h.lot_id = l.lot_id AND h.redemption_id IS NOT NULL), 0) = 0
    ORDER BY l.lot_id
""")
_MOVE = text("""
    UPDATE lots l SET customer_id = g.owner_id
    FROM json_to_recordset(CAST(:rows AS json)) AS g(lot_id bigint, owner_id bigint)
    WHERE l.shop_id = :shop_id AND l.lot_id = g.lot_id
""")


def lots_elsewhere(work: UnitOfWork, owners: Mapping[OrderId, CustomerId]) -> Sequence[Any]:
    """Lots earned by these orders that are not their owner's: lot_id, customer_id (who has it), owner_id, order_id,
    remaining, and how many movements between people the books of whoever has it have seen.
    """
    rows = [{"order_id": order_id, "customer_id": customer_id} for order_id, customer_id in owners.items()]
    return work.rows(_ELSEWHERE, rows=as_json(rows))


def give_lots(work: UnitOfWork, owners: Mapping[int, CustomerId]) -> None:
    """These lots are these customers' from now on; the entries say the same by themselves."""
    work.run(_MOVE, rows=as_json([{"lot_id": lot_id, "owner_id": owner} for lot_id, owner in owners.items()]))
