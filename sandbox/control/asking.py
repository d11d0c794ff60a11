"""What every part of the control API needs: the blueprint, its errors, and how a script names things."""

from __future__ import annotations

import ipaddress
from typing import Any

from flask import Blueprint, request

from sandbox.customers import Customer
from sandbox.doors import world
from sandbox.faults import BadFaults
from sandbox.history import BadHistory
from sandbox.money import BadAmount
from sandbox.orders import Order
from sandbox.payloads.pieces import utc_text
from sandbox.sales import SaleRefused
from sandbox.shop import Shop
from sandbox.world import UnknownShop

api = Blueprint("control", __name__, url_prefix="/sandbox")
Json = dict[str, Any]


class BadRequest(ValueError):
    """The script asked for something that is not there or makes no sense."""


@api.before_request
def only_this_machine() -> tuple[Json, int] | None:
    """Loopback only, and no other web page: whoever reaches this may do anything in the world."""
    if not _loopback(request.remote_addr or "127.0.0.1"):
        return {"error": "the control API answers to this machine only"}, 403
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return {"error": "the control API does not answer to other web pages"}, 403
    return None


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _failed(error: Exception) -> tuple[Json, int]:
    return {"error": str(error)}, 404 if isinstance(error, UnknownShop) else 422


for kind in (BadRequest, BadFaults, BadHistory, BadAmount, UnknownShop, SaleRefused):
    api.register_error_handler(kind, _failed)


def given_json() -> Json:
    given = request.get_json(silent=True) if request.data else {}
    if not isinstance(given, dict):
        raise BadRequest("the body is not a JSON object")
    return given


def shop_of(given: Json) -> Shop:
    return world().shop(given.get("shop") or request.args.get("shop"))


def customer_of(shop: Shop, number: str | int) -> Customer:
    """By id, by gid, or by e-mail."""
    text = str(number)
    tail = text.rpartition("/")[2]
    found = shop.customers.by_id(int(tail)) if tail.isdecimal() else shop.customers.by_email(text)
    if found is None:
        raise BadRequest(f"there is no customer {number} in {shop.domain}")
    return found


def order_of(shop: Shop, number: int) -> Order:
    found = shop.orders.by_id(number)
    if found is None:
        raise BadRequest(f"there is no order {number} in {shop.domain}")
    return found


def customer_json(shop: Shop, customer: Customer) -> Json:
    return {
        "id": customer.id,
        "email": customer.email,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "tags": sorted(customer.tags),
        "orders": [shop.orders[place].id for place in customer.orders],
        "amount_spent": shop.currency.text(customer.spent),
        "segments": sorted(segment.name for segment in shop.segments if segment.id in shop.segments_of(customer)),
        "discount_codes": sorted(d.code for d in shop.discounts if customer.id in d.customers),
    }


def order_json(shop: Shop, order: Order) -> Json:
    return {
        "id": order.id,
        "name": order.name,
        "customer_id": order.customer.id if order.customer is not None else None,
        "email": order.email,
        "total_price": shop.currency.text(order.total),
        "subtotal_price": shop.currency.text(order.subtotal),
        "total_refunded": shop.currency.text(order.refunded),
        "currency": shop.currency.code,
        "financial_status": order.financial_status,
        "cancelled_at": utc_text(int(order.cancelled_at)) if order.cancelled_at else None,
        "discount_codes": [code.code for code in order.codes],
        "lines": [shop.ids.of("LineItem", place) for place in order.lines],
    }
