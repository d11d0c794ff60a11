"""The merchant's pages: what they say with nothing, with little and with much to say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from commerce.orders import RefundSnapshot
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

PAGES = (
    "/",
    "/customers",
    "/customers?stage=lapsed",
    "/customers?q=ada",
    "/activity",
    "/activity?state=waiting",
    "/activity?state=parked",
    "/activity?box=effects",
    "/activity?box=effects&state=waiting",
    "/activity?box=effects&state=parked",
    "/privacy",
    "/api-keys",
    "/rewards",
    "/value",
    "/value/customers",
)
EVIL = "<script>alert(1)</script>\"'{{ 7*7 }}"


@pytest.fixture
def trade(house: House, shop: Shop, next_door: Shop) -> None:
    """Two customers with orders and a refund, here and next door."""
    at = house.clock.now - timedelta(days=100)
    ada, bob = person("7", at), person("8", at, first_name="Bob", last_name="Hopper", email="bob@example.com")
    for where in (shop, next_door):
        house.settle(where, *(order(1000 + n, ada, at + timedelta(days=20 * n), 123456) for n in range(5)))
        house.settle(where, order(2000, bob, at, 999))
        house.settle(where, refunds=(RefundSnapshot("r1", "1004", house.clock.now, 23456, 23456),))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_with_nothing_to_say_says_so(merchant: Merchant, path: str) -> None:
    answer = merchant.open(path)
    assert answer.status_code == 200
    assert mistakes(answer.text) == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.usefixtures("trade")
def test_a_page_is_well_formed(merchant: Merchant, path: str) -> None:
    answer = merchant.open(path)
    assert answer.status_code == 200
    assert mistakes(answer.text) == []


@pytest.mark.usefixtures("trade")
def test_home_counts_this_shop_and_not_the_one_next_door(merchant: Merchant) -> None:
    page = flat(merchant.open("/").text)
    # 4 orders of 1,234.56 and one of 1,000.00 after its refund, and one of 9.99.
    assert '<dd class="value">5,945</dd>' in page
    assert "2 customers known to your store" in page
    # All were placed more than fourteen days ago.
    assert "0 pending, 0 held" in page
    assert '<dd class="value">297.25 USD</dd>' in page


@pytest.mark.usefixtures("trade")
def test_home_tells_how_late_deliveries_were_settled(house: House, shop: Shop, merchant: Merchant) -> None:
    with house.database.work(shop.shop_id) as work:
        for n in range(100):
            work.run(
                text("""
                    INSERT INTO deliveries (shop_id, dedupe_key, topic, triggered_at, received_at, settled_at, body)
                    VALUES (:shop_id, :key, 'orders/paid', :at, :at, :at + :lag * interval '1 millisecond', '')
                """),
                key=str(n),
                at=house.clock.now - timedelta(minutes=5),
                lag=n + 1,
            )
    page = merchant.open("/").text
    assert "settled within 50\u00a0ms (half of the time), 99\u00a0ms at most 99 times in 100." in page
    assert "100\u00a0deliveries came in the last 24 hours." in page
    assert "Deliveries of each of the last 24 hours; 100 in the busiest hour, 100 in the last one" in page


@pytest.mark.usefixtures("trade")
def test_a_customer_s_page_tells_the_whole_story(house: House, shop: Shop, merchant: Merchant) -> None:
    page = merchant.open(f"/customers/{house.customer_id(shop, '7')}").text
    assert mistakes(page) == []
    assert "Ada Lovelace" in page
    assert "placed order number 5" not in page.split("How it came to this")[0]
    assert "If nothing happens, this becomes" in page
    assert "1,000.00\u00a0USD" in page  # kept of the fifth order
    assert "1\u00a0refund" in page
    assert "#1004: 1000 points for 1000.00 USD of goods kept" in page
    assert "\u2212234" in page  # what the refund took back
    assert ">5,936<" in page  # the points after the newest entry


@pytest.mark.usefixtures("trade")
def test_the_statement_runs_down_to_its_first_entry(house: House, shop: Shop, merchant: Merchant) -> None:
    page = merchant.open(f"/customers/{house.customer_id(shop, '8')}").text
    assert '<td class="n">+9</td><td class="n">9</td><td class="n">1</td>' in page


@pytest.mark.usefixtures("trade")
def test_a_customer_of_another_shop_is_not_found(house: House, next_door: Shop, merchant: Merchant) -> None:
    answer = merchant.open(f"/customers/{house.customer_id(next_door, '7')}")
    assert answer.status_code == 404
    assert "Ada" not in answer.text
    assert mistakes(answer.text) == []


@pytest.mark.parametrize(
    "path", ["/customers/0", "/customers/9223372036854775807", f"/customers/{'9' * 40}", "/customers/x"]
)
def test_a_number_that_nobody_has_is_not_found(merchant: Merchant, path: str) -> None:
    assert merchant.open(path).status_code == 404


def test_what_customers_call_themselves_is_only_ever_text(house: House, shop: Shop, merchant: Merchant) -> None:
    at = house.clock.now
    who = person("7", at, first_name=EVIL, last_name="</bdi>", email=f"{EVIL}@example.com")
    house.settle(shop, order(1, who, at, name=EVIL, discount_codes=(EVIL,), referral_code=EVIL))
    for path in (
        "/",
        "/customers",
        f"/customers/{house.customer_id(shop, '7')}",
        "/activity?box=effects&state=waiting",
    ):
        page = merchant.open(path).text
        assert "<script>alert" not in page
        assert mistakes(page) == []
    assert "&lt;script&gt;alert(1)" in merchant.open("/customers").text


def test_what_a_merchant_types_is_only_ever_text(merchant: Merchant) -> None:
    page = merchant.open("/customers?q=%3Cscript%3Ealert(1)%3C/script%3E%22%27&after=0&stage=%3Cb%3E").text
    assert "<script>alert" not in page
    assert mistakes(page) == []


def test_a_host_that_is_none_is_not_passed_on(merchant: Merchant) -> None:
    assert "host=YWJj" in merchant.open("/?host=YWJj").text
    assert "evil" not in merchant.open("/?host=evil%22%3E").text


def test_the_platform_s_script_comes_first(merchant: Merchant) -> None:
    page = merchant.open("/").text
    key, script = page.index('name="shopify-api-key"'), page.index("<script")
    assert key < script
    assert page[script:].startswith('<script src="https://cdn.shopify.com/shopifycloud/app-bridge.js"></script>')


def test_amounts_are_in_the_currency_of_the_shop(house: House) -> None:
    yen = house.open_shop(currency="JPY", timezone="Asia/Tokyo")
    house.settle(yen, order(1, person("7", house.clock.now), house.clock.now, 123456, currency="JPY"))
    visitor = Merchant(house.app.test_client(), yen)
    page = visitor.open(f"/customers/{house.customer_id(yen, '7')}").text
    assert "123,456\u00a0JPY" in page


def test_a_zone_that_this_machine_does_not_know_is_no_accident(house: House) -> None:
    odd = house.open_shop(timezone="Mars/Olympus")
    assert Merchant(house.app.test_client(), odd).open("/").status_code == 200
