"""What loyalty does: settles orders into points, sells rewards for them, and reads the books."""

from loyalty.service.account import Balance, account, earned, pending, points_outstanding, statement, verify
from loyalty.service.actions import (
    ActionUnknown,
    NotOnYourWord,
    celebrate,
    perform,
    perform_on_honour,
    undo,
)
from loyalty.service.earning import Award, settle_awards, settle_orders, why
from loyalty.service.members import NotABirthday, birthday, join, leave, tell_birthday
from loyalty.service.merging import merge
from loyalty.service.program import DOMAIN, TermsRefused, current_terms, first_terms, offer, publish, withdraw
from loyalty.service.redemptions import (
    NotEnoughPoints,
    NothingToTakeBack,
    RewardLimit,
    RewardUnknown,
    code_settled,
    credit_back_settled,
    credit_settled,
    gift_card_settled,
    redeem,
    release_unused,
    take_back,
)
from loyalty.service.telling import tell_points

__all__ = [
    "DOMAIN",
    "ActionUnknown",
    "Award",
    "Balance",
    "NotABirthday",
    "NotEnoughPoints",
    "NotOnYourWord",
    "NothingToTakeBack",
    "RewardLimit",
    "RewardUnknown",
    "TermsRefused",
    "account",
    "birthday",
    "celebrate",
    "code_settled",
    "credit_back_settled",
    "credit_settled",
    "current_terms",
    "earned",
    "first_terms",
    "gift_card_settled",
    "join",
    "leave",
    "merge",
    "offer",
    "pending",
    "perform",
    "perform_on_honour",
    "points_outstanding",
    "publish",
    "redeem",
    "release_unused",
    "settle_awards",
    "settle_orders",
    "statement",
    "take_back",
    "tell_birthday",
    "tell_points",
    "undo",
    "verify",
    "why",
    "withdraw",
]
