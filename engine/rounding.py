"""Amounts that a store writes rounded, after it was set to fewer decimals: what was first stored is kept.

A store that is set from two decimals to none tells of an old order of 47.55 as 48, and nothing brings the cents back.
Where what it says now is what we hold, rounded, it has said nothing new; points must not move for it. A real change is
larger than that, and is taken as it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from commerce.orders import OrderLine, OrderSnapshot, RefundSnapshot
from engine.work import UnitOfWork

_LINES = text("""
    SELECT o.external_id, l.line_no, l.product_id, l.quantity, l.net_minor
    FROM orders o JOIN order_lines l ON l.shop_id = o.shop_id AND l.order_id = o.order_id
    WHERE o.shop_id = :shop_id AND o.external_id = ANY(:external_ids)
""")
_REFUNDS = text("""
    SELECT order_external_id, external_id, goods_minor, total_minor FROM refunds
    WHERE shop_id = :shop_id AND order_external_id = ANY(:external_ids)
""")


def unrounded(
    work: UnitOfWork, orders: Mapping[str, OrderSnapshot], held: Mapping[str, Any]
) -> dict[str, OrderSnapshot]:
    """`orders` with the amounts of the mirror wherever theirs are the same, rounded. `held` are rows of the mirror's
    orders (goods_minor, total_minor), by external id.
    """
    coarse = [name for name, order in orders.items() if order.step_minor > 1 and name in held]
    if not coarse:
        return dict(orders)
    lines = {(row.external_id, row.line_no): row for row in work.rows(_LINES, external_ids=coarse)}
    refunds = {(row.order_external_id, row.external_id): row for row in work.rows(_REFUNDS, external_ids=coarse)}
    return dict(orders) | {name: _kept(orders[name], held[name], lines, refunds) for name in coarse}


def _kept(order: OrderSnapshot, held: Any, lines: Mapping[Any, Any], refunds: Mapping[Any, Any]) -> OrderSnapshot:
    step = order.step_minor
    known_lines = tuple(_line(line, lines.get((order.external_id, line.line_no)), step) for line in order.lines)
    # What the goods are is a sum of lines and discounts, each rounded by itself.
    moved = sum(known.net_minor - line.net_minor for known, line in zip(known_lines, order.lines, strict=True))
    goods = _first(order.goods_minor + moved, held.goods_minor, 2 * step)
    known_refunds = [_refund(r, refunds.get((order.external_id, r.external_id)), step) for r in order.refunds]
    if known_refunds and sum(r.goods_minor for r in order.refunds) >= order.goods_minor:
        # All of it went back, as the store sees it: then all of it did.
        rest = goods - sum(r.goods_minor for r in known_refunds)
        known_refunds[-1] = replace(known_refunds[-1], goods_minor=max(0, known_refunds[-1].goods_minor + rest))
    return replace(
        order,
        goods_minor=goods,
        total_minor=_first(order.total_minor, held.total_minor, step),
        lines=known_lines,
        refunds=tuple(known_refunds),
    )


def _line(line: OrderLine, held: Any, step: int) -> OrderLine:
    if held is None or (held.product_id, held.quantity) != (line.product_id, line.quantity):
        return line
    return replace(line, net_minor=_first(line.net_minor, held.net_minor, step))


def _refund(refund: RefundSnapshot, held: Any, step: int) -> RefundSnapshot:
    """Its goods are its money less its tax: two amounts, each rounded by itself."""
    if held is None:
        return refund
    return replace(
        refund,
        goods_minor=_first(refund.goods_minor, held.goods_minor, 2 * step),
        total_minor=_first(refund.total_minor, held.total_minor, step),
    )


def _first(told: int, held: int, step: int) -> int:
    """What we hold, unless what is `told` is not that, rounded to a `step`."""
    return held if 2 * abs(told - held) <= step else told
