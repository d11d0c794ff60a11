"""The merchant's rarer deeds, for scripts: merge, delete, edit, end, rename. Each answers with what is left."""

from __future__ import annotations

from sandbox import carts, merchant, theme
from sandbox.control.asking import (
    BadRequest,
    Json,
    api,
    customer_json,
    customer_of,
    given_json,
    order_json,
    order_of,
    shop_of,
)
from sandbox.doors import world
from sandbox.segments import Segment
from sandbox.shop import Shop


@api.post("/customers/merge")
def merge() -> Json:
    """`{kept, gone}`: customers by id or e-mail."""
    given = given_json()
    with world().lock:
        shop = shop_of(given)
        kept, gone = customer_of(shop, given.get("kept", "")), customer_of(shop, given.get("gone", ""))
        merchant.merge(shop, kept, gone)
        return customer_json(shop, kept)


@api.post("/customers/<number>/delete")
def delete_customer(number: str) -> Json:
    with world().lock:
        shop = shop_of(given_json())
        merchant.delete_customer(shop, customer_of(shop, number))
        return {"deleted": number}


@api.post("/customers/<number>/tags")
def tag(number: str) -> Json:
    """`{add: [...], remove: [...]}`."""
    given = given_json()
    with world().lock:
        shop = shop_of(given)
        customer = customer_of(shop, number)
        shop.tag_customer(customer, list(given.get("add") or ()), list(given.get("remove") or ()))
        return customer_json(shop, customer)


@api.post("/customers/<number>/consent")
def consent(number: str) -> Json:
    """`{channel: "email" | "sms", state: "subscribed" | ...}`."""
    given = given_json()
    if given.get("channel") not in ("email", "sms"):
        raise BadRequest("channel is email or sms")
    with world().lock:
        shop = shop_of(given)
        customer = customer_of(shop, number)
        merchant.consent(shop, customer, given["channel"], str(given.get("state") or "subscribed"))
        return customer_json(shop, customer)


@api.post("/orders/<int:number>/edit")
def edit(number: int) -> Json:
    """`{lines: {number in the order: pieces to take off}}`."""
    given = given_json()
    with world().lock:
        shop = shop_of(given)
        order = order_of(shop, number)
        pieces = {order.first_line + int(key): int(count) for key, count in (given.get("lines") or {"0": 1}).items()}
        merchant.edit(shop, order, pieces)
        return order_json(shop, order)


@api.post("/orders/<int:number>/delete")
def delete_order(number: int) -> Json:
    with world().lock:
        shop = shop_of(given_json())
        merchant.delete_order(shop, order_of(shop, number))
        return {"deleted": number}


@api.post("/orders/<int:number>/fulfil")
def fulfil(number: int) -> Json:
    """`{partly: true}` for some of the goods."""
    given = given_json()
    with world().lock:
        shop = shop_of(given)
        order = order_of(shop, number)
        merchant.fulfil(shop, order, partly=bool(given.get("partly")))
        return order_json(shop, order)


@api.post("/discounts/<code>/delete")
def delete_discount(code: str) -> Json:
    with world().lock:
        shop = shop_of(given_json())
        discount = shop.discounts.by_code(code)
        if discount is None:
            raise BadRequest(f"there is no code {code} in {shop.domain}")
        merchant.delete_discount(shop, discount)
        return {"deleted": code}


@api.post("/discounts/<code>/end")
def end_discount(code: str) -> Json:
    with world().lock:
        shop = shop_of(given_json())
        discount = shop.discounts.by_code(code)
        if discount is None:
            raise BadRequest(f"there is no code {code} in {shop.domain}")
        merchant.end_discount(shop, discount)
        return {"ended": code}


def _segment(shop: Shop, name: str) -> Segment:
    found = next((segment for segment in shop.segments if segment.name.casefold() == name.casefold()), None)
    if found is None:
        raise BadRequest(f"there is no segment {name} in {shop.domain}")
    return found


@api.post("/segments/<name>/rename")
def rename_segment(name: str) -> Json:
    """`{name}`."""
    given = given_json()
    with world().lock:
        shop = shop_of(given)
        merchant.rename_segment(shop, _segment(shop, name), str(given.get("name") or name))
        return {"renamed": name}


@api.post("/segments/<name>/delete")
def delete_segment(name: str) -> Json:
    with world().lock:
        shop = shop_of(given_json())
        merchant.delete_segment(shop, _segment(shop, name))
        return {"deleted": name}


@api.post("/describe")
def describe() -> Json:
    """`{name, timezone}` of the shop."""
    given = given_json()
    with world().lock:
        shop = shop_of(given)
        merchant.describe(shop, name=given.get("name"), zone=given.get("timezone"))
        return {"shop": shop.domain, "name": shop.name, "timezone": shop.zone.key}


@api.post("/theme")
def place_blocks() -> Json:
    """`{blocks, locale}`: the app's blocks on the store's pages (`true`: the usual ones, `false`: none, or their names
    by page), and the language that the store speaks.
    """
    given = given_json()
    with world().lock:
        shop, locale, blocks = shop_of(given), given.get("locale"), given.get("blocks")
        if locale is not None and not theme.LANGUAGE.fullmatch(str(locale)):
            raise BadRequest(f"{locale!r} is not a language")
        if blocks is not None:
            try:
                theme.place(shop, blocks)
            except (AttributeError, TypeError, ValueError) as error:
                raise BadRequest(str(error)) from None
        shop.locale = locale or shop.locale
        return {
            "shop": shop.domain,
            "locale": shop.locale,
            "blocks": {p: list(n) for p, n in shop.theme_blocks.items()},
        }


@api.post("/checkouts")
def begin_checkout() -> tuple[Json, int]:
    """`{customer_id | email, lines: [{sku, quantity}]}`: somebody goes to the checkout, and leaves it there."""
    given = given_json()
    with world().lock:
        shop = shop_of(given)
        customer = customer_of(shop, given["customer_id"]) if given.get("customer_id") else None
        lines = [(str(line["sku"]), int(line.get("quantity", 1))) for line in given.get("lines") or [{"sku": "MUG"}]]
        made = carts.begin(shop, lines, customer, given.get("email"))
        return {"token": made.token}, 201
