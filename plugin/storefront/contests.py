"""Scratching a card of a contest, wherever the shopper stands: what it wins was fixed before it was printed.

Nothing names the click: a card that is scratched again shows the same. The ticket of the form shows that we gave it to
this shopper.
"""

from __future__ import annotations

from typing import Any

from flask import current_app

import loyalty
from plugin.session import Shopper
from plugin.storefront.purchase import NotLoggedIn, checked

LONGEST_NUMBER = 9


def scratch(shopper: Shopper, contest: str, number: str, request_key: str) -> Any:
    """The card as its owner sees it now: see `loyalty.tickets`. `contest` and `number`: as typed.

    Refuses with `NotLoggedIn`, `FormTooOld`, and `loyalty.NoSuchTicket` for what is not this shopper's.
    """
    if shopper.customer_id is None:
        raise NotLoggedIn if shopper.customer_external_id is None else loyalty.NoSuchTicket
    checked(shopper, request_key)
    if not (_whole(contest) and _whole(number)):
        raise loyalty.NoSuchTicket
    with current_app.extensions["doors"].database.work(shopper.shop.shop_id) as work:
        return loyalty.scratch(work, shopper.customer_id, int(contest), int(number))


def _whole(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_NUMBER
