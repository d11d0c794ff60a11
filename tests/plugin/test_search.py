"""The search of customers in real Chromium: it finds while one types, and its keys work, in both directions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.work import Database
from tests.ground import Clock
from tests.plugin import panorama
from tests.plugin.conftest import order, person


@pytest.fixture(params=["en", "fa"])
def page(database: Database, clock: Clock, browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    with panorama.serving(database, clock, furnished=False) as (house, shop, address):
        at = house.clock.now - timedelta(days=3)
        house.settle(shop, order(11, person("7", at), at), order(12, person("8", at, first_name="Grace"), at))
        page = panorama.let_in(browser, house, shop, address)
        page.asked = []
        page.on("request", lambda sent: page.asked.append(sent.url) if "/customers/found" in sent.url else None)
        page.goto(f"{address}/customers?lang={request.param}")
        yield page


def test_a_slash_goes_to_the_search_and_the_arrows_and_enter_open_somebody(page: Any) -> None:
    # The page's own time, so that how fast anybody types is not a question of how busy this computer is.
    page.clock.install()
    page.reload()
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    page.keyboard.press("/")
    for letter in "love":
        page.keyboard.type(letter)
        page.clock.run_for(20)
    assert page.asked == []
    page.clock.run_for(1000)
    page.locator("#found a").nth(1).wait_for()
    assert len(page.asked) == 1, "one question for one pause, not one for each letter"
    field = page.locator("input[name=q]")
    assert field.get_attribute("aria-expanded") == "true"
    assert page.locator("#says").inner_text().strip() in ("2 customers", "۲ مشتری", "2\u00a0customers", "۲\u00a0مشتری")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("#found [aria-selected=true]")
    assert chosen.get_attribute("id") == field.get_attribute("aria-activedescendant")
    name = chosen.locator("bdi").first.inner_text()
    page.keyboard.press("Enter")
    page.locator("h1", has_text=name).wait_for()


def test_escape_puts_the_list_away_and_then_what_was_typed(page: Any) -> None:
    field = page.locator("input[name=q]")
    field.fill("#12")
    page.locator("#found a").first.wait_for()
    assert page.locator("#found a").count() == 1
    assert "Grace" in page.locator("#found").inner_text()
    field.press("Escape")
    assert page.locator("#found").is_hidden()
    assert field.input_value() == "#12"
    field.press("Escape")
    assert field.input_value() == ""


def test_a_lost_connection_leaves_the_form_s_own_button(page: Any) -> None:
    page.route("**/customers/found*", lambda route: route.abort())
    field = page.locator("input[name=q]")
    with page.expect_event("requestfailed"):
        field.fill("grace")
    assert page.locator("#found").is_hidden()
    field.press("Enter")
    page.locator("tbody tr").nth(0).wait_for()
    page.wait_for_url("**q=grace*")
    assert page.locator("tbody tr").count() == 1
