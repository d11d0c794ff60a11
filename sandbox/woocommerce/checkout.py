"""The checkout: who may use which coupon, and what comes of it.

A restriction to an e-mail is held against the account's address or the one that was typed: it is a filter and proves
nobody. An address that somebody typed does not make the order the account's that has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from sandbox.woocommerce import shapes
from sandbox.woocommerce.shapes import Body
from sandbox.woocommerce.store import Line, Record, Store


class CheckoutRefused(Exception):
    """The shopper is told why, and nothing was bought."""


class CouponRefused(CheckoutRefused):
    """A code is not taken."""


def check_out(
    store: Store,
    lines: Sequence[Line],
    *,
    billing: Body | None = None,
    customer: int = 0,
    coupons: Sequence[str] = (),
    method: str = "bacs",
    status: str | None = None,
    create_account: bool = False,
    **fields: Any,
) -> int:
    """Somebody buys: a guest, or `customer`; `create_account` opens an account on the way. Answers with the order's
    number. Bank transfers wait ``on-hold``, cash on delivery is ``processing`` before it is paid, cards are paid.
    """
    given = billing or {}
    email = str(given.get("email", "")).strip().lower()
    if create_account and any(record.body["email"].lower() == email for record in store.customers.values()):
        raise CheckoutRefused("registration-error-email-exists")
    found = [_usable(store, code, customer, email, lines) for code in coupons]
    if create_account:
        customer = store.register(email, first_name=given.get("first_name", ""), last_name=given.get("last_name", ""))
        store.change_customer(customer)
    left = status or {"bacs": "on-hold", "cheque": "on-hold"}.get(method, "processing")
    priced, coupon_lines, discount = _discounted(store, lines, found)
    number = store.order(
        priced, customer=customer, status=left, method=method, billing=billing, coupon_lines=coupon_lines,
        discount_total=shapes.amount(discount, store.decimals), **fields,
    )  # fmt: skip
    for item, asked in zip(store.orders[number].body["line_items"], lines, strict=True):
        item["subtotal"] = shapes.amount(Decimal(asked.price) * asked.quantity, store.decimals)
    return number


def _usable(store: Store, code: str, customer: int, email: str, lines: Sequence[Line]) -> Record:
    """The coupon behind `code`, for this shopper and these goods. Raises `CouponRefused`."""
    record = next(
        (r for r in store.coupons.values() if (r.body["code"], r.body["status"]) == (code.lower(), "publish")), None
    )
    if record is None:
        raise CouponRefused(f"Coupon &quot;{code.lower()}&quot; cannot be applied because it does not exist.")
    body, total = record.body, _total(lines)
    if _over(record.expires, store.now()):
        raise CouponRefused(f'Coupon "{code}" has expired.')
    if body["usage_limit"] and body["usage_count"] >= body["usage_limit"]:
        raise CouponRefused(f'Usage limit for coupon "{code}" has been reached.')
    who = str(customer or email)
    if body["usage_limit_per_user"] and body["used_by"].count(who) >= body["usage_limit_per_user"]:
        raise CouponRefused(f'Usage limit for coupon "{code}" has been reached.')
    addresses = {email, store.customers[customer].body["email"].lower()} if customer else {email}
    allowed = body["email_restrictions"]
    if allowed and not any(fnmatchcase(address, one) for one in allowed for address in addresses):
        raise CouponRefused(f'Please enter a valid email to use coupon code "{code}".')
    least, most = Decimal(body["minimum_amount"]), Decimal(body["maximum_amount"])
    if total < least or (most and total > most):
        raise CouponRefused(f'The spend for coupon "{code}" does not fit.')
    wanted, unwanted = body["product_ids"], body["excluded_product_ids"]
    if not any((not wanted or line.product_id in wanted) and line.product_id not in unwanted for line in lines):
        raise CouponRefused(f'Sorry, coupon "{code}" is not applicable to selected products.')
    return record


def _over(expires: datetime | None, now: datetime) -> bool:
    return expires is not None and now >= expires


def _total(lines: Sequence[Line]) -> Decimal:
    return sum((Decimal(line.price) * line.quantity for line in lines), Decimal(0))


def _discounted(
    store: Store, lines: Sequence[Line], coupons: Sequence[Record]
) -> tuple[list[Line], list[Body], Decimal]:
    """The lines as they are sold, the order's coupon lines, and all that was taken off."""
    prices = [Decimal(line.price) * line.quantity for line in lines]
    rows: list[Body] = []
    for record in coupons:
        before, worth = sum(prices, Decimal(0)), Decimal(record.body["amount"])
        if record.body["discount_type"] == "percent":
            prices = [price - price * worth / 100 for price in prices]
        elif record.body["discount_type"] == "fixed_product":
            prices = [max(Decimal(0), p - worth * line.quantity) for p, line in zip(prices, lines, strict=True)]
        elif before:
            off = min(worth, before)
            prices = [price - off * price / before for price in prices]
        rows.append(_coupon_line(store, record, before - sum(prices, Decimal(0))))
    sold = [
        Line(line.name, str(price / line.quantity), line.quantity, line.product_id)
        for line, price in zip(lines, prices, strict=True)
    ]
    return sold, rows, _total(lines) - sum(prices, Decimal(0))


def _coupon_line(store: Store, record: Record, off: Decimal) -> Body:
    return {
        "id": next(store.numbers),
        "code": record.body["code"],
        "discount": shapes.amount(off, store.decimals),
        "discount_tax": "0",
        "meta_data": [],
        "discount_type": record.body["discount_type"],
        "nominal_amount": float(record.body["amount"]),
        "free_shipping": record.body["free_shipping"],
    }
