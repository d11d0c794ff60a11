"""What a merchant does beside selling: merges people, deletes and edits orders, changes things of ours. The house
follows, and takes back what is its own.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import lifecycle
import loyalty
import referral
from engine import checkouts, facts
from engine.inbox import unpack
from engine.schedule import Schedule
from engine.stale import REST
from engine.work import Database
from engine.worker import Worker
from sandbox import carts, merchant
from sandbox.customers import Customer
from sandbox.shop import Subscription
from sandbox.webhooks import Delivery
from tests.flows.conftest import Loop, open_loop
from tests.ground import Clock, Superuser

STAGES = "SELECT c.external_id, s.stage, s.orders FROM standings s JOIN customers c USING (shop_id, customer_id) " \
         "WHERE s.shop_id = %s ORDER BY 1"  # fmt: skip


@pytest.fixture
def settled(database: Database) -> Iterator[Loop]:
    """A store in which Anna bought for 144 dollars and Bo for 48, three weeks ago; their points can be spent."""
    today = datetime.now(UTC).replace(microsecond=0)
    database.clock = clock = Clock(today - timedelta(days=21))
    with open_loop(database, clock) as loop:
        loop.install_long_ago()
        anna = loop.world.add_customer("anna@example.com", "Anna", "Vos")
        bo = loop.world.add_customer("bo@example.com", "Bo", "Vos")
        loop.world.place_order([("POT", 3)], customer=anna)
        loop.clock.forward(seconds=1)
        loop.world.place_order([("POT", 1)], customer=bo)
        loop.come_to_rest()
        clock.now = today
        yield loop


def people(loop: Loop) -> list[Customer]:
    return [loop.world.shop().customers[place] for place in (0, 1)]


def merge(loop: Loop, kept: Customer, gone: Customer) -> None:
    with loop.world.lock:
        merchant.merge(loop.world.shop(), kept, gone)


def figures(loop: Loop, who: Customer) -> tuple[int, int, int]:
    found = loop.points(who.id)
    return found.points, found.spendable, found.held


def books_are_right(loop: Loop) -> None:
    with loop.database.work(loop.shop.shop_id) as work:
        assert loyalty.verify(work) == []


def redeem(loop: Loop, who: Customer) -> str:
    with loop.database.work(loop.shop.shop_id) as work:
        bought = loyalty.redeem(work, loop_id(loop, who), str(who.id), "five-off", f"click of {who.id}")
    return str(bought.code)


def loop_id(loop: Loop, who: Customer) -> Any:
    return loop.customer_id(who.id)


# --- merging


def test_two_accounts_become_one_with_the_points_of_both(settled: Loop, above: Superuser) -> None:
    loop = settled
    loop.world.place_order([("TOWEL", 3)], customer=people(loop)[0])
    loop.come_to_rest()
    anna, bo = people(loop)
    merge(loop, anna, bo)
    loop.come_to_rest()
    assert figures(loop, anna) == (144 + 54 + 48, 144 + 48, 0)
    assert above.run(STAGES, loop.shop.shop_id) == [(str(anna.id), "developing", 3)]
    assert anna.tags == ("stage:developing",)
    kinds = above.run(
        "SELECT c.external_id, e.kind, e.points FROM entries e JOIN customers c USING (shop_id, customer_id) "
        "WHERE e.shop_id = %s AND e.kind = 'merge' ORDER BY e.entry_id",
        loop.shop.shop_id,
    )
    assert kinds == [(str(bo.id), "merge", -48), (str(anna.id), "merge", 48)]
    books_are_right(loop)


def test_points_held_for_a_code_stay_held_and_the_code_goes_on_working(settled: Loop) -> None:
    loop = settled
    anna, bo = people(loop)
    code = redeem(loop, anna)
    loop.come_to_rest()
    assert figures(loop, anna) == (44, 44, 100)
    merge(loop, bo, anna)
    loop.come_to_rest()
    assert figures(loop, bo) == (44 + 48, 44 + 48, 100)
    loop.world.place_order([("POT", 1)], customer=bo, codes=[code])
    loop.come_to_rest()
    assert figures(loop, bo) == (92 + 43, 92, 0)
    assert [r.outcome for r in loop.points(bo.id).redemptions] == ["used"]
    books_are_right(loop)


def test_a_refund_after_a_merge_takes_from_the_lot_that_moved(settled: Loop) -> None:
    loop = settled
    anna, bo = people(loop)
    (_, of_bo) = loop.world.shop().orders
    merge(loop, anna, bo)
    loop.come_to_rest()
    loop.clock.forward(seconds=1)
    loop.world.refund(of_bo)
    loop.come_to_rest()
    assert figures(loop, anna) == (144, 144, 0)
    books_are_right(loop)


def test_a_merge_that_failed_moves_nothing(settled: Loop) -> None:
    loop = settled
    anna, bo = people(loop)
    with pytest.raises(Exception, match="cannot be merged"):
        merge(loop, anna, anna)
    loop.come_to_rest()
    assert (figures(loop, anna), figures(loop, bo)) == ((144, 144, 0), (48, 48, 0))


def test_an_invitation_of_a_merged_customer_goes_on_working_and_nobody_brings_themselves(settled: Loop) -> None:
    loop = settled
    anna, bo = people(loop)
    with loop.database.work(loop.shop.shop_id) as work:
        code_of_bo = referral.code_of(work, loop_id(loop, bo))
        referral.code_of(work, loop_id(loop, anna))
    chiara = loop.world.add_customer("chiara@example.com", "Chiara")
    loop.world.place_order([("MUG", 1)], customer=chiara, attributes=(("perennial_ref", code_of_bo),))
    loop.come_to_rest()
    assert figures(loop, bo)[0] == 48 + 200
    merge(loop, anna, bo)
    loop.come_to_rest()
    assert figures(loop, anna)[0] == 144 + 48 + 200
    dai = loop.world.add_customer("dai@example.com", "Dai")
    loop.world.place_order([("MUG", 1)], customer=dai, attributes=(("perennial_ref", code_of_bo),))
    loop.come_to_rest()
    assert figures(loop, anna)[0] == 144 + 48 + 400
    # It turns out that Dai is Anna too: what "he" brought her is taken back.
    merge(loop, anna, dai)
    loop.come_to_rest()
    assert figures(loop, anna)[0] == 144 + 48 + 200 + 14
    books_are_right(loop)


FACTS = {
    "standings": STAGES,
    "balances": "SELECT c.external_id, b.points, b.held FROM balances b JOIN customers c USING (shop_id, customer_id) "
    "WHERE b.shop_id = %s AND (b.points, b.held) <> (0, 0) ORDER BY 1",
    "orders": "SELECT o.external_id, c.external_id, o.refunded_minor FROM orders o "
    "JOIN customers c USING (shop_id, customer_id) WHERE o.shop_id = %s ORDER BY 1",
    "people": "SELECT external_id, gone_at IS NOT NULL FROM customers WHERE shop_id = %s ORDER BY 1",
    "history": "SELECT c.external_id, h.effective_at, h.to_stage FROM stage_changes h "
    "JOIN customers c USING (shop_id, customer_id) WHERE h.shop_id = %s ORDER BY 1, 2, 3",
}


def told_in_order(loop: Loop, deliveries: list[Delivery], above: Superuser) -> dict[str, Any]:
    """Deliver one by one, settle after each, and say where the house ends."""
    for delivery in deliveries:
        loop.world.courier.deliver(delivery)
        loop.settle()
    books_are_right(loop)
    return {name: above.run(query, loop.shop.shop_id) for name, query in FACTS.items()}


def a_life_with_two_merges(loop: Loop) -> None:
    """Three accounts of one person: the third goes into the second, and the second into the first."""
    world = loop.world
    first, second, third = (world.add_customer(f"a{n}@example.com", "A") for n in range(3))
    world.place_order([("MUG", 1)], customer=third)
    loop.clock.forward(seconds=2)
    sold = world.place_order([("POT", 1)], customer=second)
    loop.clock.forward(seconds=2)
    merge(loop, second, third)
    loop.clock.forward(seconds=2)
    merge(loop, first, second)
    loop.clock.forward(seconds=2)
    world.refund(sold)


@pytest.mark.slow
def test_in_whatever_order_a_merge_is_told_the_house_ends_the_same(
    database: Database, above: Superuser, neighbour: Any
) -> None:
    """Backwards, twice, and the merges and deletions in many orders among themselves, before and after the orders."""
    today = datetime.now(UTC).replace(microsecond=0)
    ends = []
    for number, shuffle in enumerate(_shuffles()):
        database.clock = clock = Clock(today - timedelta(days=30))
        with open_loop(database, clock) as loop:
            loop.install_long_ago()
            loop.come_to_rest()
            a_life_with_two_merges(loop)
            clock.now = today - timedelta(days=29)
            ends.append(told_in_order(loop, shuffle(loop.world.courier.waiting), above))
        assert ends[-1] == ends[0], f"shuffle {number} ends elsewhere"
        above.clear_except(neighbour.shop_id)
    assert [row[1:] for row in ends[0]["balances"]] == [(14, 0)]


def _shuffles() -> Iterator[Callable[[list[Delivery]], list[Delivery]]]:
    news = ("customers/merge", "customers/delete")

    def split(waiting: list[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        return [d for d in waiting if d.topic in news], [d for d in waiting if d.topic not in news]

    yield lambda waiting: waiting
    yield lambda waiting: waiting[::-1]
    yield lambda waiting: waiting + waiting
    for order in list(itertools.permutations(range(4)))[::3]:

        def first(waiting: list[Delivery], order: tuple[int, ...] = order) -> list[Delivery]:
            special, rest = split(waiting)
            return [special[n] for n in order] + rest

        yield first
    for order in list(itertools.permutations(range(4)))[::6]:

        def last(waiting: list[Delivery], order: tuple[int, ...] = order) -> list[Delivery]:
            special, rest = split(waiting)
            return rest[::-1] + [special[n] for n in order]

        yield last


# --- orders


def test_a_deleted_order_counts_for_nothing_and_stays_in_the_books(settled: Loop, above: Superuser) -> None:
    loop = settled
    anna, _ = people(loop)
    (sold, _) = loop.world.shop().orders
    merchant.delete_order(loop.world.shop(), sold)
    loop.come_to_rest()
    assert figures(loop, anna) == (0, 0, 0)
    assert anna.tags == ("stage:lead",)
    kinds = above.run(
        "SELECT e.kind, e.points FROM entries e JOIN orders o USING (shop_id, order_id) "
        "WHERE e.shop_id = %s AND o.external_id = %s ORDER BY e.entry_id",
        loop.shop.shop_id,
        str(sold.id),
    )
    assert kinds == [("earn", 144), ("clawback", -144)]
    books_are_right(loop)


def test_a_late_word_of_a_deleted_order_does_not_raise_it(loop: Loop) -> None:
    anna = loop.world.add_customer("anna@example.com", "Anna")
    sold = loop.world.place_order([("POT", 1)], customer=anna)
    late = [delivery for delivery in loop.world.courier.waiting if delivery.topic.startswith("orders/")]
    merchant.delete_order(loop.world.shop(), sold)
    for delivery in [d for d in loop.world.courier.waiting if d not in late]:
        loop.world.courier.deliver(delivery)
    loop.settle()
    loop.come_to_rest()
    assert figures(loop, anna) == (0, 0, 0)
    assert anna.tags == ("stage:lead",)


def test_an_edit_that_removes_a_line_is_looked_up_when_it_comes_alone(settled: Loop) -> None:
    loop = settled
    anna, _ = people(loop)
    shop = loop.world.shop()
    (sold, _) = shop.orders
    shop.only_topics = frozenset({"orders/edited"})
    merchant.edit(shop, sold, {sold.first_line: 1})
    shop.only_topics = None
    loop.come_to_rest()
    assert figures(loop, anna) == (144, 144, 0)
    assert loop.look_again() == 1
    assert figures(loop, anna) == (96, 96, 0)
    calls = loop.world.stats["platform_calls"]
    assert loop.look_again() == 0
    assert loop.world.stats["platform_calls"] == calls


def test_an_edit_that_comes_with_its_order_costs_no_call(settled: Loop, above: Superuser) -> None:
    loop = settled
    anna, _ = people(loop)
    shop = loop.world.shop()
    (sold, _) = shop.orders
    merchant.edit(shop, sold, {sold.first_line: 1})
    calls = loop.world.stats["platform_calls"]
    loop.deliver()
    loop.settle()
    assert figures(loop, anna) == (96, 96, 0)
    assert loop.look_again() == 0
    assert loop.world.stats["platform_calls"] == calls
    assert above.one("SELECT count(*) FROM stale_orders WHERE shop_id = %s", loop.shop.shop_id) == 0


def test_payments_told_by_themselves_cost_no_call_when_the_order_is_told_too(loop: Loop, above: Superuser) -> None:
    loop.world.shop().chatty = True
    anna = loop.world.add_customer("anna@example.com", "Anna")
    loop.world.place_order([("POT", 1)], customer=anna)
    loop.deliver()
    loop.settle()
    assert above.one("SELECT count(*) FROM deliveries WHERE topic = 'order_transactions/create'") == 1
    assert above.one("SELECT count(*) FROM stale_orders WHERE shop_id = %s", loop.shop.shop_id) == 0


def test_a_purchase_of_which_only_the_sum_was_told_is_found(loop: Loop) -> None:
    anna = loop.world.add_customer("anna@example.com", "Anna")
    shop = loop.world.shop()
    shop.only_topics = frozenset({"customers/purchasing_summary"})
    loop.world.place_order([("POT", 1)], customer=anna)
    merchant.tell_purchases(shop, anna, shop.event())
    shop.only_topics = None
    loop.deliver()
    loop.settle()
    assert loop.look_again() == 1
    assert figures(loop, anna)[0] == 48


def test_while_the_store_cannot_be_asked_a_stale_order_waits(settled: Loop, above: Superuser) -> None:
    loop = settled
    shop = loop.world.shop()
    (sold, _) = shop.orders
    shop.only_topics = frozenset({"orders/edited"})
    merchant.edit(shop, sold, {sold.first_line: 1})
    shop.only_topics = None
    loop.deliver()
    loop.settle()
    shop.bucket.level, shop.bucket.rate = 0.0, 0.0
    assert loop.look_again() == 1
    assert above.one("SELECT count(*) FROM stale_orders WHERE shop_id = %s", loop.shop.shop_id) == 1
    shop.bucket.level, shop.bucket.rate = shop.bucket.size, 100.0
    loop.clock.forward(hours=1)
    assert loop.look_again() == 1
    assert figures(loop, people(loop)[0]) == (96, 96, 0)


def test_a_running_worker_asks_for_stale_orders_by_itself(settled: Loop) -> None:
    loop = settled
    anna, _ = people(loop)
    shop = loop.world.shop()
    (sold, _) = shop.orders
    shop.only_topics = frozenset({"orders/edited"})
    merchant.edit(shop, sold, {sold.first_line: 1})
    shop.only_topics = None
    loop.deliver()
    loop.settle()
    loop.clock.forward(seconds=REST.total_seconds() + 1)
    worker = Worker(loop.database, loop.inbox, loop.outbox, Schedule(loop.database, ()), loop.stale, loop.backfiller)
    stop, pause = threading.Event(), threading.Event()
    running = threading.Thread(target=worker.run, args=(stop,))
    running.start()
    deadline = time.monotonic() + 60
    while figures(loop, anna) != (96, 96, 0):
        assert time.monotonic() < deadline, "nobody asked"
        pause.wait(0.05)
    stop.set()
    running.join(60)
    assert not running.is_alive()


def test_the_goods_are_on_their_way_and_nothing_else_changes(settled: Loop) -> None:
    loop = settled
    (sold, _) = loop.world.shop().orders
    merchant.fulfil(loop.world.shop(), sold, partly=True)
    merchant.fulfil(loop.world.shop(), sold)
    loop.come_to_rest()
    assert figures(loop, people(loop)[0]) == (144, 144, 0)


# --- things of ours, changed by the merchant


def test_one_of_our_tags_taken_off_is_put_on_again(settled: Loop) -> None:
    loop = settled
    anna, _ = people(loop)
    loop.world.shop().tag_customer(anna, ["VIP"], ["stage:acquired"])
    loop.come_to_rest()
    assert sorted(anna.tags) == ["VIP", "stage:acquired"]


def test_one_of_our_tags_put_on_by_hand_is_taken_off(settled: Loop) -> None:
    loop = settled
    anna, _ = people(loop)
    loop.world.shop().tag_customer(anna, ["stage:advocate"], [])
    loop.come_to_rest()
    assert anna.tags == ("stage:acquired",)


def test_a_segment_that_the_merchant_deletes_comes_back(settled: Loop) -> None:
    loop = settled
    shop = loop.world.shop()
    with loop.database.work(loop.shop.shop_id) as work:
        lifecycle.publish_segments(work)
    loop.come_to_rest()
    names = sorted(segment.name for segment in shop.segments)
    assert len(names) == 7
    merchant.delete_segment(shop, next(s for s in shop.segments if s.name == "Perennial: lead"))
    loop.come_to_rest()
    assert sorted(segment.name for segment in shop.segments) == names


@pytest.mark.parametrize("deed", [merchant.delete_discount, merchant.end_discount, merchant.remove_code])
def test_a_code_that_the_merchant_ends_gives_its_points_back(
    settled: Loop, deed: Callable[..., None], above: Superuser
) -> None:
    loop = settled
    anna, _ = people(loop)
    code = redeem(loop, anna)
    loop.come_to_rest()
    assert figures(loop, anna) == (44, 44, 100)
    found = loop.world.shop().discounts.by_code(code)
    assert found is not None
    deed(loop.world.shop(), found)
    loop.come_to_rest()
    assert figures(loop, anna) == (144, 144, 0)
    assert [r.outcome for r in loop.points(anna.id).redemptions] == ["the merchant ended the code"]
    left = loop.world.shop().discounts.by_code(code)
    assert left is None or left.status(loop.clock.timestamp()) == "EXPIRED"
    books_are_right(loop)


def test_a_code_whose_points_went_back_does_not_come_alive_again(settled: Loop) -> None:
    loop = settled
    anna, _ = people(loop)
    code = redeem(loop, anna)
    loop.come_to_rest()
    found = loop.world.shop().discounts.by_code(code)
    assert found is not None
    merchant.end_discount(loop.world.shop(), found)
    loop.come_to_rest()
    loop.clock.forward(seconds=1)
    merchant.revive_discount(loop.world.shop(), found)
    loop.come_to_rest()
    assert found.status(loop.clock.timestamp()) == "EXPIRED"


# --- people


def test_a_customer_who_is_deleted_stands_nowhere_and_is_not_written_to(loop: Loop, above: Superuser) -> None:
    anna = loop.world.add_customer("anna@example.com", "Anna")
    loop.deliver()
    loop.settle()
    merchant.delete_customer(loop.world.shop(), anna)
    loop.come_to_rest()
    who = "SELECT email, first_name, gone_at IS NOT NULL FROM customers WHERE shop_id = %s"
    assert above.run(who, loop.shop.shop_id) == [(None, None, True)]
    assert above.one("SELECT count(*) FROM standings WHERE shop_id = %s", loop.shop.shop_id) == 0
    assert above.one("SELECT count(*) FROM effects WHERE parked_at IS NOT NULL") == 0


def test_consent_is_the_newest_word(loop: Loop) -> None:
    anna = loop.world.add_customer("anna@example.com", "Anna")
    shop = loop.world.shop()
    merchant.consent(shop, anna, "email", "subscribed")
    loop.clock.forward(seconds=1)
    merchant.consent(shop, anna, "email", "unsubscribed")
    merchant.consent(shop, anna, "sms", "subscribed")
    merchant.switch_account(shop, anna, enabled=True)
    for delivery in loop.world.courier.waiting[::-1]:
        loop.world.courier.deliver(delivery)
    loop.come_to_rest()
    with loop.database.work(loop.shop.shop_id) as work:
        told = facts.of(work, str(anna.id))
    assert told == {"account": "enabled", "consent:email": "unsubscribed", "consent:sms": "subscribed"}


def test_somebody_who_left_the_checkout_is_a_lead_until_they_buy(loop: Loop) -> None:
    shop = loop.world.shop()
    anna = loop.world.add_customer("anna@example.com", "Anna")
    begun = carts.begin(shop, [("POT", 1)], anna)
    carts.begin(shop, [("MUG", 1)], email="nobody@example.com")
    loop.come_to_rest()
    assert anna.tags == ("stage:lead",)
    loop.clock.forward(hours=2)
    carts.come_back(shop, begun)
    loop.come_to_rest()

    def left(hours: int) -> list[tuple[str, int]]:
        with loop.database.work(loop.shop.shop_id) as work:
            rows = checkouts.left(work, work.now - timedelta(hours=hours))
        return [(row.token, row.total_minor) for row in rows]

    assert left(1) == []
    loop.clock.forward(hours=2)
    assert left(1) == [(begun.token, 4800)]
    carts.complete(shop, begun)
    loop.come_to_rest()
    loop.clock.forward(hours=2)
    assert left(1) == []
    assert anna.tags == ("stage:acquired",)


def test_a_shop_that_changes_its_name_is_known_by_it(loop: Loop) -> None:
    merchant.describe(loop.world.shop(), name="Kettle & Co", zone="Europe/Berlin")
    loop.come_to_rest()
    assert (loop.shop.name, loop.shop.timezone, loop.shop.currency) == ("Kettle & Co", "Europe/Berlin", "USD")


def test_a_push_that_meets_a_merged_customer_is_set_aside_and_then_moot(settled: Loop, above: Superuser) -> None:
    """The store merges two people after we have read of a third order, and before we write their tags."""
    loop = settled
    anna, bo = people(loop)
    loop.world.place_order([("MUG", 1)], customer=bo)
    loop.deliver()
    loop.settle()
    merge(loop, anna, bo)
    loop.push()
    parked = "SELECT key, reason <> '' FROM effects WHERE shop_id = %s AND parked_at IS NOT NULL"
    assert above.run(f"{parked} ORDER BY key", loop.shop.shop_id) == [
        (f"lifecycle:{bo.id}", True), (f"stage:{bo.id}", True),
    ]  # fmt: skip
    loop.come_to_rest()
    assert above.run(parked, loop.shop.shop_id) == []
    assert anna.tags == ("stage:developing",)


def test_a_topic_that_nobody_here_knows_is_kept_and_harms_nothing(loop: Loop, above: Superuser) -> None:
    shop = loop.world.shop()
    shop.subscriptions.append(Subscription(1, "products/update", loop.world.app.webhook_url, 0.0))
    shop.fire("products/update", b'{"id": 1, "novelty": {"deep": [1, 2]}}', shop.event())
    loop.come_to_rest()
    kept = above.run("SELECT settled_at IS NOT NULL, parked_at, reason, body FROM deliveries WHERE topic = %s",
                     "products/update")  # fmt: skip
    ((settled, parked_at, reason, body),) = kept
    assert (settled, parked_at, reason) == (True, None, None)
    assert unpack(bytes(body)) == b'{"id": 1, "novelty": {"deep": [1, 2]}}'
