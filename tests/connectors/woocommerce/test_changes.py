"""Lists that move while they are read: every order and every account is told, whatever leaves or joins meanwhile, and
a reader that stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from commerce.history import CustomerPage, OrderPage
from commerce.store import StoreError
from sandbox.woocommerce import Line
from tests.connectors.woocommerce.conftest import NOON, Shop

TEA = [Line("Tea pot", "25.00")]


def buy(shop: Shop, many: int, apart: float = 0) -> list[int]:
    placed = []
    for _ in range(many):
        placed.append(shop.store.order(TEA, status="processing"))
        shop.clock.on(seconds=apart)
    return placed


def told(pages: Iterator[OrderPage]) -> list[int]:
    return [int(stamp.external_id) for page in pages for stamp in page]


def test_orders_that_leave_a_second_while_it_is_read_hide_none_of_it(shop: Shop) -> None:
    placed = buy(shop, 450)
    shop.clock.on(seconds=30)
    pages = shop.woo().orders_changed(NOON)
    found = told(iter([next(pages), next(pages)]))
    # Of the second that is read, the merchant changes some everywhere: they move to the end of the list.
    for number in placed[:350:3]:
        shop.store.set_status(number, "completed")
    found += told(pages)
    assert set(found) == set(placed)
    assert len(found) <= 450 + len(placed[:350:3])


@pytest.mark.parametrize("totals", [True, False])
def test_a_reader_that_stopped_goes_on_behind_its_page(shop: Shop, totals: bool) -> None:
    if not totals:
        spoil = shop.store.faults.spoil
        shop.store.faults.spoil = lambda response: _without_totals(spoil(response))  # type: ignore[method-assign]
    placed = [*buy(shop, 120, 1), *buy(shop, 330), *buy(shop, 1, 60), *buy(shop, 40, 1)]
    trashed = buy(shop, 130, 1)
    for number in trashed:
        shop.store.trash(number)
    found: list[int] = []
    place = None
    for _ in range(20):
        page = next(shop.woo().orders_changed(NOON, place), None)
        if page is None:
            break
        found += told(iter([page]))
        place = page.place
    assert sorted(found) == sorted([*placed, *trashed]), "each once"


def _without_totals(response: Any) -> Any:
    for name in ("X-WP-TotalPages", "X-WP-Total"):
        response.headers.pop(name, None)
    return response


def test_the_extent_is_unknown_where_the_store_s_counts_are_dropped(shop: Shop) -> None:
    buy(shop, 3)
    extent = shop.woo().extent()
    assert (extent.orders, extent.customers, extent.recent_only) == (3, 0, False)
    spoil = shop.store.faults.spoil
    shop.store.faults.spoil = lambda response: _without_totals(spoil(response))  # type: ignore[method-assign]
    extent = shop.woo().extent()
    assert (extent.orders, extent.customers) == (None, None)


def test_orders_are_whole_in_the_list_and_read_the_same_by_their_ids(shop: Shop) -> None:
    placed = [str(number) for number in buy(shop, 3)]
    (page,) = shop.woo().orders_changed(NOON)
    asked = len(shop.store.asked)
    assert page.whole
    assert list(page.orders(placed)) == shop.woo().orders(placed)
    assert len(shop.store.asked) == asked + 1, "only the second was a question"
    (stamps,) = shop.woo().orders_changed(NOON, stamps_only=True)
    assert list(stamps) == list(page)
    assert list(stamps.orders(placed[:1])) == list(page.orders(placed[:1]))


def test_a_page_of_orders_without_instants_is_said_to_be_one(shop: Shop) -> None:
    shop.woo().details()
    rows = [{"id": number, "status": "completed"} for number in range(1, 101)]
    shop.store.faults.answer(200, json.dumps(rows).encode(), {"X-WP-TotalPages": "5"})
    with pytest.raises(StoreError, match="bear no instants"):
        list(shop.woo().orders_changed(NOON))


def people(pages: Iterator[CustomerPage]) -> list[int]:
    return [int(customer.external_id) for page in pages for customer in page]


def test_accounts_that_are_deleted_while_they_are_listed_hide_none(shop: Shop) -> None:
    numbers = [shop.store.register(f"shopper{number}@example.test") for number in range(350)]
    pages = shop.woo().customers_changed(NOON)
    found = people(iter([next(pages)]))
    for number in numbers[:80]:
        shop.store.delete_customer(number)
    found += people(pages)
    assert found == numbers


def test_a_list_of_accounts_goes_on_behind_its_page_though_most_before_it_were_deleted(shop: Shop) -> None:
    numbers = [shop.store.register(f"shopper{number}@example.test") for number in range(250)]
    page = next(shop.woo().customers_changed(NOON))
    for number in numbers[:100]:
        shop.store.delete_customer(number)
    assert people(shop.woo().customers_changed(NOON, page.place)) == numbers[100:]
    for number in numbers[100:]:
        shop.store.delete_customer(number)
    assert people(shop.woo().customers_changed(NOON, page.place)) == []


def test_orders_are_missing_only_where_the_store_says_so(shop: Shop) -> None:
    there, trashed, hidden, gone = buy(shop, 4)
    shop.store.trash(trashed)
    shop.store.orders[hidden].body["status"] = "checkout-draft"
    shop.store.force_delete(gone)
    assert shop.woo().orders_missing([str(n) for n in (there, trashed, hidden, gone)]) == [str(gone)]


def test_the_question_follows_a_store_s_clock_that_is_behind(shop: Shop) -> None:
    ours = shop.ours
    shop.store.clock = lambda: ours() - timedelta(hours=2)
    (number,) = buy(shop, 1)
    assert told(shop.woo().orders_changed(NOON)) == [number]
