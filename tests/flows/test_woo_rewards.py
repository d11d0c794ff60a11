"""Rewards in a WooCommerce store, from the click to the till: bought with points, made and read back there, used, or
given back; whatever becomes of the answers on the way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

import loyalty
from commerce.events import CustomerChanged, Delivery, OrderChanged
from commerce.ids import DeliveryId, EffectId
from commerce.store import ShopDetails
from connectors.http import HttpSession
from connectors.woocommerce import Key, WooStore, store_address, translate
from engine import mirror, outbox, shops, terms
from engine.inbox import settle_snapshots
from engine.outbox import MOST_ATTEMPTS, TAGS_REST_SECONDS, Outbox
from engine.shops import Shop
from engine.work import Database, refuse_in_transaction
from loyalty.rules import proposal
from sandbox.front import Front
from sandbox.woocommerce import ApiKey, Line, Store, create_app
from sandbox.woocommerce.till import CouponRefused, cancel, checkout
from tests.ground import FIRST_TERMS, REACTIONS, Clock, Superuser
from tests.serving import served

_GUESTS = text("SELECT external_id FROM customers WHERE shop_id = :shop_id AND external_id LIKE 'guest:%'")
SARA: dict[str, Any] = {"first_name": "Sara", "email": "sara@example.test", "country": "IR"}
MUG, TEA = 11, 12
BASKET = [Line("Mug", "14.00", 1, MUG), Line("Tea", "9.50", 3, TEA)]

# Reward, what is taken off the goods of `BASKET` (42.50), and what of the shipping (7.00) is still paid.
TILL: dict[str, tuple[dict[str, Any], str, str]] = {
    "five-off": ({"amount_minor": 500, "minimum_minor": 2000}, "5.00", "7.00"),
    "percentage": ({"kind": "percentage", "percent": 10}, "4.25", "7.00"),
    "free-shipping": ({"kind": "free_shipping"}, "0.00", "0.00"),
    "free-tea": ({"kind": "product", "amount_minor": 950, "goods": {"products": [str(TEA)]}}, "9.50", "7.00"),
    "half-tea": ({"kind": "product", "percent": 50, "goods": {"products": [str(TEA)]}}, "14.25", "7.00"),
}


@dataclass
class Till:
    """A store, what stands in front of it, and the house beside it. Nothing moves until it is told to."""

    store: Store
    front: Front
    shop: Shop
    clock: Clock
    database: Database
    outbox: Outbox
    sara: int

    def settle(self, topic: str, body: dict[str, Any]) -> None:
        """What the store tells in a delivery of that body."""
        raw, at = json.dumps(body).encode(), self.clock()
        with self.database.work(self.shop.shop_id) as work:
            for event in translate(Delivery(DeliveryId(1), topic, raw, at)):
                assert isinstance(event, (OrderChanged, CustomerChanged))
                orders = [event.order] if isinstance(event, OrderChanged) else []
                people = [event.customer] if isinstance(event, CustomerChanged) else []
                settle_snapshots(work, REACTIONS, mirror.accept(work, orders, [], people))

    def hear(self, number: int) -> None:
        self.settle("order.updated", self.store.shown("orders", self.store.orders[number]))

    def buy(self, *codes: str, status: str = "processing") -> int:
        """Sara buys at the till, and the store does not tell us yet."""
        return checkout(self.store, BASKET, codes, customer=self.sara, billing=SARA, shipping="7.00", status=status)

    def redeem(self, key: str = "five-off", who: str | None = None, click: str = "click-1") -> Any:
        external_id = who or str(self.sara)
        with self.database.work(self.shop.shop_id) as work:
            customer_id = mirror.customer_id(work, external_id)
            assert customer_id is not None
            return loyalty.redeem(work, customer_id, external_id, key, click)

    def take_back(self, redemption_id: int) -> None:
        with self.database.work(self.shop.shop_id) as work:
            loyalty.take_back(work, redemption_id)
        self.push()

    def push(self) -> None:
        self.clock.forward(seconds=TAGS_REST_SECONDS + 1)
        while self.outbox.push_round():
            pass

    def try_again(self, times: int) -> None:
        """Wait as long as an effect may have to, and push, as often as asked."""
        for _ in range(times):
            self.clock.forward(hours=2)
            self.push()

    def account(self, who: str | None = None) -> loyalty.Balance:
        with self.database.work(self.shop.shop_id) as work:
            customer_id = mirror.customer_id(work, who or str(self.sara))
            assert customer_id is not None
            return loyalty.account(work, customer_id)

    def points(self) -> tuple[int, int]:
        """Sara's own, and those that are held."""
        found = self.account()
        return found.points, found.held

    @property
    def newest(self) -> Any:
        return self.account().redemptions[0]

    def states(self) -> list[str]:
        """Of the coupons, oldest first."""
        return [record.body["status"] for record in self.store.coupons.values()]


@pytest.fixture
def till(database: Database, clock: Clock) -> Iterator[Till]:
    """A store in which Sara may spend 200 points."""
    store = Store(clock=clock, keys=[ApiKey()])
    front = Front(create_app(store))
    with served(front) as url:
        address = store_address(url)
        key = Key(store.keys[0].consumer_key, store.keys[0].consumer_secret)
        client = WooStore(address, key, HttpSession(plain=True, before_request=refuse_in_transaction), now=clock)
        shop = _open(database, address.domain, client.details())
        opened = Till(
            store, front, shop, clock, database,
            Outbox(database, lambda _shop: client, {"discount": loyalty.code_settled}),
            store.register("sara@example.test"),
        )  # fmt: skip
        opened.hear(store.order([Line("Pot", "50.00", 4)], customer=opened.sara, status="completed", billing=SARA))
        clock.forward(days=20)
        opened.push()
        yield opened


def _open(database: Database, domain: str, details: ShopDetails) -> Shop:
    now = database.clock()
    with database.founding(lambda connection: shops.install(connection, "woocommerce", domain, now).shop_id) as work:
        shops.describe(work, details)
        for name, propose in FIRST_TERMS.items():
            terms.publish_first(work, name, propose(details.currency))
        rewards = [
            {"key": key, "title": key.replace("-", " "), "points": 100, "code_days": 7} | described
            for key, (described, _, _) in TILL.items()
        ]
        loyalty.publish(work, proposal("USD") | {"rewards": rewards})
        return shops.current(work)


def coupons(method: str, path: str, _body: bytes) -> bool:
    return method == "POST" and path.endswith("/coupons/batch")


# --- from the click to the till


@pytest.mark.parametrize("key", TILL)
def test_each_kind_of_reward_is_bought_made_and_used(till: Till, key: str) -> None:
    _, off, shipping = TILL[key]
    bought = till.redeem(key)
    assert till.points() == (100, 100)
    till.push()
    assert till.newest.issued_at is not None
    sold = till.buy(bought.code)
    body = till.store.orders[sold].body
    assert (body["discount_total"], body["shipping_total"]) == (off, shipping)
    till.hear(sold)
    assert (till.newest.outcome, till.points()[1]) == ("used", 0)
    with pytest.raises(CouponRefused, match="Usage limit"):
        till.buy(bought.code)


@pytest.mark.parametrize("key", TILL)
def test_a_reward_that_is_released_works_no_more_and_its_points_are_back(till: Till, key: str) -> None:
    first = till.redeem(key)
    till.push()
    till.take_back(first.redemption_id)
    assert (till.points(), till.newest.outcome) == ((200, 0), "the shop took it back")
    second = till.redeem(key, click="click-2")
    till.push()
    till.clock.forward(days=9)
    with till.database.work(till.shop.shop_id) as work:
        while loyalty.release_unused(work):
            pass
    till.push()
    assert (till.points(), till.newest.outcome) == ((200, 0), "the code was not used")
    assert till.states() == ["draft", "draft"]
    for code in (first.code, second.code):
        with pytest.raises(CouponRefused, match="does not exist"):
            till.buy(code)


def test_a_stranger_s_basket_and_a_small_one_are_refused_at_the_till(till: Till) -> None:
    bought = till.redeem()
    till.push()
    mallory = till.store.register("mallory@example.test")
    with pytest.raises(CouponRefused, match="valid email"):
        checkout(till.store, BASKET, [bought.code], customer=mallory)
    with pytest.raises(CouponRefused, match="minimum spend"):
        checkout(till.store, BASKET[:1], [bought.code], customer=till.sara, billing=SARA)


# --- what the shop does meanwhile


def test_an_order_that_is_cancelled_gives_the_points_back_and_ends_the_code(till: Till) -> None:
    bought = till.redeem()
    till.push()
    sold = till.buy(bought.code)
    till.hear(sold)
    till.clock.forward(minutes=5)
    cancel(till.store, sold)
    till.hear(sold)
    till.push()
    assert (till.newest.outcome, till.points()) == ("the order was cancelled", (200, 0))
    with pytest.raises(CouponRefused, match="does not exist"):
        till.buy(bought.code)


def test_a_code_that_was_used_before_it_was_taken_back_is_used_once_its_order_is_heard_of(till: Till) -> None:
    bought = till.redeem()
    till.push()
    sold = till.buy(bought.code)
    till.take_back(bought.redemption_id)
    assert till.points() == (200, 0)
    till.hear(sold)
    till.push()
    assert (till.newest.outcome, till.account().held) == ("used", 0)
    assert till.account().spendable == 100


def test_a_coupon_that_the_merchant_deleted_gives_its_points_back_when_its_time_is_over(
    till: Till, above: Superuser
) -> None:
    bought = till.redeem()
    till.push()
    till.store.coupons.clear()
    with pytest.raises(CouponRefused, match="does not exist"):
        till.buy(bought.code)
    till.take_back(bought.redemption_id)
    assert (till.points(), till.newest.outcome) == ((200, 0), "the shop took it back")
    assert above.run("SELECT key FROM effects WHERE parked_at IS NOT NULL") == []


def test_a_coupon_that_another_plugin_spoils_is_frozen_and_its_points_are_back(till: Till, above: Superuser) -> None:
    till.store.on_coupon = lambda body: body.update(usage_limit=None, email_restrictions=[])
    till.redeem()
    till.push()
    assert (till.points(), till.newest.outcome) == ((200, 0), "the store refused the code")
    assert till.states() == ["draft"]
    assert above.one("SELECT refusal FROM redemptions WHERE refusal IS NOT NULL") == (
        "the store kept the coupon otherwise than asked, so it is frozen: email_restrictions, usage_limit"
    )


# --- answers that are lost, and a store that is down


@pytest.mark.parametrize("lost", [1, 3])
def test_a_coupon_whose_answers_are_lost_is_made_once(till: Till, lost: int) -> None:
    bought = till.redeem()
    till.front.lose(lost, coupons)
    till.push()
    assert (till.points(), till.newest.issued_at) == ((100, 100), None)
    till.try_again(lost)
    assert till.newest.issued_at is not None
    assert till.states() == ["publish"]
    till.hear(till.buy(bought.code))
    assert till.newest.outcome == "used"


def test_a_coupon_whose_answers_are_all_lost_gives_its_points_back_and_works_for_nobody(till: Till) -> None:
    bought = till.redeem()
    till.front.lose(15, coupons)
    till.push()
    till.try_again(MOST_ATTEMPTS + 2)
    assert (till.points(), till.newest.outcome) == ((200, 0), "the store refused the code")
    assert till.states() == ["draft"]
    with pytest.raises(CouponRefused, match="does not exist"):
        till.buy(bought.code)


def any_coupons(_method: str, path: str, _body: bytes) -> bool:
    return "/coupons" in path


@pytest.mark.parametrize("lost", [1, 3])
def test_a_coupon_is_frozen_though_the_answers_are_lost(till: Till, above: Superuser, lost: int) -> None:
    bought = till.redeem()
    till.push()
    till.front.lose(lost, any_coupons)
    till.take_back(bought.redemption_id)
    till.try_again(lost)
    assert (till.points(), till.states()) == ((200, 0), ["draft"])
    assert above.run("SELECT reason FROM effects WHERE parked_at IS NOT NULL") == []


def test_a_coupon_that_could_not_be_frozen_is_seen_by_the_merchant_and_costs_its_points_when_it_is_used(
    till: Till, above: Superuser
) -> None:
    bought = till.redeem()
    till.push()
    till.front.lose(15, any_coupons)
    till.take_back(bought.redemption_id)
    till.try_again(MOST_ATTEMPTS)
    parked = "SELECT effect_id FROM effects WHERE parked_at IS NOT NULL"
    effect_id = EffectId(above.one(parked))
    assert (till.points(), till.states()) == ((200, 0), ["publish"])
    till.hear(till.buy(bought.code))
    assert (till.newest.outcome, till.account().spendable) == ("used", 100)
    till.front.lose(0)
    with till.database.work(till.shop.shop_id) as work:
        assert outbox.replay(work, effect_id)
    till.push()
    assert till.states() == ["draft"]
    assert above.run(parked) == []


def test_a_store_that_is_down_for_days_makes_the_coupon_when_it_is_back(till: Till) -> None:
    bought = till.redeem()
    till.front.down = True
    till.push()
    till.try_again(MOST_ATTEMPTS * 3)
    assert (till.points(), till.newest.outcome, till.states()) == ((100, 100), None, [])
    till.front.down = False
    till.try_again(1)
    assert till.newest.issued_at is not None
    till.hear(till.buy(bought.code))
    assert till.newest.outcome == "used"


# --- guests


@pytest.fixture
def guest(till: Till) -> str:
    """Ali buys without an account; the id by which we know him."""
    number = till.store.order(
        [Line("Pot", "50.00", 4)], status="completed", billing={"first_name": "Ali", "email": "Ali@Example.test"}
    )
    till.hear(number)
    till.clock.forward(days=20)
    with till.database.work(till.shop.shop_id) as work:
        (row,) = work.rows(_GUESTS)
    return str(row.external_id)


def test_a_guest_s_coupon_is_his_by_his_address_which_is_not_kept_with_it(
    till: Till, guest: str, above: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    bought = till.redeem(who=guest)
    till.push()
    there = till.store.coupon(bought.code)
    assert there is not None
    assert there["email_restrictions"] == ["ali@example.test"]
    kept = above.one("SELECT string_agg(body::text, ' ') FROM effects WHERE shop_id = %s", till.shop.shop_id)
    assert "ali@example" not in (kept + caplog.text).lower()
    sold = checkout(till.store, BASKET, [bought.code], billing={"email": "ali@example.test", "first_name": "Ali"})
    till.hear(sold)
    assert till.account(guest).redemptions[0].outcome == "used"


def test_a_guest_who_was_erased_meanwhile_gets_no_coupon_and_his_points_are_back(
    till: Till, guest: str, above: Superuser
) -> None:
    till.redeem(who=guest)
    above.run("UPDATE customers SET email = NULL WHERE external_id = %s", guest)
    till.push()
    assert till.store.coupons == {}
    assert (till.account(guest).points, till.account(guest).held) == (200, 0)


# --- what is told of customers, and its echo


def test_points_and_stage_are_told_in_one_writing_and_their_echo_moves_nothing(till: Till, above: Superuser) -> None:
    with till.database.work(till.shop.shop_id) as work:
        while loyalty.tell_points(work):
            pass
    till.push()
    assert (till.store.meta(till.sara, "loyalty_points"), till.store.meta(till.sara, "lifecycle_stage")) == (
        "200",
        "acquired",
    )
    asked = len(till.front.asked)
    for _ in range(2):
        till.settle("customer.updated", till.store.shown("customers", till.store.customers[till.sara]))
        with till.database.work(till.shop.shop_id) as work:
            assert loyalty.tell_points(work) == 0
        till.push()
    assert len(till.front.asked) == asked
    assert above.run("SELECT kind FROM effects WHERE shop_id = %s AND pushed_at IS NULL", till.shop.shop_id) == []


def test_a_guest_is_told_nowhere_without_a_question_or_a_complaint(till: Till, guest: str, above: Superuser) -> None:
    asked = len(till.front.asked)
    with till.database.work(till.shop.shop_id) as work:
        while loyalty.tell_points(work):
            pass
    till.push()
    assert [path for method, path in till.front.asked[asked:] if method == "POST"] == [
        "/wp-json/wc/v3/customers/batch"  # Sara's points
    ]
    assert above.run("SELECT reason FROM effects WHERE pushed_at IS NULL OR parked_at IS NOT NULL") == []
    assert guest.startswith("guest:")
