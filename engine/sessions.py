"""Sessions: browsers into which somebody of a shop's staff has signed in, and the links that let them in once.

What a browser holds is kept here as a digest only, keyed by the house. A session is a row, so it can be seen in a list
and ended from another browser, and ends with whoever it is of.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine import staff
from engine.staff import Person
from engine.work import UnitOfWork

# A working day.
LIFE = timedelta(hours=12)
LINK_LIVES = timedelta(minutes=15)
INVITATION_LIVES = timedelta(days=7)
NOTED_EVERY = timedelta(minutes=5)
KEPT_FOR = timedelta(days=1)

Way = Literal["store", "link", "passkey"]

_LINK = re.compile(r"([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{43})", re.ASCII)

_BEGIN = text("""
    INSERT INTO staff_sessions (shop_id, staff_id, digest, way, browser, challenge, begun_at, seen_at, ends_at)
    VALUES (:shop_id, :staff_id, :digest, :way, :browser, :challenge, :now, :now, :ends_at)
""")
_FIND = text("""
    SELECT s.session_id, s.staff_id, s.seen_at FROM staff_sessions s
    WHERE s.shop_id = :shop_id AND s.digest = :digest AND s.ends_at > :now
""")
_SEEN = text("UPDATE staff_sessions SET seen_at = :now WHERE shop_id = :shop_id AND session_id = :session_id")
_OF_PERSON = text("""
    SELECT session_id, way, browser, begun_at, seen_at, ends_at FROM staff_sessions
    WHERE shop_id = :shop_id AND staff_id = :staff_id AND ends_at > :now ORDER BY seen_at DESC, session_id DESC LIMIT 50
""")
_END = text("""
    DELETE FROM staff_sessions WHERE shop_id = :shop_id AND staff_id = :staff_id AND session_id = :session_id
""")
_END_OTHERS = text("""
    DELETE FROM staff_sessions WHERE shop_id = :shop_id AND staff_id = :staff_id AND session_id <> :session_id
""")
_PURGE = text("DELETE FROM staff_sessions WHERE shop_id = :shop_id AND ends_at < :before")
_MAKE_LINK = text("""
    INSERT INTO staff_links (shop_id, digest, staff_id, invites, browser, made_at, expires_at)
    VALUES (:shop_id, :digest, :staff_id, :invites, :browser, :now, :expires_at)
""")
_FORGET_INVITATIONS = text("""
    DELETE FROM staff_links WHERE shop_id = :shop_id AND staff_id = :staff_id AND invites
""")
_SEE_LINK = text("""
    SELECT staff_id, invites, browser, expires_at FROM staff_links WHERE shop_id = :shop_id AND digest = :digest
""")
# The first browser to follow it is the only one: whoever comes second finds no row.
_TAKE_LINK = text("""
    DELETE FROM staff_links WHERE shop_id = :shop_id AND digest = :digest AND expires_at > :now RETURNING staff_id
""")
_PURGE_LINKS = text("DELETE FROM staff_links WHERE shop_id = :shop_id AND expires_at < :now")


class Replayed(Refusal):
    """This answer was used already. Please sign in again."""


@dataclass(frozen=True, slots=True)
class Session:
    """One browser. `browser` is a few words about it, such as "Firefox, Linux"."""

    session_id: int
    way: Way
    browser: str
    begun_at: datetime
    seen_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """What a link leads to; whoever holds it may not have been believed yet."""

    person: Person
    invites: bool
    tied: bool
    """Whether it serves only in the browser that asked for it."""
    own_browser: bool
    """Whether this is that browser; true for a link that is not tied."""


def begin(work: UnitOfWork, person: Person, token: str, way: Way, browser: str, challenge: bytes | None = None) -> None:
    """Let a browser in as `person`. Refuses with `Replayed` where the `challenge` that a passkey answered has let
    somebody in before.
    """
    try:
        work.run(
            _BEGIN, staff_id=person.staff_id, digest=_digest(work, token), way=way, browser=browser[:60],
            challenge=None if challenge is None else work.digest(f"challenge:{challenge.hex()}"), now=work.now,
            ends_at=work.now + LIFE,
        )  # fmt: skip
    except IntegrityError as error:
        raise Replayed from error


def holder(work: UnitOfWork, token: str) -> tuple[Person, int] | None:
    """Whose session this is, and its number; None where it is over, or they were removed."""
    row = work.row(_FIND, digest=_digest(work, token), now=work.now)
    if row is None:
        return None
    person = staff.find(work, row.staff_id)
    if person.removed_at is not None:
        return None
    if row.seen_at <= work.now - NOTED_EVERY:
        work.run(_SEEN, session_id=row.session_id, now=work.now)
        staff.seen(work, person)
    return person, row.session_id


def of_person(work: UnitOfWork, staff_id: int) -> Sequence[Session]:
    """Where somebody is signed in, the one used last first."""
    return [Session(*row) for row in work.rows(_OF_PERSON, staff_id=staff_id, now=work.now)]


def end(work: UnitOfWork, staff_id: int, session_id: int) -> bool:
    """End one of somebody's own sessions, at once; False where it is over already."""
    return work.run(_END, staff_id=staff_id, session_id=session_id).rowcount > 0


def end_others(work: UnitOfWork, staff_id: int, session_id: int) -> int:
    """End all of somebody's sessions but this one; answers how many."""
    return work.run(_END_OTHERS, staff_id=staff_id, session_id=session_id).rowcount


def make_link(work: UnitOfWork, person: Person, *, browser: str | None = None, invites: bool = False) -> str:
    """The end of an address that lets whoever opens it first in as `person`: for seven days if it `invites`, else for
    fifteen minutes, and only in the `browser` with that secret if one is named. An older invitation ends with a newer.
    """
    token = secrets.token_urlsafe(32)
    if invites:
        work.run(_FORGET_INVITATIONS, staff_id=person.staff_id)
    work.run(
        _MAKE_LINK, digest=_digest(work, token), staff_id=person.staff_id, invites=invites, now=work.now,
        browser=None if browser is None else work.digest(f"browser:{browser}"),
        expires_at=work.now + (INVITATION_LIVES if invites else LINK_LIVES),
    )  # fmt: skip
    return f"{work.shop_id}.{token}"


def shop_of_link(end: str) -> tuple[ShopId, str] | None:
    """Of which shop a link says that it is, and its token; None for what is no link of ours."""
    found = _LINK.fullmatch(end)
    return (ShopId(int(found[1])), found[2]) if found else None


def see_link(work: UnitOfWork, token: str, browser: str) -> Link | None:
    """What a link leads to, without following it; None where it was followed, has ended, or never was."""
    row = work.row(_SEE_LINK, digest=_digest(work, token))
    if row is None or row.expires_at <= work.now:
        return None
    person = staff.find(work, row.staff_id)
    tied = row.browser is not None
    own = not tied or bytes(row.browser) == work.digest(f"browser:{browser}")
    return None if person.removed_at is not None else Link(person, row.invites, tied, own)


def follow_link(work: UnitOfWork, token: str, browser: str) -> Person | None:
    """Whoever a link lets in, once; None where it lets nobody in, here or at all."""
    link = see_link(work, token, browser)
    if link is None or not link.own_browser:
        return None
    if work.row(_TAKE_LINK, digest=_digest(work, token), now=work.now) is None:
        return None
    return link.person if staff.join(work, link.person.staff_id) else None


def purge(work: UnitOfWork) -> None:
    """Forget sessions and links that have ended."""
    work.run(_PURGE, before=work.now - KEPT_FOR)
    work.run(_PURGE_LINKS, now=work.now)


def _digest(work: UnitOfWork, token: str) -> bytes:
    return work.digest(f"staff:{token}")
