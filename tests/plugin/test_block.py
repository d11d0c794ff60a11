"""The block in the shop's pages: what it says to whom, at the gate in front of the pages, and nothing where we fail."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from a2wsgi import ASGIMiddleware, WSGIMiddleware
from werkzeug.test import Client, TestResponse

import loyalty
from commerce.events import CustomerFact
from engine import facts, terms
from engine.shops import Shop
from plugin.storefront import glance, look
from plugin.storefront.blocks import BlockDoor
from plugin.storefront.glance import NOTHING, Glances
from plugin.storefront.together import Together
from tests.ground import EventLoop, Superuser
from tests.plugin.conftest import CLIENT_SECRET, PREFIX, House, Shopper, order, person
from tests.plugin.markup import Page, flat

LEVELS = [
    {"key": "silver", "name": "Silver <b>", "enter": 10_000, "keep": 10_000},
    {"key": "gold", "name": "Gold", "enter": 50_000, "keep": 50_000},
    {"key": "staff", "name": "Staff", "enter": 90_000, "keep": 90_000, "hidden": True},
]
REWARDS = [
    {"key": "five-off", "title": "5.00 USD off", "points": 100, "amount_minor": 500, "code_days": 30},
    {"key": "mug", "title": "<script>alert(1)</script>", "points": 300, "amount_minor": 2000, "code_days": 30},
]


# Longer than any machine takes, however busy; how long the gate itself waits is asked where it matters.
PATIENT = 30.0


def gate(house: House, patience: float = PATIENT) -> Any:
    behind = WSGIMiddleware(house.app)  # type: ignore[arg-type]  # its environ is a TypedDict
    door = BlockDoor(behind, house.installer.shopify.proxied, Glances(house.app), patience)
    return Client(ASGIMiddleware(door))  # type: ignore[arg-type]


@pytest.fixture
def crowd(house: House, shop: Shop) -> Shopper:
    """A stranger before the gate."""
    return Shopper(gate(house), shop)


@pytest.fixture
def rich(house: House, shop: Shop) -> None:
    """Customer 7 has 250 points to spend and 40 that are pending; 8 has bought nothing yet."""
    _publish(house, shop)
    house.clock.forward(seconds=1)
    now = house.clock.now
    ada = person("7", now - timedelta(days=60))
    house.settle(shop, order(1001, ada, now, 25_000))
    house.clock.forward(days=20)
    house.settle(shop, order(1002, ada, house.clock.now, 4_000))


def _publish(house: House, shop: Shop) -> None:
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, tiers={"levels": LEVELS}, rewards=REWARDS)


def said(answer: TestResponse) -> str:
    """The words of a block in which nothing is wrong."""
    assert Page(answer.text).wrong == []
    return words(answer)


def words(answer: TestResponse) -> str:
    assert answer.status_code == 200
    return flat(re.sub(r"<[^>]*>", " ", answer.text).replace("\u00a0", " "))


@pytest.mark.usefixtures("rich")
def test_somebody_sees_what_they_have_what_comes_next_and_where_they_stand(crowd: Shopper, shop: Shop) -> None:
    answer = Shopper(crowd.client, shop, "7").get("/block")
    assert said(answer) == (
        "250 points and 40 points pending Enough for 5.00 USD off . "
        "50 points to go to &lt;script&gt;alert(1)&lt;/script&gt; "
        "Your tier: Silver &lt;b&gt; . 210.00 USD more leads to Gold . Use your points"
    )
    assert '<progress max="300" value="250"' in answer.text
    assert '<progress max="50000" value="29000"' in answer.text
    assert f'href="{PREFIX}/"' in answer.text


@pytest.mark.usefixtures("rich")
def test_the_gate_answers_as_the_pages_do(crowd: Shopper, house: House, shop: Shop) -> None:
    behind, given = house.app.test_client(), dict[str, str]()
    for who in ("7", "8", ""):
        for language in ("en", "fa", "ar", "ro"):
            for path in ("/block", "/block/"):
                before = Shopper(crowd.client, shop, who).get(path, lang=language)
                after = Shopper(behind, shop, who).get(path, lang=language)
                assert (before.status_code, before.text) == (200, after.text)
                assert Page(before.text).wrong == []
                kept = {name.lower(): value for name, value in after.headers if name != "Content-Encoding"}
                given = {name.lower(): value for name, value in before.headers}
                assert {**given, "content-length": "-"} == {**kept, "content-length": "-"}
    assert given["content-type"] == "text/html; charset=utf-8"
    assert given["cache-control"] == "private, no-store"
    assert "set-cookie" not in given


@pytest.mark.usefixtures("rich")
def test_the_block_is_a_piece_of_a_page_and_brings_nothing_along(crowd: Shopper, shop: Shop) -> None:
    for who in ("7", "8", ""):
        text = Shopper(crowd.client, shop, who).get("/block").text
        assert text.startswith('<section class="perennial perennial-glance"')
        assert text.rstrip().endswith("</section>")
        assert not re.search(r"<(link|script|style|img|form)|\bon[a-z]+=|\x02|\x03", text)


@pytest.mark.usefixtures("rich")
def test_a_language_is_the_one_that_the_browser_asks_for(crowd: Shopper, shop: Shop) -> None:
    sara = Shopper(crowd.client, shop, "7")
    for accepted, code, direction in (("fa-IR,fa;q=0.9", "fa", "rtl"), ("ro", "ro", "ltr"), ("xx", "en", "ltr")):
        page = sara.client.get(f"/proxy/block?{sara.query()}", headers={"Accept-Language": accepted}).text
        assert f'lang="{code}" dir="{direction}"' in page
    assert "۲۵۰\u00a0امتیاز" in sara.get("/block", lang="fa").text


@pytest.mark.usefixtures("rich")
def test_whoever_has_chosen_a_language_is_answered_in_it_and_their_neighbour_is_not(
    crowd: Shopper, house: House, shop: Shop
) -> None:
    with house.database.work(shop.shop_id) as work:
        facts.record(work, [CustomerFact("7", facts.LANGUAGE, "ro", house.clock.now)])
    for client in (crowd.client, house.app.test_client()):
        assert 'lang="ro"' in Shopper(client, shop, "7").get("/block").text
        assert 'lang="en"' in Shopper(client, shop, "8").get("/block").text


def test_a_stranger_is_told_what_the_program_offers_and_where_to_log_in(crowd: Shopper) -> None:
    answer = crowd.get("/block")
    assert said(answer) == (
        "You earn 1 point for each 1.00 USD of goods that you buy and keep. Points can be spent 14 days after the "
        "order. 5.00 USD off for 100 points. Log in to see your points What the program offers"
    )
    assert f'href="/account/login?return_url={PREFIX}/"' in answer.text


def test_whoever_has_bought_nothing_yet_is_told_so(crowd: Shopper, shop: Shop) -> None:
    page = said(Shopper(crowd.client, shop, "8").get("/block"))
    assert "No orders yet. Your points start with your first order." in page
    assert "Log in" not in page


@pytest.mark.usefixtures("rich")
def test_points_that_were_spent_are_gone_at_the_next_look(crowd: Shopper, house: House, shop: Shop) -> None:
    sara = Shopper(crowd.client, shop, "7")
    assert said(sara.get("/block")).startswith("250 points ")
    with house.database.work(shop.shop_id) as work:
        loyalty.redeem(work, house.customer_id(shop, "7"), "7", "five-off", "click")  # type: ignore[arg-type]
    assert said(sara.get("/block")).startswith("150 points ")


@pytest.mark.usefixtures("rich")
def test_a_hidden_tier_looks_like_none(crowd: Shopper, house: House, shop: Shop) -> None:
    house.settle(shop, order(1003, person("9", house.clock.now), house.clock.now, 95_000))
    page = said(Shopper(crowd.client, shop, "9").get("/block"))
    assert "Staff" not in page
    assert "tier" not in page


@pytest.mark.usefixtures("rich")
def test_two_shops_with_the_same_customers_are_two(crowd: Shopper, house: House, shop: Shop, next_door: Shop) -> None:
    now = house.clock.now
    house.settle(next_door, order(1, person("7", now), now - timedelta(days=15), 1_000))
    assert said(Shopper(crowd.client, next_door, "7").get("/block")).startswith("10 points ")
    assert said(Shopper(crowd.client, shop, "7").get("/block")).startswith("250 points ")


@pytest.mark.usefixtures("rich")
def test_the_block_looks_as_the_shop_s_other_pages_do(crowd: Shopper, house: House, shop: Shop) -> None:
    called = {"en": {"headline": "", "intro": "", "point": "star", "points": "stars"}}
    _look(house, shop, {"accent": "#1a5f4a", "words": called})
    sara = Shopper(crowd.client, shop, "7")
    page = sara.get("/block").text.replace("\u00a0", " ")
    assert 'style="--perennial-accent:#1a5f4a;--perennial-on-accent:#ffffff"' in page
    assert "<strong>250 stars</strong>" in page
    assert "50 stars to go to" in page
    assert all("point" not in words(Shopper(crowd.client, shop, who).get("/block")) for who in ("7", "8", ""))
    house.app.extensions["remembered"]._known.clear()
    _look(house, shop, {"language": "ro"})
    assert 'lang="ro"' in sara.get("/block", lang="en").text
    house.app.extensions["remembered"]._known.clear()
    _look(house, shop, {"off": ["block"]})
    assert sara.get("/block").text == NOTHING


def _look(house: House, shop: Shop, body: dict[str, Any]) -> None:
    with house.database.work(shop.shop_id) as work:
        terms.publish(work, look.DOMAIN, body)


def test_whoever_is_not_vouched_for_is_refused(crowd: Shopper, house: House, shop: Shop) -> None:
    sara = Shopper(crowd.client, shop, "7")
    assert crowd.client.get("/proxy/block").status_code == 401
    assert crowd.client.get(f"/proxy/block?{sara.query()}&logged_in_customer_id=8").status_code == 401
    assert crowd.client.get(f"/proxy/block?{sara.query()}".replace("id=7", "id=8")).status_code == 401
    assert sara.client.post(f"/proxy/block?{sara.query()}").status_code == 405
    nowhere = Shop(**{f.name: getattr(shop, f.name) for f in fields(shop)} | {"domain": "nobody.myshopify.com"})
    assert Shopper(crowd.client, nowhere, "7").get("/block").status_code == 404
    assert CLIENT_SECRET not in crowd.get("/block").text
    assert house.app is not None


# --- where we are slow or away


@pytest.mark.usefixtures("rich")
def test_a_slow_database_is_answered_at_once_with_nothing_and_is_well_again_later(
    house: House, shop: Shop, above: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    sara = Shopper(gate(house, patience=0.5), shop, "7")
    with above.connection.transaction():
        above.run("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        for _ in range(2):
            answer = sara.get("/block")
            assert (answer.status_code, answer.data) == (503, b"")
            assert answer.headers["Cache-Control"] == "no-store"
    # The gate's own patience, and not the database's, which ends later.
    assert caplog.text.count("a block was not read in time (TimeoutError)") == 2
    assert said(_when_well(sara)).startswith("250 points ")


def _when_well(shopper: Shopper) -> TestResponse:
    """The first answer after the last of those was given up for whom nobody waits any more."""
    until = time.monotonic() + 60
    while (answer := shopper.get("/block")).status_code == 503 and time.monotonic() < until:
        pass
    return answer


@pytest.mark.usefixtures("rich")
def test_the_pages_give_a_slow_database_up_too(
    house: House, shop: Shop, above: Superuser, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glance, "PATIENCE_MS", 500)
    with above.connection.transaction():
        # Only what the block itself reads: who asks is looked up by the pages as always.
        above.run("LOCK TABLE lots IN ACCESS EXCLUSIVE MODE")
        answer = Shopper(house.app.test_client(), shop, "7").get("/block")
        assert (answer.status_code, answer.data) == (503, b"")
    # Everybody else waits for a lock until the lock's own time is over.
    assert "canceling statement due to statement timeout" in caplog.text


# --- many at the same moment


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    running = EventLoop()
    yield running
    running.close()


def test_those_who_come_meanwhile_are_the_next_batch_and_nobody_waits_for_another_shop(loop: EventLoop) -> None:
    batches, begun, go = list[list[int]](), threading.Event(), threading.Event()

    def answer_all(asked: Sequence[int]) -> list[str | Exception]:
        batches.append(list(asked))
        if asked[0] == 0:
            begun.set()
            assert go.wait(60)
        return [KeyError(each) if each == 3 else f"told {each}" for each in asked]

    async def crowd() -> list[Any]:
        together = Together(answer_all, ThreadPoolExecutor(2), most=3)
        first = asyncio.ensure_future(together.ask("a", 0))
        await asyncio.to_thread(begun.wait, 60)
        rest = [asyncio.ensure_future(together.ask("a", number)) for number in range(1, 6)]
        assert await together.ask("b", 7) == "told 7"
        rest[1].cancel()
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(first, *rest, return_exceptions=True)

    answers = loop.run(crowd())
    assert batches == [[0], [7], [1, 3, 4], [5]]
    assert [type(answer) if isinstance(answer, BaseException) else answer for answer in answers] == [
        "told 0", "told 1", asyncio.CancelledError, KeyError, "told 4", "told 5",
    ]  # fmt: skip


def test_an_address_with_many_fields_is_answered_like_any_other(crowd: Shopper) -> None:
    answer = crowd.get("/block", lang="fa", **{f"utm_{number:02}": "x" for number in range(60)})
    assert (answer.status_code, 'lang="fa"' in answer.text) == (200, True)


def test_what_breaks_a_batch_is_told_to_each_of_it_and_the_next_is_answered(loop: EventLoop) -> None:
    def answer_all(asked: Sequence[int]) -> list[int]:
        if 1 in asked:
            raise RuntimeError("the database is gone")
        return list(asked)

    async def crowd() -> list[Any]:
        together = Together[int, int](answer_all, ThreadPoolExecutor(1), most=9)
        both = await asyncio.gather(together.ask("a", 1), together.ask("a", 1), return_exceptions=True)
        return [*both, await together.ask("a", 2)]

    answers = loop.run(crowd())
    assert [str(answer) for answer in answers] == ["the database is gone", "the database is gone", "2"]
