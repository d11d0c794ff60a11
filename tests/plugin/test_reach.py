"""Whom the pages can reach: each in real Chromium, looked at by axe-core, in both
directions, in the dark and on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from engine.work import Database
from tests.ground import Clock
from tests.plugin import panorama

PHONE = {"width": 320, "height": 640}
DESK = {"width": 1280, "height": 900}


def _look(page: Any, axe: Any) -> list[str]:
    """What keeps people out of the page that is open: the rule, and the first place that breaks it."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    # Sheets of a shadow root are read ahead into a document of its own, which the policy forbids; no rule here asks.
    said = axe.run(page, options={"runOnly": rules, "preload": False})
    return [f"{found['id']}: {found['nodes'][0]['html'][:160]}" for found in said.response["violations"]]


@pytest.mark.slow
@pytest.mark.parametrize("language, direction, scheme", [("en", "ltr", "light"), ("fa", "rtl", "dark")])
def test_nothing_keeps_anybody_out_of_any_page(
    database: Database,
    clock: Clock,
    browser: Any,
    language: str,
    direction: str,
    scheme: str,
) -> None:
    playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED: axe-core is not here")
    axe, wrong = playwright.Axe(), dict[str, Any]()
    with panorama.serving(database, clock) as (house, shop, address):
        page = panorama.let_in(browser, house, shop, address, viewport=DESK, color_scheme=scheme)
        complaints = list[str]()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        for name, path in panorama.paths(house, shop).items():
            page.set_viewport_size(DESK)
            answer = page.goto(f"{address}{path}?lang={language}")
            assert answer.status == 200, path
            assert page.locator("html").get_attribute("dir") == direction
            found = _look(page, axe)
            page.set_viewport_size(PHONE)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > PHONE["width"]:
                found.append(f"{wide} wide on a phone")
            if found:
                wrong[name] = found
        assert complaints == []
    assert wrong == {}
