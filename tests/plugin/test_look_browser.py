"""The page of the shopper's pages in real Chromium: the preview with and without script, on a phone and at a desk, from
right to left and in the dark; and whom it can reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from engine.shops import Shop
from engine.work import Database
from plugin.storefront.look import look_now
from tests.ground import Clock
from tests.plugin import panorama
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.test_look import fields

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Whether the preview's button is of a colour, in whichever preview stands there now.
COLOUR = """wanted => {
    const button = document.querySelector(".stage")?.shadowRoot?.querySelector(".perennial-button");
    return button && getComputedStyle(button).backgroundColor === wanted;
}"""


@dataclass
class Studio:
    """A shop whose merchant sits at the page, and the browser that they sit at."""

    house: House
    shop: Shop
    address: str
    browser: Any

    def open(self, **options: Any) -> Any:
        return panorama.let_in(self.browser, self.house, self.shop, self.address, **{"viewport": DESK, **options})

    def accent(self) -> str:
        with self.house.database.work(self.shop.shop_id) as work:
            return look_now(work).accent


@pytest.fixture
def studio(database: Database, clock: Clock, browser: Any) -> Iterator[Studio]:
    with panorama.serving(database, clock, furnished=False) as (house, shop, address):
        at = house.clock.now
        house.settle(shop, order(1, person("7", at), at - timedelta(days=40), 40_000))
        yield Studio(house, shop, address, browser)


def test_the_preview_follows_what_is_typed_and_what_is_saved_is_what_it_showed(studio: Studio) -> None:
    page, complaints = studio.open(), list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{studio.address}/look?lang=en")
    preview = page.locator("#preview .stage")
    preview.locator("h3", has_text="Your points").wait_for()
    page.fill("input[name=points_en]", "petals")
    page.fill("input[name=accent]", "#7a0019")
    page.uncheck("input[name=show_friends]")
    preview.locator("h4", has_text="Bring a friend").wait_for(state="detached")
    preview.locator("h4", has_text="Rewards").wait_for()
    page.wait_for_function(COLOUR, arg="rgb(122, 0, 25)")
    assert preview.locator("button", has_text="Redeem").is_disabled()
    assert studio.accent() == ""
    # What is half typed is no colour: the preview stays as it was, and nobody is shouted at.
    page.fill("input[name=accent]", "#7a00")
    page.fill("input[name=accent]", "#00197a")
    page.wait_for_function(COLOUR, arg="rgb(0, 25, 122)")
    page.click("button[value=save]")
    page.locator("main .notice[role=status]", has_text="It is saved").wait_for()
    preview.locator("h4", has_text="Rewards").wait_for()
    assert studio.accent() == "#00197a"
    assert complaints == []


def test_all_of_it_works_without_script(studio: Studio) -> None:
    page = studio.open(java_script_enabled=False, viewport=PHONE)
    page.goto(f"{studio.address}/look?lang=fa")
    page.fill("input[name=headline_fa]", "گلبرگ‌های شما")
    page.fill("input[name=accent]", "#7a0019")
    page.select_option("select[name=speaks]", "fa")
    page.select_option("select[name=scheme]", "dark")
    page.click("button[value=preview]")
    stage = page.locator("#preview .stage.dark")
    stage.locator("h3", has_text="گلبرگ‌های شما").wait_for()
    assert stage.locator(".perennial").get_attribute("dir") == "rtl"
    assert studio.accent() == ""
    page.click("button[value=save]")
    page.locator("main .notice[role=status]").wait_for()
    assert studio.accent() == "#7a0019"


def test_nothing_keeps_anybody_out_of_the_page_or_its_preview(studio: Studio) -> None:
    playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED: axe-core is not here")
    axe, wrong = playwright.Axe(), dict[str, Any]()
    assert Merchant(studio.house.app.test_client(), studio.shop).fetch(
        "/look", "POST", **fields(accent="#1a5f4a", radius="16", headline_fa="سکه‌های شما", points_fa="سکه")
    ).status_code == 303  # fmt: skip
    for language, scheme, who in (("en", "light", "member"), ("fa", "dark", "member"), ("ar", "dark", "stranger")):
        page = studio.open(color_scheme=scheme)
        page.goto(f"{studio.address}/look?lang={language}")
        for name, value in (("speaks", language), ("scheme", scheme), ("who", who)):
            page.select_option(f"select[name={name}]", value)
        page.click("button[value=preview]")
        page.locator(f"#preview .stage.{scheme}").wait_for()
        page.locator("html:not([data-busy])").wait_for()
        said = axe.run(page, options={"runOnly": RULES})
        found = [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in said.response["violations"]]
        page.set_viewport_size(PHONE)
        wide = page.evaluate("document.documentElement.scrollWidth")
        inside = page.evaluate("(s => [s.scrollWidth, s.clientWidth])(document.querySelector('.stage'))")
        if found or wide > PHONE["width"] or inside[0] > inside[1]:
            wrong[f"{language} {scheme} {who}"] = (found, wide, inside)
        page.context.close()
    assert wrong == {}
