"""A shopper's account as the shop's pages show it: the points, what they can buy, the codes bought, and what brought
the points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

import loyalty
import referral
from commerce.ids import CustomerId
from commerce.sayings import say
from engine.work import UnitOfWork
from plugin.storefront import history
from plugin.storefront.history import Movement

HISTORY = 50


@dataclass(frozen=True, slots=True)
class Code:
    """A code that was bought.

    `state`: being made, ready, used, ended, or returned (then `why` the points went back). Money that was handed over
    is `yours`.
    """

    redemption_id: int
    title: str
    code: str
    points: int
    ends_at: datetime
    state: str
    why: str = ""
    kind: loyalty.Kind = loyalty.Kind.AMOUNT
    amount_minor: int = 0
    """What it takes off, where that is an amount."""


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that a shopper's points page shows."""

    at: datetime
    balance: loyalty.Balance
    pending: Sequence[tuple[datetime, int]]
    codes: Sequence[Code]
    history: Sequence[Movement]
    referral_code: str
    friends: int
    invited: Sequence[referral.Friend] = ()
    tickets: Sequence[Any] = ()
    """Tickets of contests: see `loyalty.tickets`."""
    standing: loyalty.Standing | None = None
    """Where the shopper stands; a tier that is hidden looks like none."""
    older: int | None = None
    """The number before which the history's next page begins; None on the last."""


@dataclass(frozen=True, slots=True)
class Offers:
    """What the program offers, to whoever looks at it."""

    points: loyalty.Terms
    referral: referral.Terms


def offers(work: UnitOfWork) -> Offers:
    """Without rewards of hidden tiers: their members see them in their account."""
    terms = loyalty.current_terms(work)
    # Before the program has begun nobody has points to buy anything with.
    rewards = () if terms.asleep else tuple(loyalty.shown_to_all(terms))
    return Offers(replace(terms, rewards=rewards), referral.current_terms(work))


def account(work: UnitOfWork, customer_id: CustomerId, newest: int = HISTORY, before: int | None = None) -> Account:
    """The customer's account now, with the `newest` of its movements, those with numbers below `before`.

    Somebody who has no referral code yet is given one: this page is where they find it.
    """
    balance = loyalty.account(work, customer_id)
    came = history.page(work, customer_id, balance.lots, newest, before) if newest else history.Page()
    return Account(
        at=work.now,
        balance=balance,
        pending=loyalty.pending(work, customer_id),
        codes=[code(row, work.now) for row in balance.redemptions],
        history=came.movements,
        older=came.older,
        referral_code=referral.code_of(work, customer_id),
        friends=referral.friends_brought(work, customer_id),
        invited=referral.friends_of(work, customer_id) if newest else [],
        tickets=loyalty.tickets(work, customer_id),
        standing=_shown(loyalty.standing(work, customer_id)),
    )


def _shown(standing: loyalty.Standing | None) -> loyalty.Standing | None:
    """A standing as its shopper may see it."""
    if standing is None:
        return None
    if standing.level is not None and standing.level.hidden:
        standing = replace(standing, level=None, since=None, reason=None, falls_at=None, falls_to=None)
    if standing.falls_to is not None and standing.falls_to.hidden:
        standing = replace(standing, falls_to=None)
    return standing if standing.level or standing.higher else None


def code(row: Row[Any], now: datetime) -> Code:
    """A redemption as its shopper reads it at `now`."""
    bought = loyalty.Reward.read(row.reward)
    state, why = _state(row, now)
    if bought.handed_over:
        # It is not used up by being used once, and while nobody knows whether it was made it has not ended.
        state = {"used": "yours", "ended": "making"}.get(state, state)
    return Code(
        row.redemption_id, bought.title, row.code, row.points, row.expires_at, state, why, bought.kind,
        bought.amount_minor if bought.kind is loyalty.Kind.AMOUNT else 0,
    )  # fmt: skip


def _state(row: Row[Any], now: datetime) -> tuple[str, str]:
    if row.outcome == "used":
        return "used", ""
    if row.outcome:
        return "returned", row.outcome
    if row.refused_at:
        return "returned", say("the store refused the code")
    if row.expires_at <= now:
        return "ended", ""
    return ("ready" if row.issued_at else "making"), ""
