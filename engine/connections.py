"""Connections: how a store that its merchant connected with a key is reached, and what it said of itself.

What is secret of a connection (the key, the webhooks' secret, the end of their path) is among the shop's credentials;
here is what may be shown, and the digest by which the door finds the shop of a path.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection as DbConnection
from sqlalchemy import text

from commerce.ids import ShopId
from engine.work import UnitOfWork

# A store that switched our webhooks off tells nobody; a day is what the nightly comparison would take to notice.
LOOKED_AT_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Connection:
    """One shop's. `address` is where its store is asked, `mode` how it takes our key; `decimals` how many it writes."""

    address: str
    mode: str
    decimals: int
    shop_version: str
    site_version: str
    connected_at: datetime
    webhooks_seen_at: datetime | None = None
    """When the store's webhooks were last in order; None: nobody has looked since they should have changed."""

    def wants_a_look(self, now: datetime) -> bool:
        return self.webhooks_seen_at is None or now - self.webhooks_seen_at >= LOOKED_AT_EVERY


_CURRENT = text("""
    SELECT address, mode, decimals, shop_version, site_version, connected_at, webhooks_seen_at
    FROM connections WHERE shop_id = :shop_id
""")
_KEEP = text("""
    INSERT INTO connections
        (shop_id, path_digest, address, mode, decimals, shop_version, site_version, connected_at)
    VALUES (:shop_id, :path_digest, :address, :mode, :decimals, :shop_version, :site_version, :connected_at)
    ON CONFLICT (shop_id) DO UPDATE
        SET path_digest = excluded.path_digest, address = excluded.address, mode = excluded.mode,
            decimals = excluded.decimals, shop_version = excluded.shop_version, site_version = excluded.site_version,
            connected_at = excluded.connected_at, webhooks_seen_at = NULL
""")
_HEARD = text("""
    UPDATE connections SET address = :address, mode = :mode, decimals = :decimals, shop_version = :shop_version,
                           site_version = :site_version
    WHERE shop_id = :shop_id
""")
_LEARNT = text("UPDATE connections SET address = :address, mode = :mode WHERE shop_id = :shop_id")
_SEEN = text("UPDATE connections SET webhooks_seen_at = :now WHERE shop_id = :shop_id AND connected_at = :connected_at")
_LOOK = text("UPDATE connections SET webhooks_seen_at = NULL WHERE shop_id = :shop_id")
_FORGET = text("DELETE FROM connections WHERE shop_id = :shop_id")
_OF_PATH = text("SELECT shop_id FROM connections WHERE path_digest = :digest")


def path_digest(path: str) -> bytes:
    """What is kept of the unguessable end of a path: whoever reads the table cannot post there."""
    return sha256(path.encode()).digest()


def keep(work: UnitOfWork, path: str, connection: Connection) -> None:
    """This is how the shop is connected from now on; the store's webhooks want to be looked at."""
    found = {name: getattr(connection, name) for name in Connection.__slots__ if name != "webhooks_seen_at"}
    work.run(_KEEP, path_digest=path_digest(path), **found)


def current(work: UnitOfWork) -> Connection | None:
    row = work.row(_CURRENT)
    return None if row is None else Connection(**row._mapping)


def heard(work: UnitOfWork, connection: Connection) -> None:
    """Keep what the store says of itself now."""
    names = ("address", "mode", "decimals", "shop_version", "site_version")
    work.run(_HEARD, **{name: getattr(connection, name) for name in names})


def learnt(work: UnitOfWork, address: str, mode: str) -> None:
    """The store was reached at `address` and took our key in `mode`."""
    work.run(_LEARNT, address=address, mode=mode)


def webhooks_seen(work: UnitOfWork, of: Connection) -> None:
    """The webhooks of that connection are in order; of one that was made meanwhile this says nothing."""
    work.run(_SEEN, now=work.now, connected_at=of.connected_at)


def look_soon(work: UnitOfWork) -> None:
    """Have the webhooks looked at, whenever that was done last."""
    work.run(_LOOK)


def forget(work: UnitOfWork) -> None:
    work.run(_FORGET)


def shop_of_path(connection: DbConnection, path: str) -> ShopId | None:
    """The shop whose store posts to a path that ends so. For machine transactions: the path says which shop it is."""
    found = connection.execute(_OF_PATH, {"digest": path_digest(path)}).scalar_one_or_none()
    return None if found is None else ShopId(found)
