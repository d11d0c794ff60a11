"""The database and the unit of work: one transaction, one shop, one `now`.

`Database.work(shop_id)` is the only way to write a shop's rows. It commits when the block ends and rolls back when
the block raises; nobody else commits. Three locks keep shops apart, and two of them are set here: every statement
must name `:shop_id` (asserted), and the transaction enters a role for which row-level security shows this one shop's
rows only.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

import orjson
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, CursorResult, Engine, TextClause, create_engine, make_url, text

from commerce.ids import ShopId

Clock = Callable[[], datetime]

# Half of SHA-256: what two rows share by chance is still nothing.
DIGEST_BYTES = 16

APP_ROLE = "perennial_app"
MACHINE_ROLE = "perennial_machine"

# A statement that needs longer than this is a mistake, not work; a lock that is not had by then is a deadlock in the
# making.
SESSION = (
    "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c timezone=UTC -c jit=off"
)
CONNECT_SECONDS = 10

_ENTER = text("SELECT set_config('role', :role, true), set_config('app.shop_id', :shop, true)")
_ENTER_BRIEFLY = text(
    "SELECT set_config('role', :role, true), set_config('app.shop_id', :shop, true), "
    "set_config('statement_timeout', :patience, true), set_config('lock_timeout', :patience, true), "
    "set_config('transaction_read_only', 'on', true)"
)

# For whoever reads a whole ledger: each statement may take its time, and none may write.
_STANDING_STILL = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_NO_HURRY = text("SELECT set_config('statement_timeout', '0', true)")

_NEW_IDS = text("SELECT nextval(CAST(:sequence AS regclass)) FROM generate_series(1, :count)")
# Two 32-bit keys: what the lock is for, and the shop; a collision between names costs a wait, nothing else.
_LOCK = text("SELECT pg_advisory_lock(hashtext(:name), CAST(:shop_id % 2147483647 AS integer))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtext(:name), CAST(:shop_id % 2147483647 AS integer))")

_open = threading.local()


def _no_secret() -> bytes:
    raise AssertionError("this database was opened without the house's secret: nothing can be digested")


def in_transaction() -> bool:
    """Whether this thread has a unit of work open.

    Connectors ask before each request: no network inside a transaction.
    """
    return bool(getattr(_open, "depth", 0))


def refuse_in_transaction() -> None:
    assert not in_transaction(), (
        "a network call inside a unit of work would hold its locks for as long as the network likes"
    )


def as_json(values: Sequence[Any]) -> str:
    """Rows for ``json_to_recordset``:

    one parameter carries a whole batch, eight times cheaper to bind than a list for each column.
    """
    return orjson.dumps(values).decode()


class Closing(Protocol):
    """What is done as the last step of a unit of work, once, before it commits."""

    def __call__(self, work: UnitOfWork) -> None: ...


Last = TypeVar("Last", bound=Closing)

# What every unit of work of this thread ends with, whoever opens it.
_ends_with: ContextVar[Closing | None] = ContextVar("ends_with", default=None)


@contextmanager
def ending_with(last: Closing) -> Iterator[None]:
    """Let each unit of work that ends within this block call `last` as its very last step."""
    token = _ends_with.set(last)
    try:
        yield
    finally:
        _ends_with.reset(token)


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """One transaction of one shop. `now` is the same instant for everything that happens in it."""

    connection: Connection
    shop_id: ShopId
    now: datetime
    secret: Callable[[], bytes] = _no_secret
    _closings: dict[type[Any], Any] = field(default_factory=dict)

    def digest(self, what: str) -> bytes:
        """What is kept in place of something that is never stored raw: keyed by the house, and the shop's own, so that
        no two shops can compare theirs.
        """
        return hmac.digest(self.secret(), f"{self.shop_id}:{what}".encode(errors="replace"), hashlib.sha256)[
            :DIGEST_BYTES
        ]

    def closing(self, kind: type[Last]) -> Last:
        """This unit's one `kind()`, made when it is first asked for. It is called as the last step before the commit:
        what it locks is locked for no longer than that, and nobody who holds it waits for anything else.
        """
        if kind not in self._closings:
            self._closings[kind] = kind()
        return cast("Last", self._closings[kind])

    def close(self) -> None:
        """Do what was left for the end."""
        for last in self._closings.values():
            last(self)
        if (log := _ends_with.get()) is not None:
            log(self)

    def run(self, statement: TextClause, **values: Any) -> CursorResult[Any]:
        """Execute a statement that names `:shop_id`; the shop comes from the unit of work and from nowhere else."""
        assert "shop_id" in statement._bindparams, f"a statement must name :shop_id: {statement.text[:80]}"
        return cast("CursorResult[Any]", self.connection.execute(statement, {"shop_id": self.shop_id, **values}))

    def rows(self, statement: TextClause, **values: Any) -> Sequence[Any]:
        """Every row, with its columns as attributes."""
        return self.run(statement, **values).all()

    def new_ids(self, sequence: str, count: int) -> list[int]:
        """`count` fresh numbers of a sequence, for rows that must know each other's ids before they are written."""
        return (
            list(self.connection.execute(_NEW_IDS, {"sequence": sequence, "count": count}).scalars()) if count else []
        )

    def row(self, statement: TextClause, **values: Any) -> Any:
        """The one row, or None where there is none."""
        return self.run(statement, **values).one_or_none()


class Database:
    """Connections to the one database, and the clock that every unit of work takes its `now` from."""

    def __init__(
        self, url: str, clock: Clock, *, connections: int = 4, secret: Callable[[], bytes] | None = None
    ) -> None:
        self.url = url
        self.clock = clock
        self.secret = secret or _no_secret
        self.engine: Engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=6,
            pool_timeout=10,
            pool_pre_ping=True,
            # The connection used last is used next: its plans and caches are warm, and a quiet process keeps few.
            pool_use_lifo=True,
            connect_args={"options": SESSION, "prepare_threshold": 2, "connect_timeout": CONNECT_SECONDS},
        )

    @property
    def conninfo(self) -> str:
        """For the driver itself, where the pool does not serve: to listen, and to write from an event loop."""
        url = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        return make_conninfo(url, options=SESSION, connect_timeout=CONNECT_SECONDS)

    @contextmanager
    def work(self, shop_id: ShopId) -> Iterator[UnitOfWork]:
        """A unit of work of one shop."""
        with self._transaction(APP_ROLE, str(shop_id)) as connection:
            now = self.clock()
            assert now.tzinfo is not None, "the clock must be aware of its zone"
            work = UnitOfWork(connection, shop_id, now, self.secret)
            yield work
            work.close()

    @contextmanager
    def briefly(self, shop_id: ShopId, patience_ms: int) -> Iterator[UnitOfWork]:
        """A unit of work that only reads, for somebody who does not wait: each statement ends within that time."""
        entered = {"role": APP_ROLE, "shop": str(shop_id), "patience": str(patience_ms)}
        with self._opened(_ENTER_BRIEFLY, entered) as connection:
            yield UnitOfWork(connection, shop_id, self.clock(), self.secret)

    @contextmanager
    def snapshot(self, shop_id: ShopId) -> Iterator[UnitOfWork]:
        """A unit of work that only reads, and sees the shop as it is at one instant, however long it reads."""
        with self._transaction(APP_ROLE, str(shop_id), **_STANDING_STILL) as connection:
            connection.execute(_NO_HURRY)
            yield UnitOfWork(connection, shop_id, self.clock(), self.secret)

    @contextmanager
    def founding(self, found: Callable[[Connection], ShopId]) -> Iterator[UnitOfWork]:
        """A unit of work of a shop that `found` makes in the same transaction:

        nobody ever sees a shop without its terms.
        """
        with self._transaction(MACHINE_ROLE, "") as connection:
            shop_id = found(connection)
            connection.execute(_ENTER, {"role": APP_ROLE, "shop": str(shop_id)})
            work = UnitOfWork(connection, shop_id, self.clock(), self.secret)
            yield work
            work.close()

    @contextmanager
    def lock(self, name: str, shop_id: ShopId) -> Iterator[None]:
        """Hold a lock of that name for the shop, among all processes, without a transaction:

        network calls may be made inside.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(_LOCK, {"name": name, "shop_id": shop_id})
            try:
                yield
            finally:
                connection.execute(_UNLOCK, {"name": name, "shop_id": shop_id})

    @contextmanager
    def machine(self) -> Iterator[Connection]:
        """A transaction that looks across shops; its role may do little more than see where work waits."""
        with self._transaction(MACHINE_ROLE, "") as connection:
            yield connection

    def _transaction(self, role: str, shop: str, **options: Any) -> AbstractContextManager[Connection]:
        return self._opened(_ENTER, {"role": role, "shop": shop}, **options)

    @contextmanager
    def _opened(self, enter: TextClause, entered: Mapping[str, str], **options: Any) -> Iterator[Connection]:
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            _open.depth = getattr(_open, "depth", 0) + 1
            try:
                connection.execute(enter, entered)
                yield connection
            finally:
                _open.depth -= 1

    def close(self) -> None:
        self.engine.dispose()
