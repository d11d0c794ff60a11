"""Payloads in the platform's shape, each beside the events that we read out of it; a change shows as a diff
to review.

``tests/payloads/shopify/{topic}.{what is special}.json`` is the body, ``….events.json`` its translation.
After a change that is meant, ``python -m tests.connectors.test_goldens`` writes the translations anew.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from commerce.events import BadDelivery, Delivery, Event
from commerce.ids import DeliveryId
from connectors.shopify import COMPLIANCE_TOPICS, TOPICS, translate

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads" / "shopify"
SAMPLES = ROOT.parent / "shared" / "reference" / "shopify" / "payloads"
OBSERVED = datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC)


def bodies() -> list[Path]:
    return sorted(path for path in PAYLOADS.glob("*.json") if not path.name.endswith(".events.json"))


def read(path: Path) -> Sequence[Event]:
    topic = path.name.split(".")[0].replace("_", "/", 1)
    return translate(Delivery(DeliveryId(1), topic, path.read_bytes(), OBSERVED))


def told(events: Sequence[Event]) -> str:
    rows = [{"event": type(event).__name__, **dataclasses.asdict(event)} for event in events]
    return json.dumps(rows, indent=2, ensure_ascii=False, default=datetime.isoformat) + "\n"


@pytest.mark.parametrize("path", bodies(), ids=lambda path: path.stem)
def test_a_payload_is_read_as_its_translation_says(path: Path) -> None:
    assert told(read(path)) == path.with_suffix(".events.json").read_text("utf-8")


def test_every_topic_that_we_ask_for_has_a_golden() -> None:
    assert {path.name.split(".")[0].replace("_", "/", 1) for path in bodies()} == {
        *TOPICS,
        *COMPLIANCE_TOPICS,
    }


UNREAD = {
    "bulk_operations_finish",
    "carts_create",
    "checkouts_create",
    "customer_joined_segment",
    "customer_left_segment",
    "customer_tags_added",
    "customer_tags_removed",
    "customers_delete",
    "customers_disable",
    "customers_email_marketing_consent_update",
    "customers_enable",
    "customers_marketing_consent_update",
    "customers_merge",
    "customers_purchasing_summary",
    "discounts_create",
    "discounts_redeemcode_added",
    "discounts_redeemcode_removed",
    "order_transactions_create",
    "orders_delete",
    "orders_edited",
    "orders_fulfilled",
    "segments_create",
    "shop_update",
}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="THE PLATFORM'S SAMPLE PAYLOADS ARE ABSENT: not checked against them")
def test_every_sample_of_the_platform_is_read_or_refused_for_a_known_reason() -> None:
    read_as: dict[str, str] = {}
    for path in sorted(SAMPLES.glob("*.json")):
        try:
            read_as[path.stem] = ",".join(type(event).__name__ for event in read(path))
        except BadDelivery as refusal:
            read_as[path.stem] = f"refused: {refusal}"
    assert {stem for stem, kinds in read_as.items() if not kinds} == UNREAD
    assert {stem: kinds for stem, kinds in read_as.items() if kinds} == {
        "app_scopes_update": "ScopesChanged",
        "app_uninstalled": "AppUninstalled",
        "customers_create": "CustomerChanged",
        "customers_data_request": "PrivacyAsked",
        "customers_redact": "PrivacyAsked",
        "customers_update": "CustomerChanged",
        "orders_cancelled": "OrderChanged",
        "orders_create": "OrderChanged",
        "orders_paid": "OrderChanged",
        "orders_updated": "OrderChanged",
        "refunds_create": "RefundChanged",
        "shop_redact": "PrivacyAsked",
    }


if __name__ == "__main__":
    for body in bodies():
        body.with_suffix(".events.json").write_text(told(read(body)), "utf-8")
