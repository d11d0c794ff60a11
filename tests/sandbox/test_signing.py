"""The platform's signatures, against the vectors of the reference (1.10)."""

from __future__ import annotations

import base64

import jwt
import pytest

from sandbox.signing import (
    BadToken,
    host_parameter,
    id_token,
    launch_signature,
    proxy_signature,
    read_id_token,
    webhook_signature,
)
from tests.sandbox.conftest import NOON, SECRET

SHOP = "demo-store.myshopify.com"


def test_a_launch_query_is_signed_as_the_reference_says() -> None:
    pairs = [
        ("code", "0907a61c0c8d55e99db179b68161bc00"),
        ("timestamp", "1337178173"),
        ("shop", "example-shop.myshopify.com"),
        ("state", "0.6784241404160823"),
        ("hmac", "not part of it"),
    ]
    signed = launch_signature(pairs, "hush")
    assert signed == "44cf08f8d26839c27ea30542efcf32c32f51e973d90a919644dce0ee548347d9"


@pytest.mark.parametrize(
    "customer,signature",
    [
        ("1", "4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"),
        ("", "e072b6d7e6622d85912a5214b860d3100dc1e73d9bc29f43796ac8c9ff8093cb"),
    ],
)
def test_a_proxy_query_is_signed_as_the_reference_says(customer: str, signature: str) -> None:
    pairs = [
        ("extra", "1"),
        ("extra", "2"),
        ("shop", "shop-name.myshopify.com"),
        ("logged_in_customer_id", customer),
        ("path_prefix", "/apps/awesome_reviews"),
        ("timestamp", "1317327555"),
    ]
    assert proxy_signature(pairs, "hush") == signature


def test_a_webhook_is_signed_as_the_reference_says() -> None:
    assert webhook_signature(b'{"id":1,"tags":"vip"}', b"hush") == b"r3f8eYnZAQNq9WyvpuN6my10n2sX7IPAWkceU+HpvFU="


def test_the_host_parameter_has_lost_its_padding() -> None:
    text = host_parameter(SHOP)
    assert "=" not in text
    assert base64.b64decode(text + "=" * (-len(text) % 4)) == b"admin.shopify.com/store/demo-store"


def test_an_id_token_has_the_platform_s_claims_and_one_minute() -> None:
    token = id_token(SHOP, "client-1", SECRET, NOON, user_id=7, session_id="s")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    assert {name: claims[name] for name in ("iss", "dest", "aud", "sub", "exp", "nbf", "iat", "sid")} == {
        "iss": f"https://{SHOP}/admin",
        "dest": f"https://{SHOP}",
        "aud": "client-1",
        "sub": "7",
        "exp": NOON + 60,
        "nbf": NOON,
        "iat": NOON,
        "sid": "s",
    }


def test_an_id_token_is_refused_after_its_minute_or_with_another_secret() -> None:
    token = id_token(SHOP, "client-1", SECRET, NOON, user_id=7, session_id="s")
    assert read_id_token(token, "client-1", SECRET, NOON + 60)["sub"] == "7"
    for client, secret, at in (
        ("client-1", SECRET, NOON + 71),
        ("client-1", SECRET[::-1], NOON),
        ("other", SECRET, NOON),
    ):
        with pytest.raises(BadToken):
            read_id_token(token, client, secret, at)
