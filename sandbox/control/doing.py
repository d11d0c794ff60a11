"""Doing: install, sell, refund, cancel, cause faults. What a person does, for scripts."""

from __future__ import annotations

from sandbox.bulk import BulkFaults
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
from sandbox.faults import Faults
from sandbox.launch import FLAWS, launch_url
from sandbox.orders import Order
from sandbox.shop import Shop


@api.post("/install")
def install() -> Json:
    """What the merchant's consent does; opening `launch_url` is what the admin does next."""
    shop = shop_of(given_json())
    installation = world().install(shop.domain)
    return {
        "shop": shop.domain,
        "installed_at": installation.installed_at,
        "scopes": list(installation.scopes),
        "launch_url": launch_url(world(), shop),
    }


@api.post("/uninstall")
def uninstall() -> Json:
    shop = shop_of(given_json())
    world().uninstall(shop.domain)
    return {"shop": shop.domain, "installed": False}


@api.post("/privacy")
def privacy() -> Json:
    """`{topic, customer_id}`: one of the compliance topics."""
    given = given_json()
    shop, topic = shop_of(given), given.get("topic")
    if topic not in ("customers/data_request", "customers/redact", "shop/redact"):
        raise BadRequest("topic is customers/data_request, customers/redact or shop/redact")
    customer = customer_of(shop, given["customer_id"]) if given.get("customer_id") else None
    if topic != "shop/redact" and customer is None:
        raise BadRequest(f"{topic} is about a customer: give customer_id")
    world().send_privacy(topic, shop.domain, customer)
    return {"sent": topic}


@api.post("/extension-token")
def extension_token() -> Json:
    """`{customer_id}`: what the app's code in checkout or customer accounts is given; without one, a stranger's."""
    given = given_json()
    shop = shop_of(given)
    customer = customer_of(shop, given["customer_id"]) if given.get("customer_id") else None
    return {"token": world().extension_token(customer, shop.domain)}


@api.post("/workflows")
def workflows() -> Json:
    """`{handle, enabled}`: a workflow that begins with this trigger is switched on or off, if the app agrees."""
    given = given_json()
    agreed = world().use_trigger(str(given.get("handle")), bool(given.get("enabled", True)), shop_of(given).domain)
    return {"agreed": agreed}


@api.post("/faults")
def faults() -> Json:
    """`{duplicate, drop, reorder, delay, seed}`; what is not named is off."""
    chosen = Faults.of(given_json())
    world().courier.misbehave(chosen)
    return {name: getattr(chosen, name) for name in ("duplicate", "drop", "reorder", "delay", "seed")}


@api.post("/bulk/faults")
def bulk_faults() -> Json:
    """`{refused, unlisted, fail_after, error, stuck_after, gone}`; what is not named is off."""
    given = given_json()
    shop = shop_of(given)
    chosen = BulkFaults.of({name: value for name, value in given.items() if name != "shop"})
    with world().lock:
        shop.bulk.faults = chosen
    return {name: getattr(chosen, name) for name in BulkFaults.__slots__}


@api.post("/bulk/finish")
def finish_bulk() -> Json:
    """Lets every running bulk operation do the rest of its work at once."""
    shop = shop_of(given_json())
    with world().lock:
        shop.run_bulk(at_once=True)
        return {"operations": [{"id": one.id, "type": one.type, "status": one.status} for one in shop.bulk]}


@api.post("/outages")
def outages() -> Json:
    """`{refusing, lost_grants}`; what is not named is over."""
    world().outages.set(given_json())
    return {"refusing": world().outages.refusing, "lost_grants": world().outages.lost_grants}


@api.post("/scopes")
def scopes() -> Json:
    """`{scopes: [...]}`: what the merchant grants from now on."""
    given = given_json()
    shop, wanted = shop_of(given), given.get("scopes")
    if not isinstance(wanted, list) or shop.installation is None:
        raise BadRequest("scopes is a list, and the app is installed")
    world().grant_scopes([str(scope) for scope in wanted], shop.domain)
    return {"shop": shop.domain, "scopes": list(shop.installation.scopes)}


@api.post("/launch")
def launch() -> Json:
    """`{path, flaw}`: how the admin would open the app now, its ID token with a flaw or without."""
    given = given_json()
    flaw = given.get("flaw")
    if flaw is not None and flaw not in FLAWS:
        raise BadRequest(f"flaw is one of {', '.join(FLAWS)}")
    return {"launch_url": launch_url(world(), shop_of(given), str(given.get("path") or "/"), flaw)}


@api.post("/faults/answers")
def lose_answers() -> Json:
    """`{giftCardCreate: 2}`: so many next answers to that question are lost although it takes effect."""
    given = given_json()
    shop = shop_of(given)
    with world().lock:
        chosen = {name: count for name, count in given.items() if name != "shop"}
        if not all(isinstance(count, int) and 0 <= count <= 10_000 for count in chosen.values()):
            raise BadRequest('how many answers to lose is a number: {"giftCardCreate": 2}')
        shop.lost_answers.update({name: count - shop.lost_answers[name] for name, count in chosen.items()})
        return dict(shop.lost_answers)


@api.post("/deliveries/flush")
def flush() -> Json:
    """Sends what is held back for reordering or delay."""
    return {"flushed": world().courier.flush()}


@api.post("/customers")
def add_customer() -> tuple[Json, int]:
    """`{email, first_name, last_name, tags}`."""
    given = given_json()
    shop = shop_of(given)
    with world().lock:
        customer = world().add_customer(
            given.get("email"), given.get("first_name"), given.get("last_name"), shop.domain
        )
        if given.get("tags"):
            shop.tag_customer(customer, list(given["tags"]), [])
        return customer_json(shop, customer), 201


@api.post("/orders")
def add_order() -> tuple[Json, int]:
    """`{customer_id | email, lines: [{sku, quantity}], codes, attributes, landing_site, shipping, paid,
    test, gift_cards, store_credit}`.
    """
    given = given_json()
    shop = shop_of(given)
    with world().lock:
        customer = customer_of(shop, given["customer_id"]) if given.get("customer_id") else None
        email = given.get("email")
        if customer is None and email:
            customer = shop.customers.by_email(email)
        order = world().place_order(
            _lines(given),
            customer=customer,
            email=email,
            codes=[str(code) for code in given.get("codes") or ()],
            shipping=shop.currency.minor(given.get("shipping") or "0"),
            paid=bool(given.get("paid", True)),
            attributes=tuple((str(k), str(v)) for k, v in (given.get("attributes") or {}).items()),
            landing_site=given.get("landing_site"),
            referring_site=given.get("referring_site"),
            test=bool(given.get("test")),
            gift_cards=[str(code) for code in given.get("gift_cards") or ()],
            store_credit=bool(given.get("store_credit")),
            shop=shop.domain,
        )
        return order_json(shop, order), 201


def _lines(given: Json) -> list[tuple[str, int]]:
    lines = given.get("lines") or [{"sku": "MUG", "quantity": 1}]
    try:
        return [(str(line["sku"]), int(line.get("quantity", 1))) for line in lines]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadRequest('lines are [{"sku": "MUG", "quantity": 1}, …]') from None


@api.post("/orders/<int:number>/refund")
def refund(number: int) -> Json:
    """`{lines: {line id or number in the order: quantity}, amount, note}`; nothing said: all that is left."""
    given = given_json()
    with world().lock:
        shop = shop_of(given)
        order = order_of(shop, number)
        pieces = {_line(shop, order, key): int(count) for key, count in (given.get("lines") or {}).items()}
        amount = shop.currency.minor(given["amount"]) if given.get("amount") is not None else None
        chosen = pieces if given.get("lines") is not None or amount is not None else None
        made = world().refund(order, chosen, amount=amount, note=given.get("note"), shop=shop.domain)
        return order_json(shop, order) | {"refund_id": made.id}


def _line(shop: Shop, order: Order, key: str) -> int:
    """A line's number in the order, from that number or from the line's id."""
    if not str(key).isdecimal():
        raise BadRequest(f"{key!r} is no line")
    number = int(key)
    return number if number < order.line_count else shop.ids.place("LineItem", number) - order.first_line


@api.post("/orders/<int:number>/pay")
def pay(number: int) -> Json:
    with world().lock:
        shop = shop_of(given_json())
        order = order_of(shop, number)
        world().pay(order, shop.domain)
        return order_json(shop, order)


@api.post("/orders/<int:number>/cancel")
def cancel(number: int) -> Json:
    given = given_json()
    with world().lock:
        shop = shop_of(given)
        order = order_of(shop, number)
        world().cancel(order, reason=given.get("reason") or "customer", shop=shop.domain)
        return order_json(shop, order)
