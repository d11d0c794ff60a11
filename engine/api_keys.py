"""Keys to a shop's API: made and revoked by its merchant, shown once, kept as digests.

A key says whose it is (``pk_7_...``: of shop 7), so that it is looked up within that shop and nowhere else. What
follows has 256 bits from `secrets`: nobody guesses it, and its digest, keyed by the house, gives nothing back. A
revoked key stays as a row, so that the merchant sees who made it and when it was used last.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import text

from commerce.ids import ShopId
from commerce.lines import is_line
from commerce.refusal import Refusal
from engine.work import UnitOfWork

# A merchant with more programs than this has lost count of them.
MOST_KEYS = 20
LONGEST_NAME = 60
# When a key was used last is known to the minute: a row is not written with each request.
NOTED_EVERY = timedelta(minutes=1)

_KEY = re.compile(r"pk_([1-9][0-9]{0,17})_[A-Za-z0-9_-]{43}", re.ASCII)

_MAKE = text("""
    INSERT INTO api_keys (shop_id, name, digest, ending, scopes, made_at, made_by)
    SELECT :shop_id, :name, :digest, :ending, :scopes, :now, :made_by
    WHERE (SELECT count(*) FROM api_keys WHERE shop_id = :shop_id AND revoked_at IS NULL) < :most
    RETURNING key_id
""")
_FIND = text("""
    SELECT k.key_id, k.scopes, k.last_used_at FROM api_keys k JOIN shops s ON s.shop_id = k.shop_id
    WHERE k.shop_id = :shop_id AND k.digest = :digest AND k.revoked_at IS NULL AND s.uninstalled_at IS NULL
""")
_USED = text("UPDATE api_keys SET last_used_at = :now WHERE shop_id = :shop_id AND key_id = :key_id")
_REVOKE = text("""
    UPDATE api_keys SET revoked_at = :now, revoked_by = :revoked_by
    WHERE shop_id = :shop_id AND key_id = :key_id AND revoked_at IS NULL RETURNING key_id
""")
_ALL = text("""
    SELECT key_id, name, ending, scopes, made_at, made_by, last_used_at, revoked_at, revoked_by FROM api_keys
    WHERE shop_id = :shop_id ORDER BY revoked_at IS NOT NULL, key_id DESC LIMIT 100
""")


class Scope(StrEnum):
    """What a key opens: reading what customers have, telling of what they did, or letting one of them in."""

    READ = "read"
    WRITE = "write"
    SHOPPER = "shopper"


class NoKeyName(Refusal):
    """Give the key a name of up to 60 letters: that of the program that will use it."""


class NoScope(Refusal):
    """Choose what the key is for: one of these, or several."""


class TooManyKeys(Refusal):
    """There are 20 keys in use. Revoke one that no program needs any more."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was shown at the door and is good."""

    key_id: int
    scopes: frozenset[str]


def make(work: UnitOfWork, name: str, scopes: Sequence[str], made_by: str) -> str:
    """A new key, in the only moment in which anybody can read it. Refuses with `NoKeyName`, `NoScope` or
    `TooManyKeys`.
    """
    said = " ".join(name.split())
    if not said or len(said) > LONGEST_NAME or not is_line(said):
        raise NoKeyName
    wanted = [scope for scope in Scope if scope in scopes]
    if not wanted:
        raise NoScope
    key = f"pk_{work.shop_id}_{secrets.token_urlsafe(32)}"
    row = work.row(
        _MAKE, name=said, digest=_digest(work, key), ending=key[-4:], scopes=wanted, now=work.now, made_by=made_by,
        most=MOST_KEYS,
    )  # fmt: skip
    if row is None:
        raise TooManyKeys
    return key


def shop_of(key: str) -> ShopId | None:
    """Whose key this says it is; None for what is no key."""
    found = _KEY.fullmatch(key)
    return ShopId(int(found[1])) if found else None


def find(work: UnitOfWork, key: str) -> Key | None:
    """The key, if it is this shop's, in force, and the app is installed; its use is noted."""
    row = work.row(_FIND, digest=_digest(work, key))
    if row is None:
        return None
    if row.last_used_at is None or row.last_used_at <= work.now - NOTED_EVERY:
        work.run(_USED, key_id=row.key_id, now=work.now)
    return Key(row.key_id, frozenset(row.scopes))


def revoke(work: UnitOfWork, key_id: int, revoked_by: str) -> bool:
    """Let the key open nothing any more, from this moment on; False where there is none of that number in force."""
    return work.row(_REVOKE, key_id=key_id, now=work.now, revoked_by=revoked_by) is not None


def keys(work: UnitOfWork) -> Sequence[Any]:
    """The shop's keys, those in force first, newest first: key_id, name, ending, scopes, made_at, made_by,
    last_used_at, revoked_at, revoked_by.
    """
    return work.rows(_ALL)


def _digest(work: UnitOfWork, key: str) -> bytes:
    return work.digest(f"api-key:{key}")
