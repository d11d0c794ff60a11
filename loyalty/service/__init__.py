"""What loyalty does: settles orders into points, sells rewards for them, and reads the books."""

from loyalty.service.account import (
    Balance,
    Standing,
    account,
    balance_at,
    earned,
    explain,
    explain_order,
    pending,
    points_outstanding,
    statement,
    unearned,
)
from loyalty.service.buying import Click, NotEnoughPoints, RewardLimit, RewardUnknown, redeem, redeem_all
from loyalty.service.earning import Award, settle_awards, settle_orders
from loyalty.service.finance import Liability, Month, journal, journal_bounds, liability, roll_forward
from loyalty.service.merging import merge
from loyalty.service.program import DOMAIN, TermsRefused, current_terms, first_terms, offer, publish, withdraw
from loyalty.service.proof import Proof, Told, prove, verify
from loyalty.service.redemptions import (
    NothingToTakeBack,
    code_settled,
    credit_back_settled,
    credit_settled,
    gift_card_settled,
    release_unused,
    take_back,
)
from loyalty.service.telling import tell_points

__all__ = [
    "DOMAIN",
    "Award",
    "Balance",
    "Click",
    "Liability",
    "Month",
    "NotEnoughPoints",
    "NothingToTakeBack",
    "Proof",
    "RewardLimit",
    "RewardUnknown",
    "Standing",
    "TermsRefused",
    "Told",
    "account",
    "balance_at",
    "code_settled",
    "credit_back_settled",
    "credit_settled",
    "current_terms",
    "earned",
    "explain",
    "explain_order",
    "first_terms",
    "gift_card_settled",
    "journal",
    "journal_bounds",
    "liability",
    "merge",
    "offer",
    "pending",
    "points_outstanding",
    "prove",
    "publish",
    "redeem",
    "redeem_all",
    "release_unused",
    "roll_forward",
    "settle_awards",
    "settle_orders",
    "statement",
    "take_back",
    "tell_points",
    "unearned",
    "verify",
    "withdraw",
]
