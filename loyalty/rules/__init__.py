"""The rules of the program: its terms, what an order is worth in points, what points buy, and what a redemption ought
to hold.

Values in, values out.
"""

from loyalty.rules.liability import Age, Breakage, Worth, breakage, in_money, worth
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
    "Age",
    "Breakage",
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
    "Worth",
    "breakage",
    "draw_for_clawback",
    "draw_for_reward",
    "in_money",
    "left_to_buy",
    "less",
    "mistakes",
    "owed",
    "proposal",
    "spendable",
    "target",
    "terms_for",
    "unowned",
    "worth",
]
