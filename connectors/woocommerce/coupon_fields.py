"""A coupon, field by field: what we ask the store for, and in which fields what stands there is something else."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct

from commerce.money import Money
from commerce.rewards import PutDiscount
from connectors.woocommerce import bodies, reading
from connectors.woocommerce.reads import timestamp

# By this field a coupon is known to be ours: codes are unique, whoever made them.
_MARK = "_perennial_discount"
_LONGEST_TITLE = 200

# What a coupon says of itself, as we send it.
Fields = dict[str, object]


class Coupon(Struct):
    """A coupon as it stands in the store."""

    id: bodies.Id
    code: str
    status: str
    amount: str
    discount_type: str
    date_expires_gmt: datetime | None = None
    usage_limit: int | None = None
    usage_limit_per_user: int | None = None
    limit_usage_to_x_items: int | None = None
    individual_use: bool = False
    free_shipping: bool = False
    exclude_sale_items: bool = False
    minimum_amount: str = "0"
    maximum_amount: str = "0"
    email_restrictions: list[str] = []
    product_ids: list[int] = []
    excluded_product_ids: list[int] = []
    product_categories: list[int] = []
    excluded_product_categories: list[int] = []
    meta_data: list[bodies.MetaItem] = []

    @property
    def mark(self) -> str | None:
        """The title under which we made it; None for a coupon that is not ours."""
        raw = next((bytes(item.value) for item in self.meta_data if item.key == _MARK), b"")
        return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else None


def fields_of(effect: PutDiscount, email: str | None) -> Fields:
    """The store's description of a discount that works. Every field that could widen or narrow it is stated, so that a
    coupon that exists already is brought to the same. Of numbers, 0 says none: null would leave what was there.
    """
    title = effect.title[:_LONGEST_TITLE]
    goods = effect.goods
    return {
        "code": effect.code,
        "status": "publish",
        "description": title,
        # Not date_expires_gmt, which is taken and ignored. With its zone, or it would be the site's own time.
        "date_expires": timestamp(effect.ends_at),
        "usage_limit": 1,
        "usage_limit_per_user": 1,
        "individual_use": not any(effect.combines),
        "exclude_sale_items": False,
        "minimum_amount": Money(effect.minimum_minor, effect.currency).decimal(),
        "maximum_amount": "0",
        "email_restrictions": [] if email is None else [email],
        # A variation is a product of its own number to the store's coupons.
        "product_ids": sorted({int(one) for one in (*goods.products, *goods.variants)}),
        "excluded_product_ids": [],
        "product_categories": sorted({int(one) for one in goods.collections}),
        "excluded_product_categories": [],
        "meta_data": [{"key": _MARK, "value": title}],
        **_taken_off(effect),
    }


def _taken_off(effect: PutDiscount) -> Fields:
    """An amount off named goods is taken off one piece of them: the platform would take it off every piece."""
    kind, amount, pieces = "fixed_cart", "0", 0
    if effect.takes == "percentage":
        kind, amount = "percent", str(effect.percent)
    elif effect.takes == "amount":
        amount = Money(effect.amount_minor, effect.currency).decimal()
        if effect.goods:
            kind, pieces = "fixed_product", 1
    return {
        "discount_type": kind,
        "amount": amount,
        "limit_usage_to_x_items": pieces,
        "free_shipping": effect.takes == "shipping",
    }


def differences(wanted: Fields, found: Coupon) -> list[str]:
    """The names of the fields in which the store's coupon is not the one that was asked for."""
    expires = wanted["date_expires"]
    same = {
        "code": found.code.casefold() == str(wanted["code"]).casefold(),
        "date_expires": found.date_expires_gmt is not None
        and timestamp(reading.instant(found.date_expires_gmt) or datetime.min.replace(tzinfo=UTC)) == expires,
        "email_restrictions": sorted(e.lower() for e in found.email_restrictions) == wanted["email_restrictions"],
        "limit_usage_to_x_items": (found.limit_usage_to_x_items or 0) == wanted["limit_usage_to_x_items"],
        "meta_data": found.mark == wanted["description"],
    }
    same |= {name: _amount(getattr(found, name)) == _amount(str(wanted[name])) for name in _AMOUNTS}
    same |= {name: getattr(found, name) == wanted[name] for name in _EQUAL}
    same |= {name: sorted(set(getattr(found, name))) == wanted[name] for name in _LISTS}
    return sorted(name for name, fits in same.items() if not fits)


_AMOUNTS = ("amount", "minimum_amount", "maximum_amount")
_EQUAL = (
    "status",
    "discount_type",
    "usage_limit",
    "usage_limit_per_user",
    "individual_use",
    "free_shipping",
    "exclude_sale_items",
)
_LISTS = ("product_ids", "excluded_product_ids", "product_categories", "excluded_product_categories")


def _amount(text: str) -> Decimal | None:
    try:
        return Decimal(text) if len(text) < 32 else None
    except InvalidOperation:
        return None
