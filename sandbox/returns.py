"""Which orders a cancellation takes back: the customer's latest earlier lines of the same article that are
still out.

A history names the cancelled goods, not the order. What no earlier line accounts for is counted, not
invented.
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.customers import Customer
from sandbox.shop import Shop


def match(shop: Shop, customer: Customer, wanted: Iterable[tuple[str, int]]) -> tuple[dict[int, dict[int, int]], int]:
    """Per order (its place) the pieces per line; and how many wanted lines were not wholly found."""
    taken: dict[int, dict[int, int]] = {}
    unmatched = 0
    for sku, quantity in wanted:
        product = shop.catalog.by_sku(sku)
        left = quantity if product is None else _take(shop, customer, product.place, quantity, taken)
        if left:
            unmatched += 1
    return taken, unmatched


def _take(shop: Shop, customer: Customer, product: int, quantity: int, taken: dict[int, dict[int, int]]) -> int:
    """Takes pieces out of the latest orders first; what could not be found."""
    lines = shop.lines
    for order_place in reversed(customer.orders):
        order = shop.orders[order_place]
        at, end = order.first_line, order.first_line + order.line_count
        while quantity and at < end:
            try:
                # the column's own search: thousands of lines a customer, in C
                at = lines.product.index(product, at, end)
            except ValueError:
                break
            chosen = taken.get(order_place, {}).get(at, 0)
            pieces = min(quantity, lines.quantity[at] - lines.returned[at] - chosen)
            if pieces > 0:
                taken.setdefault(order_place, {})[at] = chosen + pieces
                quantity -= pieces
            at += 1
        if not quantity:
            break
    return quantity
