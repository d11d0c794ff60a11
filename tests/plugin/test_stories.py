"""Whole stories of a merchant's morning in real Chromium, each in English and in Persian."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import campaigns
import loyalty
import referral
from commerce.orders import RefundSnapshot
from engine.shops import Shop
from engine.work import Database
from referral import Band, Evidence
from tests.ground import Clock, Superuser
from tests.plugin import panorama
from tests.plugin.conftest import House, Shopper, order, person

SECRET = b"s" * 32


@dataclass
class Morning:
    """A merchant at their desk: the shop, and a browser in their language."""

    house: House
    shop: Shop
    page: Any
    address: str
    language: str

    def open(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}?lang={self.language}")
        assert self.page.locator("html").get_attribute("lang") == self.language

    def press(self, button: str) -> None:
        """Press a button, and go through the question that follows where it is a grave one."""
        self.page.locator(button).first.click()
        self.page.locator("html:not([data-busy])").wait_for()
        if self.page.locator("main button[name=sure]").count():
            self.page.locator("main button[name=sure]").first.click()
            self.page.locator("html:not([data-busy])").wait_for()

    def digits(self, number: str) -> str:
        """A number as this language writes it."""
        return number.translate(str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")) if self.language == "fa" else number

    def says(self, selector: str, text: str) -> None:
        """Wait until a part of the page says so."""
        self.page.locator(selector, has_text=text).first.wait_for()

    def unfold(self) -> None:
        """Open whatever is folded: tables behind their pictures, and older things."""
        self.page.locator("main details").evaluate_all("each => each.forEach(one => { one.open = true; })")


@pytest.fixture(params=["en", "fa"])
def morning(database: Database, clock: Clock, browser: Any, request: pytest.FixtureRequest) -> Iterator[Morning]:
    with panorama.serving(database, clock, furnished=False) as (house, shop, address):
        page = panorama.let_in(browser, house, shop, address, viewport={"width": 1280, "height": 900})
        yield Morning(house, shop, page, address, request.param)


def test_terms_are_changed_and_the_next_order_earns_by_them(morning: Morning) -> None:
    morning.open("/earning")
    morning.page.locator("input[name=points]").first.fill("3")
    morning.press("form.stack button[type=submit]:not([name=do])")
    morning.page.locator("main .notice[role=status]").first.wait_for()
    at = morning.house.clock.now
    morning.house.settle(morning.shop, order(1, person("7", at), at, 10_000))
    morning.open(f"/customers/{morning.house.customer_id(morning.shop, '7')}")
    morning.says("main", morning.digits("300"))


def test_a_reward_bought_and_a_refund_are_seen_on_the_customer_s_page(morning: Morning) -> None:
    house, shop, at = morning.house, morning.shop, morning.house.clock.now
    house.settle(shop, order(1, person("7", at), at - timedelta(days=40), 123_400))
    customer_id = house.customer_id(shop, "7")
    with house.database.work(shop.shop_id) as work:
        loyalty.redeem(work, customer_id, "7", "five-off", "click")  # type: ignore[arg-type]
    assert "Held for codes" in Shopper(house.app.test_client(), shop, "7").get().text
    morning.open(f"/customers/{customer_id}")
    morning.says("#redemptions ~ .scroll td", morning.digits("100"))
    house.settle(shop, refunds=(RefundSnapshot("r1", "1", at, 23_400, 23_400),))
    morning.open(f"/customers/{customer_id}")
    morning.unfold()
    morning.says("main td", "\u2212" + morning.digits("234"))
    with house.database.work(shop.shop_id) as work:
        assert loyalty.account(work, customer_id).points == 1000 - 100  # type: ignore[arg-type]


def test_a_referral_is_looked_at_and_paid(morning: Morning) -> None:
    house, shop, at = morning.house, morning.shop, morning.house.clock.now
    house.settle(shop, order(1, person("7", at), at - timedelta(days=40)))
    with house.database.work(shop.shop_id) as work:
        code = referral.code_of(work, house.customer_id(shop, "7"))  # type: ignore[arg-type]
        offer = referral.claim(work, code, "x@mailinator.com", SECRET, evidence=Evidence(device="one"))
    friend = person("8", at, first_name="Bo", email="bo@example.org")
    house.settle(shop, order(2, friend, at, discount_codes=(str(offer.code),)))
    morning.open("/referral/review")
    morning.page.locator("input[name=note]").first.fill("A friend of the house")
    morning.press("form[action*=approve] button[type=submit]")
    morning.page.locator("main .notice[role=status]").first.wait_for()
    with house.database.work(shop.shop_id) as work:
        (item,) = referral.review_list(work, Band.APPROVE).items
        assert item.row.ruling == "approve"
        assert loyalty.account(work, house.customer_id(shop, "7")).pending > 0  # type: ignore[arg-type]


def test_a_play_goes_from_off_to_a_result(morning: Morning) -> None:
    house, shop, at = morning.house, morning.shop, morning.house.clock.now
    house.settle(shop, *(order(n, person(str(n), at, email=f"a{n}@example.com"), at) for n in range(1, 151)))
    morning.open("/campaigns")
    morning.page.locator("main h2 a").first.click()
    morning.page.locator("input[name=holdout_percent]").fill("50")
    morning.page.locator("input[name=window_days]").fill("1")
    morning.press("form.stack button[name=do][value=try]:not(.unseen)")
    morning.says("main .notice[role=status]", morning.digits("150"))
    assert morning.page.locator("input[name=holdout_percent]").input_value() == "50"
    morning.press("form.stack button[name=do][value=on]")
    morning.page.locator("form.stack button[name=do][value=off]").wait_for()
    with house.database.work(shop.shop_id) as work:
        assert campaigns.enrol_due(work)
        run = campaigns.last_run(work, "welcome")
        rows = work.connection.exec_driver_sql(
            "SELECT c.external_id FROM enrolments e JOIN customers c USING (shop_id, customer_id) WHERE arm = 'play'"
        ).scalars()
        again = [int(external_id) for external_id in rows]
    assert (run.enrolled, len(again)) == (150, 150 - run.held_out)
    house.clock.forward(hours=2)
    at = house.clock.now
    house.settle(shop, *(order(1000 + n, person(str(n), at, email=f"a{n}@example.com"), at) for n in again))
    house.clock.forward(days=1)
    # Nobody stays signed in for a day.
    morning.page = panorama.let_in(morning.page.context.browser, house, shop, morning.address)
    morning.open("/campaigns/welcome")
    morning.page.locator("svg.whiskers").wait_for()
    morning.says("section table", morning.digits("100.0").replace(".", "٫" if morning.language == "fa" else "."))
    morning.press("form.stack button[name=do][value=off]")
    morning.page.locator("form.stack button[name=do][value=on]").wait_for()
    with house.database.work(shop.shop_id) as work:
        assert campaigns.results_of(work, "welcome")[0].final


def test_a_lost_connection_loses_nothing_that_was_typed(morning: Morning) -> None:
    morning.open("/earning")
    morning.page.locator("input[name=points]").first.fill("7")
    morning.page.context.set_offline(True)
    morning.page.locator("form.stack button[type=submit]:not([name=do])").first.click()
    morning.says("#trouble", str(morning.page.locator("#says").get_attribute("data-failed")))
    assert morning.page.locator("input[name=points]").first.input_value() == "7"
    morning.page.context.set_offline(False)
    morning.press("form.stack button[type=submit]:not([name=do])")
    morning.page.locator("main .notice[role=status]").first.wait_for()
    with morning.house.database.work(morning.shop.shop_id) as work:
        assert loyalty.current_terms(work).points == 7


NAMES = ("<img src=x onerror=alert(1)>", "👩🏽‍🌾 Ada 🌷", "\u202eevil\u2066", "ع" * 5000 + "W" * 5000)


def test_no_name_breaks_a_page(morning: Morning) -> None:
    house, shop, at = morning.house, morning.shop, morning.house.clock.now
    for number, name in enumerate(NAMES, 1):
        somebody = person(str(number), at, first_name=name, last_name="")
        house.settle(shop, order(number, somebody, at, name=f"#{number}"))
    morning.page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    morning.page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/customers", *(f"/customers/{house.customer_id(shop, str(n))}" for n in range(1, len(NAMES) + 1))):
        morning.open(path)
        assert morning.page.evaluate("document.documentElement.scrollWidth") <= 320, path
        assert morning.page.locator("main img").count() == 0


def test_referrals_are_walked_and_decided_by_keys(morning: Morning) -> None:
    house, shop, at, keys = morning.house, morning.shop, morning.house.clock.now, morning.page.keyboard
    house.settle(shop, order(1, person("7", at), at - timedelta(days=40)))
    with house.database.work(shop.shop_id) as work:
        code = referral.code_of(work, house.customer_id(shop, "7"))  # type: ignore[arg-type]
        offers = [referral.claim(work, code, f"x{n}@mailinator.com", SECRET, evidence=Evidence()) for n in (8, 9)]
    for number, offer in zip((8, 9), offers, strict=True):
        friend = person(str(number), at, first_name="Bo", email=f"bo{number}@example.org")
        house.settle(shop, order(number, friend, at, discount_codes=(str(offer.code),)))
    morning.open("/referral/review")
    cards = morning.page.locator("[data-review]")
    for key in ("j", "j", "k", "j"):
        keys.press(key)
    assert cards.nth(1).evaluate("card => card === document.activeElement")
    keys.press("d")
    told = cards.nth(1).locator("p[data-follows]").inner_text()
    assert told == cards.nth(1).locator("[data-key=d]").get_attribute("data-follows")
    keys.press("Escape")
    assert cards.nth(1).locator("p[data-follows]").inner_text() != told
    keys.press("a")
    keys.type("Known to us")
    keys.press("Enter")
    morning.page.locator("main .notice[role=status]").first.wait_for()
    with house.database.work(shop.shop_id) as work:
        (item,) = referral.review_list(work, Band.APPROVE).items
        assert (item.row.ruling, item.history[0].note) == ("approve", "Known to us")


def test_a_program_is_proposed_from_the_shop_s_own_past_and_published(morning: Morning, above: Superuser) -> None:
    house, shop, at = morning.house, morning.shop, morning.house.clock.now
    # As an installation leaves it: the furnished shops of the tests begin with a program that somebody has published.
    asleep = (
        "UPDATE terms SET body = body || '{\"asleep\": true}' WHERE shop_id = %s AND domain = 'loyalty' RETURNING 1"
    )
    assert len(above.run(asleep, shop.shop_id)) == 1
    past = [order(n, person(str(n % 20), at), at - timedelta(days=3 * n), 8_000) for n in range(1, 61)]
    house.settle(shop, *past)
    with house.database.work(shop.shop_id) as work:
        assert loyalty.account(work, house.customer_id(shop, "7")).points == 0  # type: ignore[arg-type]
    morning.open("/welcome")
    morning.page.goto(f"{morning.address}/welcome?now=1&lang={morning.language}")
    assert morning.page.locator("#effect ~ dl .figure").count() >= 3, (
        "its cost in a year, tried on the shop's own history"
    )
    points, per = (morning.page.locator(f"input[name={name}]").input_value() for name in ("points", "per"))
    morning.press("button[name=do][value=publish]")
    with house.database.work(shop.shop_id) as work:
        now = loyalty.current_terms(work)
    assert (now.asleep, str(now.points), now.per_minor) == (False, points, round(Decimal(per) * 100))
    house.settle(shop, order(100, person("7", at), at, 8_000))
    with house.database.work(shop.shop_id) as work:
        earned = loyalty.account(work, house.customer_id(shop, "7")).points  # type: ignore[arg-type]
    assert earned == 8_000 // now.per_minor * now.points
    morning.open(f"/customers/{house.customer_id(shop, '7')}")
    morning.says("main", morning.digits(str(earned)))
