"""Earning beside buying, on the shopper's own pages: what they say that they did, and when their birthday is.

The ticket names the click, as it does when a reward is bought: a form that is sent twice is one deed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app

import loyalty
from engine.work import UnitOfWork
from loyalty import Action, ActionKind
from plugin.session import Shopper
from plugin.storefront.purchase import LONGEST_KEY, NotLoggedIn, checked


@dataclass(frozen=True, slots=True)
class Ways:
    """What earns points in a shop beside buying, and the shopper's birthday where one of them asks for it."""

    actions: Sequence[Action]
    asks_birthday: bool = False
    birthday: str | None = None

    @property
    def month(self) -> str:
        return (self.birthday or "-").partition("-")[0]

    @property
    def day(self) -> str:
        return (self.birthday or "-").partition("-")[2]


def ways(work: UnitOfWork, shopper: Shopper) -> Ways:
    """The ways that are open to whoever looks."""
    actions = loyalty.current_terms(work).actions
    if shopper.customer_external_id is None or all(action.kind != ActionKind.BIRTHDAY for action in actions):
        return Ways(actions)
    return Ways(actions, True, loyalty.birthday(work, shopper.customer_external_id))


def say_done(shopper: Shopper, action: str, ticket: str) -> None:
    """Take the shopper's word. Refuses with `NotLoggedIn`, `FormTooOld`, and what `loyalty.perform_on_honour` does."""
    if shopper.customer_id is None:
        raise NotLoggedIn
    key = checked(shopper, ticket)
    with current_app.extensions["doors"].database.work(shopper.shop.shop_id) as work:
        loyalty.perform_on_honour(work, shopper.customer_id, action[:LONGEST_KEY], key)


def say_birthday(shopper: Shopper, month: str, day: str, ticket: str) -> None:
    """Keep the shopper's birthday. Refuses with `NotLoggedIn`, `FormTooOld` and `loyalty.NotABirthday`."""
    if shopper.customer_external_id is None:
        raise NotLoggedIn
    checked(shopper, ticket)
    with current_app.extensions["doors"].database.work(shopper.shop.shop_id) as work:
        loyalty.tell_birthday(work, shopper.customer_external_id, f"{month[:2]:0>2}-{day[:2]:0>2}")
