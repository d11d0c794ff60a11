"""Whom the page of e-mails, the way out of them, and the e-mails themselves can reach: in real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import mailings
from campaigns.mailings import Kind, Mailings, Words
from commerce.customers import CustomerSnapshot
from commerce.ids import CustomerId
from engine.work import Database
from plugin import mailings as letters
from tests.browser import followed
from tests.ground import Clock
from tests.plugin import panorama
from tests.plugin.conftest import order, person
from tests.plugin.test_mailings import due_of
from tests.plugin.test_reach import DESK, PHONE

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def wrong(page: Any, axe: Any) -> list[str]:
    found = axe.run(page, options=RULES).response["violations"]
    said = [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]
    page.set_viewport_size(PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(DESK)
    return said + ([f"{wide} wide on a phone"] if wide > PHONE["width"] else [])


def test_nothing_keeps_anybody_out_of_e_mails_or_from_ending_them(
    database: Database, clock: Clock, browser: Any
) -> None:
    playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED: axe-core is not here")
    axe, seen = playwright.Axe(), list[str]()
    with panorama.serving(database, clock, furnished=False) as (house, shop, address):
        buyer: CustomerSnapshot = person("7", clock.now)
        house.settle(shop, order(1, buyer, clock.now))
        who = CustomerId(house.customer_id(shop, "7"))
        with database.work(shop.shop_id) as work:
            way_out = mailings.path_of(work, who)
            mailings.state(work, Mailings({kind: Words(on=True) for kind in Kind}), 0)
        for language, direction, scheme in (("en", "ltr", "light"), ("fa", "rtl", "dark")):
            page = panorama.let_in(browser, house, shop, address, viewport=DESK, color_scheme=scheme)
            page.on("pageerror", lambda error, seen=seen: seen.append(str(error)))
            page.on("console", lambda said, seen=seen: seen.append(said.text) if said.type == "error" else None)
            page.goto(f"{address}/mails?lang={language}")
            assert page.locator("html").get_attribute("dir") == direction
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            seen.extend(wrong(page, axe))
            with database.work(shop.shop_id) as work:
                mailings.set_choice(work, who, wanted=True)
                mailings.set_kinds(work, who, {Kind.POINTS: True})
            page.goto(f"{address}{way_out}?lang={language}&kind=points")
            for button in ("kind", "end"):
                seen.extend(wrong(page, axe))
                followed(page, f"button[value={button}]")
                page.locator("[role=status]").wait_for()
            seen.extend(wrong(page, axe))
            with database.work(shop.shop_id) as work:
                assert not mailings.choice(work, who)
            said = letters.letter(due_of(Kind.EXPIRING, shop), Mailings(language=language), shop, address, address)
            opened = page.context.new_page()  # as a mail program opens it, without any policy of ours
            opened.set_content(said.html)
            assert opened.locator("html").get_attribute("dir") == direction
            seen.extend(wrong(opened, axe))
            page.context.close()
    assert seen == []
