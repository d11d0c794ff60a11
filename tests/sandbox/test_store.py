"""The admin and the store, as a browser without script sees them, and the app proxy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.test import Client, TestResponse

from sandbox import App, Courier, World, create_app
from sandbox.signing import launch_signature, proxy_signature, read_id_token
from sandbox.visits import Visits
from tests.sandbox.conftest import SECRET, Clock, Mailbox

DEMO = "/shops/demo-store.myshopify.com"


class TheApp(ThreadingHTTPServer):
    """Stands for the app behind the proxy: remembers what it was asked, answers what it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: tuple[int, list[tuple[str, str]], bytes] = (200, [("Content-Type", "text/html")], b"hello")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                status, headers, answer = outer.answer
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def the_app() -> Iterator[TheApp]:
    server = TheApp()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def world(clock: Clock, mailbox: Mailbox, the_app: TheApp) -> World:
    app = App("client-1", SECRET, app_url=f"http://127.0.0.1:{the_app.server_address[1]}")
    made = World(app, clock=clock, courier=Courier(send=mailbox, clock=clock))
    made.install()
    return made


@pytest.fixture
def browser(world: World) -> Client:
    return Client(create_app(world))


def go(browser: Client, path: str, **form: Any) -> TestResponse:
    send = browser.post if form else browser.get
    return send(DEMO + path, data=form or None, follow_redirects=True)


def test_a_shopper_logs_in_buys_and_sees_the_order(browser: Client, world: World) -> None:
    go(browser, "/store/?ref=FRIEND&utm_source=mail")
    go(browser, "/store/products/MUG")
    go(browser, "/store/register", email="new@example.com", first_name="New")
    assert "Enamel mug" in go(browser, "/store/cart/add", sku="MUG", quantity="2").text
    go(browser, "/store/cart?attributes[perennial_ref]=FRIEND")
    bought = go(browser, "/store/checkout", note="")
    assert "Thank you" in bought.text
    order = world.shop().orders[0]
    assert order.total == 2_800
    assert order.customer is not None
    assert order.customer.email == "new@example.com"
    assert order.landing_site == "/?ref=FRIEND&utm_source=mail"
    assert order.attributes == (("perennial_ref", "FRIEND"),)
    assert "The cart is empty" in go(browser, "/store/cart").text
    assert order.name in go(browser, "/store/account").text


def test_a_guest_needs_an_e_mail(browser: Client, world: World) -> None:
    go(browser, "/store/cart/add", sku="TEA")
    assert go(browser, "/store/checkout", email="").status_code == 422
    go(browser, "/store/checkout", email="guest@example.com")
    assert (world.shop().orders[0].customer, world.shop().orders[0].email) == (None, "guest@example.com")


def test_a_refused_code_says_why_and_stops_the_checkout(browser: Client, world: World) -> None:
    go(browser, "/store/cart/add", sku="TEA")
    assert "NOPE is not a discount code of this shop." in go(browser, "/store/cart", code="NOPE").text
    assert go(browser, "/store/checkout", email="a@example.com").status_code == 422
    assert len(world.shop().orders) == 0


@pytest.mark.parametrize(
    "target,where",
    [
        ("/store/cart", "/store/cart"),
        ("//evil.example", "/store/"),
        ("https://evil.example", "/store/"),
        ("/\\evil", "/store/"),
    ],
)
def test_a_shared_code_waits_in_the_cart_and_redirects_only_inside(browser: Client, target: str, where: str) -> None:
    answer = browser.get(DEMO + "/discount/SPRING", query_string={"redirect": target})
    assert urlsplit(answer.headers["Location"]).path == DEMO + where
    go(browser, "/store/cart/add", sku="TEA")
    assert "Remove SPRING" in go(browser, "/store/cart").text


def test_the_admin_opens_the_app_with_a_signed_address(browser: Client, world: World, clock: Clock) -> None:
    page = go(browser, "/admin/apps/client-1").text
    url = page.partition('src="')[2].partition('"')[0].replace("&amp;", "&")
    pairs = parse_qsl(urlsplit(url).query)
    given = dict(pairs)
    assert list(given) == ["embedded", "hmac", "host", "id_token", "locale", "session", "shop", "timestamp"]
    assert given["hmac"] == launch_signature(pairs, SECRET)
    assert read_id_token(given["id_token"], "client-1", SECRET, clock())["dest"] == "https://demo-store.myshopify.com"
    fresh = browser.post(DEMO + "/admin/apps/client-1/id-token").get_json()["token"]
    assert read_id_token(fresh, "client-1", SECRET, clock())["sid"] == given["session"]


def test_the_admin_s_own_address_leads_to_the_shop_s_admin(browser: Client) -> None:
    answer = browser.get("/store/demo-store/apps/client-1/settings?a=1")
    assert answer.headers["Location"] == DEMO + "/admin/apps/client-1/settings?a=1"


def test_the_app_is_installed_by_consent_and_uninstalled(browser: Client, world: World, mailbox: Mailbox) -> None:
    go(browser, "/admin/uninstall", sure="yes")
    world.courier.flush()
    assert mailbox.topics == ["app/uninstalled"]
    assert "read_all_orders" in go(browser, "/admin/apps/client-1").text
    assert "<iframe" in go(browser, "/admin/install", sure="yes").text


def test_the_merchant_refunds_and_cancels(browser: Client, world: World) -> None:
    order = world.place_order([("MUG", 3)], email="a@example.com")
    path = f"/admin/orders/{order.id}"
    place = order.first_line
    assert go(browser, f"{path}/refund", **{f"line-{place}": "1"}).status_code == 200
    assert order.refunded == 1_400
    refused = go(browser, f"{path}/refund", **{f"line-{place}": "3"})
    assert (refused.status_code, "2 are left" in refused.text) == (422, True)
    go(browser, f"{path}/cancel", reason="inventory")
    assert (order.financial_status, order.cancel_reason) == ("refunded", "inventory")


@pytest.mark.parametrize("page", ["", "orders", "customers?q=ann", "segments", "discounts", "deliveries", "install"])
def test_every_page_of_the_admin_can_be_read(browser: Client, world: World, page: str) -> None:
    ann = world.add_customer("ann@example.com", "<b>Ann</b>")
    world.place_order(customer=ann)
    world.courier.flush()
    answer = go(browser, f"/admin/{page}")
    assert answer.status_code == 200
    assert "<b>Ann" not in answer.text


def test_another_web_page_cannot_press_the_merchant_s_buttons(browser: Client, world: World) -> None:
    answer = browser.post(DEMO + "/admin/uninstall", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert world.shop().installation is not None


# ---- the app proxy


def asked_query(the_app: TheApp) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(the_app.asked[-1][1]).query, keep_blank_values=True)


def test_the_proxy_signs_the_query_and_sends_no_cookies(browser: Client, world: World, the_app: TheApp) -> None:
    ann = world.add_customer("ann@example.com")
    go(browser, "/store/login", email="ann@example.com")
    the_app.answer = (200, [("Content-Type", "application/json"), ("Set-Cookie", "a=b")], b"{}")
    query = {"extra": ["1", "2"], "signature": "forged", "logged_in_customer_id": "1"}
    answer = browser.get(DEMO + "/apps/perennial/points/1", query_string=query)
    method, path, headers, _ = the_app.asked[-1]
    pairs = asked_query(the_app)
    given = dict(pairs)
    assert (method, urlsplit(path).path) == ("GET", "/proxy/points/1")
    assert given["signature"] == proxy_signature(pairs, SECRET)
    assert [value for name, value in pairs if name == "extra"] == ["1", "2"]
    assert given["logged_in_customer_id"] == str(ann.id)
    assert (given["shop"], given["path_prefix"]) == ("demo-store.myshopify.com", DEMO + "/apps/perennial")
    assert [name for name, _ in pairs].count("signature") == 1
    assert "Cookie" not in headers
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert (answer.mimetype, answer.get_json()) == ("application/json", {})
    assert "a=b" not in str(answer.headers)


def test_what_a_page_asked_before_does_not_undo_the_cart(browser: Client) -> None:
    go(browser, "/store/products/MUG")
    known = browser.get_cookie("sandbox")
    assert known is not None
    go(browser, "/store/cart/add", sku="MUG", quantity=2)
    browser.set_cookie("sandbox", known.value)
    counted = browser.post(f"{DEMO}/cart/update.js", json={"attributes": {"a": "b"}}).get_json()
    assert counted == {"attributes": {"a": "b"}, "item_count": 2}


def test_the_oldest_visit_gives_way_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.visits.MOST_VISITS", 2)
    visits = Visits()
    first, _ = visits.of(None)
    names = [visits.of(None)[0] for _ in range(2)]
    assert [visits.of(name)[0] for name in names] == names
    assert visits.of(first)[0] not in (first, *names)


def test_the_proxy_forwards_a_form_from_a_visitor_without_account(browser: Client, the_app: TheApp) -> None:
    browser.post(DEMO + "/apps/perennial/claim", data={"email": "a@example.com"})
    method, _, _, body = the_app.asked[-1]
    assert (method, body) == ("POST", b"email=a@example.com")
    assert dict(asked_query(the_app))["logged_in_customer_id"] == ""


def test_liquid_gets_the_theme_around_it_unless_it_wants_none(browser: Client, the_app: TheApp) -> None:
    the_app.answer = (200, [("Content-Type", "application/liquid")], b"<p>12 points</p>")
    page = browser.get(DEMO + "/apps/perennial").text
    assert "<p>12 points</p>" in page
    assert "Demo Store" in page
    the_app.answer = (200, [("Content-Type", "application/liquid")], b"{% layout none %}<p>bare</p>")
    assert browser.get(DEMO + "/apps/perennial/").text == "<p>bare</p>"


def test_redirects_and_errors_of_the_app_pass_through(browser: Client, the_app: TheApp) -> None:
    the_app.answer = (302, [("Location", "/store/")], b"")
    answer = browser.get(DEMO + "/apps/perennial/x")
    assert (answer.status_code, urlsplit(answer.headers["Location"]).path) == (302, "/store/")
    the_app.answer = (401, [("Content-Type", "text/plain")], b"no")
    assert browser.get(DEMO + "/apps/perennial/x").status_code == 401


def test_an_app_that_is_away_is_a_502_and_another_subpath_a_404(browser: Client, world: World, the_app: TheApp) -> None:
    assert browser.get(DEMO + "/apps/other/x").status_code == 404
    the_app.shutdown()
    the_app.server_close()
    assert browser.get(DEMO + "/apps/perennial/x").status_code == 502
