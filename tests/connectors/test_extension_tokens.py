"""Who is let in from a UI extension: the shopper whom checkout or customer accounts name, and nobody else."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
import shopify_app

from connectors.http import HttpSession
from connectors.shopify import BadExtensionToken, ExtensionVisitor, ShopifyApp

SECRET = "shpss_0123456789abcdef0123456789abcdef"
OLD = "shpss_old_0123456789abcdef0123456789ab"
SHOP = "leaf-and-kettle.myshopify.com"
URL = "https://perennial.example"
CUSTOMER = "gid://shopify/Customer/6940095564"


def the_app() -> ShopifyApp:
    return ShopifyApp("client", SECRET, OLD, URL, HttpSession(), now=lambda: datetime(2026, 11, 22, tzinfo=UTC))


@dataclass(frozen=True)
class Ahead:
    """So many seconds after the test's own instant: what is written beside a test is read long before it runs."""

    seconds: int
    kind: type = int


def claims(**changed: Any) -> dict[str, Any]:
    at = int(time.time())
    full = {"dest": SHOP, "aud": "client", "sub": CUSTOMER, "exp": at + 300, "nbf": at, "iat": at, "jti": "f891"}
    given = {name: value for name, value in (full | changed).items() if value is not ...}
    return {
        name: value.kind(at + value.seconds) if isinstance(value, Ahead) else value for name, value in given.items()
    }


def token(secret: str = SECRET, **changed: Any) -> str:
    return jwt.encode(claims(**changed), secret, algorithm="HS256")


def read(given: str | None) -> ExtensionVisitor:
    return the_app().extension_visitor(given)


def test_a_true_token_names_the_shop_and_the_customer() -> None:
    assert read(f"Bearer {token()}") == ExtensionVisitor(SHOP, "6940095564")


def test_a_token_under_the_old_secret_is_taken_while_secrets_are_replaced() -> None:
    assert read(f"Bearer {token(OLD)}") == ExtensionVisitor(SHOP, "6940095564")


def test_somebody_who_is_not_logged_in_is_nobody_in_particular() -> None:
    assert read(f"Bearer {token(sub=...)}") == ExtensionVisitor(SHOP, None)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": ...},
        {"iat": ...},
        {"exp": Ahead(-3600), "iat": Ahead(-3900), "nbf": Ahead(-3900)},
        {"exp": Ahead(301), "iat": Ahead(-60)},
        {"exp": Ahead(10 * 365 * 86_400)},
        {"iat": Ahead(3600), "nbf": Ahead(3600), "exp": Ahead(3900)},
        {"iat": Ahead(3600), "exp": Ahead(3900)},
        {"exp": Ahead(60, float)},
        {"iat": True},
        {"aud": ...},
        {"aud": "another"},
        {"aud": ["client"]},
        {"dest": ...},
        {"dest": None},
        {"dest": 7},
        {"dest": f"https://{SHOP}"},
        {"dest": SHOP.upper()},
        {"dest": "evil.example"},
        {"dest": f"{SHOP}.evil.example"},
        {"dest": f"{SHOP}\n"},
        {"iss": f"https://{SHOP}/admin"},
        {"sid": "aaea182f"},
        {"sub": "6940095564"},
        {"sub": 6940095564},
        {"sub": ""},
        {"sub": "gid://shopify/Customer/"},
        {"sub": "gid://shopify/Customer/1/2"},
        {"sub": "gid://shopify/Order/1"},
        {"sub": "gid://shopify/Customer/٣"},
        {"sub": f"gid://shopify/Customer/{'1' * 20}"},
    ],
)
def test_a_token_with_a_claim_that_the_platform_does_not_write_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadExtensionToken):
        read(f"Bearer {token(**changed)}")


def unsigned(header: dict[str, str]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims()))
    return f"{'.'.join(parts)}."


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer not-a-token",
        f"Bearer {token('shpss_somebody_elses_secret_0123456789')}",
        f"Bearer {unsigned({'alg': 'none', 'typ': 'JWT'})}",
        f"Bearer {unsigned({'alg': 'None', 'typ': 'JWT'})}",
        f"Bearer {jwt.encode(claims(), SECRET * 2, algorithm='HS512')}",
        f"Bearer {token()[:-4]}AAAA",
        f"bearer {token()}",
        token(),
        f"Bearer {'a' * 5000}",
        f"Bearer {token()}é",
    ],
)
def test_what_is_not_a_token_of_the_platform_is_refused(given: str | None) -> None:
    with pytest.raises(BadExtensionToken):
        read(given)


def test_a_token_of_the_admin_opens_no_extension_and_one_of_an_extension_no_admin() -> None:
    admin = {"iss": f"https://{SHOP}/admin", "dest": f"https://{SHOP}", "sub": "902541635", "sid": "aaea182f"}
    with pytest.raises(BadExtensionToken):
        read(f"Bearer {token(**admin)}")
    answer = the_app().admit("POST", "/", "", f"Bearer {token()}")
    assert getattr(answer, "status", None) == 401


def test_the_package_says_the_same_of_both_places_and_less_than_we_do() -> None:
    official = shopify_app.ShopifyApp("client", SECRET, None)
    for changed, fine in (({}, True), ({"aud": "another"}, False), ({"exp": ..., "iat": ..., "nbf": ...}, True)):
        request: Any = {
            "method": "POST",
            "headers": {"Authorization": f"Bearer {token(**changed)}"},
            "url": URL,
            "body": "",
        }
        assert official.verify_checkout_ui_ext_req(request).ok is fine
        assert official.verify_customer_account_ui_ext_req(request).ok is fine
