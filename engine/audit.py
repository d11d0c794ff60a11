"""The audit log: who of the shop's staff changed what, and when, written with the change itself.

Whoever admits a person to a deed says so with `acting`. From then on each unit of work of that shop, whoever opens it,
ends by writing one line, if it has written anything: what was refused or only looked at leaves none. Where something
knows more, such as the version of the terms before and after, it says so with `tell`. Never a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text

from commerce.ids import ShopId
from engine.work import UnitOfWork, ending_with

# Thirteen months: last year's season can still be looked at.
KEPT_FOR = timedelta(days=400)
PAGE = 50
LONGEST_VALUE = 200

# A transaction that has written something has a number. Asked for before this row is written, which would be something.
_WRITE = text("""
    INSERT INTO audit (shop_id, at, staff_id, who, role, what, about)
    SELECT :shop_id, :now, :staff_id, :who, :role, :what, CAST(:about AS jsonb)
    WHERE :anyway OR pg_current_xact_id_if_assigned() IS NOT NULL
""")
_PAGE = text("""
    SELECT audit_id, at, staff_id, who, role, what, about FROM audit
    WHERE shop_id = :shop_id AND audit_id < :before
      AND (CAST(:staff_id AS bigint) IS NULL OR staff_id = :staff_id)
      AND (CAST(:what AS text) IS NULL OR what = :what)
    ORDER BY audit_id DESC LIMIT :limit
""")
_PURGE = text("DELETE FROM audit WHERE shop_id = :shop_id AND at < :before")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log. `about` says of what it was, and what it was before and after, in short values."""

    audit_id: int
    at: datetime
    staff_id: int | None
    who: str
    role: str
    what: str
    about: Mapping[str, Any]


@dataclass(slots=True)
class _Acting:
    """Somebody who does something, and whether the log says so already."""

    shop_id: ShopId
    staff_id: int | None
    who: str
    role: str
    what: str
    about: dict[str, Any] = field(default_factory=dict)
    written: bool = False

    def __call__(self, work: UnitOfWork) -> None:
        if self.written or work.shop_id != self.shop_id:
            return
        about = orjson.dumps(self.about).decode()
        row = {"staff_id": self.staff_id, "who": self.who, "role": self.role, "what": self.what, "about": about}
        self.written = work.run(_WRITE, now=work.now, anyway=False, **row).rowcount > 0


_acting: ContextVar[_Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting(shop_id: ShopId, staff_id: int | None, who: str, role: str, what: str, /, **about: Any) -> Iterator[None]:
    """Let what is written in this block be written down as theirs; `what` is a code, the caller's."""
    deed = _Acting(shop_id, staff_id, who, role, what, {name: _short(value) for name, value in about.items()})
    token = _acting.set(deed)
    try:
        with ending_with(deed):
            yield
    finally:
        _acting.reset(token)


def tell(**about: Any) -> None:
    """Say more of what is being done, before the unit of work ends: of what it is, `before`, `after`."""
    deed = _acting.get()
    if deed is not None:
        deed.about.update({name: _short(value) for name, value in about.items()})


def write(work: UnitOfWork, staff_id: int | None, who: str, role: str, what: str, /, **about: Any) -> None:
    """One line for something that nobody is admitted to as `acting`, such as signing in."""
    said = orjson.dumps({name: _short(value) for name, value in about.items()}).decode()
    work.run(_WRITE, now=work.now, anyway=True, staff_id=staff_id, who=who, role=role, what=what, about=said)


def page(
    work: UnitOfWork, *, staff_id: int | None = None, what: str | None = None, before: int | None = None
) -> tuple[Sequence[Line], int | None]:
    """Lines, newest first, and what the next page lies before; None where this is the last."""
    rows = work.rows(_PAGE, staff_id=staff_id, what=what, before=before or 2**62, limit=PAGE + 1)
    lines = [Line(*row) for row in rows[:PAGE]]
    return lines, lines[-1].audit_id if len(rows) > PAGE else None


def purge(work: UnitOfWork) -> None:
    work.run(_PURGE, before=work.now - KEPT_FOR)


def _short(value: Any) -> Any:
    """Small enough to be read in a list, and nothing that JSON or the database cannot hold."""
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode()[:LONGEST_VALUE]
