"""What a WooCommerce store can give for points: what its coupons can say, and nothing that only plugins bring."""

from __future__ import annotations

from commerce.rewards import Offering

OFFERING = Offering(
    "WooCommerce",
    gift_cards=False,
    store_credit=False,
    least_pieces=False,
    shipping_prices=False,
    combines_by_class=False,
    variants="variations",
    collections="categories",
    notes={
        "shipping": "It works where a shipping zone of your store has the method Free shipping, "
        "which is set to require a coupon.",
    },
)
