"""What the app asks of every shop: scopes, topics, addresses, API version. `shopify.app.toml` says the same
to the platform.

A test compares the two, because the platform reads only the file and we read only the constants.
"""

from __future__ import annotations

from dataclasses import dataclass

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

# What of each body we are sent: what we read of it, and nothing else of the shoppers' data. An order of twenty lines
# shrinks from thirty kilobytes to five. `updated_at` is among the fields, or the platform would hold back a delivery
# whose other fields are as they were.
REFUND_FIELDS = (
    "id", "order_id", "created_at", "processed_at", "total_duties_set",
    "refund_line_items.subtotal", "refund_line_items.subtotal_set", "refund_line_items.line_item.gift_card",
    "refund_shipping_lines.subtotal_amount_set",
    "transactions.kind", "transactions.status", "transactions.amount", "transactions.currency",
)  # fmt: skip
CUSTOMER_FIELDS = ("id", "email", "first_name", "last_name", "created_at", "updated_at")
ORDER_FIELDS = (
    "id", "name", "currency", "total_price", "total_price_set", "created_at", "updated_at", "processed_at",
    "cancelled_at", "financial_status", "test", "discount_codes", "note_attributes", "landing_site",
    *(f"customer.{name}" for name in CUSTOMER_FIELDS),
    "line_items.price", "line_items.quantity", "line_items.title", "line_items.product_id", "line_items.gift_card",
    "line_items.discount_allocations",
    *(f"refunds.{name}" for name in REFUND_FIELDS),
)  # fmt: skip


def fields(topic: str) -> tuple[str, ...]:
    """The fields that our subscription to `topic` includes; none named means all of them."""
    group = topic.partition("/")[0]
    return {"orders": ORDER_FIELDS, "refunds": REFUND_FIELDS, "customers": CUSTOMER_FIELDS}.get(group, ())


@dataclass(frozen=True, slots=True)
class Field:
    """A field that we keep beside each customer: its type in the platform's words, and what people read about it."""

    type: str
    name: str
    description: str


# In the app's own namespace (``$app``), which nobody else can write. The platform makes the definitions in every shop
# when the app is deployed, so themes, Flow, customer accounts and segments can read the fields.
FIELDS = {
    "stage": Field(
        "single_line_text_field",
        "Lifecycle stage",
        "Where the customer stands: lead, acquired, developing, retained, advocate, at_risk or lapsed.",
    ),
    "tier": Field("single_line_text_field", "Loyalty tier", "The customer's standing in the loyalty program."),
    "points": Field("number_integer", "Loyalty points", "The customer's points, those on hold until later included."),
    "referral_link": Field("url", "Referral link", "What the customer shares with friends."),
}

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
