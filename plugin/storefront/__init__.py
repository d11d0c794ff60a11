"""The shopper's pages, reached through the shop's own address: the platform's proxy says who is logged in."""

from plugin.storefront.pages import pages

__all__ = ["pages"]
