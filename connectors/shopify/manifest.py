"""What the app asks of every shop: scopes, topics, addresses, API version. `shopify.app.toml` says the same
to the platform.

A test compares the two, because the platform reads only the file and we read only the constants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

API_VERSION = "2026-10"

# Each scope and why. `read_all_orders` lifts the limit of sixty days, without which a customer's history
# would be cut off silently; `read_products` is what lets a line of an order name its product; `read_customer_merge` is
# asked for by the topic of that name.
SCOPES = (
    "read_all_orders",
    "read_customer_merge",
    "read_customers",
    "read_discounts",
    "read_orders",
    "read_products",
    "write_app_proxy",
    "write_customers",
    "write_discounts",
)

# What only some rewards need. A merchant who wants such a reward is asked for them; nobody else is.
REWARD_SCOPES: Mapping[str, tuple[str, ...]] = {
    "gift_card": ("write_gift_cards",),
    "store_credit": ("read_store_credit_accounts", "write_store_credit_account_transactions"),
}
# Asked for only when a merchant wants the pixel: the app works without it.
PIXEL_SCOPES = ("read_customer_events", "write_pixels")
OPTIONAL_SCOPES = tuple(sorted({*PIXEL_SCOPES, *(scope for scopes in REWARD_SCOPES.values() for scope in scopes)}))

# What of each body we are sent: what we read of it, and nothing else of the shoppers' data. An order of twenty lines
# shrinks from thirty kilobytes to five. `updated_at` is among the fields, or the platform would hold back a delivery
# whose other fields are as they were.
REFUND_FIELDS = (
    "id", "order_id", "created_at", "processed_at", "total_duties_set",
    "refund_line_items.line_item_id", "refund_line_items.quantity",
    "refund_line_items.subtotal", "refund_line_items.subtotal_set", "refund_line_items.line_item.gift_card",
    "refund_shipping_lines.subtotal_amount_set",
    "transactions.kind", "transactions.status", "transactions.amount", "transactions.currency",
)  # fmt: skip
CUSTOMER_FIELDS = ("id", "email", "first_name", "last_name", "created_at", "updated_at")
ORDER_FIELDS = (
    "id", "name", "currency", "total_price", "total_price_set", "created_at", "updated_at", "processed_at",
    "cancelled_at", "financial_status", "test", "discount_codes", "note_attributes", "landing_site", "referring_site",
    "checkout_token",
    *(f"customer.{name}" for name in CUSTOMER_FIELDS),
    "line_items.price", "line_items.quantity", "line_items.title", "line_items.product_id", "line_items.gift_card",
    "line_items.discount_allocations", "line_items.id", "line_items.vendor",
    "total_tax", "taxes_included", "total_shipping_price_set", "shipping_lines.tax_lines", "source_name",
    "payment_gateway_names", "fulfillment_status",
    *(f"refunds.{name}" for name in REFUND_FIELDS),
)  # fmt: skip
# What an order says of whoever placed it. Protected customer data of level 2, so the app's file does not ask for it:
# whoever deploys an app that the platform grants it to adds these to the file's order subscription, and nothing else is
# to be done (docs/shopify-review.md). Without them, orders are compared by name and e-mail alone.
BUYER_FIELDS = (
    "phone", "browser_ip", "client_details.user_agent",
    *(f"{place}_address.{part}" for place in ("billing", "shipping")
      for part in ("address1", "address2", "zip", "city", "phone", "country_code")),
)  # fmt: skip
CHECKOUT_FIELDS = (
    "token", "cart_token", "currency", "total_price", "created_at", "updated_at", "completed_at",
    *(f"customer.{name}" for name in CUSTOMER_FIELDS),
)  # fmt: skip
TRANSACTION_FIELDS = ("id", "order_id", "kind", "status", "created_at", "processed_at")
EDIT_FIELDS = ("order_edit.id", "order_edit.order_id", "order_edit.committed_at")
CONSENT = ("state", "consent_updated_at")
EMAIL_CONSENT_FIELDS = ("customer_id", *(f"email_marketing_consent.{name}" for name in CONSENT))
SMS_CONSENT_FIELDS = ("id", *(f"sms_marketing_consent.{name}" for name in CONSENT))
SHOP_FIELDS = ("id", "name", "currency", "iana_timezone", "myshopify_domain", "updated_at")
CART_FIELDS = ("token", "updated_at")

# Topics that ask for the same fields, each group one subscription of the app file: the scope that they need, topics,
# fields. No fields means the whole body: it is small, and names nobody but by id.
SUBSCRIPTIONS: tuple[tuple[str | None, tuple[str, ...], tuple[str, ...]], ...] = (
    (None, ("app/scopes_update", "app/uninstalled", "bulk_operations/finish"), ()),
    (None, ("shop/update",), SHOP_FIELDS),
    ("read_orders", ("carts/create", "carts/update"), CART_FIELDS),
    ("read_orders", ("checkouts/create", "checkouts/update"), CHECKOUT_FIELDS),
    (
        "read_customers",
        ("customer.tags_added", "customer.tags_removed", "customers/delete", "customers/purchasing_summary"),
        (),
    ),
    ("read_customers", ("customers/create", "customers/disable", "customers/enable", "customers/update"),
     CUSTOMER_FIELDS),
    ("read_customer_merge", ("customers/merge",), ()),
    ("read_customers", ("customers_email_marketing_consent/update",), EMAIL_CONSENT_FIELDS),
    ("read_customers", ("customers_marketing_consent/update",), SMS_CONSENT_FIELDS),
    (
        "read_discounts",
        ("discounts/create", "discounts/delete", "discounts/redeemcode_added", "discounts/redeemcode_removed",
         "discounts/update"),
        (),
    ),
    ("read_orders", ("order_transactions/create",), TRANSACTION_FIELDS),
    (
        "read_orders",
        ("orders/cancelled", "orders/create", "orders/fulfilled", "orders/paid", "orders/partially_fulfilled",
         "orders/updated"),
        ORDER_FIELDS,
    ),
    ("read_orders", ("orders/delete",), ()),
    ("read_orders", ("orders/edited",), EDIT_FIELDS),
    ("read_orders", ("refunds/create",), REFUND_FIELDS),
    ("read_customers", ("segments/create", "segments/delete", "segments/update"), ()),
)  # fmt: skip

TOPICS = tuple(topic for _, topics, _ in SUBSCRIPTIONS for topic in topics)
TOPIC_SCOPES = {topic: scope for scope, topics, _ in SUBSCRIPTIONS for topic in topics}
_FIELDS = {topic: fields for _, topics, fields in SUBSCRIPTIONS for topic in topics}

# The platform takes these only as a subscription of one shop, made over its API. We read them, should they come, and do
# not ask for them: our segments are made of our own tags, so we know who is in them.
UNASKED_TOPICS = ("customer.joined_segment", "customer.left_segment")


def fields(topic: str) -> tuple[str, ...]:
    """The fields that our subscription to `topic` includes; none named means all of them."""
    return _FIELDS.get(topic, ())


@dataclass(frozen=True, slots=True)
class Field:
    """A field that we keep beside each customer: its type in the platform's words, and what people read about it."""

    type: str
    name: str
    description: str


# In the app's own namespace (``$app``), which nobody else can write. The platform makes the definitions in every shop
# when the app is deployed, so themes, Flow, customer accounts and segments can read the fields. What a merchant thinks
# of a customer is no page's to show: `PRIVATE_FIELDS` are read in the admin alone.
FIELDS = {
    "stage": Field(
        "single_line_text_field",
        "Lifecycle stage",
        "Where the customer stands: lead, acquired, developing, retained, advocate, at_risk or lapsed.",
    ),
    "tier": Field("single_line_text_field", "Loyalty tier", "The customer's standing in the loyalty program."),
    "points": Field("number_integer", "Loyalty points", "The customer's points, those on hold until later included."),
    "referral_link": Field("url", "Referral link", "What the customer shares with friends."),
    "rfm_group": Field("single_line_text_field", "Customer group", "The group that recency, frequency and money make."),
    "predicted_value": Field(
        "number_integer", "Expected worth", "What the customer is expected to bring in a year, in whole units of money."
    ),
}

PRIVATE_FIELDS = frozenset({"rfm_group", "predicted_value"})

# Legal requests. The platform delivers them without asking whether a shop still has the app.
COMPLIANCE_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")

WEBHOOK_PATH = "/webhooks/shopify"
PROXY_PREFIX = "apps"
PROXY_SUBPATH = "perennial"
PROXY_PATH = "/proxy"
BOUNCE_PATH = "/session/bounce"
CALLBACK_PATH = "/auth/callback"
# What our extensions ask, what the pixel tells, and where Flow says which of our triggers a shop uses.
EXTENSION_PATH = "/extension"
PIXEL_PATH = "/pixel"
FLOW_PATH = "/flow/usage"

APP_BRIDGE_URL = "https://cdn.shopify.com/shopifycloud/app-bridge.js"


def missing(granted: Iterable[str], required: tuple[str, ...] = SCOPES) -> tuple[str, ...]:
    """The required scopes that a grant lacks; a right to write holds the right to read the same."""
    names = {name.strip() for name in granted}
    names |= {f"read_{name.removeprefix('write_')}" for name in names if name.startswith("write_")}
    return tuple(scope for scope in required if scope not in names)


def covers(granted: str | tuple[str, ...] | list[str], required: tuple[str, ...] = SCOPES) -> bool:
    """Whether a grant holds every required scope."""
    return not missing(granted.split(",") if isinstance(granted, str) else granted, required)
