"""Against the sandbox, over HTTP: webhooks and readings tell the same story, and what we write is there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from commerce.events import CustomerChanged, Delivery, OrderChanged, RefundChanged
from commerce.orders import OrderSnapshot, OrderStamp
from commerce.store import PutDiscount, SetTags, ShopDetails, StoreError
from connectors.http import HttpSession
from connectors.shopify import ShopifyStore, translate
from sandbox.customers import Customer
from tests.connectors.conftest import Platform

STAGES = ("stage:lead", "stage:acquired", "stage:advocate")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def told(platform: Platform) -> dict[str, OrderSnapshot]:
    """Each order as the newest webhook tells it."""
    newest: dict[str, OrderSnapshot] = {}
    for topic in ("orders/create", "orders/paid", "orders/updated", "orders/cancelled"):
        for delivery in platform.deliveries(topic):
            (event,) = translate(delivery)
            assert isinstance(event, OrderChanged)
            known = newest.get(event.order.external_id)
            if known is None or known.observed_at <= event.order.observed_at:
                newest[event.order.external_id] = event.order
    return newest


def unobserved(order: OrderSnapshot) -> OrderSnapshot:
    customer = order.customer
    if customer is not None:
        customer = dataclasses.replace(customer, observed_at=LONG_AGO)
    return dataclasses.replace(order, observed_at=LONG_AGO, customer=customer)


def shopping(platform: Platform) -> None:
    """A little of everything: guests, codes, referrals, gift cards, many lines, refunds of several kinds."""
    world = platform.world
    anna = world.add_customer("anna@example.com", "Anna", "Vos")
    nameless = world.add_customer(None)
    world.place_order([("MUG", 3), ("CANDLE", 1), ("GIFT50", 1)], customer=anna, shipping=595)
    world.place_order(email="guest@example.com", attributes=[("perennial_ref", "anna-7kqh"), ("note", "x")])
    world.place_order([("POT", 1)], customer=nameless, landing_site="/?ref=mina-4xk3t&utm_source=mail", test=True)
    google = "https://www.google.com/"
    later = world.place_order(customer=anna, paid=False, landing_site="/products/mug", referring_site=google)
    world.pay(later)
    world.place_order(customer=anna, paid=False)
    many = world.place_order([(sku, 1) for sku in ("MUG", "TEA", "POT", "TOWEL", "CANDLE")] * 5, customer=anna)
    world.refund(many, {0: 1, 7: 1})
    world.refund(many, amount=500)
    world.refund(many)
    cards = world.place_order([("GIFT50", 2), ("TEA", 4)], customer=anna)
    world.refund(cards, {0: 1, 1: 3}, amount=1000)
    world.cancel(world.place_order([("TOWEL", 2)], customer=anna))


def test_an_order_read_equals_the_one_that_its_webhook_told(platform: Platform) -> None:
    shopping(platform)
    by_webhook = told(platform)
    read = platform.store().orders(list(by_webhook))
    assert len(read) == 8
    assert [unobserved(order) for order in read] == [unobserved(order) for order in by_webhook.values()]


def test_a_discounted_order_read_equals_the_one_told(platform: Platform) -> None:
    store = platform.store()
    assert store.put_discounts([discount("perennial-3ACD", minimum_minor=2000)]) == [None]
    platform.world.place_order([("MUG", 2), ("TEA", 1)], codes=["PERENNIAL-3acd"], shipping=500)
    (by_webhook,) = told(platform).values()
    (read,) = store.orders([by_webhook.external_id])
    assert unobserved(read) == unobserved(by_webhook)
    assert read.discount_codes == ("PERENNIAL-3ACD",)
    assert read.goods_minor == 2 * 1400 + 950 - 500


def test_a_refund_told_by_itself_is_the_one_in_its_order(platform: Platform) -> None:
    shopping(platform)
    by_itself = []
    for delivery in platform.deliveries("refunds/create"):
        (event,) = translate(delivery)
        assert isinstance(event, RefundChanged)
        by_itself.append(event.refund)
    in_orders = [refund for order in told(platform).values() for refund in order.refunds]
    assert len(by_itself) == 5
    assert sorted(by_itself, key=str) == sorted(in_orders, key=str)


def test_stamps_tell_what_changed_and_the_store_forgets_nothing(platform: Platform) -> None:
    shopping(platform)
    by_webhook = told(platform)
    stamps = [stamp for page in platform.store().orders_changed(LONG_AGO) for stamp in page]
    assert sorted(stamps, key=str) == sorted(
        (
            OrderStamp(
                order.external_id,
                order.updated_at,
                order.paid,
                order.cancelled_at is not None,
                len(order.refunds),
            )
            for order in by_webhook.values()
        ),
        key=str,
    )
    assert [stamp.updated_at for stamp in stamps] == sorted(stamp.updated_at for stamp in stamps)
    assert list(platform.store().orders_changed(datetime.now(UTC) + timedelta(minutes=1))) == []


def test_many_refunds_are_counted_whole(platform: Platform) -> None:
    order = platform.world.place_order([("TEA", 30)])
    for _ in range(25):
        platform.world.refund(order, {0: 1})
    store = platform.store()
    (stamps,) = store.orders_changed(LONG_AGO)
    assert [stamp.refund_count for stamp in stamps] == [25]
    (read,) = store.orders([stamps[0].external_id])
    assert len(read.refunds) == 25
    assert sum(refund.goods_minor for refund in read.refunds) == 25 * 950


def test_more_orders_than_a_page_come_in_pages(platform: Platform) -> None:
    for _ in range(230):
        platform.world.place_order()
    pages = list(platform.store().orders_changed(LONG_AGO))
    assert [len(page) for page in pages] == [100, 100, 30]
    assert len({stamp.external_id for page in pages for stamp in page}) == 230


def test_a_customer_read_equals_the_one_that_the_webhook_told(platform: Platform) -> None:
    platform.world.add_customer("anna@example.com", "Anna", "Vos")
    platform.world.add_customer(None, None, "O'Neil")
    newest = {}
    for topic in ("customers/create", "customers/update"):
        for delivery in platform.deliveries(topic):
            (event,) = translate(delivery)
            assert isinstance(event, CustomerChanged)
            newest[event.customer.external_id] = event.customer
    (read,) = platform.store().customers_changed(LONG_AGO)
    assert [dataclasses.replace(customer, observed_at=LONG_AGO) for customer in read] == [
        dataclasses.replace(customer, observed_at=LONG_AGO) for customer in newest.values()
    ]
    assert len(read) == 2


def test_the_store_says_what_it_is(platform: Platform) -> None:
    shop = platform.world.shop()
    assert platform.store().details() == ShopDetails(str(shop.shop_id), "Demo Store", "USD", "UTC")


def test_an_order_that_the_store_no_longer_has_is_left_out(platform: Platform) -> None:
    platform.world.place_order()
    (known,) = told(platform)
    store = platform.store()
    assert [order.external_id for order in store.orders(["1", known, "2"])] == [known]
    assert store.orders([]) == []


# --- writing


def stage(customer_id: str, *tags: str) -> SetTags:
    return SetTags(customer_id, "stage:", tags, STAGES)


def points_spent(platform: Platform, deed: Callable[[], object]) -> int:
    """What a deed costs, by the level of the store's bucket before and after it."""
    bucket = platform.world.shop().bucket
    bucket.rate, bucket.level, bucket.size = 0.001, 2000, 2000
    deed()
    return round(2000 - bucket.level)


def test_tags_are_set_and_the_merchants_own_are_left_alone(platform: Platform) -> None:
    people = [platform.world.add_customer(f"p{n}@example.com") for n in range(31)]
    merchants_own = people[0]
    merchants_own.tags = ("vip", "stage:lead", "stage:of-the-theatre", "Stagecoach")
    store = platform.store()
    effects = [stage(str(person.id), "stage:acquired") for person in people]
    before = platform.world.stats["platform_calls"]
    assert store.set_tags(effects) == [None] * 31
    assert platform.world.stats["platform_calls"] - before == 2 * 2
    assert set(people[0].tags) == {"stage:acquired", "vip", "stage:of-the-theatre", "Stagecoach"}
    assert all(person.tags == ("stage:acquired",) for person in people[1:])
    assert store.set_tags([stage(str(people[0].id))]) == [None]
    assert set(people[0].tags) == {"vip", "stage:of-the-theatre", "Stagecoach"}
    # Others' tags were not even named.
    assert {tag for delivery in platform.deliveries("customer.tags_removed") for tag in removed(delivery)} == {
        "stage:lead",
        "stage:acquired",
    }


def removed(delivery: Delivery) -> list[str]:
    tags: list[str] = json.loads(delivery.body)["tags"]
    return tags


def test_tags_differ_only_where_more_than_the_case_of_letters_does(platform: Platform) -> None:
    person = platform.world.add_customer("p@example.com")
    person.tags = ("Stage:Acquired", "STAGE:LEAD", "VIP")
    store = platform.store()
    assert store.set_tags([stage(str(person.id), "stage:acquired")]) == [None]
    assert sorted(person.tags) == ["Stage:Acquired", "VIP"]


def test_tags_cost_as_little_as_the_platform_allows(platform: Platform) -> None:
    new, moved, right = (platform.world.add_customer(f"p{n}@example.com") for n in range(3))
    moved.tags, right.tags = ("stage:lead",), ("stage:acquired", "vip")
    store = platform.store()

    def cost(who: Customer) -> int:
        return points_spent(platform, lambda: store.set_tags([stage(str(who.id), "stage:acquired")]))

    assert (cost(new), cost(moved), cost(right)) == (1 + 10, 1 + 20, 1)


def test_a_customer_who_bears_as_many_tags_as_the_store_takes_is_told_of_in_words(platform: Platform) -> None:
    person = platform.world.add_customer("p@example.com")
    person.tags = tuple(f"their-{n}" for n in range(250))
    store = platform.store()
    (full,) = store.set_tags([stage(str(person.id), "stage:acquired")])
    assert full is not None
    assert (full.permanent, str(full)) == (
        True,
        "the customer bears 250 tags; the store takes 250 at most: take one off",
    )
    # One of ours makes room for another of ours.
    person.tags = (*person.tags[:249], "stage:lead")
    assert store.set_tags([stage(str(person.id), "stage:acquired")]) == [None]
    assert person.tags[-1] == "stage:acquired"


def test_a_customer_who_is_gone_spoils_only_its_own_effect(platform: Platform) -> None:
    person = platform.world.add_customer("here@example.com")
    effects = [
        stage("404404", "stage:lead"),
        stage(str(person.id), "stage:lead"),
        stage("not a number", "stage:lead"),
        stage(str(person.id), "stage:a,b"),
    ]
    gone, done, odd, split = platform.store().set_tags(effects)
    assert done is None
    assert person.tags == ("stage:lead",)
    assert [fault.permanent for fault in (gone, odd, split) if fault is not None] == [True, True, True]
    assert str(gone) == "the customer is not in the store: deleted, or merged"
    assert str(odd) == "the store has no such customer"
    assert str(split) == "a tag is empty, too long, or has a comma"


def discount(
    code: str,
    *,
    title: str = "Five off",
    active: bool = True,
    customer: str | None = None,
    minimum_minor: int = 0,
    currency: str = "USD",
) -> PutDiscount:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    return PutDiscount(code, title, 500, currency, start, end, customer, minimum_minor, active)


def test_a_code_is_made_once_and_ended_once(platform: Platform) -> None:
    store, discounts = platform.store(), platform.world.shop().discounts
    assert store.put_discounts([discount("ABC-1"), discount("ABC-2", minimum_minor=2050)]) == [None, None]
    assert store.put_discounts([discount("abc-1")]) == [None]
    assert len(list(discounts)) == 2
    made = discounts.by_code("abc-2")
    assert made is not None
    assert (made.amount, made.minimum_subtotal, made.usage_limit, made.once_per_customer) == (
        500,
        2050,
        1,
        True,
    )
    assert (made.title, made.everyone, made.each_item) == ("Five off", True, False)
    assert made.starts_at == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    ending = [discount("ABC-1", active=False), discount("never made", active=False), discount("ABC-3")]
    assert store.put_discounts(ending) == [None, None, None]
    assert store.put_discounts(ending) == [None, None, None]
    statuses = {found.code: found.status(platform.world.clock()) for found in discounts}
    assert statuses == {"ABC-1": "EXPIRED", "ABC-2": "ACTIVE", "ABC-3": "ACTIVE"}


def test_a_code_can_belong_to_one_customer(platform: Platform) -> None:
    person = platform.world.add_customer("anna@example.com")
    store = platform.store()
    assert store.put_discounts([discount("ONLY-ANNA", customer=str(person.id))]) == [None]
    made = platform.world.shop().discounts.by_code("only-anna")
    assert made is not None
    assert (made.everyone, made.customers) == (False, (person.id,))
    (fault,) = store.put_discounts([discount("ONLY-NOBODY", customer="404404")])
    assert fault is not None
    assert fault.permanent
    assert platform.world.shop().discounts.by_code("ONLY-NOBODY") is None


def test_a_code_of_the_merchants_own_is_not_taken_over(platform: Platform) -> None:
    store = platform.store()
    assert store.put_discounts([discount("SUMMER", title="The merchant's own")]) == [None]
    outcomes = store.put_discounts([discount("summer"), discount("SUMMER", active=False), discount("OURS")])
    assert [None if fault is None else (str(fault), fault.permanent) for fault in outcomes] == [
        ("the code belongs to another discount of the shop", True),
        ("the code belongs to another discount of the shop", True),
        None,
    ]
    made = platform.world.shop().discounts.by_code("SUMMER")
    assert made is not None
    assert made.status(platform.world.clock()) == "ACTIVE"


def test_thirty_codes_go_out_in_two_requests(platform: Platform) -> None:
    store = platform.store()
    before = platform.world.stats["platform_calls"]
    assert store.put_discounts([discount(f"CODE-{n}") for n in range(30)]) == [None] * 30
    assert platform.world.stats["platform_calls"] - before == 2
    assert len(list(platform.world.shop().discounts)) == 30


# --- throttling


def slow_store(platform: Platform, level: float) -> tuple[ShopifyStore, list[float]]:
    """A store whose bucket holds `level` points; sleeping lets the bucket refill, and is written down."""
    bucket = platform.world.shop().bucket
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        bucket.level += seconds * bucket.rate

    token = platform.app().exchange(platform.visitor())
    bucket.level, bucket.at = level, platform.world.clock()
    http = HttpSession(platform_url=platform.url)
    now = platform.world.clock
    store = ShopifyStore(
        "demo-store.myshopify.com",
        lambda: token.access_token,
        http,
        now=lambda: datetime.fromtimestamp(now(), UTC),
        sleep=sleep,
        clock=lambda: sum(slept),
        jitter=lambda: 0.0,
    )
    return store, slept


def test_a_bucket_that_is_nearly_full_enough_is_waited_for(platform: Platform) -> None:
    platform.world.place_order()
    store, slept = slow_store(platform, 750)
    assert [len(page) for page in store.orders_changed(LONG_AGO)] == [1]
    assert len(slept) == 1
    assert slept[0] == pytest.approx(1.5, abs=0.1)


def test_a_bucket_that_is_far_from_full_is_handed_back(platform: Platform) -> None:
    store, slept = slow_store(platform, 0)
    with pytest.raises(StoreError) as fault:
        list(store.orders_changed(LONG_AGO))
    assert not fault.value.permanent
    assert fault.value.retry_after == pytest.approx(9, abs=0.2)
    assert slept == []


def test_after_the_first_answer_the_budget_is_known_and_nothing_is_thrown_away(platform: Platform) -> None:
    store, slept = slow_store(platform, 2000)
    people = [str(platform.world.add_customer(f"p{n}@example.com").id) for n in range(25)]

    def push_for_ever() -> None:
        while True:
            store.set_tags([stage(person, "stage:lead") for person in people])
            store.set_tags([stage(person, "stage:acquired") for person in people])

    with pytest.raises(StoreError) as fault:
        push_for_ever()
    assert fault.value.retry_after is not None
    assert platform.world.stats["throttled"] == 0
    assert slept == [] or max(slept) <= 2
