"""The merchant's pages, shown inside the frame of the store's own admin."""

from plugin.admin import (
    contests,
    finance,
    giving,
    imports,
    keys,
    lifecycle,
    offering,
    program,
    referral,
    review,
    standing,
    surveys,
)
from plugin.admin.pages import pages

__all__ = [
    "contests",
    "finance",
    "giving",
    "imports",
    "keys",
    "lifecycle",
    "offering",
    "pages",
    "program",
    "referral",
    "review",
    "standing",
    "surveys",
]
