"""The store's history on the merchant's page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine import reconciliations
from engine.reconciliations import Reconciliation
from engine.shops import Shop
from tests.ground import Superuser
from tests.plugin.conftest import House, Merchant
from tests.plugin.markup import mistakes


def section(merchant: Merchant) -> str:
    page = merchant.open("/").text
    assert mistakes(page) == []
    found = page.partition('id="history-part"')[2].partition("</section>")[0]
    return " ".join(found.replace("\u00a0", " ").split())


def change(above: Superuser, shop: Shop, **values: Any) -> None:
    sets = ", ".join(f"{name} = %s" for name in values)
    above.run(f"UPDATE backfills SET {sets} WHERE shop_id = %s", *values.values(), shop.shop_id)


def test_a_backfill_that_was_just_asked_for_shows_a_bar_without_a_number(merchant: Merchant) -> None:
    said = section(merchant)
    assert "Beginning in a moment" in said
    assert '<progress id="history-progress"></progress>' in said
    assert 'data-refill="3"' in said


def test_the_bar_fills_and_says_how_far_and_by_which_way(
    house: House, merchant: Merchant, shop: Shop, above: Superuser
) -> None:
    change(
        above, shop, started_at=house.clock.now - timedelta(minutes=3), plan="pages", plan_reason="the store refused",
        orders_total=9_000, customers_total=1_000, orders_read=2_345, recent_only=False,
    )  # fmt: skip
    said = section(merchant)
    assert '<progress id="history-progress" max="10000" value="2345">23 %</progress>' in said
    assert "2,345 of 10,000 orders and customers read" in said
    assert "2,345 orders of 9,000 and 0 customers of 1,000, for 3 min so far" in said
    assert "page by page, which takes longer, because the store refused" in said
    assert "60 days" not in said


def test_a_store_that_is_read_at_half_speed_is_said_to_be(
    house: House, merchant: Merchant, shop: Shop, above: Superuser
) -> None:
    said = "we read at half speed for a while"
    now = house.clock.now
    change(above, shop, started_at=now, plan="pages", plan_reason="r", eased_until=now + timedelta(minutes=1))
    assert said in section(merchant)
    change(above, shop, eased_until=now - timedelta(minutes=1))
    assert said not in section(merchant)


def test_the_bar_never_says_more_than_all(house: House, merchant: Merchant, shop: Shop, above: Superuser) -> None:
    change(above, shop, started_at=house.clock.now, plan="export", orders_total=10, customers_total=0, orders_read=12)
    assert 'max="12" value="12"' in section(merchant)


def test_while_the_store_writes_its_file_the_page_says_that_we_wait(
    house: House, merchant: Merchant, shop: Shop, above: Superuser
) -> None:
    change(
        above, shop, started_at=house.clock.now, plan="export", export="77", export_written=4_000, orders_total=9_000,
        customers_total=0,
    )  # fmt: skip
    assert "Your store is writing its orders into a file for us. 4,000 lines are written so far." in section(merchant)


def test_trouble_and_the_limit_of_sixty_days_are_said_plainly(
    house: House, merchant: Merchant, shop: Shop, above: Superuser
) -> None:
    change(
        above, shop, started_at=house.clock.now, trouble="the store forbids us to ask", recent_only=True,
        look_at=house.clock.now + timedelta(minutes=1),
    )  # fmt: skip
    said = section(merchant)
    assert "Reading waits:</strong> the store forbids us to ask. We go on by ourselves at" in said
    assert "<strong>Only the last 60 days:</strong>" in said
    assert "What was bought before counts neither for stages nor for points" in said


def test_a_finished_backfill_says_what_it_read_and_what_comparing_found_since(
    house: House, merchant: Merchant, shop: Shop, above: Superuser
) -> None:
    now = house.clock.now
    change(
        above, shop, started_at=now - timedelta(seconds=45), finished_at=now, plan="export", orders_total=100,
        customers_total=20, orders_read=100, customers_read=20, left_out=1, recent_only=False,
    )  # fmt: skip
    with house.database.work(shop.shop_id) as work:
        reconciliations.record(work, Reconciliation(True, now, now, now, 120, 2, 1, 1))
        reconciliations.record(work, Reconciliation(False, now, now, now, 3, 3, 0, 0))
    said = section(merchant)
    assert "100 orders and 20 customers, in 45 s, from a file that your store wrote for us" in said
    assert "1 of them makes no sense to us and is left out" in said
    assert "120 orders and customers compared, 4 gaps found and healed. In the last 30 days: 7 gaps in all" in said
    assert "data-refill" not in said
    assert "<progress" not in said


def test_a_round_that_found_nothing_leaves_no_row_and_old_rows_go(house: House, shop: Shop, above: Superuser) -> None:
    now = house.clock.now
    with house.database.work(shop.shop_id) as work:
        reconciliations.record(work, Reconciliation(True, now, now, now, 1, 0, 0, 0))
        reconciliations.record(work, Reconciliation(False, now, now, now, 9, 0, 0, 0))
    rows = "SELECT deep, started_at FROM reconciliations WHERE shop_id = %s"
    assert above.run(rows, shop.shop_id) == [(True, now)]
    later = house.clock.forward(days=91)
    with house.database.work(shop.shop_id) as work:
        reconciliations.record(work, Reconciliation(True, later, later, later, 9, 0, 0, 0))
    assert above.run(rows, shop.shop_id) == [(True, later)]
