"""What counts in an order's basket: all of its goods but those that the terms leave out."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from commerce.ids import OrderId
from commerce.orders import Order
from engine.work import UnitOfWork, as_json
from referral.rules import Terms

_LEFT_OUT = text("""
    SELECT l.order_id, sum(l.net_minor) AS minor
    FROM json_to_recordset(CAST(:rows AS json)) AS g(order_id bigint, products json)
    JOIN order_lines l ON l.shop_id = :shop_id AND l.order_id = g.order_id AND NOT l.gift_card
        AND l.product_id IN (SELECT json_array_elements_text(g.products))
    GROUP BY l.order_id
""")


def counting(work: UnitOfWork, orders: Mapping[OrderId, Order], agreed: Mapping[OrderId, Terms]) -> dict[OrderId, int]:
    """The net price of each order's goods that count, before returns."""
    asked = [
        {"order_id": order_id, "products": terms.excluded_products}
        for order_id, terms in agreed.items()
        if terms.excluded_products
    ]
    out = {row.order_id: int(row.minor) for row in work.rows(_LEFT_OUT, rows=as_json(asked))} if asked else {}
    return {order_id: order.goods_minor - out.get(order_id, 0) for order_id, order in orders.items()}
