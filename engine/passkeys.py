"""Passkeys: public keys of staff who sign in by themselves. What would open anything never leaves their devices.

The number that an authenticator counts its uses with may only grow. One that does not has a copy somewhere, or is one:
neither is let in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from commerce.refusal import Refusal
from engine.work import UnitOfWork

MOST_OF_PERSON = 10
LONGEST_NAME = 60

_COLUMNS = "passkey_id, staff_id, credential_id, public_key, sign_count, name, made_at, used_at"
# Only here is a credential let in: a second registration of it is told so by the table.
_KEEP = text("""
    INSERT INTO passkeys (shop_id, staff_id, credential_id, public_key, sign_count, name, made_at)
    SELECT :shop_id, :staff_id, :credential_id, :public_key, :sign_count, :name, :now
    WHERE (SELECT count(*) FROM passkeys WHERE shop_id = :shop_id AND staff_id = :staff_id) < :most
    ON CONFLICT (shop_id, credential_id) DO NOTHING RETURNING passkey_id
""")
_LOCK = text(f"""
    SELECT {_COLUMNS} FROM passkeys WHERE shop_id = :shop_id AND credential_id = :credential_id FOR UPDATE
""")
_USED = text("""
    UPDATE passkeys SET sign_count = :sign_count, used_at = :now WHERE shop_id = :shop_id AND passkey_id = :passkey_id
""")
_OF_PERSON = text(f"""
    SELECT {_COLUMNS} FROM passkeys WHERE shop_id = :shop_id AND staff_id = :staff_id ORDER BY passkey_id
""")
_FORGET = text("""
    DELETE FROM passkeys WHERE shop_id = :shop_id AND staff_id = :staff_id AND passkey_id = :passkey_id
""")


class NotKept(Refusal):
    """This passkey is here already, or there are ten of yours. Remove one that you no longer use."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """One key of one person."""

    passkey_id: int
    staff_id: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    made_at: datetime
    used_at: datetime | None


def keep(work: UnitOfWork, staff_id: int, name: str, credential_id: bytes, public_key: bytes, sign_count: int) -> None:
    """Let a key sign in as somebody. Refuses with `NotKept`."""
    row = work.row(
        _KEEP, staff_id=staff_id, credential_id=credential_id, public_key=public_key, sign_count=sign_count,
        name=" ".join(name.split())[:LONGEST_NAME], now=work.now, most=MOST_OF_PERSON,
    )  # fmt: skip
    if row is None:
        raise NotKept


def lock(work: UnitOfWork, credential_id: bytes) -> Passkey | None:
    """The key of that id; whoever else shows it waits until this unit of work is done."""
    row = work.row(_LOCK, credential_id=credential_id)
    return Passkey(*row) if row else None


def used(work: UnitOfWork, passkey_id: int, sign_count: int) -> None:
    work.run(_USED, passkey_id=passkey_id, sign_count=sign_count, now=work.now)


def of_person(work: UnitOfWork, staff_id: int) -> Sequence[Passkey]:
    return [Passkey(*row) for row in work.rows(_OF_PERSON, staff_id=staff_id)]


def forget(work: UnitOfWork, staff_id: int, passkey_id: int) -> bool:
    """Let one of somebody's own keys open nothing any more; False where there is none of that number."""
    return work.run(_FORGET, staff_id=staff_id, passkey_id=passkey_id).rowcount > 0
