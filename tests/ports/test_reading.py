"""What happened in the store, read: changed orders and customers, orders as they are, and the whole history. The same
questions to every connector.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from commerce.customers import CustomerSnapshot
from commerce.orders import OrderStamp
from commerce.store import StoreError
from tests.ports.conftest import Answer
from tests.ports.labs import GOODS, SHIPPING, Lab

LONG = timedelta(days=1)


def stamps(lab: Lab) -> list[OrderStamp]:
    return [stamp for page in lab.store().orders_changed(lab.clock() - LONG) for stamp in page]


def refusal(ask: Callable[[], object]) -> StoreError | None:
    try:
        ask()
    except StoreError as fault:
        return fault
    return None


def people(lab: Lab) -> list[CustomerSnapshot]:
    return [person for page in lab.store().customers_changed(lab.clock() - LONG) for person in page]


@pytest.mark.asks("the store says its name, money and zone")
def test_the_store_says_its_name_money_and_zone(lab: Lab) -> None:
    details = lab.store().details()
    assert details.name
    assert details.external_id
    assert details.currency == "USD"
    assert details.timezone in ("UTC", "Asia/Tehran")


@pytest.mark.asks("changed orders come oldest change first, each once")
def test_changed_orders_come_oldest_change_first_each_once(lab: Lab) -> None:
    placed = []
    for _ in range(3):
        placed.append(lab.order())
        lab.clock.forward(seconds=2)
    lab.cancel(placed[0])
    found = stamps(lab)
    assert [stamp.external_id for stamp in found] == [placed[1], placed[2], placed[0]]
    assert [stamp.updated_at for stamp in found] == sorted(stamp.updated_at for stamp in found)
    assert [stamp.cancelled for stamp in found] == [False, False, True]


@pytest.mark.asks("more changed orders than a page holds are all found")
def test_more_changed_orders_than_a_page_holds_are_all_found(lab: Lab) -> None:
    placed = {lab.order() for _ in range(260)}
    found = [stamp.external_id for stamp in stamps(lab)]
    assert len(found) == len(placed)
    assert set(found) == placed


@pytest.mark.asks("orders that changed before the instant that is asked for are not told")
def test_orders_that_changed_before_are_not_told(lab: Lab) -> None:
    lab.order()
    lab.clock.forward(minutes=20)
    since = lab.clock()
    fresh = lab.order()
    pages = lab.store().orders_changed(since)
    assert [stamp.external_id for page in pages for stamp in page] == [fresh]


@pytest.mark.asks("an order is read whole, its money to the minor unit")
def test_an_order_is_read_whole_its_money_to_the_minor_unit(lab: Lab) -> None:
    sara = lab.person("sara@example.test")
    placed = lab.order(sara)
    (order,) = lab.store().orders([placed])
    assert order.customer is not None
    assert (order.customer.external_id, order.customer.email) == (sara, "sara@example.test")
    assert (order.currency, order.goods_minor, order.total_minor) == ("USD", GOODS, GOODS + SHIPPING)
    assert [line.net_minor for line in order.lines] == [1400, 1900]
    assert (order.paid, order.cancelled_at) == (True, None)


@pytest.mark.asks("many orders are read in few questions, in the order asked for")
def test_many_orders_are_read_in_few_questions(lab: Lab) -> None:
    placed = [lab.order() for _ in range(130)][::-1]
    before = len(lab.front.asked)
    assert [order.external_id for order in lab.store().orders(placed)] == placed
    assert len(lab.front.asked) - before <= len(placed) // 4


@pytest.mark.asks("more changed customers than a page holds are all found")
def test_more_changed_customers_than_a_page_holds_are_all_found(lab: Lab) -> None:
    there = {lab.person(f"p{number}@example.test") for number in range(230)}
    found = [person.external_id for person in people(lab)]
    assert len(found) == len(there)
    assert set(found) == there


@pytest.mark.asks("what was refunded is told with the order")
def test_what_was_refunded_is_told_with_the_order(lab: Lab) -> None:
    placed = lab.order(lab.person("sara@example.test"))
    lab.refund(placed, 1205)
    lab.refund(placed, 1)
    (order,) = lab.store().orders([placed])
    assert [refund.total_minor for refund in sorted(order.refunds, key=lambda one: -one.total_minor)] == [1205, 1]


@pytest.mark.asks("orders that are gone for good are left out, and named when asked for")
def test_orders_that_are_gone_for_good_are_left_out_and_named(lab: Lab) -> None:
    first, gone, last = (lab.order() for _ in range(3))
    lab.vanish(gone)
    store = lab.store()
    assert [order.external_id for order in store.orders([last, gone, first])] == [last, first]
    assert store.orders_missing([first, gone, last]) == [gone]


@pytest.mark.asks("a guest's order has its buyer, or nobody, the same each time")
def test_a_guest_s_order_has_the_same_buyer_each_time(lab: Lab, told: Answer) -> None:
    found = lab.store().orders([lab.order(), lab.order()])
    buyers = {None if order.customer is None else order.customer.external_id for order in found}
    assert len(buyers) == 1
    told.remark("as one guest by his address" if buyers != {None} else "as nobody's")


@pytest.mark.asks("changed customers come oldest change first")
def test_changed_customers_come_oldest_change_first(lab: Lab, told: Answer) -> None:
    sara = lab.person("sara@example.test")
    lab.clock.forward(seconds=2)
    ali = lab.person("ali@example.test")
    lab.clock.forward(seconds=2)
    lab.change(sara)
    by_change = [(ali, "ali@example.test"), (sara, "sara@example.test")]
    if not lab.store().customers_by_change:
        told.said = "not offered: all of them are read by their ids, at night"
        by_change.reverse()
    assert [(found.external_id, found.email) for found in people(lab)] == by_change


@pytest.mark.asks("how much history there is")
def test_how_much_history_there_is(lab: Lab, told: Answer) -> None:
    lab.order()
    extent = lab.store().extent()
    assert extent.recent_only in (True, False)
    if extent.orders is None:
        told.said = "not offered: the store tells it only page by page"
    else:
        assert extent.orders == 1


@pytest.mark.asks("the whole history in one file")
def test_the_whole_history_in_one_file(lab: Lab, told: Answer) -> None:
    placed = [lab.order() for _ in range(3)]
    store = lab.store()
    if told.not_offered(refusal(lambda: store.begin_export("orders"))):
        return
    export = store.begin_export("orders")
    for _ in range(20):
        if export.ended:
            break
        lab.clock.forward(seconds=30)
        export = store.find_export(export.reference)
    assert export.failure is None
    read = [order for portion in store.portions("orders", export, 0) for order in portion.orders]
    assert [order.external_id for order in read] == placed
    assert {order.total_minor for order in read} == {GOODS + SHIPPING}
