"""The merchant's pages, shown inside the frame of the store's own admin."""

from plugin.admin import imports
from plugin.admin.pages import pages

__all__ = ["imports", "pages"]
