"""What the app asks of every shop: scopes, topics, addresses, API version. `shopify.app.toml` says the same
to the platform.

A test compares the two, because the platform reads only the file and we read only the constants.
"""

from __future__ import annotations

API_VERSION = "2026-10"

# Each scope and why. `read_all_orders` lifts the limit of sixty days, without which a customer's history
# would be cut off silently; `read_products` is what lets a line of an order name its product.
SCOPES = (
    "read_all_orders",
    "read_customers",
    "read_discounts",
    "read_orders",
    "read_products",
    "write_app_proxy",
    "write_customers",
    "write_discounts",
)

TOPICS = (
    "app/uninstalled",
    "customers/create",
    "customers/update",
    "orders/cancelled",
    "orders/create",
    "orders/paid",
    "orders/updated",
    "refunds/create",
)

# Legal requests. The platform delivers them without asking whether a shop still has the app.
COMPLIANCE_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")

WEBHOOK_PATH = "/webhooks/shopify"
PROXY_PREFIX = "apps"
PROXY_SUBPATH = "perennial"
PROXY_PATH = "/proxy"
BOUNCE_PATH = "/session/bounce"

APP_BRIDGE_URL = "https://cdn.shopify.com/shopifycloud/app-bridge.js"


def covers(granted: str | tuple[str, ...] | list[str], required: tuple[str, ...] = SCOPES) -> bool:
    """Whether a grant holds every required scope; a right to write holds the right to read the same."""
    names = set(granted.split(",")) if isinstance(granted, str) else set(granted)
    names = {name.strip() for name in names}
    names |= {f"read_{name.removeprefix('write_')}" for name in names if name.startswith("write_")}
    return names.issuperset(required)
