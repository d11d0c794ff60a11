"""What a whole snapshot of an order says of its refunds and its buyer, and what one that is not whole does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import loyalty
from commerce.customers import CustomerSnapshot
from commerce.identity import Identity, guest_id
from commerce.orders import OrderSnapshot
from engine import mirror
from tests import people
from tests.ground import START, Clock, Desk, Superuser
from tests.people import later

LATER = START + timedelta(hours=1)
MAIL = "anna@example.com"
GUEST = guest_id(Identity.of(MAIL, None, country=None)) or ""


def whole(number: int, customer: CustomerSnapshot | None, minor: int = 10_000) -> OrderSnapshot:
    order = people.order(number, people.customer(1), minor, placed_at=START)
    return replace(order, customer=customer, whole=True)


def as_guest(external_id: str = GUEST, email: str = MAIL) -> CustomerSnapshot:
    return CustomerSnapshot(external_id=external_id, email=email, first_name="Anna", observed_at=START)


def refunded(above: Superuser, desk: Desk) -> list[tuple[int, int]]:
    rows = above.run("SELECT refunded_minor, refund_count FROM orders WHERE shop_id = %s", desk.shop.shop_id)
    return [(row[0], row[1]) for row in rows]


def test_a_refund_that_a_whole_snapshot_no_longer_lists_is_dropped(desk: Desk, above: Superuser) -> None:
    order = whole(1, people.customer(1))
    first, second = people.refund(order, 1, 1000), people.refund(order, 2, 500)
    both = later(order, refunds=(first, second))
    one = later(both, refunds=(second,))
    desk.settle(both)
    assert refunded(above, desk) == [(1500, 2)]
    desk.settle(one)
    assert refunded(above, desk) == [(500, 1)]
    desk.settle(both)
    assert refunded(above, desk) == [(500, 1)], "an older snapshot brings nothing back"
    desk.settle(later(one, refunds=()))
    assert refunded(above, desk) == [(0, 0)]
    assert desk.balance().points == 100
    assert desk.faults() == []


def test_a_snapshot_that_is_not_whole_says_nothing_of_refunds_that_it_lacks(desk: Desk, above: Superuser) -> None:
    order = people.order(1, people.customer(1), 10_000, placed_at=START)
    desk.settle(order, refunds=[people.refund(order, 1, 1000)])
    desk.settle(later(order))
    assert refunded(above, desk) == [(1000, 1)]


def test_an_order_moves_from_a_guest_to_an_account_and_never_back(desk: Desk, above: Superuser) -> None:
    order = whole(1, as_guest())
    desk.settle(order)
    given = later(order, customer=people.customer(1))
    desk.settle(given)
    assert desk.balance().points == 100
    desk.settle(later(given, customer=as_guest()))
    assert desk.balance().points == 100
    whose = above.run(
        "SELECT c.external_id FROM orders o JOIN customers c USING (shop_id, customer_id) WHERE o.shop_id = %s",
        desk.shop.shop_id,
    )
    assert whose == [("1001",)]
    assert desk.faults() == []


def test_a_guest_is_joined_by_the_e_mail_that_the_store_told_of_the_account_whenever_it_does(desk: Desk) -> None:
    mail = people.customer(1).email or ""
    me = guest_id(Identity.of(mail, None, country=None)) or ""
    first, second = (whole(number, as_guest(me, mail)) for number in (1, 2))
    desk.settle(first, second)
    desk.settle(later(first, customer=people.customer(1)))
    # The order's word of the account is hearsay: one order moved, and no more.
    assert desk.balance().points == 100
    desk.settle(customers=[people.customer(1, updated_at=LATER)])
    assert desk.balance().points == 200
    desk.settle(whole(3, as_guest(me, mail)))
    assert desk.balance().points == 300
    assert desk.faults() == []


def test_an_account_of_the_same_e_mail_is_not_joined_by_anything_less(desk: Desk) -> None:
    mail = people.customer(1).email or ""
    me = guest_id(Identity.of(mail, None, country=None)) or ""
    desk.settle(whole(1, as_guest(me, mail)), whole(2, people.customer(1)))
    desk.settle(customers=[people.customer(1, updated_at=LATER)])
    assert desk.balance().points == 100


def test_points_of_which_a_reward_was_bought_move_when_they_have_come_back(desk: Desk, clock: Clock) -> None:
    order = whole(1, as_guest(), 50_000)
    desk.settle(order)
    clock.forward(days=60)
    with desk.work() as work:
        me = mirror.customer_id(work, GUEST)
        assert me is not None
        held = loyalty.redeem(work, me, GUEST, "five-off", "click-1").points
    given = later(order, customer=people.customer(1))
    desk.settle(given)
    with desk.work() as work:
        book = loyalty.account(work, me)
    assert (book.points, book.held, desk.balance().points) == (500 - held, held, 0)
    assert desk.faults() == []
    clock.forward(days=60)
    desk.release()
    desk.settle(later(given))
    with desk.work() as work:
        book = loyalty.account(work, me)
    assert (book.points, book.held, desk.balance().points) == (0, 0, 500)
    assert desk.faults() == []
