"""Lists of the store: filters, order and pages, as it was seen to read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.woocommerce.shapes import Body, error
from sandbox.woocommerce.store import Record, Store

# What the status "any" leaves out.
_HIDDEN = ("trash", "checkout-draft", "auto-draft")
_MISSING = {"orders": "shop_order", "customers": "", "coupons": "shop_coupon", "webhooks": "shop_webhook"}


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Body]
    total: int
    pages: int


def one(store: Store, resource: str, number: int) -> Body:
    record = _records(store, resource).get(number)
    if record is None:
        return missing(resource)
    return store.shown(resource, record)


def missing(resource: str) -> Body:
    kind = _MISSING[resource]
    code = f"woocommerce_rest_{kind}_invalid_id" if kind else "woocommerce_rest_invalid_id"
    return error(code, "Invalid ID.", 404)


def listed(store: Store, resource: str, query: dict[str, str]) -> Page | Body:
    per_page, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
    if not 1 <= per_page <= 100:
        return error("rest_invalid_param", "Invalid parameter(s): per_page", 400)
    found = [record for record in _records(store, resource).values() if _fits(store, resource, record, query)]
    key = query.get("orderby", "date")
    found.sort(key=lambda record: _rank(record, key), reverse=query.get("order", "desc") == "desc")
    start = int(query.get("offset", (page - 1) * per_page))
    rows = [store.shown(resource, record) for record in found[start : start + per_page]]
    total = len(found) if rows or page == 1 else 0
    return Page(rows, total, -(-total // per_page))


def _records(store: Store, resource: str) -> dict[int, Record]:
    return {
        "orders": store.orders,
        "customers": store.customers,
        "coupons": store.coupons,
        "webhooks": store.webhooks,
    }[resource]


def _rank(record: Record, key: str) -> tuple[datetime, int]:
    number = record.body["id"]
    if key == "id":
        return datetime.min.replace(tzinfo=UTC), number
    return (record.modified if key == "modified" and record.modified else record.created), number


def _fits(store: Store, resource: str, record: Record, query: dict[str, str]) -> bool:
    body = record.body
    if "include" in query and str(body["id"]) not in query["include"].split(","):
        return False
    if resource == "customers":
        role = query.get("role", "customer")
        return role in ("all", body["role"]) and query.get("email", body["email"]) == body["email"]
    if resource == "webhooks":
        return query.get("status", "all") in ("all", body["status"])
    if resource == "coupons":
        # By its code only a published coupon is found.
        return "code" not in query or (query["code"].lower(), "publish") == (body["code"], body["status"])
    status = query.get("status", "any")
    if status != body["status"] and (status != "any" or body["status"] in _HIDDEN):
        return False
    after, before = query.get("modified_after"), query.get("modified_before")
    if record.modified is None:
        return after is None and before is None
    if after is not None and record.modified <= instant(store, after):
        return False
    return before is None or record.modified < instant(store, before)


def instant(store: Store, text: str) -> datetime:
    """An instant that somebody gave: without a zone it is the site's own time."""
    at = datetime.fromisoformat(re.sub(r"Z$", "+00:00", text))
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC) - store.offset
