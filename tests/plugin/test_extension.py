"""What our code in checkout and customer accounts asks: points, rewards, codes and links, as JSON, by a token."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

import loyalty
from commerce.store import PutDiscount
from engine import shops
from engine.shops import Shop
from sandbox.signing import extension_token
from tests.plugin.conftest import CLIENT_ID, CLIENT_SECRET, House, Shopper, order, person

READABLE = {"Access-Control-Allow-Origin": "*"}
_ROWS = text("""
    SELECT (SELECT count(*) FROM redemptions WHERE shop_id = :shop_id) AS redemptions,
           (SELECT count(*) FROM effects WHERE shop_id = :shop_id AND kind = 'discount') AS discounts
""")


@dataclass(frozen=True)
class Visitor:
    """A UI extension in the shop's checkout or accounts, and whoever uses it: nobody in particular without a number."""

    client: FlaskClient
    domain: str
    customer: int | None = 7

    def headers(self) -> dict[str, str]:
        token = extension_token(self.domain, CLIENT_ID, CLIENT_SECRET, time.time(), self.customer)
        return {"Authorization": f"Bearer {token}", "Origin": "null"}

    def get(self, path: str) -> TestResponse:
        return self.client.get(f"/extension{path}", headers=self.headers())

    def said(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def redeem(self, reward: str, key: str) -> TestResponse:
        given = {"reward": reward, "request_key": key}
        return self.client.post("/extension/redeem", headers=self.headers(), json=given)

    def key(self) -> str:
        """What the first reward's button bears."""
        key: str = self.said("/account")["rewards"][0]["request_key"]
        return key


@pytest.fixture
def visitor(house: House, shop: Shop) -> Visitor:
    return Visitor(house.app.test_client(), shop.domain)


@pytest.fixture
def rich(house: House, shop: Shop) -> datetime:
    """Customer 7 has 250 points to spend and 40 that are pending."""
    now = house.clock.now
    ada = person("7", now - timedelta(days=60))
    house.settle(
        shop, order(1001, ada, now - timedelta(days=30), 25000), order(1002, ada, now - timedelta(days=1), 4000)
    )
    return now


def rows(house: House, shop: Shop) -> tuple[int, int]:
    with house.database.work(shop.shop_id) as work:
        found = work.row(_ROWS)
    return found.redemptions, found.discounts


def test_a_customer_s_account_is_told_whole(visitor: Visitor, shop: Shop, rich: datetime) -> None:
    said = visitor.said("/account")
    (reward,) = said["rewards"]
    code = said["referral"]["link"].rpartition("=")[2]
    assert said["logged_in"] is True
    assert said["balance"] == {"points": 290, "spendable": 250, "pending": 40, "held": 0}
    assert said["next_reward"] is None
    assert (reward["key"], reward["points"], reward["missing"]) == ("five-off", 100, 0)
    assert reward["request_key"]
    assert [m["points"] for m in said["history"]] == [40, 250]
    assert said["history"][1]["sentence"].startswith("#1001: 250 points")
    assert said["history"][1]["at"] == rich.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert said["referral"]["link"] == f"https://{shop.domain}/apps/perennial/r/{code}?ref={code}"
    assert (said["referral"]["points"], said["referral"]["friends"]) == (200, 0)
    assert said["codes"] == []


def test_what_is_still_missing_for_the_next_reward_is_said(visitor: Visitor, house: House, shop: Shop) -> None:
    now = house.clock.now
    house.settle(shop, order(1001, person("7", now), now - timedelta(days=20), 6000))
    said = visitor.said("/account")
    assert said["next_reward"] == {"title": said["rewards"][0]["title"], "missing": 40}
    assert said["rewards"][0]["missing"] == 40
    assert said["rewards"][0]["request_key"] is None


def test_a_reward_of_another_tier_has_its_reason_and_no_button(
    visitor: Visitor, house: House, shop: Shop, rich: datetime
) -> None:
    levels = [{"key": "gold", "name": "Gold", "enter": 900_000, "keep": 900_000}]
    offered = [
        {"key": "mine", "title": "Mine", "points": 100, "amount_minor": 500},
        {"key": "theirs", "title": "Theirs", "points": 100, "amount_minor": 900, "from_tier": "gold"},
        {"key": "dear", "title": "Dear", "points": 300, "amount_minor": 900, "from_tier": "gold"},
        {"key": "dearer", "title": "Dearer", "points": 400, "amount_minor": 900},
    ]
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, tiers={"levels": levels}, rewards=offered)
    said = visitor.said("/account")
    assert [(r["key"], r["closed"], r["request_key"] is not None) for r in said["rewards"]] == [
        ("mine", None, True), ("theirs", "This reward is for members of Gold.", False),
        ("dear", "This reward is for members of Gold.", False), ("dearer", None, False),
    ]  # fmt: skip
    assert said["next_reward"]["title"] == "Dearer"
    before = rows(house, shop)
    answer = visitor.redeem("theirs", visitor.key())
    assert (answer.status_code, answer.json) == (
        409, {"error": {"code": "reward-of-tier", "message": "This reward is for members of Gold."}},
    )  # fmt: skip
    assert rows(house, shop) == before


def test_somebody_who_is_not_logged_in_sees_the_program_and_nobody_s_points(house: House, shop: Shop) -> None:
    stranger = Visitor(house.app.test_client(), shop.domain, None)
    said = stranger.said("/account")
    assert said["logged_in"] is False
    assert said["balance"] == {"points": 0, "spendable": 0, "pending": 0, "held": 0}
    assert (said["codes"], said["history"], said["referral"]["link"]) == ([], [], None)
    assert said["rewards"][0]["request_key"] is None
    assert stranger.said("/codes") == {"codes": [], "currency": "USD"}
    assert stranger.said("/orders/1001") == {"points": None, "sentence": None, "referral": None}


def test_a_customer_whom_we_have_not_met_has_nothing_yet(house: House, shop: Shop) -> None:
    said = Visitor(house.app.test_client(), shop.domain, 99).said("/account")
    assert said["logged_in"] is True
    assert said["balance"]["points"] == 0


@pytest.mark.usefixtures("rich")
def test_a_reward_is_bought_once_however_often_it_is_asked_for(visitor: Visitor, house: House, shop: Shop) -> None:
    key = visitor.key()
    first, again = visitor.redeem("five-off", key), visitor.redeem("five-off", key)
    assert first.status_code == again.status_code == 200
    assert first.get_json() == again.get_json()
    bought = first.get_json()["bought"]
    assert (bought["points"], bought["state"]) == (100, "making")
    assert bought["code"].startswith("P-")
    assert rows(house, shop) == (1, 1)
    assert visitor.said("/account")["balance"]["held"] == 100


@pytest.mark.usefixtures("rich")
def test_the_same_click_counts_on_the_pages_too(visitor: Visitor, shopper: Shopper, house: House, shop: Shop) -> None:
    key = visitor.key()
    visitor.redeem("five-off", key)
    assert shopper.post("/redeem", reward="five-off", request_key=key).status_code == 303
    assert rows(house, shop) == (1, 1)


@pytest.mark.usefixtures("rich")
def test_checkout_is_given_the_codes_that_work_now_and_no_others(visitor: Visitor, house: House, shop: Shop) -> None:
    code = visitor.redeem("five-off", visitor.key()).get_json()["bought"]["code"]
    assert visitor.said("/codes")["codes"] == []
    now = house.clock.now
    made = PutDiscount(code, "t", 500, "USD", now, now + timedelta(days=30), "7", 0, active=True)
    with house.database.work(shop.shop_id) as work:
        loyalty.code_settled(work, made, None)
    (ready,) = visitor.said("/codes")["codes"]
    assert (ready["code"], ready["state"]) == (code, "ready")
    house.settle(shop, order(1003, person("7", now), now, 3000, discount_codes=(code,)))
    assert visitor.said("/codes")["codes"] == []
    (used,) = visitor.said("/account")["codes"]
    assert (used["code"], used["state"]) == (None, "used")


@pytest.mark.usefixtures("rich")
def test_an_order_s_own_buyer_is_told_what_it_earned(visitor: Visitor, house: House, shop: Shop) -> None:
    said = visitor.said("/orders/1001")
    assert said["points"] == 250
    assert said["sentence"] == "250 points for 250.00 USD of goods kept, at 1 for each 1.00 USD"
    assert said["referral"]["link"].startswith(f"https://{shop.domain}/apps/perennial/r/")
    for number in ("4711", "1" * 19):
        assert visitor.said(f"/orders/{number}")["points"] is None
    for odd in ("1" * 40, "%00", "1001%00", "%D9%A1", "gid:1001"):
        assert visitor.said(f"/orders/{odd}") == {"points": None, "sentence": None, "referral": None}
    assert said["referral"] == visitor.said("/account")["referral"] | {"friends": 0}
    friend = order(1004, person("9", house.clock.now), house.clock.now, referral_code=said["referral"]["link"][-8:])
    house.settle(shop, friend)
    assert visitor.said("/orders/1001")["referral"]["friends"] == visitor.said("/account")["referral"]["friends"] == 1
    other = Visitor(house.app.test_client(), shop.domain, 8)
    house.settle(shop, order(1005, person("8", house.clock.now), house.clock.now, 1000))
    assert other.said("/orders/1001")["points"] is None


@pytest.mark.usefixtures("rich")
def test_the_shop_next_door_is_another_account(house: House, next_door: Shop) -> None:
    assert Visitor(house.app.test_client(), next_door.domain).said("/account")["balance"]["points"] == 0


@pytest.mark.parametrize("sent", ["", "[]", '"five-off"', "{", '{"reward": 7}', '{"reward": ["five-off"]}', "null"])
def test_a_body_that_is_not_ours_is_refused_in_words(
    visitor: Visitor, house: House, shop: Shop, rich: datetime, sent: str
) -> None:
    answer = visitor.client.post("/extension/redeem", headers=visitor.headers(), data=sent)
    assert answer.status_code == 409
    assert answer.get_json()["error"]["code"] == "bad-request"
    assert rows(house, shop) == (0, 0)


@pytest.mark.usefixtures("rich")
def test_a_body_that_is_too_large_is_not_read(visitor: Visitor, house: House, shop: Shop) -> None:
    answer = visitor.redeem("five-off" + " " * 4000, visitor.key())
    assert answer.get_json()["error"]["code"] == "bad-request"
    assert rows(house, shop) == (0, 0)


@pytest.mark.usefixtures("rich")
def test_refusals_are_answers_in_json_that_the_extension_may_read(visitor: Visitor, house: House, shop: Shop) -> None:
    stranger = Visitor(visitor.client, shop.domain, None)
    poor = Visitor(visitor.client, shop.domain, 99)
    key = visitor.key()
    said = {
        "form-too-old": visitor.redeem("five-off", "made-up"),
        "reward-unknown": visitor.redeem("a-horse", key),
        "not-logged-in": stranger.redeem("five-off", key),
        "not-enough-points": poor.redeem("five-off", key),
    }
    for code, answer in said.items():
        assert answer.status_code == 409
        assert answer.get_json()["error"]["code"] == code
        assert answer.get_json()["error"]["message"].endswith(".")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert rows(house, shop) == (0, 0)


@pytest.mark.usefixtures("rich")
def test_one_customer_s_ticket_is_worth_nothing_to_another(visitor: Visitor, house: House, shop: Shop) -> None:
    house.settle(shop, order(1009, person("8", house.clock.now), house.clock.now - timedelta(days=30), 50000))
    answer = Visitor(visitor.client, shop.domain, 8).redeem("five-off", visitor.key())
    assert answer.get_json()["error"]["code"] == "form-too-old"


PATHS = [("GET", "/account"), ("GET", "/codes"), ("GET", "/orders/1"), ("POST", "/redeem")]


@pytest.mark.parametrize("method,path", PATHS)
def test_without_a_token_there_is_no_answer_but_no(visitor: Visitor, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": visitor.headers()["Authorization"] + "x"}):
        answer = visitor.client.open(f"/extension{path}", method=method, headers=headers)
        assert answer.status_code == 401
        assert answer.get_json() == {
            "error": {"code": "signed-out", "message": "Please load this page again."},
        }
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method,path", PATHS)
def test_browsers_may_ask_whether_they_may_ask(visitor: Visitor, method: str, path: str) -> None:
    asked = {"Origin": "null", "Access-Control-Request-Method": method}
    answer = visitor.client.options(f"/extension{path}", headers=asked)
    assert answer.status_code == 204
    assert answer.data == b""
    assert {name: value for name, value in answer.headers if name.startswith("Access-Control")} == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "7200",
    }


def test_no_cookie_is_set_and_nothing_is_kept_by_a_cache(visitor: Visitor) -> None:
    answer = visitor.get("/account")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    assert answer.mimetype == "application/json"


def test_a_shop_without_the_app_is_told_so(visitor: Visitor, house: House, shop: Shop) -> None:
    assert Visitor(visitor.client, "nobody.myshopify.com").get("/account").status_code == 404
    with house.database.work(shop.shop_id) as work:
        shops.uninstall(work, house.clock.now)
    answer = visitor.get("/account")
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "not-installed"


def test_the_proxy_s_signature_opens_no_extension_and_the_token_no_page(visitor: Visitor, shopper: Shopper) -> None:
    assert shopper.client.get(f"/extension/account?{shopper.query()}").status_code == 401
    assert visitor.client.get("/proxy/", headers=visitor.headers()).status_code == 401
    assert visitor.client.get("/customers", headers=visitor.headers()).status_code == 401


# --- what an order would earn


def would_earn(visitor: Visitor, body: Any) -> TestResponse:
    return visitor.client.post("/extension/earn", headers=visitor.headers(), json=body)


@pytest.mark.usefixtures("rich")
def test_checkout_asks_what_its_goods_earn_and_the_order_earns_that(house: House, shop: Shop, visitor: Visitor) -> None:
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, earning={"goods": [{"goods": {"products": ["p1"]}, "percent": 300}]})
    house.clock.forward(minutes=1)
    pieces = [
        {"product": "p1", "variant": "v1", "quantity": 2, "amount": 5000, "vendor": "Leaf"},
        {"product": "p9", "amount": 700, "gift_card": True},
    ]
    answer = would_earn(visitor, {"pieces": pieces})
    assert (answer.status_code, answer.get_json()) == (200, {"points": 150, "exact": True})
    house.settle(shop, order(1003, person("7", house.clock.now), house.clock.now))
    assert visitor.said("/orders/1003")["points"] == 150
    nobody = Visitor(visitor.client, visitor.domain, None)
    assert would_earn(nobody, {"pieces": pieces}).get_json() == {"points": 150, "exact": True}


@pytest.mark.parametrize(
    "body",
    [
        [], {}, {"pieces": "x"}, {"pieces": ["x"]}, {"pieces": [{}]}, {"pieces": [{"product": "1"}]},
        {"pieces": [{"product": 1, "amount": 1}]}, {"pieces": [{"product": "1", "amount": -1}]},
        {"pieces": [{"product": "1", "amount": 1.5}]}, {"pieces": [{"product": "1", "amount": True}]},
        {"pieces": [{"product": "1", "amount": 10**13}]}, {"pieces": [{"product": "1", "amount": 1, "quantity": "2"}]},
        {"pieces": [{"product": "x" * 256, "amount": 1}]}, {"pieces": [{"product": "1", "amount": 1, "gift_card": 1}]},
        {"pieces": [{"product": "1", "amount": 1}] * 201}, {"pieces": [{"product": "1", "amount": 1, "variant": 5}]},
    ],
)  # fmt: skip
def test_goods_that_make_no_sense_are_refused(visitor: Visitor, body: Any) -> None:
    answer = would_earn(visitor, body)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "bad-request")
