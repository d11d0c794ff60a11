"""What the shopper's side may weigh. A page of ours is opened on telephones, in shops that others have made quick."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import loyalty
import referral
from engine.shops import Shop
from loyalty.rules import proposal
from plugin.wording import STATIC
from tests.plugin.conftest import APP_URL, House, Shopper, order, person

EXTENSIONS = STATIC.parent / "extensions"
# Bytes, packed by gzip -9.
MOST_SCRIPT, MOST_STYLE, MOST_VIEW = 10_000, 4_000, 40_000
# Whatever would let the script keep something in a browser, or reach somebody else.
KEPT_OR_TOLD = re.compile(
    r"cookie|localStorage|sessionStorage|indexedDB|caches\b|sendBeacon|WebSocket|EventSource|XMLHttpRequest|import\b|"
    r"importScripts|eval\(|new Function|serviceWorker|https?:(?!//)|//[a-z0-9-]+\.[a-z]",
    re.IGNORECASE,
)  # fmt: skip


def packed(content: bytes) -> int:
    return len(gzip.compress(content, 9))


def file(name: str) -> bytes:
    return (STATIC / name).read_bytes()


class Asked(HTMLParser):
    """What a browser fetches for a page by itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses = list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        names = {"link": "href"}.get(tag, "src")
        if tag not in ("a", "form") and given.get(names):
            self.addresses.append(str(given[names]))
        self.addresses += re.findall(r"url\(([^)]*)\)", given.get("style") or "")


@pytest.fixture
def full(house: House, shop: Shop) -> Shopper:
    """Somebody who fills the page of rewards: a hundred orders, tiers, twenty rewards, codes, and friends."""
    now, ada = house.clock.now, person("7", house.clock.now - timedelta(days=400))
    rewards = [
        {"key": f"r{n}", "title": f"Reward number {n} of the shop", "points": 50 + n, "amount_minor": 100 + n}
        for n in range(20)
    ]
    levels = [
        {"key": "silver", "name": "Silver", "enter": 1_000, "keep": 500},
        {"key": "gold", "name": "Gold", "enter": 900_000_00, "keep": 500},
    ]
    with house.database.work(shop.shop_id) as work:
        loyalty.publish(work, {**proposal("USD"), "rewards": rewards, "tiers": {"levels": levels}})
    house.settle(shop, *(order(n, ada, now - timedelta(days=300 - n), 5_000 + n) for n in range(1, 101)))
    customer_id = house.customer_id(shop, "7")
    for n in range(15):
        with house.database.work(shop.shop_id) as work:
            loyalty.redeem(work, customer_id, "7", f"r{n}", f"click-{n}")  # type: ignore[arg-type]
    with house.database.work(shop.shop_id) as work:
        code = referral.code_of(work, customer_id)  # type: ignore[arg-type]
        for n in range(12):
            referral.claim(work, code, f"friend{n}@example.org", b"s" * 32)
    return Shopper(house.app.test_client(), shop, "7")


def test_the_script_and_the_styles_keep_within_their_budgets() -> None:
    assert packed(file("storefront.js")) <= MOST_SCRIPT
    assert packed(file("storefront.css")) <= MOST_STYLE


@pytest.mark.parametrize("path", ["/", "/cart"])
def test_the_whole_first_view_keeps_within_its_budget(full: Shopper, path: str) -> None:
    answer = full.get(path)
    assert answer.status_code == 200
    page = answer.text
    if path == "/":
        assert page.count("perennial-slip") > 30
        assert page.count("<form") > 10
    weight = packed(answer.data)
    for address in Asked(page).addresses:
        weight += packed(file(urlsplit(address).path.removeprefix("/static/")))
    assert weight < MOST_VIEW, f"{path} weighs {weight} bytes"


@pytest.mark.parametrize("path", ["/", "/cart", "/invited", "/earn"])
def test_a_page_asks_nobody_else_and_leaves_no_cookie(full: Shopper, path: str) -> None:
    answer = full.get(path, product="31", amount="500")
    assert answer.status_code == 200
    assert {f"{urlsplit(a).scheme}://{urlsplit(a).netloc}" for a in Asked(answer.text).addresses} <= {APP_URL}
    assert "Set-Cookie" not in answer.headers
    for name in ("storefront.js", "storefront.css"):
        with full.client.get(f"/static/{name}") as found:
            assert "Set-Cookie" not in found.headers


def test_neither_file_keeps_anything_in_the_browser_or_asks_anybody_else() -> None:
    # Without what its comments say of it.
    script = re.sub(r"/\*.*?\*/|^\s*//.*$|\s// .*$", "", file("storefront.js").decode(), flags=re.S | re.M)
    assert KEPT_OR_TOLD.findall(script) == []
    styles = file("storefront.css").decode()
    assert "@import" not in styles
    assert re.findall(r"url\(|@font-face", styles) == []


def test_the_styles_of_pieces_are_the_same_in_the_script_and_in_the_file() -> None:
    rules = file("storefront.js").decode().split("const LOOK = `\n")[1].split("`;")[0].splitlines()
    assert len(rules) > 5
    assert [rule for rule in rules if rule not in file("storefront.css").decode().splitlines()] == []


def copies() -> list[Path]:
    return [path for path in EXTENSIONS.rglob("*.js") if "perennial-part" in path.read_text("utf-8")]


def test_every_surface_has_the_same_script() -> None:
    assert {path.parent.parent.name for path in copies()} == {"theme", "perennial"}
    assert [str(path) for path in copies() if path.read_bytes() != file("storefront.js")] == []
