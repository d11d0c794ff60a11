"""Addresses of guests, put into an effect at the moment it is carried to the store, and never kept with it.

A platform that has no record of a guest can only lock a code to an e-mail address. The address is in the mirror, where
it is erased when the person asks for that; a copy in the outbox would outlive it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import text

from commerce.identity import GUEST
from commerce.store import Effect, PutDiscount
from engine.work import UnitOfWork

_EMAILS = text("""
    SELECT external_id, email FROM customers
    WHERE shop_id = :shop_id AND external_id = ANY(:guests) AND email IS NOT NULL
""")


def addressed(work: UnitOfWork, effects: Sequence[Effect]) -> list[Effect]:
    """The same effects, in their order, with the addresses that the store needs; a guest may have none."""
    guests = {who for effect in effects if (who := _guest_of(effect)) is not None}
    if not guests:
        return list(effects)
    known = {row.external_id: row.email for row in work.rows(_EMAILS, guests=sorted(guests))}
    return [_with(effect, known.get(_guest_of(effect) or "")) for effect in effects]


def _guest_of(effect: Effect) -> str | None:
    """The guest to whom a code is to be locked."""
    if not isinstance(effect, PutDiscount) or not effect.active:
        return None
    who = effect.customer_external_id
    return who if who is not None and who.startswith(GUEST) else None


def _with(effect: Effect, email: str | None) -> Effect:
    return replace(effect, customer_email=email) if email is not None and isinstance(effect, PutDiscount) else effect
