"""What a real WooCommerce store sent, each body beside the events that we read out of it; a change shows as a diff to
review.

``tests/payloads/woocommerce/{topic}.{what is special}.json`` is the body as observed (those of the multi-currency
plugins are an observed order with the plugin's meta), ``….events.json`` its translation. After a change that is meant,
``python -m tests.connectors.woocommerce.test_goldens`` writes the translations anew.
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
from connectors.woocommerce import TOPICS, translate

ROOT = Path(__file__).parents[3]
PAYLOADS = ROOT / "tests" / "payloads" / "woocommerce"
SAMPLES = ROOT.parent / "shared" / "reference" / "woocommerce" / "payloads"
OBSERVED = datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC)


def bodies() -> list[Path]:
    return sorted(path for path in PAYLOADS.glob("*.json") if not path.name.endswith(".events.json"))


def topic(path: Path) -> str:
    return path.name.split(".")[0].replace("_", ".", 1)


def read(path: Path) -> Sequence[Event]:
    return translate(Delivery(DeliveryId(1), topic(path), path.read_bytes(), OBSERVED))


def told(events: Sequence[Event]) -> str:
    rows = [{"event": type(event).__name__, **dataclasses.asdict(event)} for event in events]
    return json.dumps(rows, indent=2, ensure_ascii=False, default=datetime.isoformat) + "\n"


@pytest.mark.parametrize("path", bodies(), ids=lambda path: path.stem)
def test_a_payload_is_read_as_its_translation_says(path: Path) -> None:
    assert told(read(path)) == path.with_suffix(".events.json").read_text("utf-8")


def test_every_topic_that_we_ask_for_has_a_golden() -> None:
    assert {topic(path) for path in bodies()} == set(TOPICS)


UNREAD = {
    "webhook-action.woocommerce_applied_coupon",
    "webhook-action.woocommerce_order_refunded",
    "webhook-action.woocommerce_order_status_completed",
    "webhook-coupon.created",
    "webhook-coupon.deleted",
    "webhook-coupon.updated",
    "webhook-order.updated-checkout-draft",
    "webhook-ping",
    "webhook-product.updated",
}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="WHAT THE STORE SENT IS ABSENT: not checked against it")
def test_everything_that_the_store_sent_is_read_or_passed_over_for_a_known_reason() -> None:
    read_as: dict[str, str] = {}
    for path in sorted(SAMPLES.glob("webhook-*.json")):
        sent = json.loads(path.read_text("utf-8"))
        given = sent["headers"].get("X-WC-Webhook-Topic", "")
        try:
            events = translate(Delivery(DeliveryId(1), given, sent["body_raw"].encode(), OBSERVED))
            read_as[path.stem] = ",".join(type(event).__name__ for event in events)
        except BadDelivery as refusal:
            read_as[path.stem] = f"refused: {refusal}"
    assert {stem for stem, kinds in read_as.items() if not kinds} == UNREAD
    assert {stem: kinds for stem, kinds in read_as.items() if kinds} == {
        "webhook-customer.created": "CustomerChanged",
        "webhook-customer.deleted": "CustomerDeleted,PrivacyAsked",
        "webhook-customer.updated": "CustomerChanged",
        "webhook-order.created": "OrderChanged",
        "webhook-order.deleted": "OrderStale",
        "webhook-order.updated": "OrderChanged",
        "webhook-order.updated-refunded": "OrderChanged",
    }


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="WHAT THE STORE ANSWERED IS ABSENT: not checked against it")
def test_every_order_that_the_store_answered_is_read_like_a_webhook() -> None:
    kinds: dict[str, str] = {}
    for path in sorted(SAMPLES.glob("rest-*order*.json")):
        answer = json.loads(path.read_text("utf-8"))["json"]
        if isinstance(answer, dict) and "line_items" in answer and "currency" in answer:
            body = json.dumps(answer).encode()
            events = translate(Delivery(DeliveryId(1), "order.updated", body, OBSERVED))
            kinds[path.stem] = ",".join(type(event).__name__ for event in events)
    assert len(kinds) >= 12
    assert set(kinds.values()) == {"OrderChanged"}


if __name__ == "__main__":
    for body in bodies():
        body.with_suffix(".events.json").write_text(told(read(body)), "utf-8")
