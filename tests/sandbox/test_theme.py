"""The theme around a shop front: an app's blocks where the merchant has put them, as the platform would show them."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from sandbox import App, Courier, World, create_app, theme
from sandbox.ids import gid
from sandbox.metafields import OWN_NAMESPACE, Metafield

ROOT = Path(__file__).parents[2]
PROGRAM = {
    "currency": "USD", "unit": 100, "points": 2, "per": 100, "measure": "spend",
    "rewards": [{"title": "<b>Mug</b>", "points": 1000}, {"title": "Teapot", "points": 5000}],
    "tiers": [{"name": "Silver", "from": 50_000}, {"name": "Gold", "from": 100_000}],
}  # fmt: skip


@pytest.fixture
def world() -> World:
    made = World(
        App("a", "secret-of-the-theme-00000000000000").deployed(ROOT / "shopify.app.toml"),
        courier=Courier(send=lambda *_: 200),
    )
    made.install()
    tell(made, gid("AppInstallation", made.shop().shop_id), "perennial", "program", "json", json.dumps(PROGRAM))
    return made


@pytest.fixture
def visitor(world: World) -> Client:
    theme.place(world.shop(), chosen=True)
    return Client(create_app(world))


def test_the_files_of_a_theme_that_was_named_from_here_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    app = App("a", "secret-of-the-theme-00000000000000").deployed(Path("shopify.app.toml"))
    there = World(app, courier=Courier(send=lambda *_: 200))
    there.install()
    for name in ("perennial.js", "perennial.css"):
        assert Client(create_app(there)).get(f"/store/theme/{name}", buffered=True).status_code == 200


def tell(world: World, owner: str, namespace: str, key: str, kind: str, value: str) -> None:
    world.shop().metafields.values[owner, namespace, key] = Metafield(1, owner, namespace, key, kind, value, 0, 0)


def anna(world: World, visitor: Client, **fields: str) -> None:
    """Anna is logged in, and these fields stand beside her."""
    customer = world.add_customer("anna@example.com", "Anna", "Vos")
    kinds = {"points": "number_integer", "referral_link": "url"}
    for key, value in fields.items():
        kind = kinds.get(key, "single_line_text_field")
        tell(world, gid("Customer", customer.id), OWN_NAMESPACE, key, kind, value)
    visitor.post("/store/login", data={"email": "anna@example.com"})


def blocks(visitor: Client, path: str) -> str:
    """The text of the app's blocks on a page."""
    page = visitor.get(path).text
    found = re.findall(r'<div id="shopify-block-\d+".*?</div>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", " ".join(found)).split())


def test_a_store_has_no_blocks_until_its_merchant_places_some(world: World) -> None:
    visitor = Client(create_app(world))
    assert "perennial" not in visitor.get("/store/products/MUG").text.replace("/apps/perennial", "")
    answer = visitor.post("/sandbox/theme", json={"blocks": {"product": ["earn"]}, "locale": "fa"})
    assert answer.get_json() == {"shop": "demo-store.myshopify.com", "locale": "fa", "blocks": {"product": ["earn"]}}
    page = visitor.get("/store/products/MUG").text
    assert '<html lang="fa" dir="rtl">' in page
    assert '<script src="/store/theme/perennial.js" defer></script>' in page
    assert b"perennial-block" in visitor.get("/store/theme/perennial.css", buffered=True).data
    visitor.post("/sandbox/theme", json={"blocks": False})
    assert "perennial.js" not in visitor.get("/store/products/MUG").text


@pytest.mark.parametrize("wrong", [{"blocks": {"product": ["nothing"]}}, {"blocks": ["earn"]}, {"locale": "<b>"}])
def test_a_block_or_a_language_that_is_not_there_is_refused(world: World, wrong: dict[str, Any]) -> None:
    answer = Client(create_app(world)).post("/sandbox/theme", json=wrong)
    assert answer.status_code == 422
    assert answer.get_json()["error"]
    assert world.shop().theme_blocks == {}


def test_a_store_without_the_app_shows_none_of_its_blocks(world: World, visitor: Client) -> None:
    assert "perennial-block" in visitor.get("/store/products/MUG").text
    world.uninstall()
    assert "perennial" not in visitor.get("/store/products/MUG").text


@pytest.mark.parametrize(
    "locale, said",
    [
        ("en", "Points you usually get: 28"),
        ("fa", "امتیازی که معمولاً می‌گیرید: ۲۸"),
        ("ar", "النقاط التي تكسبها عادةً: 28"),
        ("ro", "Puncte primite de obicei: 28"),
        ("de", "Points you usually get: 28"),
    ],
)
def test_a_product_says_what_it_brings_in_the_visitor_s_language(visitor: Client, locale: str, said: str) -> None:
    assert blocks(visitor, f"/store/products/MUG?locale={locale}") == said


def test_the_script_is_told_what_to_ask_and_goods_that_earn_nothing_say_nothing(visitor: Client) -> None:
    page = visitor.get("/store/products/MUG").text
    (src,) = re.findall(r'<perennial-part src="([^"]+)"', page)
    assert re.fullmatch(r"/apps/perennial/earn\?product=\d+&amp;variant=\d+&amp;amount=1400&amp;quantity=1", src)
    assert blocks(visitor, "/store/products/GIFT50") == ""


def test_the_script_is_told_of_all_that_is_in_a_cart(visitor: Client) -> None:
    for sku, quantity in (("MUG", 2), ("GIFT50", 1)):
        visitor.post("/store/cart/add", data={"sku": sku, "quantity": quantity})
    asked = re.findall(r'<perennial-part src="([^"]+)"', visitor.get("/store/cart").text)
    (src,) = [each for each in asked if "/earn?" in each]
    kinds = re.findall(r"product=(\d+)&amp;variant=(\d+)&amp;amount=(\d+)&amp;quantity=(\d+)&amp;gift_card=([01])", src)
    assert {kind[2:] for kind in kinds} == {("2800", "2", "0"), ("5000", "1", "1")}


def test_a_member_sees_points_what_is_next_and_the_tier(world: World, visitor: Client) -> None:
    anna(world, visitor, points="1234", tier="Silver", referral_link="https://demo.example/r/A?ref=A")
    said = blocks(visitor, "/store/account?locale=ro")
    assert "1.234 Teapot – puncte rămase: 3.766" in said
    assert "Nivelul tău: Silver Nivelul următor: Gold – cumpărături de 1,000.00 USD" in said
    assert 'value="https://demo.example/r/A?ref=A"' in visitor.get("/store/account").text


@pytest.mark.parametrize(
    "points, written", [("0", "0"), ("-7", "−7"), ("999", "999"), ("1000", "1,000"), ("1002003", "1,002,003")]
)
def test_numbers_are_written_in_groups(world: World, visitor: Client, points: str, written: str) -> None:
    anna(world, visitor, points=points)
    assert f"Your points {written} " in blocks(visitor, "/store/account")


def test_what_a_merchant_typed_is_text_and_never_markup(world: World, visitor: Client) -> None:
    anna(world, visitor, points="10", tier="<script>alert(1)</script>")
    page = visitor.get("/store/account").text
    assert "<bdi>&lt;b&gt;Mug&lt;/b&gt;</bdi>" in page
    assert "<script>alert" not in page


def test_a_cart_leads_to_points_and_an_empty_one_to_nothing(visitor: Client) -> None:
    assert blocks(visitor, "/store/cart") == ""
    visitor.post("/store/cart/add", data={"sku": "POT", "quantity": 2})
    assert blocks(visitor, "/store/cart").startswith("Points you usually get: 192 Use your points")
    assert 'href="/apps/perennial/cart?total=9600"' in visitor.get("/store/cart").text


def test_prices_in_another_currency_promise_nothing(world: World, visitor: Client) -> None:
    owner = gid("AppInstallation", world.shop().shop_id)
    tell(world, owner, "perennial", "program", "json", json.dumps(PROGRAM | {"currency": "EUR"}))
    visitor.post("/store/cart/add", data={"sku": "POT"})
    assert blocks(visitor, "/store/products/MUG") == blocks(visitor, "/store/cart") == ""
    assert "every" not in blocks(visitor, "/store/")


def test_a_store_that_was_told_nothing_yet_says_nothing_wrong(world: World, visitor: Client) -> None:
    world.shop().metafields.values.clear()
    visitor.post("/store/cart/add", data={"sku": "POT"})
    assert blocks(visitor, "/store/products/MUG") == blocks(visitor, "/store/cart") == ""
    assert blocks(visitor, "/store/").startswith("Your points Log in to see your points.")


def test_ui_extensions_stand_around_an_order_with_what_the_platform_tells_them(world: World, visitor: Client) -> None:
    anna(world, visitor)
    visitor.post("/store/cart/add", data={"sku": "POT", "quantity": 2})
    page = visitor.get("/store/checkout?locale=ro").text
    told = json.loads(unescape(re.findall(r'id="extension-facts">(.*?)</script>', page)[0]))
    assert 'import show from "/store/extension/checkout.js"' in page
    assert told["lines"][0]["cost"] == {"totalAmount": {"amount": "96.00", "currencyCode": "USD"}}
    assert (told["order"], told["locale"], told["words"]["copy"]) == (None, "ro", "Copiază")
    thanks = visitor.post("/store/checkout", data={}).location
    assert "/store/extension/thanks.js" in visitor.get(thanks).text
    assert "/store/extension/order.js" in visitor.get(thanks.partition("?")[0]).text
    code = visitor.get("/store/extension/ask.js").text
    assert f'"{world.app.app_url}/extension"' in code
    assert visitor.get("/store/extension/nothing.js").status_code == 404
    visitor.post("/sandbox/theme", json={"blocks": False})
    assert "extension" not in visitor.get(thanks).text


def test_a_store_under_a_path_asks_under_it(world: World, visitor: Client) -> None:
    page = visitor.get("/shops/demo-store.myshopify.com/store/products/MUG").text
    assert '<perennial-part src="/shops/demo-store.myshopify.com/apps/perennial/earn?' in page


def test_blocks_look_as_the_shop_says_and_are_not_where_it_does_not_want_them(world: World, visitor: Client) -> None:
    look = json.dumps({"style": "--perennial-accent:#1a5f4a", "off": ["earn"]})
    tell(world, gid("AppInstallation", world.shop().shop_id), "perennial", "look", "json", look)
    visitor.post("/store/cart/add", data={"sku": "POT"})
    page = visitor.get("/store/cart").text
    assert '<section class="perennial-block" style="--perennial-accent:#1a5f4a"' in page
    assert blocks(visitor, "/store/products/MUG") == ""
    assert blocks(visitor, "/store/cart").startswith("Use your points")
