"""The merchant's pages, shown inside the frame of the store's own admin."""

from plugin.admin import contests, finance, giving, imports, metrics, program, referral, review, standing
from plugin.admin.pages import pages

__all__ = ["contests", "finance", "giving", "imports", "metrics", "pages", "program", "referral", "review", "standing"]
