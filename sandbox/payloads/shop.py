"""Bodies about the shop and the app: `app/uninstalled`, `app/scopes_update`, the compliance topics,
segments, discounts, bulk operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from sandbox.bulk import BulkOperation
from sandbox.ids import gid
from sandbox.payloads.pieces import utc_text
from sandbox.segments import Segment

# the same for every shop of a sandbox
SAME = {
    "country": "US",
    "country_code": "US",
    "country_name": "United States",
    "shop_owner": "Shop Owner",
    "primary_locale": "en",
    "primary_location_id": 1,
    "money_format": "${{amount}}",
    "money_in_emails_format": "${{amount}}",
    "weight_unit": "kg",
    "plan_display_name": "Sandbox",
    "plan_name": "partner_test",
}
TRUE = "has_discounts has_storefront finances eligible_for_payments checkout_api_supported"
FALSE = (
    "taxes_included has_gift_cards requires_extra_payments_agreement password_enabled multi_location_enabled "
    "setup_required pre_launch_enabled marketing_sms_consent_enabled_at_checkout transactional_sms_disabled"
)
EMPTY = (
    "source latitude longitude address2 tax_shipping county_taxes google_apps_domain "
    "google_apps_login_enabled auto_configure_tax_inclusivity province province_code address1 zip city phone"
)


def shop_body(*, number: int, domain: str, name: str, currency: str, zone: str, created_at: str) -> bytes:
    """The shop object with its 54 fields, as `app/uninstalled` and `shop/update` carry it."""
    owner = f"owner@{domain.removesuffix('.myshopify.com')}.example.com"
    own: dict[str, Any] = {
        "id": number,
        "name": name,
        "email": owner,
        "customer_email": owner,
        "domain": domain,
        "myshopify_domain": domain,
        "currency": currency,
        "enabled_presentment_currencies": [currency],
        "money_with_currency_format": "${{amount}} " + currency,
        "money_with_currency_in_emails_format": "${{amount}} " + currency,
        "timezone": f"(GMT) {zone}",
        "iana_timezone": zone,
        "created_at": created_at,
        "updated_at": created_at,
    }
    flags = dict.fromkeys(TRUE.split(), True) | dict.fromkeys(FALSE.split(), False)
    return orjson.dumps(own | SAME | flags | dict.fromkeys(EMPTY.split()))


def segment_body(segment: Segment) -> bytes:
    """`segments/create` and `segments/update`."""
    return orjson.dumps(
        {
            "id": gid("Segment", segment.id),
            "name": segment.name,
            "query": segment.query,
            "creationDate": utc_text(int(segment.created_at)),
            "lastEditDate": utc_text(int(segment.edited_at)),
        }
    )


def tags_body(customer_gid: str, tags: Sequence[str], now: float) -> bytes:
    """`customer.tags_added` and `customer.tags_removed`: only what changed."""
    at = datetime.fromtimestamp(now, UTC)
    occurred = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    return orjson.dumps({"customerId": customer_gid, "tags": list(tags), "occurredAt": occurred})


def scopes_body(shop_number: int, previous: Sequence[str], current: Sequence[str], now: float) -> bytes:
    """`app/scopes_update`: what was granted before, and what is from now on."""
    at = datetime.fromtimestamp(now, UTC)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    return orjson.dumps({
        "id": 1,
        "shop_id": f"gid://shopify/Shop/{shop_number}",
        "previous": list(previous),
        "current": list(current),
        "updated_at": stamp,
    })  # fmt: skip


def privacy_body(
    shop_number: int,
    domain: str,
    person: tuple[int, str | None, str | None] | None,
    orders: Sequence[int],
    topic: str,
) -> bytes:
    """The three compliance topics: two about a customer, one about the shop."""
    body: dict[str, Any] = {"shop_id": shop_number, "shop_domain": domain}
    if person is not None:
        body["customer"] = dict(zip(("id", "email", "phone"), person, strict=True))
        body["orders_requested" if topic == "customers/data_request" else "orders_to_redact"] = list(orders)
    if topic == "customers/data_request":
        body["data_request"] = {"id": 9_999}
    return orjson.dumps(body)


def bulk_body(operation: BulkOperation, at: Callable[[float | None], bytes]) -> bytes:
    """`bulk_operations/finish`: that it ended and how, not what it found."""
    return orjson.dumps(
        {
            "admin_graphql_api_id": gid("BulkOperation", operation.id),
            "completed_at": orjson.Fragment(at(operation.completed_at)),
            "created_at": orjson.Fragment(at(operation.created_at)),
            "error_code": operation.error_code.lower() if operation.error_code else None,
            "status": operation.status.lower(),
            "type": operation.type.lower(),
        }
    )
