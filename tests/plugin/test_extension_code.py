"""The extensions' own code, run by node in a small host, with answers that our server really gave.

Skipped, and said so, where there is no node: the program itself needs none.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import loyalty
import referral
from commerce.store import PutDiscount
from engine.shops import Shop
from tests.plugin.conftest import House, order, person
from tests.plugin.test_extension import Visitor

HOST = Path(__file__).parent / "host" / "play.mjs"
CODE = Path(__file__).parents[2] / "plugin" / "extensions" / "shopper" / "src"
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="THERE IS NO node: the extensions were not run")


@pytest.fixture
def visitor(house: House, shop: Shop) -> Visitor:
    """Customer 7, with 250 points to spend, 40 pending, and one code that is ready."""
    now = house.clock.now
    ada = person("7", now - timedelta(days=60))
    house.settle(
        shop, order(1001, ada, now - timedelta(days=30), 35000), order(1002, ada, now - timedelta(days=1), 4000)
    )
    found = Visitor(house.app.test_client(), shop.domain)
    made_ready(house, shop, found.redeem("five-off", found.key()).get_json()["bought"]["code"], now)
    return found


def made_ready(house: House, shop: Shop, code: str, now: datetime) -> None:
    made = PutDiscount(code, "t", 500, "USD", now, now + timedelta(days=30), "7", 0, active=True)
    with house.database.work(shop.shop_id) as work:
        loyalty.code_settled(work, made, None)


def answers(visitor: Visitor, *paths: str) -> dict[str, Any]:
    """What the server says, by what is asked."""
    said = {f"GET /extension{path}": visitor.get(path) for path in paths}
    return {asked: {"status": answer.status_code, "said": answer.get_json()} for asked, answer in said.items()}


def play(name: str, given: dict[str, Any]) -> dict[str, Any]:
    node = shutil.which("node")
    assert node is not None
    command = [node, "--no-warnings", str(HOST), (CODE / name).as_uri(), json.dumps(given)]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    played: dict[str, Any] = json.loads(done.stdout)
    return played


def test_the_points_page_shows_the_account_and_brings_the_token(visitor: Visitor) -> None:
    there = answers(visitor, "/account")
    account = there["GET /extension/account"]["said"]
    played = play("page.js", {"answers": there})
    for shown in ("250", "Pending: 40", "Redeem: 5.00\u00a0USD off", account["referral"]["link"]):
        assert any(shown.replace("\u00a0", " ") in text.replace("\u00a0", " ") for text in played["texts"]), shown
    assert played["copied"] == [account["codes"][0]["code"], account["referral"]["link"]]
    assert played["asked"] == [{"method": "GET", "path": "/extension/account", "token": "Bearer the-token"}]


def test_a_press_on_redeem_sends_what_the_server_takes(visitor: Visitor) -> None:
    there = answers(visitor, "/account")
    there["POST /extension/redeem"] = {"status": 200, "said": {"bought": {}}}
    played = play("page.js", {"answers": there, "press": [["s-button", 0]]})
    _, bought, again = played["asked"]
    assert (bought["method"], again["path"]) == ("POST", "/extension/account")
    sent = bought["body"]
    assert visitor.redeem(sent["reward"], sent["request_key"]).status_code == 200
    assert any(text.startswith("Bought:") for text in played["texts"])


def test_a_refusal_is_said_in_the_shopper_s_language_or_in_ours(visitor: Visitor) -> None:
    there = answers(visitor, "/account")
    for code, message, shown in (
        ("not-enough-points", "x", "There are not enough points for this reward yet."),
        ("of-tomorrow", "Something new was refused.", "Something new was refused."),
    ):
        there["POST /extension/redeem"] = {"status": 409, "said": {"error": {"code": code, "message": message}}}
        assert shown in play("page.js", {"answers": there, "press": [["s-button", 0]]})["texts"]


def test_trouble_is_told_and_no_page_breaks(visitor: Visitor) -> None:
    refused = {"status": 401, "said": visitor.client.get("/extension/account").get_json()}
    assert "Please load this page again." in play("page.js", {"answers": {"GET /extension/account": refused}})["texts"]
    unreachable = play("page.js", {"answers": {}})
    assert any(text.startswith("Your points cannot be shown") for text in unreachable["texts"])
    for name in ("order.js", "thanks.js", "checkout.js"):
        play(name, {"answers": {}, "order": {"id": "gid://shopify/Order/1"}, "confirmation": {"order": {"id": "1"}}})


def test_an_order_shows_what_it_earned_and_leads_to_the_points_page(visitor: Visitor) -> None:
    there = answers(visitor, "/orders/1001")
    played = play("order.js", {"answers": there, "order": {"id": "gid://shopify/Order/1001"}})
    assert "Points for this order: 350" in played["texts"]
    invited = there["GET /extension/orders/1001"]["said"]["referral"]
    assert [way["channel"] for way in invited["shares"]] == ["whatsapp", "telegram", "email", "sms", "x", "facebook"]
    assert played["links"] == [*(way["href"] for way in invited["shares"]), "extension:perennial-points/"]
    code = invited["link"].rpartition("=")[2]
    assert invited["shares"][3] == {
        "channel": "sms", "title": "SMS", "href": f"https://{visitor.domain}/apps/perennial/share/sms/{code}"
    }  # fmt: skip


def test_who_has_ordered_is_asked_to_invite_somebody_unless_the_merchant_does_not_want_it(
    visitor: Visitor, house: House, shop: Shop
) -> None:
    thanked, beside = {"confirmation": {"order": {"id": "gid://shopify/OrderIdentity/1001"}}}, {"order": {"id": "1001"}}
    there = answers(visitor, "/orders/1001")
    link = there["GET /extension/orders/1001"]["said"]["referral"]["link"]
    for name, given in (("thanks.js", thanked), ("order.js", beside)):
        played = play(name, {"answers": there, **given})
        assert link in played["texts"]
        assert any(way.endswith(f"/share/whatsapp/{link.rpartition('=')[2]}") for way in played["links"])
    with house.database.work(shop.shop_id) as work:
        terms = referral.as_stored(referral.current_terms(work))
        referral.publish(work, {**terms, "ask_after_order": False})
    there = answers(visitor, "/orders/1001")
    for name, given in (("thanks.js", thanked), ("order.js", beside)):
        played = play(name, {"answers": there, **given})
        assert "Points for this order: 350" in played["texts"]
        assert link not in played["texts"]
        assert not any("/share/" in way for way in played["links"])


def test_an_order_that_earned_nothing_says_why(visitor: Visitor, house: House, shop: Shop) -> None:
    house.settle(shop, order(1003, person("7", house.clock.now), house.clock.now, paid=False))
    there = answers(visitor, "/orders/1003")
    played = play("order.js", {"answers": there, "order": {"id": "gid://shopify/Order/1003"}})
    assert "no points: the order is not paid" in played["texts"]


def test_the_page_that_says_thanks_waits_for_an_order_and_then_gives_up_in_words(visitor: Visitor) -> None:
    there = answers(visitor, "/orders/1001", "/orders/4711")
    known = play("thanks.js", {"answers": there, "confirmation": {"order": {"id": "gid://shopify/OrderIdentity/1001"}}})
    assert "Points for this order: 350" in known["texts"]
    assert len(known["asked"]) == 1
    late = play("thanks.js", {"answers": there, "confirmation": {"order": {"id": "gid://shopify/OrderIdentity/4711"}}})
    assert any("will be in your account soon" in text for text in late["texts"])
    assert len(late["asked"]) == 3
    assert play("thanks.js", {"answers": there, "confirmation": None})["texts"] == []


def test_checkout_offers_the_codes_that_are_not_used_and_applies_one(visitor: Visitor) -> None:
    there = answers(visitor, "/codes")
    (code,) = there["GET /extension/codes"]["said"]["codes"]
    played = play("checkout.js", {"answers": there, "press": [["s-button", 0]]})
    assert {"change": {"type": "addDiscountCode", "code": code["code"]}} in played["asked"]
    assert f"Applied: {code['title']}" in played["texts"]
    refused = play("checkout.js", {"answers": there, "press": [["s-button", 0]], "applied": "error"})
    assert f"This code cannot be used on this order: {code['title']}" in refused["texts"]
    assert play("checkout.js", {"answers": there, "used": [{"code": code["code"]}]})["texts"] == []


def line(amount: str, currency: str = "USD", quantity: int = 1) -> dict[str, Any]:
    """A line of a checkout, as the platform tells it to the code there."""
    return {
        "merchandise": {
            "id": "gid://shopify/ProductVariant/311",
            "product": {"id": "gid://shopify/Product/31", "vendor": "Kettle"},
        },
        "quantity": quantity,
        "cost": {"totalAmount": {"amount": amount, "currencyCode": currency}},
    }


def test_checkout_says_what_the_order_will_earn(visitor: Visitor) -> None:
    there = answers(visitor, "/codes")
    there["GET /extension/codes"]["said"]["codes"] = []
    bought = [line("19.99", quantity=2), line("20.00")]
    there["POST /extension/earn"] = {"status": 200, "said": {"points": 39, "exact": False}}
    played = play("checkout.js", {"answers": there, "lines": bought})
    assert played["texts"] == ["Points", "Points for this order, about: 39"]
    there["POST /extension/earn"]["said"]["exact"] = True
    assert "Points for this order: 39" in play("checkout.js", {"answers": there, "lines": bought})["texts"]
    piece = {"product": "31", "variant": "311", "vendor": "Kettle"}
    assert played["asked"][1]["body"] == {
        "pieces": [piece | {"quantity": 2, "amount": 1999}, piece | {"quantity": 1, "amount": 2000}]
    }
    abroad = play("checkout.js", {"answers": there, "lines": [line("19.99", "EUR")]})
    assert (abroad["texts"], [asked["path"] for asked in abroad["asked"]]) == ([], ["/extension/codes"])


def test_an_answer_about_goods_that_were_changed_meanwhile_does_not_take_the_place_of_the_newer_one(
    visitor: Visitor,
) -> None:
    there = answers(visitor, "/codes")
    code = {"title": "5.00 USD off", "code": "P-1", "points": 100, "state": "ready", "ends_at": "2026-04-13T09:26:00Z"}
    there["GET /extension/codes"]["said"]["codes"] = [code]
    first, second = ({"status": 200, "said": {"points": points, "exact": True}} for points in (39, 10))
    there["POST /extension/earn"] = [first | {"late": True}, second]
    changed = {"lines": [line("39.99")], "then": [line("10.00")], "press": [["s-button", 0]]}
    played = play("checkout.js", {"answers": there, **changed})
    assert [asked.get("path") for asked in played["asked"]].count("/extension/earn") == 2
    assert "Points for this order: 10" in played["texts"]


def test_a_stranger_sees_the_program_and_nothing_in_checkout(visitor: Visitor) -> None:
    stranger = Visitor(visitor.client, visitor.domain, None)
    there = answers(stranger, "/account", "/codes", "/orders/1001")
    assert "Still missing: 100" in play("page.js", {"answers": there})["texts"]
    assert play("checkout.js", {"answers": there})["texts"] == []
    assert play("thanks.js", {"answers": there, "confirmation": {"order": {"id": "1001"}}})["texts"] == []
