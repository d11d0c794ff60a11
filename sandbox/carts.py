"""Shoppers on the way to buying: carts, which name nobody, and checkouts, which may be left without an order."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox import sales
from sandbox.checkout import Checkout, quote
from sandbox.customers import Customer
from sandbox.orders import Order
from sandbox.payloads import news
from sandbox.payloads.customer import customer_in_order
from sandbox.shop import Shop


def begin(
    shop: Shop, wanted: Sequence[tuple[str, int]], customer: Customer | None = None, email: str | None = None
) -> Checkout:
    """Somebody fills a cart and goes to the checkout. Fires `carts/create` and `checkouts/create`."""
    now, number = shop.clock(), shop.event().replace("-", "")
    mail = customer.email if customer is not None else email
    made = Checkout(number, f"c1-{number}", sales.items_for(shop, wanted), customer, mail, now, now)
    shop.fire("carts/create", news.cart_body(made, shop.currency, now), shop.event())
    _tell(shop, "checkouts/create", made)
    return made


def change(shop: Shop, checkout: Checkout, wanted: Sequence[tuple[str, int]]) -> None:
    """Another basket at the same checkout. Fires `carts/update` and `checkouts/update`."""
    checkout.items, checkout.updated_at = sales.items_for(shop, wanted), shop.clock()
    shop.fire("carts/update", news.cart_body(checkout, shop.currency, shop.clock()), shop.event())
    _tell(shop, "checkouts/update", checkout)


def come_back(shop: Shop, checkout: Checkout) -> None:
    """The shopper looks into the cart again, and changes nothing at the checkout. Fires `carts/update`."""
    shop.fire("carts/update", news.cart_body(checkout, shop.currency, shop.clock()), shop.event())


def complete(shop: Shop, checkout: Checkout) -> Order:
    """The shopper buys. Fires what an order fires, and `checkouts/update`."""
    price = quote(shop, checkout.items, customer=checkout.customer, email=checkout.email)
    order = sales.place(shop, price, sales.Purchase(customer=checkout.customer, email=checkout.email))
    checkout.completed_at = checkout.updated_at = shop.clock()
    _tell(shop, "checkouts/update", checkout)
    return order


def _tell(shop: Shop, topic: str, checkout: Checkout) -> None:
    someone = checkout.customer
    account = customer_in_order(someone, shop.bodies.code, shop.bodies.at) if someone is not None else None
    shop.fire(topic, news.checkout_body(checkout, account, shop.currency, shop.domain), shop.event())
