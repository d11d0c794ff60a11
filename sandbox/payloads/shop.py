"""Bodies about the shop and the app: `app/uninstalled`, `app/scopes_update`, the compliance topics, segments, discounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson


def shop_body(*, number: int, domain: str, name: str, currency: str, zone: str, created_at: str) -> bytes:
    """The shop object with its 54 fields, as `app/uninstalled` and `shop/update` carry it."""
    owner = f"owner@{domain.removesuffix('.myshopify.com')}.example.com"
    empty = (
        "source latitude longitude address2 tax_shipping county_taxes google_apps_domain google_apps_login_enabled "
        "auto_configure_tax_inclusivity province province_code address1 zip city phone"
    ).split()
    known: dict[str, Any] = {
        "id": number,
        "name": name,
        "email": owner,
        "customer_email": owner,
        "domain": domain,
        "myshopify_domain": domain,
        "country": "US",
        "country_code": "US",
        "country_name": "United States",
        "currency": currency,
        "enabled_presentment_currencies": [currency],
        "timezone": f"(GMT) {zone}",
        "iana_timezone": zone,
        "shop_owner": "Shop Owner",
        "primary_locale": "en",
        "primary_location_id": 1,
        "created_at": created_at,
        "updated_at": created_at,
        "money_format": "${{amount}}",
        "money_in_emails_format": "${{amount}}",
        "money_with_currency_format": "${{amount}} " + currency,
        "money_with_currency_in_emails_format": "${{amount}} " + currency,
        "weight_unit": "kg",
        "taxes_included": False,
        "plan_display_name": "Sandbox",
        "plan_name": "partner_test",
        "has_discounts": True,
        "has_gift_cards": False,
        "has_storefront": True,
        "finances": True,
        "eligible_for_payments": True,
        "requires_extra_payments_agreement": False,
        "password_enabled": False,
        "checkout_api_supported": True,
        "multi_location_enabled": False,
        "setup_required": False,
        "pre_launch_enabled": False,
        "marketing_sms_consent_enabled_at_checkout": False,
        "transactional_sms_disabled": False,
    }
    return orjson.dumps(known | dict.fromkeys(empty))


def tags_body(customer_gid: str, tags: Sequence[str], now: float) -> bytes:
    """`customer.tags_added` and `customer.tags_removed`: only what changed."""
    at = datetime.fromtimestamp(now, UTC)
    occurred = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    return orjson.dumps({"customerId": customer_gid, "tags": list(tags), "occurredAt": occurred})


def privacy_body(
    shop_number: int, domain: str, person: tuple[int, str | None, str | None] | None, orders: Sequence[int], topic: str
) -> bytes:
    """The three compliance topics: two about a customer, one about the shop."""
    body: dict[str, Any] = {"shop_id": shop_number, "shop_domain": domain}
    if person is not None:
        body["customer"] = dict(zip(("id", "email", "phone"), person, strict=True))
        body["orders_requested" if topic == "customers/data_request" else "orders_to_redact"] = list(orders)
    if topic == "customers/data_request":
        body["data_request"] = {"id": 9_999}
    return orjson.dumps(body)
