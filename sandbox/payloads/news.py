"""Bodies of the rarer topics: merges, deletions, edits, transactions, consent, discounts, checkouts and carts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from sandbox.checkout import Checkout
from sandbox.customers import Customer
from sandbox.discounts import Discount
from sandbox.ids import gid
from sandbox.money import Currency
from sandbox.orders import Order
from sandbox.payloads.pieces import utc_text


def merge_body(kept: Customer, gone: Customer, status: str, errors: Sequence[Mapping[str, object]] = ()) -> bytes:
    """`customers/merge`, which is told for merges that fail as well."""
    return orjson.dumps(
        {
            "admin_graphql_api_customer_kept_id": gid("Customer", kept.id),
            "admin_graphql_api_customer_deleted_id": gid("Customer", gone.id),
            "admin_graphql_api_job_id": None,
            "status": status,
            "errors": list(errors),
        }
    )


def customer_gone_body(customer: Customer) -> bytes:
    return orjson.dumps({"id": customer.id, "tax_exemptions": [], "admin_graphql_api_id": gid("Customer", customer.id)})


def summary_body(customer: Customer, last_order: Order | None, currency: Currency, now: float) -> bytes:
    """`customers/purchasing_summary`: how often, how much, and what last."""
    return orjson.dumps(
        {
            "customerId": gid("Customer", customer.id),
            "numberOfOrders": len(customer.orders),
            "amountSpent": {"amount": currency.text(customer.spent), "currencyCode": currency.code},
            "lastOrderId": gid("Order", last_order.id) if last_order is not None else None,
            "occurredAt": milliseconds(now),
        }
    )


def consent_body(customer: Customer, channel: str, state: str, now: float) -> bytes:
    """The two consent topics, which name the customer by different fields."""
    consent: dict[str, Any] = {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": milliseconds(now)}
    if channel == "email":
        return orjson.dumps(
            {"customer_id": customer.id, "email_address": customer.email, "email_marketing_consent": consent}
        )
    sms = consent | {"consent_collected_from": "other"}
    return orjson.dumps({"id": customer.id, "phone": customer.phone, "sms_marketing_consent": sms})


def edit_body(number: int, order: Order, removed: Iterable[tuple[int, int]], now: float) -> bytes:
    """`orders/edited`: which lines lost how many pieces, and not what the order came to."""
    at = utc_text(int(now))
    nothing: dict[str, list[object]] = {"additions": [], "removals": []}
    edit = {
        "id": number,
        "app_id": None,
        "created_at": at,
        "committed_at": at,
        "notify_customer": False,
        "order_id": order.id,
        "staff_note": "",
        "user_id": None,
        "line_items": {"additions": [], "removals": [{"id": line, "delta": delta} for line, delta in removed]},
        "discounts": {"line_item": nothing},
        "shipping_lines": nothing,
    }
    return orjson.dumps({"order_edit": edit})


def transaction_body(order: Order, kind: str, amount: str, currency: str, now: float) -> bytes:
    at = utc_text(int(now))
    return orjson.dumps(
        {
            "id": order.transaction_id,
            "order_id": order.id,
            "kind": kind,
            "gateway": "bogus",
            "status": "success",
            "message": None,
            "created_at": at,
            "test": order.test,
            "parent_id": None,
            "processed_at": at,
            "amount": amount,
            "currency": currency,
            "admin_graphql_api_id": gid("OrderTransaction", order.transaction_id),
        }
    )


def discount_body(discount: Discount, now: float) -> bytes:
    return orjson.dumps(
        {
            "admin_graphql_api_id": gid("DiscountCodeNode", discount.id),
            "title": discount.title,
            "status": discount.status(now),
            "created_at": utc_text(int(discount.created_at)),
            "updated_at": utc_text(int(discount.updated_at)),
        }
    )


def redeem_code_body(discount: Discount, now: float) -> bytes:
    code = {"id": gid("DiscountRedeemCode", discount.code_id), "code": discount.code}
    return orjson.dumps(
        {
            "admin_graphql_api_id": gid("DiscountCodeNode", discount.id),
            "redeem_code": code,
            "updated_at": milliseconds(now),
        }
    )


def checkout_body(checkout: Checkout, customer: bytes | None, currency: Currency, domain: str) -> bytes:
    """`checkouts/create` and `checkouts/update`; `customer` is the body of the account, where one is known."""
    total = sum(item.price * item.quantity for item in checkout.items)
    body: dict[str, Any] = {
        "token": checkout.token,
        "cart_token": checkout.cart_token,
        "email": checkout.email,
        "created_at": utc_text(int(checkout.started_at)),
        "updated_at": utc_text(int(checkout.updated_at)),
        "completed_at": utc_text(int(checkout.completed_at)) if checkout.completed_at is not None else None,
        "currency": currency.code,
        "line_items": [
            {"title": item.product.title, "quantity": item.quantity, "price": currency.text(item.price)}
            for item in checkout.items
        ],
        "abandoned_checkout_url": f"https://{domain}/checkouts/{checkout.token}/recover?key=sandbox",
        "subtotal_price": currency.text(total),
        "total_price": currency.text(total),
        "buyer_accepts_marketing": False,
    }
    return orjson.dumps(body | ({"customer": orjson.Fragment(customer)} if customer is not None else {}))


def cart_body(checkout: Checkout, currency: Currency, now: float) -> bytes:
    """`carts/create` and `carts/update`: goods, and nobody."""
    lines = [
        {"title": item.product.title, "quantity": item.quantity, "price": currency.text(item.price)}
        for item in checkout.items
    ]
    return orjson.dumps(
        {
            "id": checkout.cart_token,
            "token": checkout.cart_token,
            "line_items": lines,
            "note": None,
            "updated_at": milliseconds(now),
            "created_at": milliseconds(checkout.started_at),
        }
    )


def milliseconds(now: float) -> str:
    """An instant as the newer topics write it: `2026-11-22T04:37:00.123Z`."""
    at = datetime.fromtimestamp(now, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
