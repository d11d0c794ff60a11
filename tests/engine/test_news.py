"""Rare words of the store, each by itself: the newest counts, twice is once, and what is gone stays gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import pytest

from commerce.customers import CustomerSnapshot
from commerce.events import (
    BulkOperationFinished,
    CartChanged,
    CheckoutChanged,
    CustomerDeleted,
    CustomerFact,
    CustomersMerged,
    DiscountChanged,
    Event,
    OrderDeleted,
    OrderStale,
    PrivacyAsked,
    ShopChanged,
)
from commerce.store import ShopDetails
from engine import bulk, checkouts, facts, mirror, privacy, shops
from tests import people
from tests.ground import START, Clock, Desk, Superuser


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ends(desk: Desk, above: Superuser) -> dict[str, str | None]:
    """Everybody by name, and in whom they end."""
    return dict(
        above.run(
            "SELECT c.external_id, k.external_id FROM customers c LEFT JOIN customers k "
            "ON k.shop_id = c.shop_id AND k.customer_id = c.merged_into WHERE c.shop_id = %s",
            desk.shop.shop_id,
        )
    )


# --- who is gone


def test_who_waits_to_be_erased_waits_on_as_the_one_in_whom_they_end(
    desk: Desk, clock: Clock, above: Superuser
) -> None:
    desk.settle(customers=[people.customer(number, updated_at=START) for number in range(1, 6)])
    with desk.work() as work:
        for number in (1, 2, 4, 5):
            privacy.wait(work, str(1000 + number), f"click-{number}")
        privacy.withdraw(work, "1005")
    # Two who wait end in one who does not; one ends in somebody who waits; who took it back waits no more.
    desk.hear(CustomersMerged("1003", "1001", at(1)), CustomersMerged("1003", "1002", at(2)))
    desk.hear(CustomersMerged("1004", "1003", at(3)), CustomersMerged("1004", "1005", at(4)))
    with desk.work() as work:
        [waits] = privacy.waiting(work)
        assert waits.customer_external_id == "1004"
        assert privacy.waiting_since(work, "1004") == START
        assert privacy.carry_out(work, waits.request_id)
        assert privacy.waiting(work) == []
    named = "SELECT email FROM customers WHERE shop_id = %s AND external_id = '1004'"
    assert above.run(named, desk.shop.shop_id) == [(None,)]


def test_a_wish_moves_with_the_account_that_made_it(desk: Desk) -> None:
    desk.settle(customers=[people.customer(number, updated_at=START) for number in (1, 2)])
    with desk.work() as work:
        privacy.wait(work, "1002", "click")
    desk.hear(CustomersMerged("1001", "1002", at(1)))
    with desk.work() as work:
        assert privacy.waiting_since(work, "1001") == START
        assert privacy.withdraw(work, "1001")


@pytest.mark.parametrize("seed", range(12))
def test_chains_of_merges_end_at_the_last_one_kept_however_they_are_told(
    desk: Desk, above: Superuser, seed: int
) -> None:
    draw = Random(seed)
    names = [str(1000 + n) for n in range(1, 8)]
    words, alive = list[Event](), list(names)
    for second in range(6):
        kept, gone = draw.sample(alive, 2)
        alive.remove(gone)
        words.append(CustomersMerged(kept, gone, at(second)))
    draw.shuffle(words)
    words += draw.sample(words, 3)
    while words:
        size = draw.randint(1, 3)
        desk.hear(*words[:size])
        del words[:size]
    assert ends(desk, above) == {name: None if name in alive else alive[0] for name in names}


def test_a_merge_of_people_never_met_waits_for_their_orders(desk: Desk, above: Superuser) -> None:
    desk.hear(CustomersMerged("1001", "1002", at(0)))
    desk.settle(people.order(1, people.customer(2), 5000))
    assert ends(desk, above) == {"1001": None, "1002": "1001"}
    assert desk.balance(1).points == 50
    assert desk.faults() == []


def test_a_merge_that_is_told_again_moves_nothing(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1)), people.order(2, people.customer(2)))
    first = desk.hear(CustomersMerged("1001", "1002", at(0)))
    assert len(first.merges) == 1
    before = above.rows_of(desk.shop.shop_id)
    assert not desk.hear(CustomersMerged("1001", "1002", at(0)), CustomersMerged("1002", "1001", at(1)))
    assert above.rows_of(desk.shop.shop_id) == before


def test_what_somebody_owed_is_owed_by_the_one_who_was_kept(desk: Desk) -> None:
    sold = people.order(1, people.customer(2), 10_000)
    desk.settle(sold)
    desk.database.clock.forward(days=20)  # type: ignore[attr-defined]
    desk.redeem(2)
    desk.settle(people.refunded(sold, people.refund(sold, 1, 10_000)))
    assert (desk.balance(2).points, desk.balance(2).debt) == (-100, 100)
    desk.settle(people.order(2, people.customer(1), 15_000))
    desk.hear(CustomersMerged("1001", "1002", at(0)))
    kept = desk.balance(1)
    assert (kept.points, kept.debt, kept.held) == (50, 100, 100)
    assert desk.faults() == []


def test_names_of_somebody_gone_are_forgotten_and_not_learnt_again(desk: Desk, above: Superuser) -> None:
    desk.settle(customers=[people.customer(1, updated_at=START)])
    desk.hear(CustomerDeleted("1001", at(5)), CustomerDeleted("1003", at(5)))
    late = [people.customer(n, updated_at=at(9), observed_at=at(9)) for n in (1, 3)]
    desk.settle(customers=late)
    who = "SELECT external_id, email, first_name, last_name FROM customers WHERE shop_id = %s ORDER BY 1"
    assert above.run(who, desk.shop.shop_id) == [("1001", None, None, None), ("1003", None, None, None)]
    with desk.work() as work:
        assert mirror.customers_behind(work, late) == []


def test_a_deletion_before_the_merge_loses_no_points(desk: Desk) -> None:
    desk.settle(people.order(1, people.customer(1)), people.order(2, people.customer(2)))
    desk.hear(CustomerDeleted("1002", at(1)))
    desk.hear(CustomersMerged("1001", "1002", at(0)))
    assert desk.balance(1).points == 100
    assert desk.faults() == []


def test_an_order_deleted_before_it_was_known_is_never_raised(desk: Desk, above: Superuser) -> None:
    desk.hear(OrderDeleted("5001", at(1)))
    desk.settle(people.order(1, people.customer(1), updated_at=at(60)))
    assert desk.balance(1).points == 0
    row = "SELECT paid, deleted_at IS NOT NULL, customer_id FROM orders WHERE shop_id = %s"
    assert above.run(row, desk.shop.shop_id) == [(False, True, None)]


# --- facts


def fact(value: object, seconds: float, who: str = "1001") -> CustomerFact:
    return CustomerFact(who, "consent:email", value, at(seconds))


@pytest.mark.parametrize("told", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_newest_word_of_a_fact_counts(desk: Desk, told: Sequence[int]) -> None:
    words = [fact("pending", 0), fact("subscribed", 1), fact("unsubscribed", 1)]
    for number in told:
        desk.hear(words[number])
    with desk.work() as work:
        assert facts.of(work, "1001") == {"consent:email": "unsubscribed"}


def test_nothing_is_kept_of_somebody_gone(desk: Desk) -> None:
    desk.hear(fact("subscribed", 0), fact("subscribed", 0, "1002"))
    desk.hear(CustomersMerged("1001", "1002", at(1)))
    desk.hear(fact("subscribed", 2, "1002"))
    with desk.work() as work:
        assert facts.of(work, "1002") == {}
        assert facts.of(work, "1001") == {"consent:email": "subscribed"}


# --- checkouts


def checkout(buyer: CustomerSnapshot | None, seconds: float = 0, done: bool = False) -> CheckoutChanged:
    completed_at = at(seconds) if done else None
    return CheckoutChanged("t1", "c1", buyer, "USD", 4200, START, at(seconds), completed_at)


def test_a_completed_checkout_stays_completed_whatever_comes_late(desk: Desk) -> None:
    desk.hear(checkout(people.customer(1), 60, done=True))
    desk.hear(checkout(people.customer(1), 0), CartChanged("c1", at(90)))
    with desk.work() as work:
        assert checkouts.left(work, at(999)) == []


def test_a_checkout_of_nobody_is_not_kept(desk: Desk, above: Superuser) -> None:
    accepted = desk.hear(checkout(None))
    assert not accepted
    assert above.one("SELECT count(*) FROM checkouts WHERE shop_id = %s", desk.shop.shop_id) == 0


def test_whoever_is_erased_leaves_neither_facts_nor_checkouts(desk: Desk, above: Superuser) -> None:
    desk.hear(checkout(people.customer(1)), fact("subscribed", 0))
    with desk.work() as work:
        privacy.ask(work, PrivacyAsked("customer_export", "1001", "r1", START))
    outcome = above.one("SELECT outcome FROM privacy_requests WHERE shop_id = %s", desk.shop.shop_id)
    assert outcome["facts"] == {"consent:email": "subscribed"}
    assert [each["total_minor"] for each in outcome["checkouts"]] == [4200]
    with desk.work() as work:
        privacy.ask(work, PrivacyAsked("customer_erasure", "1001", "r2", START))
    desk.hear(checkout(people.customer(1), 5), fact("subscribed", 5))
    for table in ("customer_facts", "checkouts"):
        assert above.one(f"SELECT count(*) FROM {table} WHERE shop_id = %s", desk.shop.shop_id) == 0


def test_old_checkouts_are_dropped_with_the_bodies(desk: Desk, above: Superuser) -> None:
    desk.hear(checkout(people.customer(1)))
    count = "SELECT count(*) FROM checkouts WHERE shop_id = %s"
    for days, left in ((59, 1), (2, 0)):
        desk.database.clock.forward(days=days)  # type: ignore[attr-defined]
        with desk.work() as work:
            privacy.purge_bodies(work)
        assert above.one(count, desk.shop.shop_id) == left


# --- the store itself


def test_a_shop_that_moves_is_found_by_both_domains_and_an_older_word_does_not_move_it_back(desk: Desk) -> None:
    def word(name: str, domain: str, seconds: float, zone: str = "") -> ShopChanged:
        return ShopChanged(ShopDetails("60000000000", name, "USD", zone), domain, at(seconds))

    old = desk.shop.domain
    desk.hear(word("New", "new-name.myshopify.com", 10))
    desk.hear(word("Old", old, 5, "Europe/Berlin"))
    with desk.database.machine() as connection:
        found = [shops.find(connection, "shopify", domain) for domain in (old, "new-name.myshopify.com", "x.y")]
    assert [shop and (shop.shop_id, shop.name, shop.domain, shop.timezone) for shop in found] == [
        (desk.shop.shop_id, "New", "new-name.myshopify.com", "UTC"),
        (desk.shop.shop_id, "New", "new-name.myshopify.com", "UTC"),
        None,
    ]


def test_who_started_a_bulk_operation_learns_that_it_is_over(desk: Desk) -> None:
    word = BulkOperationFinished("77", "query", "completed", None, at(3))
    with desk.work() as work:
        assert bulk.finished(work, "77") is None
    desk.hear(word, word)
    with desk.work() as work:
        assert bulk.finished(work, "77") == word


def test_words_of_one_order_are_one_question(desk: Desk, above: Superuser) -> None:
    desk.hear(OrderStale("5001", None), OrderStale("5001", at(3)), OrderStale("5001", at(2)))
    desk.hear(OrderStale("5001", None))
    rows = "SELECT external_id, since FROM stale_orders WHERE shop_id = %s"
    assert above.run(rows, desk.shop.shop_id) == [("5001", at(3))]


def test_an_order_that_was_heard_of_since_is_not_asked_for(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1), observed_at=at(5)))
    desk.hear(OrderStale("5001", None), OrderStale("5001", at(5)))
    assert above.one("SELECT count(*) FROM stale_orders WHERE shop_id = %s", desk.shop.shop_id) == 0


def test_a_discount_of_the_merchant_s_own_says_nothing_to_us(desk: Desk, above: Superuser) -> None:
    assert not desk.hear(DiscountChanged("1", "SUMMER", False, at(0)), DiscountChanged("2", None, False, at(0)))
    assert above.one("SELECT count(*) FROM discount_nodes WHERE shop_id = %s", desk.shop.shop_id) == 0
