"""A shopper in real Chromium on a page of ours, and on another site of the merchant's: without scripts, in Persian on a
telephone, in the dark; and looked at by axe-core.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from commerce.ids import CustomerId
from connectors.smtp import Post
from engine import elsewhere
from engine.mail import Mailer
from engine.shops import Shop
from engine.work import Database
from plugin import shopper_tokens
from plugin.storefront.look import Look, publish
from plugin.storefront.remembering import Remembered
from tests.browser import followed
from tests.ground import SECRET, Clock
from tests.plugin import panorama
from tests.plugin.conftest import House, order, patient, person
from tests.plugin.test_reach import DESK, PHONE, _look
from tests.postbox import Postbox, postbox
from tests.serving import served


@dataclass
class Away:
    """A house that sends mails, on a port of this machine; customer 7 has 500 points."""

    house: House
    shop: Shop
    address: str
    box: Postbox
    mailer: Mailer

    @property
    def door(self) -> str:
        with self.house.database.work(self.shop.shop_id) as work:
            return f"{self.address}/s/{elsewhere.of_shop(work).door}"

    def link(self) -> str:
        self.mailer.round()
        found = re.search(rf"{re.escape(self.address)}/s/\S+", self.box.text())
        assert found is not None
        return found[0]

    def let_in(self, page: Any, language: str = "en") -> None:
        page.goto(f"{self.door}/?lang={language}")
        followed(page, "main a[href$='/enter']")
        page.locator("input[name=email]").fill("ada7@example.com")
        followed(page, "main button[type=submit]")
        page.locator("main .perennial-done[role=status]").wait_for()
        page.goto(self.link())
        followed(page, "main button[type=submit]")
        page.locator(".perennial-balance").wait_for()


@pytest.fixture
def away(database: Database, clock: Clock) -> Iterator[Away]:
    with postbox() as box, panorama.serving(database, clock, furnished=False, mails=True) as (house, shop, address):
        mailer = Mailer(database, house.app.extensions["doors"].seal, Post(box.url, "P <p@perennial.example>", clock))
        house.settle(shop, order(1, person("7", clock.now), clock.now - timedelta(days=40), 50_000))
        yield Away(house, shop, address, box, mailer)


@pytest.mark.parametrize("language, scheme, size", [("en", "light", DESK), ("fa", "dark", PHONE)])
def test_a_shopper_comes_by_a_link_buys_and_leaves_without_any_script(
    away: Away, browser: Any, language: str, scheme: str, size: dict[str, int]
) -> None:
    options = {"viewport": size, "color_scheme": scheme, "locale": language, "reduced_motion": "reduce"}
    page = browser.new_context(java_script_enabled=False, **options).new_page()
    complaints = list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    away.let_in(page)
    assert page.locator("html").get_attribute("dir") == ("rtl" if language == "fa" else "ltr")
    followed(page, "form[action$='/redeem'] button")
    page.locator(".perennial-done[role=status]").wait_for()
    assert page.locator("li.perennial-making").count() == 1
    four_hundred = "400" if language == "en" else "۴۰۰"
    assert page.locator(".perennial-main dd").inner_text() == four_hundred
    followed(page, "header button")
    page.locator("input[name=email]").wait_for()
    page.goto(f"{away.door}/")
    assert page.locator(".perennial-balance").count() == 0
    assert complaints == []


def test_nothing_keeps_anybody_out_of_a_page_of_our_own(away: Away, browser: Any) -> None:
    playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED: axe-core is not here")
    axe, wrong = playwright.Axe(), dict[str, list[str]]()
    page = browser.new_context(viewport=DESK).new_page()
    away.let_in(page)
    every = itertools.product(("", "you", "enter", "enter/x"), (("en", "light"), ("fa", "dark")))
    for path, (language, scheme) in every:
        page.set_viewport_size(DESK)
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{away.door}/{path}?lang={language}")
        found = _look(page, axe)
        page.set_viewport_size(PHONE)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if found or wide > PHONE["width"]:
            wrong[f"{path} {language}"] = [*found, f"{wide} wide on a phone"]
    assert wrong == {}


# Words in the very colour of what they stand on: axe-core leaves those for people to look at.
UNSEEN = """() => [...document.querySelectorAll('main button')].filter((button) => {
  const style = getComputedStyle(button);
  return style.color === style.backgroundColor;
}).map((button) => `${button.textContent} is not to be seen`)"""


def test_nothing_keeps_a_merchant_from_closing_or_moving_it(away: Away, browser: Any) -> None:
    playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED: axe-core is not here")
    axe, wrong = playwright.Axe(), dict[str, list[str]]()

    def look(page: Any, what: str) -> None:
        found = [*_look(page, axe), *page.evaluate(UNSEEN)]
        page.set_viewport_size({"width": 320, "height": 640})
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > 320:
            found = [*found, f"{wide} wide on a phone"]
        page.set_viewport_size(DESK)
        if found:
            wrong[what] = found

    for language, scheme in (("en", "light"), ("fa", "dark")):
        page = panorama.let_in(browser, away.house, away.shop, away.address, viewport=DESK, color_scheme=scheme)
        for deed, done in (("move", "moved"), ("close", "closed"), ("open", "opened")):
            page.goto(f"{away.address}/other-sites?lang={language}")
            page.locator(f"form[action*='/other-sites/{deed}'] button").click()
            if deed != "open":
                page.locator("main button[name=sure]").wait_for()
                look(page, f"{deed} {language}")
                page.locator("main button[name=sure]").click()
            page.locator("main .notice[role=status]").wait_for()
            look(page, f"{done} {language}")
        page.context.close()
    assert wrong == {}


# --- on another site


@contextmanager
def site(body: str, policy: str) -> Iterator[str]:
    """Another site on a port of its own, with one page."""

    @Request.application
    def page(_request: Request) -> Response:
        said = f"<!doctype html><html lang=en><title>A quiz</title><body><main>{body}</main></body></html>"
        return Response(said, mimetype="text/html", headers={"Content-Security-Policy": policy} if policy else {})

    with served(page) as url:
        yield url


# How far what was seen moved by itself, as browsers count it (Layout Instability): 0.1 is what people notice.
SHIFTS = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
  const seen = new PerformanceObserver(() => {});
  seen.observe({ type: "layout-shift", buffered: true });
  done(seen.takeRecords().reduce((sum, shift) => sum + shift.value, 0));
})))"""


def _lines(away: Away, app: str, part: str) -> str:
    return f'<script src="{app}/embed.js" data-shop="{away.door.rpartition("/")[2]}" defer></script>{part}'


def _allow(away: Away, origin: str) -> None:
    with away.house.database.work(away.shop.shop_id) as work:
        elsewhere.allow(work, origin)
    away.house.app.extensions["remembered"] = Remembered()


def test_another_site_shows_a_customer_their_points_and_a_stranger_the_program(away: Away, browser: Any) -> None:
    customer_id = CustomerId(away.house.customer_id(away.shop, "7"))
    token = shopper_tokens.make(SECRET, away.shop.shop_id, customer_id, away.house.clock.now)
    policy = (
        f"default-src 'none'; script-src {away.address}; style-src {away.address} 'nonce-site'; "
        f"connect-src {away.address}; require-trusted-types-for 'script'; trusted-types perennial"
    )
    part = f'<perennial-part id="hers" data-token="{token}"></perennial-part><perennial-part id="all"></perennial-part>'
    # As docs/api.md says: a site that wants nothing to move keeps the place itself.
    place = "display: block; min-block-size: clamp(9rem, 40rem - 100vw, 14rem)"
    part += f"<style nonce=site>perennial-part {{ {place} }}</style>" + "<p>What stands below.</p>" * 5
    with site(_lines(away, away.address, part), policy) as other:
        _allow(away, other)
        context = browser.new_context(viewport=PHONE)
        patient(context)
        page = context.new_page()
        complaints = list[str]()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(other)
        page.locator("#hers .perennial-glance").wait_for()
        page.locator("#all .perennial-glance").wait_for()
        assert "500" in page.locator("#hers").inner_text()
        assert "500" not in page.locator("#all").inner_text()
        ways = page.locator("perennial-part a").evaluate_all("all => all.map(a => a.href)")
        assert all(way.startswith(f"{away.door}/") for way in ways), ways
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.evaluate(SHIFTS) < 0.02, "what stands below it moved"
        page.locator("main").evaluate("main => { main.style.paddingBlockStart = '300px'; }")
        assert page.evaluate(SHIFTS) > 0.02, "what moves is seen to"
        assert (context.cookies(), complaints) == ([], [])
        page.locator("#hers").evaluate("part => { part.dataset.token = 'st1.ended'; }")
        page.locator("#hers .perennial-glance", has_text="Log in").wait_for()


def test_a_part_vanishes_with_the_page_that_was_closed_and_comes_back_by_its_new_lines(
    away: Away, browser: Any
) -> None:
    part = "<perennial-part>Ask us for your points.</perennial-part>"
    page = browser.new_context(viewport=PHONE).new_page()
    merchant = panorama.let_in(browser, away.house, away.shop, away.address, viewport=PHONE)

    def press(button: str) -> None:
        merchant.goto(f"{away.address}/other-sites")
        with merchant.expect_navigation():
            merchant.get_by_role("button", name=button, exact=True).click()

    def sure(button: str) -> None:
        with merchant.expect_navigation():
            merchant.get_by_role("button", name=button, exact=True).click()
        merchant.locator("main .notice[role=status]").wait_for()

    with site(_lines(away, away.address, part), "") as other:
        _allow(away, other)
        page.goto(other)
        page.locator("perennial-part .perennial-glance").wait_for()
        press("Close the page")
        sure("Close it")
        with page.expect_event("requestfailed", lambda asked: asked.url.endswith("/block")):
            page.goto(other)
        assert page.locator("perennial-part").inner_text() == "Ask us for your points."
        page.goto(f"{away.door}/?lang=fa")
        assert page.locator("html").get_attribute("dir") == "rtl"
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        press("Make a new address")
        sure("Make the new address")
        press("Open the page again")
        merchant.locator("main .notice[role=status]").wait_for()
        with page.expect_event("requestfailed", lambda asked: asked.url.endswith("/block")):
            page.goto(other)
        lines = merchant.locator("textarea[rows='4'][readonly]").input_value()
    with site(lines.replace("<perennial-part></perennial-part>", part), "") as other:
        _allow(away, other)
        page.goto(other)
        page.locator("perennial-part .perennial-glance").wait_for()


def test_a_site_that_was_not_named_and_one_whose_app_is_down_show_what_stood_there(away: Away, browser: Any) -> None:
    part = "<perennial-part>Ask us for your points.</perennial-part>"
    page = browser.new_context(viewport=DESK).new_page()
    with site(_lines(away, away.address, part), "") as other:
        with page.expect_event("requestfailed", lambda asked: asked.url.endswith("/block")):
            page.goto(other)
        assert page.locator("perennial-part").inner_text() == "Ask us for your points."
    with site(_lines(away, "http://127.0.0.1:9", part), "") as other:
        with page.expect_event("requestfailed", lambda asked: asked.url.endswith("/embed.js")):
            page.goto(other)
        assert page.locator("perennial-part").inner_text() == "Ask us for your points."


def test_a_part_with_nothing_to_say_or_no_answer_keeps_no_place(away: Away, browser: Any) -> None:
    with away.house.database.work(away.shop.shop_id) as work:
        publish(work, Look(off=frozenset({"block"})), None)
    part = '<perennial-part id="off"></perennial-part><perennial-part id="none" part="code/1"></perennial-part>'
    page = browser.new_context(viewport=DESK).new_page()
    with site(_lines(away, away.address, part), "") as other:
        _allow(away, other)
        page.goto(other)
        page.locator("#off > [hidden]").wait_for(state="attached")
        for which in ("#off", "#none"):
            page.wait_for_function("which => document.querySelector(which).offsetHeight === 0", arg=which)
