"""What a customer chooses for themselves, asked and kept through a store's companion: to take part where the program is
for those who join, and to be written to.
"""

from __future__ import annotations

from typing import Any

import loyalty
from campaigns import mailings
from engine import facts
from engine.facts import JOINED
from engine.work import UnitOfWork
from plugin.companion.door import BadQuestion
from plugin.session import Shopper
from plugin.storefront.purchase import NotLoggedIn

# Of the terms: members are those who joined.
_BY_OWN_WORD = "opted_in"
NAMES = frozenset({"member", "mails"})


def choices_facts(work: UnitOfWork, shopper: Shopper, terms: loyalty.Terms) -> dict[str, Any] | None:
    """``{"member", "mails"}``: what the shopper has chosen, None for what is not theirs to choose; None for a guest."""
    if shopper.customer_external_id is None:
        return None
    joins = terms.earning.members == _BY_OWN_WORD
    said = facts.of(work, shopper.customer_external_id).get(JOINED) if joins else None
    mails = mailings.choice(work, shopper.customer_id) if shopper.customer_id is not None else None
    return {"member": said == "joined" if joins else None, "mails": mails}


def choose(work: UnitOfWork, shopper: Shopper, said: dict[str, bool]) -> None:
    """Keep what the shopper says. Refuses with `NotLoggedIn`, with `BadQuestion` where it is not theirs to choose."""
    if shopper.customer_external_id is None:
        raise NotLoggedIn
    open_to = choices_facts(work, shopper, loyalty.current_terms(work)) or {}
    if any(open_to.get(name) is None for name in said):
        raise BadQuestion
    if "member" in said:
        deed = loyalty.join if said["member"] else loyalty.leave
        deed(work, shopper.customer_external_id)
    if "mails" in said and shopper.customer_id is not None:
        mailings.set_choice(work, shopper.customer_id, said["mails"])
