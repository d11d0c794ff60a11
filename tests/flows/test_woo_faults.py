"""What can be the matter with a store that its merchant hosts: each fault has a sentence on the merchant's pages, and
is gone from them once its cause is gone, without anybody doing anything here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from werkzeug.wrappers import Response

from commerce.store import SetTags, StoreError
from connectors.http import HttpSession, Limits
from connectors.woocommerce import rest
from engine import connections, outbox
from engine.outbox import TAGS_REST_SECONDS
from engine.work import Database, refuse_in_transaction
from plugin.trouble import advice
from sandbox.woocommerce import ApiKey, Line, Store
from tests.connectors.woocommerce.conftest import certificate
from tests.flows.connected import SARA, Browser, Connected, beside
from tests.ground import Clock

__all__ = ["certificate"]

Deed = Callable[[Store], object]


@pytest.fixture
def woo(database: Database, clock: Clock, certificate: Path) -> Iterator[Connected]:
    with beside(database, clock, certificate) as connected:
        yield connected


@dataclass(frozen=True)
class Fault:
    """How it comes, how it goes, and the title of the banner meanwhile."""

    title: str
    comes: Deed
    goes: Deed


def stays(status: int) -> Deed:
    return lambda store: store.faults.stay(status)


def calm(store: Store) -> None:
    store.faults.always = None


def redirects(location: str) -> Deed:
    def come(store: Store) -> None:
        store.faults.always = lambda: Response("", 301, {"Location": location})

    return come


def fault_of(name: str, given: object) -> Deed:
    return lambda store: setattr(store.faults, name, given)


def setting(name: str, given: object) -> Deed:
    return lambda store: setattr(store, name, given)


def of_key(name: str, given: object) -> Deed:
    def change(store: Store) -> None:
        for key in store.keys:
            setattr(key, name, given)

    return change


def revoke(store: Store) -> None:
    store.keys[:] = [
        ApiKey(consumer_key=f"ck_{'0' * 40}{key.consumer_key}", consumer_secret=key.consumer_secret)
        for key in store.keys
    ]


def put_back(store: Store) -> None:
    for key in store.keys:
        key.consumer_key = f"ck_{key.consumer_key.rpartition('ck_')[2]}"


FAULTS = {
    "a firewall's page": Fault("A firewall in front of your store turns us away.", stays(403), calm),
    "a firewall that slows down": Fault("Your store, or its host, asks us to slow down.", stays(429), calm),
    "maintenance": Fault("Your store is closed for maintenance, or too busy.", stays(503), calm),
    "a fatal error": Fault("Your store fails when we ask it.", stays(500), calm),
    "a page with a good status": Fault("Your store answers with a page for people.", stays(200), calm),
    "a proxy's page": Fault("Something in front of your store answers in its place.", stays(418), calm),
    "permalinks set to Plain": Fault("Your store has no WooCommerce at its address.", stays(404), calm),
    "half-written JSON": Fault(
        "Your store's answers break off.", fault_of("cut", True), fault_of("cut", False)
    ),
    "PHP messages": Fault(
        "Your store writes PHP messages into its answers.", fault_of("notice", True), fault_of("notice", False)
    ),
    "a store that moved": Fault("Your store has moved.", redirects("https://elsewhere.example/wp-json/"), calm),
    "another address of its own": Fault(
        "Your store has moved.", setting("home", "https://elsewhere.example"), setting("home", "")
    ),
    "WooCommerce switched off": Fault(
        "Your store has no WooCommerce at its address.", setting("woocommerce", False), setting("woocommerce", True)
    ),
    "a key that was revoked": Fault("Your store does not take our key any more.", revoke, put_back),
    "a key that may only read": Fault(
        "Our key may only read in your store.", of_key("rights", "read"), of_key("rights", "read_write")
    ),
    "an owner who lost his rights": Fault(
        "The account that connected your store lost its rights there.", of_key("admin", False), of_key("admin", True)
    ),
}  # fmt: skip


def banner(woo: Connected, browser: Browser) -> str:
    """What the merchant's first page says is the matter."""
    page = browser.get("/")
    assert page.status_code == 200
    found = page.text.partition('class="notice warn"')[2].partition("</div>")[0]
    return found.partition("<strong>")[2].partition("</strong>")[0].replace("&#39;", "'")


def sweep(woo: Connected) -> bool:
    """The sweep of these five minutes; whether it went through."""
    woo.clock.forward(minutes=5)
    try:
        woo.house.reconcile(woo.shop)
    except StoreError:
        return False
    return True


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_and_its_banner_goes_with_its_cause(woo: Connected, name: str) -> None:
    fault, browser = FAULTS[name], woo.connect()
    assert sweep(woo)
    assert banner(woo, browser) == ""
    fault.comes(woo.store)
    for _ in range(3):
        assert not sweep(woo)
        assert banner(woo, browser) == fault.title
    fault.goes(woo.store)
    assert sweep(woo)
    assert banner(woo, browser) == ""


def test_a_store_that_sends_us_in_a_circle_is_named(woo: Connected) -> None:
    browser = woo.connect()
    for location in (f"{woo.url}/wp-json/", "https://["):
        redirects(location)(woo.store)
        assert not sweep(woo)
        assert banner(woo, browser) == "Your store sends us in a circle."
    calm(woo.store)
    assert sweep(woo)
    assert banner(woo, browser) == ""


def test_a_store_that_does_not_answer_in_time_is_named(woo: Connected) -> None:
    browser, answered = woo.connect(), threading.Event()
    quick = Limits(connect_s=2.0, read_s=0.2, total_s=0.4)
    way = HttpSession(before_request=refuse_in_transaction, limits=quick, authorities=woo.authorities)
    woo.house._ways["https"] = way  # type: ignore[index]  # one that has less patience than a real one

    def wait() -> Response:
        answered.wait(60)
        return Response("")

    woo.store.faults.always = wait
    assert not sweep(woo)
    assert banner(woo, browser) == "Your store does not answer in time."
    woo.store.faults.always = None
    answered.set()
    assert sweep(woo)
    assert banner(woo, browser) == ""


def test_a_store_behind_a_proxy_that_ends_tls_goes_on_without_a_word(woo: Connected) -> None:
    browser = woo.connect()
    for sees, mode in ((False, "oauth"), (True, "basic")):
        woo.store.sees_tls = sees
        # A store that sees plain HTTP calls that its address too.
        assert sweep(woo)
        assert banner(woo, browser) == ""
        with woo.house.database.work(woo.shop.shop_id) as work:
            kept = connections.current(work)
        assert kept is not None
        assert kept.mode == mode


class Fast:
    """A clock ahead of ours by as much as it is told."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.ahead = clock, timedelta(0)

    def __call__(self) -> datetime:
        return self.clock() + self.ahead


class Used(dict[str, int]):
    """Nonces, some of which were used by whoever repeats our questions."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def __contains__(self, nonce: object) -> bool:
        self.times -= 1
        return self.times >= 0 or super().__contains__(nonce)


@pytest.fixture
def plain(database: Database, clock: Clock, certificate: Path) -> Iterator[Connected]:
    """A store on plain HTTP, where questions are signed."""
    with beside(database, clock, certificate, "http") as connected:
        yield connected


def test_a_clock_an_hour_off_is_made_up_for_where_the_store_tells_its_time(plain: Connected) -> None:
    browser = plain.connect()
    plain.store.clock = fast = Fast(plain.clock)
    for hours in (1, -1):
        fast.ahead = timedelta(hours=hours)
        assert sweep(plain)
        assert banner(plain, browser) == ""


def test_a_clock_an_hour_off_behind_a_proxy_with_a_right_one_is_named(plain: Connected) -> None:
    browser = plain.connect()
    plain.store.clock = fast = Fast(plain.clock)
    fast.ahead = timedelta(hours=1)
    plain.store.date_header = plain.clock
    assert not sweep(plain)
    assert banner(plain, browser) == "Your store's clock is wrong."
    fast.ahead = timedelta(0)
    assert sweep(plain)
    assert banner(plain, browser) == ""


def test_a_nonce_that_was_used_costs_nothing_and_all_of_them_are_named(plain: Connected) -> None:
    browser = plain.connect()
    (key,) = plain.store.keys
    key.nonces = Used(1)
    assert sweep(plain)
    key.nonces = Used(1000)
    assert not sweep(plain)
    assert banner(plain, browser) == "Something in front of your store asks everything twice."
    key.nonces = {}
    assert sweep(plain)
    assert banner(plain, browser) == ""


def test_what_waits_for_a_key_that_may_write_again_goes_out_with_the_next_sweep(woo: Connected) -> None:
    browser = woo.connect()
    sara = woo.store.register("sara@example.test")
    of_key("rights", "read")(woo.store)
    with woo.house.database.work(woo.shop.shop_id) as work:
        outbox.put(work, [SetTags(str(sara), "stage:", ("stage:lead",), ("stage:active", "stage:lead"))])
    woo.clock.forward(seconds=TAGS_REST_SECONDS + 1)
    while woo.house.outbox.push_round():
        pass
    assert banner(woo, browser) == "Our key may only read in your store."
    assert woo.store.meta(sara, "lifecycle_stage") is None
    of_key("rights", "read_write")(woo.store)
    assert sweep(woo)
    assert banner(woo, browser) == ""
    woo.clock.forward(seconds=1)
    while woo.house.outbox.push_round():
        pass
    assert woo.store.meta(sara, "lifecycle_stage") == "lead"


def test_a_store_that_lets_us_read_alone_is_still_read(woo: Connected) -> None:
    browser = woo.connect()
    of_key("rights", "read")(woo.store)
    sara = woo.store.register("sara@example.test")
    woo.store.order([Line("Tea pot", "25.00", 4)], customer=sara, status="completed", billing=SARA)
    assert not sweep(woo)
    assert banner(woo, browser) == "Our key may only read in your store."
    assert woo.points(sara) == 100


def test_a_key_that_was_revoked_is_healed_by_connecting_again(woo: Connected) -> None:
    browser = woo.connect()
    woo.store.keys.clear()
    assert not sweep(woo)
    page = browser.get("/").text
    assert '<a href="/woocommerce">Let Perennial in again</a>' in page
    woo.connect(browser)
    assert banner(woo, browser) == ""
    assert sweep(woo)


def test_every_reason_for_which_a_hosted_store_closes_has_an_advice_of_its_own() -> None:
    reasons = [value for name, value in vars(rest).items() if name.startswith("CLOSED_")]
    assert len(reasons) > 10
    unknown = advice("something that nobody thought of").title
    assert [reason for reason in reasons if advice(reason).title == unknown] == []
