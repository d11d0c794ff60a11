"""What customers can have met of the points program, stated over loyalty's own tables."""

from __future__ import annotations

from commerce.sayings import say
from commerce.touchpoints import Touchpoint

TOUCHPOINTS = (
    Touchpoint(
        "points", say("Points"), say("Has an account of points: has earned, been given or spent some."),
        "SELECT customer_id FROM balances WHERE shop_id = :shop_id",
    ),
    Touchpoint(
        "reward", say("Reward"), say("Has bought a reward with points that was not taken back or refused."),
        "SELECT DISTINCT customer_id FROM redemptions WHERE shop_id = :shop_id "
        "AND (outcome IS NULL OR outcome = 'used') AND refused_at IS NULL",
    ),
)  # fmt: skip
