"""Who is let in: the admin with a true and fresh ID token, the shopper whom the proxy vouches for, and nobody
else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import shopify
from hypothesis import given
from hypothesis import strategies as st

from connectors.http import HttpSession
from connectors.shopify import AdminVisitor, Answer, BadProxyRequest, ProxyVisitor, ShopifyApp
from connectors.shopify.visitors import frame_ancestors, is_path

SECRET = "shpss_0123456789abcdef0123456789abcdef"
OLD = "shpss_old_0123456789abcdef0123456789ab"
SHOP = "leaf-and-kettle.myshopify.com"
URL = "https://perennial.example"
RETRY = {"X-Shopify-Retry-Invalid-Session-Request": "1"}
CLOCK = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def the_app(secret: str = SECRET, **changed: Any) -> ShopifyApp:
    return ShopifyApp("client", secret, OLD, URL + "/", HttpSession(), now=lambda: CLOCK, **changed)


@dataclass(frozen=True)
class Ahead:
    """So many seconds after the test's own instant: what is written beside a test is read long before it runs."""

    seconds: int
    kind: type = int


def claims(**changed: Any) -> dict[str, Any]:
    at = int(time.time())
    full = {
        "iss": f"https://{SHOP}/admin",
        "dest": f"https://{SHOP}",
        "aud": "client",
        "sub": "902541635",
        "exp": at + 60,
        "nbf": at,
        "iat": at,
        "jti": "f8912129-1af6-4cad-9ca3-76b0f7621087",
        "sid": "aaea182f",
    }
    given = {name: value for name, value in (full | changed).items() if value is not ...}
    return {
        name: value.kind(at + value.seconds) if isinstance(value, Ahead) else value for name, value in given.items()
    }


def token(secret: str = SECRET, **changed: Any) -> str:
    return jwt.encode(claims(**changed), secret, algorithm="HS256")


def fetch(given: str | None, method: str = "POST") -> AdminVisitor | Answer:
    return the_app().admit(method, "/api/stages", "", given)


def test_a_fetch_with_a_true_token_is_let_in() -> None:
    given = token()
    issued_at = datetime.fromtimestamp(jwt.decode(given, SECRET, ["HS256"], audience="client")["iat"], UTC)
    assert fetch(f"Bearer {given}") == AdminVisitor(
        SHOP, "902541635", given, Answer(401, RETRY, "Unauthorized"), issued_at
    )


def test_a_token_under_the_old_secret_is_let_in() -> None:
    assert isinstance(fetch(f"Bearer {token(OLD)}"), AdminVisitor)


def test_a_page_with_a_true_token_is_let_in_and_the_token_is_not_carried_on() -> None:
    given = token()
    visitor = the_app().admit("GET", "/customers", f"embedded=1&id_token={given}&shop={SHOP}&locale=en", None)
    assert isinstance(visitor, AdminVisitor)
    assert visitor.shop_domain == SHOP
    assert given not in repr(visitor)
    assert given not in visitor.again.headers["Location"]
    assert visitor.again.status == 302


def test_a_page_without_a_token_bounces_and_comes_back() -> None:
    answer = the_app().admit("GET", "/customers", f"embedded=1&id_token=&shop={SHOP}&host=abc", None)
    assert isinstance(answer, Answer)
    assert answer.status == 302
    to = urlsplit(answer.headers["Location"])
    assert f"{to.scheme}://{to.netloc}{to.path}" == f"{URL}/session/bounce"
    assert parse_qs(to.query)["shopify-reload"] == [f"/customers?embedded=1&shop={SHOP}&host=abc"]
    page = the_app().bounce_page(to.query)
    assert page.status == 200
    assert page.headers["Content-Security-Policy"] == f"frame-ancestors https://{SHOP} https://admin.shopify.com;"


def test_another_method_without_a_token_is_refused_outright() -> None:
    assert the_app().admit("POST", "/customers", "", None) == Answer(401, {}, "Unauthorized")


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": ...},
        {"iat": ...},
        {"exp": Ahead(-3600), "iat": Ahead(-3660), "nbf": Ahead(-3660)},
        {"exp": Ahead(3600)},
        {"exp": Ahead(10 * 365 * 86_400)},
        {"nbf": Ahead(3600), "iat": Ahead(3600), "exp": Ahead(3660)},
        {"exp": Ahead(30, str)},
        {"exp": Ahead(30, float)},
        {"iat": True},
        {"aud": ...},
        {"aud": "another"},
        {"aud": ["client"]},
        {"aud": ["client", "another"]},
        {"iss": ...},
        {"iss": "https://another.myshopify.com/admin"},
        {"iss": f"https://{SHOP}"},
        {"dest": ...},
        {"dest": 5},
        {"dest": None},
        {"dest": SHOP},
        {"dest": f"http://{SHOP}"},
        {"dest": "https://another.myshopify.com"},
        {"dest": f"https://{SHOP}.evil.com", "iss": f"https://{SHOP}.evil.com/admin"},
        {"dest": f"https://{SHOP}\n", "iss": f"https://{SHOP}\n/admin"},
        {"dest": "https://[", "iss": "https://[/admin"},
        {"sub": ...},
        {"sub": 902541635},
        {"sub": ""},
        {"sub": "gid://shopify/Customer/1"},
    ],
    # The values hold the time of day: two test processes must agree on the names.
    ids="+".join,
)
def test_a_token_with_an_odd_claim_is_refused(changed: dict[str, Any]) -> None:
    assert fetch(f"Bearer {token(**changed)}") == Answer(401, RETRY, "Unauthorized")
    page = the_app().admit("GET", "/", f"id_token={token(**changed)}", None)
    assert isinstance(page, Answer)
    assert page.status == 302


def unsigned(header: dict[str, Any]) -> str:
    parts = [json.dumps(part).encode() for part in (header, claims())]
    return ".".join([base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts] + [""])


@pytest.mark.parametrize(
    "make",
    [
        lambda: "",
        lambda: "x",
        lambda: "é.ü.ß",
        lambda: token("another secret, long enough for the algorithm"),
        lambda: token()[:-3],
        lambda: unsigned({"alg": "none", "typ": "JWT"}),
        lambda: unsigned({"alg": "HS256", "typ": "JWT"}),
        lambda: jwt.encode(claims(), SECRET * 2, algorithm="HS512"),
        lambda: jwt.encode(claims(), SECRET * 2, algorithm="HS384"),
        lambda: token() + "A" * 5000,
    ],
)
def test_a_token_that_is_not_signed_by_our_secret_is_refused(make: Callable[[], str]) -> None:
    assert fetch(f"Bearer {make()}") == Answer(401, RETRY, "Unauthorized")


@pytest.mark.parametrize("scheme", ["bearer ", "Basic ", "Bearer", ""])
def test_another_scheme_is_refused(scheme: str) -> None:
    assert fetch(f"{scheme}{token()}") == Answer(401, RETRY, "Unauthorized")


@given(st.text(max_size=300))
def test_no_text_is_let_in(text: str) -> None:
    assert isinstance(fetch(f"Bearer {text}"), Answer)
    assert isinstance(the_app().admit("GET", "/", text, None), Answer)


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"shop={SHOP}",
        "shopify-reload=%2F",
        "shop=evil.com&shopify-reload=%2F",
        f"shop={SHOP}&shop=other.myshopify.com&shopify-reload=%2F",
        f"shop={SHOP}&shopify-reload=https%3A%2F%2Fevil.com",
        f"shop={SHOP}&shopify-reload=%2F%2Fevil.com",
        f"shop={SHOP}&shopify-reload=%2F%5Cevil.com",
        f"shop={SHOP}&shopify-reload=%2F%0A%2Fevil.com",
    ],
)
def test_the_bounce_page_leads_only_into_the_app(query: str) -> None:
    assert the_app().bounce_page(query) == Answer(400, {}, "Bad Request")


def test_the_sandbox_may_stand_in_for_the_platform_in_the_frame() -> None:
    app = the_app(app_bridge_url='http://127.0.0.1:9292/bridge.js?"', frame_origin="http://127.0.0.1:9292")
    page = app.bounce_page(f"shop={SHOP}&shopify-reload=%2F")
    assert page.body == (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Perennial</title>'
        '<script data-api-key="client" src="http://127.0.0.1:9292/bridge.js?&quot;"></script>'
        "</head><body></body></html>"
    )
    frames = f"frame-ancestors https://{SHOP} https://admin.shopify.com http://127.0.0.1:9292;"
    assert page.headers["Content-Security-Policy"] == frames == app.frame_ancestors(SHOP)
    assert frame_ancestors(SHOP) == f"frame-ancestors https://{SHOP} https://admin.shopify.com;"


@pytest.mark.parametrize("text", ["/", "/a?b=c#d", "/é"])
def test_a_path_of_the_app_is_one(text: str) -> None:
    assert is_path(text)


@pytest.mark.parametrize("text", ["", "a", "//evil", "/\\evil", "https:evil", "/a\nb", "\\/evil"])
def test_what_leads_elsewhere_is_no_path(text: str) -> None:
    assert not is_path(text)


# --- the app proxy


def signed(pairs: list[tuple[str, str]], secret: str = SECRET) -> str:
    """A proxy query as the platform signs it."""
    joined: dict[str, list[str]] = {}
    for name, value in pairs:
        joined.setdefault(name, []).append(value)
    text = "".join(sorted(f"{name}={','.join(values)}" for name, values in joined.items()))
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return urlencode([*pairs, ("signature", signature)])


def pairs(**changed: str | None) -> list[tuple[str, str]]:
    full: dict[str, str | None] = {
        "shop": SHOP,
        "logged_in_customer_id": "7700001",
        "path_prefix": "/apps/perennial",
        "timestamp": str(int(time.time())),
        **changed,
    }
    return [(name, value) for name, value in full.items() if value is not None]


def test_a_shopper_is_whom_the_platform_names() -> None:
    assert the_app().proxied(signed(pairs())) == ProxyVisitor(SHOP, "7700001", "/apps/perennial")
    stranger = signed(pairs(logged_in_customer_id="", extra="é&=", x=""), OLD)
    assert the_app().proxied(stranger) == ProxyVisitor(SHOP, None, "/apps/perennial")
    doubled = signed([*pairs(), ("extra", "1"), ("extra", "2")])
    assert the_app().proxied(doubled).customer_external_id == "7700001"


@pytest.mark.parametrize(
    "customer, signature",
    [
        ("1", "4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"),
        ("", "e072b6d7e6622d85912a5214b860d3100dc1e73d9bc29f43796ac8c9ff8093cb"),
    ],
)
def test_the_platforms_own_vectors_match(customer: str, signature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    query = (
        "extra=1&extra=2&shop=shop-name.myshopify.com&path_prefix=%2Fapps%2Fawesome_reviews"
        f"&logged_in_customer_id={customer}&timestamp=1317327555&signature={signature}"
    )
    with pytest.raises(BadProxyRequest, match="more than 90 seconds old"):
        the_app("hush").proxied(query)
    monkeypatch.setattr(time, "time", lambda: 1317327555.0 + 90)
    assert the_app("hush").proxied(query) == ProxyVisitor(
        "shop-name.myshopify.com", customer or None, "/apps/awesome_reviews"
    )


NOW = int(time.time())


@pytest.mark.parametrize(
    "given",
    [
        pairs(shop=None),
        pairs(shop="evil.com"),
        [*pairs(), ("shop", "other.myshopify.com")],
        pairs(logged_in_customer_id=None),
        pairs(logged_in_customer_id="7700001 "),
        [*pairs(), ("logged_in_customer_id", "1")],
        pairs(path_prefix=None),
        pairs(path_prefix="//evil"),
        [*pairs(), ("path_prefix", "/x")],
        pairs(timestamp=None),
        pairs(timestamp=str(NOW - 200)),
        # Far ahead: the tests may run minutes after this line was read.
        pairs(timestamp=str(NOW + 100_000)),
        pairs(timestamp=f" {NOW} "),
        pairs(timestamp="１７６３８０００００"),
        [*pairs(), ("timestamp", str(NOW))],
        [*pairs(), ("signature", "0" * 64)],
        [*pairs(), ("hmac", "0" * 64)],
        pairs(a="1logged_in_customer_id=42m"),
        pairs(mlogged_in_customer_id=""),
        pairs(x="y" * 9000),
    ],
    # Names only: the values hold the time of day.
    ids=lambda given: "-".join(name for name, _ in given),
)
def test_an_odd_proxy_request_is_refused_although_it_is_signed(given: list[tuple[str, str]]) -> None:
    with pytest.raises(BadProxyRequest):
        the_app().proxied(signed(given))


@pytest.mark.parametrize("signature", [None, "", "é" * 64, "0" * 64, "A" * 64])
def test_a_proxy_request_with_another_signature_is_refused(signature: str | None) -> None:
    given = pairs() + ([] if signature is None else [("signature", signature)])
    with pytest.raises(BadProxyRequest):
        the_app().proxied(urlencode(given))


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=6))
def test_no_unsigned_query_comes_through(given: list[tuple[str, str]]) -> None:
    with pytest.raises(BadProxyRequest):
        the_app().proxied(urlencode(given, errors="surrogatepass"))


# --- links from outside the frame


def link(secret: str = SECRET, **changed: str) -> str:
    given = {"shop": SHOP, "timestamp": str(int(CLOCK.timestamp())), "host": "YWRtaW4", **changed}
    text = "&".join(f"{name}={value}" for name, value in sorted(given.items()))
    return urlencode({**given, "hmac": hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()})


def test_a_signed_link_names_its_shop() -> None:
    assert the_app().linked_shop(link()) == SHOP
    assert the_app().linked_shop(link(OLD)) == SHOP


def test_the_platforms_own_vector_of_a_link_matches() -> None:
    at = datetime.fromtimestamp(1337178173, UTC)
    app = ShopifyApp("client", "hush", None, URL, HttpSession(), now=lambda: at)
    query = (
        "code=0907a61c0c8d55e99db179b68161bc00&shop=example-shop.myshopify.com&state=0.6784241404160823"
        "&timestamp=1337178173&hmac=44cf08f8d26839c27ea30542efcf32c32f51e973d90a919644dce0ee548347d9"
    )
    assert app.linked_shop(query) == "example-shop.myshopify.com"


@pytest.mark.parametrize(
    "query",
    [
        "",
        link("another secret"),
        link(shop="evil.com"),
        link(shop="ap\nple.myshopify.com"),
        link(timestamp="0"),
        link(timestamp=str(int(CLOCK.timestamp()) + 91)),
        link(timestamp="x"),
        link(timestamp="²"),
        link() + "&shop=other.myshopify.com",
        link(**{"ids[]": "1"}),
        link() + "&hmac=0",
        link().replace("hmac=", "hmac=%C3%A9"),
        link(x="y" * 9000),
    ],
    ids=lambda query: query[:60],
)
def test_another_link_names_nobody(query: str) -> None:
    assert the_app().linked_shop(query) is None


def test_the_secret_is_not_left_where_another_app_would_find_it() -> None:
    the_app().linked_shop(link())
    assert shopify.Session.secret is None


def test_an_app_does_not_show_its_secrets() -> None:
    assert repr(the_app()) == "ShopifyApp(client_id='client', app_url='https://perennial.example')"


@pytest.mark.parametrize("client_id, secret", [("", SECRET), ("client", "")])
def test_an_app_without_credentials_is_refused(client_id: str, secret: str) -> None:
    with pytest.raises(ValueError, match="client id and a client secret"):
        ShopifyApp(client_id, secret, None, URL, HttpSession(), now=lambda: CLOCK)
