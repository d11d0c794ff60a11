"""What we tell the platform (shopify.app.toml) and what our code believes (manifest) are the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

from connectors.shopify import manifest

ROOT = Path(__file__).parents[2]


def test_the_app_file_says_what_the_constants_say() -> None:
    told = tomllib.loads((ROOT / "shopify.app.toml").read_text("utf-8"))
    subscriptions = told["webhooks"]["subscriptions"]
    assert told["access_scopes"]["scopes"] == ",".join(manifest.SCOPES)
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


def test_the_app_file_declares_the_fields_that_we_write_and_lets_only_us_write_them() -> None:
    told = tomllib.loads((ROOT / "shopify.app.toml").read_text("utf-8"))["customer"]["metafields"]["app"]
    assert {key: (each["type"], each["name"], each["description"]) for key, each in told.items()} == {
        key: (field.type, field.name, field.description) for key, field in manifest.FIELDS.items()
    }
    readable = {"admin": "merchant_read", "storefront": "public_read", "customer_account": "read"}
    assert [each["access"] for each in told.values()] == [readable] * len(manifest.FIELDS)
    # The platform filters by text, numbers and dates, not by addresses.
    assert {key for key, each in told.items() if each["capabilities"]["admin_filterable"]} == {
        "stage",
        "tier",
        "points",
    }


def test_a_right_to_write_holds_the_right_to_read() -> None:
    assert manifest.covers(["write_orders"], ("read_orders",))
    assert manifest.covers("write_orders, read_customers", ("read_orders", "read_customers"))
    assert not manifest.covers(["read_orders"], ("write_orders",))
    assert not manifest.covers("", ("read_orders",))
