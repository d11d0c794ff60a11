"""What every database test stands on: a server, a database for this process, a clock, and the neighbour.

Units of work commit for real, as they do in production; afterwards everything that does not belong to the neighbour
is deleted again. The neighbour is a shop with the same customers, e-mails, orders and codes as the shop under test.
No test may change a row of it, and its rows are compared after each.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from sqlalchemy import event, make_url

import campaigns
import lifecycle
import loyalty
import referral
from commerce.customers import CustomerSnapshot
from commerce.events import Event
from commerce.ids import CustomerId, ShopId
from commerce.orders import OrderSnapshot, RefundSnapshot
from commerce.store import ShopDetails
from engine import inbox, mirror, shops, terms
from engine.inbox import settle_snapshots
from engine.news import News
from engine.postgres import Embedded
from engine.shops import Shop
from engine.work import Database, UnitOfWork
from migrations import upgrade

# The order is that of app.py; tests/flows compares the two.
REACTIONS = (loyalty.settle_orders, referral.settle_attributions, lifecycle.settle_orders, campaigns.follow)
FIRST_TERMS = {
    lifecycle.DOMAIN: lambda _currency: lifecycle.first_terms(),
    loyalty.DOMAIN: loyalty.first_terms,
    referral.DOMAIN: referral.first_terms,
}

T = TypeVar("T")

# A Monday at noon, far from any change of clocks.
START = datetime(2026, 3, 2, 12, tzinfo=UTC)

# What keys the digests of the tests.
SECRET = b"s" * 32

# Any constant does, as long as every process of the run uses the same: "TEST" in ASCII.
TEMPLATE_LOCK = 0x54455354

# How long the machine waits here where the platform would give up after some seconds: tests run on slow computers.
SLOW_SECONDS = 30

# Written by the clock for every shop there is, the neighbour included.
NOT_COMPARED = frozenset({"ticks"})


class Clock:
    """The time of the tests; it stands still unless it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now

    def timestamp(self) -> float:
        return self.now.timestamp()


# For pages that are being sent when a test ends.
PATIENCE_SECONDS = 2


class EventLoop:
    """An event loop on a thread of its own, as the web server has one; tests speak to it from theirs."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def close(self) -> None:
        self.run(self._end_rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(60)
        self.loop.close()

    async def _end_rest(self) -> None:
        """Pages that are on their way come to their end: their threads would speak to a loop that is closed. One that
        nobody read to its end leaves its task waiting for ever.
        """
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            _, rest = await asyncio.wait(rest, timeout=PATIENCE_SECONDS)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


# --- the server and its databases


@contextmanager
def server(place: Path) -> Iterator[str]:
    """The address of a server that all processes of this run share: DATABASE_URL, or one of our own in `place`.

    It is a superuser's address: the tests look past row-level security to see that nothing was changed behind it.
    """
    if given := os.environ.get("DATABASE_URL"):
        yield _for_psycopg(given)
        return
    with Embedded(place, durable=False) as url:
        yield _for_psycopg(url)


def _at(server_url: str, database: str) -> str:
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


def _for_psycopg(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def for_sqlalchemy(url: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@contextmanager
def fresh_database(server_url: str, name: str) -> Iterator[str]:
    """A database of that name with the newest schema, copied from a template that is migrated once a run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.getpid()
    template = f"perennial_template_{run}"
    made, pattern = sql.Identifier(name), sql.Identifier(template)
    with psycopg.connect(_at(server_url, "postgres"), autocommit=True) as connection:
        with _turn(connection):
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(pattern))
                upgrade(for_sqlalchemy(_at(server_url, template)))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made, pattern))
        try:
            yield _at(server_url, name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))
            with _turn(connection):  # whoever needs it once more makes it once more
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(pattern))


@contextmanager
def _turn(connection: psycopg.Connection[Any]) -> Iterator[None]:
    connection.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
    yield
    connection.execute("SELECT pg_advisory_unlock(%s)", [TEMPLATE_LOCK])


# --- shops


def open_shop(database: Database, domain: str, currency: str = "USD", timezone: str = "UTC") -> Shop:
    """A shop as an installation leaves it: described, with the first terms of every domain."""
    now = database.clock()
    with database.founding(lambda connection: shops.install(connection, "shopify", domain, now).shop_id) as work:
        shops.describe(work, ShopDetails("60000000000", domain.partition(".")[0], currency, timezone))
        for name, propose in FIRST_TERMS.items():
            terms.publish_first(work, name, propose(currency))
        return shops.current(work)


def settle(
    database: Database,
    shop_id: ShopId,
    *orders: OrderSnapshot,
    refunds: Sequence[RefundSnapshot] = (),
    customers: Sequence[CustomerSnapshot] = (),
) -> None:
    """Take snapshots in and let every domain look, as the inbox does, in one unit of work."""
    with database.work(shop_id) as work:
        inbox.take_turn(work)  # as every batch does
        settle_snapshots(work, REACTIONS, mirror.accept(work, orders, refunds, customers))


@dataclass(frozen=True)
class Desk:
    """What a shop's services do, one unit of work each; people go by their number in `tests.people`."""

    database: Database
    shop: Shop

    def settle(
        self,
        *orders: OrderSnapshot,
        refunds: Sequence[RefundSnapshot] = (),
        customers: Sequence[CustomerSnapshot] = (),
    ) -> None:
        settle(self.database, self.shop.shop_id, *orders, refunds=refunds, customers=customers)

    def hear(self, *events: Event) -> mirror.Accepted:
        """One batch of news, as the inbox settles it."""
        with self.work() as work:
            news = News.of(events)
            accepted = news.after(work, mirror.accept(work, (), touched=news.before(work)))
            settle_snapshots(work, REACTIONS, accepted)
            return accepted

    @contextmanager
    def work(self) -> Iterator[UnitOfWork]:
        with self.database.work(self.shop.shop_id) as work:
            yield work

    def customer_id(self, number: int = 1) -> CustomerId:
        with self.work() as work:
            found = mirror.customer_id(work, str(1000 + number))
        assert found is not None
        return found

    def balance(self, number: int = 1) -> loyalty.Balance:
        customer_id = self.customer_id(number)
        with self.work() as work:
            return loyalty.account(work, customer_id)

    def redeem(self, number: int = 1, request_key: str = "click-1", reward: str = "five-off") -> Any:
        customer_id = self.customer_id(number)
        with self.work() as work:
            return loyalty.redeem(work, customer_id, str(1000 + number), reward, request_key)

    def release(self) -> None:
        with self.work() as work:
            while loyalty.release_unused(work):
                pass

    def review(self) -> None:
        with self.work() as work:
            while lifecycle.review_due(work):
                pass

    def faults(self) -> list[str]:
        with self.work() as work:
            return loyalty.verify(work)


# --- looking from above, past every lock


@contextmanager
def statements(desk: Desk) -> Iterator[list[str]]:
    """What is said to the database within this block."""
    said = list[str]()

    def hear(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    event.listen(desk.database.engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(desk.database.engine, "before_cursor_execute", hear)


@dataclass(frozen=True)
class Superuser:
    """A connection that no row-level security holds back: to plant mistakes, and to look at everything."""

    connection: psycopg.Connection[tuple[Any, ...]]

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(statement.encode(), list(values) or None)
        return cursor.fetchall() if cursor.description else []

    def one(self, statement: str, *values: Any) -> Any:
        """The first column of the only row."""
        ((value,),) = self.run(statement, *values)
        return value

    def tables(self) -> list[str]:
        """The tables that hold rows of shops."""
        rows = self.run("SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity ORDER BY relname")
        return [row[0] for row in rows]

    def rows_of(self, shop_id: int) -> Mapping[str, tuple[int, str | None]]:
        """For each table: how many rows of the shop it holds, and a digest of them."""
        each = (
            f"SELECT '{table}', count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) "
            f"FROM {table} t WHERE shop_id = {shop_id:d}"
            for table in self.tables()
            if table not in NOT_COMPARED
        )
        return {table: (count, digest) for table, count, digest in self.run(" UNION ALL ".join(each))}

    def clear_except(self, shop_id: int) -> None:
        """Delete every row that is not of this shop, past triggers and foreign keys."""
        tables = self.tables()
        deletes = "".join(f"DELETE FROM {table} WHERE shop_id <> {shop_id:d};" for table in tables)
        everything = f"{deletes} DELETE FROM strays; DELETE FROM ticks; DELETE FROM authorizations; "
        everything += "DELETE FROM approvals; DELETE FROM sign_in_tries;"
        self.run(f"SET session_replication_role = replica; {everything} SET session_replication_role = DEFAULT")


def superuser(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    options = "-c lock_timeout=60s -c statement_timeout=120s -c timezone=UTC"
    return psycopg.connect(url, autocommit=True, options=options)
