"""Trouble: why a shop's store refuses us, and what its merchant can do about it, for the banner above their pages.

The store's refusals come in the connector's words (`shops.closed_reason`); each has an advice here, and a test compares
the two. Nothing is lost while the banner stands: deliveries come in as ever, and what the store should hear waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.shopify import missing
from connectors.woocommerce import rest
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

NO_KEY = "nothing is kept with which the store could be asked; connect it again"

_CONNECT = Trouble(
    "Your store does not take our key any more.",
    "It was revoked or changed there, or the account that it belongs to was deleted. Please connect your store again: "
    "it makes a new key.",
    agree=True,
)
_ALONE = "You need not do anything here afterwards: we go on asking, and this banner goes away by itself."

# Of stores that their merchants host, by how the reason begins; what follows may name a place or a number.
_HOSTED: tuple[tuple[str, Trouble], ...] = (
    (rest.CLOSED_KEY, _CONNECT),
    (NO_KEY, _CONNECT),
    (
        rest.CLOSED_READ_ONLY,
        Trouble(
            "Our key may only read in your store.",
            "Rewards and tags wait. In WordPress open WooCommerce, Settings, Advanced, REST API, and set Perennial's "
            f"key to Read/Write; or connect your store again. {_ALONE}",
            agree=True,
        ),
    ),
    (
        rest.CLOSED_RIGHTS,
        Trouble(
            "The account that connected your store lost its rights there.",
            "Make it an administrator or shop manager again, or connect your store again as one. " + _ALONE,
            agree=True,
        ),
    ),
    (
        rest.CLOSED_PLUGIN,
        Trouble(
            "A plugin of your store keeps us out of its REST API.",
            "Look into your security plugins for a setting that limits the REST API to people who are logged in, and "
            "let WooCommerce's keys (/wp-json/wc/) pass. If your host hands nobody's log-in header on, it has to. "
            + _ALONE,
        ),
    ),
    (
        rest.CLOSED_FIREWALL,
        Trouble(
            "A firewall in front of your store turns us away.",
            "Please let Perennial's server pass to /wp-json/ in it: in Cloudflare under Security, WAF; in Wordfence "
            f"under Firewall, Allowlisted; or ask your host. {_ALONE}",
        ),
    ),
    (
        rest.CLOSED_NO_API,
        Trouble(
            "Your store has no WooCommerce at its address.",
            "Is WooCommerce switched on? In WordPress open Settings, Permalinks, and choose anything but Plain. Is the "
            "address still right? " + _ALONE,
        ),
    ),
    (
        rest.CLOSED_SWITCHED_OFF,
        Trouble(
            "WooCommerce is switched off in your store.",
            f"In WordPress open Plugins, and activate WooCommerce. {_ALONE}",
        ),
    ),
    (
        rest.CLOSED_CLOCK,
        Trouble(
            "Your store's clock is wrong.",
            "It is more than a quarter of an hour off, so it refuses what we sign. Ask your host to set the server's "
            f"clock. {_ALONE}",
        ),
    ),
    (
        rest.CLOSED_TWICE,
        Trouble(
            "Something in front of your store asks everything twice.",
            "Your store takes each of our questions once, and says that it had them before. Look for a cache, a mirror "
            f"or a security service in front of it, and let /wp-json/ pass through unchanged. {_ALONE}",
        ),
    ),
    (
        rest.CLOSED_HOME,
        Trouble(
            "Your store has moved.",
            "It calls another address its own now, and what it sends comes from there. Please open Your store, and say "
            "that it has moved; or set the old address again in WordPress under Settings, General.",
            agree=True,
        ),
    ),
    (
        "the store moved to ",
        Trouble(
            "Your store has moved.",
            "Its old address sends us to another one, and our key does not go to an address that you have not named. "
            "Please open Your store, and say that it has moved.",
            agree=True,
        ),
    ),
    (
        "the store sends us ",
        Trouble(
            "Your store sends us in a circle.",
            "Its address and its HTTPS setting contradict each other. Look at both addresses in WordPress under "
            f"Settings, General, and at redirects of your host. {_ALONE}",
        ),
    ),
    (
        "the store asks us to slow down",
        Trouble(
            "Your store, or its host, asks us to slow down.",
            "Too much is asked of it at the moment. This passes; if it stays for a day, ask your host to allow "
            f"Perennial's server more requests. {_ALONE}",
        ),
    ),
    (
        "the store is closed for maintenance",
        Trouble(
            "Your store is closed for maintenance, or too busy.",
            "If you are updating it, finish that: WordPress leaves a file .maintenance behind when an update breaks "
            "off. " + _ALONE,
        ),
    ),
    (
        "the store failed (",
        Trouble(
            "Your store fails when we ask it.",
            "Something in it breaks: look at WooCommerce, Status, Logs, or ask your host for the server's error log. "
            + _ALONE,
        ),
    ),
    (
        "something in front of the store",
        Trouble(
            "Something in front of your store answers in its place.",
            f"A proxy or a security service sends a page instead of the store's answer. Please ask your host. {_ALONE}",
        ),
    ),
    (
        "the store prints PHP messages",
        Trouble(
            "Your store writes PHP messages into its answers.",
            f"Set WP_DEBUG_DISPLAY to false in its wp-config.php, or mend the plugin that they name. {_ALONE}",
        ),
    ),
    (
        "the store answered with a page",
        Trouble(
            "Your store answers with a page for people.",
            "A firewall, a log-in plugin or a maintenance mode is on: let /wp-json/ pass in it. " + _ALONE,
        ),
    ),
    (
        "the store's answer",
        Trouble(
            "Your store's answers break off.",
            "They come empty, half or garbled. Most often the host's memory or time for PHP is too small, or a plugin "
            f"breaks off. Ask your host for the server's error log. {_ALONE}",
        ),
    ),
    (
        "the store did not answer in time",
        Trouble(
            "Your store does not answer in time.",
            f"It may be overloaded, or its host keeps our questions waiting. {_ALONE}",
        ),
    ),
    (
        "the store's certificate",
        Trouble(
            "Your store's certificate is not valid.",
            "It has ended, or is for another name. Ask your host to renew it; until then we do not send our key there. "
            + _ALONE,
        ),
    ),
    (
        "the store's address leads to a machine",
        Trouble(
            "Your store is not on the public internet.",
            "Its address leads into a private network, where we do not go. Whoever runs Perennial can allow that for "
            "development.",
        ),
    ),
    (
        "the store could not be reached",
        Trouble(
            "Your store could not be reached.",
            f"Is its domain still yours, and is the server on? Open it in a browser. {_ALONE}",
        ),
    ),
)

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
    known = _REASONS.get(reason) or next((trouble for start, trouble in _HOSTED if reason.startswith(start)), None)
    return known or Trouble("Your store does not answer us.", f"It said: {reason}. We go on asking.")


def troubles(shop: Shop, now: datetime) -> Sequence[Trouble]:
    """What is the matter with this shop just now, the gravest first."""
    found = []
    if shop.closed_until is not None and shop.closed_until > now:
        found.append(advice(shop.closed_reason or "nothing"))
    elif shop.unwell_reason is not None:
        found.append(advice(shop.unwell_reason))
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
