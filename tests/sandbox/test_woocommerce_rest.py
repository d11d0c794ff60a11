"""What is written to the WooCommerce store's orders, refunds and customers is answered as a real store answered it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from sandbox.woocommerce import ApiKey, Line, Store, check_out, create_app

SAMPLES = Path(__file__).parents[3] / "shared" / "reference" / "woocommerce" / "payloads"
observed = pytest.mark.skipif(not SAMPLES.is_dir(), reason="WHAT THE STORE ANSWERED IS ABSENT: not checked against it")


@dataclass
class Api:
    store: Store
    client: Client

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        key = self.store.keys[0]
        asked = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret} | query
        answer = self.client.open(
            f"/wp-json/wc/v3/{path}", method=method, query_string=asked, json=body, base_url="https://shop.example"
        )
        return answer.status_code, answer.json


@pytest.fixture
def api() -> Api:
    store = Store(clock=lambda: datetime(2026, 11, 22, 12, tzinfo=UTC), keys=[ApiKey()])
    return Api(store, Client(create_app(store)))


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))


@observed
@pytest.mark.parametrize(
    "name, path",
    [("rest-order-bad-customer", "orders"), ("rest-customer-dup-email", "customers")],
)
def test_what_the_store_refuses_is_refused_in_its_words(api: Api, name: str, path: str) -> None:
    seen = sample(name)
    assert api.ask("POST", path, seen["request_body"]) == (seen["status"], seen["json"])


@observed
def test_a_bad_coupon_leaves_a_draft_of_which_the_webhooks_tell(api: Api) -> None:
    api.ask("POST", "webhooks", {"topic": "order.created", "delivery_url": "https://app.example/hook"})
    seen = sample("rest-order-invalid-coupon")
    status, told = api.ask("POST", "orders", seen["request_body"])
    draft = told["data"].pop("new_draft_order_id")
    del seen["json"]["data"]["new_draft_order_id"]
    assert (status, told) == (seen["status"], seen["json"])
    assert api.store.orders[draft].body["status"] == "checkout-draft"
    assert [job.about for job in api.store.courier.waiting] == [draft]
    assert api.ask("GET", "orders") == (200, [])


@observed
def test_refunds_are_answered_as_observed_and_refused_with_a_bare_number(api: Api) -> None:
    number = check_out(api.store, [Line("Tea pot", "22.50"), Line("Honey jar", "11.25", 3)], method="card")
    jar = api.store.orders[number].body["line_items"][1]["id"]
    asked = {"amount": "12.50", "reason": "one jar broken", "line_items": [{"id": jar, "quantity": 1}]}
    status, told = api.ask("POST", f"orders/{number}/refunds", asked)
    seen = sample("rest-refund-partial")["json"]
    assert status == 201
    assert set(seen) - set(told) == {"_links"}
    assert [told[name] for name in ("amount", "reason")] == [seen[name] for name in ("amount", "reason")]
    (back,) = told["line_items"]
    assert (back["quantity"], back["total"]) == (-1, "-11.25")
    assert back["meta_data"][0]["value"] == str(jar)
    over = sample("rest-refund-over")
    assert api.ask("POST", f"orders/{number}/refunds", {"amount": "100.00"}) == (over["status"], over["json"])
    assert api.ask("DELETE", f"orders/{number}/refunds/{told['id']}", force="true")[0] == 200
    assert api.ask("GET", f"orders/{number}/refunds") == (200, [])
    assert api.ask("GET", f"orders/{number}")[1]["refunds"] == []


def test_an_order_set_to_refunded_by_hand_has_a_whole_refund(api: Api) -> None:
    number = check_out(api.store, [Line("Tea pot", "25.00")], method="card")
    _, told = api.ask("PUT", f"orders/{number}", {"status": "refunded"})
    assert (told["status"], told["total"]) == ("refunded", "25.00")
    assert [(row["total"], row["reason"]) for row in told["refunds"]] == [("-25.00", "Order fully refunded.")]


def test_a_deletion_answers_what_was_and_lies_in_the_trash_unless_it_is_forced(api: Api) -> None:
    number = check_out(api.store, [Line("Tea pot", "25.00")], method="card")
    assert api.ask("DELETE", f"orders/{number}")[1]["status"] == "processing"
    assert api.ask("GET", f"orders/{number}")[1]["status"] == "trash"
    assert api.ask("GET", "orders", status="any") == (200, [])
    assert len(api.ask("GET", "orders", status="trash")[1]) == 1
    assert api.ask("DELETE", f"orders/{number}", force="true")[0] == 200
    assert api.ask("GET", f"orders/{number}")[0] == 404


def test_customers_are_made_and_deleted_only_by_force(api: Api) -> None:
    status, told = api.ask("POST", "customers", {"email": "sara@example.test", "password": "x"})
    assert (status, told["role"]) == (201, "customer")
    again = api.ask("POST", "customers", {"email": "SARA@example.test", "password": "x"})
    assert (again[0], again[1]["code"]) == (400, "registration-error-email-exists")
    assert api.ask("DELETE", f"customers/{told['id']}")[0] == 501
    assert api.ask("DELETE", f"customers/{told['id']}", force="true")[0] == 200
    assert api.store.customers == {}
