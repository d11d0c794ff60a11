"""What we tell the platform (shopify.app.toml) and what our code believes (manifest) are the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

from connectors.shopify import manifest
from connectors.shopify.inbound import READERS

ROOT = Path(__file__).parents[2]


def test_the_app_file_says_what_the_constants_say() -> None:
    told = tomllib.loads((ROOT / "shopify.app.toml").read_text("utf-8"))
    subscriptions = told["webhooks"]["subscriptions"]
    assert told["access_scopes"]["scopes"] == ",".join(manifest.SCOPES)
    assert tuple(told["access_scopes"]["optional_scopes"]) == manifest.OPTIONAL_SCOPES
    # A deploy fails where an optional scope is among the required ones, or follows from one of them.
    assert not [scope for scope in manifest.OPTIONAL_SCOPES if manifest.covers(manifest.SCOPES, (scope,))]
    assert told["extension_directories"] == ["plugin/extensions/*"]
    assert told["webhooks"]["api_version"] == manifest.API_VERSION
    assert [topic for each in subscriptions for topic in each.get("topics", [])] == list(manifest.TOPICS)
    assert [topic for each in subscriptions for topic in each.get("compliance_topics", [])] == list(
        manifest.COMPLIANCE_TOPICS
    )
    for each in subscriptions:
        for topic in each.get("topics", []):
            assert tuple(each.get("include_fields", ())) == manifest.fields(topic), topic
    assert {each["uri"] for each in subscriptions} == {manifest.WEBHOOK_PATH}
    assert told["app_proxy"] == {
        "url": manifest.PROXY_PATH,
        "prefix": manifest.PROXY_PREFIX,
        "subpath": manifest.PROXY_SUBPATH,
    }
    assert told["embedded"] is True
    assert told["auth"]["redirect_urls"] == [told["application_url"] + manifest.CALLBACK_PATH]


def test_every_topic_s_scope_is_asked_for() -> None:
    """The platform refuses a deployment whose topics need a scope that the file does not name."""
    for topic, scope in manifest.TOPIC_SCOPES.items():
        assert scope is None or manifest.covers(manifest.SCOPES, (scope,)), topic


def test_what_the_reader_reads_is_what_we_ask_for() -> None:
    asked = {*manifest.TOPICS, *manifest.COMPLIANCE_TOPICS, *manifest.UNASKED_TOPICS}
    assert set(READERS) == asked


def test_the_app_file_declares_the_fields_that_we_write_and_lets_only_us_write_them() -> None:
    told = tomllib.loads((ROOT / "shopify.app.toml").read_text("utf-8"))["customer"]["metafields"]["app"]
    assert {key: (each["type"], each["name"], each["description"]) for key, each in told.items()} == {
        key: (field.type, field.name, field.description) for key, field in manifest.FIELDS.items()
    }
    readable = {"admin": "merchant_read", "storefront": "public_read", "customer_account": "read"}
    private = {"admin": "merchant_read", "storefront": "none", "customer_account": "none"}
    assert {key: each["access"] for key, each in told.items()} == {
        key: private if key in manifest.PRIVATE_FIELDS else readable for key in manifest.FIELDS
    }
    # The platform filters by text, numbers and dates, not by addresses.
    assert {key for key, each in told.items() if each["capabilities"]["admin_filterable"]} == {
        "stage",
        "tier",
        "points",
        "rfm_group",
        "predicted_value",
    }


def test_a_right_to_write_holds_the_right_to_read() -> None:
    assert manifest.covers(["write_orders"], ("read_orders",))
    assert manifest.covers("write_orders, read_customers", ("read_orders", "read_customers"))
    assert not manifest.covers(["read_orders"], ("write_orders",))
    assert not manifest.covers("", ("read_orders",))
