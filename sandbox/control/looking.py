"""Looking: counts, a customer, an order, the last deliveries."""

from __future__ import annotations

from flask import Response

from sandbox.control.asking import Json, api, customer_json, customer_of, order_json, order_of, shop_of
from sandbox.doors import world
from sandbox.shop import Shop


@api.get("/stats")
def stats() -> Json:
    """Counts since the start: requests to the platform, mutations by name, deliveries."""
    there = world()
    with there.lock:
        courier = there.courier
        counts = {
            name: courier.stats[name] for name in ("triggered", "attempts", "acknowledged", "failed", "abandoned")
        }
        faults = {name: courier.stats[name] for name in ("duplicates", "dropped")}
        return {
            "platform_calls": there.stats["platform_calls"],
            "token_requests": there.stats["token_requests"],
            "throttled": there.stats["throttled"],
            "cost_points": there.stats["cost_points"],
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


@api.get("/customers/<path:number>")
def see_customer(number: str) -> Json:
    with world().lock:
        shop = shop_of({})
        return customer_json(shop, customer_of(shop, number))


@api.get("/orders/<int:number>")
def see_order(number: int) -> Json:
    with world().lock:
        shop = shop_of({})
        return order_json(shop, order_of(shop, number))


@api.get("/deliveries")
def deliveries() -> Json:
    """The last ones: topic, id, attempts, status."""
    recent = [
        {
            "topic": d.topic,
            "shop": d.shop,
            "webhook_id": d.webhook_id,
            "event_id": d.event_id,
            "attempts": d.attempts,
        }
        | {"status": d.status, "bytes": d.size, "triggered_at": d.triggered_at}
        for d in list(world().courier.recent)
    ]
    return {"deliveries": recent[::-1]}


@api.get("/extensions")
def extensions() -> Json:
    """The pixel that runs, the triggers in use, and what started workflows."""
    with world().lock:
        shop = shop_of({})
        runs = [{"handle": handle, "payload": payload} for handle, payload in shop.flows.runs]
        pixel = shop.pixel.settings if shop.pixel is not None else None
        return {"pixel": pixel, "triggers": sorted(shop.flows.enabled), "runs": runs}


@api.get("/health")
def health() -> Response:
    return Response("ok\n", mimetype="text/plain")
