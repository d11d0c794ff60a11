"""Buying a reward, wherever the shopper stands: on the shop's pages, in checkout, or in their account there.

What a form carries names the moment at which it was shown, and the moment is the click: see decision 0064.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any

from flask import current_app
from werkzeug.exceptions import TooManyRequests

import loyalty
from commerce.identity import is_guest
from commerce.refusal import Refusal
from plugin.sentences import _
from plugin.session import Shopper
from plugin.storefront import tickets

LONGEST_KEY = 64
LONGEST_TICKET = 100


class FormTooOld(Refusal):
    """This page has been open for a long time. Nothing was done; please press the button again."""


class NoAccount(Refusal):
    """You have ordered without an account. Open one at the shop with this address; your points move there with your
    orders, and can be spent then. Nothing was done.
    """


class NotLoggedIn(Refusal):
    """Please log in to the shop first. Nothing was done."""


class BoughtMeanwhile(Refusal):
    """You have bought something else since this page was shown, and it is yours. Look at what you have, and press again
    if you want this too.
    """


def buy(shopper: Shopper, reward: str, request_key: str, steps: str = "") -> Any:
    """The redemption that this click made, now or before. `steps`: how many of it, as typed; nothing is one.

    `request_key`: as `key_to_buy` made it. All forms that were shown while the same redemption was the shopper's newest
    are one click, so that neither a second press nor a second tab buys twice.

    Refuses with `NotLoggedIn`, `NoAccount`, `FormTooOld`, `BoughtMeanwhile`, and with whatever `loyalty.redeem` does.
    """
    if shopper.customer_external_id is not None and is_guest(shopper.customer_external_id):
        # What a guest has moves to an account with the order that brought it: spent before, it would be spent twice.
        raise NoAccount
    if shopper.customer_id is None or shopper.customer_external_id is None:
        raise NotLoggedIn if shopper.customer_external_id is None else loyalty.NotEnoughPoints
    last, _sep, ticket = request_key.partition("-")
    checked(shopper, ticket, _after(last))
    many = 1 if not steps else int(steps) if steps.isascii() and steps.isdigit() and len(steps) < 6 else 0
    reward, named = reward[:LONGEST_KEY], f"after-{last}"
    click = loyalty.Click(shopper.customer_id, shopper.customer_external_id, reward, named, many)
    bought = current_app.extensions["till"].buy(shopper.shop.shop_id, click)
    if loyalty.Reward.read(bought.reward).key != reward:
        raise BoughtMeanwhile
    return bought


def checked(shopper: Shopper, ticket: str, what: str = "") -> str:
    """The ticket, if it is one that we gave to this shopper, for `what`. Refuses with `FormTooOld`.

    Raises `TooManyRequests` for somebody who presses faster than anybody can: each press costs a look at their account.
    """
    wait_for_others(shopper)
    doors, key = current_app.extensions["doors"], ticket[:LONGEST_TICKET]
    if not tickets.good(doors.secret, _holder(shopper) + what, key, doors.database.clock()):
        raise FormTooOld
    return key


def wait_for_others(shopper: Shopper) -> None:
    """Raise `TooManyRequests` where this shopper has pressed a button too often of late."""
    database = current_app.extensions["doors"].database
    who = shopper.shop.shop_id, shopper.customer_external_id
    seconds = current_app.extensions["presses"].wait(who, database.clock())
    if seconds:
        raise TooManyRequests(_("You have pressed very often in a short time. Nothing was done by the last press."),
                              retry_after=ceil(seconds))  # fmt: skip


def ticket_for(shopper: Shopper) -> str:
    """A fresh ticket: one for each button that is shown and buys nothing."""
    return _ticket(shopper, "")


def key_to_buy(shopper: Shopper, redemptions: Iterable[Any]) -> str:
    """What a form of `buy` carries, where these are the shopper's redemptions, or codes of them, the newest among them:
    the number of the newest (0: none yet), sealed.
    """
    last = str(max((each.redemption_id for each in redemptions), default=0))
    return f"{last}-{_ticket(shopper, _after(last))}"


def _ticket(shopper: Shopper, what: str) -> str:
    doors = current_app.extensions["doors"]
    return tickets.make(doors.secret, _holder(shopper) + what, doors.database.clock())


def _after(last: str) -> str:
    return f":after:{last}"


def _holder(shopper: Shopper) -> str:
    return f"{shopper.shop.shop_id}:{shopper.customer_external_id}"
