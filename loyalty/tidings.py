"""Tidings, as the rest of the house sees them: what happened to members of late, and what they have just now."""

from __future__ import annotations

from loyalty.service.tidings import (
    Account,
    Stretch,
    Tiding,
    accounts,
    birthdays,
    earned_from,
    end_of_books,
    expiring,
    gains,
    last_move,
    moves,
    newcomers,
    opens,
    stretch,
    within_reach,
)

__all__ = [
    "Account",
    "Stretch",
    "Tiding",
    "accounts",
    "birthdays",
    "earned_from",
    "end_of_books",
    "expiring",
    "gains",
    "last_move",
    "moves",
    "newcomers",
    "opens",
    "stretch",
    "within_reach",
]
