"""Rules for the goods of a collection, from the merchant's page to the points of an order; and what becomes of both
when the collection changes, is deleted, or cannot be read.
"""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

import loyalty
from engine import collections
from engine.collections import Collector
from engine.work import Database
from sandbox import merchant
from sandbox.customers import Customer
from sandbox.orders import Order
from sandbox.products import Collection
from sandbox.signing import id_token
from sandbox.woocommerce import Line
from tests.flows.conftest import Loop
from tests.flows.woo import open_woo
from tests.ground import Clock, Superuser
from tests.plugin.markup import flat, mistakes

PAGE = "/earning/collections"


def read(answer: TestResponse) -> str:
    """What somebody reads on a page."""
    return flat(unescape(re.sub(r"<[^>]*>", " ", answer.text)).replace("\u00a0", " "))


def ask(loop: Loop, path: str = PAGE, **form: str) -> TestResponse:
    """A page, or a form that is sent, by somebody of the shop's staff."""
    # The platform's package that checks tokens has a clock of its own, the computer's.
    app = loop.world.app
    token = id_token(loop.domain, app.client_id, app.client_secret, time.time(), user_id=42, session_id="s")
    headers = {"Authorization": f"Bearer {token}"}
    return loop.door.open(
        path, method="POST" if form else "GET", headers=headers, data=urlencode(form), buffered=True,
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip


@pytest.fixture
def summer(loop: Loop) -> Collection:
    """Mugs, and nothing else; the shop's list of collections has been read."""
    made = merchant.collect(loop.world.shop(), "Summer", ["MUG"])
    assert ask(loop, do="list").status_code == 303
    return made


def publish(loop: Loop, collection: str, number: str = "0", unit: str = "percent") -> TestResponse:
    answer = ask(loop, do="add", collection=collection, number=number, unit=unit)
    loop.clock.forward(minutes=1)
    return answer


def sell(loop: Loop, *lines: tuple[str, int]) -> Order:
    placed = loop.world.place_order(lines, email="anna@example.com", customer=_anna(loop))
    loop.come_to_rest()
    return placed


def _anna(loop: Loop) -> Customer:
    known = next((c for c in loop.world.shop().customers if c.email == "anna@example.com"), None)
    return known or loop.world.add_customer("anna@example.com", "Anna", "Vos")


def booked(loop: Loop, above: Superuser, order: Order) -> list[tuple[int, str]]:
    return [
        (points, sentence) for points, sentence in above.run(
            "SELECT e.points, e.sentence FROM entries e JOIN orders o USING (shop_id, order_id) "
            "WHERE e.shop_id = %s AND o.external_id = %s AND e.account = 'points' ORDER BY e.entry_id",
            loop.shop.shop_id, str(order.id),
        )
    ]  # fmt: skip


def test_a_merchant_chooses_a_collection_and_its_goods_earn_otherwise(
    loop: Loop, summer: Collection, above: Superuser
) -> None:
    page = ask(loop)
    assert mistakes(page.text) == []
    assert f'<option value="{summer.id}">Summer</option>' in page.text
    assert publish(loop, "Summer", "۵۰").status_code == 303
    shown = read(ask(loop))
    assert "50 %" in shown
    assert "Summer" in shown
    mugs, teas = sell(loop, ("MUG", 1)), sell(loop, ("TEA", 1))
    assert booked(loop, above, mugs)[0][0] == 7
    assert "50 % of it for goods of Summer" in booked(loop, above, mugs)[0][1]
    assert booked(loop, above, teas)[0][0] == 9
    assert "Summer" not in booked(loop, above, teas)[0][1]


def test_an_order_goes_by_what_the_collection_held_when_it_was_placed(
    loop: Loop, summer: Collection, above: Superuser
) -> None:
    publish(loop, str(summer.id))
    mugs, both = sell(loop, ("MUG", 2)), sell(loop, ("MUG", 1), ("TEA", 2))
    assert booked(loop, above, mugs) == []
    assert booked(loop, above, both)[0][0] == 19
    # The sale ends: mugs leave the collection, teas come in. What was bought before is settled again, and stays.
    merchant.recollect(loop.world.shop(), summer, ["TEA"])
    loop.clock.forward(minutes=10)
    assert ask(loop, do="read", collection=str(summer.id)).status_code == 303
    for order in (mugs, both):
        merchant.fulfil(loop.world.shop(), order)
    loop.come_to_rest()
    assert booked(loop, above, mugs) == []
    assert [points for points, _ in booked(loop, above, both)] == [19]
    loop.clock.forward(minutes=1)
    after = sell(loop, ("MUG", 1), ("TEA", 2))
    assert booked(loop, above, after)[0][0] == 14


def test_a_collection_that_is_deleted_says_so_and_finds_nothing_more(
    loop: Loop, summer: Collection, above: Superuser
) -> None:
    publish(loop, "Summer")
    before = sell(loop, ("MUG", 1))
    loop.world.shop().collections.remove(summer)
    loop.clock.forward(hours=7)
    assert loop.collector.round(loop.shop.shop_id) == 0
    loop.clock.forward(minutes=1)
    assert "Gone from your store" in read(ask(loop))
    assert booked(loop, above, before) == []
    assert booked(loop, above, sell(loop, ("MUG", 1)))[0][0] == 14
    # Whoever changes another rule meanwhile is not stopped; whoever names it anew is.
    form = {"points": "2", "per": "1.00", "goods": f"collection {summer.id} = 0 %", "hold_days": "14"}
    assert ask(loop, "/earning", **form).status_code == 303
    assert ask(loop, do="remove", collection=str(summer.id)).status_code == 303
    assert "Your store has no collection" in read(publish(loop, str(summer.id)))


def test_an_empty_collection_is_taken_and_named(loop: Loop, above: Superuser) -> None:
    merchant.collect(loop.world.shop(), "Winter", [])
    assert publish(loop, "winter", "300").status_code == 303
    assert "it is empty: the rule finds nothing" in read(ask(loop))
    assert booked(loop, above, sell(loop, ("MUG", 1)))[0][0] == 14


@pytest.mark.parametrize("odd", ["99", "Sommer", "17) OR (id:>0", "\u202e\u0661\u0667", "x" * 255])
def test_a_collection_of_nobody_or_of_another_shop_is_refused_and_stays_in_the_form(
    loop: Loop, summer: Collection, odd: str
) -> None:
    answer = publish(loop, odd, "50")
    assert answer.status_code == 409
    assert "Choose one from the list of collections" in read(answer)
    assert mistakes(answer.text) == []
    assert 'aria-invalid="true"' in answer.text
    assert 'value="50"' in answer.text
    with loop.database.work(loop.shop.shop_id) as work:
        assert loyalty.current_terms(work).version == 1


def test_a_store_that_refuses_is_a_sentence_and_what_was_known_counts_on(loop: Loop, summer: Collection) -> None:
    publish(loop, "Summer", "50")
    merchant.collect(loop.world.shop(), "Winter", ["TEA"])
    loop.world.grant_scopes([scope for scope in loop.world.app.scopes if scope != "read_products"])
    refused = publish(loop, "Winter", "50")
    assert refused.status_code == 409
    assert "Your store did not say which collections it has" in read(refused)
    assert ask(loop, do="read", collection=str(summer.id)).status_code == 409
    assert "The last reading failed" in read(ask(loop))
    # Another number for the same collection: what is known of it is good enough.
    loop.clock.forward(minutes=10)
    form = {"points": "1", "per": "1.00", "goods": "collection Summer = 20 %", "hold_days": "14"}
    assert ask(loop, "/earning", **form).status_code == 303


def test_a_large_collection_is_read_in_the_background_and_says_how_far_it_is(
    loop: Loop, summer: Collection, above: Superuser
) -> None:
    shop = loop.world.shop()
    goods = [shop.catalog.add(f"G{number}", f"G{number}", 100).sku for number in range(5_400)]
    merchant.recollect(shop, summer, [*goods, "MUG"])
    refused = publish(loop, "Summer", "50")
    assert refused.status_code == 409
    assert "Summer” is large" in read(refused)
    assert "5,000 products so far" in read(ask(loop))
    assert loop.collector.round(loop.shop.shop_id) == 1
    assert publish(loop, "Summer", "50").status_code == 303
    with loop.database.work(loop.shop.shop_id) as work:
        assert collections.some(work, [str(summer.id)])[str(summer.id)].products == 5_401
    assert booked(loop, above, sell(loop, ("MUG", 1)))[0][0] == 7


def test_what_is_tried_on_the_history_knows_collections(loop: Loop, summer: Collection) -> None:
    sell(loop, ("MUG", 1))
    sell(loop, ("TEA", 1))
    form = {"points": "1", "per": "1.00", "goods": "collection Summer = 0 %", "hold_days": "14", "credit": "1"}
    tried = ask(loop, "/earning", do="try", **form)
    assert tried.status_code == 200
    assert re.search(r"Points.*?23.*?9", read(tried))
    kept = ask(loop, "/earning", do="keep", draft_name="No mugs", **form)
    assert kept.status_code == 303
    with loop.database.work(loop.shop.shop_id) as work:
        assert loyalty.collections_named(work) == {str(summer.id)}


# --- WooCommerce: categories, which have others below them


def test_a_category_counts_the_goods_of_those_below_it(database: Database, clock: Clock) -> None:
    with open_woo(database, clock) as woo:
        catalog = woo.store.catalog
        tea, green = catalog.category(801, "Tea"), catalog.category(802, "Green &amp; white", parent=801)
        catalog.put([10], green)
        collector = Collector(database, lambda _shop: woo.client, loyalty.collections_named)
        assert collector.list_anew(woo.shop.shop_id) == 2
        with database.work(woo.shop.shop_id) as work:
            assert [one.title for one in collections.known(work)] == ["Tea", "Tea › Green & white"]
            with pytest.raises(loyalty.TermsRefused, match="not known yet which goods are in collection 801"):
                loyalty.change(work, earning=nothing_for(tea))
        assert collector.read(woo.shop.shop_id, str(tea))
        with database.work(woo.shop.shop_id) as work:
            loyalty.change(work, earning=nothing_for(tea))
        clock.forward(minutes=1)
        sara = woo.store.register("sara@example.test")
        woo.store.order([Line("Green tea", "25.00", 4), Line("Pot", "30.00", 1, 11)], customer=sara, status="completed")
        woo.rest()
        assert woo.points(sara) == 30
        # The category below is deleted: its goods leave the one above, for orders to come.
        catalog.delete(green)
        clock.forward(hours=7)
        assert collector.round(woo.shop.shop_id) == 1
        clock.forward(minutes=1)
        woo.store.order([Line("Green tea", "25.00", 4)], customer=sara, status="completed")
        woo.rest()
        assert woo.points(sara) == 130
        assert woo.faults() == []


def nothing_for(category: int) -> dict[str, Any]:
    return {"goods": [{"goods": {"collections": [str(category)]}, "percent": 0, "title": "Tea"}]}
