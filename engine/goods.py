"""The goods of orders, line by line: what of each was kept, and in which collections it stood when it was bought."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from commerce.ids import OrderId
from commerce.orders import KeptLine
from engine.work import UnitOfWork

# Gift cards sold are no goods. What came back of a line is summed over the refunds that name it.
_LINES = """
    SELECT l.order_id, l.product_id, l.variant_id, l.vendor, l.quantity, l.net_minor,
           CAST(coalesce(r.quantity, 0) AS bigint) AS returned,
           CAST(coalesce(r.goods_minor, 0) AS bigint) AS returned_minor{more}
    FROM order_lines l {joined}LEFT JOIN (
        SELECT o.order_id, b.line_id, sum(b.quantity) AS quantity, sum(b.goods_minor) AS goods_minor
        FROM orders o
        JOIN refunds f ON f.shop_id = :shop_id AND f.order_external_id = o.external_id
        CROSS JOIN LATERAL jsonb_to_recordset(f.lines) AS b(line_id text, quantity integer, goods_minor bigint)
        WHERE o.shop_id = :shop_id AND o.order_id = ANY(:order_ids) AND o.refund_count > 0 GROUP BY 1, 2
    ) r ON r.order_id = l.order_id AND r.line_id = l.line_id
    WHERE l.shop_id = :shop_id AND l.order_id = ANY(:order_ids) AND NOT l.gift_card ORDER BY l.order_id, l.line_no
"""
_KEPT_LINES = text(_LINES.format(more="", joined=""))
# By the instant of the order: what a collection holds later, or held before, changes nothing about it.
_LINES_IN_COLLECTIONS = text(
    _LINES.format(
        more=""",
           ARRAY(SELECT m.collection_id FROM collection_members m
                 WHERE m.shop_id = :shop_id AND m.collection_id = ANY(:collections) AND m.product_id = l.product_id
                   AND m.since_at <= p.placed_at AND (m.until_at IS NULL OR m.until_at > p.placed_at)) AS inside""",
        joined="JOIN orders p ON p.shop_id = :shop_id AND p.order_id = l.order_id\n    ",
    )
)


def kept_lines(
    work: UnitOfWork, order_ids: Sequence[int], collections: Sequence[str] = ()
) -> dict[OrderId, list[KeptLine]]:
    """The goods of each order, line by line, with what came back of each and which of these collections it was in."""
    found = dict[OrderId, list[KeptLine]]()
    if not order_ids:
        return found
    if not collections:
        for order_id, *line in work.rows(_KEPT_LINES, order_ids=list(order_ids)):
            found.setdefault(order_id, []).append(KeptLine(*line))
        return found
    rows = work.rows(_LINES_IN_COLLECTIONS, order_ids=list(order_ids), collections=list(collections))
    for order_id, *line in rows:
        line[-1] = tuple(line[-1])
        found.setdefault(order_id, []).append(KeptLine(*line))
    return found
