"""Five ways in which a friend comes, from an advocate's link to the advocate's points, through the store's own pages.

Each story is told twice: as it happened, and with its deliveries doubled and in any order. Both end in the same books.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import Client

import loyalty
import referral
from engine.work import Database
from referral import Policy
from sandbox.customers import Customer
from sandbox.faults import Faults
from tests.flows.conftest import Loop, open_loop
from tests.ground import Clock, Superuser

DECISIONS = """
    SELECT o.name, c.external_id, a.source, a.why, a.verdict, a.pay FROM attributions a
    JOIN orders o USING (shop_id, order_id) JOIN customers c ON c.shop_id = a.shop_id AND c.customer_id = a.advocate_id
    WHERE a.shop_id = %s ORDER BY o.order_id
"""
TELLINGS = [
    pytest.param(None, id="as it happened"),
    *(pytest.param(Faults(duplicate=0.7, reorder=10_000, seed=seed), id=f"shuffled {seed}") for seed in (1, 2, 3)),
]
ADVOCATE_TAGS = {"stage:advocate", "referral:advocate", "referral:brought-1"}


@pytest.fixture
def loop(database: Database, clock: Clock) -> Iterator[Loop]:
    """A store in which Anna and Chiara have each bought a teapot, for 43 points, a while ago. It is today: the platform
    signs what it passes on to our pages by the computer's clock.
    """
    database.clock = then = Clock(clock.now - timedelta(days=3))
    with open_loop(database, then) as opened:
        opened.install_long_ago()
        for email, name in (("anna@example.com", "Anna"), ("chiara@example.com", "Chiara")):
            customer = opened.world.add_customer(email, name, "Vos")
            opened.world.place_order([("POT", 1)], customer=customer)
            then.forward(hours=1)
        opened.come_to_rest()
        then.now = clock.now
        yield opened


@pytest.fixture
def anna(loop: Loop) -> Customer:
    return loop.world.shop().customers[0]


@pytest.fixture
def chiara(loop: Loop) -> Customer:
    return loop.world.shop().customers[1]


def _device(loop: Loop) -> Client:
    """A browser of its own, with nothing in it."""
    return Client(loop.store.application)


def _link(loop: Loop, advocate: Customer) -> str:
    """The advocate's link, read from our page in the store."""
    browser = _device(loop)
    assert browser.post("/store/login", data={"email": advocate.email}).status_code == 303
    page = browser.get("/apps/perennial/").text
    found = re.search(r'readonly value="[^"]*?(/apps/perennial/r/[^"]+)"', page)
    assert found is not None, page
    return unescape(found[1])


def _passed_on(loop: Loop, link: str, channel: str) -> str:
    """The link as a friend gets it in a messenger, after a press on that way to share it."""
    code = link.rpartition("=")[2]
    answer = _device(loop).get(f"/apps/perennial/share/{channel}/{code}")
    assert answer.status_code == 302, answer.text
    said = parse_qs(urlsplit(answer.headers["Location"]).query)["text"][0]
    return f"/apps/perennial{said.rpartition('/apps/perennial')[2]}"


def _hidden(page: str, name: str) -> str:
    """What a hidden field of a page of ours carries."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return unescape(found[1])


def _claim(browser: Client, path: str, **form: str) -> str:
    """The friend's code, after filling in one of our forms."""
    answer = browser.post(path, data=form)
    found = re.search(r"<code>(FRIEND-\w+)</code>", answer.text)
    assert found is not None, answer.text
    return found[1]


def _buy(browser: Client, email: str, code: str = "") -> None:
    """A teapot, by a new customer of the store."""
    assert browser.post("/store/register", data={"email": email, "first_name": "Bo"}).status_code == 303
    browser.post("/store/cart/add", data={"sku": "POT", "quantity": 1})
    if code:
        browser.post("/store/cart", data={"code": code})
    answer = browser.post("/store/checkout", data={})
    assert answer.status_code == 303, answer.text


def _decided(loop: Loop, above: Superuser) -> list[tuple[Any, ...]]:
    return above.run(DECISIONS, loop.shop.shop_id)


def _proven(loop: Loop) -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        assert loyalty.verify(work) == []


@pytest.fixture(params=TELLINGS)
def faults(request: pytest.FixtureRequest) -> Faults | None:
    return request.param


@pytest.fixture
def tell(loop: Loop, faults: Faults | None) -> None:
    """From here on, deliveries come as this telling has them."""
    if faults is not None:
        loop.world.courier.misbehave(faults)


def _take_back(loop: Loop, anna: Customer, before: int) -> None:
    """The friend's teapot goes back: so does all that it brought, and the stage and tags with it."""
    loop.clock.forward(seconds=1)
    loop.world.refund(loop.world.shop().orders[-1])
    loop.come_to_rest()
    assert loop.points(anna.id).points == before
    assert anna.tags == ("stage:acquired",)
    _proven(loop)


@pytest.mark.usefixtures("tell")
def test_a_friend_comes_by_the_link(loop: Loop, above: Superuser, anna: Customer) -> None:
    before, phone = loop.points(anna.id).points, _device(loop)
    address = _passed_on(loop, _link(loop, anna), "whatsapp")
    opened = phone.get(address)
    assert opened.status_code == 200
    code = _claim(phone, address.partition("?")[0], contact="bo@example.com", channel=_hidden(opened.text, "channel"))
    loop.push()
    assert phone.get(f"/discount/{code}?redirect=%2F").status_code == 303
    _buy(phone, "bo@example.com")
    loop.come_to_rest()
    assert _decided(loop, above) == [("#1003", str(anna.id), "friend_code", "agreed", "friend", "owed")]
    assert loop.points(anna.id).points == before + 200
    assert loop.points(anna.id).pending == before + 200
    assert set(anna.tags) == ADVOCATE_TAGS
    with loop.database.work(loop.shop.shop_id) as work:
        found = referral.figures(work)
    by_channel = [(f.channel, f.shares, f.clicks, f.claims, f.orders, f.rewards) for f in found.funnels]
    assert by_channel == [("whatsapp", 1, 1, 1, 1, 1)]
    assert [(a.external_id, a.shares, a.clicks, a.rewards) for a in found.advocates] == [(str(anna.id), 1, 1, 1)]
    _take_back(loop, anna, before)


@pytest.mark.usefixtures("tell")
def test_a_friend_comes_by_a_code_that_was_typed_elsewhere(loop: Loop, above: Superuser, anna: Customer) -> None:
    before, said = loop.points(anna.id).points, _link(loop, anna).rpartition("=")[2]
    code = _claim(_device(loop), "/apps/perennial/invited", who=said.lower(), contact="+98 912 123 4567")
    loop.push()
    _buy(_device(loop), "bo@example.com", code)
    loop.come_to_rest()
    assert _decided(loop, above) == [("#1003", str(anna.id), "friend_code", "only", "friend", "owed")]
    assert loop.points(anna.id).points == before + 200
    _take_back(loop, anna, before)


@pytest.mark.usefixtures("tell")
def test_a_friend_names_who_invited_them(loop: Loop, above: Superuser, anna: Customer) -> None:
    before = loop.points(anna.id).points
    _link(loop, anna)
    _claim(_device(loop), "/apps/perennial/invited", who="ánna  VOS", contact="bo@example.com")
    loop.clock.forward(minutes=5)
    _buy(_device(loop), "bo@example.com")
    loop.come_to_rest()
    assert _decided(loop, above) == [("#1003", str(anna.id), "name", "only", "friend", "owed")]
    assert loop.points(anna.id).points == before + 200
    _take_back(loop, anna, before)


@pytest.mark.usefixtures("tell")
def test_a_friend_claims_on_a_telephone_and_buys_at_a_desk(loop: Loop, above: Superuser, anna: Customer) -> None:
    before, address = loop.points(anna.id).points, _link(loop, anna)
    _claim(_device(loop), address.partition("?")[0], contact="Bo@Example.com")
    loop.clock.forward(days=2)
    _buy(_device(loop), "bo@example.com")
    loop.come_to_rest()
    assert _decided(loop, above) == [("#1003", str(anna.id), "person", "only", "friend", "owed")]
    assert loop.points(anna.id).points == before + 200
    _take_back(loop, anna, before)


@pytest.mark.usefixtures("tell")
def test_two_advocates_claim_a_friend_and_one_is_rewarded(
    loop: Loop, above: Superuser, anna: Customer, chiara: Customer
) -> None:
    before = [loop.points(each.id).points for each in (anna, chiara)]
    code = _claim(_device(loop), _link(loop, anna).partition("?")[0], contact="bo@example.com")
    hers = _link(loop, chiara).rpartition("=")[2]
    loop.push()
    loop.clock.forward(days=2)
    desk = _device(loop)
    desk.get(f"/store/?ref={hers}")
    desk.post("/cart/update.js", json={"attributes": {"perennial_ref": hers}})
    _buy(desk, "bo@example.com", code)
    loop.come_to_rest()
    assert _decided(loop, above) == [("#1003", str(anna.id), "friend_code", "stronger", "friend", "owed")]
    assert [loop.points(each.id).points for each in (anna, chiara)] == [before[0] + 200, before[1]]
    with loop.database.work(loop.shop.shop_id) as work:
        file = referral.hearing(work, "#1003")
        flips = list(referral.replay(work, Policy(code_first=False)))
    assert file is not None
    named = sorted({(m.source.value, m.advocate_id) for m in file.mentions})
    assert {source for source, _ in named} >= {"friend_code", "person", "landing"}
    assert {who for _, who in named} == {loop.customer_id(anna.id), loop.customer_id(chiara.id)}
    assert [(flip.advocate_id, flip.instead) for flip in flips] == [
        (loop.customer_id(anna.id), loop.customer_id(chiara.id))
    ]
    _take_back(loop, anna, before[0])
