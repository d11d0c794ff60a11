"""What a shopper chooses of a program, wherever they stand: to take part where it is for those who join, and to be
written to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import current_app

import loyalty
from campaigns import mailings
from commerce.refusal import Refusal
from engine import facts
from engine.facts import JOINED
from engine.work import UnitOfWork
from loyalty import Terms
from plugin.session import Shopper
from plugin.storefront.purchase import NotLoggedIn

# Of the terms: members are those who joined.
_BY_OWN_WORD = "opted_in"
NAMES = frozenset({"member", "mails"})


class NotToChoose(Refusal):
    """The shop does not leave this to its customers at the moment. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the shopper has chosen; None for what is not theirs to choose."""

    member: bool | None
    mails: bool | None


def chosen(work: UnitOfWork, shopper: Shopper, terms: Terms) -> Chosen:
    """Of a guest there is nothing to choose; e-mails only where some can be sent, to somebody whom the store has told
    us of.
    """
    who = shopper.customer_external_id
    joins = who is not None and terms.earning.members == _BY_OWN_WORD
    member = facts.of(work, who).get(JOINED) == "joined" if joins and who is not None else None
    written_to = shopper.customer_id is not None and current_app.extensions["doors"].mails
    mails = mailings.choice(work, shopper.customer_id) if written_to and shopper.customer_id is not None else None
    return Chosen(member, mails)


def choose(work: UnitOfWork, shopper: Shopper, said: Mapping[str, bool]) -> None:
    """Keep what the shopper says, by `NAMES`. Refuses with `NotLoggedIn`, with `NotToChoose` what is not theirs."""
    if shopper.customer_external_id is None:
        raise NotLoggedIn
    open_to = chosen(work, shopper, loyalty.current_terms(work))
    if any(getattr(open_to, name) is None for name in said):
        raise NotToChoose
    if "member" in said:
        deed = loyalty.join if said["member"] else loyalty.leave
        deed(work, shopper.customer_external_id)
    if "mails" in said and shopper.customer_id is not None:
        mailings.set_choice(work, shopper.customer_id, said["mails"])
