"""The unit of work: one transaction, one shop, one `now`; and the three locks that keep shops apart."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from commerce.ids import ShopId
from connectors.http import HttpSession
from engine import shops
from engine.shops import Shop
from engine.work import Database, in_transaction, refuse_in_transaction
from tests import people
from tests.ground import SLOW_SECONDS, Clock, Desk, Superuser

RENAME = text("UPDATE shops SET name = :name WHERE shop_id = :shop_id")


class Mistake(Exception):
    """Something went wrong inside."""


def name_of(shop: Shop, above: Superuser) -> str:
    return str(above.one("SELECT name FROM shops WHERE shop_id = %s", shop.shop_id))


def test_a_unit_of_work_commits_when_its_block_ends(database: Database, shop: Shop, above: Superuser) -> None:
    with database.work(shop.shop_id) as work:
        work.run(RENAME, name="new")
        assert name_of(shop, above) != "new"
    assert name_of(shop, above) == "new"


def test_a_unit_of_work_leaves_nothing_behind_when_its_block_fails(
    database: Database, shop: Shop, above: Superuser
) -> None:
    def fail() -> None:
        with database.work(shop.shop_id) as work:
            work.run(RENAME, name="new")
            raise Mistake

    with pytest.raises(Mistake):
        fail()
    assert name_of(shop, above) != "new"
    assert not in_transaction()


def test_a_brief_look_is_given_up_in_time_and_the_next_unit_of_work_is_as_patient_as_ever(
    database: Database, shop: Shop
) -> None:
    count = text("SELECT count(*) FROM generate_series(1, :many) WHERE CAST(:shop_id AS bigint) > 0")

    def look(many: int, patience_ms: int) -> int:
        with database.briefly(shop.shop_id, patience_ms) as work:
            assert not shops.current(work).uninstalled_at
            return int(work.run(count, many=many).scalar_one())

    with pytest.raises(DBAPIError, match="statement timeout"):
        look(10**9, 50)
    assert look(10, 1000 * SLOW_SECONDS) == 10
    assert not in_transaction()
    with database.work(shop.shop_id) as work:
        told = work.run(text("SELECT current_setting('statement_timeout') WHERE CAST(:shop_id AS bigint) > 0"))
        assert told.scalar_one() == "30s"


def test_a_brief_unit_of_work_cannot_write(database: Database, shop: Shop) -> None:
    with pytest.raises(DBAPIError, match="read-only"), database.briefly(shop.shop_id, 20_000) as work:
        shops.stands_in(work, "DE")


def test_now_stands_still_in_a_unit_of_work(database: Database, shop: Shop, clock: Clock) -> None:
    with database.work(shop.shop_id) as work:
        before = work.now
        clock.forward(hours=1)
        assert work.now == before


def test_a_clock_without_a_zone_is_refused(database: Database, shop: Shop) -> None:
    database.clock = lambda: datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(AssertionError, match="zone"), database.work(shop.shop_id):
        pass


# --- the first lock: every statement names the shop


def test_a_statement_that_does_not_name_the_shop_is_refused(database: Database, shop: Shop) -> None:
    with database.work(shop.shop_id) as work, pytest.raises(AssertionError, match="must name :shop_id"):
        work.run(text("SELECT count(*) FROM orders"))


def test_the_shop_of_a_statement_cannot_be_chosen(database: Database, shop: Shop, neighbour: Shop) -> None:
    with database.work(shop.shop_id) as work:
        rows = work.rows(text("SELECT domain FROM shops WHERE shop_id = :shop_id"))
    assert [row.domain for row in rows] == [shop.domain]


# --- the second lock: rows cannot point at another shop's


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO balances (shop_id, customer_id) VALUES (%s, %s)",
        "INSERT INTO standings (shop_id, customer_id, known_since, last_since) VALUES (%s, %s, now(), now())",
        "INSERT INTO referral_codes (shop_id, customer_id, code, created_at) VALUES (%s, %s, 'X', now())",
        "INSERT INTO lots (shop_id, lot_id, customer_id, remaining, available_at) VALUES (%s, 1, %s, 1, now())",
        "UPDATE orders SET customer_id = %s WHERE shop_id = %s",
    ],
)
def test_a_row_cannot_point_at_another_shop_s_customer(
    desk: Desk, neighbour: Shop, above: Superuser, statement: str
) -> None:
    desk.settle(people.order(1, people.customer()))
    stranger = above.one("SELECT min(customer_id) FROM customers WHERE shop_id = %s", neighbour.shop_id)
    values = (desk.shop.shop_id, stranger) if statement.startswith("INSERT") else (stranger, desk.shop.shop_id)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        above.run(statement, *values)


# --- the third lock: row-level security


def test_a_unit_of_work_sees_its_own_shop_only_whatever_it_asks(
    database: Database, shop: Shop, above: Superuser
) -> None:
    for table in above.tables():
        with database.work(shop.shop_id) as work:
            rows = work.connection.exec_driver_sql(f"SELECT DISTINCT shop_id FROM {table}").scalars().all()
        assert set(rows) <= {shop.shop_id}, table


def test_an_unscoped_transaction_sees_no_rows_at_all(database: Database, neighbour: Shop, above: Superuser) -> None:
    for table in above.tables():
        with database.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL ROLE perennial_app")
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0, table


def test_a_row_of_another_shop_cannot_be_written(database: Database, shop: Shop, neighbour: Shop) -> None:
    with pytest.raises(DBAPIError, match="row-level security"), database.work(shop.shop_id) as work:
        work.connection.exec_driver_sql(
            "INSERT INTO terms (shop_id, domain, version, body, published_at) VALUES (%s, 'x', 1, '{}', now())",
            (neighbour.shop_id,),
        )


def test_another_shop_s_rows_are_not_there_to_be_changed(database: Database, shop: Shop, neighbour: Shop) -> None:
    for deed in ("UPDATE customers SET email = 'x'", "DELETE FROM effects", "UPDATE shops SET name = 'x'"):
        with database.work(shop.shop_id) as work:
            touched = work.connection.exec_driver_sql(f"{deed} WHERE shop_id = {neighbour.shop_id}")
            assert touched.rowcount == 0


def test_the_role_and_the_shop_end_with_the_transaction(database: Database, shop: Shop) -> None:
    with database.work(shop.shop_id):
        pass
    with database.engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT current_user, current_setting('app.shop_id', true)").one()
    assert row[0] != "perennial_app"
    assert row[1] in (None, "")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT email FROM customers",
        "SELECT body FROM deliveries",
        "SELECT sealed FROM shop_credentials",
        "SELECT points FROM balances",
    ],
)
def test_the_machine_sees_where_work_waits_and_nothing_else(database: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), database.machine() as connection:
        connection.exec_driver_sql(statement)


# --- no network inside


def test_no_request_is_sent_inside_a_unit_of_work(database: Database, shop: Shop) -> None:
    session = HttpSession(before_request=refuse_in_transaction)
    with database.work(shop.shop_id), pytest.raises(AssertionError, match="network call inside"):
        session.send("GET", "https://shop-1.myshopify.com/", headers={}, body=b"")
    refuse_in_transaction()


def test_a_named_lock_is_one_shop_s_and_no_transaction(database: Database, shop: Shop, neighbour: Shop) -> None:
    with database.lock("token", shop.shop_id), database.lock("token", neighbour.shop_id):
        refuse_in_transaction()


def test_a_shop_that_cannot_be_founded_whole_is_not_founded(database: Database, above: Superuser) -> None:
    def found(connection: Connection) -> ShopId:
        return shops.install(connection, "shopify", "half.myshopify.com", database.clock()).shop_id

    with pytest.raises(Mistake), database.founding(found):
        raise Mistake
    assert above.one("SELECT count(*) FROM shops WHERE domain = 'half.myshopify.com'") == 0


def test_one_platform_knows_a_domain_once(above: Superuser, shop: Shop) -> None:
    with pytest.raises((psycopg.errors.UniqueViolation, IntegrityError)):
        above.run(
            "INSERT INTO shops (platform, domain, installed_at, reconciled_to) VALUES ('shopify', %s, now(), now())",
            shop.domain,
        )
