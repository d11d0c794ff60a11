"""What a claim and an order show of who is behind them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of whoever made a claim. None of it is kept as it is."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    address: str | None = None
    device: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    referrer: str | None = None


class Band(StrEnum):
    """What becomes of an award: silence never pays."""

    APPROVE = "approve"
    REVIEW = "review"
    DECLINE = "decline"
