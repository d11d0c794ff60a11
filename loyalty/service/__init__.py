"""What loyalty does: settles orders into points, sells rewards for them, and reads the books."""

from loyalty.service.account import Balance, account, pending, points_outstanding, statement, verify
from loyalty.service.earning import Award, settle_awards, settle_orders
from loyalty.service.program import DOMAIN, current_terms, first_terms
from loyalty.service.redemptions import NotEnoughPoints, RewardUnknown, code_settled, redeem, release_unused
from loyalty.service.telling import tell_points

__all__ = [
    "DOMAIN",
    "Award",
    "Balance",
    "NotEnoughPoints",
    "RewardUnknown",
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
    "tell_points",
    "verify",
]
