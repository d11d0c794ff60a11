"""The rules of the program: its terms, what an order is worth in points, what points buy, and what a redemption ought
to hold.

Values in, values out.
"""

from loyalty.rules.closing import Closing, closings
from loyalty.rules.expiry import (
    WARNED_DAYS,
    Activity,
    Expiry,
    Life,
    Policy,
    Ruling,
    expires_at,
    rulings,
    warnings_between,
)
from loyalty.rules.months import Round, add_months, day_of, end_of, start_of, zone_of
from loyalty.rules.points import (
    Draw,
    Lot,
    Owed,
    draw_for_clawback,
    draw_for_reward,
    owed,
    spendable,
    terms_for,
)
from loyalty.rules.redemptions import LATE_ORDERS, Redemption, Target, left_to_buy, target
from loyalty.rules.rewards import Kind, Reward
from loyalty.rules.standing import (
    Cause,
    Choice,
    Fact,
    Move,
    counted_at,
    facts_of,
    next_move,
    next_visible,
    reason,
    tier_at,
    walk,
    with_choices,
)
from loyalty.rules.terms import Terms, mistakes, proposal
from loyalty.rules.tiers import MOST_LEVELS, Benefit, Downgrade, Ladder, Level, Measure, Perk, Window, amount, span

__all__ = [
    "LATE_ORDERS",
    "MOST_LEVELS",
    "WARNED_DAYS",
    "Activity",
    "Benefit",
    "Cause",
    "Choice",
    "Closing",
    "Downgrade",
    "Draw",
    "Expiry",
    "Fact",
    "Kind",
    "Ladder",
    "Level",
    "Life",
    "Lot",
    "Measure",
    "Move",
    "Owed",
    "Perk",
    "Policy",
    "Redemption",
    "Reward",
    "Round",
    "Ruling",
    "Target",
    "Terms",
    "Window",
    "add_months",
    "amount",
    "closings",
    "counted_at",
    "day_of",
    "draw_for_clawback",
    "draw_for_reward",
    "end_of",
    "expires_at",
    "facts_of",
    "left_to_buy",
    "mistakes",
    "next_move",
    "next_visible",
    "owed",
    "proposal",
    "reason",
    "rulings",
    "span",
    "spendable",
    "start_of",
    "target",
    "terms_for",
    "tier_at",
    "walk",
    "warnings_between",
    "with_choices",
    "zone_of",
]
