"""Who is this customer to this shop, now? Stages, their history, and the instant at which time alone would change
them.
"""

from lifecycle.rules import STAGES, Milestone, Stage, Terms
from lifecycle.service import (
    DOMAIN,
    current_terms,
    customer_history,
    customer_standing,
    first_terms,
    members,
    merge,
    publish_segments,
    review_due,
    settle_milestones,
    settle_orders,
    stage_counts,
)
from lifecycle.service import products as products
from lifecycle.service import segments as segments

__all__ = [
    "DOMAIN",
    "STAGES",
    "Milestone",
    "Stage",
    "Terms",
    "current_terms",
    "customer_history",
    "customer_standing",
    "first_terms",
    "members",
    "merge",
    "products",
    "publish_segments",
    "review_due",
    "segments",
    "settle_milestones",
    "settle_orders",
    "stage_counts",
]
