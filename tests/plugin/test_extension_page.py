"""The merchant's page of what shows in the shop: links that lead to what is there, and how far the pixel got."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from connectors.shopify import OPTIONAL_SCOPES
from engine import announcements
from engine.announcements import What
from engine.shops import Shop
from plugin.admin import extensions
from tests.plugin.conftest import CLIENT_ID, House, Merchant
from tests.plugin.markup import mistakes

BLOCKS = Path(__file__).parents[2] / "plugin" / "extensions" / "theme" / "blocks"
_PIXELS = text("SELECT count(*) FROM effects WHERE shop_id = :shop_id AND kind = 'pixel' AND parked_at IS NULL")


def page(merchant: Merchant) -> str:
    answer = merchant.open("/extensions")
    assert answer.status_code == 200
    assert mistakes(answer.text) == []
    return html.unescape(answer.text)


def set_pixel(house: House, shop: Shop, change: str) -> None:
    with house.database.work(shop.shop_id) as work:
        work.run(text(f"UPDATE effects SET {change} WHERE shop_id = :shop_id AND kind = 'pixel'"))


def test_every_block_has_a_link_that_names_it(merchant: Merchant) -> None:
    links = [urlsplit(href) for href in re.findall(r'href="([^"]+/themes/current/editor[^"]*)"', page(merchant))]
    named = {(parse_qs(link.query).get("addAppBlockId") or parse_qs(link.query)["activateAppId"])[0] for link in links}
    assert named == {f"{CLIENT_ID}/{block.stem}" for block in BLOCKS.glob("*.liquid")}
    assert {link.netloc for link in links} == {merchant.shop.domain}
    placed = [parse_qs(link.query) for link in links]
    first = {each["addAppBlockId"][0]: each["template"][0] for each in placed if "addAppBlockId" in each}
    assert (first[f"{CLIENT_ID}/earn"], first[f"{CLIENT_ID}/cart"]) == ("product", "cart")
    targets = {block.stem: re.findall(r'"target": "(\w+)"', block.read_text("utf-8"))[0] for block in BLOCKS.iterdir()}
    assert {name for name, target in targets.items() if target == "section"} == set(extensions.BLOCKS)
    assert targets[extensions.EMBED] == "body"


def test_the_permission_that_is_asked_for_is_the_optional_one(merchant: Merchant) -> None:
    (allow,) = re.findall(r'href="(https://admin\.shopify\.com/[^"]+)"', page(merchant))
    assert urlsplit(allow).path == f"/store/{merchant.shop.domain.removesuffix('.myshopify.com')}/oauth/install"
    assert parse_qs(urlsplit(allow).query) == {"client_id": [CLIENT_ID], "optional_scopes": [",".join(OPTIONAL_SCOPES)]}


def test_the_pixel_is_asked_for_and_its_way_is_told(merchant: Merchant, house: House, shop: Shop) -> None:
    assert "2. Start it" in page(merchant)
    assert merchant.fetch("/extensions/pixel", "POST").status_code == 303
    assert "It is being started" in page(merchant)
    set_pixel(house, shop, "pushed_at = wanted_at")
    assert "It runs since" in page(merchant)


def test_a_refused_pixel_says_why_and_can_be_asked_for_again(merchant: Merchant, house: House, shop: Shop) -> None:
    merchant.fetch("/extensions/pixel", "POST")
    set_pixel(house, shop, "parked_at = wanted_at, reason = 'the store answered ACCESS_DENIED'")
    assert "the store answered ACCESS_DENIED" in page(merchant)
    house.clock.forward(seconds=1)
    merchant.fetch("/extensions/pixel", "POST")
    with house.database.work(shop.shop_id) as work:
        assert work.run(_PIXELS).scalar_one() == 1
    assert "It is being started" in page(merchant)


@pytest.mark.parametrize("listening", [True, False])
def test_workflows_that_listen_are_told(merchant: Merchant, house: House, shop: Shop, listening: bool) -> None:
    with house.database.work(shop.shop_id) as work:
        announcements.heard(work, [What.FRIEND_JOINED], work.now, listening=listening)
    rows = dict(re.findall(r'<tr><th scope="row">([^<]+)</th><td>(\w+)</td>', page(merchant)))
    assert rows == dict.fromkeys(extensions.TRIGGERS.values(), "no") | {
        "A friend took up an invitation": "yes" if listening else "no"
    }
