"""Money and instants as a store's companion reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from commerce.money import Money


def money(minor: int, currency: str) -> Mapping[str, str] | None:
    """Money as the store reads it; None for nothing."""
    return {"amount": Money(minor, currency).decimal(), "currency": currency} if minor else None


def utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
