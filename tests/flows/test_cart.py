"""Points in the cart, the whole way: what beside the goods is promised, and what is taken off at the till."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.flows.conftest import Loop
from tests.plugin.markup import flat

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@pytest.fixture
def loop(settled: Loop) -> Loop:
    """Anna has logged in, and has 49.90 of towels in her cart."""
    email = settled.world.shop().customers[0].email
    assert settled.store.post("/store/login", data={"email": email}).status_code == 303
    settled.store.post("/store/cart/add", data={"sku": "TOWEL", "quantity": 2})
    return settled


def total(loop: Loop) -> int:
    """What the cart comes to, as the store's page says it, in cents."""
    said = re.findall(r"([0-9]+\.[0-9]{2}) USD", loop.store.get("/store/cart").text)
    return int(said[-1].replace(".", ""))


def redeem(loop: Loop) -> str:
    """Take the first reward in the cart's page; the link that leads back with it."""
    page = loop.store.get(f"/apps/perennial/cart?total={total(loop)}").text
    fields = {name: unescape(value) for name, value in HIDDEN.findall(page)}
    (choice, *_) = re.findall(r'name="choice" value="([^"]+)" required checked', page)
    answer = loop.store.post("/apps/perennial/cart", data=fields | {"choice": choice})
    assert answer.status_code == 303, answer.text
    page = loop.store.get(answer.location).text
    (link,) = re.findall(r'data-perennial-use href="([^"]+)"', page)
    return unescape(link)


def test_what_beside_the_goods_is_promised_is_what_their_order_earns(loop: Loop) -> None:
    product = next(p for p in loop.world.shop().catalog if p.sku == "TOWEL")
    asked = f"/apps/perennial/earn?product={product.id}&amount={2 * product.price}&quantity=2"
    promised = int(re.findall(r"earns ([0-9]+) points", flat(loop.store.get(asked).text))[0])
    assert loop.store.post("/store/checkout", data={"email": ""}).status_code == 303
    loop.clock.forward(seconds=1)
    before = loop.points(loop.world.shop().customers[0].id).pending
    loop.come_to_rest()
    assert loop.points(loop.world.shop().customers[0].id).pending - before == promised > 0


def test_a_reward_of_the_cart_s_page_is_taken_off_at_the_till(loop: Loop) -> None:
    link = redeem(loop)
    code = re.findall(r"/discount/(P-[0-9A-Z]+)", link)[0]
    # Pressed at once, before the store has made it: the code waits in the cart, and is refused until then.
    assert loop.store.get(link).location.endswith("/cart")
    assert f"{code} is not a discount code" in loop.store.get("/store/cart").text
    loop.come_to_rest()
    assert f"{code} is not a discount code" not in loop.store.get("/store/cart").text
    assert loop.store.post("/store/checkout", data={"email": ""}).status_code == 303
    (_, sold) = loop.world.shop().orders
    assert [(used.code, used.amount) for used in sold.codes] == [(code, 500)]
    loop.come_to_rest()
    assert loop.points(loop.world.shop().customers[0].id).redemptions[0].outcome == "used"
    assert "Bought already" not in loop.store.get("/apps/perennial/cart").text
