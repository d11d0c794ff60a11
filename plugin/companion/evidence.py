"""What a store's server saw of its visitor, and what it can still be asked for: the evidence by which a friend is told
from an advocate who invites himself.
"""

from __future__ import annotations

import referral
from commerce.events import OrderStale
from commerce.ids import CustomerId
from engine import mirror, stale
from engine.work import UnitOfWork
from plugin.companion.door import text_of

LONGEST = 400


def seen() -> referral.Evidence:
    """Of the question: ``{"ip", "agent", "device", "site"}``, each a text that may be missing."""
    return referral.Evidence(
        ip=text_of("ip", LONGEST) or None, user_agent=text_of("agent", LONGEST) or None,
        device=referral.device(text_of("device", LONGEST)), referrer=text_of("site", LONGEST) or None,
    )  # fmt: skip


def somebody() -> bool:
    """Whether a person asked the store, by what their browser said: ``{"agent", "purpose"}``."""
    said = {"User-Agent": text_of("agent", LONGEST), "Purpose": text_of("purpose", LONGEST)}
    return referral.by_a_person(said.get)


def ask_for_first_order(work: UnitOfWork, customer_id: CustomerId) -> None:
    """Have the store tell a new advocate's first order once more.

    Nothing was kept of its phone and address when it came: then they were a customer like all others, and nobody's
    advocate. In this platform's orders both always stand.
    """
    found = mirror.first_orders(work, [customer_id])
    orders = mirror.load(work, list(found.values()))
    stale.mark(work, [OrderStale(order.external_id, work.now) for order in orders])
