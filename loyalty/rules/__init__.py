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
    draw_in_turn,
    less,
    owed,
    spendable,
    terms_for,
)
from loyalty.rules.redemptions import HELD, LATE_ORDERS, USED, Redemption, Target, left_to_buy, target
from loyalty.rules.rewards import Kind, Reward, as_stored
from loyalty.rules.terms import Terms, mistakes, proposal

__all__ = [
    "HELD",
    "LATE_ORDERS",
    "USED",
    "Draw",
    "Kind",
    "Lot",
    "Owed",
    "Redemption",
    "Reward",
    "Target",
    "Terms",
    "as_stored",
    "draw_for_clawback",
    "draw_for_reward",
    "draw_in_turn",
    "left_to_buy",
    "less",
    "mistakes",
    "owed",
    "proposal",
    "spendable",
    "target",
    "terms_for",
]
