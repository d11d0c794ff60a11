"""Buying a reward, wherever the shopper stands: on the shop's pages, in checkout, or in their account there.

The ticket names the click. It came with what the shopper was shown, so a click that is sent twice buys once.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from flask import current_app
from werkzeug.exceptions import TooManyRequests

import loyalty
from commerce.refusal import Refusal
from plugin.sentences import _
from plugin.session import Shopper
from plugin.storefront import tickets

LONGEST_KEY = 64
LONGEST_TICKET = 80


class FormTooOld(Refusal):
    """This page has been open for a long time. Nothing was done; please press the button again."""


class NotLoggedIn(Refusal):
    """Please log in to the shop first. Nothing was done."""


def buy(shopper: Shopper, reward: str, ticket: str, steps: str = "") -> Any:
    """The redemption that this click made, now or before. `steps`: how many of it, as typed; nothing is one.

    Refuses with `NotLoggedIn`, `FormTooOld`, and whatever `loyalty.redeem` refuses with.
    """
    if shopper.customer_id is None or shopper.customer_external_id is None:
        raise NotLoggedIn if shopper.customer_external_id is None else loyalty.NotEnoughPoints
    key = checked(shopper, ticket)
    many = 1 if not steps else int(steps) if steps.isascii() and steps.isdigit() and len(steps) < 6 else 0
    click = loyalty.Click(shopper.customer_id, shopper.customer_external_id, reward[:LONGEST_KEY], key, many)
    return current_app.extensions["till"].buy(shopper.shop.shop_id, click)


def checked(shopper: Shopper, ticket: str) -> str:
    """The ticket, if it is one that we gave to this shopper. Refuses with `FormTooOld`.

    Raises `TooManyRequests` for somebody who presses faster than anybody can: each press costs a look at their account.
    """
    wait_for_others(shopper)
    doors, key = current_app.extensions["doors"], ticket[:LONGEST_TICKET]
    if not tickets.good(doors.secret, _holder(shopper), key, doors.database.clock()):
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
    doors = current_app.extensions["doors"]
    return tickets.make(doors.secret, _holder(shopper), doors.database.clock())


def _holder(shopper: Shopper) -> str:
    return f"{shopper.shop.shop_id}:{shopper.customer_external_id}"
