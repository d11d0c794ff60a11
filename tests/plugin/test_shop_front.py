"""The shopper's side on the shop's own pages, in real Chromium: the sandbox's shop front, with the blocks of our theme
extension where a merchant would put them, and our pages behind its proxy.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import loyalty
from engine.work import Database
from plugin.rounds import expire
from sandbox import theme
from sandbox.front import Front as Before
from tests.browser import followed
from tests.flows.conftest import Loop, open_loop
from tests.ground import Clock
from tests.plugin.conftest import patient
from tests.serving import served

ROOT = Path(__file__).parents[2]
PHONE, DESK = {"width": 320, "height": 640}, {"width": 1280, "height": 900}
REWARDS = [
    {
        "key": f"{worth}-off",
        "title": f"{worth}.00 off",
        "points": 10 * worth,
        "amount_minor": 100 * worth,
        "code_days": 30,
    }
    for worth in (5, 10, 20)
]
# How far what stands on the page has moved by itself, from the first moment on.
MOVED = """
    window.moved = 0;
    new PerformanceObserver((list) => {
      for (const each of list.getEntries()) if (!each.hadRecentInput) window.moved += each.value;
    }).observe({type: "layout-shift", buffered: true});
"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Front:
    """A shop front and a browser's windows in it, all in one language and of one size."""

    loop: Loop
    browser: Any
    language: str = "en"
    size: dict[str, int] = field(default_factory=lambda: DESK)
    scripts: bool = True
    complaints: list[str] = field(default_factory=list)
    hurried: bool = False
    """Whether the script waits no longer than it does in a shop."""

    def visitor(self) -> Any:
        """Somebody comes to the shop, with a browser of their own."""
        context = self.browser.new_context(
            viewport=self.size, locale=self.language, java_script_enabled=self.scripts, base_url=self.loop.store_url,
            color_scheme="dark" if self.language == "fa" else "light",
        )  # fmt: skip
        if self.scripts:
            context.add_init_script(MOVED)
        if not self.hurried:
            patient(context)
        page = context.new_page()
        page.on("console", self._note)
        return page

    def leave(self) -> None:
        """Everybody goes: pages that stay open ask on."""
        for context in list(self.browser.contexts):
            context.close()

    def _note(self, said: Any) -> None:
        """What the browser complains of. The sandbox has no icon; that is its own business."""
        if said.type == "error" and not said.location["url"].endswith("/favicon.ico"):
            self.complaints.append(said.text)

    def number(self, value: int) -> str:
        """A number as this language writes it."""
        western = f"{value:,}"
        return western.translate(str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")) if self.language == "fa" else western

    def rest(self) -> None:
        """What was bought comes to us, what we say of it to the store, and the clock's rounds are made."""
        self.loop.come_to_rest()
        with self.loop.database.work(self.loop.shop.shop_id) as work:
            loyalty.tell_points(work)
            loyalty.tell_program(work)
        self.loop.come_to_rest()


def shop_front(loop: Loop) -> None:
    """The app is there for long, its program published, and its blocks stand in the theme."""
    loop.install_long_ago()
    with loop.database.work(loop.shop.shop_id) as work:
        loyalty.change(work, hold_days=0, rewards=REWARDS, expiry={"policy": "lot", "months": 2})
    there = loop.world.shop()
    deployed = there.app.deployed(ROOT / "shopify.app.toml").extensions
    there.app = loop.world.app = replace(there.app, extensions=deployed)
    theme.place(there, chosen=True)


@pytest.fixture
def front(database: Database, browser: Any) -> Iterator[Front]:
    """Three months ago: what follows may take as long."""
    database.clock = clock = Clock(datetime.now(UTC).replace(microsecond=0) - timedelta(days=100))
    with open_loop(database, clock) as loop:
        # Signatures are as old as the computer's clock says.
        loop.world.proxy_clock = time.time
        shop_front(loop)
        made = Front(loop, browser)
        made.rest()
        yield made
        made.leave()


def bought(page: Any, sku: str, quantity: int) -> None:
    """From the product's page to the checkout, and through it."""
    into_the_cart(page, sku, quantity)
    page.goto("/store/checkout")
    followed(page, "main form button")
    page.locator("h1", has_text="Order").wait_for()


def into_the_cart(page: Any, sku: str, quantity: int) -> None:
    page.goto(f"/store/products/{sku}")
    page.locator("#quantity").fill(str(quantity))
    followed(page, "form[action$='/cart/add'] button")


def redeemed(front: Front, page: Any) -> None:
    """With the script, in the shop's cart itself; without, by the points page and its links."""
    into_the_cart(page, "MUG", 1)
    if front.scripts:
        page.locator(".perennial-block form[data-perennial-redeem] button").click()
        page.locator("[data-perennial-code]").wait_for()
        front.rest()
        page.locator("button[name=remove_code]").wait_for()
        return
    page.goto("/store/account")
    followed(page, ".perennial-block a[href$='/apps/perennial/']")
    followed(page, "form[action$='/redeem'] button")
    page.locator(".perennial-done").wait_for()
    front.rest()
    page.goto("/apps/perennial/")
    followed(page, ".perennial-codes a[href*='/discount/']")


def invitation(front: Front, page: Any) -> str:
    """The link in the account, to copy and pass on; whoever has none yet asks for it there."""
    page.goto("/store/account")
    if front.scripts:
        settled(page)
    if not page.locator(".perennial-link").count():
        with page.expect_navigation():
            page.locator(".perennial-block form:not([data-perennial-redeem]) button").last.click()
        page.locator("#friends").wait_for()
        front.rest()
        page.goto("/store/account")
    return str(page.locator(".perennial-link").input_value())


def joined(page: Any, email: str) -> None:
    page.goto("/store/login")
    page.locator("#new-email").fill(email)
    followed(page, "form[action$='/register'] button")


def says_the_extension(front: Front, page: Any, points: int) -> None:
    """What of us stands in checkout, on the page that says thanks, and beside an order: all of them are scripts."""
    if front.scripts:
        page.locator("#extension", has_text=front.number(points)).wait_for()


def with_points_and_a_cart(front: Front) -> Any:
    """Anna has bought a teapot, and another one is in her cart."""
    if not len(front.loop.world.shop().customers):
        anna = front.loop.world.add_customer("anna@example.com", "Anna", "Vos")
        front.loop.world.place_order([("POT", 1)], customer=anna)
        front.rest()
    page = front.visitor()
    page.goto("/store/login")
    page.locator("#email").fill("anna@example.com")
    followed(page, "form[action$='/login'] button")
    into_the_cart(page, "POT", 1)
    return page


def shows(front: Front, page: Any, points: int, pending: int = 0) -> None:
    """The block in the account says so many points: those on hold among them where it is the theme's own words, beside
    them where the script has asked us.
    """
    page.goto("/store/account")
    if front.scripts:
        settled(page)
        assert page.locator(".perennial-glance-points strong").inner_text().startswith(front.number(points))
    else:
        assert page.locator(".perennial-number").inner_text() == front.number(points + pending)


@pytest.mark.slow
@pytest.mark.parametrize("language, size, scripts", [("en", DESK, False), ("fa", PHONE, True)])
def test_a_shopper_s_story_from_the_first_order_to_the_last_point(
    front: Front, language: str, size: dict[str, int], scripts: bool
) -> None:
    front.language, front.size, front.scripts = language, size, scripts
    front.loop.world.shop().locale = language
    anna = front.visitor()
    anna.goto("/store/products/POT")
    assert anna.locator("html").get_attribute("dir") == ("rtl" if language == "fa" else "ltr")
    assert front.number(48) in anna.locator(".perennial-block").inner_text()
    joined(anna, "anna@example.com")

    into_the_cart(anna, "POT", 2)  # earn
    anna.goto("/store/checkout")
    says_the_extension(front, anna, 96)
    followed(anna, "main form button[type=submit], main form button:not([type])")
    anna.locator("h1", has_text="Order").wait_for()
    front.rest()
    anna.reload()
    says_the_extension(front, anna, 96)
    anna.goto(anna.url.partition("?")[0])
    says_the_extension(front, anna, 96)
    shows(front, anna, 96)

    redeemed(front, anna)  # redeem, and use at checkout
    bought(anna, "MUG", 1)
    (first, second) = front.loop.world.shop().orders
    assert [used.amount for used in second.codes] == [500]
    front.rest()
    goods = 2 * 1400 - 500
    shows(front, anna, 96 - 50 + goods // 100)

    front.loop.clock.forward(seconds=1)  # refund
    front.loop.world.refund(first, {0: 1})
    front.rest()
    left = 48 - 50 + goods // 100
    shows(front, anna, left)

    link = urlsplit(invitation(front, anna))  # invite
    bo = front.visitor()
    bo.goto(f"{link.path}?{link.query}")
    bo.locator("form input[name=contact]").fill("bo@example.com")  # claim
    followed(bo, "form:has(input[name=contact]) button[type=submit]")
    bo.locator("code").first.wait_for()
    front.rest()
    followed(bo, "a[href*='/discount/FRIEND']")
    joined(bo, "bo@example.com")
    bought(bo, "POT", 1)
    assert [used.code[:7] for used in front.loop.world.shop().orders[2].codes] == ["FRIEND-"]
    front.rest()
    with front.loop.database.work(front.loop.shop.shop_id) as work:
        brought = loyalty.account(work, front.loop.customer_id(front.loop.world.shop().customers[0].id)).points - left
    assert brought > 0
    shows(front, anna, left, pending=brought)

    front.loop.clock.forward(days=85)  # expire
    with front.loop.database.work(front.loop.shop.shop_id) as work:
        expire(work)
    front.rest()
    shows(front, anna, 0)
    assert front.complaints == []


PAGES = ("/store/", "/store/products/POT", "/store/account", "/store/cart", "/apps/perennial/")


@pytest.mark.slow
def test_no_page_moves_is_wider_than_its_window_or_keeps_anybody_out(front: Front) -> None:
    """Each with the blocks in it, for somebody with points and a full cart: in both directions, light and dark."""
    kit = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED: axe-core is not here")
    axe, wrong = kit.Axe(), list[str]()
    for language, size in (("en", DESK), ("fa", PHONE)):
        front.language, front.size, front.loop.world.shop().locale = language, size, language
        stranger = front.visitor()
        for path in ("/store/", "/store/products/POT"):
            stranger.goto(path)
            wrong += [f"{language} stranger {path}: {each}" for each in looked_at(stranger, axe, size)]
        stranger.context.close()
        anna = with_points_and_a_cart(front)
        for path in PAGES:
            anna.goto(path)
            wrong += [f"{language} {path}: {each}" for each in looked_at(anna, axe, size)]
        anna.context.close()
    assert wrong == []
    assert front.complaints == []


def looked_at(page: Any, axe: Any, size: dict[str, int]) -> list[str]:
    """What is wrong with the page that is open, once everything on it is there."""
    settled(page)
    found = [
        f"{each['id']}: {each['nodes'][0]['html'][:160]}"
        for each in axe.run(page, options={"runOnly": RULES, "preload": False}).response["violations"]
    ]
    if (moved := page.evaluate("window.moved")) > 0:
        found.append(f"what stood there moved by {moved}")
    page.set_viewport_size(PHONE)
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > PHONE["width"]:
        found.append(f"{wide} wide on a phone")
    page.set_viewport_size(size)
    return found


def settled(page: Any) -> None:
    """Wait until the script has put its pieces where they belong."""
    page.wait_for_function(
        "[...document.querySelectorAll('perennial-part')].every((each) => each.querySelector('.perennial'))"
    )


@contextmanager
def closed(trouble: str) -> Iterator[str]:
    """The address of an app where nobody answers, nobody ever says a word, or everything is broken."""
    if trouble == "broken":
        with served(Before(platform=_never, down=True)) as address:
            yield address
        return
    with socket.socket() as place:
        # Taken, so that nobody else listens there; where nobody listens, connections are refused.
        place.bind(("127.0.0.1", 0))
        if trouble == "silent":
            place.listen()
        yield f"http://127.0.0.1:{place.getsockname()[1]}"


def _never(_environ: Any, _start: Any) -> Any:
    raise AssertionError("it is down")


@pytest.mark.parametrize("trouble", ["gone", "silent", "broken"])
def test_a_shop_closed_to_us_shows_what_it_knows_and_no_trouble(front: Front, trouble: str) -> None:
    front.hurried = True
    anna, there = with_points_and_a_cart(front), front.loop.world.shop()
    with closed(trouble) as address:
        there.app = replace(there.app, app_url=address)
        # The script waits two seconds for somebody who says nothing.
        for path in (
            ("/store/account",) if trouble == "silent" else ("/store/products/POT", "/store/account", "/store/cart")
        ):
            ours = partial(asked_from, path)
            with anna.expect_request(ours) as asked:
                anna.goto(path)
            # None where the script would not wait for it any longer.
            if (answer := asked.value.response()) is not None:
                answer.finished()
            text = anna.locator("main").inner_text()
            assert "48" in text
            assert "error" not in text.casefold()
            assert "answer" not in text.casefold()
            assert anna.locator(".perennial-block").first.is_visible()
            assert anna.evaluate("window.moved") == 0


def asked_from(path: str, request: Any) -> bool:
    """Whether a page of the store asks the app for a piece."""
    return urlsplit(request.url).path.startswith("/apps/") and str(request.headers.get("referer")).endswith(path)
