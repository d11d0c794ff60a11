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
from connectors.shopify.manifest import UNASKED_TOPICS, fields
from sandbox.payloads.fields import pick, tree

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads" / "shopify"
SAMPLES = ROOT.parent / "shared" / "reference" / "shopify" / "payloads"
# A file's name begins with its topic, in which a line stands for each stroke and point.
READ_TOPICS = (*TOPICS, *COMPLIANCE_TOPICS, *UNASKED_TOPICS)
BY_NAME = {topic.replace("/", "_").replace(".", "_"): topic for topic in READ_TOPICS}
OBSERVED = datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC)


def bodies() -> list[Path]:
    return sorted(path for path in PAYLOADS.glob("*.json") if not path.name.endswith(".events.json"))


def read(path: Path) -> Sequence[Event]:
    name = path.name.split(".")[0]
    return translate(Delivery(DeliveryId(1), BY_NAME.get(name, name), path.read_bytes(), OBSERVED))


def told(events: Sequence[Event]) -> str:
    rows = [{"event": type(event).__name__, **dataclasses.asdict(event)} for event in events]
    return json.dumps(rows, indent=2, ensure_ascii=False, default=datetime.isoformat) + "\n"


@pytest.mark.parametrize("path", bodies(), ids=lambda path: path.stem)
def test_a_payload_is_read_as_its_translation_says(path: Path) -> None:
    assert told(read(path)) == path.with_suffix(".events.json").read_text("utf-8")


@pytest.mark.parametrize("path", bodies(), ids=lambda path: path.stem)
def test_the_fields_that_we_ask_for_say_the_same_as_the_whole_body(path: Path) -> None:
    name = path.name.split(".")[0]
    asked = fields(BY_NAME[name])
    body = pick(path.read_bytes(), tree(asked)) if asked else path.read_bytes()
    assert told(translate(Delivery(DeliveryId(1), BY_NAME[name], body, OBSERVED))) == told(read(path))


def test_every_topic_that_we_read_has_a_golden() -> None:
    assert {path.name.split(".")[0] for path in bodies()} == set(BY_NAME)


# Another module's topic; and a merge that failed, an authorization and an automatic discount, which say nothing to us.
UNREAD = {"app_scopes_update", "customers_merge", "discounts_create", "order_transactions_create"}


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
        "app_uninstalled": "AppUninstalled",
        "bulk_operations_finish": "BulkOperationFinished",
        "carts_create": "CartChanged",
        "checkouts_create": "CheckoutChanged",
        "customer_joined_segment": "CustomerFact",
        "customer_left_segment": "CustomerFact",
        "customer_tags_added": "CustomerTagged",
        "customer_tags_removed": "CustomerTagged",
        "customers_create": "CustomerChanged",
        "customers_delete": "CustomerDeleted",
        "customers_disable": "CustomerChanged,CustomerFact",
        "customers_email_marketing_consent_update": "CustomerFact",
        "customers_enable": "CustomerChanged,CustomerFact",
        "customers_marketing_consent_update": "CustomerFact",
        "customers_purchasing_summary": "CustomerFact,OrderStale",
        "discounts_redeemcode_added": "DiscountChanged",
        "discounts_redeemcode_removed": "DiscountChanged",
        "orders_delete": "OrderDeleted",
        "orders_edited": "OrderStale",
        "orders_fulfilled": "OrderChanged",
        "segments_create": "SegmentChanged",
        "shop_update": "ShopChanged",
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
