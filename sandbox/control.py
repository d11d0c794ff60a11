"""The control API: JSON under `/sandbox/…` for scripts and tests, answered to the machine itself only."""

from __future__ import annotations

import ipaddress
import threading
from typing import Any

from flask import Blueprint, Response, request

from sandbox import sales
from sandbox.customers import Customer
from sandbox.doors import doors, world
from sandbox.faults import BadFaults, Faults
from sandbox.history import BadHistory, open_history
from sandbox.launch import launch_url
from sandbox.money import BadAmount
from sandbox.orders import Order
from sandbox.payloads.pieces import utc_text
from sandbox.replay import TOPICS, Plan, Replay
from sandbox.shop import Shop
from sandbox.world import UnknownShop

api = Blueprint("control", __name__, url_prefix="/sandbox")
Json = dict[str, Any]
IDLE: Json = {"state": "idle", "orders": 0, "orders_total": 0, "refunds": 0, "deliveries": 0, "acknowledged": 0}


class BadRequest(ValueError):
    """The script asked for something that is not there or makes no sense."""


@api.before_request
def only_this_machine() -> tuple[Json, int] | None:
    """Loopback only: whoever reaches this may do anything in the world."""
    address = request.remote_addr or "127.0.0.1"
    try:
        if ipaddress.ip_address(address).is_loopback:
            return None
    except ValueError:
        pass
    return {"error": "the control API answers to this machine only"}, 403


def _failed(error: Exception) -> tuple[Json, int]:
    return {"error": str(error)}, 404 if isinstance(error, UnknownShop) else 422


for kind in (BadRequest, BadFaults, BadHistory, BadAmount, UnknownShop, sales.SaleRefused):
    api.register_error_handler(kind, _failed)


def _given() -> Json:
    given = request.get_json(silent=True) if request.data else {}
    if not isinstance(given, dict):
        raise BadRequest("the body is not a JSON object")
    return given


def _shop(given: Json) -> Shop:
    return world().shop(given.get("shop") or request.args.get("shop"))


# ---- replay


@api.post("/replay")
def start_replay() -> tuple[Json, int]:
    """`{source, speed, topics, payment, chatty, limit, faults, shop}`; reads the file and starts delivering."""
    given, hall = _given(), doors()
    source, shop = given.get("source") or "cdnow", _shop(given)
    plan = _plan(given)
    faults = Faults.of(given["faults"]) if given.get("faults") is not None else None
    with hall.lock:
        if hall.reading or (hall.replay is not None and hall.replay.state == "running"):
            raise BadRequest("a replay is running; stop it with DELETE /sandbox/replay")
        hall.reading, hall.error, hall.replay = True, None, None
    if faults is not None:
        world().courier.misbehave(faults)
    thread = threading.Thread(target=_read_and_run, args=(hall, shop, str(source), plan), daemon=True)
    thread.start()
    return {"state": "reading", "source": source}, 202


def _plan(given: Json) -> Plan:
    topics, speed = given.get("topics"), given.get("speed", "max")
    if isinstance(topics, str):
        topics = [topic.strip() for topic in topics.split(",") if topic.strip()]
    unknown = sorted(set(topics or ()) - TOPICS)
    if unknown:
        raise BadRequest(f"a replay does not send {', '.join(unknown)}; it sends {', '.join(sorted(TOPICS))}")
    if given.get("payment", "immediate") not in ("immediate", "later"):
        raise BadRequest("payment is `immediate` or `later`")
    try:
        pace = None if speed in ("max", None) else float(speed)
        limit = int(given["limit"]) if given.get("limit") else None
    except (TypeError, ValueError):
        raise BadRequest("speed is `max` or history seconds per real second; limit is a number of orders") from None
    if (pace is not None and not pace > 0) or (limit is not None and limit < 1):
        raise BadRequest("speed and limit are greater than 0")
    chosen = TOPICS if topics is None else frozenset(topics)
    later = given.get("payment") == "later"
    return Plan(speed=pace, topics=chosen, pay_later=later, chatty=bool(given.get("chatty")), limit=limit)


def _read_and_run(hall: Any, shop: Shop, source: str, plan: Plan) -> None:
    try:
        book = open_history(source, shop.currency)
        hall.replay = Replay(hall.world, shop, book, plan, source)
        hall.world.courier.feed(hall.replay.step)
    except BadHistory as error:
        hall.error = str(error)
    except Exception as error:  # a thread has nobody to raise to: say it where somebody looks
        hall.error = f"{type(error).__name__}: {error}"
        raise
    finally:
        hall.reading = False


@api.get("/replay")
def see_replay() -> Json:
    hall = doors()
    if hall.replay is not None:
        with world().lock:
            return hall.replay.report()
    state = "reading" if hall.reading else "failed" if hall.error else "idle"
    return IDLE | {"state": state, "error": hall.error}


@api.delete("/replay")
def stop_replay() -> Json:
    replay = doors().replay
    if replay is not None:
        replay.stop()
    return see_replay()


# ---- looking


@api.get("/stats")
def stats() -> Json:
    """Counts since the start: requests to the platform, mutations by name, deliveries."""
    there = world()
    with there.lock:
        courier = there.courier
        counts = {name: courier.stats[name] for name in ("triggered", "attempts", "acknowledged", "failed", "abandoned")}
        faults = {name: courier.stats[name] for name in ("duplicates", "dropped")}
        return {
            "platform_calls": there.stats["platform_calls"],
            "token_requests": there.stats["token_requests"],
            "throttled": there.stats["throttled"],
            "proxy_requests": there.stats["proxy_requests"],
            "mutations": dict(there.mutations),
            "deliveries": counts | faults | {"waiting": courier.backlog, "by_topic": dict(courier.topics)},
        }


@api.get("/world")
def counts() -> Json:
    with world().lock:
        return {"shops": {shop.domain: _counts(shop) for shop in world().shops.values()}}


def _counts(shop: Shop) -> Json:
    return {
        "installed": shop.installation is not None,
        "currency": shop.currency.code,
        "customers": len(shop.customers),
        "products": len(shop.catalog),
        "orders": len(shop.orders),
        "lines": len(shop.lines),
        "refunds": shop.refund_count,
        "discounts": len(shop.discounts),
        "segments": len(shop.segments),
        "tagged_customers": sum(1 for customer in shop.customers if customer.tags),
    }


def _customer(shop: Shop, number: str | int) -> Customer:
    """By id, by gid, or by e-mail."""
    text = str(number)
    tail = text.rpartition("/")[2]
    found = shop.customers.by_id(int(tail)) if tail.isdecimal() else shop.customers.by_email(text)
    if found is None:
        raise BadRequest(f"there is no customer {number} in {shop.domain}")
    return found


def _order(shop: Shop, number: int) -> Order:
    found = shop.orders.by_id(number)
    if found is None:
        raise BadRequest(f"there is no order {number} in {shop.domain}")
    return found


def _customer_json(shop: Shop, customer: Customer) -> Json:
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


def _order_json(shop: Shop, order: Order) -> Json:
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


@api.get("/customers/<path:number>")
def see_customer(number: str) -> Json:
    with world().lock:
        shop = _shop({})
        return _customer_json(shop, _customer(shop, number))


@api.get("/orders/<int:number>")
def see_order(number: int) -> Json:
    with world().lock:
        shop = _shop({})
        return _order_json(shop, _order(shop, number))


# ---- doing


@api.post("/install")
def install() -> Json:
    """What the merchant's consent does; opening `launch_url` is what the admin does next."""
    shop = _shop(_given())
    installation = world().install(shop.domain)
    return {
        "shop": shop.domain,
        "installed_at": installation.installed_at,
        "scopes": list(installation.scopes),
        "launch_url": launch_url(world(), shop),
    }


@api.post("/uninstall")
def uninstall() -> Json:
    shop = _shop(_given())
    world().uninstall(shop.domain)
    return {"shop": shop.domain, "installed": False}


@api.post("/privacy")
def privacy() -> Json:
    """`{topic, customer_id}`: one of the compliance topics."""
    given = _given()
    shop, topic = _shop(given), given.get("topic")
    if topic not in ("customers/data_request", "customers/redact", "shop/redact"):
        raise BadRequest("topic is customers/data_request, customers/redact or shop/redact")
    customer = _customer(shop, given["customer_id"]) if given.get("customer_id") else None
    if topic != "shop/redact" and customer is None:
        raise BadRequest(f"{topic} is about a customer: give customer_id")
    world().send_privacy(topic, shop.domain, customer)
    return {"sent": topic}


@api.post("/faults")
def faults() -> Json:
    """`{duplicate, drop, reorder, delay, seed}`; what is not named is off."""
    chosen = Faults.of(_given())
    world().courier.misbehave(chosen)
    return {name: getattr(chosen, name) for name in ("duplicate", "drop", "reorder", "delay", "seed")}


@api.post("/deliveries/flush")
def flush() -> Json:
    """Sends what is held back for reordering or delay."""
    return {"flushed": world().courier.flush()}


@api.get("/deliveries")
def deliveries() -> Json:
    """The last ones: topic, id, attempts, status."""
    recent = [
        {"topic": d.topic, "shop": d.shop, "webhook_id": d.webhook_id, "event_id": d.event_id, "attempts": d.attempts}
        | {"status": d.status, "bytes": len(d.body), "triggered_at": d.triggered_at}
        for d in list(world().courier.recent)
    ]
    return {"deliveries": recent[::-1]}


@api.post("/customers")
def add_customer() -> tuple[Json, int]:
    """`{email, first_name, last_name, tags}`."""
    given = _given()
    shop = _shop(given)
    with world().lock:
        customer = world().add_customer(given.get("email"), given.get("first_name"), given.get("last_name"), shop.domain)
        if given.get("tags"):
            shop.tag_customer(customer, list(given["tags"]), [])
        return _customer_json(shop, customer), 201


@api.post("/orders")
def add_order() -> tuple[Json, int]:
    """`{customer_id | email, lines: [{sku, quantity}], codes, attributes, landing_site, shipping, paid, test}`."""
    given = _given()
    shop = _shop(given)
    with world().lock:
        customer = _customer(shop, given["customer_id"]) if given.get("customer_id") else None
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
            shop=shop.domain,
        )
        return _order_json(shop, order), 201


def _lines(given: Json) -> list[tuple[str, int]]:
    lines = given.get("lines") or [{"sku": "MUG", "quantity": 1}]
    try:
        return [(str(line["sku"]), int(line.get("quantity", 1))) for line in lines]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadRequest('lines are [{"sku": "MUG", "quantity": 1}, …]') from None


@api.post("/orders/<int:number>/refund")
def refund(number: int) -> Json:
    """`{lines: {line id or number in the order: quantity}, amount, note}`; nothing said: all that is left."""
    given = _given()
    with world().lock:
        shop = _shop(given)
        order = _order(shop, number)
        pieces = {_line(shop, order, key): int(count) for key, count in (given.get("lines") or {}).items()}
        amount = shop.currency.minor(given["amount"]) if given.get("amount") is not None else None
        chosen = pieces if given.get("lines") is not None or amount is not None else None
        made = world().refund(order, chosen, amount=amount, note=given.get("note"), shop=shop.domain)
        return _order_json(shop, order) | {"refund_id": made.id}


def _line(shop: Shop, order: Order, key: str) -> int:
    """A line's number in the order, from that number or from the line's id."""
    if not str(key).isdecimal():
        raise BadRequest(f"{key!r} is no line")
    number = int(key)
    return number if number < order.line_count else shop.ids.place("LineItem", number) - order.first_line


@api.post("/orders/<int:number>/pay")
def pay(number: int) -> Json:
    with world().lock:
        shop = _shop(_given())
        order = _order(shop, number)
        world().pay(order, shop.domain)
        return _order_json(shop, order)


@api.post("/orders/<int:number>/cancel")
def cancel(number: int) -> Json:
    given = _given()
    with world().lock:
        shop = _shop(given)
        order = _order(shop, number)
        world().cancel(order, reason=given.get("reason") or "customer", shop=shop.domain)
        return _order_json(shop, order)


@api.get("/health")
def health() -> Response:
    return Response("ok\n", mimetype="text/plain")
