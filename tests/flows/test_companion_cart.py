"""Points in the cart of a WooCommerce shop, from the ladder to the order: asked and bought by the shop's own plugin,
made in the store, used at its checkout, and told on the page of the order. And a card of a contest, which comes to the
same checkout.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import loyalty
from connectors.http import HttpSession
from connectors.woocommerce import Key, WooStore, store_address
from engine.outbox import Outbox
from engine.work import Database, refuse_in_transaction
from loyalty import Contest, ContestKind, Prize
from loyalty.rules import proposal
from sandbox.front import Front
from sandbox.woocommerce import ApiKey, Companion, Line, Store, create_app
from sandbox.woocommerce.checkout import CouponRefused, check_out
from tests.flows.test_woo_rewards import MUG, SARA, TEA, Till, _open
from tests.ground import Clock
from tests.plugin.conftest import build
from tests.plugin.test_companion import pair
from tests.serving import served

OFF = {"key": "off", "title": "Money off", "points": 50, "amount_minor": 250, "most_steps": 10}
BASKET = [Line("Mug", "14.00", 1, MUG), Line("Tea", "9.50", 3, TEA)]
PIECES = f"{MUG}:0:1:14.00;{TEA}:0:3:28.50"


@dataclass
class Cart:
    """Sara's cart in the store, its plugin, and we."""

    till: Till
    plugin: Companion
    client: Any

    def told(self, what: str, **asked: Any) -> Any:
        path, body = f"/companion/{what}", json.dumps({"customer": str(self.till.sara), **asked}).encode()
        headers = self.plugin.headers(path, body, self.till.clock.timestamp())
        answer = self.client.post(path, data=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def press(self, steps: int) -> Any:
        (reward,) = self.told("account")["rewards"]
        asked = {"reward": "off", "steps": str(steps), "request_key": reward["request_key"]}
        first, again = (self.told("redeem", **asked)["bought"] for _ in range(2))
        assert first == again
        return first

    def check_out(self, *codes: str) -> int:
        """As the store's own checkout does it; Sara pays by card."""
        return check_out(
            self.till.store, BASKET, customer=self.till.sara, billing=SARA, coupons=codes, method="card",
            status="completed",
        )  # fmt: skip


@pytest.fixture
def cart(database: Database, clock: Clock) -> Iterator[Cart]:
    """Sara may spend 200 points."""
    store = Store(clock=clock, keys=[ApiKey()])
    front, house = Front(create_app(store)), build(database, clock)
    with served(front) as url:
        address = store_address(url)
        key = Key(store.keys[0].consumer_key, store.keys[0].consumer_secret)
        client = WooStore(address, key, HttpSession(plain=True, before_request=refuse_in_transaction), now=clock)
        shop = _open(database, address.domain, client.details())
        with database.work(shop.shop_id) as work:
            loyalty.publish(work, proposal("USD") | {"rewards": [OFF]})
        outbox = Outbox(database, lambda _shop: client, {"discount": loyalty.code_settled})
        till = Till(store, front, shop, clock, database, outbox, store.register("sara@example.test"))
        till.hear(store.order([Line("Pot", "50.00", 4)], customer=till.sara, status="completed", billing=SARA))
        clock.forward(days=20)
        till.push()
        yield Cart(till, pair(house, shop), house.app.test_client())


def test_a_rung_is_a_coupon_of_the_cart_and_the_order_says_what_it_brought(cart: Cart) -> None:
    (reward,) = cart.told("account")["rewards"]
    assert [step["points"] for step in reward["steps"]] == [50, 100, 150, 200]
    assert cart.told("earn", pieces=PIECES, together=1)["earn"] == [{"points": 42, "exact": True}]
    bought = cart.press(3)
    assert (bought["state"], bought["points"]) == ("making", 150)
    with pytest.raises(CouponRefused, match="does not exist"):
        cart.check_out(bought["code"])
    cart.till.push()
    assert [code["state"] for code in cart.told("account")["codes"]] == ["ready"]
    sold = cart.check_out(bought["code"])
    assert cart.till.store.orders[sold].body["discount_total"] == "7.50"
    assert cart.told("order", order=str(sold)) == {"points": None, "sentence": None}
    cart.till.hear(sold)
    told = cart.told("order", order=str(sold))
    # What the discount took off earns nothing.
    assert told["points"] == cart.told("earn", pieces=f"{MUG}:0:1:35.00", together=1)["earn"][0]["points"] == 35
    balance = cart.told("account")["balance"]
    assert (balance["spendable"], balance["pending"], balance["held"]) == (50, 35, 0)
    first, spent, *_ = cart.told("history", before=0)["movements"]
    assert {first["points"], spent["points"]} == {35, -150}


def test_a_pressed_rung_is_one_coupon_in_the_store_however_often_it_was_sent(cart: Cart) -> None:
    bought = cart.press(1)
    cart.till.push()
    cart.till.push()
    assert [record.body["code"] for record in cart.till.store.coupons.values()] == [bought["code"].lower()]
    cart.check_out(bought["code"])
    with pytest.raises(CouponRefused, match="Usage limit"):
        cart.check_out(bought["code"])


def test_a_card_that_wins_is_a_coupon_of_the_store_once(cart: Cart) -> None:
    till, now = cart.till, cart.till.clock()
    with till.database.work(till.shop.shop_id) as work:
        contest = Contest(
            kind=ContestKind.SCRATCH, title="Cards", opens_at=now + timedelta(hours=1),
            closes_at=now + timedelta(days=2), minimum_minor=1000, most_per_customer=3, prizes=(Prize({}, 1, 10_000),),
        )  # fmt: skip
        loyalty.announce_contest(work, contest, ["off"])
    till.clock.forward(hours=2)
    for _ in range(2):
        till.hear(till.store.order([Line("Pot", "50.00", 1)], customer=till.sara, status="completed", billing=SARA))
    shown = {card["number"]: card for card in cart.told("account")["tickets"]}
    assert {number: bool(card["request_key"]) for number, card in shown.items()} == {1: True, 2: True}
    scratched = []
    for number in (1, 2, 2, 1):
        asked = {"contest": str(shown[number]["contest"]), "request_key": shown[number]["request_key"]}
        scratched.append(cart.told("scratch", number=str(number), **asked)["ticket"]["prize"])
    assert scratched == ["Money off", "", "", "Money off"]
    (bought,) = cart.told("account")["codes"]
    with pytest.raises(CouponRefused, match="does not exist"):
        cart.check_out(bought["code"])
    till.push()
    assert [record.body["code"] for record in till.store.coupons.values()] == [bought["code"].lower()]
    sold = cart.check_out(bought["code"])
    assert till.store.orders[sold].body["discount_total"] == "2.50"
    till.hear(sold)
    assert [code["state"] for code in cart.told("account")["codes"]] == ["used"]
    assert cart.told("account")["balance"]["held"] == 0, "a prize costs no points"
