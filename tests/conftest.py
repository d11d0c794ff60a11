"""Fixtures of every test that needs a database: real PostgreSQL, a clock that stands still, a shop, its neighbour."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, settings

import loyalty
import referral
from campaigns.service import enrolling
from engine import receiver
from engine.shops import Shop
from engine.work import Database
from lifecycle.service import segments
from tests import people
from tests.ground import (
    SECRET,
    SLOW_SECONDS,
    START,
    Clock,
    Desk,
    Superuser,
    for_sqlalchemy,
    fresh_database,
    open_shop,
    server,
    settle,
    superuser,
)

# A slow machine is not a fault of the code; and the same seed each time, so that a failure belongs to a change.
settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

NEIGHBOUR = "the-shop-next-door.myshopify.com"
_numbers = count(1)


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The one server of this run."""
    own = tmp_path_factory.getbasetemp()
    # The processes of one run have directories beside each other: the server lies in the one around them.
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with server(shared / "postgres") as url:
        yield url


@pytest.fixture(scope="session")
def _own_url(server_url: str) -> Iterator[str]:
    """The database of this process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with fresh_database(server_url, f"perennial_test_{worker}_{os.getpid()}") as url:
        yield url


@pytest.fixture(scope="session")
def _own_database(_own_url: str) -> Iterator[Database]:
    database = Database(for_sqlalchemy(_own_url), Clock(), connections=12, secret=lambda: SECRET)
    yield database
    database.close()


@pytest.fixture(scope="session")
def _own_superuser(_own_url: str) -> Iterator[Superuser]:
    with superuser(_own_url) as connection:
        yield Superuser(connection)


@pytest.fixture(scope="session")
def neighbour(_own_database: Database) -> Shop:
    """The shop next door: the same customers, e-mails, orders and requests as the shop under test, long settled."""
    database, at = _own_database, START - timedelta(days=60)
    _own_database.clock = Clock(at)
    shop = open_shop(database, NEIGHBOUR)
    buyers = [people.customer(number) for number in range(1, 6)]
    orders = [people.order(number, buyers[(number - 1) % 5], 20_000, placed_at=at) for number in range(1, 16)]
    settle(
        database,
        shop.shop_id,
        *orders,
        refunds=[people.refund(orders[0], 1, 1000)],
        customers=[people.customer(1, updated_at=at)],
    )
    Desk(database, shop).hear(*people.rare_news(orders[0]))
    _own_database.clock = Clock(START - timedelta(days=30))
    with database.work(shop.shop_id) as work:
        (anna,) = work.connection.exec_driver_sql(
            "SELECT customer_id FROM customers WHERE external_id = '1001'"
        ).scalars()
        loyalty.redeem(work, anna, "1001", "five-off", "click-1")
        code = referral.code_of(work, anna)
        referral.claim(work, code, "friend@example.com", b"s" * 32)
        referral.take_in_claims(work)
        work.connection.exec_driver_sql("UPDATE effects SET pushed_at = wanted_at")
        # Workers run over all shops: nobody shall ask the store next door, which is not there.
        work.connection.exec_driver_sql("UPDATE stale_orders SET due_at = 'infinity'")
    return shop


@pytest.fixture(autouse=True)
def _a_slow_computer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries are not given up, and nothing is looked at later because looking took long."""
    monkeypatch.setattr(receiver, "PATIENCE_SECONDS", float(SLOW_SECONDS))
    monkeypatch.setattr(enrolling, "REST", 0)
    monkeypatch.setattr(segments, "REST", 0)
    monkeypatch.setattr(segments, "BUSY_REST", 0)


@pytest.fixture
def clock() -> Clock:
    """The time of the test: noon of a Monday, until it is moved."""
    return Clock()


@pytest.fixture
def database(_own_database: Database, clock: Clock) -> Database:
    """The database, as the house uses it. What a test commits is deleted after it."""
    _own_database.clock = clock
    return _own_database


@pytest.fixture
def above(_own_superuser: Superuser, database: Database) -> Superuser:
    """A superuser's look at the test's database."""
    return _own_superuser


@pytest.fixture
def shop(database: Database) -> Shop:
    """An installed shop with the first terms of every domain, in US dollars."""
    return open_shop(database, f"shop-{next(_numbers)}.myshopify.com")


@pytest.fixture
def desk(database: Database, shop: Shop) -> Desk:
    """The shop's services."""
    return Desk(database, shop)


@pytest.fixture(autouse=True)
def _the_neighbour_is_left_alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test with a database: nothing of the shop next door has changed, and nothing else is left."""
    if "database" not in request.fixturenames:
        yield
        return
    owner: Superuser = request.getfixturevalue("_own_superuser")
    next_door: Shop = request.getfixturevalue("neighbour")
    before = owner.rows_of(next_door.shop_id)
    yield
    after = owner.rows_of(next_door.shop_id)
    owner.clear_except(next_door.shop_id)
    changed = {table: (before[table], after[table]) for table in before if before[table] != after[table]}
    assert not changed, f"the test changed rows of another shop: {changed}"
