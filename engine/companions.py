"""Companions: the part of the program that runs inside a store as the store's own plugin, and the secret that it and we
share.

The secret is ours to make, and is handed to the store with the merchant's key. Between our word and the store's answer
a line may break, so a new secret is kept before it is handed over, and the old one serves until the new one is known to
have arrived: whichever of the two the store holds, it is understood. A pairing that was cut off is taken up with the
very same secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from engine.shops import Seal
from engine.work import UnitOfWork

# Twice as long as a signature serves, on either side of our clock: nothing that is forgotten could be used again.
NONCES_KEPT = timedelta(minutes=20)

_LOAD = text("SELECT sealed, version, paired_at FROM companions WHERE shop_id = :shop_id")
_SAVE = text("""
    INSERT INTO companions (shop_id, sealed, version, paired_at) VALUES (:shop_id, :sealed, :version, :paired_at)
    ON CONFLICT (shop_id) DO UPDATE SET sealed = excluded.sealed, version = excluded.version,
                                        paired_at = coalesce(excluded.paired_at, companions.paired_at)
""")
_SEEN = text("UPDATE companions SET version = :version WHERE shop_id = :shop_id AND version <> :version")
_PAGE = text("SELECT page FROM companions WHERE shop_id = :shop_id AND paired_at IS NOT NULL")
_NOTE_PAGE = text("UPDATE companions SET page = :page WHERE shop_id = :shop_id AND page <> :page")
_SPEND = text("""
    INSERT INTO companion_nonces (shop_id, nonce, seen_at) VALUES (:shop_id, :nonce, :now)
    ON CONFLICT DO NOTHING RETURNING nonce
""")
_PURGE = text("DELETE FROM companion_nonces WHERE shop_id = :shop_id AND seen_at < :before")


@dataclass(frozen=True, slots=True)
class Companion:
    """What is shared with a store's companion. `secret` is in force, `next_secret` on its way; each may be empty."""

    secret: str
    next_secret: str
    version: str
    paired_at: datetime | None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Whatever the store may sign with just now."""
        return tuple(found for found in (self.secret, self.next_secret) if found)

    def __repr__(self) -> str:
        return f"Companion(version={self.version!r}, paired_at={self.paired_at!r})"


def load(work: UnitOfWork, seal: Seal) -> Companion | None:
    """The shop's companion; None where there is none, or what was sealed cannot be opened: it is paired anew then."""
    row = work.row(_LOAD)
    kept: Mapping[str, object] | None = seal.open(work.shop_id, row.sealed) if row else None
    if row is None or kept is None:
        return None
    return Companion(str(kept["secret"]), str(kept["next"]), row.version, row.paired_at)


def begin(work: UnitOfWork, seal: Seal) -> str:
    """The secret to hand to the store: that of a pairing that was cut off, else a fresh one."""
    known = load(work, seal)
    fresh = (known.next_secret if known else "") or secrets.token_hex(32)
    _save(work, seal, known.secret if known else "", fresh, known.version if known else "", None)
    return fresh


def finish(work: UnitOfWork, seal: Seal, secret: str, version: str) -> None:
    """The store has taken `secret`: from now on it is the only one."""
    _save(work, seal, secret, "", version, work.now)


def seen(work: UnitOfWork, version: str) -> None:
    """The store's companion is of that version now: its merchant may have put another into the store."""
    work.run(_SEEN, version=version)


def page(work: UnitOfWork) -> str:
    """Where the store's shoppers see their points, as its companion said; empty where none did."""
    row = work.row(_PAGE)
    return str(row.page) if row else ""


def note_page(work: UnitOfWork, address: str) -> None:
    """Keep what the companion says of where its page is; nothing, where there is none any more."""
    work.run(_NOTE_PAGE, page=address)


def spend(work: UnitOfWork, nonce: str) -> bool:
    """Whether this signature is used for the first time. It never is again."""
    work.run(_PURGE, before=work.now - NONCES_KEPT)
    return work.row(_SPEND, nonce=nonce, now=work.now) is not None


def _save(work: UnitOfWork, seal: Seal, secret: str, following: str, version: str, paired_at: datetime | None) -> None:
    sealed = seal.close(work.shop_id, {"secret": secret, "next": following})
    work.run(_SAVE, sealed=sealed, version=version, paired_at=paired_at)
