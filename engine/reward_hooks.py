"""Reward hooks: the address of a shop's own system that is told of rewards to hand over, and the secret with which what
is told is signed.

The secret is ours to make; its merchant sees it once, and it is kept sealed. A new one replaces the old at once: what
was signed with the old one is tried again, signed with the new.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text

from commerce.rewards import HandOver
from engine.shops import Seal
from engine.work import UnitOfWork

_LOAD = text("SELECT address, sealed, made_at, made_by FROM reward_hooks WHERE shop_id = :shop_id")
_IS_SET = text("SELECT 1 FROM reward_hooks WHERE shop_id = :shop_id")
_PUT = text("""
    INSERT INTO reward_hooks (shop_id, address, sealed, made_at, made_by)
    VALUES (:shop_id, :address, :sealed, :now, :made_by)
    ON CONFLICT (shop_id) DO UPDATE SET address = excluded.address, sealed = excluded.sealed,
                                        made_at = excluded.made_at, made_by = excluded.made_by
""")
_REMOVE = text("DELETE FROM reward_hooks WHERE shop_id = :shop_id")
# What is on its way is told all the same; nobody is told anything more.
_LET_GO = text("DELETE FROM effects WHERE shop_id = :shop_id AND kind = :kind AND pushed_at IS NULL")


@dataclass(frozen=True, slots=True)
class RewardHook:
    address: str
    secret: str = field(repr=False)
    made_at: datetime
    made_by: str


def load(work: UnitOfWork, seal: Seal) -> RewardHook | None:
    """The shop's hook; None where there is none, or its secret was sealed with a key that is gone."""
    row = work.row(_LOAD)
    kept = seal.open(work.shop_id, row.sealed) if row else None
    return RewardHook(row.address, str(kept["secret"]), row.made_at, row.made_by) if row and kept else None


def is_set(work: UnitOfWork) -> bool:
    """Whether there is somebody to tell."""
    return work.row(_IS_SET) is not None


def put(work: UnitOfWork, seal: Seal, address: str, made_by: str, *, renew: bool = False) -> str | None:
    """Tell `address` from now on; answers with the secret where it is new: the first, or `renew`ed."""
    known = load(work, seal)
    fresh = secrets.token_hex(32) if known is None or renew else None
    sealed = seal.close(work.shop_id, {"secret": fresh or (known.secret if known else "")})
    work.run(_PUT, address=address, sealed=sealed, now=work.now, made_by=made_by)
    return fresh


def remove(work: UnitOfWork) -> bool:
    """Tell nobody any more: what waits is the shop's to hand over by hand. False where nobody was told."""
    work.run(_LET_GO, kind=HandOver.kind)
    return work.run(_REMOVE).rowcount > 0
