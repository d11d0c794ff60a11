"""The merchant's pages, shown inside the frame of the store's own admin."""

from plugin.admin import contests, giving, imports, review
from plugin.admin.pages import pages

__all__ = ["contests", "giving", "imports", "pages", "review"]
