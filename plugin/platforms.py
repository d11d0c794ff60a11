"""What a store's platform can do, and so which of our pages and choices make sense for its merchant.

Pages ask for what they need (`g.merchant.platform.segments`), never for a platform's name. Which rewards it can give is
said by `commerce.rewards.Offering`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from commerce.sayings import say
from connectors.shopify import PROXY_PREFIX, PROXY_SUBPATH


@dataclass(frozen=True, slots=True)
class Platform:
    """What it is called, and what it has."""

    name: str
    segments: bool
    """It keeps segments, which merchants find in its admin."""
    extensions: bool
    """It runs parts of ours inside the shop, placed by links into its admin."""
    companion: bool
    """Its shop shows us by a plugin of ours."""
    agree_at: str
    """Where a merchant gives us access anew, outside of any frame."""
    erases: bool
    """Its admin erases a customer, and has us do the same."""
    home: str
    """How one says where the merchant's side of the store is."""
    points_page: str = ""
    """Where on the shop's own site shoppers find our pages, if that is the same in every shop."""


PLATFORMS: Mapping[str, Platform] = {
    "shopify": Platform(
        "Shopify",
        segments=True,
        extensions=True,
        companion=False,
        agree_at="/auth/start",
        erases=True,
        home=say("your store's admin"),
        points_page=f"/{PROXY_PREFIX}/{PROXY_SUBPATH}",
    ),
    "woocommerce": Platform(
        "WooCommerce",
        segments=False,
        extensions=False,
        companion=True,
        agree_at="/woocommerce",
        erases=False,
        home=say("your WordPress admin"),
    ),
}
