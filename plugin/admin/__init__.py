"""The merchant's pages, shown inside the frame of the store's own admin."""

from plugin.admin import (
    batches,
    contests,
    drafts,
    finance,
    giving,
    imports,
    keys,
    lifecycle,
    metrics,
    offering,
    program,
    referral,
    review,
    segments,
    standing,
    surveys,
    value,
)
from plugin.admin.pages import pages

__all__ = [
    "batches",
    "contests",
    "drafts",
    "finance",
    "giving",
    "imports",
    "keys",
    "lifecycle",
    "metrics",
    "offering",
    "pages",
    "program",
    "referral",
    "review",
    "segments",
    "standing",
    "surveys",
    "value",
]
