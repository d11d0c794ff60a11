"""Visits: what is counted, what is not, and that nothing of anybody is kept."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

import lifecycle
from commerce.store import ShopDetails
from engine import shops
from engine.shops import Shop
from plugin.storefront.visits import MOST_OF_AN_ADDRESS, Visits
from tests.ground import Superuser
from tests.plugin.conftest import APP_URL, House
from tests.plugin.test_pixel import needs_node, play, told, viewed

SCRIPT = Path(__file__).parents[2] / "plugin" / "static" / "count.js"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_COUNTS = text("SELECT day, page, arrival, visits, views FROM visit_counts WHERE shop_id = :shop_id ORDER BY 1, 2, 3")


def page(shop: Shop, **changed: Any) -> dict[str, Any]:
    return {"account": shop.domain, "page": "home", "site": "", "inside": False, "marks": ""} | changed


def tell(house: House, sent: Any, agent: str = BROWSER, **headers: str) -> TestResponse:
    body = sent if isinstance(sent, str | bytes) else json.dumps(sent)
    given = {"User-Agent": agent, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return house.app.test_client().post("/visits", data=body, headers=given, content_type="text/plain")


def counts(house: House, shop: Shop) -> list[tuple[str, str, str, int, int]]:
    """What is kept once everything that has come is written."""
    house.app.extensions["visits"].settle()
    with house.database.work(shop.shop_id) as work:
        return [(f"{row.day}", row.page, row.arrival, row.visits, row.views) for row in work.rows(_COUNTS)]


def test_pages_are_counted_by_day_kind_and_way(house: House, shop: Shop) -> None:
    for sent in (
        page(shop, site="www.google.com"),
        page(shop, site="www.google.com"),
        page(shop, page="product", site=shop.domain, inside=True),
        page(shop, page="product", marks="utm_source=klaviyo&utm_medium=email"),
        page(shop, marks="ref=1"),
    ):
        answer = tell(house, sent)
        assert (answer.status_code, answer.data, answer.headers["Access-Control-Allow-Origin"]) == (204, b"", "*")
    assert counts(house, shop) == [
        ("2026-03-02", "home", "invitation", 1, 1),
        ("2026-03-02", "home", "search", 2, 2),
        ("2026-03-02", "product", "email", 1, 1),
        ("2026-03-02", "product", "unknown", 0, 1),
    ]
    house.clock.now += timedelta(hours=11, minutes=30)  # past midnight in Berlin
    tell(house, page(shop))
    assert counts(house, shop)[-1] == ("2026-03-03", "home", "direct", 1, 1)
    with house.database.work(shop.shop_id) as work:
        found = {r.metric.key: r.value for r in lifecycle.report(work, start=work.now.date()).readings}
    assert (found["visits"], found["views"]) == (5, 6)


@pytest.mark.parametrize(
    "headers",
    [
        {"agent": ""},
        {"agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"agent": "Mozilla/5.0 HeadlessChrome/140.0"},
        {"agent": "curl/8.5"},
        {"agent": "facebookexternalhit/1.1"},
        {"DNT": "1"},
        {"Sec_GPC": "1"},
        {"Sec_Purpose": "prefetch;prerender"},
    ],
)
def test_robots_and_whoever_asks_not_to_be_counted_are_not(house: House, shop: Shop, headers: dict[str, str]) -> None:
    assert tell(house, page(shop), **headers).status_code == 204
    assert counts(house, shop) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"account": "EVIL"},
        {"account": 7},
        {"page": "secret"},
        {"site": "a b"},
        {"site": "x" * 300},
        {"inside": "yes"},
        {"marks": "<script>"},
        {"marks": "x" * 401},
        {"visitor": "ann"},
    ],
)
def test_a_word_that_is_not_written_as_ours_is_dropped(house: House, shop: Shop, changed: dict[str, Any]) -> None:
    assert tell(house, page(shop, **changed)).status_code == 400
    assert tell(house, "x" * 2000).status_code == 400
    assert counts(house, shop) == []


def test_the_answer_is_the_same_for_a_shop_that_is_not_there(house: House, shop: Shop) -> None:
    for account in ("nobody.myshopify.com", "nobody.example/shop"):
        assert tell(house, page(shop, account=account)).status_code == 204


def test_an_address_that_opens_too_many_pages_is_counted_no_more_for_a_minute(house: House, shop: Shop) -> None:
    seconds = [0.0]
    house.app.extensions["visits"] = Visits(house.database, lambda: seconds[0])
    for _ in range(MOST_OF_AN_ADDRESS + 10):
        tell(house, page(shop), X_Forwarded_For="203.0.113.9")
    tell(house, page(shop), X_Forwarded_For="203.0.113.10")
    assert counts(house, shop)[0][3:] == (MOST_OF_AN_ADDRESS + 1, MOST_OF_AN_ADDRESS + 1)
    seconds[0] = 61.0
    tell(house, page(shop), X_Forwarded_For="203.0.113.9")
    assert counts(house, shop)[0][3:] == (MOST_OF_AN_ADDRESS + 2, MOST_OF_AN_ADDRESS + 2)


def test_nothing_of_the_visitor_is_kept(house: House, shop: Shop, above: Superuser) -> None:
    marks = "utm_source=secret-source&utm_medium=cpc&gclid=1"
    tell(house, page(shop, site="private.example", marks=marks), X_Forwarded_For="203.0.113.77")
    assert counts(house, shop) == [("2026-03-02", "home", "paid_search", 1, 1)]
    (row,) = above.run("SELECT t::text FROM visit_counts t WHERE shop_id = %s", shop.shop_id)
    assert not any(word in row[0] for word in ("secret", "private", "203.0", "Mozilla"))


def test_a_store_that_its_merchant_hosts_is_counted_by_its_address(house: House) -> None:
    with house.database.founding(
        lambda connection: shops.install(connection, "woocommerce", "shop.example/fa", house.clock.now).shop_id
    ) as work:
        shops.describe(work, ShopDetails("shop.example/fa", "Shop", "EUR", "UTC"))
        shop = shops.current(work)
    tell(house, page(shop, page="cart"))
    assert counts(house, shop) == [("2026-03-02", "cart", "direct", 1, 1)]


# --- the scripts themselves, run as a browser would

_RUN = """
const vm = await import("node:vm"), fs = await import("node:fs");
const said = JSON.parse(process.argv[2]), beacons = [], window = {};
const at = new URL(said.at);
vm.runInNewContext(fs.readFileSync(process.argv[1], "utf8"), {
  window, location: at, URL, URLSearchParams, encodeURIComponent, JSON,
  navigator: {...said.navigator, sendBeacon: (url, body) => beacons.push({url, body})},
  document: {referrer: said.referrer, currentScript: {src: said.src, dataset: said.dataset}},
});
if (said.agrees) window.perennialCount();
console.log(JSON.stringify(beacons));
"""


def browse(shop: Shop, at: str, referrer: str = "", **more: Any) -> list[dict[str, str]]:
    node = shutil.which("node")
    assert node is not None
    said = {
        "at": at, "referrer": referrer, "navigator": {}, "dataset": {"shop": shop.domain},
        "src": f"{APP_URL}/static/count.js?v=1", **more,
    }  # fmt: skip
    command = [node, "--input-type=module", "-e", _RUN, str(SCRIPT), json.dumps(said)]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    sent: list[dict[str, str]] = json.loads(done.stdout)
    return sent


@needs_node
def test_the_counter_s_script_sends_what_we_take(house: House, shop: Shop) -> None:
    landing = "https://kettle.example/?utm_source=Google&utm_medium=cpc&gclid=SECRET&email=ann%40example.com"
    (first,) = browse(shop, landing, "https://www.google.com/search?q=private")
    (second,) = browse(shop, "https://kettle.example/mug", landing, dataset={"shop": shop.domain, "page": "product"})
    assert first["url"] == f"{APP_URL}/visits"
    assert not any(word in first["body"] for word in ("SECRET", "ann", "private"))
    for beacon in (first, second):
        assert tell(house, beacon["body"]).status_code == 204
    assert counts(house, shop) == [
        ("2026-03-02", "home", "paid_search", 1, 1),
        ("2026-03-02", "product", "unknown", 0, 1),
    ]


@needs_node
@pytest.mark.parametrize("asks", [{"doNotTrack": "1"}, {"globalPrivacyControl": True}, {"webdriver": True}])
def test_the_counter_s_script_is_still_where_it_is_asked_to(shop: Shop, asks: dict[str, Any]) -> None:
    assert browse(shop, "https://kettle.example/", navigator=asks) == []


@needs_node
def test_the_counter_s_script_waits_for_consent(shop: Shop) -> None:
    waiting = {"shop": shop.domain, "wait": "consent"}
    assert browse(shop, "https://kettle.example/", dataset=waiting) == []
    assert len(browse(shop, "https://kettle.example/", dataset=waiting, agrees=True)) == 1


def test_the_counter_s_script_is_smaller_than_a_kilobyte() -> None:
    assert len(SCRIPT.read_bytes()) < 1000


@needs_node
def test_the_pixel_counts_pages_too(house: House, shop: Shop) -> None:
    settings = {"account": shop.domain, "address": f"{APP_URL}/pixel"}
    (post,) = told(play(settings, viewed("?utm_medium=email&token=SECRET")), "visits")
    assert "SECRET" not in post["body"]
    assert tell(house, post["body"]).status_code == 204
    assert counts(house, shop) == [("2026-03-02", "product", "email", 1, 1)]
