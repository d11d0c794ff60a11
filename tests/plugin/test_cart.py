"""In the shop's cart and beside its goods: what buying earns, and what points take off."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

import loyalty
from commerce.store import PutDiscount, StoreError
from engine import terms
from engine.shops import Shop
from loyalty.rules import Reward
from plugin.storefront.remembering import Remembered
from plugin.storefront.rungs import MOST_STEPS, Rung, rungs
from sandbox.signing import proxy_signature
from tests.plugin.conftest import CLIENT_SECRET, PREFIX, House, Shopper, order, person
from tests.plugin.markup import flat, mistakes

_ROWS = text("""
    SELECT (SELECT count(*) FROM redemptions WHERE shop_id = :shop_id) AS redemptions,
           (SELECT count(*) FROM entries WHERE shop_id = :shop_id) AS entries
""")
STEPS = {
    "key": "steps", "title": "Money off", "points": 50, "amount_minor": 250, "minimum_minor": 0, "code_days": 30,
    "most_steps": 10,
}  # fmt: skip
BIG = {"key": "big", "title": "A big one", "points": 400, "amount_minor": 2000, "minimum_minor": 0, "code_days": 30}
LEAST = {"key": "least", "title": "For large carts", "points": 60, "amount_minor": 500, "minimum_minor": 9000}
CARD = {"key": "card", "title": "A gift card", "kind": "gift_card", "points": 10, "amount_minor": 100, "code_days": 0}


def rows(house: House, shop: Shop) -> tuple[int, int]:
    with house.database.work(shop.shop_id) as work:
        (found,) = work.rows(_ROWS)
    return found.redemptions, found.entries


def offer(house: House, shop: Shop, *rewards: dict[str, Any]) -> None:
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, rewards=list(rewards))


def form(page: str) -> dict[str, str]:
    """What the page's form would send."""
    hidden = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', page))
    chosen = re.findall(r'name="choice" value="([^"]+)" required checked', page)
    return hidden | ({"choice": chosen[0]} if chosen else {})


def made(house: House, shop: Shop, code: str, trouble: StoreError | None = None) -> None:
    """The store has made the code, or has refused to."""
    now = house.clock.now
    asked = PutDiscount(code, "t", 500, "USD", now, now + timedelta(days=30), "7", 0, active=True)
    with house.database.work(shop.shop_id) as work:
        loyalty.code_settled(work, asked, trouble)


@pytest.fixture
def rich(house: House, shop: Shop) -> None:
    """Customer 7 has 250 points to spend."""
    now = house.clock.now
    house.settle(shop, order(1001, person("7", now - timedelta(days=60)), now - timedelta(days=30), 25000))


# --- what buying earns


def test_a_product_s_page_says_what_buying_it_earns(stranger: Shopper) -> None:
    answer = stranger.get("/earn", product="31", variant="311", amount="2599", quantity="2")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert answer.text.startswith('<p class="perennial perennial-earn" lang="en" dir="ltr">')
    assert "Buying this earns 25 points." in flat(answer.text)
    assert mistakes(f"<h1>x</h1>{answer.text}", whole=False) == []
    assert "Set-Cookie" not in answer.headers


def test_what_earns_nothing_takes_no_place(stranger: Shopper) -> None:
    answer = stranger.get("/earn", product="31", amount="99")
    assert answer.status_code == 200
    assert flat(answer.text) == '<p class="perennial perennial-earn" lang="en" dir="ltr" hidden></p>'


def test_a_cart_of_several_goods_earns_by_each_of_them(house: House, shop: Shop, stranger: Shopper) -> None:
    rule = {"goods": {"products": ["32"]}, "percent": 200}
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, earning={"goods": [rule]})
    for products, points in ((["31"], 10), (["32"], 20), (["31", "32"], 30)):
        answer = stranger.client.get(f"/proxy/earn?{signed(shop, products)}")
        assert f"earns {points} points" in flat(answer.text)


def signed(shop: Shop, products: list[str]) -> str:
    """The platform's query for goods of 10.00 each."""
    at = str(int(datetime.now(UTC).timestamp()))
    pairs = [("product", one) for one in products] + [("amount", "1000") for _ in products]
    pairs += [("shop", shop.domain), ("logged_in_customer_id", ""), ("path_prefix", PREFIX), ("timestamp", at)]
    return urlencode([*pairs, ("signature", proxy_signature(pairs, CLIENT_SECRET))])


@pytest.mark.parametrize(
    "given",
    [
        {}, {"product": "31"}, {"product": "31", "amount": "-5"}, {"product": "31", "amount": "1e9"},
        {"product": "31", "amount": "9" * 13}, {"product": "<b>", "amount": "5"}, {"product": "x" * 65, "amount": "5"},
        {"product": "31", "amount": "\u0665"}, {"product": "31", "amount": "5", "quantity": "many"},
        {"product": "31", "amount": "5", "variant": "\x00"},
    ],
)  # fmt: skip
def test_goods_that_cannot_be_read_are_refused_without_a_word(stranger: Shopper, given: dict[str, str]) -> None:
    answer = stranger.get("/earn", **given)
    assert answer.status_code == 400
    assert "hidden></p>" in flat(answer.text)


def test_an_exact_number_is_not_promised_where_the_checkout_decides(
    house: House, shop: Shop, stranger: Shopper
) -> None:
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, earning={"shipping": True})
    assert "Buying this earns about 25 points." in flat(stranger.get("/earn", product="31", amount="2500").text)


def test_strangers_share_an_answer_for_some_seconds_and_members_have_their_own(
    house: House, shop: Shop, stranger: Shopper, shopper: Shopper, rich: None
) -> None:
    assert "25 points" in flat(stranger.get("/earn", product="31", amount="2500").text)
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, points=3)
    assert "25 points" in flat(stranger.get("/earn", product="31", amount="2500").text)
    assert "78 points" in flat(stranger.get("/earn", product="31", amount="2600").text)
    assert "75 points" in flat(shopper.get("/earn", product="31", amount="2500").text)


# --- the form


def test_a_stranger_is_led_to_the_log_in_and_back_to_the_cart(stranger: Shopper) -> None:
    page = stranger.get("/cart", total="5000").text
    assert f'href="/account/login?return_url={PREFIX}/cart%3Ftotal%3D5000"' in page
    assert mistakes(page, whole=False) == []
    assert "<form" not in page


def test_somebody_without_orders_is_told_how_points_begin(shopper: Shopper) -> None:
    page = shopper.get("/cart").text
    assert "that starts with your first order" in page
    assert mistakes(page, whole=False) == []


@pytest.mark.usefixtures("rich")
def test_what_can_be_had_stands_before_what_is_out_of_reach(house: House, shop: Shop, shopper: Shopper) -> None:
    offer(house, shop, STEPS, BIG, LEAST, CARD)
    answer = shopper.get("/cart", total="1200")
    page = flat(answer.text)
    assert answer.mimetype == "application/liquid"
    assert mistakes(answer.text, whole=False) == []
    assert "You have 250 points to spend." in page
    values = re.findall(r'name="choice" value="([^"]+)" required( disabled)?', page)
    assert values == [
        ("steps:1", ""), ("steps:2", ""), ("steps:3", ""), ("steps:4", ""), ("least:1", " disabled"),
        ("big:1", " disabled"),
    ]  # fmt: skip
    assert "150 points to go" in page
    assert "your cart needs 78.00 USD more" in page
    assert "A gift card" not in page


@pytest.mark.usefixtures("rich")
def test_the_fragment_is_the_same_form_for_the_shop_s_own_page(shopper: Shopper) -> None:
    answer = shopper.get("/cart", total="5000", fragment="1")
    assert answer.mimetype == "text/html"
    assert answer.text.lstrip().startswith('<section class="perennial perennial-cart"')
    assert mistakes(f"<h1>x</h1>{answer.text}", whole=False) == []
    assert "<link" not in answer.text
    assert "<script" not in answer.text
    assert form(answer.text)["choice"] == form(shopper.get("/cart", total="5000").text)["choice"] == "five-off:1"


def test_a_shop_that_sells_nothing_for_carts_says_so(house: House, shop: Shop, shopper: Shopper, rich: None) -> None:
    offer(house, shop, CARD)
    page = shopper.get("/cart").text
    assert "nothing to take off a cart" in page
    assert "<form" not in page


def test_before_a_program_begins_the_cart_offers_nothing(house: House, shop: Shop, shopper: Shopper) -> None:
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now))
    with house.database.work(shop.shop_id) as work:
        work.connection.exec_driver_sql(
            "UPDATE terms SET body = body || '{\"asleep\": true}' WHERE domain = 'loyalty' AND shop_id = %s",
            (shop.shop_id,),
        )
    assert "begins soon" in shopper.get("/cart").text


# --- rungs


def balance(spendable: int, *rewards: dict[str, Any], **more: Any) -> loyalty.Balance:
    return loyalty.Balance(spendable, spendable, 0, 0, 0, [Reward.read(r) for r in rewards], [], **more)


def of(found: list[Rung]) -> list[tuple[str, bool]]:
    return [(rung.value, rung.open) for rung in found]


def test_many_steps_are_few_rungs_with_the_first_and_the_last() -> None:
    found = rungs(balance(100_000, STEPS | {"most_steps": 100}), None)
    assert len(found) == MOST_STEPS
    assert (found[0].steps, found[-1].steps) == (1, 100)
    assert [rung.steps for rung in found] == sorted({rung.steps for rung in found})


def test_steps_end_where_the_cart_does_and_at_its_share() -> None:
    assert of(rungs(balance(10_000, STEPS), 800)) == [("steps:1", True), ("steps:2", True), ("steps:3", True)]
    assert of(rungs(balance(10_000, STEPS), 100)) == [("steps:1", True)]
    half = STEPS | {"most_share": 50}
    assert of(rungs(balance(10_000, half), 1_000)) == [("steps:1", True), ("steps:2", True), ("steps:3", False)]
    assert rungs(balance(10_000, half), 1_000)[-1].short_minor == 500


def test_a_reward_of_another_tier_or_sold_out_says_why_and_what_is_missing_is_counted() -> None:
    shut = rungs(balance(500, BIG, closed={"big": "This reward is for members of gold."}), None)
    assert [(rung.open, rung.why) for rung in shut] == [(False, "This reward is for members of gold.")]
    gone = rungs(balance(500, BIG, sold_out=frozenset({"big"})), None)
    assert [(rung.open, rung.sold_out) for rung in gone] == [(False, True)]
    assert [rung.missing for rung in rungs(balance(100, BIG, STEPS), None)] == [0, 0, 50, 300]


# --- redeeming


@pytest.mark.usefixtures("rich")
def test_a_form_sent_twice_and_from_two_tabs_buys_once(house: House, shop: Shop, shopper: Shopper) -> None:
    offer(house, shop, STEPS)
    one, other = form(shopper.get("/cart").text), form(shopper.get("/cart").text)
    assert one["request_key"] != other["request_key"]
    first = shopper.post("/cart", **one)
    again = shopper.post("/cart", **one)
    tab = shopper.post("/cart", **(other | {"choice": "steps:3"}))
    assert [answer.status_code for answer in (first, again, tab)] == [303] * 3
    assert first.location == again.location == tab.location
    assert rows(house, shop)[0] == 1
    new = form(shopper.get("/cart").text)
    assert shopper.post("/cart", **new).location != first.location
    assert rows(house, shop)[0] == 2


@pytest.mark.usefixtures("rich")
def test_what_was_bought_is_said_with_a_link_into_the_cart(house: House, shop: Shop, shopper: Shopper) -> None:
    answer = shopper.post("/cart", **form(shopper.get("/cart", total="5000").text))
    assert answer.location.startswith(f"{PREFIX}/cart?bought=")
    assert answer.location.endswith("&total=5000")
    bought = answer.location.partition("bought=")[2].partition("&")[0]
    page = shopper.get("/cart", bought=bought).text
    code = re.findall(r"<code dir=.ltr.>(P-[0-9A-Z]+)</code>", page)[0]
    assert mistakes(page, whole=False) == []
    assert f'href="/discount/{code}?redirect=%2Fcart"' in page
    assert f'data-perennial-code="{PREFIX}/code/{bought}"' in page
    assert "It is being made" in page
    assert "<form" not in page
    made(house, shop, code)
    page = shopper.get("/cart", bought=bought).text
    assert "It works until" in page
    assert "data-perennial-code" not in page
    later = shopper.get("/cart").text
    assert "Bought already, and not used yet" in later
    assert code in later


@pytest.mark.usefixtures("rich")
def test_a_code_is_told_to_its_owner_alone(
    house: House, shop: Shop, shopper: Shopper, stranger: Shopper, next_door: Shop
) -> None:
    location = shopper.post("/cart", **form(shopper.get("/cart").text)).location
    bought = location.partition("bought=")[2]
    told = shopper.get(f"/code/{bought}")
    assert (told.status_code, told.get_json()["state"]) == (200, "making")
    assert re.fullmatch(r"P-[0-9A-Z]+", told.get_json()["code"])
    house.settle(shop, order(2001, person("8", house.clock.now), house.clock.now))
    for somebody in (stranger, Shopper(stranger.client, shop, "8"), Shopper(stranger.client, next_door, "7")):
        assert (somebody.get(f"/code/{bought}").status_code, somebody.get(f"/code/{bought}").get_json()["code"]) == (
            404,
            None,
        )
    for odd in ("0", "x", "9" * 19, "1%00"):
        assert shopper.get(f"/code/{odd}").status_code == 404
    made(house, shop, told.get_json()["code"])
    assert shopper.get(f"/code/{bought}").json == {"state": "ready", "code": told.get_json()["code"]}


@pytest.mark.usefixtures("rich")
def test_a_code_that_the_store_refused_is_said_to_be_none(house: House, shop: Shop, shopper: Shopper) -> None:
    bought = shopper.post("/cart", **form(shopper.get("/cart").text)).location.partition("bought=")[2]
    made(house, shop, shopper.get(f"/code/{bought}").get_json()["code"], StoreError("no", permanent=True))
    assert shopper.get(f"/code/{bought}").json == {"state": "returned", "code": None}
    page = flat(shopper.get("/cart", bought=bought).text)
    assert "What it cost is yours again" in page
    assert "You have 250 points to spend." in page


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize(
    "changed, says",
    [
        ({"choice": ""}, "Choose one of the rewards first"),
        ({"choice": "no-such:1"}, "This reward is not offered any more"),
        ({"choice": "five-off:7"}, "So much of this reward cannot be had at once"),
        ({"choice": "five-off:x"}, "So much of this reward cannot be had at once"),
        ({"request_key": "5-0-0"}, "open for a long time"),
        ({"request_key": "x" * 5000}, "open for a long time"),
    ],
)
@pytest.mark.parametrize("fragment", ["", "1"])
def test_what_is_refused_is_said_in_the_form_and_writes_nothing(
    house: House, shop: Shop, shopper: Shopper, changed: dict[str, str], says: str, fragment: str
) -> None:
    before = rows(house, shop)
    given = form(shopper.get("/cart").text) | changed | ({"fragment": fragment} if fragment else {})
    answer = shopper.post("/cart", **given)
    assert answer.status_code == 409
    assert answer.mimetype == ("text/html" if fragment else "application/liquid")
    assert says in answer.text
    assert form(answer.text)["choice"] == "five-off:1"
    assert rows(house, shop) == before


@pytest.mark.usefixtures("rich")
def test_one_shopper_s_form_buys_nothing_for_another(house: House, shop: Shop, shopper: Shopper) -> None:
    given = form(shopper.get("/cart").text)
    now = house.clock.now
    house.settle(shop, order(2001, person("8", now), now - timedelta(days=30), 50_000))
    other = Shopper(house.app.test_client(), shop, "8")
    assert other.post("/cart", **given).status_code == 409
    assert Shopper(house.app.test_client(), shop).post("/cart", **given).status_code == 409
    assert rows(house, shop)[0] == 0


@pytest.mark.usefixtures("rich")
def test_below_another_language_s_path_links_stay_there(house: House, shop: Shop) -> None:
    there = replace(Persian(house.app.test_client(), shop, "7"))
    bought = there.post("/cart", **form(there.get("/cart").text)).location
    assert bought.startswith(f"/fa{PREFIX}/cart?bought=")
    page = there.get("/cart", bought=bought.partition("bought=")[2]).text
    assert re.search(r'href="/fa/discount/P-[0-9A-Z]+\?redirect=%2Ffa%2Fcart"', page)
    assert 'dir="rtl"' in page


class Persian(Shopper):
    """Somebody on the shop's Persian pages."""

    def query(self, **more: str) -> str:
        at = str(int(datetime.now(UTC).timestamp()))
        given = {
            **more, "shop": self.shop.domain, "logged_in_customer_id": self.external_id, "path_prefix": f"/fa{PREFIX}",
            "timestamp": at,
        }  # fmt: skip
        return urlencode({**given, "signature": proxy_signature(given.items(), CLIENT_SECRET)})


# --- as the shop wants it


def looks(house: House, shop: Shop, **body: Any) -> None:
    """The merchant says how the shopper's pages look; what was remembered of it is over."""
    with house.database.work(shop.shop_id) as work:
        terms.publish(work, "storefront", body)
    house.app.extensions["remembered"] = Remembered()


@pytest.mark.usefixtures("rich")
def test_points_are_called_as_the_shop_calls_them_in_its_own_colour(house: House, shop: Shop, shopper: Shopper) -> None:
    offer(house, shop, STEPS, BIG)
    words = {"headline": "", "intro": "", "point": "leaf", "points": "leaves"}
    looks(house, shop, words={"en": words}, accent="#1a5f4a", radius=3)
    for fragment in ("", "1"):
        page = flat(shopper.get("/cart", total="5000", fragment=fragment).text)
        assert "You have 250 leaves to spend." in page
        assert "150 leaves to go" in page
        assert not re.search(r">[^<]*\bpoints?\b", page)
        assert "--perennial-accent:#1a5f4a" in page
    earns = shopper.get("/earn", product="31", amount="2500").text
    assert "Buying this earns 25 leaves." in flat(earns)
    assert "--perennial-radius:3px" in earns


@pytest.mark.usefixtures("rich")
def test_a_shop_that_shows_nothing_beside_its_goods_or_in_its_cart_has_nothing_there(
    house: House, shop: Shop, shopper: Shopper
) -> None:
    looks(house, shop, off=["earn", "cart"])
    assert "hidden></p>" in flat(shopper.get("/earn", product="31", amount="2500").text)
    part = shopper.get("/cart", fragment="1")
    assert flat(part.text) == '<section class="perennial perennial-cart" hidden></section>'
    page = shopper.get("/cart")
    assert (page.status_code, page.location) == (302, f"{PREFIX}/")


@pytest.mark.usefixtures("rich")
def test_a_shop_s_one_language_is_that_of_its_pieces_too(house: House, shop: Shop, shopper: Shopper) -> None:
    looks(house, shop, language="ro")
    assert 'lang="ro"' in shopper.get("/earn", product="31", amount="2500").text
    assert "Aveți 250 de puncte de folosit." in flat(shopper.get("/cart", fragment="1").text)
