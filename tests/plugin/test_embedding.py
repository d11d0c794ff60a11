"""Inside the admin's frame: every page says who may frame it, loads the platform's script first, and sets no cookie."""

from __future__ import annotations

import pytest

from connectors.shopify import BOUNCE_PATH
from tests.plugin.conftest import CLIENT_ID, House, Merchant

# What stands for the parts of an address that name something.
PARTS = {"customer_id": "1", "delivery_id": "1", "effect_id": "1", "request_id": "none"}


def merchant_routes(house: House, method: str) -> list[str]:
    """An address of every route that a merchant owns, however many there will be."""
    found = []
    for rule in house.app.url_map.iter_rules():
        owned = getattr(house.app.view_functions[rule.endpoint], "owner", None) == "merchant"
        if owned and method in (rule.methods or ()):
            path = rule.rule
            for name in rule.arguments:
                kind = rule._converters[name].__class__.__name__
                path = path.replace(f"<int:{name}>", PARTS.get(name, "1")).replace(f"<{name}>", PARTS.get(name, "x"))
                assert kind in ("IntegerConverter", "UnicodeConverter"), f"{rule.rule} needs a part of its own here"
            found.append(path)
    return found


def test_every_page_of_the_merchant_s_belongs_into_this_shop_s_frame(house: House, merchant: Merchant) -> None:
    paths = merchant_routes(house, "GET")
    assert {"/", "/customers", "/activity", "/privacy"} <= set(paths)
    for path in paths:
        page = merchant.open(path)
        assert page.status_code in (200, 404), path
        framed = f"frame-ancestors https://{merchant.shop.domain} https://admin.shopify.com"
        assert framed in page.headers["Content-Security-Policy"], path
        assert "X-Frame-Options" not in page.headers, path
        assert "Set-Cookie" not in page.headers, path
        if page.mimetype == "text/html" and "<html" in page.text:  # not a piece that a page of ours puts into itself
            first = page.text[page.text.index("<script") :]
            assert first.startswith('<script src="https://cdn.shopify.com/shopifycloud/app-bridge.js"></script>'), path
            assert page.text.index(f'<meta name="shopify-api-key" content="{CLIENT_ID}">') < page.text.index(
                "<script"
            ), path


def test_an_address_that_leads_nowhere_says_so_inside_the_frame(merchant: Merchant) -> None:
    for page in (merchant.open("/nowhere"), merchant.fetch("/nowhere")):
        assert page.status_code == 404
        assert f"frame-ancestors https://{merchant.shop.domain} " in page.headers["Content-Security-Policy"]
    forged = merchant.client.get(f"/nowhere?id_token={merchant.token(aud='another')}")
    assert "frame-ancestors 'none'" in forged.headers["Content-Security-Policy"]


def test_no_button_sets_a_cookie(house: House, merchant: Merchant) -> None:
    paths = merchant_routes(house, "POST")
    assert paths
    for path in paths:
        assert "Set-Cookie" not in merchant.fetch(path, "POST").headers, path
        assert merchant.client.post(path).status_code == 401, path


@pytest.mark.parametrize("path", ["/", "/customers"])
def test_an_address_opened_outside_of_the_admin_leads_into_it(merchant: Merchant, path: str) -> None:
    store = merchant.shop.domain.removesuffix(".myshopify.com")
    inside = f"https://admin.shopify.com/store/{store}/apps/{CLIENT_ID}{path if path != '/' else ''}"
    answer = merchant.client.get(f"{path}?shop={merchant.shop.domain}")
    assert (answer.status_code, answer.location) == (302, inside)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "query", ["", "?shop=evil.example", "?shop=admin.shopify.com", "?shop=a.myshopify.com&shop=b.myshopify.com"]
)
def test_an_address_that_names_no_store_says_where_to_begin(merchant: Merchant, query: str) -> None:
    page = merchant.client.get(f"/{query}")
    assert page.status_code == 401
    assert "choose Perennial under Apps" in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_inside_the_frame_a_page_without_a_token_fetches_one(merchant: Merchant) -> None:
    for path, headers in ((f"/?embedded=1&shop={merchant.shop.domain}", {}), ("/", {"Sec-Fetch-Dest": "iframe"})):
        answer = merchant.client.get(path, headers=headers)
        assert answer.status_code == 302
        assert BOUNCE_PATH in answer.location
        assert "Set-Cookie" not in answer.headers


def test_the_bounce_page_is_framed_by_the_shop_that_it_is_for(merchant: Merchant) -> None:
    page = merchant.client.get(f"{BOUNCE_PATH}?shop={merchant.shop.domain}&shopify-reload=%2F")
    assert f"frame-ancestors https://{merchant.shop.domain} " in page.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in page.headers


def test_the_routes_of_standing_alone_are_not_there_for_an_embedded_app(merchant: Merchant) -> None:
    for path in ("/auth/start", "/auth/callback"):
        assert merchant.client.get(path).status_code == 404
