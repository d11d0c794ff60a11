"""The shopper's pages, reached through the shop's own address: the platform's proxy says who is logged in.

Beside them, what our code in checkout and customer accounts asks (`extension`), and what the shop's pages tell of
where a shopper came from (`pixel`). Behind a shop's door on our own address the same pages stand once more (`hosted`).
"""

from plugin.storefront import cart, extension, glance, hosted, pixel, you
from plugin.storefront.pages import pages

# The shopper's pages, each with its blueprint: what the platform's proxy leads to.
SURFACES = (pages, cart.pages, glance.pages, you.pages)

__all__ = ["SURFACES", "extension", "glance", "hosted", "pages", "pixel"]
