"""What changed in a store is found, each change once, however the list moves meanwhile; an order reads like its
webhook.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commerce.events import Delivery, OrderChanged
from commerce.ids import DeliveryId
from commerce.orders import OrderStamp
from commerce.store import ShopDetails, StoreError
from connectors.woocommerce import Home, translate
from connectors.woocommerce.reads import StoreFacts
from sandbox.woocommerce import Line
from tests.connectors.woocommerce.conftest import NOON, SAMPLES, Shop

TEA = [Line("Tea pot", "25.00"), Line("Honey jar", "12.50", 3, 11)]
SARA: dict[str, Any] = {"first_name": "Sara", "email": "sara@example.test", "phone": "+989121234567", "country": "IR"}


def stamps(shop: Shop, since: datetime) -> list[OrderStamp]:
    return [stamp for page in shop.woo().orders_changed(since) for stamp in page]


def test_a_store_says_what_it_is(shop: Shop) -> None:
    shop.store.currency, shop.store.decimals, shop.store.country = "IRT", 0, "IR:THR"
    home = shop.urls["https"]
    assert shop.woo().facts() == StoreFacts("Leaf & Kettle", home, "IRT", 0, "IR", "Asia/Tehran", "11.0.1", "7.0.4")
    domain = shop.urls["https"].removeprefix("https://")
    assert shop.woo().details() == ShopDetails(domain, "Leaf & Kettle", "IRT", "Asia/Tehran")


@pytest.mark.parametrize(
    "hours, zone",
    [(0, "UTC"), (3.5, "Asia/Tehran"), (2, "Etc/GMT-2"), (-5, "Etc/GMT+5"), (5.75, "Asia/Kathmandu"), (99, "UTC")],
)
def test_a_site_with_a_bare_distance_from_utc_has_a_zone(shop: Shop, hours: float, zone: str) -> None:
    shop.store.zone, shop.store.offset = "", timedelta(hours=hours)
    assert shop.woo().facts().timezone == zone


def test_a_store_that_does_not_tell_its_versions_still_says_what_it_is(shop: Shop) -> None:
    answers = shop.store.asked

    class Slow(list[tuple[str, str, dict[str, str]]]):
        def append(self, asked: tuple[str, str, dict[str, str]]) -> None:
            super().append(asked)
            if asked[1].endswith("/system_status"):
                shop.store.faults.page(504)

    shop.store.asked = Slow(answers)
    found = shop.woo().facts()
    assert (found.currency, found.woocommerce_version) == ("USD", "")


def test_a_site_without_woocommerce_is_told_apart_from_a_broken_one(shop: Shop) -> None:
    shop.store.woocommerce = False
    with pytest.raises(StoreError, match="no WooCommerce switched on") as fault:
        shop.woo().details()
    assert fault.value.closed


def test_changed_orders_are_stamped_oldest_change_first_with_those_in_the_trash(shop: Shop) -> None:
    first = shop.store.order(TEA, status="processing")
    shop.clock.on(minutes=5)
    second = shop.store.order(TEA, status="completed")
    shop.clock.on(minutes=5)
    shop.store.trash(first)
    shop.clock.on(minutes=5)
    shop.store.refund(second, "10.00")
    shop.store.order(TEA, status="checkout-draft")
    assert stamps(shop, NOON) == [
        OrderStamp(str(second), NOON + timedelta(minutes=15), True, False, 1),
        OrderStamp(str(first), NOON + timedelta(minutes=10), False, True, 0),
    ]


def test_the_question_bears_its_zone_and_starts_a_minute_early(shop: Shop) -> None:
    at = shop.store.order(TEA, status="completed")
    # Half an hour past the site's own noon: read as the site's time, NOON would be three and a half hours off.
    assert [stamp.external_id for stamp in stamps(shop, NOON + timedelta(seconds=30))] == [str(at)]
    assert stamps(shop, NOON + timedelta(minutes=2)) == []
    asked = [query["modified_after"] for _, path, query in shop.store.asked if path.endswith("/orders")]
    assert asked[0] == "2026-11-22T11:59:29Z"
    assert all(text.endswith("Z") for text in asked)


def test_more_orders_of_one_second_than_a_page_holds_are_all_found_once(shop: Shop) -> None:
    placed = [str(shop.store.order(TEA, status="completed")) for _ in range(250)]
    shop.clock.on(seconds=30)
    placed += [str(shop.store.order(TEA, status="completed")) for _ in range(30)]
    found = [stamp.external_id for stamp in stamps(shop, NOON)]
    assert sorted(found) == sorted(placed)


def test_an_order_that_moves_to_the_end_while_the_list_is_read_hides_no_other(shop: Shop) -> None:
    placed = []
    for _ in range(350):
        shop.clock.on(seconds=7)
        placed.append(shop.store.order(TEA, status="processing"))
    pages = shop.woo().orders_changed(NOON)
    found = [stamp.external_id for stamp in next(pages)]
    for number in placed[:60]:
        shop.clock.on(seconds=7)
        shop.store.set_status(number, "completed")
    found += [stamp.external_id for page in pages for stamp in page]
    assert set(found) == {str(number) for number in placed}
    # Those that changed again are told again, as they are now.
    assert len(found) == 350 + 60


def test_a_proxy_that_drops_the_store_s_headers_costs_a_question_and_no_order(shop: Shop) -> None:
    placed = [str(shop.store.order(TEA, status="completed")) for _ in range(100)]
    original = shop.store.faults.spoil
    shop.store.faults.spoil = lambda response: _without_totals(original(response))  # type: ignore[method-assign]
    assert sorted(stamp.external_id for stamp in stamps(shop, NOON)) == sorted(placed)


def _without_totals(response: Any) -> Any:
    response.headers.pop("X-WP-TotalPages", None)
    return response


def test_an_order_read_equals_the_one_that_its_webhook_told(shop: Shop) -> None:
    customer = shop.store.register("sara@example.test")
    number = shop.store.order(
        TEA,
        customer=customer,
        status="completed",
        billing=SARA,
        coupon_lines=[{"id": 5, "code": "loyal10", "discount": "6.25"}],
        meta_data=[{"id": 1, "key": "perennial_ref", "value": "anna-7kqh"}],
    )
    shop.store.refund(number, "12.50", "one jar broken")
    body = json.dumps(shop.store.shown("orders", shop.store.orders[number])).encode()
    (event,) = translate(Delivery(DeliveryId(1), "order.updated", body, NOON))
    assert isinstance(event, OrderChanged)
    assert shop.woo().orders([str(number)]) == [event.order]
    assert (event.order.goods_minor, event.order.referral_code) == (6250, "ANNA-7KQH")


def test_orders_come_in_the_order_asked_for_and_those_that_are_gone_are_left_out(shop: Shop) -> None:
    kept = [shop.store.order(TEA, status="completed") for _ in range(3)]
    gone = shop.store.order(TEA, status="completed")
    shop.store.force_delete(gone)
    shop.store.trash(kept[1])
    draft = shop.store.order(TEA, status="checkout-draft")
    asked = [str(kept[2]), "guest:7", str(gone), str(kept[1]), str(draft), str(kept[0]), str(kept[2]), "-1"]
    found = shop.woo().orders(asked)
    assert [order.external_id for order in found] == [str(kept[2]), str(kept[1]), str(kept[0])]
    assert [order.cancelled_at is not None for order in found] == [False, True, False]


def test_many_orders_are_read_a_hundred_at_a_time(shop: Shop) -> None:
    placed = [str(shop.store.order(TEA, status="completed")) for _ in range(230)]
    assert [order.external_id for order in shop.woo().orders(placed)] == placed
    assert shop.questions() == ["orders"] * 3


def test_one_order_that_makes_no_sense_does_not_keep_the_others_from_being_read(shop: Shop) -> None:
    good = shop.store.order(TEA, status="completed")
    bad = shop.store.order(TEA, status="completed", total="twelve")
    assert [order.external_id for order in shop.woo().orders([str(bad), str(good)])] == [str(good)]


@pytest.mark.parametrize("status", [5, None])
def test_one_order_that_makes_no_sense_does_not_stop_the_sweep(shop: Shop, status: object) -> None:
    bad = shop.store.order(TEA, status="completed")
    good = shop.store.order(TEA, status="completed")
    shop.store.orders[bad].body["refunds"] = status
    assert [stamp.external_id for stamp in stamps(shop, NOON)] == [str(good)]


def test_one_customer_that_makes_no_sense_does_not_stop_the_others(shop: Shop) -> None:
    bad, good = shop.store.register("bad@example.test"), shop.store.register("good@example.test")
    shop.store.customers[bad].body["billing"] = "nowhere"
    (page,) = shop.woo().customers_changed(NOON)
    assert [customer.external_id for customer in page] == [str(good)]


def test_an_erased_person_and_a_deleted_account_leave_an_order_that_still_counts(shop: Shop) -> None:
    customer = shop.store.register("sara@example.test")
    erased = shop.store.order(TEA, customer=customer, status="completed", billing=SARA)
    left = shop.store.order(TEA, customer=customer, status="completed", billing=SARA)
    before = {order.external_id: order for order in shop.woo().orders([str(erased), str(left)])}
    shop.store.erase(erased)
    shop.store.delete_customer(customer)
    after = {order.external_id: order for order in shop.woo().orders([str(erased), str(left)])}
    assert after[str(erased)].customer is None
    guest = after[str(left)].customer
    assert guest is not None
    assert guest.external_id.startswith("guest:")
    assert dataclasses.replace(after[str(left)], customer=None) == dataclasses.replace(before[str(left)], customer=None)


def test_an_old_order_rounded_by_a_new_setting_is_read_as_the_store_writes_it(shop: Shop) -> None:
    shop.store.currency, shop.store.decimals = "IRT", 0
    number = shop.store.order([Line("چای گیاهی", "185000", 3)], status="completed", billing=SARA)
    (order,) = shop.woo().orders([str(number)])
    assert (order.goods_minor, order.currency, order.lines[0].title) == (555_000, "IRT", "چای گیاهی")


def test_orders_in_another_unit_of_the_shop_s_money_are_told_in_its_own(shop: Shop) -> None:
    shop.store.currency, shop.store.decimals = "IRHT", 0
    number = shop.store.order([Line("Tea", "185")], status="completed", billing=SARA)
    (order,) = shop.woo(home=Home("IRT")).orders([str(number)])
    assert (order.goods_minor, order.currency) == (185_000, "IRT")


def test_changed_customers_are_found_by_their_ids_without_the_staff(shop: Shop) -> None:
    for number in range(130):
        shop.store.register(f"early{number}@example.test")
    shop.store.register("admin@example.test", role="administrator")
    shop.clock.on(hours=1)
    late = [shop.store.register(f"late{number}@example.test") for number in range(3)]
    shop.clock.on(hours=1)
    shop.store.customers[late[0]].modified = shop.clock()
    pages = list(shop.woo().customers_changed(NOON + timedelta(minutes=30)))
    assert [[customer.external_id for customer in page] for page in pages] == [[], [str(number) for number in late]]
    assert sum(len(page) for page in shop.woo().customers_changed(NOON)) == 133


def test_the_sandbox_s_bodies_have_the_fields_of_the_observed_ones(shop: Shop) -> None:
    if not SAMPLES.is_dir():
        pytest.skip("WHAT THE STORE ANSWERED IS ABSENT: the sandbox was not checked against it")
    order = shop.store.order(TEA, status="completed", billing=SARA)
    customer = shop.store.register("sara@example.test")
    shown = shop.store.shown
    for body, sample in (
        (shown("orders", shop.store.orders[order]), "rest-order-get"),
        (shown("customers", shop.store.customers[customer]), "rest-customer-get"),
    ):
        observed = json.loads((SAMPLES / f"{sample}.json").read_text("utf-8"))["json"]
        assert set(body) == set(observed)
        kinds = {name: type(value) for name, value in observed.items() if value is not None and body[name] is not None}
        assert {name: type(body[name]) for name in kinds} == kinds
    lines = json.loads((SAMPLES / "rest-order-get.json").read_text("utf-8"))["json"]["line_items"]
    assert set(shown("orders", shop.store.orders[order])["line_items"][0]) == set(lines[0])


def test_instants_of_stamps_are_utc(shop: Shop) -> None:
    shop.store.order(TEA, status="completed")
    (stamp,) = stamps(shop, NOON)
    assert stamp.updated_at == NOON
    assert stamp.updated_at.tzinfo is UTC
