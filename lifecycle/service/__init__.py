"""What lifecycle does: settles where customers stand, and reviews those that time alone has moved."""

from lifecycle.service.stages import (
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

__all__ = [
    "DOMAIN",
    "current_terms",
    "customer_history",
    "customer_standing",
    "first_terms",
    "members",
    "merge",
    "publish_segments",
    "review_due",
    "settle_milestones",
    "settle_orders",
    "stage_counts",
]
