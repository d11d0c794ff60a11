"""The merchant's pages in a real browser, inside the sandbox's admin: our script, its policy, and the tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

import lifecycle
import loyalty
from engine import shops
from engine.work import Database
from sandbox import App, Courier, World, create_app
from tests.ground import Clock
from tests.plugin.conftest import CLIENT_ID, CLIENT_SECRET, House, build, order, person
from tests.serving import served

DOMAIN = "demo-store.myshopify.com"
_PARK = text("""
    INSERT INTO deliveries (shop_id, dedupe_key, topic, received_at, parked_at, reason, body)
    VALUES (:shop_id, gen_random_uuid()::text, 'orders/create', :now, :now, 'line 3 has no price', '')
""")
_EXPORT = text("""
    INSERT INTO privacy_requests (shop_id, request_id, kind, customer_external_id, asked_at, done_at, outcome)
    VALUES (:shop_id, '11', 'customer_export', '7', :now, :now, '{"email": "ada@example.com"}') ON CONFLICT DO NOTHING
""")


@dataclass
class Admin:
    """The store's admin in a browser, with our app in its frame. `complaints` are what the browser's console said."""

    page: Any
    house: House
    requests: list[str]
    complaints: list[str] = field(default_factory=list)

    @property
    def frame(self) -> Any:
        return self.page.frame_locator("#app")

    @property
    def address(self) -> str:
        return str(self.page.frames[1].url)

    def open(self, platform: str, path: str = "") -> None:
        self.page.on("console", self._note)
        self.page.goto(f"{platform}/shops/{DOMAIN}/admin/apps/{CLIENT_ID}{path}")

    def _note(self, said: Any) -> None:
        """Keep what the browser complains of: above all, what a policy forbade.

        The sandbox has no icon; that is its own business.
        """
        if said.type == "error" and not said.location["url"].endswith("/favicon.ico"):
            self.complaints.append(said.text)

    def arrives_at(self, heading: str) -> None:
        self.frame.locator("h1", has_text=heading).wait_for()


@pytest.fixture
def admin(database: Database, clock: Clock, browser: Any) -> Iterator[Admin]:
    world = World(App(CLIENT_ID, CLIENT_SECRET), courier=Courier(send=lambda *_: 200))
    world.install()
    parts: list[House] = []
    requests: list[str] = []

    def ours(environ: Any, start_response: Any) -> Any:
        requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return parts[0].app.wsgi_app(environ, start_response)

    with served(create_app(world)) as platform, served(ours) as address:
        world.shop().app = App(CLIENT_ID, CLIENT_SECRET, app_url=address)
        house = build(database, clock, address, platform)
        parts.append(house)
        shop = house.open_shop(domain=DOMAIN)
        at = house.clock.now - timedelta(days=40)
        house.settle(shop, order(1, person("7", at), at), order(2, person("8", at, first_name="Bob"), at))
        with house.database.work(shop.shop_id) as work:
            work.run(_PARK, now=work.now)
            work.run(_EXPORT, now=work.now)
        made = Admin(browser.new_page(), house, requests)
        made.open(platform)
        made.arrives_at("The Little Shop")
        yield made


def test_a_link_swaps_the_page_and_never_goes_round_by_the_bounce_page(admin: Admin) -> None:
    admin.frame.locator("nav a", has_text="Customers").click()
    admin.arrives_at("Customers")
    assert "GET /session/bounce" not in admin.requests
    assert "id_token" not in admin.address
    assert "/customers" in admin.address
    assert admin.frame.locator("h1:focus").count() == 1
    assert admin.frame.locator(".tabs a[aria-current=page]").inner_text() == "Customers"
    assert admin.frame.locator("#says").inner_text() == "Customers · Perennial"
    assert admin.complaints == []


def test_a_search_and_the_way_back(admin: Admin) -> None:
    admin.frame.locator("nav a", has_text="Customers").click()
    admin.arrives_at("Customers")
    admin.frame.locator("input[name=q]").fill("bob")
    admin.frame.locator("form.search button").click()
    admin.frame.locator("a", has_text="Show all").wait_for()
    assert admin.frame.locator("tbody tr").count() == 1
    admin.frame.locator("tbody a").click()
    admin.arrives_at("Bob Lovelace")
    admin.page.frames[1].evaluate("history.back()")
    admin.frame.locator("input[name=q]").wait_for()
    assert "q=bob" in admin.address
    assert admin.complaints == []


def test_a_parked_delivery_is_replayed_by_its_button(admin: Admin) -> None:
    admin.frame.locator(".needs li", has_text="could not be settled").locator("a").click()
    admin.arrives_at("Activity")
    admin.frame.locator("td form button").first.click()
    admin.frame.locator(".notice", has_text="among those that wait again").wait_for()
    assert "wait again" in admin.frame.locator("#says").inner_text()
    assert sum(line.startswith("POST /parked/deliveries/") for line in admin.requests) == 1
    assert admin.complaints == []


def test_an_export_is_downloaded(admin: Admin) -> None:
    admin.frame.locator("nav a", has_text="Settings").click()
    admin.frame.locator("nav a", has_text="Privacy").click()
    admin.arrives_at("Privacy")
    with admin.page.expect_download() as waiting:
        admin.frame.locator("a[download]").click()
    assert waiting.value.suggested_filename == "customer-data.json"
    assert "ada@example.com" in waiting.value.path().read_text()


def test_a_page_that_is_not_there_is_said_inside_the_frame(admin: Admin) -> None:
    admin.frame.locator("nav a", has_text="Customers").evaluate("link => { link.href = '/customers/999999999?shop=x' }")
    admin.frame.locator("nav a", has_text="Customers").click()
    admin.arrives_at("Not Found")
    assert "There is no such customer in this shop." in admin.frame.locator("main").inner_text()
    admin.frame.locator("a", has_text="Back to Home").click()
    admin.arrives_at("The Little Shop")
    assert "no such customer" not in admin.frame.locator("main").inner_text()
    assert "GET /session/bounce" not in admin.requests, "inside the frame, and not by way of the bounce page"


def test_a_button_with_an_address_of_its_own_goes_there(admin: Admin) -> None:
    """Decline stands beside Approve in one form; without the button's address, it would approve."""
    admin.frame.locator(".top a", has_text="Loyalty").click()
    admin.arrives_at("Earning")
    form = admin.frame.locator("form[method=post]").first
    form.evaluate("""form => form.insertAdjacentHTML("beforeend",
        '<button id="elsewhere" formnovalidate formaction="/referral/review/1/decline?shop=x">Elsewhere</button>')""")
    admin.frame.locator("#elsewhere").click()
    admin.frame.locator("main", has_text="Say why").wait_for()
    assert [line for line in admin.requests if line.startswith("POST")] == ["POST /referral/review/1/decline"]


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_no_page_is_wider_than_its_window(admin: Admin, width: int) -> None:
    admin.page.set_viewport_size({"width": width, "height": 800})
    for name in ("Home", "Customers", "Lifecycle", "Loyalty", "Activity", "Settings"):
        admin.frame.locator("nav a", has_text=name).first.click()
        admin.frame.locator(".top a[aria-current]", has_text=name).wait_for()
        over = admin.frame.locator("html").evaluate("root => root.scrollWidth - root.clientWidth")
        assert over <= 0, name


@pytest.mark.parametrize("width", [320, 1280])
def test_a_key_is_made_and_read_in_any_window(admin: Admin, width: int) -> None:
    admin.page.set_viewport_size({"width": width, "height": 800})
    admin.frame.locator(".top a", has_text="Settings").click()
    admin.frame.locator(".tabs a", has_text="API").click()
    admin.arrives_at("API")
    admin.frame.locator("input[name=name]").fill("The till")
    admin.frame.locator("input[value=read]").check()
    admin.frame.locator("button", has_text="Make a key").click()
    key = admin.frame.locator(".notice code")
    key.wait_for()
    assert key.inner_text().startswith("pk_")
    assert admin.frame.locator("th", has_text="The till").count() == 1
    over = admin.frame.locator("html").evaluate("root => root.scrollWidth - root.clientWidth")
    assert over <= 0


@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_of_value_fits_its_window(admin: Admin, width: int) -> None:
    with admin.house.database.machine() as connection:
        (shop,) = [each for each in shops.installed(connection) if each.domain == DOMAIN]
    lifecycle.score_everybody(admin.house.database, shop.shop_id)
    admin.page.set_viewport_size({"width": width, "height": 800})
    admin.frame.locator(".top a", has_text="Lifecycle").click()
    admin.frame.locator(".tabs a", has_text="Value").click()
    admin.arrives_at("Value")
    assert admin.frame.locator("#grid").count() == 1
    over = admin.frame.locator("html").evaluate("root => root.scrollWidth - root.clientWidth")
    assert over <= 0
    assert admin.complaints == []


@pytest.mark.parametrize("width", [320, 1280])
def test_rules_are_tried_before_they_are_published(admin: Admin, width: int) -> None:
    admin.page.set_viewport_size({"width": width, "height": 800})
    admin.frame.locator(".top a", has_text="Loyalty").click()
    admin.arrives_at("Earning")
    admin.frame.locator("input[name=points]").first.fill("3")
    admin.frame.locator("button", has_text="Try it on your history").click()
    admin.arrives_at("Tried on your history")
    over = admin.frame.locator("html").evaluate("root => root.scrollWidth - root.clientWidth")
    assert over <= 0
    assert admin.frame.locator("svg.columns").count() == 2
    admin.frame.locator("button", has_text="Change them first").click()
    admin.arrives_at("Earning")
    assert admin.frame.locator("input[name=points]").first.input_value() == "3"
    assert _points(admin) == 1
    admin.frame.locator("button", has_text="Try it on your history").click()
    admin.arrives_at("Tried on your history")
    admin.frame.locator("button", has_text="Publish these rules").click()
    admin.arrives_at("Earning")
    assert _points(admin) == 3
    assert admin.complaints == []


@pytest.mark.parametrize("width", [320, 1280])
def test_stages_show_who_would_move_before_rules_are_published(admin: Admin, width: int) -> None:
    admin.page.set_viewport_size({"width": width, "height": 800})
    admin.frame.locator(".top a", has_text="Lifecycle").click()
    admin.arrives_at("Pipeline")
    admin.frame.locator("a", has_text="90 days").click()
    admin.frame.locator("svg.bands").wait_for()
    wide = "root => root.scrollWidth - root.clientWidth"
    assert admin.frame.locator("html").evaluate(wide) <= 0
    admin.frame.locator(".tabs a", has_text="Rules").click()
    admin.arrives_at("Rules of the stages")
    admin.frame.locator("input[name=retained_from_orders]").fill("3")
    admin.frame.locator("button", has_text="Show who would move").click()
    admin.frame.locator("h2", has_text="Who would move").wait_for()
    assert admin.frame.locator("html").evaluate(wide) <= 0
    assert admin.frame.locator("input[name=retained_from_orders]").input_value() == "3"
    assert admin.complaints == []


def _points(admin: Admin) -> int:
    """How many points the terms of now give."""
    with admin.house.database.machine() as connection:
        shop_id = connection.execute(text("SELECT shop_id FROM shops WHERE domain = :domain"), {"domain": DOMAIN})
        found = shop_id.scalar_one()
    with admin.house.database.work(found) as work:
        return loyalty.current_terms(work).points


@pytest.mark.parametrize("width", [320, 1280])
def test_a_segment_is_made_by_buttons(admin: Admin, width: int) -> None:
    admin.page.set_viewport_size({"width": width, "height": 800})
    admin.frame.locator(".top a", has_text="Customers").click()
    admin.frame.locator(".tabs a", has_text="Segments").click()
    admin.arrives_at("Segments")
    admin.frame.locator("a.button", has_text="Make a segment").click()
    admin.arrives_at("Make a segment")
    parts = (
        ("r", "orders", "value-r.0"), ("r", "group", "match-r.1"), ("r.1", "bought_product", "value-r.1.0"),
        ("r.1", "last_order_at", "value-r.1.1"),
    )  # fmt: skip
    for group, what, made in parts:
        admin.frame.locator(f'select[name="new-{group}"]').select_option(what)
        admin.frame.locator(f'button[value="add:{group}"]').click()
        admin.frame.locator(f'[name="{made}"]').wait_for()
    admin.frame.locator('[name="more-r.1.0"]').fill("p1")
    for place, value in (("r.0", "1"), ("r.1.0", "1"), ("r.1.1", "30")):
        admin.frame.locator(f'[name="value-{place}"]').fill(value)
    admin.frame.locator('[name="name"]').fill("Buyers")
    over = admin.frame.locator("html").evaluate("root => root.scrollWidth - root.clientWidth")
    assert over <= 0
    # Return counts; it neither adds nor removes anything.
    admin.frame.locator('[name="value-r.0"]').press("Enter")
    admin.frame.locator(".notice", has_text="Nothing is saved yet").wait_for()
    assert admin.frame.locator('[name="value-r.1.1"]').input_value() == "30"
    admin.frame.locator("button", has_text="Save").click()
    admin.arrives_at("Buyers")
    over = admin.frame.locator("html").evaluate("root => root.scrollWidth - root.clientWidth")
    assert over <= 0
    assert admin.complaints == []


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_of_the_lifecycle_is_wider_than_its_window(admin: Admin, width: int) -> None:
    admin.page.set_viewport_size({"width": width, "height": 800})
    admin.frame.locator(".top a", has_text="Lifecycle").click()
    for name in ("Metrics", "Cohorts", "Channels", "Journey"):
        admin.frame.locator(".tabs a", has_text=name).first.click()
        admin.arrives_at(name)
        over = admin.frame.locator("html").evaluate("root => root.scrollWidth - root.clientWidth")
        assert over <= 0, name
    admin.frame.locator(".tabs a", has_text="Metrics").first.click()
    admin.arrives_at("Metrics")
    admin.frame.locator("button", has_text="Count anew now").click()
    admin.frame.locator("p", has_text="Counted").first.wait_for()
    over = admin.frame.locator("html").evaluate("root => root.scrollWidth - root.clientWidth")
    assert over <= 0
    assert admin.complaints == []
