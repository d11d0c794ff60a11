"""A shopper's choices in real Chromium, on the sandbox's shop front: without any script, on a telephone, both ways."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import loyalty
from campaigns import mailings
from campaigns.mailings import Kind, Mailings, Words
from tests.browser import followed
from tests.plugin.test_cart_browser import Front, front, kept_out, one_browser

YOU = "/apps/perennial/you"
PHONE = {"width": 320, "height": 640}

__all__ = ["front", "one_browser"]


def fits(page: Any) -> bool:
    return int(page.evaluate("document.documentElement.scrollWidth")) <= PHONE["width"]


def test_without_a_script_a_shopper_joins_reads_downloads_and_thinks_better_of_being_erased(front: Front) -> None:
    with front.house.database.work(front.shop.shop_id) as work:
        loyalty.change(work, earning={"members": "opted_in"})
    with front.visit(java_script_enabled=False, viewport=PHONE) as page:
        page.goto(f"{front.platform}/apps/perennial")
        followed(page, "a", has_text="Your choices and your data")
        followed(page, "button", has_text="Join the program")
        page.locator("[role=status]", has_text="Your orders earn points from now on").wait_for()
        followed(page, "button", has_text="Read it here")
        page.locator("h1", has_text="What the program knows of you").wait_for()
        page.locator(".perennial-known dd", has_text="250").wait_for()
        followed(page, "a", has_text="Back to your choices")
        with page.expect_download() as waiting:
            page.locator("button", has_text="Download it as a file").click()
        assert waiting.value.suggested_filename == "my-data.json"
        assert json.loads(waiting.value.path().read_text())["balance"] == 250
        followed(page, "a", has_text="Erase me")
        page.locator(".perennial-plain li", has_text="Your 250").wait_for()
        followed(page, "button", has_text="Ask the shop to erase me")
        page.locator("[role=status]", has_text="The shop knows that you want to be erased").wait_for()
        followed(page, "button", has_text="I want to stay")
        page.locator("[role=status]", has_text="You are not going to be erased").wait_for()
        assert [each["name"] for each in page.context.cookies()] == ["sandbox"], "only the shop's own"


def writes(front: Front) -> None:
    """The house sends e-mails, and this shop all that there are."""
    doors = front.house.app.extensions
    doors["doors"] = replace(doors["doors"], mails=True)
    with front.house.database.work(front.shop.shop_id) as work:
        mailings.state(work, Mailings({kind: Words(on=True) for kind in Kind}), 0)


def test_without_a_script_a_shopper_ticks_what_the_program_may_write_about(front: Front) -> None:
    writes(front)
    with front.visit(java_script_enabled=False, viewport=PHONE) as page:
        page.goto(f"{front.platform}{YOU}")
        page.get_by_label("Write to me about my points by e-mail").check()
        page.get_by_label("For your birthday").uncheck()
        with page.expect_navigation():
            page.locator("button", has_text="Keep this choice").click()
        page.locator("[role=status]", has_text="What you chose of its e-mails holds from now on").wait_for()
        assert page.get_by_label("Write to me about my points by e-mail").is_checked()
        boxes = page.locator("input[name=kind]")
        shown = {boxes.nth(n).get_attribute("value"): boxes.nth(n).is_checked() for n in range(boxes.count())}
        assert shown == {kind: kind is not Kind.BIRTHDAY for kind in Kind}
        page.get_by_label("Write to me about my points by e-mail").uncheck()
        with page.expect_navigation():
            page.locator("button", has_text="Keep this choice").click()
        page.locator("[role=status]", has_text="The program does not write to you any more").wait_for()
        assert not page.get_by_label("For your birthday").is_checked(), "what was said of kinds stays"


@pytest.mark.parametrize("locale, direction, scheme", [("en-GB", "ltr", "light"), ("fa-IR", "rtl", "dark")])
def test_nothing_keeps_anybody_out_of_their_choices(front: Front, locale: str, direction: str, scheme: str) -> None:
    kit = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED: axe-core is not here")
    axe, wrong = kit.Axe(), list[str]()
    writes(front)
    with front.house.database.work(front.shop.shop_id) as work:
        loyalty.change(work, earning={"members": "opted_in"})
    with front.visit(locale=locale, color_scheme=scheme, viewport=PHONE) as page:
        for path in (YOU, f"{YOU}/erase", "/apps/perennial"):
            page.goto(f"{front.platform}{path}")
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            assert page.locator(".perennial").first.get_attribute("dir") == direction
            wrong += [f"{path}: {each}" for each in kept_out(page, axe)]
            assert fits(page), path
        page.goto(f"{front.platform}{YOU}")
        followed(page, "form[action$='/you/data'] button")
        page.locator(".perennial-known").wait_for()
        wrong += kept_out(page, axe)
        assert fits(page)
    assert wrong == []
