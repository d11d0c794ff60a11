"""Approvals: merchants whom we sent to their store's page of consent, until they come back.

The store posts its key to us on a way of its own, and only then sends the browser back. So a row is taken once, by the
post, and is gone with the first browser that comes back with its state, whether a key had come by then or not: nobody
can wait at our door with a state of their own until somebody else approves it. What is kept of a state is its digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from commerce.ids import ShopId


@dataclass(frozen=True, slots=True)
class Approval:
    """One that is under way. `moves` is the shop whose store lives at `address` now, where its merchant said so."""

    address: str
    expires_at: datetime
    moves: ShopId | None = None
    opened: ShopId | None = None
    """The shop that the key opened; None as long as no good one came."""
    refusal: str | None = None
    """Why the key that came opened none."""


_BEGIN = text("""
    INSERT INTO approvals (state_digest, address, expires_at, moves, by_link, taken_at, opened)
    VALUES (:digest, :address, :expires_at, :moves, :by_link, :taken_at, :opened)
""")
_FORGET = text("DELETE FROM approvals WHERE expires_at < :now")
_TAKE = text("""
    UPDATE approvals SET taken_at = :now
    WHERE state_digest = :digest AND taken_at IS NULL AND expires_at > :now
    RETURNING address, expires_at, moves
""")
_OPENED = text("UPDATE approvals SET opened = :opened WHERE state_digest = :digest")
_REFUSED = text("UPDATE approvals SET refusal = :refusal WHERE state_digest = :digest")
_COME_BACK = text("""
    DELETE FROM approvals WHERE state_digest = :digest AND by_link = :by_link
    RETURNING address, expires_at, moves, opened, refusal
""")
_REFUSAL = text("SELECT refusal FROM approvals WHERE state_digest = :digest AND expires_at > :now")


def begin(
    connection: Connection, digest: str, address: str, expires_at: datetime, now: datetime, moves: ShopId | None = None
) -> None:
    """Remember that a merchant was sent to the store at `address`."""
    connection.execute(_FORGET, {"now": now})
    row = {"digest": digest, "address": address, "expires_at": expires_at, "moves": moves}
    connection.execute(_BEGIN, {**row, "by_link": False, "taken_at": None, "opened": None})


def link(connection: Connection, digest: str, opened: ShopId, expires_at: datetime, now: datetime) -> None:
    """Remember a link that lets whoever opens it first into a shop that is there already."""
    connection.execute(_FORGET, {"now": now})
    row = {"digest": digest, "address": "", "expires_at": expires_at, "moves": None}
    connection.execute(_BEGIN, {**row, "by_link": True, "taken_at": now, "opened": opened})


def take(connection: Connection, digest: str, now: datetime) -> Approval | None:
    """What was begun with this state, the first time that a key comes for it; None ever after."""
    row = connection.execute(_TAKE, {"digest": digest, "now": now}).one_or_none()
    return None if row is None else Approval(**row._mapping)


def opened(connection: Connection, digest: str, shop_id: ShopId) -> None:
    connection.execute(_OPENED, {"digest": digest, "opened": shop_id})


def refused(connection: Connection, digest: str, why: str) -> None:
    connection.execute(_REFUSED, {"digest": digest, "refusal": why})


def come_back(connection: Connection, digest: str, now: datetime, *, by_link: bool = False) -> Approval | None:
    """What became of it, for the one browser that asks first."""
    row = connection.execute(_COME_BACK, {"digest": digest, "by_link": by_link}).one_or_none()
    return None if row is None or row.expires_at <= now else Approval(**row._mapping)


def refusal(connection: Connection, digest: str, now: datetime) -> str | None:
    """Why the last key for this state was not taken."""
    return connection.execute(_REFUSAL, {"digest": digest, "now": now}).scalar_one_or_none()
