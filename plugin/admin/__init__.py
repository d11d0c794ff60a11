"""The merchant's pages, shown inside the frame of the store's own admin."""

from plugin.admin import contests, finance, giving, imports, keys, offering, program, referral, review, standing
from plugin.admin.pages import pages

__all__ = [
    "contests",
    "finance",
    "giving",
    "imports",
    "keys",
    "offering",
    "pages",
    "program",
    "referral",
    "review",
    "standing",
]
