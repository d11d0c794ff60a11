"""A WooCommerce store on your laptop: the REST API ``wc/v3`` as a real store of version 11.0.1 was seen to answer it.

It imports nothing of the app. It imitates what the app uses (the site's index, settings, orders, customers, coupons,
webhooks as a list, batches, the grant of keys), with what was observed to be odd: instants read as the site's own,
lists that shift while they are paged, fields that are dropped without a word, guests, erased people, forced deletions.
What stands between an app and a shop (firewalls, PHP messages, proxies that end TLS, hosts that drop headers) comes on
demand.

What it does not imitate: the shop's pages and cart, products, stock, taxes, payment, e-mails, the sending of webhooks,
search, notes, and everything of ``wc-analytics``.
"""

from __future__ import annotations

from sandbox.woocommerce.companion import Companion
from sandbox.woocommerce.doors import create_app
from sandbox.woocommerce.grant import Grant, approve
from sandbox.woocommerce.keys import ApiKey
from sandbox.woocommerce.store import Line, Store

__all__ = ["ApiKey", "Companion", "Grant", "Line", "Store", "approve", "create_app"]
