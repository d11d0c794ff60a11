"""The rules of the program: its terms, what an order is worth in points, what points buy, and what a redemption ought
to hold.

Values in, values out.
"""

from loyalty.rules.actions import (
    BIRTHDAY_NOTICE_DAYS,
    BY_NATURE,
    ON_HONOUR,
    Action,
    ActionKind,
    birthday_counts,
    is_month_day,
    month_days,
)
from loyalty.rules.earning import Cap, Debt, Earning, Members, Period, Returns, Rounding, Trigger
from loyalty.rules.points import (
    Draw,
    Lot,
    draw_for_clawback,
    draw_for_reward,
    spendable,
    terms_for,
)
from loyalty.rules.promotions import WEEKDAYS, Buyer, Promotion, Stacking, eligible
from loyalty.rules.receipts import Grounds, Receipt
from loyalty.rules.reckoning import Owed, available_at, owed
from loyalty.rules.redemptions import LATE_ORDERS, Redemption, Target, left_to_buy, target
from loyalty.rules.rewards import CODE_PREFIX, Kind, Reward
from loyalty.rules.terms import Terms, mistakes, proposal

__all__ = [
    "BIRTHDAY_NOTICE_DAYS",
    "BY_NATURE",
    "CODE_PREFIX",
    "LATE_ORDERS",
    "ON_HONOUR",
    "WEEKDAYS",
    "Action",
    "ActionKind",
    "Buyer",
    "Cap",
    "Debt",
    "Draw",
    "Earning",
    "Grounds",
    "Kind",
    "Lot",
    "Members",
    "Owed",
    "Period",
    "Promotion",
    "Receipt",
    "Redemption",
    "Returns",
    "Reward",
    "Rounding",
    "Stacking",
    "Target",
    "Terms",
    "Trigger",
    "available_at",
    "birthday_counts",
    "draw_for_clawback",
    "draw_for_reward",
    "eligible",
    "is_month_day",
    "left_to_buy",
    "mistakes",
    "month_days",
    "owed",
    "proposal",
    "spendable",
    "target",
    "terms_for",
]
