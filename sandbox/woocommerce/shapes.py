"""Bodies in the store's shape: every field that it was seen to write, in its order, with its types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Body = dict[str, Any]

NAMES = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country")


def amount(value: str | Decimal, decimals: int) -> str:
    """As the store writes amounts: rounded to its own number of decimals, whatever they once were."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def instants(name: str, at: datetime | None, offset: timedelta) -> Body:
    """An instant twice: in the site's own time and in UTC, both without a zone."""
    if at is None:
        return {name: None, f"{name}_gmt": None}
    bare = at.replace(tzinfo=None, microsecond=0)
    return {name: (bare + offset).isoformat(), f"{name}_gmt": bare.isoformat()}


def address(given: Body | None = None, *, email: bool = True) -> Body:
    body: Body = dict.fromkeys(NAMES, "") | ({"email": ""} if email else {}) | {"phone": ""}
    return body | (given or {})


def links(resource: str, number: int, home: str) -> Body:
    base = f"{home}/wp-json/wc/v3/{resource}"
    return {
        "self": [{"href": f"{base}/{number}", "targetHints": {"allow": ["GET", "POST", "PUT", "PATCH", "DELETE"]}}],
        "collection": [{"href": base}],
    }


def line(number: int, name: str, product_id: int, quantity: int, price: Decimal, decimals: int) -> Body:
    total = amount(price * quantity, decimals)
    return {
        "id": number,
        "name": name,
        "product_id": product_id,
        "variation_id": 0,
        "quantity": quantity,
        "tax_class": "",
        "subtotal": total,
        "subtotal_tax": amount("0", decimals),
        "total": total,
        "total_tax": amount("0", decimals),
        "taxes": [],
        "meta_data": [],
        "sku": "",
        "global_unique_id": "",
        "price": float(price),
        "image": {"id": "", "src": ""},
        "parent_name": None,
    }


def order(number: int, currency: str, total: str, lines: list[Body], decimals: int) -> Body:
    """A new order without its instants, which the store keeps apart."""
    nothing = amount("0", decimals)
    sums = ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax")
    return {
        "id": number,
        "parent_id": 0,
        "status": "pending",
        "currency": currency,
        "version": "11.0.1",
        "prices_include_tax": False,
        **dict.fromkeys(sums, nothing),
        "total": total,
        "total_tax": nothing,
        "customer_id": 0,
        "order_key": f"wc_order_{number:013d}",
        "billing": address(),
        "shipping": address(email=False),
        "payment_method": "",
        "payment_method_title": "",
        "transaction_id": "",
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": "store-api",
        "customer_note": "",
        "cart_hash": "",
        "number": str(number),
        "meta_data": [],
        "line_items": lines,
        "tax_lines": [],
        "shipping_lines": [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
        "payment_url": "",
        "is_editable": False,
        "needs_payment": False,
        "needs_processing": True,
        "currency_symbol": "$",
    }


def customer(number: int, email: str) -> Body:
    return {
        "id": number,
        "email": email,
        "first_name": "",
        "last_name": "",
        "role": "customer",
        "username": email.partition("@")[0],
        "billing": address(),
        "shipping": address(email=False),
        "is_paying_customer": False,
        "avatar_url": "",
        "meta_data": [],
    }


def coupon(number: int, code: str, decimals: int) -> Body:
    nothing = amount("0", decimals)
    return {
        "id": number,
        "code": code,
        "amount": nothing,
        "status": "publish",
        "discount_type": "fixed_cart",
        "description": "",
        "usage_count": 0,
        "individual_use": False,
        "product_ids": [],
        "excluded_product_ids": [],
        "usage_limit": None,
        "usage_limit_per_user": None,
        "limit_usage_to_x_items": None,
        "free_shipping": False,
        "product_categories": [],
        "excluded_product_categories": [],
        "exclude_sale_items": False,
        "minimum_amount": nothing,
        "maximum_amount": nothing,
        "email_restrictions": [],
        "used_by": [],
        "meta_data": [],
    }


def refund(number: int, reason: str, back: Decimal, decimals: int) -> Body:
    """As it stands inside its order: by its money alone."""
    nothing = amount("0", decimals)
    return {"id": number, "reason": reason, "total": f"-{amount(back, decimals)}", "total_tax": nothing}


def refund_lines(order: Body, pieces: Mapping[int, int], decimals: int) -> list[Body]:
    """As the refund itself tells them: negative, each naming the line that it takes back."""
    rows = []
    for item in order["line_items"]:
        if count := pieces.get(item["id"], 0):
            back = Decimal(item["total"]) * count / item["quantity"]
            meta = [{"id": 0, "key": "_refunded_item_id", "value": str(item["id"])}]
            rows.append(item | {"quantity": -count, "total": f"-{amount(back, decimals)}", "meta_data": meta})
    return rows


_AMOUNTS = frozenset(
    {
        "total", "total_tax", "subtotal", "subtotal_tax", "discount", "discount_tax", "discount_total",
        "shipping_total", "shipping_tax", "cart_tax",
    }
)  # fmt: skip


def rounded(body: Any, decimals: int) -> Any:
    """`body` with its amounts as the store writes them now, whatever they were when they were made."""
    if isinstance(body, list):
        return [rounded(item, decimals) for item in body]
    if not isinstance(body, dict):
        return body
    return {
        name: amount(value, decimals) if name in _AMOUNTS and isinstance(value, str) else rounded(value, decimals)
        for name, value in body.items()
        if name != "meta_data"
    } | ({"meta_data": body["meta_data"]} if "meta_data" in body else {})


def error(code: str, message: str, status: int) -> Body:
    return {"code": code, "message": message, "data": {"status": status}}


def as_php(body: object) -> bytes:
    """JSON as PHP writes it: ASCII, with its slashes escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()
