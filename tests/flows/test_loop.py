"""The whole loop, as a merchant and their customers go through it: the store on one side, our pages on the other."""

from __future__ import annotations

import logging
import re
from html import unescape
from io import StringIO
from typing import Any

import pytest

import loyalty
from engine import log
from engine.work import Database
from lifecycle import STAGES
from sandbox import Faults
from sandbox.customers import Customer
from tests.flows.conftest import CLIENT_SECRET, Loop, open_loop
from tests.ground import FIRST_TERMS, REACTIONS, Clock, Superuser

FORM = re.compile(r'<form method="post" action="([^"]+)">(.*?)</form>', re.DOTALL)
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def figures(loop: Loop, who: Customer) -> tuple[int, int, int, int, int]:
    found = loop.points(who.id)
    return found.points, found.spendable, found.pending, found.held, found.debt


def log_in(loop: Loop, who: Customer) -> None:
    assert loop.store.post("/store/login", data={"email": who.email}).status_code == 303


def buy(loop: Loop, sku: str, quantity: int = 1, email: str | None = None) -> str:
    """Through the store's own cart and checkout; the address that the store leads to afterwards."""
    loop.store.post("/store/cart/add", data={"sku": sku, "quantity": quantity})
    answer = loop.store.post("/store/checkout", data={"email": email or ""})
    assert answer.status_code == 303, answer.text
    return answer.location


def redeem(loop: Loop) -> str:
    """Through our page inside the store: press the first button, and read the code that was bought."""
    page = loop.store.get("/apps/perennial/")
    assert page.status_code == 200, page.text
    form = FORM.search(page.text)
    assert form is not None, page.text
    bought = loop.store.post(form[1], data={name: unescape(value) for name, value in FIELD.findall(form[2])})
    assert bought.status_code == 303, bought.text
    (redemption,) = loop.points(loop.world.shop().customers[0].id).redemptions
    return str(redemption.code)


@pytest.fixture
def anna(settled: Loop) -> Customer:
    return settled.world.shop().customers[0]


def test_the_tests_stand_on_the_same_order_of_reactions_as_the_house() -> None:
    import app

    assert tuple(app.REACTIONS) == REACTIONS
    # Shops of the tests have begun their program.
    given, ours = (
        {name: propose("USD") for name, propose in terms.items()} for terms in (app.FIRST_TERMS, FIRST_TERMS)
    )
    assert given == {**ours, loyalty.DOMAIN: {**ours[loyalty.DOMAIN], "asleep": True}}


def test_an_installation_makes_a_segment_of_every_stage(loop: Loop) -> None:
    assert (loop.shop.name, loop.shop.currency, loop.shop.installed) == ("Demo Store", "USD", True)
    segments = {segment.name: segment.query for segment in loop.world.shop().segments}
    assert segments == {
        f"Perennial: {stage.replace('_', ' ')}": f"customer_tags CONTAINS 'stage:{stage}'" for stage in STAGES
    }


def test_an_order_brings_points_and_a_tag(loop: Loop) -> None:
    anna = loop.world.add_customer("anna@example.com", "Anna", "Vos")
    loop.world.place_order([("POT", 2), ("TEA", 1)], customer=anna, shipping=595)
    loop.come_to_rest()
    assert figures(loop, anna) == (105, 0, 105, 0, 0)
    assert anna.tags == ("stage:acquired",)


def test_our_own_writes_echo_and_change_nothing(loop: Loop, above: Superuser) -> None:
    anna = loop.world.add_customer("anna@example.com", "Anna", "Vos")
    loop.world.place_order(customer=anna)
    loop.come_to_rest()
    effects = above.run("SELECT kind, key, version FROM effects WHERE shop_id = %s ORDER BY 1, 2", loop.shop.shop_id)
    loop.come_to_rest()
    assert (
        above.run("SELECT kind, key, version FROM effects WHERE shop_id = %s ORDER BY 1, 2", loop.shop.shop_id)
        == effects
    )
    assert above.one("SELECT count(*) FROM deliveries WHERE settled_at IS NULL") == 0


def test_the_merchant_s_own_tags_are_never_touched(loop: Loop) -> None:
    anna = loop.world.add_customer("anna@example.com", "Anna", "Vos")
    with loop.world.lock:
        loop.world.shop().tag_customer(anna, ["VIP", "stage-manager"], [])
    loop.world.place_order(customer=anna)
    loop.come_to_rest()
    loop.world.place_order(customer=anna)
    loop.come_to_rest()
    assert sorted(anna.tags) == ["VIP", "stage-manager", "stage:developing"]


def test_points_buy_a_code_that_works_once_at_the_checkout(settled: Loop, anna: Customer) -> None:
    loop = settled
    log_in(loop, anna)
    code = redeem(loop)
    assert figures(loop, anna) == (5, 5, 0, 100, 0)
    loop.come_to_rest()
    made = loop.world.shop().discounts.by_code(code)
    assert made is not None
    assert (made.amount, made.usage_limit, made.customers) == (500, 1, (anna.id,))
    loop.store.get(f"/discount/{code}")
    buy(loop, "TOWEL", 2)
    (_, sold) = loop.world.shop().orders
    assert [(used.code, used.amount) for used in sold.codes] == [(code, 500)]
    loop.come_to_rest()
    assert loop.points(anna.id).redemptions[0].outcome == "used"
    assert figures(loop, anna) == (36, 5, 31, 0, 0)
    assert made.usage == 1
    assert anna.tags == ("stage:developing",)


def test_one_click_sent_twice_buys_one_code(settled: Loop, anna: Customer) -> None:
    log_in(settled, anna)
    page = settled.store.get("/apps/perennial/").text
    form = FORM.search(page)
    assert form is not None
    fields = {name: unescape(value) for name, value in FIELD.findall(form[2])}
    answers = [settled.store.post(form[1], data=fields) for _ in range(3)]
    assert len({answer.location for answer in answers}) == 1
    assert len(settled.points(anna.id).redemptions) == 1


def test_a_code_that_dies_unused_gives_its_points_back_and_works_no_more(settled: Loop, anna: Customer) -> None:
    loop = settled
    log_in(loop, anna)
    code = redeem(loop)
    loop.come_to_rest()
    loop.clock.forward(days=31)
    loop.release()
    loop.come_to_rest()
    assert figures(loop, anna) == (105, 105, 0, 0, 0)
    dead = loop.world.shop().discounts.by_code(code)
    assert dead is not None
    assert dead.status(loop.clock.timestamp()) == "EXPIRED"


def test_an_order_with_a_code_that_is_cancelled_gives_the_points_back(settled: Loop, anna: Customer) -> None:
    loop = settled
    log_in(loop, anna)
    code = redeem(loop)
    loop.come_to_rest()
    sold = loop.world.place_order([("TOWEL", 1)], customer=anna, codes=[code])
    loop.come_to_rest()
    loop.clock.forward(seconds=1)
    loop.world.cancel(sold)
    loop.come_to_rest()
    assert figures(loop, anna) == (105, 105, 0, 0, 0)
    assert loop.points(anna.id).redemptions[0].outcome == "the order was cancelled"


def test_a_code_that_the_store_will_not_make_gives_the_points_back(settled: Loop, anna: Customer) -> None:
    loop = settled
    with loop.database.work(loop.shop.shop_id) as work:
        bought = loyalty.redeem(work, loop.customer_id(anna.id), "1", "five-off", "for nobody the store knows")
    assert figures(loop, anna)[3] == 100
    loop.come_to_rest()
    assert loop.world.shop().discounts.by_code(bought.code) is None
    assert figures(loop, anna) == (105, 105, 0, 0, 0)


def test_a_refund_takes_points_back(settled: Loop, anna: Customer) -> None:
    loop = settled
    (sold,) = loop.world.shop().orders
    loop.world.refund(sold, {0: 1})
    loop.come_to_rest()
    assert figures(loop, anna) == (57, 57, 0, 0, 0)
    loop.clock.forward(seconds=1)
    loop.world.refund(sold)
    loop.come_to_rest()
    assert figures(loop, anna) == (0, 0, 0, 0, 0)
    assert anna.tags == ("stage:lead",)


def test_an_invited_friend_s_first_order_rewards_who_invited_them(settled: Loop, anna: Customer) -> None:
    loop = settled
    log_in(loop, anna)
    link = re.search(r'readonly value="[^"]*?(/apps/perennial/r/[^"]+)"', loop.store.get("/apps/perennial/").text)
    assert link is not None
    loop.store.post("/store/logout")
    address = unescape(link[1])
    assert loop.store.get(address).status_code == 200
    claimed = loop.store.post(address.partition("?")[0], data={"contact": "bo@example.com"})
    found = re.search(r"<code>(FRIEND-\w+)</code>", claimed.text)
    assert found is not None, claimed.text
    loop.come_to_rest()
    loop.store.post("/store/register", data={"email": "bo@example.com", "first_name": "Bo"})
    loop.store.get(f"/discount/{found[1]}")
    buy(loop, "POT")
    loop.come_to_rest()
    bo = loop.world.shop().customers.by_email("bo@example.com")
    assert bo is not None
    assert figures(loop, anna) == (305, 105, 200, 0, 0)
    assert figures(loop, bo) == (43, 0, 43, 0, 0)
    assert set(anna.tags) == {"stage:advocate", "referral:advocate", "referral:brought-1"}
    loop.clock.forward(seconds=1)
    loop.world.refund(loop.world.shop().orders[1])
    loop.come_to_rest()
    assert figures(loop, anna) == (105, 105, 0, 0, 0)
    assert anna.tags == ("stage:acquired",)


def test_what_was_never_delivered_is_found_by_reconciliation(settled: Loop, anna: Customer, above: Superuser) -> None:
    loop = settled
    loop.reconcile()
    told = above.one("SELECT reconciled_to FROM shops WHERE shop_id = %s", loop.shop.shop_id)
    assert told == loop.clock()
    (first,) = loop.world.shop().orders
    loop.clock.forward(hours=1)
    loop.world.courier.misbehave(Faults(drop=1.0))
    loop.world.refund(first, {0: 1})
    loop.world.place_order([("TOWEL", 1)], customer=anna)
    loop.world.add_customer("new@example.com", "New", "Face")
    loop.come_to_rest()
    assert figures(loop, anna) == (105, 105, 0, 0, 0)
    assert loop.reconcile() == 3, "two orders and a new customer"
    assert figures(loop, anna) == (75, 57, 18, 0, 0)
    assert loop.reconcile() == 0
    assert above.one("SELECT reconciled_to FROM shops WHERE shop_id = %s", loop.shop.shop_id) == loop.clock()


def test_a_reconciliation_that_fails_does_not_move_its_mark(settled: Loop, above: Superuser) -> None:
    loop = settled
    mark = "SELECT reconciled_to FROM shops WHERE shop_id = %s"
    before = above.one(mark, loop.shop.shop_id)
    loop.clock.forward(hours=1)
    installation = loop.world.shop().installation
    assert installation is not None
    installation.access.clear()
    installation.refresh.clear()
    with pytest.raises(Exception, match=r"token|opened"):
        loop.reconcile()
    assert above.one(mark, loop.shop.shop_id) == before


def test_no_address_name_or_token_is_ever_logged(database: Database, clock: Clock, above: Superuser) -> None:
    """A whole loop, with everything logged that can be: what must not be seen is in no line."""
    root, sink = logging.getLogger("perennial"), StringIO()
    before = (root.handlers[:], root.level, root.propagate)
    log.set_up("json", "DEBUG")
    handler: Any = root.handlers[0]
    handler.setStream(sink)
    try:
        with open_loop(database, clock) as loop:
            loop.install()
            canary = loop.world.add_customer("canary@birds.example", "Canaria", "Yellowfeather")
            sold = loop.world.place_order([("POT", 4)], customer=canary, email="canary@birds.example")
            loop.come_to_rest()
            loop.world.refund(sold, {0: 1})
            loop.door.post("/webhooks/shopify", data=b'{"email": "canary@birds.example"}')
            loop.come_to_rest()
            loop.reconcile()
            installation = loop.world.shop().installation
            assert installation is not None
            secrets = [*installation.access, *installation.refresh, CLIENT_SECRET]
    finally:
        root.handlers[:], root.level, root.propagate = before
    lines = sink.getvalue()
    assert all(f'"event":"{event}"' in lines for event in ("received", "settled", "pushed", "reconciled"))
    for canary_text in ("canary@birds", "Canaria", "Yellowfeather", *secrets):
        assert canary_text not in lines
