"""A store platform on your laptop, speaking Shopify's HTTP.

It is the honest counterpart of an app: it imports nothing of the app, and the app imports nothing of it. It
signs webhooks as the platform signs them, executes GraphQL against the platform's own schema, throttles,
retries, loses and doubles deliveries on demand, and replays a real order history at any speed.

What it does not imitate: taxes, duties and stock; fulfilment, returns and order edits; variants (a product
has one); several currencies in one order; automatic discounts, free shipping and functions; gift cards and
store credit; billing; metaobjects; web pixels; protected-data approval; the
search index's and the segments' lag. A shop's money is the presentment money, and there is one member of
staff.
"""

from __future__ import annotations

from sandbox.app import create_app
from sandbox.apps import App
from sandbox.faults import Faults
from sandbox.history import BadHistory, open_history
from sandbox.replay import Plan, Replay
from sandbox.sales import SaleRefused
from sandbox.webhooks import Courier, Delivery
from sandbox.world import ShopSetting, World

__all__ = [
    "App",
    "BadHistory",
    "Courier",
    "Delivery",
    "Faults",
    "Plan",
    "Replay",
    "SaleRefused",
    "ShopSetting",
    "World",
    "create_app",
    "open_history",
]
