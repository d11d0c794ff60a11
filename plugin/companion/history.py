"""What brought a shopper's points and what took them, page by page, for a store's companion: each movement with the
receipt of its entry, and when its points end.
"""

from __future__ import annotations

from typing import Any

import loyalty
from commerce.ids import CustomerId
from engine.work import UnitOfWork
from plugin.companion.amounts import money, utc
from plugin.sentences import told
from plugin.storefront.history import NEWEST, Movement, page

PAGE = 20

__all__ = ["NEWEST", "history_facts"]


def history_facts(work: UnitOfWork, customer_id: CustomerId, before: int) -> dict[str, Any]:
    """``{"movements": [...], "next": 0}``: the movements below `before` (0: the newest), newest first; `next` is where
    the page behind them begins, 0 for none.
    """
    currency = loyalty.current_terms(work).currency
    found = page(work, customer_id, loyalty.account(work, customer_id).lots, PAGE, before or None)
    return {"movements": [_movement(each, currency) for each in found.movements], "next": found.older or 0}


def _movement(movement: Movement, currency: str) -> dict[str, Any]:
    receipt = movement.receipt
    return {
        "at": utc(movement.at),
        "sentence": told(movement.sentence),
        "points": movement.points,
        "order": movement.order_name or "",
        "counted": money(int(receipt.get("basis_minor") or 0), currency),
        "tier_percent": receipt.get("multiplier") or 0,
        "extras": [{"what": told(what), "points": points} for what, points in receipt.get("extras") or ()],
        "capped": receipt.get("caps") or 0,
        "from": utc(movement.available_at) if movement.points > 0 and movement.available_at else "",
        "left": [{"points": points, "until": utc(at) if at else ""} for at, points in movement.left],
    }
