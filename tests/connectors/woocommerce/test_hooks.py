"""A store has one working webhook for each topic, whatever happened to them meanwhile."""

from __future__ import annotations

import json

import pytest

from commerce.store import StoreError
from connectors.woocommerce import TOPICS
from sandbox.woocommerce import hooks
from tests.connectors.woocommerce.conftest import SAMPLES, Shop

URL = "https://app.example/webhooks/woocommerce/Zk3-unguessable"
SECRET = "a secret of this shop"


def standing(shop: Shop) -> list[tuple[str, str, str, str]]:
    """Topic, status, where it leads and secret of each webhook, by topic."""
    bodies = [record.body for record in shop.store.webhooks.values()]
    return sorted((b["topic"], b["status"], b["delivery_url"], shop.store.secrets[b["id"]]) for b in bodies)


WHOLE = sorted((topic, "active", URL, SECRET) for topic in TOPICS)


def test_a_store_is_asked_to_tell_everything_with_our_secret_on_the_shop_s_path(shop: Shop) -> None:
    assert shop.woo().keep_webhooks(URL, SECRET) == list(TOPICS)
    assert standing(shop) == WHOLE


def test_what_is_as_it_should_be_is_left_alone(shop: Shop) -> None:
    shop.woo().keep_webhooks(URL, SECRET)
    before = sorted(shop.store.webhooks)
    assert shop.woo().keep_webhooks(URL, SECRET) == []
    assert sorted(shop.store.webhooks) == before
    assert len(shop.questions("POST")) == len(TOPICS)


def test_a_webhook_that_the_store_switched_off_is_made_anew_and_not_switched_on(shop: Shop) -> None:
    shop.woo().keep_webhooks(URL, SECRET)
    number = next(n for n, record in shop.store.webhooks.items() if record.body["topic"] == "order.updated")
    for _ in range(6):
        hooks.failed(shop.store, number)
    assert shop.woo().keep_webhooks(URL, SECRET) == []
    hooks.failed(shop.store, number)
    assert shop.woo().keep_webhooks(URL, SECRET) == ["order.updated"]
    assert number not in shop.store.webhooks
    assert standing(shop) == WHOLE


@pytest.mark.parametrize(
    "changed",
    [{"status": "paused"}, {"delivery_url": "https://app.example/webhooks/woocommerce/old"}, {"topic": "order.x"}],
)
def test_a_webhook_that_somebody_changed_is_made_anew(shop: Shop, changed: dict[str, str]) -> None:
    shop.woo().keep_webhooks(URL, SECRET)
    record = next(record for record in shop.store.webhooks.values() if record.body["topic"] == "order.created")
    record.body |= changed
    assert shop.woo().keep_webhooks(URL, SECRET) == ["order.created"]
    assert standing(shop) == WHOLE


def test_one_too_many_is_taken_away_and_one_too_few_is_made(shop: Shop) -> None:
    shop.woo().keep_webhooks(URL, SECRET)
    first, second = sorted(shop.store.webhooks)[:2]
    hooks.create(shop.store, shop.store.webhooks[first].body | {"secret": SECRET})
    gone = shop.store.webhooks.pop(second).body["topic"]
    assert shop.woo().keep_webhooks(URL, SECRET) == [gone]
    assert standing(shop) == WHOLE


def test_a_new_secret_or_path_makes_all_of_them_anew(shop: Shop) -> None:
    shop.woo().keep_webhooks(URL.replace("Zk3", "old"), "the old secret")
    assert shop.woo().keep_webhooks(URL, SECRET) == list(TOPICS)
    assert standing(shop) == WHOLE
    assert shop.woo().keep_webhooks(URL, "another", renew=True) == list(TOPICS)
    assert {secret for *_, secret in standing(shop)} == {"another"}


def test_webhooks_of_others_are_never_touched(shop: Shop) -> None:
    theirs = [
        {"name": "ERP", "topic": "order.updated", "delivery_url": URL, "status": "disabled"},
        {"name": "Perennial: order.updated", "topic": "order.updated", "delivery_url": "https://other.example/x"},
    ]
    for body in theirs:
        hooks.create(shop.store, body)
    woo = shop.woo()
    woo.keep_webhooks(URL, SECRET)
    woo.drop_webhooks(URL)
    assert [record.body["name"] for record in shop.store.webhooks.values()] == [body["name"] for body in theirs]


def test_a_store_with_hundreds_of_webhooks_is_read_to_the_end(shop: Shop) -> None:
    for number in range(130):
        hooks.create(
            shop.store, {"name": f"ERP {number}", "topic": "order.updated", "delivery_url": "https://e.example"}
        )
    shop.woo().keep_webhooks(URL, SECRET)
    assert shop.woo().keep_webhooks(URL, SECRET) == []


def test_a_key_that_may_only_read_is_named_when_webhooks_are_missing(shop: Shop) -> None:
    shop.key.rights = "read"
    with pytest.raises(StoreError, match="may only read"):
        shop.woo().keep_webhooks(URL, SECRET)
    assert shop.store.webhooks == {}


def test_the_sandbox_s_webhooks_are_like_the_observed_ones(shop: Shop) -> None:
    if not SAMPLES.is_dir():
        pytest.skip("WHAT THE STORE ANSWERED IS ABSENT: the sandbox was not checked against it")
    observed = json.loads((SAMPLES / "rest-webhook-create-order.created.json").read_text("utf-8"))
    made = hooks.create(shop.store, observed["request_body"])
    assert set(made) == set(observed["json"])
    assert "secret" not in made
    for name in ("rest-webhook-invalid-topic", "rest-webhook-no-url"):
        answer = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
        assert hooks.create(shop.store, answer["request_body"])["code"] == answer["json"]["code"]
