"""The merchant's rarer deeds: merging and deleting, editing an order, ending a discount, renaming things.

Each tells the app what the platform tells it, and no more: a merge is not followed by its orders, an edit does not hold
the order that it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from sandbox import sales
from sandbox.customers import Customer
from sandbox.discounts import Discount
from sandbox.ids import gid
from sandbox.orders import Order
from sandbox.payloads import news, segment_body
from sandbox.products import Collection
from sandbox.sales import SaleRefused
from sandbox.segments import Segment
from sandbox.shop import Shop


def merge(shop: Shop, kept: Customer, gone: Customer) -> None:
    """Everything of `gone` becomes `kept`'s: orders, tags, discounts. Fires `customers/merge`, what changed on the kept
    one, and `customers/delete`.
    """
    event = shop.event()
    if kept is gone or kept.gone or gone.gone:
        fault = {"customer_ids": [kept.id, gone.id], "field": "base", "message": "They cannot be merged."}
        shop.fire("customers/merge", news.merge_body(kept, gone, "failed", [fault]), event)
        raise SaleRefused("these two customers cannot be merged")
    for place in gone.orders:
        shop.orders[place].customer = kept
    kept.orders.extend(gone.orders)
    kept.orders = type(kept.orders)("i", sorted(kept.orders))
    kept.spent += gone.spent
    for discount in shop.discounts:
        if gone.id in discount.customers:
            discount.customers = tuple(dict.fromkeys(kept.id if n == gone.id else n for n in discount.customers))
    tags = list(gone.tags)
    gone.spent, gone.tags, gone.orders = 0, (), type(gone.orders)("i")
    shop.customers.remove(gone)
    shop.version += 1
    shop.fire("customers/merge", news.merge_body(kept, gone, "completed"), event)
    shop.tag_customer(kept, tags, [])
    tell_purchases(shop, kept, event)
    shop.fire("customers/delete", news.customer_gone_body(gone), event)


def delete_customer(shop: Shop, customer: Customer) -> None:
    """Only somebody without orders can be deleted. Fires `customers/delete`."""
    if customer.orders:
        raise SaleRefused("a customer who has orders cannot be deleted")
    shop.customers.remove(customer)
    shop.version += 1
    shop.fire("customers/delete", news.customer_gone_body(customer), shop.event())


def tell_purchases(shop: Shop, customer: Customer, event: str) -> None:
    """What the platform counts of the customer: `customers/purchasing_summary`."""
    last = shop.orders[customer.orders[-1]] if customer.orders else None
    shop.fire("customers/purchasing_summary", news.summary_body(customer, last, shop.currency, shop.clock()), event)


def consent(shop: Shop, customer: Customer, channel: str, state: str) -> None:
    """The customer says yes or no to `email` or `sms`."""
    if channel == "email":
        customer.marketing_state = state.upper()
    topic = "customers_email_marketing_consent/update" if channel == "email" else "customers_marketing_consent/update"
    shop.fire(topic, news.consent_body(customer, channel, state, shop.clock()), shop.event())


def switch_account(shop: Shop, customer: Customer, *, enabled: bool) -> None:
    customer.state = "enabled" if enabled else "disabled"
    customer.updated_at = shop.clock()
    shop.fire_customer("customers/enable" if enabled else "customers/disable", customer)


def edit(shop: Shop, order: Order, pieces: Mapping[int, int]) -> None:
    """Takes pieces (place of the line -> how many) off an order that was placed. The platform writes that down as a
    refund without money. Fires `orders/edited`, then `orders/updated`.
    """
    status = order.financial_status
    sales.take_off(shop, order, pieces)
    order.financial_status = status
    event, number = shop.event(), shop.ids.of("OrderEdit", shop.version)
    removed = [(shop.bodies.line_id(place), count) for place, count in pieces.items()]
    shop.fire("orders/edited", news.edit_body(number, order, removed, shop.clock()), event)
    shop.fire_order(("orders/updated",), order, event)


def delete_order(shop: Shop, order: Order) -> None:
    """The order is gone for good. Fires `orders/delete`, which says nothing but its id."""
    if order.deleted:
        raise SaleRefused(f"{order.name} is deleted already")
    order.deleted = True
    if order.customer is not None:
        order.customer.orders.remove(order.place)
        order.customer.spent -= order.total - order.refunded
    shop.version += 1
    event = shop.event()
    shop.fire("orders/delete", b'{"id":%d}' % order.id, event)
    if order.customer is not None:
        tell_purchases(shop, order.customer, event)


def fulfil(shop: Shop, order: Order, *, partly: bool = False) -> None:
    """The goods, or some of them, are on their way. Fires `orders/fulfilled` or `orders/partially_fulfilled`."""
    order.fulfillment_status = "partial" if partly else "fulfilled"
    order.updated_at = shop.clock()
    shop.version += 1
    shop.fire_order(("orders/partially_fulfilled" if partly else "orders/fulfilled",), order, shop.event())


# ---- discounts and segments


def tell_discount(shop: Shop, topic: str, discount: Discount) -> None:
    """`discounts/create`, with the code that came with it, `discounts/update` or `discounts/delete`."""
    event = shop.event()
    if topic == "discounts/delete":
        body = b'{"admin_graphql_api_id":"%s"}' % gid("DiscountCodeNode", discount.id).encode()
        shop.fire(topic, body, event)
        return
    shop.fire(topic, news.discount_body(discount, shop.clock()), event)
    if topic == "discounts/create":
        shop.fire("discounts/redeemcode_added", news.redeem_code_body(discount, shop.clock()), event)


def delete_discount(shop: Shop, discount: Discount) -> None:
    shop.discounts.remove(discount)
    tell_discount(shop, "discounts/delete", discount)


def remove_code(shop: Shop, discount: Discount) -> None:
    """The one code of a discount is taken away: nothing is left of it. Fires `discounts/redeemcode_removed`."""
    shop.discounts.remove(discount)
    shop.fire("discounts/redeemcode_removed", news.redeem_code_body(discount, shop.clock()), shop.event())


def end_discount(shop: Shop, discount: Discount) -> None:
    discount.ends_at = discount.updated_at = shop.clock()
    tell_discount(shop, "discounts/update", discount)


def revive_discount(shop: Shop, discount: Discount) -> None:
    discount.ends_at, discount.updated_at = None, shop.clock()
    tell_discount(shop, "discounts/update", discount)


def rename_segment(shop: Shop, segment: Segment, name: str) -> None:
    segment.name, segment.edited_at = name, shop.clock()
    shop.fire("segments/update", segment_body(segment), shop.event())


def delete_segment(shop: Shop, segment: Segment) -> None:
    shop.segments.remove(segment)
    shop.fire("segments/delete", b'{"id":"%s"}' % gid("Segment", segment.id).encode(), shop.event())


# ---- the shop itself


def describe(shop: Shop, *, name: str | None = None, zone: str | None = None) -> None:
    """The shop gets another name or time zone. Fires `shop/update`."""
    shop.name = name or shop.name
    shop.zone = ZoneInfo(zone) if zone else shop.zone
    shop.version += 1
    shop.fire("shop/update", shop.body(), shop.event())


def collect(shop: Shop, title: str, skus: Iterable[str]) -> Collection:
    """A new collection of these goods. The app is told of no collection: it has subscribed to none."""
    found = (shop.catalog.by_sku(sku) for sku in skus)
    return shop.collections.add(title, shop.clock(), [product.id for product in found if product is not None])


def recollect(shop: Shop, collection: Collection, skus: Iterable[str]) -> None:
    """From now on the collection holds exactly these goods."""
    found = (shop.catalog.by_sku(sku) for sku in skus)
    collection.products = {product.id for product in found if product is not None}
    collection.updated_at = shop.clock()
