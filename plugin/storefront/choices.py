"""What a shopper chooses of a program, wherever they stand: to take part where it is for those who join, and to be
written to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask import current_app

import loyalty
from campaigns import mailings
from campaigns.mailings import Kind
from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.sayings import say
from engine import facts
from engine.facts import JOINED
from engine.work import UnitOfWork
from loyalty import Terms
from plugin.session import Shopper
from plugin.storefront.purchase import NotLoggedIn

# Of the terms: members are those who joined.
_BY_OWN_WORD = "opted_in"
NAMES = frozenset({"member", "mails"})

# What each tells of, to whoever gets it.
TOLD_OF: Mapping[Kind, str] = {
    Kind.EXPIRING: say("Before points of yours expire"),
    Kind.REWARD: say("When your points are enough for a reward"),
    Kind.TIER: say("When you reach another tier, or leave one"),
    Kind.BIRTHDAY: say("For your birthday"),
    Kind.FRIEND: say("When a friend has taken up your invitation"),
    Kind.WELCOME: say("Welcome, once, when you join"),
    Kind.POINTS: say("When you have earned points"),
}


class NotToChoose(Refusal):
    """The shop does not leave this to its customers at the moment. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the shopper has chosen; None for what is not theirs to choose."""

    member: bool | None
    mails: bool | None
    kinds: Mapping[Kind, bool]
    """Of the kinds of e-mails that the shop sends, which they want, if they want any; empty where that is not theirs to
    choose.
    """


def chosen(work: UnitOfWork, shopper: Shopper, terms: Terms) -> Chosen:
    """Of a guest there is nothing to choose; e-mails only where some can be sent, to somebody whom the store has told
    us of.
    """
    who = shopper.customer_external_id
    joins = who is not None and terms.earning.members == _BY_OWN_WORD
    member = facts.of(work, who).get(JOINED) == "joined" if joins and who is not None else None
    written_to = shopper.customer_id is not None and current_app.extensions["doors"].mails
    if not written_to or shopper.customer_id is None:
        return Chosen(member, None, {})
    return Chosen(member, mailings.choice(work, shopper.customer_id), kinds_of(work, shopper.customer_id))


def kinds_of(work: UnitOfWork, customer_id: CustomerId) -> Mapping[Kind, bool]:
    """The kinds of e-mails that the shop sends, and whether the customer wants each."""
    unwanted = mailings.unwanted(work, customer_id)
    return {kind: kind not in unwanted for kind in mailings.Stated.of(work).mailings.on}


def choose(
    work: UnitOfWork, shopper: Shopper, said: Mapping[str, bool], kinds: Mapping[Kind, bool] = MappingProxyType({})
) -> None:
    """Keep what the shopper says, by `NAMES` and by kinds of e-mails. Refuses with `NotLoggedIn`, with `NotToChoose`
    what is not theirs.
    """
    if shopper.customer_external_id is None:
        raise NotLoggedIn
    open_to = chosen(work, shopper, loyalty.current_terms(work))
    if any(getattr(open_to, name) is None for name in said) or (kinds and open_to.mails is None):
        raise NotToChoose
    if "member" in said:
        deed = loyalty.join if said["member"] else loyalty.leave
        deed(work, shopper.customer_external_id)
    if shopper.customer_id is None:
        return
    # Who is written to already and sends the form for something else has given no new consent by it.
    if "mails" in said and not (said["mails"] and open_to.mails):
        mailings.set_choice(work, shopper.customer_id, said["mails"])
    mailings.set_kinds(work, shopper.customer_id, kinds)
