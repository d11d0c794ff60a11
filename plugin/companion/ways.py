"""What earns points beside buying, for a store's companion, with the tickets of what only the shopper can say."""

from __future__ import annotations

from typing import Any

from engine.work import UnitOfWork
from loyalty import ActionKind
from plugin.phrases import how_often
from plugin.session import Shopper
from plugin.storefront.earning import ways
from plugin.storefront.purchase import ticket_for

# Nobody else tells of these: the shopper's word is taken.
_ON_THEIR_WORD = (ActionKind.FOLLOW, ActionKind.SHARE, ActionKind.SURVEY)


def ways_facts(work: UnitOfWork, shopper: Shopper) -> dict[str, Any]:
    """``{"actions": [...], "birthday": {...}}``; no birthday where none is asked for, or nobody is logged in."""
    found = ways(work, shopper)
    known = shopper.customer_id is not None
    return {
        "actions": [
            {
                "key": action.key,
                "title": action.title,
                "points": action.points,
                "often": how_often(action),
                "link": action.link,
                "request_key": ticket_for(shopper) if known and action.kind in _ON_THEIR_WORD else "",
            }
            for action in found.actions
        ],
        "birthday": {"month": found.month, "day": found.day, "request_key": ticket_for(shopper)}
        if found.asks_birthday
        else None,
    }
