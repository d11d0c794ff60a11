"""The shopper's pages, reached through the shop's own address: the platform's proxy says who is logged in.

Beside them, what our code in checkout and customer accounts asks (`extension`), and what the shop's pages tell of
where a shopper came from (`pixel`).
"""

from plugin.storefront import extension, pixel
from plugin.storefront.pages import pages

__all__ = ["extension", "pages", "pixel"]
