"""What a shopper shows at the till, for a store's companion: the letters, and the picture as black and white squares,
which the store draws. A badge opens nothing, so it may be kept for the minute for which a companion keeps an account.
"""

from __future__ import annotations

from typing import Any

from engine.work import UnitOfWork
from plugin import badges
from plugin.companion.amounts import utc
from plugin.session import Shopper
from plugin.storefront.qr import as_shown, squares


def badge_facts(work: UnitOfWork, shopper: Shopper) -> dict[str, Any] | None:
    """``{"letters", "picture": ["1110...", ...], "ends_at"}``; None for whoever has nothing to show at a till."""
    if shopper.customer_id is None:
        return None
    shown = as_shown(shopper.shop, badges.badge(work, shopper.customer_id))
    if shown is None:
        return None
    return {"letters": shown.letters, "picture": squares(shown.address), "ends_at": utc(shown.ends_at)}
