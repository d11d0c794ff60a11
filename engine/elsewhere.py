"""Elsewhere: where a shop's program shows that is no page of its platform: on our own address, behind a door of its
own, and on other sites of the merchant's.

A door is a public key that nobody guesses. It says which shop is meant, and vouches for nobody. A merchant closes it
and opens it again, or has another made, and then the old one leads nowhere for ever; whoever was let in is let out.
Origins are the sites whose pages may read answers of ours in a browser: none, until the merchant names some; the shop's
own site always may.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine import shoppers, shops
from engine.shops import Shop
from engine.work import UnitOfWork

MOST_ORIGINS = 20
LONGEST_ORIGIN = 200

_DOOR = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_NAME = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A site as browsers name it in Origin. Plain HTTP is for a developer's own machine: elsewhere anybody may read along.
_ORIGIN = re.compile(
    rf"https://{_NAME}(?:\.{_NAME})+(?::[0-9]{{1,5}})?|http://(?:localhost|127\.0\.0\.1)(?::[0-9]{{1,5}})?", re.ASCII
)

_MAKE = text("""
    INSERT INTO shop_doors (shop_id, door, made_at) VALUES (:shop_id, :door, :now) ON CONFLICT (shop_id) DO NOTHING
""")
_LOAD = text("SELECT door, origins, open_since FROM shop_doors WHERE shop_id = :shop_id")
_ALLOW = text("UPDATE shop_doors SET origins = :origins WHERE shop_id = :shop_id")
_BY_DOOR = text("SELECT shop_id, origins FROM shop_doors WHERE door = :door AND open_since IS NOT NULL")
_CLOSE = text("""
    UPDATE shop_doors SET open_since = NULL WHERE shop_id = :shop_id AND open_since IS NOT NULL RETURNING door
""")
_OPEN = text("""
    UPDATE shop_doors SET open_since = :now WHERE shop_id = :shop_id AND open_since IS NULL RETURNING door
""")
# A door that is closed stays so: nobody opens it by moving it.
_MOVE = text("""
    UPDATE shop_doors SET door = :new, made_at = :now, open_since = CASE WHEN open_since IS NOT NULL THEN :now END
    WHERE shop_id = :shop_id AND door = :old RETURNING door
""")


class BadOrigin(Refusal):
    """Write each site in full and in a line of its own, such as https://quiz.example, without a path behind it."""


class TooManyOrigins(Refusal):
    """Up to 20 sites can be named."""


class DoorClosed(Refusal):
    """This shop has closed its page with us, and with it the way in for shoppers of other sites."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A shop's door, and the other sites that may show parts of its program."""

    door: str
    origins: tuple[str, ...]
    open_since: datetime | None
    """When it was last opened or made anew: what let somebody in before does so no more. None: it is closed."""

    @property
    def open(self) -> bool:
        """Whether anybody comes in by it."""
        return self.open_since is not None


@dataclass(frozen=True, slots=True)
class Found:
    """The installed shop behind a door."""

    shop: Shop
    origins: tuple[str, ...]

    def lets_read(self, origin: str) -> bool:
        """Whether a page of that site may read what we answer."""
        return origin in self.origins or origin == f"https://{self.shop.domain.partition('/')[0]}"


def of_shop(work: UnitOfWork) -> Elsewhere:
    """The shop's door, made when it is first asked for."""
    row = work.row(_LOAD)
    if row is None:
        work.run(_MAKE, door=secrets.token_urlsafe(16), now=work.now)
        row = work.row(_LOAD)
    return Elsewhere(row.door, tuple(row.origins), row.open_since)


def close(work: UnitOfWork) -> bool:
    """Let nobody in by the shop's door any more, and let out who is in; False where it is closed already."""
    of_shop(work)
    return _let_out(work, work.row(_CLOSE) is not None)


def open_again(work: UnitOfWork) -> bool:
    """Let shoppers in by the same door again, everybody anew; False where it is open."""
    return _let_out(work, work.row(_OPEN, now=work.now) is not None)


def move(work: UnitOfWork, old: str) -> str | None:
    """Make another door in the place of `old`, which leads nowhere from now on, and let out who is in. Answers the new
    one; None where `old` is not the shop's door, as when it was asked twice.
    """
    new, known = secrets.token_urlsafe(16), _DOOR.fullmatch(old) is not None
    return new if _let_out(work, known and work.row(_MOVE, old=old, new=new, now=work.now) is not None) else None


def _let_out(work: UnitOfWork, changed: bool) -> bool:
    if changed:
        shoppers.end_everybody_s(work)
    return changed


def find(connection: Connection, door: str) -> Found | None:
    """The installed shop of an open door that anybody may have typed. For machine transactions."""
    row = connection.execute(_BY_DOOR, {"door": door}).one_or_none() if _DOOR.fullmatch(door) else None
    shop = shops.numbered(connection, ShopId(row.shop_id)) if row is not None else None
    return None if row is None or shop is None or not shop.installed else Found(shop, tuple(row.origins))


def allow(work: UnitOfWork, typed: str) -> Sequence[str]:
    """Let pages of these sites, one in each line, read our answers, and those of no others. Refuses with `BadOrigin` or
    `TooManyOrigins`.
    """
    named = dict.fromkeys(_as_browsers_say(line) for line in typed.splitlines() if line.strip())
    if len(named) > MOST_ORIGINS:
        raise TooManyOrigins
    if not all(len(each) <= LONGEST_ORIGIN and _ORIGIN.fullmatch(each) for each in named):
        raise BadOrigin
    of_shop(work)
    work.run(_ALLOW, origins=list(named))
    return list(named)


def _as_browsers_say(line: str) -> str:
    """A site as it stands in Origin: in small letters, and without the port that goes without saying."""
    site = line.strip().rstrip("/").lower()
    return site.removesuffix(":443") if site.startswith("https://") else site.removesuffix(":80")
