"""The pages of a house that serves WooCommerce: alone, and beside Shopify. Each shop sees what its store can do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.fernet import Fernet
from flask.testing import FlaskClient

from app import TRANSLATORS, House
from commerce.events import Delivery, OrderChanged
from commerce.ids import DeliveryId
from commerce.store import ShopDetails, StoreError
from connectors.http import NoAnswer
from connectors.shopify import SCOPES, Token
from connectors.woocommerce import Connection, Key, Mode, StoreFacts, WooStore, store_address
from engine import notes, shops, staff
from engine.settings import read
from engine.shops import Shop
from engine.work import Database
from plugin import create_app
from plugin.platforms import PLATFORMS
from plugin.standalone import SESSION, make_session, open_session
from plugin.web import Doors
from plugin.woocommerce import WooInstaller
from tests.ground import Clock
from tests.plugin.conftest import APP_URL, CLIENT_ID, CLIENT_SECRET
from tests.plugin.conftest import House as EmbeddedHouse
from tests.plugin.conftest import Merchant as EmbeddedMerchant
from tests.plugin.markup import flat, mistakes

ALONE = {"PERENNIAL_URL": APP_URL, "PERENNIAL_SEAL_KEYS": Fernet.generate_key().decode(), "WOOCOMMERCE": "yes"}
BESIDE = {**ALONE, "SHOPIFY_CLIENT_ID": CLIENT_ID, "SHOPIFY_CLIENT_SECRET": CLIENT_SECRET}
FACTS = StoreFacts("Leaf <& Kettle", "https://shop.example", "EUR", 2, "DE", "Europe/Berlin", "11.0.1", "7.0.4")
PAGES = (
    "/welcome",
    # A shop that has just come is led to its first page, unless it would rather look around.
    "/?stay=1",
    "/customers",
    "/segments",
    "/segments/new",
    "/rewards",
    "/look",
    "/activity",
    "/activity?box=effects",
    "/activity?box=notes",
    "/privacy",
    "/store",
)
SECRET = b"s" * 32


def opened(database: Database, environment: dict[str, str]) -> tuple[Any, WooInstaller, House]:
    house = House(read(environment))
    vars(house).update(database=database, secret=SECRET)
    assert house.woocommerce is not None
    doors = Doors(database, house.shopify, house.installer, SECRET, 1 << 20, house.woocommerce)
    return create_app(doors), house.woocommerce, house


def connect(installer: WooInstaller, url: str = "https://shop.example") -> Shop:
    key = Key("ck_" + "0a" * 20, "cs_" + "0b" * 20)
    return installer.record(Connection(store_address(url), key, Mode.BASIC, FACTS))


def signed_in(app: Any, shop: Shop, clock: Clock) -> FlaskClient:
    client: FlaskClient = app.test_client()
    with app.extensions["doors"].database.work(shop.shop_id) as work:
        cookie = open_session(work, SECRET, staff.arrive(work, ""))
    client.set_cookie(SESSION, cookie, domain="localhost")
    return client


@pytest.mark.parametrize("environment", [ALONE, BESIDE], ids=["alone", "beside Shopify"])
def test_every_page_is_well_formed_and_offers_only_what_the_store_can_do(
    database: Database, clock: Clock, environment: dict[str, str]
) -> None:
    app, installer, _ = opened(database, environment)
    shop = connect(installer)
    client = signed_in(app, shop, clock)
    for path in PAGES:
        answer = client.get(path)
        assert (answer.status_code, mistakes(answer.text)) == (200, []), path
        assert ">Settings</a>" in answer.text
        assert "Shopify" not in answer.text
    settings = client.get("/store").text
    assert ">Your store</a>" in settings
    assert ">On your shop</a>" in settings
    rewards = client.get("/rewards").text
    assert "A percentage off an order" in rewards
    assert "A gift card" not in rewards
    assert "perennial_balance" in client.get("/extensions").text
    look = client.get("/look").text
    assert "https://shop.example/wp-admin/admin.php?page=perennial" in look
    assert "themes/current/editor" not in look
    assert "What your store has of ours" not in client.get("/segments").text
    assert client.post("/extensions/pixel").status_code == 404
    assert client.post("/segments/yes").status_code == 404


def test_the_page_of_the_store_says_how_it_is_connected_and_what_was_done(database: Database, clock: Clock) -> None:
    app, installer, _ = opened(database, ALONE)
    shop = connect(installer)
    with database.work(shop.shop_id) as work:
        notes.note(work, "Webhooks <made> anew.")
    page = flat(signed_in(app, shop, clock).get("/store").text)
    for said in ("https://shop.example", "EUR", "2 decimals", "Europe/Berlin", "WooCommerce", "11.0.1", "7.0.4"):
        assert said in page.replace("\u00a0", " "), said
    assert "being made" in page
    assert "Webhooks &lt;made&gt; anew." in page
    assert "ck_" not in page


@pytest.mark.parametrize("path", ["/woocommerce", "/woocommerce?store=%22%3E%3Cscript%3E", "/woocommerce?moved=yes"])
def test_the_page_that_asks_for_the_store_is_well_formed_and_needs_no_script(database: Database, path: str) -> None:
    app, _, _ = opened(database, ALONE)
    answer = app.test_client().get(path)
    assert (answer.status_code, mistakes(answer.text)) == (200, [])
    assert "<script" not in answer.text
    assert 'dir="ltr" required' in answer.text, "an address is read from the left in every language"
    assert "lives at another address now" not in answer.text, "only for whoever is signed in"


def test_what_is_wrong_with_an_address_is_said_beside_the_field_with_what_was_typed(database: Database) -> None:
    app, _, _ = opened(database, ALONE)
    answer = app.test_client().post("/woocommerce", data={"store": "my shop <b>"})
    assert (answer.status_code, mistakes(answer.text)) == (400, [])
    assert 'role="alert"' in answer.text
    assert 'value="my shop &lt;b&gt;"' in answer.text


def test_a_stranger_is_led_to_where_their_store_lets_them_in(database: Database) -> None:
    alone, beside = opened(database, ALONE)[0], opened(database, BESIDE)[0]
    page = alone.test_client().get("/").text
    assert "Your store lets you in." in page
    assert 'href="/woocommerce"' in page
    assert "under Apps there" not in page
    both = beside.test_client().get("/").text
    assert "under Apps there" in both
    assert "Is your store on WooCommerce?" in both


def test_every_route_of_a_house_of_this_platform_alone_has_an_owner(database: Database) -> None:
    app, _, _ = opened(database, ALONE)
    owners: dict[str, str | None] = {}
    for rule in app.url_map.iter_rules():
        owners[rule.rule] = getattr(app.view_functions[rule.endpoint], "owner", None)
    open_to_all = {path for path, owner in owners.items() if owner is None}
    assert open_to_all == {"/static/<path:filename>", "/health", "/ready", "/metrics"}
    assert {path for path, owner in owners.items() if owner == "anybody"} == {
        "/at/<letters>",
        "/embed.js",
        "/look.css",
        "/s/<int:shop_id>/<int:survey_id>/<key>",
        "/sign-in",
        "/sign-in/link",
        "/sign-in/link/<end>",
        "/sign-in/passkey",
        "/u/<int:shop_id>/<int:customer_id>/<key>",
        "/visits",
        "/woocommerce",
        "/woocommerce/back",
        "/woocommerce/enter/<state>",
        "/woocommerce/grant",
    }
    assert not [path for path in owners if path.startswith(("/proxy", "/auth", "/flow", "/pixel", "/extension/"))]


def test_a_house_of_this_platform_alone_answers_what_leads_nowhere(database: Database) -> None:
    app, _, _ = opened(database, ALONE)
    assert app.test_client().get("/nowhere").status_code == 404
    assert app.test_client().get("/health").text == "ok\n"


def test_beside_each_other_a_frame_is_shopify_s_and_a_session_is_the_other_s(
    database: Database, clock: Clock, house: EmbeddedHouse, shop: Shop
) -> None:
    app, installer, whole = opened(database, BESIDE)
    woo = connect(installer)
    client = signed_in(app, woo, clock)
    assert "Leaf &lt;&amp; Kettle" in client.get("/store").text
    framed = EmbeddedMerchant(client, shop)
    assert whole.installer is not None
    shop = whole.installer.record(
        shop.domain, Token("t", None, None, None, SCOPES), ShopDetails("1", shop.name, shop.currency, shop.timezone)
    )
    page = framed.open("/extensions")
    assert page.status_code == 200
    assert ">On your shop</a>" in page.text
    assert ">Your store</a>" not in page.text
    assert framed.open("/store").status_code == 404, "its store is not connected by a key"
    assert framed.fetch("/store/disconnect", "POST", sure="yes").status_code == 404
    bad = jwt.encode({"dest": "x"}, "another secret of sixteen and more bytes", algorithm="HS256")
    assert client.get("/", headers={"Authorization": f"Bearer {bad}"}).status_code == 401, "no session for a bad token"


def test_a_session_of_a_shop_is_worth_nothing_in_another_or_after_it_left(database: Database, clock: Clock) -> None:
    app, installer, _ = opened(database, ALONE)
    shop, other = connect(installer), connect(installer, "https://other.example")
    client = signed_in(app, shop, clock)
    forged = make_session(SECRET, shop.shop_id, clock()).replace(f"{shop.shop_id}~", f"{other.shop_id}~", 1)
    client.set_cookie(SESSION, forged, domain="localhost")
    assert client.get("/").status_code == 401
    client = signed_in(app, shop, clock)
    assert client.get("/customers").status_code == 200
    with database.work(shop.shop_id) as work:
        shops.uninstall(work, work.now)
    assert client.get("/").status_code == 401
    clock.forward(seconds=5)
    connect(installer)
    assert client.get("/").status_code == 401, "a session from before the removal"


def test_a_form_from_another_site_changes_nothing(database: Database, clock: Clock) -> None:
    app, installer, _ = opened(database, ALONE)
    shop = connect(installer)
    client = signed_in(app, shop, clock)
    answer = client.post("/store/disconnect", data={"sure": "yes"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    with database.work(shop.shop_id) as work:
        assert shops.current(work).installed


# --- the composition root


def test_each_platform_s_deliveries_are_read_by_what_is_known_of_the_shop(database: Database, clock: Clock) -> None:
    """An order in another unit of the shop's money is told in the shop's own."""
    _, installer, _ = opened(database, ALONE)
    shop = connect(installer)
    with database.work(shop.shop_id) as work:
        work.connection.exec_driver_sql("UPDATE shops SET currency = 'IRT', country = 'IR'")
        shop = shops.current(work)
    body = (
        b'{"id":5,"status":"completed","currency":"IRR","total":"1000000","number":"5","customer_id":0,'
        b'"date_created_gmt":"2026-03-01T10:00:00","date_modified_gmt":"2026-03-01T10:00:00",'
        b'"date_paid_gmt":"2026-03-01T10:00:00","line_items":[],"refunds":[],"coupon_lines":[],"meta_data":[],'
        b'"billing":{"email":"sara@example.test","phone":"09121234567"}}'
    )
    delivery = Delivery(DeliveryId(1), "order.updated", body, clock() - timedelta(days=1))
    (event,) = TRANSLATORS["woocommerce"](delivery, shop)
    assert isinstance(event, OrderChanged)
    assert (event.order.currency, event.order.total_minor) == ("IRT", 100_000)
    assert set(TRANSLATORS) == set(PLATFORMS)


def test_the_house_speaks_to_each_shop_in_its_platform_s_way(database: Database, clock: Clock) -> None:
    _, installer, house = opened(database, ALONE)
    shop = connect(installer)
    assert isinstance(house.connect(shop.shop_id), WooStore)
    with database.work(shop.shop_id) as work:
        shops.uninstall(work, work.now)
    with pytest.raises(StoreError, match="not installed"):
        house.connect(shop.shop_id)


def test_a_shop_of_a_platform_that_is_not_served_any_more_is_told_as_that(database: Database, shop: Shop) -> None:
    _, _, house = opened(database, ALONE)
    with pytest.raises(StoreError, match="name no access") as told:
        house.connect(shop.shop_id)
    assert told.value.closed


def test_plain_http_is_only_for_stores_that_have_nothing_else(database: Database) -> None:
    _, installer, _ = opened(database, ALONE)
    https = installer.http(store_address("https://shop.example"))
    with pytest.raises(NoAnswer, match="InvalidSchema"):
        https.send("GET", "http://127.0.0.1:9/", headers={}, body=b"")
    plain = installer.http(store_address("http://shop.example"))
    with pytest.raises(NoAnswer, match="could not be reached"):
        plain.send("GET", "http://127.0.0.1:9/", headers={}, body=b"")
