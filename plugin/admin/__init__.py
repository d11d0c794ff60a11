"""The merchant's pages, shown inside the frame of the store's own admin."""

from plugin.admin import batches, contests, drafts, finance, giving, imports, program, referral, review, standing
from plugin.admin.pages import pages

__all__ = [
    "batches",
    "contests",
    "drafts",
    "finance",
    "giving",
    "imports",
    "pages",
    "program",
    "referral",
    "review",
    "standing",
]
