"""Which rewards can be offered on which platform. Whoever shows or checks rewards asks here, by the shop's platform,
and so never has to know one platform from another.
"""

from __future__ import annotations

from collections.abc import Mapping

from commerce.rewards import Offering
from connectors.woocommerce.offering import OFFERING as _WOOCOMMERCE

OFFERINGS: Mapping[str, Offering] = {"shopify": Offering("Shopify"), "woocommerce": _WOOCOMMERCE}


def offering(platform: str) -> Offering:
    return OFFERINGS[platform]
