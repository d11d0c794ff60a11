"""What every suite with a database stands on: an embedded server in a temporary directory, a shop, a filled inbox.

The server is durable, as in production: what is measured includes waiting for the disk. It, its data and every
process are gone when the block ends.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql
from sqlalchemy import make_url

import campaigns
import lifecycle
import loyalty
import referral
from bench.store import CLIENT_ID, DOMAIN, SECRET, Sent
from commerce.ids import ShopId
from commerce.store import ShopDetails
from engine import shops, terms
from engine.inbox import Reaction, pack
from engine.keyring import house_secret
from engine.postgres import Embedded
from engine.shops import Seal, Shop
from engine.work import Database
from migrations import upgrade
from plugin.demo import machine

ROOT = Path(__file__).parents[1]
TEMPLATE = "perennial"

# As in app.py, which nobody imports; tests/bench compares the two.
REACTIONS: tuple[Reaction, ...] = (
    loyalty.settle_orders, referral.settle_attributions, lifecycle.settle_orders, campaigns.follow,
)  # fmt: skip

_COPY = """
    COPY deliveries (shop_id, dedupe_key, topic, triggered_at, received_at, body) FROM STDIN (FORMAT binary)
"""
_TYPES = ("int8", "text", "text", "timestamptz", "timestamptz", "bytea")


def clock() -> datetime:
    return datetime.now(UTC)


# Rules for goods, tiers, and three promotions that may meet in one order.
RICH = {
    "earning": {
        "credit": False, "rounding": "nearest", "tiers": {"gold": 150},
        "goods": [{"goods": {"products": ["1", "2"]}, "percent": 50}],
    },
    "stacking": "add",
    "promotions": [
        {"key": "fridays", "title": "Fridays", "percent": 200, "weekdays": ["friday"]},
        {"key": "mugs", "title": "Mugs", "percent": 150, "goods": {"products": ["3"]}},
        {"key": "more", "title": "Five more", "bonus": 5, "minimum_minor": 2000},
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ground:
    home: Path
    url: str
    server: int
    """The process id of the server."""
    shop_ids: Sequence[ShopId]
    seal_key: str
    """The same for every process, for each opens what another has sealed."""

    @property
    def shop_id(self) -> ShopId:
        """The first shop, for those who need one only."""
        return self.shop_ids[0]

    def connect(self, database: str = TEMPLATE) -> psycopg.Connection[tuple[object, ...]]:
        """A superuser's connection: it looks past the locks between shops."""
        url = make_url(self.url).set(drivername="postgresql", database=database)
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def fill(self, deliveries: Iterable[Sent]) -> int:
        """Put deliveries into the inbox of each shop as the door would have left them; answers how many in all."""
        many = 0
        with self.connect() as connection, connection.cursor().copy(_COPY) as copy:
            copy.set_types(_TYPES)
            for sent in deliveries:
                body = pack(sent.body)
                for shop_id in self.shop_ids:
                    many += 1
                    copy.write_row((shop_id, sent.key, sent.topic, sent.triggered_at, clock(), body))
        return many

    @contextmanager
    def copied(self, name: str) -> Iterator[str]:
        """A database of that name, a copy of the first; yields its address."""
        with self.connect("postgres") as connection:
            made, pattern = sql.Identifier(name), sql.Identifier(TEMPLATE)
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(made, pattern))
            try:
                url = make_url(self.url).set(database=name)
                yield url.render_as_string(hide_password=False)
            finally:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))

    def environment(self, database_url: str, port: int = 8080) -> Mapping[str, str]:
        """The settings of `app.py serve` and `worker`. The store's address is one where nobody listens."""
        return {
            "PATH": str(Path(sys.executable).parent),
            "DATABASE_URL": database_url,
            "PERENNIAL_DATA_DIR": str(self.home),
            "PROMETHEUS_MULTIPROC_DIR": str(self.home),
            "PERENNIAL_URL": f"http://127.0.0.1:{port}",
            "PERENNIAL_PORT": str(port),
            "PERENNIAL_SEAL_KEYS": self.seal_key,
            "SHOPIFY_CLIENT_ID": CLIENT_ID,
            "SHOPIFY_CLIENT_SECRET": SECRET,
            "SHOPIFY_PLATFORM_URL": "http://127.0.0.1:9",
        }


@contextmanager
def ground(shop_count: int = 1, *, rich: bool = False) -> Iterator[Ground]:
    """A fresh database with so many shops, thrown away when the block ends. `rich`: by terms that ask for much."""
    home = Path(tempfile.mkdtemp(prefix="perennial-bench-"))
    embedded = Embedded(home / "postgres")
    try:
        with embedded as url:
            upgrade(url)
            key = Fernet.generate_key().decode()
            shop_ids = [_open_shop(url, n, rich) for n in range(shop_count)]
            _make_secret(url, key)
            yield Ground(home, url, machine.server_pid(embedded.data_dir), shop_ids, key)
    finally:
        machine.remove(home)


def _make_secret(url: str, seal_key: str) -> None:
    """The house's secret, before anything is locked: a worker asks for it as it starts."""
    database = Database(url, clock, connections=1)
    try:
        house_secret(database, Seal([seal_key]), seal_key)
    finally:
        database.close()


def _open_shop(url: str, number: int, rich: bool) -> ShopId:
    database = Database(url, clock, connections=1)
    try:
        return open_shop(database, "shopify", DOMAIN if number == 0 else f"{number}-{DOMAIN}", rich=rich).shop_id
    finally:
        database.close()


def open_shop(database: Database, platform: str, domain: str, *, rich: bool = False) -> Shop:
    """A shop as an installation leaves it, but closed for pushes: what is measured here is not the store."""
    with database.founding(lambda connection: shops.install(connection, platform, domain, clock()).shop_id) as work:
        shops.describe(work, ShopDetails("60000000000", "Bench", "USD", "UTC"))
        terms.publish_first(work, lifecycle.DOMAIN, lifecycle.first_terms())
        terms.publish_first(work, loyalty.DOMAIN, loyalty.first_terms("USD") | (RICH if rich else {}))
        terms.publish_first(work, referral.DOMAIN, referral.first_terms("USD"))
        shops.close_for_now(work, "benchmark", 86_400)
        return shops.current(work)
