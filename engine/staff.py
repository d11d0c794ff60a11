"""Staff: the people of a shop, and the role of each.

Most of them come through their store, which vouches for them: the first who comes is the owner, later ones get the role
that the owner chose for newcomers. Others are invited by e-mail and sign in by themselves. Who was removed stays as a
row, or the store would bring them back as newcomers. At least one owner is always there: whatever could end that locks
the shop's rule about newcomers first, so that two who leave at once do so in turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, text

from commerce.ids import ShopId
from commerce.lines import is_line
from commerce.refusal import Refusal
from engine.work import UnitOfWork

LONGEST_NAME = 60
LONGEST_EMAIL = 254
# More than any shop of one house has; each is a row of one page.
MOST_PEOPLE = 200
# When somebody was here last is known to some minutes: a row is not written with each request.
NOTED_EVERY = timedelta(minutes=5)
# As long as the audit log names them; and four times as long as an invitation serves.
REMOVED_KEPT_FOR = timedelta(days=400)
INVITED_KEPT_FOR = timedelta(days=28)

_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[^\s@<>()\[\]\\,;:\"/]{1,189}\.[^\s@<>()\[\]\\,;:\"/.]{2,63}")


class Role(StrEnum):
    """What somebody may do, from most to least. Each may do all that those below may."""

    OWNER = "owner"
    MANAGER = "manager"
    SUPPORT = "support"
    READ_ONLY = "read_only"

    def covers(self, least: Role) -> bool:
        """Whether somebody of this role may do what needs `least`."""
        ranks = list(Role)
        return ranks.index(self) <= ranks.index(least)


NEWCOMERS = (Role.MANAGER, Role.SUPPORT, Role.READ_ONLY)


class BadEmail(Refusal):
    """That is not an e-mail address. It looks like anna@shop.example."""


class BadName(Refusal):
    """A name has up to 60 letters."""


class AlreadyStaff(Refusal):
    """Somebody with this address is here already. Change their role in the list."""


class TooManyPeople(Refusal):
    """There are 200 people already. Remove one who no longer works here."""


class LastOwner(Refusal):
    """A shop needs an owner, and this is the only one. Make somebody else an owner first."""


class NobodyThere(Refusal):
    """That person is not in the list any more."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the shop's staff. `user_id` is the platform's number of them, empty for whoever it vouches for
    without saying who it is; those who sign in by themselves have an `email` instead.
    """

    staff_id: int
    user_id: str | None
    email: str | None
    name: str
    role: Role
    made_at: datetime
    joined_at: datetime | None
    seen_at: datetime | None
    removed_at: datetime | None

    @property
    def label(self) -> str:
        """How lists call them: their name, or else what they are known by; empty for nobody in particular."""
        return self.name or self.email or self.user_id or ""


_COLUMNS = "staff_id, user_id, email, name, role, made_at, joined_at, seen_at, removed_at"
_BY_USER = text(f"SELECT {_COLUMNS} FROM staff WHERE shop_id = :shop_id AND user_id = :user_id")
_BY_EMAIL = text(f"SELECT {_COLUMNS} FROM staff WHERE shop_id = :shop_id AND email = :email")
_ONE = text(f"SELECT {_COLUMNS} FROM staff WHERE shop_id = :shop_id AND staff_id = :staff_id")
_ALL = text(f"""
    SELECT {_COLUMNS} FROM staff WHERE shop_id = :shop_id
    ORDER BY removed_at IS NOT NULL, staff_id LIMIT 2 * {MOST_PEOPLE}
""")
_HOW_MANY = text("SELECT count(*) AS many FROM staff WHERE shop_id = :shop_id AND removed_at IS NULL")
_LOCK = text("""
    INSERT INTO staff_rules (shop_id) VALUES (:shop_id)
    ON CONFLICT (shop_id) DO UPDATE SET newcomers = staff_rules.newcomers RETURNING newcomers
""")
_NEWCOMERS = text("SELECT newcomers FROM staff_rules WHERE shop_id = :shop_id")
_SET_NEWCOMERS = text("UPDATE staff_rules SET newcomers = :role WHERE shop_id = :shop_id")
# Whoever the store vouches for without a name is an owner until somebody says otherwise: the store asked for an
# administrator. The first who has a name is one too.
_ARRIVE = text(f"""
    INSERT INTO staff (shop_id, user_id, role, made_at, joined_at, seen_at)
    SELECT :shop_id, :user_id, CASE WHEN CAST(:user_id AS text) = '' OR NOT EXISTS (
        SELECT FROM staff WHERE shop_id = :shop_id AND role = 'owner' AND joined_at IS NOT NULL AND removed_at IS NULL
          AND user_id IS DISTINCT FROM '') THEN 'owner' ELSE CAST(:newcomers AS text) END, :now, :now, :now
    ON CONFLICT (shop_id, user_id) DO UPDATE SET seen_at = excluded.seen_at RETURNING {_COLUMNS}
""")
_SEEN = text("UPDATE staff SET seen_at = :now WHERE shop_id = :shop_id AND staff_id = :staff_id")
_INVITE = text(f"""
    INSERT INTO staff (shop_id, email, role, made_at) VALUES (:shop_id, :email, :role, :now)
    ON CONFLICT (shop_id, email) DO UPDATE
        SET role = excluded.role, made_at = excluded.made_at, joined_at = NULL, removed_at = NULL
        WHERE staff.removed_at IS NOT NULL OR staff.joined_at IS NULL
    RETURNING {_COLUMNS}
""")
_JOIN = text("""
    UPDATE staff SET joined_at = coalesce(joined_at, :now), seen_at = :now
    WHERE shop_id = :shop_id AND staff_id = :staff_id AND removed_at IS NULL RETURNING staff_id
""")
_SET_ROLE = text("""
    UPDATE staff SET role = :role, removed_at = NULL WHERE shop_id = :shop_id AND staff_id = :staff_id
""")
_RENAME = text("UPDATE staff SET name = :name WHERE shop_id = :shop_id AND staff_id = :staff_id")
_REMOVE = text("""
    UPDATE staff SET removed_at = :now WHERE shop_id = :shop_id AND staff_id = :staff_id AND removed_at IS NULL
    RETURNING staff_id
""")
_FORGET_DOORS = tuple(
    text(f"DELETE FROM {table} WHERE shop_id = :shop_id AND staff_id = :staff_id")
    for table in ("staff_sessions", "passkeys", "staff_links")
)
_OTHER_OWNERS = text("""
    SELECT count(*) AS many FROM staff WHERE shop_id = :shop_id AND role = 'owner' AND joined_at IS NOT NULL
      AND removed_at IS NULL AND staff_id <> :staff_id
""")
_PURGE = text("""
    DELETE FROM staff WHERE shop_id = :shop_id AND email IS NOT NULL
      AND (removed_at < :removed_before OR (joined_at IS NULL AND removed_at IS NULL AND made_at < :invited_before))
""")
_SHOPS_OF_EMAIL = text("""
    SELECT t.shop_id FROM staff t JOIN shops s ON s.shop_id = t.shop_id
    WHERE t.email = :email AND t.removed_at IS NULL AND s.uninstalled_at IS NULL ORDER BY t.shop_id LIMIT 20
""")


def arrive(work: UnitOfWork, user_id: str) -> Person:
    """Whoever the platform vouches for, noted when they come for the first time. They may have been removed."""
    row = work.row(_BY_USER, user_id=user_id)
    if row is None:
        newcomers = work.rows(_LOCK)[0].newcomers
        row = work.rows(_ARRIVE, user_id=user_id, newcomers=newcomers, now=work.now)[0]
    person = _person(row)
    seen(work, person)
    return person


def seen(work: UnitOfWork, person: Person) -> None:
    """They are here now."""
    if person.removed_at is None and (person.seen_at is None or person.seen_at <= work.now - NOTED_EVERY):
        work.run(_SEEN, staff_id=person.staff_id, now=work.now)


def people(work: UnitOfWork) -> Sequence[Person]:
    """Everybody, those who were removed last."""
    return [_person(row) for row in work.rows(_ALL)]


def find(work: UnitOfWork, staff_id: int) -> Person:
    """Refuses with `NobodyThere`."""
    row = work.row(_ONE, staff_id=staff_id)
    if row is None:
        raise NobodyThere
    return _person(row)


def with_email(work: UnitOfWork, email: str) -> Person | None:
    """Whoever signs in with that address, and was not removed."""
    row = work.row(_BY_EMAIL, email=email)
    return _person(row) if row and row.removed_at is None else None


def shops_of(connection: Connection, email: str) -> Sequence[ShopId]:
    """The shops whose staff have that address. For machine transactions: whoever signs in names no shop."""
    return [ShopId(row.shop_id) for row in connection.execute(_SHOPS_OF_EMAIL, {"email": email})]


def newcomers(work: UnitOfWork) -> Role:
    """The role of people who come through the store for the first time."""
    row = work.row(_NEWCOMERS)
    return Role(row.newcomers) if row else Role.MANAGER


def set_newcomers(work: UnitOfWork, role: Role) -> None:
    assert role in NEWCOMERS
    work.run(_LOCK)
    work.run(_SET_NEWCOMERS, role=role)


def address(typed: str) -> str:
    """An e-mail address as it is kept. Refuses with `BadEmail`."""
    email = typed.strip().lower()
    if len(email) > LONGEST_EMAIL or not email.isprintable() or _EMAIL.fullmatch(email) is None:
        raise BadEmail
    return email


def invite(work: UnitOfWork, typed: str, role: Role) -> Person:
    """Put somebody on the list who has not come yet. Refuses with `BadEmail`, `AlreadyStaff` or `TooManyPeople`."""
    email = address(typed)
    work.run(_LOCK)
    if work.rows(_HOW_MANY)[0].many >= MOST_PEOPLE:
        raise TooManyPeople
    row = work.row(_INVITE, email=email, role=role, now=work.now)
    if row is None:
        raise AlreadyStaff
    return _person(row)


def join(work: UnitOfWork, staff_id: int) -> bool:
    """They have come; False for somebody who was removed."""
    return work.row(_JOIN, staff_id=staff_id, now=work.now) is not None


def set_role(work: UnitOfWork, staff_id: int, role: Role) -> Person:
    """Give somebody another role; who was removed is back with it. Answers with who they were before. Refuses with
    `NobodyThere` or `LastOwner`.
    """
    work.run(_LOCK)
    person = find(work, staff_id)
    if role != Role.OWNER:
        _leave_an_owner(work, person)
    work.run(_SET_ROLE, staff_id=staff_id, role=role)
    return person


def rename(work: UnitOfWork, staff_id: int, typed: str) -> None:
    """What the others shall read. Refuses with `BadName`."""
    name = " ".join(typed.split())
    if len(name) > LONGEST_NAME or not is_line(name):
        raise BadName
    work.run(_RENAME, staff_id=staff_id, name=name)


def remove(work: UnitOfWork, staff_id: int) -> Person:
    """Let somebody in no more: their sessions, passkeys and links end with it. Refuses with `NobodyThere` or
    `LastOwner`.
    """
    work.run(_LOCK)
    person = find(work, staff_id)
    _leave_an_owner(work, person)
    if work.row(_REMOVE, staff_id=staff_id, now=work.now) is None:
        raise NobodyThere
    for statement in _FORGET_DOORS:
        work.run(statement, staff_id=staff_id)
    return person


def purge(work: UnitOfWork) -> None:
    """Forget addresses of people who were removed long ago, or were invited and never came."""
    work.run(_PURGE, removed_before=work.now - REMOVED_KEPT_FOR, invited_before=work.now - INVITED_KEPT_FOR)


def _leave_an_owner(work: UnitOfWork, person: Person) -> None:
    is_one = person.role == Role.OWNER and person.joined_at is not None and person.removed_at is None
    if is_one and work.rows(_OTHER_OWNERS, staff_id=person.staff_id)[0].many == 0:
        raise LastOwner


def _person(row: object) -> Person:
    facts = dict(row._mapping)  # type: ignore[attr-defined]
    return Person(**{**facts, "role": Role(facts["role"])})
