"""The outside of a webhook: true signatures are known; everything else is refused, whatever headers hold."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
import shopify_app
from hypothesis import given
from hypothesis import strategies as st

from commerce.events import BadDelivery, BadSignature, Envelope
from connectors.shopify.envelope import open_envelope, shop_domain

SECRETS = (b"hush", b"hush-before")
BODY = b'{"id":1,"tags":"vip"}'
HEADERS = {
    "X-Shopify-Hmac-Sha256": "r3f8eYnZAQNq9WyvpuN6my10n2sX7IPAWkceU+HpvFU=",
    "X-Shopify-Shop-Domain": "leaf-and-kettle.myshopify.com",
    "X-Shopify-Topic": "orders/create",
    "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    "X-Shopify-Triggered-At": "2026-11-22T08:30:00.123456Z",
}


def signature(body: bytes, secret: bytes = b"hush") -> str:
    return base64.b64encode(hmac.digest(secret, body, "sha256")).decode()


def opened(body: bytes = BODY, **changed: str | None) -> Envelope:
    headers: dict[str, str | None] = {**HEADERS, "X-Shopify-Hmac-Sha256": signature(body)}
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return open_envelope(headers.get, body, SECRETS)


def test_the_platforms_own_signature_opens_the_envelope() -> None:
    assert open_envelope(HEADERS.get, BODY, SECRETS) == Envelope(
        "leaf-and-kettle.myshopify.com",
        "orders/create",
        "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC),
    )


def test_a_signature_with_the_old_secret_still_counts() -> None:
    headers = {**HEADERS, "X-Shopify-Hmac-Sha256": signature(BODY, b"hush-before")}
    assert open_envelope(headers.get, BODY, SECRETS).topic == "orders/create"
    with pytest.raises(BadSignature):
        open_envelope(headers.get, BODY, SECRETS[:1])


def test_bytes_that_are_no_text_are_verified_too() -> None:
    assert opened(b"\xff\xfe{}").topic == "orders/create"


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        " ",
        "é",
        "r3f8eYnZAQNq9WyvpuN6my10n2sX7IPAWkceU+HpvFU",
        signature(BODY) + "\n",
        signature(BODY + b" "),
    ],
    ids=repr,
)
def test_an_odd_or_missing_signature_is_refused(given: str | None) -> None:
    headers = {**HEADERS, "X-Shopify-Hmac-Sha256": given}
    with pytest.raises(BadSignature):
        open_envelope(headers.get, BODY, SECRETS)


@given(st.text(max_size=80))
def test_no_other_text_is_a_signature(text: str) -> None:
    headers = {**HEADERS, "X-Shopify-Hmac-Sha256": text}
    with pytest.raises(BadSignature):
        open_envelope(headers.get, BODY, SECRETS)


HEADER_NAMES = sorted(set(HEADERS) - {"X-Shopify-Hmac-Sha256"})


@given(st.dictionaries(st.sampled_from(HEADER_NAMES), st.one_of(st.none(), st.text(max_size=60))))
def test_odd_headers_are_refused_or_read_and_nothing_else(changed: dict[str, str | None]) -> None:
    headers: Mapping[str, str | None] = {**HEADERS, **changed}
    try:
        envelope = open_envelope(headers.get, BODY, SECRETS)
    except BadDelivery:
        return
    assert shop_domain(envelope.shop_domain) == envelope.shop_domain
    assert envelope.dedupe_key
    assert envelope.triggered_at is None or envelope.triggered_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["X-Shopify-Shop-Domain", "X-Shopify-Topic", "X-Shopify-Webhook-Id"])
def test_a_signed_post_without_what_it_needs_is_refused(name: str) -> None:
    with pytest.raises(BadDelivery, match=name):
        open_envelope({**HEADERS, name: None}.get, BODY, SECRETS)


@pytest.mark.parametrize(
    "text, at",
    [
        (None, None),
        ("", None),
        ("0000-00-00", None),
        ("2026-11-22T08:30:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2026-11-22T09:30:00+01:00", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("2026-11-22T08:30:00.123456789Z", datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC)),
    ],
)
def test_the_instant_of_triggering_is_read_or_left_out(text: str | None, at: datetime | None) -> None:
    assert opened(X_Shopify_Triggered_At=text).triggered_at == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "apple",
        "apple.myshopify.com.evil.com",
        "evil.com#apple.myshopify.com",
        "ap\nple.myshopify.com",
        "apple.myshopify.com\n",
        " apple.myshopify.com",
        "-apple.myshopify.com",
        "a.b.myshopify.com",
        "under_score.myshopify.com",
        "äpple.myshopify.com",
        "https://apple.myshopify.com",
        "apple.myshopify.com:443",
        f"{'a' * 64}.myshopify.com",
    ],
)
def test_what_is_not_exactly_a_shops_domain_is_not_one(text: str) -> None:
    assert shop_domain(text) is None


def test_a_shops_domain_is_known_in_any_case() -> None:
    assert shop_domain("Apple-1.MyShopify.com") is None
    assert shop_domain("Apple-1.myshopify.com") == "apple-1.myshopify.com"


@given(
    st.text(max_size=200),
    st.sampled_from(["right", "old", "wrong", "garbled"]),
)
def test_we_agree_with_shopifys_own_check(body: str, kind: str) -> None:
    raw = body.encode("utf-8", "surrogatepass")
    given_signature = {
        "right": signature(raw),
        "old": signature(raw, b"hush-before"),
        "wrong": signature(raw, b"another"),
        "garbled": signature(raw)[::-1],
    }[kind]
    headers = {**HEADERS, "X-Shopify-Hmac-Sha256": given_signature}
    official = shopify_app.ShopifyApp("client", "hush", "hush-before")
    try:
        body.encode()
    except UnicodeEncodeError:
        return  # the oracle takes only text that UTF-8 can write
    theirs = official.verify_webhook_req({"method": "POST", "url": "/", "headers": headers, "body": body}).ok
    try:
        open_envelope(headers.get, raw, SECRETS)
        ours = True
    except BadSignature:
        ours = False
    assert ours == theirs
