"""Badges: what a shopper shows at the till, ten letters that stand for them for ten minutes.

A badge is the customer's number, shuffled under a key of the shop and of the minute: nobody else can read a number in
it, no two of somebody's minutes look alike, and one shop's badge is noise in another. It opens nothing. Staff who are
signed in come to the customer's page by it, where they could have come by the name as well; for everybody else it leads
to a page that says so. Nothing is written down, so a page that shows one costs no statement.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork

# Crockford's base 32, five bits a letter: made for being read aloud, O is nought, I and L are one.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("OIL", "011", " -")
LENGTH = 10
LIFE = timedelta(minutes=10)

# Two halves of 25 bits are shuffled with one another, by the network of Feistel with rounds to spare (Luby and Rackoff
# need four): 34 bits for the number, and 16 that must come out as nought. So a letter that is misheard meets somebody
# once in 2**16 tries, for each minute that is looked through, if all numbers were in use; with a million customers,
# once in a hundred million.
_HALF_BITS, _ROUNDS, _CHECK_BITS = 25, 8, 16
_HALF = (1 << _HALF_BITS) - 1
_LARGEST = 1 << (2 * _HALF_BITS - _CHECK_BITS)

_HERE = text("""
    SELECT k.customer_id FROM customers c
    JOIN customers k ON k.shop_id = :shop_id AND k.customer_id = coalesce(c.merged_into, c.customer_id)
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids) AND k.gone_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge as it is shown."""

    letters: str
    """In two groups, as they are read aloud: ``7KQ3M-RXA4T``."""
    path: str
    """Where scanning it leads, on our own site."""
    ends_at: datetime


def badge(work: UnitOfWork, customer_id: CustomerId) -> Badge | None:
    """The customer's badge of this minute; None for a number that is too long for one."""
    if customer_id >= _LARGEST:
        return None
    minute = int(work.now.timestamp()) // 60
    number = _shuffled(customer_id << _CHECK_BITS, _key(work, minute), range(_ROUNDS))
    letters = "".join(LETTERS[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
    ends_at = datetime.fromtimestamp(minute * 60, UTC) + LIFE
    return Badge(f"{letters[:5]}-{letters[5:]}", f"/at/{letters}", ends_at)


def bearer(work: UnitOfWork, typed: str) -> CustomerId | None:
    """Who of this shop showed that badge within the last ten minutes, as it was scanned or typed; None for nobody."""
    letters = typed[: 2 * LENGTH].upper().translate(_MISREAD)
    if len(letters) != LENGTH or not set(letters) <= set(LETTERS):
        return None
    number = 0
    for letter in letters:
        number = number << 5 | LETTERS.index(letter)
    found = list(_numbers(work, number))
    row = work.row(_HERE, customer_ids=found) if found else None
    return row.customer_id if row else None


def _numbers(work: UnitOfWork, number: int) -> Iterator[int]:
    now = int(work.now.timestamp()) // 60
    # One minute ahead: another of our machines may be it.
    for minute in range(now + 1, now - int(LIFE.total_seconds()) // 60 - 1, -1):
        customer_id, check = divmod(_shuffled(number, _key(work, minute), range(_ROUNDS - 1, -1, -1)), 1 << _CHECK_BITS)
        if not check:
            yield customer_id


def _key(work: UnitOfWork, minute: int) -> bytes:
    return work.digest(f"badge:{minute}")


def _shuffled(number: int, key: bytes, rounds: range) -> int:
    """`number` after these rounds; after the same rounds from the other end, it is itself again."""
    back = rounds.step < 0
    left, right = number >> _HALF_BITS, number & _HALF
    for nth in rounds:
        turned = left if back else right
        mixed = hmac.digest(key, bytes([nth]) + turned.to_bytes(4, "big"), sha256)
        mask = int.from_bytes(mixed[:4], "big") & _HALF
        left, right = (right ^ mask, left) if back else (right, left ^ mask)
    return left << _HALF_BITS | right
