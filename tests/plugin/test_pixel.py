"""What the web pixel tells, and how little is believed of it; and what Flow tells of its triggers."""

from __future__ import annotations

import base64
import hmac
import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

import referral
from commerce.store import ShopDetails
from connectors.shopify import OPTIONAL_SCOPES, SCOPES, Token
from engine import announcements, shops
from engine.announcements import What
from engine.shops import Shop
from tests.plugin.conftest import APP_URL, CLIENT_SECRET, House, order, person

CHECKOUT = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
PIXEL = Path(__file__).parents[2] / "plugin" / "extensions" / "pixel" / "src"
_TOUCHES = text("SELECT checkout_token, advocate_id FROM touches WHERE shop_id = :shop_id ORDER BY seen_at")
_EFFECTS = text("SELECT body FROM effects WHERE shop_id = :shop_id AND kind = 'pixel'")


@pytest.fixture
def code(house: House, shop: Shop) -> str:
    """The invitation of customer 7, who has ordered."""
    now = house.clock.now
    house.settle(shop, order(1001, person("7", now), now - timedelta(days=30)))
    with house.database.work(shop.shop_id) as work:
        return referral.code_of(work, house.customer_id(shop, "7"))  # type: ignore[arg-type]


def tell(house: House, sent: Any, **headers: str) -> TestResponse:
    body = sent if isinstance(sent, str | bytes) else json.dumps(sent)
    return house.app.test_client().post("/pixel", data=body, headers=headers, content_type="text/plain")


def word(shop: Shop, invitation: str, **changed: Any) -> dict[str, Any]:
    return {"account": shop.domain, "code": invitation, "checkout_token": CHECKOUT, "order": ""} | changed


def touches(house: House, shop: Shop) -> list[tuple[str, int]]:
    with house.database.work(shop.shop_id) as work:
        return [tuple(row) for row in work.rows(_TOUCHES)]


def test_an_invited_checkout_is_noted_and_nothing_else_of_it(house: House, shop: Shop, code: str) -> None:
    answer = tell(house, word(shop, code))
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert touches(house, shop) == [(CHECKOUT, house.customer_id(shop, "7"))]


def test_the_answer_is_the_same_whatever_there_is(house: House, shop: Shop, code: str) -> None:
    for sent in (word(shop, "NOSUCHCODE"), word(shop, code, account="nobody.myshopify.com"), word(shop, code)):
        answer = tell(house, sent)
        assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize(
    "changed",
    [
        {"account": "evil.example"},
        {"account": 7},
        {"code": "a b"},
        {"code": ""},
        {"code": "x" * 41},
        {"checkout_token": "short"},
        {"checkout_token": "x" * 65},
        {"checkout_token": None},
        {"order": "gid://shopify/Order/1"},
        {"order": 5},
        {"points": 1000},
    ],
)
def test_a_word_that_is_not_written_as_ours_is_dropped(
    house: House, shop: Shop, code: str, changed: dict[str, Any]
) -> None:
    assert tell(house, word(shop, code, **changed)).status_code == 400
    assert touches(house, shop) == []


@pytest.mark.parametrize("sent", ["", "[]", "{", "null", b"\xff\xfe", json.dumps({"account": "x" * 2000})])
def test_what_is_no_word_at_all_is_dropped(house: House, shop: Shop, code: str, sent: Any) -> None:
    assert tell(house, sent).status_code == 400
    assert touches(house, shop) == []


def test_a_shop_that_is_gone_keeps_nothing(house: House, shop: Shop, code: str) -> None:
    with house.database.work(shop.shop_id) as work:
        shops.uninstall(work, house.clock.now)
    assert tell(house, word(shop, code)).status_code == 204
    assert touches(house, shop) == []


def test_the_browser_may_ask_and_may_post_and_nothing_more(house: House) -> None:
    client = house.app.test_client()
    assert client.options("/pixel").status_code == 204
    assert client.get("/pixel").status_code == 405


def test_the_pixel_is_asked_for_where_its_scopes_were_granted(house: House, shop: Shop) -> None:
    def wanted(where: Shop) -> list[Any]:
        with house.database.work(where.shop_id) as work:
            return [row.body for row in work.rows(_EFFECTS)]

    assert wanted(shop) == []
    token = Token("token", None, None, None, (*SCOPES, *OPTIONAL_SCOPES))
    again = house.installer.record(shop.domain, token, ShopDetails("1", "Shop", "USD", "UTC"))
    (body,) = wanted(again)
    assert (body["account"], body["address"]) == (shop.domain, f"{APP_URL}/pixel")


@pytest.mark.usefixtures("code")
def test_a_new_installation_asks_for_the_pixel_anew(house: House, shop: Shop) -> None:
    token = Token("token", None, None, None, (*SCOPES, *OPTIONAL_SCOPES))
    details = ShopDetails("1", "Shop", "USD", "UTC")
    house.installer.record(shop.domain, token, details)
    with house.database.work(shop.shop_id) as work:
        work.run(text("UPDATE effects SET pushed_at = :at WHERE shop_id = :shop_id"), at=house.clock.now)
        shops.uninstall(work, house.clock.forward(minutes=1))
    house.clock.forward(minutes=1)
    house.installer.record(shop.domain, token, details)
    with house.database.work(shop.shop_id) as work:
        due = work.rows(text("SELECT kind FROM effects WHERE shop_id = :shop_id AND pushed_at IS NULL"))
    assert [row.kind for row in due].count("pixel") == 1


# The pixel's own code, run as its browser would: two page views, one checkout.
PLAY = """
const { follow } = await import(process.argv[1]);
const said = JSON.parse(process.argv[2]), hears = {}, kept = {}, posts = [];
globalThis.fetch = async (address, options) => { posts.push({address, ...options}); return {ok: true}; };
const storage = {
  getItem: async (key) => kept[key] ?? null,
  setItem: async (key, value) => { kept[key] = value; },
  removeItem: async (key) => { delete kept[key]; },
};
follow({analytics: {subscribe: (name, hear) => { hears[name] = hear; }}, browser: {localStorage: storage},
        settings: said.settings});
for (const [name, event] of said.events) await hears[name](event);
console.log(JSON.stringify({posts, kept}));
"""


def play(settings: dict[str, str], *events: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    node = shutil.which("node")
    assert node is not None
    said = json.dumps({"settings": settings, "events": events})
    command = [node, "--input-type=module", "-e", PLAY, str(PIXEL / "follow.js"), said]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    played: dict[str, Any] = json.loads(done.stdout)
    return played


def viewed(search: str) -> tuple[str, dict[str, Any]]:
    at = {"search": search, "pathname": "/products/mug", "host": "shop.example"}
    return "page_viewed", {"context": {"document": {"location": at, "referrer": "https://www.google.com/"}}}


def told(played: dict[str, Any], path: str = "pixel") -> list[dict[str, Any]]:
    """What was sent to that address of ours."""
    return [post for post in played["posts"] if post["address"].endswith(f"/{path}")]


def completed(**changed: Any) -> tuple[str, dict[str, Any]]:
    checkout = {"token": CHECKOUT, "order": {"id": "gid://shopify/Order/1002"}, "email": "bo@example.com"}
    return "checkout_completed", {"data": {"checkout": checkout | changed}}


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="THERE IS NO node: the pixel was not run")


@needs_node
def test_what_the_pixel_s_code_sends_is_what_we_take(house: House, shop: Shop, code: str) -> None:
    settings = {"account": shop.domain, "address": f"{APP_URL}/pixel"}
    played = play(settings, viewed("?ref=another"), viewed(f"?utm=x&ref={code}"), viewed("?page=2"), completed())
    (post,) = told(played)
    assert post["address"] == settings["address"]
    assert json.loads(post["body"]) == word(shop, code, order="1002")
    assert "bo@example.com" not in json.dumps(played)
    assert played["kept"] == {}
    assert tell(house, post["body"]).status_code == 204
    assert touches(house, shop) == [(CHECKOUT, house.customer_id(shop, "7"))]


@needs_node
def test_the_pixel_keeps_still_where_nobody_invited() -> None:
    settings = {"account": "a.myshopify.com", "address": "https://perennial.example/pixel"}
    for events in (
        [viewed(""), completed()],
        [viewed("?ref=%3Cscript%3E"), completed()],
        [viewed("?ref=GOODCODE"), completed(token=None)],
    ):
        assert told(play(settings, *events)) == []


# --- Flow's word on its triggers


def usage(house: House, shop: Shop, secret: str = CLIENT_SECRET, **changed: Any) -> TestResponse:
    told = {
        "flow_trigger_definition_id": "stage-entered",
        "has_enabled_flow": True,
        "shop_id": "690933842",
        "shopify_domain": shop.domain,
        "timestamp": "2026-03-02T12:00:00.999Z",
    } | changed
    body = json.dumps({name: value for name, value in told.items() if value is not ...}).encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return house.app.test_client().post("/flow/usage", data=body, headers={"X-Shopify-Hmac-Sha256": signature})


def listening(house: House, shop: Shop) -> set[str]:
    with house.database.work(shop.shop_id) as work:
        return {str(what) for what in announcements.listening(work)}


def test_a_workflow_that_is_switched_on_and_off_is_noted(house: House, shop: Shop) -> None:
    assert listening(house, shop) == set()
    assert usage(house, shop).status_code == 200
    assert usage(house, shop, flow_trigger_definition_id="Points earned").status_code == 200
    assert listening(house, shop) == {"stage-entered", "points-earned"}
    assert usage(house, shop, has_enabled_flow=False, timestamp="2026-03-02T12:00:01Z").status_code == 200
    assert listening(house, shop) == {"points-earned"}


def test_an_older_word_does_not_overrule_a_newer_one(house: House, shop: Shop) -> None:
    usage(house, shop)
    usage(house, shop, has_enabled_flow=False, timestamp="2026-03-02T11:59:59Z")
    assert listening(house, shop) == {"stage-entered"}


def test_a_name_that_we_do_not_know_switches_all_on_and_none_off(house: House, shop: Shop) -> None:
    assert usage(house, shop, flow_trigger_definition_id="0190f7a2").status_code == 200
    assert listening(house, shop) == {str(what) for what in What}
    usage(house, shop, flow_trigger_definition_id="0190f7a2", has_enabled_flow=False, timestamp="2027-01-01T00:00:00Z")
    assert listening(house, shop) == {str(what) for what in What}


def test_a_merchant_is_not_kept_from_a_workflow_by_a_shop_that_we_do_not_know(house: House, shop: Shop) -> None:
    assert usage(house, shop, shopify_domain="nobody.myshopify.com").status_code == 200


def test_a_word_that_the_platform_did_not_sign_is_refused(house: House, shop: Shop) -> None:
    assert usage(house, shop, secret="another").status_code == 401
    assert house.app.test_client().post("/flow/usage", data=b"{}").status_code == 401
    assert listening(house, shop) == set()


@pytest.mark.parametrize(
    "changed",
    [
        {"shopify_domain": ...},
        {"shopify_domain": "evil.example"},
        {"has_enabled_flow": "yes"},
        {"timestamp": "yesterday"},
        {"timestamp": "2026-03-02T12:00:00"},
        {"timestamp": 7},
        {"flow_trigger_definition_id": 7},
        {"padding": "x" * 5000},
    ],
)
def test_a_word_that_makes_no_sense_is_refused(house: House, shop: Shop, changed: dict[str, Any]) -> None:
    assert usage(house, shop, **changed).status_code == 400
    assert listening(house, shop) == set()
