"""A WooCommerce store on your laptop: the REST API ``wc/v3`` as a real store of version 11.0.1 was seen to answer it.

It imports nothing of the app. It imitates what the app uses (the site's index, settings, orders and their refunds,
customers, coupons, categories and which products stand in them, webhooks and their sending, batches, the grant of
keys), with what was observed to be odd: instants read as the site's own, lists that shift while they are paged, fields
that are dropped without a word, guests, erased people, forced deletions, bodies that are built at the sending,
deliveries that are tried once. What stands between an app and a shop (firewalls, PHP messages, proxies that end TLS,
hosts that drop headers) comes on demand.

`Store` is the shop's life, one method for each thing that happens in it; `check_out` is a shopper who buys. Nothing is
told before `Store.courier.deliver`, over whatever `Store.courier.send` is (`post` for real HTTP).

What it does not imitate: the shop's pages and cart, more of a product than its categories, stock, taxes, payment,
e-mails, search, notes, and everything of ``wc-analytics``.
"""

from __future__ import annotations

from sandbox.woocommerce.checkout import CheckoutRefused, CouponRefused, check_out
from sandbox.woocommerce.companion import Companion
from sandbox.woocommerce.courier import post
from sandbox.woocommerce.currencies import noted
from sandbox.woocommerce.doors import create_app
from sandbox.woocommerce.grant import Grant, approve
from sandbox.woocommerce.keys import ApiKey
from sandbox.woocommerce.store import Line, Store

__all__ = [
    "ApiKey",
    "CheckoutRefused",
    "Companion",
    "CouponRefused",
    "Grant",
    "Line",
    "Store",
    "approve",
    "check_out",
    "create_app",
    "noted",
    "post",
]
