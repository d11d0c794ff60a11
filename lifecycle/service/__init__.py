"""What lifecycle does: settles where customers stand, and reviews those that time alone has moved."""

from lifecycle.service.pipeline import Outlook, Pipeline, Walking, outlook, pipeline, walking
from lifecycle.service.preview import Preview, preview
from lifecycle.service.program import (
    DOMAIN,
    Proposal,
    RulesChanged,
    RulesRefused,
    current_terms,
    draft,
    first_terms,
    proposal,
    publish,
)
from lifecycle.service.stages import (
    customer_history,
    customer_standing,
    members,
    merge,
    publish_segments,
    review_due,
    settle_milestones,
    settle_orders,
    stage_counts,
    walk_again,
)

__all__ = [
    "DOMAIN",
    "Outlook",
    "Pipeline",
    "Preview",
    "Proposal",
    "RulesChanged",
    "RulesRefused",
    "Walking",
    "current_terms",
    "customer_history",
    "customer_standing",
    "draft",
    "first_terms",
    "members",
    "merge",
    "outlook",
    "pipeline",
    "preview",
    "proposal",
    "publish",
    "publish_segments",
    "review_due",
    "settle_milestones",
    "settle_orders",
    "stage_counts",
    "walk_again",
    "walking",
]
