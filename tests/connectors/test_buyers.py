"""What a Shopify order says of whoever placed it: read where the app's file asks for it, which it does not."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import orjson
import pytest

from commerce.events import Delivery, OrderChanged
from commerce.ids import DeliveryId
from commerce.orders import Buyer
from connectors.shopify import translate
from connectors.shopify.manifest import BUYER_FIELDS, fields
from sandbox.payloads.fields import pick, tree
from tests.connectors.test_goldens import OBSERVED, PAYLOADS

ROOT = Path(__file__).parents[2]
HOME = {"address1": "12 Oak Street", "address2": "", "zip": "10117", "city": "Berlin", "phone": "+49 30 1234567"}
SAID = {
    "phone": "+49 151 2345678",
    "browser_ip": "203.0.113.7",
    "client_details": {"accept_language": "de", "user_agent": "Anna's browser", "session_hash": "x"},
    "billing_address": {**HOME, "name": "Anna Vos", "country": "Germany"},
    "shipping_address": None,
}


def body(**changed: Any) -> bytes:
    order = orjson.loads((PAYLOADS / "orders_create.paid_with_code_and_referral.json").read_bytes())
    return orjson.dumps({**order, **SAID, **changed})


def buyer(raw: bytes) -> Buyer | None:
    changed = translate(Delivery(DeliveryId(1), "orders/create", raw, OBSERVED))[0]
    assert isinstance(changed, OrderChanged)
    return changed.order.buyer


@pytest.mark.parametrize(
    "shipping, billing, wanted",
    [("RO", "DE", "RO"), (None, "de", "DE"), ("", " fr ", "FR"), (None, None, None), ("Germany", "D3", None)],
)
def test_an_order_is_of_the_country_that_it_was_sent_to_or_else_billed_in(
    shipping: str | None, billing: str | None, wanted: str | None
) -> None:
    raw = body(
        shipping_address={**HOME, "country_code": shipping} if shipping is not None else None,
        billing_address={**HOME, "country_code": billing},
    )
    for told in (raw, pick(raw, tree((*fields("orders/create"), *BUYER_FIELDS)))):
        changed = translate(Delivery(DeliveryId(1), "orders/create", told, OBSERVED))[0]
        assert isinstance(changed, OrderChanged)
        assert changed.order.country == wanted
    changed = translate(Delivery(DeliveryId(1), "orders/create", pick(raw, tree(fields("orders/create"))), OBSERVED))[0]
    assert isinstance(changed, OrderChanged)
    assert changed.order.country is None, "what is not asked for is not known"


def test_the_app_s_file_asks_for_none_of_it() -> None:
    told = tomllib.loads((ROOT / "shopify.app.toml").read_text("utf-8"))["webhooks"]["subscriptions"]
    asked = {field for each in told for field in each.get("include_fields", ())}
    assert asked.isdisjoint(BUYER_FIELDS)
    assert not [field for field in asked if "address" in field or "phone" in field or "browser" in field]
    assert buyer(pick(body(), tree(fields("orders/create")))) is None


def test_where_the_file_asks_for_it_the_order_s_own_words_are_compared() -> None:
    granted = pick(body(), tree((*fields("orders/create"), *BUYER_FIELDS)))
    assert buyer(granted) == Buyer("+49 151 2345678", "12 Oak Street 10117 Berlin", "203.0.113.7", "Anna's browser")
    assert buyer(granted) == buyer(body()), "nothing is read that would not be asked for"


@pytest.mark.parametrize(
    "changed, wanted",
    [
        ({"phone": None}, Buyer("+49 30 1234567", "12 Oak Street 10117 Berlin", "203.0.113.7", "Anna's browser")),
        ({"shipping_address": {**HOME, "address1": "7 Elm Road", "zip": "1", "city": "Bonn"}, "browser_ip": None},
         Buyer("+49 151 2345678", "7 Elm Road 1 Bonn", None, "Anna's browser")),
        ({"shipping_address": {"address1": None}, "client_details": None},
         Buyer("+49 151 2345678", "12 Oak Street 10117 Berlin", "203.0.113.7", None)),
        ({"phone": "x" * 9000, "billing_address": {"address1": "\u202ey" * 900}, "browser_ip": "",
          "client_details": {}},
         Buyer("x" * 255, ("\u202ey" * 900)[:200], None, None)),
        (dict.fromkeys(SAID), None),
        ({"phone": "", "browser_ip": "", "client_details": {"user_agent": None}, "billing_address": {}}, None),
    ],
)  # fmt: skip
def test_what_is_missing_long_or_empty_is_no_accident(changed: dict[str, Any], wanted: Buyer | None) -> None:
    assert buyer(body(**changed)) == wanted
