"""What have they earned, and what may they spend? An append-only ledger of points, and rewards bought with them."""

from loyalty.rules import Reward, Terms
from loyalty.service import (
    DOMAIN,
    Award,
    Balance,
    NotEnoughPoints,
    RewardUnknown,
    account,
    code_settled,
    current_terms,
    first_terms,
    pending,
    points_outstanding,
    redeem,
    release_unused,
    settle_awards,
    settle_orders,
    statement,
    verify,
)

__all__ = [
    "DOMAIN",
    "Award",
    "Balance",
    "NotEnoughPoints",
    "Reward",
    "RewardUnknown",
    "Terms",
    "account",
    "code_settled",
    "current_terms",
    "first_terms",
    "pending",
    "points_outstanding",
    "redeem",
    "release_unused",
    "settle_awards",
    "settle_orders",
    "statement",
    "verify",
]
