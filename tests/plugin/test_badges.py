"""What a shopper shows at the till: staff come to the customer's page by it, and nobody else comes anywhere."""

from __future__ import annotations

import re

import pytest

from commerce.events import CustomerDeleted, CustomersMerged
from commerce.ids import CustomerId
from engine.shops import Shop
from plugin import badges
from plugin.badges import LETTERS
from plugin.storefront.qr import qr
from tests.ground import Desk
from tests.plugin.conftest import CLIENT_ID, House, Merchant, Shopper, order, person
from tests.plugin.markup import flat, mistakes
from tests.plugin.test_extension import Visitor


@pytest.fixture(autouse=True)
def ada(house: House, shop: Shop, next_door: Shop) -> None:
    """Customer 7 of both shops."""
    for each in (next_door, shop):
        house.settle(each, order(1001, person("7", house.clock.now), house.clock.now, 25000))


def letters(shopper: Shopper) -> str:
    (found,) = re.findall(r'<code dir="ltr">([0-9A-Z]{5}-[0-9A-Z]{5})</code>', shopper.get().text)
    return found


def test_staff_who_scan_it_come_to_the_customer_s_page(
    house: House, shop: Shop, shopper: Shopper, merchant: Merchant
) -> None:
    shown = letters(shopper)
    scanned = merchant.open(f"/at/{shown.replace('-', '')}")
    assert scanned.status_code == 303
    assert scanned.location.startswith(f"/customers/{house.customer_id(shop, '7')}?")
    assert "Ada Lovelace" in merchant.fetch(scanned.location).text


def test_it_holds_nobody_s_number_and_is_another_each_minute(house: House, shop: Shop, shopper: Shopper) -> None:
    seen = set()
    for _ in range(8):
        seen.add(letters(shopper))
        house.clock.forward(minutes=1)
    assert len(seen) == 8
    # No letter stays where it was, as it would if the number stood in it.
    assert all(len({each[place] for each in seen}) > 1 for place in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10))


def test_it_ends_after_ten_minutes(house: House, shopper: Shopper, merchant: Merchant) -> None:
    shown = letters(shopper)
    assert "2 Mar 2026, 13:10" in flat(shopper.get().text), "noon in UTC, on the shop's own clock, and ten minutes"
    house.clock.forward(minutes=10)
    assert merchant.open(f"/at/{shown}").status_code == 303
    house.clock.forward(minutes=1)
    late = merchant.open(f"/at/{shown}")
    assert late.status_code == 404
    assert "more than ten minutes old, or of another shop" in flat(late.text)


@pytest.mark.parametrize("odd", ["0" * 10, "Z" * 10, "7" * 9, "7" * 11, "UUUUUUUUUU", "%D9%A1" * 10, "x" * 5000, "%00"])
def test_what_is_no_badge_is_nobody_s(merchant: Merchant, odd: str) -> None:
    assert merchant.open(f"/at/{odd}").status_code == 404


def test_the_shop_next_door_sees_nothing_by_it(house: House, next_door: Shop, shopper: Shopper) -> None:
    neighbour = Merchant(house.app.test_client(), next_door)
    assert neighbour.open(f"/at/{letters(shopper)}").status_code == 404
    found = neighbour.fetch(f"/customers?q={letters(shopper)}").text
    assert "Ada Lovelace" not in found


def test_others_are_told_whom_it_is_for_and_led_into_the_admin_and_nowhere_else(
    house: House, shop: Shop, shopper: Shopper
) -> None:
    anybody = house.app.test_client()
    for path in (letters(shopper).replace("-", ""), "0000000000"):
        page = anybody.get(f"/at/{path}?shop={shop.domain}")
        assert (page.status_code, mistakes(page.text)) == (200, [])
        assert "It opens nothing for anybody else" in flat(page.text)
        assert "Ada" not in page.text
        store = shop.domain.partition(".")[0]
        assert f'href="https://admin.shopify.com/store/{store}/apps/{CLIENT_ID}/at/{path}"' in page.text
        assert "Set-Cookie" not in page.headers
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    for evil in ("evil.example", "https://evil.example", "x.myshopify.com.evil.example"):
        page = anybody.get("/at/0000000000", query_string={"shop": evil})
        assert page.status_code == 200
        assert "evil.example" not in page.text


def test_the_picture_leads_where_the_letters_do(shop: Shop, shopper: Shopper, house: House) -> None:
    page = shopper.get().text
    assert mistakes(page, whole=False) == []
    address = f"https://perennial.example/at/{letters(shopper).replace('-', '')}?shop={shop.domain}"
    assert str(qr(address)) in page


@pytest.mark.parametrize("way", ["{}", "{} ", "plain", "lower", "misread"])
def test_staff_type_it_into_the_search_as_they_hear_it(
    house: House, shop: Shop, shopper: Shopper, merchant: Merchant, way: str
) -> None:
    shown = letters(shopper)
    typed = {
        "plain": shown.replace("-", ""), "lower": shown.lower(), "misread": shown.replace("0", "o").replace("1", "l"),
    }.get(way, way.format(shown))  # fmt: skip
    assert (
        "Ada Lovelace"
        in merchant.client.get(
            "/customers", query_string={"q": typed}, headers={"Authorization": f"Bearer {merchant.token()}"}
        ).text
    )
    box = merchant.client.get(
        "/customers/found", query_string={"q": typed}, headers={"Authorization": f"Bearer {merchant.token()}"}
    ).text
    assert re.findall(r'role="option"[^>]*><bdi>([^<]*)</bdi>', box) == ["Ada Lovelace"]


def test_a_letter_that_is_misheard_is_nobody(house: House, shop: Shop) -> None:
    with house.database.work(shop.shop_id) as work:
        shown = badges.badge(work, CustomerId(house.customer_id(shop, "7")))
        assert shown is not None
        good = shown.letters.replace("-", "")
        wrong = [good[:n] + other + good[n + 1 :] for n in range(10) for other in LETTERS if other != good[n]]
        met = [each for each in wrong if badges.bearer(work, each) is not None]
    assert len(wrong) == 310
    assert met == []


def test_whoever_was_merged_is_whoever_was_kept_and_whoever_was_deleted_is_nobody(house: House, shop: Shop) -> None:
    house.settle(shop, order(1002, person("8", house.clock.now), house.clock.now, 5000))
    desk = Desk(house.database, shop)
    gone, kept = (CustomerId(house.customer_id(shop, who)) for who in ("8", "7"))
    with desk.work() as work:
        shown = badges.badge(work, gone)
    assert shown is not None
    desk.hear(CustomersMerged("7", "8", house.clock.now))
    with desk.work() as work:
        assert badges.bearer(work, shown.letters) == kept
    desk.hear(CustomerDeleted("7", house.clock.now))
    with desk.work() as work:
        assert badges.bearer(work, shown.letters) is None


def test_customer_accounts_are_told_it_as_words(house: House, shop: Shop) -> None:
    asks = Visitor(house.app.test_client(), shop.domain)
    told = asks.said("/account")["badge"]
    assert re.fullmatch("[0-9A-Z]{5}-[0-9A-Z]{5}", told["letters"])
    assert told["address"] == f"https://perennial.example/at/{told['letters'].replace('-', '')}?shop={shop.domain}"
    assert told["ends_at"] == "2026-03-02T12:10:00Z"
    stranger = Visitor(house.app.test_client(), shop.domain, None)
    assert stranger.said("/account")["badge"] is None
