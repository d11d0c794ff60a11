"""One bucket of points for all processes: the row does the same sums as one process alone, and survives odd rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commerce.budget import Grant, Level
from connectors.shopify.budget import LocalMeter
from engine import shops
from engine.budget import SharedMeter
from engine.shops import Shop
from engine.work import Database
from tests.ground import Clock, Superuser, open_shop

FULL = Level(2000, 2000, 100)
_shops = count(1)


@dataclass(frozen=True)
class Deed:
    pause_s: float
    points: float
    unspent: float
    told: Level | None


levels = st.builds(
    Level,
    available=st.integers(0, 2000).map(float),
    most=st.sampled_from([1000.0, 2000.0]),
    rate=st.sampled_from([50.0, 100.0, 2000.0]),
)
deeds = st.builds(
    Deed,
    pause_s=st.sampled_from([0.0, 0.25, 1.0, 7.0, 60.0]),
    points=st.integers(0, 1000).map(float),
    unspent=st.integers(-500, 500).map(float),
    told=st.none() | levels,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(deeds, min_size=1, max_size=12))
def test_the_row_does_the_same_sums_as_one_process_alone(database: Database, clock: Clock, story: list[Deed]) -> None:
    shop = open_shop(database, f"budget-{next(_shops)}.myshopify.com")
    shared, local = SharedMeter(database, shop.shop_id), LocalMeter(clock.timestamp)
    for deed in story:
        clock.forward(seconds=deed.pause_s)
        here = local.draw(deed.points, unspent=deed.unspent, told=deed.told)
        there = shared.draw(deed.points, unspent=deed.unspent, told=deed.told)
        assert there.points == pytest.approx(here.points)
        assert there.wait_s == pytest.approx(here.wait_s)


@pytest.fixture
def meter(database: Database, shop: Shop) -> SharedMeter:
    return SharedMeter(database, shop.shop_id)


def test_without_a_row_and_without_a_word_of_the_store_everybody_asks(meter: SharedMeter) -> None:
    assert meter.draw(1000) == Grant(1000, 0)
    assert meter.draw(1000) == Grant(1000, 0)


def test_two_who_draw_share_what_is_there_and_then_stand_in_line(
    database: Database, shop: Shop, meter: SharedMeter, clock: Clock
) -> None:
    other = SharedMeter(database, shop.shop_id)
    assert meter.draw(900, told=Level(1000, 2000, 100)) == Grant(900, 0)
    assert other.draw(500) == Grant(500, 4)
    assert meter.draw(500) == Grant(500, 9)
    clock.forward(seconds=9)
    assert other.draw(100) == Grant(100, 1)


def test_a_bucket_more_than_half_full_gives_more_than_was_asked(meter: SharedMeter) -> None:
    assert meter.draw(20, told=FULL) == Grant(20 + (2000 - 20 - 1000) / 4, 0)


def test_the_line_is_never_longer_than_a_whole_bucket(meter: SharedMeter) -> None:
    meter.draw(0, told=Level(0, 2000, 100))
    grants = [meter.draw(800) for _ in range(4)]
    assert grants == [Grant(800, 8), Grant(800, 16), Grant(0, 24), Grant(0, 24)]


def test_what_was_not_spent_comes_back(meter: SharedMeter) -> None:
    meter.draw(500, told=Level(500, 2000, 100))
    assert meter.draw(100) == Grant(100, 1)
    assert meter.draw(100, unspent=400) == Grant(100, 0)


def test_the_word_of_the_store_takes_away_and_never_adds(meter: SharedMeter) -> None:
    meter.draw(400, told=Level(500, 2000, 100))
    assert meter.draw(100, told=FULL) == Grant(100, 0)
    assert meter.draw(100, told=FULL) == Grant(100, 1)
    assert meter.draw(0, told=Level(-300, 2000, 100)) == Grant(0, 3)


def test_a_shop_that_moves_to_a_bigger_plan_is_asked_faster(meter: SharedMeter) -> None:
    meter.draw(400, told=Level(400, 2000, 100))
    assert meter.draw(500, told=Level(0, 20_000, 1000)) == Grant(500, 0.5)


def test_a_row_that_a_wrong_clock_wrote_is_not_waited_for(
    shop: Shop, meter: SharedMeter, clock: Clock, above: Superuser
) -> None:
    meter.draw(400, told=Level(400, 2000, 100))
    above.run(
        "UPDATE budgets SET counted_at = %s WHERE shop_id = %s RETURNING 1", clock() + timedelta(days=1), shop.shop_id
    )
    assert meter.draw(100) == Grant(100, 1)
    clock.forward(seconds=5)
    assert meter.draw(100) == Grant(100, 0)


def test_a_row_that_is_gone_is_made_anew_from_the_stores_next_word(
    shop: Shop, meter: SharedMeter, above: Superuser
) -> None:
    meter.draw(400, told=Level(0, 2000, 100))
    above.run("DELETE FROM budgets WHERE shop_id = %s RETURNING 1", shop.shop_id)
    assert meter.draw(400) == Grant(400, 0)
    assert meter.draw(400, told=Level(100, 2000, 100)) == Grant(400, 3)


def test_a_shops_bucket_goes_with_the_shop(
    database: Database, shop: Shop, meter: SharedMeter, above: Superuser
) -> None:
    meter.draw(400, told=FULL)
    with database.work(shop.shop_id) as work:
        shops.erase(work)
    assert above.one("SELECT count(*) FROM budgets WHERE shop_id = %s", shop.shop_id) == 0


def test_many_who_draw_at_once_never_get_the_same_points(meter: SharedMeter, shop: Shop, above: Superuser) -> None:
    meter.draw(0, told=Level(1000, 2000, 100))
    with ThreadPoolExecutor(8) as threads:
        grants = list(threads.map(lambda _: meter.draw(7), range(200)))
    left = above.one("SELECT available FROM budgets WHERE shop_id = %s", shop.shop_id)
    assert sum(grant.points for grant in grants) == 1400
    assert left == -400
    assert sorted(grant.wait_s for grant in grants)[-1] == 4
