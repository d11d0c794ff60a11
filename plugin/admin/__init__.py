"""The merchant's pages, shown inside the frame of the store's own admin."""

from plugin.admin import finance
from plugin.admin.pages import pages

__all__ = ["finance", "pages"]
