"""The chain of the ledger: the exact bytes of an entry, and how each link is bound to the one before it.

Every transaction that writes entries ends with one link. Its digest is the SHA-256 of the SHA-256s of its entries'
bytes, by rising number; its hash binds the digest, what the link says of itself, and the hash of the link before. So
whoever changes, drops, adds or swaps a row would have to write every later link anew, and a hash that a merchant noted
once would not be among them. The format is for other programs too: `docs/decisions/0037-bytes-of-the-chain.md` says
it without Python.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

# What the first link takes for the hash of the one before it.
BEGINNING = bytes(32)

# The beginning of each entry's hash that a link keeps: enough to say which of its entries was changed.
MARK = 4

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime | None) -> str:
    """An instant as whole microseconds since 1970; nothing for none."""
    return "" if at is None else str((at - _EPOCH) // _MICROSECOND)


def entry_bytes(row: Any) -> bytes:
    """The bytes of an entry: thirteen fields, then three texts, each behind its length in bytes."""
    e = row
    fixed = (
        f"{e.entry_id}|{e.customer_id}|{e.account}|{e.counter}|{e.kind}|{e.points}|{_plain(e.lot_id)}|"
        f"{_plain(e.order_id)}|{_plain(e.redemption_id)}|{e.terms_version}|{micros(e.available_at)}|"
        f"{micros(e.expires_at)}|{micros(e.recorded_at)}|"
    )
    return b"".join((fixed.encode(), _text(e.idempotency_key), _text(e.sentence), _text(e.receipt or "")))


def _plain(number: int | None) -> str:
    return "" if number is None else str(number)


def _text(words: str) -> bytes:
    body = words.encode()
    return b"%d:%b" % (len(body), body)


def entry_hash(row: Any) -> bytes:
    return sha256(entry_bytes(row)).digest()


def facts(batch_id: int, entries: int, first_entry_id: int, last_entry_id: int, at: datetime) -> str:
    """What a link says of itself, behind its number."""
    return f"|{batch_id}|{entries}|{first_entry_id}|{last_entry_id}|{micros(at)}"


def link_hash(previous: bytes, digest: bytes, seq: int, said: str) -> bytes:
    return sha256(previous + digest + f"{seq}{said}".encode()).digest()


def marks(leaves: bytes) -> bytes:
    """Of entries' hashes one behind the other, the marks."""
    return b"".join(leaves[at : at + MARK] for at in range(0, len(leaves), 32))
