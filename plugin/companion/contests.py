"""A shopper's tickets of contests, as facts for a store's companion: what each won, when it is drawn, and the request
key of a card that is still to be scratched.
"""

from __future__ import annotations

from typing import Any

from plugin.companion.amounts import utc
from plugin.session import Shopper
from plugin.storefront.purchase import ticket_for


def ticket_facts(ticket: Any, shopper: Shopper) -> dict[str, Any]:
    """A ticket as its owner sees it: see `loyalty.tickets`. `prize` is empty for nothing, and until it is `decided`."""
    return {
        "contest": ticket.contest_id,
        "number": ticket.number,
        "title": ticket.title,
        "kind": str(ticket.kind),
        "drawn_after": utc(ticket.closes_at),
        "decided": ticket.decided,
        "prize": ticket.prize or "",
        "request_key": ticket_for(shopper) if ticket.open else "",
    }
