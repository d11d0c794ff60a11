"""Discount codes as WooCommerce's coupons: written, read back, and compared field by field before anybody is told.

The store takes a coupon and quietly leaves out what it does not like: an instant in the wrong field (it never
expires), an address that it finds odd (it is open to everybody). So nothing counts as issued until what stands in the
store is what was stated, and a coupon that came out otherwise is frozen before we complain. A code is frozen by draft
status when it is taken back: shoppers are told that it does not exist, and so are we, for the store finds by their code
only coupons that work. A code that works again is a new coupon beside the frozen one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct

from commerce.identity import GUEST
from commerce.money import Money
from commerce.store import PutDiscount, StoreError
from connectors.woocommerce import bodies, reading
from connectors.woocommerce.reads import is_id, timestamp
from connectors.woocommerce.rest import Refused, Rest, decoded
from connectors.woocommerce.writes import Outcome, batch, emails, in_turn

_TAKEN = "woocommerce_rest_coupon_code_already_exists"
# By this field a coupon is known to be ours: codes are unique, whoever made them.
_MARK = "_perennial_discount"
_SOON = timedelta(minutes=5)
_LONGEST_TITLE = 200


class _Coupon(Struct):
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


def put_discounts(rest: Rest, effects: Sequence[PutDiscount], base: str, now: datetime) -> list[Outcome]:
    """Create the active codes and freeze the others; `base` is the shop's currency, which all its coupons are in."""
    outcomes: list[Outcome] = [None] * len(effects)
    for place, effect in enumerate(effects):
        outcomes[place] = _unfit(effect, base, now)
    in_turn(lambda places: _put(rest, effects, places, outcomes), _open(range(len(effects)), outcomes), outcomes)
    return outcomes


def _open(places: Sequence[int], outcomes: Sequence[Outcome]) -> list[int]:
    return [place for place in places if outcomes[place] is None]


def _unfit(effect: PutDiscount, base: str, now: datetime) -> Outcome:
    """Why `effect` cannot even be asked for. A code that is to be frozen needs nothing but itself."""
    if not effect.code.isascii() or not effect.code.replace("-", "").replace("_", "").isalnum():
        return StoreError("a code may have only letters, digits and hyphens: the store rewrites others", permanent=True)
    if not effect.active:
        return None
    if effect.takes != "amount" or effect.goods or effect.minimum_quantity:
        # Better no code than one that takes something else off: the points go back.
        return StoreError(
            "of discounts, only an amount off a whole order is made in WooCommerce so far", permanent=True
        )
    if effect.amount_minor <= 0:
        return StoreError("a coupon of no amount takes nothing off: it is not made", permanent=True)
    if effect.currency != base:
        return StoreError(f"the store's coupons are in {base}, and this one is in {effect.currency}", permanent=True)
    if effect.starts_at > now + _SOON:
        return StoreError("WooCommerce's coupons work from the moment they are made: ask again then", permanent=False)
    customer = effect.customer_external_id
    if customer is not None and not is_id(customer):
        what = "a guest" if customer.startswith(GUEST) else "nobody that the store knows"
        return StoreError(f"the code is locked to {what}: it needs an account in the store", permanent=True)
    return None


def _put(rest: Rest, effects: Sequence[PutDiscount], places: Sequence[int], outcomes: list[Outcome]) -> None:
    wanted = _locked(rest, effects, places, outcomes)
    active = [place for place in _open(places, outcomes) if effects[place].active]
    made: dict[int, int] = {}
    for place, answer in zip(active, batch(rest, "coupons", "create", [wanted[p] for p in active]), strict=True):
        if isinstance(answer, Refused) and answer.code == _TAKEN:
            outcomes[place] = _settle_existing(rest, effects[place], wanted[place])
        elif isinstance(answer, StoreError):
            outcomes[place] = answer
        else:
            made[place] = decoded(answer, _Id).id
    _read_back(rest, made, wanted, outcomes)
    for place in _open(places, outcomes):
        if not effects[place].active:
            outcomes[place] = _each_alone(rest, effects[place])


class _Id(Struct):
    id: bodies.Id


def _each_alone(rest: Rest, effect: PutDiscount) -> Outcome:
    try:
        return _freeze(rest, effect)
    except Refused as refusal:
        return refusal


def _locked(
    rest: Rest, effects: Sequence[PutDiscount], places: Sequence[int], outcomes: list[Outcome]
) -> dict[int, dict[str, object]]:
    """The coupons to write, those of one customer locked to his address. One without an address would be open to
    everybody; a star in it would be a pattern.
    """
    active = [place for place in places if effects[place].active]
    known = emails(rest, {int(who) for place in active if (who := effects[place].customer_external_id) is not None})
    wanted = {}
    for place in active:
        who = effects[place].customer_external_id
        address = "" if who is None else known.get(int(who), "").strip().lower()
        if who is not None and ("@" not in address or "*" in address):
            outcomes[place] = StoreError(
                "the customer has no e-mail to lock the code to, or is no longer in the store", permanent=True
            )
        wanted[place] = coupon_input(effects[place], address or None)
    return wanted


def coupon_input(effect: PutDiscount, email: str | None) -> dict[str, object]:
    """The store's description of the discount: a fixed amount off one cart, once. Every field that could widen or
    narrow it is stated, so that a coupon that exists already is brought to the same.
    """
    title = effect.title[:_LONGEST_TITLE]
    return {
        "code": effect.code,
        "status": "publish",
        "description": title,
        "discount_type": "fixed_cart",
        "amount": Money(effect.amount_minor, effect.currency).decimal(),
        # Not date_expires_gmt, which is taken and ignored. With its zone, or it would be the site's own time.
        "date_expires": timestamp(effect.ends_at),
        "usage_limit": 1,
        "usage_limit_per_user": 1,
        "individual_use": False,
        "free_shipping": False,
        "exclude_sale_items": False,
        "minimum_amount": Money(effect.minimum_minor, effect.currency).decimal(),
        "maximum_amount": "0",
        "email_restrictions": [] if email is None else [email],
        "product_ids": [],
        "excluded_product_ids": [],
        "product_categories": [],
        "excluded_product_categories": [],
        "meta_data": [{"key": _MARK, "value": title}],
    }


def differences(wanted: dict[str, object], found: _Coupon) -> list[str]:
    """The names of the fields in which the store's coupon is not the one that was asked for."""
    expires = wanted["date_expires"]
    same = {
        "code": found.code.casefold() == str(wanted["code"]).casefold(),
        "date_expires": found.date_expires_gmt is not None
        and timestamp(reading.instant(found.date_expires_gmt) or datetime.min.replace(tzinfo=UTC)) == expires,
        "email_restrictions": sorted(e.lower() for e in found.email_restrictions) == wanted["email_restrictions"],
        "limit_usage_to_x_items": not found.limit_usage_to_x_items,
        "meta_data": found.mark == wanted["description"],
    }
    same |= {name: _amount(getattr(found, name)) == _amount(str(wanted[name])) for name in _AMOUNTS}
    same |= {name: getattr(found, name) == wanted[name] for name in _EQUAL}
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
    "product_ids",
    "excluded_product_ids",
    "product_categories",
    "excluded_product_categories",
)


def _amount(text: str) -> Decimal | None:
    try:
        return Decimal(text) if len(text) < 32 else None
    except InvalidOperation:
        return None


def _read_back(rest: Rest, made: dict[int, int], wanted: dict[int, dict[str, object]], outcomes: list[Outcome]) -> None:
    """Compare what stands in the store with what was asked for; freeze what is not the same."""
    if not made:
        return
    query = (("include", ",".join(str(found) for found in made.values())), ("per_page", "100"))
    there = {coupon.id: coupon for coupon in rest.get("coupons", query, list[_Coupon]).data}
    for place, coupon_id in made.items():
        found = there.get(coupon_id)
        if found is None:
            outcomes[place] = StoreError("the coupon was written and is not there", permanent=False)
        elif wrong := differences(wanted[place], found):
            _draft(rest, coupon_id)
            outcomes[place] = _otherwise(wrong)


def _otherwise(wrong: Sequence[str]) -> StoreError:
    return StoreError(
        f"the store kept the coupon otherwise than asked, so it is frozen: {', '.join(wrong)}", permanent=True
    )


def _find(rest: Rest, code: str) -> _Coupon | None:
    found = rest.get("coupons", (("code", code), ("per_page", "10")), list[_Coupon]).data
    return next((coupon for coupon in found if coupon.code.casefold() == code.casefold()), None)


def _settle_existing(rest: Rest, effect: PutDiscount, wanted: dict[str, object]) -> Outcome:
    """A code that exists: ours as asked for (an answer was lost), ours and otherwise (bring it there), or another's."""
    try:
        found = _find(rest, effect.code)
        if found is None:
            return StoreError("the code was taken and then gone", permanent=False)
        if found.mark != wanted["description"]:
            return StoreError("the code belongs to another coupon of the shop", permanent=True)
        if not differences(wanted, found):
            return None
        found = rest.send("PUT", f"coupons/{found.id}", wanted, _Coupon)
        found = _find(rest, effect.code) or found
        if wrong := differences(wanted, found):
            _draft(rest, found.id)
            return _otherwise(wrong)
    except Refused as refusal:
        return refusal
    return None


def _freeze(rest: Rest, effect: PutDiscount) -> Outcome:
    found = _find(rest, effect.code)
    if found is None:
        return None
    if found.mark is None:
        return StoreError("the code belongs to another coupon of the shop", permanent=True)
    if found.status == "draft" or _draft(rest, found.id).status == "draft":
        return None
    return StoreError("the store did not freeze the coupon", permanent=False)


def _draft(rest: Rest, coupon_id: int) -> _Coupon:
    return rest.send("PUT", f"coupons/{coupon_id}", {"status": "draft"}, _Coupon)
