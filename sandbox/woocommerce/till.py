"""The store's till: people pay with coupons, and the store says no to those that do not fit, as a real one was seen to.

A use is counted when the order is placed, and given back when it is cancelled. Nothing tells an app of that but the
order itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sandbox.woocommerce.shapes import Body, amount
from sandbox.woocommerce.store import Line, Record, Store


class CouponRefused(ValueError):
    """The till does not take the coupon; the message is the shopper's."""


def checkout(
    store: Store,
    lines: Sequence[Line],
    codes: Sequence[str] = (),
    *,
    customer: int = 0,
    billing: Body | None = None,
    shipping: str = "0",
    status: str = "processing",
) -> int:
    """Somebody buys, with coupons. Raises `CouponRefused`; then nothing is bought."""
    subtotal = sum((Decimal(line.price) * line.quantity for line in lines), Decimal(0))
    buyer = _buyer(store, customer, billing or {})
    coupons = [_valid(store, code, lines, subtotal, customer, buyer) for code in codes]
    if len(coupons) > 1 and any(record.body["individual_use"] for record in coupons):
        raise CouponRefused("The coupon cannot be used in conjunction with other coupons.")
    off = [_off(record.body, lines, store.decimals) for record in coupons]
    free = any(record.body["free_shipping"] for record in coupons)
    carriage = Decimal(0) if free else Decimal(shipping)
    taken = min(sum(off, Decimal(0)), subtotal)
    number = store.order(
        lines,
        customer=customer,
        status=status,
        billing=billing,
        coupon_lines=[_line(store, record, less) for record, less in zip(coupons, off, strict=True)],
        discount_total=amount(taken, store.decimals),
        shipping_total=amount(carriage, store.decimals),
        total=amount(subtotal - taken + carriage, store.decimals),
    )
    _spread(store.orders[number].body["line_items"], taken, store.decimals)
    for record in coupons:
        record.body["usage_count"] += 1
        record.body["used_by"] = [*record.body["used_by"], str(customer) if customer else buyer]
    return number


def cancel(store: Store, number: int) -> None:
    """The order is off, and its coupons may be used once more."""
    store.set_status(number, "cancelled")
    for line in store.orders[number].body["coupon_lines"]:
        for record in store.coupons.values():
            if record.body["id"] == json.loads(line["meta_data"][0]["value"])[0]:
                record.body["usage_count"] -= 1
                record.body["used_by"] = record.body["used_by"][:-1]


def _buyer(store: Store, customer: int, billing: Body) -> str:
    known = store.customers[customer].body["email"] if customer else ""
    return str(known or billing.get("email", "")).lower()


def _valid(store: Store, code: str, lines: Sequence[Line], subtotal: Decimal, customer: int, buyer: str) -> Record:
    """The coupon of that code, if this basket of this buyer may use it."""
    known = [r for r in store.coupons.values() if (r.body["code"], r.body["status"]) == (code.lower(), "publish")]
    if not known:
        raise CouponRefused(f'Coupon "{code}" cannot be applied because it does not exist.')
    record = known[-1]
    body, who = record.body, str(customer) if customer else buyer
    if record.expires is not None and record.expires <= store.now():
        raise CouponRefused(f'Coupon "{code}" has expired.')
    if body["usage_limit"] and body["usage_count"] >= body["usage_limit"]:
        raise CouponRefused(f'Usage limit for coupon "{code}" has been reached.')
    if body["usage_limit_per_user"] and body["used_by"].count(who) >= body["usage_limit_per_user"]:
        raise CouponRefused(f'Usage limit for coupon "{code}" has been reached.')
    if body["email_restrictions"] and buyer not in body["email_restrictions"]:
        raise CouponRefused(f'Please enter a valid email to use coupon code "{code}".')
    if subtotal < Decimal(body["minimum_amount"]):
        raise CouponRefused(f'The minimum spend for coupon "{code}" is {body["minimum_amount"]}.')
    if not any(_fits(body, line) for line in lines):
        raise CouponRefused(f'Coupon "{code}" is not applicable to selected products.')
    return record


def _fits(body: Body, line: Line) -> bool:
    return not body["product_ids"] or line.product_id in body["product_ids"]


def _off(body: Body, lines: Sequence[Line], decimals: int) -> Decimal:
    """What the coupon takes off the goods. A cart's amount goes off all of them, whatever products are named."""
    worth, kind = Decimal(body["amount"]), body["discount_type"]
    fitting = [line for line in lines if kind == "fixed_cart" or _fits(body, line)]
    there = sum((Decimal(line.price) * line.quantity for line in fitting), Decimal(0))
    if kind == "fixed_cart":
        return min(worth, there)
    if kind == "percent":
        return Decimal(amount(there * worth / 100, decimals))
    pieces = sorted((Decimal(line.price) for line in fitting for _ in range(line.quantity)), reverse=True)
    return sum((min(worth, price) for price in pieces[: body["limit_usage_to_x_items"] or None]), Decimal(0))


def _line(store: Store, record: Record, off: Decimal) -> Body:
    body = record.body
    info = json.dumps([body["id"], body["code"], body["discount_type"], float(body["amount"])])
    return {
        "id": next(store.numbers),
        "code": body["code"],
        "discount": amount(off, store.decimals),
        "discount_tax": "0",
        "meta_data": [{"id": next(store.numbers), "key": "coupon_info", "value": info}],
        "discount_type": body["discount_type"],
        "nominal_amount": float(body["amount"]),
        "free_shipping": body["free_shipping"],
    }


def _spread(rows: list[dict[str, Any]], taken: Decimal, decimals: int) -> None:
    """A line's total is what is left of it; the last line bears what rounding leaves."""
    whole = sum((Decimal(row["subtotal"]) for row in rows), Decimal(0))
    left = taken
    for place, row in enumerate(rows):
        share = left if place == len(rows) - 1 else Decimal(amount(taken * Decimal(row["subtotal"]) / whole, decimals))
        left -= share
        row["total"] = amount(Decimal(row["subtotal"]) - share, decimals)
