"""What happens in a WooCommerce store reaches the books by the store's own webhooks: whatever they leave out, double,
tell in the wrong order or tell of somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.woocommerce import TOPICS
from engine.work import Database
from sandbox.woocommerce import CouponRefused, Line, check_out
from tests.flows.woo import TEA, Woo, guest, open_woo, orders, parked, person
from tests.ground import Clock, Superuser

ANN = person("Ann")
ANNS = guest("ann@example.test")


@pytest.fixture
def woo(database: Database, clock: Clock, above: Superuser) -> Iterator[Woo]:
    with open_woo(database, clock) as opened:
        yield opened
        assert opened.faults() == []
        assert opened.road.refused == []


def test_every_webhook_that_we_make_is_tried_and_answered(woo: Woo) -> None:
    assert woo.road.pings == len(TOPICS)
    assert woo.deliver() == 0


def test_a_guest_s_checkout_earns_once_though_it_is_told_twice_and_backwards(woo: Woo, above: Superuser) -> None:
    woo.road.doubled = 1.0
    number = check_out(woo.store, TEA, billing=ANN, method="card")
    assert woo.deliver() == 2
    woo.settle()
    assert woo.points(ANNS) == 100
    assert orders(above, woo) == {str(number): (ANNS, True, False, 10_000, 0, "USD")}
    assert parked(above, woo) == []


def test_two_orders_of_one_second_share_a_delivery_id_and_both_earn(woo: Woo) -> None:
    for name in ("Ann", "Bo"):
        check_out(woo.store, TEA, billing=person(name), method="card")
    woo.rest()
    assert (woo.points(ANNS), woo.points(guest("bo@example.test"))) == (100, 100)


def test_an_account_opened_at_the_checkout_earns(woo: Woo) -> None:
    check_out(woo.store, TEA, billing=ANN, method="card", create_account=True)
    woo.rest()
    (ann,) = woo.store.customers
    assert woo.points(ann) == 100


def test_cash_on_delivery_earns_when_it_was_paid(woo: Woo) -> None:
    number = check_out(woo.store, TEA, billing=ANN, method="cod")
    woo.rest()
    assert woo.points(ANNS) == 0
    woo.store.set_status(number, "completed")
    woo.rest()
    assert woo.points(ANNS) == 100


def test_an_order_that_was_refunded_before_its_creation_was_told_settles(woo: Woo) -> None:
    number = check_out(woo.store, TEA, billing=ANN, method="card")
    woo.store.refund(number, "40.00")
    woo.rest()
    assert woo.points(ANNS) == 60
    woo.store.refund(number, None)
    woo.rest()
    assert woo.points(ANNS) == 0


def test_a_deleted_refund_gives_the_points_back(woo: Woo, above: Superuser) -> None:
    number = check_out(woo.store, TEA, billing=ANN, method="card")
    first = woo.store.refund(number, "40.00")
    second = woo.store.refund(number, None, lines={})
    woo.rest()
    assert woo.points(ANNS) == 0
    woo.store.delete_refund(number, second)
    woo.rest()
    assert woo.points(ANNS) == 60
    woo.store.delete_refund(number, first)
    woo.rest()
    assert woo.points(ANNS) == 100
    assert above.one("SELECT count(*) FROM refunds WHERE shop_id = %s", woo.shop.shop_id) == 0


def test_a_refund_that_was_deleted_without_a_word_is_found_by_the_sweep(woo: Woo) -> None:
    number = check_out(woo.store, TEA, billing=ANN, method="card")
    refund = woo.store.refund(number, "40.00")
    woo.rest()
    woo.store.delete_refund(number, refund, quietly=True)
    assert woo.reconcile_deeply() == 1
    assert woo.points(ANNS) == 100
    assert woo.reconcile_deeply() == 0


def test_a_late_body_does_not_bring_a_deleted_refund_back(woo: Woo) -> None:
    number = check_out(woo.store, TEA, billing=ANN, method="card")
    refund = woo.store.refund(number, "40.00")
    woo.road.holds = True
    woo.rest()
    woo.road.holds = False
    woo.store.delete_refund(number, refund)
    woo.rest()
    assert woo.points(ANNS) == 100
    assert len(woo.road.held) == 2
    woo.road.let_go()
    woo.rest()
    assert woo.points(ANNS) == 100


def test_the_trash_counts_as_cancelled_and_what_is_restored_counts_again(woo: Woo, above: Superuser) -> None:
    number = check_out(woo.store, TEA, billing=ANN, method="card")
    woo.rest()
    woo.store.trash(number)
    # Told by its number alone: it is asked for.
    woo.deliver()
    woo.settle()
    assert woo.points(ANNS) == 100
    assert woo.look_again() == 1
    assert woo.points(ANNS) == 0
    woo.clock.forward(minutes=5)
    woo.store.restore(number)
    woo.rest()
    assert woo.points(ANNS) == 100
    woo.store.trash(number)
    woo.rest()
    assert woo.points(ANNS) == 0
    assert parked(above, woo) == []


def test_a_forced_deletion_fires_nothing_and_is_found_by_the_deep_sweep(woo: Woo) -> None:
    number = check_out(woo.store, TEA, billing=ANN, method="card")
    woo.rest()
    woo.store.force_delete(number)
    woo.clock.forward(hours=1)
    assert woo.deliver() == 0
    assert woo.reconcile_deeply() == 1
    assert woo.points(ANNS) == 0


def test_an_order_that_was_gone_before_it_was_told_leaves_no_trace(woo: Woo, above: Superuser) -> None:
    number = check_out(woo.store, TEA, billing=ANN, method="card")
    woo.store.force_delete(number)
    woo.rest()
    assert orders(above, woo) == {}
    assert parked(above, woo) == []


def test_a_webhook_whose_owner_lost_his_rights_is_told_to_the_merchant(woo: Woo, above: Superuser) -> None:
    check_out(woo.store, TEA, billing=ANN, method="card")
    woo.store.keys[0].admin = False
    woo.deliver()
    woo.settle()
    (updated, created) = parked(above, woo)
    assert (updated[0], created[0]) == ("order.updated", "order.created")
    assert "connect it again" in updated[1]
    assert orders(above, woo) == {}


def test_drafts_are_no_orders(woo: Woo, above: Superuser) -> None:
    woo.store.order(TEA, billing=ANN, status="checkout-draft")
    with pytest.raises(CouponRefused):
        check_out(woo.store, TEA, billing=ANN, coupons=["nowhere"])
    woo.rest()
    assert woo.reconcile_deeply() == 0
    assert orders(above, woo) == {}
    assert woo.customer(ANNS) is None


def test_a_draft_that_becomes_an_order_earns(woo: Woo) -> None:
    number = woo.store.order(TEA, billing=ANN, status="checkout-draft")
    woo.rest()
    woo.store.set_status(number, "processing")
    woo.rest()
    assert woo.points(ANNS) == 100


# --- people


def test_a_guest_s_orders_and_points_are_the_account_s_once_the_store_says_so(woo: Woo, above: Superuser) -> None:
    first = check_out(woo.store, TEA, billing=ANN, method="card")
    woo.rest()
    ann = woo.store.register("Ann@Example.test")
    woo.rest()
    # The account alone proves nothing: anybody could have opened it in her name.
    assert (woo.points(ANNS), woo.points(ann)) == (100, 0)
    woo.store.verify_email(ann)
    woo.rest()
    assert woo.points(ann) == 100
    assert orders(above, woo)[str(first)][0] == str(ann)
    # From then on the address is hers: forgetting to sign in costs her nothing.
    again = check_out(woo.store, TEA, billing=ANN | {"email": " ANN@example.test"}, method="card")
    woo.rest()
    assert orders(above, woo)[str(again)][0] == str(ann)
    assert woo.points(ann) == 200
    assert woo.points(ANNS) == 200  # who goes by that id now is she
    assert above.one("SELECT count(*) FROM customers WHERE shop_id = %s AND gone_at IS NULL", woo.shop.shop_id) == 1


def test_a_stranger_s_account_in_another_s_name_gets_none_of_her_points(woo: Woo, above: Superuser) -> None:
    check_out(woo.store, TEA, billing=ANN, method="card")
    stranger = woo.store.register("ann@example.test")
    check_out(woo.store, TEA, customer=stranger, billing=ANN, method="card")
    check_out(woo.store, TEA, billing=ANN, method="card")
    woo.rest()
    assert (woo.points(ANNS), woo.points(stranger)) == (200, 100)


def test_an_order_that_the_merchant_gives_to_an_account_by_hand_moves_alone(woo: Woo, above: Superuser) -> None:
    """A shop's counter uses one address for everybody; giving one of its orders away must not give all."""
    counter = person("Counter")
    numbers = [check_out(woo.store, TEA, billing=counter, method="card") for _ in range(3)]
    ann = woo.store.register("ann@example.test")
    woo.rest()
    woo.store.link(numbers[1], ann)
    woo.rest()
    assert (woo.points(guest("counter@example.test")), woo.points(ann)) == (200, 100)
    woo.store.refund(numbers[1], "50.00")
    woo.rest()
    assert (woo.points(guest("counter@example.test")), woo.points(ann)) == (200, 50)
    # And to another again: the way back is the same.
    bo = woo.store.register("bo@example.test")
    woo.store.link(numbers[1], bo)
    woo.rest()
    assert (woo.points(ann), woo.points(bo)) == (0, 50)
    kinds = above.run("SELECT DISTINCT kind FROM entries WHERE shop_id = %s ORDER BY 1", woo.shop.shop_id)
    assert kinds == [("clawback",), ("earn",), ("merge",)]


def test_many_guests_become_one_customer(woo: Woo) -> None:
    check_out(woo.store, TEA, billing=ANN, method="card")
    by_phone = check_out(woo.store, TEA, billing=person("Ann", email="", phone="۰۹۱۲ ۱۲۳ ۴۵۶۷"), method="card")
    other = check_out(woo.store, TEA, billing=person("Ann", email="old@example.test"), method="card")
    ann = woo.store.register("ann@example.test")
    woo.rest()
    woo.store.verify_email(ann)
    for number in (by_phone, other):
        woo.store.link(number, ann)
    woo.rest()
    assert woo.points(ann) == 300


def test_a_guest_without_an_e_mail_is_known_by_the_phone_in_any_script(woo: Woo) -> None:
    for phone in ("09121234567", "+98 912 123 4567", "۰۰۹۸۹۱۲۱۲۳۴۵۶۷", "٠٩١٢١٢٣٤٥٦٧"):
        check_out(woo.store, TEA, billing=person("Sara", email="", phone=phone, country=""), method="card")
    woo.rest()
    assert woo.points(guest(phone="+989121234567")) == 400


def test_who_changes_the_address_keeps_everything(woo: Woo, above: Superuser) -> None:
    check_out(woo.store, TEA, billing=ANN, method="card", create_account=True)
    (ann,) = woo.store.customers
    woo.rest()
    woo.store.change_customer(ann, email="ann@elsewhere.test")
    woo.rest()
    assert woo.points(ann) == 100
    found = above.run("SELECT external_id, email FROM customers WHERE shop_id = %s", woo.shop.shop_id)
    assert found == [(str(ann), "ann@elsewhere.test")]


def test_a_deleted_customer_is_erased_and_the_orders_stay_in_the_books(woo: Woo, above: Superuser) -> None:
    before = check_out(woo.store, TEA, billing=ANN, method="card")
    woo.rest()
    ann = woo.store.register("ann@example.test")
    mine = check_out(woo.store, TEA, customer=ann, billing=ANN, method="card")
    woo.rest()
    woo.store.delete_customer(ann)
    woo.rest()
    # The store says of them now that they are a guest's; it still tells who that is, and we do not listen.
    woo.store.refund(mine, "50.00")
    woo.store.refund(before, "50.00")
    woo.rest()
    found = orders(above, woo)
    assert found[str(mine)] == (str(ann), True, False, 10_000, 5_000, "USD")
    assert found[str(before)][0].startswith("erased:")
    assert woo.points(ann) == 50
    people = above.run(
        "SELECT email, first_name, last_name, gone_at IS NOT NULL OR redacted_at IS NOT NULL FROM customers "
        "WHERE shop_id = %s",
        woo.shop.shop_id,
    )
    assert set(people) == {(None, None, None, True)}
    asked = above.run("SELECT kind, done_at IS NOT NULL FROM privacy_requests WHERE shop_id = %s", woo.shop.shop_id)
    assert asked == [("customer_erasure", True)]
    # Whoever comes back comes back as somebody new.
    check_out(woo.store, TEA, billing=ANN, method="card")
    woo.rest()
    assert woo.points(ANNS) == 100


def test_an_erased_order_forgets_its_guest_and_still_settles(woo: Woo, above: Superuser) -> None:
    first, second = (check_out(woo.store, TEA, billing=ANN, method="card") for _ in range(2))
    woo.rest()
    woo.store.erase(first)
    woo.rest()
    # One order still tells who she is.
    assert woo.points(ANNS) == 200
    woo.store.erase(second)
    woo.store.refund(second, "100.00")
    woo.rest()
    (whose,) = {row[0] for row in orders(above, woo).values()}
    assert whose.startswith("erased:")
    assert woo.points(whose) == 100
    # The digest by which she would be known again stands nowhere any more, not even where we wanted to write.
    for table in above.tables():
        assert above.run(f"SELECT FROM {table} t WHERE t::text LIKE %s", f"%{ANNS}%") == [], table
    assert above.run(
        "SELECT email, first_name, last_name FROM customers WHERE shop_id = %s", woo.shop.shop_id
    ) == [(None, None, None)]  # fmt: skip


def test_erased_people_never_become_one_member(woo: Woo, above: Superuser) -> None:
    for name in ("Ann", "Bo"):
        woo.store.erase(check_out(woo.store, TEA, billing=person(name), method="card"))
    woo.rest()
    assert {row[0] for row in orders(above, woo).values()} == {None}
    assert above.one("SELECT count(*) FROM customers WHERE shop_id = %s", woo.shop.shop_id) == 0


def test_a_name_in_arabic_letters_is_kept_as_it_was_typed(woo: Woo, above: Superuser) -> None:
    check_out(woo.store, [Line("چای", "25.00")], billing=person("Ann", first_name="علي", last_name="كريمي"))
    woo.rest()
    assert above.run(
        "SELECT first_name, last_name FROM customers WHERE shop_id = %s", woo.shop.shop_id
    ) == [("علي", "كريمي")]  # fmt: skip
