"""What is written to orders by REST: made, changed, trashed, deleted, refunded.

A bad coupon refuses the order and leaves a draft of it behind, of which the webhooks tell.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.woocommerce import checkout, shapes
from sandbox.woocommerce.customers import upserted
from sandbox.woocommerce.listing import missing
from sandbox.woocommerce.shapes import Body, error
from sandbox.woocommerce.store import Line, Store

_PLAIN = ("billing", "shipping", "payment_method", "currency", "customer_note", "transaction_id")


def create(store: Store, given: Body) -> Body:
    """An order of goods that need not be in the catalogue; `set_paid` runs the path of a payment."""
    customer = int(given.get("customer_id", 0))
    if customer and customer not in store.customers:
        return error("woocommerce_rest_invalid_customer_id", "Customer ID is invalid.", 400)
    status = given.get("status", "processing" if given.get("set_paid") else "pending")
    fields = {name: given[name] for name in ("payment_method", "currency", "customer_note") if name in given}
    codes = [row["code"] for row in given.get("coupon_lines", [])]
    try:
        number = checkout.check_out(
            store, [_line(row) for row in given.get("line_items", [])], billing=given.get("billing"),
            customer=customer, coupons=codes, status=status, created_via="rest-api",
            method=fields.pop("payment_method", ""), **fields,
        )  # fmt: skip
    except checkout.CouponRefused as refusal:
        left = store.order([], customer=customer, status="checkout-draft", billing=given.get("billing"))
        told = error("woocommerce_rest_invalid_coupon", str(refusal), 400)
        told["data"]["new_draft_order_id"] = left
        return told
    record = store.orders[number]
    record.body["meta_data"] = upserted(record.body["meta_data"], given.get("meta_data", []), store)
    return store.shown("orders", record)


def _line(row: Body) -> Line:
    """A product that the shop does not have makes an empty line."""
    quantity = int(row.get("quantity", 1))
    price = Decimal(str(row.get("total", row.get("subtotal", "0")))) / max(1, quantity)
    return Line(row.get("name", ""), str(price), quantity, int(row.get("product_id", 0)))


def update(store: Store, number: int, given: Body) -> Body:
    record = store.orders.get(number)
    if record is None:
        return missing("orders")
    record.body |= {name: given[name] for name in _PLAIN if name in given}
    if "customer_id" in given:
        if given["customer_id"] and given["customer_id"] not in store.customers:
            return error("woocommerce_rest_invalid_customer_id", "Customer ID is invalid.", 400)
        record.body["customer_id"] = given["customer_id"]
    record.body["meta_data"] = upserted(record.body["meta_data"], given.get("meta_data", []), store)
    status = str(given.get("status", record.body["status"]))
    if status == "refunded" and record.body["status"] != "refunded":
        store.refund(number, None, "Order fully refunded.")
    elif status != record.body["status"]:
        store.set_status(number, status)
    else:
        store.changed(number)
    return store.shown("orders", record)


def delete(store: Store, number: int, force: str) -> Body:
    record = store.orders.get(number)
    if record is None:
        return missing("orders")
    # Answered as it was before.
    told = store.shown("orders", record)
    if force == "true":
        store.force_delete(number)
    else:
        store.trash(number)
    return told


def refund(store: Store, number: int, given: Body) -> Body:
    """Its money, and at will its lines; the two need not fit."""
    lines = {int(row["id"]): int(row.get("quantity", 0)) for row in given.get("line_items", [])}
    amount = given.get("amount")
    if Decimal(str(amount or store.left(number))) > store.left(number):
        told = error("woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.", 500)
        return told | {"data": 500}  # a bare number, as observed
    refund_id = store.refund(number, None if amount is None else str(amount), given.get("reason", ""), lines)
    return next(row for row in refunds(store, number) if row["id"] == refund_id)


def refunds(store: Store, number: int) -> list[Body]:
    """The refunds of an order as they tell of themselves, newest first."""
    record = store.orders[number]
    return [
        {
            "id": row["id"],
            **shapes.instants("date_created", store.refunds[row["id"]][0], store.offset),
            "amount": row["total"].removeprefix("-"),
            "reason": row["reason"],
            "refunded_by": 1,
            "refunded_payment": False,
            "meta_data": [],
            "line_items": store.refunds[row["id"]][1],
            "shipping_lines": [],
            "tax_lines": [],
            "fee_lines": [],
        }
        for row in record.body["refunds"]
    ]


def delete_refund(store: Store, number: int, refund_id: int) -> Body:
    rows: list[Any] = [row for row in refunds(store, number) if row["id"] == refund_id]
    if not rows:
        return error("woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.", 404)
    store.delete_refund(number, refund_id)
    found: Body = rows[0]
    return found
