"""Buying a reward, wherever the shopper stands: on the shop's pages, in checkout, or in their account there.

The ticket names the click. It came with what the shopper was shown, so a click that is sent twice buys once.
"""

from __future__ import annotations

from collections.abc import Callable
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
LONGEST_TICKET = 80


class FormTooOld(Refusal):
    """This page has been open for a long time. Nothing was done; please press the button again."""


class NoAccount(Refusal):
    """You have ordered without an account. Open one at the shop with this address; your points move there with your
    orders, and can be spent then. Nothing was done.
    """


class NotLoggedIn(Refusal):
    """Please log in to the shop first. Nothing was done."""


def buy(shopper: Shopper, reward: str, ticket: str, steps: str = "") -> Any:
    """The redemption that this click made, now or before. `steps`: how many of it, as typed; nothing is one.

    Refuses with `NotLoggedIn`, `NoAccount`, `FormTooOld`, and whatever `loyalty.redeem` refuses with.
    """
    return _press(shopper, reward, steps, lambda: checked(shopper, ticket))


def buy_next(shopper: Shopper, reward: str, ticket: str, steps: str, last: int) -> Any:
    """The same by a form that was made when redemption `last` was the shopper's newest (0: none yet).

    All forms of that moment are one click, so the same page in two tabs buys once; whoever wants more is shown a new
    form first.
    """

    def key() -> str:
        checked(shopper, ticket, _after(last))
        return f"after-{last}"

    return _press(shopper, reward, steps, key)


def _press(shopper: Shopper, reward: str, steps: str, key: Callable[[], str]) -> Any:
    if shopper.customer_external_id is not None and is_guest(shopper.customer_external_id):
        # What a guest has moves to an account with the order that brought it: spent before, it would be spent twice.
        raise NoAccount
    if shopper.customer_id is None or shopper.customer_external_id is None:
        raise NotLoggedIn if shopper.customer_external_id is None else loyalty.NotEnoughPoints
    named = key()
    many = 1 if not steps else int(steps) if steps.isascii() and steps.isdigit() and len(steps) < 6 else 0
    click = loyalty.Click(shopper.customer_id, shopper.customer_external_id, reward[:LONGEST_KEY], named, many)
    return current_app.extensions["till"].buy(shopper.shop.shop_id, click)


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
    """A fresh ticket: one for each button that is shown."""
    return _ticket(shopper, "")


def ticket_after(shopper: Shopper, last: int) -> str:
    """A ticket for a form of `buy_next`."""
    return _ticket(shopper, _after(last))


def _ticket(shopper: Shopper, what: str) -> str:
    doors = current_app.extensions["doors"]
    return tickets.make(doors.secret, _holder(shopper) + what, doors.database.clock())


def _after(last: int) -> str:
    return f":after:{last}"


def _holder(shopper: Shopper) -> str:
    return f"{shopper.shop.shop_id}:{shopper.customer_external_id}"
