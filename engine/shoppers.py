"""Shoppers whom no platform vouches for: links that come by e-mail, and the sessions that they open.

Whoever reads what is sent to an address may see what belongs to that very address, and nothing else: a session keeps a
digest of what was proven, and is worth nothing once the customer has another address, was erased, or is gone. Links and
sessions are rows that hold digests; a link serves once, a session can be ended from any other browser.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from commerce import letters
from commerce.identity import GUEST
from commerce.ids import CustomerId
from commerce.refusal import Refusal
from engine.work import UnitOfWork

LINK_LIVES = timedelta(minutes=15)
# Counted anew with each visit.
LIFE = timedelta(days=30)
# A row is not written with each page; what is left of a session is right to this.
NOTED_EVERY = timedelta(hours=1)
LONGEST_ADDRESS = letters.LONGEST_ADDRESS
LONGEST_TOKEN = 64

# Who was merged is whoever was kept.
_KEPT = """
    FROM customers c
    JOIN customers k ON k.shop_id = c.shop_id AND k.customer_id = coalesce(c.merged_into, c.customer_id)
    WHERE c.shop_id = :shop_id AND k.gone_at IS NULL AND k.redacted_at IS NULL
"""
# An account before what was bought without one, then whoever has been here longest: always the same of several.
_BY_ADDRESS = text(f"""
    SELECT k.customer_id, k.external_id, k.email_key {_KEPT}
      AND c.email_key COLLATE "C" = lower(:address) AND k.email_key COLLATE "C" = lower(:address)
    ORDER BY starts_with(k.external_id, '{GUEST}'), k.customer_id LIMIT 1
""")
_BY_NUMBER = text(f"SELECT k.customer_id, k.external_id, k.email_key {_KEPT} AND c.customer_id = :customer_id")
_MAKE_LINK = text("""
    INSERT INTO shopper_links (shop_id, digest, customer_id, address, made_at, expires_at)
    VALUES (:shop_id, :digest, :customer_id, :address, :now, :expires_at)
""")
_SEE_LINK = text("""
    SELECT customer_id, address FROM shopper_links
    WHERE shop_id = :shop_id AND digest = :digest AND expires_at > :now AND customer_id IS NOT NULL
""")
# The first to press the button is the only one: whoever comes second finds no row.
_TAKE_LINK = text("""
    DELETE FROM shopper_links WHERE shop_id = :shop_id AND digest = :digest AND expires_at > :now RETURNING customer_id
""")
_BEGIN = text("""
    INSERT INTO shopper_sessions (shop_id, customer_id, digest, address, begun_at, seen_at, ends_at)
    VALUES (:shop_id, :customer_id, :digest, :address, :now, :now, :ends_at)
""")
_FIND = text("""
    SELECT session_id, customer_id, address, seen_at FROM shopper_sessions
    WHERE shop_id = :shop_id AND digest = :digest AND ends_at > :now
""")
_SEEN = text("""
    UPDATE shopper_sessions SET seen_at = :now, ends_at = :ends_at
    WHERE shop_id = :shop_id AND session_id = :session_id
""")
_END = text("DELETE FROM shopper_sessions WHERE shop_id = :shop_id AND digest = :digest RETURNING address")
_END_ALL = text("DELETE FROM shopper_sessions WHERE shop_id = :shop_id AND address = :address")
_FORGET_LINKS = text("DELETE FROM shopper_links WHERE shop_id = :shop_id AND address = :address")
_HOW_MANY = text("SELECT count(*) FROM shopper_sessions WHERE shop_id = :shop_id AND ends_at > :now")
_FORGET_EVERY_LINK = text("DELETE FROM shopper_links WHERE shop_id = :shop_id")
_END_EVERY_SESSION = text("DELETE FROM shopper_sessions WHERE shop_id = :shop_id")
_PURGE = text("DELETE FROM shopper_sessions WHERE shop_id = :shop_id AND ends_at <= :now")
_PURGE_LINKS = text("DELETE FROM shopper_links WHERE shop_id = :shop_id AND expires_at <= :now")


class NotAnEmail(Refusal):
    """Please write the e-mail address with which you order, such as ada@example.com."""


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as they are let in: the address is the store's word of them, in small letters."""

    customer_id: CustomerId
    external_id: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Seat:
    """Whose session a browser has. `renewed`: it was long enough ago, and the cookie shall live on too."""

    person: Person
    renewed: bool


def address_of(typed: str) -> str:
    """The address as it is compared. Refuses with `NotAnEmail`."""
    said = typed.strip().lower()
    if not letters.is_address(said) or not said.isprintable() or "." not in said.partition("@")[2].strip("."):
        raise NotAnEmail
    return said


def with_address(work: UnitOfWork, address: str) -> Person | None:
    """Who has exactly this address: an account before a guest of earlier orders."""
    return _person(work.row(_BY_ADDRESS, address=address))


def numbered(work: UnitOfWork, customer_id: CustomerId) -> Person | None:
    """The customer of that number, or whoever they were merged into; None for whom the store no longer has."""
    return _person(work.row(_BY_NUMBER, customer_id=customer_id))


def make_link(work: UnitOfWork, person: Person | None) -> str:
    """The token of a link that lets whoever follows it first in, for fifteen minutes; that of nobody lets nobody in."""
    token = secrets.token_urlsafe(32)
    work.run(
        _MAKE_LINK, digest=_digest(work, "link", token), customer_id=person.customer_id if person else None,
        address=_digest(work, "address", (person.address if person else None) or ""), now=work.now,
        expires_at=work.now + LINK_LIVES,
    )  # fmt: skip
    return token


def see_link(work: UnitOfWork, token: str) -> Person | None:
    """Whom a link would let in, without following it; None where it lets nobody in, or nobody any more."""
    row = work.row(_SEE_LINK, digest=_digest(work, "link", token[:LONGEST_TOKEN]), now=work.now)
    return None if row is None else _still(work, row)


def follow_link(work: UnitOfWork, token: str) -> str | None:
    """Let whoever follows a link first in: the token of their session. None where it lets nobody in."""
    person = see_link(work, token)
    if person is None or person.address is None:
        return None
    if work.row(_TAKE_LINK, digest=_digest(work, "link", token[:LONGEST_TOKEN]), now=work.now) is None:
        return None
    session = secrets.token_urlsafe(32)
    work.run(
        _BEGIN, customer_id=person.customer_id, digest=_digest(work, "session", session), now=work.now,
        address=_digest(work, "address", person.address), ends_at=work.now + LIFE,
    )  # fmt: skip
    return session


def seat(work: UnitOfWork, session: str) -> Seat | None:
    """Whose session this is; None where it is over, or they no longer have the address that was proven."""
    row = work.row(_FIND, digest=_digest(work, "session", session[:LONGEST_TOKEN]), now=work.now)
    person = None if row is None else _still(work, row)
    if row is None or person is None:
        return None
    renewed = row.seen_at <= work.now - NOTED_EVERY
    if renewed:
        work.run(_SEEN, session_id=row.session_id, now=work.now, ends_at=work.now + LIFE)
    return Seat(person, renewed)


def leave(work: UnitOfWork, session: str, *, everywhere: bool = False) -> None:
    """End a session; `everywhere`: each one of whoever has this address, and links that wait for them."""
    row = work.row(_END, digest=_digest(work, "session", session[:LONGEST_TOKEN]))
    if row is not None and everywhere:
        for statement in (_END_ALL, _FORGET_LINKS):
            work.run(statement, address=row.address)


def sessions(work: UnitOfWork) -> int:
    """In how many browsers shoppers of this shop are let in."""
    return int(work.row(_HOW_MANY, now=work.now).count)


def end_everybody_s(work: UnitOfWork) -> None:
    """End every session of the shop's shoppers, and every link that waits."""
    # Links first: whoever is just following one holds its row, so this waits for them, and then finds their session.
    for statement in (_FORGET_EVERY_LINK, _END_EVERY_SESSION):
        work.run(statement)


def purge(work: UnitOfWork) -> None:
    """Forget sessions and links that have ended."""
    for statement in (_PURGE, _PURGE_LINKS):
        work.run(statement, now=work.now)


def _still(work: UnitOfWork, row: Any) -> Person | None:
    """The customer of a link's or a session's row, if the address is theirs to this day."""
    person = numbered(work, CustomerId(row.customer_id))
    if person is None or person.address is None:
        return None
    same = hmac.compare_digest(bytes(row.address), _digest(work, "address", person.address))
    return person if same else None


def _person(row: Any) -> Person | None:
    return None if row is None else Person(CustomerId(row.customer_id), row.external_id, row.email_key)


def _digest(work: UnitOfWork, kind: str, what: str) -> bytes:
    return work.digest(f"shopper {kind}:{what}")
