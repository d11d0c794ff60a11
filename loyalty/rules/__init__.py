"""The rules of the program: its terms, what an order is worth in points, what points buy, and what a redemption ought
to hold.

Values in, values out.
"""

from loyalty.rules.points import (
    Draw,
    Lot,
    Owed,
    draw_for_clawback,
    draw_for_reward,
    less,
    owed,
    spendable,
    terms_for,
    unowned,
)
from loyalty.rules.receipts import Reason, Receipt
from loyalty.rules.redemptions import LATE_ORDERS, Redemption, Target, left_to_buy, target
from loyalty.rules.rewards import Kind, Reward
from loyalty.rules.terms import Terms, mistakes, proposal

__all__ = [
    "LATE_ORDERS",
    "Draw",
    "Kind",
    "Lot",
    "Owed",
    "Reason",
    "Receipt",
    "Redemption",
    "Reward",
    "Target",
    "Terms",
    "draw_for_clawback",
    "draw_for_reward",
    "left_to_buy",
    "less",
    "mistakes",
    "owed",
    "proposal",
    "spendable",
    "target",
    "terms_for",
    "unowned",
]
