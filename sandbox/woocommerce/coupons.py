"""What is written to coupons, and what the store makes of it without a word."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from decimal import Decimal

from sandbox.woocommerce.customers import upserted
from sandbox.woocommerce.listing import instant, missing
from sandbox.woocommerce.shapes import Body, amount, coupon, error
from sandbox.woocommerce.store import Record, Store

_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_PLAIN = (
    "status",
    "description",
    "discount_type",
    "individual_use",
    "free_shipping",
    "exclude_sale_items",
    "product_ids",
    "excluded_product_ids",
    "product_categories",
    "excluded_product_categories",
)
_LIMITS = ("usage_limit", "usage_limit_per_user", "limit_usage_to_x_items")


def create(store: Store, given: Body) -> Body:
    code = html.escape(str(given.get("code", "")).lower())
    if not code:
        return error("rest_missing_callback_param", "Missing parameter(s): code", 400)
    # Only published coupons are looked at: a draft's code, and a trashed one's, is free.
    if any(record.body["code"] == code and record.body["status"] == "publish" for record in store.coupons.values()):
        return error("woocommerce_rest_coupon_code_already_exists", "The coupon code already exists", 400)
    number = next(store.numbers)
    record = Record(coupon(number, code, store.decimals), store.now(), store.now())
    refusal = _write(store, record, given)
    if refusal is not None:
        return refusal
    store.coupons[number] = record
    store.courier.tell("coupon.created", number)
    return store.shown("coupons", record)


def update(store: Store, number: int, given: Body) -> Body:
    record = store.coupons.get(number)
    if record is None:
        return missing("coupons")
    refusal = _write(store, record, given)
    if refusal is None:
        store.courier.tell("coupon.updated", number)
    return refusal if refusal is not None else store.shown("coupons", record)


def delete(store: Store, number: int, force: str) -> Body:
    """Trashed, of which is told, or gone, of which is not; its code is free again either way."""
    record = store.coupons.get(number)
    if record is None:
        return missing("coupons")
    if force == "true":
        del store.coupons[number]
    else:
        record.body["status"] = "trash"
        store.courier.tell("coupon.deleted", number)
    return store.shown("coupons", record)


def _write(store: Store, record: Record, given: Body) -> Body | None:
    body = record.body
    kind = given.get("discount_type", body["discount_type"])
    if kind == "percent" and Decimal(str(given.get("amount", body["amount"]))) > 100:
        return error("coupon_invalid_amount", "Invalid discount amount.", 400)
    body |= {name: given[name] for name in _PLAIN if name in given}
    body |= {name: given[name] or None for name in _LIMITS if name in given}
    for name in ("amount", "minimum_amount", "maximum_amount"):
        if name in given:
            body[name] = amount(str(given[name] or "0"), store.decimals)
    if "email_restrictions" in given:
        body["email_restrictions"] = [one.lower() for one in given["email_restrictions"] if _EMAIL.fullmatch(one)]
    if given.get("date_expires") is not None:
        record.expires = _expiry(store, given["date_expires"])
    # date_expires_gmt is taken, and nothing is done with it.
    body["meta_data"] = upserted(body["meta_data"], given.get("meta_data", []), store)
    store.on_coupon(body)
    record.modified = store.now()
    return None


def _expiry(store: Store, text: str) -> datetime | None:
    """Nothing clears it; what cannot be read is the year 1970."""
    if text == "":
        return None
    try:
        return instant(store, text)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
