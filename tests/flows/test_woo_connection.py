"""A merchant connects a WooCommerce store, comes back, connects it again, and leaves: through the pages, the store's
own page of consent, the door and the watch, over real HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.woocommerce import TOPICS
from connectors.woocommerce.auth import STATE_LIVES
from engine import backfills, connections, shops
from engine.connections import LOOKED_AT_EVERY
from engine.work import Database
from plugin.standalone import SESSION
from plugin.woocommerce import WooDoor
from plugin.woocommerce.installer import TooSlow
from plugin.woocommerce.pages import STATE
from sandbox.woocommerce import ApiKey, Companion, Line, approve
from sandbox.woocommerce.hooks import failed
from tests.connectors.woocommerce.conftest import certificate
from tests.flows.connected import APP_URL, SARA, Connected, beside
from tests.ground import Clock, Superuser

__all__ = ["certificate"]

PAGES = (
    "/",
    "/customers",
    "/rewards",
    "/activity",
    "/activity?box=effects",
    "/activity?box=notes",
    "/privacy",
    "/store",
)
TEA = [Line("Tea pot", "25.00", 4)]


@pytest.fixture
def woo(database: Database, clock: Clock, certificate: Path) -> Iterator[Connected]:
    with beside(database, clock, certificate) as connected:
        yield connected


def nothing_was_kept(above: Superuser) -> None:
    for table in ("connections", "shops WHERE platform = 'woocommerce'", "approvals WHERE opened IS NOT NULL"):
        assert above.one(f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize("scheme, mode", [("https", "basic"), ("http", "oauth")])
def test_a_merchant_connects_a_store_and_is_let_in(
    database: Database, clock: Clock, certificate: Path, above: Superuser, scheme: str, mode: str
) -> None:
    with beside(database, clock, certificate, scheme) as woo:
        woo.store.currency, woo.store.decimals, woo.store.country = "IRT", 0, "IR"
        browser = woo.connect()
        shop = woo.shop
        assert (shop.name, shop.currency, shop.timezone, shop.country) == ("Leaf & Kettle", "IRT", "Asia/Tehran", "IR")
        with database.work(shop.shop_id) as work:
            kept, asked = connections.current(work), backfills.latest(work)
        assert kept is not None
        assert asked is not None
        assert (kept.address, kept.mode, kept.decimals) == (woo.url, mode, 0)
        assert (kept.shop_version, kept.site_version) == ("11.0.1", "7.0.4")
        assert sorted(woo.hooks()) == sorted(TOPICS)
        for path in PAGES:
            page = browser.get(path)
            assert page.status_code == 200, path
            assert all(src.startswith("/static/") for src in re.findall(r'<script[^>]* src="([^"]*)"', page.text))
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        key = woo.store.keys[0]
        sealed = above.one("SELECT sealed FROM shop_credentials WHERE shop_id = %s", shop.shop_id)
        everything = str(above.run("SELECT c::text FROM connections c")) + str(above.run("SELECT n::text FROM notes n"))
        for secret in (
            key.consumer_key,
            key.consumer_secret,
            woo.path().rpartition("/")[2],
            *woo.store.secrets.values(),
        ):
            assert secret.encode() not in bytes(sealed)
            assert secret not in everything


def test_what_the_store_tells_then_earns_points(woo: Connected) -> None:
    woo.connect()
    sara = woo.store.register("sara@example.test")
    woo.order(woo.store.order(TEA, customer=sara, status="completed", billing=SARA))
    assert woo.points(sara) == 100


def test_the_store_is_asked_for_the_rights_that_are_needed_and_the_browser_keeps_the_state(woo: Connected) -> None:
    browser = woo.browser()
    sent = browser.post("/woocommerce", data={"store": f"  {woo.url}/wp-admin/ "}, headers={"Origin": APP_URL})
    assert sent.location.startswith(f"{woo.url}/wc-auth/v1/authorize?app_name=Perennial&scope=read_write&user_id=")
    (cookie,) = sent.headers.getlist("Set-Cookie")
    assert cookie.startswith(STATE)
    for part in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/woocommerce"):
        assert part in cookie
    # Browsers that hold a form to its policy must let it go to any store.
    assert "form-action 'self' https: http:" in browser.get("/woocommerce").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "typed", ["", "not a shop", "https://", "ftp://shop.example", "https://me:secret@shop.example"]
)
def test_an_address_that_is_none_is_told_with_what_one_looks_like(woo: Connected, typed: str) -> None:
    answer = woo.browser().post("/woocommerce", data={"store": typed})
    assert answer.status_code == 400
    assert "That is not the address of a shop. It looks like https://shop.example" in answer.text


def test_a_form_of_another_site_is_refused(woo: Connected) -> None:
    answer = woo.browser().post("/woocommerce", data={"store": woo.url}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_a_key_comes_once_for_a_state(woo: Connected, above: Superuser) -> None:
    browser = woo.browser()
    grant = approve(woo.store, woo.set_out(browser))
    assert woo.post(grant).status_code == 200
    before = above.one("SELECT sealed FROM shop_credentials WHERE shop_id = %s", woo.shop.shop_id)
    again = woo.post(grant)
    assert (again.status_code, "was used already" in again.text) == (403, True)
    assert above.one("SELECT sealed FROM shop_credentials WHERE shop_id = %s", woo.shop.shop_id) == before


def test_a_state_that_is_too_old_opens_nothing(woo: Connected, above: Superuser) -> None:
    grant = approve(woo.store, woo.set_out(woo.browser()))
    woo.clock.forward(seconds=STATE_LIVES.total_seconds())
    assert woo.post(grant).status_code == 403
    nothing_was_kept(above)


def test_the_state_is_bound_to_the_store_at_which_the_merchant_began(
    woo: Connected, above: Superuser, certificate: Path
) -> None:
    """Somebody who learned the state posts the key of a store of his own."""
    grant = approve(woo.store, woo.set_out(woo.browser()))
    stranger = ApiKey()
    body = json.loads(grant.body) | {
        "consumer_key": stranger.consumer_key,
        "consumer_secret": stranger.consumer_secret,
    }
    answer = woo.post(replace(grant, body=json.dumps(body).encode()))
    assert (answer.status_code, "does not take our key" in answer.text) == (502, True)
    nothing_was_kept(above)


def test_a_key_that_may_not_write_is_not_taken_and_the_merchant_reads_why(woo: Connected, above: Superuser) -> None:
    browser = woo.browser()
    grant = approve(woo.store, woo.set_out(browser))
    woo.store.keys[-1].rights = "read"
    assert woo.post(grant).status_code == 403
    nothing_was_kept(above)
    # The store shows a page of its own then: whoever comes back by himself is told.
    page = browser.get("/woocommerce")
    assert "The key may not both read and write." in page.text
    assert "The key may not both read and write." in woo.come_back(browser, grant).text


def test_a_store_that_calls_another_address_its_own_is_told_which(woo: Connected, above: Superuser) -> None:
    browser = woo.browser()
    grant = approve(woo.store, woo.set_out(browser))
    woo.store.home = "https://www.the-real-shop.example/fa"
    assert woo.post(grant).status_code == 403
    nothing_was_kept(above)
    assert "The store calls https://www.the-real-shop.example/fa its address." in woo.come_back(browser, grant).text


def test_a_store_that_has_given_up_its_key_meanwhile_is_not_connected(woo: Connected, above: Superuser) -> None:
    """It waits a minute for our answer; a key that is proven after that is deleted by then."""
    impatient = replace(woo.installer, store_waits_seconds=-1.0)
    grant = approve(woo.store, woo.set_out(woo.browser()))
    with pytest.raises(TooSlow):
        impatient.granted(grant.body)
    nothing_was_kept(above)


@pytest.mark.parametrize("body", [b"", b"{}", b"webhook_id=7", b"x" * 5000, b'{"user_id": 1}'])
def test_what_is_no_key_is_not_answered_with_200(woo: Connected, above: Superuser, body: bytes) -> None:
    assert woo.browser().post("/woocommerce/grant", data=body).status_code in (400, 413)
    nothing_was_kept(above)


def test_a_merchant_who_denies_is_told_that_nothing_was_changed(woo: Connected, above: Superuser) -> None:
    browser = woo.browser()
    grant = approve(woo.store, woo.set_out(browser))
    back = browser.get(grant.return_url.removeprefix(APP_URL).replace("success=1", "success=0"))
    assert (back.status_code, "was not approved" in back.text) == (400, True)
    assert woo.post(grant).status_code == 403, "whoever was denied does not come after all"
    nothing_was_kept(above)


def test_another_browser_is_not_let_in_and_ends_the_state(woo: Connected) -> None:
    browser, other = woo.browser(), woo.browser()
    grant = approve(woo.store, woo.set_out(browser))
    assert woo.post(grant).status_code == 200
    back = woo.come_back(other, grant)
    assert back.status_code == 400
    assert SESSION not in str(back.headers)
    assert woo.come_back(browser, grant).status_code == 400, "whoever led somebody else to approve is not let in either"


def test_whoever_waits_for_somebody_else_s_approval_is_not_let_in(woo: Connected) -> None:
    browser = woo.browser()
    grant = approve(woo.store, woo.set_out(browser))
    assert woo.come_back(browser, grant).status_code == 400, "there is no key yet"
    assert woo.post(grant).status_code == 403
    assert woo.come_back(browser, grant).status_code == 400


def test_a_merchant_who_comes_back_is_let_in_by_the_same_grant(woo: Connected) -> None:
    first = woo.connect()
    woo.clock.forward(hours=13)
    assert first.get("/").status_code == 401, "a session ends with the working day"
    assert "Continue with its address" in first.get("/").text
    assert woo.connect(first).get("/").status_code == 200


def test_a_store_that_is_connected_again_keeps_its_past_and_gets_new_webhooks(woo: Connected) -> None:
    woo.connect()
    sara = woo.store.register("sara@example.test")
    woo.order(woo.store.order(TEA, customer=sara, status="completed", billing=SARA))
    old_path, old_hooks, old_secrets = woo.path(), set(woo.store.webhooks), set(woo.store.secrets.values())
    shop_id = woo.shop.shop_id
    woo.store.keys.clear()
    woo.clock.forward(minutes=1)
    woo.connect()
    assert woo.shop.shop_id == shop_id
    assert woo.points(sara) == 100
    assert not old_hooks & set(woo.store.webhooks)
    assert woo.path() != old_path
    assert not old_secrets & {woo.store.secrets[number] for number in woo.store.webhooks}
    woo.order(woo.store.order(TEA, customer=sara, status="completed", billing=SARA))
    assert woo.points(sara) == 200


def test_a_merchant_who_leaves_takes_the_webhooks_along_and_finds_everything_again(
    woo: Connected, above: Superuser
) -> None:
    browser = woo.connect()
    sara = woo.store.register("sara@example.test")
    woo.order(woo.store.order(TEA, customer=sara, status="completed", billing=SARA))
    assert "no order earns points" in browser.post("/store/disconnect", data={}).text, "not by accident"
    assert above.one("SELECT uninstalled_at FROM shops WHERE shop_id = %s", woo.shop.shop_id) is None
    left = browser.post("/store/disconnect", data={"sure": "yes"})
    assert (left.status_code, "Your store is disconnected" in left.text) == (200, True)
    assert woo.store.webhooks == {}
    assert above.run("SELECT 1 FROM shop_credentials WHERE shop_id = %s", woo.shop.shop_id) == []
    assert not woo.shop.installed
    who = "SELECT who, role, what FROM audit WHERE shop_id = %s ORDER BY audit_id"
    assert above.run(who, woo.shop.shop_id)[-1] == ("", "owner", "woocommerce.disconnect")
    assert browser.get("/").status_code == 401
    woo.clock.forward(minutes=1)
    woo.connect()
    assert woo.points(sara) == 100


def test_a_store_that_does_not_answer_can_be_left_too(woo: Connected) -> None:
    browser = woo.connect()
    woo.store.faults.stay(503)
    left = browser.post("/store/disconnect", data={"sure": "yes"})
    assert "Your store did not let us take our webhooks away." in left.text
    assert not woo.shop.installed


def test_a_store_that_moved_keeps_its_past_when_its_merchant_says_so(woo: Connected) -> None:
    browser = woo.connect()
    sara = woo.store.register("sara@example.test")
    woo.order(woo.store.order(TEA, customer=sara, status="completed", billing=SARA))
    shop_id = woo.shop.shop_id
    woo.scheme = "http"  # another port, and so another address
    assert "lives at another address now" in browser.get("/woocommerce?moved=yes").text
    woo.clock.forward(minutes=1)
    woo.connect(browser, moved="yes")
    assert woo.shop.shop_id == shop_id
    assert woo.points(sara) == 100
    assert woo.find(woo.urls["https"]) == woo.shop, "what is under way from the old address is still known"


def test_whoever_has_an_old_address_of_a_shop_today_does_not_get_its_past(woo: Connected) -> None:
    browser = woo.connect()
    first = woo.shop.shop_id
    woo.scheme = "http"
    woo.clock.forward(minutes=1)
    woo.connect(browser, moved="yes")
    woo.scheme = "https"
    woo.connect()
    with woo.house.database.machine() as connection:
        newcomer = shops.at(connection, "woocommerce", woo.url.partition("://")[2])
    assert newcomer is not None
    assert newcomer.shop_id != first


# --- the door


def test_the_door_knows_a_shop_by_its_path_alone(woo: Connected, above: Superuser) -> None:
    woo.connect()
    body = woo.store.shown("orders", woo.store.orders[woo.store.order(TEA, status="completed", billing=SARA)])
    assert woo.deliver("order.updated", body) == 200
    path = woo.path()
    assert woo.deliver("order.updated", body, path=path[:-1] + ("A" if path[-1] != "A" else "B")) == 401
    assert woo.deliver("order.updated", body, path="/webhooks/woocommerce/") == 401
    assert woo.deliver("order.updated", body, path="/webhooks/woocommerce/../x") in (401, 404)
    forged = {"X-WC-Webhook-Signature": "A" * 43 + "="}
    assert woo.deliver("order.updated", body, changed=forged) == 401
    elsewhere = {"X-WC-Webhook-Source": "https://a-copy.example/"}
    assert woo.deliver("order.updated", body, changed=elsewhere) == 400
    assert above.one("SELECT count(*) FROM deliveries WHERE shop_id = %s", woo.shop.shop_id) == 1


def test_the_ping_of_a_new_webhook_is_answered_and_not_kept(woo: Connected, above: Superuser) -> None:
    woo.connect()
    form = {"data": {"webhook_id": "7"}}
    assert woo.browser().post(woo.path(), **form).status_code == 200
    assert woo.browser().post(woo.path() + "x", **form).status_code == 401
    assert woo.browser().get(woo.path()).status_code == 405
    assert above.one("SELECT count(*) FROM deliveries WHERE shop_id = %s", woo.shop.shop_id) == 0


def test_a_path_of_a_shop_that_left_is_nobody_s(woo: Connected) -> None:
    browser = woo.connect()
    path = woo.path()
    browser.post("/store/disconnect", data={"sure": "yes"})
    assert woo.browser().post(path, data={"webhook_id": "7"}).status_code == 401


def test_the_door_asks_for_a_path_once_in_a_while_and_for_nobody_s_each_time(woo: Connected) -> None:
    woo.connect()
    asked: list[str] = []

    class Counting(WooDoor):
        def find(self, end: str) -> Any:
            asked.append(end)
            return super().find(end)

    body = woo.store.shown("orders", woo.store.orders[woo.store.order(TEA, status="completed", billing=SARA)])
    with woo.door_of(Counting(woo.installer)) as door:
        own, nobodys = woo.path(), "/webhooks/woocommerce/" + "x" * 43
        assert [woo.deliver("order.updated", body, door=door) for _ in range(3)] == [200] * 3
        assert [woo.deliver("order.updated", body, door=door, path=nobodys) for _ in range(2)] == [401] * 2
    assert asked == [own.rpartition("/")[2], "x" * 43, "x" * 43]


# --- the watch


def test_webhooks_that_the_store_switched_off_are_made_anew_the_next_day_and_it_is_noted(woo: Connected) -> None:
    browser = woo.connect()
    off, gone = woo.hooks()["order.updated"], woo.hooks()["customer.created"]
    for _ in range(7):
        failed(woo.store, off)
    del woo.store.webhooks[gone]
    woo.house.watch_webhooks(woo.shop)
    assert "order.updated" not in woo.hooks(), "once a day is enough"
    woo.clock.forward(seconds=LOOKED_AT_EVERY.total_seconds())
    woo.house.watch_webhooks(woo.shop)
    assert sorted(woo.hooks()) == sorted(TOPICS)
    assert {off, gone}.isdisjoint(woo.store.webhooks), "never switched on again: the store keeps its count"
    browser = woo.connect(browser)
    page = browser.get("/activity?box=notes").text
    assert "made anew" in page
    assert "order.updated, customer.created" in page


def test_webhooks_are_made_by_a_worker_when_the_browser_never_came_back(woo: Connected) -> None:
    grant = approve(woo.store, woo.set_out(woo.browser()))
    assert woo.post(grant).status_code == 200
    assert woo.store.webhooks == {}
    woo.house.watch_webhooks(woo.shop)
    assert sorted(woo.hooks()) == sorted(TOPICS)


def test_a_merchant_may_have_the_webhooks_looked_at_at_once(woo: Connected) -> None:
    browser = woo.connect()
    woo.store.webhooks.clear()
    assert browser.post("/store/look").location == "/store?looked=yes"
    assert sorted(woo.hooks()) == sorted(TOPICS)
    woo.store.faults.stay(503)
    assert browser.post("/store/look").location == "/store?looked=no"


def test_what_the_store_says_of_itself_is_heard_with_each_look(woo: Connected) -> None:
    browser = woo.connect()
    woo.store.name, woo.store.decimals, woo.store.country = "Kettle &amp; Co", 0, "DE"
    browser.post("/store/look")
    assert (woo.shop.name, woo.shop.country) == ("Kettle & Co", "DE")
    assert "0\u00a0decimals" in browser.get("/store").text


# --- by hand


def test_a_store_that_cannot_reach_us_is_connected_with_a_key_made_by_hand(
    database: Database, clock: Clock, certificate: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from plugin import cli

    key = ApiKey()
    given = {"WOOCOMMERCE_KEY": key.consumer_key, "WOOCOMMERCE_SECRET": key.consumer_secret}
    with beside(database, clock, certificate, "http", PERENNIAL_URL="http://127.0.0.1:8080", **given) as woo:
        refused = woo.browser().post("/woocommerce", data={"store": woo.url})
        assert (refused.status_code, "only to an HTTPS address" in refused.text) == (409, True)
        assert cli.main(["connect", "--store", woo.url], {}, lambda _: woo.house, Path()) == 1
        assert "does not take our key" in capsys.readouterr().err
        woo.store.keys.append(key)
        assert cli.main(["connect", "--store", woo.url], {}, lambda _: woo.house, Path()) == 0
        said = capsys.readouterr().out.splitlines()
        assert said[0].endswith("connected, as Leaf & Kettle")
        assert sorted(woo.hooks()) == sorted(TOPICS)
        path = said[-1].removeprefix("http://127.0.0.1:8080")
        browser = woo.browser()
        assert browser.get(path).location == "/"
        assert browser.get("/").location == "/welcome", "while the history is read in"
        assert woo.browser().get(path).status_code == 400, "it works once"
        assert cli.main(["sign-in", "--store", woo.url], {}, lambda _: woo.house, Path()) == 0
        late = capsys.readouterr().out.splitlines()[-1].removeprefix("http://127.0.0.1:8080")
        clock.forward(seconds=timedelta(minutes=10).total_seconds())
        assert woo.browser().get(late).status_code == 400, "and not for long"
        assert key.consumer_secret not in "".join(said)


def test_a_store_in_a_private_network_is_not_asked_unless_the_settings_say_so(
    database: Database, clock: Clock, certificate: Path, above: Superuser
) -> None:
    with beside(database, clock, certificate, WOOCOMMERCE_PRIVATE_STORES="no") as woo:
        answer = woo.post(approve(woo.store, woo.set_out(woo.browser())))
        assert (answer.status_code, "not on the public internet" in answer.text) == (502, True)
        assert woo.store.asked == []
        nothing_was_kept(above)


def test_the_watch_finds_the_plugin_pairs_it_and_its_merchant_comes_in_by_it(woo: Connected, clock: Clock) -> None:
    assert "We have not found it in your store yet" in woo.connect().get("/extensions").text
    plugin = woo.store.companion = Companion()
    clock.forward(seconds=LOOKED_AT_EVERY.total_seconds())
    woo.house.watch_webhooks(woo.shop)
    assert plugin.connection["shop"] == woo.shop.domain
    signed = plugin.sign("/companion/enter", b"1", clock.timestamp())
    browser = woo.browser()
    entered = browser.post("/companion/enter", data={**signed, "user": "1"})
    assert entered.status_code == 303
    assert "It is paired with us" in browser.get("/extensions").text
    assert "is paired with us" in browser.get("/activity?box=notes").text
