"""Trouble: why a shop's store refuses us, and what its merchant can do about it, for the banner above their pages.

The store's refusals come in the connector's words (`shops.closed_reason`); each has an advice here, and a test compares
the two. Nothing is lost while the banner stands: deliveries come in as ever, and what the store should hear waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.shopify import missing
from engine.shops import Shop

WAITS = "Nothing is lost: what your store should hear from us waits, and goes out as soon as it answers."


@dataclass(frozen=True, slots=True)
class Trouble:
    """One banner: what is the matter, what to do, and whether agreeing anew is the way."""

    title: str
    advice: str
    agree: bool = False


_REOPEN = Trouble(
    "Your store does not let us in any more.",
    "Close this page and open Perennial again from your store's admin: that renews its access.",
    agree=True,
)
_REASONS = {
    "the store refused our access token": _REOPEN,
    "the platform renews this token no more; a merchant has to open the app": _REOPEN,
    "the shop has no token; a merchant has to open the app": _REOPEN,
    "the shop's token has ended; a merchant has to open the app": _REOPEN,
    "the shop is frozen until its bill is paid": Trouble(
        "Your store is frozen.",
        "The platform waits for a payment. Please look at Settings, then Billing, in your store's admin.",
    ),
    "the store forbids us to ask": Trouble(
        "The platform does not let our servers in.",
        "It takes an app's questions only from addresses on a list, and the address that we ask from is not on it. You "
        "cannot change that list: it is kept by whoever runs Perennial for you. If this banner stays for more than an "
        "hour, tell them that the platform answers 403.",
    ),
    "the shop is not there": Trouble(
        "The platform does not find your store.",
        "Was its address changed, or was it closed? Open Perennial from the admin of the store as it is now.",
    ),
    "the shop is locked": Trouble(
        "Your store is locked.",
        "The platform locked it, perhaps because too much was asked of it. Please look whether its admin tells "
        "a reason; if it says nothing, this passes by itself.",
    ),
    "the shop is not active": Trouble(
        "Your store is paused or closed.", "Choose a plan in your store's admin, and we go on where we stopped."
    ),
    "the platform does not know our client id with our secret": Trouble(
        "The platform does not recognise Perennial.",
        "Its secret was changed on one side only: whoever runs Perennial for you has to set it anew.",
    ),
    "the store is not of the app's organisation, or the app is not installed there": Trouble(
        "Perennial is not installed in this store.",
        "It works for stores of its own organisation, once it is installed there. Install it, and open it again.",
    ),
}

# What stops without a right, for those that stop something a merchant would miss.
_STOPS = {
    "read_all_orders": "orders older than 60 days are not counted",
    "read_customers": "customers are not recognised",
    "read_orders": "orders bring no points",
    "write_app_proxy": "customers cannot open their page of points in your store",
    "write_customers": "tags and segments are not kept up to date",
    "write_discounts": "rewards bring no discount codes",
}


def advice(reason: str) -> Trouble:
    """What to tell about a refusal, known or not."""
    known = _REASONS.get(reason)
    return known or Trouble("Your store does not answer us.", f"It said: {reason}. We go on asking.")


def troubles(shop: Shop, now: datetime) -> Sequence[Trouble]:
    """What is the matter with this shop just now, the gravest first."""
    found = []
    if shop.closed_until is not None and shop.closed_until > now:
        found.append(advice(shop.closed_reason or "nothing"))
    if shop.scopes is not None and (lacking := missing(shop.scopes)):
        found.append(_lacking(lacking))
    return found


def _lacking(scopes: Sequence[str]) -> Trouble:
    stops = [_STOPS[scope] for scope in scopes if scope in _STOPS]
    so = f"Meanwhile {'; '.join(stops)}. " if stops else ""
    return Trouble(
        "Perennial lacks a right in your store.",
        f"{so}Close this page and open Perennial again from your store's admin: it asks you to agree to "
        f"{', '.join(scopes)}.",
        agree=True,
    )
