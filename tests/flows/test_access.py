"""Getting in and staying in: forged visitors, lost answers, stores that refuse us, rights taken back, apps removed and
installed again. Nothing is lost or doubled, and the merchant reads what to do.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from werkzeug.test import TestResponse

from app import House
from commerce.store import PutSegment, StoreError
from connectors.shopify import BOUNCE_PATH, SCOPES, Token, TokenKeeper
from engine import shops
from engine.outbox import put
from engine.settings import read
from engine.work import Database
from lifecycle import STAGES
from plugin.install import keeper
from sandbox.launch import FLAWS, fresh_token, launch_url
from tests.flows.conftest import CLIENT_SECRET, Loop, open_loop
from tests.ground import Clock, Superuser
from tests.plugin.markup import flat

ENVIRONMENT = {
    "PERENNIAL_URL": "https://perennial.example",
    "PERENNIAL_SEAL_KEYS": Fernet.generate_key().decode(),
    "SHOPIFY_CLIENT_ID": "client",
    "SHOPIFY_CLIENT_SECRET": CLIENT_SECRET,
}
TAG = re.compile(r"<[^>]+>")
PAGES = ("/", "/customers", "/activity", "/privacy")


@pytest.fixture
def loop(database: Database) -> Iterator[Loop]:
    """A store whose merchant installed us two hours ago; it is now, and our access token has ended meanwhile."""
    today = datetime.now(UTC).replace(microsecond=0)
    database.clock = clock = Clock(today - timedelta(hours=2))
    with open_loop(database, clock) as opened:
        opened.install_long_ago()
        opened.come_to_rest()
        clock.now = today
        yield opened


def launch(loop: Loop, path: str = "/", flaw: str | None = None) -> TestResponse:
    """The merchant opens the app: by the computer's clock, as the package that checks ID tokens has no other."""
    clock, loop.world.clock = loop.world.clock, time.time
    try:
        address = launch_url(loop.world, loop.world.shop(loop.domain), path, flaw)
        return loop.door.get(address.removeprefix(loop.world.app.app_url), buffered=True)
    finally:
        loop.world.clock = clock


def segments_made(loop: Loop) -> int:
    return loop.world.mutations["segmentCreate"]


def want_a_segment(loop: Loop, tag: str = "stage:test") -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        put(work, [PutSegment(f"Test of {tag}", tag)])


def waiting(loop: Loop, above: Superuser) -> tuple[int, int]:
    """Effects that wait, and effects that are parked."""
    ((waits, parked),) = above.run(
        "SELECT count(*) FILTER (WHERE pushed_at IS NULL AND parked_at IS NULL),"
        " count(*) FILTER (WHERE parked_at IS NOT NULL) FROM effects WHERE shop_id = %s",
        loop.shop.shop_id,
    )
    return waits, parked


def banner(loop: Loop, path: str = "/") -> str:
    """What the notices above the page say."""
    page = launch(loop, path)
    assert page.status_code == 200, page.text
    above_heading = page.text.partition('tabindex="-1">')[2].partition("<h1")[0]
    return flat(unescape(TAG.sub("", above_heading)))


# --- forged visitors


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_visitor_whose_token_is_wrong_is_sent_for_another_and_nothing_is_written(
    database: Database, clock: Clock, above: Superuser, flaw: str
) -> None:
    before = above.one("SELECT count(*) FROM shops")
    with open_loop(database, clock) as loop:
        loop.world.install()
        page = launch(loop, flaw=flaw)
        assert page.status_code == 302
        assert urlsplit(page.location).path == BOUNCE_PATH
        assert "id_token" not in page.location
        token = fresh_token(loop.world, loop.world.shop(), flaw)
        fetched = loop.door.get("/", headers={"Authorization": f"Bearer {token}"}, buffered=True)
        assert fetched.status_code == 401
        assert fetched.headers["X-Shopify-Retry-Invalid-Session-Request"] == "1"
        assert above.one("SELECT count(*) FROM shops") == before
        assert loop.world.stats["token_requests"] == 0
        assert launch(loop).status_code == 200
        assert loop.shop.installed


# --- lost answers


def test_a_refresh_answered_520_after_it_took_effect_is_asked_for_again(loop: Loop, above: Superuser) -> None:
    asked = loop.world.stats["token_requests"]
    loop.world.outages.lost_grants = 1
    want_a_segment(loop)
    loop.push()
    assert loop.world.outages.lost_grants == 0
    assert loop.world.stats["token_requests"] == asked + 2
    assert waiting(loop, above) == (0, 0)
    assert segments_made(loop) == len(STAGES) + 1


def test_a_refresh_whose_answers_are_all_lost_is_made_good_later(loop: Loop, above: Superuser) -> None:
    """As after a crash: we still hold the refresh token that the platform has replaced many times already."""
    # Each of three tries at the push asks twice.
    loop.world.outages.lost_grants = 6
    want_a_segment(loop)
    loop.push()
    assert loop.world.outages.lost_grants == 0
    assert waiting(loop, above) == (1, 0)
    loop.clock.forward(minutes=1)
    loop.push()
    assert waiting(loop, above) == (0, 0)
    assert segments_made(loop) == len(STAGES) + 1


def test_processes_that_need_a_token_at_once_ask_for_one(loop: Loop) -> None:
    """Each has a keeper of its own, as each process has; the lock is the database's."""
    asked = loop.world.stats["token_requests"]
    doors = loop.installer
    keepers = [keeper(loop.database, doors.seal, doors.shopify, loop.shop) for _ in range(6)]
    together, got = threading.Barrier(len(keepers)), list[str]()

    def need(one: TokenKeeper) -> None:
        together.wait(60)
        got.append(one())

    threads = [threading.Thread(target=need, args=(one,)) for one in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == len(keepers)
    assert len(set(got)) == 1
    assert loop.world.stats["token_requests"] == asked + 1


# --- stores that refuse us

REFUSED: Mapping[int, str] = {
    402: "Your store is frozen. The platform waits for a payment.",
    403: "The platform does not let our servers in. It takes an app's questions only from addresses on a list",
    404: "The platform does not find your store.",
    423: "Your store is locked.",
}


@pytest.mark.parametrize("status", REFUSED)
def test_a_store_that_refuses_us_is_told_on_every_page_and_nothing_is_lost(
    loop: Loop, above: Superuser, status: int
) -> None:
    loop.world.outages.refusing = status
    refusals = loop.world.stats["refused"]
    for number in range(3):
        want_a_segment(loop, f"stage:test-{number}")
    loop.push()
    assert loop.world.stats["refused"] == refusals + 1, "one refusal closes the shop for all its effects"
    assert waiting(loop, above) == (3, 0)
    for path in PAGES:
        said = banner(loop, path)
        assert REFUSED[status] in said, path
        assert "Nothing is lost" in said
    anna = loop.world.add_customer("anna@example.com", "Anna", "Vos")
    loop.deliver()
    loop.settle()
    assert loop.customer_id(anna.id), "deliveries come in as ever"

    loop.world.outages.refusing = 0
    loop.clock.forward(minutes=11)
    loop.come_to_rest()
    assert waiting(loop, above) == (0, 0)
    assert segments_made(loop) == len(STAGES) + 3
    assert anna.tags == ("stage:lead",)
    assert banner(loop) == ""


def test_a_store_that_refuses_the_first_visit_is_told_inside_its_frame(database: Database, clock: Clock) -> None:
    with open_loop(database, clock) as loop:
        loop.world.install()
        loop.world.outages.refusing = 403
        page = launch(loop)
        assert page.status_code == 503
        assert "The platform does not let our servers in." in page.text
        assert f"frame-ancestors https://{loop.domain} " in page.headers["Content-Security-Policy"]
        loop.world.outages.refusing = 0
        assert launch(loop).status_code == 200


def test_a_dead_token_is_healed_by_the_merchant_s_next_visit(loop: Loop, above: Superuser) -> None:
    installation = loop.world.install()
    installation.access.clear()
    installation.refresh.clear()
    want_a_segment(loop)
    loop.push()
    assert waiting(loop, above) == (1, 0)
    assert loop.shop.closed_reason == "the platform renews this token no more; a merchant has to open the app"
    assert banner(loop) == "", "the visit itself has renewed it"
    assert loop.shop.closed_until is None
    loop.push()
    assert waiting(loop, above) == (0, 0)


def test_a_store_that_refuses_our_comparison_is_told_although_nothing_waits(loop: Loop) -> None:
    house = House(read(ENVIRONMENT))
    vars(house).update(database=loop.database, reconciler=loop.reconciler)
    loop.world.outages.refusing = 403
    with pytest.raises(StoreError):
        house.reconcile(loop.shop)
    assert REFUSED[403] in banner(loop)
    loop.world.outages.refusing = 0
    house.reconcile(loop.shop)
    loop.clock.forward(minutes=11)
    assert banner(loop) == ""


def test_a_visit_that_brings_no_token_still_shows_what_we_know(loop: Loop) -> None:
    anna = loop.world.add_customer("anna@example.com", "Anna", "Vos")
    loop.deliver()
    loop.settle()
    with loop.database.work(loop.shop.shop_id) as work:
        shops.save_credentials(work, loop.installer.seal, None)
    loop.world.outages.refusing = 403
    assert REFUSED[403] in banner(loop, "/customers")
    assert "Anna Vos" in launch(loop, "/customers").text
    loop.world.outages.refusing = 0
    assert banner(loop) == ""
    loop.come_to_rest()
    assert anna.tags == ("stage:lead",)


# --- rights


def test_a_right_that_is_taken_back_is_told_and_what_needs_it_waits_for_it(loop: Loop, above: Superuser) -> None:
    fewer = tuple(scope for scope in SCOPES if scope != "write_customers")
    loop.world.grant_scopes((*fewer, "read_customers"))
    loop.deliver()
    loop.settle()
    assert loop.shop.scopes == tuple(sorted({*fewer, "read_customers"}))
    want_a_segment(loop)
    loop.push()
    assert waiting(loop, above) == (1, 0)
    for path in PAGES:
        said = banner(loop, path)
        assert "Perennial lacks a right in your store. Meanwhile tags and segments are not kept up to date." in said
        assert "it asks you to agree to write_customers." in said

    loop.world.grant_scopes(SCOPES)
    assert banner(loop) == "", "the visit brings a token with the new right, before any delivery"
    loop.push()
    assert waiting(loop, above) == (0, 0)
    loop.deliver()
    loop.settle()
    assert loop.shop.scopes == tuple(sorted(SCOPES))


def test_late_word_of_rights_does_not_undo_newer_word(loop: Loop) -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        assert shops.grant(work, ["read_orders"], work.now + timedelta(seconds=2))
        assert not shops.grant(work, ["write_orders"], work.now + timedelta(seconds=1))
    assert loop.shop.scopes == ("read_orders",)


# --- removed, and installed again


def test_a_shop_that_comes_back_finds_its_history_and_gets_its_segments_again(loop: Loop, above: Superuser) -> None:
    loop.clock.forward(hours=-1)
    anna = loop.world.add_customer("anna@example.com", "Anna", "Vos")
    loop.world.place_order([("POT", 2), ("TEA", 1)], customer=anna, shipping=595)
    loop.come_to_rest()
    shop, points = loop.shop, loop.points(anna.id)
    assert points.points == 105
    loop.clock.forward(seconds=5)
    loop.world.uninstall()
    want_a_segment(loop, "stage:waiting")
    loop.deliver()
    loop.settle()
    assert not loop.shop.installed
    assert above.one("SELECT count(*) FROM shop_credentials WHERE shop_id = %s", shop.shop_id) == 0
    made = dict(loop.world.mutations)
    loop.push()
    assert dict(loop.world.mutations) == made, "an app that was removed says nothing more"
    loop.world.shop().segments.remove(next(iter(loop.world.shop().segments)))

    loop.clock.now = datetime.now(UTC).replace(microsecond=0)
    again = loop.install()
    assert (again.shop_id, again.installed, again.installed_at) == (shop.shop_id, True, loop.clock())
    assert loop.points(anna.id) == points
    loop.come_to_rest()
    assert waiting(loop, above) == (0, 0)
    names = {segment.name for segment in loop.world.shop().segments}
    assert {f"Perennial: {stage.replace('_', ' ')}" for stage in STAGES} <= names
    assert "Test of stage:waiting" in names


def test_late_word_of_a_removal_does_not_close_a_shop_that_came_back_unnoticed(loop: Loop, above: Superuser) -> None:
    loop.clock.forward(seconds=-30)
    loop.world.uninstall()
    loop.clock.forward(seconds=20)
    loop.world.install()
    loop.clock.forward(seconds=10)
    assert launch(loop).status_code == 200, "to us this is a visit like any other: the token seems to live"
    loop.deliver()
    loop.settle()
    assert loop.shop.installed
    assert launch(loop).status_code == 200
    want_a_segment(loop)
    loop.push()
    assert waiting(loop, above) == (0, 0)
    loop.clock.forward(minutes=2)
    loop.world.uninstall()
    loop.deliver()
    loop.settle()
    assert not loop.shop.installed


# --- tokens that never end


def keep(loop: Loop, token: Token) -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        shops.save_credentials(work, loop.installer.seal, token.to_json())


def kept(loop: Loop) -> Token | None:
    with loop.database.work(loop.shop.shop_id) as work:
        stored = shops.load_credentials(work, loop.installer.seal)
    return Token.from_json(stored) if stored else None


def test_a_token_that_never_ends_is_exchanged_for_one_that_does(loop: Loop, above: Superuser) -> None:
    installation = loop.world.install()
    lasting = installation.grant("offline", "shpat_", loop.clock.timestamp(), None)
    keep(loop, Token(lasting.token, None, None, None, SCOPES))
    want_a_segment(loop)
    loop.push()
    token = kept(loop)
    assert token is not None
    assert token.expires_at is not None
    assert timedelta(0) <= loop.clock() + timedelta(hours=1) - token.expires_at <= timedelta(seconds=6)
    assert token.refresh_token in installation.refresh
    assert lasting.token not in installation.access
    assert waiting(loop, above) == (0, 0)


def test_a_token_that_never_ends_goes_on_while_the_platform_cannot_exchange_it(loop: Loop) -> None:
    installation = loop.world.install()
    lasting = installation.grant("offline", "shpat_", loop.clock.timestamp(), None)
    keep(loop, Token(lasting.token, None, None, None, SCOPES))
    loop.world.outages.refusing = 503
    want_a_segment(loop)
    loop.push()
    assert kept(loop) == Token(lasting.token, None, None, None, SCOPES)


def test_an_exchange_whose_answer_is_lost_needs_the_merchant_once(loop: Loop, above: Superuser) -> None:
    lasting = loop.world.install().grant("offline", "shpat_", loop.clock.timestamp(), None)
    keep(loop, Token(lasting.token, None, None, None, SCOPES))
    loop.world.outages.lost_grants = 1
    want_a_segment(loop)
    loop.push()
    assert kept(loop) is None
    assert waiting(loop, above) == (1, 0)
    assert launch(loop).status_code == 200
    loop.push()
    assert waiting(loop, above) == (0, 0)
