"""Bodies in the store's shape: every field that it was seen to write, in its order, with its types."""

from __future__ import annotations

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


def error(code: str, message: str, status: int) -> Body:
    return {"code": code, "message": message, "data": {"status": status}}
