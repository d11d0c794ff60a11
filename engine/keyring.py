"""The keyring: changing the keys that seal secrets, and the one secret of the house that outlives them all.

The house's own secret keys digests of what is never stored raw, and signs forms and sessions. It must not change when
the sealing keys do, or nobody who claimed an invitation would be recognised; so it is a row, sealed like any other
secret, and sealed anew with them. Houses that were there before it had one derived from the last sealing key: theirs
begins as exactly that.

`reseal` goes from shop to shop, a unit of work each, and seals every secret anew with the newest key. Workers may renew
tokens meanwhile: a row is replaced only if it is still the one that was read, and what they write is sealed with the
newest key anyway.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, TextClause, text

from commerce.ids import ShopId
from engine import shops
from engine.shops import Seal
from engine.work import Database, UnitOfWork

_HOUSE = ShopId(0)
"""No shop has this number: the house's secret is sealed with it, so that no shop's credentials open as it."""

_NAME = "house"

_ANY_SHOP = text("SELECT EXISTS (SELECT FROM shops)")
_FIRST = text("""
    INSERT INTO house_secrets (name, sealed, updated_at) VALUES (:name, :sealed, :now) ON CONFLICT DO NOTHING
""")
_SECRET = text("SELECT sealed FROM house_secrets WHERE name = :name")
_REPLACE_SECRET = text("""
    UPDATE house_secrets SET sealed = :sealed, updated_at = :now WHERE name = :name AND sealed = :old
""")
# A shop's secrets, each with what replaces it: the key to its store, what is shared with our plugin there, and what
# signs for its own system.
_OF_SHOP = tuple(
    (
        text(f"SELECT sealed FROM {table} WHERE shop_id = :shop_id"),
        text(f"UPDATE {table} SET sealed = :sealed WHERE shop_id = :shop_id AND sealed = :old"),
    )
    for table in ("shop_credentials", "companions", "reward_hooks")
)


class SecretLost(Exception):
    """The house's own secret was sealed with a key that PERENNIAL_SEAL_KEYS no longer has. Put that key back, behind
    the newest; then run: python app.py rotate-keys
    """

    def __init__(self) -> None:
        super().__init__(" ".join((self.__doc__ or "").split()))


def house_secret(database: Database, seal: Seal, oldest_key: str) -> bytes:
    """The house's own 32 bytes, made the first time that anybody asks. Raises `SecretLost`."""
    with database.machine() as connection:
        sealed = connection.execute(_SECRET, {"name": _NAME}).scalar_one_or_none()
        if sealed is None:
            first = _first(connection, oldest_key)
            row = {"name": _NAME, "sealed": seal.close(_HOUSE, {"key": first.hex()}), "now": database.clock()}
            connection.execute(_FIRST, row)
            sealed = connection.execute(_SECRET, {"name": _NAME}).scalar_one()
    content = seal.open(_HOUSE, sealed)
    if content is None:
        raise SecretLost
    return bytes.fromhex(str(content["key"]))


def _first(connection: Connection, oldest_key: str) -> bytes:
    """Random, unless shops were here before: their digests were keyed with the last sealing key."""
    if connection.execute(_ANY_SHOP).scalar_one():
        return sha256(oldest_key.encode()).digest()
    return secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Resealed:
    """What a rotation found: sealed anew, sealed with the newest key already, and sealed with a key that is gone."""

    anew: int = 0
    already: int = 0
    lost: int = 0

    def __add__(self, other: Resealed) -> Resealed:
        return Resealed(self.anew + other.anew, self.already + other.already, self.lost + other.lost)


def reseal(database: Database, seal: Seal, tell: Callable[[int, int], object]) -> Resealed:
    """Seal every secret with the newest key; `tell` hears how many shops are done, of how many. Doing it again changes
    nothing. Raises `SecretLost`.
    """
    with database.machine() as connection:
        _reseal_house(connection, seal, database)
        installed = shops.installed(connection)
    total = Resealed()
    for done, shop in enumerate(installed, 1):
        with database.work(shop.shop_id) as work:
            total += _reseal_shop(work, seal)
        tell(done, len(installed))
    return total


def _reseal_shop(work: UnitOfWork, seal: Seal) -> Resealed:
    total = Resealed()
    for kept, replaced in _OF_SHOP:
        total += _reseal_one(work, seal, kept, replaced)
    return total


def _reseal_one(work: UnitOfWork, seal: Seal, kept: TextClause, replaced: TextClause) -> Resealed:
    row = work.row(kept)
    if row is None:
        return Resealed()
    if seal.is_newest(row.sealed):
        return Resealed(already=1)
    anew = seal.again(row.sealed)
    if anew is None:
        return Resealed(lost=1)
    # Where a worker was faster, what it wrote is sealed with the newest key already.
    faster = work.run(replaced, sealed=anew, old=row.sealed).rowcount == 0
    return Resealed(already=1) if faster else Resealed(anew=1)


def _reseal_house(connection: Connection, seal: Seal, database: Database) -> None:
    sealed = connection.execute(_SECRET, {"name": _NAME}).scalar_one_or_none()
    if sealed is None or seal.is_newest(sealed):
        return
    anew = seal.again(sealed)
    if anew is None:
        raise SecretLost
    connection.execute(_REPLACE_SECRET, {"name": _NAME, "sealed": anew, "old": sealed, "now": database.clock()})
